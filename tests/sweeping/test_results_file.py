"""A sweep's results: rows that are found again, whoever was killed, and nobody else's file."""

from __future__ import annotations

import fcntl
import json
import os
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import deconvsurgery as ds
from deconvsurgery.inputs.settings import Pair
from deconvsurgery.sweeping.result_rows import (
    Outcome,
    Row,
    Summary,
    failed,
    identity,
    read_row,
    written,
)
from deconvsurgery.sweeping.results_file import Ledger
from deconvsurgery.sweeping.run_pair import Task
from deconvsurgery.sweeping.sweep import _Book
from helpers.words import Words, numbers


def row(net: str, seal: str | None = "seal", outcome: Outcome = Outcome.DONE, **more: Any) -> Row:
    return Row(net, None, f"out/{net}", None, "apply", "0", outcome, seal=seal, **more)


def pair(net: str) -> Pair:
    return Pair(net, None, output=f"out/{net}")


def lines(path: Path) -> list[str]:
    return [json.loads(line)["net"] for line in path.read_bytes().splitlines()]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "rows.jsonl"


# --- rows


TEXTS = st.text() | st.just("\udcff")  # a byte that is no UTF-8


@given(
    st.builds(
        Row,
        TEXTS,
        st.none() | TEXTS,
        st.none() | TEXTS,
        st.none(),
        TEXTS,
        TEXTS,
        st.sampled_from(Outcome),
        seal=st.none() | TEXTS,
        inputs=st.dictionaries(TEXTS, TEXTS),
        result=st.none() | st.dictionaries(TEXTS, st.integers() | TEXTS),
        warnings=st.lists(TEXTS).map(tuple),
        seconds=st.floats(0, 1e6),
        requests=st.integers(0, 1 << 40),
    )
)
def test_a_row_is_read_as_it_was_written(given_row: Row) -> None:
    line = written(given_row)
    assert line.count(b"\n") == 1
    assert read_row(line) == given_row
    for cut in range(0, len(line) - 2, 7):
        assert read_row(line[:cut]) is None


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"null",
        b"[]",
        b"3",
        b"{}",
        b'{"net": "a"}',
        b'{"net": "a", "outcome": "lost", "warnings": []}',
        b'{"net": "a", "outcome": "done", "warnings": 3}',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_what_is_no_row(line: bytes) -> None:
    assert read_row(line) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"net": 3},
        {"seal": []},
        {"verb": None},
        {"inputs": None},
        {"outputs": {"a": 1}},
        {"result": "good"},
        {"result": {"findings": 3}},
        {"result": {"findings": [{}]}},
        {"result": {"findings": [{"rule": 3}]}},
        {"error": []},
        {"error": {}},
        {"warnings": [3]},
        {"attempts": "one"},
        {"seconds": None},
        {"bytes_read": 0.5},
    ],
)
def test_a_row_that_nobody_wrote_so(wrong: dict[str, Any]) -> None:
    table = json.loads(written(row("a")))
    assert read_row(json.dumps(table).encode()) is not None
    assert read_row(json.dumps({**table, **wrong}).encode()) is None


def test_a_later_version_may_say_more() -> None:
    table = json.loads(written(row("a")))
    assert read_row(json.dumps({**table, "mood": "good"}).encode()) == row("a")


def test_what_rows_come_to() -> None:
    summary = Summary()
    assert (summary.total, summary.worst) == (0, Outcome.DONE)
    findings = {"findings": [{"rule": "DS001"}, {"rule": "DS001"}, {"rule": "DS011"}]}
    summary.add(row("a", requests=3, bytes_read=5))
    summary.add(row("b", requests=3, bytes_read=5), skipped=True)
    assert summary.worst == Outcome.DONE
    summary.add(row("c", outcome=Outcome.FOUND, result=findings))
    assert summary.worst == Outcome.FOUND
    summary.add(failed(Pair("d"), "apply", "0", ds.FileError("gone", path="d")))
    summary.add(row("e", outcome=Outcome.FOUND, result=findings))
    assert summary.worst == Outcome.FAILED
    assert (summary.total, summary.skipped) == (5, 1)
    assert summary.rules == {"DS001": 2, "DS011": 2}  # pairs, not findings
    assert summary.errors == {"FileError": 1}
    assert (summary.requests, summary.bytes_read) == (3, 5)


# --- the file


def test_what_is_settled_is_found_again(place: Path) -> None:
    with Ledger(str(place)) as ledger:
        assert ledger.begin(pair("a")) == (True, None)
        assert ledger.begin(pair("a")) == (False, None)
        ledger.append(row("a", "one"))
        ledger.append(row("b", None, Outcome.FAILED))
        ledger.append(row("c", "three"))
        ledger.finish()
    with Ledger(str(place)) as ledger:
        assert ledger.begin(pair("a")) == (True, "one")
        assert ledger.settled(pair("a")) == row("a", "one")
        assert ledger.begin(pair("b")) == (True, None)
        assert ledger.begin(pair("c")) == (True, "three")
        ledger.append(row("a", "again"))
        assert ledger.settled(pair("a")) == row("a", "again")
        assert lines(place) == ["a", "b", "c", "a"]  # until it is over, no row is lost
        ledger.finish()
        assert lines(place) == ["b", "c", "a"]
    with Ledger(str(place)) as ledger:
        assert ledger.begin(pair("a")) == (True, "again")


