"""The rules of layers that slide a window of weights: Convolution, Deconvolution, and Im2col.

Sources: base_conv_layer.cpp, deconv_layer.cpp, im2col_layer.cpp.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from deconvsurgery.errors import ShapeError
from deconvsurgery.shapes.geometry import (
    INT_MAX,
    Dim,
    Shape,
    Window,
    asked_axes,
    canonical_axis,
    convolution_window,
    convolved,
    deconvolved,
    front,
    merged,
    product,
)
from deconvsurgery.wording import by, plural

from .rule import Bottoms, Rule, Setup, first

if TYPE_CHECKING:
    from deconvsurgery.prototxt.net import ConvolutionParam, Layer, NetMessage

# Fields by which forks change a window (Synopsys, NVIDIA, Intel, ParseNet): sizes that obey them
# stay unknown rather than be wrong. Weights and channels do not depend on them.
_FOREIGN: Final = frozenset(
    {"pad_l", "pad_r", "pad_t", "pad_b", "pad_type", "torch_pooling", "kernel_size_3d"}
    | {"bin_size", "bin_h", "bin_w", "filter_stride", "filter_stride_h", "filter_stride_w"}
)


def foreign_window(param: NetMessage) -> bool:
    """A fork's fields change the window: its sizes are not to be known."""
    return not _FOREIGN.isdisjoint([name for name, _ in param.fields])


def spatial_axes(param: ConvolutionParam, shape: Shape) -> int | None:
    """Number of axes behind the channel axis; ``None``: neither bottom nor fields say."""
    if shape is not None:
        return len(shape) - canonical_axis(param.axis, len(shape)) - 1
    return len(front(-param.axis - 1)) if param.axis < 0 else asked_axes(param)


def window_of(layer: Layer, bottoms: Bottoms) -> Window | None:
    """What a (De)convolution slides; ``None``: the number of axes is unknown, or Caffe stops."""
    param = layer.convolution_param
    try:
        axes = spatial_axes(param, merged(bottoms)[0])
        return None if axes is None else convolution_window(param, axes)
    except ShapeError:
        return None


def input_shape(layer: Layer, bottoms: Bottoms) -> Shape:
    """What the bottoms of a (De)convolution, all of one shape, say together.

    Of an unknown one the number of axes at least, if the channel axis counts from the front.
    """
    if len(bottoms) != len(layer.top) or not bottoms:
        raise ShapeError(
            f"{plural(len(bottoms), 'bottom')} and {plural(len(layer.top), 'top')}, one top "
            "for each bottom is needed"
        )
    shape, agreed = merged(bottoms)
    if not agreed:
        raise ShapeError("the bottoms differ in shape, Caffe wants them alike")
    param = layer.convolution_param
    if shape is None and param.axis >= 0:
        ahead, axes = front(param.axis), asked_axes(param)
        return None if axes is None else ahead + (None,) * (1 + axes)
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


def _convolved(layer: Layer, bottoms: Bottoms) -> Setup:
    """Weight (O, C/G, *kernel), of a Deconvolution (C, O/G, *kernel); bias (O)."""
    transposed = layer.type == "Deconvolution"
    param, shape = layer.convolution_param, input_shape(layer, bottoms)
    axes = spatial_axes(param, shape)
    late = _late_stride(param) if transposed and axes == 2 else None
    if late is not None:
        param = param._replace(stride_h=None, stride_w=None)
    window = None if axes is None else convolution_window(param, axes)
    if late is not None and window is not None:
        window = window._replace(stride=late)
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
    bias: tuple[Shape, ...] = ((o,),) if param.bias_term else ()
    if window is None:
        _check_each(param)
        return Setup((None,) * len(layer.top), (None, *bias))
    foreign = foreign_window(layer.message.message("convolution_param"))
    size = _unknown if foreign else deconvolved if transposed else convolved
    tops = (_slid(param, shape, o, window, size),)
    per_group = None if c is None else c // group
    weight = (c, o // group) if transposed else (o, per_group)
    blobs: tuple[Shape, ...] = ((*weight, *window.kernel), *bias)
    # There is one 1 for each position, by which the bias is spread (BaseConvolutionLayer::Reshape).
    places = product(_spatial(tops[0], param.axis))
    empty = "its output is empty, and has a bias" if bias and places == 0 else None
    if late is not None and empty is None:
        words = f"a stride is 0 ({by(late)}), by which it divides as soon as it runs"
        return Setup(tops * len(layer.top), blobs, words, late=True)
    window = None if late is not None else window
    return Setup(tops * len(layer.top), blobs, empty, window=window)


def _late_stride(param: ConvolutionParam) -> tuple[int, int] | None:
    """A stride of 0 that Caffe does not check: it checks ``stride``, not its ``_h`` and ``_w``.

    A Convolution divides by it when it is set up, a Deconvolution in its first forward.
    """
    given = (param.stride_h, param.stride_w)
    sides = (given[0] or 0, given[1] or 0)
    return sides if given != (None, None) and 0 in sides and not param.stride else None


def _spatial(shape: Shape, axis: int) -> tuple[Dim, ...]:
    return (None,) if shape is None else shape[canonical_axis(axis, len(shape)) + 1 :]


def _check_each(param: ConvolutionParam) -> None:
    """What Caffe checks of each axis, however many there are: each field is given once at most."""
    if param.kernel_size:  # without axes none is needed
        convolution_window(param, 1)


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
    axes = spatial_axes(param, shape)
    if axes is None:
        return Setup((None,))
    if axes == 0:
        raise ShapeError("Im2col needs a spatial axis behind the channels")
    window = convolution_window(param, axes)
    c = input_channels(layer, shape)
    return Setup((_slid(param, shape, product((c, *window.kernel)), window, convolved),))


WINDOW_RULES: Final[Mapping[str, Rule]] = {
    "Convolution": _convolved,
    "Deconvolution": _convolved,
    "DepthwiseConvolution": _convolved,
    "Im2col": _im2col,
}
"""Layers of BVLC master that slide a window; depthwise is a fork's faster Convolution."""
