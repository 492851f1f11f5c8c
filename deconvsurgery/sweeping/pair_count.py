"""How many pairs a sweep has, counted a few at a time while they are worked on.

Only for those who watch it: everything is listed once more. Nothing is kept but the number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from deconvsurgery.errors import SurgeryError
from deconvsurgery.inputs.expand_pairs import expanded
from deconvsurgery.storage.streams import can_be_read_again

from .result_rows import PairRow, Summary

if TYPE_CHECKING:
    from deconvsurgery.inputs.settings import Pair
    from deconvsurgery.verbs.open_and_write import Progress

OnRow: TypeAlias = Callable[[Summary, PairRow], None]
"""What is called with each row as it comes, and with what all rows so far come to."""

_AT_ONCE = 64  # so that the number is known after a small part of the sweep


class PairCount:
    """Counts what pairs stand for; ``total`` is None until it has seen the last one.

    It stays None where a list can be read only once, or something cannot be listed.
    """

    def __init__(self, pairs: Iterable[Pair]) -> None:
        named = tuple(pairs)
        self.total: int | None = None
        self._wrong_lines = self._seen = 0
        self._coming: Iterator[Pair] | None = None
        if all(pair.listed is None or can_be_read_again(pair.listed) for pair in named):
            self._coming = (each for pair in named for each in expanded(pair, self._wrong_line))

    @property
    def so_far(self) -> int:
        """How many it has seen."""
        return self._seen + self._wrong_lines

    def go_on(self) -> None:
        """Count a few more."""
        if self._coming is None:
            return
        with suppress(SurgeryError):  # it becomes a row, or ends the sweep, where it is worked on
            few = sum(1 for _ in islice(self._coming, _AT_ONCE))
            self._seen += few
            if few == _AT_ONCE:
                return
            self.total = self.so_far
        self._coming = None

    def _wrong_line(self, _pair: Pair, _error: SurgeryError) -> None:
        """A line of a list that is no pair is a row, too."""
        self._wrong_lines += 1


class Watched:
    """A sweep that somebody watches: ``progress`` counts its pairs, ``on_row`` gets its rows."""

    def __init__(self, count: PairCount, progress: Progress | None, on_row: OnRow | None) -> None:
        self._count, self._progress, self._on_row = count, progress, on_row

    def come(self, summary: Summary, row: PairRow, repeated: int) -> None:
        """A row has come, which is in the summary; of all pairs so many are ``repeated``."""
        self._count.go_on()
        done = summary.total
        if self._count.total is not None:  # files may have come since
            summary.expected = max(self._count.total - repeated, done)
        if self._on_row is not None:
            self._on_row(summary, row)
        if self._progress is not None:
            self._progress(done, max(self._count.so_far - repeated, done))
