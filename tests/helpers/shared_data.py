"""Parameters that are files beside the checkout: one skipped test, with a reason, without them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from helpers.places import SHARED


def each_of(
    found: Iterable[Any],
    what: str,
    *,
    fields: int = 1,
    quick: Callable[[Any], bool] = lambda _: True,
    name: Callable[[Any], str] = str,
) -> list[Any]:
    """A parameter for each; where there are none, one that says what is not there.

    ``fields``: how many arguments one has. What is not ``quick`` is left to a campaign.
    """
    params = [
        pytest.param(
            *(one if fields > 1 else (one,)),
            id="-".join(map(name, one)) if fields > 1 else name(one),
            marks=() if quick(one) else pytest.mark.campaign,
        )
        for one in found
    ]
    missing = pytest.mark.skip(reason=f"no {what} in {SHARED}")
    return params or [pytest.param(*[None] * fields, id="not there", marks=missing)]
