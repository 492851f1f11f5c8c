"""Sizes: blob shapes with unknown dims, and the windows that layers slide over them.

Integers only; nothing here grows with a number it is given. The checks are those of Caffe's
``Blob`` (blob.cpp, blob.hpp) and ``BaseConvolutionLayer::LayerSetUp`` (base_conv_layer.cpp).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from deconvsurgery.errors import ShapeError
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.wording import plural

if TYPE_CHECKING:
    from deconvsurgery.prototxt.net import ConvolutionParam

Dim: TypeAlias = int | None
"""Length of an axis; ``None``: unknown."""

Shape: TypeAlias = tuple[Dim, ...] | None
"""A blob's dims; ``None``: even the number of axes is unknown."""

SourceShapes: TypeAlias = Mapping[str, tuple[tuple[int, ...], ...]]
"""The shapes of a model's blobs by layer name."""

INT_MAX = 2**31 - 1
MAX_AXES = 32


class Window(NamedTuple):
    """What a layer slides over its input, one entry per spatial axis."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    pad: tuple[int, ...]
    dilation: tuple[int, ...]

    @property
    def extent(self) -> tuple[int, ...]:
        """Input positions that a dilated kernel spans: kernel 3, dilation 2 → 5."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))


@lru_cache(maxsize=16)  # the layers of a net have few different ones
def convolution_window(param: ConvolutionParam, axes: int) -> Window:
    """The window of a (De)convolution or Im2col over ``axes`` spatial axes.

    Raises ``ShapeError`` where Caffe's own check fails; it goes by a field's presence, so that
    ``pad_h: 0`` beside ``pad: 1`` is refused. A dilation of 0 Caffe does not check: every tap then
    lies on the same place, and the kernel spans 1.
    """
    kernel = _per_axis(
        "kernel", "kernel_size", param.kernel_size, (param.kernel_h, param.kernel_w), axes
    )
    stride = _per_axis("stride", "stride", param.stride, (param.stride_h, param.stride_w), axes, 1)
    pad = _per_axis("pad", "pad", param.pad, (param.pad_h, param.pad_w), axes, 0)
    dilation = _per_axis("dilation", "dilation", param.dilation, (None, None), axes, 1)
    for name, sizes in (("kernel size", kernel), ("stride", stride)):
        if 0 in sizes:
            raise ShapeError(f"a {name} is 0", hint=f"give every axis a {name} of at least 1")
    return Window(kernel, stride, pad, dilation)


def asked_axes(param: ConvolutionParam) -> int | None:
    """Spatial axes that the fields ask for; a field that is given once leaves it open."""
    by_side = (param.kernel_h, param.kernel_w, param.stride_h, param.stride_w)
    if any(given is not None for given in (*by_side, param.pad_h, param.pad_w)):
        return 2
    repeated = (param.kernel_size, param.stride, param.pad, param.dilation)
    return next((len(given) for given in repeated if len(given) > 1), None)


def _per_axis(
    stem: str,
    name: str,
    given: tuple[int, ...],
    by_side: tuple[int | None, int | None],
    axes: int,
    default: int | None = None,
) -> tuple[int, ...]:
    """One value per axis from a repeated field or from its ``_h`` and ``_w``."""
    values: tuple[int, ...]
    if by_side != (None, None):
        both = f"{stem}_h and {stem}_w"
        if axes != 2:
            raise ShapeError(
                f"{both} are for 2 spatial axes, this layer has {axes}", hint=f"use {name} instead"
            )
        if given:
            raise ShapeError(
                f"{name} is given as well as {stem}_h/{stem}_w",
                hint="keep one of the two, presence counts even when the value is 0",
            )
        if None in by_side and default != 0:  # pad_h alone is fine: the other pad is 0
            missing = stem + ("_h" if by_side[0] is None else "_w")
            raise ShapeError(f"{missing} is missing, which counts as 0", hint=f"give {both}")
        values = (by_side[0] or 0, by_side[1] or 0)
    elif not given and default is None and axes:
        raise ShapeError(f"{name} is missing", hint=f"give {name}, or {stem}_h and {stem}_w")
    elif not given:
        values = (default or 0,) * axes
    elif len(given) not in (1, axes):
        raise ShapeError(
            f"{name} is given {plural(len(given), 'time')} for "
            f"{plural(axes, 'spatial axis', 'spatial axes')}",
            hint="give it once, or once per axis",
        )
    else:
        values = given * axes if len(given) == 1 else given
    if any(value > INT_MAX for value in values):
        raise ShapeError(f"{name} is above {INT_MAX}", hint="Caffe counts in signed 32-bit")
    return values


