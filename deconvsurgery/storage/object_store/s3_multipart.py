"""S3's multipart upload: parts sent or copied, a few at a time; completed at once or aborted."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from deconvsurgery.errors import FileError, OutputError
from deconvsurgery.splicing.byte_ranges import Kept

from .object_source import RemoteSource
from .object_version import described
from .part_layout import (
    S3,
    Copied,
    Part,
    Sent,
)
from .store import (
    Info,
    Location,
    answer,
    asked,
    count,
)

if TYPE_CHECKING:
    from deconvsurgery.storage.source_interface import Source

_QUOTE = '"'
_AT_ONCE = 4  # parts on their way: so many are held in memory, and as many requests are open
# What an object that is replaced passes on, as a file passes on its owner and mode.
_PASSED_ON = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Metadata",
    "StorageClass",
    "ServerSideEncryption",
    "SSEKMSKeyId",
    "BucketKeyEnabled",
)
_TAKEN, _NOT_NOW = 412, 409
_PATIENCE = 2  # seconds for parts on their way when all is given up


class Multipart:
    """One new object; begun with its second part, as one alone is simply put."""

    def __init__(self, location: Location, old: Mapping[str, Any] | None) -> None:
        self.location = location
        bucket, key, _ = location.fs.split_path(location.key)
        self._where = {"Bucket": bucket, "Key": key}
        self._old = old
        self._source: RemoteSource | None = None
        self._first: Part | None = None
        self._id: str | None = None
        self._etags: list[str | None] = []
        self._waiting: dict[Future[str], tuple[int, Part]] = {}

    def can_copy(self, source: Source) -> bool:
        """The store has the source; it copies from one object, and others are read.

        Of one that is no longer than a part may be it copies no ranges.
        """
        if not isinstance(source, RemoteSource) or source.location.fs is not self.location.fs:
            return False
        if source.size <= S3.least:
            return False
        if self._source is None:
            self._source = source
        return self._source is source

    def add(self, part: Part) -> None:
        """Have one more part sent or copied; returns when few enough are on their way."""
        if self._first is None and self._id is None:
            self._first = part
            return
        self._begin()
        self._start(part)

    def finish(self) -> None:
        """Wait for all parts; a single one that is sent waits for `complete`."""
        if isinstance(self._first, Copied):
            self._begin()
        while self._waiting:
            self._collect()

    def complete(self, expected: Mapping[str, Any] | None) -> Info:
        """Put the object in its place, if what is there is still the object ``expected``.

        An empty one stands for nothing there, ``None`` for whatever it is. Returns what
        distinguishes the object from others. Raises ``OutputError``.
        """
        condition: dict[str, str] = {}
        if expected is not None:
            mark = expected.get("ETag")
            condition = {"IfMatch": mark} if mark else {"IfNoneMatch": "*"}
        body = self._whole() if self._id is None else None
        try:
            answer = self._complete(condition) if body is None else self._put(body, condition)
        except FileError as error:
            # An answer that was lost may have been the good one, and asking again is refused then.
            found = self._found(body)
            if found is None:
                raise self._refused(error, expected) from error
            answer = found
        count(written=len(body or b""))
        self._id = None
        marks: Info = {key: str(answer[key]) for key in ("ETag", "VersionId") if key in answer}
        if "ETag" in marks:  # quoted as in a header, whether a store does so here or not
            marks["ETag"] = f'"{marks["ETag"].strip(_QUOTE)}"'
        return marks

    def _refused(
        self, error: FileError, expected: Mapping[str, Any] | None
    ) -> FileError | OutputError:
        """An ``OutputError`` where somebody else was there; else whether it may pass."""
        status = answer(error)
        how = None
        if expected is not None and status == _TAKEN:
            how = "replaced" if expected else "made"
        elif expected and isinstance(error.__cause__, FileNotFoundError):
            how = "removed"
        if how is not None:
            words = f"was {how} by another meanwhile"
            return OutputError(words, path=self.location.name, transient=True)
        return error.replaced(transient=error.transient or status == _NOT_NOW)

    def abort(self) -> None:
        """Leave nothing behind: no part goes on its way after this."""
        # A store that has carried out a part after the end of its upload may keep it.
        wait(self._waiting, timeout=_PATIENCE)
        for future in self._waiting:
            future.cancel()
        self._waiting.clear()
        if self._id is not None:
            upload, self._id = self._id, None
            with suppress(Exception):  # a rule of the bucket can remove what even this leaves
                self._call("abort_multipart_upload", UploadId=upload)
                count()

    def _put(self, body: bytes, condition: Mapping[str, str]) -> Info:
        with asked("cannot be written", self.location.name):
            answer: Info = self._call("put_object", Body=body, **self._passed_on(), **condition)
        return answer

    def _complete(self, condition: Mapping[str, str]) -> Info:
        listed = [
            {"PartNumber": number, "ETag": etag} for number, etag in enumerate(self._etags, 1)
        ]
        with asked("cannot be completed", self.location.name):
            answer: Info = self._call(
                "complete_multipart_upload",
                UploadId=self._id,
                MultipartUpload={"Parts": listed},
                **condition,
            )
        return answer

    def _found(self, body: bytes | None) -> Info | None:
        """What is there, if it is what was sent: its ETag is a digest of it, or of its parts'.

        Not of what is encrypted with a customer's key, which is never found here.
        """
        if body is not None:
            expected = hashlib.md5(body, usedforsecurity=False).hexdigest()
        else:
            marks = [(etag or "").strip('"') for etag in self._etags]
            try:
                digests = b"".join(map(bytes.fromhex, marks))
            except ValueError:
                return None
            whole = hashlib.md5(digests, usedforsecurity=False)
            expected = f"{whole.hexdigest()}-{len(marks)}"
        with suppress(FileError):
            now = described(self.location, again=True) or {}
            return now if str(now.get("ETag", "")).strip('"') == expected else None
        return None

    def _begin(self) -> None:
        """Begin the upload, with the part that waited to be the only one."""
        if self._id is None:
            with asked("cannot be written", self.location.name):
                answered = self._call("create_multipart_upload", **self._passed_on())
            self._id = answered["UploadId"]
            count()
        first, self._first = self._first, None
        if first is not None:
            self._start(first)

    def _start(self, part: Part) -> None:
        while len(self._waiting) >= _AT_ONCE:
            self._collect()
        self._etags.append(None)
        number = len(self._etags)
        if number > S3.most_parts:
            raise FileError(f"has more than {S3.most_parts:,} parts", path=self.location.name)
        # What is sent is read here: a source is not for several threads.
        asking = (
            self._part("upload_part", number, Body=self._bytes(part))
            if isinstance(part, Sent)
            else self._part("upload_part_copy", number, **self._copy_of(part))
        )
        future = asyncio.run_coroutine_threadsafe(asking, self.location.fs.loop)
        self._waiting[future] = (number, part)

    def _collect(self) -> None:
        """Wait until a part is there."""
        done, _ = wait(self._waiting, return_when=FIRST_COMPLETED)
        for future in done:
            number, part = self._waiting.pop(future)
            sent = isinstance(part, Sent)
            # What is wrong with a copy is mostly wrong with the object that is copied.
            name = self.location.name if sent or self._source is None else self._source.name
            with asked(f"part {number} cannot be {'written' if sent else 'copied'}", name):
                self._etags[number - 1] = future.result()
            count(written=part.size if sent else 0, copied=0 if sent else part.size)

    def _whole(self) -> bytes:
        """All there is of an object of one part."""
        assert not isinstance(self._first, Copied)
        return b"" if self._first is None else self._bytes(self._first)

    def _bytes(self, part: Sent) -> bytes:
        return b"".join(
            self._kept(piece) if isinstance(piece, Kept) else piece for piece in part.pieces
        )

    def _kept(self, piece: Kept) -> bytes:
        assert self._source is not None
        return self._source.read(piece.start, piece.size)

    async def _part(self, method: str, number: int, **arguments: Any) -> str:
        """Have a part made, beside others; its ETag."""
        answered = await self.location.fs._call_s3(
            method, **self._where, UploadId=self._id, PartNumber=number, **arguments
        )
        return str(answered.get("CopyPartResult", answered)["ETag"])

    def _copy_of(self, part: Copied) -> dict[str, Any]:
        assert self._source is not None
        return {
            "CopySource": self._source.location.where,
            "CopySourceRange": f"bytes={part.start}-{part.stop - 1}",
            "CopySourceIfMatch": self._source.etag,
        }

    def _passed_on(self) -> dict[str, Any]:
        """What the object that is replaced says of itself."""
        old = self._old or {}
        return {key: old[key] for key in _PASSED_ON if old.get(key)}

    def _call(self, method: str, **arguments: Any) -> Any:
        return self.location.fs.call_s3(method, **self._where, **arguments)
