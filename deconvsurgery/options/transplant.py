"""The options of ``transplant``."""

from typing import Final, NamedTuple

from .option import options_of


class TransplantOptions(NamedTuple):
    """What ``transplant`` is asked to do beyond its defaults."""

    apply: bool = False
    flat: bool = False
    skip_unfit: bool = False
    any_gain: bool = False


TRANSPLANT: Final = options_of(
    TransplantOptions,
    {
        "apply": "Give the upsampling layers bilinear weights, too.",
        "flat": "Copy values in their order whatever the shapes, as FCN does.",
        "skip_unfit": "--apply: leave layers that cannot be filled.",
        "any_gain": "--apply: fill kernels that do not interpolate.",
    },
)
