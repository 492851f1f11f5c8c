"""Put bytes in their place, whole or not at all; the law of every file this tool writes.

A new file is made beside its place, flushed to the disk, and renamed over it; until the rename the
place holds what it held, and after it the complete new bytes. What is no regular file (a pipe, a
device, standard output) is streamed into instead. What is promised: ``docs/writing.md``.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from deconvsurgery.errors import FileError, FormatError, OutputError, SurgeryError
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.wording import agreed, plural

from .address import file_of, is_url
from .atomic_write import AnyStaged, staged, take_all
from .copy_bytes import FileSink, Sink
from .descriptors import duplicated, opened
from .destination import Destination, destination
from .os_error_text import (
    os_errors_as,
    reason,
    refusal,
    remedy,
    shown,
    wrong_name,
)
from .output_place import AnyPlace, Place
from .source import read_bytes

if TYPE_CHECKING:
    from .outcome import Outcome

UNCHANGED: Final = "; nothing was changed"
"""How the message of a failure ends where the place has what it had before."""


class Written(NamedTuple):
    """What was written: ``path`` as it was named (``None``: standard output), ``size`` in bytes."""

    path: str | None
    size: int
    warnings: tuple[str, ...] = ()


def write_outcome(
    destination: Destination, outcome: Outcome, progress: Callable[[int], None] | None = None
) -> Written:
    """Write what ``outcome`` makes of the destination's source.

    ``progress`` is called with the number of bytes written since its last call. Raises
    ``FileError`` when the operating system refuses or the source was changed meanwhile,
    ``ModelError`` when it was cut short, ``OutputError`` when another came to the place meanwhile;
    in all these cases the output's place holds what it held before.
    """
    source = destination.original
    return _put(
        destination,
        partial(outcome.fill, source=source),
        outcome.size(source.size),
        source.confirm_unchanged,
        progress,
    )


def write_pair(
    text: bytes,
    text_destination: Destination,
    destination: Destination,
    outcome: Outcome,
    progress: Callable[[int], None] | None = None,
) -> tuple[Written, Written]:
    """Write two files that belong together, a small one from memory and an outcome: or neither.

    When one cannot take its place, the other gives its own back. ``progress`` is of the outcome.
    Raises as :func:`write_outcome`; neither may be a stream.
    """
    source = destination.original
    for place in (text_destination, destination):
        place.refuse_stream("is a stream, and two files belong together")
    with (
        os_errors_as(partial(failure, place=destination.place, size=None)),
        staged(text_destination, lambda sink: sink.write(text), len(text)) as one,
        staged(destination, partial(outcome.fill, source=source), None, progress) as other,
    ):
        source.confirm_unchanged()
        take_all([one, other])
        return written(one), written(other)


def make_directory(path: str | os.PathLike[str]) -> None:
    """Make a directory, and those it lies in, unless it is there; a store needs none.

    Raises ``OutputError`` where a file is in the way, else ``FileError``.
    """
    plain = file_of(path)
    if is_url(plain):
        return
    try:
        os.makedirs(plain, exist_ok=True)
    except OSError as error:
        in_the_way = isinstance(error, FileExistsError | NotADirectoryError)
        if in_the_way:
            words = f"cannot be made a directory: {reason(error)}"
            raise OutputError(words, path=shown(path)) from error
        raise refusal("cannot be made a directory", error, shown(path)) from error
    except ValueError as error:  # a NUL in the name
        raise FileError(
            f"cannot be made a directory: {wrong_name(error)}", path=shown(path)
        ) from error


def write_once(path: str | os.PathLike[str], data: bytes, *, force: bool = False) -> None:
    """Write a small file unless it is there with this very content; raises as `write_file`."""
    with suppress(FileError, FormatError):
        if read_bytes(path) == data:
            return
    write_file(path, data, force=force)


def write_file(
    path: str | os.PathLike[str], data: bytes, *, force: bool = False, text: bool = False
) -> Written:
    """Write a small file from memory under the same law; raises as `destination`, `write_bytes`."""
    return write_bytes(destination(path, force=force, text=text), data)


def write_bytes(destination: Destination, data: bytes) -> Written:
    """Write a small file from memory under the same law; raises as :func:`write_outcome`."""
    return _put(destination, lambda sink: sink.write(data), len(data))


def written(new: AnyStaged) -> Written:
    """What was written when a new file has taken its place."""
    return Written(new.place.given, new.size, tuple(new.warnings))


def _put(
    destination: Destination,
    fill: Callable[[Sink], None],
    size: int | None,
    confirm: Callable[[], None] = lambda: None,
    progress: Callable[[int], None] | None = None,
) -> Written:
    """Have ``fill`` write ``size`` bytes to the place; errors of the system put in words.

    ``size`` is ``None`` where it is known only afterwards. ``confirm`` is called when they are on
    the disk and may still raise to keep them from taking the place.
    """
    place = destination.place
    try:
        if isinstance(place, Place) and place.streamed:
            size = _stream(place, fill, confirm, progress)
            return Written(None if place.given == "-" else place.given, size)
        with staged(destination, fill, size, progress) as new:
            confirm()
            new.take()
            return written(new)
    except BrokenPipeError:
        raise  # the reader has seen enough, which is no error
    except SurgeryError:
        raise
    except OSError as error:
        raise failure(error, place, size) from error


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
        import socket

        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(place.path)
            fd = duplicated(connection.fileno())
    else:
        fd = opened(place.path, os.O_WRONLY | os.O_NOCTTY | os.O_NOFOLLOW)
    try:
        if place.fd is None and stat.S_ISREG(os.fstat(fd).st_mode):
            raise OutputError("became a regular file meanwhile", path=place.name)
        sink = FileSink(fd, progress, name=place.name)
        fill(sink)
        if stat.S_ISREG(os.fstat(fd).st_mode):
            os.fsync(fd)
        confirm()
        return sink.done
    finally:
        os.close(fd)


def failure(error: OSError, place: AnyPlace, size: int | None) -> FileError:
    """The system's refusal in words, with what is needed and what there is."""
    message = f"cannot be written: {reason(error)}"
    if size is not None:
        message += f"; {plural(size, 'byte')} {agreed(size, 'is', 'are')} needed"
    if isinstance(place, Place) and not place.streamed:
        with suppress(OSError):
            system = os.statvfs(place.directory)
            message += f", {system.f_bavail * system.f_frsize} are free"
        message += UNCHANGED
    return FileError(message, path=place.name, errno=error.errno, hint=remedy(error))
