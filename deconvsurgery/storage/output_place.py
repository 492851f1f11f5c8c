"""Where bytes are to go, and every reason why they may not; nothing is written here.

Symbolic links are followed, a process's own descriptors recognised, the input found under any
name.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeAlias

from deconvsurgery.errors import OutputError, SurgeryError
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.program.shell_words import shell_word

from .address import file_of, is_url
from .descriptors import let_go, opened
from .os_error_text import reason, refusal, shown, wrong_name
from .source import STANDARD_OUTPUT

if TYPE_CHECKING:
    from deconvsurgery.storage.object_store.object_place import ObjectPlace

    from .source_interface import Source

# What the system says of a name that cannot be; else it could not look.
_WRONG_NAME = frozenset(
    (errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EACCES, errno.EINVAL, errno.EILSEQ)
)
_LINKS = 40  # symbolic links followed before a loop is assumed, as Linux does


class Place(NamedTuple):
    """Where the bytes go: a path without links, or the descriptor ``fd`` if that is not None.

    ``old`` is what is there now. ``given`` is what the user wrote, ``name`` the same for messages.
    """

    given: str
    name: str
    path: str
    fd: int | None
    old: os.stat_result | None

    @property
    def directory(self) -> str:
        """The directory of ``path``."""
        return os.path.dirname(self.path)

    @property
    def streamed(self) -> bool:
        """Not to be replaced by a rename: no regular file, or only a descriptor is known."""
        return self.fd is not None or (self.old is not None and not stat.S_ISREG(self.old.st_mode))


# The names under which a process finds its own descriptors. To open one of them again would
# write from the start of a file that the shell redirected to with `>>`.
_DESCRIPTOR: Final = r"(?:/proc/(?:self|(?P<pid>\d+))(?:/task/\d+)?|/dev)/fd/(?P<fd>\d+)"


AnyPlace: TypeAlias = "Place | ObjectPlace"


def found_place(output: str | os.PathLike[str]) -> AnyPlace:
    """Find out what ``output`` names; follows symbolic links, the dangling ones too."""
    given = file_of(output)
    if not is_url(given):
        return _found_place(given)
    from deconvsurgery.storage.object_store.object_place import found_object_place

    return found_object_place(given)


def is_standard_output(output: str | os.PathLike[str]) -> bool:
    """``-``, or another name of that descriptor: what is printed would be mixed with it."""
    if output == "-":
        return True
    with suppress(SurgeryError):  # writing there raises it
        plain = file_of(output)
        return not is_url(plain) and _found_place(plain).fd == 1
    return False


def _found_place(given: str) -> Place:
    if given == "-":
        if sys.stdout is None:  # Python found descriptor 1 closed; it may be another file by now
            raise OutputError("is closed", path=STANDARD_OUTPUT)
        return _descriptor(given, STANDARD_OUTPUT, 1)
    name = shown(given)
    if not given:
        raise OutputError("the output's name is empty")
    if os.path.basename(given) in ("", ".", ".."):
        raise OutputError("names a directory, not a file", path=name, hint="name a file in it")
    try:
        path = given
        for _ in range(_LINKS):
            directory, last = os.path.split(path)
            path = os.path.join(os.path.realpath(directory or "."), last)
            match = re.fullmatch(_DESCRIPTOR, path) if "/fd/" in path else None
            if match and match["pid"] in (None, str(os.getpid())):
                return _descriptor(given, name, int(match["fd"]))
            if not os.path.islink(path):
                break
            path = os.path.join(os.path.dirname(path), os.readlink(path))
        else:
            raise OutputError("is a loop of symbolic links", path=name)
        try:
            old = os.lstat(path)
        except FileNotFoundError:
            old = None
    except ValueError as error:  # a NUL in the name
        raise OutputError(f"is not a name for a file: {wrong_name(error)}", path=name) from error
    except OSError as error:
        if error.errno not in _WRONG_NAME:
            raise refusal("cannot be looked at", error, name) from error
        raise OutputError(f"is not a place for a file: {reason(error)}", path=name) from error
    return Place(given, name, path, None, old)


def _descriptor(given: str, name: str, fd: int) -> Place:
    try:
        return Place(given, name, "", fd, os.fstat(fd))
    except OSError as error:
        if error.errno != errno.EBADF:
            raise refusal("cannot be looked at", error, name) from error
        raise OutputError(f"is closed: {reason(error)}", path=name) from error


def check_place(
    place: AnyPlace, source: Source | None, *, force: bool, in_place: bool | None, text: bool
) -> None:
    """Every reason not to write to ``place``; ``in_place`` is ``None`` where it is no option."""
    if not isinstance(place, Place):
        from deconvsurgery.storage.object_store.object_place import check_object_place

        check_object_place(place, source, force=force, in_place=in_place)
        return
    if in_place and source is not None:
        source.confirm_unchanged()  # else the file at its place is another one by now
    old = place.old
    if old is None:
        check_directory(place)
        return
    itself = source is not None and stat.S_ISREG(old.st_mode) and source.is_same_file(old)
    if stat.S_ISDIR(old.st_mode):
        raise OutputError("is a directory", path=place.name, hint="name a file in it")
    if stat.S_ISBLK(old.st_mode):
        raise OutputError("is a block device, which holds a file system", path=place.name)
    if itself and not (in_place and place.path):
        from deconvsurgery.storage.object_store.object_place import is_the_input

        raise is_the_input(place.name, in_place)
    if place.streamed:
        if in_place:
            raise OutputError(
                "cannot be changed in place: it is not a regular file", path=place.name
            )
        if not text and _is_terminal(place):
            raise OutputError(
                "is a terminal, which binary data would upset",
                path=place.name,
                hint="redirect it (`> FILE`), or name a file",
            )
        return
    check_directory(place)  # first: where no file can be made, --force does not help
    if not itself and not force:
        raise OutputError("exists already", path=place.name, hint="`force=True` replaces it")
    writable = old.st_mode & 0o222 and _may(place.path, os.W_OK)
    if not writable and not force:
        raise OutputError(
            "is read-only", path=place.name, hint="`force=True` replaces it all the same"
        )


def check_directory(place: Place) -> None:
    """Raise ``OutputError`` where no new file can be made in the place's directory."""
    directory = shown(place.directory)
    if not _is_directory(place):
        raise OutputError(
            f"the directory {directory} does not exist",
            path=place.name,
            hint=f"create it first: mkdir -p {shell_word(place.directory)}",
        )
    if not _may(place.directory, os.W_OK | os.X_OK):
        raise OutputError(
            f"the directory {directory} cannot be written to, and the new file is made in it"
            " before it takes its place",
            path=place.name,
            hint="name an output in another directory",
        )


def _is_directory(place: Place) -> bool:
    try:
        return stat.S_ISDIR(os.stat(place.directory).st_mode)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise refusal("its directory cannot be looked at", error, place.name) from error


def _may(path: str, access: int) -> bool:
    return os.access(path, access, effective_ids=os.access in os.supports_effective_ids)


def _is_terminal(place: Place) -> bool:
    if place.fd is not None:
        return os.isatty(place.fd)
    if place.old is None or not stat.S_ISCHR(place.old.st_mode):
        return False
    try:
        fd = opened(place.path, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return False  # writing will fail with the reason
    try:
        return os.isatty(fd)
    finally:
        let_go(fd)
