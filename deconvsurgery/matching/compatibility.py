"""Where a net and a model disagree on any layer, and what Caffe would do about it.

Caffe copies weights by layer name alone (``Net::CopyTrainedLayersFrom``), and it either ignores
silently what does not fit or ends the process; both are told here, over all layers.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from math import prod
from typing import Final, TypeAlias

from deconvsurgery.caffe_fields import C3D_OWN_TYPES
from deconvsurgery.caffemodel.model import (
    Model,
    SourceLayer,
    Version,
)
from deconvsurgery.nearest import nearest
from deconvsurgery.prototxt.net import Layer, Net, NetState
from deconvsurgery.shapes.geometry import Shape
from deconvsurgery.shapes.infer import LayerShapes, infer_shapes
from deconvsurgery.wording import agreed, dims, listed, plural, quoted, short

from .batch_norm import REMEDY, blobs_as_in, scale_is_elsewhere
from .loaded_blobs import Loading, loading


class Kind(StrEnum):
    """What net and model disagree on."""

    NET_LACKS = "net-lacks"
    MODEL_LACKS = "model-lacks"
    TYPE = "type"
    BLOBS = "blobs"
    SHAPE = "shape"
    VALUES = "values"
    TWICE_IN_NET = "twice-in-net"
    TWICE_IN_MODEL = "twice-in-model"


Said: TypeAlias = int | tuple[int | None, ...] | None


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One layer that net and model disagree on.

    ``message`` says what is so and what Caffe does, without the layer's name in front; ``line``
    and ``index`` are the layer's place in the net. ``stops``: Caffe would end the process.
    ``renamed`` is nearly the same name, of a layer of this type that only the other of the two has.
    ``remedy`` is what no command does.
    ``numbers`` are what the net says and what the model has, as far as numbers tell it.
    """

    kind: Kind
    layer: str
    message: str
    line: int | None = None
    stops: bool = False
    renamed: str | None = None
    remedy: str | None = None
    numbers: Mapping[str, Said] = field(default_factory=dict)
    index: int | None = None


def disagreements(net: Net, model: Model, states: Sequence[NetState]) -> tuple[Disagreement, ...]:
    """Every disagreement, each kind once a layer: first the net's layers, then those it lacks.

    A layer is judged in the states in which it is active; one that the net has in any state at
    all is not lacking. Nothing is said where the net leaves a shape open, but for the number of
    axes, which the model's own blobs tell.
    """
    met: dict[tuple[Kind, int], Disagreement] = {}
    for state in states:
        active = net.filtered(state)
        shapes, loaded = infer_shapes(active, model.shapes, channels=False), loading(active, model)
        for layer in active.layers:
            for each in _of_layer(layer, shapes[layer.index], loaded, model):
                met.setdefault((each.kind, layer.index), replace(each, index=layer.index))
    keys = sorted(met, key=lambda key: key[1])
    found = [met[key] for key in keys]
    own = {layer.name for layer in net.layers}
    weighted = [source for source in model.layers if source.blobs]
    strangers = {each.name: told_type(each) for each in weighted if each.name not in own}
    types = {layer.index: (layer.name, layer.type) for layer in net.layers}
    lacking = dict(types[index] for kind, index in keys if kind is Kind.MODEL_LACKS)
    renamed = _renamed(lacking, strangers)
    for position, each in enumerate(found):
        if each.kind is Kind.MODEL_LACKS and each.layer in renamed:
            old = renamed[each.layer]
            found[position] = replace(
                each,
                message=f"the model has no such layer, but {quoted(old)}: renamed? "
                "Caffe would leave this one at its filler and ignore that one",
                renamed=old,
            )
    now = {old: new for new, old in renamed.items()}
    for name in strangers:
        near = f" (renamed? it has {quoted(now[name])})" if name in now else ""
        words = f"the net has no such layer{near}; Caffe ignores its weights"
        found.append(Disagreement(Kind.NET_LACKS, name, words, renamed=now.get(name)))
    return tuple(found)


