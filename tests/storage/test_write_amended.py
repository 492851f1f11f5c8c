"""Copies that are amended, folders, files written once, and what is said when a write fails."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

import deconvsurgery as ds
from deconvsurgery.splicing.byte_ranges import Edit, Kept, replacing
from deconvsurgery.splicing.undo_patch import Range
from deconvsurgery.storage import write_outputs
from deconvsurgery.storage.destination import destination
from deconvsurgery.storage.outcome import Splice
from deconvsurgery.storage.source import FileSource, open_source
from deconvsurgery.storage.write_outputs import Written, make_directory, write_file, write_once
from helpers.words import Words, numbers
from helpers.writing import write_amended, write_pair, write_spliced

if TYPE_CHECKING:
    from deconvsurgery.storage.copy_bytes import Sink

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


def test_an_amended_copy_needs_force_over_another_file(
    source: FileSource, place: Path, words: Words
) -> None:
    (place / "out").write_bytes(b"mine")
    with pytest.raises(ds.OutputError) as raised:
        write_amended(source, amend, place / "out")
    assert raised.value.path == str(place / "out")
    words(raised.value)
    assert (place / "out").read_bytes() == b"mine"
    write_amended(source, amend, place / "out", force=True)
    assert (place / "out").read_bytes() == AMENDED


def test_a_file_is_amended_in_place(source: FileSource, words: Words) -> None:
    with pytest.raises(ds.OutputError) as raised:
        write_amended(source, amend, source.name, force=True)
    assert raised.value.path == source.name
    words(raised.value)
    assert Path(source.name).read_bytes() == SOURCE
    write_amended(source, amend, source.name, in_place=True)
    assert Path(source.name).read_bytes() == AMENDED


def test_a_pipe_gets_the_amended_copy(source: FileSource, place: Path) -> None:
    told: list[int] = []
    with read_from(place / "pipe") as received:
        written = write_amended(source, amend, place / "pipe", progress=told.append)
    assert received == [AMENDED]
    assert written == Written(str(place / "pipe"), len(SOURCE))
    assert sum(told) == len(SOURCE)


def test_an_input_that_changes_is_not_amended(
    source: FileSource, place: Path, words: Words
) -> None:
    def meddle(fd: int) -> None:
        with open(source.name, "ab") as file:
            file.write(b"more")

    with pytest.raises(ds.FileError) as raised:
        write_amended(source, meddle, place / "out")
    assert raised.value.path == source.name
    words(raised.value)
    assert os.listdir(place) == []


def test_with_force_what_another_makes_meanwhile_is_replaced(
    source: FileSource, place: Path, words: Words
) -> None:
    def meddle(fd: int) -> None:
        (place / "out").write_bytes(b"another's")
        amend(fd)

    with pytest.raises(ds.OutputError) as raised:
        write_amended(source, meddle, place / "out")
    assert raised.value.path == str(place / "out")
    words(raised.value)
    assert (place / "out").read_bytes() == b"another's"
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
    assert os.strerror(errno.EIO) in raised.value.message


@pytest.fixture
def terminal() -> Iterator[tuple[str, int]]:
    """Its name, and the descriptor at which its user sits."""
    ours, theirs = os.openpty()
    try:
        yield os.ttyname(theirs), ours
    finally:
        os.close(ours)
        os.close(theirs)


def test_binary_data_is_kept_from_a_terminal(
    source: FileSource, terminal: tuple[str, int], words: Words
) -> None:
    name, ours = terminal
    attempts: tuple[Callable[[], object], ...] = (
        lambda: write_spliced(source, [], name),
        lambda: write_amended(source, amend, name),
        lambda: write_file(name, b""),
        lambda: write_pair(b"", name, source, lambda sink: None, "never"),
        lambda: destination(name, source),
    )
    for attempt in attempts:
        with pytest.raises(ds.OutputError) as raised:
            attempt()
        assert raised.value.path == name
        words(raised.value)
    destination(name, source, text=True)
    write_spliced(source, [], name, text=True)
    assert os.read(ours, 100) == SOURCE


def test_a_place_is_checked_before_any_work(source: FileSource, place: Path, words: Words) -> None:
    (place / "there").write_bytes(b"mine")

    def refused(output: str | Path, case: str, *, in_place: bool = False) -> None:
        with pytest.raises(ds.OutputError) as raised:
            destination(output, source, in_place=in_place)
        assert raised.value.path == str(output)
        words(raised.value, case)

    refused(place / "there", "another file")
    destination(place / "there", source, force=True)
    refused(source.name, "the input")
    destination(source.name, source, in_place=True)
    refused("/dev/null", "a device", in_place=True)
    destination("/dev/null", source)


# --- streams


def test_progress_adds_up_in_a_stream(source: FileSource, place: Path) -> None:
    told: list[int] = []
    with read_from(place / "pipe") as received:
        write_spliced(source, [replacing(0, 3, b"A")], place / "pipe", progress=told.append)
    assert received == [b"A source, in which one word is changed."]
    assert sum(told) == len(received[0])


def test_a_pipe_that_became_a_file_is_not_written_into(
    source: FileSource, place: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    pipe = place / "pipe"
    os.mkfifo(pipe)
    swapped_before_it_is_opened(monkeypatch, pipe, lambda: pipe.write_bytes(b"mine"))
    with pytest.raises(ds.OutputError) as raised:
        write_spliced(source, [], pipe)
    assert raised.value.path == str(pipe)
    words(raised.value)
    assert pipe.read_bytes() == b"mine"


def test_a_pipe_that_became_a_link_is_not_followed(
    source: FileSource, place: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    pipe = place / "pipe"
    os.mkfifo(pipe)
    swapped_before_it_is_opened(monkeypatch, pipe, lambda: pipe.symlink_to("/dev/null"))
    with pytest.raises(ds.FileError) as raised:
        write_spliced(source, [], pipe)
    assert raised.value.path == str(pipe)
    assert os.strerror(errno.ELOOP) in raised.value.message
    words(raised.value)


# --- what is said when a write fails


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> None:
    """5 blocks of 4096 bytes."""
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_bavail=5, f_frsize=4096))


def failing_edit(error: int = errno.ENOSPC) -> Edit:
    def chunks() -> Iterable[bytes]:
        fail(error)

    return Edit(0, 1, 10, chunks)


def numbers_told(error: ds.FileError, number: int = errno.ENOSPC) -> list[float]:
    """The numbers in a message that has the system's reason."""
    assert os.strerror(number) in error.message
    return numbers(error.message)


