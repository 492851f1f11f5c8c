"""The rules of layers that slide a window: Convolution, Deconvolution, Im2col, pooling.

Weight shapes are said here: Convolution (O, C/G, *kernel), Deconvolution (C, O/G, *kernel).
Sources: base_conv_layer.cpp, deconv_layer.cpp, pooling_layer.cpp, spp_layer.cpp.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from deconvsurgery.errors import ShapeError
from deconvsurgery.prototxt.net import ConvolutionParam, Layer, Message
from deconvsurgery.shapes.geometry import (
    INT_MAX,
    Dim,
    Shape,
    Window,
    canonical_axis,
    convolution_window,
    convolved,
    deconvolved,
    front,
    merged,
    pooled,
    product,
)

from .without_weights import (
    Bottoms,
    Rule,
    Setup,
    first,
    image,
    pair,
    whole,
)

# Fields by which forks change a window (Synopsys, NVIDIA, Intel, ParseNet): sizes that obey them
# stay unknown rather than be wrong. Weights and channels do not depend on them.
_FOREIGN: Final = frozenset(
    {"pad_l", "pad_r", "pad_t", "pad_b", "pad_type", "torch_pooling", "kernel_size_3d"}
    | {"bin_size", "bin_h", "bin_w", "filter_stride", "filter_stride_h", "filter_stride_w"}
)


def foreign_window(param: Message) -> bool:
    """A fork's fields change the window: its sizes are not to be known."""
    return any(name in _FOREIGN for name, _ in param.fields)


def spatial_axes(param: ConvolutionParam, shape: Shape) -> int | None:
    """Number of axes behind the channel axis."""
    if shape is not None:
        return len(shape) - canonical_axis(param.axis, len(shape)) - 1
    return len(front(-param.axis - 1)) if param.axis < 0 else None


def input_shape(layer: Layer, bottoms: Bottoms) -> Shape:
    """What the bottoms of a (De)convolution, all of one shape, say together.

    Of an unknown one the number of axes at least, if the channel axis counts from the front.
    """
    if len(bottoms) != len(layer.top) or not bottoms:
        raise ShapeError(
            f"{len(bottoms)} bottoms and {len(layer.top)} tops, one top for each bottom is needed"
        )
    shape, agreed = merged(bottoms)
    if not agreed:
        raise ShapeError("the bottoms differ in shape, Caffe wants them alike")
    param = layer.convolution_param
    if shape is None and param.axis >= 0:
        axes = len(convolution_window(param, None).kernel)
        return front(param.axis) + (None,) * (1 + axes)
    return shape


def input_channels(layer: Layer, shape: Shape) -> Dim:
    """C of a (De)convolution over ``shape``."""
    if shape is None:
        return None
    return shape[canonical_axis(layer.convolution_param.axis, len(shape))]


def certain_tops(layer: Layer, bottoms: Bottoms) -> tuple[Shape, ...]:
    """What a layer's tops are even if Caffe does not set it up as it is.

    Whatever is wrong with a (De)convolution, it makes ``num_output`` channels, so that one which
    Caffe refuses leaves no layer below it without any.
    """
    param = layer.convolution_param
    if layer.type not in ("Convolution", "Deconvolution") or not 0 < param.num_output <= INT_MAX:
        return ()
    try:
        shape = input_shape(layer, bottoms)
        axis = 0 if shape is None else canonical_axis(param.axis, len(shape))
    except ShapeError:
        return ()
    if shape is None:
        return ()
    sizes = (None,) * (len(shape) - axis - 1)
    return ((*shape[:axis], param.num_output, *sizes),) * len(layer.top)


def _convolution(layer: Layer, bottoms: Bottoms) -> Setup:
    """Convolution: weight (O, C/G, *kernel), bias (O)."""
    return _convolved(layer, bottoms, transposed=False)


def _deconvolution(layer: Layer, bottoms: Bottoms) -> Setup:
    """Deconvolution: weight (C, O/G, *kernel), bias (O)."""
    return _convolved(layer, bottoms, transposed=True)


