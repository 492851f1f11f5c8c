"""``apply``: the main job."""

from __future__ import annotations

import click

from deconvsurgery.options.apply import APPLY, ApplyOptions

from . import shared_options as shared
from .console import show_result, shown_progress
from .exit_codes import FOUND
from .help import Verb, argument
from .layer_options import LayerArguments, layer_options
from .report_option import report_destination, report_option, write_report
from .verbose_option import verbose_option


@click.command(
    cls=Verb, own="Weights", short_help="Bilinear weights into the matched layers of a model."
)
@argument("net", "NET", "NET: The net (prototxt).", type=shared.READ)
@argument("model", "IN", "IN: Its model (.caffemodel, .h5), which is only read.", type=shared.READ)
@argument(
    "output",
    "[OUT]",
    "OUT: The new model. Not needed with --in-place, --dry-run, --check.",
    required=False,
    type=shared.WRITTEN,
)
@layer_options
@shared.declared(APPLY)
@shared.allow_empty
@shared.in_place()
@shared.force("Replace OUT, and other files written, if they exist.")
@click.option(
    "--save-patch",
    metavar="FILE",
    type=shared.WRITTEN,
    help="Keep the bytes that go in FILE, for revert.",
)
@report_option
@shared.dry_run()
@shared.check
@shared.as_json()
@shared.quiet()
@verbose_option
@shared.gathered(ApplyOptions)
def command(
    net: str,
    model: str,
    output: str | None,
    layers: LayerArguments,
    options: ApplyOptions,
    allow_empty: bool,
    in_place: bool,
    force: bool,
    save_patch: str | None,
    dry_run: bool,
    check: bool,
    as_json: bool,
    quiet: bool,
    report: str | None,
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
    from deconvsurgery.verbs.apply import apply, apply_files

    planned_only = dry_run or check
    to_stdout = shared.writes_to_stdout(output, dry_run=planned_only, printed={"--json": as_json})
    written_files = apply_files(net, model, output, in_place=in_place, save_patch=save_patch)
    page = report_destination(report, written_files, force=force)
    with shown_progress(output or model, silent=quiet or as_json or planned_only) as progress:
        result = apply(
            net,
            model,
            output,
            allow_empty=allow_empty,
            in_place=in_place,
            force=force,
            dry_run=planned_only,
            save_patch=save_patch,
            pictures=report is not None,
            progress=progress,
            **layers,
            options=options,
        )
    written = result.output if result.written else None
    write_report(page, result, written_files, written=written)
    show_result("apply", result, as_json=as_json, quiet=quiet, aside=to_stdout)
    return FOUND if check and result.changed else 0
