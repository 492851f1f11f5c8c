"""Protobuf's wire format, written and walked by hand: shares no code with the package.

Numbers of fields are those of caffe.proto: NetParameter.layer 100 and .layers 2, a layer's name 1
and 4, its type 2 and 5, its blobs 7 and 6, a blob's data 5, its shape 7.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from numpy.typing import NDArray

VARINT, FIXED64, LEN, GROUP, END_GROUP, FIXED32 = 0, 1, 2, 3, 4, 5


def varint(value: int, size: int = 1) -> bytes:
    """A varint of at least ``size`` bytes: more than it needs are zeros with their top bits set."""
    out = bytearray()
    while value > 0x7F or len(out) < size - 1:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def tag(number: int, wire: int, size: int = 1) -> bytes:
    """A field's tag."""
    return varint(number << 3 | wire, size)


def sized(number: int, payload: bytes, size: int = 1) -> bytes:
    """A length-delimited field; ``size`` bytes at least for its length."""
    return tag(number, LEN) + varint(len(payload), size) + payload


def number(field: int, value: int) -> bytes:
    """A varint field; negative ones as protobuf writes them, in ten bytes."""
    return tag(field, VARINT) + varint(value % (1 << 64))


def floats(*values: float) -> bytes:
    """float32, little-endian."""
    return struct.pack(f"<{len(values)}f", *values)


def doubles(*values: float) -> bytes:
    """float64, little-endian."""
    return struct.pack(f"<{len(values)}d", *values)


class Field(NamedTuple):
    """One field of a message: where it lies, and its payload (of a varint: its bytes)."""

    number: int
    wire: int
    start: int
    stop: int
    payload: bytes
    """The value's bytes without tag and length; of a group, up to and with its end tag."""
    at: int
    """Where the payload begins."""


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """A varint's value, and where it ends; ``ValueError`` where there is none."""
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError(at)
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return value, at


def fields(data: bytes, start: int = 0, stop: int | None = None) -> Iterator[Field]:
    """Each field of a message in ``data[start:stop]``; ``ValueError`` where it is none."""
    at, stop = start, len(data) if stop is None else stop
    while at < stop:
        begin = at
        key, at = read_varint(data, at)
        wire, inner = key & 7, at
        if wire == VARINT:
            _, at = read_varint(data, at)
        elif wire == LEN:
            size, inner = read_varint(data, at)
            at = inner + size
        elif wire in (FIXED64, FIXED32):
            at += 8 if wire == FIXED64 else 4
        elif wire == GROUP:
            at = _group_stop(data, at, stop, key >> 3)
        else:
            raise ValueError(begin)
        if at > stop:
            raise ValueError(begin)
        yield Field(key >> 3, wire, begin, at, data[inner:at], inner)


def _group_stop(data: bytes, at: int, stop: int, group: int) -> int:
    while at < stop:
        key, after = read_varint(data, at)
        if key == group << 3 | END_GROUP:
            return after
        at = next(fields(data, at, stop)).stop
    raise ValueError(at)


def values_range(data: bytes, name: str) -> tuple[int, int]:
    """Where the weights of a layer lie in a model: ``[start, stop)`` of its first blob's ``data``.

    ``LookupError`` where no layer of that name has any.
    """
    for layer, named, blobs in ((100, 1, 7), (2, 4, 6)):
        for whole in fields(data):
            if whole.number != layer:
                continue
            inner = list(fields(data, whole.at, whole.stop))
            if not any(each.number == named and each.payload == name.encode() for each in inner):
                continue
            first = next(each for each in inner if each.number == blobs)
            (found,) = (each for each in fields(data, first.at, first.stop) if each.number == 5)
            return found.at, found.stop
    raise LookupError(name)


def payloads(data: bytes, number: int) -> list[bytes]:
    """The payload of each field of that number."""
    return [each.payload for each in fields(data) if each.number == number]


def besides(data: bytes, *numbers: int) -> list[bytes]:
    """The bytes of each field of any other number, tag and length and all."""
    return [data[each.start : each.stop] for each in fields(data) if each.number not in numbers]


def dims(*shape: int) -> bytes:
    """A blob's shape as it is written today."""
    return sized(7, sized(1, b"".join(map(varint, shape))))


def legacy_dims(*shape: int) -> bytes:
    """A blob's num, channels, height and width; of fewer axes with 1s in front, as Caffe did it."""
    four = (1,) * (4 - len(shape)) + shape
    return b"".join(number(field, size) for field, size in enumerate(four, start=1))


def layer_v2(
    name: bytes, kind: bytes | None, *blobs: bytes, before: bytes = b"", after: bytes = b""
) -> bytes:
    """A layer as a field of the net, with other fields before and after its blobs."""
    named = sized(1, name) + (b"" if kind is None else sized(2, kind))
    return sized(100, named + before + b"".join(sized(7, blob) for blob in blobs) + after)


def layer_v1(name: bytes, kind: int, *blobs: bytes) -> bytes:
    """A layer as it was written until 2014, its type by number."""
    return sized(2, sized(4, name) + number(5, kind) + b"".join(sized(6, blob) for blob in blobs))


def c3d_blob(array: NDArray[Any], *diff: float, packed: bool = True) -> bytes:
    """A blob as C3D 1.0 writes it: five dims under 1 to 5, values under 6, gradients under 7."""
    shape = (1,) * (5 - array.ndim) + array.shape
    found = b"".join(number(field, size) for field, size in enumerate(shape, start=1))
    values = array.astype("<f4").tobytes()
    if packed:
        found += sized(6, values)
    else:
        found += b"".join(tag(6, 5) + values[at : at + 4] for at in range(0, len(values), 4))
    return found + (sized(7, floats(*diff)) if diff else b"")
