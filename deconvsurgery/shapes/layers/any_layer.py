"""What Caffe checks of every layer of its own, beside what the layer's type asks for.

Where one fails, Caffe stops; the shapes of the layer are beyond doubt all the same. Sources:
``Net::Init`` and ``AppendTop`` (net.cpp), ``Layer::SetLossWeights`` (layer.hpp),
``LossLayer::LayerSetUp`` (loss_layer.cpp), ``LayerSetUp`` of the types named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from deconvsurgery.shapes.geometry import Shape, product
from deconvsurgery.wording import dims, plural, quoted

from .blob_counts import LOSSES, wrong_count
from .given_blobs import kept_blobs, unfit_blobs

if TYPE_CHECKING:
    from deconvsurgery.prototxt.net import Layer

# Types whose first bottom may not be a top of theirs: flatten, absval, reshape, split_layer.cpp
# say so; the losses give their top no axes, and look at their bottom's after that.
_NEVER_IN_PLACE: Final = frozenset(
    {"AbsVal", "Flatten", "Reshape", "Split"}
    | {"EuclideanLoss", "InfogainLoss", "SigmoidCrossEntropyLoss", "SoftmaxWithLoss"}
)
# Types that fill their blobs; ``CHECK(blob->count())`` is in every filler (filler.hpp).
_FILLED: Final = frozenset(
    {"BatchNorm", "Bias", "Convolution", "Deconvolution", "Embed", "InnerProduct", "LSTM", "PReLU"}
    | {"RNN", "Scale"}
)


def objection(
    layer: Layer, tops: Sequence[Shape], blobs: Sequence[Shape] | None, *, cleared: bool = False
) -> str | None:
    """Why Caffe stops at a layer whose shapes it could work out; ``blobs`` are its weights.

    ``cleared``: a Split has got its ``loss_weight``.
    """
    weights = layer.message.all("loss_weight")
    wrong = _loss_weights(layer, 0 if cleared else len(weights))
    return wrong or next(_objections(layer, tops, blobs, weights), None)


def _objections(
    layer: Layer,
    tops: Sequence[Shape],
    blobs: Sequence[Shape] | None,
    loss_weights: Sequence[object],
) -> Iterator[str]:
    """Of which the first is asked for."""
    if not layer.type:
        yield "it has no type"
    down = len(layer.message.all("propagate_down"))
    if down not in (0, len(layer.bottom)):
        several = plural(len(layer.bottom), "bottom")
        yield f"propagate_down is given {plural(down, 'time')} for {several}"
    if (count := wrong_count(layer)) is not None:
        yield count
    given = "blobs" in layer.message
    if layer.type in _FILLED and not given:
        for blob in blobs or ():
            if blob is not None and 0 in blob:
                yield f"its blob of {dims(blob)} is empty, which no filler takes"
    if layer.bottom and layer.bottom[0] in layer.top and _never_in_place(layer, tops):
        yield f"its top is its bottom {quoted(layer.bottom[0])}, {layer.type} never works in place"
    for shape, weight in zip(tops, loss_weights, strict=False):
        # An Input without a shape makes a blob with no values, whatever its axes.
        if weight and shape is not None and (0 in shape or _shapeless(layer)):
            yield "its top is empty, and has a loss_weight"
    if given:
        yield from unfit_blobs(layer, blobs)
    own = kept_blobs(layer, blobs) if layer.param else None
    if own is not None and len(layer.param) > len(own):
        params = plural(len(layer.param), "param")
        yield f"{params} for {plural(len(own), 'blob')}, at most one for each is right"
    learned = layer.type == "BatchNorm" and any(spec.lr_mult != 0 for spec in layer.param)
    if learned and len(layer.param) < 3:
        yield "lr_mult is not 0, no training changes the blobs of a BatchNorm"


def _shapeless(layer: Layer) -> bool:
    return layer.type == "Input" and "shape" not in layer.message.message("input_param")


def _never_in_place(layer: Layer, tops: Sequence[Shape]) -> bool:
    if layer.type == "SPP":  # its poolings read the bottom one after the other
        return layer.message.message("spp_param").integer("pyramid_height", 0) > 1
    if layer.type == "Slice":  # it counts its bottom after it has made the first top of it
        return any(shape is not None and product(shape) for shape in tops[1:])
    if layer.type == "Accuracy" and len(layer.top) > 1:
        return True
    return layer.type in _NEVER_IN_PLACE


def _loss_weights(layer: Layer, given: int) -> str | None:
    """``loss_weight`` is given for every top or for none; a loss has it once by default."""
    tops, hint = len(layer.top), ""
    if layer.type == "SoftmaxWithLoss" and tops > 1:
        # The Softmax within has the layer's own loss_weight, and one top (softmax_loss_layer.cpp).
        return "no loss_weight is right for a second top: the Softmax within has only one"
    if layer.type in LOSSES:
        hint = "" if given else ", by default it is 1 for a single one"
        tops, given = max(tops, 1), given or 1
    if not given or given == tops:
        return None
    return f"loss_weight is given {plural(given, 'time')} for {plural(tops, 'top')}{hint}"
