"""Undo patches: what they say of edits gives the source again, and a damaged one is none."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import deconvsurgery as ds
from deconvsurgery.splicing.byte_ranges import replacing, spliced
from deconvsurgery.splicing.undo_patch import (
    LONGEST_HEADER,
    Digest,
    Range,
    Undo,
    edits_of,
    few_ranges,
    header,
    parsed,
    undoing,
)

if TYPE_CHECKING:
    from helpers.words import Words

ONE, OTHER = "a" * 64, "0" * 64


@st.composite
def edited(draw: st.DrawFn) -> tuple[bytes, list[Any]]:
    source = draw(st.binary(max_size=60))
    cuts = sorted(draw(st.lists(st.integers(0, len(source)), max_size=8)))
    pairs = zip(cuts[::2], cuts[1::2], strict=False)
    return source, [replacing(a, b, draw(st.binary(max_size=6))) for a, b in pairs]


@given(edited())
def test_undoing_edits_gives_the_source(case: tuple[bytes, list[Any]]) -> None:
    source, edits = case
    changed = spliced(source, edits)
    ranges, kept = undoing(edits)
    stored = b"".join(source[each.start : each.stop] for each in kept)
    undo = Undo(Digest(len(source), ONE), Digest(len(changed), OTHER), ranges)
    line = header(undo)
    assert parsed(line, len(line) + len(stored)) == undo
    back = edits_of(undo, lambda start, stop: iter((stored[start:stop],)))
    assert spliced(changed, back) == source


@given(edited(), st.integers(1, 5))
def test_many_ranges_are_joined(case: tuple[bytes, list[Any]], most: int) -> None:
    """They are as few as they may be, and undo the same."""
    source, edits = case
    changed = spliced(source, edits)
    ranges, kept = undoing(edits)
    few, long = few_ranges(ranges, kept, most)
    assert len(few) == len(long) == min(most, len(ranges))
    assert len(ranges) > most or (few, long) == (ranges, kept)
    stored = b"".join(source[each.start : each.stop] for each in long)
    undo = Undo(Digest(len(source), ONE), Digest(len(changed), OTHER), few)
    back = edits_of(undo, lambda start, stop: iter((stored[start:stop],)))
    assert spliced(changed, back) == source


@pytest.mark.parametrize(
    ("ranges", "original", "stored"),
    [
        ([Range(4, 2, 2)], 10, 2),
        ([Range(0, 4, 4), Range(2, 6, 4)], 10, 8),
        ([Range(8, 12, 4)], 10, 4),
        ([Range(0, 4, -4)], 10, -4),
        ([Range(0, 4, 4)], 11, 4),
    ],
    ids=["backwards", "overlapping", "behind the end", "negative", "of another size"],
)
def test_ranges_that_cannot_be(
    ranges: list[Range], original: int, stored: int, words: Words
) -> None:
    line = header(Undo(Digest(original, ONE), Digest(10, OTHER), tuple(ranges)))
    with pytest.raises(ds.FormatError) as raised:
        parsed(line, len(line) + stored)
    words(raised.value)


WHOLE = header(Undo(Digest(10, ONE), Digest(10, OTHER), (Range(2, 4, 2),)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"size": 10', b'"size": Infinity'),
        (b'"size": 10', b'"size": 10.5'),
        (b'"size": 10', b'"size": 10.0'),
        (b'"size": 10', b'"size": "10"'),
        (b'"size": 10', b'"size": true'),
        (b'"size": 10', b'"size": -1'),
        (b'"size": 10', b'"size": null'),
        (b'"size": 10', b'"size": 1e400'),
        (b'"size": 10', b'"size": ' + b"9" * 6000),
        (b'"size": 10', b'"size": 9223372036854775808'),
        (b'"size": 10, ', b""),
        (ONE.encode(), b"a" * 63),
        (ONE.encode(), b"A" * 64),
        (ONE.encode(), rb"\ud800"),
        (b'"' + ONE.encode() + b'"', b"3"),
        (b"[[2, 4, 2]]", b'"[[2, 4, 2]]"'),
        (b"[[2, 4, 2]]", b"{}"),
        (b"[[2, 4, 2]]", b"[null]"),
        (b"[[2, 4, 2]]", b'["242"]'),
        (b"2, 4, 2", b"2, 4"),
        (b"2, 4, 2", b"2, 4, 2, 2"),
        (b"2, 4, 2", b'"2", 4, 2'),
        (b"2, 4, 2", b"false, 4, true"),
        (b"2, 4, 2", b"2.0, 4, 2"),
        (b"2, 4, 2", b"[2], 4, 2"),
        (b"2, 4, 2", b"-2, 4, 6"),
        (b"[[2, 4, 2]]", b"[" * 900 + b"]" * 900),
        (b"[[2, 4, 2]]", b"[" * 100_000 + b"]" * 100_000),
        (b"[[2, 4, 2]]", b"[" + b"[2, 2, 0], " * 1_000_000 + b"[2, 4, 2]]"),
        (b'"ranges"', b'"ranges": [], "ranges"'),
        (b'"ranges"', b'"rangs"'),
        (b'"ranges"', b'"more": 3, "ranges"'),
        (b'"ranges"', b'"a\xff": 3, "ranges"'),
        (b'_patch": 1', b'_patch": true'),
        (b'_patch": 1', b'_patch": 2'),
        (b'_patch": 1', b'_patch": 0'),
        (b'_patch": 1', b'_patch": 1.0'),
        (b'_patch": 1', b'_patch": ' + b"1" * 10_000_000),
        (b'_patch": 1', b'_patch": "' + b"1" * 10_000_000 + b'"'),
        (b'_patch": 1', b'_patch": [1]'),
        (b"\n", b""),
        (b"}\n", b"\n"),
        (b"}\n", b"}" + b" " * LONGEST_HEADER + b"\n"),
        (b'{"decon', b'{ "decon'),
        (b'{"decon', b'\xef\xbb\xbf{"decon'),
    ],
    ids=range(45),
)
def test_what_nobody_wrote_so(old: bytes, new: bytes, words: Words) -> None:
    assert parsed(WHOLE, len(WHOLE) + 2).ranges == (Range(2, 4, 2),)
    line = WHOLE.replace(old, new, 1)
    assert line != WHOLE
    with pytest.raises(ds.FormatError) as raised:
        parsed(line, len(line) + 2)
    assert len(raised.value.message) < 200
    assert raised.value.hint
    words(raised.value)


def test_as_many_ranges_as_there_may_be_take_little_memory() -> None:
    few = 1 << 12  # of the 64 times as many that are read
    ranges = tuple(Range(2**40 + 2 * at, 2**40 + 2 * at + 1, 1) for at in range(few))
    undo = Undo(Digest(2**41, ONE), Digest(2**41, OTHER), ranges)
    line = header(undo)
    assert 64 * len(line) < LONGEST_HEADER
    tracemalloc.start()
    try:
        read = parsed(line, len(line) + few)
        edits_of(read, lambda start, stop: iter(()))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert read == undo
    assert 64 * peak < 150 << 20
