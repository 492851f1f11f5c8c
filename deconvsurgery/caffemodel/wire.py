"""Protobuf's wire format: varints, tags, fields, and enclosing lengths that stay true.

Knows no message and no field by name. Format: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from deconvsurgery.errors import ModelError
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.splicing.byte_ranges import Edit, replacing
from deconvsurgery.wording import agreed, plural

VARINT, I64, LEN, GROUP, END_GROUP, I32 = range(6)
MAX_NUMBER = (1 << 29) - 1
MAX_GROUPS = 100  # protobuf's recursion limit

_WINDOW = 4096
_FIRST_RUN = 16  # fields; runs of three are as common as runs of a million
_LONGEST_RUN = 1 << 20  # bytes looked at in one go
_SHORT = 5  # bytes of the longest tag or length that protobuf reads


class ByteSource(Protocol):
    """Bytes at offsets, read as asked for."""

    @property
    def size(self) -> int:
        """Bytes in all."""

    def read(self, start: int, size: int) -> bytes:
        """Exactly ``size`` bytes from ``start``."""


class Field(NamedTuple):
    """One field of a protobuf message, by byte offsets in the file.

    Its tag, of ``number`` and ``wire_type``, begins at ``tag``, its payload is ``[start, stop)``.
    A varint's payload is the varint itself, its value ``value``; a group's runs to its end tag.
    """

    number: int
    wire_type: int
    tag: int
    start: int
    stop: int
    value: int


class BufferedSource:
    """A source seen through a small buffer, so that stepping over payload does not read it."""

    __slots__ = ("_bytes", "_start", "source")

    def __init__(self, source: ByteSource) -> None:
        self.source = source
        self._start = 0
        self._bytes = b""

    def byte(self, offset: int, stop: int) -> int:
        """The byte at ``offset``, which must lie before ``stop``."""
        if offset >= stop:
            raise ModelError("a field is cut off", offset=offset, hint=_CUT_HINT)
        index = offset - self._start
        if not 0 <= index < len(self._bytes):
            self._bytes = self.source.read(offset, min(_WINDOW, self.source.size - offset))
            self._start, index = offset, 0
        return self._bytes[index]

    def bytes(self, start: int, stop: int) -> bytes:
        """A small payload, from the buffer when it lies there."""
        index = start - self._start
        if index >= 0 and stop - self._start <= len(self._bytes):
            return self._bytes[index : index + stop - start]
        return self.source.read(start, stop - start)

    def varint(self, offset: int, stop: int) -> tuple[int, int]:
        """A varint's value (64 bits, unsigned) and the offset behind it."""
        index = offset - self._start
        if offset < stop and 0 <= index < len(self._bytes) and self._bytes[index] < 0x80:
            return self._bytes[index], offset + 1  # most tags and lengths are one byte
        value = shift = 0
        position = offset
        while True:
            byte = self.byte(position, stop)
            position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & 0xFFFF_FFFF_FFFF_FFFF, position
            shift += 7
            if shift == 70:
                raise ModelError("a number is longer than 10 bytes", offset=offset, hint=_BAD_HINT)

    def text(self, field: Field) -> str:
        """What a field holds, as a name (`decoded`)."""
        return decoded(self.bytes(field.start, field.stop))

    def short_varint(self, offset: int, stop: int) -> tuple[int, int]:
        """A tag or a length: protobuf reads those from ``_SHORT`` bytes at most."""
        index = offset - self._start
        if offset < stop and 0 <= index < len(self._bytes) and self._bytes[index] < 0x80:
            return self._bytes[index], offset + 1  # as in `varint`, without another call
        value, position = self.varint(offset, stop)
        if position - offset > _SHORT:
            raise ModelError(
                f"a tag or length takes {position - offset} bytes, where {_SHORT} are the most",
                offset=offset,
                hint=_BAD_HINT,
            )
        return value, position


_CUT_HINT = "the file is truncated or damaged; fetch it again and compare its checksum"
_BAD_HINT = "the file is damaged, or is not a caffemodel"


def fields(window: BufferedSource, start: int, stop: int) -> Iterator[Field]:
    """The fields of the message in ``[start, stop)``; payload is stepped over, never read.

    Raises ``ModelError`` with the offset where the bytes are no protobuf message.
    """
    position = start
    while position < stop:
        field = field_at(window, position, stop)
        yield field
        position = field.stop


def field_at(window: BufferedSource, tag: int, stop: int) -> Field:
    """The field whose tag begins at ``tag``, in a message that ends at ``stop``."""
    key, position = window.short_varint(tag, stop)
    number, wire_type = key >> 3, key & 7
    if not 1 <= number <= MAX_NUMBER:
        raise ModelError(f"field number {number} does not exist", offset=tag, hint=_BAD_HINT)
    value = 0
    start = position
    if wire_type == VARINT:
        value, position = window.varint(position, stop)
    elif wire_type == LEN:
        length, start = window.short_varint(position, stop)
        position = start + length
    elif wire_type == I32:
        position += 4
    elif wire_type == I64:
        position += 8
    elif wire_type == GROUP:
        position = _group_end(window, number, position, stop)
    elif wire_type == END_GROUP:
        raise ModelError("a group ends that never began", offset=tag, hint=_BAD_HINT)
    else:
        raise ModelError(f"wire type {wire_type} does not exist", offset=tag, hint=_BAD_HINT)
    if position > stop:
        raise ModelError(
            f"field {number} needs {plural(position - start, 'byte')} where "
            f"{stop - start:,} {agreed(stop - start, 'is', 'are')} left",
            offset=tag,
            hint=_CUT_HINT,
        )
    return Field(number, wire_type, tag, start, position, value)


