"""Descriptors of our own: above the standard ones, and not passed on to children."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress


def opened(path: str, flags: int, mode: int = 0o666, *, folder: int | None = None) -> int:
    """Open a descriptor above 2, not passed on to children; raises ``OSError``.

    ``path`` is from here on, or from the directory that ``folder`` is open for.

    Where standard output is closed (``>&-``) the next file opened would take its number, and
    whatever a library prints would land in that file.
    """
    return _above_standard(os.open(path, flags | os.O_CLOEXEC, mode, dir_fd=folder))


def duplicated(fd: int) -> int:
    """Another descriptor for the same open file, above 2 and not passed on."""
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)


def _above_standard(fd: int) -> int:
    if fd > 2:
        return fd
    try:
        return duplicated(fd)
    finally:
        let_go(fd)


def let_go(fd: int) -> None:
    """Close a descriptor through which nothing was written: what was read has been read."""
    with suppress(OSError):
        os.close(fd)
