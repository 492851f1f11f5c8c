"""What a store is seldom asked for, or seldom says, each alone: nothing is lost, nothing made up.

In memory, by fsspec's own store, which is none of S3's kind.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

import deconvsurgery as ds
from deconvsurgery.storage.object_store import web_ranges
from deconvsurgery.storage.object_store.object_place import (
    check_object_place,
    found_object_place,
)
from deconvsurgery.storage.object_store.object_source import open_remote
from deconvsurgery.storage.object_store.staged_object import StagedCopy
from deconvsurgery.storage.object_store.store import Location, answer, asked
from deconvsurgery.storage.object_store.web_ranges import WebRanges
from deconvsurgery.storage.source import open_source

OLD, NEW = b"what was there", b"what is new"
URL = "gs://zoo/out"


def refusing(*_: Any, **__: Any) -> Any:
    raise OSError(5, "refused")


def there(memory: Any) -> dict[str, bytes]:
    return {name: memory.cat_file(name) for name in memory.find("/")}


# --- where an object is to go


def test_a_place_is_told_from_others_by_its_url(memory: Any) -> None:
    memory.pipe_file("/zoo/out", OLD)
    place = found_object_place(URL)
    assert (place.path, place.streamed) == (URL, False)
    assert place.old is not None
    assert place.old["size"] == len(OLD)


def test_a_version_is_no_place(memory: Any) -> None:
    memory.pipe_file("/zoo/out", OLD)
    with pytest.raises(ds.OutputError) as caught:
        found_object_place(f"{URL}#17")
    assert caught.value.path == f"{URL}#17"


def test_the_input_is_no_output_unless_that_is_wanted(memory: Any) -> None:
    memory.pipe_file("/zoo/out", OLD)
    with open_source(URL) as source:
        place = found_object_place(URL)
        for in_place in (False, None):
            with pytest.raises(ds.OutputError) as caught:
                check_object_place(place, source, force=True, in_place=in_place)
            assert caught.value.path == URL
            assert ("in_place=True" in (caught.value.hint or "")) is (in_place is not None)
        check_object_place(place, source, force=False, in_place=True)
        memory.pipe_file("/zoo/out", NEW)
        with pytest.raises(ds.FileError):
            check_object_place(place, source, force=True, in_place=True)


# --- what is read


def test_an_object_without_a_size_is_read_from_its_beginning(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.pipe_file("/zoo/out", OLD)
    info = memory.info
    monkeypatch.setattr(memory, "info", lambda key, **_: {**info(key), "size": None})
    assert open_remote(URL) is None
    with open_source(URL) as source:
        assert (source.spooled, source.size) == (True, len(OLD))
        assert source.read(0, source.size) == OLD


def test_a_server_of_the_web_may_give_all_of_the_file_it_gave_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where it is that long still, the range is in it; else it is another file."""
    place = Location("http://zoo/in", "http://zoo/in", None, "http://zoo/in")
    ranges = WebRanges(place, {"size": 9}, b"123456789")
    for data, expected in ((b"123456789", b"345"), (b"12345678", None)):
        whole = web_ranges._Answer(200, {}, len(data), data)
        monkeypatch.setattr(web_ranges, "_asked", lambda *_, whole=whole: whole)
        if expected is not None:
            assert ranges.read(2, 3) == expected
            continue
        with pytest.raises(ds.FileError) as caught:
            ranges.read(2, 3)
        assert (caught.value.path, caught.value.transient) == (place.name, True)


# --- what a store refuses


def test_a_lack_of_memory_is_not_the_stores() -> None:
    with pytest.raises(MemoryError), asked("cannot be read", URL):
        raise MemoryError


def chained(*errors: Exception) -> Exception:
    """The first, which came of the second, and so on."""
    for error, cause in pairwise(errors):
        error.__cause__ = cause
    return errors[0]


class Said(Exception):  # noqa: N818 - as packages of stores name theirs
    """An error with what a package's own have."""

    def __init__(self, **fields: Any) -> None:
        super().__init__("said")
        vars(self).update(fields)


def test_an_answers_status_is_found_wherever_it_stands() -> None:
    busy = Said(status=503)
    assert answer(busy) == answer(Said(code=503)) == answer(chained(OSError(), busy)) == 503
    assert answer(Said(response={"ResponseMetadata": {"HTTPStatusCode": 409}})) == 409
    assert answer(Said(response={}, code=503)) == 503  # it is no answer of S3's
    assert answer(Said(status="503")) is None
    assert answer(TimeoutError()) is None


def test_causes_are_not_followed_without_end() -> None:
    far = [OSError() for _ in range(7)]
    assert answer(chained(*far, Said(status=503))) == 503
    assert answer(chained(*far, OSError(), Said(status=503))) is None
    round_about = OSError()
    round_about.__cause__ = ValueError()
    round_about.__cause__.__cause__ = round_about
    assert answer(round_about) is None


# --- what is written


def staged(memory: Any, *, force: bool = True) -> StagedCopy:
    """A new object that waits beside its place."""
    new = StagedCopy(found_object_place(URL), force=force)
    new.fill(lambda sink: sink.write(NEW), None)
    assert len(there(memory)) == (1 if new.place.old is None else 2)
    return new


@pytest.mark.parametrize("old", [None, OLD])
def test_where_nobody_says_what_is_there_it_is_taken_for_the_new_object(
    old: bytes | None, memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was put there: that nobody says so now is no reason to leave one of two objects new."""
    if old is not None:
        memory.pipe_file("/zoo/out", old)
    new = staged(memory)
    new.take(undoable=True)
    assert memory.cat_file("/zoo/out") == NEW
    with monkeypatch.context() as patched:
        patched.setattr(type(memory), "info", refusing)
        new.undo()
    assert new.left is None
    new.settle()
    assert there(memory) == ({} if old is None else {"/zoo/out": old})


def test_a_new_object_that_cannot_be_taken_away_is_said_to_be_there(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = staged(memory)
    new.take(undoable=True)
    with monkeypatch.context() as patched:
        patched.setattr(memory, "rm_file", refusing)
        with pytest.raises(ds.FileError) as caught:
            new.undo()
    assert caught.value.path == URL
    assert new.left == "/zoo/out"
    new.settle()
    assert there(memory) == {"/zoo/out": NEW}


@pytest.mark.parametrize("discarding", [True, False])
def test_an_object_that_is_given_up_half_way_is_gone(
    discarding: bool, memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the store's file cannot be let go of in either way."""
    memory.pipe_file("/zoo/out", OLD)
    opened, stubborn_files = memory.open, list[Any]()

    def stubborn(path: str, mode: str = "rb", **options: Any) -> Any:
        file = opened(path, mode, **options)
        if not discarding:
            file.discard = file.close = refusing
            stubborn_files.append(file)
        return file

    monkeypatch.setattr(memory, "open", stubborn)
    new = StagedCopy(found_object_place(URL), force=True)

    def half(sink: Any) -> None:
        sink.write(NEW[:5])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        new.fill(half, None)
    new.settle()
    assert there(memory) == {"/zoo/out": OLD}
    for file in stubborn_files:  # Python, from 3.13 on, tells of a file that it cannot close
        del file.close
