"""Faults put into the calls of the operating system: the n-th call of a run, or all from it on."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

# A count of bytes instead of an error: what a call may do of what it was asked for.
HALF, ONE, NOTHING = "half", "one byte", "nothing"

Kind = int | str
"""An error's number, or one of the short counts."""

WRITING: tuple[Kind, ...] = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EFBIG)
SHORT: tuple[Kind, ...] = (HALF, ONE)
NO_KERNEL_COPY: tuple[Kind, ...] = (errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP)

FAULTS: dict[str, tuple[Kind, ...]] = {
    "open": (errno.EIO, errno.ENOSPC, errno.EMFILE, errno.EACCES),
    "read": (errno.EIO, *SHORT),
    "pread": (errno.EIO, *SHORT),
    "write": (*WRITING, *SHORT, NOTHING),
    "pwrite": (*WRITING, *SHORT),
    # Python itself calls again after EINTR, but here.
    "copy_file_range": (*WRITING, *SHORT, NOTHING, errno.EINTR, *NO_KERNEL_COPY, errno.EPERM),
    "ftruncate": (errno.ENOSPC, errno.EIO, errno.EFBIG),
    "posix_fadvise": (errno.EINVAL, errno.ENOSYS),
    "fsync": (errno.EIO, errno.ENOSPC, errno.EDQUOT),
    "close": (errno.EIO, errno.ENOSPC, errno.EDQUOT),
    "rename": (errno.EIO, errno.ENOSPC, errno.EXDEV, errno.EPERM, errno.EBUSY, errno.EROFS),
    "link": (errno.EIO, errno.ENOSPC, errno.EPERM, errno.EMLINK),
    "mkdir": (errno.EIO, errno.ENOSPC),
    "fstat": (errno.EIO, errno.ESTALE),
    "stat": (errno.EIO, errno.ESTALE),
    "lstat": (errno.EIO, errno.ESTALE),
    "lseek": (errno.EIO,),
    "fchmod": (errno.EPERM, errno.EIO),
    "listxattr": (errno.EOPNOTSUPP, errno.EIO),
}

# With these the run succeeds all the same, wherever they strike.
HARMLESS = {
    *((call, kind) for call in ("read", "pread", "write", "pwrite") for kind in SHORT),
    *(
        ("copy_file_range", kind)
        for kind in (*SHORT, NOTHING, errno.EINTR, *NO_KERNEL_COPY, errno.EPERM)
    ),
    *(("posix_fadvise", kind) for kind in FAULTS["posix_fadvise"]),
    *(("fchmod", kind) for kind in FAULTS["fchmod"]),
    *(("listxattr", kind) for kind in FAULTS["listxattr"]),
}

# A disk that fills up stays full, one that dies stays dead; with these all calls fail from the
# n-th on, whichever function it is.
LASTING: dict[int, tuple[str, ...]] = {
    errno.ENOSPC: ("write", "pwrite", "copy_file_range", "ftruncate", "fsync", "mkdir"),
    errno.EDQUOT: ("write", "pwrite", "copy_file_range", "fsync"),
    errno.EIO: ("read", "pread", "write", "pwrite", "copy_file_range", "ftruncate", "fsync"),
}


def fault_name(kind: Kind) -> str:
    """A kind of fault in a word."""
    return errno.errorcode[kind] if isinstance(kind, int) else kind


class Calls:
    """Functions of `os` that count their calls together and do what `act` says at each.

    ``act`` gets the name and the call, and makes it or does not.
    """

    def __init__(
        self, names: tuple[str, ...], act: Callable[[int, str, Callable[[], Any]], Any]
    ) -> None:
        self.count = 0
        self.names = names
        self.act = act

    @contextmanager
    def watched(self) -> Iterator[Calls]:
        """Have them replaced for a while."""
        real = {name: getattr(os, name) for name in self.names if hasattr(os, name)}
        for name, function in real.items():
            setattr(os, name, self._replacement(name, function))
        try:
            yield self
        finally:
            for name, function in real.items():
                setattr(os, name, function)

    def _replacement(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self.count += 1

            def made(most: Callable[[int], int] | None = None) -> Any:
                return real(*(shortened(name, arguments, most) if most else arguments), **named)

            return self.act(self.count, name, made)

        return call


_COUNT_AT = {"read": 1, "pread": 1, "write": 1, "pwrite": 1, "copy_file_range": 2}


def shortened(name: str, arguments: tuple[Any, ...], most: Callable[[int], int]) -> tuple[Any, ...]:
    """The arguments of a call that asks for less."""
    at = _COUNT_AT[name]
    asked = arguments[at]
    if isinstance(asked, int):
        less: Any = most(asked)
    else:
        less = memoryview(asked).cast("B")[: most(memoryview(asked).nbytes)]
    return (*arguments[:at], less, *arguments[at + 1 :])


class Striking:
    """At the ``nth`` call something goes wrong, once or from then on."""

    def __init__(self, nth: int, kind: Kind, *, lasting: bool = False) -> None:
        self.nth, self.kind, self.lasting = nth, kind, lasting
        self.struck = 0

    def __call__(self, number: int, name: str, made: Callable[..., Any]) -> Any:
        if not (number >= self.nth if self.lasting else number == self.nth):
            return made()
        self.struck += 1
        if isinstance(self.kind, int):
            if name == "close":
                made()  # the descriptor is gone all the same
            raise OSError(self.kind, os.strerror(self.kind))
        if self.kind == NOTHING:
            return 0
        half = self.kind == HALF
        return made(lambda asked: (asked + 1) // 2 if half else min(1, asked))
