"""The index of one blob of a binary caffemodel: its dims, and where its values lie.

Three writers' messages: Caffe's, NVIDIA's with ``raw_data``, and C3D 1.0's, whose numbers mean
other fields. No value is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from deconvsurgery.caffe_fields import BlobField, BlobShapeField, C3DBlobField, RawType
from deconvsurgery.errors import ModelError
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.wording import plural

from .source_blob import C3D_DIMS, LEGACY_DIMS, MAX_AXES, SourceBlob
from .stored_values import RAW_STORAGE, Chunk, OnWire, Storage
from .wire import (
    I32,
    I64,
    LEN,
    VARINT,
    BufferedSource,
    Field,
    Frame,
    field_at,
    fields,
    int32,
    int64,
    run_stop,
)

# Where values and gradients are kept, and the wire type of one that is not packed.
_VALUES: Mapping[int, tuple[Storage, int]] = {
    BlobField.DATA: (Storage.DATA, I32),
    BlobField.DOUBLE_DATA: (Storage.DOUBLE_DATA, I64),
}
_DIFFS: Mapping[int, tuple[Storage, int]] = {
    BlobField.DIFF: (Storage.DATA, I32),
    BlobField.DOUBLE_DIFF: (Storage.DOUBLE_DATA, I64),
}
_C3D_VALUES = (C3DBlobField.DATA, C3DBlobField.DIFF)
_NUMBERS = frozenset({*_VALUES, *_DIFFS, *_C3D_VALUES})
_RAW_TYPES = frozenset(RawType)


def indexed_blob(window: BufferedSource, outer: Field, frames: tuple[Frame, ...]) -> SourceBlob:
    """The blob in a field ``outer``; ``frames`` are the messages around it and its own."""
    inside = list(_blob_fields(window, outer))
    if _is_of_c3d(inside):
        return _c3d_blob(frames, inside)
    legacy: dict[int, int] = {}
    shape: list[int] = []
    dims: list[tuple[int, int]] = []
    chunks: list[Chunk] = []
    diffs: list[Chunk] = []
    forks: dict[int, list[Field]] = {}
    has_shape = False
    for inner, stop in inside:
        number, wire_type = inner.number, inner.wire_type
        if number in _VALUES and wire_type in (LEN, _VALUES[number][1]):
            chunks.append(_chunk(inner, stop, _VALUES[number][0]))
        elif number in _DIFFS and wire_type in (LEN, _DIFFS[number][1]):
            diffs.append(_chunk(inner, stop, _DIFFS[number][0]))
        elif number in LEGACY_DIMS and wire_type == VARINT:
            legacy[number] = int32(inner.value)
            dims.append((inner.tag, inner.stop))
        elif number == BlobField.SHAPE and wire_type == LEN:
            has_shape = True
            shape += _dims(window, inner)  # given twice, protobuf joins them
            _check_axes(shape, inner)
            dims.append((inner.tag, inner.stop))
        elif number >= BlobField.RAW_DATA_TYPE:
            forks.setdefault(number, []).append(inner)
    raw = _raw(forks) if forks else _NOTHING_RAW
    gradients = tuple([(each.tag, each.stop) for each in diffs])
    if forks:
        diffs += _raw_diff(forks)
        gradients += tuple(_raw_diff_fields(forks))
    place = OnWire(frames, (*chunks, *raw.chunks), tuple(dims), raw.notes, gradients)
    gradient = OnWire((), tuple(diffs))
    return SourceBlob(
        shape=tuple(legacy.get(number, 0) for number in LEGACY_DIMS) if legacy else tuple(shape),
        place=place,
        legacy=bool(legacy),
        beside=tuple(shape) if legacy and has_shape else None,
        diff_count=gradient.count,
        problem=None if place.count else raw.problem,
        raw_diff=gradient.storage in RAW_STORAGE.values(),
    )


def _blob_fields(window: BufferedSource, outer: Field) -> Iterator[tuple[Field, int]]:
    """A blob's fields, and where each ends: of numbers written one by one, where the last does.

    10^6 of those are one run, not 10^6 objects.
    """
    position = outer.start
    while position < outer.stop:
        inner = field_at(window, position, outer.stop)
        position = inner.stop
        one_by_one = inner.number in _NUMBERS and inner.wire_type in (I32, I64)
        if one_by_one and inner.start - inner.tag == 1:
            position = run_stop(window, inner, outer.stop)
        yield inner, position


def _is_of_c3d(inside: Sequence[tuple[Field, int]]) -> bool:
    """A varint stands where Caffe has ``data``, and all is as C3D writes it."""
    return any(inner.number == C3DBlobField.WIDTH for inner, _ in inside) and all(
        inner.wire_type == VARINT
        if inner.number in C3D_DIMS
        else inner.number in _C3D_VALUES
        and inner.wire_type in (LEN, I32)
        and (inner.stop - inner.start) % Storage.DATA.width == 0
        for inner, _ in inside
    )


def _c3d_blob(frames: tuple[Frame, ...], inside: Sequence[tuple[Field, int]]) -> SourceBlob:
    """Five dims, and values where Caffe has gradients."""
    legacy: dict[int, int] = {}
    dims: list[tuple[int, int]] = []
    values: dict[int, list[Chunk]] = {number: [] for number in _C3D_VALUES}
    for inner, stop in inside:
        if inner.number in C3D_DIMS:
            legacy[inner.number] = int32(inner.value)
            dims.append((inner.tag, inner.stop))
        else:
            values[inner.number].append(_chunk(inner, stop, Storage.DATA))
    diffs = tuple(values[C3DBlobField.DIFF])
    gradients = tuple((each.tag, each.stop) for each in diffs)
    return SourceBlob(
        shape=tuple(legacy.get(number, 0) for number in C3D_DIMS),
        place=OnWire(frames, tuple(values[C3DBlobField.DATA]), tuple(dims), diffs=gradients),
        legacy=True,
        diff_count=OnWire((), diffs).count,
    )


_Forks: TypeAlias = Mapping[int, Sequence[Field]]
"""The fields of a blob that only forks have, by number."""


class _Raw(NamedTuple):
    """NVIDIA's ``raw_data``, the fields that go with it, and why it cannot be read."""

    chunks: tuple[Chunk, ...] = ()
    notes: tuple[tuple[int, int], ...] = ()
    problem: str | None = None


