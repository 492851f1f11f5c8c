"""Large tables of cases: a few always run, the others are a campaign."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeVar

import pytest

Case = TypeVar("Case")


def campaign(*cases: object) -> list[Any]:
    """Params of one argument that show no more than others do."""
    return [pytest.param(each, marks=pytest.mark.campaign) for each in cases]


def campaign_rows(rows: Iterable[tuple[Any, ...]]) -> list[Any]:
    """Params of several arguments that show no more than others do."""
    return [pytest.param(*row, marks=pytest.mark.campaign) for row in rows]


def campaign_but(
    few: Iterable[object],
    cases: Iterable[Case],
    name: Callable[[Case], str] = str,
    *,
    rows: bool = False,
) -> list[Any]:
    """Params for ``parametrize``, by name; all but the ``few``, each of which is there, marked.

    ``few`` are cases or their names. With ``rows`` a case is the values of several arguments,
    and pytest names it.
    """
    by_name = {name(case): case for case in cases}
    kept = {str(each) for each in few}
    assert by_name.keys() >= kept, kept - by_name.keys()
    return [
        pytest.param(
            *(case if rows and isinstance(case, tuple) else (case,)),
            id=None if rows else each,
            marks=() if each in kept else pytest.mark.campaign,
        )
        for each, case in by_name.items()
    ]


Other = TypeVar("Other")


def campaign_of_pairs(
    rows: Collection[Case],
    columns: Collection[Other],
    name: Callable[[Any], str] | None = None,
    wanted: Callable[[Case, Other], bool] = lambda *_: True,
) -> list[Any]:
    """Every pair that is ``wanted``, marked but for a few that have each once.

    The few run along the diagonals of the table, so that no two of a row or of a column need to be
    the first of their kind to fail.
    """
    longer = max(len(rows), len(columns))
    few = {(at % len(rows), at % len(columns)) for at in range(longer)}
    pairs = {
        (row, column): (one, other)
        for row, one in enumerate(rows)
        for column, other in enumerate(columns)
        if wanted(one, other)
    }
    # Where the diagonal meets a pair that is not wanted, the row's and the column's first do it.
    for row, column in few - pairs.keys():
        few |= set([at for at in pairs if at[0] == row][:1])
        few |= set([at for at in pairs if at[1] == column][:1])
    return [
        pytest.param(
            *pair,
            id=f"{name(pair[0])}-{name(pair[1])}" if name else None,
            marks=() if at in few else pytest.mark.campaign,
        )
        for at, pair in pairs.items()
    ]
