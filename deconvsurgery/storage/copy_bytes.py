"""Bytes into an open descriptor, however many calls it takes; copied by the kernel where it can."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import stat
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from deconvsurgery.splicing.byte_ranges import Buffer, Edit, Kept

from .early_flush import EarlyFlush

if TYPE_CHECKING:
    from .source_interface import Source

_MIB = 1 << 20
_PIECE = 16 * _MIB  # bytes in one call; between two calls signals are handled and progress is shown
_LARGE_HOLE = 16 * _MIB  # bytes; a smaller one is not worth a call

# From copy_file_range: this pair of files, file systems or kernels cannot do it; read and write
# can, or say better what is wrong. (EBADF: the output was opened to append; see its man page.)
_NO_KERNEL_COPY = frozenset(
    (
        errno.EXDEV,
        errno.ENOSYS,
        errno.EINVAL,
        errno.EOPNOTSUPP,
        errno.ENOTSUP,
        errno.EPERM,
        errno.EBADF,
        errno.EIO,  # of the input or of the output? reading and writing say which
    )
)


# Linux's ioctl that makes a file share another's blocks until one of them is written to (btrfs,
# xfs, overlayfs over those, NFS 4.2); a few old machines number their ioctls otherwise.
FICLONE = 0x40049409
_NUMBERED_OTHERWISE = ("alpha", "mips", "parisc", "ppc", "powerpc", "sparc")


def has_ficlone() -> bool:
    """Whether this system may know `FICLONE` by its number."""
    return sys.platform == "linux" and not os.uname().machine.startswith(_NUMBERED_OTHERWISE)


class Sink(ABC):
    """What takes all it is given, in order; ``name`` is how messages call it."""

    __slots__ = ("done", "name", "progress")

    def __init__(self, name: str, progress: Callable[[int], None] | None) -> None:
        self.name = name
        self.done = 0  # bytes
        self.progress = progress

    @abstractmethod
    def write(self, data: Buffer) -> None:
        """Take all of ``data``."""

    @abstractmethod
    def copy(self, source: Source, start: int, stop: int) -> None:
        """Take bytes ``[start, stop)`` of a source."""

    def carry_out(self, edit: Edit, source: Source) -> None:
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

    def _tell(self, count: int) -> None:
        self.done += count
        if self.progress is not None and count:
            self.progress(count)


class FileSink(Sink):
    """An open descriptor; at most a few MiB in memory.

    ``fresh``: it is a new and empty file of our own, which may become a clone of another.
    ``flushed``: such a file that its writer flushes in the end, and so may begin with it.
    """

    __slots__ = ("_early", "fd", "fresh", "kernel_copy")

    def __init__(
        self,
        fd: int,
        progress: Callable[[int], None] | None,
        *,
        fresh: bool = False,
        flushed: bool = False,
        name: str = "the output",
    ) -> None:
        super().__init__(name, progress)
        self.fd = fd
        self.fresh = fresh
        self._early = EarlyFlush(fd) if flushed else None
        self.kernel_copy = getattr(os, "copy_file_range", None)  # Linux only

    def write(self, data: Buffer) -> None:
        """Write all of ``data``, however many calls it takes."""
        view = memoryview(data)
        if view.nbytes == 0:
            return
        view = view.cast("B")
        while view:
            written = self._write_some(view[:_PIECE])
            view = view[written:]
            self._tell(written)

    def _tell(self, count: int) -> None:
        super()._tell(count)
        self.reached(self.done)

    def reached(self, position: int) -> None:
        """All bytes before ``position`` are written, by whomever: they may go to the disk."""
        if self._early is not None:
            self._early.reached(position)

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

    def clone(self, source: Source, *, but: int = 0) -> bool:
        """Make a fresh file a clone of ``source``, where the file system can; where not, nothing.

        The clone takes no space and no time; the ``but`` bytes that are then written over it (see
        `seek`) do.
        """
        if not self.fresh or self.done or source.fd < 0 or not has_ficlone():
            return False
        try:
            fcntl.ioctl(self.fd, FICLONE, source.fd)
        except OSError:
            return False  # a copy will do, or raise what is wrong
        if os.fstat(self.fd).st_size != source.size:
            os.ftruncate(self.fd, 0)
            return False  # it was changed meanwhile, which a copy finds out
        # It has bytes now: none is left out of a copy, and places are not reached in their order.
        self.fresh, self._early = False, None
        self._tell(source.size - but)
        return True

    def seek(self, position: int) -> None:
        """Go on at another place of a file that has bytes, or will have, on both sides of it."""
        self.fresh = False  # what is left out of a fresh one is where it ends
        os.lseek(self.fd, position, os.SEEK_SET)

    def copy(self, source: Source, start: int, stop: int) -> None:
        """Copy bytes ``[start, stop)``; large holes of a sparse file stay holes, as with ``cp``."""
        position = start
        if self.fresh and stop - start >= _LARGE_HOLE:
            for begin, end in source.filled(start, stop):
                if begin - position >= _LARGE_HOLE:
                    self._leave_out(begin - position)
                    position = begin
                self._copy(source, position, end)
                position = end
            if stop - position >= _LARGE_HOLE:
                self._leave_out(stop - position)
                return
        self._copy(source, position, stop)

    def _leave_out(self, size: int) -> None:
        """Go on further ahead; what is left out is zeros and takes no space."""
        os.ftruncate(self.fd, os.lseek(self.fd, size, os.SEEK_CUR))
        self._tell(size)

    def _copy(self, source: Source, start: int, stop: int) -> None:
        """Copy bytes ``[start, stop)``, inside the kernel where it can do that, and not slowly."""
        by_kernel = source.fd >= 0 and not (stop - start >= _MIB and self._shifts(start))
        while start < stop and by_kernel and self.kernel_copy is not None:
            try:
                copied = self.kernel_copy(source.fd, self.fd, min(_PIECE, stop - start), start)
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
            data = source.read(start, min(source.stride, stop - start))
            self.write(data)
            start += len(data)

    def _shifts(self, start: int) -> bool:
        """What is copied from ``start`` on gets another place within its pages, on a local disk.

        The kernel goes from page to page, each of which it then writes in two parts: to read and
        write a megabyte at a time takes two thirds of the time. Not asked of file systems whose
        devices have the major number 0: a server may copy on its own there, and others clone.
        """
        status = os.fstat(self.fd)
        if not stat.S_ISREG(status.st_mode) or not os.major(status.st_dev):
            return False
        return (os.lseek(self.fd, 0, os.SEEK_CUR) - start) % os.sysconf("SC_PAGE_SIZE") != 0


class Both(Sink):
    """Two sinks that take the same."""

    __slots__ = ("one", "other")

    def __init__(self, one: Sink, other: Sink) -> None:
        super().__init__(one.name, None)
        self.one, self.other = one, other

    def write(self, data: Buffer) -> None:
        """Have both take all of ``data``."""
        self.one.write(data)
        self.other.write(data)

    def copy(self, source: Source, start: int, stop: int) -> None:
        """Have both take bytes ``[start, stop)``."""
        self.one.copy(source, start, stop)
        self.other.copy(source, start, stop)
