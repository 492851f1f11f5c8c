"""How many pairs a sweep has is known long before its end, and never wrong on purpose."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import deconvsurgery as ds
from deconvsurgery.inputs.settings import Pair
from deconvsurgery.sweeping.pair_count import PairCount
from helpers.models import write_demo


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 200])
def test_it_is_known_after_a_few_steps(count: int, tmp_path: Path) -> None:
    for number in range(count):
        (tmp_path / f"{number:03}.prototxt").touch()
    pairs = PairCount([Pair(str(tmp_path / "*.prototxt"))])
    for _ in range(count // 64):
        pairs.go_on()
        assert pairs.total is None
    for _ in range(3):
        pairs.go_on()
        assert pairs.total == count


def test_a_line_of_a_list_that_is_no_pair_is_a_row_too(tmp_path: Path) -> None:
    rows = tmp_path / "pairs.jsonl"
    rows.write_text('{"net": "a"}\n\n{"odd": 1}\n{"net": "b"}\n')
    pairs = PairCount([Pair(None, listed=str(rows)), Pair("c")])
    pairs.go_on()
    assert pairs.total == 4


def test_a_list_that_is_none_has_no_count(tmp_path: Path) -> None:
    (tmp_path / "odd").write_text("odd")
    for path in (tmp_path / "odd", tmp_path / "none"):
        pairs = PairCount([Pair("a"), Pair(None, listed=str(path))])
        pairs.go_on()
        pairs.go_on()
        assert pairs.total is None


def test_a_list_that_can_be_read_once_is_left_to_the_sweep(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    pairs = PairCount([Pair(None, listed=str(pipe))])
    pairs.go_on()  # would wait for a writer
    assert pairs.total is None


def test_who_watches_a_sweep_knows_how_many_there_will_be(tmp_path: Path) -> None:
    """A pair that is named twice has one row; nothing is counted where nobody watches."""
    write_demo(tmp_path)
    pair = {"net": "net", "model": "in"}
    lines = [pair, pair | {"net": "none"}, pair, {"odd": 1}]
    (tmp_path / "pairs.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in lines))
    (tmp_path / "zoo.toml").write_text('[[pairs]]\nlist = "pairs.jsonl"\n')
    seen: list[tuple[int, int | None]] = []
    counted: list[tuple[int, int]] = []
    result = ds.sweep(
        tmp_path / "zoo.toml",
        workers=1,
        progress=lambda done, total: counted.append((done, total)),
        on_row=lambda all_, _: seen.append((all_.total, all_.expected)),
    )
    assert [done for done, _ in counted] == [1, 2, 3]
    assert counted[-1] == (3, 3)
    assert all(done <= total <= 4 for done, total in counted)
    assert (result.summary.total, result.repeated) == (3, 1)
    assert [total for total, _ in seen] == [1, 2, 3]
    assert seen[-1] == (3, 3)
    assert ds.sweep(tmp_path / "zoo.toml", workers=1).summary.expected is None


def test_rows_and_numbers_can_be_watched_each_alone(tmp_path: Path) -> None:
    """With the first row 64 pairs are counted, and with the second the last one."""
    for number in range(65):
        (tmp_path / f"{number:02}.prototxt").touch()
    (tmp_path / "zoo.toml").write_text("[sweep]\nverb = 'check'\n[[pairs]]\nnet = '*.prototxt'\n")
    counted: list[tuple[int, int]] = []
    ds.sweep(
        tmp_path / "zoo.toml",
        results=tmp_path / "one",
        workers=1,
        progress=lambda *counts: counted.append(counts),
    )
    assert counted == [(1, 64), *((done, 65) for done in range(2, 66))]
    seen: list[tuple[int, int | None]] = []
    ds.sweep(
        tmp_path / "zoo.toml",
        results=tmp_path / "other",
        workers=1,
        on_row=lambda all_, _: seen.append((all_.total, all_.expected)),
    )
    assert seen == [(1, None), *((done, 65) for done in range(2, 66))]
