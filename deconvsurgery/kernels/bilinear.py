"""Bilinear kernels by formula, and the gain of each phase.

A kernel is an outer product of triangles, one an axis. Three programs write that triangle three
ways; each is followed here to the last bit:

=============  =====================================  ===================  =================
formula        origin                                 apex, for size k     evaluated in
=============  =====================================  ===================  =================
``fcn``        ``upsample_filt`` of FCN's surgery.py  (k - 1) / 2          float64, rounded once
``caffe``      ``BilinearFiller`` of Caffe's master   (k - 1) / 2          the blob's own type
``caffe-1.0``  ``BilinearFiller`` up to Caffe 1.0     (2f - 1 - f % 2)/2   float32
=============  =====================================  ===================  =================

with f = ceil(k / 2). ``docs/kernels.md`` works them through.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from functools import lru_cache, reduce
from math import prod
from typing import Any

import numpy as np

from deconvsurgery.arguments import one_of
from deconvsurgery.errors import ShapeError
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.wording import plural

from . import arrays
from .formula_names import Formula, KernelSupport

# 4096 x 4096. Published kernels end at 64 x 64; past this a size is a mistake or an attack.
LARGEST_KERNEL = 2**24
# Caffe counts a blob's values in a signed 32-bit int (Blob::Reshape).
LARGEST_BLOB = 2**31 - 1
# Kernels of up to so many values are kept: a run asks for a few again and again.
MOST_KEPT = 2**14
# More phases than this are not listed one by one.
MANY_PHASES = 2**16
# More than float32 loses on the way from weights to a gain.
GAIN_TOLERANCE = 1e-6


class Centre(NamedTuple):
    """Where a kernel's weight lies and where it should lie, in taps from the first one."""

    mass: float
    true: float


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


def triangle(
    size: int,
    formula: Formula = Formula.FCN,
    *,
    half_width: int | None = None,
    dtype: arrays.DTypeLike = np.float32,
) -> arrays.Array:
    """A kernel of one axis, shape ``(size,)``; ``half_width`` (in taps) defaults to ceil(size / 2).

    A narrower triangle is 0 beyond its foot. ``caffe-1.0`` keeps the apex that it has for
    this size, whatever the half-width: there is no original to follow with another one.

    Size 4 has f = 2 and its apex at 1.5: the taps are 1 - 1.5/2, 1 - 0.5/2 and back.

    >>> triangle(4)
    array([0.25, 0.75, 0.75, 0.25], dtype=float32)
    >>> triangle(6, half_width=2)
    array([0.  , 0.25, 0.75, 0.75, 0.25, 0.  ], dtype=float32)

    Raises:
        ShapeError: the size or half-width is not positive, or is beyond all reason.
    """
    checked_size((size,))
    half = half_width_of(size) if half_width is None else positive(half_width, "a half-width")
    work = _working_type(formula, dtype)
    taps = np.arange(size, dtype=work)
    top = apex(size, formula)
    if formula == Formula.FCN:
        values = 1 - abs(taps - top) / half
    else:  # order and rounding are BilinearFiller's (include/caffe/filler.hpp): the centre is
        # divided in double and stored in the work type, everything after stays in that type
        values = 1 - abs(taps / work.type(half) - work.type(top / half))
    # Taps beyond its foot are 0. At the default half-width none lies there, nor does
    # rounding take one below 0 (tried for all sizes to 4096), so the origins' bits stay.
    clipped: arrays.Array = np.maximum(values, work.type(0))
    return clipped.astype(dtype)


def bilinear_kernel(
    size: int | Sequence[int],
    *,
    stride: int | Sequence[int] | None = None,
    formula: Formula | str = Formula.FCN,
    support: KernelSupport | str = KernelSupport.KERNEL,
    dtype: arrays.DTypeLike = np.float32,
) -> arrays.Array:
    """Make a bilinear kernel: the product of one triangle an axis.

    It is bit-equal to the formula's origin; rectangular and n-d kernels, which no origin makes,
    multiply the axes in their order.

    Args:
        size: its size in taps: k for ``(k, k)``, or one number an axis.
        stride: the stride in pixels, likewise; used for ``KernelSupport.STRIDE`` only.
        formula: whose arithmetic: ``"fcn"`` is FCN's ``surgery.py``, ``"caffe"`` today's
            ``BilinearFiller``, ``"caffe-1.0"`` the released one, whose kernels are off centre.
        support: what the width of the triangle comes from: ``"kernel"`` or ``"stride"``.
        dtype: the type of its values.

    Returns:
        An array of shape ``size``.

    Raises:
        ShapeError: a size or stride is not positive, or the kernel is beyond all reason.
        TypeError: it is no whole number.
        ValueError: there is no such formula or support.

    >>> bilinear_kernel(3)
    array([[0.25, 0.5 , 0.25],
           [0.5 , 1.  , 0.5 ],
           [0.25, 0.5 , 0.25]], dtype=float32)
    >>> bilinear_kernel((3, 4)).sum(axis=1)
    array([1., 2., 1.], dtype=float32)
    """
    formula = one_of(Formula, formula, "formula")
    support = one_of(KernelSupport, support, "support")
    sizes = checked_size(per_axis(size, 2))
    made = _kept_product if prod(sizes) <= MOST_KEPT else _product
    widths = half_widths(sizes, stride, support)
    return made(sizes, widths, formula, _working_type(formula, dtype)).astype(dtype)


