"""The disagreements of a net and a model in few sentences: what a table or a page says of them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Final

from deconvsurgery.wording import agreed, listed, quoted

from .disagreement import Disagreement, Kind

_SHOWN: Final = 5

# What does not stop Caffe, when several layers have it in common.
_SENTENCES: Final[Mapping[Kind, str]] = {
    Kind.NET_LACKS: "the model has weights for {} layers that the net lacks ({}); "
    "Caffe ignores them",
    Kind.MODEL_LACKS: "the net has {} layers with weights that the model lacks ({}); "
    "Caffe leaves them at their fillers",
    Kind.TWICE_IN_NET: "the net has {} names more than once ({}); "
    "Caffe loads weights into one layer of each only",
    Kind.TWICE_IN_MODEL: "the model has {} names more than once ({}); "
    "Caffe copies each layer, the last wins",
    Kind.TYPE: "net and model call {} layers by different types ({}); "
    "Caffe does not look at the type",
}


def in_words(found: Sequence[Disagreement], *, but: Container[str] = ()) -> tuple[str, ...]:
    """Few sentences for all of it: first where Caffe would stop, then one for each other kind.

    Layers named in ``but`` are left out.
    """
    # Layers of one name, in several phases, are one to the reader where the same is so of them.
    judged = [*{(each.layer, each.words): each for each in found if each.layer not in but}.values()]
    stops = [each for each in judged if each.stops]
    words = [
        f"Caffe would stop at layer {quoted(each.layer)}: {each.words}" for each in stops[:_SHOWN]
    ]
    more = len(stops) - _SHOWN
    if more > 0:
        words.append(f"Caffe would stop at {more:,} more {agreed(more, 'layer', 'layers')}")
    for kind, sentence in _SENTENCES.items():
        alike = [each for each in judged if each.kind is kind]
        if len(alike) == 1:
            words.append(f"layer {quoted(alike[0].layer)}: {alike[0].message}")
        elif alike:
            names = listed([quoted(each.layer) for each in alike])
            words.append(sentence.format(f"{len(alike):,}", names) + _pairs(alike))
    return tuple(words)


def _pairs(alike: Iterable[Disagreement]) -> str:
    """Which of the layers that the net lacks it may have under another name."""
    pairs = [
        f"{quoted(found.layer)} → {quoted(found.renamed)}"
        for found in alike
        if found.renamed and found.kind is Kind.NET_LACKS
    ]
    return f"; renamed? {listed(pairs)}" if pairs else ""
