"""What ``sweep`` came to: a line a pair that is not done, counts, one closing sentence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from deconvsurgery.report.cells import Remark, Tone, note
from deconvsurgery.report.phrases import Medium, escaped
from deconvsurgery.rules.finding import RULES
from deconvsurgery.storage.object_store.store import Traffic
from deconvsurgery.sweeping.result_rows import PairRow, RowOutcome
from deconvsurgery.wording import plural

from .sheet import Sheet

if TYPE_CHECKING:
    from deconvsurgery.sweeping.sweep_result import SweepResult

TONES: Final = {
    RowOutcome.DONE: Tone.GOOD,
    RowOutcome.FOUND: Tone.ODD,
    RowOutcome.FAILED: Tone.WRONG,
}
WORDS: Final = {
    RowOutcome.DONE: "done",
    RowOutcome.FOUND: "found wrong",
    RowOutcome.FAILED: "failed",
}
_MOST_SHOWN = 20  # pairs; the results file has all of them


def sweep_report(result: SweepResult, medium: Medium) -> Sheet:
    """Which pairs failed or were found wrong, how many broke which rule, one closing sentence.

    In a pipe complete lines.
    """
    return Sheet([], (), list(_remarks(result)), closing_words(result), medium)


def _remarks(result: SweepResult) -> Iterator[Remark]:
    for row in result.told[:_MOST_SHOWN]:
        yield Remark(row.outcome, TONES[row.outcome], named(row), _why(row))
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
        for outcome, words in WORDS.items()
        if summary.outcomes[outcome]
    ]
    skipped = f"; {summary.skipped:,} settled before" if summary.skipped else ""
    return (
        f"{result.verb}: {plural(summary.total, 'pair')}: {', '.join(counts)}{skipped}. "
        f"Rows: {escaped(result.results)}"
    )
