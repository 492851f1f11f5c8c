"""One name in several phases and stages: its layers there, and whether their blobs are the same.

Caffe finds weights by a layer's name alone, so that what one state saves another loads
(``Net::CopyTrainedLayersFrom``), and a solver's test net takes its train net's
(``Net::ShareTrainedLayersWith``). Both stop where the number of blobs or a shape differs.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.prototxt.net import Layer, Net, NetState, once
from deconvsurgery.prototxt.selection import active_layers
from deconvsurgery.shapes.analysis import analysed, states_apart
from deconvsurgery.shapes.geometry import Shape, merged
from deconvsurgery.wording import dims, plural, quoted

from .compatibility import blobs_by_net

MOST_STATES: Final = 16
"""Each state is a walk through the net, and a hostile net could ask for one a layer."""


class BlobsInState(NamedTuple):
    """A layer in a state, and the shapes of its weight blobs there."""

    layer: Layer
    state: NetState
    blobs: tuple[Shape, ...]


class Unlike(NamedTuple):
    """Two setups of one name that cannot load each other's weights; the later layer is ``here``.

    ``position`` is that of the first blob whose shapes differ, ``None`` where their numbers do.
    """

    here: BlobsInState
    there: BlobsInState
    position: int | None = None

    @property
    def words(self) -> str:
        """What differs, with the line of the other layer, and what follows."""
        here, there = self.here, self.there
        if self.position is None:
            one, other = (_count(each.blobs) for each in (here, there))
            what = "it has"
        else:
            one, other = (dims(each.blobs[self.position]) for each in (here, there))
            what = f"its blob {self.position} is"
        elsewhere = here.layer.index != there.layer.index
        line = f" (line {there.layer.line})" if elsewhere and there.layer.line else ""
        first, second = state_words(here.state, there.state)
        return (
            f"{what} {one} in {first} and {other} in {second}{line}: Caffe cannot load the "
            "weights of one into the other"
        )

    @property
    def numbers(self) -> dict[str, int | tuple[int | None, ...] | None]:
        """What differs: a number of blobs, or the shapes of one; and the other layer's line."""
        here, there, at = self.here.blobs, self.there.blobs, self.position
        line = self.there.layer.line or None
        if at is None:
            return {"blobs": len(here), "others": len(there), "line": line}
        return {"blob": at, "shape": here[at], "other": there[at], "line": line}


def unlike(net: Net, states: Sequence[NetState]) -> Mapping[int, Unlike]:
    """By index each layer whose blobs are not those of its name in another of the states.

    Stages and levels beyond those asked for are looked at, too, as far as a name of an active
    layer has another layer there. Nothing is said where the net leaves a shape open.
    """
    return once(net, ("unlike", tuple(states)), lambda: _unlike(net, states))


def _unlike(net: Net, states: Sequence[NetState]) -> dict[int, Unlike]:
    names = {layer.name for layer in active_layers(net, states)}
    known: dict[str, BlobsInState] = {}
    found: dict[int, Unlike] = {}
    beyond = islice(states_beyond(net, names, states), MOST_STATES)
    for state in (*states_apart(net, states), *beyond):
        analysis = analysed(net, state)
        active, shapes = analysis.net, analysis.shapes
        # A binary model fills the first layer of a name; DS012 is of the others.
        for layer in {layer.name: layer for layer in reversed(active.layers)}.values():
            blobs = blobs_by_net(shapes[layer.index])
            if blobs is None or shapes[layer.index].forms:
                continue  # unknown, or of several forms that forks give it
            setup = BlobsInState(layer, state, blobs)
            other = known.setdefault(layer.name, setup)
            if other.blobs == blobs:
                continue
            one, two = sorted((other, setup), key=lambda each: each.layer.index)
            difference = _difference(two, one)
            if difference is not None:
                found.setdefault(two.layer.index, difference)
    return found


def _difference(here: BlobsInState, there: BlobsInState) -> Unlike | None:
    """The first of them."""
    if len(here.blobs) != len(there.blobs):
        return Unlike(here, there)
    for position, shapes in enumerate(zip(here.blobs, there.blobs, strict=True)):
        if not merged(shapes)[1]:
            return Unlike(here, there, position)
    return None


def states_beyond(
    net: Net, names: Container[str], states: Sequence[NetState], *, any_phase: bool = False
) -> Iterator[NetState]:
    """States for the layers of these names that are active in none of ``states``.

    Each is as near to one of ``states`` as its layer's rules allow, in its phase unless
    ``any_phase``; a layer that no state has is left out. A net may ask for as many as it has
    layers, each of which is held against all before it: take no more than ``MOST_STATES``.
    """
    found: list[NetState] = []
    active = {layer.index for layer in active_layers(net, states)}
    for layer in net.layers:
        if layer.index in active or layer.name not in names or any(map(layer.active, found)):
            continue
        for state in states:
            near = net.state_with(layer, state, any_phase=any_phase)
            if near is not None:
                found.append(near)
                yield near
                break


def state_words(one: NetState, other: NetState) -> tuple[str, str]:
    """Two states, as far as they differ: ``phase TRAIN``, ``stage 'deploy'``, ``level 2``."""
    return _state(one, other), _state(other, one)


def _state(state: NetState, other: NetState) -> str:
    words = [f"phase {state.phase.name}"] if state.phase != other.phase else []
    if state.stage != other.stage:
        stages = [quoted(stage) for stage in state.stage if stage not in other.stage]
        if stages:
            words.append(f"stage{'s' if len(stages) > 1 else ''} {', '.join(stages)}")
        else:
            lacks = ", ".join(quoted(stage) for stage in other.stage if stage not in state.stage)
            words.append(f"a state without {lacks}")
    if state.level != other.level:
        words.append(f"level {state.level}")
    return " and ".join(words)


def _count(blobs: Sequence[Shape]) -> str:
    return plural(len(blobs), "blob") if blobs else "no blobs"
