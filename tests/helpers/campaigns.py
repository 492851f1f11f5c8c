"""Which cases of a large table are for ``.ci/run`` alone, and which stay for every run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def campaign(*values: object) -> list[Any]:
    """Cases of one argument that show no more than others do."""
    return [pytest.param(each, marks=pytest.mark.campaign) for each in values]


def table(every: Iterable[object], *, always: Iterable[object]) -> list[Any]:
    """Cases of one argument: all but those that are to run ``always`` are a campaign's."""
    kept = list(always)
    cases = list(every)
    assert all(each in cases for each in kept)
    return [each if each in kept else campaign(each)[0] for each in cases]
