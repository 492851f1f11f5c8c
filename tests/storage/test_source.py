"""A source yields exactly the bytes asked for, or says why not."""

from __future__ import annotations

import errno
import io
import itertools
import os
import pty
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import deconvsurgery as ds
from deconvsurgery.storage import source as source_room
from deconvsurgery.storage.os_error_text import shown
from deconvsurgery.storage.source import FileSource, open_source, read_bytes
from helpers.places import ROOT

BYTES = bytes(range(256)) * 40


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


def test_beyond_the_end_is_an_error_with_its_place(file: Path) -> None:
    with open_source(file) as source, pytest.raises(ds.ModelError, match="too early") as caught:
        source.read(len(BYTES) - 4, 9)
    assert caught.value.offset == len(BYTES) - 4
    assert caught.value.path == str(file)


def test_a_huge_request_is_refused_before_memory_is_taken(file: Path) -> None:
    with open_source(file) as source, pytest.raises(ds.ModelError):
        source.read(0, 1 << 62)


def test_cut_short_while_open(file: Path) -> None:
    with open_source(file) as source:
        os.truncate(file, 100)
        with pytest.raises(ds.ModelError, match="cut short") as caught:
            source.read(50, 100)
        assert caught.value.offset == 100
        assert not source.unchanged()


def test_the_system_refuses(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> bytes:
        raise OSError(5, "Input/output error")

    with open_source(file) as source:
        monkeypatch.setattr(os, "pread", broken)
        with pytest.raises(ds.FileError, match="byte 7: Input/output error") as caught:
            source.read(7, 1)
    assert caught.value.path == str(file)


def refusing(number: int) -> Callable[..., object]:
    def call(*_: object) -> object:
        raise OSError(number, os.strerror(number))

    return call


def test_the_system_does_not_say_what_it_opened(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the descriptor is given back, whoever has it by then."""
    given = os.open(file, os.O_RDONLY)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fstat", refusing(errno.EIO))
        with pytest.raises(ds.FileError, match="cannot be looked at: Input/output error"):
            FileSource(given, "it")
        with pytest.raises(ds.FileError, match="cannot be looked at: Input/output error") as caught:
            open_source(file)
    assert caught.value.path == str(file)
    with pytest.raises(OSError, match="Bad file descriptor"):
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


# ── changed meanwhile ──


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


def test_standard_input_from_a_terminal() -> None:
    ours, theirs = pty.openpty()
    try:
        with standard_input(theirs), pytest.raises(ds.FileError, match="is a terminal") as caught:
            open_source("-")
    finally:
        os.close(ours)
        os.close(theirs)
    assert caught.value.path == "standard input"


def test_standard_input_that_is_closed(file: Path) -> None:
    script = (
        "import os, sys; from deconvsurgery.storage.source import *\n"
        "from deconvsurgery.errors import *\n"
        "with open_source(sys.argv[1]) as source: assert source.fd > 2, source.fd\n"
        "try: open_source('-')\n"
        "except FileError as error: print(error.message, file=sys.stderr)\n"
    )
    run = subprocess.run(
        f'"{sys.executable}" -c "$SCRIPT" "{file}" <&- >&-',
        shell=True,
        env=os.environ | {"SCRIPT": script, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "is closed\n")


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


def test_no_room_for_the_spool(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: Full())
    with (
        piped(BYTES) as pipe,
        standard_input(pipe),
        pytest.raises(ds.FileError, match="No space left") as caught,
    ):
        open_source("-")
    assert caught.value.hint is not None
    assert "TMPDIR" in caught.value.hint


# ── what cannot be opened ──


def test_standard_input_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched, piped(b"") as pipe, standard_input(pipe):
        patched.setattr(source_room, "duplicated", refusing(errno.EMFILE))
        with pytest.raises(ds.FileError, match="cannot be read: Too many open files") as caught:
            open_source("-")
    assert caught.value.path == "standard input"
    pieces = iter([InterruptedError, b"ab", InterruptedError, b"cd", OSError(5, "gone")])

    def read(_fd: int, _size: int) -> bytes:
        piece = next(pieces, b"")
        if isinstance(piece, bytes):
            return piece
        raise piece

    with piped(b"") as pipe, standard_input(pipe):
        with monkeypatch.context() as patched:
            patched.setattr(os, "read", read)
            with pytest.raises(ds.FileError, match="cannot be read: gone"):
                open_source("-")
        pieces = iter([b"ab", InterruptedError, b"cd"])
        with monkeypatch.context() as patched:
            patched.setattr(os, "read", read)
            spooled = open_source("-")
        with spooled:
            assert everything(spooled) == b"abcd"


def test_a_folder_that_cannot_be_listed_gives_no_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "scandir", refusing(errno.EACCES))
    with pytest.raises(ds.FileError, match="no such file") as caught:
        open_source(tmp_path / "nett.caffemodel")
    assert caught.value.hint is None


def test_missing(file: Path, tmp_path: Path) -> None:
    with pytest.raises(ds.FileError, match="no such file") as caught:
        open_source(tmp_path / "nett.caffemodel")
    assert caught.value.hint == f"did you mean {file}?"
    with pytest.raises(ds.FileError) as caught:
        open_source(tmp_path / "a" / "b")
    assert caught.value.hint == f"the directory {tmp_path / 'a'} does not exist either"
    with pytest.raises(ds.FileError) as caught:
        open_source("")
    assert caught.value.message == "there is no such file"


@pytest.mark.parametrize("function", [open_source, read_bytes])
def test_directory(tmp_path: Path, function: Callable[[Path], object]) -> None:
    with pytest.raises(ds.FileError, match="is a directory"):
        function(tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("file/inside", "Not a directory"),
        ("x" * 300, "File name too long"),
        ("loop", "symbolic links"),
        ("a\0b", "null"),
        ("socket", "No such device"),
    ],
)
def test_the_reason_is_told(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(tmp_path / "socket"))
        with pytest.raises(ds.FileError, match=message):
            open_source(f"{tmp_path}/{name}")


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root to be someone else for a moment")
def test_no_permission(file: Path) -> None:
    file.chmod(0)
    os.seteuid(65534)
    try:
        with pytest.raises(ds.FileError, match="Permission denied"):
            open_source(file)
    finally:
        os.seteuid(0)


def test_read_bytes(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_bytes(file) == BYTES
    with piped(BYTES) as pipe, standard_input(pipe):
        assert read_bytes("-") == BYTES
    monkeypatch.setattr(source_room, "_TEXT_LIMIT", len(BYTES) - 1)
    with pytest.raises(ds.FormatError, match=f"is {len(BYTES)} bytes, no prototxt"):
        read_bytes(file)
    with (
        piped(BYTES) as pipe,
        standard_input(pipe),
        pytest.raises(ds.FormatError, match="too large for a prototxt"),
    ):
        read_bytes("-")


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
