"""Two names of one file, object or stream are found to be one; two files never are."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import deconvsurgery as ds
from deconvsurgery.storage.run_files import RunFiles, file_keys

if TYPE_CHECKING:
    from helpers.words import Words

READ, WRITTEN = "reads", "writes"


def run_files(*named: tuple[str, str | Path | None]) -> RunFiles:
    """Files of a run: how each is used, and its name."""
    files = RunFiles()
    for number, (use, path) in enumerate(named):
        getattr(files, use)(f"file {number}", path)
    return files


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder by two names, with a file by four, and another."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "linked").symlink_to("folder")
    (tmp_path / "folder" / "a").write_bytes(b"a")
    (tmp_path / "other").write_bytes(b"a")
    (tmp_path / "soft").symlink_to("folder/a")
    (tmp_path / "hard").hardlink_to(tmp_path / "folder" / "a")
    (tmp_path / "dangling").symlink_to("folder/new")
    monkeypatch.chdir(tmp_path)
    return tmp_path


A = ("folder/a", "./folder/a", "folder/../folder/a", "linked/a", "soft", "hard")
NEW = ("folder/new", "linked/new", "dangling")
LATER = ("folder/x/y/new", "linked/x/y/new", "folder/x/../x/y/new")


@pytest.mark.parametrize("names", [A, NEW, LATER], ids=["there", "not yet there", "nor its folder"])
def test_every_name_of_one_place(names: tuple[str, ...], here: Path) -> None:
    absolute = [f"file://{here}/{name}" for name in names]
    more = [f"LOCAL://localhost{here}/{name}" for name in names]
    for name in (*names, *absolute, *more, *(os.path.abspath(each) for each in names)):
        for one, other in ((WRITTEN, READ), (READ, WRITTEN), (WRITTEN, WRITTEN)):
            with pytest.raises(ds.OutputError) as caught:
                run_files((one, names[0]), (other, name)).check()
            assert caught.value.path in (name, names[0])
        run_files((READ, names[0]), (READ, name), (WRITTEN, "other")).check()


def test_the_descriptor_of_a_file(here: Path) -> None:
    with open("soft") as file:
        for name in (f"/dev/fd/{file.fileno()}", f"/proc/self/fd/{file.fileno()}"):
            if os.path.exists(name):
                with pytest.raises(ds.OutputError):
                    run_files((READ, "hard"), (WRITTEN, name)).check()


def test_different_files_are_different(here: Path) -> None:
    names = ("folder/a", "other", "folder/new", "new", "folder/A", "folder/x/new", "/dev/null")
    run_files(*((WRITTEN, each) for each in names)).check()
    run_files((WRITTEN, "/dev/null"), (WRITTEN, "/dev/null"), (READ, "/dev/null")).check()


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    "name", ["", "a\0b", "x" * 5000, "other/a", "ftp://x/y", "file://elsewhere/a", None]
)
def test_what_is_no_place_is_nobodys(name: str | None) -> None:
    """Whoever opens it says what is wrong."""
    run_files((READ, name), (WRITTEN, name), (WRITTEN, "folder/a")).check()
    assert name is None or file_keys(name) == ()


def test_an_open_object_has_no_name_here() -> None:
    files = RunFiles()
    opened = object()
    files.reads("the net", opened)
    files.writes("the output", opened)
    files.check()


# --- case


@pytest.fixture
def caseless(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As a file system that ignores case answers: any name there leads to that in small letters."""

    def lowered(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any, *rest: Any, **named: Any) -> Any:
            if isinstance(path, str) and path.startswith(str(here)):
                path = str(here) + path[len(str(here)) :].lower()
            elif isinstance(path, str) and not path.startswith("/"):
                path = path.lower()
            return real(path, *rest, **named)

        return call

    for name in ("stat", "lstat", "scandir"):
        monkeypatch.setattr(os, name, lowered(getattr(os, name)))
    return here


@pytest.mark.usefixtures("caseless")
@pytest.mark.parametrize(
    ("one", "other"), [("folder/a", "Folder/A"), ("folder/new", "folder/NEW"), ("soft", "HARD")]
)
def test_where_case_does_not_count(one: str, other: str) -> None:
    with pytest.raises(ds.OutputError):
        run_files((READ, one), (WRITTEN, other)).check()


@pytest.mark.usefixtures("here")
def test_where_nothing_says_whether_case_counts() -> None:
    """An empty folder, one of names without case: it is asked again when something is there."""
    Path("empty").mkdir()
    Path("numbers").mkdir()
    Path("numbers/1").touch()
    for folder in ("empty", "numbers"):
        run_files((WRITTEN, f"{folder}/new"), (WRITTEN, f"{folder}/NEW")).check()


