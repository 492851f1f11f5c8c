"""What a single result becomes for machines: pairs that no run of files makes."""

from __future__ import annotations

import deconvsurgery as ds
from deconvsurgery.report.ci.annotations import github_lines
from deconvsurgery.report.ci.sarif import sarif_log

ZERO = ds.Finding("DS002", "all zero", line=30, column=3, layer="up")


def test_a_finding_without_a_repair_has_none_in_sarif() -> None:
    bare = ds.CheckResult("a.prototxt", "a.caffemodel", findings=(ZERO,), matched=("up",))
    (result,) = sarif_log([bare])["runs"][0]["results"]
    assert result["properties"] == {"numbers": {}, "stops": False}


def test_a_net_that_is_no_file_has_no_name_in_a_workflow_command() -> None:
    nameless = ds.CheckResult(None, None, findings=(ZERO,), matched=("up",))
    line, _ = github_lines([nameless])
    assert line.startswith("::error file=,line=30,col=3,title=DS002 ")
