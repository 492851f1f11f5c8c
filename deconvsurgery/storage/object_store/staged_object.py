"""A new object beside its place: sent or copied within the store, and only then put there.

In S3 it is a multipart upload, which nobody sees before it is completed; elsewhere an object under
a key of its own, which is moved.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from deconvsurgery.errors import FileError, OutputError
from deconvsurgery.storage.os_error_text import shown
from deconvsurgery.storage.temporary_names import temporary_name

from .object_sinks import ToS3, ToStore
from .object_version import (
    described,
    forget,
    note,
    state,
)
from .part_layout import S3
from .s3_multipart import Multipart
from .store import Info, Location, asked, count

if TYPE_CHECKING:
    from deconvsurgery.storage.copy_bytes import Sink
    from deconvsurgery.storage.source_interface import Source

    from .object_place import ObjectPlace


class StagedObject(ABC):
    """A complete new object of ``size`` bytes that waits to take its place.

    ``force`` allows to replace what came to its place meanwhile. ``reopen`` gives a source of its
    bytes while it waits, where one was asked for. ``left`` is the key of what
    stays where `undo` failed: the old object, or else the new one.
    """

    def __init__(
        self, place: ObjectPlace, *, force: bool, reopen: Callable[[], Source] | None = None
    ) -> None:
        self.place = place
        self.size = 0
        self.warnings: list[str] = []
        self._force = force
        self._reopen = reopen
        self._kept: str | None = None
        self._taken = False
        self._own: object = None
        self.left: str | None = None

    @abstractmethod
    def fill(self, fill: Callable[[Sink], None], progress: Callable[[int], None] | None) -> None:
        """Have ``fill`` write it; where this fails, `settle` leaves nothing behind."""

    def reopened(self) -> Source:
        """The new object, to be read while it waits."""
        assert self._reopen is not None
        return self._reopen()

    def is_at_place_of(self, other: object) -> bool:
        """The ``other`` has put its object there."""
        return isinstance(other, StagedObject) and other.place.location.is_same(self.place.location)

    def take(self, *, undoable: bool = False, kept: str | None = None) -> None:  # noqa: ARG002
        """Put it in its place; raises ``OutputError`` where another came there meanwhile.

        ``undoable`` keeps what was there until `settle` or `undo`, under a key of its own.
        """
        if undoable and self.place.old is not None:
            self._kept = _beside(self.place.location)
            with asked("cannot be kept", self.place.name):
                self._copy(self.place.location.key, self._kept)
        self._put_in_place(undoable=undoable)

    @abstractmethod
    def _put_in_place(self, *, undoable: bool) -> None:
        """Put it in its place, and note its mark if that may be asked for."""

    @abstractmethod
    def _mark(self, info: Info) -> object:
        """What distinguishes an object that is there from another."""

    def _is_there(self) -> bool:
        """The new object is in its place; of a store that does not say so it is taken for so."""
        if not self._taken:
            return False
        with suppress(FileError):
            now = described(self.place.location, again=True)
            mark = None if now is None else self._mark(now)
            return mark is not None and self._own in (None, mark)
        return True

    def undo(self) -> None:
        """Put back what was there, if the new object has taken its place."""
        location = self.place.location
        if not self._is_there():
            return
        forget(location)
        kept, self._kept = self._kept, None  # if it is not put back, it must not be lost
        self.left = kept or location.key
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
        self._kept, self.left = kept, None

    def _copy(self, key: str, to: str) -> None:
        """Copy what was there within the store."""
        self.place.location.fs.cp_file(key, to)
        count(copied=self._old_size)

    @property
    def _old_size(self) -> int:
        """Bytes of what was there."""
        return int((self.place.old or {}).get("size") or 0)

    @abstractmethod
    def settle(self) -> None:
        """Let go of what was there, or of the new object if it was never put there."""

    def _remove(self, key: str | None) -> None:
        if key is not None:
            with suppress(Exception):  # as much as can be done
                self.place.location.fs.rm_file(key)
                count()


class StagedUpload(StagedObject):
    """In S3: a multipart upload that waits for its completion."""

    _upload: Multipart | None = None

    def fill(self, fill: Callable[[Sink], None], progress: Callable[[int], None] | None) -> None:
        """Have ``fill`` write it; where this fails, `settle` leaves nothing behind."""
        self._upload = Multipart(self.place.location, self.place.old)
        sink = ToS3(self._upload, progress)
        fill(sink)
        for part in sink.parts.rest():
            self._upload.add(part)
        self._upload.finish()
        self.size = sink.done

    def _put_in_place(self, *, undoable: bool) -> None:  # noqa: ARG002 - S3 gives the mark unasked
        upload, self._upload = self._upload, None
        assert upload is not None
        forget(self.place.location)
        try:
            answer = upload.complete(None if self._force else self.place.old or {})
        except BaseException:
            self._upload = upload
            raise
        self._own = answer.get("ETag")
        self._taken = True
        if self._own is not None:
            note(self.place.location, {**answer, "size": self.size})

    def _mark(self, info: Info) -> object:
        return info.get("ETag")

    def _copy(self, key: str, to: str) -> None:
        if self._old_size > S3.largest:
            super()._copy(key, to)
            return
        # As s3fs does, which asks for the size first.
        fs = self.place.location.fs
        bucket, name, _ = fs.split_path(key)
        _, new, _ = fs.split_path(to)
        origin = {"Bucket": bucket, "Key": name}
        fs.call_s3("copy_object", Bucket=bucket, Key=new, CopySource=origin)
        count(copied=self._old_size)

    def settle(self) -> None:
        """Let go of what was there, or of the upload if it was never completed."""
        if self._upload is not None:
            self._upload.abort()
            self._upload = None
        self._remove(self._kept)
        self._kept = None


class StagedCopy(StagedObject):
    """In other stores: an object under a key of its own, which is moved."""

    _temporary: str | None = None

    def fill(self, fill: Callable[[Sink], None], progress: Callable[[int], None] | None) -> None:
        """Have ``fill`` write it; where this fails, `settle` leaves nothing behind."""
        location, name = self.place.location, self.place.name
        self._temporary = _beside(location)
        with asked("cannot be written", name):
            file = location.fs.open(self._temporary, "wb")
        finished = False
        try:
            sink = ToStore(file, name, progress)
            fill(sink)
            with asked("cannot be written", name):
                file.close()
            finished = True
        finally:
            if not finished:
                _discard(file)
        count()
        self.size = sink.done

    def _put_in_place(self, *, undoable: bool) -> None:
        location = self.place.location
        if not self._force:
            self._check_still()
        assert self._temporary is not None
        with asked("cannot be moved to its place", self.place.name):
            _move(location, self._temporary)
        self._temporary = None
        self._taken = True
        count()
        if undoable:
            with suppress(FileError):
                now = described(location)
                self._own = None if now is None else self._mark(now)

    def _check_still(self) -> None:
        now, old = described(self.place.location, again=True), self.place.old
        if now is not None and (old is None or state(now) != state(old)):
            how = "made" if old is None else "replaced"
            words = f"was {how} by another meanwhile"
            raise OutputError(words, path=self.place.name, transient=True)

    def _mark(self, info: Info) -> object:
        return state(info)

    def settle(self) -> None:
        """Let go of what was there, or of the new object if it was never put there."""
        for key in (self._temporary, self._kept):
            self._remove(key)
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
