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
from helpers.models import NetParameter, blob_values, indexed, parsed
from helpers.oracles import opencv_forward, ramp, scattered
from helpers.places import LAYOUTS
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
    (row,) = ds.inspect(case / "net2", case / "out").rows
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
    (row,) = ds.inspect(tmp_path / "net", tmp_path / "out", patterns=["upscore"]).rows
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
        with pytest.raises(ds.OutputError):
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
def test_a_model_that_is_no_file_cannot_be_written(case: Path, words: Words) -> None:
    before = contents(case)
    with pytest.raises(ds.OutputError) as raised:
        ds.regroup(case / "net", indexed(before["in"]), case / "net2", case / "out")
    words(raised.value)
    assert contents(case) == before


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
