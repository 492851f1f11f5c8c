"""A verb's report as a value: rows, remarks and a last sentence, and the same as plain lines.

A pipe gets the lines without rich being imported; `layout` draws the report on a terminal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.report.cells import RIGHT, Cells, Remark, arrowed
from deconvsurgery.report.phrases import Medium, escaped, width_of

if TYPE_CHECKING:
    from rich.console import RenderableType

GAP: Final = 2
"""Blanks between two columns."""
_MOST_ALIGNED: Final = 200  # a wider cell does not push the other rows' columns away

Layout: TypeAlias = Sequence[Sequence[str]]
"""Columns, each the headings that stand in it from top to bottom."""


def columns(*headings: str) -> Layout:
    """The widest layout: a column a heading."""
    return [(heading,) for heading in headings]


class Lines(NamedTuple):
    """Lines that are neither folded nor cut nor coloured: of a pipe, or to be copied."""

    lines: Sequence[str]


class Sheet(NamedTuple):
    """A verb's outcome for a ``medium``: a table, what is to be said, and one closing sentence.

    In a pipe a line a row, complete and in the first of the layouts.
    """

    rows: Sequence[Cells]
    layouts: Sequence[Layout]
    notes: Sequence[Remark]
    closing: str
    medium: Medium

    def plain(self) -> Lines:
        """The parts as complete lines."""
        lines = plain_table(self.rows, self.layouts[0]) if self.rows else []
        return Lines([*lines, *plain_remarks(self.notes), self.closing])


Drawn: TypeAlias = "Sheet | RenderableType"
"""A report for a terminal."""
Report: TypeAlias = "Lines | Drawn"
"""What a verb's report is, where a pipe's may still be a sheet."""


def plain_table(rows: Sequence[Cells], layout: Layout) -> list[str]:
    """A line of headings and a line a row, aligned, as wide as they are.

    A cell beyond all measure is whole, but does not push the other rows' columns away.
    """
    layout = present(layout, rows)
    headings = [column[0] for column in layout]
    widths = widths_of(rows, layout)
    lines = [
        [arrowed(heading) for heading in headings],
        *([row[heading].words for heading in headings] for row in rows),
    ]
    return [
        (" " * GAP)
        .join(
            _padded(cell, width, heading in RIGHT)
            for cell, width, heading in zip(line, widths, headings, strict=True)
        )
        .rstrip()
        for line in lines
    ]


def plain_remarks(items: Iterable[Remark]) -> list[str]:
    """Remarks as complete lines: ``label: layer: words``."""
    return [
        ": ".join((label, *([] if layer is None else [escaped(layer)]), escaped(words)))
        for label, _, layer, words in items
    ]


def present(layout: Layout, rows: Sequence[Cells]) -> Layout:
    """The layout without headings that no row has."""
    kept = ([heading for heading in column if heading in rows[0]] for column in layout)
    return [column for column in kept if column]


def widths_of(rows: Sequence[Cells], layout: Layout) -> list[int]:
    """How wide each column must be, in columns of a terminal."""
    return [
        max(
            max(width_of(arrowed(heading)), *(width_of(row[heading].words) for row in rows))
            for heading in column
        )
        for column in layout
    ]


def _padded(cell: str, width: int, right: bool) -> str:
    space = " " * (min(width, _MOST_ALIGNED) - width_of(cell))
    return space + cell if right else cell + space
