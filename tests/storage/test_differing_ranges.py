"""Two files compared: the ranges in which they differ undo any change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deconvsurgery.splicing.byte_ranges import spliced
from deconvsurgery.splicing.undo_patch import Digest, Undo, edits_of
from deconvsurgery.storage.differing_ranges import compared
from deconvsurgery.storage.source import open_source


@given(st.binary(max_size=300), st.binary(max_size=300), st.integers(0, 40))
def test_comparing_two_files_undoes_any_change(
    tmp_path_factory: pytest.TempPathFactory, one: bytes, other: bytes, times: int
) -> None:
    folder = tmp_path_factory.mktemp("compared")
    one, other = one * times * 50, other * times * 50
    for name, data in (("one", one), ("other", other)):
        (folder / name).write_bytes(data)
    with open_source(folder / "one") as original, open_source(folder / "other") as changed:
        ranges, kept = compared(original, changed)
    stored = b"".join(one[each.start : each.stop] for each in kept)
    undo = Undo(Digest(len(one), ""), Digest(len(other), ""), tuple(ranges))
    back = edits_of(undo, lambda start, stop: iter((stored[start:stop],)))
    assert spliced(other, back) == one