_NOTHING_RAW = _Raw()


def _raw(forks: _Forks) -> _Raw:
    """Neither field repeats: of several the last counts.

    The opencl branch of BVLC's Caffe gives the same numbers to other things; its ``packed_data``
    (11) is bytes where NVIDIA has a number.
    """
    data = _of_wire_type(forks, BlobField.RAW_DATA, LEN)
    types = _of_wire_type(forks, BlobField.RAW_DATA_TYPE, VARINT)
    if _of_wire_type(forks, BlobField.RAW_DIFF_TYPE, LEN):
        return _Raw(problem="its values are in packed_data, which only BVLC's opencl branch reads")
    if not data or data[-1].stop == data[-1].start:
        return _Raw()
    if not types:
        return _Raw(problem="its values are in raw_data whose type is not given")
    last, kind = data[-1], _raw_type(types)
    notes = tuple((field.tag, field.stop) for field in (*types, *data[:-1]))
    if kind not in RAW_STORAGE:
        name = RawType(kind).name if kind in _RAW_TYPES else str(kind)
        return _Raw((), notes, f"its values are raw_data of type {name}, which no Caffe reads")
    storage, size = RAW_STORAGE[kind], last.stop - last.start
    if size % storage.width:
        held = plural(size, "byte")
        return _Raw((), notes, f"its {storage} holds {held}, no multiple of {storage.width}")
    return _Raw((Chunk(storage, last.tag, last.start, last.stop, True),), notes)


def _of_wire_type(forks: _Forks, number: int, wire_type: int) -> list[Field]:
    return [field for field in forks.get(number, ()) if field.wire_type == wire_type]


def _raw_type(types: Sequence[Field]) -> int:
    """The last that protobuf's enum has; where it has none of them, the last."""
    numbers = [int32(field.value) for field in types]
    return next((number for number in reversed(numbers) if number in _RAW_TYPES), numbers[-1])


def _raw_diff_fields(forks: _Forks) -> Iterator[tuple[int, int]]:
    """Where all of ``raw_diff`` is, and what says its type, whether it can be read or not."""
    for number, wire_type in ((BlobField.RAW_DIFF_TYPE, VARINT), (BlobField.RAW_DIFF, LEN)):
        for field in _of_wire_type(forks, number, wire_type):
            yield field.tag, field.stop


def _raw_diff(forks: _Forks) -> Iterator[Chunk]:
    """NVIDIA's ``raw_diff``, the last as of `_raw`."""
    diffs = _of_wire_type(forks, BlobField.RAW_DIFF, LEN)
    types = _of_wire_type(forks, BlobField.RAW_DIFF_TYPE, VARINT)
    if diffs and types and _raw_type(types) in RAW_STORAGE:
        storage, last = RAW_STORAGE[_raw_type(types)], diffs[-1]
        yield Chunk(storage, last.tag, last.start, last.stop, True)


def _chunk(inner: Field, stop: int, storage: Storage) -> Chunk:
    """A field of values, and those that follow it one by one up to ``stop``."""
    if inner.wire_type == LEN:
        if (inner.stop - inner.start) % storage.width:
            raise ModelError(
                f"{BlobField(inner.number).name.lower()} holds "
                f"{plural(inner.stop - inner.start, 'byte')}, "
                f"no multiple of {storage.width}",
                offset=inner.start,
                hint="the file is damaged; fetch it again",
            )
        return Chunk(storage, inner.tag, inner.start, inner.stop, True)
    packed = inner.start - inner.tag > 1  # one behind a longer tag
    return Chunk(storage, inner.tag, inner.start, stop, packed)


def _dims(window: BufferedSource, outer: Field) -> list[int]:
    dims: list[int] = []
    for inner in fields(window, outer.start, outer.stop):
        if inner.number != BlobShapeField.DIM:
            continue
        if inner.wire_type == VARINT:
            dims.append(int64(inner.value))
        elif inner.wire_type == LEN:
            position = inner.start
            while position < inner.stop:
                value, position = window.varint(position, inner.stop)
                dims.append(int64(value))
                if len(dims) > MAX_AXES:
                    break
        _check_axes(dims, outer)
    return dims


def _check_axes(dims: Sequence[int], outer: Field) -> None:
    if len(dims) > MAX_AXES:
        raise ModelError(
            f"a blob has more than {MAX_AXES} axes",
            offset=outer.start,
            hint="Caffe stops at it, too: the file is damaged, or is not a caffemodel",
        )
