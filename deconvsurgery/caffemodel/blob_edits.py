"""Edits that put new blobs and layers into a binary caffemodel.

What each blob already is (its dims' form, its field of values) it stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from math import prod
from typing import TYPE_CHECKING

from deconvsurgery.caffe_fields import (
    BlobField,
    BlobShapeField,
    LayerField,
    NetField,
    V1LayerField,
)
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.splicing.byte_ranges import Edit, Kept, Piece, replacing

from .message_bytes import message_bytes
from .model import Model, SourceLayer, Version
from .source_blob import LEGACY_DIMS, SourceBlob
from .stored_values import RAW_STORAGE, Dataset, DType, OnWire, Storage
from .wire import VARINT, FramedEdit, delimited, encoded, header, tag, varint

if TYPE_CHECKING:
    from deconvsurgery.kernels.arrays import Array
    from deconvsurgery.prototxt.net import Layer

_DECONVOLUTION_ENUM = 39  # V1LayerParameter.LayerType
_RAW_TYPES = {storage: kind for kind, storage in RAW_STORAGE.items()}


Values = Callable[[], Iterable[Piece]]


def as_bytes(arrays: Callable[[], Iterable[Array]]) -> Values:
    """Values as they stand in a file, made anew each time they are asked for."""
    return lambda: (array.tobytes() for array in arrays())


def kept_values(blob: SourceBlob, dtype: DType) -> tuple[Kept, ...] | None:
    """Where a file has a blob's values as a packed field of ``dtype`` has them, if it does."""
    place = blob.place
    if isinstance(place, Dataset) and place.start is not None and place.stored == dtype:
        return (Kept(place.start, place.start + place.count * dtype.width),)
    chunks = place.values if isinstance(place, OnWire) else ()
    if not chunks or any(not chunk.packed or chunk.storage.dtype != dtype for chunk in chunks):
        return None
    return tuple(Kept(chunk.start, chunk.stop) for chunk in chunks if chunk.count)


def rewritten_blob(
    blob: SourceBlob, count: int, storage: Storage, values: Values
) -> list[FramedEdit]:
    """Edits that give a blob ``count`` new values in ``storage``.

    One packed field of the same length is overwritten in place; otherwise the values become one
    packed field where the first of them stood. Every other field of the blob stays, but for
    gradients that do not fit the new values (`SourceBlob.loses_diff`).
    """
    place = blob.place
    assert isinstance(place, OnWire)
    stale = place.diffs if blob.loses_diff(count) else ()
    return [
        *_new_values(place, count, storage, values),
        *(FramedEdit(Edit(start, stop, 0, tuple), place.frames) for start, stop in stale),
    ]


def _new_values(place: OnWire, count: int, storage: Storage, values: Values) -> list[FramedEdit]:
    size = count * storage.width
    whole = place.chunks[0] if len(place.chunks) == 1 else None
    same = whole is not None and whole.storage is storage and whole.packed
    if whole and same and whole.stop - whole.start == size:
        return [FramedEdit(Edit(whole.start, whole.stop, size, values), place.frames)]
    new = joined([values_head(storage, size), Edit(0, 0, size, values)])
    gone = [(chunk.tag, chunk.stop) for chunk in place.chunks] + list(place.raw_notes)
    if not gone:
        end = place.frames[-1].stop
        gone = [(end, end)]
    edits = [Edit(start, stop, 0, tuple) for start, stop in gone[1:]]
    first = Edit(*gone[0], new.size, new.chunks)
    return [FramedEdit(edit, place.frames) for edit in (first, *edits)]


def values_head(storage: Storage, size: int) -> bytes:
    """What stands before ``size`` bytes of values: tag and length, of raw ones their type, too."""
    if storage in _RAW_TYPES:
        kind = tag(BlobField.RAW_DATA_TYPE, VARINT) + varint(_RAW_TYPES[storage])
        return kind + header(BlobField.RAW_DATA, size)
    double = storage is Storage.DOUBLE_DATA
    return header(BlobField.DOUBLE_DATA if double else BlobField.DATA, size)


class NewBlob(NamedTuple):
    """A blob to be added: its shape (as ``legacy`` dims, if so), its values when written."""

    shape: tuple[int, ...]
    values: Values
    storage: Storage = Storage.DATA
    legacy: bool = False


def added_blobs(layer: SourceLayer, blobs: Sequence[NewBlob], legacy: bool) -> list[FramedEdit]:
    """Blobs at the end of a layer that is in the file."""
    number = LayerField.BLOBS if layer.version is Version.V2 else V1LayerField.BLOBS
    end = layer.frames[-1].stop
    edits = [blob_field(number, blob, legacy) for blob in blobs]
    return [FramedEdit(Edit(end, end, edit.size, edit.chunks), layer.frames) for edit in edits]


