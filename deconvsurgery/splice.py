"""Replace byte ranges, keep the rest: values only, and no idea of any format.

Never here: files, protobuf, text. ``write`` carries the segments out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Buffer: TypeAlias = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Edit:
    """Bytes ``[start, stop)`` give way to ``size`` bytes that ``chunks()`` yields in order.

    The bytes are made when they are written, so a plan for a large file stays small.
    ``start == stop`` inserts.
    """

    start: int
    stop: int
    size: int
    chunks: Callable[[], Iterable[Buffer]]

    @property
    def growth(self) -> int:
        """Bytes by which the file becomes longer (negative: shorter)."""
        return self.size - (self.stop - self.start)


@dataclass(frozen=True, slots=True)
class Kept:
    """Bytes ``[start, stop)`` of the source that stay as they are."""

    start: int
    stop: int


def replacing(start: int, stop: int, data: bytes) -> Edit:
    """An edit whose new bytes are at hand.

    >>> spliced(b"abcdef", [replacing(1, 3, b"--x--")])
    b'a--x--def'
    """
    return Edit(start, stop, len(data), lambda: (data,))


def segments(size: int, edits: Sequence[Edit], start: int = 0) -> Iterator[Kept | Edit]:
    """Cover a source's bytes ``[start, size)``, left to right, with what stays and what is new.

    Edits may come in any order; those that insert at the same place keep theirs.
    Raises ``ValueError`` when edits overlap or leave that range.
    """
    position = start
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.stop)):
        if not position <= edit.start <= edit.stop <= size:
            raise ValueError(f"edit [{edit.start}, {edit.stop}) overlaps or leaves {size} bytes")
        if position < edit.start:
            yield Kept(position, edit.start)
        yield edit
        position = edit.stop
    if position < size:
        yield Kept(position, size)


def spliced_size(size: int, edits: Sequence[Edit]) -> int:
    """Bytes of the result."""
    return size + sum(edit.growth for edit in edits)


def spliced(source: bytes, edits: Sequence[Edit]) -> bytes:
    """The result for a source in memory."""
    parts: list[Buffer] = []
    for segment in segments(len(source), edits):
        if isinstance(segment, Kept):
            parts.append(source[segment.start : segment.stop])
        else:
            parts.extend(segment.chunks())
    return b"".join(parts)
