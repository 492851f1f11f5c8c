"""Bytes in memory, and a binary file that someone else has open, as sources."""

from __future__ import annotations

import os

from deconvsurgery.errors import FileError

from .os_error_text import reason, shown
from .source_interface import BinaryFile, Source

_MIB = 1 << 20


class BytesSource(Source):
    """A source that is in memory: ``bytes``, or whatever holds bytes one after another.

    They are not copied: what changes them changes the source, and a ``bytearray`` keeps its length
    until this is closed.
    """

    __slots__ = ("_view", "closed", "name", "size")
    spooled = False
    fd = -1
    stride = _MIB

    def __init__(
        self, data: bytes | bytearray | memoryview, name: str = "the bytes in memory"
    ) -> None:
        self._view = memoryview(data).cast("B")
        self.size = len(self._view)
        self.name = name
        self.closed = False

    def read(self, start: int, size: int) -> bytes:
        """Bytes ``[start, start + size)``, all of them; raises as `Source.read`."""
        self.refuse_beyond(start, size)
        return bytes(self._view[start : start + size])

    def unchanged(self) -> bool:
        """Nobody else writes to it, as far as is known."""
        return True

    def close(self) -> None:
        """Let go of the bytes; a second call does nothing."""
        self.closed = True
        self._view.release()


class BinaryFileSource(Source):
    """A source that is an open binary file, from its first byte on, wherever it stands.

    It is moved about, and never closed: it is its owner's. ``fd`` stays -1, as what the descriptor
    has may not be what the object gives.
    """

    __slots__ = ("_file", "_status", "closed", "name", "size")
    spooled = False
    fd = -1
    stride = _MIB

    def __init__(self, file: BinaryFile) -> None:
        """Raises ``TypeError`` for a file of text, ``FileError`` for one that cannot seek."""
        self._file = file
        self.closed = False
        name = getattr(file, "name", None)
        self.name = shown(name) if isinstance(name, str | bytes) and name else "the open file"
        try:
            self.size = self._end()
            first = file.read(0)
        except OSError as error:
            raise FileError(
                f"cannot be read from any place: {reason(error)}",
                path=self.name,
                errno=error.errno,
                hint="read it to its end, and give its bytes",
            ) from error
        if not isinstance(first, bytes):
            raise TypeError(f'{self.name} is open as text; open it in binary mode, "rb"')
        self._status = self._looked_at()

    def read(self, start: int, size: int) -> bytes:
        """Bytes ``[start, start + size)``, all of them; raises as `Source.read`."""
        self.refuse_beyond(start, size)
        try:
            self._file.seek(start)
            first = self._file.read(size) or b""
            if len(first) == size:
                return first
            data = bytearray(first)
            while len(data) < size and (more := self._file.read(size - len(data))):
                data += more
        except OSError as error:
            words = f"cannot read at byte {start}: {reason(error)}"
            raise FileError(words, path=self.name, errno=error.errno) from error
        if len(data) == size:
            return bytes(data)
        raise self.cut_short(start + len(data))

    def _end(self) -> int:
        self._file.seek(0, os.SEEK_END)  # that of a mapped file gives nothing back
        return self._file.tell()

    def _looked_at(self) -> os.stat_result | None:
        """What the system says of its descriptor, where it has one."""
        try:
            return os.fstat(self._file.fileno())  # type: ignore[attr-defined]
        except (AttributeError, OSError, ValueError):
            return None

    def unchanged(self) -> bool:
        """It is as long as it was, and so is its time of last change, where it has one."""
        now, then = self._looked_at(), self._status
        if now is not None and then is not None and now.st_mtime_ns != then.st_mtime_ns:
            return False
        try:
            return self._end() == self.size
        except OSError:
            return False

    def is_same_file(self, status: os.stat_result) -> bool:
        """``status`` is of the very file that is open."""
        return self._status is not None and os.path.samestat(status, self._status)

    def close(self) -> None:
        """Leave the file, open, to its owner; a second call does nothing."""
        self.closed = True
