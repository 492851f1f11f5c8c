"""Random pairs of net and model against a real Caffe, a slice of them: the whole is a command."""

from __future__ import annotations

import pytest

from helpers.differential.mutated_models import FORMS, WAYS
from helpers.differential.nets import Tally, report
from helpers.differential.pairs import compared, in_parallel, random_pair
from helpers.real_caffe import at_hand


@at_hand
def test_pairs_are_the_same_again_and_of_all_kinds() -> None:
    pairs = [random_pair(3, number) for number in range(60)]
    # HDF5 files hold the time at which they were made.
    again = [random_pair(3, number).model.ways for number in (59, 7)]
    assert again == [pairs[59].model.ways, pairs[7].model.ways]
    ways = {way for pair in pairs for way in pair.model.ways}
    assert len(ways) > 30
    assert ways <= {*WAYS, *FORMS}


@at_hand
def test_a_slice_of_pairs() -> None:
    held(compared(2026, range(120)), enough=0.98)


@at_hand
@pytest.mark.campaign
def test_more_pairs() -> None:
    held(in_parallel(2027, 1_000, 2), enough=0.99)


def held(tally: Tally, enough: float = 0.995) -> None:
    """Never said to stop what loads, no shape is another, and nearly all agree."""
    assert not tally.false_alarms, "\n".join(report(tally))
    assert not tally.of_other_shapes, "\n".join(report(tally))
    assert tally.agreement >= enough, "\n".join(report(tally))
    loaded = sum(not each.stops for each in tally.outcomes) / len(tally.outcomes)
    assert 0.2 < loaded < 0.6  # there is something to compare, of either
