"""Two files that belong together: both appear or neither, whatever fails on the way."""

from __future__ import annotations

import errno
import itertools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import deconvsurgery as ds
from deconvsurgery.storage.source import open_source
from helpers.writing import write_pair

if TYPE_CHECKING:
    from helpers.words import Words

TEXT, MODEL = b"a net\n", b"a model" * 400
OLD_TEXT, OLD_MODEL = b"old net", b"old model"


def written(folder: Path, *, force: bool = False) -> None:
    with open_source(folder / "in") as source:
        write_pair(
            TEXT,
            folder / "net",
            source,
            lambda sink: sink.write(MODEL),
            folder / "model",
            force=force,
        )


def state(folder: Path) -> tuple[bytes | None, bytes | None]:
    return tuple(  # type: ignore[return-value]
        path.read_bytes() if path.exists() else None for path in (folder / "net", folder / "model")
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").write_bytes(b"input")
    return tmp_path


def test_both_appear(folder: Path) -> None:
    written(folder)
    assert state(folder) == (TEXT, MODEL)
    assert len(list(folder.iterdir())) == 3


@pytest.mark.parametrize("there", ["net", "model"])
def test_one_that_exists_keeps_both_away(folder: Path, there: str, words: Words) -> None:
    (folder / there).write_bytes(b"mine")
    before = state(folder)
    with pytest.raises(ds.OutputError) as raised:
        written(folder)
    assert raised.value.path == str(folder / there)
    words(raised.value)
    assert state(folder) == before
    written(folder, force=True)
    assert state(folder) == (TEXT, MODEL)


FAULTS: list[tuple[str, BaseException]] = [
    ("open", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))),
    ("write", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))),
    ("fsync", OSError(errno.EIO, os.strerror(errno.EIO))),
    ("link", OSError(errno.EPERM, os.strerror(errno.EPERM))),
    ("rename", OSError(errno.EIO, os.strerror(errno.EIO))),
    ("rename", KeyboardInterrupt()),
    ("fsync", KeyboardInterrupt()),
    ("link", KeyboardInterrupt()),
]


@pytest.mark.parametrize("old", [False, True], ids=["new", "force"])
@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("name", "error"), FAULTS, ids=[f"{n}-{e!r}" for n, e in FAULTS])
def test_an_error_at_every_call_leaves_both_or_neither(
    folder: Path, name: str, error: BaseException, late: bool, old: bool
) -> None:
    real = getattr(os, name)
    for nth in itertools.count(1):
        calls = 0
        for file, content in (("net", OLD_TEXT), ("model", OLD_MODEL)):
            (folder / file).unlink(missing_ok=True)
            if old:
                (folder / file).write_bytes(content)
        before = state(folder)

        def sabotaged(*arguments: Any, **named: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == nth and not late:  # noqa: B023 - called in this round only
                raise error
            result = real(*arguments, **named)
            if calls == nth:  # noqa: B023
                if name == "open":
                    os.close(result)
                raise error
            return result

        raised = None
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, name, sabotaged)
            try:
                written(folder, force=old)
            except (ds.FileError, type(error)) as caught:
                raised = caught
        assert (folder / "in").read_bytes() == b"input"
        assert not list(folder.glob(".deconvsurgery-*"))
        assert state(folder) == ((TEXT, MODEL) if raised is None else before)
        if calls < nth:
            assert nth > 1 or not old  # link is only called where something is replaced
            break
