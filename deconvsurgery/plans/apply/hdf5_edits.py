"""A plan's changes on an HDF5 model: edits where values lie in one stretch, else new datasets.

Values are made when they are written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from deconvsurgery.caffemodel.blob_edits import as_bytes
from deconvsurgery.caffemodel.hdf5.open_file import DATA
from deconvsurgery.caffemodel.hdf5.write import Amendment, NewValues
from deconvsurgery.caffemodel.stored_values import Dataset
from deconvsurgery.caffemodel.value_rows import in_type
from deconvsurgery.splicing.byte_ranges import Edit
from deconvsurgery.storage.outcome import Splice

from .new_values import new_bias, new_weights
from .plan_types import ApplyAction, ApplyChange, ApplyPlan

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.model import Model
    from deconvsurgery.caffemodel.source_blob import SourceBlob
    from deconvsurgery.kernels.arrays import Array
    from deconvsurgery.matching.shared_blobs import Owner


def amendment(plan: ApplyPlan, model: Model, owned: Mapping[Owner, Owner]) -> Splice | Amendment:
    """Everything that carries the plan out on the model it was made for.

    ``owned`` says where a shared blob is: it has one dataset, at its owner. What Caffe wrote
    and is only filled anew needs no library, which would write to other places, too.
    """
    groups: list[str] = []
    placed: dict[str, Placed] = {}  # by path: what several layers share is written once
    for change in plan.changes:
        if change.action is ApplyAction.CREATED:
            groups.append(f"{DATA}/{change.target.layer.name}")
            made = _created(change, model, owned)
        elif change.action is ApplyAction.REWRITTEN:
            made = _rewritten(change, model)
        else:
            continue
        for place, values in made:
            placed.setdefault(values.path, (place, values))
    edits = [
        dataset_edit(place, place.start, values)
        for place, values in placed.values()
        if place is not None and place.start is not None
    ]
    if not groups and len(edits) == len(placed):
        return Splice(edits)
    return Amendment(tuple(groups), tuple(values for _, values in placed.values()))


Placed = tuple[Dataset | None, NewValues]


def _created(change: ApplyChange, model: Model, owned: Mapping[Owner, Owner]) -> Iterator[Placed]:
    name, dtype = change.target.layer.name, model.dtype
    blobs: list[tuple[tuple[int, ...], Callable[[], Iterator[Array]]]]
    blobs = [(change.fill.shape, partial(new_weights, change, dtype, model))]
    if change.bias is not None:
        blobs.append(((change.bias.count,), partial(new_bias, change.bias, dtype)))
    for position, (shape, rows) in enumerate(blobs):
        owner, at = owned.get((name, position), (name, position))
        yield None, NewValues(f"{DATA}/{owner}/{at}", shape, dtype, rows)


def _rewritten(change: ApplyChange, model: Model) -> Iterator[Placed]:
    (source,) = model.by_name[change.target.layer.name]  # a name is a group, and there once
    weights = source.blobs[0]
    if change.values_changed:
        yield _values(weights, partial(new_weights, change, weights.dtype, model, weights))
    if change.bias is not None and change.bias.changed:
        bias = source.blobs[1]
        yield _values(bias, partial(new_bias, change.bias, bias.dtype))


def _values(blob: SourceBlob, rows: Callable[[], Iterator[Array]]) -> Placed:
    assert isinstance(blob.place, Dataset)
    return blob.place, NewValues(blob.place.path, blob.shape, blob.dtype, rows)


def dataset_edit(place: Dataset, start: int, values: NewValues) -> Edit:
    """New values in a dataset's one stretch, in the byte order that it has."""

    def stored() -> Iterator[Array]:
        return (in_type(array, place.stored) for array in values.values())

    return Edit(start, start + values.size, values.size, as_bytes(stored))
