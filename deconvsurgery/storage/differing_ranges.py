"""Two files compared: the ranges in which they differ, which undo any change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from deconvsurgery.splicing.byte_ranges import Kept
from deconvsurgery.splicing.undo_patch import Range

if TYPE_CHECKING:
    from .source_interface import Source

_BLOCK = 1 << 20
_PIECE = 4096


def compared(original: Source, changed: Source) -> tuple[list[Range], list[Kept]]:
    """The ranges that undo a change of which only the outcome is known, to the byte.

    What follows the end of the shorter file is one range; blocks that differ are looked at in
    pieces of 4 KiB.
    """
    ranges: list[Range] = []
    kept: list[Kept] = []
    common = min(original.size, changed.size)
    for start, stop in _differing(original, changed, common):
        ranges.append(Range(start, stop, stop - start))
        kept.append(Kept(start, stop))
    if original.size != changed.size:
        ranges.append(Range(common, changed.size, original.size - common))
        kept.append(Kept(common, original.size))
    return ranges, kept


def _differing(one: Source, other: Source, size: int) -> Iterator[tuple[int, int]]:
    """Stretches of ``[0, size)`` in which the files differ, neighbours joined."""
    waiting: tuple[int, int] | None = None
    for start in range(0, size, _BLOCK):
        length = min(_BLOCK, size - start)
        ours, theirs = one.read(start, length), other.read(start, length)
        if ours == theirs:
            continue
        for at in range(0, length, _PIECE):
            if ours[at : at + _PIECE] == theirs[at : at + _PIECE]:
                continue
            begin, end = start + at, start + min(at + _PIECE, length)
            if waiting and waiting[1] == begin:
                waiting = (waiting[0], end)
                continue
            if waiting:
                yield waiting
            waiting = (begin, end)
    if waiting:
        yield waiting
