"""What a rule is: a layer and its bottoms' shapes in, the shapes of its tops and weight blobs out.

It reads only what the layer's text says; ``ShapeError`` stands for a failed ``CHECK`` of Caffe.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from deconvsurgery.errors import ShapeError
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.prototxt.net import Layer, NetMessage
from deconvsurgery.shapes.geometry import Dim, Shape, Window
from deconvsurgery.wording import plural


class Setup(NamedTuple):
    """A layer as Caffe would set it up; tops not listed are unknown, ``blobs`` may be.

    ``forms`` are other sets of blobs that a fork may mean by the same text, ``window`` is what a
    (De)convolution or a Pooling slides. ``late``: the problem ends Caffe when the net runs.
    """

    tops: tuple[Shape, ...]
    blobs: tuple[Shape, ...] | None = ()
    problem: str | None = None
    forms: tuple[tuple[Shape, ...], ...] = ()
    window: Window | None = None
    late: bool = False


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


def legacy(shape: Shape) -> tuple[Dim, Dim, Dim, Dim]:
    """num, channels, height and width of a blob: axes that it lacks are 1 (``LegacyShape``).

    ``ShapeError`` where it has more than four: Caffe's old names are not for those.
    """
    if shape is None:
        return None, None, None, None
    if len(shape) > 4:
        raise ShapeError(f"a blob of {len(shape)} axes, num, channels, height, width name 4")
    four = (*shape, *(1,) * (4 - len(shape)))
    return four[0], four[1], four[2], four[3]


def not_an_image(axes: int) -> str:
    """What is wrong with an input of so many axes where an image is needed."""
    return (
        f"the input has {plural(axes, 'axis', 'axes')}, 4 are needed: num, channels, height, width"
    )


def same(_layer: Layer, bottoms: Bottoms) -> Setup:
    """First top as the first bottom, no weights."""
    return Setup((first(bottoms),))


def same_on_each_top(layer: Layer, bottoms: Bottoms) -> Setup:
    """Every top as the first bottom."""
    return Setup((first(bottoms),) * len(layer.top))


def no_top(_layer: Layer, _bottoms: Bottoms) -> Setup:
    """A layer that only reads."""
    return Setup(())


def pair(param: NetMessage, name: str, default: int | None, stem: str = "") -> tuple[int, int]:
    """``name`` or its ``_h`` and ``_w``, never both; ``default`` None: it must be there.

    One of the two beside ``name`` is passed over where there is no default (pooling_layer.cpp).
    """
    stem = stem or name
    by_side = (param.integer(f"{stem}_h"), param.integer(f"{stem}_w"))
    once = param.integer(name)
    if by_side != (None, None) and (default is not None or None not in by_side):
        if once is not None or None in by_side:
            raise ShapeError(f"either {name}, or {stem}_h and {stem}_w are needed")
        return by_side[0] or 0, by_side[1] or 0
    if once is None and default is None:
        raise ShapeError(f"{name} is missing", hint=f"give {name}, or {stem}_h and {stem}_w")
    size = once if once is not None else default or 0
    return size, size
