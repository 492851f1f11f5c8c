"""Deconvolutions as the rules see them, of small nets and models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import deconvsurgery as ds
from deconvsurgery.prototxt.selection import match_layers
from deconvsurgery.rules.layer_case import LayerCase
from deconvsurgery.rules.make_cases import net_cases

from .models import Array, indexed, model_bytes
from .nets import data_layer


def cases(layers: str, weights: Mapping[str, Iterable[Array]] | None = None) -> list[LayerCase]:
    """Each Deconvolution of a net with data of three channels, as it is in its first state.

    Without ``weights`` there is no model.
    """
    net = ds.parse_net((data_layer(1, 3, 8, 8) + layers).encode())
    model = None
    if weights is not None:
        blobs = {name: [*arrays] for name, arrays in weights.items()}
        model = indexed(model_bytes(blobs, kind="Deconvolution"))
    states = net.states()
    found = net_cases(net, model, match_layers(net, ("*",), (), states), states, frozen=False)
    return [several[0] for several in found.values()]


def case(
    layers: str, weights: Mapping[str, Iterable[Array]] | None = None, name: str = "up"
) -> LayerCase:
    """The only one of a name."""
    (found,) = (
        each
        for each in cases(layers, weights)
        if each.target is not None and each.target.layer.name == name
    )
    return found
