"""The binary caffemodel: an index of its layers and blobs, and rows of their values.

The index is made by stepping over lengths; a 500 MB file costs some kilobytes of reading.
Four fields of a layer are looked at, all others are carried unseen. Never here: files, a
decision, the shape a blob *should* have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import prod
from typing import TYPE_CHECKING, Any

from .errors import ModelError
from .net import Message
from .schema import (
    V1_NUMBERS,
    BlobField,
    BlobShapeField,
    LayerField,
    NetField,
    V0LayerField,
    V1LayerField,
    message_class,
)
from .wire import (
    I32,
    I64,
    LEN,
    VARINT,
    ByteSource,
    Field,
    Frame,
    Window,
    fields,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ROWS_AT_ONCE = 1 << 20  # bytes read for a batch of rows
LEGACY_DIMS = (BlobField.NUM, BlobField.CHANNELS, BlobField.HEIGHT, BlobField.WIDTH)


class Version(StrEnum):
    """The generation of a file's layers."""

    EMPTY = "empty"
    V2 = "V2"
    V1 = "V1"
    V0 = "V0"
    MIXED = "mixed"


class Storage(StrEnum):
    """The field that holds a blob's values, in Caffe's order of precedence."""

    DOUBLE_DATA = "double_data"
    DATA = "data"
    NONE = "none"

    @property
    def dtype(self) -> str:
        """The values' numpy type, little-endian as on the wire."""
        return "<f8" if self is Storage.DOUBLE_DATA else "<f4"

    @property
    def width(self) -> int:
        """Bytes of one value."""
        return 8 if self is Storage.DOUBLE_DATA else 4


_STORAGE = {BlobField.DATA: (Storage.DATA, I32), BlobField.DOUBLE_DATA: (Storage.DOUBLE_DATA, I64)}


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stretch of values: the payload of a packed field, or a run of unpacked ones.

    ``[tag, stop)`` is all of it, ``start`` where the values of a packed one begin. In a run each
    value has a tag of one byte; one behind a longer tag is a payload of its own.
    """

    storage: Storage
    tag: int
    start: int
    stop: int
    packed: bool

    @property
    def count(self) -> int:
        """Values in it."""
        width = self.storage.width
        if self.packed:
            return (self.stop - self.start) // width
        return (self.stop - self.tag) // (width + 1)


@dataclass(frozen=True, slots=True)
class SourceBlob:
    """A BlobProto: where it is and what its header says; ``shape`` as written, legacy dims as 4."""

    frames: tuple[Frame, ...]
    shape: tuple[int, ...]
    legacy: bool
    both_forms: bool
    chunks: tuple[Chunk, ...]
    has_diff: bool

    @property
    def storage(self) -> Storage:
        """Where Caffe reads the values from: ``double_data`` wins over ``data`` if it has any."""
        kinds = {chunk.storage for chunk in self.chunks if chunk.count}
        kinds = kinds or {chunk.storage for chunk in self.chunks}
        return next((kind for kind in Storage if kind in kinds), Storage.NONE)

    @property
    def values(self) -> tuple[Chunk, ...]:
        """The chunks that count."""
        return tuple(chunk for chunk in self.chunks if chunk.storage is self.storage)

    @property
    def count(self) -> int:
        """Values present; Caffe wants as many as the shape says."""
        return sum(chunk.count for chunk in self.values)

    def fits(self, shape: Sequence[int]) -> bool:
        """Caffe's ``Blob::ShapeEquals``: legacy dims equal a shape padded with 1s on the left."""
        if self.legacy:
            return len(shape) <= 4 and self.shape == (1,) * (4 - len(shape)) + tuple(shape)
        return self.shape == tuple(shape)


@dataclass(frozen=True, slots=True)
class SourceLayer:
    """A layer in the model: only ``name`` and ``blobs`` matter to Caffe's loading."""

    name: str
    type: str
    version: Version
    frames: tuple[Frame, ...]
    blobs: tuple[SourceBlob, ...]
    convolution_param: tuple[Field, ...]
    has_bottoms: bool = False


