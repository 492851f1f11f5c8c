"""What ``sweep`` came to: a line a pair that is not done, counts, one closing sentence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from deconvsurgery.report.cells import Remark, Tone, note
from deconvsurgery.report.phrases import Medium, escaped, shortened
from deconvsurgery.rules.finding import RULES
from deconvsurgery.storage.object_store.store import Traffic
from deconvsurgery.sweeping.result_rows import PairRow, RowOutcome, Summary
from deconvsurgery.wording import plural

from .colours import LEARNED, QUIET, STYLES
from .copy_progress import SHORTEST_BAR, duration, progress_bar
from .layout import GAP, Sheet

if TYPE_CHECKING:
    from rich.console import RenderableType

    from deconvsurgery.sweeping.sweep_result import SweepResult

_TONES: Final = {
    RowOutcome.DONE: Tone.GOOD,
    RowOutcome.FOUND: Tone.ODD,
    RowOutcome.FAILED: Tone.WRONG,
}
_WORDS: Final = {
    RowOutcome.DONE: "done",
    RowOutcome.FOUND: "found wrong",
    RowOutcome.FAILED: "failed",
}
_LONGEST_BAR: Final = 40  # cells
_MOST_SHOWN = 20  # pairs; the results file has all of them


def sweep_report(result: SweepResult, medium: Medium) -> Sheet:
    """Which pairs failed or were found wrong, how many broke which rule, one closing sentence.

    In a pipe complete lines, for ``soft_wrap=True``.
    """
    return Sheet([], (), list(_remarks(result)), closing_words(result), medium)


def _remarks(result: SweepResult) -> Iterator[Remark]:
    for row in result.told[:_MOST_SHOWN]:
        yield Remark(row.outcome, _TONES[row.outcome], named(row), _why(row))
    summary = result.summary
    more = summary.outcomes[RowOutcome.FOUND] + summary.outcomes[RowOutcome.FAILED]
    more -= len(result.told[:_MOST_SHOWN])
    if more > 0:
        yield Remark("", Tone.QUIET, None, f"+{plural(more, 'pair')} more, in {result.results}")
    for rule, count in sorted(summary.rules.items()):
        # A row that is as it was may be of a rule that only another version has.
        summary_of = RULES[rule].summary if rule in RULES else "a rule of another version"
        yield Remark(rule, Tone.QUIET, None, f"{plural(count, 'pair')}: {summary_of}")
    for pattern in result.unmatched:
        yield Remark("warning", Tone.ODD, None, f"no file is like {pattern}")
    if result.repeated:
        words = f"{plural(result.repeated, 'pair')} named more than once"
        yield note(words)
    traffic = Traffic(
        summary.requests, summary.bytes_read, summary.bytes_sent, summary.bytes_copied
    )
    if traffic.any:
        yield Remark("traffic", Tone.QUIET, None, traffic.words())


def named(row: PairRow) -> str:
    """A pair by its first path; a line of a list that is no pair by the list."""
    return row.net or row.model or (row.error or {}).get("file") or ""


def _why(row: PairRow) -> str:
    if row.error is None:
        return ", ".join(sorted({*row.rules}))
    error = row.error
    place = error.get("file")
    where = f"{place}: " if place and place != named(row) else ""
    line = error.get("line")
    words = f"{where}{f'line {line}: ' if line else ''}{error['message']}"
    return words + (f" ({error['hint']})" if error.get("hint") else "")


def closing_words(result: SweepResult) -> str:
    """One sentence on the pairs, one on where their rows are."""
    summary = result.summary
    counts = [
        f"{summary.outcomes[outcome]:,} {words}"
        for outcome, words in _WORDS.items()
        if summary.outcomes[outcome]
    ]
    skipped = f"; {summary.skipped:,} settled before" if summary.skipped else ""
    return (
        f"{result.verb}: {plural(summary.total, 'pair')}: {', '.join(counts)}{skipped}. "
        f"Rows: {escaped(result.results)}"
    )


def progress_table(
    summary: Summary, row: PairRow, rate: float | None, *, width: int
) -> RenderableType:
    """How far a sweep is, for a terminal on which it is drawn again and again.

    ``rate`` is how many pairs are settled in a second, where that is known yet.
    """
    grid = Table.grid(padding=(0, 2, 0, 0))
    for outcome, words in _WORDS.items():
        count = summary.outcomes[outcome]
        style = STYLES[_TONES[outcome]] if count else QUIET
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
