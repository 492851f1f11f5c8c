"""The law: bytes outside the edits are the source's own; a file is written whole or not at all."""

from __future__ import annotations

import errno
import itertools
import os
import pty
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import deconvsurgery as ds
from deconvsurgery.splicing.byte_ranges import (
    Edit,
    Kept,
    replacing,
    spliced,
)
from deconvsurgery.storage.destination import destination
from deconvsurgery.storage.source import FileSource, open_source
from deconvsurgery.storage.write_outputs import Written, write_file
from helpers.words import Words, numbers
from helpers.writing import write_spliced

OLD = b"what was there before"
SOURCE = bytes(range(256)) * 4
EDITS = (replacing(100, 200, b"x" * 90), replacing(700, 700, b"inserted"))
NEW = spliced(SOURCE, EDITS)

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="takes root")


@pytest.fixture
def source(tmp_path: Path) -> Iterator[FileSource]:
    path = tmp_path / "in.caffemodel"
    path.write_bytes(SOURCE)
    with open_source(path) as opened:
        yield opened


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory of its own for the output."""
    directory = tmp_path / "place"
    directory.mkdir()
    return directory


@pytest.fixture
def nobody() -> Iterator[Path]:
    """A directory that an ordinary user, who runs the test, may write to."""
    if os.geteuid() != 0:
        pytest.skip("takes root to become someone else for a moment")
    directory = Path(tempfile.mkdtemp())
    os.chown(directory, 65534, 65534)
    try:
        os.seteuid(65534)
        yield directory
    finally:
        os.seteuid(0)
        shutil.rmtree(directory)


@contextmanager
def standard_output(fd: int) -> Iterator[None]:
    """Descriptor 1 is ``fd`` for a while."""
    kept = os.dup(1)
    os.dup2(fd, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def names(directory: Path) -> list[str]:
    return sorted(os.listdir(directory))


def temporaries(directory: Path) -> list[str]:
    return [name for name in names(directory) if name.startswith(".deconvsurgery-")]


def meanwhile(act: Callable[[], object]) -> Edit:
    """An edit during which something happens."""

    def chunks() -> Iterable[bytes]:
        act()
        yield b"z"

    return Edit(0, 1, 1, chunks)


# ── the law ──


@st.composite
def sources_and_edits(draw: st.DrawFn) -> tuple[bytes, list[Edit]]:
    data = draw(st.binary(max_size=400))
    places = st.integers(0, len(data))
    cuts = sorted(draw(st.lists(places, max_size=10).filter(lambda cuts: len(cuts) % 2 == 0)))
    edits = []
    for start, stop in zip(cuts[::2], cuts[1::2], strict=True):
        chunks = draw(st.lists(st.binary(max_size=50), max_size=3))
        edits.append(Edit(start, stop, sum(map(len, chunks)), chunks.copy))
    return data, draw(st.permutations(edits))


@given(sources_and_edits(), st.booleans())
@settings(deadline=None)
def test_bytes_outside_the_edits_are_identical(
    source_and_edits: tuple[bytes, list[Edit]], by_kernel: bool
) -> None:
    data, edits = source_and_edits
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        if not by_kernel:
            patch.delattr(os, "copy_file_range", raising=False)
        path, output = Path(directory, "in"), Path(directory, "out")
        path.write_bytes(data)
        with open_source(path) as source:
            written = write_spliced(source, edits, output)
        result = output.read_bytes()
        assert result == spliced(data, edits)
        assert written == Written(str(output), len(result))
        assert path.read_bytes() == data
        shift = position = 0
        for edit in sorted(edits, key=lambda edit: (edit.start, edit.stop)):
            assert result[position + shift : edit.start + shift] == data[position : edit.start]
            shift, position = shift + edit.growth, edit.stop
        assert result[position + shift :] == data[position:]


def test_no_edit_is_a_copy(source: FileSource, place: Path) -> None:
    write_spliced(source, (), place / "out")
    assert (place / "out").read_bytes() == SOURCE
    assert names(place) == ["out"]


def test_edits_of_any_buffer(source: FileSource, place: Path) -> None:
    floats: Any = memoryview(b"\0\0\x80?" * 6).cast("f", (2, 3))
    nothing: Any = memoryview(b"").cast("f")
    chunks = (bytearray(b"ab"), memoryview(b"cd"), floats, b"", nothing)
    write_spliced(source, [Edit(0, 4, 28, lambda: chunks)], place / "out")
    assert (place / "out").read_bytes() == b"abcd" + b"\0\0\x80?" * 6 + SOURCE[4:]


@pytest.mark.parametrize("by_kernel", [True, False])
def test_an_edit_of_bytes_that_the_source_has_elsewhere(
    source: FileSource,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    by_kernel: bool,
    words: Words,
) -> None:
    if not by_kernel:
        monkeypatch.delattr(os, "copy_file_range", raising=False)
    told: list[int] = []
    edit = Edit(0, source.size, 9, lambda: (b"ab", Kept(5, 8), Kept(2, 4), b"cd"))
    write_spliced(source, [edit], place / "out", progress=told.append)
    assert (place / "out").read_bytes() == b"ab" + SOURCE[5:8] + SOURCE[2:4] + b"cd"
    assert sum(told) == 9
    beyond = Edit(0, source.size, 4, lambda: (Kept(source.size - 2, source.size + 2),))
    with pytest.raises(ds.ModelError) as raised:
        write_spliced(source, [beyond], place / "beyond")
    assert raised.value.path == source.name
    assert numbers(raised.value.message) == [source.size, 2]
    words(raised.value)
    assert names(place) == ["out"]


@pytest.mark.parametrize(("promised", "made"), [(0, 2), (2, 3), (4, 3), (99, 3)])
def test_an_edit_of_another_size_than_promised_is_our_bug(
    source: FileSource, place: Path, promised: int, made: int
) -> None:
    edit = Edit(5, 6, promised, lambda: (b"ab", b"c"))
    with pytest.raises(RuntimeError) as raised:
        write_spliced(source, [edit], place / "out")
    assert numbers(str(raised.value)) == [5, 6, promised, made]
    assert names(place) == []


def test_a_stream_gets_no_more_than_promised(source: FileSource) -> None:
    ours, theirs = os.pipe()
    with drained(ours) as received:
        edit = Edit(0, 0, 3, lambda: (b"ab", b"cd"))
        with standard_output(theirs), pytest.raises(RuntimeError) as raised:
            write_spliced(source, [edit], "-")
        os.close(theirs)
    assert numbers(str(raised.value)) == [0, 0, 3, 4]
    assert received == [b"ab"]


@pytest.mark.parametrize("by_kernel", [True, False])
def test_progress_adds_up(
    source: FileSource, place: Path, by_kernel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not by_kernel:
        monkeypatch.delattr(os, "copy_file_range", raising=False)
    told: list[int] = []
    write_spliced(source, EDITS, place / "out", progress=told.append)
    assert sum(told) == len(NEW)
    assert all(told)


def test_memory_does_not_grow_with_the_file(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size, chunk = 40 << 20, bytes(1 << 20)
    with (place / "in").open("wb") as file:
        file.truncate(size)
    monkeypatch.delattr(os, "copy_file_range", raising=False)
    edit = Edit(0, 0, size, lambda: itertools.repeat(chunk, size >> 20))
    with open_source(place / "in") as source:
        tracemalloc.start()
        try:
            write_spliced(source, [edit], place / "out")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert (place / "out").stat().st_size == 2 * size
    assert peak < 4 << 20


# ── the order that survives a power cut ──


def test_write_then_flush_then_rename_then_flush_the_directory(
    source: FileSource, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def recorded(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            seen = name
            if name == "fsync":
                seen += " dir" if stat.S_ISDIR(os.fstat(arguments[0]).st_mode) else " file"
            if name == "stat":  # is the input what it was?
                seen += " input" if arguments[0] == source.name else " another"
            if seen not in calls[-1:]:
                calls.append(seen)
            return real(*arguments, **named)

        return call

    for name in ("write", "fsync", "rename", "stat"):
        monkeypatch.setattr(os, name, recorded(name, getattr(os, name)))
    monkeypatch.delattr(os, "copy_file_range", raising=False)
    write_spliced(source, EDITS, place / "out")
    monkeypatch.undo()
    order = [call for call in calls if call != "stat another"]
    assert order == ["write", "fsync file", "stat input", "rename", "fsync dir"]


# ── an error at every call ──

CALLS = ["open", "write", "copy_file_range", "fstat", "fsync", "close", "rename"]
FAULTS: list[tuple[str, BaseException, bool]] = [
    *(
        (name, OSError(number, os.strerror(number)), False)
        for name in ("write", "copy_file_range", "fsync")
        for number in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG)
    ),
    ("rename", OSError(errno.EBUSY, os.strerror(errno.EBUSY)), False),
    ("rename", OSError(errno.EPERM, os.strerror(errno.EPERM)), False),
    ("open", OSError(errno.EMFILE, os.strerror(errno.EMFILE)), False),
    ("close", OSError(errno.EIO, os.strerror(errno.EIO)), True),  # Linux closes all the same
    *(
        (name, error, late)
        for name in CALLS
        for error in (KeyboardInterrupt(), SystemExit(143), MemoryError())
        for late in (False, True)
    ),
]


def fault(name: str, error: BaseException, late: bool) -> Any:
    """A case; of errors that are treated alike one is always tried, the others in a campaign."""
    alike = (
        error.errno != errno.ENOSPC and (name, error.errno) != ("copy_file_range", errno.EIO)
        if isinstance(error, OSError) and name in ("write", "copy_file_range", "fsync")
        else isinstance(error, SystemExit | MemoryError)
    )
    at = f"{'after' if late else 'at'} {name}-{error!r}"
    marks = pytest.mark.campaign if alike else ()
    return pytest.param(name, error, late, id=at, marks=marks)


class Saboteur:
    """Replaces a function: each call does little, and the ``nth`` raises, before or after it."""

    def __init__(self, name: str, nth: int, error: BaseException, late: bool) -> None:
        self.name, self.nth, self.error, self.late = name, nth, error, late
        self.real = getattr(os, name)
        self.calls = 0
        self.struck = False

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        self.calls += 1
        strike = self.calls == self.nth
        if strike:
            self.struck = True
            if not self.late:
                raise self.error
        if self.name == "write":
            arguments = (arguments[0], memoryview(arguments[1])[:40])
        elif self.name == "copy_file_range":
            arguments = (*arguments[:2], min(arguments[2], 300), *arguments[3:])
        result = self.real(*arguments, **named)
        if strike:
            if self.name == "open":
                os.close(result)  # the interrupted caller never learns of it
            raise self.error
        return result


@pytest.mark.parametrize("old", [None, OLD], ids=["new", "force"])
@pytest.mark.parametrize(("name", "error", "late"), [fault(*each) for each in FAULTS])
def test_an_error_at_every_call_loses_nothing(
    place: Path,
    tmp_path: Path,
    name: str,
    error: BaseException,
    late: bool,
    old: bytes | None,
    words: Words,
) -> None:
    if not hasattr(os, name):
        pytest.skip(f"no {name} here")
    free = SimpleNamespace(f_bavail=5, f_frsize=4096)
    given_in, output = tmp_path / "in", place / "out"
    given_in.write_bytes(SOURCE)
    for nth in itertools.count(1):
        output.unlink(missing_ok=True)
        if old is not None:
            output.write_bytes(old)
        saboteur = Saboteur(name, nth, error, late)
        raised: BaseException | None = None
        with open_source(given_in) as source, pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, name, saboteur)
            patch.setattr(os, "statvfs", lambda _: free)
            if name == "write":
                patch.delattr(os, "copy_file_range", raising=False)
            try:
                write_spliced(source, EDITS, output, force=old is not None)
            except (ds.FileError, type(error)) as caught:
                raised = caught
        assert given_in.read_bytes() == SOURCE
        assert temporaries(place) == []
        now = output.read_bytes() if output.exists() else None
        assert now in (old, NEW)
        if raised is None:
            assert now == NEW
        if isinstance(raised, ds.FileError):
            assert isinstance(error, OSError)
            assert raised.path == str(output)
            assert os.strerror(error.errno or 0) in raised.message
            assert numbers(raised.message) == ([] if now == NEW else [len(NEW), 5 * 4096])
            words(raised, "in place" if now == NEW else "nothing changed")
        if not saboteur.struck:
            assert nth > 1
            break


def test_a_real_full_disk(source: FileSource, tmp_path: Path, words: Words) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True, check=False
    )
    if not mounted or mounted.returncode != 0:
        pytest.skip("no file system can be mounted here")
    try:
        (disk / "out").write_bytes(OLD)
        large = replacing(0, 1, bytes(1 << 20))
        with pytest.raises(ds.FileError) as raised:
            write_spliced(source, [large], disk / "out", force=True)
        assert os.strerror(errno.ENOSPC) in raised.value.message
        needed, free = numbers(raised.value.message)
        assert needed == 1049599
        assert 0 <= free < 64 << 10
        words(raised.value)
        assert (disk / "out").read_bytes() == OLD
        assert names(disk) == ["out"]
        write_spliced(source, EDITS, disk / "out", force=True)  # from another file system, too
        assert (disk / "out").read_bytes() == NEW
    finally:
        subprocess.run(["umount", disk], check=True)


# ── reluctant calls ──


@pytest.mark.skipif(not hasattr(os, "copy_file_range"), reason="no copy_file_range here")
@pytest.mark.parametrize("inserted", [b"", b"x", b"x" * os.sysconf("SC_PAGE_SIZE")], ids=len)
@pytest.mark.parametrize("major", [0, 8])
def test_large_ranges_that_shift_within_pages_are_read_and_written_on_a_local_disk(
    inserted: bytes, major: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bytes(range(256)) * (3 << 12)  # 3 MiB
    (tmp_path / "in").write_bytes(data)
    edits = [replacing(100, 100, inserted), replacing(5000, 5001, b"y")]
    real, ranges = os.copy_file_range, []

    def copied(source: int, target: int, count: int, start: int) -> int:
        ranges.append(start)
        return real(source, target, count, start)

    monkeypatch.setattr(os, "copy_file_range", copied)
    monkeypatch.setattr(os, "major", lambda _device: major)
    with open_source(tmp_path / "in") as source:
        write_spliced(source, edits, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == spliced(data, edits)
    by_kernel = major == 0 or inserted != b"x"
    assert ranges == [0, 100, *[5001] * by_kernel]  # the first two are small


@pytest.mark.skipif(not hasattr(os, "copy_file_range"), reason="no copy_file_range here")
@pytest.mark.parametrize("after", [0, 1, 2])
@pytest.mark.parametrize(
    "number",
    [errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF, 0],
    ids=lambda number: errno.errorcode.get(number, "nothing copied"),
)
def test_without_the_kernels_copy(
    source: FileSource, place: Path, number: int, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = os.copy_file_range, itertools.count()

    def unable(given_in: int, output: int, size: int, start: int) -> int:
        if next(calls) < after:
            return real(given_in, output, min(size, 10), start)
        if number:
            raise OSError(number, os.strerror(number))
        return 0

    monkeypatch.setattr(os, "copy_file_range", unable)
    write_spliced(source, EDITS, place / "out")
    assert (place / "out").read_bytes() == NEW


class Cloning:
    """A file system with clones, in so far as the ioctl makes one: it copies, and counts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fails: int = 0, grows: bytes = b"") -> None:
        self.asked: list[int] = []
        self.cloned = 0
        self.fails = fails
        self.grows = grows
        monkeypatch.setattr("fcntl.ioctl", self.ioctl)

    def ioctl(self, fd: int, number: int, other: int) -> int:
        self.asked.append(number)
        if self.fails:
            raise OSError(self.fails, os.strerror(self.fails))
        whole = os.pread(other, 1 << 30, 0) + self.grows
        os.pwrite(fd, whole, 0)
        self.cloned += len(whole)
        return 0


