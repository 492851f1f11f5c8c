"""Files as the HDF5 library wants them: Python's own layers over them read and write the same."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import deconvsurgery as ds
from deconvsurgery.caffemodel.hdf5.files import Reading, Writing, hdf5_errors
from helpers.models import ExactSource

if TYPE_CHECKING:
    from helpers.words import Words

BYTES = bytes(range(256)) * 40


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(BYTES)
    return path


@pytest.fixture
def writing(file: Path) -> Iterator[Writing]:
    fd = os.open(file, os.O_RDWR)
    yield Writing(fd)
    os.close(fd)


def test_what_is_read_is_what_python_reads() -> None:
    """Its buffered layer asks whether one may read and seek, and ends where the file does."""
    reading = io.BufferedReader(Reading(ExactSource(BYTES)), 100)
    assert reading.read(300) == BYTES[:300]
    assert (reading.seek(-5, os.SEEK_END), reading.read(5)) == (len(BYTES) - 5, BYTES[-5:])
    assert (reading.seek(7), reading.seek(3, os.SEEK_CUR), reading.tell()) == (7, 10, 10)
    assert reading.read(2) == BYTES[10:12]


def test_beyond_the_end_there_are_zeros() -> None:
    reading = Reading(ExactSource(BYTES))
    reading.seek(-3, os.SEEK_END)
    buffer = bytearray(b"?" * 8)
    assert reading.readinto(buffer) == 8
    assert buffer == BYTES[-3:] + bytes(5)
    assert reading.tell() == len(BYTES) + 5


def test_what_is_written_is_what_python_writes(file: Path, writing: Writing) -> None:
    buffered = io.BufferedRandom(writing, 100)
    buffered.seek(10)
    buffered.write(b"written")
    buffered.seek(0)
    assert buffered.read(20) == BYTES[:10] + b"written" + BYTES[17:20]
    buffered.truncate(500)
    buffered.seek(-3, os.SEEK_END)
    buffered.write(b"xyz?")
    buffered.flush()
    buffered.detach().finish()
    assert file.read_bytes() == BYTES[:10] + b"written" + BYTES[17:497] + b"xyz?"


def test_how_far_it_is_written_is_said_after_each_write(file: Path) -> None:
    reached: list[int] = []
    fd = os.open(file, os.O_RDWR)
    writing = Writing(fd, reached.append)
    writing.seek(100)
    writing.write(b"written")
    writing.truncate(50)
    writing.seek(0)
    writing.write(b"first")
    writing.write(b"")
    writing.finish()
    os.close(fd)
    assert reached == [107, 5]


def failing(number: int) -> Callable[..., Any]:
    """A call of the system that does not work."""

    def call(*_: object) -> Any:
        raise OSError(number, os.strerror(number))

    return call


def test_the_first_failure_is_kept_and_nothing_is_touched_after_it(
    file: Path, writing: Writing, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", failing(errno.ENOSPC))
        assert writing.write(b"lost") == 4
    with monkeypatch.context() as patched:
        patched.setattr(os, "pread", failing(errno.EIO))
        writing.seek(0)
        assert writing.readinto(bytearray(9)) == 9
    writing.seek(0)
    assert writing.write(b"lost, too") == 9
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)) as raised:
        writing.finish()
    assert raised.value.errno == errno.ENOSPC
    assert file.read_bytes() == BYTES
    assert writing.fd == -1


def test_a_place_that_no_file_has_is_damage(file: Path, writing: Writing, words: Words) -> None:
    writing.seek(1 << 80)
    writing.write(b"?")
    with pytest.raises(ds.ModelError) as raised:
        writing.finish()
    words(raised.value)
    assert file.read_bytes() == BYTES


def test_a_file_whose_size_nobody_tells_has_none(
    writing: Writing, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(os, "fstat", failing(errno.EIO))
        assert writing.seek(0, os.SEEK_END) == 0
    with pytest.raises(OSError, match=os.strerror(errno.EIO)) as raised:
        writing.finish()
    assert raised.value.errno == errno.EIO


def test_a_call_that_a_signal_broke_off_is_no_failure_of_the_file(writing: Writing) -> None:
    """Raised before the first line of the body, it lets the block go without an end."""
    block = writing._kept()
    block.__enter__()
    del block
    writing.finish()


def test_the_systems_errors_are_not_the_librarys(words: Words) -> None:
    own = OSError(errno.EIO, os.strerror(errno.EIO))
    with pytest.raises(OSError, match=own.strerror) as caught, hdf5_errors("what was done"):
        raise own
    assert caught.value is own
    with pytest.raises(ds.ModelError) as raised, hdf5_errors("what was done"):
        raise OSError("no filter")
    assert raised.value.hint is not None
    words(raised.value)
