"""An object in a store as a source: ranges are asked for, as few and as small as will do.

Stepping over lengths reads little here and there, so little is asked for there; where reading goes
straight on, more.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NoReturn

from deconvsurgery.errors import FileError
from deconvsurgery.storage.source_interface import Source
from deconvsurgery.wording import plural

from .object_version import described, state
from .range_answers import check_size
from .store import (
    Location,
    asked,
    count,
    located,
)

_KIB = 1 << 10
_FIRST = 64 * _KIB  # bytes; all of a small model, most of the names of a large one
_LEAST = 16 * _KIB  # a bias of 4,096 values and the next layer's name
_MOST = 1024 * _KIB
_KEPT = 8  # windows that are kept, as a model's parts are looked at again


class RemoteSource(Source):
    """An object in a store, by ranges; each only if the object is still the one that was opened."""

    __slots__ = (
        "_fetch",
        "_file",
        "_kept",
        "_next",
        "_state",
        "_step",
        "closed",
        "info",
        "location",
        "name",
        "size",
    )
    spooled = False
    fd = -1
    stride = 8192 * _KIB

    def __init__(
        self,
        location: Location,
        info: dict[str, Any],
        fetch: Callable[[int, int], bytes],
        file: Any = None,
    ) -> None:
        """``fetch`` gives a range, from where it starts and of how many bytes."""
        self.location = location
        self.name = location.name
        self.info = info
        self.size = int(info["size"])
        check_size(self.size, self.name)
        self._fetch = fetch
        self._file = file
        self._state = state(info)
        self._kept: list[tuple[int, bytes]] = []
        self._next = 0  # where reading would go straight on
        self._step = _FIRST
        self.closed = False

    @property
    def etag(self) -> str | None:
        """The store's own mark of these bytes."""
        return self.info.get("ETag") or None

    def read(self, start: int, size: int) -> bytes:
        """Bytes ``[start, start + size)``, all of them; raises as `Source.read`."""
        self.refuse_beyond(start, size)
        if not size:
            return b""
        for begin, data in reversed(self._kept):
            if begin <= start and start + size <= begin + len(data):
                return data[start - begin : start - begin + size]
        step = self._step if start == self._next else _LEAST
        wanted = min(max(size, step), self.size - start)
        data = self._fetched(start, wanted)
        # More than a name and a length asked for after a jump: reading is likely to go on.
        self.keep(start, data, on=start == self._next or size > _LEAST)
        return data if wanted == size else data[:size]

    def keep(self, start: int, data: bytes, *, on: bool = True) -> None:
        """Have bytes that were fetched; ``on``: more will be wanted than from here to there."""
        self._step = min(4 * len(data), _MOST) if on else 2 * _LEAST
        self._next = start + len(data)
        if len(data) <= _MOST:
            self._kept = [*self._kept[1 - _KEPT :], (start, data)]

    def _fetched(self, start: int, size: int) -> bytes:
        with asked(f"cannot read at byte {start}", self.name):
            data = self._fetch(start, size)
        count(read=len(data))
        return self.whole(start, data, size)

    def whole(self, start: int, data: bytes, size: int) -> bytes:
        """``data``, if it is all of what was asked for."""
        if len(data) != size:
            raise FileError(
                f"gave {plural(len(data), 'byte')} instead of {size} at byte {start}",
                path=self.name,
                hint="the answer was cut short: run again",
                transient=True,
            )
        return data

    def unchanged(self) -> bool:
        """The store still describes it as it did; an object that is gone cannot be mixed up."""
        now = described(self.location, again=True)
        return now is None or state(now) == self._state

    def is_at(self, location: Location) -> bool:
        """It is the object there."""
        return self.location.is_same(location)

    def close(self) -> None:
        """Let go of it; a second call does nothing."""
        self.closed = True
        with suppress(Exception):  # there is nothing to lose in an object that was read
            if self._file is not None:
                self._file.close()


def open_remote(url: str) -> RemoteSource | None:
    """Open an object; ``None`` where it gives no ranges, and must be taken from its beginning.

    Raises ``FileError`` where there is none, and as `store.located`.
    """
    location = located(url)
    if location.is_folder:
        _refuse_folder(location)
    if location.is_s3:
        return _opened_s3(location)
    if location.read_only:
        return _opened_web(location)
    with asked("cannot be opened", location.name):
        info = location.fs.info(location.key)
        count()
        if info.get("type") == "directory":
            _refuse_folder(location)
        if info.get("size") is None:
            return None
        file = location.fs.open(location.key, "rb", cache_type="none")

    def fetch(start: int, size: int) -> bytes:
        file.seek(start)
        data: bytes = file.read(size)
        return data

    source = RemoteSource(location, info, fetch, file)
    source.read(0, min(_FIRST, source.size))
    return source


def _opened_web(location: Location) -> RemoteSource | None:
    from .web_ranges import opened_web

    with asked("cannot be opened", location.name):
        ranges = opened_web(location, _FIRST)
    if ranges is None:
        return None
    source = RemoteSource(location, ranges.info, ranges.read)
    source.keep(0, source.whole(0, ranges.first, min(_FIRST, source.size)))
    return source


def _opened_s3(location: Location) -> RemoteSource:
    from .s3_ranges import S3Ranges

    with asked("cannot be opened", location.name):
        try:
            ranges = S3Ranges(location, _FIRST)
        except FileNotFoundError:
            if location.fs.isdir(location.key):
                _refuse_folder(location)
            raise
    source = RemoteSource(location, ranges.info, ranges.read)
    first = ranges.first
    if first is not None:
        source.keep(0, source.whole(0, first, min(_FIRST, source.size)))
    return source


def streamed(url: str, piece: int) -> Iterator[bytes]:
    """An object from its beginning, in pieces."""
    location = located(url)
    count()
    with asked("cannot be read", location.name):
        for data in _pieces(location, piece):
            count(0, read=len(data))
            yield data


def _pieces(location: Location, piece: int) -> Iterator[bytes]:
    if location.read_only:
        from .web_ranges import streamed_web

        yield from streamed_web(location, piece)
        return
    with location.fs.open(location.key, "rb") as file:
        while data := file.read(piece):
            yield data


def _refuse_folder(location: Location) -> NoReturn:
    raise FileError(
        "is a folder of the store, not an object",
        path=location.name,
        hint=f"name an object in it: {os.path.join(location.name, 'NAME')}",
    )
