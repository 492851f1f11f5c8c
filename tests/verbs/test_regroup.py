"""The verb regroup: both files, there and back, and the same function to OpenCV and to numpy."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from google.protobuf import text_format
from numpy.typing import NDArray

import deconvsurgery as ds
from helpers.models import NetParameter, blob_values, indexed, model_bytes, parsed
from helpers.nets import TEST, TRAIN, conv, data_layer, layer, up
from helpers.oracles import opencv_forward, ramp, scattered
from helpers.places import LAYOUTS
from helpers.real_caffe import at_hand, real_caffe
from helpers.runs import run_here
from helpers.words import Words, numbers, shapes

Array = NDArray[Any]

# A full diagonal as Caffe saved it, once `apply` has made it one.
FULL = ["factor2_dense", "bias_default", "block_g2_c6"]  # even, with a bias, in blocks
MORE = ["factor3_dense", "factor4_dense", "factor8_dense", "seed_k16s8p3", "gauss", "msra"]

of_one_layout = pytest.mark.parametrize("case", FULL[:1], indirect=True)


@pytest.fixture(params=[*FULL, *(pytest.param(each, marks=pytest.mark.campaign) for each in MORE)])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with net and model of a golden layout, the model made diagonal."""
    net = LAYOUTS / f"{request.param}.prototxt"
    (tmp_path / "net").write_bytes(net.read_bytes())
    ds.apply(net, LAYOUTS / f"{request.param}.caffemodel", tmp_path / "in", any_gain=True)
    return tmp_path


def without_filler(net: bytes) -> bytes:
    """Expanded, a layer has no bilinear filler: of one group it would sum all channels."""
    return re.sub(rb"\n *weight_filler \{ type: .bilinear. \}", b"", net)


def test_there_and_back_gives_the_very_files(case: Path) -> None:
    there = ds.regroup(case / "net", case / "in", case / "net2", case / "out")
    assert there.changed
    assert there.written
    again = ds.regroup(case / "net2", case / "out", case / "same", case / "same2")
    assert not again.changed
    assert (case / "same").read_bytes() == (case / "net2").read_bytes()
    assert (case / "same2").read_bytes() == (case / "out").read_bytes()
    (change,) = there.regrouping.changes
    if change.shape[0] == change.shape[1]:  # a block diagonal had groups before
        ds.regroup(case / "net2", case / "out", case / "back", case / "back2", expand=True)
        assert (case / "back").read_bytes() == without_filler((case / "net").read_bytes())
        model, same = (parsed((case / name).read_bytes()) for name in ("in", "back2"))
        for layer in model.layer:
            if layer.convolution_param.weight_filler.type == "bilinear":
                layer.convolution_param.ClearField("weight_filler")
        assert same == model


def test_what_changes_is_the_group_and_the_weights(case: Path) -> None:
    ds.regroup(case / "net", case / "in", case / "net2", case / "out")
    nets = [
        text_format.Parse((case / name).read_text(), NetParameter()) for name in ("net", "net2")
    ]
    models = [parsed((case / name).read_bytes()) for name in ("in", "out")]
    for old, new in (nets, models):
        (before,) = (layer for layer in old.layer if layer.type == "Deconvolution")
        (after,) = (layer for layer in new.layer if layer.type == "Deconvolution")
        channels = before.convolution_param.num_output
        assert after.convolution_param.group == channels
        before.convolution_param.group = channels
        for blob, grouped in zip(before.blobs[:1], after.blobs[:1], strict=True):
            full, small = blob_values(blob), blob_values(grouped)
            assert small.shape == (channels, 1, *full.shape[2:])
            for channel in range(channels):
                own = full[channel, channel % full.shape[1]]
                assert small[channel, 0].tobytes() == own.tobytes()
            blob.CopyFrom(grouped)
        assert old == new


