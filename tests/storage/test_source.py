"""A source yields exactly the bytes asked for, or says why not."""

from __future__ import annotations

import errno
import fcntl
import io
import itertools
import os
import pty
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import deconvsurgery as ds
from deconvsurgery.storage import spool
from deconvsurgery.storage.os_error_text import shown
from deconvsurgery.storage.source import FileSource, open_source, open_text, read_bytes
from helpers.words import Words, numbers

BYTES = bytes(range(256)) * 40
MIB = 1 << 20


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "net.caffemodel"
    path.write_bytes(BYTES)
    return path


@contextmanager
def standard_input(fd: int) -> Iterator[None]:
    """Descriptor 0 is ``fd`` for a while."""
    kept = os.dup(0)
    os.dup2(fd, 0)
    try:
        yield
    finally:
        os.dup2(kept, 0)
        os.close(kept)


@contextmanager
def piped(data: bytes) -> Iterator[int]:
    """The reading end of a pipe that someone writes ``data`` to."""
    ours, theirs = os.pipe()

    def feed() -> None:
        with os.fdopen(theirs, "wb") as pipe:
            pipe.write(data)

    writer = threading.Thread(target=feed)
    writer.start()
    try:
        yield ours
    finally:
        writer.join()
        os.close(ours)


def everything(source: FileSource) -> bytes:
    return source.read(0, source.size)


# ── reading ──


def test_reads_what_is_asked_for(file: Path) -> None:
    with open_source(file) as source:
        assert (source.name, source.size, source.spooled) == (str(file), len(BYTES), False)
        assert source.read(0, 0) == b""
        assert source.read(len(BYTES), 0) == b""
        assert source.read(250, 20) == BYTES[250:270]
        assert everything(source) == BYTES
        assert not os.get_inheritable(source.fd)


def test_close_is_repeatable(file: Path) -> None:
    source = open_source(file)
    source.close()
    source.close()
    assert repr(source) == f"FileSource({str(file)!r}, size={len(BYTES)})"


@given(st.lists(st.integers(0, 40), min_size=1, max_size=40).filter(any))
def test_short_reads_and_interruptions_are_completed(calls: list[int]) -> None:
    """Each number is a call: so many bytes at most, or for 0 an interruption."""
    real, turns = os.pread, itertools.cycle(calls)

    def reluctant(fd: int, size: int, offset: int) -> bytes:
        most = next(turns)
        if most == 0:
            raise InterruptedError
        return real(fd, min(size, most), offset)

    with pytest.MonkeyPatch.context() as patch, open_source(__file__) as source:
        expected = real(source.fd, 300, 7)
        patch.setattr(os, "pread", reluctant)
        assert source.read(7, 300) == expected


def test_beyond_the_end_is_an_error_with_its_place(file: Path, words: Words) -> None:
    with open_source(file) as source, pytest.raises(ds.ModelError) as caught:
        source.read(len(BYTES) - 4, 9)
    assert caught.value.offset == len(BYTES) - 4
    assert caught.value.path == str(file)
    assert numbers(caught.value.message) == [len(BYTES), 5]
    words(caught.value)


def test_a_huge_request_is_refused_before_memory_is_taken(file: Path) -> None:
    with open_source(file) as source, pytest.raises(ds.ModelError) as caught:
        source.read(0, 1 << 62)
    assert caught.value.offset == 0
    assert caught.value.path == str(file)


def test_cut_short_while_open(file: Path, words: Words) -> None:
    with open_source(file) as source:
        os.truncate(file, 100)
        with pytest.raises(ds.ModelError) as caught:
            source.read(50, 100)
        assert caught.value.offset == 100
        assert caught.value.path == str(file)
        assert numbers(caught.value.message) == [len(BYTES), 100]
        words(caught.value)
        assert not source.unchanged()


def refusing(number: int) -> Callable[..., object]:
    def call(*_: object) -> object:
        raise OSError(number, os.strerror(number))

    return call


def test_the_system_refuses(file: Path, monkeypatch: pytest.MonkeyPatch, words: Words) -> None:
    with open_source(file) as source:
        monkeypatch.setattr(os, "pread", refusing(errno.EIO))
        with pytest.raises(ds.FileError) as caught:
            source.read(7, 1)
    assert caught.value.path == str(file)
    assert numbers(caught.value.message) == [7]
    assert os.strerror(errno.EIO) in caught.value.message
    words(caught.value)


