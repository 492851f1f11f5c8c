"""The rules of layers that slide a window: Convolution, Deconvolution, Im2col, pooling.

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
    asked_axes,
    canonical_axis,
    convolution_window,
    convolved,
    deconvolved,
    front,
    merged,
    pooled,
    product,
)
from deconvsurgery.wording import plural

from .rule import Bottoms, Rule, Setup, first, image, not_an_image, pair

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
    window = None if axes is None else convolution_window(param, axes)
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
    return Setup(tops * len(layer.top), ((*weight, *window.kernel), *bias), window=window)


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


def pooled_axes(param: Message) -> int | None:
    """Spatial axes that a Pooling's fields ask for, where they have a value for each."""
    return next((n for n in (len(param.integers(name)) for name in _REPEATED) if n > 1), None)


def _check_global(param: Message) -> None:
    if any(name in param for name in ("kernel_size", "kernel_h", "kernel_w")):
        raise ShapeError("global_pooling takes no kernel size", hint="keep one of the two")
    values = (("pad", 0), ("stride", 1))
    if any(set(_on_axes(param, name, default)) != {default} for name, default in values):
        raise ShapeError("global_pooling is for pad 0 and stride 1 only")


def _pooled(param: Message, window: Window, sizes: tuple[Dim, ...]) -> tuple[Dim, ...]:
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


def pooling_window(param: Message, axes: int) -> Window:
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
    param: Message, name: str, default: int | None, axes: int = 2, stem: str = ""
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
    """One bin, four, sixteen …: C·(4^height − 1)/3 values per image."""
    height = layer.message.message("spp_param").integer("pyramid_height", 0)
    n, c, _, _ = image(first(bottoms))
    if not 0 < height <= 16:  # 17 levels have more bins than a blob may have values
        raise ShapeError(f"pyramid_height is {height}")
    return Setup(((n, c, 1, 1) if height == 1 else (n, product((c, (4**height - 1) // 3))),))


WINDOW_RULES: Final[Mapping[str, Rule]] = {
    "Convolution": _convolved,
    "Deconvolution": _convolved,
    "DepthwiseConvolution": _convolved,
    "Im2col": _im2col,
    "Pooling": _pooling,
    "SPP": _spp,
}
"""Layers of BVLC master that slide a window; depthwise is a fork's faster Convolution."""
