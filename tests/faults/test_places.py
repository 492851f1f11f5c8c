"""Where a verb is told to write: what may not be written to, links, devices, names."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import stat
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest

from helpers.campaigns import campaign_of_pairs
from helpers.faults.kill import large
from helpers.faults.lab import CASES, OLD, Bench, Case, content, each_verb, ended
from helpers.runs import COMMAND
from helpers.words import Words, numbers

NEW_FILES = [case for case in CASES if not case.stream and not case.old]
# A verb each that writes one file, with {} for its name.
ONE = (
    "apply net in {}",
    "apply net in.h5 {}",
    "convert doubles {}",
    "convert --to hdf5 in {}",
    "patch-net net {}",
    "transplant net in {}",
    "revert -o {} patched undo-patched",
)
# The same where it is one of two.
BOTH = (
    "regroup net full {} other",
    "regroup net full other {}",
    "apply --save-patch {} net in other",
)
STREAMED = ONE[:-1]
each_file = pytest.mark.parametrize("line", ONE + BOTH)


def arguments(line: str, output: str, *more: str) -> list[str]:
    verb, *others = (output if each == "{}" else each for each in line.split())
    return [verb, *more, *others]


def alone(place: Path, line: str) -> bytes:
    """What the file becomes where nothing is special about its place."""
    assert ended(place, arguments(line, "alone")).code == 0
    data = (place / "alone").read_bytes()
    (place / "alone").unlink()
    (place / "other").unlink(missing_ok=True)
    return data


@pytest.fixture
def nobody(template: Path) -> Iterator[Path]:
    """A folder of an ordinary user, who runs the test."""
    if os.geteuid() != 0:
        pytest.skip("takes root to become someone else for a moment")
    folder = Path(tempfile.mkdtemp())
    try:
        for file in template.iterdir():
            shutil.copy(file, folder)
        for path in (folder, *folder.iterdir()):
            os.chown(path, 65534, 65534)
        # Imported when it is needed, by a user who may not read the files of root's Python.
        import_module("rich.console")
        os.seteuid(65534)
        yield folder
    finally:
        os.seteuid(0)
        shutil.rmtree(folder)


@pytest.mark.parametrize("case", each_verb(NEW_FILES))
def test_a_folder_that_may_not_be_written_to(case: Case, nobody: Path, words: Words) -> None:
    """Not even where the file itself may be: the new one is made beside it."""
    bench = Bench(case, nobody)
    nobody.chmod(0o555)
    try:
        done = bench.run()
    finally:
        nobody.chmod(0o755)
    assert done.out == ""
    told = done.error
    if case.arguments[0] == "demo" or "--fix-into" in case.arguments:
        assert (done.code, told.name) == (4, "new")
        assert os.strerror(errno.EACCES) in told.message
        words(told.sentences, "a folder to be made")
    else:
        assert done.code == 2
        assert told.name in case.outputs
        assert str(nobody) in told.message.split()
        words(told.sentences, "a file")
    assert bench.faults() == []
    assert bench.done() is False


@each_file
def test_a_read_only_file(line: str, place: Path, words: Words) -> None:
    data = alone(place, line)
    (place / "out").write_bytes(OLD)
    (place / "out").chmod(0o444)
    done = ended(place, arguments(line, "out"))
    assert (done.code, done.out, done.error.name) == (2, "", "out")
    assert "--force" in (done.error.hint or "")
    words(done.error.sentences)
    assert (place / "out").read_bytes() == OLD
    assert ended(place, arguments(line, "out", "-f")).code == 0
    assert (place / "out").read_bytes() == data
    assert stat.S_IMODE((place / "out").stat().st_mode) == 0o444


def live(place: Path) -> None:
    (place / "target").write_bytes(OLD)
    (place / "out").symlink_to("target")


def dangling(place: Path) -> None:
    (place / "out").symlink_to("target")


def dangling_twice(place: Path) -> None:
    (place / "out").symlink_to(place / "middle")
    (place / "middle").symlink_to("target")


@pytest.mark.parametrize(
    ("line", "link"), campaign_of_pairs(ONE + BOTH, (live, dangling, dangling_twice))
)
def test_a_symbolic_link_is_written_through(
    line: str, link: Callable[[Path], None], place: Path
) -> None:
    data = alone(place, line)
    link(place)
    there = os.readlink(place / "out")
    if link is live:
        assert ended(place, arguments(line, "out")).code == 2
        assert (place / "target").read_bytes() == OLD
    assert ended(place, arguments(line, "out", "-f")).code == 0
    assert os.readlink(place / "out") == there
    assert (place / "target").read_bytes() == data
    assert not (place / "target").is_symlink()


@each_file
def test_a_hard_link_keeps_the_old_bytes_and_that_is_told(
    line: str, place: Path, words: Words
) -> None:
    data = alone(place, line)
    (place / "kept").write_bytes(OLD)
    (place / "out").hardlink_to(place / "kept")
    done = ended(place, arguments(line, "out", "-f"))
    assert done.code == 0
    (warning,) = done.warnings
    assert numbers(warning) == [1]
    words(warning)
    assert (place / "out").read_bytes() == data
    assert (place / "kept").read_bytes() == OLD


def loop(place: Path) -> str:
    (place / "one").symlink_to("two")
    (place / "two").symlink_to("one")
    return "one"


def folder(place: Path) -> str:
    (place / "folder").mkdir()
    return "folder"


NO_PLACE: dict[str, Callable[[Path], str]] = {
    "a loop": loop,
    "a folder": folder,
    "no name": lambda _: "",
    "a new folder": lambda _: "new/",
    "in no folder": lambda _: "nowhere/new",
    "in a file": lambda _: "in/new",
    "a long name": lambda _: "x" * 300,
}
NAMES = ("two\nlines", 'it\'s "x"', "😀", os.fsdecode(b"caf\xe9"), "[up]", "x" * 255)


@pytest.mark.parametrize(("line", "kind"), campaign_of_pairs(ONE + BOTH, tuple(NO_PLACE)))
def test_no_place_for_a_file(line: str, kind: str, place: Path, words: Words) -> None:
    name = NO_PLACE[kind](place)
    before = content(place)
    done = ended(place, arguments(line, name, "-f"))
    assert (done.code, done.out) == (2, "")
    assert done.error.name == (name or None)
    words(done.error.sentences, kind)
    assert content(place) == before


@pytest.mark.parametrize(("line", "name"), campaign_of_pairs(ONE + BOTH, NAMES))
def test_any_other_name_is_one(line: str, name: str, place: Path) -> None:
    data = alone(place, line)
    done = ended(place, arguments(line, name))
    assert (done.code, done.errors) == (0, "")
    assert (place / name).read_bytes() == data
    again = ended(place, arguments(line, name))
    assert again.code == 2
    assert (again.error.name or "").isprintable()  # and in one line, as all of it is


HOW = ("in", "./in", "../place/in", "soft", "hard", "/proc/self/fd")


@pytest.mark.parametrize(
    ("line", "how"), campaign_of_pairs(("apply net in", "convert in", "transplant net in"), HOW)
)
def test_the_input_by_any_name(line: str, how: str, place: Path, words: Words) -> None:
    (place / "soft").symlink_to("in")
    (place / "hard").hardlink_to(place / "in")
    before = content(place)
    with (place / "in").open("rb") as file:
        name = f"{how}/{file.fileno()}" if how.startswith("/proc") else how
        done = ended(place, [*line.split(), name, "-f"])
    assert (done.code, done.out) == (2, "")
    assert done.error.name == name
    words(done.error.sentences)
    assert content(place) == before


@pytest.mark.parametrize("line", STREAMED)
def test_a_fifo_and_a_socket_are_streamed_into(
    line: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = alone(place, line)
    os.mkfifo(place / "fifo")
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append((place / "fifo").read_bytes()))
    reader.start()
    assert ended(place, arguments(line, "fifo")).code == 0
    reader.join()
    short = Path(tempfile.mkdtemp())  # a socket's path has at most 107 bytes

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as stream:
            received.append(stream.read())

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(short / "socket"))
        listener.listen()
        server = threading.Thread(target=serve)
        server.start()
        assert ended(place, arguments(line, str(short / "socket"))).code == 0
        server.join()
    shutil.rmtree(short)
    assert received == [data, data]


@pytest.mark.parametrize("line", STREAMED)
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_devices(line: str, place: Path, words: Words) -> None:
    before = content(place)
    assert ended(place, arguments(line, "/dev/null")).code == 0
    done = ended(place, arguments(line, "/dev/full"))
    assert (done.code, done.out, done.error.name) == (4, "", "/dev/full")
    assert os.strerror(errno.ENOSPC) in done.error.message
    words(done.error.sentences)
    assert content(place) == before
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.parametrize(("line", "name"), campaign_of_pairs(BOTH, ("-", "/dev/null", "fifo")))
def test_two_files_that_belong_together_are_no_streams(
    line: str, name: str, place: Path, words: Words
) -> None:
    os.mkfifo(place / "fifo")
    before = sorted(path.name for path in place.iterdir())
    done = ended(place, arguments(line, name))
    assert (done.code, done.out) == (2, "")
    assert done.error.name == ("standard output" if name == "-" else name)
    words(done.error.sentences)
    assert sorted(path.name for path in place.iterdir()) == before


@pytest.mark.parametrize(
    "line",
    [
        "apply net large -",
        pytest.param("convert --to hdf5 large -", marks=pytest.mark.campaign),
    ],
)
def test_a_reader_that_has_seen_enough(line: str, place: Path) -> None:
    """``| head -c 10``: no message, as from any other tool, and the files are as they were."""
    large(place)
    (place / "in").rename(place / "large")
    before = sorted(path.name for path in place.iterdir())
    script = '"$@" | head -c 10; exit ${PIPESTATUS[0]}'
    done = subprocess.run(
        ["bash", "-c", script, "bash", *COMMAND, *line.split()],
        cwd=place,
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, len(done.stdout), done.stderr) == (141, 10, b"")
    assert sorted(path.name for path in place.iterdir()) == before
