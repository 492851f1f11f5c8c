"""The index of a binary caffemodel, made by stepping over lengths; no value of a weight is read.

Four fields of a layer are looked at, all others are stepped over unseen. Never here: files, an
opinion on what is found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .caffemodel import LEGACY_DIMS, Chunk, Model, SourceBlob, SourceLayer, Storage, Version
from .errors import ModelError
from .schema import (
    V1_NUMBERS,
    BlobField,
    BlobShapeField,
    LayerField,
    NetField,
    V0LayerField,
    V1LayerField,
)
from .wire import I32, I64, LEN, VARINT, ByteSource, Field, Frame, Window, fields

MAX_AXES = 32  # Caffe's kMaxBlobAxes
# Where values are kept, and the wire type of one that is not packed.
_STORAGE = {BlobField.DATA: (Storage.DATA, I32), BlobField.DOUBLE_DATA: (Storage.DOUBLE_DATA, I64)}


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
    """A name as Caffe compares it, by its bytes: those that are no UTF-8 become surrogates."""
    return window.bytes(field.start, field.stop).decode("utf-8", "surrogateescape")


def _layer(window: Window, field: Field) -> SourceLayer:
    frames = (_frame(window, field),)
    name = kind = ""
    blobs, params = [], []
    for inner in fields(window, field.start, field.stop):
        if inner.wire_type != LEN:
            continue
        if inner.number == LayerField.NAME:
            name = _text(window, inner)
        elif inner.number == LayerField.TYPE:
            kind = _text(window, inner)
        elif inner.number == LayerField.CONVOLUTION_PARAM:
            params.append(inner)
        elif inner.number == LayerField.BLOBS:
            blobs.append(_blob(window, inner, frames))
    return SourceLayer(name, kind, Version.V2, frames, _readable(blobs, name), tuple(params))


def _v1_layer(window: Window, field: Field) -> SourceLayer:
    frames = (_frame(window, field),)
    name = kind = ""
    version = Version.V1
    blobs, params = [], []
    for inner in fields(window, field.start, field.stop):
        if inner.number == V1LayerField.TYPE and inner.wire_type == VARINT:
            kind = V1_NUMBERS.get(inner.value, f"V1 type {inner.value}")
        elif inner.wire_type != LEN:
            continue
        elif inner.number == V1LayerField.NAME:
            name = _text(window, inner)
        elif inner.number == V1LayerField.CONVOLUTION_PARAM:
            params.append(inner)
        elif inner.number == V1LayerField.BLOBS:
            blobs.append(_blob(window, inner, frames))
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
                    blobs.append(_blob(window, old, old_frames))
    return SourceLayer(name, kind, version, frames, _readable(blobs, name), tuple(params))


@dataclass(frozen=True, slots=True)
class _RawValues:
    """A blob whose values are NVIDIA's raw_data, at ``offset``."""

    offset: int


def _readable(found: Sequence[SourceBlob | _RawValues], name: str) -> tuple[SourceBlob, ...]:
    """The layer's blobs; ``ModelError`` for values in a form that this version does not read."""
    blobs = []
    for position, blob in enumerate(found):
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
                if len(dims) > MAX_AXES:
                    break
        if len(dims) > MAX_AXES:
            raise ModelError(f"a blob has more than {MAX_AXES} axes", offset=field.start)
    return dims


def _int64(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _int32(value: int) -> int:
    low = value & 0xFFFF_FFFF
    return low - (1 << 32) if low >> 31 else low
