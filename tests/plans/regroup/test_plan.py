"""A full diagonal as groups and back: the model's side of it, held to protobuf and to numpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import deconvsurgery as ds
from deconvsurgery.plans.regroup.edits import reshaped
from deconvsurgery.plans.regroup.plan import Regrouping, make_regrouping
from deconvsurgery.splicing.byte_ranges import spliced
from helpers.models import NetParameter, indexed

NET = """
layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ dim: 1 dim: {} dim: 5
  dim: 5 }} }} }}
layer {{ name: "up" type: "Deconvolution" bottom: "data" top: "up" {}
  convolution_param {{ num_output: {} {} kernel_size: 2 stride: 2 bias_term: true {} }} }}
""".format
C = 3
KERNELS = np.random.default_rng(1).normal(size=(C, 2, 2)).astype(np.float32)
DIAGONAL = np.zeros((C, C, 2, 2), np.float32)
for channel, kernel in enumerate(KERNELS):
    DIAGONAL[channel, channel] = kernel
GROUPED = KERNELS[:, None]


def net(group: int = 1, *, outputs: int = C, channels: int = C, explicit: bool = False) -> ds.Net:
    """``explicit``: a group with a place of its own, not one that was added at the end."""
    said = f"group: {group}"
    places = (said, "") if explicit else ("", said if group != 1 else "")
    return ds.parse_net(NET(channels, "", outputs, *places).encode())


def weights_blob(blob: Any, weights: np.ndarray, form: str) -> None:
    if form == "V1, legacy dims":
        blob.num, blob.channels, blob.height, blob.width = weights.shape
    else:
        blob.shape.dim.extend(weights.shape)
    if form == "double_data":
        blob.double_data.extend(weights.astype(np.float64).ravel().tolist())
    elif form == "raw half":
        raw = weights.astype("<f2").tobytes()
        blob.MergeFromString(b"\x50\x02\x62" + bytes([len(raw)]) + raw)
    else:
        blob.data.extend(weights.ravel().tolist())


FORMS = ["V2", "V1, legacy dims", "double_data", "raw half"]


def model_bytes(
    weights: np.ndarray, group: int = 1, form: str = "V2", *, explicit: bool = False
) -> bytes:
    """A layer in front, the layer, one behind; its bias and a diff are there, too."""
    model: Any = NetParameter(name="n")
    layers = model.layers if form.startswith("V1") else model.layer
    for name in ("before", "up", "behind"):
        layer = layers.add(name=name)
        layer.convolution_param.num_output = C
        if name != "up":
            layer.blobs.add(data=[1, 2, 3]).shape.dim.append(3)
            continue
        layer.type = 39 if form.startswith("V1") else "Deconvolution"
        layer.convolution_param.kernel_size.append(2)
        if group != 1 or explicit:
            layer.convolution_param.group = group
        weights_blob(layer.blobs.add(), weights, form)
        bias = layer.blobs.add(data=[7, 8, 9])
        if form.startswith("V1"):
            bias.num, bias.channels, bias.height, bias.width = 1, 1, 1, 3
        else:
            bias.shape.dim.append(3)
    return bytes(model.SerializeToString(deterministic=True))


def regrouped(text: ds.Net, data: bytes, *, expand: bool = False) -> tuple[Regrouping, bytes]:
    model: ds.Model = indexed(data)
    selection = ds.match_layers(text)
    plan = make_regrouping(text, model, selection.matched, text.states(), expand=expand)
    outcome = reshaped(plan, model)
    assert isinstance(outcome, list)
    return plan, spliced(data, outcome)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("explicit", [False, True])
def test_there_and_back_gives_the_very_bytes(form: str, explicit: bool) -> None:
    full = model_bytes(DIAGONAL, 1, form, explicit=explicit)
    grouped = model_bytes(GROUPED, C, form)
    plan, there = regrouped(net(1, explicit=explicit), full)
    assert [change.after for change in plan.changes] == [(C, 1, 2, 2)]
    assert there == grouped
    plan, back = regrouped(net(C, explicit=explicit), there, expand=True)
    assert [change.after for change in plan.changes] == [(C, C, 2, 2)]
    assert back == full


def test_what_has_its_groups_already_is_kept() -> None:
    for text, data, expand in (
        (net(C), model_bytes(GROUPED, C), False),
        (net(1), model_bytes(DIAGONAL, 1), True),
    ):
        plan, out = regrouped(text, data, expand=expand)
        assert (plan.changes, len(plan.kept)) == ((), 1)
        assert out == data


def test_a_block_diagonal_becomes_groups_of_one() -> None:
    blocks = np.zeros((4, 2, 2, 2), np.float32)
    for channel in range(4):
        blocks[channel, channel % 2] = channel + 1
    text = net(2, outputs=4, channels=4).layers
    whole = ds.Net(layers=text)
    data = model_bytes(blocks, 2)
    model: Any = NetParameter.FromString(data)
    model.layer[1].convolution_param.num_output = 4
    model.layer[1].blobs[1].data.append(1)
    model.layer[1].blobs[1].shape.dim[0] = 4
    _, out = regrouped(whole, model.SerializeToString())
    result: Any = NetParameter.FromString(out)
    (weights, bias) = result.layer[1].blobs
    assert list(weights.shape.dim) == [4, 1, 2, 2]
    assert list(weights.data) == [1] * 4 + [2] * 4 + [3] * 4 + [4] * 4
    assert list(bias.data) == [7, 8, 9, 1]
    assert result.layer[1].convolution_param.group == 4


def off(value: float) -> np.ndarray:
    weights = DIAGONAL.copy()
    weights[0, 1, 1, 1], weights[2, 1, 0, 0] = 1e-30, value
    return weights


REFUSED: dict[str, tuple[Callable[[], tuple[ds.Net, bytes]], str]] = {
    "something off the diagonal": (
        lambda: (net(), model_bytes(off(-0.5))),
        r"\[2, 1\], off the diagonal, holds 0.5",
    ),
    "ever so little": (lambda: (net(), model_bytes(off(1e-38))), r"\[0, 1\].*1e-30"),
    "a NaN": (lambda: (net(), model_bytes(off(np.nan))), r"\[2, 1\].*nan"),
    "other channels": (
        lambda: (net(outputs=C, channels=2), model_bytes(DIAGONAL)),
        "2 channels become 3",
    ),
    "another shape in the model": (
        lambda: (net(), model_bytes(GROUPED)),
        r"the net gives its weights \(3, 3, 2, 2\), the model has \(3, 1, 2, 2\)",
    ),
    "no weights": (lambda: (net(), b""), "no weights"),
    "two layers": (
        lambda: (
            ds.parse_net(
                (NET(C, "", C, "", "") + NET(C, "", C, "", "").replace('"up"', '"up2"')).encode()
            ),
            b"",
        ),
        "2 layers cannot be regrouped:\n"
        "  line 4, 'up': the model has no weights for it.*\n"
        "  line 9, 'up2': the model has no weights for it",
    ),
    "no channels anywhere": (
        lambda: (ds.parse_net(NET(C, "", C, "", "").replace("Input", "Python").encode()), b""),
        "the number of its channels is not to be found",
    ),
    "a bias that the net has not": (
        lambda: (
            ds.parse_net(NET(C, "", C, "", "").replace("true", "false").encode()),
            model_bytes(DIAGONAL),
        ),
        r"the net gives it 1 blob\(s\), the model has 2",
    ),
    "a kernel that Caffe refuses": (
        lambda: (
            ds.parse_net(NET(C, "", C, "kernel_h: 3", "").encode()),
            model_bytes(DIAGONAL),
        ),
        "kernel_size",
    ),
    "weights of a type that is none": (
        lambda: (net(), model_bytes(DIAGONAL, 1, "raw half").replace(b"\x50\x02", b"\x50\x07")),
        "cannot be read: its values are raw_data of type 7, which no Caffe reads",
    ),
    "shared": (
        lambda: (
            ds.parse_net(
                NET(C, 'param { name: "w" }', C, "", "").encode()
                + b'layer { name: "b" type: "Deconvolution" bottom: "data" top: "b" '
                b'param { name: "w" } convolution_param { num_output: 3 kernel_size: 2 } }'
            ),
            model_bytes(DIAGONAL),
        ),
        "shares its weights",
    ),
}


@pytest.mark.parametrize(("made", "words"), REFUSED.values(), ids=REFUSED)
def test_what_would_be_another_function_is_refused(
    made: Callable[[], tuple[ds.Net, bytes]], words: str
) -> None:
    text, data = made()
    with pytest.raises(ds.MismatchError, match=words) as caught:
        regrouped(text, data)
    assert caught.value.layer == "up"
    assert caught.value.hint


def test_minus_zero_is_nothing() -> None:
    """It changes no output; and a grouped layer has no place for it."""
    weights = DIAGONAL.copy()
    weights[0, 1] = -0.0
    _, out = regrouped(net(), model_bytes(weights))
    assert out == model_bytes(GROUPED, C)


def test_a_shape_in_two_pieces_becomes_one() -> None:
    """protobuf merges a message that is given twice."""

    def sized(field: int, payload: bytes) -> bytes:
        size = len(payload)
        length = bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])
        return bytes([field << 3 | 2]) + length + payload

    def layer(weights: np.ndarray, *shapes: bytes) -> bytes:
        blob = b"".join(sized(7, sized(1, shape)) for shape in shapes)
        blobs = sized(7, blob + sized(5, weights.tobytes())) + sized(
            7, sized(7, b"\x08\x03") + sized(5, np.float32([7, 8, 9]).tobytes())
        )
        return b"\xa2\x06" + sized(0, sized(1, b"up") + blobs)[1:]

    data = layer(DIAGONAL, b"\x03", b"\x03\x02", b"\x02")
    assert list(NetParameter.FromString(data).layer[0].blobs[0].shape.dim) == [3, 3, 2, 2]
    plan, out = regrouped(net(), data)
    assert len(plan.changes) == 1
    assert out == layer(GROUPED, b"\x03\x01\x02\x02")
