"""Open what is read: a file as a seekable source of bytes, whatever it is on disk.

A source is read by ``pread``, never mapped: a mapped file that someone else cuts short
ends the process with SIGBUS, a read one ends in an error that can be reported. Pipes and
devices are spooled to an unnamed temporary file, so memory does not grow with them.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from itertools import islice
from weakref import finalize

from deconvsurgery.errors import FileError, FormatError, SurgeryError
from deconvsurgery.nearest import nearest
from deconvsurgery.wording import plural

from .address import SCHEMES, file_of, from_any_folder, is_url
from .descriptors import duplicated, let_go, opened
from .os_error_text import refusal, shown, wrong_name
from .source_interface import Source
from .spool import spooled

STANDARD_INPUT = "standard input"
STANDARD_OUTPUT = "standard output"

_MIB = 1 << 20
_READ = 1 << 30  # bytes asked for in one call; macOS refuses more than INT_MAX
_TEXT_LIMIT = 256 * _MIB  # bytes; the largest prototxt in the wild has less than one hundredth


_Identity = tuple[int, int, int, int]


def _identity(status: os.stat_result) -> _Identity:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _status(fd: int, name: str) -> os.stat_result:
    try:
        return os.fstat(fd)
    except OSError as error:
        raise refusal("cannot be looked at", error, name) from error


class FileSource(Source):
    """A source that is a file, open under the descriptor ``fd``, which it owns."""

    __slots__ = (
        *("__weakref__", "_identity", "_keeper", "_path", "_read_from"),
        *("fd", "name", "size", "spooled"),
    )
    stride = _MIB

    def __init__(
        self,
        fd: int,
        name: str,
        *,
        path: str | None = None,
        spooled_from: os.stat_result | None = None,
    ) -> None:
        self.fd = -1
        try:
            status = _status(fd, name)
        except FileError:
            let_go(fd)
            raise
        self.fd = fd
        # Nobody may close a model that is opened without `with`. No `__del__`: it would run for
        # what was closed, too, behind the end of a command, where a signal is lost.
        self._keeper = finalize(self, let_go, fd)
        self.name = name
        self.size = status.st_size
        self.spooled = spooled_from is not None
        self._path = path
        self._identity = _identity(status)
        self._read_from = spooled_from or status

    @property
    def closed(self) -> bool:  # type: ignore[override]
        """Its descriptor was given back."""
        return self.fd < 0

    def read(self, start: int, size: int) -> bytes:
        """Bytes ``[start, start + size)``, all of them; raises as `Source.read`."""
        self.refuse_beyond(start, size)
        first = self._read_some(start, size)
        if len(first) == size:
            return first
        data = bytearray(first)
        while len(data) < size:
            data += self._read_some(start + len(data), size - len(data))
        return bytes(data)

    def _read_some(self, start: int, size: int) -> bytes:
        """At least one byte from ``start``, at most ``size``; none only if none were asked for."""
        while True:
            try:
                data = os.pread(self.fd, min(size, _READ), start)
            except InterruptedError:
                continue
            except OSError as error:
                raise refusal(f"cannot read at byte {start}", error, self.name) from error
            if not data and size:
                raise self.cut_short(start)
            return data

    def filled(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """The stretches of ``[start, stop)`` that have bytes on disk; between them are zeros.

        A sparse file has holes; elsewhere, and where the system does not say, it is all of it.
        """
        position = start
        while position < stop:
            try:
                begin = os.lseek(self.fd, position, os.SEEK_DATA)
                end = os.lseek(self.fd, begin, os.SEEK_HOLE)
            except (OSError, AttributeError) as error:
                if getattr(error, "errno", None) != errno.ENXIO:  # a hole up to the end
                    yield position, stop
                return
            if begin >= stop:
                return
            yield begin, min(end, stop)
            position = end

    def unchanged(self) -> bool:
        """Device, inode, size and time of last change are what they were when it was opened.

        Asks both the open file and its name, so a file put in its place counts as a change.
        A name that is gone does not: nothing can be overwritten there, and the bytes stay
        readable for as long as the source is open.
        """
        if self.spooled:
            return True
        if _identity(_status(self.fd, self.name)) != self._identity:
            return False
        if self._path is None:
            return True
        try:
            return _identity(os.stat(self._path)) == self._identity
        except OSError:
            return True

    def is_same_file(self, status: os.stat_result) -> bool:
        """``status`` is of the very file this source reads, by whatever name it was found."""
        return os.path.samestat(status, self._read_from)

    def close(self) -> None:
        """Give the descriptor back; a second call does nothing."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            self._keeper.detach()
            let_go(fd)


