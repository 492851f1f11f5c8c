"""Where a net and a model disagree on any layer, and what Caffe would do about it.

Caffe copies weights by layer name alone (``Net::CopyTrainedLayersFrom``), and it either ignores
silently what does not fit or ends the process; both are found here, over all layers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from deconvsurgery.caffemodel.model import Model, SourceLayer, Version
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.prototxt.net import Layer, Net, NetState, once
from deconvsurgery.shapes.analysis import analysed, states_apart
from deconvsurgery.wording import quoted, short

from .batch_norm import blobs_as_in
from .copied_layer import copy_stops, type_today
from .disagreement import Disagreement, Kind
from .loaded_blobs import Loading, is_found, loading
from .renamed_layers import Lacking, Renamed, renamed

if TYPE_CHECKING:
    from deconvsurgery.shapes.geometry import Shape
    from deconvsurgery.shapes.infer import LayerShapes


class Compatibility(NamedTuple):
    """How a net and a model fit, and what Caffe does where they do not.

    ``found`` is every disagreement, each kind once a layer: first the net's layers, then those it
    lacks. ``stops`` are by layer name all checks of Caffe's that fail, in its order: it ends at
    the first.
    """

    found: tuple[Disagreement, ...]
    stops: Mapping[str, tuple[Disagreement, ...]]


def disagreements(net: Net, model: Model, states: Sequence[NetState]) -> tuple[Disagreement, ...]:
    """What `compatibility` found, one after the other."""
    return compatibility(net, model, states).found


def compatibility(net: Net, model: Model, states: Sequence[NetState]) -> Compatibility:
    """Where they disagree; worked out once for the pair that was asked for last.

    A layer is judged in the states in which it is active; one that the net has in any state at
    all is not lacking. Nothing is said where the net leaves a shape open, but for the number of
    axes, which is that of the model's own blobs.
    """
    asked = tuple(states)
    known: WeakKeyDictionary[Model, Compatibility]  # of models that are still there
    known = once(net, ("compatibility", asked), WeakKeyDictionary)
    if model not in known:
        known[model] = _compatibility(net, model, asked)
    return known[model]


def _compatibility(net: Net, model: Model, states: Sequence[NetState]) -> Compatibility:
    met: dict[tuple[Kind, int], Disagreement] = {}
    stops: dict[str, dict[str, Disagreement]] = {}
    setups: dict[int, Lacking] = {}
    for state in states_apart(net, states):
        analysis = analysed(net, state, model)
        loaded = loading(analysis.net, model)
        for layer in analysis.net.layers:
            shapes = analysis.shapes[layer.index]
            setups.setdefault(layer.index, Lacking(layer, shapes, loaded))
            ended = False
            for found in _of_layer(layer, shapes, loaded, model):
                if found.stops:
                    stops.setdefault(layer.name, {}).setdefault(found.words, found)
                if not ended:
                    met.setdefault(
                        (found.kind, layer.index), found._replace(layer_index=layer.index)
                    )
                ended = found.stops
    keys = sorted(met, key=lambda key: key[1])
    own = {layer.name for layer in net.layers}
    strangers = {each.name: each for each in model.layers if each.blobs and each.name not in own}
    lacking = {met[key].layer: setups[key[1]] for key in keys if key[0] is Kind.MODEL_LACKS}
    near = renamed(lacking, strangers)
    return Compatibility(
        (
            *(_with_old_name(met[key], near) for key in keys),
            *_strangers(strangers, {it.name: new for new, it in near.items() if not it.stop}),
        ),
        {name: tuple(found.values()) for name, found in stops.items()},
    )


def _with_old_name(found: Disagreement, near: Mapping[str, Renamed]) -> Disagreement:
    """With the name that a layer may have in the model, where it lacks only this one."""
    old = near.get(found.layer) if found.kind is Kind.MODEL_LACKS else None
    if old is None:
        return found
    if old.stop is not None:
        words = (
            f"{found.words}; {quoted(old.name)}, of nearly this name, is another layer: under one "
            f"name Caffe would stop ({old.stop.words})"
        )
        return found._replace(words=words, nearly=old.name)
    words = (
        f"the model has no such layer, but {quoted(old.name)}, whose blobs fit: renamed? Caffe "
        "leaves this one at its filler and ignores that one; under one name it would load it"
    )
    return found._replace(words=words, renamed=old.name)


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
    hidden = bool(sources) and not is_found(sources[0])  # they have one name, in one form of file
    sources = () if hidden else sources
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
        why = "has it in a group in a group, where Caffe does not look" if hidden else None
        words = f"the model {why or 'has no such layer'}; Caffe leaves it at its filler"
        yield Disagreement(Kind.MODEL_LACKS, layer.name, words, line)


def blobs_by_net(shapes: LayerShapes) -> tuple[Shape, ...] | None:
    """What the net says of the weight blobs; the channels of a guess it does not say."""
    if shapes.guess is None or not shapes.blobs or shapes.blobs[0] is None:
        return shapes.blobs
    return ((None, *shapes.blobs[0][1:]), *shapes.blobs[1:])


def _received(
    layer: Layer, shapes: LayerShapes, sources: Sequence[SourceLayer], loaded: Loading
) -> Iterator[Disagreement]:
    """The model's layers of a name as Caffe copies them in turn.

    All that would stop it, or else what it passes over.
    """
    ended = False
    for source in sources:
        blobs = blobs_as_in(shapes, source.blobs) if shapes.forms else blobs_by_net(shapes)
        for stop in copy_stops(layer, blobs, source, loaded):
            ended = True
            yield stop
    if ended:
        return
    line = layer.line or None
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
