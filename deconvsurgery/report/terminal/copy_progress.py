"""How far a long copy is: a line that is drawn again and again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from rich.filesize import decimal
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from deconvsurgery.report.phrases import shortened, width_of

from .colours import GOOD, LEARNED, QUIET
from .sheet import GAP

if TYPE_CHECKING:
    from rich.console import RenderableType

_SHORTEST_NAME: Final = 8  # cells
SHORTEST_BAR: Final = 10


def copy_line(path: str, done: int, total: int, rate: float | None, width: int) -> RenderableType:
    """Name, bar, bytes, rate in bytes a second, time left: what fits into ``width`` cells.

    No rate and no time left where none is known yet.
    """
    facts = [f"{decimal(done)} of {decimal(total)}"]
    if rate:
        left = f"{duration((total - done) / rate)} left"
        facts += [f"{decimal(int(rate))}/s", left]
        if _SHORTEST_NAME + sum(GAP + len(fact) for fact in facts) > width:
            del facts[1]
    words = (" " * GAP).join(facts)
    room = width - GAP - len(words)
    longest = max(min(room, width // 3), _SHORTEST_NAME)
    name = shortened(os.path.basename(path) or path, longest)
    parts: list[RenderableType] = [Text(name, "bold", no_wrap=True)]
    bar = room - width_of(name) - GAP
    if bar >= SHORTEST_BAR:
        parts.append(progress_bar(done, total, bar))
    line = Table.grid(padding=(0, GAP, 0, 0), pad_edge=False)
    line.add_row(*parts, Text(words, no_wrap=True))
    return line


def progress_bar(done: int, total: int, width: int) -> RenderableType:
    """So many of so many, as a bar of ``width`` cells."""
    return ProgressBar(
        max(total, 1),
        done,
        width=width,
        style=QUIET,
        complete_style=LEARNED,
        finished_style=GOOD,
    )


def duration(seconds: float) -> str:
    """Minutes and seconds, above an hour hours, too.

    >>> duration(7.2), duration(754), duration(3600)
    ('0:07', '12:34', '1:00:00')
    """
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"