def test_the_system_does_not_say_what_it_opened(
    file: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    """Then the descriptor is given back, whoever has it by then."""
    given = os.open(file, os.O_RDONLY)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fstat", refusing(errno.EIO))
        with pytest.raises(ds.FileError) as of_it:
            FileSource(given, "it")
        with pytest.raises(ds.FileError) as of_file:
            open_source(file)
    for caught, path in ((of_it, "it"), (of_file, str(file))):
        assert caught.value.path == path
        assert os.strerror(errno.EIO) in caught.value.message
        words(caught.value)
    with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
        os.fstat(given)


def test_the_stretches_of_a_sparse_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes [8, 12) and [20, 24) are on disk, and behind them is a hole."""

    def lseek(_fd: int, position: int, whence: int) -> int:
        if whence == os.SEEK_HOLE:
            return 12 if position < 12 else 24
        if position >= 24:
            raise OSError(errno.ENXIO, "No such device or address")
        return position if 8 <= position < 12 or position >= 20 else 8 if position < 8 else 20

    with open_source(file) as source:
        assert list(source.filled(0, len(BYTES))) == [(0, len(BYTES))]
        monkeypatch.setattr(os, "lseek", lseek)
        assert list(source.filled(0, 40)) == [(8, 12), (20, 24)]
        assert list(source.filled(10, 22)) == [(10, 12), (20, 22)]
        assert list(source.filled(0, 8)) == []
        monkeypatch.setattr(os, "lseek", refusing(errno.EINVAL))  # who cannot tell has no holes
        assert list(source.filled(3, 40)) == [(3, 40)]


@pytest.mark.parametrize("lacking", ["SEEK_DATA", "SEEK_HOLE"])
def test_a_system_that_knows_no_holes(
    file: Path, lacking: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, lacking, raising=False)
    with open_source(file) as source:
        assert list(source.filled(3, 9)) == [(3, 9)]


# ── changed meanwhile ──


def test_out_of_a_linked_folder(tmp_path: Path) -> None:
    """The file of that name in the folder of the link is another one."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b" / "c").mkdir(parents=True)
    (tmp_path / "a" / "link").symlink_to("../b/c")
    (tmp_path / "a" / "in").write_bytes(b"another")
    (tmp_path / "b" / "in").write_bytes(BYTES)
    with open_source(tmp_path / "a" / "link" / ".." / "in") as source:
        assert everything(source) == BYTES
        assert source.unchanged()
        append(tmp_path / "b" / "in")
        assert not source.unchanged()


def touch(path: Path) -> None:
    os.utime(path, ns=(1, 1))


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"!")


def replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(BYTES)
    other.rename(path)


@pytest.mark.parametrize("change", [touch, append, replace])
def test_changes_are_seen(file: Path, change: Callable[[Path], None]) -> None:
    with open_source(file) as source:
        assert source.unchanged()
        change(file)
        assert not source.unchanged()


def test_a_name_that_is_gone_is_no_change(file: Path) -> None:
    with open_source(file) as source:
        file.unlink()
        assert source.unchanged()
        assert everything(source) == BYTES


