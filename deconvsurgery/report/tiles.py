"""Pictures with a title and a scale, beside each other where there is room, else below.

Never here: what is in a picture, or what it means.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from .heatmap import PALETTES, Heat, Ink, heatmap, ink_of
from .page import GAP
from .words import QUIET, number

Legend: TypeAlias = Sequence[tuple[Text, str]]
"""A sample of each thing that is in a picture, and what it is."""

# Cells of a scale between its two numbers, as far as the picture above it leaves room.
LEAST_SCALE, MOST_SCALE = 4, 9


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """A picture of at most ``most`` pixels a side; a smaller one is enlarged to ``least``.

    ``notes`` stand below it, folded to its width.
    """

    title: str
    heat: Heat
    most: int
    least: int = 1
    notes: tuple[str, ...] = ()

    def picture(self, ink: Ink, room: int) -> Text:
        """The picture in ``room`` columns; a digit takes two columns and a line, so half as many.

        On a screen they are as high as wide, like two pixels above each other in one character.
        """
        if ink is Ink.CHARACTERS:
            across, down = min(self.most, room) // 2, self.most // 2
            return heatmap(self.heat, ink, across=max(1, across), down=down)
        across = max(1, min(self.most, room))
        enlarged = max(1, min(self.least, across) // max(self.heat.values.shape))
        return heatmap(self.heat, ink, across=across, down=self.most, enlarged=enlarged)


@dataclass(frozen=True, slots=True)
class Tiles:
    """Tiles in rows, each as many as fit the console."""

    tiles: Sequence[Tile]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Rows of tiles, an empty line between them."""
        ink, room = ink_of(console, options), options.max_width
        drawn = [_drawn(tile, ink, room) for tile in self.tiles]
        for count, row in enumerate(_rows(drawn, room)):
            if count:
                yield Text("")
            grid = Table.grid(padding=(0, GAP, 0, 0))
            for width, _ in row:
                grid.add_column(width=width, overflow="fold")
            grid.add_row(*(each for _, each in row))
            yield grid


def plain_tile(tile: Tile, start: str) -> Iterator[str]:
    """A tile as complete lines: what it is, in one line, and its digits."""
    scale = ", ".join(f"{sample} = {words}" for sample, words in _legend(tile.heat, Ink.CHARACTERS))
    yield f"{start}{tile.title}: {', '.join([*tile.notes, scale])}"
    yield from tile.picture(Ink.CHARACTERS, 2 * tile.most).plain.splitlines()


def _rows(
    drawn: Iterable[tuple[int, RenderableType]], room: int
) -> list[list[tuple[int, RenderableType]]]:
    """As many in a row as there is room for, at least one."""
    rows: list[list[tuple[int, RenderableType]]] = []
    left = 0
    for width, each in drawn:
        if not rows or width + GAP > left:
            rows.append([])
            left = room + GAP
        rows[-1].append((min(width, room), each))
        left -= width + GAP
    return rows


def _drawn(tile: Tile, ink: Ink, room: int) -> tuple[int, RenderableType]:
    """A tile and its width in columns."""
    picture = tile.picture(ink, room)
    widest = max(cell_len(line) for line in picture.plain.splitlines())
    scale = [_ramp(tile.heat, ink, widest)] if ink is not Ink.CHARACTERS else []
    for sample, words in _legend(tile.heat, ink):
        between = " = " if ink is Ink.CHARACTERS else " "
        scale.append(Text("").append_text(sample).append(f"{between}{words}", QUIET))
    width = max(widest, cell_len(tile.title), *(cell_len(line.plain) for line in scale), 1)
    notes = [Text(note, QUIET, overflow="fold") for note in tile.notes]
    title = Text(tile.title, "bold", overflow="fold")
    return min(width, room), Group(title, picture, *scale, *notes)


def _ramp(heat: Heat, ink: Ink, room: int) -> Text:
    """The colours between two numbers."""
    if not heat.scale:
        return Text("no finite value" if heat.strange else "0 everywhere", QUIET)
    low, high = number(-heat.scale) if heat.signed else "0", number(heat.scale)
    cells = min(max(room - len(low) - len(high) - 2, LEAST_SCALE), MOST_SCALE)
    if heat.signed:
        cells -= 1 - cells % 2  # its middle is 0
    ramp = Text("").append(f"{low} ", QUIET)
    for step in range(cells):
        level = step / (cells - 1)
        ramp.append("█", PALETTES[ink].colour(2 * level - 1 if heat.signed else level))
    return ramp.append(f" {high}", QUIET)


def _legend(heat: Heat, ink: Ink) -> Iterator[tuple[Text, str]]:
    """What is not on the ramp; of digits the ramp, too."""
    palette = PALETTES.get(ink)
    if palette is None:
        if heat.scale:
            yield Text("9"), number(heat.scale)
        if (heat.values == 0).any():
            yield Text("."), "0"
    if heat.strange:
        sample = Text("█", palette.strange) if palette else Text("?")
        yield sample, "NaN or infinite"
    if heat.there is not None and not heat.there.all():
        if palette is None:
            yield Text("blank"), "no weight: another group"
        else:
            one, other = palette.nothing
            chequered = Text("▀", f"{one} on {other}").append("▀", f"{other} on {one}")
            yield chequered, "no weight: another group"
