"""The index of a binary caffemodel, made by stepping over lengths; no value of a weight is read.

Five fields of a layer are looked at, all others are stepped over unseen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from deconvsurgery.caffe_fields import (
    V1_NUMBERS,
    BlobField,
    BlobShapeField,
    LayerField,
    NetField,
    ParamField,
    RawType,
    V0LayerField,
    V1LayerField,
)
from deconvsurgery.errors import ModelError

from .model import (
    MAX_AXES,
    RAW_STORAGE,
    Chunk,
    Model,
    OnWire,
    SourceBlob,
    SourceLayer,
    Storage,
    Version,
)
from .read_values import LEGACY_DIMS, wire_values
from .wire import (
    I32,
    I64,
    LEN,
    VARINT,
    ByteSource,
    Field,
    Frame,
    Window,
    field_at,
    fields,
    run_stop,
)

# Where values and gradients are kept, and the wire type of one that is not packed.
_VALUES = {BlobField.DATA: (Storage.DATA, I32), BlobField.DOUBLE_DATA: (Storage.DOUBLE_DATA, I64)}
_UNKNOWN = "V1 type "
_RAW_TYPES = frozenset(RawType)
_DIFFS = {BlobField.DIFF: (Storage.DATA, I32), BlobField.DOUBLE_DIFF: (Storage.DOUBLE_DATA, I64)}


def index(source: ByteSource) -> Model:
    """Find every layer and blob of a binary caffemodel.

    Raises ``ModelError`` with the offset where the bytes are no NetParameter. Values that only
    the fork which wrote them can read are told in ``SourceBlob.problem``.
    """
    window = Window(source)
    layers = []
    for inner in fields(window, 0, source.size):
        if inner.wire_type != LEN:
            continue
        if inner.number == NetField.LAYER:
            layers.append(_layer(window, inner))
        elif inner.number == NetField.LAYERS:
            layers.append(_v1_layer(window, inner))
    return Model(source, _version(layers), tuple(layers), partial(wire_values, source))


def _version(layers: Sequence[SourceLayer]) -> Version:
    versions = {layer.version for layer in layers}
    if Version.V2 in versions and len(versions) > 1:
        return Version.MIXED
    for version in (Version.V0, Version.V1, Version.V2):
        if version in versions:
            return version
    return Version.EMPTY


def _frame(window: Window, outer: Field) -> Frame:
    _, length = window.varint(outer.tag, outer.stop)
    return Frame(length, outer.start, outer.stop)


def _text(window: Window, inner: Field) -> str:
    """A name as Caffe compares it, by its bytes: those that are no UTF-8 become surrogates."""
    return window.bytes(inner.start, inner.stop).decode("utf-8", "surrogateescape")


@dataclass(slots=True)
class _Found:
    """What has been seen of a layer so far."""

    name: str = ""
    type: str = ""
    version: Version = Version.V2
    blobs: list[SourceBlob] = field(default_factory=list)
    convolution_param: list[Field] = field(default_factory=list)
    param_names: list[str] = field(default_factory=list)

    def layer(self, tag: int, frames: tuple[Frame, ...]) -> SourceLayer:
        """The layer whose field begins at ``tag``."""
        return SourceLayer(
            self.name,
            self.type,
            self.version,
            tuple(self.blobs),
            tag,
            frames,
            tuple(self.convolution_param),
            tuple(self.param_names),
        )


def _layer(window: Window, outer: Field) -> SourceLayer:
    frames, found = (_frame(window, outer),), _Found()
    for inner in fields(window, outer.start, outer.stop):
        if inner.wire_type != LEN:
            continue
        if inner.number == LayerField.NAME:
            found.name = _text(window, inner)
        elif inner.number == LayerField.TYPE:
            found.type = _text(window, inner)
        elif inner.number == LayerField.CONVOLUTION_PARAM:
            found.convolution_param.append(inner)
        elif inner.number == LayerField.PARAM:
            found.param_names.append(_param_name(window, inner))
        elif inner.number == LayerField.BLOBS:
            found.blobs.append(_blob(window, inner, frames))
    return found.layer(outer.tag, frames)


def _param_name(window: Window, outer: Field) -> str:
    name = ""
    for inner in fields(window, outer.start, outer.stop):
        if inner.number == ParamField.NAME and inner.wire_type == LEN:
            name = _text(window, inner)
    return name


def _v1_layer(window: Window, outer: Field) -> SourceLayer:
    frames, found = (_frame(window, outer),), _Found(version=Version.V1)
    old: _Found | None = None
    for inner in fields(window, outer.start, outer.stop):
        if inner.number == V1LayerField.TYPE and inner.wire_type == VARINT:
            found.type = _v1_type(inner.value, found.type)
        elif inner.wire_type != LEN:
            continue
        elif inner.number == V1LayerField.NAME:
            found.name = _text(window, inner)
        elif inner.number == V1LayerField.CONVOLUTION_PARAM:
            found.convolution_param.append(inner)
        elif inner.number == V1LayerField.PARAM:
            found.param_names.append(_text(window, inner))
        elif inner.number == V1LayerField.BLOBS:
            found.blobs.append(_blob(window, inner, frames))
        elif inner.number == V1LayerField.LAYER:
            # Given twice, protobuf merges the two. What else the connection says of a layer
            # counts no more: Caffe takes name, type and blobs of the V0 layer in it.
            old = old or _Found(version=Version.V0)
            _v0_layer(window, inner, frames, old)
    return (old or found).layer(outer.tag, frames)


def _v1_type(value: int, before: str) -> str:
    """The type's name; one that Caffe does not know never takes the place of one that it does."""
    number = value & 0xFFFF_FFFF
    unknown = before if before and not before.startswith(_UNKNOWN) else f"{_UNKNOWN}{number}"
    return V1_NUMBERS.get(number, unknown)


