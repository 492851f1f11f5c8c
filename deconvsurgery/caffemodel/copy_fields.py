"""A message's fields by name, as Caffe's table has them, carried to other numbers as bytes.

What a field holds is not decoded; several occurrences of a message count as protobuf counts them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache

from deconvsurgery.caffe_fields.schema import KnownField, enum_names, fields_of
from deconvsurgery.errors import ModelError
from deconvsurgery.named_tuple import NamedTuple

from .message_bytes import wire_type_of
from .wire import (
    I64,
    LEN,
    MAX_NUMBER,
    VARINT,
    BufferedSource,
    Field,
    fields,
    header,
    tag,
    uint32,
)

Parts = list[tuple[int, bytes]]  # whole fields with their numbers
Ranges = Iterable[tuple[int, int]]  # a message's occurrences


class Known(NamedTuple):
    """What Caffe's table says of a field; ``wire_type`` is that of one value.

    ``merged``: a message or repeated, so that every occurrence counts; ``values`` are an enum's.
    """

    name: str
    wire_type: int
    packable: bool
    merged: bool
    values: frozenset[int] | None


@cache
def known_fields(message: str) -> Mapping[int, Known]:
    """The fields of a message by number."""
    known = {}
    for field in fields_of(message).values():
        wire_type = wire_type_of(field)
        known[field.number] = Known(
            field.name,
            wire_type,
            packable=field.repeated and wire_type != LEN,
            merged=field.repeated or field.is_message,
            values=frozenset(enum_names(field.kind)) if field.is_enum else None,
        )
    return known


@cache
def number_of(message: str, name: str) -> int:
    """A field's number."""
    return fields_of(message)[name].number


@cache
def message_in(message: str, name: str) -> str:
    """The message that a field holds."""
    field = fields_of(message)[name]
    if not field.is_message:
        raise KeyError(f"{message}.{name} is no message")
    return field.kind


@cache
def same_fields(old: str, new: str) -> Mapping[str, int]:
    """The fields that two messages have by the same name and type, with their new numbers."""
    theirs = fields_of(new)
    return {
        name: theirs[name].number
        for name, field in fields_of(old).items()
        if name in theirs and _type(theirs[name]) == _type(field)
    }


def _type(field: KnownField) -> str:
    """Protobuf's: all messages are one type, and all enums."""
    return "message" if field.is_message else "enum" if field.is_enum else field.kind


class SortedFields(NamedTuple):
    """The fields of a message by name, and those that Caffe's protobuf would keep as unknown."""

    known: dict[str, list[Field]]
    strange: list[Field]


def fields_by_name(window: BufferedSource, message: str, occurrences: Ranges) -> SortedFields:
    """Sort out a message's fields; of one that counts once the last is left."""
    known: dict[str, list[Field]] = defaultdict(list)
    strange = []
    for start, stop in occurrences:
        for field in fields(window, start, stop):
            entry = known_fields(message).get(field.number)
            if entry is None or not _readable(entry, field):
                strange.append(field)
            elif entry.merged:
                known[entry.name].append(field)
            else:
                known[entry.name] = [field]
    return SortedFields(dict(known), strange)


def _readable(entry: Known, field: Field) -> bool:
    """It is what its number says; values of a packed enum are looked at one by one."""
    if field.wire_type != entry.wire_type:
        return entry.packable and field.wire_type == LEN
    return entry.values is None or uint32(field.value) in entry.values


def ranges_of(occurrences: Iterable[Field]) -> list[tuple[int, int]]:
    """Where a message's occurrences lie."""
    return [(field.start, field.stop) for field in occurrences]


def whole_field(number: int, wire_type: int, payload: bytes) -> bytes:
    """A whole field; what its payload says is not looked at."""
    start = header(number, len(payload)) if wire_type == LEN else tag(number, wire_type)
    return start + payload


def named_field(message: str, name: str, payload: bytes) -> tuple[int, bytes]:
    """A string, a message or a packed list as a field of that name, with its number."""
    number = number_of(message, name)
    return number, whole_field(number, LEN, payload)


def renumbered(window: BufferedSource, number: int, occurrences: Iterable[Field]) -> Parts:
    """Fields under another number, their payload byte for byte."""
    return [
        (number, whole_field(number, field.wire_type, window.bytes(field.start, field.stop)))
        for field in occurrences
    ]


def as_they_stand(window: BufferedSource, occurrences: Ranges, but: Collection[int] = ()) -> Parts:
    """A message's fields byte for byte, without those of some numbers."""
    return [
        (field.number, window.bytes(field.tag, field.stop))
        for start, stop in occurrences
        for field in fields(window, start, stop)
        if field.number not in but
    ]


def joined_fields(message: str, parts: Parts) -> bytes:
    """The fields as protobuf writes them: by number, what it does not know behind, as it came."""
    known = known_fields(message)
    ordered = sorted(parts, key=lambda part: part[0] if part[0] in known else MAX_NUMBER)
    return b"".join(part for _, part in ordered)


def field_values(
    window: BufferedSource, message: str, occurrences: Iterable[Field]
) -> Iterator[tuple[int, bytes]]:
    """A repeated field's values one by one, packed or not: of a varint its value, and the payload.

    Raises ``ModelError`` where a packed field ends inside a value.
    """
    for field in occurrences:
        entry = known_fields(message)[field.number]
        if field.wire_type == entry.wire_type:
            yield field.value, window.bytes(field.start, field.stop)
            continue
        position = field.start
        while position < field.stop:
            value, after = 0, position + (8 if entry.wire_type == I64 else 4)
            if entry.wire_type == VARINT:
                value, after = window.varint(position, field.stop)
            if after > field.stop:
                raise ModelError(
                    f"{entry.name} ends inside a value",
                    offset=position,
                    hint="the file is damaged; fetch it again",
                )
            if entry.values is None or uint32(value) in entry.values:
                yield value, window.bytes(position, after)
            position = after
