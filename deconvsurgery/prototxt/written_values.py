"""How the value of a field is written, and where; what is said of one that is refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from deconvsurgery.errors import PrototxtError

from .tokens import BLANKS, Text, TextField, Token

_BLANKS: Final = re.compile(BLANKS)
_LONGEST: Final = 200  # characters of a complaint


def refused(text: Text, said: str, offset: int, hint: str | None = None) -> PrototxtError:
    """The error; what it quotes of a text may be long."""
    said = said if len(said) <= _LONGEST else said[:_LONGEST] + "…"
    return text.error(said, offset, hint)


def is_list(text: Text, field: TextField) -> bool:
    """The values stand between brackets."""
    return text.text[field.stop - 1] == "]"


def behind(text: Text, offset: int) -> int:
    """Where the next token begins."""
    blanks = _BLANKS.match(text.text, offset)
    return blanks.end() if blanks else offset


def value_place(text: Text, field: TextField) -> tuple[bool, int]:
    """Whether a colon is there, and where what follows begins."""
    start = behind(text, field.start + len(field.name))
    colon = text.text[start] == ":"
    return colon, behind(text, start + 1) if colon else start


def written_as_one(scalar: Sequence[Token]) -> str:
    """A scalar as Python's protobuf has it, which takes a sign for a part of what follows.

    C++'s parser lets blanks stand between a minus and its number.
    """
    first, *rest = scalar
    if first.kind == "string":
        return first.text.partition("\n")[0]  # where that parser ends it
    if rest and (first.text == "-" or first.stop == rest[0].start):
        return first.text + rest[0].text
    return first.text
