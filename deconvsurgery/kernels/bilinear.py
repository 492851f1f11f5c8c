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

from collections.abc import Sequence
from functools import lru_cache, reduce
from math import prod
from typing import Any

import numpy as np

from deconvsurgery.arguments import one_of
from deconvsurgery.named_tuple import NamedTuple

from . import arrays
from .formula_names import Formula, KernelSupport
from .kernel_axis import (
    apex,
    checked_size,
    half_width_of,
    half_widths,
    per_axis,
    phases_of,
    positive,
)

# Kernels of up to so many values are kept: a run asks for a few again and again.
MOST_KEPT = 2**14


class Centre(NamedTuple):
    """Where a kernel's weight lies and where it should lie, in taps from the first one."""

    mass: float
    true: float


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
    count = phases_of(taps.size, stride, dilation)
    gains = np.bincount(np.arange(taps.size) * dilation % stride, weights=taps, minlength=count)
    return tuple(gains.tolist())


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
