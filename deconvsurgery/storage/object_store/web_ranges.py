"""Files of the web: a range a request, each of whose answers must be of what was asked for.

fsspec's own reader of the web takes every error for a file that is not there, and a range for the
one it wanted without a look at where it starts. Its session, with what the user has configured for
it, is used here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import aiohttp
from fsspec.asyn import sync

from deconvsurgery.errors import FileError
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.storage.source_interface import LARGEST_STREAM
from deconvsurgery.wording import plural

from .range_answers import check_length, replaced, total_of
from .store import AnswerError, Info, Location, count

WAITED = 60.0
"""Seconds without a byte, after which there is no answer."""

_PIECE = 1 << 16
_WHOLE, _PART, _BEYOND = 200, 206, 416
_ABSENT = (404, 410)
_MARKS = ("ETag", "Last-Modified", "Content-MD5")


class _Answer(NamedTuple):
    """``data`` is ``None`` where the body is longer than what was asked for, and was not read."""

    status: int
    headers: Mapping[str, str]
    length: int | None
    data: bytes | None

    @property
    def content_range(self) -> str | None:
        return self.headers.get("Content-Range")

    def info(self, size: int | None) -> Info:
        """What it says of the file."""
        marks = {mark: self.headers[mark] for mark in _MARKS if mark in self.headers}
        return {"size": size, "type": "file", **marks}


class WebRanges:
    """A file that is there, ``info``, what the server says of it, and ``first``, its first bytes.

    Made by `opened_web`.
    """

    def __init__(self, location: Location, info: Info, first: bytes) -> None:
        self.location = location
        self.info = info
        self.first = first

    def read(self, start: int, size: int) -> bytes:
        """Bytes ``[start, start + size)``, if the file is still the same."""
        name, known = self.location.name, int(self.info["size"])
        answer = _asked(self.location, start, size, max(size, len(self.first)))
        for mark in ("ETag", "Last-Modified"):
            if self.info.get(mark, "") != answer.headers.get(mark, self.info.get(mark, "")):
                raise replaced(name)
        if answer.status == _WHOLE and answer.data is not None and len(answer.data) == known:
            return answer.data[start : start + size]
        if answer.status != _PART:
            raise FileError(
                "gives ranges no longer"
                if answer.status == _WHOLE
                else f"has no byte {start} any more",
                path=name,
                hint="run again: it may be another file now",
                transient=True,
            )
        total_of(answer.content_range, start, size, known, name)
        assert answer.data is not None
        return answer.data


def opened_web(location: Location, size: int) -> WebRanges | None:
    """A file, with its first ``size`` bytes or as many as there are; ``None``: it has no ranges.

    Raises ``FileNotFoundError``, ``FileError``, `AnswerError`, and whatever aiohttp does.
    """
    answer = _asked(location, 0, size, size)
    count(read=len(answer.data or b""))
    total = _total(location, answer, size)
    if total is None or answer.data is None:
        return None
    return WebRanges(location, answer.info(total), answer.data)


def described_web(location: Location) -> Info:
    """What the server says of a file; raises as `opened_web`.

    Asked for a byte: not every server that gives a file describes it.
    """
    answer = _asked(location, 0, 1, 1)
    size = _total(location, answer, 1)
    return answer.info(answer.length if size is None and answer.status == _WHOLE else size)


def streamed_web(location: Location, piece: int) -> Iterator[bytes]:
    """All of a file, in pieces; raises as `opened_web`."""
    fs, name = location.fs, location.name
    response = sync(fs.loop, _begun, location, {})
    try:
        length, done = _length(response), 0
        chunked = "chunked" in response.headers.get("Transfer-Encoding", "").lower()
        if length is None and not chunked:
            raise FileError(
                "cannot be read: its server does not say where it ends, so part of it could be"
                " taken for all",
                path=name,
                hint="copy it to a file of this machine first",
            )
        while max(done, length or 0) <= LARGEST_STREAM:
            data = sync(fs.loop, _read, response.content, piece)
            if not data:
                return
            done += len(data)
            yield data
        raise FileError(
            f"cannot be read: it has more than {plural(LARGEST_STREAM, 'byte')}, and its server"
            " gives no ranges",
            path=name,
            hint="copy it to a file of this machine first",
        )
    finally:
        fs.loop.call_soon_threadsafe(response.close)


def _total(location: Location, answer: _Answer, size: int) -> int | None:
    """The file's size, ``None`` where it can only be read as a whole."""
    if answer.status == _PART:
        return total_of(answer.content_range, 0, size, None, location.name)
    if answer.status == _BEYOND:
        # No byte is in the range: it has none, or its server takes no range at all.
        return 0 if (answer.content_range or "").replace(" ", "") == "bytes*/0" else None
    return None if answer.data is None else len(answer.data)


