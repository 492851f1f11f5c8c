"""Which layers of a patched net are refused, for what they are or for what others become.

Values in, values out: a refusal is a result.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from deconvsurgery.matching.refusal import Refusal
from deconvsurgery.prototxt.net import Layer, Net, NetState, Phase
from deconvsurgery.shapes.analysis import analysed
from deconvsurgery.shapes.connections import Fault

from .layer_refusals import REASONS, RULES, Case, Changes, touched_fields

if TYPE_CHECKING:
    from deconvsurgery.matching.matched_layer import MatchedLayer
    from deconvsurgery.options.patch_net import PatchNetOptions

_SHAPING = frozenset({"group", "kernel_size", "kernel_h", "kernel_w"})
_RATES = frozenset({"lr_mult", "decay_mult", "blobs_lr", "weight_decay"})


def refusals(
    before: Mapping[int, MatchedLayer],
    after: Mapping[int, MatchedLayer],
    net: Net,
    wanted: Changes,
    options: PatchNetOptions,
    states: Sequence[NetState],
) -> dict[int, Refusal]:
    """Layers that cannot be patched, by their index; ``net`` is the one patched as ``wanted``.

    Not all of them: one that only another's refused changes may have spoilt is judged again in a
    net without those, so that the caller asks until none is left. Nothing to change is never
    refused, nor a change for what it does not touch.
    """
    found: dict[int, Refusal] = {}
    above: set[int] = set()
    ruled = [index for index, changes in wanted.items() if touched_fields(changes) & RULES]
    in_the_way = _in_the_way(net, ruled, states)
    for index, changes in wanted.items():
        case, touched = Case(before[index], after[index], options), touched_fields(changes)
        for reason in REASONS:
            why = reason.find(case) if reason.fields & touched else None
            if why is not None:
                found[index] = why
                if reason.from_above(case):
                    above.add(index)
                break
        else:
            if index in in_the_way:
                found[index] = in_the_way[index]
    certain = found.keys() - above or _uppermost(net, found)
    refused = {index: why for index, why in found.items() if index in certain}
    left = {index: changes for index, changes in wanted.items() if index not in refused}
    return refused | _left_by_a_sharer(net, left) | _frozen_apart(net, left, states)


def _uppermost(net: Net, found: Collection[int]) -> set[int]:
    """The layers above which there is none of the others."""
    upper: set[int] = set()
    below: set[str] = set()  # blobs that one of them had a part in
    for layer in net.layers:
        is_below = not below.isdisjoint(layer.bottom)
        if layer.index in found and not is_below:
            upper.add(layer.index)
        if layer.index in found or is_below:
            below.update(layer.top)
        else:
            below.difference_update(layer.top)
    return upper


def _in_the_way(
    net: Net, indices: Collection[int], states: Sequence[NetState]
) -> dict[int, Refusal]:
    """Why layers that are now in every phase would stop Caffe in one, by their index."""
    found: dict[int, Refusal] = {}
    for state in _both_phases(states) if indices else ():
        where = f"in phase {state.phase.name}, without its include and exclude rules"
        made_twice: dict[str, int] = {}  # the position of the first fault of that top
        unmade: dict[int, tuple[int, str]] = {}  # that of a layer's first bottom, and its name
        for position, join in enumerate(analysed(net, state).unjoined):
            if join.fault is Fault.UNKNOWN_BOTTOM:
                unmade.setdefault(join.layer.index, (position, join.blob))
            else:
                made_twice.setdefault(join.blob, position)
        for index in indices:
            tops = [(made_twice[top], top) for top in net.layers[index].top if top in made_twice]
            first = min([*tops, *([unmade[index]] if index in unmade else [])], default=None)
            if first is None or index in found:
                continue
            why = (
                f"its top {first[1]!r} is made by two layers"
                if first in tops
                else f"its bottom {first[1]!r} is made by no layer before it"
            )
            found[index] = Refusal(f"{where}, {why}")
    return found


def _both_phases(states: Sequence[NetState]) -> list[NetState]:
    return list(dict.fromkeys(each._replace(phase=phase) for each in states for phase in Phase))


def _left_by_a_sharer(net: Net, wanted: Changes) -> dict[int, Refusal]:
    """Layers whose weights another has, too, which keeps its old shape: Caffe stops at that."""
    users: dict[tuple[str, int], list[Layer]] = {}
    for layer in net.layers:
        for position, spec in enumerate(layer.param):
            if spec.name:
                users.setdefault((spec.name, position), []).append(layer)
    left: dict[int, Refusal] = {}
    for (param, position), layers in users.items():
        stay = [layer for layer in layers if layer.index not in wanted]
        for layer in layers if stay and not position else ():
            if touched_fields(wanted.get(layer.index, ())) & _SHAPING:
                left[layer.index] = Refusal(
                    f"shares its weights (param {param!r}) with {stay[0].name!r} (line "
                    f"{stay[0].line}), which is not patched: Caffe stops where shapes differ"
                )
    return left


def _frozen_apart(net: Net, wanted: Changes, states: Sequence[NetState]) -> dict[int, Refusal]:
    """Layers sharing a blob with one that learns it; Caffe wants one rate (``AppendParam``)."""
    found: dict[int, Refusal] = {}
    frozen = {
        index
        for index, changes in wanted.items()
        if any(change.path[-1][0] in _RATES and change.after is not None for change in changes)
    }
    if not frozen:
        return found
    together = _both_phases(states)
    learns: dict[str, dict[NetState, Layer]] = {}  # of each state the last that does
    for layer in net.layers:
        for spec in layer.message.messages("param"):
            rated = any(spec.number(rate, 0.0) for rate in ("lr_mult", "decay_mult"))
            if rated and spec.text("name"):
                active = (state for state in together if layer.active(state))
                learns.setdefault(spec.text("name"), {}).update(dict.fromkeys(active, layer))
    for index in sorted(frozen):
        layer = net.layers[index]
        for name in (spec.name for spec in layer.param if spec.name in learns):
            others = [o for state, o in learns[name].items() if layer.active(state)]
            if others:
                other = max(others, key=lambda each: each.index)
                found[index] = Refusal(
                    f"shares a blob (param {name!r}) with {other.name!r} (line {other.line}), "
                    "which keeps its own lr_mult or decay_mult: Caffe stops where these differ"
                )
    return found
