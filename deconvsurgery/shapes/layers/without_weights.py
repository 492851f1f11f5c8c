"""What a layer makes of its bottoms: rules, and those of BVLC's layers without weights.

A rule takes the layer and its bottoms' shapes and tells its tops' and its weight blobs'.
It reads only what the layer's text says; ``ShapeError`` stands for a failed ``CHECK`` of
Caffe. Sources: ``src/caffe/layers/<type>_layer.cpp``, BVLC master.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeAlias

from deconvsurgery.errors import ShapeError
from deconvsurgery.prototxt.net import Layer, Message
from deconvsurgery.shapes.geometry import (
    Dim,
    Shape,
    Window,
    canonical_axis,
    front,
    merged,
    product,
)
from deconvsurgery.wording import agreed, dims, plural


class Setup(NamedTuple):
    """A layer as Caffe would set it up; tops not listed are unknown, ``blobs`` may be.

    ``forms`` are other sets of blobs that a fork may mean by the same text, ``window`` is what a
    (De)convolution slides.
    """

    tops: tuple[Shape, ...]
    blobs: tuple[Shape, ...] | None = ()
    problem: str | None = None
    forms: tuple[tuple[Shape, ...], ...] = ()
    window: Window | None = None


Bottoms: TypeAlias = tuple[Shape, ...]
Rule: TypeAlias = Callable[[Layer, Bottoms], Setup]


def first(bottoms: Bottoms) -> Shape:
    """The first bottom's shape."""
    return bottoms[0] if bottoms else None


def channels(shape: Shape) -> Dim:
    """Length of axis 1, where Caffe's images have their channels."""
    return shape[1] if shape is not None and len(shape) > 1 else None


def image(shape: Shape) -> tuple[Dim, Dim, Dim, Dim]:
    """The four dims of an image blob N × C × H × W, as far as known."""
    if shape is None:
        return None, None, None, None
    if len(shape) != 4:
        raise ShapeError(not_an_image(len(shape)))
    return shape[0], shape[1], shape[2], shape[3]


def not_an_image(axes: int) -> str:
    """What is wrong with an input of so many axes where an image is needed."""
    return (
        f"the input has {plural(axes, 'axis', 'axes')}, 4 are needed: num, channels, height, width"
    )


def whole(param: Message, name: str, default: int) -> int:
    """The integer, or Caffe's default."""
    value = param.integer(name)
    return default if value is None else value


def same(_layer: Layer, bottoms: Bottoms) -> Setup:
    """First top as the first bottom, no weights."""
    return Setup((first(bottoms),))


def same_on_each_top(layer: Layer, bottoms: Bottoms) -> Setup:
    """Every top as the first bottom."""
    return Setup((first(bottoms),) * len(layer.top))


def no_top(_layer: Layer, _bottoms: Bottoms) -> Setup:
    """A layer that only swallows."""
    return Setup(())


def pair(param: Message, name: str, default: int | None, stem: str = "") -> tuple[int, int]:
    """``name`` or its ``_h`` and ``_w``, never both; ``default`` None: it must be there."""
    stem = stem or name
    by_hand = (param.integer(f"{stem}_h"), param.integer(f"{stem}_w"))
    once = param.integer(name)
    if by_hand != (None, None):
        if once is not None or None in by_hand:
            raise ShapeError(f"either {name}, or {stem}_h and {stem}_w are needed")
        return by_hand[0] or 0, by_hand[1] or 0
    if once is None and default is None:
        raise ShapeError(f"{name} is missing", hint=f"give {name}, or {stem}_h and {stem}_w")
    size = once if once is not None else default or 0
    return size, size


# ── several bottoms or tops ──────────────────────────────────────────────────────────────


