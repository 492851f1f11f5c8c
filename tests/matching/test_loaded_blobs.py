"""What each layer computes with once a model is loaded, as a real Caffe's memory has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pytest

import deconvsurgery as ds
from deconvsurgery.pictures.layer_pictures import RowPictures
from helpers.models import Array, indexed, model_bytes
from helpers.nets import UP, data_layer, up
from helpers.real_caffe import at_hand, real_caffe

DATA = data_layer(1, 3, 8, 8)
BILINEAR = f'{UP} weight_filler {{ type: "bilinear" }}'
TWOS = f'{UP} weight_filler {{ type: "constant" value: 2 }}'
SHARED = 'param { name: "w" lr_mult: 0 }'


def full(value: float) -> Array:
    return np.full((3, 1, 4, 4), value, np.float32)


class Loaded(NamedTuple):
    """A net of two layers, a model's weights, and the state of each layer's weights then."""

    net: str
    weights: Mapping[str, list[Array]]
    states: tuple[ds.WeightState, ds.WeightState]
    zero_filler: tuple[bool, bool] = (False, False)
    """Whether the layer is left with zeros by its filler, or its owner's."""


def two(first: str = UP, second: str = UP, *, more: str = SHARED, name: str = "b") -> str:
    other = up(name, second, more=more).replace(f'top: "{name}"', 'top: "other"')
    return DATA + up("a", first, more=more) + other


ZERO, CONSTANT, MISSING = ds.WeightState.ZERO, ds.WeightState.CONSTANT, ds.WeightState.MISSING
CASES = {
    "the owner alone has a copy": Loaded(two(), {"a": [full(1)]}, (CONSTANT, CONSTANT)),
    "a sharer alone has a copy": Loaded(two(), {"b": [full(1)]}, (CONSTANT, CONSTANT)),
    "the last copy counts": Loaded(two(), {"a": [full(0)], "b": [full(1)]}, (CONSTANT, CONSTANT)),
    "the last in the model": Loaded(two(), {"b": [full(0)], "a": [full(1)]}, (CONSTANT, CONSTANT)),
    "the last may be zero": Loaded(two(), {"a": [full(1)], "b": [full(0)]}, (ZERO, ZERO)),
    "none, and the owner has no filler": Loaded(
        two(UP, BILINEAR), {"c": [full(1)]}, (MISSING, MISSING), (True, True)
    ),
    "none, and the owner's filler is bilinear": Loaded(
        two(BILINEAR, TWOS), {"c": [full(1)]}, (MISSING, MISSING)
    ),
    "the second of a name gets nothing": Loaded(
        two(more="", name="a"), {"a": [full(1)]}, (CONSTANT, MISSING), (False, True)
    ),
    "of one name, sharing": Loaded(two(name="a"), {"a": [full(1)]}, (CONSTANT, CONSTANT)),
    "not shared": Loaded(two(more=""), {"a": [full(1)]}, (CONSTANT, MISSING), (False, True)),
}


@pytest.mark.parametrize("case", CASES)
def test_each_layer_is_judged_by_what_it_computes_with(case: str) -> None:
    net, weights, states, zeros = CASES[case]
    read, model = ds.parse_net(net.encode()), indexed(model_bytes(weights))
    rows = ds.inspect(read, model, patterns="*").layers
    assert [row.weights and row.weights.state for row in rows] == [*states]
    found = ds.check(read, model, patterns="*", select="DS001").findings
    left = [line for line, zero in zip((2, 3), zeros, strict=True) if zero]
    assert [each.line for each in found] == left


@at_hand
@pytest.mark.parametrize("case", CASES)
def test_a_real_caffe_has_these_weights(case: str) -> None:
    net, weights, states, zeros = CASES[case]
    answer = real_caffe(net, model_bytes(weights), weights=True)
    assert not answer.stops
    blobs = [answer.weights[key] for key in sorted(answer.weights)]
    for blob, state, zero in zip(blobs, states, zeros, strict=True):
        if state is MISSING:
            assert np.all(blob == 0) == zero
        else:
            assert np.all(blob == (0 if state is ZERO else 1))


def test_a_filler_that_is_not_used_is_not_judged() -> None:
    """DS008 is of the owner's filler: a sharer's own makes nothing."""
    every_pair = "num_output: 3 bias_term: false kernel_size: 4 stride: 2 pad: 1"
    filled = f'{every_pair} weight_filler {{ type: "bilinear" }}'
    for first, second, lines in ((every_pair, filled, []), (filled, every_pair, [2, 3])):
        read = ds.parse_net(two(first, second).encode())
        found = ds.check(read, patterns="*", select="DS008").findings
        assert [each.line for each in found] == lines


def test_weights_that_another_layer_brings_are_shown() -> None:
    read, model = ds.parse_net(two().encode()), indexed(model_bytes({"b": [full(1)]}))
    result = ds.inspect(read, model, patterns="*", pictures=True)
    assert isinstance(result.pictures, RowPictures)
    assert [sight is not None for sight in result.pictures.sights] == [True, True]
    owner, sharer = result.layers
    assert (owner.source_blobs, sharer.source_blobs) == (None, ((3, 1, 4, 4),))
    assert owner.storage == sharer.storage


def test_a_second_layer_of_a_name_is_told_to_be_renamed() -> None:
    read = ds.parse_net(two(more="", name="a").encode())
    model = indexed(model_bytes({"a": [full(1)]}))
    (found,) = ds.check(read, model, patterns="*", select="DS001").findings
    assert (found.line, found.level) == (3, ds.Severity.ERROR)
    assert found.repair is not None
    assert found.repair.steps == ()
