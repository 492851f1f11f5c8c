"""Which net goes with which model on a command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import deconvsurgery as ds
from deconvsurgery.inputs.pairs_by_content import net_and_model, paired
from helpers.models import demo_base, demo_net

if TYPE_CHECKING:
    from helpers.words import Words


def test_what_goes_with_what(tmp_path: Path, words: Words) -> None:
    one, two, lost, weights, others = (str(tmp_path / name) for name in "12lwo")
    for net in (one, two):
        Path(net).write_bytes(demo_net())
    for model in (weights, others):
        Path(model).write_bytes(demo_base())
    assert paired([one]) == ((one, None),)
    assert net_and_model([weights, one]) == (one, weights)
    for alike, case in (([one, two], "two nets"), ([weights, others], "two models")):
        with pytest.raises(ds.FormatError) as caught:
            net_and_model(alike)
        assert caught.value.path == alike[1]
        words(caught.value, case)
    assert paired([weights]) == ((None, weights),)
    assert paired([weights, one]) == ((one, weights),)
    assert paired([one, two]) == ((one, None), (two, None))
    assert paired([one, weights, others, two]) == ((one, weights), (one, others), (two, None))
    assert paired([lost, one]) == ((lost, None), (one, None))
    with pytest.raises(ds.FormatError) as caught:
        paired([weights, one, two])
    assert caught.value.path == weights
    words(caught.value, "no net before it")
