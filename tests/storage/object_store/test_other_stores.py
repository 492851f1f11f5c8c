"""Stores that are not S3, by fsspec's own in memory: a new object is whole before it is there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from helpers.models import demo_base, demo_net
from helpers.runs import run_here
from helpers.store.memory import Elsewhere, standing_in
from helpers.store.padded import traffic

if TYPE_CHECKING:
    from fsspec.implementations.memory import MemoryFileSystem

    from helpers.words import Words

NET = demo_net()
BASE = demo_base()


@pytest.fixture
def place(tmp_path: Path, memory: MemoryFileSystem) -> Path:
    """A net and a model in a folder and in memory, and what comes of them in the folder."""
    (tmp_path / "net").write_bytes(NET)
    (tmp_path / "in").write_bytes(BASE)
    memory.pipe_file("/zoo/net", NET)
    memory.pipe_file("/zoo/in", BASE)
    code, _, errors = run_here(tmp_path, "apply", "net", "in", "out", "--save-patch", "patch")
    assert code == 0, errors
    return tmp_path


def there(memory: MemoryFileSystem) -> dict[str, bytes]:
    return {name: memory.cat_file(name) for name in memory.find("/")}


def test_a_model_in_memory(place: Path, memory: MemoryFileSystem) -> None:
    code, _, errors = run_here(
        place, "apply", "gs://zoo/net", "gs://zoo/in", "gs://zoo/a/out", "-v"
    )
    assert code == 0, errors
    assert traffic(errors)[3] == 0
    new = (place / "out").read_bytes()
    assert there(memory) == {"/zoo/net": NET, "/zoo/in": BASE, "/zoo/a/out": new}


@pytest.mark.parametrize("name", ["a*", "b[1]", "what?", "späte größe", "a b"])
def test_a_name_is_no_pattern(place: Path, memory: MemoryFileSystem, name: str) -> None:
    code, _, errors = run_here(place, "apply", "net", "in", f"gs://zoo/{name}/{name}")
    assert code == 0, errors
    new = (place / "out").read_bytes()
    assert there(memory) == {"/zoo/net": NET, "/zoo/in": BASE, f"/zoo/{name}/{name}": new}


def test_in_place_with_a_patch_and_back_again(
    place: Path, memory: MemoryFileSystem, words: Words
) -> None:
    memory.pipe_file("/zoo/patch", b"another's")
    given = ["net", "gs://zoo/in", "--save-patch", "gs://zoo/patch"]
    code, _, errors = run_here(place, "apply", "-i", *given)
    assert (code, there(memory)["/zoo/patch"]) == (2, b"another's")
    assert errors.startswith(b"error: gs://zoo/patch: ")
    words(errors.decode())
    code, _, errors = run_here(place, "apply", "-i", "-f", *given)
    assert code == 0, errors
    new, patch = ((place / name).read_bytes() for name in ("out", "patch"))
    assert there(memory) == {"/zoo/net": NET, "/zoo/in": new, "/zoo/patch": patch}
    code, _, errors = run_here(place, "revert", "gs://zoo/in", "gs://zoo/patch")
    assert code == 0, errors
    assert there(memory) == {"/zoo/net": NET, "/zoo/in": BASE, "/zoo/patch": patch}


def test_a_folder_of_the_store_is_neither_read_nor_written(
    place: Path, memory: MemoryFileSystem, words: Words
) -> None:
    memory.pipe_file("/zoo/folder/file", b"x")
    code, _, errors = run_here(place, "inspect", "gs://zoo/folder")
    assert code == 4
    words(errors.decode(), "read")
    code, _, errors = run_here(place, "apply", "net", "in", "gs://zoo/folder", "--force")
    assert code == 2
    words(errors.decode(), "written")
    assert there(memory) == {"/zoo/net": NET, "/zoo/in": BASE, "/zoo/folder/file": b"x"}


# --- what fails


class Refusing:
    """Lets the first calls of a method pass and refuses one, or all that follow."""

    def __init__(self, method: Callable[..., Any], passing: int, *, for_ever: bool = False) -> None:
        self.method, self.passing, self.for_ever = method, passing, for_ever

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        self.passing -= 1
        if self.passing == -1 or (self.passing < 0 and self.for_ever):
            raise OSError(28, "No room")
        return self.method(*arguments, **options)


@pytest.mark.parametrize("method", ["open", "mv", "cp_file"])
def test_nothing_is_left_where_the_store_refuses(
    place: Path, memory: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    memory.pipe_file("/zoo/patch", b"another's")
    before = there(memory)
    for passing in range(9):
        refusing = Refusing(getattr(memory, method), passing)
        with monkeypatch.context() as patched:
            patched.setattr(memory, method, refusing)
            code, _, errors = run_here(
                place, "apply", "-f", "net", "in", "gs://zoo/new", "--save-patch", "gs://zoo/patch"
            )
        if code == 0:
            break
        assert (code, there(memory)) == (4, before)
        assert b"No room" in errors
        assert b"Traceback" not in errors
    assert code == 0
    assert passing > 0
    assert there(memory).keys() == {"/zoo/net", "/zoo/in", "/zoo/new", "/zoo/patch"}


def test_what_cannot_be_put_back_is_not_lost(
    place: Path, memory: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    """The old patch was copied and replaced, and then the store has no more room for anything."""
    memory.pipe_file("/zoo/patch", b"another's")
    monkeypatch.setattr(memory, "cp_file", Refusing(memory.cp_file, 2, for_ever=True))
    code, _, errors = run_here(
        place, "apply", "-f", "net", "in", "gs://zoo/new", "--save-patch", "gs://zoo/patch"
    )
    assert code == 4
    (kept,) = there(memory).keys() - {"/zoo/net", "/zoo/in", "/zoo/patch"}
    assert memory.cat_file(kept) == b"another's"
    text = b" ".join(errors.split()).decode()
    assert kept in text
    words(text.replace(kept, "KEPT"))


@pytest.mark.parametrize("old", [None, b"old"])
def test_what_another_made_meanwhile_stays(
    place: Path,
    memory: MemoryFileSystem,
    monkeypatch: pytest.MonkeyPatch,
    old: bytes | None,
    words: Words,
) -> None:
    """Put there when the new object is complete and waits beside its place."""
    given = ["net", "in", "gs://zoo/out"]
    if old is not None:
        memory.pipe_file("/zoo/out", BASE)
        given = ["-i", "net", "gs://zoo/out"]
    opened = memory.open

    def watched(path: str, mode: str = "rb", **options: Any) -> Any:
        if mode == "wb":
            memory.pipe_file("/zoo/out", b"of another")
        return opened(path, mode, **options)

    monkeypatch.setattr(memory, "open", watched)
    # pipe_file opens, too
    monkeypatch.setattr(memory, "pipe_file", lambda name, data: _put(opened, name, data))
    code, _, errors = run_here(place, "apply", *given)
    assert code == (2 if old is None else 4)
    words(errors.decode(), "made" if old is None else "replaced")
    assert there(memory) == {"/zoo/net": NET, "/zoo/in": BASE, "/zoo/out": b"of another"}


def _put(opened: Callable[..., Any], name: str, data: bytes) -> None:
    with opened(name, "wb") as file:
        file.write(data)


class Closed(Elsewhere):
    """A store whose package looks for who is asking before it asks anything."""

    cachable = False

    def __init__(self, **_: object) -> None:
        raise ValueError("neither an account nor a key is given")


def test_a_store_that_knows_nobody(
    place: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    standing_in(monkeypatch, Closed)
    code, _, errors = run_here(place, "inspect", "gs://bucket/key")
    assert code == 4
    assert b": neither an account nor a key is given\n" in errors  # as the store's package says
    text = errors.decode()
    assert " gcsfs " in text.partition("hint: ")[2]
    words(text.replace(" gcsfs ", " PACKAGE "))
