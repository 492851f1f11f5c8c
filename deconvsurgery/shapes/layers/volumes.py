"""The rules of forks' layers over volumes, as clips of video are: video-caffe's and C3D's.

Where a fork's layer is not known to the last field its sizes stay unknown. Sources: video-caffe's
``cudnn_ndconv_layer`` and ``cudnn_ndpooling_layer``, C3D 1.0's ``convolution3d_layer.cpp`` and
``pooling3d_layer.cpp``; both name their fields in ``caffe.proto``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from deconvsurgery.shapes.geometry import Shape, pooled

from .rule import Bottoms, Rule, Setup, first
from .windows import WINDOW_RULES

if TYPE_CHECKING:
    from deconvsurgery.prototxt.net import Layer

_AXES: Final = 5  # num, channels, length, height, width


def _nd_convolution(layer: Layer, bottoms: Bottoms) -> Setup:
    """Weight (O, C/G, *kernel_shape), bias (O); ``stride_shape`` and ``pad_shape`` as long."""
    message = layer.message.message("convolution_param")
    kernel, stride, pad = (
        message.message(name).integers("dim")
        for name in ("kernel_shape", "stride_shape", "pad_shape")
    )
    if not kernel:
        return Setup((), None)
    own = layer.convolution_param._replace(kernel_size=kernel, stride=stride, pad=pad)
    return WINDOW_RULES["Convolution"](layer._replace(convolution_param=own), bottoms)


def _nd_pooling(_layer: Layer, bottoms: Bottoms) -> Setup:
    """The channels; how sizes are rounded changed with time."""
    shape = first(bottoms)
    return Setup((None if shape is None else (*shape[:2], *(None,) * len(shape[2:])),))


def _convolution_3d(layer: Layer, bottoms: Bottoms) -> Setup:
    """Weight (O, C/G, kernel_depth, kernel_size, kernel_size), bias (O)."""
    message, param, shape = (
        layer.message.message("convolution_param"),
        layer.convolution_param,
        _volume(bottoms),
    )
    if "filter_group" in message or "kernel_depth" not in message or len(param.kernel_size) != 1:
        return Setup(((shape[0], param.num_output or None, None, None, None),), None)
    size, stride, pad = param.kernel_size[0], (*param.stride, 1)[0], (*param.pad, 0)[0]
    own = param._replace(
        kernel_size=(message.integer("kernel_depth", 1), size, size),
        stride=(message.integer("temporal_stride", 1), stride, stride),
        pad=(message.integer("temporal_pad", 0), pad, pad),
    )
    return WINDOW_RULES["Convolution"](layer._replace(convolution_param=own), (shape,))


def _pooling_3d(layer: Layer, bottoms: Bottoms) -> Setup:
    """Sizes are rounded up as in Pooling; what a pad cuts off is not looked into."""
    param, shape = layer.message.message("pooling_param"), _volume(bottoms)
    kernel = [param.integer(name, 0) for name in ("kernel_depth", "kernel_size", "kernel_size")]
    stride = [param.integer(name, 1) for name in ("temporal_stride", "stride", "stride")]
    if 0 in (*kernel, *stride) or param.integer("pad", 0) or param.integer("temporal_pad", 0):
        return Setup(((*shape[:2], None, None, None),))
    each = zip(shape[2:], kernel, stride, strict=True)
    sizes = (pooled(size, k, s, 0, clip=False, floor=False) for size, k, s in each)
    return Setup(((*shape[:2], *sizes),))


def _deconvolution_3d(layer: Layer, bottoms: Bottoms) -> Setup:
    """The number of axes and the outputs."""
    outputs = layer.convolution_param.num_output or None
    return Setup(((_volume(bottoms)[0], outputs, None, None, None),), None)


def _volume(bottoms: Bottoms) -> tuple[int | None, ...]:
    """C3D's blobs all have five axes; what becomes of an input of others is not known."""
    shape: Shape = first(bottoms)
    return shape if shape is not None and len(shape) == _AXES else (None,) * _AXES


VOLUME_RULES: Final[Mapping[str, Rule]] = {
    "CONVOLUTION3D": _convolution_3d,
    "DECONVOLUTION3D": _deconvolution_3d,
    "NdConvolution": _nd_convolution,
    "NdPooling": _nd_pooling,
    "POOLING3D": _pooling_3d,
}
"""Layers of video-caffe and, under the names that their V1 enum has, of C3D 1.0."""
