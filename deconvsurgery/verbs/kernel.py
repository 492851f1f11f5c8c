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
    """Say what one kernel is and does at its stride (default: the factor of its size)."""
    return kernel_facts(size, stride=stride, formula=formula, support=support)