def test_it_is_the_same_function(case: Path) -> None:
    ds.regroup(case / "net", case / "in", case / "net2", case / "out")
    text: Any = text_format.Parse((case / "net").read_text(), NetParameter())
    image = ramp(text.layer[0].input_param.shape[0].dim)
    before, after = (
        opencv_forward((case / net).read_bytes(), (case / model).read_bytes(), image, "up")
        for net, model in (("net", "in"), ("net2", "out"))
    )
    np.testing.assert_allclose(after, before, rtol=0, atol=1e-6)
    model = parsed((case / "out").read_bytes())
    (layer,) = (layer for layer in model.layer if layer.type == "Deconvolution")
    (row,) = ds.inspect(case / "net2", case / "out").layers
    assert row.target is not None
    by_numpy = scattered(
        image,
        blob_values(layer.blobs[0]),
        group=layer.convolution_param.group,
        stride=row.target.stride,
        pad=row.target.pad,
        dilation=row.target.dilation,
        bias=blob_values(layer.blobs[1]) if len(layer.blobs) > 1 else None,
    )
    np.testing.assert_allclose(after, by_numpy, rtol=0, atol=1e-5)


def test_fcn_32s_shrinks(tmp_path: Path, shared: Path) -> None:
    """The upscore of a (60, 60, 64, 64) blob, made on the spot from the real net."""
    net = shared / "nets" / "fcn.berkeleyvision.org--pascalcontext-fcn32s" / "val.prototxt"
    (tmp_path / "base").write_bytes(b"\x0a\x01n")
    made = ds.apply(net, tmp_path / "base", tmp_path / "in", patterns=["upscore"])
    (change,) = made.plan.changes
    result = ds.regroup(
        net, tmp_path / "in", tmp_path / "net", tmp_path / "out", patterns=["upscore"]
    )
    (regrouped,) = result.regrouping.changes
    channels = change.fill.channels
    assert regrouped.shape == (channels, channels, 64, 64)
    assert regrouped.after == (channels, 1, 64, 64)
    old, new = (tmp_path / "in").stat().st_size, (tmp_path / "out").stat().st_size
    assert old - new == pytest.approx(4 * 64 * 64 * channels * (channels - 1), abs=10)
    (row,) = ds.inspect(tmp_path / "net", tmp_path / "out", patterns=["upscore"]).layers
    assert row.weights is not None
    assert row.weights.state == "bilinear"


def test_hdf5(tmp_path: Path) -> None:
    net, source = LAYOUTS / "bias_default.prototxt", LAYOUTS / "bias_default.caffemodel.h5"
    ds.apply(net, source, tmp_path / "in.h5")
    with h5py.File(tmp_path / "in.h5", "r+") as file:
        file["data/up/0"].attrs["note"] = "kept"
    ds.regroup(net, tmp_path / "in.h5", tmp_path / "net", tmp_path / "out.h5")
    with h5py.File(tmp_path / "in.h5") as old, h5py.File(tmp_path / "out.h5") as new:
        full, small = old["data/up/0"][()], new["data/up/0"]
        assert small.shape == (3, 1, 4, 4)
        assert small.dtype == full.dtype
        assert dict(small.attrs) == {"note": "kept"}
        assert np.array_equal(small[:, 0], full[np.arange(3), np.arange(3)])
        assert np.array_equal(new["data/up/1"][()], old["data/up/1"][()])
        assert set(new["data"]) == set(old["data"])
    ds.regroup(
        tmp_path / "net", tmp_path / "out.h5", tmp_path / "net2", tmp_path / "b.h5", expand=True
    )
    with h5py.File(tmp_path / "in.h5") as old, h5py.File(tmp_path / "b.h5") as back:
        assert np.array_equal(old["data/up/0"][()], back["data/up/0"][()])
    assert (tmp_path / "net2").read_bytes() == without_filler(net.read_bytes())


# --- neither file, where it cannot be


