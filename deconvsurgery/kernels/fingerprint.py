"""What given weights are: bilinear, bilinear in every pair, zero, nearest …; one pass over them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache, reduce
from math import inf, isfinite, prod
from typing import TYPE_CHECKING

import numpy as np

from deconvsurgery.named_tuple import NamedTuple

from .bilinear import MOST_KEPT, bilinear_kernel
from .formula_names import Formula, KernelSupport
from .kernel_axis import LARGEST_KERNEL, checked_size
from .weight_states import Fingerprint, WeightState

if TYPE_CHECKING:
    from .arrays import Array

# float32 of Caffe's filler and of FCN's surgery differ by less than 2e-7 up to k = 64.
TOLERANCE = 1e-6
# A half at or below 1 is rounded by at most 2**-12.
HALF_TOLERANCE = 2.0**-12 + TOLERANCE
# How far fine-tuning may move a kernel, in parts of its largest value.
NEAR = 0.1


def fingerprint(
    rows: Iterable[Array],
    shape: Sequence[int],
    *,
    num_output: int,
    group: int,
    stride: Sequence[int],
) -> Fingerprint:
    """Recognise weights of ``shape`` ``(channels, num_output // group, *kernel)``, row by row.

    ``rows`` gives one array of shape ``shape[1:]`` for each input channel; memory is a few rows.
    A blob without values is missing. NaN or an infinity anywhere makes the state
    ``not-finite``.

    >>> half = np.full((1, 2, 2), 0.25, np.float32)
    >>> fingerprint([half, half], (2, 1, 2, 2), num_output=2, group=2, stride=(1, 1)).state
    <WeightState.BILINEAR: 'bilinear'>
    >>> fingerprint([2 * half], (1, 1, 2, 2), num_output=1, group=1, stride=(1, 1)).value
    0.5

    Raises:
        ValueError: the rows are not of ``shape``.
    """
    recognition = Recognition(shape, num_output=num_output, group=group, stride=stride)
    for row in rows if prod(shape) else ():
        recognition.add(row)
    return recognition.result()


class Recognition:
    """`fingerprint` for a caller who has the rows one after the other: `add` each, then `result`.

    Holds running maxima; the diagonal is ``[i, i mod (num_output // group)]``.
    """

    def __init__(
        self, shape: Sequence[int], *, num_output: int, group: int, stride: Sequence[int]
    ) -> None:
        self._shape = tuple(shape)
        kernel, steps = self._shape[2:], tuple(stride)
        ideals = _kept_ideals if prod(kernel) <= MOST_KEPT else _ideals
        self._distances = [_Distance(ideal) for ideal in ideals(kernel, steps)]
        self._repeats_pixels = kernel == steps and prod(kernel) > 1
        channels, outputs = self._shape[:2]
        fits = group > 0 and outputs * group == num_output
        self._has_ideal = fits and (channels == num_output or outputs == 1)
        self._tolerance = TOLERANCE
        self._rows = self._nan = self._infinite = 0
        self._lowest, self._highest = inf, -inf
        self._off_diagonal = self._from_ones = 0.0

    def add(self, row: Array) -> None:
        """Take in the next input channel's row; ``ValueError`` where it is not of ``shape[1:]``."""
        channel = self._rows
        if channel == self._shape[0] or row.shape != self._shape[1:]:
            raise ValueError(
                f"row {channel} of shape {row.shape} in weights of shape {self._shape}"
            )
        self._rows += 1
        low, high = float(row.min()), float(row.max())
        if not (isfinite(low) and isfinite(high)):
            nan, infinite = not_finite(row)
            self._nan, self._infinite = self._nan + nan, self._infinite + infinite
            return
        self._lowest, self._highest = min(self._lowest, low), max(self._highest, high)
        if row.dtype.itemsize < 4:
            self._tolerance = HALF_TOLERANCE
        output = channel % len(row)
        for others in (row[:output], row[output + 1 :]):
            if others.size:
                farthest = max(-float(others.min()), float(others.max()))
                self._off_diagonal = max(self._off_diagonal, farthest)
        for distance in self._distances:
            distance.add(row, output, self._tolerance)
        if self._repeats_pixels:
            self._from_ones = max(self._from_ones, float(abs(row[output] - 1.0).max()))

    def result(self) -> Fingerprint:
        """The first state that holds; ``ValueError`` for fewer rows than the shape has."""
        channels, outputs = self._shape[:2]
        if not prod(self._shape):
            return Fingerprint(WeightState.MISSING)
        if self._rows != channels:
            raise ValueError(f"{self._rows} rows in weights of shape {self._shape}")
        if self._nan or self._infinite:
            return Fingerprint(WeightState.NOT_FINITE, nan=self._nan, infinite=self._infinite)
        if self._lowest == 0 == self._highest:
            return Fingerprint(WeightState.ZERO)
        clean = self._has_ideal and self._off_diagonal <= self._tolerance
        if clean and (found := self._fitting(Formula.FCN)):
            return Fingerprint(WeightState.BILINEAR, support=found.support)
        if clean and (found := self._fitting(Formula.CAFFE_1_0)):
            return Fingerprint(WeightState.BILINEAR_CAFFE_1_0, support=found.support)
        if outputs > 1 and (found := self._in_every_pair()):
            return Fingerprint(WeightState.BILINEAR_EVERY_PAIR, support=found.support)
        if self._has_ideal and (found := self._fitting(Formula.FCN)):
            return Fingerprint(WeightState.BILINEAR_OFF_DIAGONAL, support=found.support)
        if clean and self._repeats_pixels and self._from_ones <= self._tolerance:
            return Fingerprint(WeightState.NEAREST)
        if self._lowest == self._highest:
            return Fingerprint(WeightState.CONSTANT, value=self._lowest)
        nearest = self._nearest(Formula.FCN)
        if nearest is None or not self._has_ideal:
            return Fingerprint(WeightState.OTHER)
        distance = max(nearest.on_diagonal, self._off_diagonal)
        if distance <= NEAR * float(nearest.kernel.max()):
            return Fingerprint(WeightState.NEAR_BILINEAR, distance, support=nearest.support)
        nvidia = clean and self._fitting(None) is not None
        return Fingerprint(WeightState.OTHER, distance, support=nearest.support, nvidia=nvidia)

    def _nearest(self, formula: Formula | None) -> _Distance | None:
        """Of the kernels that a formula makes the one nearest to the diagonal's."""
        made = [distance for distance in self._distances if distance.formula is formula]
        return min(made, key=lambda distance: distance.on_diagonal, default=None)

    def _fitting(self, formula: Formula | None) -> _Distance | None:
        nearest = self._nearest(formula)
        return nearest if nearest and nearest.on_diagonal <= self._tolerance else None

    def _in_every_pair(self) -> _Distance | None:
        nearest = min(self._distances, key=lambda distance: distance.everywhere, default=None)
        return nearest if nearest and nearest.everywhere <= self._tolerance else None


def not_finite(values: Array) -> tuple[int, int]:
    """How many values of an array of any shape are NaN, and how many an infinity.

    >>> not_finite(np.array([1.0, np.nan, -np.inf, np.inf]))
    (1, 2)
    """
    return int(np.isnan(values).sum()), int(np.isinf(values).sum())


def nvidia_kernel(sizes: Sequence[int]) -> Array | None:
    """What the filler of NVIDIA's Caffe 0.16 and 0.17 makes, in float64; ``None`` for a size of 1.

    Its f is floor(k / 2), by a whole division before the ceil, so that odd sizes are wrong, down
    to values below 0, and a size of 1 is divided by 0 (NVIDIA/caffe#428). f = 1 for size 3:

    >>> nvidia_kernel((3, 3))[0].tolist()
    [1.0, 0.0, -1.0]
    """
    halves = [size // 2 for size in checked_size(tuple(sizes))]
    if 0 in halves:
        return None
    axes = [
        1 - abs(np.arange(size) / half - (2 * half - 1 - half % 2) / (2 * half))
        for size, half in zip(sizes, halves, strict=True)
    ]
    return reduce(np.multiply.outer, axes)


class _Ideal(NamedTuple):
    """A kernel that weights may be made of."""

    kernel: Array
    formula: Formula | None  # None: NVIDIA's
    support: KernelSupport


class _Distance:
    """How far weights have been from an ideal: at most, on the diagonal and in every pair."""

    def __init__(self, ideal: _Ideal) -> None:
        self.kernel, self.formula, self.support = ideal
        self.on_diagonal = 0.0
        self.everywhere = 0.0

    def add(self, row: Array, output: int, tolerance: float) -> None:
        """Take in the row of a channel whose own output is ``output``."""
        here = float(abs(row[output] - self.kernel).max())
        self.on_diagonal = max(self.on_diagonal, here)
        self.everywhere = max(self.everywhere, here)
        # Past the tolerance it can only stay past it, and the other entries are many.
        if self.everywhere <= tolerance and len(row) > 1:
            self.everywhere = max(self.everywhere, float(abs(row - self.kernel).max()))


def _ideals(kernel_size: tuple[int, ...], stride: tuple[int, ...]) -> tuple[_Ideal, ...]:
    """The kernels worth a comparison, each once: off the recipe's sizes they are up to five."""
    if not kernel_size or not 0 < prod(kernel_size) <= LARGEST_KERNEL:
        return ()
    supports = [KernelSupport.KERNEL]
    if len(stride) == len(kernel_size) and all(1 <= step <= LARGEST_KERNEL for step in stride):
        supports.append(KernelSupport.STRIDE)
    wanted = [
        _Ideal(
            bilinear_kernel(
                kernel_size, stride=stride, formula=formula, support=support, dtype=np.float64
            ),
            formula,
            support,
        )
        for support in supports
        for formula in (Formula.FCN, Formula.CAFFE_1_0)
    ]
    nvidias = nvidia_kernel(kernel_size)
    if nvidias is not None:
        wanted.append(_Ideal(nvidias, None, KernelSupport.KERNEL))
    found: list[_Ideal] = []
    for ideal in wanted:
        if all(abs(ideal.kernel - other.kernel).max() > TOLERANCE for other in found):
            found.append(ideal)
    return tuple(found)


_kept_ideals = lru_cache(maxsize=8)(_ideals)
