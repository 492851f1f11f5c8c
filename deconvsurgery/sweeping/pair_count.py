"""How many pairs a sweep has, counted a few at a time while they are worked on.

Only for those who watch it: everything is listed once more. Nothing is kept but the number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from deconvsurgery.errors import SurgeryError
from deconvsurgery.inputs.expand_pairs import expanded
from deconvsurgery.storage.streams import can_be_read_again

if TYPE_CHECKING:
    from deconvsurgery.inputs.settings import Pair

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

    def go_on(self) -> None:
        """Count a few more."""
        if self._coming is None:
            return
        with suppress(SurgeryError):  # it becomes a row, or ends the sweep, where it is worked on
            few = sum(1 for _ in islice(self._coming, _AT_ONCE))
            self._seen += few
            if few == _AT_ONCE:
                return
            self.total = self._seen + self._wrong_lines
        self._coming = None

    def _wrong_line(self, _pair: Pair, _error: SurgeryError) -> None:
        """A line of a list that is no pair is a row, too."""
        self._wrong_lines += 1
