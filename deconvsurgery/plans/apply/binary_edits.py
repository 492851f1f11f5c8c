"""A plan's changes as edits on the binary model; the values are made when they are written."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from deconvsurgery.caffemodel.blob_edits import (
    NewBlob,
    added_blobs,
    added_layer,
    as_bytes,
    rewritten_blob,
)
from deconvsurgery.caffemodel.wire import FramedEdit, reframed

from .new_values import new_bias, new_weights
from .plan_types import ApplyAction, ApplyChange, ApplyPlan

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.model import Model
    from deconvsurgery.caffemodel.source_blob import SourceBlob
    from deconvsurgery.caffemodel.stored_values import Storage
    from deconvsurgery.splicing.byte_ranges import Edit


def edits(plan: ApplyPlan, model: Model) -> list[Edit]:
    """Every edit that carries the plan out on the model it was made for."""
    framed: list[FramedEdit] = []
    for change in plan.changes:
        if change.action is ApplyAction.CREATED:
            framed += _created(change, model)
        elif change.action is ApplyAction.REWRITTEN:
            framed += _rewritten(change, model)
    return reframed(framed)


def _created(change: ApplyChange, model: Model) -> list[FramedEdit]:
    storage = model.storage
    rows = partial(new_weights, change, storage.dtype, model)
    blobs = [NewBlob(change.fill.shape, as_bytes(rows), storage)]
    if change.bias is not None:
        rows = partial(new_bias, change.bias, storage.dtype)
        blobs.append(NewBlob((change.bias.count,), as_bytes(rows), storage))
    sources = model.by_name.get(change.target.layer.name, ())
    if sources:
        return added_blobs(sources[-1], blobs, model.legacy)
    return [added_layer(model, change.target.layer, blobs)]


def _rewritten(change: ApplyChange, model: Model) -> list[FramedEdit]:
    found: list[FramedEdit] = []
    for source in model.weighted(change.target.layer.name):
        weights = source.blobs[0]
        storage = _storage(weights, model)
        if change.values_changed:
            values = as_bytes(partial(new_weights, change, storage.dtype, model, weights))
            found += rewritten_blob(weights, change.values, storage, values)
        if change.bias is not None and change.bias.changed:
            bias = source.blobs[1]
            if change.bias.only_absent and bias.count:
                continue
            storage = _storage(bias, model)
            values = as_bytes(partial(new_bias, change.bias, storage.dtype))
            found += rewritten_blob(bias, change.bias.count, storage, values)
    return found


def _storage(blob: SourceBlob, model: Model) -> Storage:
    """Where the blob's values are, or those of the others where it has none."""
    return blob.storage if blob.count else model.storage
