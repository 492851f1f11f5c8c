"""Values of objects that lie in files, and moto's objects and uploads made of them.

moto keeps each value as bytes and reads all of it for every range, copy and completed upload: for
538 MB a range of 1,000 bytes took 0.4 s and a completion 2.2 GB of memory. Here a value is a row of
pieces of files that never change; a slice, a copy or a join makes another row and moves no byte,
and moto's own code for ranges and copies runs on it as it is.

Never here: requests, or what the real S3 refuses and moto lets pass (store_conditions.py).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from typing import IO, Any

from moto.s3 import models
from moto.s3.exceptions import EntityTooSmall, InvalidPart, InvalidPartOrder, MalformedXML

IN_MEMORY = 4 << 20  # smaller values would cost a descriptor each
AT_ONCE = 1 << 20  # bytes of one read

Piece = tuple[bytes | IO[bytes], int, int]  # source, start, stop


class Value:
    """Bytes that are read when they are needed; immutable."""

    __slots__ = ("_length", "_pieces")

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self._pieces = tuple(pieces)
        self._length = sum(stop - start for _, start, stop in self._pieces)

    @classmethod
    def of(cls, data: bytes) -> Value:
        """A value with these bytes, in a file of its own if they are many."""
        if len(data) < IN_MEMORY:
            return cls([(bytes(data), 0, len(data))])
        kept = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the last value that shows it)
        kept.write(data)
        kept.flush()
        return cls([(kept, 0, len(data))])

    @classmethod
    def copied(cls, path: str) -> Value:
        """A value with what a file holds now."""
        kept = tempfile.TemporaryFile()  # noqa: SIM115 (as above)
        with open(path, "rb") as source:
            shutil.copyfileobj(source, kept, AT_ONCE)
        kept.flush()
        return cls([(kept, 0, kept.tell())])

    @classmethod
    def joined(cls, values: Iterable[Value]) -> Value:
        return cls(piece for value in values for piece in value._pieces)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, wanted: slice) -> Value:
        first, last, _ = wanted.indices(self._length)
        pieces, at = [], 0
        for source, start, stop in self._pieces:
            begin, end = max(first - at, 0), min(last - at, stop - start)
            if begin < end:
                pieces.append((source, start + begin, start + end))
            at += stop - start
        return Value(pieces)

    def __iter__(self) -> Iterator[bytes]:
        """The bytes, in blocks."""
        for source, start, stop in self._pieces:
            for at in range(start, stop, AT_ONCE):
                end = min(at + AT_ONCE, stop)
                if isinstance(source, bytes):
                    yield source[at:end]
                else:
                    yield os.pread(source.fileno(), end - at, at)

    def __bytes__(self) -> bytes:
        return b"".join(self)

    def md5(self) -> str:
        digest = hashlib.md5(usedforsecurity=False)
        for block in self:
            digest.update(block)
        return digest.hexdigest()


def _completed(
    upload: models.FakeMultipart, listed: Iterable[tuple[int, str]]
) -> tuple[Value, str, None]:
    """What CompleteMultipartUpload makes: value and ETag; no checksum beyond the ETag is kept."""
    parts: list[models.FakeKey] = []
    before = 0
    for number, etag in listed:
        if number <= before:  # moto means to refuse this but never moves `before` on
            raise InvalidPartOrder
        before = number
        part = upload.parts.get(number)
        if part is None or part.etag.strip('"') != etag.strip('"'):
            raise InvalidPart
        parts.append(part)
    if not parts:
        raise MalformedXML
    if any(part.size < models.S3_UPLOAD_PART_MIN_SIZE for part in parts[:-1]):
        raise EntityTooSmall
    digests = b"".join(bytes.fromhex(part.etag.strip('"')) for part in parts)
    whole = hashlib.md5(digests, usedforsecurity=False).hexdigest()
    return Value.joined(part.value for part in parts), f"{whole}-{len(parts)}", None


def _held(key: Any) -> Value:
    value: Value = key.held
    return value


def _hold(key: Any, value: bytes | Value) -> None:
    key.held = value if isinstance(value, Value) else Value.of(value)
    key.contentsize = len(key.held)


def _etag(key: Any) -> str:
    if key._etag is None:
        key._etag = key.held.md5()
    return f'"{key._etag}"'


def install() -> None:
    """Make moto of this process keep its objects so."""
    models.FakeKey.value = property(_held, _hold)
    models.FakeKey.etag = property(_etag)
    models.FakeMultipart.complete = _completed
    for kind in (models.FakeKey, models.FakeMultipart):
        kind.instances_tracked = deque(maxlen=0)  # moto would keep each for ever