@pytest.fixture
def dense(tmp_path: Path) -> Path:
    """The filler's weights: every pair, which no grouped layer is."""
    message = parsed((LAYOUTS / "factor2_dense.caffemodel").read_bytes())
    (layer,) = (layer for layer in message.layer if layer.type == "Deconvolution")
    with np.load(LAYOUTS / "factor2_dense.npz") as arrays:
        layer.blobs[0].data[:] = arrays["filler"].ravel().tolist()
    (tmp_path / "in").write_bytes(message.SerializeToString())
    (tmp_path / "net").write_bytes((LAYOUTS / "factor2_dense.prototxt").read_bytes())
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_mixes_channels_is_refused(dense: Path, words: Words) -> None:
    before = contents(dense)
    with pytest.raises(ds.MismatchError) as raised:
        ds.regroup(dense / "net", dense / "in", dense / "net2", dense / "out")
    assert raised.value.layer == "up"
    assert 0.5625 in numbers(raised.value.message)
    words(raised.value)
    code, out, _ = run_here(dense, "regroup", "--json", "net", "in", "net2", "out")
    error = json.loads(out)["error"]
    assert (code, error["kind"], error["layer"]) == (3, "MismatchError", "up")
    assert contents(dense) == before


def test_a_misspelt_field_is_refused(dense: Path, words: Words) -> None:
    """A group of 1 is not what was meant."""
    net = (dense / "net").read_bytes()
    (dense / "net").write_bytes(
        net.replace(b"convolution_param {", b"convolution_param { gruop: 3 ")
    )
    before = contents(dense)
    with pytest.raises(ds.PrototxtError) as raised:
        ds.regroup(dense / "net", dense / "in", dense / "net2", dense / "out")
    assert (raised.value.layer, "gruop" in raised.value.message) == ("up", True)
    words(raised.value)
    assert contents(dense) == before


@of_one_layout
def test_outputs_that_will_not_do(case: Path) -> None:
    before = contents(case)
    net, model = case / "net", case / "in"
    for outputs in (
        (None, None),
        (case / "net2", None),
        (case / "net2", case / "net2"),
        (net, case / "out"),
        (case / "net2", model),
        (model, case / "out"),
        (case / "net2", net),
        (case / "no" / "net", case / "out"),
        (case / "net2", case / "no" / "out"),
    ):
        needed = ds.ArgumentError if None in outputs else ds.OutputError
        with pytest.raises(needed):
            ds.regroup(net, model, *outputs)
        assert contents(case) == before
    with pytest.raises(ds.SelectionError):
        ds.regroup(net, model, case / "net2", case / "out", patterns=["nothing"])
    result = ds.regroup(net, model, dry_run=True)
    assert (result.changed, result.written) == (True, False)
    assert contents(case) == before


def test_every_deconvolution_of_the_name_gets_the_group_and_nothing_else(tmp_path: Path) -> None:
    """One a phase, of which one says what the other leaves to the default; a ReLU is no third."""
    up = (
        'layer { name: "up" type: "Deconvolution" bottom: "d" top: "up" include { phase: %s }\n'
        "  convolution_param { num_output: 2 kernel_size: 2 stride: 2 bias_term: false%s } }\n"
    )
    head = 'input: "d" input_shape { dim: 1 dim: 2 dim: 3 dim: 3 }\n'
    relu = 'layer { name: "up" type: "ReLU" bottom: "up" top: "up" }\n'
    net, model = tmp_path / "net", tmp_path / "in"
    net.write_text(head + up % ("TRAIN", "") + up % ("TEST", " group: 1") + relu)
    message: Any = NetParameter()
    blob = message.layer.add(name="up", type="Deconvolution").blobs.add()
    blob.data.extend([1] * 4 + [0] * 8 + [1] * 4)
    blob.shape.dim.extend((2, 2, 2, 2))
    model.write_bytes(message.SerializeToString())
    ds.regroup(net, model, tmp_path / "net2", tmp_path / "out")
    both = [up % (phase, " group: 2") for phase in ("TRAIN", "TEST")]
    after = (tmp_path / "net2").read_text()
    assert after.split() == (head + both[0] + both[1] + relu).split()
    ds.regroup(
        tmp_path / "net2", tmp_path / "out", tmp_path / "net3", tmp_path / "in2", expand=True
    )
    assert (tmp_path / "in2").read_bytes() == model.read_bytes()
    silent = [up % (phase, "") for phase in ("TRAIN", "TEST")]
    after = (tmp_path / "net3").read_text()
    assert after.split() == (head + silent[0] + silent[1] + relu).split()


