"""A grafting carried out: the new net's weights as a model, and as the whole new file.

Values that the old file has as the new one wants them are named, others go from blob to blob about
a megabyte at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial
from itertools import chain
from math import prod
from typing import TYPE_CHECKING

from deconvsurgery.caffemodel.blob_edits import (
    NewBlob,
    Values,
    as_bytes,
    kept_values,
)
from deconvsurgery.caffemodel.model import Model, SourceLayer, Version
from deconvsurgery.caffemodel.new_model import assembled, layer_field
from deconvsurgery.caffemodel.source_blob import SourceBlob
from deconvsurgery.caffemodel.stored_values import DType, Made, Storage
from deconvsurgery.caffemodel.value_rows import in_type
from deconvsurgery.plans.apply.new_values import new_bias, new_weights
from deconvsurgery.splicing.byte_ranges import Edit

from .blobs import Graft, Origin

if TYPE_CHECKING:
    from deconvsurgery.kernels.arrays import Array
    from deconvsurgery.plans.apply.plan_types import ApplyChange, ApplyPlan
    from deconvsurgery.prototxt.net import Net

    from .plan import Grafting, LayerGraft

_AT_ONCE = 1 << 18  # values


def as_model(grafting: Grafting, old: Model, upsampling: Collection[str]) -> Model:
    """The new net's layers with blobs whose values are read from the old model's.

    Layers in ``upsampling`` that no old one feeds are without blobs: their weights are to be made.
    """
    storage = _storage(old)
    layers = []
    for grafted in grafting.layers:
        made = grafted.old is None and grafted.layer.name in upsampling
        if grafted.left is not None and not made:
            continue
        blobs = tuple(
            SourceBlob(
                graft.shape,
                Made(prod(graft.shape), storage, partial(_values, graft, old, storage.dtype)),
            )
            for graft in (() if made else grafted.blobs)
        )
        layers.append(SourceLayer(grafted.layer.name, grafted.layer.type, Version.V2, blobs))
    return Model(old.source, Version.V2, tuple(layers), _read)


def _read(blob: SourceBlob) -> Iterator[Array]:
    assert isinstance(blob.place, Made)
    return blob.place.values()


def implanted(net: Net, grafting: Grafting, old: Model, plan: ApplyPlan | None) -> Edit:
    """The new file in place of the old one: every layer but those that are left to Caffe."""
    changes = {change.target.layer.name: change for change in plan.changes} if plan else {}
    storage = _storage(old)
    fields = [
        layer_field(each.layer, _blobs(each, old, storage, changes.get(each.layer.name)))
        for each in grafting.layers
        if each.left is None or each.layer.name in changes
    ]
    whole = assembled(net.name, fields)
    return Edit(0, old.source.size, whole.size, whole.chunks)


def _storage(old: Model) -> Storage:
    """What Caffe writes: ``data``, or ``double_data`` where floats could not hold every value."""
    doubles = any(blob.dtype is DType.FLOAT64 for blob in old.blobs if blob.count)
    return Storage.DOUBLE_DATA if doubles else Storage.DATA


def _blobs(
    grafted: LayerGraft, old: Model, storage: Storage, change: ApplyChange | None
) -> list[NewBlob]:
    own = [
        NewBlob(graft.shape, _bytes(graft, old, storage.dtype), storage, graft.legacy)
        for graft in grafted.blobs
    ]
    if change is None:
        return own
    rows = partial(new_weights, change, storage.dtype, old)
    weights = NewBlob(change.fill.shape, as_bytes(rows), storage)
    if grafted.old is not None or change.bias is None:
        return [weights, *own[1:]]
    rows = partial(new_bias, change.bias, storage.dtype)
    return [weights, NewBlob((change.bias.count,), as_bytes(rows), storage)]


def _bytes(graft: Graft, old: Model, dtype: DType) -> Values:
    kept = None
    if graft.source is not None and graft.origin is not Origin.FORCED:
        kept = kept_values(graft.source, dtype)
    if kept is None:
        return as_bytes(partial(_values, graft, old, dtype))
    rest = prod(graft.shape) - sum(each.size for each in kept) // dtype.width
    return lambda: chain(kept, as_bytes(partial(_constant, graft.value, rest, dtype))())


def _values(graft: Graft, old: Model, dtype: DType) -> Iterator[Array]:
    """The new blob's values in flat pieces."""
    wanted, done = prod(graft.shape), 0
    source = graft.source
    while source is not None and source.count and done < wanted:
        for values in old.flat_values(source):
            piece = in_type(values[: wanted - done], dtype)
            done += piece.size
            yield piece
            if done == wanted:
                break
        if graft.origin is not Origin.FORCED:
            break  # only FCN's own way repeats what is too short
    yield from _constant(graft.value, wanted - done, dtype)


def _constant(value: float, count: int, dtype: DType) -> Iterator[Array]:
    import numpy as np

    for start in range(0, count, _AT_ONCE):
        yield np.full(min(_AT_ONCE, count - start), value, dtype)
