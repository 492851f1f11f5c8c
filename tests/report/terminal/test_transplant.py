"""The page of ``transplant``: what is said of the run as a whole."""

from __future__ import annotations

from pathlib import Path

import deconvsurgery as ds
from deconvsurgery.report.phrases import PIPE
from deconvsurgery.report.terminal.transplant import transplant_report
from helpers.models import write_demo
from helpers.pages import lines_in_pipe


def test_a_warning_of_the_run_is_a_line(tmp_path: Path) -> None:
    write_demo(tmp_path)
    result = ds.transplant(tmp_path / "net", tmp_path / "in", dry_run=True)
    before = lines_in_pipe(transplant_report(result, PIPE))
    after = lines_in_pipe(transplant_report(result._replace(warnings=("it is odd",)), PIPE))
    (added,) = [line for line in after if line not in before]
    assert (added.split(":")[0], "it is odd" in added) == ("warning", True)
