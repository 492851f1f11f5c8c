"""Pictures with a title and a scale, beside each other where they fit, else below."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, TypeAlias

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.report.phrases import number, width_of

from .colours import QUIET
from .heatmap import PALETTES, Heat, Ink, heatmap, ink_of
from .sheet import GAP

Drawn: TypeAlias = tuple[int, RenderableType]
"""What stands in a place of so many columns."""

# Cells of a scale between its two numbers, as far as the picture above it is wide enough.
LEAST_SCALE, MOST_SCALE = 4, 9
STRANGE = "NaN or infinite"
HOLES = "no weight: another group"


class Drawable(Protocol):
    """What can stand among tiles."""

    def drawn(self, ink: Ink, columns: int) -> Drawn:
        """How many of ``columns`` it takes, and what to print there."""
        ...


class Tile(NamedTuple):
    """A picture of at most ``most`` pixels a side; a smaller one is enlarged to ``least``.

    ``notes`` stand below it, folded to its width.
    """

    title: str
    heat: Heat
    most: int
    least: int = 1
    notes: tuple[str, ...] = ()

    def picture(self, ink: Ink, columns: int) -> Text:
        """The picture in so many columns.

        A digit takes two columns and a line, so fewer are drawn; on a screen they are as high as
        wide, like two pixels above each other in one character.
        """
        if not ink.coloured:
            most = self.most * 5 // 8
            return heatmap(self.heat, ink, across=max(1, min(most, columns // 2)), down=most)
        across = max(1, min(self.most, columns))
        enlarged = max(1, min(self.least, across) // max(self.heat.values.shape))
        return heatmap(self.heat, ink, across=across, down=self.most, enlarged=enlarged)

    def drawn(self, ink: Ink, columns: int) -> Drawn:
        """The picture between its title, its scale and its notes."""
        picture = self.picture(ink, columns)
        if not ink.coloured:
            return framed(self.title, [picture], [_digits_words(self.heat), *self.notes], columns)
        widest = max(width_of(line) for line in picture.plain.splitlines())
        lines = [picture, _ramp(self.heat, ink, widest)]
        for sample, words in _legend(self.heat, ink):
            lines.append(Text("").append_text(sample).append(f" {words}", QUIET))
        return framed(self.title, lines, self.notes, columns)


class Stack(NamedTuple):
    """Tiles below each other in one place."""

    tiles: Sequence[Drawable]

    def drawn(self, ink: Ink, columns: int) -> Drawn:
        """As wide as the widest, an empty line between them."""
        drawn = [tile.drawn(ink, columns) for tile in self.tiles]
        parts = [part for _, tile in drawn for part in (Text(""), tile)]
        return max(width for width, _ in drawn), Group(*parts[1:])


class Tiles(NamedTuple):
    """Tiles in rows, each as many as fit the console."""

    tiles: Sequence[Drawable]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Rows of tiles, an empty line between them."""
        ink = ink_of(console, options)
        drawn = [tile.drawn(ink, options.max_width) for tile in self.tiles]
        for count, row in enumerate(_rows(drawn, options.max_width)):
            if count:
                yield Text("")
            grid = Table.grid(padding=(0, GAP, 0, 0))
            for width, _ in row:
                grid.add_column(width=width, overflow="fold")
            grid.add_row(*(each for _, each in row))
            yield grid


def framed(title: str, lines: Sequence[Text], notes: Iterable[str], columns: int) -> Drawn:
    """Lines below a title and above notes, which are folded to the lines' width."""
    widest = max(width_of(each) for line in lines for each in line.plain.splitlines())
    below = [Text(note, QUIET, overflow="fold") for note in notes]
    head = Text(title, "bold", overflow="fold")
    return min(max(widest, width_of(title)), columns), Group(head, *lines, *below)


def plain_tile(tile: Tile, start: str) -> Iterator[str]:
    """A tile as complete lines: what it is, in one line, and its digits."""
    yield f"{start}{tile.title}: {', '.join([*tile.notes, _digits_words(tile.heat)])}"
    yield from tile.picture(Ink.CHARACTERS, 2 * tile.most).plain.splitlines()


def _rows(drawn: Iterable[Drawn], columns: int) -> list[list[Drawn]]:
    """As many in a row as fit, at least one."""
    rows: list[list[Drawn]] = []
    left = 0
    for width, tile in drawn:
        if not rows or width + GAP > left:
            rows.append([])
            left = columns + GAP
        rows[-1].append((width, tile))
        left -= width + GAP
    return rows


def _ramp(heat: Heat, ink: Ink, columns: int) -> Text:
    """The colours between two numbers."""
    if not heat.scale:
        return Text("no finite value" if heat.strange else "0 everywhere", QUIET)
    low, high = number(-heat.scale) if heat.signed else "0", number(heat.scale)
    cells = min(max(columns - len(low) - len(high) - 2, LEAST_SCALE), MOST_SCALE)
    if heat.signed:
        cells -= 1 - cells % 2  # its middle is 0
    ramp = Text("").append(f"{low} ", QUIET)
    for step in range(cells):
        level = step / (cells - 1)
        ramp.append("█", PALETTES[ink].colour(2 * level - 1 if heat.signed else level))
    return ramp.append(f" {high}", QUIET)


def _legend(heat: Heat, ink: Ink) -> Iterator[tuple[Text, str]]:
    """A sample of what is not on the ramp, and what it is."""
    palette = PALETTES[ink]
    if heat.strange:
        yield Text("█", palette.strange), STRANGE
    if heat.holes:
        one, other = palette.nothing
        chequered = Text("▀", f"{one} on {other}").append("▀", f"{other} on {one}")
        yield chequered, HOLES


def _digits_words(heat: Heat) -> str:
    """What the digits and signs of a picture stand for."""
    meanings = {
        f"9 = {number(heat.scale)}": heat.scale,
        ". = 0": (heat.values == 0).any(),
        f"? = {STRANGE}": heat.strange,
        f"blank = {HOLES}": heat.holes,
    }
    return ", ".join(words for words, there in meanings.items() if there)