SAME_SIZE = (replacing(900, 910, b"0123456789"), replacing(100, 200, b"x" * 100))
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the ioctl is Linux's")


@on_linux
def test_a_clone_costs_only_the_edits(
    source: FileSource, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = Cloning(monkeypatch)
    copies: list[int] = []
    monkeypatch.setattr(os, "copy_file_range", lambda *args: copies.append(1), raising=False)
    written, told = os.write, []

    def write(fd: int, data: Any) -> int:
        told.append(len(data))
        return written(fd, data)

    monkeypatch.setattr(os, "write", write)
    progress: list[int] = []
    write_spliced(source, SAME_SIZE, place / "out", progress=progress.append)
    monkeypatch.undo()
    assert (place / "out").read_bytes() == spliced(SOURCE, SAME_SIZE)
    assert system.asked == [0x40049409]  # FICLONE, linux/fs.h
    assert (sorted(told), copies) == ([10, 100], [])
    assert sum(progress) == len(SOURCE)


@on_linux
def test_an_edit_of_a_clone_may_name_bytes_of_the_source(
    source: FileSource, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = Cloning(monkeypatch)
    write_spliced(source, [Edit(0, 10, 10, lambda: [b"new", Kept(500, 507)])], place / "out")
    assert (place / "out").read_bytes() == b"new" + SOURCE[500:507] + SOURCE[10:]
    assert system.cloned == len(SOURCE)


@on_linux
def test_a_hole_named_in_an_edit_of_a_clone_is_zeros_there(
    tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clone has bytes where a new file has nothing."""
    hole, whole = 20 << 20, 40 << 20
    sparse = tmp_path / "sparse"
    with sparse.open("wb") as file:
        file.seek(hole)
        file.write(b"x" * (whole - hole))
    system = Cloning(monkeypatch)
    edits = [Edit(hole, whole - 10, whole - hole - 10, lambda: [Kept(0, whole - hole - 10)])]
    with open_source(sparse) as source:
        write_spliced(source, edits, place / "out")
    monkeypatch.undo()
    assert system.cloned == whole
    assert (place / "out").read_bytes() == bytes(whole - 10) + b"x" * 10


@on_linux
@pytest.mark.parametrize(
    "number", [errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.EPERM, errno.ENOSPC]
)
def test_what_cannot_be_cloned_is_copied(
    source: FileSource, place: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = Cloning(monkeypatch, fails=number)
    write_spliced(source, SAME_SIZE, place / "out")
    assert (place / "out").read_bytes() == spliced(SOURCE, SAME_SIZE)
    assert len(system.asked) == 1


@on_linux
def test_a_file_that_becomes_longer_is_no_clone(
    source: FileSource, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = Cloning(monkeypatch)
    write_spliced(source, EDITS, place / "out")
    assert (place / "out").read_bytes() == NEW
    assert system.asked == []


@on_linux
def test_a_stream_is_never_made_a_clone(
    source: FileSource, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Standard output at the end of a log: a clone would take the log away."""
    system = Cloning(monkeypatch)
    (place / "log").write_bytes(b"log\n")
    fd = os.open(place / "log", os.O_WRONLY | os.O_APPEND)
    with standard_output(fd):
        write_spliced(source, SAME_SIZE, "-")
    os.close(fd)
    assert (place / "log").read_bytes() == b"log\n" + spliced(SOURCE, SAME_SIZE)
    assert system.asked == []


@on_linux
def test_a_source_that_grows_before_it_is_cloned(
    tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    path = tmp_path / "growing"
    path.write_bytes(SOURCE)
    with open_source(path) as source:
        Cloning(monkeypatch, grows=b"more")
        path.write_bytes(SOURCE + b"more")
        with pytest.raises(ds.FileError) as raised:
            write_spliced(source, SAME_SIZE, place / "out")
    assert raised.value.path == str(path)
    words(raised.value)
    assert names(place) == []


@pytest.fixture(params=["xfs", "btrfs"])
def cloning(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A file system with clones, in a file of 300 MB that is mounted for the test."""
    make = shutil.which(f"mkfs.{request.param}")
    if make is None or os.geteuid() != 0:
        pytest.skip(f"takes root and mkfs.{request.param}")
    image, mounted = tmp_path / "image", tmp_path / "mounted"
    with image.open("wb") as file:
        file.truncate(400 << 20)
    mounted.mkdir()
    subprocess.run([make, "-q", image], check=True, capture_output=True)
    done = subprocess.run(
        ["mount", "-o", "loop", image, mounted], check=False, capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    yield mounted
    subprocess.run(["umount", mounted], check=True)


@on_linux
def test_a_real_clone(cloning: Path) -> None:
    """An edit that keeps the length costs the edit; any other as much as a copy."""

    def free() -> int:
        os.sync()
        system = os.statvfs(cloning)
        return system.f_bavail * system.f_frsize

    whole = os.urandom(64 << 20)
    (cloning / "in").write_bytes(whole)
    before = free()
    edits = [replacing(5000, 5004, b"edit"), replacing(60 << 20, (60 << 20) + 3, b"end")]
    with open_source(cloning / "in") as source:
        write_spliced(source, edits, cloning / "out")
        assert before - free() < 4 << 20
        assert (cloning / "out").read_bytes() == spliced(whole, edits)
        write_spliced(source, [replacing(0, 0, b"longer")], cloning / "longer")
    assert before - free() > 60 << 20
    assert (cloning / "longer").read_bytes() == b"longer" + whole
    assert (cloning / "in").read_bytes() == whole


def test_other_errors_of_the_kernels_copy_are_errors(
    source: FileSource, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "copy_file_range", broken, raising=False)
    with pytest.raises(ds.FileError) as raised:
        write_spliced(source, EDITS, place / "out")
    assert raised.value.path == str(place / "out")
    assert os.strerror(errno.ENOSPC) in raised.value.message
    assert names(place) == []


@pytest.mark.parametrize(("function", "blamed"), [("pread", "in.caffemodel"), ("write", "out")])
def test_whose_fault_it_is_that_the_kernel_cannot_copy(
    source: FileSource,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    function: str,
    blamed: str,
) -> None:
    """It says EIO of either file; reading and writing by ourselves tells them apart."""

    def broken(*_: object) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "copy_file_range", broken, raising=False)
    monkeypatch.setattr(os, function, broken)
    with pytest.raises(ds.FileError) as caught:
        write_spliced(source, EDITS, place / "out")
    assert os.strerror(errno.EIO) in caught.value.message
    assert caught.value.path is not None
    assert Path(caught.value.path).name == blamed
    assert names(place) == []


@given(st.lists(st.integers(0, 60), min_size=1, max_size=30).filter(any), st.booleans())
@example([0, 7], True)
@example([0, 7], False)
@settings(deadline=None)
def test_short_calls_and_interruptions_are_completed(calls: list[int], by_kernel: bool) -> None:
    """Each number is a call: so many bytes at most, or for 0 an interruption."""
    turns = itertools.cycle(calls)

    def reluctant(real: Callable[..., Any], size_at: int) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            most = next(turns)
            if most == 0:
                raise InterruptedError
            shorter = list(arguments)
            if isinstance(shorter[size_at], int):
                shorter[size_at] = min(shorter[size_at], most)
            else:
                shorter[size_at] = shorter[size_at][:most]
            return real(*shorter)

        return call

    with (
        tempfile.TemporaryDirectory() as directory,
        pytest.MonkeyPatch.context() as patch,
    ):
        Path(directory, "in").write_bytes(SOURCE)
        with open_source(Path(directory, "in")) as source:
            patch.setattr(os, "write", reluctant(os.write, 1))
            patch.setattr(os, "pread", reluctant(os.pread, 1))
            if by_kernel and hasattr(os, "copy_file_range"):
                patch.setattr(os, "copy_file_range", reluctant(os.copy_file_range, 2))
            else:
                patch.delattr(os, "copy_file_range", raising=False)
            write_spliced(source, EDITS, Path(directory, "out"))
        assert Path(directory, "out").read_bytes() == NEW


# ── what is no place for an output ──


def test_an_output_that_exists_needs_force(source: FileSource, place: Path, words: Words) -> None:
    output = place / "out"
    output.write_bytes(OLD)
    with pytest.raises(ds.OutputError) as caught:
        write_spliced(source, EDITS, output)
    assert caught.value.path == str(output)
    words(caught.value)
    assert output.read_bytes() == OLD
    write_spliced(source, EDITS, output, force=True)
    assert output.read_bytes() == NEW


@dataclass(frozen=True, slots=True)
class NoPlace:
    """A name, the system's reason why no file can be there, and a file or folder to be named."""

    case: str
    name: str
    number: int | None = None
    names: str | None = None


NO_PLACES = (
    NoPlace("no name", ""),
    NoPlace("a folder", "place"),
    NoPlace("a folder, by its name", "place/"),
    NoPlace("a folder that is not there", "nowhere/"),
    NoPlace("dots", "place/.."),
    NoPlace("in a folder that is not there", "nowhere/out", names="nowhere"),
    NoPlace("in a file", "file/out", errno.ENOTDIR),
    NoPlace("a long name", "x" * 256, errno.ENAMETOOLONG),
    NoPlace("a loop", "loop"),
    NoPlace("in a loop", "loop/out", errno.ELOOP),
    NoPlace("a link to a folder", "to-place"),
)


def refusals(
    source: FileSource, name: str, *, force: bool
) -> Iterator[pytest.ExceptionInfo[ds.OutputError]]:
    """What a look at a place says, and what each way to write to it."""
    with pytest.raises(ds.OutputError) as raised:
        destination(name, source, force=force)
    yield raised
    with pytest.raises(ds.OutputError) as raised:
        write_spliced(source, EDITS, name, force=force)
    yield raised
    with pytest.raises(ds.OutputError) as raised:
        write_file(name, b"", force=force)
    yield raised


@pytest.mark.parametrize("no_place", NO_PLACES, ids=lambda no_place: no_place.case)
@pytest.mark.parametrize("force", [False, True])
def test_no_place_for_a_file(
    source: FileSource,
    place: Path,
    no_place: NoPlace,
    force: bool,
    monkeypatch: pytest.MonkeyPatch,
    words: Words,
) -> None:
    monkeypatch.chdir(place.parent)
    Path("file").write_bytes(OLD)
    Path("loop").symlink_to("pool")
    Path("pool").symlink_to("loop")
    Path("to-place").symlink_to("place")
    before = names(place.parent)
    for raised in refusals(source, no_place.name, force=force):
        assert raised.value.path == (no_place.name or None)
        if no_place.number is not None:
            assert os.strerror(no_place.number) in raised.value.message
        if no_place.names is not None:
            named = str(place.parent / no_place.names)
            assert named in raised.value.message.split()
            assert raised.value.hint is not None
            assert raised.value.hint.endswith(f"mkdir -p {named}")
        words(raised.value, no_place.case)
    assert names(place.parent) == before
    assert names(place) == []


@pytest.mark.parametrize("force", [False, True])
def test_a_name_that_no_file_has(
    source: FileSource, place: Path, force: bool, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    monkeypatch.chdir(place)
    with pytest.raises(ValueError, match="null") as python_says:
        os.lstat("a\0b")
    for raised in refusals(source, "a\0b", force=force):
        assert raised.value.path == r"a\x00b"
        assert str(python_says.value) in raised.value.message
        words(raised.value.message.replace(str(python_says.value), "…"))
    assert names(place) == []


@pytest.mark.parametrize(
    "name",
    [
        "-out",
        "two\nlines",
        "quo'\"tes",
        "😀 ünï",
        os.fsdecode(b"caf\xe9"),
        "x" * 255,
        "\x1b[31m",
        "*?[a]",
        "--force",
    ],
)
def test_unusual_names_are_names(
    source: FileSource, place: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    assert write_spliced(source, EDITS, name) == Written(name, len(NEW))
    assert Path(name).read_bytes() == NEW
    with pytest.raises(ds.OutputError) as caught:
        write_spliced(source, EDITS, name)
    assert caught.value.path is not None
    assert caught.value.path.isprintable()


def test_a_look_at_a_place_touches_nothing(source: FileSource, place: Path) -> None:
    destination(place / "out", source)
    destination(place / "out", None)
    assert names(place) == []


# ── the input itself ──


def same(tmp_path: Path, how: str) -> str:
    path = tmp_path / "in.caffemodel"
    if how == "hard link":
        (tmp_path / "hard").hardlink_to(path)
        return str(tmp_path / "hard")
    if how == "symlink":
        (tmp_path / "soft").symlink_to("in.caffemodel")
        return str(tmp_path / "soft")
    if how == "through a directory":
        (tmp_path / "there").symlink_to(tmp_path)
        return str(tmp_path / "there" / "in.caffemodel")
    return {"path": str(path), "dots": f"{tmp_path}/./../{tmp_path.name}/in.caffemodel"}[how]


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("how", ["path", "dots", "symlink", "hard link", "through a directory"])
def test_the_input_is_refused_by_any_name(
    source: FileSource, tmp_path: Path, how: str, force: bool, words: Words
) -> None:
    output = same(tmp_path, how)
    with pytest.raises(ds.OutputError) as raised:
        write_spliced(source, EDITS, output, force=force)
    assert raised.value.path == output
    words(raised.value)
    assert Path(source.name).read_bytes() == SOURCE


@pytest.mark.parametrize("name", ["/proc/self/fd/{}", "/dev/fd/{}", "/proc/thread-self/fd/{}"])
@pytest.mark.parametrize("in_place", [False, True])
def test_the_input_is_refused_by_a_descriptor(
    source: FileSource, name: str, in_place: bool, words: Words
) -> None:
    if not os.path.isdir(os.path.dirname(name)):
        pytest.skip("no such file system here")
    with open(source.name, "r+b") as file, pytest.raises(ds.OutputError) as raised:
        write_spliced(source, EDITS, name.format(file.fileno()), force=True, in_place=in_place)
    words(raised.value)
    assert Path(source.name).read_bytes() == SOURCE


def test_the_input_is_refused_as_standard_output(source: FileSource, words: Words) -> None:
    with (
        open(source.name, "ab") as file,
        standard_output(file.fileno()),
        pytest.raises(ds.OutputError) as raised,
    ):
        write_spliced(source, EDITS, "-", force=True)
    assert raised.value.path == "standard output"
    words(raised.value)
    assert Path(source.name).read_bytes() == SOURCE


@pytest.mark.parametrize("how", ["path", "dots", "symlink", "through a directory"])
def test_in_place(source: FileSource, tmp_path: Path, how: str) -> None:
    written = write_spliced(source, EDITS, same(tmp_path, how), in_place=True)
    assert written.warnings == ()
    assert Path(source.name).read_bytes() == NEW
    assert temporaries(tmp_path) == []
    assert source.read(0, source.size) == SOURCE  # the old file, while it is open


def test_in_place_does_not_mean_another_file(source: FileSource, place: Path, words: Words) -> None:
    (place / "out").write_bytes(OLD)
    with pytest.raises(ds.OutputError) as raised:
        write_spliced(source, EDITS, place / "out", in_place=True)
    assert raised.value.path == str(place / "out")
    words(raised.value)
    assert (place / "out").read_bytes() == OLD


def test_in_place_on_standard_output(source: FileSource, words: Words) -> None:
    ours, theirs = os.pipe()
    try:
        with standard_output(theirs), pytest.raises(ds.OutputError) as raised:
            write_spliced(source, EDITS, "-", in_place=True)
    finally:
        os.close(ours)
        os.close(theirs)
    assert raised.value.path == "standard output"
    words(raised.value)


# ── links ──


def test_a_symlink_is_written_through(
    source: FileSource, place: Path, tmp_path: Path, words: Words
) -> None:
    (place / "out").write_bytes(OLD)
    (tmp_path / "middle").symlink_to("place/out")
    (tmp_path / "link").symlink_to(tmp_path / "middle")
    with pytest.raises(ds.OutputError) as raised:
        write_spliced(source, EDITS, tmp_path / "link")
    assert raised.value.path == str(tmp_path / "link")
    words(raised.value)
    assert (place / "out").read_bytes() == OLD
    write_spliced(source, EDITS, tmp_path / "link", force=True)
    assert os.readlink(tmp_path / "link") == str(tmp_path / "middle")
    assert os.readlink(tmp_path / "middle") == "place/out"
    assert (place / "out").read_bytes() == NEW
    assert names(place) == ["out"]


def test_a_dangling_symlink_has_its_target_made(
    source: FileSource, place: Path, tmp_path: Path, words: Words
) -> None:
    (tmp_path / "link").symlink_to("place/out")
    write_spliced(source, EDITS, tmp_path / "link")
    assert os.readlink(tmp_path / "link") == "place/out"
    assert (place / "out").read_bytes() == NEW
    (tmp_path / "lost").symlink_to("nowhere/out")
    with pytest.raises(ds.OutputError) as raised:
        write_spliced(source, EDITS, tmp_path / "lost")
    assert raised.value.path == str(tmp_path / "lost")
    assert str(tmp_path / "nowhere") in raised.value.message.split()
    words(raised.value)


@pytest.mark.parametrize("links", [1, 2])
def test_other_hard_links_are_warned_of(
    source: FileSource, place: Path, links: int, words: Words
) -> None:
    (place / "out").write_bytes(OLD)
    for number in range(links):
        (place / f"link{number}").hardlink_to(place / "out")
    (warning,) = write_spliced(source, EDITS, place / "out", force=True).warnings
    assert numbers(warning) == [links]
    words(warning, f"{links}")
    assert (place / "out").read_bytes() == NEW
    assert (place / "link0").read_bytes() == OLD


def test_in_place_warns_of_hard_links_too(source: FileSource, tmp_path: Path, words: Words) -> None:
    output = same(tmp_path, "hard link")
    (warning,) = write_spliced(source, EDITS, output, in_place=True).warnings
    assert numbers(warning) == [1]
    words(warning)
    assert Path(output).read_bytes() == NEW
    assert Path(source.name).read_bytes() == SOURCE


# ── modes, owners, attributes ──


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o000])
def test_a_new_file_obeys_the_umask(source: FileSource, place: Path, umask: int) -> None:
    kept = os.umask(umask)
    try:
        write_spliced(source, EDITS, place / "out")
        write_file(place / "small", b"demo")
    finally:
        os.umask(kept)
    for name in ("out", "small"):
        assert stat.S_IMODE((place / name).stat().st_mode) == 0o666 & ~umask


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755, 0o444, 0o666])
@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_a_replaced_file_keeps_its_mode(
    source: FileSource, place: Path, mode: int, umask: int
) -> None:
    (place / "out").write_bytes(OLD)
    (place / "out").chmod(mode)
    kept = os.umask(umask)
    try:
        write_spliced(source, EDITS, place / "out", force=True)
    finally:
        os.umask(kept)
    assert stat.S_IMODE((place / "out").stat().st_mode) == mode


def test_a_private_file_is_private_all_the_while(source: FileSource, place: Path) -> None:
    modes = []

    def look() -> None:
        (name,) = temporaries(place)
        assert len(name) < 40
        modes.append(stat.S_IMODE((place / name).stat().st_mode))

    (place / "out").write_bytes(OLD)
    write_spliced(source, [meanwhile(look)], place / "out", force=True)
    assert modes == [0o600]


@as_root
def test_a_replaced_file_keeps_its_owner(source: FileSource, place: Path) -> None:
    (place / "out").write_bytes(OLD)
    (place / "out").chmod(0o640)
    os.chown(place / "out", 65534, 65533)
    assert write_spliced(source, EDITS, place / "out", force=True).warnings == ()
    new = (place / "out").stat()
    assert (new.st_uid, new.st_gid, stat.S_IMODE(new.st_mode)) == (65534, 65533, 0o640)


@as_root
@pytest.mark.parametrize(
    ("group_too", "mode"),
    [(False, 0o6664), (True, 0o664)],  # the group that is lost must not hand its rights on
)
def test_an_owner_that_cannot_be_kept(
    source: FileSource,
    place: Path,
    group_too: bool,
    mode: int,
    monkeypatch: pytest.MonkeyPatch,
    words: Words,
) -> None:
    real = os.fchown

    def refused(fd: int, user: int, group: int) -> None:
        if user != -1 or group_too:
            raise PermissionError(errno.EPERM, "Operation not permitted")
        real(fd, user, group)

    (place / "out").write_bytes(OLD)
    os.chown(place / "out", 65534, 65533)
    (place / "out").chmod(mode)
    monkeypatch.setattr(os, "fchown", refused)
    written = write_spliced(source, EDITS, place / "out", force=True)
    assert len(written.warnings) == 1
    words(written.warnings)
    new = (place / "out").stat()
    assert new.st_gid == (0 if group_too else 65533)
    assert stat.S_IMODE(new.st_mode) == (0o644 if group_too else 0o664)


def test_a_file_of_someone_else_is_read_only_too(nobody: Path, words: Words) -> None:
    (nobody / "in").write_bytes(SOURCE)
    os.seteuid(0)
    os.chown(nobody / "in", 0, 0)
    (nobody / "in").chmod(0o644)
    os.seteuid(65534)
    with open_source(nobody / "in") as source, pytest.raises(ds.OutputError) as raised:
        write_spliced(source, EDITS, nobody / "in", in_place=True)
    assert raised.value.path == str(nobody / "in")
    words(raised.value)
    assert (nobody / "in").read_bytes() == SOURCE


def test_attributes_are_kept(source: FileSource, place: Path) -> None:
    (place / "out").write_bytes(OLD)
    try:
        os.setxattr(place / "out", "user.origin", b"a zoo")
    except (OSError, AttributeError):
        pytest.skip("no extended attributes here")
    assert write_spliced(source, EDITS, place / "out", force=True).warnings == ()
    assert os.getxattr(place / "out", "user.origin") == b"a zoo"


@as_root
def test_a_directory_hands_its_group_down(source: FileSource, place: Path) -> None:
    os.chown(place, -1, 65533)
    place.chmod(0o2775)
    write_spliced(source, EDITS, place / "out")
    assert (place / "out").stat().st_gid == 65533


@pytest.mark.parametrize("in_place", [False, True])
def test_a_read_only_file_needs_force(
    source: FileSource, place: Path, in_place: bool, words: Words
) -> None:
    output = Path(source.name) if in_place else place / "out"
    if not in_place:
        output.write_bytes(OLD)
    output.chmod(0o444)
    with pytest.raises(ds.OutputError) as raised:
        write_spliced(source, EDITS, output, in_place=in_place)
    assert raised.value.path == str(output)
    assert raised.value.hint is not None
    assert "force=True" in raised.value.hint
    words(raised.value, "in place" if in_place else "another file")
    write_spliced(source, EDITS, output, in_place=in_place, force=True)
    assert output.read_bytes() == NEW
    assert stat.S_IMODE(output.stat().st_mode) == 0o444


def test_a_directory_that_cannot_be_written_to(nobody: Path, words: Words) -> None:
    (nobody / "in").write_bytes(SOURCE)
    (nobody / "out").write_bytes(OLD)
    nobody.chmod(0o555)
    with open_source(nobody / "in") as source:
        for name, in_place in (("out", False), ("new", False), ("in", True)):
            with pytest.raises(ds.OutputError) as raised:
                write_spliced(source, EDITS, nobody / name, force=not in_place, in_place=in_place)
            assert raised.value.path == str(nobody / name)
            assert str(nobody) in raised.value.message.split()
            words(raised.value)
    nobody.chmod(0o755)
    assert (nobody / "out").read_bytes() == OLD
    assert names(nobody) == ["in", "out"]


def test_a_directory_that_cannot_be_listed(nobody: Path) -> None:
    (nobody / "in").write_bytes(SOURCE)
    nobody.chmod(0o300)
    with open_source(nobody / "in") as source:
        write_spliced(source, EDITS, nobody / "out")
    nobody.chmod(0o700)
    assert (nobody / "out").read_bytes() == NEW


# ── the temporary name ──


def test_a_planted_name_is_left_alone(
    source: FileSource, place: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    planted = [".deconvsurgery-0.tmp", ".deconvsurgery-1.tmp", ".deconvsurgery-2.tmp"]
    (place / "victim").write_bytes(OLD)
    (place / planted[0]).symlink_to("victim")
    (place / planted[1]).symlink_to("nothing")
    (place / planted[2]).write_bytes(OLD)
    turns = itertools.count()
    monkeypatch.setattr(os, "urandom", lambda _: SimpleNamespace(hex=lambda: str(next(turns))))
    write_spliced(source, EDITS, place / "out")
    assert (place / "out").read_bytes() == NEW
    assert (place / "victim").read_bytes() == OLD
    assert names(place) == [*planted, "out", "victim"]
    monkeypatch.setattr(os, "urandom", lambda _: SimpleNamespace(hex=lambda: "0"))
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=5, f_frsize=4096))
    with pytest.raises(ds.FileError) as raised:
        write_spliced(source, EDITS, place / "other")
    assert raised.value.path == str(place / "other")
    assert numbers(raised.value.message) == [len(NEW), 5 * 4096]
    words(raised.value)
    assert names(place) == [*planted, "out", "victim"]


# ── streams ──


@contextmanager
def drained(fd: int) -> Iterator[list[bytes]]:
    """Everything that comes out of ``fd``, read by another thread; closes it."""
    received: list[bytes] = []

    def drain() -> None:
        with os.fdopen(fd, "rb") as pipe:
            received.append(pipe.read())

    reader = threading.Thread(target=drain)
    reader.start()
    yield received
    reader.join()


LARGE = (replacing(0, 1, b"large" * 100_000),)  # more than a pipe holds


@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
@pytest.mark.parametrize("blocking", [True, False])
def test_a_pipe_on_standard_output(source: FileSource, name: str, blocking: bool) -> None:
    ours, theirs = os.pipe()
    with drained(ours) as received:
        os.set_blocking(theirs, blocking)
        with standard_output(theirs):
            written = write_spliced(source, LARGE, name)
            os.fstat(1)  # still open
        os.close(theirs)
    assert received == [spliced(SOURCE, LARGE)]
    assert written == Written(None if name == "-" else name, len(received[0]))


@pytest.mark.parametrize("name", ["-", "/dev/stdout"])
@pytest.mark.parametrize("mode", ["wb", "ab", "r+b"])
def test_standard_output_redirected_to_a_file(
    source: FileSource, place: Path, name: str, mode: str
) -> None:
    output = place / "out"
    output.write_bytes(OLD)
    inode = output.stat().st_ino
    with output.open(mode, buffering=0) as file:
        if mode == "r+b":
            file.seek(0, os.SEEK_END)
        with standard_output(file.fileno()):
            write_spliced(source, EDITS, name)
    assert output.read_bytes() == (NEW if mode == "wb" else OLD + NEW)
    assert output.stat().st_ino == inode
    assert names(place) == ["out"]


def test_a_link_to_standard_output(source: FileSource, place: Path) -> None:
    (place / "link").symlink_to("/dev/stdout")
    ours, theirs = os.pipe()
    with drained(ours) as received:
        with standard_output(theirs):
            write_spliced(source, EDITS, place / "link")
        os.close(theirs)
    assert received == [NEW]
    assert names(place) == ["link"]


def test_a_fifo(source: FileSource, place: Path) -> None:
    os.mkfifo(place / "fifo")
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append((place / "fifo").read_bytes()))
    reader.start()
    write_spliced(source, LARGE, place / "fifo")
    reader.join()
    assert received == [spliced(SOURCE, LARGE)]
    assert stat.S_ISFIFO((place / "fifo").stat().st_mode)


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder of a short name: a socket's path has at most 107 bytes."""
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory)


