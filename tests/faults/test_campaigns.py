"""Calls to the operating system fail, or are the last ones, in every verb that writes.

A slice of the campaigns that are run in full by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from helpers.faults.lab import CASES

Campaign = Callable[..., dict[str, Any]]
WRITES = {"apply", "convert", "patch-net", "regroup", "transplant", "revert", "demo", "inspect"}


def test_every_verb_that_writes_is_there() -> None:
    assert {case.arguments[0] for case in CASES} == WRITES


# Four shares, so that they can run beside each other.
@pytest.mark.parametrize("share", range(4))
def test_faults_all_over_the_runs(share: int, campaign: Campaign) -> None:
    done = campaign("count", "--thin", *(case.name for case in CASES[share::4]))
    assert sum(done["faults"].values()) > 150
    assert {"lasting", "open", "pread", "fsync", "rename", "close"} <= done["faults"].keys()


def test_kills_and_signals_all_over_the_runs(campaign: Campaign) -> None:
    done = campaign("kill", "--every", "83")
    assert done["ended"]["SIGKILL"] > 40
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        assert done["ended"][name] > 4
        assert done["ended"][f"{name} in a line"] > 20
