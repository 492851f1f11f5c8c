"""Random nets against a real Caffe, a slice of them: the whole is ``python -m`` as in the docs."""

from __future__ import annotations

import pytest

from helpers.differential.layer_fields import KINDS
from helpers.differential.nets import Tally, compared, in_parallel, report
from helpers.differential.random_nets import random_net
from helpers.real_caffe import at_hand


def test_nets_are_the_same_again() -> None:
    """By their number, whatever was drawn before; and of all types."""
    nets = [random_net(3, number) for number in range(300)]
    assert [random_net(3, number) for number in reversed(range(300))] == nets[::-1]
    assert random_net(4, 0) != nets[0]
    text = "".join(net.text for net in nets)
    assert all(f'type: "{kind}"' in text for kind in KINDS)
    assert "layers {" in text


@at_hand
def test_a_slice_of_nets() -> None:
    held(compared(2026, range(250)))


@at_hand
@pytest.mark.campaign
def test_more_nets() -> None:
    held(in_parallel(2027, 2_000, 2))


def held(tally: Tally) -> None:
    """Never said to stop what loads, no shape is another, and 99.5 % agree."""
    assert tally.passed, "\n".join(report(tally))
    loaded = sum(not each.stops for each in tally.outcomes) / len(tally.outcomes)
    assert 0.2 < loaded < 0.6  # there is something to compare, of either
