"""What `tests/mutants` explains is still there; the mutants themselves are tried by hand."""

from __future__ import annotations

import csv

import pytest

from helpers.places import PACKAGE, TESTS

with (TESTS / "mutants/explained.tsv").open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: "-".join(row[:2]))
def test_an_explained_mutant_changes_a_line_that_is_there(row: list[str]) -> None:
    module, function, was, became, why = row
    words = " ".join((PACKAGE / f"{module}.py").read_text("utf-8").split())
    assert f"def {function.rpartition('.')[2]}(" in words
    assert was in words
    assert became != was
    assert why
