"""Files as the HDF5 library wants them: Python's own layers over them read and write the same."""

from __future__ import annotations

import errno
import io
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import deconvsurgery as ds
from deconvsurgery.caffemodel.hdf5.files import (
    Reading,
    Writing,
    held_signals,
    told,
)
from deconvsurgery.storage.source import open_source

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


def test_what_is_read_is_what_python_reads(file: Path) -> None:
    """Its buffered layer asks whether one may read and seek, and ends where the file does."""
    with open_source(file) as source:
        reading = io.BufferedReader(Reading(source), 100)
        assert reading.read(300) == BYTES[:300]
        assert (reading.seek(-5, os.SEEK_END), reading.read(5)) == (len(BYTES) - 5, BYTES[-5:])
        assert (reading.seek(7), reading.seek(3, os.SEEK_CUR), reading.tell()) == (7, 10, 10)
        assert reading.read(2) == BYTES[10:12]


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


def test_the_first_failure_is_kept_and_nothing_is_touched_after_it(
    file: Path, writing: Writing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        assert writing.write(b"lost") == 4
    writing.seek(0)
    assert writing.write(b"lost, too") == 9
    with pytest.raises(OSError, match="No space left on device"):
        writing.finish()
    assert file.read_bytes() == BYTES
    assert writing.fd == -1


def test_a_place_that_no_file_has_is_damage(file: Path, writing: Writing) -> None:
    writing.seek(1 << 80)
    writing.write(b"?")
    with pytest.raises(ds.ModelError, match="is damaged"):
        writing.finish()
    assert file.read_bytes() == BYTES


def test_a_file_whose_size_nobody_tells_has_none(
    writing: Writing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: int) -> os.stat_result:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fstat", broken)
        assert writing.seek(0, os.SEEK_END) == 0
    with pytest.raises(OSError, match="Input/output error"):
        writing.finish()


def test_a_call_that_a_signal_broke_off_is_no_failure_of_the_file(writing: Writing) -> None:
    """Raised before the first line of the body, it lets the block go without an end."""
    block = writing._kept()
    block.__enter__()
    del block
    writing.finish()


def test_the_systems_errors_are_not_the_librarys() -> None:
    with pytest.raises(OSError, match="Input/output error") as caught, told("it cannot be read"):
        raise OSError(errno.EIO, "Input/output error")
    assert caught.value.errno == errno.EIO
    words = "it cannot be read: the HDF5 library says: no filter"
    with pytest.raises(ds.ModelError, match=words), told("it cannot be read"):
        raise OSError("no filter")


def test_a_signal_waits_until_it_is_let_in() -> None:
    seen: list[str] = []
    old = signal.signal(signal.SIGTERM, lambda *_: seen.append("signal"))
    try:
        with held_signals() as let_in:
            signal.raise_signal(signal.SIGTERM)
            seen.append("held")
            let_in()
            seen.append("let in")
            signal.raise_signal(signal.SIGTERM)
            seen.append("at the end")
        assert seen == ["held", "signal", "let in", "at the end", "signal"]
        signal.raise_signal(signal.SIGTERM)
        assert seen[5:] == ["signal"]
    finally:
        signal.signal(signal.SIGTERM, old)


def test_another_thread_gets_no_signals_and_holds_none() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[object] = []

    def work() -> None:
        with held_signals() as let_in:
            seen.append(signal.getsignal(signal.SIGINT))
            let_in()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
