"""Layers drawn at random: every command that ``check`` prints for them does what it is for.

In full by a command, which ``helpers.repairs`` names; here a slice of the same layers.
"""

from __future__ import annotations

import pytest

from helpers.repairs import tried_seed

TOGETHER = 10
"""Layers in a test."""


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(first, marks=() if first < 40 else pytest.mark.campaign)
        for first in range(0, 200, TOGETHER)
    ],
)
def test_every_command_repairs_and_every_block_ends_clean(first: int) -> None:
    """No verb refuses one, its finding is gone afterwards, none comes, nothing learned goes."""
    outcomes = {seed: tried_seed(seed) for seed in range(first, first + TOGETHER)}
    assert {seed: one.faults for seed, one in outcomes.items() if one.faults} == {}
    assert sum(one.commands for one in outcomes.values()) > TOGETHER / 2
