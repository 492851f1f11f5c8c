"""``kernel``: one kernel by itself."""

from __future__ import annotations

import re

import click

from deconvsurgery.options.kernel import KERNEL, KernelOptions

from . import shared_options as shared
from .console import show_result
from .help import Verb, argument


def _sizes(
    _context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[int, ...] | None:
    """``16`` or ``4x6`` as one number an axis."""
    if value is None:
        return None
    if not re.fullmatch(r"[0-9]{1,9}([x×,][0-9]{1,9}){0,3}", value):
        raise click.BadParameter(f"{value!r} is not a size; write 16, or 4x6 for height and width")
    numbers = tuple(int(number) for number in re.split("[x×,]", value))
    if 0 in numbers:
        raise click.BadParameter(f"a {parameter.name} of 0 does not exist")
    return numbers


@click.command(
    cls=Verb,
    own="Kernel",
    short_help="One bilinear kernel: numbers, picture, gain per phase, recipe.",
)
@argument(
    "size", "SIZE", "SIZE: The kernel size: 16, or 4x6 for height and width.", callback=_sizes
)
@click.option(
    "-s", "--stride", metavar="N", callback=_sizes, help="Default: the size's own factor."
)
@shared.declared(KERNEL)
@shared.as_json("page")
@shared.gathered(KernelOptions)
def command(
    size: tuple[int, ...],
    stride: tuple[int, ...] | None,
    options: KernelOptions,
    as_json: bool,
) -> int:
    """Show one bilinear kernel and what it does at its stride.

    \b
    Examples:
      deconvsurgery kernel 16 --stride 8
      deconvsurgery kernel 3 --formula caffe-1.0
      deconvsurgery kernel 4x6 --stride 2x3

    SIZE is a number, or height x width.
    """
    from deconvsurgery.verbs.kernel import kernel

    facts = kernel(
        size if len(size) > 1 else size[0],
        stride=stride if stride is None or len(stride) > 1 else stride[0],
        **options._asdict(),
    )
    show_result("kernel", facts, as_json=as_json)
    return 0