def _product(
    sizes: tuple[int, ...], widths: tuple[int, ...], formula: Formula, work: np.dtype[Any]
) -> arrays.Array:
    """The kernel in the type that it is worked out in, not to be written to."""
    axes = [
        triangle(size, formula, half_width=half, dtype=work)
        for size, half in zip(sizes, widths, strict=True)
    ]
    return reduce(np.multiply.outer, axes)


_kept_product = lru_cache(maxsize=16)(_product)


def phase_gains(taps: arrays.Array, stride: int, dilation: int = 1) -> tuple[float, ...]:
    """Say what a constant 1 becomes at each of the ``stride`` output phases, along one axis.

    Tap t of every input pixel lands ``t * dilation`` pixels further on, so the taps with the same
    ``t * dilation mod stride`` meet in the same outputs and add up. A kernel interpolates when all
    gains are 1; unequal ones draw a grid. Pad only renumbers the phases.

    Args:
        taps: the kernel's values along the axis.
        stride: the stride in pixels.
        dilation: the distance of the taps in pixels; with 0, which Caffe takes, all lie in one
            place.

    Returns:
        A gain for each of the ``stride`` phases.

    Raises:
        ShapeError: the stride is not positive, the dilation below 0, or one beyond all reason.

    >>> phase_gains(triangle(4), 2)
    (1.0, 1.0)
    >>> phase_gains(triangle(4), 4)
    (0.25, 0.75, 0.75, 0.25)
    """
    if taps.ndim != 1:
        raise ValueError(f"one axis at a time, not an array of shape {taps.shape}")
    step = positive(stride, "a stride")
    spread = 0 if dilation == 0 else positive(dilation, "a dilation")
    phases = np.arange(taps.size) * spread % step
    # Past the last tap all phases are alike: one 0 stands for millions.
    count = step if step <= MANY_PHASES else min(step, (taps.size - 1) * spread + 2)
    gains = np.bincount(phases, weights=taps, minlength=count)
    return tuple(gains.tolist())


def has_unit_gain(gains: Iterable[float]) -> bool:
    """A constant image stays what it is, up to float32's rounding.

    >>> has_unit_gain(phase_gains(triangle(6), 3)), has_unit_gain(phase_gains(triangle(2), 2))
    (True, False)
    """
    return all(abs(gain - 1) <= GAIN_TOLERANCE for gain in gains)


def centre(taps: arrays.Array) -> Centre:
    """The centre of mass of one axis and the true centre (k - 1) / 2; NaN when the sum is 0.

    Taps at 0, 1, 2 of weight 0.25, 0.75, 0.75: (0.75 + 2 * 0.75) / 1.75 = 1.2857.

    >>> off = centre(triangle(3, Formula.CAFFE_1_0))
    >>> round(off.mass, 4), off.true
    (1.2857, 1.0)
    """
    if taps.ndim != 1 or not taps.size:
        raise ValueError(f"one axis with values, not an array of shape {taps.shape}")
    weights = taps.astype(np.float64)
    total = float(weights.sum())
    moment = float(np.arange(taps.size) @ weights)
    return Centre(moment / total if total else float("nan"), (taps.size - 1) / 2)


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
    if isinstance(numbers, Sequence | np.ndarray):
        return tuple(operator.index(number) for number in numbers)
    return (operator.index(numbers),) * count


def _working_type(formula: Formula, dtype: arrays.DTypeLike) -> np.dtype[Any]:
    """The type that the formula's origin computes in when the blob is of ``dtype``."""
    wanted = np.dtype(dtype)
    if wanted.kind != "f":
        raise TypeError(f"weights are floating point, not {wanted}")
    if formula == Formula.FCN:
        return np.dtype(np.float64)
    # The released filler declares its variables float, the fixed one Dtype: they differ in
    # nets of doubles. Caffe has no nets of halves; those get float32's values, rounded.
    own = formula == Formula.CAFFE and wanted.itemsize >= 8
    return np.dtype(np.float64 if own else np.float32)


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
