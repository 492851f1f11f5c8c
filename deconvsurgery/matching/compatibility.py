"""Where a net and a model disagree on any layer, and what Caffe would do about it.

Caffe copies weights by layer name alone (``Net::CopyTrainedLayersFrom``), and it either ignores
silently what does not fit or ends the process; both are found here, over all layers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from math import prod
from types import MappingProxyType
from typing import NamedTuple, TypeAlias
from weakref import ref

from deconvsurgery.caffe_fields import C3D_OWN_TYPES
from deconvsurgery.caffemodel.model import Model, SourceLayer, Version
from deconvsurgery.nearest import nearest
from deconvsurgery.prototxt.net import Layer, Net, NetState, once
from deconvsurgery.shapes.analysis import analysed
from deconvsurgery.shapes.geometry import Shape
from deconvsurgery.shapes.infer import LayerShapes
from deconvsurgery.wording import dims, plural, quoted, short

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


Numbers: TypeAlias = Mapping[str, int | tuple[int | None, ...] | None]


class Disagreement(NamedTuple):
    """One layer that net and model disagree on.

    ``words`` say what is so, without the layer's name in front; ``line`` and ``layer_index`` are
    the layer's place in the net. ``stops``: Caffe would end the process.
    ``renamed`` is nearly the same name, of a layer of this type that only the other of the two has.
    ``remedy`` is what no command does.
    ``numbers`` are what the net says and what the model has, as far as they are numbers.
    """

    kind: Kind
    layer: str
    words: str
    line: int | None = None
    stops: bool = False
    renamed: str | None = None
    remedy: str | None = None
    numbers: Numbers = MappingProxyType({})
    layer_index: int | None = None

    @property
    def message(self) -> str:
        """What is so and what Caffe does."""
        return f"{self.words}; Caffe stops at that" if self.stops else self.words


def disagreements(net: Net, model: Model, states: Sequence[NetState]) -> tuple[Disagreement, ...]:
    """Every disagreement, each kind once a layer: first the net's layers, then those it lacks.

    A layer is judged in the states in which it is active; one that the net has in any state at
    all is not lacking. Nothing is said where the net leaves a shape open, but for the number of
    axes, which is that of the model's own blobs.
    """
    asked = tuple(states)
    last: list[tuple[ref[Model], tuple[Disagreement, ...]]]  # of the model that was asked for last
    last = once(net, ("disagreements", asked), list)
    if not last or last[0][0]() is not model:
        last[:] = [(ref(model), _disagreements(net, model, asked))]
    return last[0][1]


def _disagreements(net: Net, model: Model, states: Sequence[NetState]) -> tuple[Disagreement, ...]:
    met: dict[tuple[Kind, int], Disagreement] = {}
    for state in states:
        analysis = analysed(net, state, model)
        loaded = loading(analysis.net, model)
        for layer in analysis.net.layers:
            for found in _of_layer(layer, analysis.shapes[layer.index], loaded, model):
                met.setdefault((found.kind, layer.index), found._replace(layer_index=layer.index))
    keys = sorted(met, key=lambda key: key[1])
    own = {layer.name for layer in net.layers}
    weighted = [source for source in model.layers if source.blobs]
    strangers = {each.name: type_today(each) for each in weighted if each.name not in own}
    types = {layer.index: (layer.name, layer.type) for layer in net.layers}
    lacking = dict(types[index] for kind, index in keys if kind is Kind.MODEL_LACKS)
    renamed = _renamed(lacking, strangers)
    return (
        *(_with_old_name(met[key], renamed) for key in keys),
        *_strangers(strangers, {old: new for new, old in renamed.items()}),
    )


def _with_old_name(found: Disagreement, renamed: Mapping[str, str]) -> Disagreement:
    """With the name that a layer has in the model, where it lacks only this one."""
    if found.kind is not Kind.MODEL_LACKS or found.layer not in renamed:
        return found
    old = renamed[found.layer]
    words = (
        f"the model has no such layer, but {quoted(old)}: renamed? "
        "Caffe would leave this one at its filler and ignore that one"
    )
    return found._replace(words=words, renamed=old)


def _strangers(names: Iterable[str], renamed: Mapping[str, str]) -> Iterator[Disagreement]:
    """Layers of the model that the net lacks; ``renamed``: what they may be called there."""
    for name in names:
        near = f" (renamed? it has {quoted(renamed[name])})" if name in renamed else ""
        words = f"the net has no such layer{near}; Caffe ignores its weights"
        yield Disagreement(Kind.NET_LACKS, name, words, renamed=renamed.get(name))


# ── the layers of one state ──────────────────────────────────────────────────────────────


def _of_layer(
    layer: Layer, shapes: LayerShapes, loaded: Loading, model: Model
) -> Iterator[Disagreement]:
    """What becomes of a layer that Caffe sets up."""
    sources = model.by_name.get(layer.name, ())
    blobs, line = blobs_by_net(shapes), layer.line or None
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


def blobs_by_net(shapes: LayerShapes) -> tuple[Shape, ...] | None:
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
        blobs = blobs_as_in(shapes, source.blobs) if shapes.forms else blobs_by_net(shapes)
        refused = _refused(layer, blobs, source, loaded)
        if refused is not None:
            kind, words, numbers = refused
            counts = (len(blobs or ()), len(source.blobs)) if kind is Kind.BLOBS else (0, 0)
            fused = scale_is_elsewhere(layer.type, *counts)
            words += f" ({fused})" if fused else ""
            yield Disagreement(
                kind,
                layer.name,
                words,
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
    other = type_today(sources[-1])
    if sources[-1].blobs and other not in ("", layer.type):
        words = (
            f"the net calls it {short(layer.type)}, the model {short(other)}; "
            "Caffe does not look at the type"
        )
        yield Disagreement(Kind.TYPE, layer.name, words, line)


def _refused(
    layer: Layer, blobs: tuple[Shape, ...] | None, source: SourceLayer, loaded: Loading
) -> tuple[Kind, str, Numbers] | None:
    """The first check of Caffe's that fails, in the order in which it makes them."""
    other = type_today(source)
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
        numbers: Numbers = {
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
            f"{short(dims(blob.shape))} {_shape_words(blob.shape)}",
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


def _shape_words(shape: Sequence[int]) -> str:
    return f"says {prod(shape)}" if min(shape, default=0) >= 0 else "is none that a blob can have"


def type_today(source: SourceLayer) -> str:
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
