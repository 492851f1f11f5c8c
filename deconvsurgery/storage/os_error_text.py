"""What the operating system refuses, in words: which file, why, and what can be done about it."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from deconvsurgery.errors import FileError, SurgeryError

_BROKEN = "the disk or the network behind it fails: look at the system's log"
_REMEDIES = {
    errno.ENOSPC: "free some space, or name an output on another disk",
    errno.EDQUOT: "your quota is used up: free some space, or name an output on another disk",
    errno.EFBIG: "see `ulimit -f`, and what the file system allows (FAT: 4 GiB)",
    errno.EIO: _BROKEN,
    errno.ESTALE: "the file server lost track of it: run again",
    errno.EBUSY: "a single file mounted into a container cannot be replaced: mount its directory",
    errno.EXDEV: "it is mounted by itself, or the directory is an overlay: name another output",
    errno.EACCES: "`ls -l` shows whose it is and who may use it",
    errno.EPERM: "the file system forbids it; `lsattr` shows what may not be changed",
    errno.EROFS: "the file system is mounted to be read only: name an output on another",
    errno.EMFILE: "too many files are open: see `ulimit -n`",
    errno.ENFILE: "too many files are open in the whole system: run again later",
    errno.EMLINK: "the file has as many names as the file system allows: name another output",
    errno.ENOMEM: "the system is out of memory: run again when less runs beside it",
}


def remedy(error: OSError) -> str | None:
    """A hint for an error of the operating system, where there is one."""
    return _REMEDIES.get(error.errno or 0)


def shown(path: str | bytes | os.PathLike[str]) -> str:
    r"""Write a path so that a terminal or log can take it: one line, nothing that acts or hides.

    Bytes that are no UTF-8 appear as ``\xNN``.

    >>> print(shown("up\n\x1b[31m score.caffemodel"))
    up\n\x1b[31m score.caffemodel
    """
    text = os.fsdecode(path)
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else _escaped(character) for character in text
    )


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that surrogateescape carried along
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")


def wrong_name(error: ValueError) -> str:
    """Why no file has such a name; Python's words for a NUL differ from version to version."""
    return str(error) if isinstance(error, UnicodeError) else "embedded null byte"


def reason(error: OSError) -> str:
    """The operating system's own words for an error, without the number and the path."""
    return error.strerror or str(error) or type(error).__name__


def refusal(what: str, error: OSError, name: str) -> FileError:
    """What could not be done to the file ``name``, why, and what can be done about it."""
    words = f"{what}: {reason(error)}"
    return FileError(words, path=name, errno=error.errno, hint=remedy(error))


@contextmanager
def os_errors_as(made: Callable[[OSError], FileError]) -> Iterator[None]:
    """Errors of the operating system in the body, as what is ``made`` of them.

    One that has its words already passes: a ``FileError`` is an ``OSError``, too.
    """
    try:
        yield
    except SurgeryError:
        raise
    except OSError as error:
        raise made(error) from error
