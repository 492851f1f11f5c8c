"""Bytes into an open descriptor, however many calls it takes; copied by the kernel where it can.

Never here: where they go, or what they mean.
"""

from __future__ import annotations

import errno
import os
import select
from collections.abc import Callable

from .source import FileSource
from .splice import Buffer, Edit, Kept

_MIB = 1 << 20

# From copy_file_range: this pair of files, file systems or kernels cannot do it; read and
# write can. (EBADF: the output was opened to append; man 2 copy_file_range.)
_NO_KERNEL_COPY = frozenset(
    (
        errno.EXDEV,
        errno.ENOSYS,
        errno.EINVAL,
        errno.EOPNOTSUPP,
        errno.ENOTSUP,
        errno.EPERM,
        errno.EBADF,
    )
)


class Sink:
    """An open descriptor that takes all it is given, in order; at most a few MiB in memory."""

    __slots__ = ("done", "fd", "kernel_copy", "progress")

    def __init__(self, fd: int, progress: Callable[[int], None] | None) -> None:
        self.fd = fd
        self.done = 0  # bytes
        self.progress = progress
        self.kernel_copy = getattr(os, "copy_file_range", None)  # Linux only

    def write(self, data: Buffer) -> None:
        """Write all of ``data``, however many calls it takes."""
        view = memoryview(data)
        if view.nbytes == 0:
            return
        view = view.cast("B")
        while view:
            written = self._write_some(view[: 16 * _MIB])
            view = view[written:]
            self._tell(written)

    def _write_some(self, view: memoryview) -> int:
        while True:
            try:
                written = os.write(self.fd, view)
            except InterruptedError:
                continue
            except BlockingIOError:  # someone else made this pipe non-blocking
                waiting = select.poll()
                waiting.register(self.fd, select.POLLOUT)
                waiting.poll()
                continue
            if written == 0:
                raise OSError(errno.EIO, "nothing more could be written")
            return written

    def carry_out(self, edit: Edit, source: FileSource) -> None:
        """Write an edit's bytes as they are made, or copy those that the source has."""
        done = 0
        for piece in edit.chunks():
            done += piece.size if isinstance(piece, Kept) else memoryview(piece).nbytes
            if done > edit.size:
                break
            if isinstance(piece, Kept):
                self.copy(source, piece.start, piece.stop)
            else:
                self.write(piece)
        if done != edit.size:
            raise RuntimeError(
                f"edit [{edit.start}, {edit.stop}) promised {edit.size} bytes and made {done}"
            )

    def copy(self, source: FileSource, start: int, stop: int) -> None:
        """Copy bytes ``[start, stop)``, inside the kernel where it can do that."""
        piece = (64 if self.progress is None else 16) * _MIB
        while start < stop and self.kernel_copy is not None:
            try:
                copied = self.kernel_copy(source.fd, self.fd, min(piece, stop - start), start)
            except InterruptedError:
                continue
            except OSError as error:
                if error.errno not in _NO_KERNEL_COPY:
                    raise
                copied = 0
            if copied == 0:  # also what some file systems say that cannot do it
                self.kernel_copy = None
            start += copied
            self._tell(copied)
        while start < stop:
            data = source.read(start, min(_MIB, stop - start))
            self.write(data)
            start += len(data)

    def _tell(self, count: int) -> None:
        self.done += count
        if self.progress is not None and count:
            self.progress(count)
