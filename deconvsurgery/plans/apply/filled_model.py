"""The model that a plan's changes make, as a value: what it would hold, with nothing written."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from deconvsurgery.caffemodel.made_blobs import made, with_made
from deconvsurgery.caffemodel.model import Model, SourceLayer, Version

from .new_values import new_bias, new_weights
from .plan_types import ApplyAction, ApplyChange, ApplyPlan

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.source_blob import SourceBlob
    from deconvsurgery.caffemodel.stored_values import Storage


def filled_model(plan: ApplyPlan, model: Model) -> Model:
    """The model it was made for, with the planned weights in it."""
    changes = {change.target.layer.name: change for change in plan.changes}
    layers = [_layer(source, changes.get(source.name), model) for source in model.layers]
    layers += [
        _new_layer(change, model)
        for name, change in changes.items()
        if change.action is ApplyAction.CREATED and name not in model.by_name
    ]
    return with_made(model, layers)


def _layer(source: SourceLayer, change: ApplyChange | None, model: Model) -> SourceLayer:
    if change is None or change.action is ApplyAction.UNCHANGED:
        return source
    if change.action is ApplyAction.CREATED:
        last = source is model.by_name[source.name][-1]
        return source._replace(blobs=tuple(_created(change, model))) if last else source
    return (
        source._replace(blobs=tuple(_rewritten(source, change, model))) if source.blobs else source
    )


def _new_layer(change: ApplyChange, model: Model) -> SourceLayer:
    layer = change.target.layer
    names = tuple(spec.name for spec in layer.param)
    version = Version.V2 if model.version is Version.EMPTY else model.version
    blobs = tuple(_created(change, model))
    return SourceLayer(layer.name, layer.type, version, blobs, param_names=names)


def _created(change: ApplyChange, model: Model) -> Iterator[SourceBlob]:
    storage = model.storage
    rows = partial(new_weights, change, storage.dtype, model)
    yield made(None, change.fill.shape, change.values, storage, rows)
    if change.bias is not None:
        yield _bias(None, change, storage)


def _rewritten(source: SourceLayer, change: ApplyChange, model: Model) -> Iterator[SourceBlob]:
    weights, *others = source.blobs
    if change.values_changed:
        storage = weights.storage if weights.count else model.storage
        rows = partial(new_weights, change, storage.dtype, model, weights)
        yield made(weights, weights.shape, change.values, storage, rows)
    else:
        yield weights
    for position, blob in enumerate(others):
        bias = change.bias if not position else None
        stays = bias is None or not bias.changed or (bias.only_absent and blob.count)
        yield blob if stays else _bias(blob, change, blob.storage if blob.count else model.storage)


def _bias(blob: SourceBlob | None, change: ApplyChange, storage: Storage) -> SourceBlob:
    bias = change.bias
    assert bias is not None
    rows = partial(new_bias, bias, storage.dtype)
    return made(blob, blob.shape if blob else (bias.count,), bias.count, storage, rows)
