"""A sweep's results: rows that are found again, whoever was killed, and nobody else's file."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

import deconvsurgery as ds
from deconvsurgery.inputs.settings import Pair
from deconvsurgery.sweeping.pair_files import PairFiles
from deconvsurgery.sweeping.result_rows import (
    PairRow,
    RowOutcome,
    Summary,
    failed,
    identity,
)
from deconvsurgery.sweeping.results_file import Ledger
from deconvsurgery.sweeping.row_lines import LONGEST_ROW, written
from deconvsurgery.sweeping.run_pair import Task
from deconvsurgery.sweeping.sweep import _Run
from helpers.words import Words, numbers


def row(
    net: str, seal: str | None = "seal", outcome: RowOutcome = RowOutcome.DONE, **more: Any
) -> PairRow:
    return PairRow(net, None, f"out/{net}", None, "apply", "0", outcome, seal=seal, **more)


def pair(net: str) -> Pair:
    return Pair(net, None, output=f"out/{net}")


WHOLE = written(row("a"))
MIB = 1 << 20


def lines(path: Path) -> list[str]:
    return [json.loads(line)["net"] for line in path.read_bytes().splitlines()]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "rows.jsonl"


# --- rows


def test_what_rows_come_to() -> None:
    summary = Summary()
    assert (summary.total, summary.worst) == (0, RowOutcome.DONE)
    findings = {"findings": [{"rule": "DS001"}, {"rule": "DS001"}, {"rule": "DS011"}]}
    summary.add(row("a", requests=3, bytes_read=5))
    summary.add(row("b", requests=3, bytes_read=5), skipped=True)
    assert summary.worst == RowOutcome.DONE
    summary.add(row("c", outcome=RowOutcome.FOUND, result=findings))
    assert summary.worst == RowOutcome.FOUND
    summary.add(failed(Pair("d"), "apply", "0", ds.FileError("gone", path="d")))
    summary.add(row("e", outcome=RowOutcome.FOUND, result=findings))
    assert summary.worst == RowOutcome.FAILED
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
        ledger.append(failed(pair("b"), "apply", "0", ds.FileError("gone")))
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


@pytest.mark.parametrize("step", [13, pytest.param(1, marks=pytest.mark.campaign)])
def test_whoever_is_killed_loses_no_row(step: int, place: Path) -> None:
    """A file that ends at any byte has all rows before that, and takes others.

    A first row is another file's for all that can be told, until it comes to its verb.
    """
    rows = [row("a"), row("b\n\u2028é"), row("c")]
    whole = b"".join(map(written, rows))
    verb = whole.index(b'"verb": ') + len(b'"verb": ')
    ends = [len(b"".join(map(written, rows[:number]))) for number in range(4)]
    borders = {end + beside for end in ends for beside in (-2, -1, 0, 1, 2)}
    for cut in sorted({*range(0, len(whole) + 1, step), *borders} & {*range(len(whole) + 1)}):
        place.write_bytes(whole[:cut])
        if 0 < cut < verb:
            with pytest.raises(ds.FormatError):
                Ledger(str(place))
            assert place.read_bytes() == whole[:cut]
            continue
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
        # Lists of pairs, complete and not, with and without an end; another file with such keys.
        (b"", b'{"net": "a", "model": "b"}'),
        (b"", b'{"net": "a", "model": "b", "output": "c", "net-output": "d"}'),
        (b"", b'{"net": "a", "model": "b", "output": "c'),
        (b"", b'{"net": "a", "model": null, "output": null, "net_output": "ab'),
        (b"", b'{"net": '),
        (b"", b"{"),
        (b"", WHOLE[:-2].replace(b'"done"', b'"lost"') + b"}"),
        (b"", WHOLE[:-2].replace(b'"seconds": 0.0', b'"seconds": NaN') + b"}"),
        (WHOLE, b"precious"),
        (WHOLE, b"\n" + WHOLE),
        (WHOLE, b'{"net": "a"}'),
        (WHOLE, b'{"net": "a", "output": "b'),
        (WHOLE, b'{"net": 3, "model": '),
        (WHOLE, WHOLE.replace(b'"done"', b'"begun"')),
        (WHOLE, b"\xef\xbb\xbf" + WHOLE),
        (b"", b"\xef\xbb\xbf" + WHOLE),
        (WHOLE, WHOLE.replace(b'"attempts": 1', b'"attempts": true') + WHOLE),
        (WHOLE, WHOLE[:-2] + b', "net": "b"}\n'),
        (WHOLE, bytes(4096)),
    ],
)
def test_a_file_of_others_is_left_alone(
    start: bytes, content: bytes, place: Path, words: Words
) -> None:
    place.write_bytes(start + content)
    with pytest.raises(ds.FormatError) as caught:
        Ledger(str(place))
    # Where the first row begins that is none.
    assert numbers(caught.value.message)[:2] == [1 + bool(start), len(start)]
    assert caught.value.path == str(place)
    assert len(caught.value.message) < 300
    assert "results=" in (caught.value.hint or "")
    words(caught.value)
    assert place.read_bytes() == start + content


@pytest.mark.parametrize("content", [b"x", b"{", WHOLE[:-2] + b', "more": "'])
@pytest.mark.parametrize("start", [b"", WHOLE])
def test_of_a_line_without_an_end_no_more_is_read_than_a_row_may_have(
    start: bytes, content: bytes, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 40 * LONGEST_ROW  # a hole, but for its beginning
    with place.open("wb") as file:
        file.write(start + content)
        file.truncate(size)
    read, pread = [], os.pread

    def counted(fd: int, most: int, at: int) -> bytes:
        data = pread(fd, most, at)
        read.append(len(data))
        return data

    monkeypatch.setattr(os, "pread", counted)
    with pytest.raises(ds.FormatError) as caught:
        Ledger(str(place))
    assert sum(read) <= LONGEST_ROW + 2 * MIB
    assert numbers(caught.value.message)[:2] == [1 + bool(start), len(start)]
    assert place.stat().st_size == size


def test_what_is_no_file_is_not_opened(tmp_path: Path, words: Words) -> None:
    fifo, link = tmp_path / "fifo", tmp_path / "link"
    os.mkfifo(fifo)
    link.symlink_to(fifo)
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(str(tmp_path / "socket"))
    with bound:
        for path in (fifo, link, tmp_path / "socket", Path("/dev/zero"), Path("/dev/null")):
            with pytest.raises(ds.OutputError) as caught:
                Ledger(str(path))
            assert caught.value.path == str(path)
            words(caught.value)
    with pytest.raises(ds.OutputError) as caught:
        Ledger(f"{tmp_path}/a\0b")
    words(caught.value)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["fifo", "link", "socket"]


def test_a_row_that_is_no_longer_there_is_told(place: Path, words: Words) -> None:
    with Ledger(str(place)) as ledger:
        ledger.append(row("a"))
        place.write_bytes(b"another program's")
        with pytest.raises(ds.FormatError) as caught:
            ledger.settled(pair("a"))
        words(caught.value)


@pytest.mark.parametrize("path", ["x" * 40_000, "a\ud800", "\udcc3\udca9", "a\0b"])
def test_a_pair_that_no_row_can_be_of(path: str, place: Path, words: Words) -> None:
    with Ledger(str(place)) as ledger:
        for each in (Pair(path), Pair("a", path), Pair("a", output=path)):
            with pytest.raises(ds.ConfigError) as caught:
                ledger.begin(each)
            assert len(caught.value.message) < 150
        words(caught.value)


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
    with (
        Ledger(str(place)) as ledger,
        PairFiles("zoo.toml", [str(listed)], str(place)) as files,
    ):
        tasks = _Run(ledger, Task(Pair(None), "check"), files, "").tasks(
            [Pair(None, listed=str(listed))]
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
        row("x").__class__("a", "b", None, None, "", "", RowOutcome.DONE)
    )


# --- what seldom happens


def open_files() -> set[str]:
    return set(os.listdir("/dev/fd"))


def test_what_became_a_stream_as_it_was_opened_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    before = open_files()
    with monkeypatch.context() as patched:
        patched.setattr(os.path, "exists", lambda _: False)  # as it was a moment ago
        with pytest.raises(ds.OutputError) as caught:
            Ledger("/dev/null")
    assert caught.value.path == "/dev/null"
    assert open_files() == before


def test_a_file_system_without_locks_has_results(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    with Ledger(str(place)) as ledger:
        ledger.append(row("a"))
        ledger.finish()
    assert lines(place) == ["a"]


def test_a_row_in_another_order_that_does_not_end_is_another_files(place: Path) -> None:
    """It can be read as a row, but no sweep has written it: it is not cut off."""
    other = json.dumps(dict(reversed(json.loads(WHOLE).items()))).encode()
    for start in (b"", WHOLE):
        place.write_bytes(start + other)
        with pytest.raises(ds.FormatError) as caught:
            Ledger(str(place))
        assert numbers(caught.value.message)[:2] == [1 + bool(start), len(start)]
        assert place.read_bytes() == start + other


def test_it_is_closed_once(place: Path) -> None:
    """A second time its descriptor may be another file's."""
    with Ledger(str(place)) as ledger:
        number = ledger._fd
    other = os.open(os.devnull, os.O_RDONLY)
    os.dup2(other, number)
    try:
        with ledger:
            pass
        assert os.path.samestat(os.fstat(number), os.stat(os.devnull))
    finally:
        for fd in {other, number}:
            os.close(fd)


def test_an_interruption_is_no_error(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, interrupted = os.write, [True, False, True, False]

    def reluctant(fd: int, data: bytes) -> int:
        if interrupted.pop(0):
            raise InterruptedError
        return write(fd, data[:9] if interrupted else data)

    with Ledger(str(place)) as ledger, monkeypatch.context() as patched:
        patched.setattr(os, "write", reluctant)
        ledger.append(row("a"))
    assert interrupted == []
    assert place.read_bytes() == WHOLE
