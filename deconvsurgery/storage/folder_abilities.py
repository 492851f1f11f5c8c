"""What can be done in a folder: its file system, the space left, how files are copied there.

It is tried on files without a name, which are gone when they are closed.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from tempfile import TemporaryFile
from typing import Final

from deconvsurgery.named_tuple import NamedTuple

from .copy_bytes import FICLONE, has_ficlone

_BLOCK: Final = 4096  # bytes; file systems clone whole blocks
_MOUNTS: Final = "/proc/self/mountinfo"  # of Linux: proc_pid_mountinfo(5)


class FolderAbilities(NamedTuple):
    """A folder as it was found; ``None`` is what this system does not say.

    ``free`` is in bytes, for this user. ``clones``: two files share their blocks until one is
    changed. ``kernel_copies``: the operating system's kernel copies between files.
    """

    path: str
    file_system: str | None
    free: int | None
    writable: bool
    clones: bool
    kernel_copies: bool
    unnamed_files: bool


def folder_abilities(path: str) -> FolderAbilities:
    """Try what a folder can; nothing stays there."""
    clones = kernel_copies = False
    try:
        with TemporaryFile(dir=path) as source, TemporaryFile(dir=path) as target:
            writable = True
            with suppress(OSError):  # a full disk
                source.write(bytes(_BLOCK))
                source.flush()
                clones = _clones(source.fileno(), target.fileno())
                kernel_copies = _kernel_copies(source.fileno(), target.fileno())
    except OSError:
        writable = False
    unnamed = writable and _has_unnamed_files(path)
    kind, free = _file_system(path), _free(path)
    return FolderAbilities(path, kind, free, writable, clones, kernel_copies, unnamed)


def _clones(source: int, target: int) -> bool:
    if not has_ficlone():
        return False
    try:
        import fcntl

        fcntl.ioctl(target, FICLONE, source)
    except OSError:
        return False
    return True


def _kernel_copies(source: int, target: int) -> bool:
    copy = getattr(os, "copy_file_range", None)  # Linux only
    try:
        return copy is not None and copy(source, target, _BLOCK, 0, 0) == _BLOCK
    except OSError:
        return False


def _has_unnamed_files(path: str) -> bool:
    flag = getattr(os, "O_TMPFILE", None)  # Linux only
    if flag is None:
        return False
    try:
        os.close(os.open(path, os.O_WRONLY | flag, 0o600))
    except OSError:
        return False
    return True


def _free(path: str) -> int | None:
    try:
        found = os.statvfs(path)
    except (AttributeError, OSError):
        return None
    return found.f_bavail * found.f_frsize


def _file_system(path: str) -> str | None:
    """The kind of the mount that the folder is on: that with the longest path above it."""
    try:
        with open(_MOUNTS, encoding="utf-8", errors="surrogateescape") as mounts:
            lines = mounts.read().splitlines()
    except OSError:
        return None
    here = os.path.join(os.path.realpath(path), "")
    best: tuple[int, str] | None = None
    for line in lines:
        before, _, after = line.partition(" - ")
        mount = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), before.split(" ")[4])
        # Of two on the same path the later one is seen.
        if here.startswith(os.path.join(mount, "")) and (best is None or len(mount) >= best[0]):
            best = len(mount), after.split(" ")[0]
    return best and best[1]
