"""Fillers at which Caffe stops: by hand, and by what a real Caffe does with the same net."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import deconvsurgery as ds
from deconvsurgery.shapes.analysis import Analysis
from deconvsurgery.shapes.fillers import FORK_NAMES, NAMES, filler_problems, meant
from helpers.nets import conv, data_layer, layer, up
from helpers.real_caffe import at_hand, real_caffe

if TYPE_CHECKING:
    from helpers.words import Words

DATA = data_layer(1, 3, 8, 8)


def weights(filler: str, sizes: str = "kernel_size: 3") -> str:
    return conv("l", f"num_output: 2 {sizes} weight_filler {{ {filler} }}")


def bias(filler: str, more: str = "") -> str:
    return conv("l", f"num_output: 2 kernel_size: 3 {more} bias_filler {{ {filler} }}")


def own(kind: str, param: str, fields: str) -> str:
    return layer("l", kind, f"{param} {{ {fields} }}")


def scale(fields: str) -> str:
    return own("Scale", "scale_param", fields)


def scaled_by(kind: str) -> str:
    """The second bottom stands in for what the layer would learn."""
    param = f"{kind.lower()}_param {{ axis: 0 filler {{ type: 'odd' }} }}"
    return layer("l", kind, param, bottom=["data", "data"])


def recurrent(kind: str, fields: str) -> str:
    return (
        data_layer(4, 2, 3, name="x")
        + data_layer(4, 2, name="c")
        + layer("l", kind, f"recurrent_param {{ num_output: 2 {fields} }}", bottom=["x", "c"])
    )


def dummy(fillers: str, tops: int = 1) -> str:
    more = " ".join(f'top: "l{at}"' for at in range(1, tops))
    param = f"dummy_data_param {{ shape {{ dim: 1 dim: 3 dim: 8 dim: 9 }} {fillers} }}"
    return layer("l", "DummyData", param, bottom="", more=more)


# A layer, and for each filler that stops Caffe its field and the name that was meant.
STOPS = {
    "a letter": (weights('type: "bilinar"'), ("weight_filler", "bilinear")),
    "capitals": (weights('type: "Gaussian"'), ("weight_filler", "gaussian")),
    "no such": (weights('type: "normal"'), ("weight_filler", None)),
    "no name": (weights('type: ""'), ("weight_filler", None)),
    "bias": (bias('type: "constnat"'), ("bias_filler", "constant")),
    "both": (
        conv("l", "num_output: 2 kernel_size: 1 bias_filler { type: 'a' } "
             "weight_filler { type: 'xaver' }"),
        ("weight_filler", "xavier"), ("bias_filler", None),
    ),
    "std 0": (weights('type: "gaussian" std: 0'), ("weight_filler", None)),
    "std too small for a float": (weights('type: "gaussian" std: 1e-60'), ("weight_filler", None)),
    "std below 0": (weights('type: "gaussian" std: -0.1'), ("weight_filler", None)),
    "std nan": (weights('type: "gaussian" std: nan'), ("weight_filler", None)),
    "sparse above": (weights('type: "gaussian" sparse: 3'), ("weight_filler", None)),
    "no axes": (
        scale("num_axes: 0 filler { type: 'xavier' }"), ("filler", None)
    ),
    "sparse below": (weights('type: "gaussian" sparse: -2'), ("weight_filler", None)),
    "sparse constant": (weights("sparse: 1"), ("weight_filler", None)),
    "sparse xavier": (weights('type: "xavier" sparse: 0'), ("weight_filler", None)),
    "sparse bilinear": (weights('type: "bilinear" sparse: 2'), ("weight_filler", None)),
    "min above max": (weights('type: "uniform" min: 2'), ("weight_filler", None)),
    "bilinear bias": (bias('type: "bilinear"'), ("bias_filler", None)),
    "bilinear, not square": (
        weights('type: "bilinear"', "kernel_h: 3 kernel_w: 5"), ("weight_filler", None)),
    "InnerProduct": (
        own("InnerProduct", "inner_product_param",
            "num_output: 2 weight_filler { type: 'bilinear' }"), ("weight_filler", None)),
    "Embed": (
        own("Embed", "embed_param", "num_output: 2 input_dim: 4 weight_filler { type: 'uniforn' }"),
        ("weight_filler", "uniform")),
    "Scale": (scale("filler { type: 'contant' }"), ("filler", "constant")),
    "Scale, bilinear": (scale("filler { type: 'bilinear' }"), ("filler", None)),
    "Scale's bias": (
        scale("bias_term: true bias_filler { type: 'gaussian' std: 0 }"), ("bias_filler", None)),
    "Bias": (own("Bias", "bias_param", "filler { type: 'odd' }"), ("filler", None)),
    "PReLU": (own("PReLU", "prelu_param", "filler { type: 'bilinear' }"), ("filler", None)),
    "LSTM": (recurrent("LSTM", "weight_filler { type: 'xavie' }"), ("weight_filler", "xavier")),
    "LSTM, sparse": (
        recurrent("LSTM", "weight_filler { type: 'gaussian' sparse: 9 }"), ("weight_filler", None)),
    "RNN's bias": (recurrent("RNN", "bias_filler { type: 'bilinear' }"), ("bias_filler", None)),
    "RNN, sparse": (
        recurrent("RNN", "weight_filler { type: 'gaussian' sparse: 3 }"), ("weight_filler", None)),
    "DummyData": (dummy("data_filler { type: 'odd' }"), ("data_filler", None)),
    "DummyData, the second": (
        dummy("data_filler { value: 1 } data_filler { type: 'constan' }", 2),
        ("data_filler", "constant")),
    "DummyData, not square": (
        dummy("data_filler { type: 'bilinear' }", 2), ("data_filler", None)),
    "3 axes": (
        data_layer(1, 3, 8, 8, 8, name="cube")
        + up("l", "num_output: 3 group: 3 kernel_size: 4 weight_filler { type: 'bilinear' }",
             bottom="cube"), ("weight_filler", None)),
    "V1": (
        'layers { name: "l" type: CONVOLUTION bottom: "data" top: "l" convolution_param '
        '{ num_output: 1 kernel_size: 2 weight_filler { type: "msar" } } }',
        ("weight_filler", "msra")),
    "V0": (
        'layers { layer { name: "l" type: "conv" num_output: 1 kernelsize: 2 '
        'bias_filler { type: "cnostant" } } bottom: "data" top: "l" }',
        ("bias_filler", "constant")),
}  # fmt: skip

HOLDS = {
    "constant": weights("value: 3"),
    "gaussian": weights('type: "gaussian"'),
    "sparse": weights('type: "gaussian" sparse: 2'),
    "sparse 0": weights('type: "gaussian" sparse: 0'),
    "sparse -1": weights('type: "msra" sparse: -1'),
    "uniform": weights('type: "uniform" min: 1 max: 1'),
    "positive_unitball": weights('type: "positive_unitball"'),
    "xavier": weights('type: "xavier" variance_norm: AVERAGE std: 0'),
    "bilinear": weights('type: "bilinear"'),
    "no bias": bias('type: "odd"', "bias_term: false"),
    "Scale without a bias": scale("bias_filler { type: 'odd' }"),
    "Scale, 4 axes": scale("axis: 0 num_axes: 4 filler { type: 'bilinear' }"),
    "Scale by a bottom": scaled_by("Scale"),
    "Bias by a bottom": scaled_by("Bias"),
    "LSTM, as many as rows": recurrent("LSTM", "weight_filler { type: 'gaussian' sparse: 8 }"),
    "more fillers than blobs": scale("filler { type: 'xavier' } bias_term: false"),
    "a filler of no layer's": layer("l", "ReLU"),
}


def problems(text: str) -> list[tuple[str, str | None]]:
    head = "" if "Input" in text and '"data"' not in text else DATA
    if "layers {" in text:
        head = 'input: "data" input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8\n'
    net = ds.parse_net((head + text).encode())
    shapes = Analysis(net).shapes_with_channels[net.layers[-1].index]
    found = filler_problems(net.layers[-1], shapes.blobs, shapes.tops)
    return [(each.field, each.nearest) for each in found]


@pytest.mark.parametrize("case", STOPS)
def test_a_filler_that_stops_caffe_is_found(case: str) -> None:
    text, *expected = STOPS[case]
    assert problems(text) == expected


@pytest.mark.parametrize("case", HOLDS)
def test_one_that_does_not_is_left_alone(case: str) -> None:
    assert problems(HOLDS[case]) == []


@at_hand
@pytest.mark.parametrize("case", sorted({*STOPS, *HOLDS} - {"V0"}))
def test_caffe_does_so(case: str) -> None:
    """But for V0, of which only data layers of databases make a blob."""
    text = STOPS[case][0] if case in STOPS else HOLDS[case]
    head = 'input: "data" input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8\n'
    answer = real_caffe((head if case == "V1" else DATA) + text, forward=case in STOPS)
    assert answer.stops == (case in STOPS), answer.message
    if case in STOPS:
        assert answer.at in ("net", "forward")


@pytest.mark.parametrize("name", FORK_NAMES)
def test_fillers_of_known_forks_have_their_owner(name: str) -> None:
    net = ds.parse_net(weights(f'type: "{name}"').encode())
    (found,) = filler_problems(net.layers[0], None)
    assert (found.fork, found.nearest) == FORK_NAMES[name]
    assert meant(name) == (FORK_NAMES[name][1] or name)


@pytest.mark.parametrize("name", NAMES)
def test_caffes_own_mean_themselves(name: str) -> None:
    assert meant(name) == name


def test_where_nothing_is_known_of_the_blob_its_shape_is_not_held_against_it() -> None:
    for filler in ('type: "bilinear"', 'type: "gaussian" sparse: 99'):
        (net_layer,) = ds.parse_net(weights(filler).encode()).layers
        assert list(filler_problems(net_layer, None)) == []
        assert list(filler_problems(net_layer, [(None, None, None, None)])) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("weight_filler { type: 'xaveir' }", [("weight_filler", None)]),
        ("slope_filler { type: 'orthogonal' }", []),  # it may have fillers of its own
        ("slope_filler { type: 'diagonal' } slope_filler: 3", []),
        ("slope_filler { value: 1 }", []),
    ],
)
def test_of_a_forks_layer_only_a_slip_of_the_pen_is_certain(
    text: str, expected: list[tuple[str, str | None]]
) -> None:
    found = problems(layer("l", "Stranger", f"stranger_param {{ {text} }}"))
    assert [field for field, _ in found] == [field for field, _ in expected]


def test_blobs_in_the_net_need_no_filler() -> None:
    blobs = "blobs { shape { dim: 1 } data: 1 }"
    assert problems(conv("l", "num_output: 1 weight_filler { type: 'odd' }", more=blobs)) == []


SAID = ("a letter", "no such", "std 0", "sparse above", "sparse below", "sparse xavier")


@pytest.mark.parametrize("case", [*SAID, "min above max", "bilinear, not square"])
def test_each_is_said_with_its_correction(case: str, words: Words) -> None:
    net = ds.parse_net((DATA + STOPS[case][0]).encode())
    shapes = Analysis(net).shapes_with_channels[1]
    (found,) = filler_problems(net.layers[1], shapes.blobs)
    words((found.words, found.repair), case)