def _v0_layer(window: Window, outer: Field, connection: tuple[Frame, ...], found: _Found) -> None:
    frames = (*connection, _frame(window, outer))
    for inner in fields(window, outer.start, outer.stop):
        if inner.wire_type != LEN:
            continue
        if inner.number == V0LayerField.NAME:
            found.name = _text(window, inner)
        elif inner.number == V0LayerField.TYPE:
            found.type = _text(window, inner)
        elif inner.number == V0LayerField.BLOBS:
            found.blobs.append(_blob(window, inner, frames))


def _blob(window: Window, outer: Field, around: tuple[Frame, ...]) -> SourceBlob:
    frames = (*around, _frame(window, outer))
    legacy: dict[int, int] = {}
    shape: list[int] = []
    dims: list[tuple[int, int]] = []
    chunks: list[Chunk] = []
    diffs: list[Chunk] = []
    forks: dict[int, list[Field]] = {}
    has_shape = False
    position = outer.start
    while position < outer.stop:
        inner = field_at(window, position, outer.stop)
        number, wire_type, position = inner.number, inner.wire_type, inner.stop
        if number in _VALUES and wire_type in (LEN, _VALUES[BlobField(number)][1]):
            storage, _ = _VALUES[BlobField(number)]
            position = _add_chunk(window, chunks, inner, storage, outer.stop)
        elif number in _DIFFS and wire_type in (LEN, _DIFFS[BlobField(number)][1]):
            storage, _ = _DIFFS[BlobField(number)]
            position = _add_chunk(window, diffs, inner, storage, outer.stop)
        elif number in LEGACY_DIMS and wire_type == VARINT:
            legacy[number] = _int32(inner.value)
            dims.append((inner.tag, inner.stop))
        elif number == BlobField.SHAPE and wire_type == LEN:
            has_shape = True
            shape += _dims(window, inner)  # given twice, protobuf joins them
            _check_axes(shape, inner)
            dims.append((inner.tag, inner.stop))
        elif number >= BlobField.RAW_DATA_TYPE:
            forks.setdefault(number, []).append(inner)
    raw, notes, problem = _raw(forks)
    gradients = (*((each.tag, each.stop) for each in diffs), *_raw_diff_fields(forks))
    place = OnWire(frames, (*chunks, *raw), tuple(dims), notes, gradients)
    return SourceBlob(
        shape=tuple(legacy.get(number, 0) for number in LEGACY_DIMS) if legacy else tuple(shape),
        place=place,
        legacy=bool(legacy),
        both_forms=bool(legacy) and has_shape,
        diff_count=OnWire((), (*diffs, *_raw_diff(forks))).count,
        problem=None if place.count else problem,
    )


