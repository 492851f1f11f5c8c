"""A patch that undoes a change: which bytes of the changed file give way to which of the original.

The file is one line of JSON and, behind it, the original's bytes of each range in their order. It
may come from anybody: what its line says is read strictly, and within limits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

from deconvsurgery.errors import FormatError
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.strict_values.json_text import json_value
from deconvsurgery.strict_values.kinds import ValueKind, WrongValueError, plain, said, table, whole
from deconvsurgery.wording import plural

from .byte_ranges import Edit, Kept

VERSION: Final = 1
_KIND: Final = "deconvsurgery_patch"
_BEGINNING: Final = f'{{"{_KIND}": '.encode()
_MOST_RANGES: Final = 1 << 18
"""So many are read in 100 MB of memory; a patch has a handful, where many are needed they join."""
LONGEST_HEADER: Final = 1 << 24
"""Bytes of the first line: so many ranges, in a file of any size."""
_HINT: Final = "it was cut short or changed since it was written"


class Digest(NamedTuple):
    """A file's ``size`` in bytes and its SHA-256 in hexadecimal."""

    size: int
    sha256: str


class Range(NamedTuple):
    """Bytes ``[start, stop)`` of the changed file give way to ``size`` bytes of the original."""

    start: int
    stop: int
    size: int


class Undo(NamedTuple):
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


def few_ranges(
    ranges: Sequence[Range], kept: Sequence[Kept], most: int = _MOST_RANGES
) -> tuple[tuple[Range, ...], tuple[Kept, ...]]:
    """At most so many: those with the fewest bytes between them are joined, and these kept, too.

    >>> few_ranges([Range(0, 1, 1), Range(9, 9, 2), Range(10, 11, 1)],
    ...            [Kept(0, 1), Kept(9, 11), Kept(12, 13)], 2)
    ((Range(start=0, stop=1, size=1), Range(start=9, stop=11, size=4)), \
(Kept(start=0, stop=1), Kept(start=9, stop=13)))
    """
    places = range(1, len(ranges))
    nearest = sorted(places, key=lambda at: ranges[at].start - ranges[at - 1].stop)
    joined = {*nearest[: max(0, len(ranges) - most)]}
    starts = [at for at in range(len(ranges)) if at not in joined]
    runs = [(start, stop - 1) for start, stop in pairwise([*starts, len(ranges)])]
    long = [Kept(kept[first].start, kept[last].stop) for first, last in runs]
    wide = [
        Range(ranges[first].start, ranges[last].stop, each.size)
        for (first, last), each in zip(runs, long, strict=True)
    ]
    return tuple(wide), tuple(long)


def begins_patch(data: bytes) -> bool:
    """Whether a file that begins so may be a patch."""
    return data.startswith(_BEGINNING)


def parsed(line: bytes, size: int) -> Undo:
    """A patch of ``size`` bytes by its first line, the line's end included.

    Raises ``FormatError`` for what is no patch, or is not all of one.
    """
    if not begins_patch(line):
        raise FormatError("is not a patch of this tool", hint=_NAME_ANOTHER)
    try:
        undo = _read(line)
        _confirm_order(undo)
    except WrongValueError as error:
        raise FormatError(f"is a damaged patch: {error.of('its first line')}", hint=_HINT) from None
    if len(line) + undo.size != size:
        raise FormatError(
            f"is a damaged patch: it has {plural(size - len(line), 'byte')} of the original, "
            f"{undo.size} are needed",
            hint=_HINT,
        )
    return undo


_NAME_ANOTHER: Final = "name the file that apply `save_patch=…` has written"


def _read(line: bytes) -> Undo:
    if line.count(b"[") > _MOST_RANGES + 1:  # before they are made: each takes 200 bytes
        raise WrongValueError(f"has more than {_MOST_RANGES:,} ranges")
    if not line.endswith(b"\n"):
        raise WrongValueError("does not end")
    values = json_value(line, longest=LONGEST_HEADER)
    version = _VERSION.take(values[_KIND], _KIND)
    if version != VERSION:
        raise FormatError(
            f"is a patch of version {version}, this tool knows {VERSION}",
            hint="use the version of the tool that wrote it, or a later one",
        )
    found = _HEADER.take(values)
    return Undo(Digest(**found["original"]), Digest(**found["changed"]), found["ranges"])


def _ranges(value: Any, place: str) -> tuple[Range, ...]:
    if not isinstance(value, list):
        raise WrongValueError(f"is a list, not {said(value)}", place)
    for at, row in enumerate(value):
        if not isinstance(row, list) or len(row) != 3 or {*map(type, row)} != {int}:
            raise WrongValueError("is not three whole numbers", f"{place}[{at}]")
    return tuple(Range(*row) for row in value)


def _confirm_order(undo: Undo) -> None:
    """Raise ``WrongValueError`` for ranges that are not in order, or make another size."""
    position = grown = 0
    for at, part in enumerate(undo.ranges):
        if not position <= part.start <= part.stop <= undo.changed.size:
            words = "is out of order, or behind the end of the changed file"
            raise WrongValueError(words, f"ranges[{at}]")
        if part.size < 0:
            raise WrongValueError("has a size below 0", f"ranges[{at}]")
        position = part.stop
        grown += part.size - (part.stop - part.start)
    if undo.changed.size + grown != undo.original.size:
        raise WrongValueError("do not make the size of the original", "its ranges")


_MOST: Final = 2**63 - 1
_VERSION = whole(1, _MOST)
_HEXADECIMAL: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SHA256 = plain(
    "a SHA-256 of 64 digits",
    lambda value: isinstance(value, str) and _HEXADECIMAL.fullmatch(value) is not None,
)
_DIGEST = table({"size": whole(0, _MOST), "sha256": _SHA256}, needed=("size", "sha256"))
_HEADER = table(
    {
        _KIND: _VERSION,
        "original": _DIGEST,
        "changed": _DIGEST,
        "ranges": ValueKind("a list", _ranges),
    },
    needed=("original", "changed", "ranges"),
)


def edits_of(undo: Undo, read: Callable[[int, int], Iterator[bytes]]) -> list[Edit]:
    """The edits that undo the change; ``read(start, stop)`` gives bytes behind the patch's line."""
    edits, position = [], 0
    for part in undo.ranges:
        start, stop = position, position + part.size
        edits.append(Edit(part.start, part.stop, part.size, _reading(read, start, stop)))
        position = stop
    return edits


def _reading(
    read: Callable[[int, int], Iterator[bytes]], start: int, stop: int
) -> Callable[[], Iterator[bytes]]:
    return lambda: read(start, stop)