# ── the layers of one state ──────────────────────────────────────────────────────────────


def _of_layer(
    layer: Layer, shapes: LayerShapes, loaded: Loading, model: Model
) -> Iterator[Disagreement]:
    """What becomes of a layer that Caffe sets up."""
    sources = model.by_name.get(layer.name, ())
    blobs, line = told_blobs(shapes), layer.line or None
    if sources and layer is loaded.filled[layer.name]:
        yield from _received(layer, shapes, sources, loaded)
    elif None not in [loaded.blob(layer, position) for position in range(len(blobs or ()))]:
        return
    elif sources:
        last = model.version is Version.HDF5
        other = loaded.filled[layer.name].line
        words = (
            f"{'a later' if last else 'an earlier'} layer has this name"
            f"{f' (line {other})' if other else ''}; Caffe loads weights into that one only"
        )
        yield Disagreement(Kind.TWICE_IN_NET, layer.name, words, line)
    else:
        words = "the model has no such layer; Caffe leaves it at its filler"
        yield Disagreement(Kind.MODEL_LACKS, layer.name, words, line)


def told_blobs(shapes: LayerShapes) -> tuple[Shape, ...] | None:
    """What the net says of the weight blobs; the channels of a guess it does not say."""
    if shapes.guess is None or not shapes.blobs or shapes.blobs[0] is None:
        return shapes.blobs
    return ((None, *shapes.blobs[0][1:]), *shapes.blobs[1:])


def _received(
    layer: Layer, shapes: LayerShapes, sources: Sequence[SourceLayer], loaded: Loading
) -> Iterator[Disagreement]:
    """The model's layers of a name as Caffe copies them: in turn, until it stops."""
    line = layer.line or None
    for source in sources:
        blobs = blobs_as_in(shapes, source.blobs) if shapes.forms else told_blobs(shapes)
        refused = _refused(layer, blobs, source, loaded)
        if refused is not None:
            kind, words, numbers = refused
            counts = (len(blobs or ()), len(source.blobs)) if kind is Kind.BLOBS else (0, 0)
            fused = scale_is_elsewhere(layer.type, *counts)
            words += f" ({fused})" if fused else ""
            yield Disagreement(
                kind,
                layer.name,
                words + _STOPS,
                line,
                stops=True,
                remedy=REMEDY if fused else None,
                numbers=numbers,
            )
            return
    if len(sources) > 1 and sources[-1].blobs:
        count = len(sources)
        words = f"the model has {count} layers of this name; Caffe copies each, the last wins"
        yield Disagreement(Kind.TWICE_IN_MODEL, layer.name, words, line)
    other = told_type(sources[-1])
    if sources[-1].blobs and other not in ("", layer.type):
        words = (
            f"the net calls it {short(layer.type)}, the model {short(other)}; "
            "Caffe does not look at the type"
        )
        yield Disagreement(Kind.TYPE, layer.name, words, line)


_STOPS: Final = "; Caffe stops at that"


def _refused(
    layer: Layer, blobs: tuple[Shape, ...] | None, source: SourceLayer, loaded: Loading
) -> tuple[Kind, str, Mapping[str, Said]] | None:
    """The first check of Caffe's that fails, in the order in which it makes them."""
    other = told_type(source)
    has = "the model has" if other in ("", layer.type) else f"the model's {short(other)} has"
    count = sum(not blob.absent for blob in source.blobs)
    if blobs is not None and _other_count(layer, len(blobs), source, loaded):
        gives = plural(len(blobs), "blob") if blobs else "no blobs"
        return (
            Kind.BLOBS,
            f"the net gives it {gives}, {has} {count or 'none'}",
            {"net": len(blobs), "model": count},
        )
    for position, blob in enumerate(source.blobs):
        if blob.absent:
            continue
        shape = None if blobs is None else blobs[position]
        if not blob.agrees(shape):
            return (
                Kind.SHAPE,
                f"the net gives its blob {position} the shape {short(dims(shape))}, "
                f"{has} {short(dims(blob.shape))}",
                {"blob": position, "net": shape, "model": blob.shape},
            )
        if blob.fills(blob.shape):
            continue
        numbers: Mapping[str, Said] = {
            "blob": position,
            "shape": blob.shape,
            "values": blob.count,
        }
        if blob.has_diff and not blob.count:
            return (
                Kind.VALUES,
                f"the values of its blob {position} are only in diff",
                numbers,
            )
        return (
            Kind.VALUES,
            f"its blob {position} in the model has "
            f"{plural(blob.count, 'value') if blob.count else 'no values'}, where its shape "
            f"{short(dims(blob.shape))} {_says(blob.shape)}",
            numbers,
        )
    return None


