"""What a net's text says: every field with its value, typed where Caffe has the field.

protobuf's ``text_format`` gives the meaning of the fields it knows, ``tokens`` the tree and
the places; both are walked together and must find the same fields. What a fork added is put
back by its look.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from deconvsurgery.caffe_fields import FORK_REPEATED_FIELDS, message_class
from deconvsurgery.errors import PrototxtError
from deconvsurgery.wording import agreed, listed

from .net import Message, Value
from .tokens import Text, TextField, Token

_LONGEST = 200  # characters of a complaint
_LONGEST_NUMBER = 40  # characters
_INVALID = "Invalid field value: "


def meaning(text: Text, fields: Sequence[TextField]) -> Message:
    """The ``NetParameter`` that the scanned text describes.

    Raises ``PrototxtError`` where a known field has a value Caffe would not take.
    """
    from google.protobuf import text_format

    message = message_class("NetParameter", of_forks=True)()
    masked = set(_foreign(text, fields, message.DESCRIPTOR))
    try:
        text_format.Parse(_readable(text.text, fields, masked), message, allow_unknown_field=True)
    except text_format.ParseError as error:
        raise _reported(error, text) from None
    return _typed(fields, message, masked)


def repeated_as_forks_do(text: Text, fields: Sequence[TextField]) -> tuple[str, ...]:
    """A note on the fields that only a fork of Caffe repeats, with their lines; or none."""
    found = list(_repeated(text, fields, message_class("NetParameter").DESCRIPTOR))
    if not found:
        return ()
    names = listed(sorted({each.name for each in found}))
    lines = sorted({text.place(each.start)[0] for each in found})
    place = f"{agreed(len(lines), 'line', 'lines')} {listed([str(line) for line in lines])}"
    return (
        f"pooling_param has several values of {names} ({place}): BVLC's opencl branch reads one "
        "for each axis, other Caffes stop at that",
    )


def _repeated(text: Text, fields: Sequence[TextField], descriptor: Any) -> Iterator[TextField]:
    """Each field that gives a second value, or a list of values, where Caffe wants one."""
    seen: set[str] = set()
    for field in fields:
        known = descriptor.fields_by_name.get(field.name)
        if known is not None and known.message_type is not None:
            for body in field.children or ():
                yield from _repeated(text, body, known.message_type)
        elif field.name in FORK_REPEATED_FIELDS.get(descriptor.name, ()):
            if field.name in seen or text.text[field.stop - 1] == "]":
                yield field
            seen.add(field.name)


def _reported(error: Any, text: Text) -> PrototxtError:
    """Protobuf's complaint without the line it quotes, which may be the whole net."""
    line, column = error.GetLine(), error.GetColumn()
    said = re.sub(r"^\d+:\d+ : ", "", str(error))
    if line is not None:
        # Blanking keeps every character's place, so the quoted line has this length.
        length = len(text.line(line)) + 2
        if said.startswith("'") and said[length - 1 : length + 2] == "': ":
            said = said[length + 2 :]
    elif said.startswith(_INVALID):
        # Of a field that it does not know it gives the value, but not the place.
        line, column = text.place(max(0, text.text.find(said.removeprefix(_INVALID))))
    said = said.replace("deconvsurgery.", "")
    hint = None
    if "'utf-8' codec" in said:
        said = "a string's escapes spell no UTF-8"
        hint = "write the text itself, in UTF-8: Caffe compares names by their bytes"
    elif "'unicodeescape' codec" in said:
        said = "a string has an escape that is none"
    said = said if len(said) <= _LONGEST else said[:_LONGEST] + "…"
    return PrototxtError(said, line=line, column=column, hint=hint)


