"""``inspect``: what is there now."""

from __future__ import annotations

import click

from . import shared_options as shared
from .console import show_result
from .help import Verb, argument
from .layer_options import LayerArguments, layer_options
from .report_option import LOOKED_AT, report_destination, report_option, write_report
from .verbose_option import verbose_option


@click.command(cls=Verb, short_help="What the Deconvolution layers of a net, a model or both are.")
@argument(
    "files",
    "[NET] [MODEL]",
    "NET: A net (prototxt).\nMODEL: A model (.caffemodel, .h5).",
    nargs=-1,
    required=True,
    type=shared.READ,
)
@layer_options
@click.option(
    "-a", "--all", "every_layer", is_flag=True, help="Every layer, not only Deconvolution."
)
@click.option("--picture", is_flag=True, help="Draw the weights, and what they make of a picture.")
@report_option
@shared.force("Replace the report's FILE if it exists.")
@shared.as_json()
@verbose_option
def command(
    files: tuple[str, ...],
    layers: LayerArguments,
    every_layer: bool,
    picture: bool,
    report: str | None,
    force: bool,
    as_json: bool,
) -> int:
    """Show the Deconvolution layers of a net, a model or both, in any order.

    \b
    Examples:
      deconvsurgery inspect net.prototxt in.caffemodel
      deconvsurgery inspect in.caffemodel
      deconvsurgery inspect --all net.prototxt
      deconvsurgery inspect --picture net.prototxt in.caffemodel
      deconvsurgery inspect --report page.html net.prototxt in.caffemodel

    Files are told apart by content. Without -p every Deconvolution has a row.
    """
    from deconvsurgery.inputs.pairs_by_content import net_and_model
    from deconvsurgery.storage.run_files import RunFiles
    from deconvsurgery.verbs.inspect import inspect

    if len(files) > 2:
        raise click.UsageError("one net and one model at most")
    if picture and as_json:
        raise click.UsageError("--json has no pictures: leave out one of --picture and --json")
    run_files = RunFiles()
    for file in files:
        run_files.reads(LOOKED_AT, file)
    page = report_destination(report, run_files, force=force)
    net, model = net_and_model(files)
    if picture and model is None:
        raise click.UsageError("--picture shows weights: name the model, too")
    result = inspect(
        net,
        model,
        every_layer=every_layer,
        pictures=picture or report is not None,
        **layers,
    )
    write_report(page, result, run_files)
    show_result("inspect", result, as_json=as_json, every_layer=every_layer, pictures=picture)
    return 0
