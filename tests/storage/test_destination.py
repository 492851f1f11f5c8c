"""A place is looked up once; what another puts there until it is written to is not lost."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import deconvsurgery as ds
from deconvsurgery.splicing.byte_ranges import replacing
from deconvsurgery.storage.atomic_write import staged
from deconvsurgery.storage.destination import destination
from deconvsurgery.storage.outcome import Splice
from deconvsurgery.storage.output_place import Place
from deconvsurgery.storage.source import open_source
from deconvsurgery.storage.write_outputs import write_bytes, write_outcome

if TYPE_CHECKING:
    from helpers.words import Words

DATA, NEW = b"the input", b"the output"
OUTCOME = Splice((replacing(4, 9, b"output"),))


def written(folder: Path, meanwhile: Callable[[Path], object], *, force: bool) -> Path:
    """The output, of a folder with an input, after something has happened to its place."""
    (folder / "in").write_bytes(DATA)
    with open_source(folder / "in") as source:
        place = destination(folder / "out", source, force=force)
        meanwhile(folder / "out")
        write_outcome(place, OUTCOME)
    return folder / "out"


def private(path: Path) -> None:
    path.write_bytes(b"another's")
    path.chmod(0o600)


def test_a_destination_says_what_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "out"
    found = destination(os.fsencode(path))
    assert (found.named, found.source, found.in_place, found.force) == (
        str(path),
        None,
        None,
        False,
    )
    path.write_bytes(DATA)
    with pytest.raises(ds.OutputError):
        destination(path)
    assert destination(path, force=True).force
    with open_source(path) as source:
        found = destination(path, source, in_place=True)
        assert (found.original, found.in_place) == (source, True)


def test_a_terminal_is_for_text(tmp_path: Path) -> None:
    ends = os.openpty()
    try:
        name = os.ttyname(ends[1])
        with pytest.raises(ds.OutputError) as caught:
            destination(name)
        assert caught.value.path == name
        assert destination(name, text=True).place.streamed
    finally:
        for end in ends:
            os.close(end)


def test_a_stream_is_refused_by_its_name(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    found = destination(tmp_path / "pipe")
    with pytest.raises(ds.OutputError) as caught:
        found.refuse_stream("is a stream", hint="name a file")
    error = caught.value
    assert (error.message, error.path, error.hint) == (
        "is a stream",
        str(tmp_path / "pipe"),
        "name a file",
    )
    destination(tmp_path / "file").refuse_stream("is a stream")


def test_the_file_that_was_there_is_not_checked_again(tmp_path: Path) -> None:
    """A second check would refuse it: it may not be written to any more."""
    path = tmp_path / "in"
    path.write_bytes(DATA)
    with open_source(path) as source:
        found = destination(path, source, in_place=True)
        path.chmod(0o444)
        now = path.lstat()
        assert isinstance(found.place, Place)
        assert found.looked_at_again(found.place, now) == found.place._replace(old=now)


def test_another_file_in_the_place_of_the_input_is_no_input(tmp_path: Path) -> None:
    """That it is changed in place is checked as it was at first, by what the source says."""
    path = tmp_path / "in"
    path.write_bytes(DATA)
    with open_source(path) as source:
        found = destination(path, source, in_place=True)
        (tmp_path / "other").write_bytes(NEW)
        (tmp_path / "other").rename(path)
        assert isinstance(found.place, Place)
        with pytest.raises(ds.FileError):
            found.looked_at_again(found.place, path.lstat())
    assert path.read_bytes() == NEW


def test_what_is_made_meanwhile_is_kept(tmp_path: Path) -> None:
    with pytest.raises(ds.OutputError):
        written(tmp_path, private, force=False)
    assert (tmp_path / "out").read_bytes() == b"another's"
    assert sorted(os.listdir(tmp_path)) == ["in", "out"]


def test_what_is_private_meanwhile_stays_so(tmp_path: Path) -> None:
    """With --force it is replaced, by a file that is no more open than that."""
    output = written(tmp_path, private, force=True)
    assert output.read_bytes() == NEW
    assert stat.S_IMODE(output.stat().st_mode) == 0o600


def test_what_is_removed_meanwhile_leaves_no_mode(tmp_path: Path) -> None:
    private(tmp_path / "out")
    output = written(tmp_path, Path.unlink, force=True)
    assert output.read_bytes() == NEW
    assert stat.S_IMODE(output.stat().st_mode) & 0o600 == 0o600
    (tmp_path / "other").touch()
    assert stat.S_IMODE(output.stat().st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)


@pytest.mark.parametrize("how", [Path.rename, os.link], ids=["moved", "linked"])
def test_the_input_is_not_lost_where_it_comes_there_meanwhile(
    how: Callable[[Path, Path], object], tmp_path: Path
) -> None:
    with pytest.raises(ds.OutputError) as caught:
        written(tmp_path, lambda path: how(tmp_path / "in", path), force=True)
    assert caught.value.path == str(tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == DATA


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["a pipe", "a directory"])
def test_what_is_no_file_meanwhile_stays(make: Callable[[Path], object], tmp_path: Path) -> None:
    with pytest.raises(ds.OutputError) as caught:
        written(tmp_path, make, force=True)
    assert caught.value.path == str(tmp_path / "out")
    assert not (tmp_path / "out").is_file()
    assert sorted(os.listdir(tmp_path)) == ["in", "out"]


@pytest.mark.parametrize("by_descriptor", [True, False])
def test_a_directory_that_is_gone_meanwhile_is_named(
    by_descriptor: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not by_descriptor:
        monkeypatch.setattr("deconvsurgery.storage.staged_file._BY_DESCRIPTOR", False)
    (tmp_path / "folder").mkdir()
    place = destination(tmp_path / "folder" / "out")
    (tmp_path / "folder").rmdir()
    with pytest.raises(ds.OutputError) as caught:
        write_bytes(place, NEW)
    assert caught.value.path == str(tmp_path / "folder" / "out")
    assert str(tmp_path / "folder") in caught.value.message
    assert os.listdir(tmp_path) == []


def test_no_file_takes_the_place_of_what_is_none(tmp_path: Path, words: Words) -> None:
    """Whoever asks for it: a pipe or a device is written into, never replaced."""
    os.mkfifo(tmp_path / "pipe")
    with (
        pytest.raises(ds.OutputError) as caught,
        staged(destination(tmp_path / "pipe", force=True), lambda sink: sink.write(NEW), len(NEW)),
    ):
        pytest.fail("it was staged")
    assert (caught.value.path, caught.value.transient) == (str(tmp_path / "pipe"), True)
    words(caught.value)
    assert os.listdir(tmp_path) == ["pipe"]
