"""How names, numbers and states are said, and rows laid out so that they fit the page.

Never here: what a result means, or printing. Everything that comes from a file is shown as
text, never as rich's markup, with its control characters made visible.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from ..fingerprint import Fingerprint, State
from ..fit import by
from ..kernels import Support

# Past this a name is shortened on a terminal; Caffe's longest in the wild are about 40.
NAME_ROOM = 48
# With more rows than this they stand close, as in a list.
MOST_LOOSE = 24
# A sentence may quote a name of any length.
SENTENCE_ROOM = 600
# In a pipe a column is aligned up to this width.
MOST_ALIGNED = 200
GAP = 2
NOTHING = "-"

# Colours that read on black and on white, few enough to have a meaning each.
GOOD, WRONG, ODD, QUIET, LEARNED = "green", "red", "dark_orange3", "dim", "dark_cyan"
STATE_STYLES = {
    State.MISSING: WRONG,
    State.ZERO: WRONG,
    State.CONSTANT: ODD,
    State.BILINEAR: GOOD,
    State.BILINEAR_CAFFE_1_0: ODD,
    State.BILINEAR_EVERY_PAIR: ODD,
    State.BILINEAR_OFF_DIAGONAL: ODD,
    State.NEAREST: LEARNED,
    State.NEAR_BILINEAR: LEARNED,
    State.OTHER: ODD,
}

Cells: TypeAlias = Mapping[str, Text]
"""A row: what stands under each heading."""

Layout: TypeAlias = Sequence[Sequence[str]]
"""Columns, each the headings that stand in it from top to bottom."""

Remark: TypeAlias = tuple[str, str, str | None, str]
"""A line below a table: its label, the label's style, the layer it is about, the words."""

RIGHT = frozenset({"group", "kernel", "stride", "pad", "stride/pad", "max |Δ|", "values changed"})


def escaped(text: str) -> str:
    r"""The text with everything that would not show (or would act) spelt out.

    >>> print(escaped("up\x1b[31m\n"), escaped(""))
    up\x1b[31m\n ''
    """
    if text.isprintable():
        return text or "''"
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def shortened(text: str, room: int = NAME_ROOM) -> str:
    """The text escaped and, when it is wider than ``room`` cells, cut in its middle.

    >>> shortened("score_pool4_upsampled", 12)
    'score_…mpled'
    """
    # No more than this many characters can show, so that a name of 1 MB costs nothing.
    ends = text if len(text) <= 2 * room else text[:room] + text[-room:]
    shown = escaped(ends)
    if ends is text and cell_len(shown) <= room:
        return shown
    head = room // 2
    tail = shown[-(room - head - 1) :]
    while cell_len(tail) > room - head - 1:
        tail = tail[1:]
    return set_cell_size(shown, head).rstrip(" ") + "…" + tail


def name_of(name: str, *, terminal: bool) -> str:
    """A layer's name or type as it is shown: whole, but for a terminal's sake."""
    return shortened(name) if terminal else escaped(name)


def plural(count: int, noun: str) -> str:
    """A count and what is counted.

    >>> plural(1, "layer"), plural(1200, "layer")
    ('1 layer', '1,200 layers')
    """
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def number(value: float | None) -> str:
    """Four significant digits; ``None`` stands for no number."""
    return "NaN" if value is None else f"{value:.4g}"


def shape(dims: Sequence[int | None] | None) -> str:
    """A shape, unknown lengths included: (21, ?, 4, 4)."""
    if dims is None:
        return "?"
    return "(" + ", ".join("?" if dim is None else str(dim) for dim in dims) + ")"


def size(numbers: Sequence[int]) -> str:
    """A kernel, stride or pad: 4 when it is the same on all axes, else 4x6.

    >>> size((4, 4)), size((4, 6)), size(())
    ('4', '4x6', '-')
    """
    if not numbers:
        return NOTHING
    return str(numbers[0]) if len(set(numbers)) == 1 else by(numbers)


def state_style(weights: Fingerprint | None) -> str:
    """The colour of a state; none for weights that nobody looked at."""
    return STATE_STYLES[weights.state] if weights else ""


def state_words(weights: Fingerprint) -> str:
    """A state and the number that goes with it.

    >>> state_words(Fingerprint(State.NEAR_BILINEAR, distance=0.01234567))
    'near-bilinear, 0.01235 off'
    """
    words = str(weights.state)
    if weights.value is not None:
        words += f" {number(weights.value)}"
    if weights.distance is not None:
        words += f", {number(weights.distance)} off"
    if weights.support is Support.STRIDE:
        words += " (support stride)"
    return words


# --- rows on a page