def test_a_socket(source: FileSource, short: Path, words: Words) -> None:
    name = str(short / "socket")
    received: list[bytes] = []

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as stream:
            received.append(stream.read())

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(name)
        listener.listen()
        server = threading.Thread(target=serve)
        server.start()
        write_spliced(source, LARGE, name)
        server.join()
    assert received == [spliced(SOURCE, LARGE)]
    with pytest.raises(ds.FileError) as raised:
        write_spliced(source, LARGE, name)
    assert raised.value.path == name
    assert os.strerror(errno.ECONNREFUSED) in raised.value.message
    words(raised.value)


def test_nothing_takes_everything(source: FileSource) -> None:
    assert write_spliced(source, EDITS, "/dev/null") == Written("/dev/null", len(NEW))
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_device(source: FileSource, words: Words) -> None:
    with pytest.raises(ds.FileError) as by_name:
        write_spliced(source, EDITS, "/dev/full")
    with (
        open("/dev/full", "wb", buffering=0) as full,
        standard_output(full.fileno()),
        pytest.raises(ds.FileError) as as_standard_output,
    ):
        write_spliced(source, EDITS, "-")
    for raised, path in ((by_name, "/dev/full"), (as_standard_output, "standard output")):
        assert raised.value.path == path
        assert os.strerror(errno.ENOSPC) in raised.value.message
        assert numbers(raised.value.message) == [len(NEW)]
        words(raised.value)


