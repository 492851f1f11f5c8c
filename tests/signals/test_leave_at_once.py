"""Before a run has begun, and when it is over, a signal ends the process with its code."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

import deconvsurgery as ds

ENDING = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The codes with which this process would have ended."""
    codes: list[int] = []
    before = {number: signal.getsignal(number) for number in ENDING}
    monkeypatch.setattr(os, "_exit", codes.append)
    yield codes
    for number, handler in before.items():
        signal.signal(number, handler)


def test_each_signal_has_its_code(left: list[int]) -> None:
    for number in ENDING:
        signal.signal(number, signal.SIG_DFL)
    ds._leave_at_once()
    for number in ENDING:
        signal.raise_signal(number)
    assert left == [*ENDING.values()]


def test_one_that_is_ignored_stays_so(left: list[int]) -> None:
    """As under nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    ds._leave_at_once()
    signal.raise_signal(signal.SIGHUP)
    assert left == []
    signal.raise_signal(signal.SIGTERM)
    assert left == [143]