def test_unchanged_asks_the_same_name_from_another_directory(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with open_source(file.name) as source:
        monkeypatch.chdir("/")
        replace(file)
        assert not source.unchanged()


def test_same_file_by_other_names(file: Path, tmp_path: Path) -> None:
    (tmp_path / "hard").hardlink_to(file)
    (tmp_path / "soft").symlink_to(file)
    (tmp_path / "copy").write_bytes(BYTES)
    with open_source(file) as source:
        assert source.is_same_file(os.stat(tmp_path / "hard"))
        assert source.is_same_file(os.stat(tmp_path / "soft"))
        assert not source.is_same_file(os.stat(tmp_path / "copy"))


# ── what cannot seek ──


@pytest.mark.parametrize("data", [b"", BYTES, BYTES * 300], ids=["empty", "some", "3 MB"])
def test_standard_input_from_a_pipe(data: bytes) -> None:
    with piped(data) as pipe, standard_input(pipe), open_source("-") as source:
        assert (source.name, source.size, source.spooled) == ("standard input", len(data), True)
        assert everything(source) == data
        assert source.unchanged()


def test_standard_input_from_a_file_is_read_where_it_lies(file: Path) -> None:
    with file.open("rb", buffering=0) as stdin, standard_input(stdin.fileno()):
        with open_source("-") as source:
            assert not source.spooled
            assert everything(source) == BYTES
            assert source.is_same_file(os.stat(file))
            assert source.unchanged()
            append(file)
            assert not source.unchanged()
        os.fstat(0)  # still open


def test_standard_input_that_was_read_from_already(file: Path) -> None:
    with file.open("rb", buffering=0) as stdin, standard_input(stdin.fileno()):
        os.read(0, 10)
        with open_source("-") as source:
            assert everything(source) == BYTES[10:]
            assert source.is_same_file(os.stat(file))


def test_standard_input_from_a_terminal(words: Words) -> None:
    ours, theirs = pty.openpty()
    try:
        with standard_input(theirs), pytest.raises(ds.FileError) as caught:
            open_source("-")
    finally:
        os.close(ours)
        os.close(theirs)
    assert caught.value.path == "standard input"
    words(caught.value)


def test_standard_input_that_is_closed(
    file: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    """Python has no ``sys.stdin`` then; what is opened next must not take its number."""
    kept = os.dup(0)
    os.close(0)
    try:
        monkeypatch.setattr(sys, "stdin", None)
        with open_source(file) as source:
            assert source.fd > 2
            assert everything(source) == BYTES
            # Descriptor 0 is still nobody's.
            with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
                os.fstat(0)
        with pytest.raises(ds.FileError) as caught:
            open_source("-")
    finally:
        os.dup2(kept, 0)
        os.close(kept)
    assert caught.value.path == "standard input"
    words(caught.value)


def test_fifo(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = threading.Thread(target=fifo.write_bytes, args=(BYTES,))
    writer.start()
    with open_source(fifo) as source:
        assert everything(source) == BYTES
        assert source.spooled
    writer.join()


def test_device() -> None:
    with open_source("/dev/null") as source:
        assert (source.size, source.spooled) == (0, True)


def test_the_spool_has_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with piped(BYTES) as pipe, standard_input(pipe), open_source("-"):
        assert list(tmp_path.iterdir()) == []


def test_no_room_for_the_spool(monkeypatch: pytest.MonkeyPatch, words: Words) -> None:
    class Full(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: Full())
    with piped(BYTES) as pipe, standard_input(pipe), pytest.raises(ds.FileError) as caught:
        open_source("-")
    assert caught.value.path == "standard input"
    assert os.strerror(errno.ENOSPC) in caught.value.message
    assert caught.value.hint is not None
    assert "TMPDIR" in caught.value.hint
    words(caught.value)


def test_what_has_no_end_is_not_copied_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    """A model may come through a pipe or a device, which nothing tells apart from this one."""
    monkeypatch.setattr(spool, "LARGEST_STREAM", 3 * MIB)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(ds.FileError) as caught:
        open_source("/dev/zero")
    assert caught.value.path == "/dev/zero"
    assert numbers(caught.value.message) == [3 * MIB]
    words(caught.value)
    with piped(bytes(3 * MIB)) as pipe, standard_input(pipe), open_source("-") as source:
        assert source.size == 3 * MIB


# ── what cannot be opened ──


def test_standard_input_that_cannot_be_opened_again(
    monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    with monkeypatch.context() as patched, piped(b"") as pipe, standard_input(pipe):
        patched.setattr(fcntl, "fcntl", refusing(errno.EMFILE))
        with pytest.raises(ds.FileError) as caught:
            open_source("-")
    assert caught.value.path == "standard input"
    assert os.strerror(errno.EMFILE) in caught.value.message
    words(caught.value)


def reading(*pieces: bytes | OSError) -> Callable[[int, int], bytes]:
    """What takes the place of ``os.read``: these in turn, and then nothing more."""
    coming = iter(pieces)

    def read(_fd: int, _size: int) -> bytes:
        piece = next(coming, b"")
        if isinstance(piece, bytes):
            return piece
        raise piece

    return read


def test_standard_input_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch, words: Words) -> None:
    again = InterruptedError()
    with piped(b"") as pipe, standard_input(pipe):
        with monkeypatch.context() as patched:
            gone = OSError(errno.EIO, os.strerror(errno.EIO))
            patched.setattr(os, "read", reading(again, b"ab", again, b"cd", gone))
            with pytest.raises(ds.FileError) as caught:
                open_source("-")
        with monkeypatch.context() as patched:
            patched.setattr(os, "read", reading(b"ab", again, b"cd"))
            spooled = open_source("-")
        with spooled:
            assert everything(spooled) == b"abcd"
    assert caught.value.path == "standard input"
    assert os.strerror(errno.EIO) in caught.value.message
    words(caught.value)


def test_a_folder_that_cannot_be_listed_gives_no_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    monkeypatch.setattr(os, "scandir", refusing(errno.EACCES))
    with pytest.raises(ds.FileError) as caught:
        open_source(tmp_path / "nett.caffemodel")
    assert caught.value.path == str(tmp_path / "nett.caffemodel")
    assert caught.value.hint is None
    words(caught.value)


@pytest.mark.parametrize(
    ("name", "hinted", "case"),
    [
        ("nett.caffemodel", "net.caffemodel", "a name like it"),
        ("a/b", "a", "no folder"),
        ("zzz", None, "no name like it"),
    ],
)
def test_missing(
    file: Path, tmp_path: Path, name: str, hinted: str | None, case: str, words: Words
) -> None:
    with pytest.raises(ds.FileError) as caught:
        open_source(tmp_path / name)
    assert caught.value.path == str(tmp_path / name)
    assert (caught.value.hint is None) is (hinted is None)
    if hinted is not None:
        assert str(tmp_path / hinted) in re.split(r"[ ?]", caught.value.hint or "")
    words(caught.value, case)


def test_a_name_that_is_empty(words: Words) -> None:
    with pytest.raises(ds.FileError) as caught:
        open_source("")
    assert caught.value.path is None
    words(caught.value)


@pytest.mark.parametrize("function", [open_source, read_bytes])
def test_directory(tmp_path: Path, function: Callable[[Path], object], words: Words) -> None:
    with pytest.raises(ds.FileError) as caught:
        function(tmp_path)
    assert caught.value.path == str(tmp_path)
    words(caught.value)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("file/inside", errno.ENOTDIR),
        ("x" * 300, errno.ENAMETOOLONG),
        ("loop", errno.ELOOP),
        ("socket", errno.ENXIO),
    ],
    ids=["through a file", "long", "loop", "socket"],
)
def test_the_reason_is_told(tmp_path: Path, name: str, number: int, words: Words) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(tmp_path / "socket"))
        with pytest.raises(ds.FileError) as caught:
            open_source(f"{tmp_path}/{name}")
    assert caught.value.path == f"{tmp_path}/{name}"
    assert os.strerror(number) in caught.value.message
    words(caught.value)


