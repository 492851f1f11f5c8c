"""A large file begins to reach the disk while more is written, so that little is left to the end.

Nothing comes back from asking for it. What goes wrong on the disk is an error of the ``fsync`` that
ends every file, also for what was written out early (Linux keeps such an error for it).
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import ClassVar, Final

_MIB: Final = 1 << 20


class EarlyFlush:
    """Asks the system to write out a file's bytes up to where it has been ``reached``.

    Linux begins to write out pages that a program says it does not need, and waits for none of them
    (``mm/fadvise.c``; PostgreSQL's ``pg_flush_data`` does the same). What is not on the disk yet
    stays in memory, too, so nearly all of the file does.
    """

    __slots__ = ("_asked", "_fd")

    first: ClassVar[int] = 64 * _MIB
    """Bytes that a file has before anything is asked for. The tests of faults take fewer."""
    every: ClassVar[int] = 16 * _MIB
    """Bytes asked for at a time, or a multiple of that."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._asked = 0  # bytes, from the file's first one

    def reached(self, position: int) -> None:
        """All bytes before ``position`` are written, and few of them will be once more."""
        stop = position - position % self.every
        if position < self.first or stop <= self._asked or sys.platform != "linux":
            return
        with suppress(OSError):  # a file that cannot; the flush at its end is enough
            os.posix_fadvise(self._fd, self._asked, stop - self._asked, os.POSIX_FADV_DONTNEED)
        self._asked = stop