def crop(layer: Layer, bottoms: Bottoms) -> Setup:
    """Sizes of bottom[1] from ``axis`` (2) on; the FCN era's Crop, without crop_param, likewise."""
    if len(bottoms) != 2:
        raise ShapeError(f"{plural(len(bottoms), 'bottom')}, Crop needs 2")
    param = layer.message.message("crop_param")
    axis, offsets = whole(param, "axis", 2), param.integers("offset")
    shape, reference = bottoms
    if shape is None or reference is None:
        if axis < 0:
            return Setup((None,))
        if shape is None:
            return Setup((None if reference is None else front(axis) + reference[axis:],))
        return Setup((shape[:axis] + (None,) * len(shape[axis:]),))
    axis = canonical_axis(axis, len(shape))
    if len(reference) < len(shape):  # more than enough do no harm (crop_layer.cpp)
        raise ShapeError(
            f"bottoms of {len(shape)} and {plural(len(reference), 'axis', 'axes')}, "
            "Crop needs as many in the second"
        )
    if len(offsets) > 1 and len(offsets) != len(shape) - axis:
        raise ShapeError(
            f"{plural(len(offsets), 'offset')} for "
            f"{plural(len(shape) - axis, 'cropped axis', 'cropped axes')}"
        )
    starts = offsets if len(offsets) > 1 else (*offsets, 0)[:1] * (len(shape) - axis)
    wanted = reference[axis : len(shape)]
    sizes = zip(range(axis, len(shape)), shape[axis:], starts, wanted, strict=True)
    outside = [
        f"axis {at} has {a}, {b} from {start} on are wanted"
        for at, a, start, b in sizes
        if a is not None and b is not None and a - start < b
    ]
    problem = f"the crop is out of bounds: {'; '.join(outside)}" if outside else None
    return Setup((shape[:axis] + wanted,), (), problem)


def _eltwise(_layer: Layer, bottoms: Bottoms) -> Setup:
    """The bottoms must be alike, so a dim that one of them tells is the top's."""
    shape, agreed = merged(bottoms)
    problem = None if agreed else f"the bottoms differ in shape: {_shapes(bottoms)}"
    if len(bottoms) < 2:
        problem = f"{len(bottoms)} bottom{'' if bottoms else 's'}, Eltwise needs at least 2"
    return Setup((shape,), (), problem)


def _shapes(bottoms: Bottoms) -> str:
    return " and ".join(dict.fromkeys(dims(shape) for shape in bottoms if shape is not None))


def _joint_axis(param: Message, old_name: str, axes: int) -> int:
    """``axis`` of Concat and Slice, or the deprecated field."""
    old = param.integer(old_name)
    if old is not None and "axis" in param:
        raise ShapeError(f"axis is given as well as {old_name}", hint="keep axis")
    return canonical_axis(whole(param, "axis", 1) if old is None else old, axes)


def _concat(layer: Layer, bottoms: Bottoms) -> Setup:
    known = [shape for shape in bottoms if shape is not None]
    if not known:
        return Setup((None,))
    axes = len(known[0])
    axis = _joint_axis(layer.message.message("concat_param"), "concat_dim", axes)
    total: Dim = 0
    others: list[Shape] = []
    for shape in bottoms:
        size = shape[axis] if shape is not None and axis < len(shape) else None
        total = None if size is None or total is None else total + size
        others.append(None if shape is None else shape[:axis] + shape[axis + 1 :])
    rest, agreed = merged(others)
    problem = (
        None
        if agreed
        else f"the bottoms differ in more than axis {axis}, which is joined: {_shapes(bottoms)}"
    )
    top = None if rest is None else (*rest[:axis], total, *rest[axis:])
    return Setup((top,), (), problem)