def convolved(size: Dim, extent: int, stride: int, pad: int) -> Dim:
    """Positions of a window; C++ division truncates, so size 3, extent 4, stride 2 → 1."""
    if size is None:
        return None
    span = size + 2 * pad - extent
    return (span // stride if span >= 0 else -(-span // stride)) + 1


def deconvolved(size: Dim, extent: int, stride: int, pad: int) -> Dim:
    """The size a convolution would have made ``size`` of: 5, extent 4, stride 2, pad 1 → 10."""
    return None if size is None else stride * (size - 1) + extent - 2 * pad


def pooled(size: Dim, kernel: int, stride: int, pad: int, *, clip: bool, floor: bool) -> Dim:
    """Positions of a pooling window, rounded up unless ``floor``.

    ``clip`` (some axis is padded): the last window must begin inside the image or its left
    padding: size 3, kernel 2, stride 2, pad 1 → 2, not 3 (pooling_layer.cpp).
    """
    if size is None:
        return None
    span = size + 2 * pad - kernel
    out = (span // stride if floor else -(-span // stride)) + 1
    return out - 1 if clip and (out - 1) * stride >= size + pad else out


def canonical_axis(axis: int, axes: int) -> int:
    """The axis counted from the front; ``ShapeError`` where there is none such."""
    if not -axes <= axis < axes:
        raise ShapeError(
            f"axis {axis} is out of range for a blob of {plural(axes, 'axis', 'axes')}"
        )
    return axis % axes


def front(axis: int) -> tuple[Dim, ...]:
    """The unknown dims before ``axis``, which counts from the front."""
    if not 0 <= axis < MAX_AXES:
        raise ShapeError(f"axis {axis} is out of range, Caffe's blobs have at most {MAX_AXES} axes")
    return (None,) * axis


def product(dims: Iterable[Dim]) -> Dim:
    """The product; unknown if a factor is."""
    count = 1
    for dim in dims:
        if dim is None:
            return None
        count *= dim
    return count


def merged(shapes: Sequence[Shape]) -> tuple[Shape, bool]:
    """What shapes that should be equal say together, and whether they can be equal.

    A disputed dim is unknown, as is the whole shape where the number of axes is disputed.

    >>> merged([(1, None, 4), None, (1, 21, 5)])
    ((1, 21, None), False)
    """
    known = [shape for shape in shapes if shape is not None]
    if not known:
        return None, True
    if len(known) == 1:
        return known[0], True
    if len({len(shape) for shape in known}) > 1:
        return None, False
    agreed = True
    dims: list[Dim] = []
    for column in zip(*known, strict=True):
        values = {dim for dim in column if dim is not None}
        agreed = agreed and len(values) <= 1
        dims.append(values.pop() if len(values) == 1 else None)
    return tuple(dims), agreed


def check_blob(shape: Shape) -> None:
    """``ShapeError`` where Caffe could not allocate such a blob (``Blob::Reshape``)."""
    if shape is None:
        return
    if len(shape) > MAX_AXES:
        raise ShapeError(f"a blob would have {len(shape)} axes, Caffe's limit is {MAX_AXES}")
    count = 1
    for dim in shape:
        if dim is None:
            continue
        if dim < 0:
            raise ShapeError(f"a blob would have a size of {dim}, which is below 0")
        count *= dim
        # As in Caffe an axis of 0 ends the check of the count, nothing being allocated then.
        if count > INT_MAX or dim > INT_MAX:
            raise ShapeError(f"a blob would have more than {INT_MAX} values, Caffe's limit")