@pytest.mark.usefixtures("free")
def test_what_is_needed_and_what_is_free_is_told(
    source: FileSource, place: Path, words: Words
) -> None:
    with pytest.raises(ds.FileError) as raised:
        write_spliced(source, [failing_edit()], place / "out")
    assert numbers_told(raised.value) == [len(SOURCE) + 9, 20480]
    assert raised.value.path == str(place / "out")
    words(raised.value)


@pytest.mark.usefixtures("free")
def test_what_a_small_file_needs_is_told(
    place: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    monkeypatch.setattr(os, "write", lambda *arguments: fail())
    with pytest.raises(ds.FileError) as raised:
        write_file(place / "out", b"text")
    assert numbers_told(raised.value) == [4, 20480]
    assert raised.value.path == str(place / "out")
    words(raised.value)


@pytest.mark.usefixtures("free")
def test_a_single_byte_is_needed(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "write", lambda *arguments: fail())
    with pytest.raises(ds.FileError, match="; 1 byte is needed, 20480 are free"):
        write_file(place / "out", b"a")


@pytest.mark.usefixtures("free")
def test_what_an_amended_copy_needs_is_not_known(
    source: FileSource, place: Path, words: Words
) -> None:
    with pytest.raises(ds.FileError) as raised:
        write_amended(source, lambda fd: fail(), place / "out")
    assert numbers_told(raised.value) == [20480]
    assert raised.value.path == str(place / "out")
    words(raised.value)


@pytest.mark.usefixtures("free")
def test_what_a_pair_of_files_needs_is_not_known(
    source: FileSource, place: Path, words: Words
) -> None:
    with pytest.raises(ds.FileError) as raised:
        write_pair(b"text", place / "net", source, lambda sink: fail(), place / "model")
    assert numbers_told(raised.value) == [20480]
    assert raised.value.path == str(place / "model")
    words(raised.value)
    assert os.listdir(place) == []


def test_where_the_free_space_is_unknown_it_is_not_told(
    source: FileSource, place: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    monkeypatch.setattr(os, "statvfs", lambda path: fail(errno.ENOSYS))
    with pytest.raises(ds.FileError) as raised:
        write_spliced(source, [failing_edit(errno.ENOTTY)], place / "out")
    assert numbers_told(raised.value, errno.ENOTTY) == [len(SOURCE) + 9]
    assert raised.value.hint is None
    words(raised.value)


def test_of_a_stream_nothing_is_promised(source: FileSource, place: Path, words: Words) -> None:
    with read_from(place / "pipe"), pytest.raises(ds.FileError) as raised:
        write_spliced(source, [failing_edit()], place / "pipe")
    assert numbers_told(raised.value) == [len(SOURCE) + 9]
    assert raised.value.path == str(place / "pipe")
    words(raised.value)


# --- two files that belong together


def test_a_pair_says_what_was_written(source: FileSource, place: Path) -> None:
    made = write_pair(
        b"text", place / "net", source, lambda sink: sink.write(b"a model"), place / "model"
    )
    assert made == (Written(str(place / "net"), 4), Written(str(place / "model"), 7))


def test_a_splice_is_undone_by_what_its_edits_replace(source: FileSource) -> None:
    ranges, kept = Splice([replacing(4, 10, b"SO")]).undoing(source, source)
    assert (ranges, kept) == ((Range(4, 6, 6),), (Kept(4, 10),))


def test_a_pair_is_made_of_the_source(source: FileSource, place: Path) -> None:
    one, other = (destination(place / name, source) for name in ("net", "model"))
    write_outputs.write_pair(b"text", one, other, Splice([replacing(4, 10, b"SOURCE")]))
    assert (place / "model").read_bytes() == AMENDED


def test_a_pair_warns_of_each_ones_other_names(
    source: FileSource, place: Path, words: Words
) -> None:
    for name, links in (("net", 1), ("model", 2)):
        (place / name).write_bytes(b"old")
        for number in range(links):
            os.link(place / name, place / f"{name}.{number}")
    made = write_pair(
        b"text", place / "net", source, lambda sink: None, place / "model", force=True
    )
    for written, links in zip(made, (1, 2), strict=True):
        (warning,) = written.warnings
        assert numbers(warning) == [links]
        words(warning, f"{links}")


def test_a_pair_is_refused_by_name(source: FileSource, place: Path, words: Words) -> None:
    def refused(net: Path, model: Path, case: str, *, for_the_sake_of: Path) -> None:
        with pytest.raises(ds.OutputError) as raised:
            write_pair(b"text", net, source, lambda sink: None, model, force=True)
        assert raised.value.path == str(for_the_sake_of)
        words(raised.value, case)

    pipe, link, itself = place / "pipe", place / "link", Path(source.name)
    os.mkfifo(pipe)
    refused(pipe, place / "model", "a stream", for_the_sake_of=pipe)
    refused(place / "net", pipe, "a stream", for_the_sake_of=pipe)
    link.symlink_to("model")
    refused(link, place / "model", "one place", for_the_sake_of=place / "model")
    refused(place / "net", itself, "the input", for_the_sake_of=itself)
    refused(itself, place / "model", "the input", for_the_sake_of=itself)
    assert sorted(os.listdir(place)) == ["link", "pipe"]


def test_a_pair_needs_force_over_other_files_and_over_what_is_made_meanwhile(
    source: FileSource, place: Path, words: Words
) -> None:
    def meddle(sink: Sink) -> None:
        (place / "net").write_bytes(b"another's")

    def make(force: dict[str, bool]) -> None:
        write_pair(b"text", place / "net", source, meddle, place / "model", **force)

    for case in ("made meanwhile", "there before"):
        with pytest.raises(ds.OutputError) as raised:
            make({})  # without --force, as a default
        assert raised.value.path == str(place / "net")
        words(raised.value, case)
        assert (place / "net").read_bytes() == b"another's"
    (place / "net").unlink()
    make({"force": True})
    assert (place / "net").read_bytes() == b"text"


def test_a_pair_is_not_made_of_an_input_that_changes(
    source: FileSource, place: Path, words: Words
) -> None:
    with pytest.raises(ds.FileError) as raised:
        write_pair(
            b"text",
            place / "net",
            source,
            lambda sink: Path(source.name).write_bytes(b"other"),
            place / "model",
        )
    assert raised.value.path == source.name
    words(raised.value)
    assert os.listdir(place) == []


# --- folders, and small files that may be there


def test_folders_are_made_and_may_be_there(place: Path) -> None:
    for _ in range(2):
        make_directory(place / "a/b")
        assert (place / "a/b").is_dir()


def test_a_folder_that_no_name_can_be(place: Path) -> None:
    with pytest.raises(ds.FileError) as raised:
        make_directory(f"{place}/a\0b")
    assert raised.value.path == f"{place}/a\\x00b"
    assert "null" in raised.value.message


@pytest.mark.parametrize(("name", "number"), [("file", errno.EEXIST), ("file/in", errno.ENOTDIR)])
def test_a_file_in_a_folders_way_is_the_outputs_fault(
    place: Path, name: str, number: int, words: Words
) -> None:
    (place / "file").write_bytes(b"mine")
    with pytest.raises(ds.OutputError) as raised:
        make_directory(place / name)
    assert raised.value.path == str(place / name)
    assert os.strerror(number) in raised.value.message
    words(raised.value)
    assert (place / "file").read_bytes() == b"mine"


def test_a_folder_that_the_system_refuses(
    place: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    monkeypatch.setattr(os, "mkdir", lambda *arguments: fail(errno.EROFS))
    with pytest.raises(ds.FileError) as raised:
        make_directory(place / "new")
    assert os.strerror(errno.EROFS) in raised.value.message
    assert raised.value.path == str(place / "new")
    words(raised.value)
    assert not isinstance(raised.value, ds.OutputError)


def test_with_force_a_small_file_replaces_what_another_makes_meanwhile(
    place: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    real = os.fsync

    def meddling(fd: int) -> None:
        (place / "out").write_bytes(b"another's")
        real(fd)

    monkeypatch.setattr(os, "fsync", meddling)
    with pytest.raises(ds.OutputError) as raised:
        write_file(place / "out", b"text")
    assert raised.value.path == str(place / "out")
    words(raised.value)
    assert (place / "out").read_bytes() == b"another's"
    (place / "out").unlink()
    write_file(place / "out", b"text", force=True)


def test_a_file_is_written_once(place: Path, words: Words) -> None:
    path = place / "net"
    write_once(path, b"the same")
    inode = path.stat().st_ino
    write_once(path, b"the same")
    write_once(path, b"the same", force=True)
    assert path.stat().st_ino == inode
    with pytest.raises(ds.OutputError) as raised:
        write_once(path, b"another")
    assert raised.value.path == str(path)
    words(raised.value)
    assert path.read_bytes() == b"the same"
    write_once(path, b"another", force=True)
    assert path.read_bytes() == b"another"


def test_what_is_too_large_to_be_the_same_is_another_file(place: Path) -> None:
    path = place / "net"
    path.touch()
    os.truncate(path, 1 << 30)  # a hole: no disk is used
    with pytest.raises(ds.OutputError):
        write_once(path, b"small")
    assert path.stat().st_size == 1 << 30
    write_once(path, b"small", force=True)
    assert path.read_bytes() == b"small"