def _slice(layer: Layer, bottoms: Bottoms) -> Setup:
    param, shape, tops = layer.message.message("slice_param"), first(bottoms), len(layer.top)
    if shape is None or not tops:
        return Setup((None,) * tops)
    axis = _joint_axis(param, "slice_dim", len(shape))
    size, points = shape[axis], param.integers("slice_point")
    sizes: list[Dim]
    if points:
        if size is not None and tops > size:
            raise ShapeError(f"{tops} tops for the {size} of axis {axis}")
        if len(points) != tops - 1:
            raise ShapeError(f"{len(points)} slice_point for {tops} tops, {tops - 1} are needed")
        steps = [b - a for a, b in zip((0, *points), points, strict=False)]
        if min(steps) <= 0:
            raise ShapeError("slice_point must grow from one to the next")
        sizes = [*steps, None if size is None else size - points[-1]]
    elif size is not None and size % tops:
        raise ShapeError(f"{tops} tops do not evenly divide the {size} of axis {axis}")
    else:
        sizes = [None if size is None else size // tops] * tops
    return Setup(tuple((*shape[:axis], each, *shape[axis + 1 :]) for each in sizes))


def _batch_reindex(_layer: Layer, bottoms: Bottoms) -> Setup:
    shape, order = first(bottoms), bottoms[1] if len(bottoms) > 1 else None
    return Setup((None if shape is None else (*(order or (None,))[:1], *shape[1:]),))


def _filter(_layer: Layer, bottoms: Bottoms) -> Setup:
    """As many items of each bottom but the last (the selector) as it selects."""
    return Setup(tuple(None if shape is None else (None, *shape[1:]) for shape in bottoms[:-1]))


# ── the shape itself ─────────────────────────────────────────────────────────────────────


def _reshape(layer: Layer, bottoms: Bottoms) -> Setup:
    """Axes [axis, axis + num_axes) become ``shape``: 0 copies a dim, one −1 is worked out."""
    param, shape = layer.message.message("reshape_param"), first(bottoms)
    if "shape" not in param and param.fields:
        return Setup((None,))  # a fork's older reshape_param: num, channels, height, width
    dims = param.message("shape").integers("dim")
    start, count = whole(param, "axis", 0), whole(param, "num_axes", -1)
    if dims.count(-1) > 1:
        raise ShapeError("shape has more than one -1")
    if shape is None:
        if not dims or start != 0 or count != -1:
            return Setup((None,))
        return Setup((tuple(dim if dim > 0 else None for dim in dims),))
    if start < 0:
        start += len(shape) + 1
    stop = len(shape) if count < 0 else start + count
    if not 0 <= start <= stop <= len(shape):
        raise ShapeError(
            f"axis and num_axes reach beyond the {plural(len(shape), 'axis', 'axes')} of the input"
        )
    copied = [start + i for i, dim in enumerate(dims) if dim == 0]
    if copied and copied[-1] >= len(shape):
        raise ShapeError("shape has a 0 where the input has no axis to copy")
    new = [shape[start + i] if dim == 0 else dim for i, dim in enumerate(dims)]
    # Dims kept or copied are on both sides, so an unknown batch size does not matter.
    kept = {*copied, *range(start), *range(stop, len(shape))}
    have = product(dim for i, dim in enumerate(shape) if i not in kept)
    # A copied dim behind the replaced part counts twice, there the short cut does not hold.
    given = product(dim for dim in dims if dim > 0)
    if any(i >= stop for i in copied):
        have = product(shape)
        given = product((*shape[:start], *(d for d in new if d != -1), *shape[stop:]))
    if have is not None and given is not None:
        if -1 in dims and given == 0:
            raise ShapeError("-1 cannot be worked out beside an axis of size 0")
        if have % given if -1 in dims else have != given:
            raise ShapeError(
                f"{plural(have, 'value')} {agreed(have, 'does', 'do')} not fit a shape of {given}"
            )
    inferred = None if have is None or not given else have // given
    return Setup(((*shape[:start], *(inferred if d == -1 else d for d in new), *shape[stop:]),))


def _flatten(layer: Layer, bottoms: Bottoms) -> Setup:
    """Axes ``axis`` to ``end_axis`` become one."""
    param, shape = layer.message.message("flatten_param"), first(bottoms)
    axis, end = whole(param, "axis", 1), whole(param, "end_axis", -1)
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


def _lrn(_layer: Layer, bottoms: Bottoms) -> Setup:
    shape = first(bottoms)
    if shape is None:
        return Setup(((None,) * 4,))
    return Setup((shape,), (), None if len(shape) == 4 else not_an_image(len(shape)))


def _softmax(layer: Layer, bottoms: Bottoms) -> Setup:
    shape = first(bottoms)
    if shape is not None:
        canonical_axis(whole(layer.message.message("softmax_param"), "axis", 1), len(shape))
    return Setup((shape,))


def _tile(layer: Layer, bottoms: Bottoms) -> Setup:
    param, shape = layer.message.message("tile_param"), first(bottoms)
    tiles, axis = whole(param, "tiles", 0), whole(param, "axis", 1)
    if tiles <= 0:
        raise ShapeError("tiles is missing or 0, it must be above 0")
    if shape is None:
        return Setup((None,))
    axis = canonical_axis(axis, len(shape))
    return Setup(((*shape[:axis], product((shape[axis], tiles)), *shape[axis + 1 :]),))


def _reduction(layer: Layer, bottoms: Bottoms) -> Setup:
    axis, shape = whole(layer.message.message("reduction_param"), "axis", 0), first(bottoms)
    if shape is None:
        return Setup((front(axis) if axis >= 0 else None,))
    return Setup((shape[: canonical_axis(axis, len(shape))],))


def _arg_max(layer: Layer, bottoms: Bottoms) -> Setup:
    param, shape = layer.message.message("argmax_param"), first(bottoms)
    axis, top_k = param.integer("axis"), param.integer("top_k", 1)
    if shape is None:
        return Setup((None,))
    if axis is not None:
        axis = canonical_axis(axis, len(shape))
        return Setup(((*shape[:axis], top_k, *shape[axis + 1 :]),))
    rows = 2 if param.flag("out_max_val", False) else 1
    return Setup(((*shape[:1], rows, top_k, *(1,) * (len(shape) - 3)),))


# ── losses ───────────────────────────────────────────────────────────────────────────────


def _loss(_layer: Layer, _bottoms: Bottoms) -> Setup:
    return Setup(((),))


def _loss_and_scores(_layer: Layer, bottoms: Bottoms) -> Setup:
    return Setup(((), first(bottoms)))


def _accuracy(layer: Layer, bottoms: Bottoms) -> Setup:
    """The share that is right and, if asked for, that of each class."""
    shape, axis = first(bottoms), whole(layer.message.message("accuracy_param"), "axis", 1)
    if shape is None:
        return Setup(((), (None,)))
    return Setup(((), (shape[canonical_axis(axis, len(shape))],)))


LAYER_RULES: Final[Mapping[str, Rule]] = {
    "AbsVal": same,
    "Accuracy": _accuracy,
    "ArgMax": _arg_max,
    "BatchReindex": _batch_reindex,
    "BNLL": same,
    "Clip": same,
    "Concat": _concat,
    "ContrastiveLoss": _loss,
    "Crop": crop,
    "Dropout": same,
    "Eltwise": _eltwise,
    "ELU": same,
    "EuclideanLoss": _loss,
    "Exp": same,
    "Filter": _filter,
    "Flatten": _flatten,
    "HDF5Output": no_top,
    "HingeLoss": _loss,
    "InfogainLoss": _loss_and_scores,
    "Log": same,
    "LRN": _lrn,
    "LSTMUnit": same_on_each_top,
    "MultinomialLogisticLoss": _loss,
    "MVN": _mvn,
    "Power": same,
    "Reduction": _reduction,
    "ReLU": same,
    "Reshape": _reshape,
    "Sigmoid": same,
    "SigmoidCrossEntropyLoss": _loss,
    "Silence": no_top,
    "Slice": _slice,
    "Softmax": _softmax,
    "SoftmaxWithLoss": _loss_and_scores,
    "Split": same_on_each_top,
    "Swish": same,
    "TanH": same,
    "Threshold": same,
    "Tile": _tile,
}
"""Layers of BVLC master that have no weights and slide no window."""
