"""Deconvolutions that a run passes over, though they have nothing to interpolate with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from deconvsurgery.matching.matched_layer import MatchedLayer, targets
from deconvsurgery.matching.role import is_empty, role_of
from deconvsurgery.matching.shared_blobs import Sharers, owners
from deconvsurgery.prototxt.selection import DECONVOLUTION, Selection, active_layers
from deconvsurgery.wording import listed, plural, quoted

from .layer_weights import state_if_empty

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.model import Model
    from deconvsurgery.prototxt.net import Net, NetState


def left_empty(
    net: Net, model: Model, selection: Selection, shared: Sharers, states: Sequence[NetState]
) -> Iterator[str]:
    """One sentence on all of them, but for those that a pattern leaves out; DS017 says the same.

    Layers that are learned are not read; others have a right kernel as a rule, whose first row
    says so. Those that share a blob may have it from each other, and are left to `check`.
    """
    known = {layer.index for layer in (*shared.layers, *selection.excluded)}
    passed = {layer.name for layer in shared.layers}
    passed |= {name for pair in owners(net, states).items() for name, _ in pair}
    others = [
        layer
        for layer in active_layers(net, states)
        if layer.type == DECONVOLUTION and layer.index not in known and layer.name not in passed
    ]
    found = [each for each in targets(net, others, states, model) if _is_empty(each, model)]
    if not found:
        return
    names = listed([quoted(each.layer.name) for each in found])
    one = len(found) == 1
    yield (
        f"{plural(len(found), 'other Deconvolution')} would interpolate, {'is' if one else 'are'} "
        f"zero or missing in the model, and {'was' if one else 'were'} not matched: {names}; "
        f"`patterns=…` takes {'it' if one else 'them'}, too"
    )


def _is_empty(target: MatchedLayer, model: Model) -> bool:
    if role_of(target).learned:
        return False
    weights = state_if_empty(target, model)
    return weights is not None and is_empty(target, weights)
