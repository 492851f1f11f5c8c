"""Layers that share a weight blob by a param name: filled together, or not at all.

Shared parameters are one memory in Caffe but a copy a layer in a binary file, and the last copy
loaded wins: so all copies are rewritten or none. An HDF5 file has them once, at the first of the
layers, their owner.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias, TypeVar

from deconvsurgery.caffemodel.model import ABSENT, Model, Version
from deconvsurgery.prototxt.net import Layer, Net, NetState
from deconvsurgery.prototxt.selection import DECONVOLUTION, Selection

from .matched_layer import Refusal

Key = TypeVar("Key", str, int)
Owner: TypeAlias = tuple[str, int]
"""A layer's name and the position of one of its blobs."""


def owners(net: Net, states: Sequence[NetState]) -> Mapping[Owner, Owner]:
    """Of each blob that shares an earlier one's memory, which that is (``Net::AppendParam``).

    Only layers of one state share memory; a name that a TRAIN and a TEST layer give to their blobs
    joins them only if a third layer, of both phases, has it too.
    """
    return net.once(("owners", tuple(states)), lambda: _owners(net, states))


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


def told_owners(model: Model) -> dict[Owner, Owner]:
    """As `owners`, as far as the layers of a binary model tell themselves."""
    return first_of_each((layer.name, layer.param_names) for layer in model.layers)


def _params(net: Net) -> Iterator[tuple[str, list[str]]]:
    return ((layer.name, [spec.name for spec in layer.param]) for layer in net.layers)


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
        shared = [present[each] for each in group if each in present]
        for each in group if shared else ():
            name, position = each
            if name in blobs and each not in present:
                blobs[name] += [ABSENT] * (position + 1 - len(blobs[name]))
                blobs[name][position] = shared[0]
    layers = (replace(layer, blobs=tuple(blobs[layer.name])) for layer in model.layers)
    return replace(model, layers=tuple(layers))


@dataclass(frozen=True, slots=True)
class Sharers:
    """Matched layers and those that share their weights.

    ``group`` gives the param name that a layer's weights are shared by, ``notes`` and
    ``refused`` what is to be said of a layer or against it; all by layer name.
    """

    layers: tuple[Layer, ...]
    group: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    refused: dict[str, Refusal] = field(default_factory=dict)

    def all_or_none(self, reasons: dict[str, str]) -> dict[str, str]:
        """Reasons not to fill a layer, and one for each layer that shares with such a one."""
        first = {self.group[name]: name for name in reversed(reasons) if name in self.group}
        others = {
            name: f"shares its weights (param {param!r}) with {first[param]!r}, which is not filled"
            for name, param in self.group.items()
            if param in first
        }
        return others | reasons


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
    uses = [pair for state in states for pair in _uses(net.filtered(state)).items()]
    chosen = dict(matched)
    found = Sharers(())
    for shared, members in uses:
        ours = [layer for layer, position in members if layer.index in matched and not position]
        if not ours or len({layer.name for layer, _ in members}) < 2:
            continue
        foreign: tuple[Layer, str] | None = None  # the last of them, and what is so of it
        for other, position in members:
            if other.type == DECONVOLUTION and not position and other.index not in excluded:
                chosen[other.index] = other
                found.group[other.name] = shared
                if other.index not in matched:
                    found.notes[other.name] = (
                        f"filled because it shares its weights (param {shared!r}) with "
                        f"{ours[0].name!r}"
                    )
                continue
            why = "is excluded" if other.index in excluded else f"is a {other.type}"
            if other.type == DECONVOLUTION and position:
                why = "has it as another blob"
            foreign = other, why
        if foreign is not None:
            other, why = foreign
            refusal = Refusal(
                f"shares its weights (param {shared!r}) with {other.name!r}, which {why} "
                "and would be changed with it"
            )
            found.refused.update((layer.name, refusal) for layer in ours)
    for shared, members in uses if biases else ():
        strangers = [layer.name for layer, _ in members if layer.index not in chosen]
        for layer, position in members:
            if layer.index in matched and position and strangers:
                found.refused[layer.name] = Refusal(
                    f"shares its bias (param {shared!r}) with {strangers[0]!r}, which would be "
                    "changed with it"
                )
    layers = tuple(chosen[position] for position in sorted(chosen))
    return Sharers(layers, found.group, found.notes, found.refused)


def _uses(net: Net) -> dict[str, list[tuple[Layer, int]]]:
    """By param name the layers of one state that have it, and the position of their blob."""
    found: dict[str, list[tuple[Layer, int]]] = {}
    for layer in net.layers:
        for position, spec in enumerate(layer.param):
            if spec.name:
                found.setdefault(spec.name, []).append((layer, position))
    return found