def run_stop(window: BufferedSource, field: Field, stop: int) -> int:
    """Where the fields of one size behind the same tag of one byte end that begin with ``field``.

    For numbers that were written one by one: 10^7 of them are looked at in a moment.
    """
    step = field.stop - field.tag
    tag = window.bytes(field.tag, field.tag + 1)
    position, size = field.stop, _FIRST_RUN * step
    while position + step <= stop:
        size = min(size, (stop - position) // step * step)
        tags = window.source.read(position, size)[::step]
        same = len(tags) - len(tags.lstrip(tag))
        position += same * step
        if same < len(tags):
            break
        size = min(2 * size, _LONGEST_RUN // step * step)
    return position


def _group_end(window: BufferedSource, number: int, position: int, stop: int) -> int:
    """The offset behind the end tag of the group whose content begins at ``position``."""
    opened = [number]
    while opened:
        tag = position
        key, after = window.short_varint(tag, stop)
        if key & 7 == GROUP:
            opened.append(key >> 3)
            position = after
        elif key & 7 == END_GROUP:
            if opened.pop() != key >> 3:
                raise ModelError("groups are not nested", offset=tag, hint=_BAD_HINT)
            position = after
        else:
            position = field_at(window, tag, stop).stop
        if len(opened) > MAX_GROUPS:
            raise ModelError(
                f"groups are nested more than {MAX_GROUPS} deep", offset=tag, hint=_BAD_HINT
            )
    return position


def varint(value: int) -> bytes:
    r"""The shortest varint of an unsigned value.

    >>> varint(300)
    b'\xac\x02'
    """
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def tag(number: int, wire_type: int) -> bytes:
    """A field's tag."""
    return varint(number << 3 | wire_type)


def header(number: int, size: int) -> bytes:
    """Tag and length of a field whose payload of ``size`` bytes follows."""
    return tag(number, LEN) + varint(size)


def delimited(number: int, payload: bytes) -> bytes:
    """A whole length-delimited field."""
    return header(number, len(payload)) + payload


def uint32(value: int) -> int:
    """The 32 bits of a varint that protobuf looks at for an enum or a number of 32 bits."""
    return value & 0xFFFF_FFFF


def int32(value: int) -> int:
    """A varint as an int32."""
    low = uint32(value)
    return low - (1 << 32) if low >> 31 else low


def int64(value: int) -> int:
    """A varint as an int64."""
    return value - (1 << 64) if value >> 63 else value


def decoded(raw: bytes) -> str:
    """A name as Caffe compares it, by its bytes: those that are no UTF-8 become surrogates."""
    return raw.decode("utf-8", "surrogateescape")


def encoded(name: str) -> bytes:
    r"""A name's bytes; what was no UTF-8 comes back as it was.

    >>> encoded(decoded(b"up\xff"))
    b'up\xff'
    """
    return name.encode("utf-8", "surrogateescape")


class Frame(NamedTuple):
    """A message within another: its length varint at ``[length, start)``, payload to ``stop``."""

    length: int
    start: int
    stop: int


def frame_of(window: BufferedSource, field: Field) -> Frame:
    """A length-delimited field as a frame of what is in it."""
    _, length = window.varint(field.tag, field.stop)
    return Frame(length, field.start, field.stop)


class FramedEdit(NamedTuple):
    """An edit and the messages around it, outermost first.

    The path is explicit because offsets do not give it: an insertion at a layer's end stands at
    its last blob's end, too.
    """

    edit: Edit
    frames: tuple[Frame, ...] = ()


def reframed(edits: Sequence[FramedEdit]) -> list[Edit]:
    r"""The edits, and one for each enclosing length that they change.

    Lengths that stay true are not touched, however oddly they are encoded. Where several
    insert at one place the innermost comes first: its message ends before the others do.

    >>> from deconvsurgery.splicing.byte_ranges import spliced
    >>> inner = Frame(1, 2, 4)              # b"\n\x02hi": field 1 holds two bytes
    >>> spliced(b"\n\x02hi", reframed([FramedEdit(replacing(4, 4, b"!"), (inner,))]))
    b'\n\x03hi!'
    """
    growth: dict[tuple[Frame, ...], int] = {}
    for framed in edits:
        for depth in range(1, len(framed.frames) + 1):
            growth.setdefault(framed.frames[:depth], 0)
        if framed.frames:
            growth[framed.frames] += framed.edit.growth
    lengths = []
    for path in sorted(growth, key=len, reverse=True):
        if not growth[path]:
            continue
        frame = path[-1]
        length = varint(frame.stop - frame.start + growth[path])
        lengths.append(replacing(frame.length, frame.start, length))
        if len(path) > 1:
            growth[path[:-1]] += growth[path] + lengths[-1].growth
    inner_first = sorted(edits, key=lambda framed: -len(framed.frames))
    return [framed.edit for framed in inner_first] + lengths
