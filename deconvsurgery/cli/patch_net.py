"""``patch-net``: the second way, in the prototxt itself."""

from __future__ import annotations

from typing import Any

import click

from .console import make_console, show, show_json, show_raw
from .selecting import files, layer_options, state_arguments


@click.command("patch-net", short_help="Group and bilinear filler into the net itself.")
@click.argument("net", metavar="NET", shell_complete=files)
@click.argument("output", metavar="[OUT]", required=False, shell_complete=files)
@layer_options
@click.option(
    "--group/--no-group",
    default=True,
    show_default=True,
    help="Set group to num_output, so that each channel is upsampled alone.",
)
@click.option(
    "--filler",
    type=click.Choice(["bilinear", "keep"]),
    default="bilinear",
    show_default=True,
    help="The weight_filler.",
)
@click.option("--recipe", is_flag=True, help="Set kernel_size and pad to fit the stride.")
@click.option("--no-bias", is_flag=True, help="Set bias_term: false.")
@click.option("--freeze", is_flag=True, help="Set the learning rate and decay of each blob to 0.")
@click.option("--strip-include", is_flag=True, help="Take out include and exclude rules.")
@click.option("--skip-unfit", is_flag=True, help="Leave layers alone that cannot be patched.")
@click.option("--any-gain", is_flag=True, help="Patch kernels that do not interpolate, too.")
@click.option("--allow-empty", is_flag=True, help="When nothing matches, copy and end with 0.")
@click.option("-i", "--in-place", is_flag=True, help="Write to NET itself (still all or nothing).")
@click.option("-f", "--force", is_flag=True, help="Replace OUT if it exists.")
@click.option("-n", "--dry-run", is_flag=True, help="Show the table, write nothing.")
@click.option("--check", is_flag=True, help="A dry run that exits 1 if anything would change.")
@click.option("--diff", is_flag=True, help="A unified diff instead; the table to standard error.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of the table.")
@click.option("-q", "--quiet", is_flag=True, help="No table.")
def command(
    net: str,
    output: str | None,
    patterns: tuple[str, ...],
    exclude: tuple[str, ...],
    phase: str | None,
    level: int | None,
    stage: tuple[str, ...],
    dry_run: bool,
    check: bool,
    diff: bool,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> int:
    """Make the matched Deconvolution layers of NET upsample by Caffe's own filler; write OUT.

    \b
    Examples:
      deconvsurgery patch-net net.prototxt new.prototxt
      deconvsurgery patch-net -p '*' --recipe --freeze net.prototxt new.prototxt
      deconvsurgery patch-net --diff --dry-run net.prototxt
      deconvsurgery patch-net --check net.prototxt

    Each gets `group` equal to its channels and `weight_filler { type: "bilinear" }`. Every other
    character stays: comments, indentation, line ends. NET and OUT may be '-'.
    """
    from ..patterns import DEFAULT_PATTERNS
    from ..verbs.patch_net import patch_net

    planned_only = dry_run or check
    to_stdout = output == "-" and not planned_only
    printed = {"--json": as_json, "--diff": diff, "OUT '-'": to_stdout}
    both = [name for name, wanted in printed.items() if wanted]
    if len(both) > 1:
        raise click.UsageError(f"{both[0]} and {both[1]} both need standard output")
    result = patch_net(
        net,
        output,
        patterns=patterns or DEFAULT_PATTERNS,
        exclude=exclude,
        dry_run=planned_only,
        **state_arguments(phase, level, stage),
        **options,
    )
    if as_json:
        from ..report.whole_documents import patch_document

        show_json(patch_document(result))
        return 1 if check and result.changed else 0
    if diff:
        from ..report.patch import diff_bytes, diff_page

        if make_console().is_terminal:
            show(diff_page(result), whole_lines=True)
        else:
            show_raw(diff_bytes(result))
    if not quiet:
        from ..report.patch import patch_report

        aside = to_stdout or diff
        console = make_console(stderr=aside)
        report = patch_report(
            result, dry_run=planned_only, width=console.width, terminal=console.is_terminal
        )
        show(report, stderr=aside)
    return 1 if check and result.changed else 0
