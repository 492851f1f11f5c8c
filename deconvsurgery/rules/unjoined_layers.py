"""DS015: layers whose bottoms do not meet, or whose blobs nobody makes: Caffe stops there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final

from deconvsurgery.nearest import nearest
from deconvsurgery.shapes.analysis import Analysis, analysed, states_apart
from deconvsurgery.shapes.connections import Fault, Unjoined, dropped_input
from deconvsurgery.wording import quoted

from .finding import Broken, Finding, Found, Number, Repair

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.model import Model
    from deconvsurgery.prototxt.net import Layer, Net, NetState

# Names are compared in pairs, which only helps: no more than these, none longer, for the first few.
_MOST, _LONGEST, _SUGGESTIONS = 1000, 80, 20

# Types whose bottoms have to meet, and what brings them together.
MEETINGS: Final = {
    "Crop": "a smaller offset, or a larger first bottom",
    "Concat": "give its bottoms the same size but for the axis that is joined",
    "Eltwise": "give its bottoms the same size: by pads and strides, or by a Crop",
}


def unmet(net: Net, model: Model | None, states: Sequence[NetState]) -> Iterator[Found]:
    """A finding for each layer that stops Caffe, in the net's order.

    Nothing is said of sizes that a fork may know better, nor of a bottom that is made in another
    of the states: a net for training alone has no data to test with.
    """
    found: dict[int, Finding] = {}
    for state in states_apart(net, states):
        analysis = analysed(net, state, model)
        for index, finding in (*_unjoined(net, analysis, states), *_sizes(analysis)):
            found.setdefault(index, finding)
    for index in sorted(found):
        yield Found(found[index], index)


def _sizes(analysis: Analysis) -> Iterator[tuple[int, Finding]]:
    shapes = analysis.shapes
    for layer in analysis.net.layers:
        if layer.type not in MEETINGS:
            continue
        own = shapes[layer.index]
        if own.problem is not None and layer.index not in analysis.uncertain:
            yield (
                layer.index,
                _finding(
                    layer,
                    f"{own.problem}; Caffe stops at that",
                    {"bottoms": own.bottoms},
                    MEETINGS[layer.type],
                ),
            )


def _unjoined(
    net: Net, analysis: Analysis, states: Sequence[NetState]
) -> Iterator[tuple[int, Finding]]:
    if not analysis.unjoined:
        return
    reported: set[str] = set()
    anywhere, here = _Makers(net.layers), _Makers(analysis.net.layers)
    for found in analysis.unjoined:
        if found.fault is Fault.UNKNOWN_BOTTOM:
            # The first that reads it is where Caffe stops. A bottom that a layer before it makes
            # in some other state may be the one that is meant.
            made = len(states) > 1 and anywhere.before(found.blob, found.layer)
            if found.blob in reported or made:
                continue
            reported.add(found.blob)
            yield found.layer.index, _unknown(here, found, suggest=len(reported) <= _SUGGESTIONS)
        else:
            yield found.layer.index, _twice(found)


class _Makers:
    """Which layers make a blob."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.first: dict[str, Layer] = {}
        self.dropped: set[str] = set()  # of inputs that Caffe leaves out
        for layer in layers:
            if dropped_input(layer):
                self.dropped.update(layer.top)
                continue
            for name in layer.top:
                self.first.setdefault(name, layer)

    def before(self, blob: str, layer: Layer) -> bool:
        """A layer before that one makes it."""
        return blob in self.first and self.first[blob].index < layer.index


def _unknown(makers: _Makers, found: Unjoined, *, suggest: bool) -> Finding:
    near = None
    words, repair = "", "name a blob that a layer before it makes"
    if found.blob in makers.dropped:
        words, repair = " (an input has no size)", "give the input a size: input_shape"
    elif found.blob in makers.first:
        words, repair = " (a later one does)", "put the layer that makes it ahead of this one"
    elif suggest and len(found.blob) <= _LONGEST:
        earlier = (name for name in makers.first if makers.before(name, found.layer))
        short = (name for name in earlier if len(name) <= _LONGEST)
        near = nearest(found.blob, islice(short, _MOST), 0.8)
        if near is not None:
            words, repair = f" (is {quoted(near)} meant?)", f"name it {quoted(near)}"
    return _finding(
        found.layer,
        f"no layer before it makes its bottom {quoted(found.blob)}{words}; Caffe stops at that",
        {"bottom": found.blob, "nearest": near},
        repair,
    )


def _twice(found: Unjoined) -> Finding:
    earlier = found.earlier.line if found.earlier else None
    where = f" (line {earlier})" if earlier else ""
    if found.fault is Fault.SPLIT_IN_PLACE:
        words = (
            f"it works in place on {quoted(found.blob)}{where}, which is read by another layer, "
            "too, or is a loss: Caffe stops at that"
        )
    else:
        words = (
            f"its top {quoted(found.blob)} is made by an earlier layer, too{where}; "
            "Caffe stops at that"
        )
    return _finding(found.layer, words, {"top": found.blob}, "give its top a name of its own")


def _finding(layer: Layer, words: str, numbers: Mapping[str, Number], repair: str) -> Finding:
    return Broken(words, numbers, Repair(repair), stops=True).finding("DS015", layer)