# --- streams


def test_standard_streams_are_named_once(words: Words) -> None:
    run_files((READ, "-"), (WRITTEN, "-")).check()
    for use, name in ((READ, "standard input"), (WRITTEN, "standard output")):
        with pytest.raises(ds.OutputError) as caught:
            run_files((use, "-"), (use, "-")).check()
        assert caught.value.path == name
        words(caught.value, use)


def test_a_pipe_is_one_file_and_read_once(here: Path, words: Words) -> None:
    os.mkfifo("pipe")
    Path("to-pipe").symlink_to("pipe")
    for uses in ((READ, READ), (READ, WRITTEN), (WRITTEN, WRITTEN)):
        with pytest.raises(ds.OutputError) as caught:
            run_files((uses[0], "pipe"), (uses[1], "to-pipe")).check()
        assert caught.value.path == "to-pipe"
        words(caught.value, " ".join(uses))


def test_a_socket_goes_both_ways(here: Path) -> None:
    one, other = socket.socketpair()
    with one, other:
        name = f"/proc/self/fd/{one.fileno()}"
        if os.path.exists(name):
            run_files((READ, name), (WRITTEN, name)).check()
            for use in (READ, WRITTEN):
                with pytest.raises(ds.OutputError):
                    run_files((use, name), (use, name)).check()


# --- objects


SAME = (
    ("s3://zoo/a", "S3A://zoo/a"),
    ("gs://zoo/a", "gcs://zoo/a"),
    ("az://zoo/a", "abfs://zoo/a"),
    ("az://zoo/a", "abfss://zoo@account.dfs.core.windows.net/a"),
    ("s3://zoo/a", "s3://zoo/a?versionId=1"),
)
DIFFERENT = (
    ("s3://zoo/a", "s3://zoo/A"),
    ("s3://zoo/a", "gs://zoo/a"),
    ("s3://zoo/a", "s3://zoo//a"),
    ("abfs://zoo@one.dfs.core.windows.net/a", "abfs://zoo@two.dfs.core.windows.net/a"),
    ("s3://zoo/a", "zoo/a"),
)


@pytest.mark.parametrize(("one", "other"), SAME)
def test_an_object_by_its_names(one: str, other: str) -> None:
    """No store is asked, and none of its packages is needed."""
    with pytest.raises(ds.OutputError):
        run_files((READ, one), (WRITTEN, other)).check()


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_objects_are_different(one: str, other: str) -> None:
    run_files((READ, one), (WRITTEN, other)).check()


# --- what is said


def test_both_are_named_and_what_they_are(here: Path, words: Words) -> None:
    def refused(*named: tuple[str, str, str], **more: str) -> ds.OutputError:
        files = RunFiles()
        for use, role, path in named:
            getattr(files, use)(role, path, **(more if use == READ else {}))
        with pytest.raises(ds.OutputError) as caught:
            files.check()
        return caught.value

    net, output = (READ, "the net", "soft"), (WRITTEN, "the output", "hard")
    for case, error in (
        ("written", refused(output, net)),
        ("read", refused(net, output)),
        ("in place", refused(net, output, changed_by="the output")),
        ("two outputs", refused(output, (WRITTEN, "the report", "soft"))),
    ):
        assert error.path in ("hard", "soft")
        assert {"hard", "soft"} <= {error.path, *error.message.replace(",", "").split()}
        words(error, case)


def test_what_is_there_later_is_found_when_asked_again(here: Path) -> None:
    files = run_files((WRITTEN, "new"), (WRITTEN, "newer"))
    files.check()
    Path("new").touch()
    os.link("new", "newer")
    with pytest.raises(ds.OutputError):
        files.check()


def test_many_files_take_time_by_their_number(here: Path) -> None:
    files = run_files(*((READ, "folder/a") for _ in range(10_000)), (WRITTEN, "other"))
    files.check()


@pytest.mark.parametrize(("name", "fd"), [("stdin", 0), ("stdout", 1)])
def test_a_standard_stream_that_was_closed_is_no_file(
    name: str, fd: int, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its descriptor may be another file's by now, which is then not taken for it."""
    kept = os.dup(fd)
    try:
        with open("other", "rb") as other:
            os.dup2(other.fileno(), fd)
        assert len({*file_keys("other")} & {*file_keys("-", written=fd == 1)}) == 1
        monkeypatch.setattr(sys, name, None)
        assert len(file_keys("-", written=fd == 1)) == 1
        assert not {*file_keys("other")} & {*file_keys("-", written=fd == 1)}
    finally:
        os.dup2(kept, fd)
        os.close(kept)
