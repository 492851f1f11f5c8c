"""Layers that share a weight blob by a param name: filled together, or not at all.

Shared parameters are one memory in Caffe but a copy a layer in a binary file, and the last copy
loaded wins: so all copies are rewritten or none. An HDF5 file has them once, at the first of the
layers, their owner.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias, TypeVar

from deconvsurgery.caffemodel.model import Model, Version
from deconvsurgery.caffemodel.source_blob import ABSENT
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.prototxt.net import Layer, Net, NetState, once
from deconvsurgery.prototxt.selection import DECONVOLUTION, Selection

from .refusal import Refusal

Key = TypeVar("Key", str, int)
Owner: TypeAlias = tuple[str, int]
"""A layer's name and the position of one of its blobs."""


def owners(net: Net, states: Sequence[NetState]) -> Mapping[Owner, Owner]:
    """Of each blob that shares an earlier one's memory, which that is (``Net::AppendParam``).

    Only layers of one state share memory; a name that a TRAIN and a TEST layer give to their blobs
    joins them only if a third layer, of both phases, has it too.
    """
    return once(net, ("owners", tuple(states)), lambda: _owners(net, states))


def _owners(net: Net, states: Sequence[NetState]) -> dict[Owner, Owner]:
    place: dict[str, int] = {}
    for layer in net.layers:
        place.setdefault(layer.name, layer.index)
    earlier: dict[Owner, Owner] = {}

    def first(own: Owner) -> Owner:
        way = []
        while own in earlier:
            way.append(own)
            own = earlier[own]
        earlier.update(dict.fromkeys(way, own))  # the next one need not go it again
        return own

    for state in states:
        for pair in first_of_each(_params(net.filtered(state))).items():
            one, other = sorted(map(first, pair), key=lambda own: (place[own[0]], own[1]))
            if one != other:
                earlier[other] = one
    return {own: first(own) for own in tuple(earlier)}


def owners_by_model(model: Model) -> dict[Owner, Owner]:
    """As `owners`, as the layers of a binary model name them."""
    return first_of_each((layer.name, layer.param_names) for layer in model.layers)


def _params(net: Net) -> Iterator[tuple[str, list[str]]]:
    layers = (layer for layer in net.layers if layer.param)
    return ((layer.name, [spec.name for spec in layer.param]) for layer in layers)


def first_of_each(
    layers: Iterable[tuple[Key, Sequence[str]]],
) -> dict[tuple[Key, int], tuple[Key, int]]:
    """Of each blob whose param name an earlier one has, which that is, by what layers go by."""
    first: dict[str, tuple[Key, int]] = {}
    found: dict[tuple[Key, int], tuple[Key, int]] = {}
    for layer, params in layers:
        for position, param in enumerate(params):
            own = (layer, position)
            if param and first.setdefault(param, own) != own:
                found[own] = first[param]
    return found


def with_shared(model: Model, owned: Mapping[Owner, Owner]) -> Model:
    """An HDF5 model in which each layer has the blobs it shares, from whichever layer has them.

    The owner in the state of the net that was saved need not be the owner in another state.
    """
    if model.version is not Version.HDF5 or not owned:
        return model
    blobs = {layer.name: list(layer.blobs) for layer in model.layers}
    present = {
        (name, position): blob
        for name, own in blobs.items()
        for position, blob in enumerate(own)
        if not blob.absent
    }
    members: dict[Owner, list[Owner]] = {}
    for own, owner in owned.items():
        members.setdefault(owner, [owner]).append(own)
    for group in members.values():
        shared = [present[own] for own in group if own in present]
        for name, position in group if shared else ():
            if name in blobs and (name, position) not in present:
                blobs[name] += [ABSENT] * (position + 1 - len(blobs[name]))
                blobs[name][position] = shared[0]
    layers = (layer._replace(blobs=tuple(blobs[layer.name])) for layer in model.layers)
    return model.with_layers(layers)


