"""S3's multipart upload: parts sent or copied, a few at a time, completed in one step or aborted.

Never here: which parts there are (``parts``), what the bytes mean.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Any

from .errors import FileError, OutputError
from .origin import Source
from .parts import S3, Copied, Part, Sent
from .remote import RemoteSource
from .splice import Kept
from .store import Location, answer, asked, count, described

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
        self._threads: ThreadPoolExecutor | None = None

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

    def complete(self, expected: Mapping[str, Any] | None) -> None:
        """Put the object in its place, if what is there is still the object ``expected``.

        An empty one stands for nothing there, ``None`` for whatever it is. Raises ``OutputError``.
        """
        condition: dict[str, str] = {}
        if expected is not None:
            mark = expected.get("ETag")
            condition = {"IfMatch": mark} if mark else {"IfNoneMatch": "*"}
        try:
            if self._id is None:
                self._put(condition)
            else:
                self._complete(condition)
        except FileError as error:
            status = answer(error)
            if expected is not None and status == _TAKEN:
                how = "replaced" if expected else "made"
                raise OutputError(
                    f"was {how} by another meanwhile", path=self.location.name
                ) from error
            if expected and isinstance(error.__cause__, FileNotFoundError):
                raise OutputError(
                    "was removed by another meanwhile", path=self.location.name
                ) from error
            error.transient = error.transient or status == _NOT_NOW
            raise
        self._id = None

    def abort(self) -> None:
        """Leave nothing behind: no part goes on its way after this."""
        if self._threads is not None:
            self._threads.shutdown(wait=True, cancel_futures=True)
            self._threads = None
        if self._id is not None:
            upload, self._id = self._id, None
            with suppress(Exception):  # a rule of the bucket can remove what even this leaves
                self._call("abort_multipart_upload", UploadId=upload)
                count()

    def _put(self, condition: Mapping[str, str]) -> None:
        body = b"" if self._first is None else self._bytes(self._first)
        with asked("cannot be written", self.location.name):
            self._call("put_object", Body=body, **self._passed_on(), **condition)
        count(written=len(body))

    def _complete(self, condition: Mapping[str, str]) -> None:
        listed = [
            {"PartNumber": number, "ETag": etag} for number, etag in enumerate(self._etags, 1)
        ]
        try:
            with asked("cannot be completed", self.location.name):
                self._call(
                    "complete_multipart_upload",
                    UploadId=self._id,
                    MultipartUpload={"Parts": listed},
                    **condition,
                )
        except FileError as error:
            # An answer that was lost may have been the good one.
            if answer(error) in (_TAKEN, _NOT_NOW) or not self._is_there():
                raise
        count()

    def _is_there(self) -> bool:
        """The object is the one whose parts were sent: S3's ETag tells it by theirs."""
        marks = [(etag or "").strip('"') for etag in self._etags]
        try:
            whole = hashlib.md5(b"".join(map(bytes.fromhex, marks)), usedforsecurity=False)
        except ValueError:  # encrypted with a customer's key: another kind of mark
            return False
        with suppress(FileError):
            now = described(self.location) or {}
            return str(now.get("ETag", "")).strip('"') == f"{whole.hexdigest()}-{len(marks)}"
        return False

    def _begin(self) -> None:
        """Begin the upload, with the part that waited to be the only one."""
        if self._id is None:
            with asked("cannot be written", self.location.name):
                answered = self._call("create_multipart_upload", **self._passed_on())
            self._id = answered["UploadId"]
            count()
            self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="parts")
        first, self._first = self._first, None
        if first is not None:
            self._start(first)

    def _start(self, part: Part) -> None:
        assert self._threads is not None
        while len(self._waiting) >= _AT_ONCE:
            self._collect()
        self._etags.append(None)
        number = len(self._etags)
        if number > S3.most_parts:
            raise FileError(f"has more than {S3.most_parts:,} parts", path=self.location.name)
        if isinstance(part, Sent):
            body = self._bytes(part)  # read here: a source is not for several threads
            future = self._threads.submit(self._send, number, body)
        else:
            future = self._threads.submit(self._copy, number, part)
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

    def _bytes(self, part: Part) -> bytes:
        pieces = part.pieces if isinstance(part, Sent) else (Kept(part.start, part.stop),)
        return b"".join(self._kept(piece) if isinstance(piece, Kept) else piece for piece in pieces)

    def _kept(self, piece: Kept) -> bytes:
        assert self._source is not None
        return self._source.read(piece.start, piece.size)

    def _send(self, number: int, body: bytes) -> str:
        answered = self._call("upload_part", UploadId=self._id, PartNumber=number, Body=body)
        return str(answered["ETag"])

    def _copy(self, number: int, part: Copied) -> str:
        assert self._source is not None
        bucket, key, version = self.location.fs.split_path(self._source.location.key)
        origin = {"Bucket": bucket, "Key": key} | ({"VersionId": version} if version else {})
        answered = self._call(
            "upload_part_copy",
            UploadId=self._id,
            PartNumber=number,
            CopySource=origin,
            CopySourceRange=f"bytes={part.start}-{part.stop - 1}",
            CopySourceIfMatch=self._source.etag,
        )
        return str(answered["CopyPartResult"]["ETag"])

    def _passed_on(self) -> dict[str, Any]:
        """What the object that is replaced says of itself."""
        if self._old is None:
            return {}
        with asked("cannot be looked at", self.location.name):
            head = self._call("head_object")
        count()
        return {key: head[key] for key in _PASSED_ON if head.get(key)}

    def _call(self, method: str, **arguments: Any) -> Any:
        return self.location.fs.call_s3(method, **self._where, **arguments)
