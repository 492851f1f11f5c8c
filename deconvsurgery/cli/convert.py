"""``convert``: a model in another of its forms."""

from __future__ import annotations

import click

from deconvsurgery.options.convert import CONVERT, ConvertOptions

from . import shared_options as shared
from .console import show_result, shown_progress
from .help import Verb, argument
from .layer_options import name_options
from .verbose_option import verbose_option


@click.command(
    cls=Verb, own="Form", short_help="A model in another form: V2, HDF5, float32, true shapes."
)
@argument("model", "IN", "IN: A model (.caffemodel, .h5).", type=shared.READ)
@argument(
    "output",
    "[OUT]",
    "OUT: The new model. Not needed with --in-place, --dry-run.",
    required=False,
    type=shared.WRITTEN,
)
@shared.declared(CONVERT, "to", "values")
@name_options(
    "Layers that --values is for: text the name contains, a glob ('conv*'), or re:REGEX. "
    "Repeatable; without it, every layer.",
    "Layers whose values keep their type, in the same forms.",
)
@shared.declared(CONVERT, "strict")
@click.option(
    "--net", metavar="NET", type=shared.READ, help="The prototxt: says what the file does not."
)
@shared.declared(CONVERT, "max-unpacked", "keep-layers", "keep-dims")
@shared.in_place()
@shared.force()
@shared.dry_run()
@shared.as_json()
@shared.quiet()
@verbose_option
@shared.gathered(ConvertOptions)
def command(
    model: str,
    output: str | None,
    options: ConvertOptions,
    patterns: tuple[str, ...],
    exclude: tuple[str, ...],
    net: str | None,
    in_place: bool,
    force: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Write the model IN to OUT in the form that today's Caffe reads, or in another.

    \b
    Examples:
      deconvsurgery convert old.caffemodel new.caffemodel
      deconvsurgery convert nvidia.caffemodel bvlc.caffemodel
      deconvsurgery convert in.caffemodel out.caffemodel.h5
      deconvsurgery convert --net net.prototxt in.caffemodel.h5 out.caffemodel
      deconvsurgery convert --values raw-float16 in.caffemodel half.caffemodel
      deconvsurgery convert --values raw-float16 -x '*bn*' in.caffemodel half

    Without options: binary, V2 layers, float32 values, shapes instead of legacy dims. What has
    that form already stays byte for byte. Values are never held whole.
    """
    from deconvsurgery.verbs.convert import convert

    to_stdout = shared.writes_to_stdout(output, dry_run=dry_run, printed={"--json": as_json})
    with shown_progress(output or model, silent=quiet or as_json or dry_run) as progress:
        result = convert(
            model,
            output,
            patterns=patterns,
            exclude=exclude,
            net=net,
            in_place=in_place,
            force=force,
            dry_run=dry_run,
            progress=progress,
            options=options,
        )
    show_result("convert", result, as_json=as_json, quiet=quiet, aside=to_stdout)
    return 0
