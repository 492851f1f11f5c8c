"""Calls to the operating system fail, or are the last ones, in every verb that writes.

Slices of the campaigns that are run in full by hand: a thin one always, thicker ones as campaigns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from helpers.faults.injection import FAULTS
from helpers.faults.lab import CASES, EDITS

Campaign = Callable[..., dict[str, Any]]
WRITES = {"apply", "check", "convert", "demo", "inspect", "patch-net", "regroup", "revert"} | {
    "transplant"
}
# Every verb, and every function of the system that some case calls.
FAULTS_IN = (
    "apply --force",
    "apply -f --save-patch",
    "inspect --report",
    "apply, a pipe to OUT",
    "apply to a stream",
    "convert to HDF5",
    "patch-net --in-place",
    "regroup --force",
    "check --fix",
    "transplant",
    "revert",
    "demo",
)
KILLS_IN = (
    "apply -i --save-patch",
    "inspect --report",
    "convert to HDF5",
    "patch-net",
    "regroup",
    "check --fix",
    "transplant",
    "revert",
    "demo",
    "edit, force, a patch",
)
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


def test_every_verb_that_writes_is_there() -> None:
    assert {case.arguments[0] for case in CASES} == WRITES


def test_each_kind_of_fault_once(campaign: Campaign) -> None:
    done = campaign("count", "--once", *FAULTS_IN)
    assert done["faults"] == {
        "lasting": 3,
        **{name: len(kinds) for name, kinds in FAULTS.items()},
    }
    assert done["verbs"].keys() == WRITES


# Four shares, so that they can run beside each other.
@pytest.mark.campaign
@pytest.mark.parametrize("share", range(4))
def test_faults_all_over_the_runs(share: int, campaign: Campaign) -> None:
    done = campaign("count", "--thin", *(case.name for case in CASES[share::4]))
    assert sum(done["faults"].values()) > 150
    assert {"lasting", "open", "pread", "fsync", "rename", "close"} <= done["faults"].keys()


def test_each_kind_of_fault_once_while_edits_are_saved(campaign: Campaign) -> None:
    done = campaign("count", "--once", *(case.name for case in EDITS))
    assert done["verbs"].keys() == {"edit"}
    assert sum(done["faults"].values()) > 50


@pytest.mark.campaign
def test_faults_all_over_the_saving_of_edits(campaign: Campaign) -> None:
    done = campaign("count", "--thin", *(case.name for case in EDITS))
    assert sum(done["faults"].values()) > 100


def test_a_few_kills_and_signals_in_each_verb(campaign: Campaign) -> None:
    done = campaign("kill", "--every", "139", *KILLS_IN)
    assert done["ended"]["SIGKILL"] > 4
    assert sum(done["ended"].get(name, 0) for name in SIGNALS) > 1
    for name in SIGNALS:
        assert done["ended"][f"{name} in a line"] > 2


@pytest.mark.campaign
def test_kills_and_signals_all_over_the_runs(campaign: Campaign) -> None:
    done = campaign("kill", "--every", "83")
    assert done["ended"]["SIGKILL"] > 40
    for name in SIGNALS:
        assert done["ended"][name] > 4
        assert done["ended"][f"{name} in a line"] > 20


@pytest.mark.parametrize("rounds", [4, pytest.param(40, marks=pytest.mark.campaign)])
def test_several_writers_to_one_place(rounds: int, campaign: Campaign) -> None:
    done = campaign("race", f"{rounds}")
    assert done["rounds"] == rounds
    assert done["won"] == done["rounds"]


@pytest.mark.campaign
def test_memory_runs_out(campaign: Campaign) -> None:
    done = campaign("memory", "apply -i --save-patch")
    assert done["refused"]["out of memory"] > 2
    assert done["refused"]["arrays"] > 4


@pytest.mark.campaign
def test_memory_runs_out_in_other_verbs(campaign: Campaign) -> None:
    done = campaign("memory")
    assert done["refused"]["out of memory"] > 20
    assert done["refused"]["arrays"] > 30


@pytest.mark.campaign
def test_signals_from_the_first_millisecond_on(campaign: Campaign) -> None:
    """A whole process for each: which moment of it is the clock's."""
    done = campaign("signals", "--runs", "6")
    assert done["ended"].keys() == {"apply", "check", "sweep", "sweep, Dask"}
    for how in done["ended"].values():
        assert sum(how.values()) == 6
