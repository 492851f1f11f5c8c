"""From the first line of the package to the end of the interpreter a signal ends it with its code.

A second one, sent by someone who cannot wait, does not disturb the cleaning up.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from helpers.campaigns import campaign_of_pairs, campaign_rows
from helpers.faults import early
from helpers.faults.injection import Calls
from helpers.faults.lab import CASES, Bench, Case
from helpers.processes.heeding import heeding
from helpers.runs import environment

if TYPE_CHECKING:
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


# --- at the beginning and at the end

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
BEFORE = 40  # lines at most of the package's own, until the first signal is heard as it should be
STARTS = ("find deconvsurgery.version", "find deconvsurgery.cli", "find click.core")
RUNS = ("find deconvsurgery.cli.kernel", "find numpy")


def came_of(way: str, points: Sequence[str]) -> list[dict[str, Any]]:
    """What came of a command that was started so, for each signal at its point."""
    done = subprocess.run(
        [sys.executable, early.__file__, way, *points],
        input=json.dumps(["kernel", "4"]).encode(),
        env=environment(),
        stdout=subprocess.PIPE,
        timeout=600,
        check=True,
        preexec_fn=heeding,
    )
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("way", ["-m", pytest.param("script", marks=pytest.mark.campaign)])
def test_a_signal_while_it_starts_or_ends(way: str, words: Words) -> None:
    points = [f"line {BEFORE}", *STARTS, *RUNS, "exit"]
    asked = [(list(CODES)[nth % 3], point) for nth, point in enumerate(points)]
    found = came_of(way, [f"{number} {point}" for number, point in asked])
    assert [each["code"] for each in found] == [CODES[number] for number, _ in asked]
    for (number, point), each in zip(asked, found, strict=True):
        if point in RUNS:
            words(each["errors"].strip("\n").replace(number.name, "SIGNAL"))
        else:  # nothing was begun, or all is over
            assert each["errors"] == ""


@pytest.mark.campaign
@pytest.mark.parametrize("way", ["-m", "script"])
@pytest.mark.parametrize("number", CODES)
def test_a_signal_at_each_line_of_the_packages_first_modules(
    way: str, number: signal.Signals
) -> None:
    """Until it is heard it is Python's own to say: some microseconds."""
    (undisturbed,) = came_of(way, [f"{number} line 0"])
    lines = undisturbed["lines"]
    assert lines > 3 * BEFORE
    found = came_of(way, [f"{number} line {nth}" for nth in range(1, lines + 1)])
    codes = [each["code"] for each in found]
    heard = codes.index(CODES[number])
    assert 0 < heard < BEFORE
    assert {*codes[:heard]} == {-number}
    assert {*codes[heard:]} == {CODES[number]}
    assert {each["errors"] for each in found[heard:]} <= {
        "",
        f"deconvsurgery: ended by {number.name}; every file is whole, the old one or the new\n",
    }
