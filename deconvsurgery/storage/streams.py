"""Whether a path leads to a stream: what is read or written once, from its beginning to its end."""

from __future__ import annotations

import os
import stat
from functools import cache

from .address import file_of, is_url

_LINKS = 40  # symbolic links followed before a loop is assumed, as Linux does


def is_stream_mode(mode: int) -> bool:
    """Neither a regular file nor a directory, by the mode of its status."""
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def can_be_read_again(path: str | os.PathLike[str]) -> bool:
    """A regular file, or nothing at all (which opening finds out): not a pipe or a device."""
    plain = file_of(path)
    if is_url(plain):
        return True
    try:
        return plain != "-" and (not plain or stat.S_ISREG(os.stat(plain).st_mode))
    except (OSError, ValueError):
        return plain != "-"


def is_stream(path: str) -> bool:
    """A path leads to no file: to standard output, a descriptor, a pipe, a socket, a device.

    Where a process finds its own descriptors another one finds others, so nothing there counts for
    a file, not even what standard output was redirected to.
    """
    plain = file_of(path)
    if is_url(plain):
        return False
    if plain == "-":
        return True
    try:
        for _ in range(_LINKS):
            folder = os.path.dirname(plain)
            if os.stat(folder or ".").st_dev == _device_of_descriptors():
                return True
            mode = os.lstat(plain).st_mode
            if not stat.S_ISLNK(mode):
                return is_stream_mode(mode)
            plain = os.path.join(folder, os.readlink(plain))
    except (OSError, ValueError):
        pass  # not there, or no name of a file
    return False


@cache
def _device_of_descriptors() -> int | None:
    try:
        return os.stat("/dev/fd").st_dev
    except OSError:  # no such folder on this system
        return None
