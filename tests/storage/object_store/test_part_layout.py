"""Parts of a multipart upload: they make the object, S3 takes them, drawn by hand some."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deconvsurgery.splicing.byte_ranges import Kept
from deconvsurgery.storage.object_store.part_layout import (
    Copied,
    Limits,
    Part,
    Parts,
    Sent,
)

MIB = 1 << 20
# S3's limits, a million times smaller: 5 MiB, 5 GiB and ten thousand parts become 5, 5,120 and 20.
SMALL = Limits(least=5, largest=5120, most_parts=20, sent=8, copied=128, doubled_after=2)


def planned(pieces: Sequence[bytes | Kept], limits: Limits | None = None) -> list[Part]:
    parts = Parts() if limits is None else Parts(limits)
    found = [part for piece in pieces for part in parts.take(piece)]
    return [*found, *parts.rest()]


def made(pieces: Sequence[bytes | Kept], old: bytes) -> bytes:
    """What pieces say, put together."""
    return b"".join(
        old[piece.start : piece.stop] if isinstance(piece, Kept) else piece for piece in pieces
    )


def pieces_of(part: Part) -> tuple[bytes | Kept, ...]:
    return part.pieces if isinstance(part, Sent) else (Kept(part.start, part.stop),)


@st.composite
def splices(draw: st.DrawFn) -> tuple[bytes, list[bytes | Kept]]:
    """An old object, and pieces of a new one: ranges in any order, new bytes, nothing at all."""
    size = draw(st.sampled_from([0, 4, 5, 6, 40, 300, 3000]))
    old = bytes(number % 251 for number in range(size))
    at = st.integers(0, size)
    kept = st.tuples(at, at).map(lambda ends: Kept(min(ends), max(ends)))
    new = st.integers(0, 60).map(lambda length: b"\xff" * length)
    pieces = draw(st.lists(st.one_of(kept, new, kept), max_size=12))
    # Most splices go through the old object from its beginning to its end.
    if draw(st.booleans()):
        borders = sorted(draw(st.lists(at, max_size=8)))
        pieces = []
        for start, stop in zip([0, *borders], [*borders, size], strict=True):
            pieces += [Kept(start, stop), draw(new)]
    return old, pieces


@given(splices())
def test_parts_make_what_the_pieces_say_within_the_limits(
    splice: tuple[bytes, list[bytes | Kept]],
) -> None:
    old, pieces = splice
    parts = planned(pieces, SMALL)
    assert b"".join(made(pieces_of(part), old) for part in parts) == made(pieces, old)
    assert [part.size for part in parts] == [len(made(pieces_of(part), old)) for part in parts]
    assert all(5 <= part.size <= 5120 for part in parts[:-1])
    assert all(1 <= part.size <= 5120 for part in parts[-1:])
    # Of 20 parts of which every second one is twice as large the smallest make 10,230 bytes.
    assert len(parts) <= 20 or len(made(pieces, old)) >= 10_230


@given(splices())
def test_no_part_is_known_before_it_is_settled(
    splice: tuple[bytes, list[bytes | Kept]],
) -> None:
    """What was given before a piece came is what is given whatever comes after it."""
    _, pieces = splice
    parts = Parts(SMALL)
    found: list[Part] = []
    for number, piece in enumerate(pieces, 1):
        found += parts.take(piece)
        assert planned(pieces[:number], SMALL)[: len(found)] == found


# --- as drawn by hand; the old object has 40 MiB where nothing else is said

NEW = b"new bytes"


def copied(start: int, stop: int) -> Copied:
    """In MiB."""
    return Copied(start * MIB, stop * MIB)


def kept(start: int, stop: int) -> Kept:
    """In MiB."""
    return Kept(start * MIB, stop * MIB)


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([b""], [], id="no bytes"),
        pytest.param([NEW], [Sent((NEW,))], id="new bytes alone"),
        pytest.param([kept(0, 40)], [copied(0, 40)], id="all of it"),
        pytest.param(
            [NEW, kept(0, 40)],
            [Sent((NEW, Kept(0, 5 * MIB - 9))), Copied(5 * MIB - 9, 40 * MIB)],
            id="at the start",
        ),
        pytest.param(
            [kept(0, 20), NEW, kept(21, 40)],
            [
                copied(0, 20),
                Sent((NEW, Kept(21 * MIB, 26 * MIB - 9))),
                Copied(26 * MIB - 9, 40 * MIB),
            ],
            id="in the middle",
        ),
        pytest.param([kept(0, 40), NEW], [copied(0, 40), Sent((NEW,))], id="at the end"),
        pytest.param(
            [kept(0, 20), NEW, kept(21, 22), NEW, kept(23, 40)],
            [
                copied(0, 20),
                Sent((NEW, kept(21, 22), NEW, Kept(23 * MIB, 27 * MIB - 18))),
                Copied(27 * MIB - 18, 40 * MIB),
            ],
            id="two near each other",
        ),
        pytest.param(
            [kept(0, 10), NEW, kept(11, 30), NEW, kept(31, 40)],
            [
                copied(0, 10),
                Sent((NEW, Kept(11 * MIB, 16 * MIB - 9))),
                Copied(16 * MIB - 9, 30 * MIB),
                Sent((NEW, Kept(31 * MIB, 36 * MIB - 9))),
                Copied(36 * MIB - 9, 40 * MIB),
            ],
            id="two far from each other",
        ),
        pytest.param(
            [kept(0, 2), NEW, kept(3, 4)], [Sent((kept(0, 2), NEW, kept(3, 4)))], id="small object"
        ),
        pytest.param([kept(0, 4), kept(4, 8), kept(8, 9)], [copied(0, 9)], id="ranges that go on"),
        pytest.param(
            [kept(0, 8), kept(20, 23)], [copied(0, 8), copied(20, 23)], id="ranges that do not"
        ),
        pytest.param(
            [kept(0, 3), kept(20, 30)],
            [Sent((kept(0, 3), kept(20, 22))), copied(22, 30)],
            id="a short range before another",
        ),
        pytest.param(
            [kept(0, 300)],
            [copied(0, 100), copied(100, 200), copied(200, 300)],
            id="long: three of about the same size",
        ),
        pytest.param(
            [kept(0, 6), bytes(20 * MIB), kept(8, 20)],
            [copied(0, 6), Sent((bytes(8 * MIB),)), Sent((bytes(12 * MIB),)), copied(8, 20)],
            id="many new bytes",
        ),
    ],
)
def test_parts_are_these(pieces: list[bytes | Kept], expected: list[Part]) -> None:
    assert planned(pieces) == expected


def test_an_object_of_five_tebibytes_has_fewer_than_ten_thousand_parts() -> None:
    """Copied as it is, and with an edit every 500 MiB."""
    tebi = 1 << 40
    whole = planned([Kept(0, 5 * tebi)])
    assert sum(part.size for part in whole) == 5 * tebi
    assert len(whole) < 10_000
    assert max(part.size for part in whole) <= 5 << 30
    step = 500 * MIB
    pieces: list[bytes | Kept] = []
    for start in range(0, 5 * tebi, step):
        pieces += [NEW, Kept(start + 9, min(start + step, 5 * tebi))]
    parts = planned(pieces)
    assert sum(part.size for part in parts) == 5 * tebi
    assert len(parts) < 10_000
    assert min(part.size for part in parts[:-1]) >= 5 * MIB
    assert max(part.size for part in parts) <= 5 << 30