def added_layer(model: Model, layer: Layer, blobs: Sequence[NewBlob]) -> FramedEdit:
    """A layer at the end of the file, in the generation of the layers that are there.

    Fields stand in the order protobuf would write them.
    """
    param = convolution_param(layer)
    if model.version is Version.V1:
        parts: list[bytes | Edit] = [
            *(delimited(V1LayerField.BOTTOM, encoded(name)) for name in layer.bottom),
            *(delimited(V1LayerField.TOP, encoded(name)) for name in layer.top),
            delimited(V1LayerField.NAME, encoded(layer.name)),
            tag(V1LayerField.TYPE, VARINT) + varint(_DECONVOLUTION_ENUM),
            *(blob_field(V1LayerField.BLOBS, blob, model.legacy) for blob in blobs),
            delimited(V1LayerField.CONVOLUTION_PARAM, param),
        ]
        number: int = NetField.LAYERS
    else:
        parts = [
            delimited(LayerField.NAME, encoded(layer.name)),
            delimited(LayerField.TYPE, encoded(layer.type)),
            *(delimited(LayerField.BOTTOM, encoded(name)) for name in layer.bottom),
            *(delimited(LayerField.TOP, encoded(name)) for name in layer.top),
            *(blob_field(LayerField.BLOBS, blob, model.legacy) for blob in blobs),
            delimited(LayerField.CONVOLUTION_PARAM, param),
        ]
        number = NetField.LAYER
    new, end = field_of(number, parts), model.source.size
    return FramedEdit(Edit(end, end, new.size, new.chunks))


def field_of(number: int, parts: Sequence[bytes | Edit]) -> Edit:
    """A length-delimited field of parts, some of which are made when they are written."""
    inner = joined(parts)
    return joined([header(number, inner.size), inner])


def joined(parts: Sequence[bytes | Edit]) -> Edit:
    """Parts behind each other as one insertion."""

    def chunks() -> Iterator[Piece]:
        return chain.from_iterable(
            part.chunks() if isinstance(part, Edit) else (part,) for part in parts
        )

    size = sum(part.size if isinstance(part, Edit) else len(part) for part in parts)
    return Edit(0, 0, size, chunks)


def blob_field(number: int, blob: NewBlob, legacy: bool) -> Edit:
    """A whole ``blobs`` field; its values are made when it is written."""
    return field_of(number, [_payload(blob, legacy)])


def remade_blob(blob: SourceBlob, new: NewBlob) -> list[FramedEdit]:
    """Everything in a blob's message replaced, as where its numbers mean other fields (C3D)."""
    place = blob.place
    assert isinstance(place, OnWire)
    inside, frame = _payload(new, legacy=False), place.frames[-1]
    return [FramedEdit(Edit(frame.start, frame.stop, inside.size, inside.chunks), place.frames)]


def _payload(blob: NewBlob, legacy: bool) -> Edit:
    size = prod(blob.shape) * blob.storage.width
    before = after = b""
    if legacy and len(blob.shape) <= len(LEGACY_DIMS):
        before = legacy_dims(blob.shape)
    elif blob.storage is Storage.DATA:  # protobuf writes fields by their numbers, and 5 is data
        after = shape_field(blob.shape)
    else:
        before = shape_field(blob.shape)
    return joined([before, values_head(blob.storage, size), Edit(0, 0, size, blob.values), after])


def shape_field(shape: Sequence[int]) -> bytes:
    """A blob's ``shape``; none for a scalar, as Caffe writes it."""
    if not shape:
        return b""
    packed = b"".join(varint(dim) for dim in shape)
    return delimited(BlobField.SHAPE, delimited(BlobShapeField.DIM, packed))


def legacy_dims(shape: Sequence[int]) -> bytes:
    """A shape of up to four axes as num, channels, height and width, with 1s in front."""
    padded = (1,) * (len(LEGACY_DIMS) - len(shape)) + tuple(shape)
    return b"".join(
        tag(field, VARINT) + varint(dim) for field, dim in zip(LEGACY_DIMS, padded, strict=True)
    )


def reshaped_blob(
    blob: SourceBlob, shape: Sequence[int], *, legacy: bool = False
) -> list[FramedEdit]:
    """Edits that make the fields of a blob's dims one ``shape``, where Caffe writes it.

    ``legacy``: they stay num, channels, height and width, where the first of them stands.
    """
    place = blob.place
    assert isinstance(place, OnWire)
    gone = [Edit(start, stop, 0, tuple) for start, stop in place.dims]
    if legacy and gone:
        edits = [replacing(gone[0].start, gone[0].stop, legacy_dims(shape)), *gone[1:]]
    else:
        end = place.frames[-1].stop
        edits = [*gone, replacing(end, end, shape_field(shape))]
    return [FramedEdit(edit, place.frames) for edit in edits]


def convolution_param(layer: Layer) -> bytes:
    """The net's ``convolution_param`` as Caffe's message; what only a fork knows has no number."""
    return message_bytes("ConvolutionParameter", layer.message.message("convolution_param"))
