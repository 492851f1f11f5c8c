"""Copies that are amended, folders, files written once, and what is said when a write fails."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

import deconvsurgery as ds
from deconvsurgery.splicing.byte_ranges import Edit, replacing
from deconvsurgery.storage.copy_bytes import Sink
from deconvsurgery.storage.source import FileSource, open_source
from deconvsurgery.storage.write_outputs import (
    Written,
    check_output,
    make_directory,
    write_amended,
    write_file,
    write_once,
    write_pair,
    write_spliced,
)

SOURCE = b"The source, in which one word is changed."
AMENDED = b"The SOURCE, in which one word is changed."


@pytest.fixture
def source(tmp_path: Path) -> Iterator[FileSource]:
    path = tmp_path / "in.h5"
    path.write_bytes(SOURCE)
    with open_source(path) as opened:
        yield opened


@pytest.fixture
def place(tmp_path: Path) -> Path:
    directory = tmp_path / "place"
    directory.mkdir()
    return directory


def amend(fd: int) -> None:
    assert os.pread(fd, 6, 4) == b"source"
    os.pwrite(fd, b"SOURCE", 4)


def fail(error: int = errno.ENOSPC) -> NoReturn:
    raise OSError(error, os.strerror(error))


@contextmanager
def read_from(fifo: Path) -> Iterator[list[bytes]]:
    """What comes out of a named pipe that is made for it."""
    os.mkfifo(fifo)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(fifo.read_bytes()))
    reader.start()
    yield received
    reader.join()


def swapped_before_it_is_opened(
    patch: pytest.MonkeyPatch, path: Path, swap: Callable[[], object]
) -> None:
    """Someone puts something else there between the look at a place and its opening."""
    real = os.open

    def opened(name: Any, *arguments: Any, **named: Any) -> int:
        if os.fspath(name) == str(path):
            path.unlink()
            swap()
        return real(name, *arguments, **named)

    patch.setattr(os, "open", opened)


# --- a copy that is amended


def test_a_copy_is_amended(source: FileSource, place: Path) -> None:
    told: list[int] = []
    written = write_amended(source, amend, place / "out", progress=told.append)
    assert written == Written(str(place / "out"), len(SOURCE))
    assert (place / "out").read_bytes() == AMENDED
    assert Path(source.name).read_bytes() == SOURCE
    assert sum(told) == len(SOURCE)
    assert os.listdir(place) == ["out"]


def test_without_a_copy_it_starts_from_nothing(source: FileSource, place: Path) -> None:
    written = write_amended(source, lambda fd: os.write(fd, b"new"), place / "out", copied=False)
    assert written.size == 3
    assert (place / "out").read_bytes() == b"new"


def test_an_amended_copy_needs_force_over_another_file(source: FileSource, place: Path) -> None:
    (place / "out").write_bytes(b"mine")
    with pytest.raises(ds.OutputError, match="exists already"):
        write_amended(source, amend, place / "out")
    assert (place / "out").read_bytes() == b"mine"
    write_amended(source, amend, place / "out", force=True)
    assert (place / "out").read_bytes() == AMENDED


def test_a_file_is_amended_in_place(source: FileSource) -> None:
    with pytest.raises(ds.OutputError, match="is the input file itself"):
        write_amended(source, amend, source.name, force=True)
    write_amended(source, amend, source.name, in_place=True)
    assert Path(source.name).read_bytes() == AMENDED


def test_a_pipe_gets_the_amended_copy(source: FileSource, place: Path) -> None:
    told: list[int] = []
    with read_from(place / "pipe") as received:
        written = write_amended(source, amend, place / "pipe", progress=told.append)
    assert received == [AMENDED]
    assert written == Written(str(place / "pipe"), len(SOURCE))
    assert sum(told) == len(SOURCE)


def test_an_input_that_changes_is_not_amended(source: FileSource, place: Path) -> None:
    def meddle(fd: int) -> None:
        with open(source.name, "ab") as file:
            file.write(b"more")

    with pytest.raises(ds.FileError, match="was changed while it was read"):
        write_amended(source, meddle, place / "out")
    assert os.listdir(place) == []


def test_with_force_what_another_makes_meanwhile_is_replaced(
    source: FileSource, place: Path
) -> None:
    def meddle(fd: int) -> None:
        (place / "out").write_bytes(b"another's")
        amend(fd)

    with pytest.raises(ds.OutputError, match="was made by another meanwhile"):
        write_amended(source, meddle, place / "out")
    (place / "out").unlink()
    write_amended(source, meddle, place / "out", force=True)
    assert (place / "out").read_bytes() == AMENDED


def test_a_spool_that_cannot_be_read_is_the_outputs_trouble(
    source: FileSource, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "copy_file_range", raising=False)
    monkeypatch.setattr(os, "pread", lambda *arguments: fail(errno.EIO))
    with read_from(place / "pipe"), pytest.raises(ds.FileError) as raised:
        write_amended(source, lambda fd: os.write(fd, b"new"), place / "pipe", copied=False)
    assert raised.value.path == str(place / "pipe")


def test_binary_data_is_kept_from_a_terminal(source: FileSource) -> None:
    ours, theirs = os.openpty()
    try:
        for write, what in ((write_spliced, []), (write_amended, amend)):
            with pytest.raises(ds.OutputError, match="is a terminal"):
                write(source, what, os.ttyname(theirs))
        with pytest.raises(ds.OutputError, match="is a terminal"):
            write_file(os.ttyname(theirs), b"")
        write_spliced(source, [], os.ttyname(theirs), text=True)
        assert os.read(ours, 100) == SOURCE
        with pytest.raises(ds.OutputError, match="is a terminal"):
            write_pair(b"", os.ttyname(theirs), source, lambda sink: None, "never")
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_place_is_checked_before_any_work(source: FileSource, place: Path) -> None:
    (place / "there").write_bytes(b"mine")
    with pytest.raises(ds.OutputError, match="exists already"):
        check_output(place / "there", source)
    check_output(place / "there", source, force=True)
    with pytest.raises(ds.OutputError, match="is the input file itself"):
        check_output(source.name, source)
    check_output(source.name, source, in_place=True)
    with pytest.raises(ds.OutputError, match="cannot be changed in place"):
        check_output("/dev/null", source, in_place=True)
    check_output("/dev/null", source)
    ours, theirs = os.openpty()
    try:
        with pytest.raises(ds.OutputError, match="is a terminal"):
            check_output(os.ttyname(theirs), source)
        check_output(os.ttyname(theirs), source, text=True)
    finally:
        os.close(ours)
        os.close(theirs)


# --- streams


def test_progress_adds_up_in_a_stream(source: FileSource, place: Path) -> None:
    told: list[int] = []
    with read_from(place / "pipe") as received:
        write_spliced(source, [replacing(0, 3, b"A")], place / "pipe", progress=told.append)
    assert received == [b"A source, in which one word is changed."]
    assert sum(told) == len(received[0])


def test_a_pipe_that_became_a_file_is_not_written_into(
    source: FileSource, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = place / "pipe"
    os.mkfifo(pipe)
    swapped_before_it_is_opened(monkeypatch, pipe, lambda: pipe.write_bytes(b"mine"))
    with pytest.raises(ds.OutputError) as raised:
        write_spliced(source, [], pipe)
    assert raised.value.message == "became a regular file meanwhile"
    assert raised.value.path == str(pipe)
    assert pipe.read_bytes() == b"mine"


def test_a_pipe_that_became_a_link_is_not_followed(
    source: FileSource, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = place / "pipe"
    os.mkfifo(pipe)
    swapped_before_it_is_opened(monkeypatch, pipe, lambda: pipe.symlink_to("/dev/null"))
    with pytest.raises(ds.FileError, match="cannot be written: Too many levels of symbolic links"):
        write_spliced(source, [], pipe)


# --- what is said when a write fails


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> None:
    """5 blocks of 4096 bytes."""
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_bavail=5, f_frsize=4096))


NO_SPACE = "free some space, or name an output on another disk"
FULL = "cannot be written: No space left on device"


def failing_edit(error: int = errno.ENOSPC) -> Edit:
    def chunks() -> Iterable[bytes]:
        fail(error)

    return Edit(0, 1, 10, chunks)


@pytest.mark.usefixtures("free")
def test_what_is_needed_and_what_is_free_is_told(source: FileSource, place: Path) -> None:
    with pytest.raises(ds.FileError) as raised:
        write_spliced(source, [failing_edit()], place / "out")
    assert raised.value.message == (
        f"{FULL}; {len(SOURCE) + 9} bytes are needed, 20480 are free; nothing was changed"
    )
    assert (raised.value.path, raised.value.hint) == (str(place / "out"), NO_SPACE)


@pytest.mark.usefixtures("free")
def test_what_a_small_file_needs_is_told(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "write", lambda *arguments: fail())
    with pytest.raises(ds.FileError) as raised:
        write_file(place / "out", b"text")
    assert raised.value.message == (
        f"{FULL}; 4 bytes are needed, 20480 are free; nothing was changed"
    )


@pytest.mark.usefixtures("free")
def test_what_an_amended_copy_needs_is_not_known(source: FileSource, place: Path) -> None:
    with pytest.raises(ds.FileError) as raised:
        write_amended(source, lambda fd: fail(), place / "out")
    assert raised.value.message == f"{FULL}, 20480 are free; nothing was changed"
    assert (raised.value.path, raised.value.hint) == (str(place / "out"), NO_SPACE)


@pytest.mark.usefixtures("free")
def test_what_a_pair_of_files_needs_is_not_known(source: FileSource, place: Path) -> None:
    with pytest.raises(ds.FileError) as raised:
        write_pair(b"text", place / "net", source, lambda sink: fail(), place / "model")
    assert raised.value.message == f"{FULL}, 20480 are free; nothing was changed"
    assert (raised.value.path, raised.value.hint) == (str(place / "model"), NO_SPACE)
    assert os.listdir(place) == []


def test_where_the_free_space_is_unknown_it_is_not_told(
    source: FileSource, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "statvfs", lambda path: fail(errno.ENOSYS))
    with pytest.raises(ds.FileError) as raised:
        write_spliced(source, [failing_edit(errno.ENOTTY)], place / "out")
    assert raised.value.message == (
        "cannot be written: Inappropriate ioctl for device; "
        f"{len(SOURCE) + 9} bytes are needed; nothing was changed"
    )
    assert raised.value.hint is None


def test_of_a_stream_nothing_is_promised(source: FileSource, place: Path) -> None:
    with read_from(place / "pipe"), pytest.raises(ds.FileError) as raised:
        write_spliced(source, [failing_edit()], place / "pipe")
    assert raised.value.message == f"{FULL}; {len(SOURCE) + 9} bytes are needed"
    assert raised.value.path == str(place / "pipe")


# --- two files that belong together


def test_a_pair_says_what_was_written(source: FileSource, place: Path) -> None:
    made = write_pair(
        b"text", place / "net", source, lambda sink: sink.write(b"a model"), place / "model"
    )
    assert made == (Written(str(place / "net"), 4), Written(str(place / "model"), 7))


def test_a_pair_warns_of_each_ones_other_names(source: FileSource, place: Path) -> None:
    for name in ("net", "model"):
        (place / name).write_bytes(b"old")
        os.link(place / name, place / f"{name}.too")
    made = write_pair(
        b"text", place / "net", source, lambda sink: None, place / "model", force=True
    )
    assert [len(each.warnings) for each in made] == [1, 1]
    assert all("link" in each.warnings[0] for each in made)


def test_a_pair_is_refused_by_name(source: FileSource, place: Path) -> None:
    def refused(net: Path, model: Path) -> tuple[str, str | None]:
        with pytest.raises(ds.OutputError) as raised:
            write_pair(b"text", net, source, lambda sink: None, model, force=True)
        return raised.value.message, raised.value.path

    os.mkfifo(place / "pipe")
    stream = ("is a stream, and two files belong together", str(place / "pipe"))
    assert refused(place / "pipe", place / "model") == stream
    assert refused(place / "net", place / "pipe") == stream
    (place / "link").symlink_to("model")
    twice = ("is named for both outputs", str(place / "link"))
    assert refused(place / "link", place / "model") == twice
    itself = Path(source.name)
    assert refused(place / "net", itself) == ("is the input file itself", source.name)
    assert refused(itself, place / "model") == ("is the input file itself", source.name)
    assert sorted(os.listdir(place)) == ["link", "pipe"]


def test_a_pair_needs_force_over_other_files_and_over_what_is_made_meanwhile(
    source: FileSource, place: Path
) -> None:
    def meddle(sink: Sink) -> None:
        (place / "net").write_bytes(b"another's")

    def make(force: dict[str, bool]) -> None:
        write_pair(b"text", place / "net", source, meddle, place / "model", **force)

    with pytest.raises(ds.OutputError, match="was made by another meanwhile"):
        make({})
    with pytest.raises(ds.OutputError, match="exists already"):
        make({})
    (place / "net").unlink()
    make({"force": True})
    assert (place / "net").read_bytes() == b"text"


def test_a_pair_is_not_made_of_an_input_that_changes(source: FileSource, place: Path) -> None:
    with pytest.raises(ds.FileError, match="was changed while it was read"):
        write_pair(
            b"text",
            place / "net",
            source,
            lambda sink: Path(source.name).write_bytes(b"other"),
            place / "model",
        )
    assert os.listdir(place) == []


# --- folders, and small files that may be there


def test_folders_are_made_and_may_be_there(place: Path) -> None:
    for _ in range(2):
        make_directory(place / "a/b")
        assert (place / "a/b").is_dir()


@pytest.mark.parametrize(
    ("name", "reason"), [("file", "File exists"), ("file/in", "Not a directory")]
)
def test_a_file_in_a_folders_way_is_the_outputs_fault(place: Path, name: str, reason: str) -> None:
    (place / "file").write_bytes(b"mine")
    with pytest.raises(ds.OutputError) as raised:
        make_directory(place / name)
    assert raised.value.message == f"cannot be made a directory: {reason}"
    assert raised.value.path == str(place / name)
    assert (place / "file").read_bytes() == b"mine"


def test_a_folder_that_the_system_refuses(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "mkdir", lambda *arguments: fail(errno.EROFS))
    with pytest.raises(ds.FileError) as raised:
        make_directory(place / "new")
    assert raised.value.message == "cannot be made a directory: Read-only file system"
    assert raised.value.path == str(place / "new")
    assert raised.value.hint
    assert not isinstance(raised.value, ds.OutputError)


def test_with_force_a_small_file_replaces_what_another_makes_meanwhile(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def meddling(fd: int) -> None:
        (place / "out").write_bytes(b"another's")
        real(fd)

    monkeypatch.setattr(os, "fsync", meddling)
    with pytest.raises(ds.OutputError, match="was made by another meanwhile"):
        write_file(place / "out", b"text")
    (place / "out").unlink()
    write_file(place / "out", b"text", force=True)


def test_a_file_is_written_once(place: Path) -> None:
    path = place / "net"
    write_once(path, b"the same")
    inode = path.stat().st_ino
    write_once(path, b"the same")
    write_once(path, b"the same", force=True)
    assert path.stat().st_ino == inode
    with pytest.raises(ds.OutputError, match="exists already"):
        write_once(path, b"another")
    assert path.read_bytes() == b"the same"
    write_once(path, b"another", force=True)
    assert path.read_bytes() == b"another"


def test_what_is_too_large_to_be_the_same_is_another_file(place: Path) -> None:
    path = place / "net"
    path.touch()
    os.truncate(path, 1 << 30)  # a hole: no disk is used
    with pytest.raises(ds.OutputError, match="exists already"):
        write_once(path, b"small")
    write_once(path, b"small", force=True)
    assert path.read_bytes() == b"small"
