"""An axis of a kernel in plain numbers: its size, its triangle's top and width, the gains.

Without numpy, which a net alone is not worth: to import it takes longer than to check the net.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from math import prod
from typing import cast

from deconvsurgery.errors import ShapeError
from deconvsurgery.wording import plural

from .formula_names import Formula, KernelSupport

# 4096 x 4096. Published kernels end at 64 x 64; past this a size is a mistake or an attack.
LARGEST_KERNEL = 2**24
# Caffe counts a blob's values in a signed 32-bit int (Blob::Reshape).
LARGEST_BLOB = 2**31 - 1
# More phases than this are not listed one by one.
MANY_PHASES = 2**16
# More than float32 loses on the way from weights to a gain.
GAIN_TOLERANCE = 1e-6


def apex(size: int, formula: Formula = Formula.FCN) -> float:
    """The position of the triangle's top, in taps from the first one.

    The released filler asks whether f is odd where it means to ask for the size, so its top is
    half a tap off for every second pair of sizes (BVLC/caffe#5713 fixed it):

    >>> [apex(size) for size in (3, 4, 5, 6)]
    [1.0, 1.5, 2.0, 2.5]
    >>> [apex(size, Formula.CAFFE_1_0) for size in (3, 4, 5, 6)]
    [1.5, 1.5, 2.0, 2.0]
    """
    if formula == Formula.CAFFE_1_0:
        half = half_width_of(size)
        return (2 * half - 1 - half % 2) / 2
    return (size - 1) / 2


def released_is_off_centre(size: int) -> bool:
    """The released filler's top is not in the middle: sizes 2, 3, 6, 7, 10, 11 and so on.

    >>> [size for size in range(1, 13) if released_is_off_centre(size)]
    [2, 3, 6, 7, 10, 11]
    """
    return apex(size, Formula.CAFFE_1_0) != apex(size)


def has_unit_gain(gains: Iterable[float]) -> bool:
    """A constant image stays what it is, up to float32's rounding.

    >>> has_unit_gain((1.0, 0.9999999)), has_unit_gain((0.5, 0.5))
    (True, False)
    """
    return all(abs(gain - 1) <= GAIN_TOLERANCE for gain in gains)


def double_taps(size: int, formula: Formula, half_width: int) -> list[float]:
    """The triangle in doubles, as `bilinear.triangle` of ``float64`` has it.

    Not for ``caffe-1.0``, whose arithmetic is float32's in any net.

    >>> double_taps(6, Formula.FCN, 2)
    [0.0, 0.25, 0.75, 0.75, 0.25, 0.0]
    """
    top = apex(size, formula)
    if formula == Formula.FCN:
        values = (1 - abs(tap - top) / half_width for tap in range(size))
    else:
        values = (1 - abs(tap / half_width - top / half_width) for tap in range(size))
    return [max(value, 0.0) for value in values]


def gains_of(taps: Sequence[float], stride: int, dilation: int) -> tuple[float, ...]:
    """What a constant 1 becomes at each output phase: `bilinear.phase_gains` of few taps.

    >>> gains_of([0.25, 0.75, 0.75, 0.25], 2, 1)
    (1.0, 1.0)
    """
    gains = [0.0] * phases_of(len(taps), stride, dilation)
    for tap, weight in enumerate(taps):
        gains[tap * dilation % stride] += weight
    return tuple(gains)


def phases_of(size: int, stride: int, dilation: int) -> int:
    """Output phases that are listed: past the last tap all are alike, one 0 stands for millions.

    Raises ``ShapeError`` for steps that no layer has; a dilation of 0 Caffe takes.
    """
    positive(stride, "a stride")
    if dilation:
        positive(dilation, "a dilation")
    return stride if stride <= MANY_PHASES else min(stride, (size - 1) * dilation + 2)


def half_widths(
    sizes: Sequence[int], stride: int | Sequence[int] | None, support: KernelSupport
) -> tuple[int, ...]:
    """The triangle's half-width for each axis, in taps."""
    if support == KernelSupport.KERNEL:
        return tuple(half_width_of(size) for size in sizes)
    if stride is None:
        raise ShapeError("a triangle as wide as the stride needs the stride")
    strides = per_axis(stride, len(sizes))
    if len(strides) != len(sizes):
        raise ShapeError(
            f"a kernel of {plural(len(sizes), 'axis', 'axes')} has {plural(len(strides), 'stride')}"
        )
    return tuple(positive(step, "a stride") for step in strides)


def half_width_of(size: int) -> int:
    """The f of all formulas, ceil(size / 2): the stride at which such a kernel has gain 1."""
    return (size + 1) // 2


def per_axis(numbers: int | Sequence[int], count: int) -> tuple[int, ...]:
    """An int stands for all ``count`` axes."""
    if isinstance(numbers, Sequence) or getattr(numbers, "ndim", 0) > 0:  # an array
        return tuple(operator.index(number) for number in cast("Sequence[int]", numbers))
    return (operator.index(numbers),) * count


def positive(number: int, name: str, most: int | None = LARGEST_KERNEL) -> int:
    """The number, or ``ShapeError`` when no layer has such a one."""
    if number < 1:
        raise ShapeError(f"{name} must be at least 1, not {number}")
    if most is not None and number > most:
        raise ShapeError(f"{name} of {number} is beyond all reason (limit {most})")
    return number


def checked_size(sizes: tuple[int, ...]) -> tuple[int, ...]:
    """The sizes, or ``ShapeError`` before anything is allocated."""
    if not sizes:
        raise ShapeError("a kernel needs at least one axis")
    for size in sizes:
        positive(size, "a kernel size", most=None)
    if prod(sizes) > LARGEST_KERNEL:
        raise ShapeError(
            f"a kernel of {times(sizes)} is beyond all reason (limit {LARGEST_KERNEL} values)"
        )
    return sizes


def times(shape: Sequence[int]) -> str:
    """Dims in words: 21 x 21 x 4 x 4."""
    return " x ".join(map(str, shape)) or "()"
