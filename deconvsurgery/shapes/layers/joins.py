"""The rules of layers that bring blobs together, or make several of one.

Sources: ``src/caffe/layers/<type>_layer.cpp``, BVLC master.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from deconvsurgery.errors import ShapeError
from deconvsurgery.shapes.geometry import Dim, Shape, canonical_axis, front, merged
from deconvsurgery.wording import dims, plural

from .rule import Bottoms, Rule, Setup, first

if TYPE_CHECKING:
    from deconvsurgery.prototxt.net import Layer, NetMessage


def crop(layer: Layer, bottoms: Bottoms) -> Setup:
    """Sizes of bottom[1] from ``axis`` (2) on; the FCN era's Crop, without crop_param, likewise."""
    if len(bottoms) != 2:
        raise ShapeError(f"{plural(len(bottoms), 'bottom')}, Crop needs 2")
    param = layer.message.message("crop_param")
    axis, offsets = param.integer("axis", 2), param.integers("offset")
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
    starts = offsets_for(offsets, len(shape) - axis)
    wanted = reference[axis : len(shape)]
    sizes = zip(range(axis, len(shape)), shape[axis:], starts, wanted, strict=True)
    outside = [
        f"axis {at} has {a}, {b} from {start} on are wanted"
        for at, a, start, b in sizes
        if a is not None and b is not None and a - start < b
    ]
    problem = f"the crop is out of bounds: {'; '.join(outside)}" if outside else None
    return Setup((shape[:axis] + wanted,), (), problem)


def offsets_for(offsets: tuple[int, ...], axes: int) -> tuple[int, ...]:
    """A Crop's offset on each axis it crops: given for each, or once for all, or 0."""
    return offsets if len(offsets) > 1 else (offsets or (0,)) * axes


def _eltwise(layer: Layer, bottoms: Bottoms) -> Setup:
    """The bottoms must be alike, so a dim that one of them has is the top's."""
    shape, agreed = merged(bottoms)
    problem = None if agreed else f"the bottoms differ in shape: {_shapes(bottoms)}"
    if len(bottoms) < 2:
        problem = f"{len(bottoms)} bottom{'' if bottoms else 's'}, Eltwise needs at least 2"
    param = layer.message.message("eltwise_param")
    coefficients = len(param.all("coeff"))
    if coefficients and param.text("operation", "SUM") == "PROD":
        problem = problem or "coeff is for sums, its operation is PROD"
    elif coefficients not in (0, len(bottoms)):
        times = plural(coefficients, "time")
        problem = problem or f"coeff is given {times} for {plural(len(bottoms), 'bottom')}"
    return Setup((shape,), (), problem)


def _shapes(bottoms: Bottoms) -> str:
    return " and ".join(dict.fromkeys(dims(shape) for shape in bottoms if shape is not None))


def _joint_axis(param: NetMessage, old_name: str, axes: int) -> int:
    """``axis`` of Concat and Slice, or the deprecated field."""
    old = param.integer(old_name)
    if old is not None and "axis" in param:
        raise ShapeError(f"axis is given as well as {old_name}", hint="keep axis")
    if old is not None and not 0 <= old < axes:  # the old field does not count from behind
        raise ShapeError(f"{old_name} {old} is out of range for {plural(axes, 'axis', 'axes')}")
    return canonical_axis(param.integer("axis", 1) if old is None else old, axes)


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
    problem = None
    if order is not None and len(order) != 1:
        problem = f"the second bottom has {plural(len(order), 'axis', 'axes')}, 1 is right"
    top = None if shape is None else (*(order or (None,))[:1], *shape[1:])
    return Setup((top,), (), problem)


def _filter(_layer: Layer, bottoms: Bottoms) -> Setup:
    """Set up with all items of each bottom but the last, which selects some in each forward."""
    selector = bottoms[-1] if bottoms else None
    problem = None
    if selector is not None:
        canonical_axis(0, len(selector))
        if any(dim not in (None, 1) for dim in selector[1:]):
            problem = f"the selector, of {dims(selector)}, should have one value for each item"
        for shape in bottoms[:-1]:
            if shape is not None:
                canonical_axis(0, len(shape))
                if len({selector[0], shape[0]} - {None}) > 1:
                    problem = problem or f"{selector[0]} selectors for {shape[0]} items"
    return Setup(bottoms[:-1], (), problem)


JOIN_RULES: Final[Mapping[str, Rule]] = {
    "BatchReindex": _batch_reindex,
    "Concat": _concat,
    "Crop": crop,
    "Eltwise": _eltwise,
    "Filter": _filter,
    "Slice": _slice,
}
"""Layers of BVLC master that join blobs, or part them."""
