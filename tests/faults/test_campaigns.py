"""Every system call of every verb that writes fails, or is the last one, in turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from lab import CASES

Campaign = Callable[..., dict[str, Any]]
WRITES = {"apply", "convert", "patch-net", "regroup", "transplant", "revert", "demo"}


def test_every_verb_that_writes_is_there() -> None:
    assert {case.arguments[0] for case in CASES} == WRITES


# Four shares, so that they can run beside each other.
@pytest.mark.parametrize("share", range(4))
def test_a_fault_at_every_call(share: int, campaign: Campaign) -> None:
    done = campaign("count.py", "--thin", *(case.name for case in CASES[share::4]))
    assert sum(done["faults"].values()) > 250
    assert {"lasting", "open", "pread", "fsync", "rename", "close"} <= done["faults"].keys()


@pytest.mark.parametrize("share", range(2))
def test_a_kill_or_a_signal_at_every_call(share: int, campaign: Campaign) -> None:
    done = campaign("kill.py", "--every", "47", *(case.name for case in CASES[share::2]))
    assert done["ended"]["SIGKILL"] > 40
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        assert done["ended"][name] > 10
        assert done["ended"][f"{name} in a line"] > 5