def _raw(
    forks: dict[int, list[Field]],
) -> tuple[tuple[Chunk, ...], tuple[tuple[int, int], ...], str | None]:
    """NVIDIA's ``raw_data``, the fields that go with it, and why it cannot be read.

    Neither field repeats: of several the last counts. The opencl branch of BVLC's Caffe gives
    the same numbers to other things; its ``packed_data`` (11) is bytes where NVIDIA has a number.
    """
    data = [each for each in forks.get(BlobField.RAW_DATA, ()) if each.wire_type == LEN]
    types = [each for each in forks.get(BlobField.RAW_DATA_TYPE, ()) if each.wire_type == VARINT]
    if any(each.wire_type == LEN for each in forks.get(BlobField.RAW_DIFF_TYPE, ())):
        return (), (), "its values are in packed_data, which only BVLC's opencl branch reads"
    if not data or data[-1].stop == data[-1].start:
        return (), (), None
    if not types:
        return (), (), "its values are in raw_data whose type is not given"
    last, kind = data[-1], _raw_type(types)
    notes = tuple((each.tag, each.stop) for each in (*types, *data[:-1]))
    if kind not in RAW_STORAGE:
        name = RawType(kind).name if kind in _RAW_TYPES else str(kind)
        return (), notes, f"its values are raw_data of type {name}, which no Caffe reads"
    storage = RAW_STORAGE[kind]
    if (last.stop - last.start) % storage.width:
        size = last.stop - last.start
        return (), notes, f"its {storage} holds {size:,} bytes, no multiple of {storage.width}"
    return (Chunk(storage, last.tag, last.start, last.stop, True),), notes, None


def _raw_type(types: Sequence[Field]) -> int:
    """The last that protobuf's enum has; where it has none of them, the last."""
    numbers = [_int32(each.value) for each in types]
    return next((each for each in reversed(numbers) if each in _RAW_TYPES), numbers[-1])


def _raw_diff_fields(forks: dict[int, list[Field]]) -> Iterator[tuple[int, int]]:
    """Where all of ``raw_diff`` is, and what says its type, whether it can be read or not."""
    for number, wire_type in ((BlobField.RAW_DIFF_TYPE, VARINT), (BlobField.RAW_DIFF, LEN)):
        for each in forks.get(number, ()):
            if each.wire_type == wire_type:
                yield each.tag, each.stop


def _raw_diff(forks: dict[int, list[Field]]) -> Iterator[Chunk]:
    """NVIDIA's ``raw_diff``, the last as of `_raw`."""
    diffs = [each for each in forks.get(BlobField.RAW_DIFF, ()) if each.wire_type == LEN]
    types = [each for each in forks.get(BlobField.RAW_DIFF_TYPE, ()) if each.wire_type == VARINT]
    if diffs and types and _raw_type(types) in RAW_STORAGE:
        storage, last = RAW_STORAGE[_raw_type(types)], diffs[-1]
        yield Chunk(storage, last.tag, last.start, last.stop, True)


def _add_chunk(
    window: Window, chunks: list[Chunk], inner: Field, storage: Storage, stop: int
) -> int:
    """Take in a field of values, and those that follow it one by one; where they end."""
    if inner.wire_type == LEN:
        if (inner.stop - inner.start) % storage.width:
            raise ModelError(
                f"{BlobField(inner.number).name.lower()} holds {inner.stop - inner.start} bytes, "
                f"no multiple of {storage.width}",
                offset=inner.start,
                hint="the file is damaged; fetch it again",
            )
        chunks.append(Chunk(storage, inner.tag, inner.start, inner.stop, True))
        return inner.stop
    if inner.start - inner.tag > 1:
        chunks.append(Chunk(storage, inner.tag, inner.start, inner.stop, True))
        return inner.stop
    # 10^6 values written one by one are one run, not 10^6 objects.
    end = run_stop(window, inner, stop)
    chunks.append(Chunk(storage, inner.tag, inner.start, end, False))
    return end


def _dims(window: Window, outer: Field) -> list[int]:
    dims: list[int] = []
    for inner in fields(window, outer.start, outer.stop):
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
        _check_axes(dims, outer)
    return dims


def _check_axes(dims: Sequence[int], outer: Field) -> None:
    if len(dims) > MAX_AXES:
        raise ModelError(
            f"a blob has more than {MAX_AXES} axes",
            offset=outer.start,
            hint="Caffe stops at it, too: the file is damaged, or is no caffemodel",
        )


def _int64(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _int32(value: int) -> int:
    low = value & 0xFFFF_FFFF
    return low - (1 << 32) if low >> 31 else low
