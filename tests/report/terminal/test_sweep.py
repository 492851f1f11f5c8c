"""The page of ``sweep``: few of many pairs, and what was asked of stores."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

import deconvsurgery as ds
from deconvsurgery.inputs.settings import Pair
from deconvsurgery.report.phrases import PIPE
from deconvsurgery.report.terminal.sweep import sweep_report
from deconvsurgery.report.terminal.sweep_progress import progress_table
from deconvsurgery.sweeping.result_rows import PairRow, RowOutcome, Summary, failed
from helpers.pages import lines_in_pipe
from helpers.words import numbers


def result_of(*rows: PairRow) -> ds.SweepResult:
    summary = Summary()
    for row in rows:
        summary.add(row)
    told = tuple(row for row in rows if row.outcome is not RowOutcome.DONE)
    return ds.SweepResult("zoo.toml", "apply", "local", "rows.jsonl", summary, told)


def gone(number: int) -> PairRow:
    return failed(Pair(f"net{number:03}"), "apply", "0", ds.FileError("gone"))


@pytest.mark.parametrize("number", [1, 20, 21, 2020])
def test_of_many_pairs_that_failed_few_are_shown_and_the_others_counted(number: int) -> None:
    lines = lines_in_pipe(sweep_report(result_of(*map(gone, range(number))), PIPE))
    shown = [line for line in lines if "gone" in line]
    assert len(shown) == min(number, 20)
    assert all(f"net{each:03}" in line for each, line in enumerate(shown))
    others = [line for line in lines if "more" in line and "rows.jsonl" in line]
    assert [numbers(line) for line in others] == ([[number - 20]] if number > 20 else [])
    assert number in numbers(lines[-1])


def test_what_was_asked_of_stores_is_the_sum_of_the_rows() -> None:
    row = PairRow("n", None, None, None, "apply", "0", RowOutcome.DONE)
    assert not any("request" in line for line in lines_in_pipe(sweep_report(result_of(row), PIPE)))
    asked = row._replace(requests=3, bytes_read=1_500, bytes_sent=70, bytes_copied=900_000)
    lines = lines_in_pipe(sweep_report(result_of(asked, row._replace(requests=4)), PIPE))
    (line,) = (line for line in lines if "request" in line)
    assert numbers(line) == [7, 1_500, 70, 900_000]


def drawn(width: int, expected: int | None, rate: float | None) -> list[str]:
    """The table of a sweep that has settled 1,200 pairs, 200 of them before."""
    summary = Summary()
    for number in range(1_200):
        row = PairRow(f"zoo/{number:04}/net", None, None, None, "apply", "0", RowOutcome.DONE)
        summary.add(row, skipped=number < 200)
    summary.expected = expected
    table = progress_table(summary, row, rate, width=width)
    out = io.StringIO()
    Console(file=out, width=width, legacy_windows=False).print(table)
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    assert max(map(len, lines)) <= width
    return lines


@pytest.mark.parametrize("width", [30, 60, 80, 200])
def test_a_long_sweep_says_how_many_are_left_and_how_long(width: int) -> None:
    *counts, far, name = drawn(width, 11_200, 100.0)
    assert [numbers(line)[-1] for line in counts] == [1_200, 0, 0, 200]
    assert far.startswith("1,200 of 11,200 pairs")
    assert ("1:40 left" in far) is (width > 30)
    assert ("100.0 a second" in far) is (width > 40)
    assert ("━" in far) is (width > 60)
    assert name == "zoo/1199/net"


@pytest.mark.parametrize(
    ("expected", "rate", "line"),
    [
        (None, None, "1,200 pairs"),
        (None, 8.25, "1,200 pairs  8.2 a second"),
        (1_200, 0.5, "1,200 of 1,200 pairs  0.5 a second  0:00 left"),
    ],
)
def test_what_is_not_known_is_not_said(expected: int | None, rate: float | None, line: str) -> None:
    assert drawn(50, expected, rate)[-2] == line
