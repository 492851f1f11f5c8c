"""Values of one axis as bars beside each other."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from deconvsurgery.named_tuple import NamedTuple

from .colours import LEARNED
from .heatmap import Ink, uneven
from .picture_grid import Drawn, framed

EIGHTHS = " ▁▂▃▄▅▆▇█"


class Chart(NamedTuple):
    """Values from 0 to ``largest``, bars of at most ``high`` lines.

    Of more than ``most`` values every second, third … is drawn; few are drawn so wide that they
    fill ``least`` columns. What is below 0 has no bar.
    """

    title: str
    values: Sequence[float]
    largest: float
    high: int
    most: int
    least: int = 1
    notes: tuple[str, ...] = ()

    def drawn(self, ink: Ink, columns: int) -> Drawn:
        """Bars that end in eighths of a line, or in whole ones where there is ASCII alone."""
        lines = self.lines(min(self.most, columns), blocks=ink is not Ink.ASCII)
        bars = Text("\n".join(lines), LEARNED, no_wrap=True, overflow="crop")
        return framed(self.title, [bars], self.notes, columns)

    def lines(self, across: int, *, blocks: bool) -> list[str]:
        """From the top to the bottom.

        >>> Chart("", [0, 0.25, 1], largest=1, high=2, most=9).lines(9, blocks=True)
        ['  █', ' ▄█']
        """
        values = self.values[:: uneven(-(-len(self.values) // across))]
        wide = max(1, min(self.least, across) // len(values))
        eighths = [round(8 * self.high * max(0.0, each) / (self.largest or 1)) for each in values]
        if not blocks:
            eighths = [8 * ((each + 4) // 8) for each in eighths]
        signs = EIGHTHS if blocks else " " * 8 + "#"
        return [
            "".join(wide * signs[min(max(each - 8 * floor, 0), 8)] for each in eighths)
            for floor in reversed(range(self.high))
        ]
