"""What is written out before the end, and that the flush at the end still has every error."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import deconvsurgery as ds
from deconvsurgery.splicing.byte_ranges import Edit, replacing, spliced
from deconvsurgery.storage.early_flush import EarlyFlush
from deconvsurgery.storage.source import FileSource, open_source
from helpers.writing import write_amended, write_spliced

MIB = 1 << 20
EVERY = 256
SOURCE = bytes(range(256)) * 64
EDITS = (replacing(1000, 2000, b"x" * 990), replacing(7000, 7000, b"inserted"))
NEW = spliced(SOURCE, EDITS)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asked of Linux alone")
Asked = list[tuple[int, int]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """The ranges that are asked for, from here on."""
    ranges: Asked = []

    def posix_fadvise(_fd: int, start: int, count: int, advice: int) -> None:
        assert advice == os.POSIX_FADV_DONTNEED
        ranges.append((start, start + count))

    monkeypatch.setattr(os, "posix_fadvise", posix_fadvise)
    return ranges


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first bytes on, which take megabytes else."""
    monkeypatch.setattr(EarlyFlush, "first", 1)
    monkeypatch.setattr(EarlyFlush, "every", EVERY)


@pytest.fixture
def source(tmp_path: Path) -> Iterator[FileSource]:
    path = tmp_path / "in"
    path.write_bytes(SOURCE)
    with open_source(path) as opened:
        yield opened


def test_from_64_mib_on_whole_pieces_of_16(asked: Asked) -> None:
    early = EarlyFlush(7)
    for position in (0, 10 * MIB, 64 * MIB - 1):
        early.reached(position)
    assert asked == []
    early.reached(64 * MIB)
    early.reached(80 * MIB - 1)
    assert asked == [(0, 64 * MIB)]
    early.reached(80 * MIB)
    early.reached(5)  # as HDF5's library goes back to what comes first
    early.reached(115 * MIB)
    assert asked == [(0, 64 * MIB), (64 * MIB, 80 * MIB), (80 * MIB, 112 * MIB)]


def test_a_file_that_cannot_is_written_all_the_same(
    at_once: None, source: FileSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def unable(*_: object) -> None:
        tried.append(1)
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(os, "posix_fadvise", unable)
    write_spliced(source, EDITS, tmp_path / "out")
    assert tried
    assert (tmp_path / "out").read_bytes() == NEW


def test_another_system_is_asked_for_nothing(
    at_once: None, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    EarlyFlush(7).reached(1 << 30)
    assert asked == []


@pytest.mark.parametrize("by_kernel", [True, False])
def test_all_of_a_new_file_in_order_and_then_the_flush(
    by_kernel: bool,
    at_once: None,
    asked: Asked,
    source: FileSource,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not by_kernel:
        monkeypatch.delattr(os, "copy_file_range", raising=False)
    flushed: list[int] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (flushed.append(len(asked)), real(fd))[1])
    write_spliced(source, EDITS, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == NEW
    assert [start for start, _ in asked] == [0, *(stop for _, stop in asked[:-1])]
    assert asked[-1][1] == len(NEW) - len(NEW) % EVERY
    assert flushed == [len(asked)] * 2  # the file, and the directory


def test_what_is_not_flushed_in_the_end_is_not_flushed_early(
    at_once: None, asked: Asked, source: FileSource, tmp_path: Path
) -> None:
    """A stream, and the temporary file of what cannot be made in one."""
    write_spliced(source, EDITS, os.devnull)
    write_amended(source, lambda fd: os.pwrite(fd, b"new", 0), os.devnull)
    assert asked == []
    write_amended(source, lambda fd: os.pwrite(fd, b"new", 0), tmp_path / "out")
    assert asked == [(0, len(SOURCE))]


def test_a_clone_has_nothing_to_write_out(
    at_once: None,
    asked: Asked,
    source: FileSource,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ioctl(fd: int, _number: int, other: int) -> int:
        os.pwrite(fd, os.pread(other, len(SOURCE), 0), 0)
        return 0

    monkeypatch.setattr("fcntl.ioctl", ioctl)
    edits = [replacing(1000, 2000, b"x" * 1000)]
    write_spliced(source, edits, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == spliced(SOURCE, edits)
    assert asked == []


# --- a disk that fails meanwhile


@pytest.fixture
def failing(tmp_path: Path) -> Iterator[Path]:
    """A file system of 32 MB on a device that takes two or three."""
    make = shutil.which("mkfs.ext4")
    if make is None or os.geteuid() != 0:
        pytest.skip("takes root and mkfs.ext4")
    below, mounted = tmp_path / "below", tmp_path / "mounted"
    commands: list[list[Any]] = [
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", below],
        [make, "-q", "-O", "^has_journal", below / "image", "32m"],
        ["mount", "-o", "loop", below / "image", mounted],
    ]
    below.mkdir()
    mounted.mkdir()
    try:
        for command in commands:
            done = subprocess.run(command, check=False, capture_output=True, text=True)
            if done.returncode:
                pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
        yield mounted
    finally:
        for each in (mounted, below):
            if os.path.ismount(each):
                subprocess.run(["umount", "-l", each], check=True)


def test_an_error_of_the_disk_while_more_is_written_is_one_at_the_end(
    at_once: None, failing: Path, tmp_path: Path
) -> None:
    """It has happened, and another descriptor has heard of it, before the last byte is written."""
    whole = os.urandom(8 * MIB)
    (tmp_path / "in").write_bytes(whole)
    heard: list[OSError] = []

    def wait() -> list[bytes]:
        (new,) = failing.glob(".deconvsurgery-*")
        with new.open("rb") as file:
            try:
                os.fsync(file.fileno())
            except OSError as error:
                heard.append(error)
        return [b"end"]

    with (
        open_source(tmp_path / "in") as source,
        pytest.raises(ds.FileError) as caught,
    ):
        write_spliced(source, [Edit(len(whole), len(whole), 3, wait)], failing / "out")
    assert caught.value.path == str(failing / "out")
    (error,) = heard
    assert os.strerror(error.errno or 0) in caught.value.message
    assert os.listdir(failing) == ["lost+found"]