class Sharers(NamedTuple):
    """Matched layers and those that share their weights.

    ``group`` gives the param name that a layer's weights are shared by, ``notes`` and
    ``refused`` what speaks for a layer or against it; all by layer name.
    """

    layers: tuple[Layer, ...]
    group: Mapping[str, str]
    notes: Mapping[str, str]
    refused: Mapping[str, Refusal]

    def all_or_none(self, reasons: dict[str, str]) -> dict[str, str]:
        """Reasons not to fill a layer, and one for each layer that shares with such a one."""
        first = {self.group[name]: name for name in reversed(reasons) if name in self.group}
        others = {
            name: f"shares its weights (param {param!r}) with {first[param]!r}, which is not filled"
            for name, param in self.group.items()
            if param in first
        }
        return others | reasons


class _Use(NamedTuple):
    """A param name and the blobs of one state that have it: each a layer and a position.

    ``ours`` are the matched layers whose weights are among them.
    """

    param: str
    blobs: Sequence[tuple[Layer, int]]
    ours: Sequence[Layer]

    @property
    def meet(self) -> bool:
        """Weights of a matched layer are those of another layer, too."""
        return bool(self.ours) and len({layer.name for layer, _ in self.blobs}) > 1


def sharers(
    net: Net, selection: Selection, states: Sequence[NetState], *, biases: bool = False
) -> Sharers:
    """Join to the matched layers every Deconvolution that shares a weight blob with one.

    Refused are those that share with a layer of another type, with another blob than the
    weights, or with a layer that was excluded; with ``biases``, those that share their bias with
    a layer that is not matched.
    """
    matched = {layer.index: layer for layer in selection.matched}
    excluded = {layer.index for layer in selection.excluded}
    uses = [use for state in states for use in _uses(net.filtered(state), matched)]
    chosen, group, notes = dict(matched), {}, {}
    for use in uses:
        for layer, position in use.blobs if use.meet else ():
            if _hinders(layer, position, excluded) is not None:
                continue
            chosen[layer.index] = layer
            group[layer.name] = use.param
            if layer.index not in matched:
                notes[layer.name] = (
                    f"filled because it shares its weights (param {use.param!r}) with "
                    f"{use.ours[0].name!r}"
                )
    refused = dict(_refused_weights(uses, excluded))
    if biases:
        refused |= _refused_biases(uses, matched, chosen)
    return Sharers(tuple(chosen[index] for index in sorted(chosen)), group, notes, refused)


def _uses(net: Net, matched: Container[int]) -> Iterator[_Use]:
    """Each param name of a net in one state."""
    found: dict[str, list[tuple[Layer, int]]] = {}
    for layer in net.layers:
        for position, spec in enumerate(layer.param):
            if spec.name:
                found.setdefault(spec.name, []).append((layer, position))
    for param, blobs in found.items():
        ours = [layer for layer, position in blobs if layer.index in matched and not position]
        yield _Use(param, blobs, ours)


def _hinders(layer: Layer, position: int, excluded: Container[int]) -> str | None:
    """What is so of a blob that cannot be filled with the weights that share its memory."""
    if layer.type == DECONVOLUTION and position:
        return "has it as another blob"
    if layer.index in excluded:
        return "is excluded"
    return None if layer.type == DECONVOLUTION else f"is a {layer.type}"


def _refused_weights(
    uses: Iterable[_Use], excluded: Container[int]
) -> Iterator[tuple[str, Refusal]]:
    """Of each matched layer whose weights another layer has that cannot be filled: the last."""
    for use in uses:
        for other, position in reversed(use.blobs if use.meet else ()):
            why = _hinders(other, position, excluded)
            if why is not None:
                refusal = Refusal(
                    f"shares its weights (param {use.param!r}) with {other.name!r}, which {why} "
                    "and would be changed with it"
                )
                yield from ((layer.name, refusal) for layer in use.ours)
                break


def _refused_biases(
    uses: Iterable[_Use], matched: Container[int], chosen: Container[int]
) -> dict[str, Refusal]:
    """The matched layers whose bias a layer has that is not chosen."""
    refused: dict[str, Refusal] = {}
    for use in uses:
        strangers = [layer.name for layer, _ in use.blobs if layer.index not in chosen]
        for layer, position in use.blobs if strangers else ():
            if layer.index in matched and position:
                refused[layer.name] = Refusal(
                    f"shares its bias (param {use.param!r}) with {strangers[0]!r}, which would be "
                    "changed with it"
                )
    return refused
