"""The page of ``sweep``: few of many pairs, and what was asked of stores."""

from __future__ import annotations

import pytest

import deconvsurgery as ds
from deconvsurgery.inputs.settings import Pair
from deconvsurgery.report.phrases import PIPE
from deconvsurgery.report.terminal.sweep import sweep_report
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
