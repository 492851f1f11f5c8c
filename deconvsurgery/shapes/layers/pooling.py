"""The rules of layers that pool: Pooling and, many at once, SPP.

Sources: pooling_layer.cpp, spp_layer.cpp.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from deconvsurgery.errors import ShapeError
from deconvsurgery.shapes.geometry import Dim, Shape, Window, canonical_axis, pooled, product
from deconvsurgery.wording import plural

from .rule import Bottoms, Rule, Setup, first, image, not_an_image, pair
from .windows import foreign_window

if TYPE_CHECKING:
    from deconvsurgery.prototxt.net import Layer, NetMessage


def _pooling(layer: Layer, bottoms: Bottoms) -> Setup:
    """Tops: the image and, if asked for, the mask of the same shape.

    Caffe pools images (pooling_layer.cpp); BVLC's opencl branch and Intel's pool over any axes.
    """
    param = layer.message.message("pooling_param")
    asked = pooled_axes(param)
    shape = first(bottoms)
    if shape is None:
        shape = (None,) * (2 + (asked or 2))
    foreign = foreign_window(param)
    of_a_fork = foreign or asked is not None or any(name in param for name in _POOLS_ANY_AXES)
    problem = None
    if not of_a_fork and len(shape) != 4:
        problem = not_an_image(len(shape))
    elif not of_a_fork and param.text("pool") == "STOCHASTIC" and _padded(param):
        problem = "pad is for pool MAX and AVE, not for STOCHASTIC"
    axis = canonical_axis(param.integer("axis", 1), len(shape))
    before, sizes = shape[: axis + 1], shape[axis + 1 :]
    window = None
    if foreign:
        top: Shape = (*before, *(None,) * len(sizes))
    elif param.flag("global_pooling", False):
        _check_global(param)
        top = (*before, *(1,) * len(sizes))
    else:
        window = pooling_window(param, len(sizes))
        top = (*before, *_pooled(param, window, sizes))
    return Setup((top,) * len(layer.top), (), problem, window=window)


_POOLS_ANY_AXES: Final = ("axis", "dilation")
_REPEATED: Final = ("kernel_size", "stride", "pad", "dilation")


def pooled_axes(param: NetMessage) -> int | None:
    """Spatial axes that a Pooling's fields ask for, where they have a value for each."""
    return next((n for n in (len(param.integers(name)) for name in _REPEATED) if n > 1), None)


def _padded(param: NetMessage) -> bool:
    return any(any(param.integers(name)) for name in ("pad", "pad_h", "pad_w"))


def _check_global(param: NetMessage) -> None:
    if any(name in param for name in ("kernel_size", "kernel_h", "kernel_w")):
        raise ShapeError("global_pooling takes no kernel size", hint="keep one of the two")
    values = (("pad", 0), ("stride", 1))
    if any(set(_on_axes(param, name, default)) != {default} for name, default in values):
        raise ShapeError("global_pooling is for pad 0 and stride 1 only")


def _pooled(param: NetMessage, window: Window, sizes: tuple[Dim, ...]) -> tuple[Dim, ...]:
    clip = any(window.pad)
    floor = param.text("round_mode") == "FLOOR" or not param.flag("ceil_mode", True)
    each = zip(sizes, window.extent, window.stride, window.pad, strict=True)
    found = []
    for size, extent, stride, pad in each:
        out = pooled(size, extent, stride, pad, clip=clip, floor=floor)
        alone = pooled(size, extent, stride, pad, clip=pad > 0, floor=floor)
        # Caffe clips every axis once one is padded; whether the opencl branch does is not known.
        found.append(out if out == alone or len(param.integers("pad")) < 2 else None)
    return tuple(found)


def pooling_window(param: NetMessage, axes: int) -> Window:
    """The window of a Pooling that is not global; ``ShapeError`` where Caffe's checks fail."""
    kernel = _on_axes(param, "kernel_size", None, axes, "kernel")
    stride, pad = _on_axes(param, "stride", 1, axes), _on_axes(param, "pad", 0, axes)
    dilation = _on_axes(param, "dilation", 1, axes)
    if 0 in kernel or 0 in stride or 0 in dilation:
        raise ShapeError("kernel size and stride of a pooling must be above 0")
    if any(p and p >= k for p, k in zip(pad, kernel, strict=True)):
        raise ShapeError("pad must be smaller than the kernel in a pooling")
    return Window(kernel, stride, pad, dilation)


def _on_axes(
    param: NetMessage, name: str, default: int | None, axes: int = 2, stem: str = ""
) -> tuple[int, ...]:
    """A value for each axis: given for each, or once, or as ``_h`` and ``_w``; or the default."""
    given = param.integers(name)
    by_side = any(f"{stem or name}_{side}" in param for side in "hw")
    if by_side and axes != 2:
        raise ShapeError(f"{stem or name}_h and {stem or name}_w are for 2 axes, it has {axes}")
    if by_side:
        return pair(param, name, default, stem)
    if len(given) < 2:
        return pair(param, name, default, stem)[:1] * axes
    if len(given) != axes:
        raise ShapeError(
            f"{name} is given {plural(len(given), 'time')} for "
            f"{plural(axes, 'spatial axis', 'spatial axes')}",
            hint="give it once, or once per axis",
        )
    return given


def _spp(layer: Layer, bottoms: Bottoms) -> Setup:
    """Poolings into one bin, 2 x 2, 4 x 4 … of an image, one behind the other (spp_layer.cpp).

    The windows cover the image: where it cannot be parted so, Caffe's Pooling stops.
    """
    param = layer.message.message("spp_param")
    height = param.integer("pyramid_height", 0)
    n, c, *sizes = image(first(bottoms))
    if not 0 < height <= 16:  # 17 levels have more bins than a blob may have values
        raise ShapeError(f"pyramid_height is {height}")
    if 0 in sizes:
        raise ShapeError("an SPP needs an image with pixels")
    stochastic = param.text("pool") == "STOCHASTIC"
    bins: Dim = 0
    for level in range(height):
        sides = [_bins(size, 2**level, stochastic=stochastic) for size in sizes]
        here = product(sides)
        bins = None if here is None or bins is None else bins + here
    return Setup(((n, c, 1, 1) if height == 1 else (n, product((c, bins))),))


def _bins(size: Dim, wanted: int, *, stochastic: bool) -> Dim:
    """Positions of the window that parts ``size``: fewer than wanted where it is small."""
    if size is None:
        return None
    kernel = -(-size // wanted)
    pad = (kernel * wanted - size + 1) // 2
    if pad >= kernel:
        raise ShapeError(f"{size} pixels do not part into {wanted} bins: pad would be {pad}")
    if pad and stochastic:
        raise ShapeError(f"{size} pixels part into {wanted} bins with a pad, STOCHASTIC takes none")
    return pooled(size, kernel, kernel, pad, clip=pad > 0, floor=False)


POOLING_RULES: Final[Mapping[str, Rule]] = {"Pooling": _pooling, "SPP": _spp}
"""Layers of BVLC master that take the largest or the mean of a window."""
