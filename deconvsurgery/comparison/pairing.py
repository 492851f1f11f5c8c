"""Which layer of one model is which of another: by name, as Caffe copies them, in turn.

Positions in the two lists of layers, no more.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from deconvsurgery.named_tuple import NamedTuple

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.model import SourceLayer


class Counterparts(NamedTuple):
    """Positions of layers: ``pairs`` of one name, in the first model's order, and those left."""

    pairs: tuple[tuple[int, int], ...]
    only_a: tuple[int, ...]
    only_b: tuple[int, ...]


def counterparts(a: Sequence[SourceLayer], b: Sequence[SourceLayer]) -> Counterparts:
    """Pair layers by name; of several of one name the first with the first, and so on."""
    waiting: dict[str, deque[int]] = defaultdict(deque)
    for position, layer in enumerate(b):
        waiting[layer.name].append(position)
    pairs, only_a = [], []
    for position, layer in enumerate(a):
        if found := waiting.get(layer.name):
            pairs.append((position, found.popleft()))
        else:
            only_a.append(position)
    only_b = sorted(position for left in waiting.values() for position in left)
    return Counterparts(tuple(pairs), tuple(only_a), tuple(only_b))


def out_of_order(positions: Sequence[int]) -> frozenset[int]:
    """The fewest of different numbers that must be taken out for the others to ascend.

    >>> sorted(out_of_order([0, 4, 1, 2, 3]))
    [4]
    """
    # The longest ascending run by patience: the last card of each pile, and what lies below it.
    tops: list[int] = []
    below: dict[int, int | None] = {}
    for number in positions:
        pile = bisect_left(tops, number)
        below[number] = tops[pile - 1] if pile else None
        tops[pile : pile + 1] = [number]
    kept: set[int] = set()
    last = tops[-1] if tops else None
    while last is not None:
        kept.add(last)
        last = below[last]
    return frozenset(positions) - kept


def in_order(
    pairs: Sequence[tuple[int, int]], first: int, second: int
) -> tuple[tuple[int | None, int | None], ...]:
    """A row for each pair and each position left among ``first`` and ``second`` many.

    In the first model's order; what only the second has stands behind what it follows there.

    >>> in_order([(0, 1)], 2, 3)
    ((None, 0), (0, 1), (None, 2), (1, None))
    """
    at = {there: here for here, there in pairs}
    partner = dict(pairs)
    behind: dict[int, list[int]] = defaultdict(list)
    last = -1
    for position in range(second):
        if position in at:
            last = at[position]
        else:
            behind[last].append(position)
    rows: list[tuple[int | None, int | None]] = [(None, there) for there in behind[-1]]
    for position in range(first):
        rows.append((position, partner.get(position)))
        rows += [(None, there) for there in behind[position]]
    return tuple(rows)
