"""``kernel``: one kernel by itself."""

from __future__ import annotations

from collections.abc import Sequence

from deconvsurgery.kernels.formula_names import Formula, KernelSupport

from .kernel_facts import KernelFacts, kernel_facts


def kernel(
    size: int | Sequence[int],
    *,
    stride: int | Sequence[int] | None = None,
    formula: Formula | str = Formula.FCN,
    support: KernelSupport | str = KernelSupport.KERNEL,
) -> KernelFacts:
    """Say what one kernel is and does at its stride.

    Args:
        size: the kernel's size in taps: k for ``(k, k)``, or one number an axis.
        stride: the stride in pixels, likewise (``--stride``); without it the factor that the size
            is right for.
        formula: whose arithmetic (``--formula``): ``"fcn"`` is FCN's ``surgery.py``, ``"caffe"``
            today's ``BilinearFiller``, ``"caffe-1.0"`` the released one, whose kernels are off
            centre.
        support: what the width of the triangle comes from (``--support``): ``"kernel"`` or
            ``"stride"``.

    Returns:
        Its values, its gains at each output phase, its centre, and the recipes that fit.

    Raises:
        ShapeError: a size or stride is not positive, or beyond all reason.
        TypeError: it is no whole number.
        ValueError: there is no such formula or support.

    >>> import deconvsurgery as ds
    >>> ds.kernel(16, stride=8).recipes[0]
    Recipe(factor=8, kernel=16, stride=8, pad=4)
    """
    return kernel_facts(size, stride=stride, formula=formula, support=support)
