"""The record beside a sweep's output: what it was made of, and that it is the sweep's own.

It is a row, in a file of its own. Before there is an output, it is a claim, by which
another run knows that a sweep was about to write there.
"""

from __future__ import annotations

import errno
import inspect
import os
from contextlib import suppress
from typing import Any

from deconvsurgery.errors import FileError, OutputError, SurgeryError
from deconvsurgery.storage.address import file_of, is_url
from deconvsurgery.storage.object_store.store import answer, asked, count, located
from deconvsurgery.storage.os_error_text import refusal, shown
from deconvsurgery.storage.output_place import found_place
from deconvsurgery.storage.source import open_source
from deconvsurgery.storage.streams import can_be_read_again
from deconvsurgery.storage.temporary_names import temporary_name
from deconvsurgery.storage.write_outputs import write_file
from deconvsurgery.strict_values.kinds import WrongValueError

from .result_rows import PairRow, RowOutcome
from .row_lines import LONGEST_ROW, read_row, written

SUFFIX = ".sweep.json"
_NO_LINKS = frozenset((errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK))
_TAKEN = 412  # what a store answers where there is an object, and none was to be


def read_record(output: str) -> PairRow | None:
    """The record of an output; ``None`` where there is none.

    Raises ``OutputError`` for a file of that name that is none.
    """
    path = file_of(f"{output}{SUFFIX}")
    data = _fetched(path) if is_url(path) else _read(path)
    if data is None:
        return None
    try:
        return read_row(data, never=RowOutcome.FAILED)
    except WrongValueError as error:
        raise OutputError(
            f"is where the sweep keeps its record, and is none: {error.of('it')}",
            path=shown(path),
            hint="move it away, or name another output",
        ) from None


def _read(path: str) -> bytes | None:
    """A record's bytes, and one more where it is too long for one; ``None``: there is none."""
    try:
        if not can_be_read_again(path):
            raise OutputError(
                "is where the sweep keeps its record, and is not a file",
                path=shown(path),
                hint="move it away, or name another output",
            )
        with open_source(path) as source:
            return source.read(0, min(source.size, LONGEST_ROW + 1))
    except FileError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise


def _fetched(path: str) -> bytes | None:
    """In one request: whether there is an object is asked with it."""
    location = located(path)
    with asked("cannot be read", location.name):
        try:
            # With a range no more of a large object comes, and s3fs does not ask for its size.
            data: bytes | None = location.fs.cat_file(location.key, start=0, end=LONGEST_ROW + 1)
        except FileNotFoundError:
            data = None
    count(read=len(data or b""))
    return data


def write_record(output: str, row: PairRow) -> None:
    """Put a record beside an output, or in the place of an older one."""
    path, data = file_of(f"{output}{SUFFIX}"), written(row)
    if not is_url(path):
        write_file(path, data, force=True)
        return
    # Small enough for one request, which stores carry out as a whole.
    location = located(path)
    with asked("cannot be written", location.name):
        location.fs.pipe_file(location.key, data)
    count(written=len(data))


def create_record(output: str, row: PairRow) -> bool:
    """Put a record beside an output that has none; ``False``: another came first, and it stays."""
    path, data = file_of(f"{output}{SUFFIX}"), written(row)
    if is_url(path):
        return _created(path, data)
    place = found_place(path).path  # a link that leads nowhere is written through
    temporary = os.path.join(os.path.dirname(place), temporary_name())
    try:
        write_file(temporary, data)
        os.link(temporary, place)  # unlike a rename it replaces nothing
    except SurgeryError as error:
        raise error.replaced(path=shown(path)) from error.__cause__
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise refusal("cannot be written", error, shown(path)) from error
        return _made(path, data)
    finally:
        with suppress(OSError):
            os.unlink(temporary)
    return True


def _made(path: str, data: bytes) -> bool:
    """As far as a file system without hard links goes: one that comes at that moment is lost."""
    try:
        write_file(path, data)
    except OutputError:
        if os.path.lexists(path):
            return False
        raise
    return True


def _created(path: str, data: bytes) -> bool:
    location = located(path)
    try:
        with asked("cannot be written", location.name):
            if _creates(location.fs):
                location.fs.pipe_file(location.key, data, mode="create")
            elif location.fs.exists(location.key):
                return False
            else:
                location.fs.pipe_file(location.key, data)
    except FileError as error:
        if isinstance(error.__cause__, FileExistsError) or answer(error) == _TAKEN:
            return False
        raise
    count(written=len(data))
    return True


def _creates(fs: Any) -> bool:
    """The store's package knows how to write what is not there, and nothing else."""
    call = getattr(fs, "_pipe_file", fs.pipe_file)
    return "mode" in inspect.signature(call).parameters


def remove_record(output: str) -> None:
    """Take the record away, if there is one."""
    path = file_of(f"{output}{SUFFIX}")
    if is_url(path):
        location = located(path)
        with asked("cannot be removed", location.name):
            location.fs.rm_file(location.key)
        count()
        return
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise refusal("cannot be removed", error, shown(path)) from error
