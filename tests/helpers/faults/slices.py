"""Thin slices of large tables: what always runs has everything once, the rest is a campaign."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from helpers.faults.lab import Case


def crossed(*tables: Sequence[Any]) -> list[Any]:
    """All combinations; all but enough for each value of each table are marked ``campaign``."""
    sizes = [len(table) for table in tables]
    kept = {tuple(number % size for size in sizes) for number in range(max(sizes))}
    return [
        pytest.param(
            *(table[at] for table, at in zip(tables, place, strict=True)),
            marks=() if place in kept else pytest.mark.campaign,
        )
        for place in itertools.product(*map(range, sizes))
    ]


def all_marked(*tables: Sequence[Any]) -> list[Any]:
    """All combinations, all of them marked ``campaign``."""
    return [
        pytest.param(*values, marks=pytest.mark.campaign) for values in itertools.product(*tables)
    ]


def each_verb(cases: Iterable[Case], *also: str) -> list[Any]:
    """All cases; those that are neither a verb's first nor named are marked ``campaign``."""
    found: list[Any] = []
    met: set[str] = set()
    for case in cases:
        kept = case.arguments[0] not in met or case.name in also
        met.add(case.arguments[0])
        marks = () if kept else pytest.mark.campaign
        found.append(pytest.param(case, id=case.name, marks=marks))
    return found


def some(table: Sequence[Any], *kept: Any) -> list[Any]:
    """All values of a table; those that are not named are marked ``campaign``."""
    assert set(kept) <= set(table), kept
    rows = [each if isinstance(each, tuple) else (each,) for each in table]
    return [
        pytest.param(*row, marks=() if each in kept else pytest.mark.campaign)
        for each, row in zip(table, rows, strict=True)
    ]
