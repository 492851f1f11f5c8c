"""How far a sweep is, for a terminal on which it is drawn again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from deconvsurgery.report.phrases import shortened
from deconvsurgery.wording import plural

from .colours import LEARNED, QUIET, STYLES
from .copy_progress import SHORTEST_BAR, duration, progress_bar
from .sheet import GAP
from .sweep import TONES, WORDS, named

if TYPE_CHECKING:
    from rich.console import RenderableType

    from deconvsurgery.sweeping.result_rows import PairRow, Summary

_LONGEST_BAR: Final = 40  # cells


def progress_table(
    summary: Summary, row: PairRow, rate: float | None, *, width: int
) -> RenderableType:
    """How far a sweep is, for a terminal on which it is drawn again and again.

    ``rate`` is how many pairs are settled in a second, where that is known yet.
    """
    grid = Table.grid(padding=(0, 2, 0, 0))
    for outcome, words in WORDS.items():
        count = summary.outcomes[outcome]
        style = STYLES[TONES[outcome]] if count else QUIET
        grid.add_row(Text(words, style), Text(f"{count:,}", style, justify="right"))
    before = Text(f"{summary.skipped:,}", LEARNED, justify="right")
    grid.add_row(Text("settled before", QUIET), before)
    page = Table.grid()
    page.add_row(grid)
    page.add_row(_progress_line(summary, rate, width))
    page.add_row(Text(shortened(named(row), max(12, width - 2)), QUIET, no_wrap=True))
    return page


def _progress_line(summary: Summary, rate: float | None, width: int) -> RenderableType:
    """How many pairs of how many, a bar, pairs in a second, time left: what is known, and fits."""
    done, expected = summary.total, summary.expected
    count = f"{done:,} of {plural(expected, 'pair')}" if expected else plural(done, "pair")
    facts = [f"{rate:,.1f} a second"] if rate else []
    if rate and expected:
        facts.append(f"{duration((expected - done) / rate)} left")
    while facts and sum(GAP + len(fact) for fact in [count, *facts]) > width:
        del facts[0]
    words = (" " * GAP).join(facts)
    bar = min(width - len(count) - len(words) - 3 * GAP, _LONGEST_BAR)
    parts: list[RenderableType] = [Text(count, no_wrap=True)]
    if expected and bar >= SHORTEST_BAR:
        parts.append(progress_bar(done, expected, bar))
    if words:
        parts.append(Text(words, no_wrap=True))
    line = Table.grid(padding=(0, GAP, 0, 0), pad_edge=False)
    line.add_row(*parts)
    return line