@dataclass(frozen=True, slots=True)
class Model:
    """An indexed caffemodel and the bytes it was indexed from."""

    source: ByteSource
    version: Version
    layers: tuple[SourceLayer, ...]
    by_name: dict[str, tuple[SourceLayer, ...]]

    @property
    def legacy(self) -> bool:
        """Every blob has num/channels/height/width: a Caffe from before ``shape`` wrote it."""
        blobs = [blob for layer in self.layers for blob in layer.blobs]
        return bool(blobs) and all(blob.legacy for blob in blobs)

    def rows(self, blob: SourceBlob, shape: Sequence[int]) -> Iterator[NDArray[np.floating[Any]]]:
        """The values, one array of ``shape[1:]`` for each index of the first axis.

        Reads about a megabyte at a time when the values are one packed field.
        """
        import numpy as np

        row_count = prod(shape[1:])
        values, dtype = blob.values, np.dtype(blob.storage.dtype)
        if len(values) != 1 or not values[0].packed:
            all_rows = self._gathered(blob).reshape(tuple(shape))
            yield from all_rows
            return
        batch = max(1, _ROWS_AT_ONCE // max(1, row_count * dtype.itemsize))
        for first in range(0, shape[0], batch):
            count = min(batch, shape[0] - first)
            start = values[0].start + first * row_count * dtype.itemsize
            data = self.source.read(start, count * row_count * dtype.itemsize)
            yield from np.frombuffer(data, dtype).reshape(count, *shape[1:])

    def _gathered(self, blob: SourceBlob) -> NDArray[np.floating[Any]]:
        import numpy as np

        width, dtype = blob.storage.width, np.dtype(blob.storage.dtype)
        parts = []
        for chunk in blob.values:
            if chunk.packed:
                data = self.source.read(chunk.start, chunk.stop - chunk.start)
            else:
                tagged = np.frombuffer(
                    self.source.read(chunk.tag, chunk.stop - chunk.tag), np.uint8
                )
                data = tagged.reshape(-1, width + 1)[:, 1:].tobytes()
            parts.append(np.frombuffer(data, dtype))
        return np.concatenate(parts) if parts else np.empty(0, dtype)


# --- the index


def index(source: ByteSource) -> Model:
    """Find every layer and blob of a binary caffemodel.

    Raises ``ModelError`` with the offset where the bytes are no NetParameter, and for values
    that are kept in NVIDIA's ``raw_data``.
    """
    window = Window(source)
    layers = []
    for field in fields(window, 0, source.size):
        if field.wire_type != LEN:
            continue
        if field.number == NetField.LAYER:
            layers.append(_layer(window, field))
        elif field.number == NetField.LAYERS:
            layers.append(_v1_layer(window, field))
    namesakes: dict[str, list[SourceLayer]] = {}
    for layer in layers:
        namesakes.setdefault(layer.name, []).append(layer)
    by_name = {name: tuple(found) for name, found in namesakes.items()}
    return Model(source, _version(layers), tuple(layers), by_name)


def _version(layers: Sequence[SourceLayer]) -> Version:
    versions = {layer.version for layer in layers}
    if Version.V2 in versions and len(versions) > 1:
        return Version.MIXED
    for version in (Version.V0, Version.V1, Version.V2):
        if version in versions:
            return version
    return Version.EMPTY


def _frame(window: Window, field: Field) -> Frame:
    _, length = window.varint(field.tag, field.stop)
    return Frame(length, field.start, field.stop)


def _text(window: Window, field: Field) -> str:
    data = window.bytes(field.start, field.stop)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _layer(window: Window, field: Field) -> SourceLayer:
    frames = (_frame(window, field),)
    name = kind = ""
    blob_fields, params, has_bottoms = [], [], False
    for inner in fields(window, field.start, field.stop):
        if inner.wire_type != LEN:
            continue
        if inner.number == LayerField.NAME:
            name = _text(window, inner)
        elif inner.number == LayerField.TYPE:
            kind = _text(window, inner)
        elif inner.number == LayerField.BOTTOM:
            has_bottoms = True
        elif inner.number == LayerField.CONVOLUTION_PARAM:
            params.append(inner)
        elif inner.number == LayerField.BLOBS:
            blob_fields.append((inner, _blob(window, inner, frames)))
    blobs = _blobs(blob_fields, name)
    return SourceLayer(name, kind, Version.V2, frames, blobs, tuple(params), has_bottoms)


def _v1_layer(window: Window, field: Field) -> SourceLayer:
    frames = (_frame(window, field),)
    name = kind = ""
    version = Version.V1
    blob_fields, params, has_bottoms = [], [], False
    for inner in fields(window, field.start, field.stop):
        if inner.number == V1LayerField.TYPE and inner.wire_type == VARINT:
            kind = V1_NUMBERS.get(inner.value, f"V1 type {inner.value}")
        elif inner.wire_type != LEN:
            continue
        elif inner.number == V1LayerField.NAME:
            name = _text(window, inner)
        elif inner.number == V1LayerField.BOTTOM:
            has_bottoms = True
        elif inner.number == V1LayerField.CONVOLUTION_PARAM:
            params.append(inner)
        elif inner.number == V1LayerField.BLOBS:
            blob_fields.append((inner, _blob(window, inner, frames)))
        elif inner.number == V1LayerField.LAYER:
            # A V0 layer inside its connection; given twice, protobuf merges the two.
            version = Version.V0
            old_frames = (*frames, _frame(window, inner))
            for old in fields(window, inner.start, inner.stop):
                if old.wire_type != LEN:
                    continue
                if old.number == V0LayerField.NAME:
                    name = _text(window, old)
                elif old.number == V0LayerField.TYPE:
                    kind = _text(window, old)
                elif old.number == V0LayerField.BLOBS:
                    blob_fields.append((old, _blob(window, old, old_frames)))
    blobs = _blobs(blob_fields, name)
    return SourceLayer(name, kind, version, frames, blobs, tuple(params), has_bottoms)


@dataclass(frozen=True, slots=True)
class _RawValues:
    """A blob whose values are NVIDIA's raw_data, at ``offset``."""

    offset: int


def _blobs(
    found: Sequence[tuple[Field, SourceBlob | _RawValues]], name: str
) -> tuple[SourceBlob, ...]:
    blobs = []
    for position, (_, blob) in enumerate(found):
        if isinstance(blob, _RawValues):
            raise ModelError(
                f"layer {name!r} keeps the values of blob {position} in NVIDIA's raw_data "
                "(half precision, or NVIDIA Caffe 0.16 and 0.17), which this version does not read",
                offset=blob.offset,
                layer=name,
                hint="save it with store_blobs_in_old_format: true in the solver, "
                "or convert it to float32 with the Caffe that wrote it",
            )
        blobs.append(blob)
    return tuple(blobs)


def _blob(window: Window, field: Field, outer: tuple[Frame, ...]) -> SourceBlob | _RawValues:
    frames = (*outer, _frame(window, field))
    legacy: dict[int, int] = {}
    dims: list[int] = []
    chunks: list[Chunk] = []
    has_shape = has_diff = False
    raw: int | None = None
    raw_type = False
    for inner in fields(window, field.start, field.stop):
        number, wire_type = inner.number, inner.wire_type
        if number in _STORAGE and wire_type in (LEN, _STORAGE[BlobField(number)][1]):
            _add_chunk(chunks, inner)
        elif number in LEGACY_DIMS and wire_type == VARINT:
            legacy[number] = _int32(inner.value)
        elif number == BlobField.SHAPE and wire_type == LEN:
            has_shape = True
            dims += _dims(window, inner)
        elif number in (BlobField.DIFF, BlobField.DOUBLE_DIFF):
            has_diff = True
        elif number == BlobField.RAW_DATA_TYPE and wire_type == VARINT:
            raw_type = True
        elif number == BlobField.RAW_DATA and wire_type == LEN and inner.stop > inner.start:
            raw = inner.tag
    if raw is not None and raw_type and not any(chunk.count for chunk in chunks):
        return _RawValues(raw)
    shape = tuple(legacy.get(number, 0) for number in LEGACY_DIMS) if legacy else tuple(dims)
    return SourceBlob(
        frames=frames,
        shape=shape,
        legacy=bool(legacy),
        both_forms=bool(legacy) and has_shape,
        chunks=tuple(chunks),
        has_diff=has_diff,
    )


def _add_chunk(chunks: list[Chunk], field: Field) -> None:
    storage, _ = _STORAGE[BlobField(field.number)]
    if field.wire_type == LEN:
        if (field.stop - field.start) % storage.width:
            raise ModelError(
                f"{storage} holds {field.stop - field.start} bytes, no multiple of {storage.width}",
                offset=field.start,
                hint="the file is damaged; fetch it again",
            )
        chunks.append(Chunk(storage, field.tag, field.start, field.stop, True))
        return
    if field.start - field.tag > 1:
        chunks.append(Chunk(storage, field.tag, field.start, field.stop, True))
        return
    last = chunks[-1] if chunks else None
    if last and last.storage is storage and not last.packed and last.stop == field.tag:
        # 10^6 values written one by one are one run, not 10^6 objects.
        chunks[-1] = Chunk(storage, last.tag, last.start, field.stop, False)
    else:
        chunks.append(Chunk(storage, field.tag, field.start, field.stop, False))


def _dims(window: Window, field: Field) -> list[int]:
    dims = []
    for inner in fields(window, field.start, field.stop):
        if inner.number != BlobShapeField.DIM:
            continue
        if inner.wire_type == VARINT:
            dims.append(_int64(inner.value))
        elif inner.wire_type == LEN:
            position = inner.start
            while position < inner.stop:
                value, position = window.varint(position, inner.stop)
                dims.append(_int64(value))
        if len(dims) > 32:
            raise ModelError("a blob has more than 32 axes", offset=field.start)
    return dims


def _int64(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _int32(value: int) -> int:
    low = value & 0xFFFF_FFFF
    return low - (1 << 32) if low >> 31 else low


# --- what a layer of the file says of itself


def layer_param(model: Model, layer: SourceLayer) -> Message:
    """The ``convolution_param`` that the file itself holds for a layer; empty when it has none."""
    param: Any = message_class("ConvolutionParameter")()
    for field in layer.convolution_param:
        param.MergeFromString(model.source.read(field.start, field.stop - field.start))
    return _as_message(param)


def _as_message(message: Any) -> Message:
    found: list[tuple[str, Any]] = []
    for descriptor, value in message.ListFields():
        values = value if hasattr(value, "append") else [value]
        for each in values:
            if descriptor.message_type is not None:
                found.append((descriptor.name, _as_message(each)))
            elif descriptor.enum_type is not None:
                found.append((descriptor.name, descriptor.enum_type.values_by_number[each].name))
            else:
                found.append((descriptor.name, each))
    return Message(tuple(found))
