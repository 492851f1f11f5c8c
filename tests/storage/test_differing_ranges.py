"""Two files compared: the ranges in which they differ undo any change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from deconvsurgery.splicing.byte_ranges import Kept, spliced
from deconvsurgery.splicing.undo_patch import Digest, Range, Undo, edits_of
from deconvsurgery.storage.differing_ranges import compared
from deconvsurgery.storage.source import open_source
from helpers.models import CountedSource

if TYPE_CHECKING:
    import pytest


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


def test_pieces_that_differ_are_ranges_and_neighbours_are_one() -> None:
    """Of 4 KiB, in blocks of 1 MiB of which the first is the same; what is longer is the last."""
    block, piece, size = 1 << 20, 4096, (3 << 20) + 5000
    original = bytearray(size + 70)
    changed = bytearray(size)
    for at in (
        block + piece + 1,  # alone
        *(2 * block - 1, 2 * block),  # two pieces, on both sides of where a block ends
        *(2 * block + 9 * piece, 2 * block + 11 * piece - 1),  # two in a row
        size - 1,  # what is left of a piece
    ):
        changed[at] = 1
    stretches = [
        (block + piece, block + 2 * piece),
        (2 * block - piece, 2 * block + piece),
        (2 * block + 9 * piece, 2 * block + 11 * piece),
        (3 * block + piece, size),
    ]
    ranges = [Range(start, stop, stop - start) for start, stop in stretches]
    kept = [Kept(start, stop) for start, stop in stretches]
    long, short = CountedSource(bytes(original)), CountedSource(bytes(changed))
    rest = Kept(size, size + 70)
    assert compared(long, short) == ([*ranges, Range(size, size, 70)], [*kept, rest])
    assert compared(short, long) == (
        [*ranges, Range(size, size + 70, 0)],
        [*kept, Kept(size, size)],
    )
    assert compared(long, long) == ([], [])