@of_one_layout
def test_a_model_that_is_no_file_is_written_as_its_file_would_be(case: Path) -> None:
    ds.regroup(case / "net", case / "in", case / "net2", case / "expected")
    model = indexed((case / "in").read_bytes())
    ds.regroup(case / "net", model, case / "net3", case / "out")
    written = contents(case)
    assert written["out"] == written["expected"] != written["in"]
    assert written["net3"] == written["net2"]


def test_the_command_line(tmp_path: Path, words: Words) -> None:
    net, model = (str(LAYOUTS / f"factor8_dense.{kind}") for kind in ("prototxt", "caffemodel"))
    code, out, errors = run_here(tmp_path, "regroup", net, model, "net", "out")
    assert (code, errors) == (0, b"")
    head, row, closing = out.decode().splitlines()
    assert head.split("  ")[0] == "layer"
    assert row.split("  ")[0] == "up"
    assert shapes(row) == [(2, 2, 16, 16), (2, 1, 16, 16)]
    assert numbers(closing) == [1, 1, 4215, 2167]
    words(closing)
    written = contents(tmp_path)
    assert [len(Path(model).read_bytes()), len(written["out"])] == [4215, 2167]
    assert run_here(tmp_path, "regroup", net, model, "net", "out")[0] == 2
    forced = run_here(tmp_path, "regroup", "-f", "-q", net, model, "net", "out")
    assert forced == (0, b"", b"")
    code, out, _ = run_here(tmp_path, "regroup", "--json", "-n", "--expand", "net", "out")
    document = json.loads(out)
    (layer,) = document["layers"]
    assert layer["group"] == {"before": 2, "after": 1}
    assert layer["shape"] == {"before": [2, 1, 16, 16], "after": [2, 2, 16, 16]}
    filler = 12  # bytes that the model's own bilinear filler had
    assert document["bytes"] == {"input": 2167, "output": 4215 - filler}
    assert len(layer["told"]) == 1
    assert (code, document["changed"], document["written"]) == (0, True, False)
    assert run_here(tmp_path, "regroup", "-", "-", "a", "b")[0] == 2
    assert contents(tmp_path) == written


# --- namesakes: a model has their weights under one name, whatever state they are of

DATA = data_layer(1, 3, 8, 8)
DENSE = "num_output: 3 bias_term: false kernel_size: 4 stride: 2 pad: 1"
APART = [
    ('exclude { stage: "deploy" }', 'include { stage: "deploy" }'),
    ('include { stage: "deploy" }', 'exclude { stage: "deploy" }'),
    (TRAIN, TEST),
    ("include { max_level: 0 }", "include { min_level: 1 }"),
    ('include { phase: TRAIN stage: "s" }', 'include { phase: TEST stage: "t" not_stage: "s" }'),
]
DIAGONAL = np.zeros((3, 3, 4, 4), np.float32)
DIAGONAL[range(3), range(3)] = np.arange(1, 17).reshape(4, 4)


def namesakes(folder: Path, first: str, second: str) -> None:
    """A net with two layers ``up``, given whole, and a model with the weights of one diagonal."""
    (folder / "net").write_text(DATA + first + second)
    (folder / "in").write_bytes(model_bytes({"up": [DIAGONAL]}, kind="Deconvolution"))


def groups(net: Path) -> list[int]:
    read = ds.parse_net(net.read_bytes())
    return [layer.convolution_param.group for layer in read.layers if layer.type != "Input"]