def _asked(location: Location, start: int, size: int, most: int) -> _Answer:
    answer: _Answer = sync(location.fs.loop, _got, location, start, size, most)
    return answer


async def _got(location: Location, start: int, size: int, most: int) -> _Answer:
    """The answer for a range, or one of the whole file if that has at most ``most`` bytes."""
    name = location.name
    wanted = {"Range": f"bytes={start}-{start + size - 1}", "Accept-Encoding": "identity"}
    response = await _begun(location, wanted)
    async with response:
        status, length, data = response.status, _length(response), None
        if status == _BEYOND:
            data = b""
        elif status == _PART:
            if _encoded(response):
                raise FileError(
                    "cannot be read: its server compresses parts of it, though asked not to",
                    path=name,
                    hint="copy it to a file of this machine first",
                )
            total = total_of(response.headers.get("Content-Range"), start, size, None, name)
            expected = size if total is None else min(size, total - start)
            check_length(length, expected if total is not None else length or 0, start, name)
            data = await _read(response.content, expected + 1)
            check_length(len(data) if len(data) > expected else None, expected, start, name)
        elif length is not None and length <= most and not _encoded(response):
            data = await _read(response.content, length + 1)
            check_length(len(data), length, 0, name)
        return _Answer(status, response.headers.copy(), length, data)


async def _begun(location: Location, wanted: Mapping[str, str]) -> Any:
    """An answer whose body is still to come: all of the file, or what may come for a range."""
    fs = location.fs
    given = dict(fs.kwargs)
    given["headers"] = {**given.get("headers", {}), **wanted}
    given.setdefault("timeout", aiohttp.ClientTimeout(sock_connect=WAITED, sock_read=WAITED))
    session = await fs.set_session()
    try:
        response = await session.get(fs.encode_url(location.url), **given)
    except aiohttp.TooManyRedirects:
        raise AnswerError("its server sends from one address to the next without end") from None
    except aiohttp.RedirectClientError:
        raise AnswerError("its server sends to an address that is none of the web") from None
    try:
        _check(location, response, (_WHOLE, _PART, _BEYOND) if wanted else (_WHOLE,))
    except BaseException:
        response.close()
        raise
    return response


def _check(location: Location, response: Any, expected: tuple[int, ...]) -> None:
    status = response.status
    if location.scheme == "https" and response.url.scheme != "https":
        raise AnswerError("its server sends from https:// to http://, where anybody may change it")
    if status in _ABSENT:
        raise FileNotFoundError(location.url)
    if status not in expected:
        words = f"the server says {status} {_phrase(status)}".rstrip()
        raise AnswerError(words, status=status, wait=response.headers.get("Retry-After", ""))


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _length(response: Any) -> int | None:
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _encoded(response: Any) -> bool:
    return str(response.headers.get("Content-Encoding", "identity")).lower() != "identity"


async def _read(content: Any, size: int) -> bytes:
    """As many bytes, or all that there are."""
    pieces = []
    while size:
        data = await content.read(min(size, _PIECE))
        if not data:
            break
        pieces.append(data)
        size -= len(data)
    return b"".join(pieces)
