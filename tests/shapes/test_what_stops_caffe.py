"""What Caffe checks of its own layers when it sets a net up, case by case; a real one agrees.

`tests/differential` does the same with random nets.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import deconvsurgery as ds
from helpers.differential.comparison import verdict
from helpers.differential.random_nets import RandomNet
from helpers.models import model_bytes
from helpers.nets import conv, data_layer, layer
from helpers.real_caffe import at_hand, real_caffe

IMAGE = (2, 6, 5, 7)


def it(kind: str, param: str = "", *shapes: tuple[int, ...], tops: int = 1, more: str = "") -> str:
    """A layer ``it`` of that type over inputs of these shapes, in the line after theirs."""
    text = "".join(data_layer(*shape, name=f"x{at}") for at, shape in enumerate(shapes))
    several = " ".join(f'top: "it{at or ""}"' for at in range(1, tops))
    body = layer("it", kind, param, bottom=[f"x{at}" for at in range(len(shapes))], more=more)
    if not tops:
        return text + body.replace('top: "it"', "")
    return text + body.replace('top: "it"', f'top: "it" {several}')


def convolved(more: str = "", param: str = "", shape: tuple[int, ...] = IMAGE) -> str:
    wanted = f"convolution_param {{ num_output: 2 kernel_size: 3 {param} }}"
    return it("Convolution", wanted, shape, more=more)


def two(first: str, second: str, param: str = "num_output: 6 kernel_size: 3") -> str:
    """Two Convolutions of one blob, of 6 channels each; ``param`` is the second's."""
    return (
        data_layer(1, 6, 8, 8)
        + conv("a", "num_output: 6 kernel_size: 3", more=first)
        + conv("it", param, more=second)
    )


def pool(param: str, shape: tuple[int, ...] = IMAGE, tops: int = 1) -> str:
    return it("Pooling", f"pooling_param {{ {param} }}", shape, tops=tops)


ONE = "loss_weight: 1"
BLOB = "blobs { shape { %s } data: 1 }"
OUTPUTS = "inner_product_param { num_output: 2 }"

