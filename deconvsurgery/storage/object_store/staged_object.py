"""A new object beside its place: sent or copied within the store, and only then put there.

In S3 it is a multipart upload, which nobody sees before it is completed; elsewhere an object under
a key of its own, which is moved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from deconvsurgery.errors import FileError, OutputError
from deconvsurgery.splicing.byte_ranges import Buffer, Kept
from deconvsurgery.storage.copy_bytes import Sink
from deconvsurgery.storage.os_error_text import shown
from deconvsurgery.storage.source_interface import Source
from deconvsurgery.storage.temporary_names import temporary_name

from .object_place import ObjectPlace
from .object_version import (
    described,
    forget,
    note,
    state,
)
from .part_layout import S3, Parts
from .s3_multipart import Multipart
from .store import Location, asked, count


class _ToS3(Sink):
    """Takes bytes and ranges, and has them sent or copied part by part."""

    __slots__ = ("parts", "upload")

    def __init__(self, upload: Multipart, progress: Callable[[int], None] | None) -> None:
        super().__init__(upload.location.name, progress)
        self.parts = Parts()
        self.upload = upload

    def write(self, data: Buffer) -> None:
        """Take all of ``data``."""
        for part in self.parts.take(bytes(data)):
            self.upload.add(part)
        self._tell(memoryview(data).nbytes)

    def copy(self, source: Source, start: int, stop: int) -> None:
        """Have the store copy bytes ``[start, stop)``, if they are in it."""
        if self.upload.can_copy(source):
            for part in self.parts.take(Kept(start, stop)):
                self.upload.add(part)
            self._tell(stop - start)
            return
        _through(self, source, start, stop)


class _ToStore(Sink):
    """Streams into a new object."""

    __slots__ = ("file",)

    def __init__(self, file: Any, name: str, progress: Callable[[int], None] | None) -> None:
        super().__init__(name, progress)
        self.file = file

    def write(self, data: Buffer) -> None:
        """Send all of ``data``."""
        view = memoryview(data)
        with asked("cannot be written", self.name):
            if view.nbytes:
                self.file.write(view)
        count(0, written=view.nbytes)
        self._tell(view.nbytes)

    def copy(self, source: Source, start: int, stop: int) -> None:
        """Send bytes ``[start, stop)``."""
        _through(self, source, start, stop)


def _through(sink: Sink, source: Source, start: int, stop: int) -> None:
    while start < stop:
        data = source.read(start, min(source.stride, stop - start))
        sink.write(data)
        start += len(data)


class StagedObject:
    """A complete new object of ``size`` bytes that waits to take ``place``.

    ``reopen`` gives a source of its bytes while it waits, where one was asked for.
    """

    def __init__(self, place: ObjectPlace, reopen: Callable[[], Source] | None = None) -> None:
        self.place = place
        self.size = 0
        self.warnings: list[str] = []
        self._reopen = reopen
        self._upload: Multipart | None = None
        self._temporary: str | None = None
        self._kept: str | None = None
        self._taken = False
        self._own: object = None

    def fill(self, fill: Callable[[Sink], None], progress: Callable[[int], None] | None) -> None:
        """Have ``fill`` write it; where this fails, `settle` leaves nothing behind."""
        location = self.place.location
        if location.is_s3:
            self._upload = Multipart(location, self.place.old)
            sink = _ToS3(self._upload, progress)
            fill(sink)
            for part in sink.parts.rest():
                self._upload.add(part)
            self._upload.finish()
            self.size = sink.done
            return
        self._temporary = _beside(location)
        with asked("cannot be written", self.place.name):
            file = location.fs.open(self._temporary, "wb")
        finished = False
        try:
            plain = _ToStore(file, self.place.name, progress)
            fill(plain)
            with asked("cannot be written", self.place.name):
                file.close()
            finished = True
        finally:
            if not finished:
                _discard(file)
        count()
        self.size = plain.done

    def reopened(self) -> Source:
        """The new object, to be read while it waits."""
        assert self._reopen is not None
        return self._reopen()

    def is_at_place_of(self, other: object) -> bool:
        """The ``other`` has put its object there."""
        return isinstance(other, StagedObject) and other.place.location.is_same(self.place.location)

    def take(self, *, force: bool, undoable: bool = False) -> None:
        """Put it in its place; raises ``OutputError`` where another came there meanwhile.

        ``undoable`` keeps what was there until `settle` or `undo`.
        """
        location, old = self.place.location, self.place.old
        if undoable and old is not None:
            self._kept = _beside(location)
            with asked("cannot be kept", self.place.name):
                self._copy(location.key, self._kept)
        if self._upload is not None:
            upload, self._upload = self._upload, None
            forget(location)
            try:
                told = upload.complete(None if force else old or {})
            except BaseException:
                self._upload = upload
                raise
            self._own = told.get("ETag")
            self._taken = True
            if self._own is not None:
                note(location, {**told, "size": self.size})
        else:
            if not force:
                self._check_still()
            assert self._temporary is not None
            with asked("cannot be moved to its place", self.place.name):
                _move(location, self._temporary)
            self._temporary = None
            self._taken = True
            count()
            if undoable:
                with suppress(FileError):
                    self._own = self._mark(described(location))

    def _mark(self, info: Mapping[str, Any] | None) -> object:
        """What tells an object that is there from another."""
        if info is None:
            return None
        return info.get("ETag") if self.place.location.is_s3 else state(dict(info))

    def _is_there(self) -> bool:
        """The new object is in its place; of a store that does not say so it is taken for so."""
        if not self._taken:
            return False
        with suppress(FileError):
            now = self._mark(described(self.place.location, again=True))
            return now is not None and self._own in (None, now)
        return True

    def _check_still(self) -> None:
        now, old = described(self.place.location, again=True), self.place.old
        if now is not None and (old is None or state(now) != state(old)):
            how = "made" if old is None else "replaced"
            words = f"was {how} by another meanwhile"
            raise OutputError(words, path=self.place.name, transient=True)

    def undo(self) -> None:
        """Put back what was there, if the new object has taken its place."""
        location = self.place.location
        if not self._is_there():
            return
        forget(location)
        kept, self._kept = self._kept, None  # if it is not put back, it must not be lost
        try:
            with asked("cannot be put back", self.place.name):
                if kept is not None:
                    self._copy(kept, location.key)
                else:
                    location.fs.rm_file(location.key)
                    count()
        except FileError as error:
            if kept is None:
                raise
            words = f"{error.message}; what was there is {shown(kept)}"
            raise error.replaced(message=words) from error.__cause__
        self._kept = kept

    def _copy(self, key: str, to: str) -> None:
        """Copy what was there within the store."""
        location, old = self.place.location, self.place.old or {}
        size = int(old.get("size") or 0)
        if location.is_s3 and size <= S3.largest:
            # As s3fs does, which asks for the size first.
            bucket, name, _ = location.fs.split_path(key)
            _, new, _ = location.fs.split_path(to)
            origin = {"Bucket": bucket, "Key": name}
            location.fs.call_s3("copy_object", Bucket=bucket, Key=new, CopySource=origin)
        else:
            location.fs.cp_file(key, to)
        count(copied=size)

    def settle(self) -> None:
        """Let go of what was there, or of the new object if it was never put there."""
        if self._upload is not None:
            self._upload.abort()
            self._upload = None
        for key in (self._temporary, self._kept):
            if key is not None:
                with suppress(Exception):  # as much as can be done
                    self.place.location.fs.rm_file(key)
                    count()
        self._temporary = self._kept = None


def _beside(location: Location) -> str:
    """A key in the same folder that nobody has."""
    folder, slash, _ = location.key.rpartition("/")
    return f"{folder}{slash}{temporary_name()}"


def _move(location: Location, temporary: str) -> None:
    """Rename, where the store can do that; fsspec would take a name with a ``*`` for a pattern."""
    if any(mark in temporary + location.key for mark in "*?["):
        location.fs.cp_file(temporary, location.key)
        location.fs.rm_file(temporary)
    else:
        location.fs.mv(temporary, location.key)


def _discard(file: Any) -> None:
    """Give up an object that is being written; what a store keeps of it is removed by its key."""
    with suppress(Exception):
        file.discard()
    with suppress(Exception):
        file.close()
