"""``apply``: the main job."""

from __future__ import annotations

from typing import Any

import click

from .console import show_result, shown_progress
from .report_option import check_report_place, report_option, write_report
from .shared_options import READ, WRITTEN, layer_options, state_arguments
from .verbose_option import verbose_option


@click.command(short_help="Bilinear weights into the matched layers of a model.")
@click.argument("net", metavar="NET", type=READ)
@click.argument("model", metavar="IN", type=READ)
@click.argument("output", metavar="[OUT]", required=False, type=WRITTEN)
@layer_options
@click.option(
    "--formula",
    type=click.Choice(["fcn", "caffe", "caffe-1.0"]),
    default="fcn",
    show_default=True,
    help="Whose arithmetic: FCN's surgery, today's BilinearFiller, or the released one "
    "(off centre).",
)
@click.option(
    "--support",
    type=click.Choice(["kernel", "stride"]),
    default="kernel",
    show_default=True,
    help="Width of the triangle: from the kernel size, or from the stride.",
)
@click.option(
    "--fill",
    type=click.Choice(["missing", "zero", "all"]),
    default="all",
    show_default=True,
    help="Fill only layers without weights; those and all-zero ones; or every matched one.",
)
@click.option("--no-create", is_flag=True, help="Do not add layers that IN lacks.")
@click.option("--keep-off-diagonal", is_flag=True, help="Leave other weights as FCN's interp does.")
@click.option("--zero-bias", is_flag=True, help="Clear the bias, too.")
@click.option("--skip-unfit", is_flag=True, help="Leave layers alone that cannot be filled.")
@click.option("--any-gain", is_flag=True, help="Fill kernels that do not interpolate, too.")
@click.option("--allow-empty", is_flag=True, help="When nothing matches, copy and end with 0.")
@click.option("-i", "--in-place", is_flag=True, help="Write to IN itself (still all or nothing).")
@click.option(
    "-f", "--force", is_flag=True, help="Replace OUT, and other files written, if they exist."
)
@click.option(
    "--save-patch",
    metavar="FILE",
    type=WRITTEN,
    help="Keep the bytes that go in FILE, for revert.",
)
@report_option
@click.option("-n", "--dry-run", is_flag=True, help="Show the table, write nothing.")
@click.option("--check", is_flag=True, help="A dry run that exits 1 if anything would change.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of the table.")
@click.option("-q", "--quiet", is_flag=True, help="No table.")
@verbose_option
def command(
    net: str,
    model: str,
    output: str | None,
    patterns: tuple[str, ...],
    exclude: tuple[str, ...],
    phase: str | None,
    level: int | None,
    stage: tuple[str, ...],
    no_create: bool,
    dry_run: bool,
    check: bool,
    as_json: bool,
    quiet: bool,
    report: str | None,
    **options: Any,
) -> int:
    """Give the matched Deconvolution layers of IN bilinear weights; write OUT.

    \b
    Examples:
      deconvsurgery apply net.prototxt in.caffemodel out.caffemodel
      deconvsurgery apply -p 'up*' -p score2 net.prototxt in.caffemodel out
      deconvsurgery apply --check net.prototxt in.caffemodel
      deconvsurgery apply --in-place net.prototxt in.caffemodel

    Bytes outside the rewritten blobs are IN's own, and a failed run changes nothing.
    IN and OUT may be '-'. Layers that IN lacks are created. Without -p, layers whose name
    contains "up" are matched, as FCN's scripts choose them.
    """
    from deconvsurgery.prototxt.selection import DEFAULT_PATTERNS
    from deconvsurgery.storage.output_place import is_standard_output
    from deconvsurgery.verbs.apply import apply, apply_files

    planned_only = dry_run or check
    to_stdout = not planned_only and output is not None and is_standard_output(output)
    if to_stdout and as_json:
        raise click.UsageError("--json and OUT '-' both need standard output")
    force = options["force"]
    changed = {each: options[each] for each in ("in_place", "save_patch")}
    written_files = apply_files(net, model, output, **changed)
    check_report_place(report, written_files, force=force)
    with shown_progress(silent=quiet or as_json or planned_only) as progress:
        result = apply(
            net,
            model,
            output,
            patterns=patterns or DEFAULT_PATTERNS,
            exclude=exclude,
            create=not no_create,
            dry_run=planned_only,
            pictures=report is not None,
            progress=progress,
            **state_arguments(phase, level, stage),
            **options,
        )
    written = result.output if result.written else None
    write_report(report, result, written_files, force=force, written=written)
    show_result(
        "apply", result, as_json=as_json, quiet=quiet, aside=to_stdout, dry_run=planned_only
    )
    return 1 if check and result.changed else 0
