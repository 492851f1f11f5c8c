"""How many bottoms and tops each of BVLC's layers takes.

Sources: ``ExactNumBottomBlobs``, ``MinTopBlobs`` and the like in ``include/caffe/layers/*.hpp``;
``Layer::CheckBlobCounts`` (layer.hpp), which holds a layer to them before anything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.wording import plural

if TYPE_CHECKING:
    from deconvsurgery.prototxt.net import Layer

_Range: TypeAlias = tuple[int, int | None]
"""At least, and at most; ``None``: as many as one likes."""


class _Counts(NamedTuple):
    bottoms: _Range = (1, 1)
    tops: _Range = (1, 1)


_ONE_OF_EACH: Final = frozenset(
    {"AbsVal", "ArgMax", "BNLL", "BatchNorm", "Clip", "Dropout", "ELU", "Embed", "Exp", "Flatten"}
    | {"Im2col", "InnerProduct", "LRN", "Log", "MVN", "PReLU", "Power", "ReLU", "Reduction"}
    | {"Reshape", "SPP", "Sigmoid", "Softmax", "Swish", "TanH", "Threshold", "Tile"}
)
_SOME: Final = (1, None)
LOSSES: Final[Mapping[str, _Counts]] = {
    "ContrastiveLoss": _Counts((3, 3)),
    "EuclideanLoss": _Counts((2, 2)),
    "HingeLoss": _Counts((2, 2)),
    "InfogainLoss": _Counts((2, 3), (1, 2)),
    "MultinomialLogisticLoss": _Counts((2, 2)),
    "SigmoidCrossEntropyLoss": _Counts((2, 2)),
    "SoftmaxWithLoss": _Counts((2, 2), (1, 2)),
}
_COUNTS: Final[Mapping[str, _Counts]] = {
    **dict.fromkeys(_ONE_OF_EACH, _Counts()),
    **LOSSES,
    "Accuracy": _Counts((2, 2), (1, 2)),
    "BatchReindex": _Counts((2, 2)),
    "Bias": _Counts((1, 2)),
    "Concat": _Counts(_SOME),
    "Crop": _Counts((2, 2)),
    "Data": _Counts((0, 0), (1, 2)),
    "DummyData": _Counts((0, 0), _SOME),
    "Eltwise": _Counts((2, None)),
    "Filter": _Counts((2, None), _SOME),
    "HDF5Data": _Counts((0, 0), _SOME),
    "HDF5Output": _Counts((2, 2), (0, 0)),
    "ImageData": _Counts((0, 0), (2, 2)),
    "Input": _Counts((0, 0), _SOME),
    "LSTMUnit": _Counts((3, 3), (2, 2)),
    "MemoryData": _Counts((0, 0), (2, 2)),
    "Parameter": _Counts((0, 0)),
    "Scale": _Counts((1, 2)),
    "Silence": _Counts(_SOME, (0, 0)),
    "Slice": _Counts((1, 1), _SOME),
    "Split": _Counts((1, 1), _SOME),
    "WindowData": _Counts((0, 0), (2, 2)),
}


def wrong_count(layer: Layer) -> str | None:
    """What is wrong with the number of bottoms or tops; ``None`` where nothing is.

    Of a (De)convolution `windows` says it, which has a top for each bottom.
    """
    counts = _counts(layer)
    if counts is None:
        return None
    # Caffe gives a loss the tops that it lacks (``AutoTopBlobs``, net.cpp).
    tops = max(len(layer.top), 1) if layer.type in LOSSES else len(layer.top)
    for have, (low, high), noun in (
        (len(layer.bottom), counts.bottoms, "bottom"),
        (tops, counts.tops, "top"),
    ):
        if have < low or (high is not None and have > high):
            return f"{plural(have, noun)}, {layer.type} {_takes(noun)} {_wanted(low, high)}"
    if layer.type == "Filter" and len(layer.top) != len(layer.bottom) - 1:
        return f"{plural(len(layer.top), 'top')}, Filter makes one for each bottom but the last"
    return None


def _counts(layer: Layer) -> _Counts | None:
    if layer.type == "Pooling":  # the mask of a MAX is the second top (pooling_layer.hpp)
        method = layer.message.message("pooling_param").text("pool", "MAX")
        return _Counts((1, 1), (1, 2 if method == "MAX" else 1))
    if layer.type in ("LSTM", "RNN"):  # recurrent_layer.hpp: a state in and out, if exposed
        exposed = layer.message.message("recurrent_param").flag("expose_hidden", False)
        states = (2 if layer.type == "LSTM" else 1) if exposed else 0
        return _Counts((2 + states, 3 + states), (1 + states, 1 + states))
    return _COUNTS.get(layer.type)


def _takes(noun: str) -> str:
    return "takes" if noun == "bottom" else "makes"


def _wanted(low: int, high: int | None) -> str:
    if low == high:
        return str(low)
    return f"at least {low}" if high is None else f"{low} to {high}"
