"""What takes the bytes of a new object: sent to its store, or copied within it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from deconvsurgery.splicing.byte_ranges import Buffer, Kept
from deconvsurgery.storage.copy_bytes import Sink

from .part_layout import Parts
from .store import asked, count

if TYPE_CHECKING:
    from deconvsurgery.storage.source_interface import Source

    from .s3_multipart import Multipart


class ToS3(Sink):
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


class ToStore(Sink):
    """Streams into a new object of a store other than S3."""

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