# What stops Caffe, by DS020 unless said: the text, of which the last line is the layer.
STOPS: dict[str, str] = {
    # ── of any layer
    "too few bottoms": it("Eltwise", "", IMAGE),
    "too many bottoms": it("ReLU", "", IMAGE, IMAGE),
    "bottoms of a source": it("Input", "input_param { shape { dim: 1 } }", IMAGE),
    "too many tops": it("TanH", "", IMAGE, tops=2),
    "no top": it("Sigmoid", "", IMAGE, tops=0),
    "tops of a Silence": it("Silence", "", IMAGE),
    "tops of an average": pool("pool: AVE kernel_size: 2", tops=2),
    "tops of a Filter": it("Filter", "", (2, 3), (2,), tops=2),
    "propagate_down": convolved("propagate_down: true propagate_down: true"),
    "params": convolved("param { } param { } param { }"),
    "params of none": it("ReLU", "", IMAGE, more="param { lr_mult: 0 }"),
    "rates of a BatchNorm": it("BatchNorm", "", IMAGE, more="param { lr_mult: 1 }"),
    "loss_weight": it("Slice", "", IMAGE, tops=2, more=ONE),
    "loss_weight of a loss": it("EuclideanLoss", "", (2, 3), (2, 3), more=f"{ONE} {ONE}"),
    "loss_weight of two, one of which is read": it(
        "InfogainLoss", "", (2, 3), (2,), (3, 3), tops=2, more=f"{ONE} {ONE}"
    )
    + layer("r", "ReLU", bottom="it1"),
    "second top of a softmax": it("SoftmaxWithLoss", "", (2, 3), (2,), tops=2, more=f"{ONE} {ONE}"),
    "in place": it("Flatten", "", IMAGE).replace('top: "it"', 'top: "x0"'),
    "a loss in place": it("EuclideanLoss", "", (2, 3), (2, 3)).replace('top: "it"', 'top: "x0"'),
    "an SPP in place": it("SPP", "spp_param { pyramid_height: 2 }", (1, 2, 4, 4)).replace(
        'top: "it"', 'top: "x0"'
    ),
    "a loss that is empty": it("Input", more=ONE),
    "a Slice in place": it("Slice", "", IMAGE, tops=2).replace('top: "it"', 'top: "x0"'),
    "an Accuracy of two tops in place": it("Accuracy", "", (2, 3), (2,), tops=2).replace(
        'top: "it"', 'top: "x0"'
    ),
    "empty weights": convolved(shape=(1, 0, 5, 5)),
    "an empty output with a bias": convolved(param="stride: 2", shape=(1, 6, 1, 1)),
    "no type": it("", "", IMAGE).replace('type: ""', ""),
    # ── blobs in its text
    "given, how many": convolved(f"{BLOB % 'dim: 2 dim: 6 dim: 3 dim: 3'}"),
    "given, all of one of two": convolved(
        BLOB.replace("data: 1", "data: 1 " * 108) % "dim: 2 dim: 6 dim: 3 dim: 3"
    ),
    "given, of another shape": convolved(BLOB % "dim: 1", "bias_term: false"),
    "given to a PReLU": it("PReLU", "", IMAGE, more=BLOB % "dim: 1"),
    "given to a Scale": it("Scale", "", IMAGE, more=BLOB % "dim: 1"),
    "given to a Bias": it("Bias", "", IMAGE, more=BLOB % "dim: 1"),
    "given, values": it("InnerProduct", OUTPUTS, IMAGE, more="blobs { shape { dim: 2 } data: 1 }"),
    # ── shared blobs
    "shared, sizes": two(
        'param { name: "w" }', 'param { name: "w" }', "num_output: 6 kernel_size: 1"
    ),
    "shared, values": two(
        'param { name: "w" }',
        'param { name: "w" share_mode: PERMISSIVE }',
        "num_output: 6 kernel_size: 1",
    ),
    "shared, rates": two('param { name: "w" lr_mult: 1 }', 'param { name: "w" lr_mult: 2 }'),
    "shared, decay": two('param { name: "w" decay_mult: 1 }', 'param { name: "w" decay_mult: 0 }'),
    "shared within": convolved('param { name: "w" } param { name: "w" }'),
    # ── windows
    "pad as large as the kernel": pool("kernel_size: 2 pad: 2"),
    "pad of STOCHASTIC": pool("kernel_size: 2 pad: 1 pool: STOCHASTIC"),
    "global and a kernel": pool("global_pooling: true kernel_size: 2"),
    "global and a pad": pool("global_pooling: true pad: 1"),
    "global and a stride": pool("global_pooling: true stride: 2"),
    "one pad": pool("kernel_size: 2 pad_h: 1"),
    "pooling of a vector": pool("kernel_size: 1", (2, 6)),
    "stride 0 by side": convolved(param="stride_h: 1"),
    "… and an empty output": it(
        "Deconvolution",
        "convolution_param { num_output: 1 kernel_size: 2 pad: 1 stride_h: 1 }",
        IMAGE,
    ),
    "SPP of a few pixels": it("SPP", "spp_param { pyramid_height: 3 }", (1, 2, 5, 5)),
    "SPP, stochastic": it("SPP", "spp_param { pyramid_height: 2 pool: STOCHASTIC }", (1, 2, 5, 5)),
    "SPP without pixels": it("SPP", "spp_param { pyramid_height: 1 }", (1, 2, 0, 5)),
    # ── axes
    **{
        f"{kind}, axis": it(kind, f"{name}_param {{ axis: 4 {more} }}", IMAGE)
        for kind, name, more in (
            ("Slice", "slice", ""),
            ("Flatten", "flatten", ""),
            ("Reduction", "reduction", ""),
            ("Softmax", "softmax", ""),
            ("ArgMax", "argmax", ""),
            ("Tile", "tile", "tiles: 2"),
            ("InnerProduct", "inner_product", "num_output: 2"),
            ("Scale", "scale", ""),
            ("Bias", "bias", ""),
            ("Convolution", "convolution", "num_output: 2 kernel_size: 1"),
        )
    },
    "Reshape, axis": it("Reshape", "reshape_param { shape { dim: -1 } axis: 5 }", IMAGE),
    "Reshape, no shape": it("Reshape", "reshape_param { axis: 1 }", IMAGE),
    "Reshape, num_axes": it("Reshape", "reshape_param { shape { dim: -1 } num_axes: -2 }", IMAGE),
    "Reshape, num_axes beyond": it(
        "Reshape", "reshape_param { shape { dim: -1 } axis: 2 num_axes: 3 }", IMAGE
    ),
    "Flatten, end before": it("Flatten", "flatten_param { axis: 3 end_axis: 1 }", IMAGE),
    "slice_dim from behind": it("Slice", "slice_param { slice_dim: 5 }", IMAGE),
    "more slices than there are": it(
        "Slice", "slice_param { slice_point: 1 slice_point: 2 }", (1, 2, 3), tops=3
    ),
    "uneven slices": it("Slice", "", (1, 5), tops=2),
    "PReLU of a vector": it("PReLU", "", (3,)),
    "PReLU of a volume": it("PReLU", "", (1, 2, 3, 4, 5)),
    "BatchNorm of a vector": it("BatchNorm", "", (3,)),
    "MVN of a volume": it("MVN", "", (1, 2, 3, 4, 5)),
    "LRN of a vector": it("LRN", "", (2, 6)),
    "Scale, num_axes": it("Scale", "scale_param { num_axes: -2 }", IMAGE),
    # ── other fields
    "even local_size": it("LRN", "lrn_param { local_size: 4 }", IMAGE),
    "top_k of 0": it("ArgMax", "argmax_param { top_k: 0 }", IMAGE),
    "top_k": it("ArgMax", "argmax_param { axis: 1 top_k: 7 }", IMAGE),
    "top_k of an Accuracy": it("Accuracy", "accuracy_param { top_k: 4 }", (2, 3), (2,)),
    "coeff": it("Eltwise", "eltwise_param { coeff: 1 }", IMAGE, IMAGE),
    "coeff of a product": it(
        "Eltwise", "eltwise_param { operation: PROD coeff: 1 coeff: 1 }", IMAGE, IMAGE
    ),
    "base": it("Exp", "exp_param { base: 0 }", IMAGE),
    "base of a Log": it("Log", "log_param { base: 1 }", IMAGE),
    "tiles": it("Tile", "tile_param { tiles: 0 }", IMAGE),
    "Clip without max": it("Clip", "clip_param { min: 0 }", IMAGE),
    "DummyData, both": it("DummyData", "dummy_data_param { shape { dim: 1 } num: 1 }"),
    "DummyData, fillers": it(
        "DummyData", "dummy_data_param { shape { dim: 1 } data_filler { } data_filler { } }"
    ),
    "MemoryData": it("MemoryData", "memory_data_param { batch_size: 1 channels: 1 }", tops=2),
    # ── bottoms that do not fit each other
    "labels": it("SoftmaxWithLoss", "", (2, 3, 4, 4), (2, 3, 4)),
    "items": it("HingeLoss", "", (2, 3), (3,)),
    "Euclidean": it("EuclideanLoss", "", (2, 3), (2, 4)),
    "cross entropy": it("SigmoidCrossEntropyLoss", "", (2, 3), (2, 4)),
    "multinomial": it("MultinomialLogisticLoss", "", (2, 3), (2, 2)),
    "contrastive": it("ContrastiveLoss", "", (2, 3), (2, 4), (2,)),
    "contrastive, height": it("ContrastiveLoss", "", (2, 3, 2, 1), (2, 3), (2,)),
    "contrastive, axes": it("ContrastiveLoss", "", (2, 3, 1, 1, 1), (2, 3), (2,)),
    "no label of an Accuracy": it("Accuracy", "", (0, 3), (0,)),
    "infogain, no matrix": it("InfogainLoss", "", (2, 3), (2,)),
    "infogain, matrix": it("InfogainLoss", "", (2, 3), (2,), (1, 1, 2, 3)),
    "BatchReindex": it("BatchReindex", "", (2, 3), (2, 1)),
    "Filter": it("Filter", "", (2, 3), (3,)),
    "Filter, selector": it("Filter", "", (2, 3), (2, 2)),
    "Scale of two": it("Scale", "", IMAGE, (5,)),
    "Bias of two": it("Bias", "bias_param { axis: 3 }", IMAGE, (7, 1)),
    "LSTM, steps": it("LSTM", "recurrent_param { num_output: 2 }", (2, 3, 4), (3, 3)),
    "LSTM, axes": it("LSTM", "recurrent_param { num_output: 2 }", (2, 3), (2, 3)),
    "RNN, streams": it("RNN", "recurrent_param { num_output: 2 }", (2, 3, 4), (2, 3), (2, 5)),
    "RNN, axes": it("RNN", "recurrent_param { num_output: 2 }", (2, 3, 4), (2, 3), (3,)),
    "LSTM, states": it(
        "LSTM",
        "recurrent_param { num_output: 2 expose_hidden: true }",
        (2, 3, 4),
        (2, 3),
        (1, 3, 2),
        (1, 3, 3),
        tops=3,
    ),
    "LSTMUnit": it("LSTMUnit", "", (1, 2, 3), (1, 2, 11), (1, 2), tops=2),
    "LSTMUnit, axes": it("LSTMUnit", "", (1, 2, 3), (1, 2, 12), (2,), tops=2),
    "LSTMUnit, steps": it("LSTMUnit", "", (2, 3, 3), (2, 3, 12), (2, 3), tops=2),
    "LSTMUnit, streams": it("LSTMUnit", "", (1, 2, 3), (1, 2, 12), (1, 4), tops=2),
}
_OF_OTHERS = {"too few bottoms": "DS015", "coeff": "DS015", "coeff of a product": "DS015"}

