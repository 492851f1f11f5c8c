"""What the rooms around a new file do where the system refuses or does less than elsewhere.

Each test asks the room itself: `place` for where a file may go, `sink` for its bytes, `staging` for
how it takes its place. What they do together is in test_write.py.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import deconvsurgery as ds
from deconvsurgery.storage.atomic_write import AnyStaged, staged, take_all
from deconvsurgery.storage.copy_bytes import FileSink
from deconvsurgery.storage.destination import Destination, destination
from deconvsurgery.storage.output_place import check_place, found_place
from deconvsurgery.storage.source import open_source
from deconvsurgery.storage.write_outputs import write_file
from helpers.words import Words, numbers

OLD, NEW = b"what was there before", b"new bytes"
MIB = 1 << 20


def refusing(number: int) -> Callable[..., Any]:
    def call(*_: object, **__: object) -> Any:
        raise OSError(number, os.strerror(number))

    return call


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """An output that is there already, in a folder of its own."""
    path = tmp_path / "out"
    path.write_bytes(OLD)
    return path


def put(
    path: Path, during: Callable[[], object] = lambda: None, *, force: bool = False
) -> AnyStaged:
    """New bytes staged for ``path``; something happens; they take its place."""
    place = Destination(str(path), found_place(path), force=force)
    with staged(place, lambda sink: sink.write(NEW), len(NEW)) as new:
        during()
        new.take()
    return new


# --- where a file may go


def test_a_place_that_cannot_be_looked_at(
    old: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    for call, name, path in (("lstat", old, str(old)), ("fstat", "-", "standard output")):
        with monkeypatch.context() as patched:
            patched.setattr(os, call, refusing(errno.EIO))
            with pytest.raises(ds.FileError) as caught:
                found_place(name)
        assert caught.value.path == path
        assert os.strerror(errno.EIO) in caught.value.message
        words(caught.value)


def test_a_folder_that_cannot_be_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    there = found_place(tmp_path / "new")
    monkeypatch.setattr(os, "stat", refusing(errno.EACCES))
    with pytest.raises(ds.FileError) as caught:
        check_place(there, None, force=False, in_place=False, text=False)
    assert caught.value.path == str(tmp_path / "new")
    assert os.strerror(errno.EACCES) in caught.value.message
    words(caught.value)


def test_a_device_that_cannot_be_opened_is_taken_for_no_terminal(
    monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    """Writing to it says what is wrong."""
    monkeypatch.setattr(os, "open", refusing(errno.EBUSY))
    check_place(found_place("/dev/null"), None, force=False, in_place=False, text=False)
    with pytest.raises(ds.FileError) as caught:
        write_file("/dev/null", NEW)
    assert caught.value.path == "/dev/null"
    assert os.strerror(errno.EBUSY) in caught.value.message
    words(caught.value)


# --- its bytes


@pytest.fixture
def sunk(tmp_path: Path) -> Iterator[tuple[FileSink, Path]]:
    path = tmp_path / "sunk"
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    yield FileSink(fd, None, fresh=True), path
    os.close(fd)


def test_a_write_of_nothing_ends(
    sunk: tuple[FileSink, Path], monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    monkeypatch.setattr(os, "write", lambda *_: 0)
    with pytest.raises(OSError, match=rf"\b{errno.EIO}\b") as caught:
        sunk[0].write(NEW)
    assert sunk[0].done == 0
    words(caught.value)


@pytest.mark.parametrize("machine", ["mips64", "ppc64le", "sparc64"])
def test_where_ioctls_have_other_numbers_none_is_tried(
    machine: str, sunk: tuple[FileSink, Path], old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine=machine))
    monkeypatch.setattr("fcntl.ioctl", lambda *_: pytest.fail("0x40049409 is another one there"))
    with open_source(old) as source:
        assert not sunk[0].clone(source)
    assert sunk[1].read_bytes() == b""


def test_a_large_hole_stays_one(sunk: tuple[FileSink, Path], tmp_path: Path) -> None:
    """20 MiB of nothing between two bytes are zeros in the copy, too, and take no room."""
    sparse = tmp_path / "sparse"
    with sparse.open("wb") as file:
        file.write(b"a")
        file.seek(20 * MIB)
        file.write(b"z")
    sink, path = sunk
    with open_source(sparse) as source:
        sink.copy(source, 0, source.size)
    assert sink.done == 20 * MIB + 1
    assert path.read_bytes() == sparse.read_bytes()
    # Where the file system has holes at all, the copy takes no more room than the first did.
    assert path.stat().st_blocks <= sparse.stat().st_blocks + 8


# --- how it takes its place


def test_another_size_than_promised_is_our_bug(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError) as caught,
        staged(destination(tmp_path / "new"), lambda sink: sink.write(NEW), 10),
    ):
        pytest.fail("it was staged")
    assert numbers(str(caught.value)) == [9, 10]
    assert os.listdir(tmp_path) == []


def test_what_was_replaced_meanwhile_is_kept(old: Path, words: Words) -> None:
    def another() -> None:
        other = old.with_name("other")
        other.write_bytes(b"of another")
        other.rename(old)

    with pytest.raises(ds.OutputError) as caught:
        put(old, another)
    assert caught.value.path == str(old)
    words(caught.value)
    assert old.read_bytes() == b"of another"
    put(old, another, force=True)
    assert old.read_bytes() == NEW
    assert os.listdir(old.parent) == ["out"]


def test_a_mode_that_cannot_be_kept_is_told(
    old: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    old.chmod(0o640)
    monkeypatch.setattr(os, "fchmod", refusing(errno.EPERM))
    (warning,) = put(old).warnings
    assert " 0640 " in warning
    assert os.strerror(errno.EPERM) in warning
    words(warning)
    assert old.read_bytes() == NEW
    assert stat.S_IMODE(old.stat().st_mode) == 0o600  # private, as it was made


@pytest.mark.parametrize("call", ["listxattr", "getxattr", "setxattr"])
def test_attributes_that_cannot_be_kept_are_told(
    call: str, old: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    """Where their names cannot even be asked for, there are none."""
    names = ["security.selinux", "user.a\n"]
    monkeypatch.setattr(os, "listxattr", lambda _: names, raising=False)
    monkeypatch.setattr(os, "getxattr", lambda _path, name: name.encode(), raising=False)
    monkeypatch.setattr(os, "setxattr", lambda *_: None, raising=False)
    monkeypatch.setattr(os, call, refusing(errno.EOPNOTSUPP), raising=False)
    warnings = put(old).warnings
    assert len(warnings) == (0 if call == "listxattr" else 1)
    for warning in warnings:
        assert r" user.a\n " in warning
        assert os.strerror(errno.EOPNOTSUPP) in warning
        words(warning)
    assert old.read_bytes() == NEW


def test_a_system_without_attributes(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "listxattr", raising=False)
    monkeypatch.setattr(os, "setxattr", lambda *_: pytest.fail("there is none"), raising=False)
    assert put(old).warnings == []
    assert old.read_bytes() == NEW


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EIO])
def test_a_folder_that_cannot_be_flushed(
    number: int, old: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    """Some file systems have no such thing; any other reason is told, and the file is in place."""
    real = os.fsync

    def fsync(fd: int) -> None:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(number, os.strerror(number))
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    if number == errno.EIO:
        with pytest.raises(ds.FileError) as caught:
            put(old)
        assert caught.value.path == str(old)
        assert os.strerror(errno.EIO) in caught.value.message
        words(caught.value)
    else:
        put(old)
    assert old.read_bytes() == NEW


# --- the directory is held


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("again", [False, True], ids=["moved", "and another put there"])
def test_a_folder_that_is_moved_meanwhile_keeps_nothing(
    again: bool, force: bool, old: Path, words: Words
) -> None:
    folder, elsewhere = old.parent / "folder", old.parent / "elsewhere"
    folder.mkdir()

    def move() -> None:
        folder.rename(elsewhere)
        if again:
            folder.mkdir()

    with pytest.raises(ds.OutputError) as caught:
        put(folder / "out", move, force=force)
    assert caught.value.path == str(folder / "out")
    assert caught.value.transient
    words(caught.value)
    assert os.listdir(elsewhere) == []
    assert not again or os.listdir(folder) == []


def test_two_that_are_one_only_when_the_first_is_there(old: Path, words: Words) -> None:
    """As where case does not count, and no name was there to tell it by."""
    with (
        staged(destination(old, force=True), lambda sink: sink.write(NEW), len(NEW)) as one,
        staged(destination(old, force=True), lambda sink: sink.write(b"other"), 5) as other,
        pytest.raises(ds.OutputError) as caught,
    ):
        take_all([one, other])
    assert caught.value.path == str(old)
    words(caught.value)
    assert old.read_bytes() == OLD
    assert os.listdir(old.parent) == ["out"]


def test_a_system_that_takes_paths_only(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deconvsurgery.storage.staged_file._BY_DESCRIPTOR", False)
    put(old)
    assert old.read_bytes() == NEW
    with staged(destination(old, force=True), lambda sink: sink.write(OLD), len(OLD)) as new:
        with new.reopened() as made:
            assert made.read(0, made.size) == OLD
        new.take(undoable=True)
        assert old.read_bytes() == OLD
        new.undo()
    assert old.read_bytes() == NEW
    assert os.listdir(old.parent) == ["out"]


@pytest.mark.parametrize("by", ["O_PATH", "paths"])
def test_a_folder_that_may_not_be_listed(
    by: str, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is held all the same, where the system can do that."""
    real = os.open

    def unlisted(path: str, flags: int, *rest: Any, **named: Any) -> int:
        if flags & os.O_DIRECTORY and not flags & getattr(os, "O_PATH", 0):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(path, flags, *rest, **named)

    monkeypatch.setattr(os, "open", unlisted)
    if by == "paths":
        monkeypatch.delattr(os, "O_PATH", raising=False)
    assert put(old).warnings == []
    assert old.read_bytes() == NEW
    assert os.listdir(old.parent) == ["out"]


def test_a_folder_that_was_gone_for_a_moment(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is there again when it is asked why nothing could be made in it: the system's own word."""
    real = os.open

    def gone(path: Any, flags: int, *rest: Any, **named: Any) -> int:
        if flags & os.O_CREAT:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return real(path, flags, *rest, **named)

    monkeypatch.setattr(os, "open", gone)
    with pytest.raises(FileNotFoundError):
        put(old)
    assert old.read_bytes() == OLD
    assert os.listdir(old.parent) == ["out"]


def test_a_system_call_that_writes_nothing_is_an_error(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It must not be asked for ever."""
    monkeypatch.setattr(os, "write", lambda _fd, _data: 0)
    with pytest.raises(OSError, match=str(errno.EIO)):
        put(old)
    monkeypatch.undo()
    assert old.read_bytes() == OLD
    assert os.listdir(old.parent) == ["out"]
