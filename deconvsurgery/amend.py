"""A plan's changes as new values in an HDF5 model; they are made when they are written.

Never here: a decision (``plan``), a file (``write``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from .change import Action, Change, Plan
from .hdf5 import DATA, Amendment, NewValues
from .kernels import Array
from .model import Dataset, Model, SourceBlob
from .sharing import Owner


def amendment(plan: Plan, model: Model, owned: Mapping[Owner, Owner]) -> Amendment:
    """Everything that carries the plan out on the model it was made for.

    ``owned`` tells where a shared blob is: it has one dataset, at its owner.
    """
    groups: list[str] = []
    values: dict[str, NewValues] = {}  # by path: what several layers share is written once
    for change in plan.changes:
        if change.action is Action.CREATED:
            groups.append(f"{DATA}/{change.target.layer.name}")
            made = _created(change, model, owned)
        elif change.action is Action.REWRITTEN:
            made = _rewritten(change, model)
        else:
            continue
        for each in made:
            values.setdefault(each.path, each)
    return Amendment(tuple(groups), tuple(values.values()))


def _created(change: Change, model: Model, owned: Mapping[Owner, Owner]) -> Iterator[NewValues]:
    name, dtype = change.target.layer.name, model.dtype
    blobs: list[tuple[tuple[int, ...], Callable[[], Iterator[Array]]]]
    blobs = [(change.fill.shape, partial(change.rows, dtype, model))]
    if change.bias is not None:
        blobs.append(((change.bias.count,), partial(change.bias.rows, dtype)))
    for position, (shape, rows) in enumerate(blobs):
        owner, at = owned.get((name, position), (name, position))
        yield NewValues(f"{DATA}/{owner}/{at}", shape, dtype, rows)


def _rewritten(change: Change, model: Model) -> Iterator[NewValues]:
    for source in model.by_name[change.target.layer.name]:
        if not source.blobs:
            continue
        weights = source.blobs[0]
        if change.values_changed:
            yield _values(weights, partial(change.rows, weights.dtype, model, weights))
        if change.bias is not None and change.bias.changed:
            bias = source.blobs[1]
            yield _values(bias, partial(change.bias.rows, bias.dtype))


def _values(blob: SourceBlob, rows: Callable[[], Iterator[Array]]) -> NewValues:
    assert isinstance(blob.place, Dataset)
    place = blob.place
    return NewValues(place.path, blob.shape, blob.dtype, rows, place.start, place.stored)
