"""Rows and remarks drawn so that they fit a terminal of any width.

Everything that comes from a file is shown as text, never as rich's markup, with its control
characters made visible.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.report.cells import RIGHT, Cell, Cells, Remark, arrowed
from deconvsurgery.report.phrases import NOTHING, SENTENCE_WIDTH, shortened

from .colours import QUIET, STYLES, drawn
from .sheet import GAP, Drawn, Layout, Sheet, present, widths_of

# With more rows than this they stand close, as in a list.
MOST_LOOSE = 24


def on_terminal(report: Drawn) -> RenderableType:
    """A report as it is drawn, without the blanks that fill its lines."""
    return Trimmed(Group(*_parts(report)) if isinstance(report, Sheet) else report)


def _parts(sheet: Sheet) -> Iterator[RenderableType]:
    """A sheet's parts, one below the other."""
    if sheet.rows and sheet.medium.width is not None:
        yield table(sheet.rows, sheet.layouts, sheet.medium.width)
        yield Text("")
    if sheet.notes:
        yield remarks(sheet.notes)
        yield Text("")
    yield closing_line(sheet.closing)


def closing_line(words: str) -> Text:
    """A report's last line on a terminal."""
    return Text(words, "bold", overflow="fold")


def table(rows: Sequence[Cells], layouts: Sequence[Layout], width: int) -> RenderableType:
    """The rows in the first layout that fits ``width``, else as a block each.

    Every layout names the same facts; headings that the rows lack are left out.
    """
    for layout in (present(layout, rows) for layout in layouts):
        if sum(widths_of(rows, layout)) + GAP * (len(layout) - 1) <= width:
            return _table(rows, layout)
    return _blocks(rows, present(layouts[0], rows))


def remarks(items: Iterable[Remark]) -> RenderableType:
    """Remarks for a terminal: labels in colour, the words folded beside them."""
    rows = []
    for label, tone, layer, words in items:
        text = Text()
        if layer is not None:
            text.append(shortened(layer), "bold").append(": ")
        text.append(shortened(words, SENTENCE_WIDTH))
        rows.append((Text(label, STYLES[tone]), text))
    return labelled(rows)


def labelled(rows: Iterable[tuple[Text, Text]]) -> Table:
    """Labels, and beside them what belongs to each, folded."""
    grid = Table.grid(padding=(0, GAP, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for row in rows:
        grid.add_row(*row)
    return grid


class Trimmed(NamedTuple):
    """A report without the blanks that fill its lines: they would be copied with the words."""

    report: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The lines, each up to the last sign or colour that is seen."""
        for line in console.render_lines(self.report, options, pad=False):
            yield from _trimmed(line)
            yield Segment.line()


def _trimmed(line: Sequence[Segment]) -> list[Segment]:
    kept = [*line]
    while kept:
        text, style, control = kept[-1]
        if control or (style and (style.bgcolor or style.reverse or style.underline)):
            break
        kept.pop()
        if words := text.rstrip(" "):
            kept.append(Segment(words, style))
            break
    return kept


def _table(rows: Sequence[Cells], layout: Layout) -> Table:
    """Light lines only: one below the headings; rows of several lines stand apart."""
    deepest = max(map(len, layout))
    grid = Table(
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
        first, *others = map(arrowed, column)
        head = [Text(first, "bold"), *(Text(heading, QUIET) for heading in others)]
        head += [Text("")] * (deepest - len(column))
        grid.add_column(
            Text("\n").join(head),
            justify="right" if all(each in RIGHT for each in column) else "left",
            no_wrap=True,
            overflow="fold",
        )
    for row in rows:
        cells = [[row[heading] for heading in column] for column in layout]
        height = max(_height(column) for column in cells)
        grid.add_row(*(_stacked(column, height) for column in cells))
    return grid


def _height(cells: Sequence[Cell]) -> int:
    """Lines up to the last that says something."""
    return max((line for line, cell in enumerate(cells, 1) if cell.words != NOTHING), default=1)


def _stacked(cells: Sequence[Cell], height: int) -> Text:
    """One above the other.

    What says nothing is left empty: only in a pipe do columns need something to count.
    """
    lines = (drawn(cell) if cell.words != NOTHING else Text("") for cell in cells[:height])
    return Text("\n").join(lines)


def _blocks(rows: Sequence[Cells], layout: Layout) -> Group:
    """For the narrowest terminals: a line a fact."""
    headings = [heading for column in layout for heading in column]
    blocks: list[RenderableType] = []
    for row in rows:
        if blocks:
            blocks.append(Text(""))
        first = drawn(row[headings[0]])
        first.overflow = "fold"
        facts = (
            (Text(heading, QUIET), drawn(row[heading]))
            for heading in headings[1:]
            if row[heading].words != NOTHING
        )
        blocks += [first, labelled(facts)]
    return Group(*blocks)