# What is next to that, and loads.
LOADS: dict[str, str] = {
    "more loss_weight than tops, which a Split gets": it(
        "EuclideanLoss", "", (2, 3), (2, 3), more=f"{ONE} {ONE}"
    ) + layer("r", "ReLU", bottom="it"),
    "given, whatever": it("InnerProduct", OUTPUTS, IMAGE, more=BLOB % "dim: 1"),
    "given to a PReLU of one value": it(
        "PReLU", "prelu_param { channel_shared: true }", IMAGE, more=BLOB % "dim: 1"
    ),
    "given to an RNN, which makes its own": it(
        "RNN", "recurrent_param { num_output: 2 }", (3, 5, 3), (3, 5), more=BLOB % "dim: 1"
    ),
    "given to an LSTM, too": it(
        "LSTM", "recurrent_param { num_output: 2 }",
        (3, 5, 3), (3, 5), more=f"{BLOB % 'dim: 1'} " * 6,
    ),
    "given to one without weights": it("ReLU", "", IMAGE, more=BLOB % "dim: 1" + " param { }"),
    "given, in legacy dims": it(
        "Convolution", "convolution_param { num_output: 1 kernel_size: 1 bias_term: false }",
        (1, 1, 5, 5), more="blobs { num: 1 channels: 1 height: 1 width: 1 data: 1 }",
    ),
    "more input_shape than inputs": 'input: "a" input_shape { dim: 1 } input_shape { dim: 1 }\n',
    "a loss without a top": it("SoftmaxWithLoss", "", (2, 3), (2,), tops=0),
    "tops of a MAX": pool("kernel_size: 2", tops=2),
    "a pad below the kernel": pool("kernel_size: 3 pad: 2"),
    "a stochastic one without": pool("kernel_size: 2 pad: 0 pool: STOCHASTIC"),
    "one side beside the whole": pool("kernel_size: 2 kernel_h: 3"),
    "a part of the params": convolved("param { lr_mult: 0 }"),
    "rates of 0": it("BatchNorm", "", IMAGE, more="param { lr_mult: 0 }"),
    "… and three, which are upgraded": it("BatchNorm", "", IMAGE, more="param { } " * 3),
    "shared": two('param { name: "w" lr_mult: 1 }', 'param { name: "w" }'),
    "shared, as many values": two(
        'param { name: "w" }', 'param { name: "w" share_mode: PERMISSIVE }',
        "num_output: 6 kernel_h: 9 kernel_w: 1 pad_h: 4 pad_w: 0",
    ),
    "Filter": it("Filter", "", (2, 3), (4, 5), (2, 1), tops=2).replace("dim: 4", "dim: 2"),
    "an output without pixels": convolved(param="stride: 2 bias_term: false", shape=(1, 6, 1, 1)),
    "an average without steps": it("Reduction", "reduction_param { operation: ASUM }", (2, 0)),
    "slice_dim": it("Slice", "slice_param { slice_dim: 2 }", IMAGE),
    "the last slice is empty": it("Slice", "slice_param { slice_point: 6 }", IMAGE, tops=2),
    "an end before the start": it("Flatten", "flatten_param { axis: 2 end_axis: 1 }", IMAGE),
    "a Slice in place, the rest of which is empty": it(
        "Slice", "slice_param { slice_point: 6 }", IMAGE, tops=2
    ).replace('top: "it"', 'top: "x0"'),
    "a HingeLoss in place": it("HingeLoss", "", (2, 3), (2,)).replace('top: "it"', 'top: "x0"'),
    "a Slice in place": it("Slice", "", IMAGE).replace('top: "it"', 'top: "x0"'),
    "a stride that a Deconvolution meets later": it(
        "Deconvolution", "convolution_param { num_output: 1 kernel_size: 2 stride_h: 1 }", IMAGE
    ),
    "a filler that is asked for later": it(
        "DummyData", 'dummy_data_param { shape { dim: 2 } data_filler { type: "gaussian" std: 0 } }'
    ),
    "SPP": it("SPP", "spp_param { pyramid_height: 3 }", (1, 2, 7, 9)),
    "a scalar beside": it("Bias", "", IMAGE, ()),
    "LSTM": it(
        "LSTM", "recurrent_param { num_output: 2 expose_hidden: true }",
        (2, 3, 4), (2, 3), (1, 3, 2), (1, 3, 2), tops=3,
    ),
    "RNN": it("RNN", "recurrent_param { num_output: 2 }", (2, 3, 4), (2, 3), (3, 5)),
    "contrastive, no channels": it("ContrastiveLoss", "", (2, 0), (2, 0), (2,)),
    "infogain": it("InfogainLoss", "", (2, 3), (2,), (1, 1, 3, 3)),
    "a base below 0": it("Exp", "exp_param { base: -1 }", IMAGE),
    "ArgMax of values": it("ArgMax", "argmax_param { out_max_val: true top_k: 3 }", IMAGE),
    "Input without a shape": it("Input"),
}  # fmt: skip


