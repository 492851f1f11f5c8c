"""The meaning of a net's text by protobuf's ``text_format``: what the reader is held against.

The tree is that of ``tokens``, read token by token; values, and what is refused, are protobuf's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    text_encoding,
    text_format,
)

import deconvsurgery as ds
from deconvsurgery.caffe_fields import DESCRIPTORS, FORK_REPEATED_FIELDS, PACKAGE
from deconvsurgery.prototxt import tokens
from deconvsurgery.prototxt.tokens import Text, TextField, Token, scan
from deconvsurgery.prototxt.typed_fields import meaning

_INVALID: Final = "Invalid field value: "


class Refusal(NamedTuple):
    """Why a text is no net, and where; of an invalid value protobuf does not say where."""

    message: str
    place: tuple[int | None, int | None] | None
    hint: str | None = None


Said: TypeAlias = tuple[tuple[str, Any], ...]
Reading: TypeAlias = Said | Refusal
"""Fields with their values, written so that nan is nan and 1 is not 1.0; or why there are none."""


def read_here(text: str) -> Reading:
    """As the package reads it."""
    source = Text(text)
    try:
        return _said(meaning(source, scan(source)))
    except ds.PrototxtError as error:
        return _refusal(error)


def read_there(text: str) -> Reading:
    """As protobuf reads it, and the reader of tokens."""
    source = Text(text)
    try:
        return _said(_meaning(source, _one_by_one(source)))
    except ds.PrototxtError as error:
        return _refusal(error)


def _said(message: ds.NetMessage) -> Said:
    return tuple(
        (name, _said(value) if isinstance(value, ds.NetMessage) else repr(value))
        for name, value in message.fields
    )


def _refusal(error: ds.PrototxtError) -> Refusal:
    said = error.message
    place = None if said.startswith(_INVALID) else (error.line, error.column)
    return Refusal(said, place, error.hint)


def _one_by_one(text: Text) -> list[TextField]:
    """The tree without the expression that takes a whole field at once."""
    reader = tokens._Reader(text, 0)
    found = []
    while reader.token.kind != "end":
        found.append(reader.field(None, 0))
    return found


def _meaning(text: Text, fields: Sequence[TextField]) -> ds.NetMessage:
    message: Any = _net_of_forks()()
    masked: set[int] = set()
    twice = None
    for start, error in _foreign(text, fields, message.DESCRIPTOR):
        masked.add(start)
        twice = twice or error
    readable = _readable(text.text, fields, masked)
    try:
        text_format.Parse(readable, message, allow_unknown_field=True)
    except text_format.ParseError as found:
        complaint = _reported(found, Text(readable))
        if "no UTF-8" in complaint.message:
            complaint = _at_the_next(complaint, text, readable, masked)
        first = (complaint.line or 0, complaint.column or 0)
        if not twice or first < (twice.line or 0, twice.column or 0):
            raise complaint from None
    if twice:
        raise twice
    return _typed(fields, message, masked)


@cache
def _net_of_forks() -> Any:
    """Protobuf's class of a net in which what a fork repeats may repeat."""
    pool = descriptor_pool.DescriptorPool()
    (file,) = descriptor_pb2.FileDescriptorSet.FromString(Path(DESCRIPTORS).read_bytes()).file
    for message in file.message_type:
        for field in message.field:
            if field.name in FORK_REPEATED_FIELDS.get(message.name, ()):
                field.label = field.LABEL_REPEATED
                field.ClearField("default_value")  # which no repeated field may have
    pool.AddSerializedFile(file.SerializeToString())
    found = pool.FindMessageTypeByName(f"{PACKAGE}.NetParameter")
    return message_factory.GetMessageClass(found)


def _reported(error: Any, text: Text) -> ds.PrototxtError:
    """Protobuf's complaint without the line it quotes."""
    line, column = error.GetLine(), error.GetColumn()
    said = re.sub(r"^\d+:\d+ : ", "", str(error))
    if line is not None:
        length = len(text.text.split("\n")[line - 1]) + 2
        if said.startswith("'") and said[length - 1 : length + 2] == "': ":
            said = said[length + 2 :]
    elif said.startswith(_INVALID):
        line, column = text.place(max(0, text.text.find(said.removeprefix(_INVALID))))
    said = said.replace("deconvsurgery.", "")
    hint = None
    if "'utf-8' codec" in said:
        said = "a string's escapes spell no UTF-8"
        hint = "write the text itself, in UTF-8: Caffe compares names by their bytes"
    elif "'unicodeescape' codec" in said:
        said = "a string has an escape that is none"
    said = said if len(said) <= 200 else said[:200] + "…"
    return ds.PrototxtError(said, line=line, column=column, hint=hint)


def _at_the_next(
    complaint: ds.PrototxtError, text: Text, readable: str, masked: set[int]
) -> ds.PrototxtError:
    """It is found at the token behind the string, which may be one that is blanked."""
    lines = readable.split("\n")[: complaint.line]
    at = sum(map(len, lines[:-1])) + len(lines) - 1 + (complaint.column or 1) - 1
    last = len(readable[:at].rstrip())
    first = min((start for start in masked if last <= start < at), default=at)
    line, column = text.place(first)
    return ds.PrototxtError(complaint.message, line=line, column=column, hint=complaint.hint)


