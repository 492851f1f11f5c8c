"""Rules as a command line or a file names them: by their ids, or by how several ids begin."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from deconvsurgery.errors import SelectionError
from deconvsurgery.wording import quoted


def rules_among(known: Collection[str], texts: Iterable[str]) -> frozenset[str]:
    """The rules' ids among the ``known`` that the texts name.

    >>> sorted(rules_among(["DS001", "DS002", "DS013"], ["DS013", "ds00"]))
    ['DS001', 'DS002', 'DS013']

    Raises ``SelectionError`` for what names none.
    """
    named: set[str] = set()
    for text in (part.strip() for given in texts for part in given.split(",")):
        found = {rule for rule in known if text and rule.startswith(text.upper())}
        if not found:
            raise SelectionError(
                f"{quoted(text)} names no rule", hint=f"rules are {min(known)} to {max(known)}"
            )
        named |= found
    return frozenset(named)
