"""Which pairs have a ``check --fix`` beside their commands."""

from __future__ import annotations

import deconvsurgery as ds
from deconvsurgery.cli.fix_in_one import fixes_in_one
from deconvsurgery.inputs.settings import Pair


def test_a_name_that_no_file_can_have_has_none() -> None:
    pair = Pair("ne\0t", "model")
    assert fixes_in_one([pair], [ds.CheckResult("ne\0t", "model")], with_settings=False) == [[]]


def test_a_repair_that_leaves_what_was_not_found_has_none() -> None:
    steps = (ds.RepairStep("apply", ("-p", "up")),)
    found = ds.CheckResult("net", "model", repair=ds.PairRepair(steps, ("DS010",)))
    assert fixes_in_one([Pair("net", "model")], [found], with_settings=False) == [[]]
