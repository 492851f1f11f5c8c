"""The record of files that are replaced together: what finishes or takes back an ended replacement.

Each of the files has one beside it, ``NAME.fixing``, from before the first of them is replaced
until all are. It says where each new file waits and what each old one was, and the run that made it
holds a lock on it. Nothing is replaced here.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from deconvsurgery.errors import FileError, FormatError, OutputError
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.strict_values.json_text import json_value
from deconvsurgery.strict_values.kinds import (
    WrongValueError,
    list_of,
    or_none,
    path,
    table,
    whole,
    word,
)

from .copy_bytes import FileSink
from .descriptors import let_go, opened
from .names_beside import KEPT, RECORD, beside
from .os_error_text import refusal, shown
from .source import read_bytes
from .temporary_names import is_temporary_name, temporary_name

_LONGEST: Final = 1 << 22  # bytes of a record
_MOST: Final = 10_000  # files in one
_NO_LINKS = frozenset((errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK))
_NO_LOCKS = frozenset((errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL))


class FileMark(NamedTuple):
    """What distinguishes a file from others of its name: bytes, time in ns, number of its inode."""

    size: int
    changed: int
    inode: int


class Replaced(NamedTuple):
    """One of the files: its ``place``, its new one's name beside it, what both were then.

    ``old`` is ``None`` where there was none.
    """

    place: str
    waiting: str
    old: FileMark | None
    made: FileMark

    @property
    def temporary(self) -> str:
        """Where the new file waits."""
        return os.path.join(os.path.dirname(self.place), self.waiting)

    @property
    def kept(self) -> str:
        """Where the old one stays."""
        return beside(self.place, KEPT)

    @property
    def record(self) -> str:
        """Where its record is."""
        return beside(self.place, RECORD)


class Replacement(NamedTuple):
    """Files that are replaced together, and the random ``key`` that their records share."""

    key: str
    files: tuple[Replaced, ...]


def mark_of(path: str) -> FileMark | None:
    """What is at a path, links not followed; ``None``: nothing. Raises ``FileError``."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise refusal("cannot be looked at", error, shown(path)) from error
    return marked(status)


def marked(status: os.stat_result) -> FileMark:
    """The mark of what was looked at."""
    return FileMark(status.st_size, status.st_mtime_ns, status.st_ino)


class Records:
    """The records of one replacement, locked from `write` until the body is left; then removed.

    ``stay``: they are left for a later run, as something could not be put back.
    """

    __slots__ = ("_fds", "_paths", "stay")

    def __init__(self) -> None:
        self._fds: list[int] = []
        self._paths: list[str] = []
        self.stay = False

    def __enter__(self) -> Records:
        return self

    def __exit__(self, *_raised: object) -> None:
        try:
            self._remove()
        finally:
            self._remove()  # once more: a signal may have come in the midst of the first

    def write(self, files: Sequence[Replaced]) -> None:
        """Put a record beside each file, whole, locked, and flushed to the disk.

        Raises ``OutputError`` where one is there: another run came first, or was ended; ``OSError``
        as the system does.
        """
        key = os.urandom(8).hex()
        for each in files:
            self._put(each.record, _as_json(Replacement(key, tuple(files)), each.place))

    def _put(self, record: str, data: bytes) -> None:
        folder = os.path.dirname(record)
        temporary = os.path.join(folder, temporary_name())
        self._paths.append(temporary)
        fd = opened(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW)
        self._fds.append(fd)
        is_locked(fd)
        FileSink(fd, None, name=shown(record)).write(data)
        os.fsync(fd)
        if os.path.lexists(record):
            raise _under_way(record)
        self._paths.append(record)
        try:
            os.link(temporary, record)  # unlike a rename it replaces nothing
        except FileExistsError:
            self._paths.remove(record)  # not ours
            raise _under_way(record) from None
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            os.rename(temporary, record)
        else:
            os.unlink(temporary)
        flush_folder(folder)

    def _remove(self) -> None:
        for each in () if self.stay else self._paths:
            with suppress(OSError):
                os.unlink(each)
        self._paths = []
        while self._fds:
            let_go(self._fds.pop())


def flush_folder(folder: str) -> None:
    """Make the names in a folder last, where the file system has such a thing."""
    fd = -1
    try:
        fd = opened(folder, os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(fd)
    except PermissionError:
        pass  # a folder that may be written to but not listed
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF):
            raise
    finally:
        if fd >= 0:
            let_go(fd)


def is_locked(fd: int) -> bool:
    """Lock what is open, if no other run has; ``False`` if one has."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
    return True


def refuse_recorded(place: str) -> None:
    """Raise ``OutputError`` where a file has a record: a run replaces it, or one was ended."""
    if read_replacement(place) is not None:
        raise _under_way(beside(place, RECORD))


def _under_way(record: str) -> OutputError:
    return OutputError(
        "is the record of another run that replaces this file",
        path=shown(record),
        hint="run again when that has ended",
        transient=True,
    )


def read_replacement(place: str) -> Replacement | None:
    """What the record beside a file says; ``None`` where there is none.

    Raises ``OutputError`` for a file of that name which is no record, ``FileError``.
    """
    record = beside(place, RECORD)
    if not os.path.lexists(record):
        return None
    try:
        data = read_bytes(record)
        return _from_json(data, place)
    except FileError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise
    except (WrongValueError, FormatError) as error:
        fault = error.of("it") if isinstance(error, WrongValueError) else error.message
        raise OutputError(
            f"is where the record of a fix is kept, and is none: {fault}",
            path=shown(record),
            hint="move it away",
        ) from None


_MARK = list_of(whole(-(1 << 63), (1 << 64) - 1), 3)
_FILE = table(
    {
        "place": path(),
        "waiting": path(),
        "old": or_none(_MARK),
        "made": _MARK,
    },
    needed=("place", "waiting", "old", "made"),
)
_RECORD = table({"key": word(64), "files": list_of(_FILE, _MOST)}, needed=("key", "files"))


def _as_json(replacement: Replacement, place: str) -> bytes:
    """As the record beside ``place`` has it: paths are seen from there, so folders can be moved."""
    folder = os.path.dirname(place)
    files = [
        {**each._asdict(), "place": os.path.relpath(each.place, folder)}
        for each in replacement.files
    ]
    text = json.dumps({"key": replacement.key, "files": files}, ensure_ascii=False)
    return f"{text}\n".encode("utf-8", "surrogateescape")


def _from_json(data: bytes, place: str) -> Replacement:
    """Raises ``WrongValueError`` for what was not written here."""
    found = _RECORD.take(json_value(data, longest=_LONGEST, any_bytes=True))
    folder = os.path.dirname(place)
    files = []
    for at, each in enumerate(found["files"]):
        marks = [each["made"], *([] if each["old"] is None else [each["old"]])]
        if any(len(mark) != len(FileMark._fields) for mark in marks):
            raise WrongValueError("has a mark that is none", f"files[{at}]")
        if not is_temporary_name(each["waiting"]):  # nothing else is ever moved or removed
            raise WrongValueError("waits under a name that no new file has", f"files[{at}]")
        old = None if each["old"] is None else FileMark(*each["old"])
        there = os.path.normpath(os.path.join(folder, each["place"]))
        files.append(Replaced(there, each["waiting"], old, FileMark(*each["made"])))
    if place not in (each.place for each in files):
        raise WrongValueError("is of other files", "it")
    return Replacement(found["key"], tuple(files))
