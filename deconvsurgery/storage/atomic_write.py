"""A new file beside its place: made whole, flushed, and only then put there by a rename.

Whatever interrupts this, a signal's exception too, the temporary file is removed.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from deconvsurgery.errors import FileError, OutputError
from deconvsurgery.storage.object_store.object_place import ObjectPlace
from deconvsurgery.wording import plural

from .copy_bytes import Both, FileSink, Sink
from .descriptors import duplicated, let_go, opened
from .os_error_text import reason, shown
from .output_place import AnyPlace, Place
from .source import FileSource
from .source_interface import Source

if TYPE_CHECKING:
    from deconvsurgery.storage.object_store.staged_object import StagedObject

_ATTEMPTS = 100  # temporary names, each of 64 random bits


@dataclass(slots=True)
class Staged:
    """A complete new file of ``size`` bytes that waits beside ``place``."""

    place: Place
    size: int
    warnings: list[str] = field(default_factory=list)
    _fd: int = -1
    _temporary: str | None = None
    _kept: str | None = None
    _own: os.stat_result | None = None

    def _opened(self) -> int:
        """A new temporary file, whose name is known before it is there: it must not be left."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        # A copy of a private file is private from its first byte on.
        mode = 0o666 if self.place.old is None else 0o600
        for _ in range(_ATTEMPTS):
            self._temporary = os.path.join(self.place.directory, _temporary_name())
            try:
                return opened(self._temporary, flags, mode)
            except FileExistsError:
                self._temporary = None  # not ours
        raise FileExistsError(errno.EEXIST, "no temporary name is free", self.place.directory)

    def take(self, *, force: bool, undoable: bool = False) -> None:
        """Rename it over its place and flush the directory; raises ``OutputError``, ``FileError``.

        ``undoable`` keeps what was there until `settle` or `undo`.
        """
        assert self._temporary is not None
        if not force:
            _check_still(self.place)
        self._own = os.lstat(self._temporary)
        if undoable and self.place.old is not None:
            self._kept = os.path.join(self.place.directory, _temporary_name())
            os.link(self.place.path, self._kept)
        os.rename(self._temporary, self.place.path)
        self._temporary = None
        _flush_directory(self.place)

    def reopened(self) -> FileSource:
        """The new file, to be read while it waits."""
        assert self._temporary is not None
        return FileSource(opened(self._temporary, os.O_RDONLY), self.place.name)

    def undo(self) -> None:
        """Put back what was there, if the new file has taken its place."""
        try:
            now = os.lstat(self.place.path)
        except FileNotFoundError:
            return
        if self._own is None or not os.path.samestat(now, self._own):
            return
        if self._kept is not None:
            os.rename(self._kept, self.place.path)
            self._kept = None
        else:
            os.unlink(self.place.path)

    def settle(self) -> None:
        """Let go of what was there, or of the new file if it was never put there."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            let_go(fd)
        for path in (self._temporary, self._kept):
            if path is not None:
                with suppress(OSError):
                    os.unlink(path)
        self._temporary = self._kept = None


AnyStaged: TypeAlias = "Staged | StagedObject"


@contextmanager
def staged(
    place: AnyPlace,
    fill: Callable[[Sink], None],
    size: int | None,
    progress: Callable[[int], None] | None = None,
    *,
    reread: bool = False,
) -> Iterator[AnyStaged]:
    """Have ``fill`` write a new file of ``size`` bytes (if that is known) beside ``place``.

    It is on the disk, or in the store, when the body is entered; what the body does not
    `Staged.take` is removed. ``reread``: it is to be `Staged.reopened` before that.
    """
    made = (
        _staged_object(place, fill, progress, reread=reread)
        if isinstance(place, ObjectPlace)
        else _staged_file(place, fill, progress)
    )
    with made as new:
        if size is not None and new.size != size:
            raise RuntimeError(f"{new.size} bytes were written instead of {size}")
        yield new


@contextmanager
def _staged_object(
    place: ObjectPlace,
    fill: Callable[[Sink], None],
    progress: Callable[[int], None] | None,
    *,
    reread: bool,
) -> Iterator[StagedObject]:
    from deconvsurgery.storage.object_store.staged_object import StagedObject

    with ExitStack() as stack:
        filled, reopen = fill, None
        if reread:
            spool = stack.enter_context(tempfile.TemporaryFile(buffering=0)).fileno()

            def filled(sink: Sink) -> None:
                fill(Both(sink, FileSink(spool, None, fresh=True)))

            def reopen() -> Source:
                return FileSource(duplicated(spool), place.name)

        new = StagedObject(place, reopen)
        try:
            try:
                new.fill(filled, progress)
                yield new
            finally:
                new.settle()
        finally:
            new.settle()  # once more: a signal may have come in the midst of the first


@contextmanager
def spooled(fill: Callable[[Sink], None], name: str) -> Iterator[FileSource]:
    """What ``fill`` writes, as an unnamed file that can be read."""
    with tempfile.TemporaryFile(buffering=0) as spool:
        fill(FileSink(spool.fileno(), None, fresh=True))
        with FileSource(duplicated(spool.fileno()), name) as contents:
            yield contents


@contextmanager
def _staged_file(
    place: Place,
    fill: Callable[[Sink], None],
    progress: Callable[[int], None] | None = None,
) -> Iterator[Staged]:
    new = Staged(place, 0)
    try:
        try:
            new._fd = fd = new._opened()
            fill(FileSink(fd, progress, fresh=True))
            new.size = os.fstat(fd).st_size
            if place.old is not None:
                new.warnings += _dress(fd, place.path, place.old)
            os.fsync(fd)
            new._fd = -1
            os.close(fd)
            yield new
        finally:
            new.settle()
    finally:
        new.settle()  # once more: a signal may have come in the midst of the first


def take_all(files: Sequence[AnyStaged], *, force: bool) -> None:
    """Have each take its place in turn; where one cannot, those before it give theirs back."""
    try:
        for each in files:
            each.take(force=force, undoable=True)
    except BaseException:
        with ExitStack() as stack:  # the last first, and each whatever becomes of the others
            for each in files:
                stack.callback(each.undo)
        raise


def _temporary_name() -> str:
    """Short, so that it fits wherever the output's own name does."""
    return f".deconvsurgery-{secrets.token_hex(8)}.tmp"


def _check_still(place: Place) -> None:
    """Without --force, what is at the place now must be what was there when it was checked."""
    try:
        now = os.lstat(place.path)
    except FileNotFoundError:
        return
    if place.old is None:
        raise OutputError("was made by another meanwhile", path=place.name, transient=True)
    if not os.path.samestat(now, place.old):
        raise OutputError("was replaced by another meanwhile", path=place.name, transient=True)


def _dress(fd: int, path: str, old: os.stat_result) -> list[str]:
    """Give the new file the owner, attributes and mode of the one it replaces, as far as it goes.

    Returns a warning for each that could not be kept. Never more open than the old one.
    """
    warnings: list[str] = []
    if old.st_nlink > 1:
        others = old.st_nlink - 1
        warnings.append(
            f"{plural(others, 'other hard link')} to the old file"
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
                hint="it can be used; `sync` flushes once more, before the power goes",
            ) from error
    finally:
        if fd >= 0:
            let_go(fd)