def test_an_output_is_one_pairs(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place.parent)
    with Ledger(str(place)) as ledger:
        assert ledger.taken(Pair("a", output="x", net_output="y")) is None
        assert ledger.taken(Pair("b", output="./x")) == "./x"
        assert ledger.taken(Pair("b", output="z", net_output=f"{place.parent}/y")) is not None
        assert ledger.taken(Pair("b", output="s3://zoo/x")) is None
        assert ledger.taken(Pair("c", output="s3://zoo/x")) == "s3://zoo/x"
        assert ledger.taken(Pair("c")) is None


@pytest.mark.parametrize("step", [13, pytest.param(1, marks=pytest.mark.campaign)])
def test_whoever_is_killed_loses_no_row(step: int, place: Path) -> None:
    """A file that ends at any byte has all rows before that, and takes others."""
    rows = [row("a"), row("b\n\u2028é"), row("c")]
    whole = b"".join(map(written, rows))
    ends = [len(b"".join(map(written, rows[:number]))) for number in range(4)]
    borders = {end + beside for end in ends for beside in (-2, -1, 0, 1, 2)}
    for cut in sorted({*range(0, len(whole) + 1, step), *borders} & {*range(len(whole) + 1)}):
        place.write_bytes(whole[:cut])
        kept = sum(end <= cut for end in ends) - 1
        with Ledger(str(place)) as ledger:
            assert place.read_bytes() == whole[: ends[kept]]
            seals = [ledger.begin(pair(each.net or ""))[1] for each in rows]
            assert seals == ["seal"] * kept + [None] * (3 - kept)
            ledger.append(row("d"))
        assert place.read_bytes() == whole[: ends[kept]] + written(row("d"))


@pytest.mark.parametrize(
    ("start", "content"),
    [
        (b"", b"precious"),
        (b"", b"precious\n"),
        (b"", b"\n"),
        (b"", b'{"net": "a"}\n'),
        (b"", b'{"model": "a"'),
        (written(row("a")), b"precious"),
        (written(row("a")), b"\n" + written(row("b"))),
    ],
)
def test_a_file_of_others_is_left_alone(
    start: bytes, content: bytes, place: Path, words: Words
) -> None:
    place.write_bytes(start + content)
    with pytest.raises(ds.FormatError) as caught:
        Ledger(str(place))
    assert numbers(caught.value.message) == [len(start)]  # where the first row begins that is none
    assert "--results" in (caught.value.hint or "")
    words(caught.value)
    assert place.read_bytes() == start + content


def test_one_sweep_at_a_time(place: Path, words: Words) -> None:
    with Ledger(str(place)), pytest.raises(ds.OutputError) as caught:
        Ledger(str(place))
    assert caught.value.path == str(place)
    words(caught.value)
    with Ledger(str(place)), open(place, "rb") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with open(place, "rb") as other:  # and is let go
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize("name", ["no/rows.jsonl", "."])
def test_a_place_where_none_can_be(name: str, tmp_path: Path, words: Words) -> None:
    with pytest.raises(ds.FileError) as caught:
        Ledger(str(tmp_path / name))
    assert caught.value.path == str(tmp_path / name)
    words(caught.value, name)


def test_a_disk_that_is_full_is_told(
    place: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    """And the row that was cut short is taken out by whoever comes next."""
    write = os.write
    with Ledger(str(place)) as ledger:
        ledger.append(row("a"))

        def full(fd: int, data: bytes) -> int:
            monkeypatch.setattr(os, "write", refused)
            return write(fd, data[:9])

        def refused(*_: object) -> int:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "write", full)
        with pytest.raises(ds.FileError) as caught:
            ledger.append(row("b"))
        monkeypatch.undo()
    assert caught.value.path == str(place)
    words(caught.value)
    assert place.read_bytes().startswith(written(row("a")) + b'{"net": "')
    with Ledger(str(place)) as ledger:
        assert ledger.begin(pair("b")) == (True, None)
    assert place.read_bytes() == written(row("a"))


# --- many


def test_pairs_take_no_memory(place: Path) -> None:
    """The tasks of a long list are made one by one, and what is known of each is on disk."""
    number = 2_500
    listed = place.with_name("pairs.jsonl")
    with listed.open("w") as file:
        for each in range(number):
            print(
                json.dumps({"net": f"zoo/{each:07}/{'x' * 3200}", "output": f"{each}"}), file=file
            )
    with Ledger(str(place)) as ledger:
        tasks = _Book(ledger, None).tasks(
            [Pair(None, listed=str(listed))], Task(Pair(None), "check")
        )
        first = next(tasks)
        assert (first.pair.net or "").startswith(f"{place.parent}/zoo/0000000/")
        tracemalloc.start()
        try:
            assert sum(1 for _ in tasks) == number - 1
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 6_000_000  # of a list of 8 MB, a piece of one, and its lines


def test_pairs_are_told_apart_by_all_their_paths() -> None:
    named = [
        Pair("a"),
        Pair(None, "a"),
        Pair("a", "b"),
        Pair("a", output="b"),
        Pair("a", net_output="b"),
        Pair("ab"),
        Pair('a", "b'),
    ]
    assert len({identity(each) for each in named}) == len(named)
    assert identity(Pair("a", "b")) == identity(
        row("x").__class__("a", "b", None, None, "", "", Outcome.DONE)
    )
