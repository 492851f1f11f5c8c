"""The upsampling path of nets: which layers, which lines, which phases."""

from __future__ import annotations

from pathlib import Path

import pytest

import deconvsurgery as ds
from deconvsurgery.shapes.upsampling_path import MOST_STEPS, WayUp, ways_up
from helpers.models import demo_net

UP = 'type: "Deconvolution" convolution_param { num_output: 2 kernel_size: 4 stride: 2 pad: 1 }'
INPUT = 'input: "data" input_shape { dim: 1 dim: 2 dim: 8 dim: 8 }\n'


def layer(name: str, bottom: str, kind: str, top: str | None = None) -> str:
    bottoms = " ".join(f'bottom: "{each}"' for each in bottom.split())
    kind = kind if ":" in kind else f'type: "{kind}"'
    return f'layer {{ name: "{name}" {bottoms} top: "{top or name}" {kind} }}\n'


def ways(text: str, *matched: str) -> tuple[WayUp, ...]:
    net: ds.Net = ds.parse_net(text.encode())
    indexes = {each.index for each in net.layers if each.name in matched}
    return ways_up(net, net.states(), indexes)


def named(way: WayUp) -> list[tuple[str, str]]:
    return [(way.steps[start].name, way.steps[end].name) for start, end in way.edges]


def test_a_path_begins_at_what_feeds_it_and_ends_at_the_output() -> None:
    (way,) = ways(demo_net().decode(), "upscore2", "upscore")
    assert [(step.name, step.type, step.matched, step.feeds) for step in way.steps] == [
        ("score", "Convolution", False, True),
        ("upscore2", "Deconvolution", True, False),
        ("refine", "Deconvolution", False, False),
        ("upscore", "Deconvolution", True, False),
        ("prob", "Softmax", False, False),
    ]
    assert way.edges == ((0, 1), (1, 2), (2, 3), (3, 4))
    assert way.phases == ("test", "train")
    assert [step.shape for step in way.steps] == [
        (1, 5, 8, 8), (1, 5, 16, 16), (1, 5, 16, 16), (1, 5, 32, 32), (1, 5, 32, 32),
    ]  # fmt: skip
    assert way.steps[1].window is not None
    assert way.steps[1].window.stride == (2, 2)
    assert way.steps[4].window is None


def test_fcn_8s(shared: Path) -> None:
    text = (shared / "nets/fcn.berkeleyvision.org--voc-fcn8s/val.prototxt").read_text("utf-8")
    (way,) = ways(text, "upscore2", "upscore_pool4", "upscore8")
    assert sorted(named(way)) == sorted(
        [
            ("score_fr", "upscore2"),
            ("upscore2", "score_pool4c"),
            ("score_pool4", "score_pool4c"),
            ("upscore2", "fuse_pool4"),
            ("score_pool4c", "fuse_pool4"),
            ("fuse_pool4", "upscore_pool4"),
            ("upscore_pool4", "score_pool3c"),
            ("score_pool3", "score_pool3c"),
            ("upscore_pool4", "fuse_pool3"),
            ("score_pool3c", "fuse_pool3"),
            ("fuse_pool3", "upscore8"),
            ("upscore8", "score"),
            ("data", "score"),
            ("score", "loss"),
            ("data", "loss"),
        ]
    )


def test_layers_in_a_row_are_one_step() -> None:
    conv = 'type: "Convolution" convolution_param { num_output: 3 kernel_size: 1 }'
    (way,) = ways(
        INPUT
        + layer("up", "data", UP)
        + layer("conv", "up", conv)
        + layer("relu", "conv", "ReLU", "conv")
        + layer("drop", "conv", "Dropout", "conv")
        + layer("sum", "conv up", "Eltwise")
    )
    assert [(step.name, step.last, step.layers) for step in way.steps] == [
        ("input", "input", 1), ("up", "up", 1), ("conv", "drop", 3), ("sum", "sum", 1),
    ]  # fmt: skip
    assert named(way) == [("input", "up"), ("up", "conv"), ("conv", "sum"), ("up", "sum")]
    assert way.steps[2].shape == (1, 3, 16, 16)


def test_what_branches_is_no_row() -> None:
    (way,) = ways(
        INPUT
        + layer("up", "data", UP)
        + layer("one", "up", "TanH")
        + layer("two", "one", "TanH")
        + layer("three", "one", "TanH")
    )
    assert [step.layers for step in way.steps] == [1, 1, 1, 1, 1]


def test_a_phase_with_a_path_of_its_own_has_its_own() -> None:
    loss = layer("loss", "up", 'type: "TanH" include { phase: TRAIN }')
    prob = layer("prob", "up", 'type: "Sigmoid" include { phase: TEST }')
    test, train = ways(INPUT + layer("up", "data", UP) + loss + prob)
    assert (test.phases, test.steps[-1].name) == (("test",), "prob")
    assert (train.phases, train.steps[-1].name) == (("train",), "loss")


def test_a_data_layer_for_each_phase_makes_no_other_path() -> None:
    data = "".join(
        layer(f"data-{phase}", "", f'type: "DummyData" include {{ phase: {phase} }} '
              "dummy_data_param { shape { dim: 1 dim: 2 dim: 8 dim: 8 } }", "data")
        for phase in ("TRAIN", "TEST")
    )  # fmt: skip
    (way,) = ways(data + layer("up", "data", UP))
    assert way.phases == ("test", "train")


def test_a_net_that_does_not_upsample_has_none() -> None:
    assert ways(INPUT + layer("prob", "data", "Softmax")) == ()


@pytest.mark.parametrize("count", [40, MOST_STEPS + 5])
def test_of_many_only_the_deconvolutions(count: int) -> None:
    text, bottom = INPUT, "data"
    for number in range(count):
        text += layer(f"up{number}", bottom, UP) + layer(
            f"sum{number}", f"up{number} up{number}", "Eltwise"
        )
        bottom = f"sum{number}"
    (way,) = ways(text)
    assert way.only_deconvolutions
    shown = min(count, MOST_STEPS)
    assert [step.name for step in way.steps] == [f"up{number}" for number in range(shown)]
    assert way.edges == tuple((number, number + 1) for number in range(shown - 1))
    assert way.left_out == count - shown


def test_a_window_that_cannot_be_is_none() -> None:
    (way,) = ways(INPUT + layer("up", "data", 'type: "Deconvolution" convolution_param {}'))
    (fed, up) = way.steps
    assert [(step.name, step.matched, step.window) for step in (fed, up)] == [
        ("input", False, None), ("up", False, None),
    ]  # fmt: skip
    assert (fed.shape, up.shape) == ((1, 2, 8, 8), (None,) * 4)
    assert way.edges == ((0, 1),)
