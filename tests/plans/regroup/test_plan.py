"""A full diagonal as groups and back: the model's side of it, held to protobuf and to numpy."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import pytest

import deconvsurgery as ds
from helpers.models import NetParameter, parsed
from helpers.wire import floats, number, sized
from helpers.words import Words, names, numbers

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


def net(group: int = 1, *, outputs: int = C, channels: int = C, explicit: bool = False) -> str:
    """``explicit``: a group with a place of its own, not one that was added at the end."""
    said = f"group: {group}"
    places = (said, "") if explicit else ("", said if group != 1 else "")
    return NET(channels, "", outputs, *places)


def weights_blob(blob: Any, weights: np.ndarray, form: str) -> None:
    if form == "V1, legacy dims":
        blob.num, blob.channels, blob.height, blob.width = weights.shape
    else:
        blob.shape.dim.extend(weights.shape)
    if form == "double_data":
        blob.double_data.extend(weights.astype(np.float64).ravel().tolist())
    elif form == "raw half":
        raw = weights.astype("<f2").tobytes()
        blob.MergeFromString(number(10, 2) + sized(12, raw))
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


class Regrouped(NamedTuple):
    """What became of a pair."""

    result: ds.RegroupResult
    net: str
    model: bytes

    @property
    def shapes(self) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        """Of the weights of each layer that changed, before and after."""
        return [(each.shape, each.after) for each in self.result.regrouping.changes]

    @property
    def kept(self) -> list[str]:
        """The layers that stay as they are."""
        return [each.target.layer.name for each in self.result.regrouping.kept]


class Regroup(Protocol):
    """Regroups a net and its model."""

    def __call__(self, net: str, model: bytes, *, expand: bool = False) -> Regrouped: ...


@pytest.fixture
def regrouped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Regroup:
    monkeypatch.chdir(tmp_path)  # messages name the files that they are about

    def run(net: str, model: bytes, *, expand: bool = False) -> Regrouped:
        Path("net").write_text(net)
        Path("in").write_bytes(model)
        result = ds.regroup("net", "in", "new.net", "out", expand=expand, force=True)
        return Regrouped(result, Path("new.net").read_text(), Path("out").read_bytes())

    return run


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("explicit", [False, True])
def test_there_and_back_gives_the_very_bytes(form: str, explicit: bool, regrouped: Regroup) -> None:
    full = model_bytes(DIAGONAL, 1, form, explicit=explicit)
    there = regrouped(net(1, explicit=explicit), full)
    assert there.shapes == [((C, C, 2, 2), (C, 1, 2, 2))]
    assert there.kept == []
    assert there.model == model_bytes(GROUPED, C, form)
    assert there.net.count(f"group: {C}") == 1
    back = regrouped(there.net, there.model, expand=True)
    assert back.shapes == [((C, 1, 2, 2), (C, C, 2, 2))]
    assert back.net.split() == net(1, explicit=explicit).split()
    assert back.model == full


@pytest.mark.parametrize(
    ("group", "weights", "expand"), [(C, GROUPED, False), (1, DIAGONAL, True)], ids=["C", "1"]
)
def test_what_has_its_groups_already_is_kept(
    group: int, weights: np.ndarray, expand: bool, regrouped: Regroup, words: Words
) -> None:
    data = model_bytes(weights, group)
    found = regrouped(net(group), data, expand=expand)
    assert (found.shapes, found.kept) == ([], ["up"])
    assert (found.net, found.model) == (net(group), data)
    (kept,) = found.result.regrouping.kept
    assert numbers(kept.reason) == [group]
    words(kept.reason)


def test_a_block_diagonal_becomes_groups_of_one(regrouped: Regroup) -> None:
    blocks = np.zeros((4, 2, 2, 2), np.float32)
    for channel in range(4):
        blocks[channel, channel % 2] = channel + 1
    model: Any = parsed(model_bytes(blocks, 2))
    model.layer[1].convolution_param.num_output = 4
    model.layer[1].blobs[1].data.append(1)
    model.layer[1].blobs[1].shape.dim[0] = 4
    found = regrouped(net(2, outputs=4, channels=4), model.SerializeToString())
    assert found.shapes == [((4, 2, 2, 2), (4, 1, 2, 2))]
    result: Any = parsed(found.model)
    (weights, bias) = result.layer[1].blobs
    assert list(weights.shape.dim) == [4, 1, 2, 2]
    assert list(weights.data) == [1] * 4 + [2] * 4 + [3] * 4 + [4] * 4
    assert list(bias.data) == [7, 8, 9, 1]
    assert result.layer[1].convolution_param.group == 4


def off(value: float) -> np.ndarray:
    weights = DIAGONAL.copy()
    weights[0, 1, 1, 1], weights[2, 1, 0, 0] = 1e-30, value
    return weights


TWO = NET(C, "", C, "", "") + NET(C, "", C, "", "").replace('"up"', '"up2"')
SHARED = 'param { name: "w" }'
OTHER = (
    f'layer {{ name: "b" type: "Deconvolution" bottom: "data" top: "b" {SHARED} '
    "convolution_param { num_output: 3 kernel_size: 2 } }"
)
NOTHING = NetParameter(name="n").SerializeToString()
# The net, the model, the numbers of the message.
REFUSED: dict[str, tuple[str, bytes, list[float]]] = {
    "something off the diagonal": (net(), model_bytes(off(-0.5)), [2, 1, 0.5]),
    "ever so little": (net(), model_bytes(off(1e-38)), [0, 1, 1e-30]),
    "a NaN": (net(), model_bytes(off(np.nan)), [2, 1]),
    "other channels": (net(channels=2), model_bytes(DIAGONAL), [2, 3]),
    "another shape in the model": (
        net(),
        model_bytes(GROUPED),
        [0, 3, 3, 2, 2, 3, 1, 2, 2, 3, 1, 3],  # and the group that it is of
    ),
    "no weights": (net(), NOTHING, []),
    "no channels anywhere": (NET(C, "", C, "", "").replace("Input", "Python"), NOTHING, []),
    "a bias that the net has not": (
        NET(C, "", C, "", "").replace("true", "false"),
        model_bytes(DIAGONAL),
        [1, 2, 1, 2],
    ),
    "a kernel that Caffe refuses": (
        NET(C, "", C, "kernel_h: 3", ""),
        model_bytes(DIAGONAL),
        [0],  # a kernel of 0
    ),
    "weights of a type that is none": (
        net(),
        model_bytes(DIAGONAL, 1, "raw half").replace(b"\x50\x02", b"\x50\x07"),
        [7],
    ),
    "shared": (NET(C, SHARED, C, "", "") + OTHER, model_bytes(DIAGONAL), []),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_would_be_another_function_is_refused(
    case: str, regrouped: Regroup, words: Words
) -> None:
    text, data, facts = REFUSED[case]
    with pytest.raises(ds.MismatchError) as raised:
        regrouped(text, data)
    assert (raised.value.layer, raised.value.line) == ("up", 4)
    assert names(raised.value.message) == ["up"]
    assert numbers(raised.value.message) == facts
    assert "exclude=" in (raised.value.hint or "")
    words(raised.value, case)


def test_all_that_would_be_another_function_are_named_at_once(
    regrouped: Regroup, words: Words
) -> None:
    with pytest.raises(ds.MismatchError) as raised:
        regrouped(TWO, NOTHING)
    assert (raised.value.layer, raised.value.line) == ("up", 4)
    assert names(raised.value.message) == ["up", "up2"]
    assert numbers(raised.value.message) == [2, 4, 9]  # how many, and their lines
    assert "exclude=" in (raised.value.hint or "")
    words(raised.value)


def test_minus_zero_is_nothing(regrouped: Regroup) -> None:
    """It changes no output; and a grouped layer has no place for it."""
    weights = DIAGONAL.copy()
    weights[0, 1] = -0.0
    assert regrouped(net(), model_bytes(weights)).model == model_bytes(GROUPED, C)


def test_a_shape_in_two_pieces_becomes_one(regrouped: Regroup) -> None:
    """protobuf merges a message that is given twice."""

    def layer(weights: np.ndarray, *shapes: bytes) -> bytes:
        blob = b"".join(sized(7, sized(1, shape)) for shape in shapes)
        bias = sized(7, number(1, 3)) + sized(5, floats(7, 8, 9))
        blobs = sized(7, blob + sized(5, weights.tobytes())) + sized(7, bias)
        return sized(100, sized(1, b"up") + blobs)

    data = layer(DIAGONAL, b"\x03", b"\x03\x02", b"\x02")
    assert list(parsed(data).layer[0].blobs[0].shape.dim) == [3, 3, 2, 2]
    found = regrouped(net(), data)
    assert found.shapes == [((3, 3, 2, 2), (3, 1, 2, 2))]
    assert found.model == layer(GROUPED, b"\x03\x01\x02\x02")


@pytest.mark.parametrize("stages", [16, 17])
def test_a_name_in_more_states_than_are_looked_at_is_refused(
    stages: int, regrouped: Regroup, words: Words
) -> None:
    """Each is a walk through the whole net, which may ask for as many as it has layers."""
    text = net()
    layer = text[text.index('layer { name: "up"') :]
    more = "".join(
        layer.replace('top: "up"', f'top: "t{i}" include {{ stage: "s{i}" }}')
        for i in range(stages)
    )
    if stages == 16:
        assert regrouped(text + more, model_bytes(DIAGONAL, 1)).shapes == [
            ((3, 3, 2, 2), (3, 1, 2, 2))
        ]
        return
    with pytest.raises(ds.MismatchError) as caught:
        regrouped(text + more, model_bytes(DIAGONAL, 1))
    words(caught.value)
    assert numbers(caught.value.message) == [16]
