"""A new object out of an old one's ranges and new bytes: what a store copies, and what is sent.

Values only; the limits are those of S3's multipart uploads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.splicing.byte_ranges import Kept

_MIB = 1 << 20


class Limits(NamedTuple):
    """Bytes of parts and how many there may be: what S3 takes, and what is good for us.

    After each ``doubled_after`` parts all but the ``largest`` are doubled, so that ``most_parts``
    of them are more than an object can have.
    """

    least: int = 5 * _MIB  # of every part but the last
    largest: int = 5 << 30  # that one request can send or have copied
    most_parts: int = 10_000
    sent: int = 8 * _MIB  # of a part that is sent: they are held in memory
    copied: int = 128 * _MIB  # of one that is copied: several are on their way at once
    doubled_after: int = 1_000


S3 = Limits()


class Copied(NamedTuple):
    """A part that the store copies: bytes ``[start, stop)`` of the old object."""

    start: int
    stop: int

    @property
    def size(self) -> int:
        """Bytes."""
        return self.stop - self.start


class Sent(NamedTuple):
    """A part that is sent; ranges of the old object in it are too short to be copied."""

    pieces: tuple[bytes | Kept, ...]

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(map(_size, self.pieces))


Part: TypeAlias = Copied | Sent


class Parts:
    """Takes pieces in their order and gives parts as soon as they are settled.

    >>> parts = Parts()
    >>> [*parts.take(Kept(0, 6 << 20)), *parts.take(b"new"), *parts.rest()]
    [Copied(start=0, stop=6291456), Sent(pieces=(b'new',))]
    """

    __slots__ = ("_open", "_size", "given", "limits")

    def __init__(self, limits: Limits = S3) -> None:
        self.limits = limits
        self.given = 0
        self._open: list[bytes | Kept] = []
        self._size = 0

    def take(self, piece: bytes | Kept) -> Iterator[Part]:
        """The parts that are settled when ``piece`` has come."""
        if isinstance(piece, Kept):
            yield from self._kept(piece)
            return
        yield from self._copies()
        self._add(piece)
        yield from self._filled()

    def rest(self) -> Iterator[Part]:
        """What is left when no piece comes any more; the last part may be short."""
        if len(self._open) == 1 and isinstance(self._open[0], Kept):
            yield from self._ranges(self._open[0])
        elif self._size:
            yield self._one(Sent(tuple(self._open)))
        self._open, self._size = [], 0

    def _kept(self, piece: Kept) -> Iterator[Part]:
        last = self._open[-1] if self._open else None
        if len(self._open) == 1 and isinstance(last, Kept):
            if last.stop == piece.start:
                self._open, self._size = [Kept(last.start, piece.stop)], self._size + piece.size
                return
            yield from self._copies()
        if self._open:
            # What was begun must reach the least size before the store can go on by itself.
            missing = min(max(0, self._least - self._size), piece.size)
            if missing:
                self._add(Kept(piece.start, piece.start + missing))
            if self._size < self._least:
                return
            yield self._one(Sent(tuple(self._open)))
            self._open, self._size = [], 0
            piece = Kept(piece.start + missing, piece.stop)
        if piece.size:
            self._add(piece)

    def _copies(self) -> Iterator[Part]:
        """A range that waits, if it is long enough to be copied."""
        first = self._open[0] if len(self._open) == 1 else None
        if isinstance(first, Kept) and first.size >= self._least:
            yield from self._ranges(first)
            self._open, self._size = [], 0

    def _ranges(self, kept: Kept) -> Iterator[Part]:
        """Parts of about the same size, none above what one request can copy."""
        start = kept.start
        while start < kept.stop:
            left = kept.stop - start
            size = left // -(-left // self._grown(self.limits.copied, self.limits.largest))
            yield self._one(Copied(start, start + size))
            start += size

    def _filled(self) -> Iterator[Part]:
        """Full parts; what is over waits for more."""
        while self._size >= 2 * (full := self._grown(self.limits.sent, self.limits.largest // 2)):
            yield self._one(Sent(tuple(self._cut(full))))

    @property
    def _least(self) -> int:
        return self._grown(self.limits.least, self.limits.largest // 2)

    def _grown(self, size: int, most: int) -> int:
        """A size, doubled as often as so many parts call for."""
        return min(size << self.given // self.limits.doubled_after, most)

    def _cut(self, size: int) -> Iterator[bytes | Kept]:
        """Take ``size`` bytes off the front of what is open."""
        self._size -= size
        while size:
            piece = self._open.pop(0)
            if _size(piece) > size:
                # Ranges that wait are in the first bytes, fewer than any part has.
                assert not isinstance(piece, Kept)
                self._open.insert(0, piece[size:])
                piece = piece[:size]
            size -= _size(piece)
            yield piece

    def _add(self, piece: bytes | Kept) -> None:
        if _size(piece):
            self._open.append(piece)
            self._size += _size(piece)

    def _one(self, part: Part) -> Part:
        self.given += 1
        return part


def _size(piece: bytes | Kept) -> int:
    return piece.size if isinstance(piece, Kept) else len(piece)
