"""What a sweep came to, as a value."""

from __future__ import annotations

from typing import ClassVar

from deconvsurgery.verbs.result import Result
from deconvsurgery.wording import plural

from .result_rows import PairRow, RowOutcome, Summary


class SweepResult(Result):
    """What a sweep came to: every pair has a row in ``results``, a file of JSON Lines.

    Attributes:
        config: the settings file.
        verb: what was done with each pair.
        engine: where it was done: ``local`` or ``dask``.
        results: the file that has a row for each pair.
        summary: the rows counted, and what stores were asked for.
        told: the first rows of pairs that failed, or were found wrong.
        repeated: how many pairs were named more than once.
        unmatched: patterns that no file is like.
    """

    config: str
    verb: str
    engine: str
    results: str
    summary: Summary
    told: tuple[PairRow, ...] = ()
    repeated: int = 0
    unmatched: tuple[str, ...] = ()

    _verb: ClassVar[str] = "sweep"

    def _essence(self) -> str:
        counts = ", ".join(
            f"{count:,} {each}" for each, count in self.summary.outcomes.items() if count
        )
        return f"{self.config}: {self.verb}, {plural(self.summary.total, 'pair')} ({counts})"

    @property
    def layers(self) -> tuple[()]:
        """None: a sweep has pairs, which ``told`` and the file of results name."""
        return ()

    @property
    def changed(self) -> bool:
        """Some pair was worked on, which no earlier run had settled."""
        return self.summary.total > self.summary.skipped

    @property
    def path(self) -> str:
        """The file of results."""
        return self.results

    @property
    def passed(self) -> bool:
        """No pair failed, and nothing was found wrong with any."""
        return self.summary.worst is RowOutcome.DONE
