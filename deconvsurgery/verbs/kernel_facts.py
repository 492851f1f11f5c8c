"""One kernel in numbers: its taps, centre, gain per phase, and the recipe of its factor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from deconvsurgery.arguments import one_of
from deconvsurgery.kernels import arrays
from deconvsurgery.kernels.bilinear import Centre, bilinear_kernel, centre, triangle
from deconvsurgery.kernels.bilinear_fill import BilinearFill
from deconvsurgery.kernels.formula_names import Formula, KernelSupport
from deconvsurgery.kernels.kernel_axis import GAIN_TOLERANCE, half_widths, has_unit_gain, per_axis
from deconvsurgery.kernels.recipes import Recipe, recipe
from deconvsurgery.wording import by

from .result import Result


class KernelFacts(Result):
    """A kernel and what it does at its stride; each tuple has an entry for each axis.

    Attributes:
        size: the kernel's size in pixels of the output.
        stride: its stride in pixels of the output: the factor by which it enlarges.
        formula: whose arithmetic made it.
        support: the width of the triangle: from the kernel's size, or from the stride.
        taps: the kernel along each axis, of which it is the product.
        centres: where the kernel's weight lies, and the middle of the axis, in pixels.
        gains: sums of the weights that make one pixel of the output, one a phase; 1 keeps a
            constant.
        recipes: what interpolates at the stride of each axis.
    """

    size: tuple[int, ...]
    stride: tuple[int, ...]
    formula: Formula
    support: KernelSupport
    taps: tuple[tuple[float, ...], ...]
    centres: tuple[Centre, ...]
    gains: tuple[tuple[float, ...], ...]
    recipes: tuple[Recipe, ...]

    _verb: ClassVar[str] = "kernel"

    def _essence(self) -> str:
        does = "interpolates" if self.interpolates else "does not interpolate"
        return f"{by(self.size)}, stride {by(self.stride)}, formula {self.formula}: {does}"

    @property
    def layers(self) -> tuple[()]:
        """None: a kernel is of no net."""
        return ()

    @property
    def interpolates(self) -> bool:
        """Every phase of every axis has gain 1."""
        return all(has_unit_gain(gains) for gains in self.gains)

    @property
    def centred(self) -> bool:
        """The kernel's weight lies in its middle."""
        return all(abs(axis.mass - axis.true) <= GAIN_TOLERANCE for axis in self.centres)

    def values(self) -> arrays.Array:
        """The whole kernel, of shape ``size``."""
        return bilinear_kernel(
            self.size, stride=self.stride, formula=self.formula, support=self.support
        )


def kernel_facts(
    size: int | Sequence[int],
    *,
    stride: int | Sequence[int] | None = None,
    formula: Formula | str = Formula.FCN,
    support: KernelSupport | str = KernelSupport.KERNEL,
) -> KernelFacts:
    """Look at a kernel; ``stride`` defaults to the factor that its size is made for.

    Raises ``ShapeError`` for sizes that no kernel has.

    >>> kernel_facts(5).stride, kernel_facts((4, 6)).gains[1]
    ((3, 3), (1.0, 1.0, 1.0))
    """
    formula = one_of(Formula, formula, "formula")
    support = one_of(KernelSupport, support, "support")
    sizes = per_axis(size, 2)
    if stride is None:
        strides = tuple(max(1, (length + 1) // 2) for length in sizes)
    else:
        strides = per_axis(stride, len(sizes))
    fill = BilinearFill((1, 1, *sizes), 1, 1, strides, formula, support)
    triangles = [
        triangle(length, formula, half_width=half)
        for length, half in zip(sizes, half_widths(sizes, strides, support), strict=True)
    ]
    return KernelFacts(
        sizes,
        strides,
        formula,
        support,
        taps=tuple(tuple(taps.tolist()) for taps in triangles),
        centres=tuple(centre(taps) for taps in triangles),
        gains=fill.gains(),
        recipes=tuple(recipe(step) for step in strides),
    )