def _convolved(layer: Layer, bottoms: Bottoms, *, transposed: bool) -> Setup:
    param, shape = layer.convolution_param, input_shape(layer, bottoms)
    window = convolution_window(param, spatial_axes(param, shape))
    c, o, group = input_channels(layer, shape), param.num_output, param.group
    if not 0 < o <= INT_MAX:
        raise ShapeError(
            f"num_output is {o}" if o else "num_output is missing or 0",
            hint=f"give a number of channels from 1 to {INT_MAX}",
        )
    if not 0 < group <= INT_MAX:
        raise ShapeError(f"group is {group}, it must be above 0", hint="leave it out for 1")
    for number, name in ((c, "input channels"), (o, "num_output")):
        if number is not None and number % group:
            raise ShapeError(
                f"group {group} does not divide the {number} of {name}",
                hint="group must divide input channels and num_output",
            )
    foreign = foreign_window(layer.message.message("convolution_param"))
    size = _unknown if foreign else deconvolved if transposed else convolved
    tops = (_slid(param, shape, o, window, size),)
    per_group = None if c is None else c // group
    weight = (c, o // group) if transposed else (o, per_group)
    blobs: tuple[Shape, ...] = ((*weight, *window.kernel),)
    return Setup(tops * len(layer.top), (*blobs, (o,)) if param.bias_term else blobs)


def _slid(
    param: ConvolutionParam,
    shape: Shape,
    channels_out: Dim,
    window: Window,
    size: Callable[[Dim, int, int, int], Dim],
) -> Shape:
    if shape is None:
        return None
    axis = canonical_axis(param.axis, len(shape))
    sizes = tuple(map(size, shape[axis + 1 :], window.extent, window.stride, window.pad))
    for before, after in zip(shape[axis + 1 :], sizes, strict=True):
        if after is not None and after < 0:
            raise ShapeError(
                f"the output would have a size of {after} (from {before}), "
                "Caffe's check is shape >= 0",
                hint="pad is too large for kernel and stride, or the input too small",
            )
    return (*shape[:axis], channels_out, *sizes)


def _unknown(_size: Dim, _extent: int, _stride: int, _pad: int) -> Dim:
    return None


def _im2col(layer: Layer, bottoms: Bottoms) -> Setup:
    param, shape = layer.convolution_param, first(bottoms)
    window = convolution_window(param, spatial_axes(param, shape))
    c = input_channels(layer, shape)
    return Setup((_slid(param, shape, product((c, *window.kernel)), window, convolved),))


def _pooling(layer: Layer, bottoms: Bottoms) -> Setup:
    """Tops: the image and, if asked for, the mask of the same shape."""
    param = layer.message.message("pooling_param")
    n, c, h, w = image(first(bottoms))
    if foreign_window(param):
        return Setup(((n, c, None, None),) * len(layer.top))
    if param.flag("global_pooling", False):
        if any(name in param for name in ("kernel_size", "kernel_h", "kernel_w")):
            raise ShapeError("global_pooling takes no kernel size", hint="keep one of the two")
        if pair(param, "pad", 0) != (0, 0) or pair(param, "stride", 1) != (1, 1):
            raise ShapeError("global_pooling is for pad 0 and stride 1 only")
        return Setup(((n, c, 1, 1),) * len(layer.top))
    window = pooling_window(param)
    clip = window.pad != (0, 0)
    floor = param.text("round_mode") == "FLOOR" or not param.flag("ceil_mode", True)
    out_h, out_w = (
        pooled(size, kernel, stride, pad, clip=clip, floor=floor)
        for size, kernel, stride, pad in zip(
            (h, w), window.kernel, window.stride, window.pad, strict=True
        )
    )
    return Setup(((n, c, out_h, out_w),) * len(layer.top))


def pooling_window(param: Message) -> Window:
    """The window of a Pooling that is not global; ``ShapeError`` where Caffe's checks fail."""
    kernel = pair(param, "kernel_size", None, "kernel")
    stride, pad = pair(param, "stride", 1), pair(param, "pad", 0)
    if 0 in kernel or 0 in stride:
        raise ShapeError("kernel size and stride of a pooling must be above 0")
    if any(p and p >= k for p, k in zip(pad, kernel, strict=True)):
        raise ShapeError("pad must be smaller than the kernel in a pooling")
    return Window(kernel, stride, pad, (1, 1))


def _spp(layer: Layer, bottoms: Bottoms) -> Setup:
    """One bin, four, sixteen …: C·(4^height − 1)/3 values per image."""
    height = whole(layer.message.message("spp_param"), "pyramid_height", 0)
    n, c, _, _ = image(first(bottoms))
    if not 0 < height <= 16:  # 17 levels have more bins than a blob may have values
        raise ShapeError(f"pyramid_height is {height}")
    return Setup(((n, c, 1, 1) if height == 1 else (n, product((c, (4**height - 1) // 3))),))


WINDOW_RULES: Final[Mapping[str, Rule]] = {
    "Convolution": _convolution,
    "Deconvolution": _deconvolution,
    "DepthwiseConvolution": _convolution,
    "Im2col": _im2col,
    "Pooling": _pooling,
    "SPP": _spp,
}
"""Layers of BVLC master that slide a window; depthwise is a fork's faster Convolution."""
