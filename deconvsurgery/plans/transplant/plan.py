"""Old weights into a new net: FCN's ``transplant`` and ``expand_score``, decided blob by blob.

Facts: ``surgery.py`` of shelhamer/fcn.berkeleyvision.org.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING

from deconvsurgery.caffemodel.read_values import inner_product_param
from deconvsurgery.caffemodel.source_blob import SourceBlob
from deconvsurgery.errors import MismatchError, SelectionError
from deconvsurgery.matching.batch_norm import (
    BATCH_NORM,
    REMEDY,
    blobs_as_in,
    is_set_of,
    scale_is_elsewhere,
)
from deconvsurgery.matching.shared_blobs import Owner, owners
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.prototxt.net import Layer
from deconvsurgery.prototxt.selection import active_layers
from deconvsurgery.shapes.analysis import analysed, states_apart
from deconvsurgery.shapes.fillers import filler_value
from deconvsurgery.wording import dims, listed, plural, quoted

from .blobs import (
    RENAME,
    Graft,
    Origin,
    as_it_is,
    check_readable,
    expanded_rows,
    refitted,
)

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.model import Model, SourceLayer
    from deconvsurgery.prototxt.net import Net, NetState
    from deconvsurgery.shapes.geometry import Shape
    from deconvsurgery.shapes.infer import LayerShapes


class LayerGraft(NamedTuple):
    """A layer of the new net; ``old`` is the model's layer that its weights come from.

    ``left`` says why its blobs are left to Caffe, which makes them when it sets up the net: a
    model has to leave out the whole layer then, since Caffe stops at one without its blobs.
    ``told`` is what else is to be said, ``dropped`` are old blobs for which it has no place.
    """

    layer: Layer
    blobs: tuple[Graft, ...] = ()
    old: str | None = None
    told: tuple[str, ...] = ()
    left: str | None = None
    dropped: tuple[SourceBlob, ...] = ()


class Grafting(NamedTuple):
    """What becomes of a model's weights in another net.

    ``layers`` are those of the new net, in its order. ``dropped`` are names of old layers with
    weights that find no place in it.
    """

    layers: tuple[LayerGraft, ...]
    dropped: tuple[str, ...] = ()


def make_grafting(
    net: Net,
    model: Model,
    states: Sequence[NetState],
    *,
    suffix: str = "",
    expand: Mapping[str, str] | None = None,
    flat: bool = False,
    upsampling: Collection[str] = (),
) -> Grafting:
    """Decide what becomes of each layer; ``expand`` gives new score layers their old ones.

    A name is looked for with ``suffix`` behind it. ``flat`` copies values in their order whatever
    the shapes, cut off or repeated, as numpy's ``.flat`` does for FCN. Weights of the layers in
    ``upsampling`` are to be made: old ones may fit or not. Raises ``MismatchError`` that names
    every layer whose weights do not fit, ``SelectionError`` for one that is not there.
    """
    expand = expand or {}
    layers = _layers(net, states)
    _check_names(expand, layers, model)
    setups = _setups(net, model, states)
    sources = {source.name + suffix: source for source in model.layers if source.blobs}
    shared = owners(net, states)
    memory: dict[Owner, Graft] = {}
    found: list[LayerGraft] = []
    refused: list[tuple[str, MismatchError]] = []
    for layer in layers:
        setup, old = setups[layer.name], expand.get(layer.name)
        source = model.by_name[old][-1] if old else sources.get(layer.name)
        own = [(layer.name, position) for position in range(len(setup.blobs or ()))]
        own = [shared.get(place, place) for place in own]
        lent = {position: memory[place] for position, place in enumerate(own) if place in memory}
        try:
            if source is not None and not flat:
                _refuse_turned(layer, source, model)
            graft = _grafted(layer, setup, source, lent, expanded=bool(old), flat=flat)
        except MismatchError as refusal:
            if layer.name not in upsampling or old:
                refused.append((layer.name, refusal))
                continue
            graft = _by_filler(layer, setup, lent)
            graft = graft._replace(told=(f"old weights dropped: {refusal.message}",))
        found.append(graft)
        # Of shared memory the last copy loaded wins, unless it is the filler's.
        for place, blob in zip(own, graft.blobs, strict=False):
            if blob.origin is not Origin.CONSTANT:
                memory[place] = blob
            memory.setdefault(place, blob)
    if refused:
        raise _all_refused(refused)
    used = {graft.old for graft in found}
    dropped = [each.name for each in model.layers if each.blobs and each.name not in used]
    return Grafting(tuple(found), tuple(dict.fromkeys(dropped)))


def _all_refused(refused: Sequence[tuple[str, MismatchError]]) -> MismatchError:
    hints = dict.fromkeys(refusal.hint for _, refusal in refused if refusal.hint)
    hint = "; ".join(hints) or None
    if len(refused) == 1:
        ((name, only),) = refused
        return MismatchError(f"layer {quoted(name)}: {only.message}", layer=name, hint=hint)
    lines = "\n".join(f"  {quoted(name)}: {refusal.message}" for name, refusal in refused)
    message = f"the weights of {len(refused)} layers do not fit:\n{lines}"
    return MismatchError(message, layer=refused[0][0], hint=hint)


def _layers(net: Net, states: Sequence[NetState]) -> list[Layer]:
    """Every layer that is active in a state, the first of each name."""
    first: dict[str, Layer] = {}
    for layer in active_layers(net, states):
        first.setdefault(layer.name, layer)
    return list(first.values())


def _setups(net: Net, model: Model, states: Sequence[NetState]) -> dict[str, LayerShapes]:
    """Each layer as it is set up in the state that says most of its blobs.

    Where the net leaves the number of axes open, it has that of the old model's blobs.
    """
    found: dict[str, LayerShapes] = {}
    for state in states_apart(net, states):
        analysis = analysed(net, state, model)
        layers = reversed(analysis.net.layers)
        first = {layer.name: analysis.shapes[layer.index] for layer in layers}
        for name, setup in first.items():
            if name not in found or _unknown(setup) < _unknown(found[name]):
                found[name] = setup
    return found


def _unknown(setup: LayerShapes) -> tuple[bool, int]:
    shapes = setup.blobs or ()
    return setup.blobs is None, sum(shape is None or None in shape for shape in shapes)


def _check_names(expand: Mapping[str, str], layers: Sequence[Layer], model: Model) -> None:
    own = {layer.name for layer in layers}
    for new, old in expand.items():
        if new not in own:
            raise SelectionError(f"`expand_score=…`: the new net has no layer {quoted(new)}")
        if old not in model.by_name or not model.by_name[old][-1].blobs:
            weighted = [layer.name for layer in model.layers if layer.blobs]
            raise SelectionError(
                f"`expand_score=…`: the old model has no weights for a layer {quoted(old)}",
                hint=f"it has {listed([*map(quoted, weighted)])}" if weighted else None,
            )


# ── one layer ──


def _refuse_turned(layer: Layer, source: SourceLayer, model: Model) -> None:
    """Raise ``MismatchError`` where one InnerProduct has its weights transposed, and one has not.

    A square one fits by its shape, and computes something else. Only a binary model's own
    ``inner_product_param`` says how it is.
    """
    if source.type != "InnerProduct" or not source.inner_product_param:
        return
    old = inner_product_param(model, source).flag("transpose", False)
    param = layer.message.message("inner_product_param")
    new = layer.type == "InnerProduct" and param.flag("transpose", False)
    if old != new:
        have, want = ("(inputs, outputs)", "(outputs, inputs)")[:: 1 if old else -1]
        raise MismatchError(
            f"the old InnerProduct has transpose: {str(old).lower()}, its weights are {have}; "
            f"here they are {want}",
            hint="give the new net's layer the same transpose as the old one's"
            if layer.type == "InnerProduct"
            else RENAME,
        )


def _grafted(
    layer: Layer,
    setup: LayerShapes,
    source: SourceLayer | None,
    lent: Mapping[int, Graft],
    *,
    expanded: bool,
    flat: bool,
) -> LayerGraft:
    """``lent`` are blobs that earlier layers share with it."""
    expected = setup.blobs
    if source is None:
        return _by_filler(layer, setup, lent)
    for position, blob in enumerate(source.blobs[: None if expected is None else len(expected)]):
        check_readable(position, blob)
    if setup.problem is not None:
        raise MismatchError(
            f"Caffe would not set it up: {setup.problem}",
            hint="fix the layer in the net first; `check` says what else is wrong",
        )
    if expected is None:  # a type that is not known: the old blobs as they are
        return LayerGraft(layer, tuple(map(as_it_is, source.blobs)), source.name)
    counts = {len(expected), len(source.blobs)}
    if layer.type == BATCH_NORM and (setup.forms or counts != {_STATISTICS}):
        return _batch_norm(layer, setup, source)
    notes = []
    dropped = source.blobs[len(expected) :]
    if dropped:
        notes.append(
            f"{len(dropped)} of {len(source.blobs)} old blobs dropped: it has {len(expected)}"
        )
    grafts = tuple(
        expanded_rows(position, blob, shape, layer)
        if expanded
        else refitted(position, blob, shape, flat)
        for position, (blob, shape) in enumerate(zip(source.blobs, expected, strict=False))
    )
    missing = expected[len(grafts) :]
    if missing and grafts:
        grafts += _constants(layer, len(grafts), missing, lent)
        count = plural(len(expected), "blob")
        notes.append(f"{len(missing)} of {count} made, which the old layer lacks")
    return LayerGraft(layer, grafts, source.name if grafts else None, tuple(notes), dropped=dropped)


_STATISTICS = 3  # blobs of a BatchNorm without scale and shift


def _batch_norm(layer: Layer, setup: LayerShapes, source: SourceLayer) -> LayerGraft:
    """Blobs that are the net's as they stand: which is which depends on the fork."""
    expected = blobs_as_in(setup, source.blobs) or ()
    if is_set_of(expected, source.blobs):
        return LayerGraft(layer, tuple(map(as_it_is, source.blobs)), source.name)
    why = scale_is_elsewhere(layer.type, len(expected), len(source.blobs))
    raise MismatchError(
        f"it takes {len(expected)} blobs, the old BatchNorm has {len(source.blobs)}"
        + (f" ({why})" if why else " of other shapes"),
        hint=REMEDY if why else "forks keep them in other orders: nothing here moves them",
    )


