"""Put bytes in their place, whole or not at all; the law of every file this tool writes.

A new file is made beside its place, flushed to the disk, and renamed over it; until the
rename the place holds what it held, and after it the complete new bytes. What is no
regular file (a pipe, a device, standard output) is streamed into instead.

Never here: what the bytes mean, or printing. What is promised: ``docs/writing.md``.
"""

from __future__ import annotations

import errno
import os
import secrets
import socket
import stat
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from .errors import FileError, FormatError, OutputError
from .place import Place, check_place, found_place
from .sink import Sink
from .source import FileSource, duplicated, opened, read_bytes, reason, shown
from .splice import Edit, Kept, segments, spliced_size

_ATTEMPTS = 100  # temporary names, each of 64 random bits


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: ``path`` as it was named (``None``: standard output), ``size`` in bytes."""

    path: str | None
    size: int
    warnings: tuple[str, ...] = ()


def check_output(
    output: str | os.PathLike[str],
    source: FileSource | None,
    *,
    force: bool = False,
    in_place: bool = False,
    text: bool = False,
) -> None:
    """Raise ``OutputError`` if ``output`` (``-``: standard output) is no place to write to.

    ``force`` allows to replace another file, ``in_place`` the source itself, ``text`` to write
    to a terminal. Nothing is touched, so this comes before any work.
    """
    check_place(found_place(output), source, force=force, in_place=in_place, text=text)


def write_spliced(
    source: FileSource,
    edits: Sequence[Edit],
    output: str | os.PathLike[str],
    *,
    force: bool = False,
    in_place: bool = False,
    text: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Written:
    """Write ``source`` with ``edits`` carried out; every other byte is the source's own.

    ``progress`` is called with the number of bytes written since its last call. Raises
    ``OutputError`` for the reasons of :func:`check_output`, ``FileError`` when the operating
    system refuses or the source was changed meanwhile, ``ModelError`` when it was cut short;
    in all these cases the output's place holds what it held before.
    """
    place = found_place(output)
    check_place(place, source, force=force, in_place=in_place, text=text)

    def fill(sink: Sink) -> None:
        for segment in segments(source.size, edits):
            if isinstance(segment, Kept):
                sink.copy(source, segment.start, segment.stop)
            else:
                sink.carry_out(segment, source)

    size = spliced_size(source.size, edits)
    confirm = partial(_confirm, source)
    return _put(place, fill, confirm, size, force=force, progress=progress)


def write_amended(
    source: FileSource,
    amend: Callable[[int], None],
    output: str | os.PathLike[str],
    *,
    copied: bool = True,
    force: bool = False,
    in_place: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Written:
    """Write a copy of ``source`` (or with ``copied`` false an empty file) that ``amend`` changed.

    ``amend`` gets a descriptor to read and write; what it does to it takes the place only as a
    whole. Raises as :func:`write_spliced`.
    """
    place = found_place(output)
    check_place(place, source, force=force, in_place=in_place, text=False)

    def fill(sink: Sink) -> None:
        if not place.streamed:
            if copied:
                sink.copy(source, 0, source.size)
            amend(sink.fd)
            return
        with tempfile.TemporaryFile(buffering=0) as spool:
            whole = Sink(spool.fileno(), None)
            if copied:
                whole.copy(source, 0, source.size)
            amend(whole.fd)
            with FileSource(duplicated(whole.fd), place.name) as result:
                sink.copy(result, 0, result.size)

    confirm = partial(_confirm, source)
    return _put(place, fill, confirm, None, force=force, progress=progress)


def _confirm(source: FileSource) -> None:
    """Raise if the source is no longer what was opened."""
    if not source.unchanged():
        raise FileError(
            "was changed while it was read, so the result would be a mixture",
            path=source.name,
            hint="run again when nothing else writes to it",
        )


def make_directory(path: str | os.PathLike[str]) -> None:
    """Make a directory, and those it lies in, unless it is there; raises ``FileError``."""
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise FileError(f"cannot be made a directory: {reason(error)}", path=shown(path)) from error


def write_once(path: str | os.PathLike[str], data: bytes, *, force: bool = False) -> None:
    """Write a small file unless it is there with this very content; raises as `write_file`."""
    with suppress(FileError, FormatError):
        if read_bytes(path) == data:
            return
    write_file(path, data, force=force)


def write_file(
    path: str | os.PathLike[str], data: bytes, *, force: bool = False, text: bool = False
) -> Written:
    """Write a small file from memory under the same law; raises as :func:`write_spliced`."""
    place = found_place(path)
    check_place(place, None, force=force, in_place=False, text=text)
    return _put(
        place,
        lambda sink: sink.write(data),
        lambda: None,
        len(data),
        force=force,
        progress=None,
    )


def _put(
    place: Place,
    fill: Callable[[Sink], None],
    confirm: Callable[[], None],
    size: int | None,
    *,
    force: bool,
    progress: Callable[[int], None] | None,
) -> Written:
    """Have ``fill`` write ``size`` bytes to ``place``; errors of the system put in words.

    ``size`` is ``None`` where only the outcome tells. ``confirm`` is called when they are on the
    disk and may still raise to keep them from taking the place.
    """
    try:
        warnings: tuple[str, ...] = ()
        if place.streamed:
            done = _stream(place, fill, confirm, progress)
        else:
            done, warnings = _replace(place, fill, confirm, size, force=force, progress=progress)
    except BrokenPipeError:
        raise  # who reads has seen enough: not for us to report
    except OSError as error:
        raise _failure(error, place, size) from error
    return Written(None if place.given == "-" else place.given, done, warnings)


def _stream(
    place: Place,
    fill: Callable[[Sink], None],
    confirm: Callable[[], None],
    progress: Callable[[int], None] | None,
) -> int:
    """Write into what is there; returns how many bytes."""
    if place.fd is not None:
        fd = duplicated(place.fd)
    elif place.old is not None and stat.S_ISSOCK(place.old.st_mode):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(place.path)
            fd = duplicated(connection.fileno())
    else:
        fd = opened(place.path, os.O_WRONLY | os.O_NOCTTY | os.O_NOFOLLOW)
    try:
        if place.fd is None and stat.S_ISREG(os.fstat(fd).st_mode):
            raise OutputError("became a regular file meanwhile", path=place.name)
        sink = Sink(fd, progress)
        fill(sink)
        if stat.S_ISREG(os.fstat(fd).st_mode):
            os.fsync(fd)
        confirm()
        return sink.done
    finally:
        os.close(fd)


def _replace(
    place: Place,
    fill: Callable[[Sink], None],
    confirm: Callable[[], None],
    size: int | None,
    *,
    force: bool,
    progress: Callable[[int], None] | None,
) -> tuple[int, tuple[str, ...]]:
    """Write beside the place, flush, rename over it, flush the directory; returns size, warnings.

    Whatever interrupts this, a signal's exception too, the temporary file is removed.
    """
    warnings: list[str] = []
    temporary: str | None = None
    fd = -1
    try:
        for _ in range(_ATTEMPTS):
            # Short, so that it fits wherever the output's own name does.
            name = f".deconvsurgery-{secrets.token_hex(8)}.tmp"
            temporary = os.path.join(place.directory, name)
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            try:
                # A copy of a private file is private from its first byte on.
                fd = opened(temporary, flags, 0o666 if place.old is None else 0o600)
                break
            except FileExistsError:
                temporary = None  # not ours
        else:
            raise FileExistsError(errno.EEXIST, "no temporary name is free", place.directory)
        fill(Sink(fd, progress))
        done = os.fstat(fd).st_size
        if size is not None and done != size:
            raise RuntimeError(f"{done} bytes were written instead of {size}")
        if place.old is not None:
            warnings += _dress(fd, place.path, place.old)
        os.fsync(fd)
        fd, finished = -1, fd
        os.close(finished)
        confirm()
        if not force:
            _check_still(place)
        os.rename(temporary, place.path)
        temporary = None
    except BaseException:
        if fd >= 0:
            with suppress(OSError):
                os.close(fd)
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)
        raise
    _flush_directory(place)
    return done, tuple(warnings)


def _check_still(place: Place) -> None:
    """Without --force, what is at the place now must be what was there when it was checked."""
    try:
        now = os.lstat(place.path)
    except FileNotFoundError:
        return
    if place.old is None:
        raise OutputError("was made by another meanwhile", path=place.name)
    if not os.path.samestat(now, place.old):
        raise OutputError("was replaced by another meanwhile", path=place.name)


def _dress(fd: int, path: str, old: os.stat_result) -> list[str]:
    """Give the new file the owner, attributes and mode of the one it replaces, as far as it goes.

    Returns a warning for each that could not be kept. Never more open than the old one.
    """
    warnings: list[str] = []
    if old.st_nlink > 1:
        others = old.st_nlink - 1
        warnings.append(
            f"{others} other hard link{'s' if others > 1 else ''} to the old file"
            f" keep{'' if others > 1 else 's'} the old bytes"
        )
    mode = stat.S_IMODE(old.st_mode)
    new = os.fstat(fd)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        try:
            os.fchown(fd, old.st_uid, old.st_gid)
        except OSError:
            warnings.append("the old file's owner could not be kept")
            mode &= ~(stat.S_ISUID | stat.S_ISGID)
            try:
                os.fchown(fd, -1, old.st_gid)
            except OSError:  # another group must not get what was the old group's
                mode &= ~0o070 | (mode & 0o007) << 3
    if hasattr(os, "listxattr"):
        warnings += _copy_attributes(fd, path)
    try:
        os.fchmod(fd, mode)
    except OSError as error:
        warnings.append(f"the old file's mode {mode:04o} could not be kept: {reason(error)}")
    return warnings


def _copy_attributes(fd: int, path: str) -> list[str]:
    """Copy extended attributes, access lists among them; those of the security system are its."""
    try:
        names = [name for name in os.listxattr(path) if not name.startswith("security.")]
    except OSError:
        return []
    warnings = []
    for name in names:
        try:
            os.setxattr(fd, name, os.getxattr(path, name))
        except OSError as error:
            warnings.append(f"the attribute {shown(name)} could not be kept: {reason(error)}")
    return warnings


def _flush_directory(place: Place) -> None:
    """Make the rename itself last; some file systems have no such thing and say so."""
    fd = -1
    try:
        fd = opened(place.directory, os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(fd)
    except PermissionError:
        pass  # a directory that may be written to but not listed
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF):
            raise FileError(
                "is complete and in its place, but the directory could not be flushed to the"
                f" disk: {reason(error)}",
                path=place.name,
            ) from error
    finally:
        if fd >= 0:
            with suppress(OSError):  # nothing was written through it
                os.close(fd)


_REMEDY = {
    errno.ENOSPC: "free some space, or name an output on another disk",
    errno.EDQUOT: "your quota is used up: free some space, or name an output on another disk",
    errno.EFBIG: "see `ulimit -f`, and what the file system allows (FAT: 4 GiB)",
    errno.EIO: "the disk or the network behind it fails: look at the system's log",
    errno.EBUSY: "a single file mounted into a container cannot be replaced: mount its directory",
}


def _failure(error: OSError, place: Place, size: int | None) -> FileError:
    """The system's refusal in words, with what is needed and what there is."""
    message = f"cannot be written: {reason(error)}"
    if size is not None:
        message += f"; {size} bytes are needed"
    if not place.streamed:
        with suppress(OSError):
            system = os.statvfs(place.directory)
            message += f", {system.f_bavail * system.f_frsize} are free"
        message += "; nothing was changed"
    return FileError(message, path=place.name, hint=_REMEDY.get(error.errno or 0))
