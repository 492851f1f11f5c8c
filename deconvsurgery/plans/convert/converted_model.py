"""The model that a conversion makes, as a value: what it would hold, with nothing written."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from deconvsurgery.caffemodel.made_blobs import made, with_made
from deconvsurgery.caffemodel.model import Model, Version
from deconvsurgery.caffemodel.stored_values import Storage

from .edits import typed_values

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.source_blob import SourceBlob

    from .plan_types import BlobConversion, Conversion


def converted_model(conversion: Conversion, model: Model) -> Model:
    """The model it was made for, in its new form."""
    version = conversion.version(model.version)
    moved = version is not model.version
    layers = [
        each.source._replace(
            version=version if moved else each.source.version,
            blobs=tuple(_blob(blob, model, moved=moved) for blob in each.blobs),
        )
        for each in conversion.layers
        if not each.removed
    ]
    return with_made(model, layers, version)


def _blob(converted: BlobConversion, model: Model, *, moved: bool) -> SourceBlob:
    blob, shape = converted.blob, converted.shape
    if blob.absent or not (converted.retyped or converted.reshaped or moved):
        return blob
    to_hdf5 = moved and model.version is not Version.HDF5
    if not (converted.retyped or moved):
        return blob if shape is None else blob._replace(shape=shape, legacy=False, beside=None)
    rows = partial(typed_values, model, converted)
    storage = Storage.DATASET if to_hdf5 else converted.storage
    new = made(blob, blob.shape if shape is None else shape, blob.count, storage, rows)
    return new if shape is None else new._replace(legacy=False)