def stopping(text: str) -> list[ds.Finding]:
    found = ds.check(ds.parse_net(text.encode()), allow_empty=True, phase="test").findings
    return [each for each in found if each.stops]


@pytest.mark.parametrize("case", STOPS)
def test_what_stops_is_said(case: str) -> None:
    found = stopping(STOPS[case])
    assert [each.id for each in found] == [_OF_OTHERS.get(case, "DS020")]
    lines = STOPS[case].splitlines()
    at = next(at for at, text in enumerate(lines, 1) if 'name: "it"' in text)
    assert (found[0].layer, found[0].line) == ("it", at)


@pytest.mark.parametrize("case", LOADS)
def test_nothing_is_said_of_what_loads(case: str) -> None:
    assert stopping(LOADS[case]) == []


V1 = """input: "x" input_dim: 1 input_dim: 6 input_dim: 8 input_dim: 8
layers { name: "a" type: CONVOLUTION bottom: "x" top: "a" param: "w" blobs_lr: 1 blobs_lr: 2 %s
  convolution_param { num_output: 6 kernel_size: 3 } }
layers { name: "it" type: CONVOLUTION bottom: "x" top: "it" param: "w" %s
  convolution_param { num_output: 6 kernel_size: 3 } }
"""


@pytest.mark.parametrize(
    ("first", "second", "stops"),
    [
        ("", "blobs_lr: 1", False),
        ("", "blobs_lr: 2", True),
        ("", "", False),
        ("weight_decay: 1", "weight_decay: 0", True),
        ("", "blob_share_mode: PERMISSIVE blobs_lr: 1 blobs_lr: 9", False),
    ],
)
def test_shared_blobs_of_v1_have_their_rates_beside_them(
    first: str, second: str, stops: bool
) -> None:
    text = V1 % (first, second)
    assert [each.layer for each in stopping(text)] == ["it"] * stops
    if at_hand.args[0] is False:
        assert real_caffe(text).stops is stops


