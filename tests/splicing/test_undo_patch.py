"""Undo patches: what they say of edits gives the source again, and a damaged one is none."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import deconvsurgery as ds
from deconvsurgery.splicing.byte_ranges import replacing, spliced
from deconvsurgery.splicing.undo_patch import (
    Digest,
    Range,
    Undo,
    edits_of,
    header,
    parsed,
    undoing,
)
from helpers.words import Words


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
    undo = Undo(Digest(len(source), "a"), Digest(len(changed), "b"), ranges)
    line = header(undo)
    assert parsed(line, len(line) + len(stored)) == undo
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
    line = header(Undo(Digest(original, ""), Digest(10, ""), tuple(ranges)))
    with pytest.raises(ds.FormatError) as raised:
        parsed(line, len(line) + stored)
    words(raised.value)
