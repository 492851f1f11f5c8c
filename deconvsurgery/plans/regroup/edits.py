"""A regrouping carried out on the model: edits on its bytes, or new datasets in an HDF5 file."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from deconvsurgery.caffe_fields import BlobField
from deconvsurgery.caffemodel.blob_edits import as_bytes, rewritten_blob, shape_field
from deconvsurgery.caffemodel.hdf5.write import Amendment, NewValues
from deconvsurgery.caffemodel.model import Model, SourceLayer, Version
from deconvsurgery.caffemodel.read_values import layer_param
from deconvsurgery.caffemodel.stored_values import Dataset, OnWire
from deconvsurgery.caffemodel.wire import (
    VARINT,
    BufferedSource,
    Field,
    Frame,
    FramedEdit,
    fields,
    reframed,
    tag,
    varint,
)
from deconvsurgery.splicing.byte_ranges import replacing
from deconvsurgery.storage.outcome import Splice

from .plan import sums_expanded

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.source_blob import SourceBlob

    from .plan_types import Regroup, Regrouping

_GROUP, _WEIGHT_FILLER = 5, 7  # of ConvolutionParameter


def reshaped(regrouping: Regrouping, model: Model) -> Splice | Amendment:
    """Everything that makes the planned groups of the model it was made for."""
    pairs = [
        (change, source)
        for change in regrouping.changes
        for source in model.weighted(change.target.layer.name)
    ]
    if model.version is Version.HDF5 and pairs:
        return Amendment((), tuple(_dataset(change, source, model) for change, source in pairs))
    edits = [edit for change, source in pairs for edit in _edits(change, source, model)]
    return Splice(reframed(edits))


def _dataset(change: Regroup, source: SourceLayer, model: Model) -> NewValues:
    blob = source.blobs[0]
    assert isinstance(blob.place, Dataset)
    values = partial(change.rows, model, blob)
    return NewValues(blob.place.path, change.after, blob.dtype, values)


def _edits(change: Regroup, source: SourceLayer, model: Model) -> Iterator[FramedEdit]:
    blob, count = source.blobs[0], change.count
    yield from rewritten_blob(
        blob, count, blob.storage, as_bytes(partial(change.rows, model, blob))
    )
    yield from _dims(change, blob, model)
    yield from _group(change, source, model)
    if change.group == 1 and sums_expanded(layer_param(model, source)):
        yield from _filler(source, model)


def _dims(change: Regroup, blob: SourceBlob, model: Model) -> Iterator[FramedEdit]:
    """The second dim, in whichever form the file has it."""
    place = blob.place
    assert isinstance(place, OnWire)
    if blob.legacy:
        channels = tag(BlobField.CHANNELS, VARINT)
        for start, stop in place.dims:
            if model.source.read(start, stop - start).startswith(channels):
                new = channels + varint(change.after[1])
                yield FramedEdit(replacing(start, stop, new), place.frames)
        return
    first, *others = place.dims
    yield FramedEdit(replacing(*first, shape_field(change.after)), place.frames)
    for start, stop in others:
        yield FramedEdit(replacing(start, stop, b""), place.frames)


def _group(change: Regroup, source: SourceLayer, model: Model) -> Iterator[FramedEdit]:
    """The ``group`` that the model's own layer says, as the net will say it."""
    new = b"" if change.said is None else tag(_GROUP, VARINT) + varint(change.said)
    for frames, inner in reversed([*_params(source, model)]):  # merged: the last one counts
        for field in reversed([field for field in inner if field.number == _GROUP]):
            yield FramedEdit(replacing(field.tag, field.stop, new), frames)
            new = b""
        if new:
            before = [field.stop for field in inner if field.number < _GROUP]
            at = max(before, default=frames[-1].start)
            yield FramedEdit(replacing(at, at, new), frames)
            new = b""


def _filler(source: SourceLayer, model: Model) -> Iterator[FramedEdit]:
    """The ``weight_filler`` taken out, as the net loses its own."""
    for frames, inner in _params(source, model):
        for field in inner:
            if field.number == _WEIGHT_FILLER:
                yield FramedEdit(replacing(field.tag, field.stop, b""), frames)


def _params(source: SourceLayer, model: Model) -> Iterator[tuple[tuple[Frame, ...], list[Field]]]:
    """The fields of each ``convolution_param`` of a layer, and the messages around them."""
    window = BufferedSource(model.source)
    for outer in source.convolution_param:
        _, length = window.varint(outer.tag, outer.stop)
        frames = (*source.frames, Frame(length, outer.start, outer.stop))
        yield frames, list(fields(window, outer.start, outer.stop))
