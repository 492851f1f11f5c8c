"""``convert``: a model in another of its forms."""

from __future__ import annotations

import click

from .console import show_result, shown_progress
from .shared_options import READ, WRITTEN, name_options
from .verbose_option import verbose_option

VALUES = ("float32", "float64", "raw-float16", "raw-float32", "raw-float64", "keep")


def _bytes(_context: click.Context, _parameter: click.Parameter, value: str) -> int:
    from deconvsurgery.inputs.byte_sizes import byte_size

    try:
        return byte_size(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command(short_help="A model in another form: V2, HDF5, float32, true shapes.")
@click.argument("model", metavar="IN", type=READ)
@click.argument("output", metavar="[OUT]", required=False, type=WRITTEN)
@click.option(
    "--to",
    type=click.Choice(["binary", "hdf5"]),
    help="Default: hdf5 when OUT ends in .h5 or .hdf5, else binary.",
)
@click.option(
    "--values",
    type=click.Choice(VALUES),
    default="float32",
    show_default=True,
    help="How weights are kept; the raw ones are NVIDIA Caffe's (and OpenCV's, float16).",
)
@name_options(
    "Layers that --values is for: text the name contains, a glob ('conv*'), or re:REGEX. "
    "Repeatable; without it, every layer.",
    "Layers whose values keep their type, in the same forms.",
)
@click.option(
    "--strict", is_flag=True, help="Refuse values that a narrower type cannot hold; else they stay."
)
@click.option("--net", metavar="NET", type=READ, help="The prototxt: tells what the file does not.")
@click.option(
    "--max-unpacked",
    metavar="SIZE",
    default="1GiB",
    show_default=True,
    callback=_bytes,
    help="How much larger than an HDF5 file its values may be, compressed or never written ones.",
)
@click.option("--keep-layers", is_flag=True, help="Leave V1 and V0 layers as they are.")
@click.option("--keep-dims", is_flag=True, help="Leave num/channels/height/width as they are.")
@click.option("-i", "--in-place", is_flag=True, help="Write to IN itself (still all or nothing).")
@click.option("-f", "--force", is_flag=True, help="Replace OUT if it exists.")
@click.option("-n", "--dry-run", is_flag=True, help="Show the table, write nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of the table.")
@click.option("-q", "--quiet", is_flag=True, help="No table.")
@verbose_option
def command(
    model: str,
    output: str | None,
    to: str | None,
    values: str,
    patterns: tuple[str, ...],
    exclude: tuple[str, ...],
    strict: bool,
    net: str | None,
    max_unpacked: int,
    keep_layers: bool,
    keep_dims: bool,
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
    from deconvsurgery.storage.output_place import is_standard_output
    from deconvsurgery.verbs.convert import convert

    to_stdout = not dry_run and output is not None and is_standard_output(output)
    if to_stdout and as_json:
        raise click.UsageError("--json and OUT '-' both need standard output")
    with shown_progress(silent=quiet or as_json or dry_run) as progress:
        result = convert(
            model,
            output,
            to=to,
            values=values,
            patterns=patterns,
            exclude=exclude,
            strict=strict,
            upgrade=not keep_layers,
            true_shapes=not keep_dims,
            max_unpacked=max_unpacked,
            net=net,
            in_place=in_place,
            force=force,
            dry_run=dry_run,
            progress=progress,
        )
    show_result("convert", result, as_json=as_json, quiet=quiet, aside=to_stdout)
    return 0
