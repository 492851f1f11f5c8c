"""Two texts as a unified diff, where it is known which bytes were edited; guesses nothing else."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import accumulate
from typing import Any, Final, TypeAlias

# Lines in one block of edits that difflib may compare with each other, which takes a second.
_MOST_PAIRS: Final = 1_000_000

Touched: TypeAlias = tuple[int, int, int]
"""Characters ``[start, stop)`` of the old text, and how many there are in their place."""
_Opcode: TypeAlias = tuple[str, int, int, int, int]


def unified_lines(
    old: Sequence[str], new: Sequence[str], touched: Sequence[Touched], names: tuple[str, str]
) -> Iterator[str]:
    """The lines of a unified diff of two texts that are given as lines, each with its end.

    ``touched`` are all edits, in order; ``names`` are those of the files. difflib alone takes
    every line that is there often for junk once a text has 200 lines, and pairs the wrong ones;
    without that it takes minutes for long nets. So only what an edit touches is compared.
    """
    if list(old) == list(new):
        return
    found = _merged(_opcodes(old, new, touched))
    yield f"--- {names[0]}\n"
    yield f"+++ {names[1]}\n"
    for group in _Found(found).get_grouped_opcodes(3):
        first, last = group[0], group[-1]
        yield f"@@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@\n"
        for kind, start, stop, new_start, new_stop in group:
            if kind == "equal":
                yield from (f" {line}" for line in old[start:stop])
                continue
            yield from (f"-{line}" for line in old[start:stop])
            yield from (f"+{line}" for line in new[new_start:new_stop])


class _Found(SequenceMatcher[str]):
    """difflib's way from opcodes to hunks, for opcodes that are known."""

    def __init__(self, opcodes: list[_Opcode]) -> None:
        super().__init__(None, "", "")
        self._found = opcodes

    def get_opcodes(self) -> list[Any]:
        return self._found


def _range(start: int, stop: int) -> str:
    """Lines as diff(1) counts them, from 1; an empty range names the line before it."""
    length = stop - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"


def _opcodes(
    old: Sequence[str], new: Sequence[str], touched: Sequence[Touched]
) -> Iterator[_Opcode]:
    """As `SequenceMatcher.get_opcodes` gives them; neighbours may be of one kind."""
    at = new_at = 0
    for start, stop, new_start, new_stop in _blocks(old, new, touched):
        yield "equal", at, start, new_at, new_start
        if (stop - start) * (new_stop - new_start) > _MOST_PAIRS:
            yield "replace", start, stop, new_start, new_stop
            at, new_at = stop, new_stop
            continue
        matcher = SequenceMatcher(None, old[start:stop], new[new_start:new_stop], autojunk=False)
        for kind, one, two, three, four in matcher.get_opcodes():
            yield kind, start + one, start + two, new_start + three, new_start + four
        at, new_at = stop, new_stop
    yield "equal", at, len(old), new_at, len(new)


def _blocks(
    old: Sequence[str], new: Sequence[str], touched: Sequence[Touched]
) -> list[tuple[int, int, int, int]]:
    """Blocks of whole lines that edits touch, in both texts; what is between them is the same."""
    starts, new_starts = ([0, *accumulate(map(len, lines))] for lines in (old, new))
    merged: list[list[int]] = []  # first and last line, and by how much the text has grown so far
    grown = 0
    for start, stop, size in touched:
        grown += size - (stop - start)
        first, last = (
            min(bisect_right(starts, place) - 1, len(old) - 1) for place in (start, stop)
        )
        if merged and first <= merged[-1][1] + 1:
            merged[-1][1:] = [last, grown]
        else:
            merged.append([first, last, grown])
    before = [0, *(growth for _, _, growth in merged)]
    return [
        (
            first,
            last + 1,
            bisect_left(new_starts, starts[first] + was),
            bisect_left(new_starts, starts[last + 1] + growth),
        )
        for (first, last, growth), was in zip(merged, before, strict=False)
    ]


def _merged(opcodes: Iterator[_Opcode]) -> list[_Opcode]:
    """Without empty ones, and neighbours that are equal as one."""
    found: list[_Opcode] = []
    for kind, start, stop, new_start, new_stop in opcodes:
        if start == stop and new_start == new_stop:
            continue
        if found and kind == found[-1][0] == "equal":
            found[-1] = ("equal", found[-1][1], stop, found[-1][3], new_stop)
        else:
            found.append((kind, start, stop, new_start, new_stop))
    return found
