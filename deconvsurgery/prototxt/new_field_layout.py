"""How a new field is written, as the fields around it are; nothing of Caffe.

Colons, quotes, braces, and whether small messages take a line or several, read off a scanned
text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias, Union

from deconvsurgery.named_tuple import NamedTuple

from .tokens import TextField

Change: TypeAlias = Union[int, str, "Tree", None]
"""What a field becomes: a value, changes within the message, or nothing (it is taken out)."""

Tree: TypeAlias = Mapping[tuple[str, int], Change]
"""Changes by field name and occurrence, from 0; an occurrence that is not there is added."""

BLANK = " \t\f\v"
_COLON = re.compile(r"[ \t]?:[ \t]?")
_OPENER = re.compile(r"[ \t]*:?[ \t]*[{<]")
_BLANKS = re.compile(rf"[{BLANK}]*+")
_LONGEST_LINE = 10_000  # characters, at whose head the blanks mean something
_FEW = 2  # fields of a message that shows how small ones are laid out
_CLOSER = {"{": "}", "<": ">"}


class Style(NamedTuple):
    """How new fields are written; ``opener`` is what stands between a name and its message.

    ``tall`` messages have a line a field, indented by ``step``; others are padded by ``pad``.
    """

    colon: str = ": "
    quote: str = '"'
    opener: str = " {"
    tall: bool | None = None
    step: str = "  "
    pad: str = " "

    def like(self, characters: str, body: Sequence[TextField]) -> Style:
        """Refined by what the fields of a message show; the last of a kind counts."""
        style, quoted = self, False
        for field in body:
            name_end = field.start + len(field.name)
            if field.scalars:
                first = field.scalars[0][0]
                between = characters[name_end : first.start]
                if _COLON.fullmatch(between):
                    style = style._replace(colon=between)
                if first.kind == "string" and not quoted:
                    style, quoted = style._replace(quote=first.text[0]), True
            if field.children:
                style = style._like_message(characters, name_end, field)
        return style

    def _like_message(self, characters: str, name_end: int, field: TextField) -> Style:
        style, (start, stop) = self, field.insides[0]
        between = characters[name_end:start]
        if _OPENER.fullmatch(between):
            style = style._replace(opener=between)
        if field.children and 0 < len(field.children[0]) <= _FEW:
            inside = characters[start:stop]
            style = style._replace(tall="\n" in inside)
            if not style.tall:
                style = style._replace(pad=" " if inside[0] in BLANK else "")
        return style

    def within(self, characters: str, field: TextField, index: int) -> Style:
        """Refined by how a message itself is laid out."""
        start, stop = field.insides[index]
        style = self
        if style.tall is None:
            style = style._replace(tall="\n" in characters[start:stop])
        outer = indentation(characters, field.start)
        body = (field.children or [])[index]
        inner = next((found for each in body if (found := prefix(characters, each.start))), "")
        if inner.startswith(outer) and len(inner) > len(outer):
            style = style._replace(step=inner[len(outer) :])
        return style.like(characters, body)

    def field(self, name: str, change: Change, line_end: str = "", prefix: str = "") -> str:
        """A new field; with a ``line_end`` it may take several lines, of which it begins one."""
        if not isinstance(change, Mapping):
            return name + self.colon + scalar(change, self.quote)
        closer = _CLOSER[self.opener[-1]]
        if line_end and self.tall:
            inner = prefix + self.step
            fields = [
                self.field(each, value, line_end, inner) for (each, _), value in change.items()
            ]
            body = "".join(line_end + inner + each for each in fields)
            return f"{name}{self.opener}{body}{line_end}{prefix}{closer}"
        body = " ".join(self.field(each, value) for (each, _), value in change.items())
        return f"{name}{self.opener}{self.pad}{body}{self.pad}{closer}"


def scalar(value: Change, quote: str) -> str:
    """A value in the text format."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{quote}{value}{quote}" if isinstance(value, str) else str(value)


def line_start(characters: str, offset: int) -> int:
    """Where the line of an offset begins."""
    return characters.rfind("\n", 0, offset) + 1


def indentation(characters: str, offset: int) -> str:
    """The blanks at the head of the line of an offset."""
    start = characters.rfind("\n", max(0, offset - _LONGEST_LINE), offset) + 1
    if not start and offset > _LONGEST_LINE:
        return ""
    blanks = _BLANKS.match(characters, start, offset)
    return blanks[0] if blanks else ""


def blanks_before(characters: str, offset: int) -> int:
    """Where the blanks begin that stand before an offset."""
    while offset and characters[offset - 1] in BLANK:
        offset -= 1
    return offset


def prefix(characters: str, offset: int) -> str | None:
    """What stands before an offset on its line, if that is all blank and not the first line."""
    start = blanks_before(characters, offset)
    return characters[start:offset] if start and characters[start - 1] == "\n" else None
