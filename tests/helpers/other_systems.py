"""Doubles of other operating systems: a child starts on one that lacks what they lack.

Linux's own calls are taken away from each process of a run, the workers of a sweep too, before
anything is imported: what a module finds out when it is imported is found out on that system.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from helpers.runs import environment

# What docs.python.org/3/library/os.html, fcntl, select and signal say is there on Linux only, or
# is not there on macOS. SEEK_DATA and SEEK_HOLE are, but not on every POSIX.
LINUX: Final = {
    "os": (
        *("copy_file_range", "eventfd", "fdatasync", "getrandom", "memfd_create"),
        *("pidfd_open", "posix_fadvise", "posix_fallocate", "sched_getaffinity"),
        *("sched_setaffinity", "setns", "splice", "unshare", "sendfile", "pipe2"),
        *("getxattr", "listxattr", "removexattr", "setxattr"),
        *("O_DIRECT", "O_LARGEFILE", "O_NOATIME", "O_PATH", "O_RSYNC", "O_TMPFILE"),
        *("SEEK_DATA", "SEEK_HOLE", "POSIX_FADV_DONTNEED"),
    ),
    "select": ("epoll",),
    "signal": ("sigtimedwait", "sigwaitinfo", "pidfd_send_signal"),
}

# Neither "linux" nor "darwin": there the standard library would look for modules of macOS.
_OTHER_POSIX: Final = f"""
import fcntl, os, select, signal, sys
sys.platform = "freebsd15"
for module, names in {LINUX!r}.items():
    for name in names:
        if hasattr(sys.modules[module], name):
            delattr(sys.modules[module], name)
def ioctl(*_given):
    raise OSError(25, "Inappropriate ioctl for device")
fcntl.ioctl = ioctl
"""

_WINDOWS: Final = """
import os, sys
sys.platform = "win32"
for name in ("fcntl", "grp", "pwd", "resource", "termios", "_posixsubprocess"):
    sys.modules[name] = None
for name in ("pread", "pwrite", "fchown", "fchmod", "statvfs", "copy_file_range", "O_CLOEXEC",
             "O_DIRECTORY", "O_NOFOLLOW", "O_NOCTTY", "O_PATH", "sched_getaffinity", "listxattr"):
    if hasattr(os, name):
        delattr(os, name)
"""


def on_another_posix(place: Path) -> dict[str, str]:
    """The environment of a child that starts on a POSIX system which is neither Linux nor macOS."""
    return _starting_with(place, _OTHER_POSIX)


def on_windows(place: Path) -> dict[str, str]:
    """The environment of a child that starts on Windows, as far as our code can tell."""
    return _starting_with(place, _WINDOWS)


def _starting_with(place: Path, script: str) -> dict[str, str]:
    """Python runs a module of this name before all else, in each process that it starts."""
    (place / "sitecustomize.py").write_text(script)
    paths = os.pathsep.join((str(place), environment()["PYTHONPATH"]))
    return environment(PYTHONPATH=paths)
