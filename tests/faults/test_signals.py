"""A second signal, sent by someone who cannot wait, does not disturb the cleaning up."""

from __future__ import annotations

import signal
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from helpers.campaigns import campaign_of_pairs, campaign_rows
from helpers.faults.injection import Calls
from helpers.faults.lab import CASES, Bench, Case
from helpers.words import Words

FILES = [case for case in CASES if not case.stream]
# Each verb, in one of its ways.
ALWAYS = list({case.arguments[0]: case for case in FILES}.values())
OTHERS = [case for case in FILES if case not in ALWAYS]
SECOND = (signal.SIGINT, signal.SIGTERM)


@pytest.mark.parametrize(
    ("case", "second"),
    [
        *campaign_of_pairs(ALWAYS, SECOND),
        *campaign_rows(product(OTHERS, SECOND)),
    ],
    ids=lambda each: each.name,
)
def test_two_signals(case: Case, second: signal.Signals, place: Path, words: Words) -> None:
    bench = Bench(case, place)
    sent = []

    def act(_number: int, name: str, made: Callable[..., Any]) -> Any:
        if not sent and name == "fsync":
            sent.append(name)
            signal.raise_signal(signal.SIGTERM)
        elif sent:
            sent.append(name)
            signal.raise_signal(second)
        return made()

    done = bench.run(Calls(("fsync", "close", "unlink"), act).watched())
    assert done.code == 143
    assert done.errors.endswith("\n")
    assert done.errors.count("\n") == 1
    assert signal.SIGTERM.name in done.errors
    words(done.errors)
    assert "unlink" in sent
    assert bench.faults() == []
    assert bench.done() is False or not case.at_once