def test_what_is_unknown_of_a_shared_blob_is_not_held_against_it() -> None:
    text = 'layer { name: "x" type: "Python" top: "x" }\n' + "".join(
        layer(name, kind, bottom="x", more='param { name: "w" }')
        for name, kind in (("a", "PReLU"), ("it", "Python"))
    )
    assert stopping(text) == []


@at_hand
@pytest.mark.parametrize("case", [*STOPS, *LOADS])
def test_a_real_caffe_agrees(case: str) -> None:
    for cases, stops in ((STOPS, True), (LOADS, False)):
        if case in cases:
            answer = real_caffe(cases[case])
            assert answer.stops == stops, answer.message
            assert verdict(RandomNet(cases[case]), answer)[1] == ()


def test_such_a_layer_is_filled_all_the_same(tmp_path: Path) -> None:
    """A param too many changes no shape: the weights are what they are."""
    text = data_layer(1, 3, 8, 8) + layer(
        "up",
        "Deconvolution",
        "convolution_param { num_output: 3 group: 3 bias_term: false kernel_size: 4 stride: 2 }",
        more="param { lr_mult: 0 } param { lr_mult: 0 }",
    )
    net, model = tmp_path / "net.prototxt", tmp_path / "in.caffemodel"
    net.write_text(text)
    model.write_bytes(model_bytes({"up": [np.zeros((3, 1, 4, 4))]}, kind="Deconvolution"))
    assert [each.id for each in stopping(text)] == ["DS020"]
    result = ds.apply(net, model, tmp_path / "out.caffemodel")
    assert result.changed
