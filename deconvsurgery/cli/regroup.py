"""``regroup``: a full diagonal as groups, and back."""

from __future__ import annotations

import click

from .console import show_result
from .shared_options import READ, WRITTEN, layer_options, state_arguments
from .verbose_option import verbose_option


@click.command(short_help="Full diagonal to groups and back, in net and model together.")
@click.argument("net", metavar="NET", type=READ)
@click.argument("model", metavar="IN", type=READ)
@click.argument("net_output", metavar="[OUT_NET]", required=False, type=WRITTEN)
@click.argument("output", metavar="[OUT_MODEL]", required=False, type=WRITTEN)
@click.option("--expand", is_flag=True, help="The other way: one group, a full (C, C, k, k) blob.")
@layer_options
@click.option("-f", "--force", is_flag=True, help="Replace the outputs if they exist.")
@click.option("-n", "--dry-run", is_flag=True, help="Show the table, write nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of the table.")
@click.option("-q", "--quiet", is_flag=True, help="No table.")
@verbose_option
def command(
    net: str,
    model: str,
    net_output: str | None,
    output: str | None,
    expand: bool,
    patterns: tuple[str, ...],
    exclude: tuple[str, ...],
    phase: str | None,
    level: int | None,
    stage: tuple[str, ...],
    force: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Turn (C, C, k, k) weights that are a diagonal into (C, 1, k, k) ones with group: C.

    \b
    Examples:
      deconvsurgery regroup net.prototxt in.caffemodel new.prototxt new.caffemodel
      deconvsurgery regroup --expand new.prototxt new.caffemodel net.prototxt out
      deconvsurgery regroup --dry-run net.prototxt in.caffemodel

    The layer stays the same function with C times fewer weights. One that has anything off its
    diagonal is refused. Both outputs appear, or neither; everything else is the inputs' own.
    """
    from deconvsurgery.prototxt.selection import DEFAULT_PATTERNS
    from deconvsurgery.verbs.regroup import regroup

    result = regroup(
        net,
        model,
        net_output,
        output,
        expand=expand,
        patterns=patterns or DEFAULT_PATTERNS,
        exclude=exclude,
        force=force,
        dry_run=dry_run,
        **state_arguments(phase, level, stage),
    )
    show_result("regroup", result, as_json=as_json, quiet=quiet)
    return 0
