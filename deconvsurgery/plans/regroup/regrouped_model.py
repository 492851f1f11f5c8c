"""The model that a regrouping makes, as a value: what it would hold, with nothing written."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from deconvsurgery.caffemodel.made_blobs import made, with_made

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.model import Model, SourceLayer

    from .plan_types import Regroup, Regrouping


def regrouped_model(regrouping: Regrouping, model: Model) -> Model:
    """The model it was made for, with weights of the new groups."""
    changes = {change.target.layer.name: change for change in regrouping.changes}
    layers = [_layer(source, changes.get(source.name), model) for source in model.layers]
    return with_made(model, layers)


def _layer(source: SourceLayer, change: Regroup | None, model: Model) -> SourceLayer:
    if change is None or not source.blobs:
        return source
    weights, *others = source.blobs
    rows = partial(change.rows, model, weights)
    new = made(weights, change.after, change.count, weights.storage, rows)
    return source._replace(blobs=(new, *others))