def test_nobody_reads_any_more(source: FileSource) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    try:
        with standard_output(theirs), pytest.raises(BrokenPipeError):
            write_spliced(source, EDITS, "-")
    finally:
        os.close(theirs)


def test_a_terminal_gets_text_only(source: FileSource, words: Words) -> None:
    ours, theirs = pty.openpty()
    try:
        with standard_output(theirs):
            for name in ("-", "/dev/stdout", os.ttyname(theirs)):
                with pytest.raises(ds.OutputError) as raised:
                    write_spliced(source, EDITS, name, force=True)
                assert raised.value.path == ("standard output" if name == "-" else name)
                words(raised.value)
                write_file(name, b"text", text=True)
                assert os.read(ours, 100) == b"text"
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_closed_standard_output(
    source: FileSource, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", None)
        with pytest.raises(ds.OutputError) as raised:
            destination("-", source)
    assert raised.value.path == "standard output"
    words(raised.value, "standard output")
    name = "/dev/fd/999999999"  # more than any system has
    with pytest.raises(ds.OutputError) as raised:
        destination(name, source)
    assert raised.value.path == name
    assert os.strerror(errno.EBADF) in raised.value.message
    words(raised.value, "another descriptor")


@as_root
def test_a_block_device_is_refused(source: FileSource, place: Path, words: Words) -> None:
    try:
        os.mknod(place / "disk", 0o600 | stat.S_IFBLK, os.makedev(7, 250))
    except OSError:
        pytest.skip("no device can be made here")
    with pytest.raises(ds.OutputError) as raised:
        write_spliced(source, EDITS, place / "disk", force=True)
    assert raised.value.path == str(place / "disk")
    words(raised.value)


# ── meanwhile ──


def appended(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def replaced(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(OLD)
    other.rename(path)


@pytest.mark.parametrize("change", [appended, replaced])
@pytest.mark.parametrize("in_place", [False, True])
def test_an_input_that_changes_is_an_error(
    source: FileSource,
    place: Path,
    change: Callable[[Path], None],
    in_place: bool,
    words: Words,
) -> None:
    path = Path(source.name)
    output = path if in_place else place / "out"
    edits = [meanwhile(lambda: change(path))]
    with pytest.raises(ds.FileError) as caught:
        write_spliced(source, edits, output, in_place=in_place, force=True)
    assert caught.value.path == source.name
    words(caught.value)
    assert path.read_bytes() == (OLD if change is replaced else SOURCE + b"more")
    assert names(place) == []
    assert temporaries(path.parent) == []


@pytest.mark.parametrize("by_kernel", [True, False])
def test_an_input_that_is_cut_short_is_an_error(
    source: FileSource,
    place: Path,
    by_kernel: bool,
    monkeypatch: pytest.MonkeyPatch,
    words: Words,
) -> None:
    if not by_kernel:
        monkeypatch.delattr(os, "copy_file_range", raising=False)
    with pytest.raises(ds.ModelError) as raised:
        write_spliced(source, [meanwhile(lambda: os.truncate(source.name, 500))], place / "out")
    assert (raised.value.path, raised.value.offset) == (source.name, 500)
    assert numbers(raised.value.message) == [len(SOURCE), 500]
    words(raised.value)
    assert names(place) == []


def test_an_output_that_someone_else_makes_is_kept(
    source: FileSource, place: Path, words: Words
) -> None:
    edits = [meanwhile(lambda: (place / "out").write_bytes(OLD))]
    with pytest.raises(ds.OutputError) as raised:
        write_spliced(source, edits, place / "out")
    assert raised.value.path == str(place / "out")
    words(raised.value)
    assert (place / "out").read_bytes() == OLD
    assert names(place) == ["out"]


def test_one_of_two_writers_wins_whole(source: FileSource, place: Path) -> None:
    barrier = threading.Barrier(2)

    def run(byte: bytes) -> None:
        def chunks() -> Iterable[bytes]:
            barrier.wait(10)
            yield from (byte * 1000 for _ in range(100))

        write_spliced(source, [Edit(0, 1000, 100_000, chunks)], place / "out", force=True)

    writers = [threading.Thread(target=run, args=(byte,)) for byte in (b"a", b"b")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    result = (place / "out").read_bytes()
    assert result in (b"a" * 100_000 + SOURCE[1000:], b"b" * 100_000 + SOURCE[1000:])
    assert names(place) == ["out"]


# ── small files ──


def test_write_file(place: Path) -> None:
    output = place / "net.prototxt"
    assert write_file(output, b"name: 'x'\n") == Written(str(output), 10)
    assert output.read_bytes() == b"name: 'x'\n"
    with pytest.raises(ds.OutputError) as raised:
        write_file(output, b"")
    assert raised.value.path == str(output)
    assert output.read_bytes() == b"name: 'x'\n"
    write_file(output, b"", force=True)
    assert output.read_bytes() == b""
    assert names(place) == ["net.prototxt"]


def test_write_file_to_standard_output() -> None:
    ours, theirs = os.pipe()
    with drained(ours) as received:
        with standard_output(theirs):
            assert write_file("-", b"text") == Written(None, 4)
        os.close(theirs)
    assert received == [b"text"]
