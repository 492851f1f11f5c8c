"""The page of ``check``; how it looks stands in ``__snapshots__/test_check.ambr``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import deconvsurgery as ds
from deconvsurgery.report.phrases import PIPE, Medium
from deconvsurgery.report.terminal.check import check_report
from helpers.pages import lines_in_pipe, shown, stripped

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

REPAIR = ds.Repair("so", (ds.RepairStep("apply", ("-p", "up")),))
ZERO = ds.Finding("DS002", "all zero", line=30, column=3, layer="up", repair=REPAIR)
NAMELESS = ds.Finding("DS011", "no 'up'", repair=ds.Repair("name it"))
PAIR = ds.CheckResult(
    "a.prototxt",
    "a.caffemodel",
    findings=(ZERO, NAMELESS),
    matched=("up",),
    net_version="V2",
    model_version="V1",
    model_size=7,
)
CLEAN = ds.CheckResult("b.prototxt", None, matched=("up",), net_version="V2")


def on_terminal(*results: ds.CheckResult) -> list[str]:
    return stripped(shown(check_report(results, Medium(200)))).split("\n")


def in_pipe(*results: ds.CheckResult) -> list[str]:
    return lines_in_pipe(check_report(results, PIPE))


def test_check_says_of_a_pair_what_it_is(snapshot: SnapshotAssertion) -> None:
    lines = on_terminal(PAIR)
    for fact in ("a.prototxt", "a.caffemodel", "V2", "V1", "7"):
        assert fact in lines[0].replace(",", "").split()
    assert lines[2].split(maxsplit=3) == ["30:3", "DS002", "up:", "all zero"]
    assert lines[3].split(maxsplit=1) == ["DS011", "no 'up' → name it"]
    assert "\n".join(lines) == snapshot


def test_check_in_a_pipe_is_lines_as_compilers_write_them(snapshot: SnapshotAssertion) -> None:
    lines = in_pipe(PAIR)
    assert lines[0].startswith("a.prototxt:30:3: error: DS002 up: all zero")
    assert any(line.startswith("a.caffemodel: warning: DS011 no 'up'") for line in lines)
    assert "\n".join(lines) == snapshot


def test_a_clean_pair_is_named_where_it_is_alone(snapshot: SnapshotAssertion) -> None:
    assert on_terminal(CLEAN)[0].split()[:2] == ["b.prototxt", "V2"]
    alone = ds.CheckResult(
        None, "c.caffemodel", findings=(ZERO,), matched=("up",), model_version="hdf5", model_size=8
    )
    first, *more = on_terminal(alone, CLEAN)
    assert first.split()[:2] == ["c.caffemodel", "hdf5"]
    assert not any("b.prototxt" in line for line in more)  # among others it is not named
    assert ["\n".join(on_terminal(CLEAN)), "\n".join([first, *more])] == snapshot


def test_a_pair_that_could_not_be_checked_is_told_with_its_error(
    snapshot: SnapshotAssertion,
) -> None:
    error = ds.PrototxtError("is cut off", line=4, column=2)
    lines = on_terminal(ds.CheckResult("d.prototxt", "d.h5", error=error))
    assert {"d.prototxt", "d.h5"} <= {*lines[0].split()}
    assert lines[2].split(maxsplit=1) == ["error", "d.prototxt:4:2: is cut off"]
    assert "\n".join(lines) == snapshot


def test_nothing_found_is_not_said_where_a_file_could_not_be_read() -> None:
    unread = ds.CheckResult("d.prototxt", None, error=ds.SurgeryError("no net"))
    clean = in_pipe(CLEAN, CLEAN)[-1]
    for results in ((CLEAN, unread), (unread, unread), (unread, CLEAN, CLEAN)):
        for last in (on_terminal(*results)[-2], in_pipe(*results)[-1]):
            assert last.startswith(f"{results.count(unread)} ")
            assert last.split()[0] != clean.split()[0]


def test_a_finding_without_a_repair_is_for_the_hand(snapshot: SnapshotAssertion) -> None:
    lines = in_pipe(PAIR._replace(findings=(ZERO._replace(repair=None),)))
    assert not any("deconvsurgery " in line for line in lines)
    assert lines[1] == snapshot
