"""A new object beside its place: sent or copied within the store, and only then put there.

In S3 it is a multipart upload, which nobody sees before it is completed; elsewhere an object under
a key of its own, which is moved. Never here: what the bytes are, files.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from .errors import OutputError
from .multipart import Multipart
from .object_place import ObjectPlace
from .origin import Source
from .parts import Parts
from .sink import Sink
from .splice import Buffer, Kept
from .store import Location, asked, count, described, state


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

    ``contents`` is a source of its bytes while it waits, where one was asked for.
    """

    def __init__(self, place: ObjectPlace, contents: Source | None = None) -> None:
        self.place = place
        self.size = 0
        self.warnings: list[str] = []
        self._contents = contents
        self._upload: Multipart | None = None
        self._temporary: str | None = None
        self._kept: str | None = None
        self._own: dict[str, Any] | None = None

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
        assert self._contents is not None
        return self._contents

    def take(self, *, force: bool, undoable: bool = False) -> None:
        """Put it in its place; raises ``OutputError`` where another came there meanwhile.

        ``undoable`` keeps what was there until `settle` or `undo`.
        """
        location, old = self.place.location, self.place.old
        if undoable and old is not None:
            kept = _beside(location)
            with asked("cannot be kept", self.place.name):
                location.fs.cp_file(location.key, kept)
            self._kept = kept
            count(copied=int(old.get("size") or 0))
        if self._upload is not None:
            upload, self._upload = self._upload, None
            try:
                upload.complete(None if force else old or {})
            except BaseException:
                self._upload = upload
                raise
        else:
            if not force:
                self._check_still()
            with asked("cannot be moved to its place", self.place.name):
                location.fs.mv(self._temporary, location.key)
            self._temporary = None
            count()
        if undoable:
            self._own = described(location)

    def _check_still(self) -> None:
        now, old = described(self.place.location), self.place.old
        if now is not None and (old is None or state(now) != state(old)):
            how = "made" if old is None else "replaced"
            raise OutputError(f"was {how} by another meanwhile", path=self.place.name)

    def undo(self) -> None:
        """Put back what was there, if the new object has taken its place."""
        location = self.place.location
        now = described(location)
        if now is None or self._own is None or state(now) != state(self._own):
            return
        with asked("cannot be put back", self.place.name):
            if self._kept is not None:
                location.fs.mv(self._kept, location.key)
                self._kept = None
            else:
                location.fs.rm_file(location.key)
            count()

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
    return f"{folder}{slash}.deconvsurgery-{secrets.token_hex(8)}.tmp"


def _discard(file: Any) -> None:
    """Give up an object that is being written; what a store keeps of it is removed by its key."""
    with suppress(Exception):
        file.discard()
    with suppress(Exception):
        file.close()
