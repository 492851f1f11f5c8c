"""Rows and remarks as values, which a terminal and a page each draw in their own way."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, TypeAlias

from deconvsurgery.named_tuple import NamedTuple


class Tone(StrEnum):
    """What kind of thing a text says: on a terminal a colour, on a page a class."""

    PLAIN = "plain"
    NAME = "name"
    GOOD = "good"
    NEW = "new"
    LEARNED = "learned"
    CHANGED = "changed"
    ODD = "odd"
    UNLIKE = "unlike"
    WRONG = "wrong"
    GONE = "gone"
    QUIET = "quiet"


class Cell(NamedTuple):
    """What a row says under a heading; ``then`` follows it in a tone of its own."""

    text: str
    tone: Tone = Tone.PLAIN
    then: Cell | None = None

    @property
    def words(self) -> str:
        """The whole text.

        >>> Cell("zero", then=Cell("→ bilinear", Tone.GOOD)).words
        'zero → bilinear'
        """
        return self.text if self.then is None else f"{self.text} {self.then.words}"


Cells: TypeAlias = Mapping[str, Cell]
"""A row: what stands under each heading."""

RIGHT: Final = frozenset(
    {"group", "kernel", "stride", "pad", "stride/pad", "max |Δ|", "values changed"}
)
"""Headings of numbers, which stand flush right."""
_LATER: Final = frozenset({"after", "new group", "new shape"})


def arrowed(heading: str) -> str:
    """A heading as it stands above a column: with an arrow over what comes of the one before."""
    return f"→ {heading}" if heading in _LATER else heading


class Remark(NamedTuple):
    """A line below a table: its label, the label's tone, the layer it is about, the words."""

    label: str
    tone: Tone
    layer: str | None
    words: str


def note(words: str, layer: str | None = None) -> Remark:
    """What is good to know, in the tone that a note of ``check`` has."""
    return Remark("note", Tone.LEARNED, layer, words)
