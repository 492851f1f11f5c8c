"""What a file or an object is told by: quickly, by its state, or surely, by its bytes' digest."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from functools import cache

from deconvsurgery.storage.address import file_of, is_url
from deconvsurgery.storage.object_store.object_version import described, state
from deconvsurgery.storage.object_store.store import located
from deconvsurgery.storage.os_error_text import refusal, shown
from deconvsurgery.storage.source import open_source

_LINKS = 40  # symbolic links followed before a loop is assumed, as Linux does


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
            kind = os.lstat(plain).st_mode
            if not stat.S_ISLNK(kind):
                return not stat.S_ISREG(kind) and not stat.S_ISDIR(kind)
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


@dataclass(frozen=True, slots=True)
class Mark:
    """What is at a path: a state, which changes when it is written to; a store's own digest."""

    state: str
    etag: str | None = None


def mark(path: str, *, again: bool = False) -> Mark | None:
    """What is at a path; ``None``: nothing. ``again``: now, and not when it was first asked for.

    Nothing is read but a directory's entry, or an object's description.
    """
    plain = file_of(path)
    if is_url(plain):
        info = described(located(plain), again=again)
        if info is None:
            return None
        told = "-".join(str(each) for each in state(info))
        return Mark(told, str(info.get("ETag") or "").strip('"') or None)
    try:
        status = os.stat(plain)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise refusal("cannot be looked at", error, shown(plain)) from error
    return Mark(f"{status.st_size}-{status.st_mtime_ns}-{status.st_ino}")


def digest(path: str, found: Mark | None) -> str:
    """What stands for the bytes: a store's own ETag, else their SHA-256.

    Raises ``FileError`` for what is not there, or cannot be read.
    """
    if found is not None and found.etag is not None:
        return f"etag:{found.etag}"
    with open_source(path) as source:
        return f"sha256:{source.sha256()}"
