"""The rules of layers with weights but no window: per channel, fully connected, recurrent.

Sources: ``src/caffe/layers/<type>_layer.cpp``, BVLC master.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from deconvsurgery.errors import ShapeError
from deconvsurgery.prototxt.net import Layer, Message
from deconvsurgery.shapes.geometry import Dim, Shape, canonical_axis, front, product

from .batch_norm import batch_norm
from .rule import Bottoms, Rule, Setup, channels, first


def _inner_product(layer: Layer, bottoms: Bottoms) -> Setup:
    """Weight (num_output, K), or (K, num_output) if ``transpose``; K: values from ``axis`` on."""
    param, shape = layer.message.message("inner_product_param"), first(bottoms)
    o, axis = param.integer("num_output", 0), param.integer("axis", 1)
    if o <= 0:
        raise ShapeError("num_output is missing or 0, it must be above 0")
    k: Dim = None
    top: Shape = None
    if shape is not None:
        axis = canonical_axis(axis, len(shape))
        k, top = product(shape[axis:]), (*shape[:axis], o)
    elif axis >= 0:
        top = (*front(axis), o)
    weight = (k, o) if param.flag("transpose", False) else (o, k)
    return Setup((top,), (weight, (o,)) if param.flag("bias_term", True) else (weight,))


def _embed(layer: Layer, bottoms: Bottoms) -> Setup:
    param, shape = layer.message.message("embed_param"), first(bottoms)
    o, k = param.integer("num_output", 0), param.integer("input_dim", 0)
    if o <= 0 or k <= 0:
        raise ShapeError("num_output and input_dim of an Embed must be above 0")
    top = None if shape is None else (*shape, o)
    return Setup((top,), ((k, o), (o,)) if param.flag("bias_term", True) else ((k, o),))


def _prelu(layer: Layer, bottoms: Bottoms) -> Setup:
    shared = layer.message.message("prelu_param").flag("channel_shared", False)
    return Setup((first(bottoms),), (() if shared else (channels(first(bottoms)),),))


def _scale(layer: Layer, bottoms: Bottoms) -> Setup:
    param = layer.message.message("scale_param")
    blobs = _learned(param, bottoms)
    if param.flag("bias_term", False):
        blobs += (bottoms[1] if len(bottoms) > 1 else blobs[0],)
    return Setup((first(bottoms),), blobs)


def _bias(layer: Layer, bottoms: Bottoms) -> Setup:
    return Setup((first(bottoms),), _learned(layer.message.message("bias_param"), bottoms))


def _learned(param: Message, bottoms: Bottoms) -> tuple[Shape, ...]:
    """What Scale and Bias learn, dims [axis, axis + num_axes); a second bottom stands in for it."""
    if len(bottoms) > 1:
        return ()
    shape, axis, count = first(bottoms), param.integer("axis", 1), param.integer("num_axes", 1)
    if shape is None:
        return (front(count) if count >= 0 else None,)
    axis = canonical_axis(axis, len(shape))
    stop = len(shape) if count == -1 else axis + count
    if not axis <= stop <= len(shape):
        raise ShapeError(f"num_axes {count} from axis {axis} goes beyond the input's {len(shape)}")
    return (shape[axis:stop],)


def _recurrent(layer: Layer, bottoms: Bottoms) -> Setup:
    """Bottoms x (T, N, …), cont (T, N), with a static input (N, …) and, exposed, the states.

    LSTM: (4h, D), (4h), [(4h, Ds)], (4h, h); RNN: (h, D), (h), [(h, Ds)], (h, h), (h, h), (h).
    """
    gates, states = (4, 2) if layer.type == "LSTM" else (1, 1)
    param = layer.message.message("recurrent_param")
    h, x = param.integer("num_output", 0), first(bottoms)
    if h <= 0:
        raise ShapeError("num_output is missing or 0, it must be above 0")
    exposed = states if param.flag("expose_hidden", False) else 0
    t, n = x[:2] if x is not None and len(x) > 1 else (None, None)
    rows = gates * h
    blobs: list[Shape] = [(rows, None if x is None else product(x[2:])), (rows,)]
    if len(bottoms) > 2 + exposed:
        static = bottoms[2]
        blobs.append((rows, None if static is None else product(static[1:])))
    blobs.append((rows, h))
    if gates == 1:
        blobs += [(h, h), (h,)]
    return Setup(((t, n, h), *((1, n, h),) * exposed), tuple(blobs))


WEIGHT_RULES: Final[Mapping[str, Rule]] = {
    "BatchNorm": batch_norm,
    "Bias": _bias,
    "Embed": _embed,
    "InnerProduct": _inner_product,
    "LSTM": _recurrent,
    "PReLU": _prelu,
    "RNN": _recurrent,
    "Scale": _scale,
}
"""Layers of BVLC master that have weights and slide no window."""
