"""Put bytes in their place, whole or not at all; the law of every file this tool writes.

A new file is made beside its place, flushed to the disk, and renamed over it; until the rename the
place holds what it held, and after it the complete new bytes. What is no regular file (a pipe, a
device, standard output) is streamed into instead. What is promised: ``docs/writing.md``.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

from deconvsurgery.errors import FileError, FormatError, OutputError
from deconvsurgery.splicing.byte_ranges import (
    Edit,
    Kept,
    segments,
    spliced_size,
)
from deconvsurgery.wording import agreed, plural

from .address import file_of, is_url
from .atomic_write import spooled, staged, take_all
from .copy_bytes import FileSink, Sink
from .descriptors import duplicated, opened
from .os_error_text import (
    reason,
    refusal,
    remedy,
    shown,
)
from .output_place import (
    AnyPlace,
    Place,
    check_place,
    found_place,
)
from .source import read_bytes
from .source_interface import Source


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: ``path`` as it was named (``None``: standard output), ``size`` in bytes."""

    path: str | None
    size: int
    warnings: tuple[str, ...] = ()


def check_output(
    output: str | os.PathLike[str],
    source: Source | None,
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
    source: Source,
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

    size = spliced_size(source.size, edits)
    fill = splicing(source, edits)
    return _put(place, fill, source.confirm_unchanged, size, force=force, progress=progress)


def write_amended(
    source: Source,
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

    fill = amending(source, amend, copied=copied)
    return _put(place, fill, source.confirm_unchanged, None, force=force, progress=progress)


Filling: TypeAlias = Callable[[Sink], None]
"""What writes a whole file into a sink."""


def splicing(source: Source, edits: Sequence[Edit]) -> Filling:
    """A copy of ``source`` with ``edits`` carried out.

    Where the file system can clone it and no edit changes its length, only the edits are written.
    """

    def fill(sink: Sink) -> None:
        new = sum(edit.size for edit in edits)
        cloned = (
            isinstance(sink, FileSink)
            and not any(edit.growth for edit in edits)
            and sink.clone(source, but=new)
        )
        if cloned:
            assert isinstance(sink, FileSink)
            for edit in sorted(edits, key=lambda edit: edit.start):
                sink.seek(edit.start)
                sink.carry_out(edit, source)
            return
        for segment in segments(source.size, edits):
            if isinstance(segment, Kept):
                sink.copy(source, segment.start, segment.stop)
            else:
                sink.carry_out(segment, source)

    return fill


def amending(source: Source, amend: Callable[[int], None], *, copied: bool) -> Filling:
    """A copy of ``source``, or nothing, that ``amend`` changes, who needs a file to do it in."""

    def fill(sink: Sink) -> None:
        if not isinstance(sink, FileSink) or not sink.fresh:
            with spooled(fill, sink.name) as made:
                sink.copy(made, 0, made.size)
            return
        if copied and not sink.clone(source):
            sink.copy(source, 0, source.size)
        amend(sink.fd)

    return fill


def write_pair(
    text: bytes,
    text_output: str | os.PathLike[str],
    source: Source,
    fill: Filling,
    output: str | os.PathLike[str],
    *,
    force: bool = False,
) -> tuple[Written, Written]:
    """Write two files that belong together, a small one from memory and a large one: or neither.

    When one cannot take its place, the other gives its own back. Raises as
    :func:`write_spliced`; neither may be a stream.
    """
    first, second = found_place(text_output), found_place(output)
    for place in (first, second):
        check_place(place, source, force=force, in_place=False, text=False)
        if place.streamed:
            raise OutputError("is a stream, and two files belong together", path=place.name)
    try:
        with (
            staged(first, lambda sink: sink.write(text), len(text)) as one,
            staged(second, fill, None) as two,
        ):
            source.confirm_unchanged()
            take_all([one, two], force=force)
            return (
                Written(first.given, one.size, tuple(one.warnings)),
                Written(second.given, two.size, tuple(two.warnings)),
            )
    except OSError as error:
        raise failure(error, second, None) from error


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
        raise FileError(f"cannot be made a directory: {error}", path=shown(path)) from error


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
    place: AnyPlace,
    fill: Filling,
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
        if isinstance(place, Place) and place.streamed:
            done = _stream(place, fill, confirm, progress)
        else:
            done, warnings = _replace(place, fill, confirm, size, force=force, progress=progress)
    except BrokenPipeError:
        raise  # who reads has seen enough: not for us to report
    except OSError as error:
        raise failure(error, place, size) from error
    return Written(None if place.given == "-" else place.given, done, warnings)


def _stream(
    place: Place,
    fill: Filling,
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
        sink = FileSink(fd, progress, name=place.name)
        fill(sink)
        if stat.S_ISREG(os.fstat(fd).st_mode):
            os.fsync(fd)
        confirm()
        return sink.done
    finally:
        os.close(fd)


def _replace(
    place: AnyPlace,
    fill: Filling,
    confirm: Callable[[], None],
    size: int | None,
    *,
    force: bool,
    progress: Callable[[int], None] | None,
) -> tuple[int, tuple[str, ...]]:
    """Write beside the place and take it; returns size and warnings."""
    with staged(place, fill, size, progress) as new:
        confirm()
        new.take(force=force)
        return new.size, tuple(new.warnings)


def failure(error: OSError, place: AnyPlace, size: int | None) -> FileError:
    """The system's refusal in words, with what is needed and what there is."""
    message = f"cannot be written: {reason(error)}"
    if size is not None:
        message += f"; {plural(size, 'byte')} {agreed(size, 'is', 'are')} needed"
    if isinstance(place, Place) and not place.streamed:
        with suppress(OSError):
            system = os.statvfs(place.directory)
            message += f", {system.f_bavail * system.f_frsize} are free"
        message += "; nothing was changed"
    return FileError(message, path=place.name, hint=remedy(error))
