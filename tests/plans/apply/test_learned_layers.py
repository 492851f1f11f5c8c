"""What ``apply`` says before it overwrites a layer that was learned, or is to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pytest

import deconvsurgery as ds
from deconvsurgery.options.apply import Fill
from helpers.models import Array, indexed, model_bytes

if TYPE_CHECKING:
    from helpers.words import Words

HEAD = 'input: "data" input_shape { dim: 1 dim: %d dim: 8 dim: 8 }\n'
LAYER = 'layer { name: "up" type: "Deconvolution" bottom: "data" top: "up" %s\n'
PARAM = "  convolution_param { num_output: %d bias_term: false %s } }\n"
RATE = "param { lr_mult: 1 }"
FROZEN = "param { lr_mult: 0 }"
FACTOR2 = "kernel_size: 4 stride: 2"
XAVIER = 'weight_filler { type: "xavier" }'
BILINEAR = 'weight_filler { type: "bilinear" }'


def net_of(param: str, more: str = RATE, channels: int = 3, outputs: int = 3) -> ds.Net:
    return ds.parse_net((HEAD % channels + LAYER % more + PARAM % (outputs, param)).encode())


def planned(net: ds.Net, blobs: Mapping[str, Sequence[Array]], fill: str = "all") -> ds.ApplyPlan:
    model = indexed(model_bytes(dict(blobs), kind="Deconvolution"))
    return ds.make_plan(net, model, ds.match_layers(net, ["up"]), ds.ApplyOptions(fill=Fill(fill)))


def weights(kind: str) -> dict[str, list[Array]]:
    kernel = np.eye(3)[:, :, None, None] * ds.bilinear_kernel((4, 4))
    noise = np.random.default_rng(3).normal(size=(3, 3, 4, 4))
    made = {
        "noise": noise,
        "near": kernel + 0.01,
        "bilinear": kernel,
        "zero": 0 * noise,
        "constant": 0 * noise + 2,
        "nan": noise * np.nan,
    }
    return {"up": [made[kind]]} if kind != "missing" else {"conv": [np.ones((1, 1, 1, 1))]}


# Net, weights, and whether the layer's row warns.
CASES = [
    (net_of(f"{FACTOR2} {XAVIER}"), "noise", True),
    (net_of(f"{FACTOR2} {XAVIER}"), "near", True),
    (net_of(f"{FACTOR2} {XAVIER}"), "zero", True),
    (net_of(f"{FACTOR2} {XAVIER}"), "constant", True),
    (net_of(f"{FACTOR2} {XAVIER}"), "nan", True),
    (net_of(f"{FACTOR2} {XAVIER}"), "missing", True),
    (net_of(f"{FACTOR2} {XAVIER}"), "bilinear", False),  # nothing changes
    (net_of(f"{FACTOR2} {XAVIER}", FROZEN), "noise", True),
    (net_of(FACTOR2), "noise", True),
    (net_of(FACTOR2), "near", True),
    (net_of(FACTOR2), "zero", False),
    (net_of(FACTOR2), "constant", False),
    (net_of(FACTOR2), "missing", False),
    (net_of(f"{FACTOR2} {BILINEAR}"), "noise", True),
    (net_of(f"{FACTOR2} {BILINEAR}"), "near", True),
    (net_of(f"{FACTOR2} {BILINEAR}"), "zero", False),
    # Surgery fills it, that is what it is frozen for; but what is there no surgery made.
    (net_of(FACTOR2, FROZEN), "missing", False),
    (net_of(FACTOR2, FROZEN), "zero", False),
    (net_of(FACTOR2, FROZEN), "noise", True),
    (net_of(FACTOR2, FROZEN), "near", True),
]


@pytest.mark.parametrize(("net", "kind", "warns"), CASES)
def test_what_was_learned_is_warned_of(net: ds.Net, kind: str, warns: bool, words: Words) -> None:
    (change,) = planned(net, weights(kind)).changes
    assert len(change.warnings) == warns
    assert all("`exclude=…`" in warning for warning in change.warnings)
    if warns:
        words(change.warnings, kind)


def test_a_layer_that_stays_is_not_warned_of() -> None:
    net = net_of(f"{FACTOR2} {XAVIER}")
    plan = planned(net, weights("noise"), fill="zero")
    assert [skip.warnings for skip in plan.skips] == [()]
    assert plan.changes == ()


REFUSED = [
    (net_of(f"{FACTOR2} {XAVIER}", channels=8, outputs=4), "set num_output"),
    (net_of(f"kernel_size: 17 stride: 3 {XAVIER}", channels=64, outputs=1), "kernel_size 5"),
    (net_of(f"kernel_size: 5 stride: 2 {XAVIER}"), "kernel_size 4"),
    (net_of(f"kernel_size: 3 {XAVIER}"), "kernel_size"),  # at stride 1
]


@pytest.mark.parametrize(("net", "advice"), REFUSED)
def test_a_learned_layer_gets_no_recipe(net: ds.Net, advice: str, words: Words) -> None:
    with pytest.raises(ds.ShapeError) as raised:
        planned(net, {"conv": [np.ones((1, 1, 1, 1))]})
    hint = raised.value.hint or ""
    assert "`exclude=…`" in hint
    assert advice not in hint
    words(hint, advice)


def test_weights_that_may_be_learned_are_said_beside_the_recipe() -> None:
    net = net_of("kernel_size: 5 stride: 2", FROZEN)
    noise = np.random.default_rng(3).normal(size=(3, 3, 5, 5))
    with pytest.raises(ds.ShapeError) as raised:
        planned(net, {"up": [noise]})
    hint = raised.value.hint or ""
    assert "`exclude=…`" in hint
    assert "kernel_size 4" in hint


def test_who_wants_channels_apart_is_told_how(words: Words) -> None:
    """A bilinear filler says that it is to interpolate: then num_output is wrong."""
    net = net_of(f"{FACTOR2} {BILINEAR}", channels=8, outputs=4)
    with pytest.raises(ds.ShapeError) as raised:
        planned(net, {"conv": [np.ones((1, 1, 1, 1))]})
    assert "num_output" in (raised.value.hint or "")
    words(raised.value.hint or "")
