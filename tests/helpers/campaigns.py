"""Large tables of cases: a few always run, the others are a campaign."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeVar

import pytest

Case = TypeVar("Case")


def campaign_but(
    few: Collection[str], cases: Iterable[Case], name: Callable[[Case], str] = str
) -> list[Any]:
    """Params for ``parametrize``, by name; all but the ``few``, each of which is there, marked."""
    by_name = {name(case): case for case in cases}
    assert by_name.keys() >= set(few), set(few) - by_name.keys()
    return [
        pytest.param(case, id=each, marks=() if each in few else pytest.mark.campaign)
        for each, case in by_name.items()
    ]
