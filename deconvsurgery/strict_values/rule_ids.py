"""Rules as a command line or a file names them: by their ids, or by how several ids begin."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import groupby
from typing import TypeAlias

from deconvsurgery.errors import ArgumentError
from deconvsurgery.wording import listed, quoted

RuleAndLayer: TypeAlias = tuple[str, str | None]
"""The id of a rule, and the name of a layer; ``None`` stands for what is of no layer."""


def rules_among(known: Collection[str], texts: Iterable[str]) -> frozenset[str]:
    """The rules' ids among the ``known`` that the texts name.

    >>> sorted(rules_among(["DS001", "DS002", "DS013"], ["DS013", "ds00"]))
    ['DS001', 'DS002', 'DS013']

    Raises ``ArgumentError`` for what names none.
    """
    named: set[str] = set()
    for text in (part.strip() for given in texts for part in given.split(",")):
        found = {rule for rule in known if text and rule.startswith(text.upper())}
        if not found:
            raise ArgumentError(f"{quoted(text)} names no rule", hint=_there_are(known))
        named |= found
    return frozenset(named)


def rules_asked(
    known: Collection[str], select: Iterable[str], ignore: Iterable[str]
) -> frozenset[str]:
    """Those selected, or all where none is, without those ignored.

    >>> sorted(rules_asked(["DS001", "DS002"], [], ["DS002"]))
    ['DS001']

    Raises ``ArgumentError`` for what names none, and where none is left.
    """
    select = [*select]
    chosen = rules_among(known, select) if select else frozenset(known)
    left = chosen - rules_among(known, ignore)
    if not left:
        every = "each rule that is selected" if select else "every rule"
        raise ArgumentError(
            f"{every} is ignored, too: there is nothing to check by",
            hint="leave one of them out of what is ignored",
        )
    return left


def _there_are(known: Collection[str]) -> str:
    """The ids that there are, those one after another as a range.

    >>> _there_are(["DS001", "DS002", "DS003", "DS007", "DS009", "DS010"])
    'rules are DS001 to DS003, DS007, DS009, DS010'
    """
    numbered = enumerate(sorted(known))
    runs = [
        [rule for _, rule in group]
        for _, group in groupby(numbered, lambda each: _number(each[1]) - each[0])
    ]
    return "rules are " + listed([part for run in runs for part in _said(run)], most=20)


def _number(rule: str) -> int:
    return int("".join(sign for sign in rule if sign.isdigit()) or 0)


def _said(run: list[str]) -> list[str]:
    return run if len(run) < 3 else [f"{run[0]} to {run[-1]}"]
