"""Ranges of an object in S3: the first shows what the object is, the others are of no other object.

s3fs would describe the object first, in a request of its own.
"""

from __future__ import annotations

import asyncio
from typing import Any

from fsspec.asyn import sync
from s3fs.core import S3_RETRYABLE_ERRORS

from deconvsurgery.errors import FileError, SurgeryError

from .object_version import (
    described,
    note,
    recalled,
)
from .range_answers import replaced, total_of, unsized
from .store import Info, Location, answer, count

_OK = 200
_UNSATISFIABLE = 416  # no byte is in the range
_PAUSE = 0.1  # seconds before a body is asked for again, and twice as many each time


class S3Ranges:
    """An object that is there, and ``info``, what the store says of it.

    Raises ``FileNotFoundError`` for one that is not, ``FileError`` for a store that gives whole
    objects alone, and whatever s3fs raises.
    """

    def __init__(self, location: Location, size: int) -> None:
        """Have ``first``, the first ``size`` bytes or as many as there are.

        Where the store has described the object before, ``first`` is ``None``: nothing is asked.
        """
        self.location = location
        self.first: bytes | None = None
        self.info: Info = recalled(location) or self._opened(size)

    def _opened(self, size: int) -> Info:
        try:
            reply, self.first = self._got(0, size)
        except SurgeryError:
            raise
        except OSError as error:
            empty = answer(error) == _UNSATISFIABLE and described(self.location, again=True)
            if not empty:
                raise
            count()
            return empty
        count(read=len(self.first))
        whole = self._total(reply, 0, size, None)
        info = {key: each for key, each in reply.items() if key != "Body"} | {"size": whole}
        note(self.location, info)
        return info

    def read(self, start: int, size: int) -> bytes:
        """Bytes ``[start, start + size)``, if the object is still the same."""
        mark = self.info.get("ETag")
        reply, data = self._got(start, size, **({"IfMatch": mark} if mark else {}))
        if mark and reply.get("ETag", mark) != mark:
            raise replaced(self.location.name)
        self._total(reply, start, size, int(self.info["size"]))
        return data

    def _total(self, reply: Info, start: int, size: int, known: int | None) -> int:
        """The object's size, if the answer is of the range that was asked for."""
        name = self.location.name
        if _whole(reply):  # all of a small object, from its beginning
            if known not in (None, reply["ContentLength"]):
                raise replaced(name)
            return int(reply["ContentLength"])
        total = total_of(reply.get("ContentRange"), start, size, known, name)
        if total is None:
            raise unsized(name)
        return total

    def _got(self, start: int, size: int, **condition: str) -> tuple[Info, bytes]:
        fs = self.location.fs
        reply, data = sync(fs.loop, _got, fs, self.location.where | condition, start, size)
        if data is None:
            raise FileError(
                "is in a store that gives whole objects alone, not ranges of them",
                path=self.location.name,
                hint="copy it to a file of this machine first",
            )
        return reply, data


async def _got(fs: Any, wanted: dict[str, str], start: int, size: int) -> tuple[Info, bytes | None]:
    """An answer and its body, ``None`` for one that is not of a range, and longer.

    It is asked again where the body breaks off. s3fs does so, too, where no answer comes at all,
    or one that may be another next time. No more is read than was asked for, and one byte.
    """
    tries = 0
    while True:
        range_ = f"bytes={start}-{start + size - 1}"
        reply = await fs._call_s3("get_object", **wanted, Range=range_)
        # A store that gives all of a small object from its beginning gives the range, too.
        small = start == 0 and reply.get("ContentLength", size + 1) <= size
        fits = small or not _whole(reply)
        try:
            return reply, await _body(reply["Body"], size + 1) if fits else None
        except S3_RETRYABLE_ERRORS:
            tries += 1
            if tries >= fs.retries:
                raise
        finally:
            reply["Body"].close()
        await asyncio.sleep(_PAUSE * 2**tries)


def _whole(reply: Info) -> bool:
    """The answer is not of a part."""
    return "ContentRange" not in reply and reply["ResponseMetadata"]["HTTPStatusCode"] == _OK


async def _body(body: Any, most: int) -> bytes:
    pieces = []
    while most:
        data = await body.read(most)
        if not data:
            break
        pieces.append(data)
        most -= len(data)
    return b"".join(pieces)