def _foreign(text: Text, fields: Sequence[TextField], descriptor: Any) -> Iterator[int]:
    """Starts of enum fields whose value BVLC's Caffe does not have (forks' layer types).

    protobuf will not see them, so that one given twice is refused here, as it would.
    """
    seen: dict[str, bool] = {}
    for field in fields:
        known = descriptor.fields_by_name.get(field.name)
        if known is None:
            continue
        if known.message_type is not None:
            for body in field.children or ():
                yield from _foreign(text, body, known.message_type)
        elif known.enum_type is None or known.enum_type.name == "Phase":
            continue  # no fork has a phase of its own: a wrong one is an error
        else:
            foreign = not all(is_enum_value(known, scalar) for scalar in field.scalars)
            if foreign:
                yield field.start
            if (foreign or seen.get(field.name)) and field.name in seen:
                raise text.error(f"{field.name!r} is given twice", field.start)
            seen[field.name] = foreign


def is_enum_value(known: Any, scalar: tuple[Token, ...]) -> bool:
    """The scalar is a value of the field's enum, or what protobuf itself refuses."""
    token = scalar[-1]
    if token.kind == "word":
        return token.text in known.enum_type.values_by_name
    if token.kind == "number" and len(scalar) == 1:
        try:
            return int(token.text, 0) in known.enum_type.values_by_number
        except ValueError:
            return False  # an octal number, too, which Python's parser takes for a name
    return token.kind == "string"  # quoted: protobuf says what is wrong with it


def _readable(characters: str, fields: Sequence[TextField], masked: set[int]) -> str:
    """The text with what Python's parser refuses and Caffe's (or a fork's) accepts made even.

    Foreign enum values are blanked, ``- 2`` becomes ``-2 ``; every
    line and every other character keeps its place.
    """
    blanked: list[tuple[int, str]] = []
    pending = list(fields)
    while pending:
        field = pending.pop()
        if field.start in masked:
            blanked.append(
                (field.start, re.sub(r"[^\n]", " ", characters[field.start : field.end]))
            )
            continue
        for body in field.children or ():
            pending.extend(body)
        for sign, *rest in field.scalars:
            if sign.text == "-" and rest and rest[0].start > sign.stop:
                gap = re.sub(r"[^\n]", " ", characters[sign.stop : rest[0].start])
                blanked.append((sign.start, f"-{rest[0].text}{gap}"))
    parts, position = [], 0
    for start, instead in sorted(blanked):
        parts += [characters[position:start], instead]
        position = start + len(instead)
    return "".join([*parts, characters[position:]])


def _typed(fields: Sequence[TextField], message: Any, masked: set[int]) -> Message:
    """Tree and protobuf message walked together, in the text's order."""
    found: list[tuple[str, Value]] = []
    taken: dict[str, int] = {}
    for field in fields:
        known = None if message is None else message.DESCRIPTOR.fields_by_name.get(field.name)
        if known is None or field.start in masked:
            names = known.enum_type.values_by_number if known else {}
            found += [
                (field.name, names[value].name if type(value) is int and value in names else value)
                for value in _untyped(field)
            ]
            continue
        count = len(field.children or field.scalars)
        start = taken.get(field.name, 0)
        taken[field.name] = start + count
        value = getattr(message, field.name)
        repeated = hasattr(value, "append") or hasattr(value, "add")
        values = value[start : start + count] if repeated else [value]
        if len(values) != count and not (field.children and not repeated):
            raise RuntimeError(f"scanner and protobuf disagree about {field.name!r}")
        if known.message_type is not None:
            bodies = field.children or ()
            found += [
                (field.name, _typed(body, each, masked))
                for body, each in zip(bodies, values, strict=True)
            ]
        elif known.enum_type is not None:
            names = known.enum_type.values_by_number
            found += [(field.name, names[each].name) for each in values]
        else:
            found += [(field.name, each) for each in values]
    return Message(tuple(found))


def _untyped(field: TextField) -> Iterator[Value]:
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
    from google.protobuf import text_encoding

    return str(text_encoding.CUnescape(quoted[1:-1]).decode("utf-8", "replace"))


def _number_or_word(written: str) -> Value:
    if written in ("true", "True"):
        return True
    if written in ("false", "False"):
        return False
    if len(written) > _LONGEST_NUMBER:
        return written  # no number that any layer has
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
