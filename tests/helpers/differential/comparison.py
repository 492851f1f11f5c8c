"""What a real Caffe does with a net, and what deconvsurgery says of it; where they differ."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import deconvsurgery as ds
from deconvsurgery.shapes.analysis import analysed
from deconvsurgery.shapes.connections import dropped_input
from helpers.real_caffe import Answer, real_caffe

if TYPE_CHECKING:
    from .random_nets import RandomNet

Shape = tuple[int, ...]


UNREAD: Final = ("read",)
"""What is said of a file that cannot be read."""
_UNREAD: Final = "ReadProtoFromTextFile(param_file, param) Failed to parse NetParameter file: "


class Outcome(NamedTuple):
    """One net (and model) asked of both.

    ``stops`` is what Caffe does, ``said`` the ids of the findings that say it (``read`` where the
    text cannot be read). ``shapes`` are those that differ although Caffe sets the net up.
    """

    number: int
    stops: bool
    said: tuple[str, ...]
    message: str = ""
    shapes: tuple[str, ...] = ()

    @property
    def agrees(self) -> bool:
        """Of stopping both say the same."""
        return self.stops == bool(self.said)

    @property
    def false_alarm(self) -> bool:
        """It is said that Caffe stops, and Caffe does not; a file that is not read says nothing."""
        return bool(self.said) and self.said != UNREAD and not self.stops

    @property
    def kind(self) -> str:
        """Caffe's message without what differs from net to net."""
        words = re.sub(
            r"/\S*prototxt|/\S*caffemodel|\"[^\"]*\"|'[^']*'|[-\d.]+(?:e[+-]?\d+)?",
            "#",
            self.message,
        )
        return words.replace("Check failed: ", "").replace(_UNREAD, "")[:150]


def outcome(number: int, net: RandomNet) -> Outcome:
    """A net asked of both."""
    answer = real_caffe(net.text, phase=net.phase, stages=net.stages, level=net.level)
    said, shapes = verdict(net, answer)
    return Outcome(number, answer.stops, said, answer.message, shapes)


def verdict(
    net: RandomNet, answer: Answer, model: Path | None = None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The ids that say that Caffe stops, and the shapes that are not Caffe's."""
    try:
        parsed = ds.parse_net(net.text.encode())
    except ds.SurgeryError:
        return UNREAD, ()
    try:
        found = ds.check(
            parsed,
            model,
            allow_empty=True,
            phase=net.phase,
            stage=net.stages,
            level=net.level,
        )
    except ds.SurgeryError:
        return UNREAD, ()
    said = tuple(sorted({each.id for each in found.findings if each.stops}))
    return said, () if answer.stops else tuple(_unlike(parsed, net, answer))


_SPLIT: Final = re.compile(r".*_split(_\d+)?\Z")


def _unlike(parsed: ds.Net, net: RandomNet, answer: Answer) -> Iterator[str]:
    """Blobs and tops that have other shapes than Caffe gives them."""
    (state,) = parsed.states(ds.Phase[net.phase.upper()], net.level, net.stages)
    analysis = analysed(parsed, state)
    layers = iter(answer.blobs)
    tops: dict[str, tuple[int | None, ...] | None] = {}
    for layer in (each for each in analysis.net.layers if not dropped_input(each)):
        own = analysis.shapes[layer.index]
        name, kind, blobs = next(each for each in layers if not _inserted(each, layer))
        if (name, kind) != (layer.name, layer.type):
            yield f"layer {layer.name}, Caffe's is {name}"
            return
        if own.blobs != blobs:
            yield f"{kind}: blobs {own.blobs}, Caffe's {blobs}"
        tops.update(zip(layer.top, own.tops, strict=True))
    for name, shape in tops.items():
        if name in answer.tops and shape != answer.tops[name]:
            yield f"top {name} of {shape}, Caffe's {answer.tops[name]}"


def _inserted(each: tuple[str, str, tuple[Shape, ...]], layer: ds.Layer) -> bool:
    """A Split that Caffe put in by itself."""
    name, kind, _ = each
    return kind == "Split" and name != layer.name and bool(_SPLIT.match(name))
