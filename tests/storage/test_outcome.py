"""What becomes of a file where all of it gives way to another, which was made elsewhere."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import deconvsurgery as ds
from deconvsurgery.storage.copy_bytes import FileSink
from deconvsurgery.storage.destination import destination
from deconvsurgery.storage.outcome import Another
from deconvsurgery.storage.source import open_source
from deconvsurgery.storage.write_outputs import write_outcome
from deconvsurgery.storage.write_with_undo import patch_destination, write_undoable

if TYPE_CHECKING:
    from deconvsurgery.storage.source_interface import Source

OLD, NEW = b"what was there" * 400, b"what is new" * 300


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "old").write_bytes(OLD)
    (tmp_path / "made").write_bytes(NEW)
    return tmp_path


@pytest.mark.parametrize("clones", [True, False])
def test_the_other_file_takes_its_place(
    clones: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it, whether the file system shares its blocks or copies its bytes."""
    cloned = []

    def clone(self: FileSink, source: Source, *, but: int = 0) -> bool:
        cloned.append(source.name)
        if clones:  # as a file system that shares blocks
            assert but == 0
            os.pwrite(self.fd, source.read(0, source.size), 0)
            self._tell(source.size)
        return clones

    monkeypatch.setattr(FileSink, "clone", clone)
    with open_source(folder / "old") as source, open_source(folder / "made") as made:
        outcome = Another(made)
        assert (outcome.changed, outcome.rewritten, outcome.size(len(OLD))) == (
            *(True, len(NEW), len(NEW)),
        )
        done = write_outcome(destination(folder / "old", source, in_place=True), outcome)
    assert done.size == len(NEW)
    assert (folder / "old").read_bytes() == NEW
    assert cloned == [str(folder / "made")]
    assert sorted(os.listdir(folder)) == ["made", "old"]


def test_it_can_be_undone(folder: Path) -> None:
    """By the ranges in which the two differ."""
    with open_source(folder / "old") as source, open_source(folder / "made") as made:
        place = destination(folder / "old", source, in_place=True)
        write_undoable(place, Another(made), patch_destination(folder / "patch", place))
    assert (folder / "old").read_bytes() == NEW
    ds.revert(folder / "old", folder / "patch")
    assert (folder / "old").read_bytes() == OLD
