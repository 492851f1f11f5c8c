"""Which states of a net beyond those asked for have a layer."""

from __future__ import annotations

import pytest

import deconvsurgery as ds
from deconvsurgery.matching.other_states import states_beyond

LAYER = 'layer {{ name: "up" type: "Deconvolution" {} }}'
TEST = ds.NetState(ds.Phase.TEST)


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        ("", []),
        ("include { phase: TEST }", []),
        ('include { stage: "deploy" }', [ds.NetState(ds.Phase.TEST, 0, ("deploy",))]),
        ("include { min_level: 2 }", [ds.NetState(ds.Phase.TEST, 2)]),
        ("include { min_level: 2 max_level: 1 }", []),
        ("include { phase: TRAIN }", []),
    ],
)
def test_states_for_a_layer_that_is_not_in_the_one_asked_for(
    rules: str, found: list[ds.NetState]
) -> None:
    net = ds.parse_net(LAYER.format(rules).encode())
    assert list(states_beyond(net, {"up"}, [TEST])) == found
    assert list(states_beyond(net, {"another"}, [TEST])) == []


def test_a_layer_of_training_is_found_in_any_phase() -> None:
    net = ds.parse_net(LAYER.format("include { phase: TRAIN }").encode())
    assert list(states_beyond(net, {"up"}, [TEST], any_phase=True)) == [ds.NetState(ds.Phase.TRAIN)]
