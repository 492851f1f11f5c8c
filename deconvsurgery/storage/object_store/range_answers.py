"""What a store says of the bytes that it sends, held against what was asked for.

Values only. A range that starts elsewhere, or is of another object, is never taken for the one that
was asked for, however many bytes it has.
"""

from __future__ import annotations

import re
from typing import Final

from deconvsurgery.errors import FileError
from deconvsurgery.storage.address import line_of

LARGEST: Final = 1 << 40
"""Bytes of an object that is read; no model has a hundredth of them."""

# bytes FIRST-LAST/TOTAL, the last of which may be *: unknown.
_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)", re.ASCII | re.IGNORECASE)


def replaced(name: str) -> FileError:
    """An object that is no longer the one that was opened."""
    return FileError(
        "was replaced while it was read, so the result would be a mixture",
        path=name,
        hint="run again when nothing else writes to it",
        transient=True,
    )


def unsized(name: str) -> FileError:
    """An object whose size nobody says."""
    return FileError(
        "cannot be read: the store does not say how many bytes it has",
        path=name,
        hint="copy it to a file of this machine first",
    )


def total_of(
    content_range: str | None, start: int, size: int, known: int | None, name: str
) -> int | None:
    """The object's size, ``None`` where it is not said, if the answer is of the range asked for.

    Args:
        content_range: The header of that name, ``bytes 0-99/1234``.
        start: The first byte that was asked for.
        size: How many bytes, of which there may be fewer up to the object's end.
        known: The object's size, if it is known.
        name: The object's, for messages.

    Raises ``FileError`` for any other range, and for an object of another size.
    """
    found = _RANGE.fullmatch((content_range or "").strip())
    if found is None:
        said = "says no range" if content_range is None else f"says '{line_of(content_range)}'"
        raise _other_bytes(start, size, said, name)
    first, last, said_total = found.groups()
    total = known if said_total == "*" else int(said_total)
    if known is not None and total != known:
        raise replaced(name)
    stop = start + size if total is None else min(start + size, total)
    # Of an object that may end earlier an end without a total says nothing.
    if (
        int(first) != start
        or not start < int(last) + 1 <= stop
        or (total and int(last) + 1 != stop)
    ):
        raise _other_bytes(start, size, f"says bytes {first}-{last} of {said_total}", name)
    return total


def check_size(size: int, name: str) -> None:
    """Raise ``FileError`` for a size that no model has."""
    if size > LARGEST:
        raise FileError(
            f"is said to have {size:,} bytes, which no model has",
            path=name,
            hint="is it the right object?",
        )


def check_length(length: int | None, wanted: int, start: int, name: str) -> None:
    """Raise ``FileError`` where an answer says that it is longer or shorter than its range."""
    if length is not None and length != wanted:
        raise _other_bytes(start, wanted, f"has {length:,} bytes", name)


def _other_bytes(start: int, size: int, said: str, name: str) -> FileError:
    return FileError(
        f"cannot be read: asked for bytes {start}-{start + size - 1}, the store gives others"
        f" (its answer {said})",
        path=name,
        hint="a server or proxy between here and there is at fault: copy it to this machine first",
    )
