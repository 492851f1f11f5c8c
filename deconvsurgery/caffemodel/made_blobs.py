"""A model some of whose blobs are in no file yet: what a plan would make, to be looked at.

Nothing is copied: values that stay are read from the model's own file, others are made when they
are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from .model import Model, SourceLayer, Version
from .source_blob import SourceBlob
from .stored_values import Made, Storage

if TYPE_CHECKING:
    from deconvsurgery.kernels.arrays import Array, Arrays


def with_made(model: Model, layers: Iterable[SourceLayer], version: Version | None = None) -> Model:
    """The model with other layers, whose blobs are its own or `made`; of another ``version``."""
    found = Model(
        model.source,
        version or model.version,
        tuple(layers),
        partial(_values, model),
        model.on_close,
    )
    found.looked_at = model.looked_at
    return found


def made(
    blob: SourceBlob | None,
    shape: tuple[int, ...],
    count: int,
    storage: Storage,
    rows: Callable[[], Iterator[Array]],
) -> SourceBlob:
    """A blob of this shape with ``count`` values that ``rows`` yields, in the place of ``blob``.

    Gradients beside the values stay where the number of these does, as in `SourceBlob.loses_diff`.
    """
    place = Made(count, storage, partial(_flat, rows))
    if blob is None:
        return SourceBlob(shape, place)
    stay = blob.count in (0, count)
    return SourceBlob(shape, place, blob.legacy, None, blob.diff_count if stay else 0)


def _flat(rows: Callable[[], Iterator[Array]]) -> Arrays:
    return (row.reshape(-1) for row in rows())


def _values(model: Model, blob: SourceBlob) -> Arrays:
    place = blob.place
    return place.values() if isinstance(place, Made) else model.read_values(blob)
