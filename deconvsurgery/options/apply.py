"""The options of ``apply``."""

from enum import StrEnum
from typing import Final, NamedTuple

from deconvsurgery.kernels.formula_names import Formula, KernelSupport

from .option import options_of


class Fill(StrEnum):
    """Which weights `apply` fills: those that are not there; those and all zero ones; or all."""

    MISSING = "missing"
    ZERO = "zero"
    ALL = "all"


class ApplyOptions(NamedTuple):
    """What `apply` is asked to do beyond its defaults, its parameters of these names.

    Patterns, phase and files are no options: they are given to each call.

    >>> ApplyOptions(zero_bias=True)._replace(formula=Formula.CAFFE).zero_bias
    True
    """

    formula: Formula = Formula.FCN
    support: KernelSupport = KernelSupport.KERNEL
    keep_off_diagonal: bool = False
    zero_bias: bool = False
    create: bool = True
    fill: Fill = Fill.ALL
    skip_unfit: bool = False
    any_gain: bool = False


APPLY: Final = options_of(
    ApplyOptions,
    {
        "formula": "Whose arithmetic: FCN's surgery, today's BilinearFiller, or the released one "
        "(off centre).",
        "support": "Width of the triangle: from the kernel size, or from the stride.",
        "fill": "Fill only layers without weights; those and all-zero ones; or every matched one.",
        "create": "Do not add layers that IN lacks.",
        "keep_off_diagonal": "Leave other weights as FCN's interp does.",
        "zero_bias": "Clear the bias, too.",
        "skip_unfit": "Leave layers alone that cannot be filled.",
        "any_gain": "Fill kernels that do not interpolate, too.",
    },
    negated={"create": "no-create"},
)
