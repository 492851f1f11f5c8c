"""``transplant``: old weights into a new net."""

from __future__ import annotations

from typing import Any

import click

from .console import show_result, shown_progress
from .shared_options import READ, WRITTEN, layer_options, state_arguments
from .verbose_option import verbose_option


@click.command(short_help="Old weights into a new net: fc to conv, more classes, upsampling.")
@click.argument("net", metavar="NEW_NET", type=READ)
@click.argument("model", metavar="OLD_MODEL", type=READ)
@click.argument("output", metavar="[OUT]", required=False, type=WRITTEN)
@click.option("--suffix", default="", metavar="TEXT", help="The new net's names end in this.")
@click.option(
    "--expand-score",
    multiple=True,
    metavar="NEW=OLD",
    help="Old classes into the first rows of a larger score layer. Repeatable.",
)
@click.option("--apply", is_flag=True, help="Give the upsampling layers bilinear weights, too.")
@click.option(
    "--flat", is_flag=True, help="Copy values in their order whatever the shapes, as FCN does."
)
@layer_options
@click.option("--skip-unfit", is_flag=True, help="--apply: leave layers that cannot be filled.")
@click.option("--any-gain", is_flag=True, help="--apply: fill kernels that do not interpolate.")
@click.option("-f", "--force", is_flag=True, help="Replace OUT if it exists.")
@click.option("-n", "--dry-run", is_flag=True, help="Show the table, write nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of the table.")
@click.option("-q", "--quiet", is_flag=True, help="No table.")
@verbose_option
def command(
    net: str,
    model: str,
    output: str | None,
    patterns: tuple[str, ...],
    phase: str | None,
    level: int | None,
    stage: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> int:
    """Write to OUT a model of NEW_NET with OLD_MODEL's weights wherever they fit.

    \b
    Examples:
      deconvsurgery transplant --apply fcn.prototxt vgg.caffemodel fcn.caffemodel
      deconvsurgery transplant --expand-score score59=score \\
          new.prototxt old.caffemodel new.caffemodel

    By name: equal shapes are copied, InnerProduct (O, I) becomes Convolution (O, C, h, w) where the
    counts agree. Layers that OLD_MODEL lacks get their constant fillers; what a random filler makes
    is left to Caffe. Values are never held whole.
    """
    from deconvsurgery.prototxt.selection import DEFAULT_PATTERNS
    from deconvsurgery.storage.output_place import is_standard_output
    from deconvsurgery.verbs.transplant import transplant

    to_stdout = not dry_run and output is not None and is_standard_output(output)
    if to_stdout and as_json:
        raise click.UsageError("--json and OUT '-' both need standard output")
    for pair in options["expand_score"]:
        if not all(pair.partition("=")):
            raise click.UsageError(f"--expand-score takes NEW=OLD, not {pair!r}")
    with shown_progress(silent=quiet or as_json or dry_run) as progress:
        result = transplant(
            net,
            model,
            output,
            patterns=patterns or DEFAULT_PATTERNS,
            dry_run=dry_run,
            progress=progress,
            **state_arguments(phase, level, stage),
            **options,
        )
    show_result("transplant", result, as_json=as_json, quiet=quiet, aside=to_stdout)
    return 0
