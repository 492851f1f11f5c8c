"""What is read, wherever it is: bytes at offsets, under a name, that must stay what they were."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from deconvsurgery.errors import FileError, ModelError
from deconvsurgery.wording import plural

LARGEST_STREAM = 16 << 30
"""Bytes of what cannot be read at any place, and so is copied to a temporary file first."""

_BLOCK = 1 << 20


@runtime_checkable
class BinaryFile(Protocol):
    """What is asked of a binary file that someone has open, such as an `io.BytesIO`."""

    def read(self, size: int = ..., /) -> bytes | None:
        """At most ``size`` bytes from where it stands."""

    def seek(self, offset: int, whence: int = ..., /) -> int | None:
        """Stand ``offset`` bytes from the beginning, or as ``whence`` says."""

    def tell(self) -> int:
        """Where it stands."""


class Source(ABC):
    """A read-only view of ``size`` bytes; a context manager that closes it.

    ``name`` is how messages call it. ``spooled`` says that the bytes are our own copy of something
    that cannot seek, which nobody else can change. ``fd`` is a descriptor of theirs that the kernel
    can copy from, -1 where there is none. ``stride`` bytes are worth asking for at once. ``closed``
    says that it was let go of, and gives nothing more.
    """

    __slots__ = ()

    name: str
    size: int
    spooled: bool
    fd: int
    stride: int
    closed: bool

    @abstractmethod
    def read(self, start: int, size: int) -> bytes:
        """Bytes ``[start, start + size)``, all of them.

        Raises ``ModelError`` with the offset where the file ends too early, ``FileError``
        when the operating system, or the store, refuses, ``ValueError`` after it was closed.
        """

    def refuse_beyond(self, start: int, size: int) -> None:
        """Raise ``ModelError`` for bytes that are not there, ``ValueError`` for all once closed."""
        if self.closed:
            raise ValueError(f"{self.name} is closed")
        if start + size > self.size:
            raise ModelError(
                f"the file ends at byte {self.size}, {start + size - self.size} too early",
                offset=start,
                path=self.name,
            )

    def cut_short(self, end: int) -> ModelError:
        """The error for a file that had bytes from ``end`` on when it was opened."""
        return ModelError(
            f"the file had {plural(self.size, 'byte')} and now ends at byte {end} or before:"
            " it was cut short while it was read",
            offset=end,
            path=self.name,
            hint="run again when nothing else writes to it",
        )

    def sha256(self) -> str:
        """Of all bytes, a megabyte or so at a time."""
        import hashlib  # OpenSSL, which few runs need

        digest = hashlib.sha256()
        step = max(self.stride, _BLOCK)
        for start in range(0, self.size, step):
            digest.update(self.read(start, min(step, self.size - start)))
        return digest.hexdigest()

    @abstractmethod
    def unchanged(self) -> bool:
        """It is what it was when it was opened, as far as is known without reading it."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it; a second call does nothing."""

    def filled(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """The stretches of ``[start, stop)`` that have bytes on disk; between them are zeros."""
        if start < stop:
            yield start, stop

    def is_same_file(self, status: os.stat_result) -> bool:
        """``status`` is of the very file this source reads, by whatever name it was found."""
        return self.fd >= 0 and os.path.samestat(status, os.fstat(self.fd))

    def confirm_unchanged(self) -> None:
        """Raise ``FileError`` if the source is no longer what was opened."""
        if not self.unchanged():
            raise FileError(
                "was changed while it was read, so the result would be a mixture",
                path=self.name,
                hint="run again when nothing else writes to it",
                transient=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, size={self.size})"
