"""The rules of BVLC's layers of one blob without weights.

Sources: ``src/caffe/layers/<type>_layer.cpp``, BVLC master.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from deconvsurgery.errors import ShapeError
from deconvsurgery.shapes.geometry import Dim, canonical_axis, front, product
from deconvsurgery.wording import agreed, plural

from .rule import Bottoms, Rule, Setup, first, no_top, not_an_image, same, same_on_each_top

if TYPE_CHECKING:
    from deconvsurgery.prototxt.net import Layer, NetMessage

# ── the shape itself ─────────────────────────────────────────────────────────────────────


def _reshape(layer: Layer, bottoms: Bottoms) -> Setup:
    """Axes [axis, axis + num_axes) become ``shape``: 0 copies a dim, one −1 is worked out."""
    param, shape = layer.message.message("reshape_param"), first(bottoms)
    if "shape" not in param and {name for name, _ in param.fields} - {"axis", "num_axes"}:
        return Setup((None,))  # a fork's older reshape_param: num, channels, height, width
    dims = param.message("shape").integers("dim")
    if dims.count(-1) > 1:
        raise ShapeError("shape has more than one -1")
    if shape is None:
        whole = param.integer("axis", 0) == 0 and param.integer("num_axes", -1) == -1
        return Setup((tuple(dim if dim > 0 else None for dim in dims) if dims and whole else None,))
    start, stop = _replaced(param, len(shape))
    copied = [start + at for at, dim in enumerate(dims) if dim == 0]
    if copied and copied[-1] >= len(shape):
        raise ShapeError("shape has a 0 where the input has no axis to copy")
    new = [shape[start + at] if dim == 0 else dim for at, dim in enumerate(dims)]
    if any(at >= stop for at in copied):
        # A copied dim behind the replaced part counts twice: all values have to be counted.
        have = product(shape)
        given = product((*shape[:start], *(dim for dim in new if dim != -1), *shape[stop:]))
    else:
        # Dims kept or copied are on both sides, so an unknown batch size does not matter.
        have = product(shape[at] for at in range(start, stop) if at not in copied)
        given = product(dim for dim in dims if dim > 0)
    rest = _worked_out(have, given, asked=-1 in dims)
    return Setup(((*shape[:start], *(rest if dim == -1 else dim for dim in new), *shape[stop:]),))


def _replaced(param: NetMessage, axes: int) -> tuple[int, int]:
    """The axes [start, stop) of the input that a Reshape replaces."""
    start, count = param.integer("axis", 0), param.integer("num_axes", -1)
    if start < 0:
        start += axes + 1
    stop = axes if count == -1 else start + count
    if not 0 <= start <= stop <= axes:
        raise ShapeError(
            f"axis and num_axes reach beyond the {plural(axes, 'axis', 'axes')} of the input"
        )
    return start, stop


def _worked_out(have: Dim, given: Dim, *, asked: bool) -> Dim:
    """The dim that -1 stands for: of ``have`` values those that ``given`` ones leave."""
    if have is not None and given is not None:
        if asked and given == 0:
            raise ShapeError("-1 cannot be worked out beside an axis of size 0")
        if have % given if asked else have != given:
            raise ShapeError(
                f"{plural(have, 'value')} {agreed(have, 'does', 'do')} not fit a shape of {given}"
            )
    return None if have is None or not given else have // given


def _flatten(layer: Layer, bottoms: Bottoms) -> Setup:
    """Axes ``axis`` to ``end_axis`` become one."""
    param, shape = layer.message.message("flatten_param"), first(bottoms)
    axis, end = param.integer("axis", 1), param.integer("end_axis", -1)
    if shape is None:
        return Setup(((*front(axis), None) if axis >= 0 and end == -1 else None,))
    start, stop = canonical_axis(axis, len(shape)), canonical_axis(end, len(shape)) + 1
    if start > stop:  # an end right before the start merges nothing, which is an axis of 1
        raise ShapeError(f"end_axis {end} comes before axis {axis}")
    return Setup(((*shape[:start], product(shape[start:stop]), *shape[stop:]),))


def _mvn(_layer: Layer, bottoms: Bottoms) -> Setup:
    """The top has four axes whatever the input has: those it lacks are 1 (mvn_layer.cpp)."""
    shape = first(bottoms)
    if shape is None:
        return Setup(((None,) * 4,))
    if len(shape) > 4:  # a fork's may know better: how many there are is beyond doubt
        return Setup((shape,), None, f"the input has {len(shape)} axes, MVN takes 4 at most")
    return Setup(((*shape, *(1,) * (4 - len(shape))),))


def _lrn(layer: Layer, bottoms: Bottoms) -> Setup:
    """Over an odd number of channels or pixels (lrn_layer.cpp)."""
    shape, size = first(bottoms), layer.message.message("lrn_param").integer("local_size", 5)
    problem = None if size % 2 else f"local_size is {size}, Caffe takes odd ones only"
    if shape is None:
        return Setup(((None,) * 4,), (), problem)
    return Setup((shape,), (), problem if len(shape) == 4 else not_an_image(len(shape)))


def _softmax(layer: Layer, bottoms: Bottoms) -> Setup:
    shape, problem = first(bottoms), None
    if shape is not None:
        axis = layer.message.message("softmax_param").integer("axis", 1)
        if shape[canonical_axis(axis, len(shape))] == 0:
            problem = f"axis {axis} is empty"
    return Setup((shape,), (), problem)


def _tile(layer: Layer, bottoms: Bottoms) -> Setup:
    param, shape = layer.message.message("tile_param"), first(bottoms)
    tiles, axis = param.integer("tiles", 0), param.integer("axis", 1)
    if tiles <= 0:
        raise ShapeError("tiles is missing or 0, it must be above 0")
    if shape is None:
        return Setup((None,))
    axis = canonical_axis(axis, len(shape))
    return Setup(((*shape[:axis], product((shape[axis], tiles)), *shape[axis + 1 :]),))


def _reduction(layer: Layer, bottoms: Bottoms) -> Setup:
    param, shape = layer.message.message("reduction_param"), first(bottoms)
    axis, operation = param.integer("axis", 0), param.text("operation", "SUM")
    if shape is None:
        return Setup((front(axis) if axis >= 0 else None,))
    at = canonical_axis(axis, len(shape))
    empty = operation in ("SUM", "MEAN") and product(shape[at:]) == 0
    return Setup((shape[:at],), (), "there is nothing to sum" if empty else None)


def _arg_max(layer: Layer, bottoms: Bottoms) -> Setup:
    """The best along ``axis``, or of each item: then num x 1 (2 with values) x top_k."""
    param, shape = layer.message.message("argmax_param"), first(bottoms)
    axis, top_k = param.integer("axis"), param.integer("top_k", 1)
    if shape is None:
        return Setup((None,), (), None if top_k else "top_k is 0")
    if axis is not None:
        axis = canonical_axis(axis, len(shape))
        among, top = shape[axis], (*shape[:axis], top_k, *shape[axis + 1 :])
    else:
        canonical_axis(0, len(shape))
        rows = 2 if param.flag("out_max_val", False) else 1
        among, top = product(shape[1:]), (*shape[:1], rows, top_k, *(1,) * (len(shape) - 3))
    beyond = not top_k or (among is not None and top_k > among)
    return Setup((top,), (), f"top_k is {top_k} of {among} values" if beyond else None)


def _clip(layer: Layer, bottoms: Bottoms) -> Setup:
    param = layer.message.messages("clip_param")
    both = not param or all(name in layer.message.message("clip_param") for name in ("min", "max"))
    problem = None if both else "clip_param needs both, min and max: Caffe's parser stops there"
    return Setup((first(bottoms),), (), problem)


def _exponent(layer: Layer, bottoms: Bottoms) -> Setup:
    """Exp and Log: a base above 0, of Log none that is 1 (exp_layer.cpp, log_layer.cpp)."""
    kind = layer.type.lower()
    base, problem = layer.message.message(f"{kind}_param").number("base", -1.0), None
    if base != -1 and not (0 < base < float("inf") and (kind == "exp" or base != 1)):
        problem = f"a base of {base:g}, it must be above 0{'' if kind == 'exp' else ' and not 1'}"
    return Setup((first(bottoms),), (), problem)


def _lstm_unit(layer: Layer, bottoms: Bottoms) -> Setup:
    """Bottoms c (1, N, h), x (1, N, 4h), cont (1, N); tops c and h (lstm_unit_layer.cpp)."""
    setup = same_on_each_top(layer, bottoms)
    if len(bottoms) != 3 or None in bottoms:
        return setup
    cell, gates, cont = (shape or () for shape in bottoms)
    problem = None
    if (len(cell), len(gates), len(cont)) != (3, 3, 2):
        problem = "its bottoms should have 3, 3 and 2 axes"
    elif any(shape[0] not in (None, 1) for shape in (cell, gates, cont)):
        problem = "the first axis of each bottom should be 1"
    elif len({shape[1] for shape in (cell, gates, cont)} - {None}) > 1:
        problem = "the second axis of its bottoms should be the same"
    elif cell[2] is not None and gates[2] not in (None, 4 * cell[2]):
        problem = f"the second bottom should have 4 times {cell[2]} on its last axis"
    return setup._replace(problem=problem)


LAYER_RULES: Final[Mapping[str, Rule]] = {
    "AbsVal": same,
    "ArgMax": _arg_max,
    "BNLL": same,
    "Clip": _clip,
    "Dropout": same,
    "ELU": same,
    "Exp": _exponent,
    "Flatten": _flatten,
    "HDF5Output": no_top,
    "Log": _exponent,
    "LRN": _lrn,
    "LSTMUnit": _lstm_unit,
    "MVN": _mvn,
    "Power": same,
    "Reduction": _reduction,
    "ReLU": same,
    "Reshape": _reshape,
    "Sigmoid": same,
    "Silence": no_top,
    "Softmax": _softmax,
    "Split": same_on_each_top,
    "Swish": same,
    "TanH": same,
    "Threshold": same,
    "Tile": _tile,
}
"""Layers of BVLC master of one blob that have no weights and slide no window."""
