"""The rules of BVLC's losses, and of Accuracy: what they compare must be alike.

Sources: ``src/caffe/layers/loss_layer.cpp`` and ``<type>_layer.cpp``, BVLC master. A loss has no
axes, so that nothing behind it depends on what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

from deconvsurgery.prototxt.net import Layer
from deconvsurgery.shapes.geometry import Dim, Shape, canonical_axis, product
from deconvsurgery.wording import dims, plural

from .rule import Bottoms, Rule, Setup, first, legacy

_Check: TypeAlias = Callable[[Layer, Bottoms], Iterator[str]]
"""What is wrong with the bottoms, of which there are as many as the layer takes."""


def differ(one: Dim, other: Dim) -> bool:
    """Both are known, and not equal."""
    return one is not None and other is not None and one != other


def _loss(check: _Check, bottoms_wanted: int = 2) -> Rule:
    """A single value; the second top of some is what the first bottom is."""

    def rule(layer: Layer, bottoms: Bottoms) -> Setup:
        problem = None
        if len(bottoms) >= bottoms_wanted:
            problem = next(_of_any_loss(bottoms), None) or next(check(layer, bottoms), None)
        return Setup(((), first(bottoms)), (), problem)

    return rule


def _of_any_loss(bottoms: Bottoms) -> Iterator[str]:
    """The two have as many items (``LossLayer::Reshape``)."""
    for shape in bottoms[:2]:
        if shape is not None:
            canonical_axis(0, len(shape))
    one, other = (shape[0] if shape else None for shape in bottoms[:2])
    if differ(one, other):
        yield f"the bottoms have {one} and {other} items, which should be as many"


def _labels(shape: Shape, labels: Shape, axis: int) -> Iterator[str]:
    """A label for each prediction: for each place on all axes but that of the classes."""
    if shape is None:
        return
    at = canonical_axis(axis, len(shape))
    predictions, given = product((*shape[:at], *shape[at + 1 :])), _count(labels)
    if differ(predictions, given):
        several = plural(predictions or 0, "prediction")
        yield (
            f"{plural(given or 0, 'label')} for {several}: bottoms of "
            f"{dims(shape)} and {dims(labels)}, the classes on axis {axis}"
        )


def _count(shape: Shape) -> Dim:
    return None if shape is None else product(shape)


def _softmax_loss(layer: Layer, bottoms: Bottoms) -> Iterator[str]:
    axis = layer.message.message("softmax_param").integer("axis", 1)
    yield from _labels(bottoms[0], bottoms[1], axis)


def _infogain(layer: Layer, bottoms: Bottoms) -> Iterator[str]:
    param, shape = layer.message.message("infogain_loss_param"), bottoms[0]
    if len(bottoms) < 3 and "source" not in param:
        yield "it needs a third bottom, or a source in infogain_loss_param: the matrix"
    if shape is not None:
        canonical_axis(layer.message.message("softmax_param").integer("axis", 1), len(shape))
    axis = param.integer("axis", 1)
    yield from _labels(shape, bottoms[1], axis)
    if shape is not None and len(bottoms) > 2:
        classes, matrix = shape[canonical_axis(axis, len(shape))], _count(bottoms[2])
        if classes is not None and differ(matrix, classes * classes):
            yield f"the matrix has {matrix} values for {classes} classes, {classes**2} are needed"


def _euclidean(_layer: Layer, bottoms: Bottoms) -> Iterator[str]:
    one, other = (None if shape is None else product(shape[1:]) for shape in bottoms[:2])
    if differ(one, other):
        yield f"items of {one} and {other} values, which should be as many"


def _sigmoid_cross_entropy(_layer: Layer, bottoms: Bottoms) -> Iterator[str]:
    one, other = map(_count, bottoms[:2])
    if differ(one, other):
        yield f"bottoms of {one} and {other} values, which should be as many"


def _no_more(_layer: Layer, _bottoms: Bottoms) -> Iterator[str]:
    yield from ()


def _multinomial(_layer: Layer, bottoms: Bottoms) -> Iterator[str]:
    legacy(bottoms[0])
    yield from _single(bottoms[1], "second")


def _single(shape: Shape, which: str) -> Iterator[str]:
    """One value an item, by the names that axes had when all blobs had four."""
    if any(differ(dim, 1) for dim in legacy(shape)[1:]):
        yield f"the {which} bottom, of {dims(shape)}, should have one value for each item"


def _contrastive(_layer: Layer, bottoms: Bottoms) -> Iterator[str]:
    one, other = legacy(bottoms[0]), legacy(bottoms[1])
    if differ(one[1], other[1]):
        yield f"the bottoms have {one[1]} and {other[1]} channels, which should be as many"
    for which, each in (("first", one), ("second", other)):
        if any(differ(dim, 1) for dim in each[2:]):
            yield f"the {which} bottom should have a height and a width of 1"
    yield from _single(bottoms[2], "third")


def _accuracy(layer: Layer, bottoms: Bottoms) -> Setup:
    """The share that is right and, if asked for, that of each class."""
    param, shape = layer.message.message("accuracy_param"), first(bottoms)
    axis, top_k = param.integer("axis", 1), param.integer("top_k", 1)
    if shape is None:
        return Setup(((), (None,)))
    classes = shape[canonical_axis(axis, len(shape))]
    problem = None
    if len(bottoms) > 1:
        problem = next(_labels(shape, bottoms[1], axis), None)
        scores, labels = _count(shape), _count(bottoms[1])
        if problem is None and labels == 0:
            problem = "there is no label"
        if problem is None and scores is not None and labels and top_k > scores // labels:
            problem = f"top_k is {top_k}, there are {scores // labels} classes"
    return Setup(((), (classes,)), (), problem)


LOSS_RULES: Final[Mapping[str, Rule]] = {
    "Accuracy": _accuracy,
    "ContrastiveLoss": _loss(_contrastive, 3),
    "EuclideanLoss": _loss(_euclidean),
    "HingeLoss": _loss(_no_more),
    "InfogainLoss": _loss(_infogain),
    "MultinomialLogisticLoss": _loss(_multinomial),
    "SigmoidCrossEntropyLoss": _loss(_sigmoid_cross_entropy),
    "SoftmaxWithLoss": _loss(_softmax_loss),
}
"""BVLC's layers that hold scores against labels, or blobs against each other."""