def open_source(path: str | os.PathLike[str], *, limit: int | None = None) -> Source:
    """Open a file, a URL, or standard input for ``-``; the caller closes it.

    What cannot seek (a pipe, a device) is read to its end first, which may never come; with a
    ``limit`` only until it has more bytes than that. Raises ``FileError`` when there is nothing
    to read at ``path``.
    """
    return _source(path, limit=limit)


def open_text(path: str | os.PathLike[str]) -> Source:
    """Open a small file, such as a prototxt, or standard input for ``-``; the caller closes it.

    Raises ``FormatError`` for more than 256 MiB, before reading them, and ``FileError``.
    """
    source = _source(path, limit=_TEXT_LIMIT)
    if source.size <= _TEXT_LIMIT:
        return source
    with source:
        raise FormatError(
            "is too large for a prototxt"
            if source.spooled
            else f"is {plural(source.size, 'byte')}, no prototxt",
            path=source.name,
            hint="are net and model the wrong way round?",
        )


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """Everything in a small file; raises as `open_text`."""
    with open_text(path) as source:
        return source.read(0, source.size)


def _source(path: str | os.PathLike[str], limit: int | None) -> Source:
    """Open; of what must be spooled, take little more than ``limit`` bytes."""
    plain = file_of(path)
    if is_url(plain):
        from deconvsurgery.storage.object_store.object_source import open_remote, streamed

        found = open_remote(plain)
        if found is not None:
            return found
        name = shown(plain)
        spool = spooled(streamed(plain, _MIB), name, limit)
        return FileSource(spool, name, spooled_from=_status(spool, name))
    if not plain:
        hint = "its name is empty: is a variable of the script not set?"
        raise FileError("there is no such file", errno=errno.ENOENT, hint=hint)
    if plain == "-":
        name, fd = STANDARD_INPUT, _standard_input()
    else:
        name, fd = shown(plain), _opened_for_reading(plain)
    try:
        status = os.fstat(fd)
        if stat.S_ISDIR(status.st_mode):
            hint = "name a file in it"
            raise FileError("is a directory, not a file", path=name, errno=errno.EISDIR, hint=hint)
        # A shell may hand over a file that something has read from already.
        readable = stat.S_ISREG(status.st_mode) and os.lseek(fd, 0, os.SEEK_CUR) == 0
        spool = fd if readable else spooled(_chunks(fd, name), name, limit)
    except BaseException as error:
        let_go(fd)
        if isinstance(error, OSError) and not isinstance(error, SurgeryError):
            raise refusal("cannot be looked at", error, name) from error
        raise
    if readable:
        return FileSource(fd, name, path=None if plain == "-" else from_any_folder(plain))
    let_go(fd)
    return FileSource(spool, name, spooled_from=status)


def _standard_input() -> int:
    if sys.stdin is None:  # Python found descriptor 0 closed; it may be another file by now
        raise FileError("is closed", path=STANDARD_INPUT)
    if os.isatty(0):
        hint = "redirect a file (`< FILE`) or pipe a command's output into it"
        raise FileError("is a terminal", path=STANDARD_INPUT, hint=hint)
    try:
        return duplicated(0)
    except OSError as error:
        raise refusal("cannot be read", error, STANDARD_INPUT) from error


def _opened_for_reading(path: str) -> int:
    try:
        return opened(path, os.O_RDONLY | os.O_NOCTTY)
    except FileNotFoundError as error:
        raise FileError(
            "there is no such file", path=shown(path), errno=error.errno, hint=_nearest(path)
        ) from error
    except OSError as error:
        raise refusal("cannot be opened", error, shown(path)) from error
    except ValueError as error:  # a NUL in the name
        raise FileError(
            f"cannot be opened: {wrong_name(error)}",
            path=shown(path),
            hint="no file has such a name",
        ) from error


def _nearest(path: str) -> str | None:
    """A hint for a name that is not there: a name like it that is."""
    directory, name = os.path.split(path)
    try:
        with os.scandir(directory or ".") as entries:
            names = [entry.name for entry in islice(entries, 1000)]
    except FileNotFoundError:
        scheme, _, rest = path.partition(":/")
        if scheme in SCHEMES:
            return f"did you mean {shown(f'{scheme}://{rest}')}? A URL has two slashes"
        return f"the directory {shown(directory)} does not exist either"
    except OSError:
        return None
    if near := nearest(name, names):
        return f"did you mean {shown(os.path.join(directory, near))}?"
    return "the shell found no file that fits the pattern" if "*" in name else None


def _chunks(fd: int, name: str) -> Iterator[bytes]:
    while chunk := _read_chunk(fd, name):
        yield chunk


def _read_chunk(fd: int, name: str) -> bytes:
    while True:
        try:
            return os.read(fd, _MIB)
        except InterruptedError:
            continue
        except OSError as error:
            raise refusal("cannot be read", error, name) from error
