"""A draft as what is written: byte ranges of a binary file, or datasets and groups of HDF5.

Values are made when they are written.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from deconvsurgery.caffemodel.blob_edits import (
    NewBlob,
    Values,
    as_bytes,
    reshaped_blob,
    rewritten_blob,
)
from deconvsurgery.caffemodel.hdf5.open_file import DATA
from deconvsurgery.caffemodel.layer_edits import new_layer, removed_layer, renamed_layer
from deconvsurgery.caffemodel.model import Version
from deconvsurgery.caffemodel.stored_values import Dataset
from deconvsurgery.caffemodel.wire import FramedEdit, reframed
from deconvsurgery.plans.apply.hdf5_edits import dataset_edit
from deconvsurgery.storage.outcome import Splice

from .values import blob_arrays

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.hdf5.write import Amendment, NewValues
    from deconvsurgery.kernels.arrays import Array
    from deconvsurgery.storage.outcome import Outcome

    from .draft import BlobDraft, EditDraft, LayerDraft


def outcome(draft: EditDraft) -> Outcome:
    """What makes the model of the file that it was drafted from; no edits where nothing changed."""
    changed = [layer for layer in draft.layers if layer.changed]
    if draft.model.version is Version.HDF5 and changed:
        return _hdf5(draft, changed)
    framed = [edit for layer in changed for edit in _binary(draft, layer)]
    return Splice(reframed(framed))


# ── a binary file ──


def _binary(draft: EditDraft, layer: LayerDraft) -> Iterator[FramedEdit]:
    if layer.source is None:
        if not layer.removed:
            blobs = [
                NewBlob(blob.shape, _bytes(draft, layer, at), blob.storage, blob.legacy)
                for at, blob in enumerate(layer.blobs)
            ]
            yield new_layer(draft.model, layer.name, layer.type_, blobs)
        return
    if layer.removed:
        yield removed_layer(layer.source)
        return
    if layer.renamed:
        yield renamed_layer(draft.model, layer.source, layer.name)
    for at, blob in enumerate(layer.blobs):
        assert blob.source is not None  # blobs are never added to a layer that is there
        if blob.rewritten:
            yield from rewritten_blob(
                blob.source, blob.count, blob.storage, _bytes(draft, layer, at)
            )
        if blob.reshaped:
            yield from reshaped_blob(blob.source, blob.shape, legacy=blob.legacy)


def _bytes(draft: EditDraft, layer: LayerDraft, position: int) -> Values:
    return as_bytes(partial(_arrays, draft, layer, position))


def _arrays(draft: EditDraft, layer: LayerDraft, position: int) -> Iterator[Array]:
    return blob_arrays(draft.model, layer.blobs[position], layer.name, position)


# ── an HDF5 file ──


def _hdf5(draft: EditDraft, changed: list[LayerDraft]) -> Splice | Amendment:
    """Bytes where only values change that lie in one stretch, else the library's work."""
    from deconvsurgery.caffemodel.hdf5.write import Amendment

    values = [
        (blob, _dataset(draft, layer, at))
        for layer in changed
        if not layer.removed
        for at, blob in enumerate(layer.blobs)
        if blob.source is None or blob.rewritten or blob.reshaped
    ]
    added = [layer for layer in changed if layer.source is None and not layer.removed]
    removed = [layer.source.name for layer in changed if layer.source and layer.removed]
    moved = [(layer.source.name, layer.name) for layer in changed if layer.source and layer.renamed]
    edits = [
        dataset_edit(place, place.start, new)
        for blob, new in values
        if (place := _stretch(blob)) is not None and place.start is not None
    ]
    if not (added or removed or moved) and len(edits) == len(values):
        return Splice(edits)
    return Amendment(
        groups=tuple(f"{DATA}/{layer.name}" for layer in added),
        values=tuple(new for _, new in values),
        removed=tuple(f"{DATA}/{name}" for name in removed),
        moved=tuple((f"{DATA}/{old}", f"{DATA}/{new}") for old, new in moved),
    )


def _dataset(draft: EditDraft, layer: LayerDraft, position: int) -> NewValues:
    from deconvsurgery.caffemodel.hdf5.write import NewValues

    blob = layer.blobs[position]
    path = f"{DATA}/{layer.name}/{position}"
    return NewValues(path, blob.shape, blob.dtype, partial(_arrays, draft, layer, position))


def _stretch(blob: BlobDraft) -> Dataset | None:
    """The one stretch of a file that takes all the new values, if there is one."""
    source = blob.source
    if source is None or blob.reshaped or not isinstance(source.place, Dataset):
        return None
    whole = source.place.whole  # of another width than the numbers that they are read as
    return source.place if source.count == blob.count and not whole else None
