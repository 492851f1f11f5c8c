"""Replace byte ranges, keep the rest: values only, and no idea of any format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from deconvsurgery.named_tuple import NamedTuple

Buffer: TypeAlias = bytes | bytearray | memoryview


class Kept(NamedTuple):
    """Bytes ``[start, stop)`` of the source that stay as they are."""

    start: int
    stop: int

    @property
    def size(self) -> int:
        """How many."""
        return self.stop - self.start


Piece: TypeAlias = Buffer | Kept


class Edit(NamedTuple):
    """Bytes ``[start, stop)`` give way to ``size`` bytes that ``chunks()`` yields in order.

    The bytes are made when they are written, so a plan for a large file stays small; those that
    the source has elsewhere are named (`Kept`). ``start == stop`` inserts.
    """

    start: int
    stop: int
    size: int
    chunks: Callable[[], Iterable[Piece]]

    @property
    def growth(self) -> int:
        """Bytes by which the file becomes longer (negative: shorter)."""
        return self.size - (self.stop - self.start)


def replacing(start: int, stop: int, data: bytes) -> Edit:
    """An edit whose new bytes are given.

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
    parts: list[Piece] = []
    for segment in segments(len(source), edits):
        parts += (segment,) if isinstance(segment, Kept) else segment.chunks()
    return b"".join(
        source[part.start : part.stop] if isinstance(part, Kept) else part for part in parts
    )
