"""A plan's changes as edits on the binary model; the values are made when they are written.

Never here: a decision (``plan``), a file (``write``).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from .change import Action, BiasFill, Change, Plan
from .fill import BilinearFill
from .model import Model, SourceBlob, Storage
from .splice import Buffer, Edit
from .surgery import NewBlob, added_blobs, added_layer, rewritten_blob
from .wire import FramedEdit, reframed


def edits(plan: Plan, model: Model) -> list[Edit]:
    """Every edit that carries the plan out on the model it was made for."""
    framed: list[FramedEdit] = []
    for change in plan.changes:
        if change.action is Action.CREATED:
            framed += _created(change, model)
        elif change.action is Action.REWRITTEN:
            framed += _rewritten(change, model)
    return reframed(framed)


def _created(change: Change, model: Model) -> list[FramedEdit]:
    storage = model.storage
    blobs = [
        NewBlob(change.fill.shape, partial(_weights, change.fill, storage.dtype), storage),
    ]
    if change.bias is not None:
        values = partial(_constants, change.bias, storage.dtype)
        blobs.append(NewBlob((change.bias.count,), values, storage))
    sources = model.by_name.get(change.target.layer.name, ())
    if sources:
        return added_blobs(sources[-1], blobs, model.legacy)
    return [added_layer(model, change.target.layer, blobs)]


def _rewritten(change: Change, model: Model) -> list[FramedEdit]:
    found: list[FramedEdit] = []
    for source in model.by_name[change.target.layer.name]:
        if not source.blobs:
            continue
        weights = source.blobs[0]
        storage = _storage(weights, model)
        old = (model, weights) if change.fill.keep_off_diagonal and weights.count else None
        if change.values_changed:
            values = partial(_weights, change.fill, storage.dtype, old)
            found += rewritten_blob(weights, change.values, storage, values)
        if change.bias is not None and change.bias.changed:
            bias = source.blobs[1]
            if change.bias.only_absent and bias.count:
                continue
            storage = _storage(bias, model)
            zeros = partial(_constants, change.bias, storage.dtype)
            found += rewritten_blob(bias, change.bias.count, storage, zeros)
    return found


def _storage(blob: SourceBlob, model: Model) -> Storage:
    """Where the blob's values are, or those of the others where it has none."""
    return blob.storage if blob.count else model.storage


def _weights(
    fill: BilinearFill, dtype: str, old: tuple[Model, SourceBlob] | None = None
) -> Iterator[Buffer]:
    """The weights' bytes, one input channel at a time."""
    rows = old[0].rows(old[1], fill.shape) if old else None
    for row in fill.rows(rows, dtype):
        yield row.tobytes()


def _constants(bias: BiasFill, dtype: str) -> Iterator[Buffer]:
    import numpy as np

    yield np.full(bias.count, bias.value, dtype).tobytes()
