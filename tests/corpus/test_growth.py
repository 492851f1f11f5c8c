"""Time follows size: twice as many of anything take at most twice the steps, in every verb.

Steps are counted, not timed: lines of our own code, and calls of others'. What C code does in one
step is not seen here; docs/security.md has figures of time, by ``python -m helpers.growth``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from helpers.growth import KINDS, NET_LINES, steps

QUICK = {
    ("layers, one name", "check --also json=findings net in"),
    ("matched, one name", "apply net in out"),
    ("kernel sizes", "inspect -a net in"),
    ("model layers of the matched name", "check --also json=findings net in"),
    ("empty blobs", "convert in out"),
}


FIXED = ("layers", "matched, one name", "matched, cannot be filled")
"""Kinds that are fixed, too; to fix each kind would take long."""


def every() -> Iterator[Any]:
    """Each kind with each of its command lines; a few always, all in a campaign."""
    for name, kind in KINDS.items():
        for line in (*kind.lines, *(["check --fix --exit-zero net in"] if name in FIXED else ())):
            marks = () if (name, line) in QUICK else pytest.mark.campaign
            yield pytest.param(name, line, marks=marks, id=f"{name}: {line}")


def test_the_quick_ones_are_there() -> None:
    assert {(name, line) for name, kind in KINDS.items() for line in kind.lines} >= QUICK
    assert len({line.split()[0] for line in NET_LINES}) > 5


@pytest.mark.parametrize(("name", "line"), [*every()])
def test_twice_as_many_take_twice_the_steps(name: str, line: str, tmp_path: Path) -> None:
    kind = KINDS[name]
    least = 4 if (name, line) in QUICK else kind.least
    steps(tmp_path, kind, line, 2)  # imports, and what is made once
    counted = [steps(tmp_path, kind, line, times * least) for times in (1, 2, 4)]
    (first, code), (second, _), (third, _) = counted
    assert {each for _, each in counted} == {code} <= {0, 1, 3}
    # Twice, where it is linear, a little more where things are sorted; a step for each pair makes
    # it four times as many in the end.
    assert third - second <= 2.1 * (second - first) + 300
