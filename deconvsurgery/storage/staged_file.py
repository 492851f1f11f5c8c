"""A new file beside its place: made whole, flushed, and only then put there by a rename.

The directory is held by a descriptor, so that the temporary file is removed in one that was renamed
meanwhile, too.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from deconvsurgery.errors import FileError, OutputError
from deconvsurgery.wording import plural

from .copy_bytes import FileSink, Sink
from .descriptors import let_go, opened
from .os_error_text import reason, shown
from .output_place import Place, check_directory
from .source import FileSource
from .temporary_names import temporary_name

if TYPE_CHECKING:
    from .destination import Destination

_ATTEMPTS = 100  # temporary names, each of 64 random bits
# Where a system has not all of them, paths are used.
_BY_DESCRIPTOR = {os.open, os.stat, os.link, os.rename, os.unlink} <= os.supports_dir_fd
_FOLLOWS = os.link not in os.supports_follow_symlinks


class StagedFile:
    """A complete new file of ``size`` bytes that waits beside its place.

    What stands in its directory is known by `_at`, and ``_folder`` is a descriptor of that.
    ``left`` is the name of what stays where `undo` failed: the old file, or else the new one.
    """

    __slots__ = (
        "_destination",
        "_fd",
        "_folder",
        "_kept",
        "_own",
        "_temporary",
        "left",
        "place",
        "size",
        "warnings",
    )

    def __init__(self, destination: Destination, place: Place) -> None:
        self._destination = destination
        self.place = place
        self.size = 0
        self.warnings: list[str] = []
        self._fd = -1
        self._folder: int | None = None
        self._temporary: str | None = None
        self._kept: str | None = None
        self._own: os.stat_result | None = None
        self.left: str | None = None

    def _at(self, name: str) -> str:
        """A name in the directory: from its descriptor, or where there is none, the whole path."""
        return os.path.join(self.place.directory, name) if self._folder is None else name

    @property
    def _place(self) -> str:
        return self._at(os.path.basename(self.place.path))

    def fill(self, fill: Callable[[Sink], None], progress: Callable[[int], None] | None) -> None:
        """Have ``fill`` write it, and flush it; where this fails, `settle` leaves nothing."""
        try:
            self._fd = fd = self._opened()
        except FileNotFoundError:
            check_directory(self.place)  # it was there when the place was looked up
            raise
        fill(FileSink(fd, progress, fresh=True, flushed=True))
        self.size = os.fstat(fd).st_size
        if self.place.old is not None:
            self.warnings += _dress(fd, self.place.path, self.place.old)
        os.fsync(fd)
        self._fd = -1
        os.close(fd)

    def _opened(self) -> int:
        """A new temporary file, whose name is known before it is there: it must not be left."""
        self._folder = _held(self.place.directory)
        self.place = self._destination.looked_at_again(self.place, self._now())
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        # A copy of a private file is private from its first byte on.
        mode = 0o666 if self.place.old is None else 0o600
        for _ in range(_ATTEMPTS):
            self._temporary = self._at(temporary_name())
            try:
                return opened(self._temporary, flags, mode, folder=self._folder)
            except FileExistsError:
                self._temporary = None  # not ours
        raise FileExistsError(errno.EEXIST, "no temporary name is free", self.place.directory)

    @property
    def waiting(self) -> str:
        """Its name while it waits."""
        assert self._temporary is not None
        return os.path.basename(self._temporary)

    def take(self, *, undoable: bool = False, kept: str | None = None) -> None:
        """Rename it over its place and flush the directory; raises ``OutputError``, ``FileError``.

        ``undoable`` keeps what was there until `settle` or `undo`, under the name ``kept`` in its
        directory if that is given.
        """
        assert self._temporary is not None
        self._check_directory()
        if not self._destination.force:
            self._check_still()
        self._own = os.lstat(self._temporary, dir_fd=self._folder)
        if undoable and self.place.old is not None:
            name = self._at(kept or temporary_name())
            if kept is not None and self._is_there(name):
                words = "is there meanwhile, and the old file would be kept under that name"
                raise OutputError(words, path=shown(kept), transient=True)
            self._kept = name
            os.link(
                self._place,
                self._kept,
                src_dir_fd=self._folder,
                dst_dir_fd=self._folder,
                follow_symlinks=_FOLLOWS,
            )
        self._rename(self._temporary)
        self._temporary = None
        self._flush_directory()

    def _is_there(self, name: str) -> bool:
        try:
            os.lstat(name, dir_fd=self._folder)
        except FileNotFoundError:
            return False
        return True

    def _rename(self, name: str) -> None:
        os.rename(name, self._place, src_dir_fd=self._folder, dst_dir_fd=self._folder)

    def _now(self) -> os.stat_result | None:
        """What is at the place; ``None``: nothing."""
        try:
            return os.lstat(self._place, dir_fd=self._folder)
        except FileNotFoundError:
            return None

    def _check_directory(self) -> None:
        """It must still be where it was named, or nobody would find the new file."""
        if self._folder is None:
            return
        with suppress(FileNotFoundError, NotADirectoryError):
            if os.path.samestat(os.stat(self.place.directory), os.fstat(self._folder)):
                return
        raise OutputError("its directory was moved meanwhile", path=self.place.name, transient=True)

    def _check_still(self) -> None:
        """Without --force, what is at the place must be what was there when it was checked."""
        now, old = self._now(), self.place.old
        if now is not None and (old is None or not os.path.samestat(now, old)):
            how = "made" if old is None else "replaced"
            words = f"was {how} by another meanwhile"
            raise OutputError(words, path=self.place.name, transient=True)

    def is_at_place_of(self, other: object) -> bool:
        """What is at its place is the ``other``, which was put there a moment ago.

        Names of files that are not there yet show this only where it is known what case counts.
        """
        if not isinstance(other, StagedFile) or other._own is None:
            return False
        now = self._now()
        return now is not None and os.path.samestat(now, other._own)

    def reopened(self) -> FileSource:
        """The new file, to be read while it waits."""
        assert self._temporary is not None
        fd = opened(self._temporary, os.O_RDONLY, folder=self._folder)
        return FileSource(fd, self.place.name)

    def undo(self) -> None:
        """Put back what was there, if the new file has taken its place, or nothing is there now."""
        if self._own is None:
            return
        kept, self._kept = self._kept, None  # if it is not put back, it must not be lost
        self.left = os.path.basename(kept or self.place.path)
        now = self._now()
        if now is not None and not os.path.samestat(now, self._own):
            self._kept = kept
        elif kept is not None:
            self._rename(kept)
        elif now is not None:
            os.unlink(self._place, dir_fd=self._folder)
        self.left = None

    def settle(self) -> None:
        """Let go of what was there, or of the new file if it was never put there."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            let_go(fd)
        for name in (self._temporary, self._kept):
            if name is not None:
                with suppress(OSError):
                    os.unlink(name, dir_fd=self._folder)
        self._temporary = self._kept = None
        folder, self._folder = self._folder, None
        if folder is not None:
            let_go(folder)

    def _flush_directory(self) -> None:
        """Make the rename itself last; some file systems have no such thing and say so."""
        fd = -1
        try:
            if self._folder is None:
                fd = opened(self.place.directory, os.O_RDONLY | os.O_DIRECTORY)
            os.fsync(fd if self._folder is None else self._folder)
        except PermissionError:
            pass  # a directory that may be written to but not listed
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF):
                raise FileError(
                    "is complete and in its place, but the directory could not be flushed to the"
                    f" disk: {reason(error)}",
                    path=self.place.name,
                    errno=error.errno,
                    hint="it can be used; `sync` flushes once more, before the power goes",
                ) from error
        finally:
            if fd >= 0:
                let_go(fd)


def _held(directory: str) -> int | None:
    """A descriptor of a directory, ``None`` where the system has no use for one."""
    if not _BY_DESCRIPTOR:
        return None
    try:
        return opened(directory, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:  # it may be written to but not listed
        with suppress(AttributeError):
            return opened(directory, os.O_PATH | os.O_DIRECTORY)
        return None


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