@pytest.mark.parametrize("asked", ["", "--phase test", "--phase train"])
@pytest.mark.parametrize("rules", APART, ids=str)
def test_namesakes_of_other_states_are_regrouped_too(
    rules: tuple[str, str], asked: str, tmp_path: Path
) -> None:
    namesakes(tmp_path, *(up("up", DENSE, more=rule) for rule in rules))
    options = asked.split()
    if rules == APART[-1]:  # without a stage neither is there
        options += ["--stage", "s" if asked != "--phase test" else "t"]
    code, out, _ = run_here(tmp_path, "regroup", "--json", *options, "net", "in", "net2", "out")
    assert code == 0
    rows = json.loads(out)["layers"]
    assert sorted((row["name"], row["line"], row["action"]) for row in rows) == [
        ("up", 2, "regrouped"),
        ("up", 3, "regrouped"),
    ]
    assert groups(tmp_path / "net2") == [3, 3]
    back = ["--expand", "net2", "out", "net3", "back"]
    assert run_here(tmp_path, "regroup", *options, *back)[0] == 0
    assert (tmp_path / "net3").read_bytes() == (tmp_path / "net").read_bytes()
    assert (tmp_path / "back").read_bytes() == (tmp_path / "in").read_bytes()
    kept = ["net2", "out", "net4", "same"]
    code, out, _ = run_here(tmp_path, "regroup", "--json", *options, *kept)
    assert sorted((row["line"], row["action"]) for row in json.loads(out)["layers"]) == [
        (2, "unchanged"),
        (3, "unchanged"),
    ]


@at_hand
def test_a_real_caffe_loads_the_pair_in_each_state(tmp_path: Path) -> None:
    namesakes(tmp_path, *(up("up", DENSE, more=rule) for rule in APART[0]))
    ds.regroup(tmp_path / "net", tmp_path / "in", tmp_path / "net2", tmp_path / "out")
    for stages in ((), ("deploy",)):
        before, after = (
            real_caffe(tmp_path / net, tmp_path / model, stages=stages, forward=True)
            for net, model in (("net", "in"), ("net2", "out"))
        )
        assert not after.stops
        assert np.array_equal(after.values["up"], before.values["up"])


@pytest.mark.parametrize(
    "other",
    [
        up("up", f"{DENSE} group: 3", more=APART[0][1]),
        up("up", DENSE.replace("kernel_size: 4", "kernel_size: 2"), more=APART[0][1]),
        up("up", DENSE, more='param { name: "w" } ' + APART[0][1])
        + up("up2", DENSE, more='param { name: "w" } ' + APART[0][1]),
        conv("up", "num_output: 3 kernel_size: 4 bias_term: false", more=APART[0][1]),
        layer("up", "MyOwn", APART[0][1]),
    ],
    ids=["another group", "another kernel", "shared there", "another type", "a fork's type"],
)
def test_a_namesake_that_cannot_follow_is_a_reason(
    other: str, tmp_path: Path, words: Words
) -> None:
    namesakes(tmp_path, up("up", DENSE, more=APART[0][0]), other)
    before = contents(tmp_path)
    with pytest.raises(ds.SurgeryError) as raised:
        ds.regroup(tmp_path / "net", tmp_path / "in", tmp_path / "net2", tmp_path / "out")
    words(raised.value, other.split('type: "')[1].split('"')[0] + str(len(other)))
    assert contents(tmp_path) == before


@pytest.mark.parametrize("rule", ["include { min_level: 1 max_level: 0 }", APART[0][1]])
def test_a_namesake_without_weights_does_not_matter(rule: str, tmp_path: Path) -> None:
    """Nor one that no state has."""
    never = up("up", f"{DENSE} group: 3", more=rule)
    other = layer("up", "ReLU", rule) if "stage" in rule else never
    namesakes(tmp_path, up("up", DENSE, more=APART[0][0]), other)
    result = ds.regroup(tmp_path / "net", tmp_path / "in", tmp_path / "net2", tmp_path / "out")
    (change,) = result.regrouping.changes
    assert change.namesakes == ()