# ── what the old model lacks ──


def _by_filler(layer: Layer, setup: LayerShapes, lent: Mapping[int, Graft]) -> LayerGraft:
    """Constant fillers are carried out, as Caffe would; others are left to Caffe."""
    if setup.blobs is None:
        if not layer.bottom:  # it brings in data
            return LayerGraft(layer)
        unknown = f"what weights a {quoted(layer.type)} layer has is not known"
        return LayerGraft(layer, left=setup.problem or unknown)
    if setup.forms:
        return LayerGraft(layer, left="what blobs it has depends on the fork of Caffe")
    try:
        return LayerGraft(layer, _constants(layer, 0, setup.blobs, lent))
    except MismatchError as left:
        return LayerGraft(layer, left=left.message)


def _constants(
    layer: Layer, first: int, expected: Sequence[Shape], lent: Mapping[int, Graft]
) -> tuple[Graft, ...]:
    """Blobs from the position ``first`` on, by their fillers or ``lent``."""
    found = []
    for position, shape in enumerate(expected, first):
        full = tuple(dim for dim in shape or () if dim is not None)
        known = shape is not None and len(full) == len(shape)
        theirs, value = lent.get(position), filler_value(layer, position)
        if theirs is not None and (not known or prod(full) == prod(theirs.shape)):
            found.append(theirs._replace(shape=full) if known else theirs)
        elif value is None:
            raise MismatchError(f"blob {position} has a filler that is not constant")
        elif not known:
            raise MismatchError(
                f"the net does not tell the shape of blob {position}: {dims(shape)}"
            )
        else:
            found.append(Graft(full, Origin.CONSTANT, value=value))
    return tuple(found)
