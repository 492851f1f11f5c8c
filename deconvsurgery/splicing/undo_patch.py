"""A patch that undoes a change: which bytes of the changed file give way to which of the original.

The file is one line of JSON and, behind it, the original's bytes of each range in their order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from deconvsurgery.errors import FormatError
from deconvsurgery.wording import plural

from .byte_ranges import Edit, Kept

VERSION: Final = 1
_KIND: Final = "deconvsurgery_patch"
# The first line of a patch names a handful of ranges; 64 MiB would be two million.
LONGEST_HEADER: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class Digest:
    """A file's ``size`` in bytes and its SHA-256 in hexadecimal."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Range:
    """Bytes ``[start, stop)`` of the changed file give way to ``size`` bytes of the original."""

    start: int
    stop: int
    size: int


@dataclass(frozen=True, slots=True)
class Undo:
    """What undoes a change: of which file, to which, and what gives way."""

    original: Digest
    changed: Digest
    ranges: tuple[Range, ...]

    @property
    def size(self) -> int:
        """Bytes of the original in it."""
        return sum(each.size for each in self.ranges)


def undoing(edits: Sequence[Edit]) -> tuple[tuple[Range, ...], tuple[Kept, ...]]:
    """The ranges that undo ``edits``, and where in the original the bytes for each are.

    >>> ranges, kept = undoing([Edit(2, 4, 5, tuple), Edit(9, 9, 1, tuple)])
    >>> ranges
    (Range(start=2, stop=7, size=2), Range(start=12, stop=13, size=0))
    >>> kept
    (Kept(start=2, stop=4), Kept(start=9, stop=9))
    """
    ranges, kept, grown = [], [], 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.stop)):
        start = edit.start + grown
        ranges.append(Range(start, start + edit.size, edit.stop - edit.start))
        kept.append(Kept(edit.start, edit.stop))
        grown += edit.growth
    return tuple(ranges), tuple(kept)


def header(undo: Undo) -> bytes:
    """The first line of the patch."""
    text = json.dumps(
        {
            _KIND: VERSION,
            "original": {"size": undo.original.size, "sha256": undo.original.sha256},
            "changed": {"size": undo.changed.size, "sha256": undo.changed.sha256},
            "ranges": [[each.start, each.stop, each.size] for each in undo.ranges],
        }
    )
    return text.encode() + b"\n"


def parsed(line: bytes, size: int) -> Undo:
    """A patch of ``size`` bytes by its first line, the line's end included.

    Raises ``FormatError`` for what is no patch, or is not all of one.
    """
    undo = _read(line)
    if undo is None:
        raise FormatError(
            "is no patch of this tool", hint="name the file that apply --save-patch has written"
        )
    position = grown = 0
    for each in undo.ranges:
        if not position <= each.start <= each.stop <= undo.changed.size or each.size < 0:
            raise FormatError("is a damaged patch: its ranges are out of order")
        position = each.stop
        grown += each.size - (each.stop - each.start)
    if undo.changed.size + grown != undo.original.size:
        raise FormatError("is a damaged patch: its sizes do not add up")
    if len(line) + undo.size != size:
        raise FormatError(
            f"is a damaged patch: it has {plural(size - len(line), 'byte')} of the original, "
            f"{undo.size} are needed",
            hint="it was cut short or changed since it was written",
        )
    return undo


def _read(line: bytes) -> Undo | None:
    """The line as values, ``None`` where it is something else."""
    try:
        told: Any = json.loads(line)
        if told[_KIND] != VERSION:
            raise FormatError(
                f"is a patch of version {told[_KIND]!r}, this tool knows {VERSION}",
                hint="use the version of the tool that wrote it, or a later one",
            )
        digests = [Digest(int(each["size"]), str(each["sha256"])) for each in _two(told)]
        ranges = tuple(Range(*map(int, each)) for each in told["ranges"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return Undo(digests[0], digests[1], ranges)


def _two(told: Any) -> tuple[Any, Any]:
    return told["original"], told["changed"]


def edits_of(undo: Undo, read: Callable[[int, int], Iterator[bytes]]) -> list[Edit]:
    """The edits that undo the change; ``read(start, stop)`` gives bytes behind the patch's line."""
    edits, position = [], 0
    for each in undo.ranges:
        start, stop = position, position + each.size
        edits.append(Edit(each.start, each.stop, each.size, _reading(read, start, stop)))
        position = stop
    return edits


def _reading(
    read: Callable[[int, int], Iterator[bytes]], start: int, stop: int
) -> Callable[[], Iterator[bytes]]:
    return lambda: read(start, stop)