def test_a_name_that_no_file_has(tmp_path: Path, words: Words) -> None:
    name = f"{tmp_path}/a\0b"
    with pytest.raises(ValueError, match="null") as python_says:
        os.open(name, os.O_RDONLY)
    with pytest.raises(ds.FileError) as caught:
        open_source(name)
    assert caught.value.path == rf"{tmp_path}/a\x00b"
    assert str(python_says.value) in caught.value.message
    words(caught.value.message.replace(str(python_says.value), "…"))


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root to be someone else for a moment")
def test_no_permission(file: Path, words: Words) -> None:
    file.chmod(0)
    os.seteuid(65534)
    try:
        with pytest.raises(ds.FileError) as caught:
            open_source(file)
    finally:
        os.seteuid(0)
    assert caught.value.path == str(file)
    assert os.strerror(errno.EACCES) in caught.value.message
    words(caught.value)


def test_read_bytes(file: Path) -> None:
    assert read_bytes(file) == BYTES
    with piped(BYTES) as pipe, standard_input(pipe):
        assert read_bytes("-") == BYTES


def test_a_text_has_256_mib_at_most(tmp_path: Path, words: Words) -> None:
    path = tmp_path / "net"
    path.touch()
    os.truncate(path, 256 * MIB)  # a hole: no disk is used
    with open_text(path) as source:
        assert source.size == 256 * MIB
    os.truncate(path, 256 * MIB + 1)
    with pytest.raises(ds.FormatError) as caught:
        read_bytes(path)
    assert caught.value.path == str(path)
    assert numbers(caught.value.message) == [256 * MIB + 1]
    words(caught.value)


def test_a_text_from_a_pipe_is_not_read_to_its_end(
    monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    read = reading(*[bytes(MIB)] * 258)
    with monkeypatch.context() as patched, piped(b"") as pipe, standard_input(pipe):
        patched.setattr(os, "read", read)
        with pytest.raises(ds.FormatError) as caught:
            read_bytes("-")
    assert caught.value.path == "standard input"
    words(caught.value)
    assert (read(0, 0), read(0, 0)) == (bytes(MIB), b"")  # 257 were taken


# ── names in messages ──


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("up score/ä😀.caffemodel", "up score/ä😀.caffemodel"),
        ("a\nb\tc\x1b[31m\x7f", r"a\nb\tc\x1b[31m\x7f"),
        (b"caf\xe9", r"caf\xe9"),
        ("\u202egpj", r"\u202egpj"),
        ("a\u2028b", r"a\u2028b"),
        (Path("-x"), "-x"),
    ],
)
def test_shown(path: str | bytes | Path, expected: str) -> None:
    assert shown(path) == expected


@given(st.binary(max_size=50))
def test_shown_is_one_printable_line(path: bytes) -> None:
    text = shown(path)
    assert text.isprintable()
    text.encode("utf-8")