def _other_count(layer: Layer, wanted: int, source: SourceLayer, loaded: Loading) -> bool:
    """Whether Caffe stops at the number of blobs.

    In an HDF5 file the blobs that the layer shares with an earlier one may be left out
    (``Net::CopyTrainedLayersFromHDF5``), in a binary file none.
    """
    has = len(source.blobs)
    if source.version is not Version.HDF5:
        return has != wanted
    lacking = [place for place in range(wanted) if place >= has or source.blobs[place].absent]
    return has > wanted or not all(loaded.shares(layer, place) for place in lacking)


def _says(shape: Sequence[int]) -> str:
    return f"says {prod(shape)}" if min(shape, default=0) >= 0 else "is none that a blob can have"


def told_type(source: SourceLayer) -> str:
    """A type by Caffe's name of today; empty for a fork's of V1 times and a V0 name."""
    foreign = source.version is Version.V0 or source.type.startswith("V1 type")
    foreign = foreign or source.type in C3D_OWN_TYPES  # a net of today has them as Caffe's
    return "" if foreign else source.type


# Names are compared in pairs, which is slow, and only helps: no more than these, none longer.
_LACKING, _STRANGERS, _LONGEST = 50, 100, 80


def _renamed(lacking: Mapping[str, str], strangers: Mapping[str, str]) -> dict[str, str]:
    """By the name of a layer the model lacks: one that the net lacks, of its type."""
    ours = [name for name in lacking if len(name) <= _LONGEST][:_LACKING]
    theirs = [name for name in strangers if len(name) <= _LONGEST][:_STRANGERS]
    found: dict[str, str] = {}
    for name in ours:
        alike = [other for other in theirs if strangers[other] in ("", lacking[name])]
        near = nearest(name, alike, 0.8)
        if near is not None:
            found[name] = near
            theirs.remove(near)
    return found


# ── in words ─────────────────────────────────────────────────────────────────────────────

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
    told = [*{(each.layer, each.message): each for each in found if each.layer not in but}.values()]
    stops = [each for each in told if each.stops]
    words = [
        f"Caffe would stop at layer {quoted(each.layer)}: {each.message.removesuffix(_STOPS)}"
        for each in stops[:_SHOWN]
    ]
    more = len(stops) - _SHOWN
    if more > 0:
        words.append(f"Caffe would stop at {more:,} more {agreed(more, 'layer', 'layers')}")
    for kind, sentence in _SENTENCES.items():
        alike = [each for each in told if each.kind is kind]
        if len(alike) == 1:
            words.append(f"layer {quoted(alike[0].layer)}: {alike[0].message}")
        elif alike:
            names = listed([quoted(each.layer) for each in alike])
            words.append(sentence.format(f"{len(alike):,}", names) + _pairs(alike))
    return tuple(words)


def _pairs(alike: Iterable[Disagreement]) -> str:
    """Which of the layers that the net lacks it may have under another name."""
    pairs = [
        f"{quoted(each.layer)} → {quoted(each.renamed)}"
        for each in alike
        if each.renamed and each.kind is Kind.NET_LACKS
    ]
    return f"; renamed? {listed(pairs)}" if pairs else ""