def table(rows: Sequence[Cells], layouts: Sequence[Layout], width: int) -> RenderableType:
    """The rows in the first layout that fits ``width``, else as a block each.

    Every layout names the same facts; headings that the rows lack are left out.
    """
    for layout in (_present(layout, rows) for layout in layouts):
        if sum(_widths(rows, layout)) + GAP * (len(layout) - 1) <= width:
            return _table(rows, layout)
    return _blocks(rows, _present(layouts[0], rows))


def plain_table(rows: Sequence[Cells], layout: Layout) -> list[str]:
    """A line of headings and a line a row, aligned, as wide as they are.

    A cell beyond all measure is whole, but does not push the other rows' columns away.
    """
    layout = _present(layout, rows)
    headings = [column[0] for column in layout]
    widths = _widths(rows, layout)
    lines = [headings, *([row[heading].plain for heading in headings] for row in rows)]
    return [
        (" " * GAP)
        .join(
            _padded(cell, room, heading in RIGHT)
            for cell, room, heading in zip(line, widths, headings, strict=True)
        )
        .rstrip()
        for line in lines
    ]


def remarks(items: Iterable[Remark]) -> RenderableType:
    """Remarks for a terminal: labels in colour, the words folded beside them."""
    grid = Table.grid(padding=(0, GAP, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for label, style, layer, words in items:
        text = Text()
        if layer is not None:
            text.append(shortened(layer), "bold").append(": ")
        grid.add_row(Text(label, style), text.append(shortened(words, SENTENCE_ROOM)))
    return grid


def plain_remarks(items: Iterable[Remark]) -> list[str]:
    """Remarks as complete lines: ``label: layer: words``."""
    return [
        ": ".join((label, *([] if layer is None else [escaped(layer)]), escaped(words)))
        for label, _, layer, words in items
    ]


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines that are neither folded nor cut nor coloured (print them with ``soft_wrap=True``).

    Not a ``Text``: rich would look for places to fold, in time that grows with the square of
    a run of spaces.
    """

    lines: tuple[str, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The lines as they are."""
        for line in self.lines:
            yield Segment(line)
            yield Segment.line()


def plain(lines: Iterable[str]) -> Lines:
    """The page for a pipe."""
    return Lines(tuple(lines))


def _present(layout: Layout, rows: Sequence[Cells]) -> Layout:
    """The layout without headings that no row has."""
    kept = ([heading for heading in column if heading in rows[0]] for column in layout)
    return [column for column in kept if column]


def _widths(rows: Sequence[Cells], layout: Layout) -> list[int]:
    return [
        max(
            max(cell_len(heading), *(cell_len(row[heading].plain) for row in rows))
            for heading in column
        )
        for column in layout
    ]


def _padded(cell: str, room: int, right: bool) -> str:
    space = " " * (min(room, MOST_ALIGNED) - cell_len(cell))
    return space + cell if right else cell + space


def _table(rows: Sequence[Cells], layout: Layout) -> Table:
    """Light lines only: one below the headings; rows of several lines stand apart."""
    deepest = max(map(len, layout))
    drawn = Table(
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, GAP - 1, 0, 0),
        border_style=QUIET,
        header_style="",
        leading=int(deepest > 1 and len(rows) <= MOST_LOOSE),
    )
    for column in layout:
        # rich sinks short headings to the rule; they belong beside what they head.
        heading = [Text(column[0], "bold"), *(Text(each, QUIET) for each in column[1:])]
        heading += [Text("")] * (deepest - len(column))
        drawn.add_column(
            _stacked(heading, deepest),
            justify="right" if all(each in RIGHT for each in column) else "left",
            no_wrap=True,
            overflow="fold",
        )
    for row in rows:
        cells = [[row[heading] for heading in column] for column in layout]
        height = max(_height(column) for column in cells)
        drawn.add_row(*(_stacked(column, height) for column in cells))
    return drawn


def _height(cells: Sequence[Text]) -> int:
    """Lines up to the last that says something."""
    return max((line for line, cell in enumerate(cells, 1) if cell.plain != NOTHING), default=1)


def _stacked(cells: Sequence[Text], height: int) -> Text:
    """One above the other.

    What says nothing is left empty: only off a terminal do columns need something to count.
    """
    return Text("\n").join(cell if cell.plain != NOTHING else Text("") for cell in cells[:height])


def _blocks(rows: Sequence[Cells], layout: Layout) -> Group:
    """For the narrowest terminals: a line a fact."""
    headings = [heading for column in layout for heading in column]
    blocks: list[RenderableType] = []
    for row in rows:
        if blocks:
            blocks.append(Text(""))
        first = row[headings[0]].copy()
        first.overflow = "fold"
        grid = Table.grid(padding=(0, GAP, 0, 0))
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        for heading in headings[1:]:
            if row[heading].plain != NOTHING:
                grid.add_row(Text(heading.removeprefix("→ "), QUIET), row[heading])
        blocks += [first, grid]
    return Group(*blocks)
