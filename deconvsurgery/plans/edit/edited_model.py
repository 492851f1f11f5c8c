"""The model that a draft makes, as a value: what the file would hold, with nothing written."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from deconvsurgery.caffemodel.made_blobs import with_made
from deconvsurgery.caffemodel.model import Model, SourceLayer, Version
from deconvsurgery.caffemodel.model_layer import ModelBlob, ModelLayer
from deconvsurgery.caffemodel.source_blob import SourceBlob
from deconvsurgery.caffemodel.stored_values import Made

from .values import blob_arrays

if TYPE_CHECKING:
    from .draft import BlobDraft, EditDraft, LayerDraft


def edited_model(draft: EditDraft) -> Model:
    """The model as edited: values that stay are read from its own file, when they are asked for."""
    version = Version.V2 if draft.model.version is Version.EMPTY else draft.model.version
    layers = tuple(_layers(draft, version))
    return with_made(draft.model, layers, version if layers else None)


def _layers(draft: EditDraft, version: Version) -> Iterator[SourceLayer]:
    for layer in draft.layers:
        if layer.removed:
            continue
        if not layer.changed and layer.source is not None:
            yield layer.source
            continue
        blobs = tuple(edited_blob(draft, layer, position) for position in range(len(layer.blobs)))
        if layer.source is None:
            yield SourceLayer(layer.name, layer.type_, version, blobs)
        else:
            yield layer.source._replace(name=layer.name, blobs=blobs)


def edited_layer(draft: EditDraft, name: str) -> ModelLayer:
    """The layer that counts of those of a name, as it is to be."""
    layer = draft.layer(name)
    blobs = [
        ModelBlob(draft.model, name, position, edited_blob(draft, layer, position))
        for position in range(len(layer.blobs))
    ]
    return ModelLayer(name, layer.type_, tuple(blobs))


def edited_blob(draft: EditDraft, layer: LayerDraft, position: int) -> SourceBlob:
    """A blob as it is to be: its values are made when they are asked for."""
    blob = layer.blobs[position]
    source = blob.source
    if source is not None and not blob.rewritten:
        if not blob.reshaped:
            return source
        return source._replace(shape=blob.shape, legacy=blob.legacy, beside=None)
    values = partial(blob_arrays, draft.model, blob, layer.name, position)
    place = Made(blob.count, blob.storage, values, blob.dtype)
    return SourceBlob(blob.shape, place, blob.legacy, None, _gradients(blob))


def _gradients(blob: BlobDraft) -> int:
    """How many gradients stay beside new values (`SourceBlob.loses_diff`)."""
    source = blob.source
    return 0 if source is None or source.loses_diff(blob.count) else source.diff_count