def _foreign(
    text: Text, fields: Sequence[TextField], descriptor: Any
) -> Iterator[tuple[int, ds.PrototxtError | None]]:
    """Where enum fields begin whose value BVLC's Caffe does not have; and what is wrong with them.

    Of a number above 32 bits upb takes the lower ones, C++'s parser refuses it.
    """
    seen: dict[str, bool] = {}
    for field in fields:
        known = descriptor.fields_by_name.get(field.name)
        if known is None:
            continue
        if known.message_type is not None:
            for body in field.children or ():
                yield from _foreign(text, body, known.message_type)
            continue
        if known.enum_type is None:
            continue
        for scalar in field.scalars:
            number = _number_or_word("".join(token.text for token in scalar))
            if type(number) is int and not _in_32_bits(number) and abs(number) < 2**63:
                name = known.enum_type.full_name.partition(".")[2]
                said = f'Enum type "{name}" has no value with number {number}.'
                yield -1, text.error(said, scalar[0].start)
        if known.enum_type.name != "Phase":
            foreign = not all(_is_enum_value(known, scalar) for scalar in field.scalars)
            twice = field.name in seen and (foreign or seen[field.name])
            if foreign or twice:
                error = text.error(f"{field.name!r} is given twice", field.start) if twice else None
                yield field.start, error
            seen[field.name] = foreign


def _is_enum_value(known: Any, scalar: Sequence[Token]) -> bool:
    token = scalar[-1]
    if token.kind == "word":
        return token.text in known.enum_type.values_by_name
    if token.kind == "number" and len(scalar) == 1:
        try:
            number = int(token.text, 0)
            return not _in_32_bits(number) or number in known.enum_type.values_by_number
        except ValueError:
            return False
    return token.kind == "string"


def _in_32_bits(number: int) -> bool:
    return -(2**31) <= number < 2**31


def _readable(characters: str, fields: Sequence[TextField], masked: set[int]) -> str:
    """Foreign enum values are blanked, ``- 2`` becomes ``-2 ``; all else keeps its place."""
    blanked: list[tuple[int, int, str]] = []
    pending = list(fields)
    while pending:
        field = pending.pop()
        if field.start in masked:
            gone = re.sub(r"[^\n]", " ", characters[field.start : field.end])
            blanked.append((field.start, field.end, gone))
            continue
        for body in field.children or ():
            pending.extend(body)
        for sign, *rest in field.scalars:
            if sign.text == "-" and rest and rest[0].start > sign.stop:
                number = rest[0]
                gap = re.sub(r"[^\n]", " ", characters[sign.stop : number.start])
                if "\n" in gap:  # what is behind the number stays where it is on its line
                    gap += " " * len(number.text)
                blanked.append((sign.start, number.stop, f"-{number.text}{gap}"))
    parts, position = [], 0
    for start, stop, instead in sorted(blanked):
        parts += [characters[position:start], instead]
        position = stop
    return "".join([*parts, characters[position:]])


def _typed(fields: Sequence[TextField], message: Any, masked: set[int]) -> ds.NetMessage:
    """Tree and protobuf message walked together, in the text's order."""
    found: list[tuple[str, Any]] = []
    taken: dict[str, int] = {}
    for field in fields:
        name = field.name
        known = None if message is None else message.DESCRIPTOR.fields_by_name.get(name)
        if known is None or field.start in masked:
            names = known.enum_type.values_by_number if known else {}
            found += [
                (
                    name,
                    names[value].name
                    if type(value) is int and _in_32_bits(value) and value in names
                    else value,
                )
                for value in _untyped(field)
            ]
            continue
        count = len(field.children or field.scalars)
        start = taken.get(name, 0)
        taken[name] = start + count
        value = getattr(message, name)
        values = value[start : start + count] if known.is_repeated else [value]
        assert len(values) == count, name
        if known.message_type is not None:
            bodies = field.children or ()
            found += [(name, _typed(*pair, masked)) for pair in zip(bodies, values, strict=True)]
        elif known.enum_type is not None:
            numbered = known.enum_type.values_by_number
            found += [(name, numbered[each].name) for each in values]
        else:
            found += [(name, each) for each in values]
    return ds.NetMessage(tuple(found))


def _untyped(field: TextField) -> Iterator[Any]:
    """Values of a field that the schema does not know, by their look."""
    if field.children is not None:
        for body in field.children:
            yield _typed(body, None, set())
        return
    for scalar in field.scalars:
        if scalar[0].kind == "string":
            yield "".join(_unquoted(token.text) for token in scalar)
        else:
            yield _number_or_word("".join(token.text for token in scalar))


def _unquoted(quoted: str) -> str:
    try:
        return str(text_encoding.CUnescape(quoted[1:-1]).decode("utf-8", "replace"))
    except ValueError:  # among a fork's values of an enum, which protobuf does not see
        raise ds.PrototxtError(_INVALID + quoted) from None


def _number_or_word(written: str) -> Any:
    if written in ("true", "True", "false", "False"):
        return written in ("true", "True")
    if len(written) > 40:
        return written
    for read in (
        lambda: int(written, 0),
        lambda: int(written, 8),
        lambda: float(written.rstrip("fF")),
    ):
        try:
            return read()
        except ValueError:
            continue
    return written
