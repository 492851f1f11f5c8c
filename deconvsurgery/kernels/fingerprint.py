"""What given weights are: bilinear, bilinear in every pair, zero, nearest …; one pass over them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf, isfinite, prod

import numpy as np

from .arrays import Array
from .bilinear import (
    LARGEST_KERNEL,
    bilinear_kernel,
    nvidia_kernel,
)
from .formula import Formula, Support

# float32 of Caffe's filler and of FCN's surgery differ by less than 2e-7 up to k = 64.
TOLERANCE = 1e-6
# A half at or below 1 is rounded by at most 2**-12.
HALF_TOLERANCE = 2.0**-12 + TOLERANCE
# How far fine-tuning may move a kernel, in parts of its largest value.
NEAR = 0.1


class State(StrEnum):
    """What the weights of a Deconvolution are."""

    MISSING = "missing"
    ZERO = "zero"
    CONSTANT = "constant"
    BILINEAR = "bilinear"
    BILINEAR_CAFFE_1_0 = "bilinear-caffe-1.0"
    BILINEAR_EVERY_PAIR = "bilinear-every-pair"
    BILINEAR_OFF_DIAGONAL = "bilinear-off-diagonal"
    NEAREST = "nearest"
    NEAR_BILINEAR = "near-bilinear"
    NOT_FINITE = "not-finite"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The state of a weight blob and the number that goes with it.

    ``distance`` is ``max |w - ideal|`` for `State.NEAR_BILINEAR` and `State.OTHER`, where an ideal
    exists; ``value`` is the constant. ``support`` says how wide the triangle is that was
    recognised (or is nearest, with ``distance``). ``nvidia``: a state `State.OTHER` that the filler
    of NVIDIA's Caffe 0.16 and 0.17 makes. ``nan`` and ``infinite`` count the values that
    make it `State.NOT_FINITE`.
    """

    state: State
    distance: float | None = None
    value: float | None = None
    support: Support | None = None
    nvidia: bool = False
    nan: int = 0
    infinite: int = 0


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
    <State.BILINEAR: 'bilinear'>
    >>> fingerprint([2 * half], (1, 1, 2, 2), num_output=1, group=1, stride=(1, 1)).value
    0.5

    Raises:
        ValueError: the rows are not of ``shape``.
    """
    channels, outputs, *kernel = shape
    if not prod(shape):
        return Fingerprint(State.MISSING)
    same_size = tuple(kernel) == tuple(stride) and prod(kernel) > 1
    seen = _Seen(_candidates(tuple(kernel), tuple(stride)), same_size)
    count = nan = infinite = 0
    for row in rows:
        if count == channels or row.shape != tuple(shape[1:]):
            raise ValueError(f"row {count} of shape {row.shape} in weights of shape {tuple(shape)}")
        if not seen.add(count, row):
            found = not_finite(row)
            nan, infinite = nan + found[0], infinite + found[1]
        count += 1
    if count != channels:
        raise ValueError(f"{count} rows in weights of shape {tuple(shape)}")
    if nan or infinite:
        return Fingerprint(State.NOT_FINITE, nan=nan, infinite=infinite)
    fits = group > 0 and outputs * group == num_output
    return seen.verdict(
        has_ideal=fits and (channels == num_output or outputs == 1), paired=outputs > 1
    )


def not_finite(values: Array) -> tuple[int, int]:
    """How many values of an array of any shape are NaN, and how many an infinity.

    >>> not_finite(np.array([1.0, np.nan, -np.inf, np.inf]))
    (1, 2)
    """
    return int(np.isnan(values).sum()), int(np.isinf(values).sum())


@dataclass(slots=True)
class _Candidate:
    """A kernel that the weights may be made of, and how far off they have been."""

    kernel: Array
    formula: Formula | None  # None: NVIDIA's
    support: Support
    on_diagonal: float = 0.0
    everywhere: float = 0.0

    def add(self, row: Array, output: int, tolerance: float) -> None:
        here = float(abs(row[output] - self.kernel).max())
        self.on_diagonal = max(self.on_diagonal, here)
        self.everywhere = max(self.everywhere, here)
        # Past the tolerance it can only stay past it, and the other entries are many.
        if self.everywhere <= tolerance and len(row) > 1:
            self.everywhere = max(self.everywhere, float(abs(row - self.kernel).max()))


@dataclass(slots=True)
class _Seen:
    """Running maxima over the rows so far; the diagonal is ``[i, i mod (num_output // group)]``."""

    candidates: tuple[_Candidate, ...]
    square: bool
    tolerance: float = TOLERANCE
    lowest: float = inf
    highest: float = -inf
    off_diagonal: float = 0.0
    from_ones: float = 0.0

    def add(self, channel: int, row: Array) -> bool:
        """Take in the row of one input channel; False when it holds NaN or an infinity."""
        low, high = float(row.min()), float(row.max())
        if not (isfinite(low) and isfinite(high)):
            return False
        self.lowest, self.highest = min(self.lowest, low), max(self.highest, high)
        if row.dtype.itemsize < 4:
            self.tolerance = HALF_TOLERANCE
        output = channel % len(row)
        for others in (row[:output], row[output + 1 :]):
            if others.size:
                farthest = max(-float(others.min()), float(others.max()))
                self.off_diagonal = max(self.off_diagonal, farthest)
        for candidate in self.candidates:
            candidate.add(row, output, self.tolerance)
        if self.square:
            self.from_ones = max(self.from_ones, float(abs(row[output] - 1.0).max()))
        return True

    def verdict(self, *, has_ideal: bool, paired: bool) -> Fingerprint:
        """The first state that holds."""
        clean = self.off_diagonal <= self.tolerance
        ones = self.square and self.from_ones <= self.tolerance
        centred = self._nearest(Formula.FCN)
        released = self._nearest(Formula.CAFFE_1_0)
        every = min(self.candidates, key=lambda each: each.everywhere, default=None)
        distance = max(centred.on_diagonal, self.off_diagonal) if centred and has_ideal else None
        near = centred and distance is not None and distance <= NEAR * float(centred.kernel.max())
        rules = (
            (self.lowest == 0 == self.highest, State.ZERO, None),
            (has_ideal and clean and self._fits(centred), State.BILINEAR, centred),
            (has_ideal and clean and self._fits(released), State.BILINEAR_CAFFE_1_0, released),
            (
                paired and every and every.everywhere <= self.tolerance,
                State.BILINEAR_EVERY_PAIR,
                every,
            ),
            (has_ideal and self._fits(centred), State.BILINEAR_OFF_DIAGONAL, centred),
            (has_ideal and clean and ones, State.NEAREST, None),
            (self.lowest == self.highest, State.CONSTANT, None),
            (near, State.NEAR_BILINEAR, centred),
            (True, State.OTHER, centred if has_ideal else None),
        )
        state, kernel = next((state, kernel) for holds, state, kernel in rules if holds)
        return Fingerprint(
            state,
            distance if state in (State.NEAR_BILINEAR, State.OTHER) else None,
            self.lowest if state is State.CONSTANT else None,
            kernel.support if kernel else None,
            state is State.OTHER and has_ideal and clean and self._fits(self._nearest(None)),
        )

    def _nearest(self, formula: Formula | None) -> _Candidate | None:
        fitting = [each for each in self.candidates if each.formula is formula]
        return min(fitting, key=lambda each: each.on_diagonal, default=None)

    def _fits(self, candidate: _Candidate | None) -> bool:
        return candidate is not None and candidate.on_diagonal <= self.tolerance


def _candidates(kernel_size: tuple[int, ...], stride: tuple[int, ...]) -> tuple[_Candidate, ...]:
    """The kernels worth a comparison, each once: off the recipe's sizes they are up to five."""
    if not kernel_size or prod(kernel_size) > LARGEST_KERNEL:
        return ()
    supports = [Support.KERNEL]
    if len(stride) == len(kernel_size) and all(1 <= step <= LARGEST_KERNEL for step in stride):
        supports.append(Support.STRIDE)
    kernels: list[tuple[Array | None, Formula | None, Support]] = [
        (
            bilinear_kernel(
                kernel_size, stride=stride, formula=formula, support=support, dtype=np.float64
            ),
            formula,
            support,
        )
        for support in supports
        for formula in (Formula.FCN, Formula.CAFFE_1_0)
    ]
    kernels.append((nvidia_kernel(kernel_size), None, Support.KERNEL))
    found: list[_Candidate] = []
    for kernel, formula, support in kernels:
        if kernel is not None and all(
            abs(kernel - each.kernel).max() > TOLERANCE for each in found
        ):
            found.append(_Candidate(kernel, formula, support))
    return tuple(found)
