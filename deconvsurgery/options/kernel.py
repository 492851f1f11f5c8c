"""The options of ``kernel``."""

from typing import Final, NamedTuple

from deconvsurgery.kernels.formula_names import Formula, KernelSupport

from .option import options_of


class KernelOptions(NamedTuple):
    """Which kernel is shown."""

    formula: Formula = Formula.FCN
    support: KernelSupport = KernelSupport.KERNEL


KERNEL: Final = options_of(
    KernelOptions,
    {
        "formula": "Whose arithmetic: FCN's surgery, today's BilinearFiller, or the released one.",
        "support": "Width of the triangle: from the kernel size, or from the stride.",
    },
)
