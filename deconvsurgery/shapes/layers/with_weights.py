"""The rules of layers with weights but no window: per channel, fully connected, recurrent.

Sources: ``src/caffe/layers/<type>_layer.cpp``, BVLC master.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from deconvsurgery.errors import ShapeError
from deconvsurgery.shapes.geometry import Dim, Shape, canonical_axis, front, product
from deconvsurgery.wording import dims, plural

from .batch_norm import batch_norm
from .rule import Bottoms, Rule, Setup, channels, first

if TYPE_CHECKING:
    from deconvsurgery.prototxt.net import Layer, NetMessage


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
    shape, problem = first(bottoms), None
    shared = layer.message.message("prelu_param").flag("channel_shared", False)
    if shape is not None and len(shape) < 2:
        problem = f"the input has {plural(len(shape), 'axis', 'axes')}, PReLU needs at least 2"
    elif shape is not None and product(shape[1:]) == 0:
        problem = "the input is empty"
    elif shape is not None and len(shape) > 4:
        problem = f"the input has {len(shape)} axes, PReLU takes 4 at most"
    return Setup((shape,), (() if shared else (channels(shape),),), problem)


def _scale(layer: Layer, bottoms: Bottoms) -> Setup:
    """A scale, and a bias if asked for, which is a Bias layer of its own (scale_layer.cpp)."""
    param, shape = layer.message.message("scale_param"), first(bottoms)
    blobs = _learned(param, bottoms)
    problem = _unlike(param, bottoms)
    if param.flag("bias_term", False):
        blobs += (bottoms[1] if len(bottoms) > 1 else blobs[0],)
        if shape is not None and len(bottoms) > 1:
            canonical_axis(param.integer("axis", 1), len(shape))
    if problem is None and shape is not None and 0 in shape:
        problem = "the input is empty"
    return Setup((shape,), blobs, problem)


def _bias(layer: Layer, bottoms: Bottoms) -> Setup:
    param = layer.message.message("bias_param")
    return Setup((first(bottoms),), _learned(param, bottoms), _unlike(param, bottoms))


def _unlike(param: NetMessage, bottoms: Bottoms) -> str | None:
    """What Scale and Bias check of a second bottom: it has the first's sizes from ``axis`` on."""
    shape, other = (*bottoms, None, None)[:2]
    if shape is None or not other:
        return None
    axis = canonical_axis(param.integer("axis", 1), len(shape))
    if axis + len(other) > len(shape):
        return f"the second bottom, of {dims(other)}, goes beyond the first's {dims(shape)}"
    pairs = zip(shape[axis:], other, strict=False)
    if any(None not in pair and pair[0] != pair[1] for pair in pairs):
        return f"the second bottom, of {dims(other)}, is unlike {dims(shape)} from axis {axis} on"
    return None


def _learned(param: NetMessage, bottoms: Bottoms) -> tuple[Shape, ...]:
    """What Scale and Bias learn, dims [axis, axis + num_axes); a second bottom stands in for it."""
    if len(bottoms) > 1:
        return ()
    shape, axis, count = first(bottoms), param.integer("axis", 1), param.integer("num_axes", 1)
    if count < -1:
        raise ShapeError(f"num_axes is {count}, the least is -1: all")
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
    static = bottoms[2] if len(bottoms) > 2 + exposed else None
    if len(bottoms) > 2 + exposed:
        blobs.append((rows, None if static is None else product(static[1:])))
    blobs.append((rows, h))
    if gates == 1:
        blobs += [(h, h), (h,)]
    tops = ((t, n, h), *((1, n, h),) * exposed)
    given = bottoms[len(bottoms) - exposed :] if exposed else ()
    problem = next(_of_steps(x, bottoms[1:2], static), None) or next(_of_states(given, n, h), None)
    return Setup(tops, tuple(blobs), problem)


def _of_steps(x: Shape, cont: Bottoms, static: Shape) -> Iterator[str]:
    """Checks of recurrent_layer.cpp, and of the InnerProducts that it makes of itself."""
    if x is not None and len(x) < 3:
        yield f"the first bottom has {plural(len(x), 'axis', 'axes')}, at least 3 are needed"
    for shape in cont:
        if shape is None:
            continue
        if len(shape) != 2:
            yield f"the second bottom has {plural(len(shape), 'axis', 'axes')}, not 2"
        elif x is not None and len(x) > 1 and not _alike(x[:2], shape):
            yield f"the second bottom, of {dims(shape)}, has other steps or streams than the first"
    if static is not None:
        if len(static) < 2:
            yield f"the third bottom has {plural(len(static), 'axis', 'axes')}, not 2 or more"
        elif x is not None and len(x) > 1 and not _alike(x[1:2], static[:1]):
            yield f"the third bottom has {static[0]} streams, the first {x[1]}"


def _of_states(states: Bottoms, streams: Dim, outputs: int) -> Iterator[str]:
    for shape in states:
        if shape is not None and not _alike(shape, (1, streams, outputs)):
            yield f"a state of {dims(shape)}, {dims((1, streams, outputs))} is right"


def _alike(one: Sequence[Dim], other: Sequence[Dim]) -> bool:
    """The same number of axes, and no two sizes known to differ."""
    pairs = zip(one, other, strict=False)
    return len(one) == len(other) and all(None in pair or pair[0] == pair[1] for pair in pairs)


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
