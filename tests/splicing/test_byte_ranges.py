"""Splicing is replacing slices: tested on the alphabet, against lists and by hand."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deconvsurgery.splicing.byte_ranges import (
    Edit,
    Kept,
    replacing,
    segments,
    spliced,
    spliced_size,
)
from helpers.words import Words, numbers

ALPHABET = b"abcdefghijklmnopqrstuvwxyz"


@st.composite
def disjoint(draw: st.DrawFn) -> list[tuple[int, int, bytes]]:
    """Ranges of the alphabet that do not overlap, with what comes in their place."""
    ends = sorted(draw(st.lists(st.integers(0, 26), max_size=8)))
    ranges = list(zip(ends[::2], ends[1::2], strict=False))
    return [(start, stop, draw(st.binary(max_size=4))) for start, stop in ranges]


@pytest.mark.parametrize(
    ("edits", "result"),
    [
        ([], ALPHABET),
        ([(0, 26, b"")], b""),
        ([(0, 0, b"<")], b"<" + ALPHABET),
        ([(26, 26, b">")], ALPHABET + b">"),
        ([(1, 25, b"...")], b"a...z"),
        ([(0, 13, b"1"), (13, 26, b"2")], b"12"),
        ([(20, 26, b"!"), (0, 19, b"?")], b"?t!"),
        ([(3, 26, b""), (3, 3, b"insertion first")], b"abcinsertion first"),
    ],
)
def test_by_hand(edits: list[tuple[int, int, bytes]], result: bytes) -> None:
    assert spliced(ALPHABET, [replacing(*edit) for edit in edits]) == result


def test_an_edit_may_name_bytes_that_the_source_has_elsewhere() -> None:
    pieces = (b"<", Kept(20, 26), Kept(0, 2), b">", Kept(5, 5))
    assert spliced(ALPHABET, [Edit(3, 25, 10, lambda: pieces)]) == b"abc<uvwxyzab>z"


@given(disjoint(), st.randoms())
def test_it_is_slice_assignment_from_the_back_and_order_does_not_matter(
    ranges: list[tuple[int, int, bytes]], chance: random.Random
) -> None:
    expected = bytearray(ALPHABET)
    for start, stop, new in reversed(ranges):
        expected[start:stop] = new
    edits = [replacing(*each) for each in ranges]
    assert spliced(ALPHABET, edits) == expected
    assert spliced_size(26, edits) == len(expected)
    places = {(edit.start, edit.stop) for edit in edits}
    if len(places) == len(edits):  # two at one place keep their order, so may not be shuffled
        chance.shuffle(edits)
        assert spliced(ALPHABET, edits) == expected


@given(disjoint())
def test_segments_cover_the_source_from_left_to_right(
    ranges: list[tuple[int, int, bytes]],
) -> None:
    found = list(segments(26, [replacing(*each) for each in ranges]))
    assert sum(segment.stop - segment.start for segment in found) == 26
    positions = [position for each in found for position in (each.start, each.stop)]
    assert positions == sorted(positions)
    kept = [segment for segment in found if isinstance(segment, Kept)]
    assert all(segment.start < segment.stop for segment in kept)
    assert len(found) - len(kept) == len(ranges)


def test_segments_of_a_part_of_the_source(words: Words) -> None:
    edit = replacing(6, 7, b"x")
    assert list(segments(10, [edit], 4)) == [Kept(4, 6), edit, Kept(7, 10)]
    assert (Kept(4, 6).size, Kept(7, 10).size) == (2, 3)
    with pytest.raises(ValueError, match=r"\[6, 7\)") as raised:
        list(segments(10, [edit], 7))
    assert numbers(str(raised.value)) == [6, 7, 10]
    words(raised.value)


def test_insertions_at_one_place_keep_their_order() -> None:
    edits = [replacing(2, 2, b"1"), replacing(2, 2, b"2"), replacing(2, 2, b"3")]
    assert spliced(b"abcd", edits) == b"ab123cd"


@pytest.mark.parametrize(
    ("edits", "at_fault"),
    [
        ([(0, 2, b""), (1, 3, b"")], [1, 3]),
        ([(0, 3, b""), (1, 1, b"inside")], [1, 1]),
        ([(5, 4, b"backwards")], [5, 4]),
        ([(20, 27, b"beyond")], [20, 27]),
        ([(-1, 0, b"before")], [-1, 0]),
        ([(3, 5, b""), (3, 5, b"")], [3, 5]),
    ],
    ids=str,
)
def test_edits_that_overlap_or_leave_the_source_are_refused(
    edits: list[tuple[int, int, bytes]], at_fault: list[int], words: Words
) -> None:
    with pytest.raises(ValueError, match=r"\[-?\d+, \d+\)") as raised:
        spliced(ALPHABET, [replacing(*edit) for edit in edits])
    assert numbers(str(raised.value)) == [*at_fault, 26]
    words(raised.value)


def test_new_bytes_are_made_when_they_are_written_and_every_time_anew() -> None:
    made = []

    def chunks() -> tuple[bytes, bytes]:
        made.append(True)
        return b"new", b"!"

    edit = Edit(1, 2, 4, chunks)
    assert edit.growth == 3
    assert spliced_size(3, [edit]) == 6
    assert made == []
    assert spliced(b"abc", [edit]) == b"anew!c" == spliced(b"abc", [edit])
    assert len(made) == 2
