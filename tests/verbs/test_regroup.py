"""The verb regroup: both files, there and back, and the same function to OpenCV and to numpy."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from google.protobuf import text_format
from numpy.typing import NDArray

import deconvsurgery as ds
from helpers.models import NetParameter, blob_values, indexed
from helpers.oracles import opencv_forward, ramp, scattered
from helpers.places import LAYOUTS
from helpers.runs import COMMAND

Array = NDArray[Any]

# A full diagonal as Caffe saved it, once `apply` has made it one.
FULL = ["factor2_dense", "factor3_dense", "factor4_dense", "factor8_dense", "seed_k16s8p3"]
FULL += ["bias_default", "gauss", "msra", "block_g2_c6"]


@pytest.fixture(params=FULL)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with net and model of a golden layout, the model made diagonal."""
    net = LAYOUTS / f"{request.param}.prototxt"
    (tmp_path / "net").write_bytes(net.read_bytes())
    ds.apply(net, LAYOUTS / f"{request.param}.caffemodel", tmp_path / "in", any_gain=True)
    return tmp_path


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
        assert (case / "back").read_bytes() == (case / "net").read_bytes()
        assert (case / "back2").read_bytes() == (case / "in").read_bytes()


def test_what_changes_is_the_group_and_the_weights(case: Path) -> None:
    ds.regroup(case / "net", case / "in", case / "net2", case / "out")
    nets: list[Any] = [
        text_format.Parse((case / name).read_text(), NetParameter()) for name in ("net", "net2")
    ]
    models: list[Any] = [
        NetParameter.FromString((case / name).read_bytes()) for name in ("in", "out")
    ]
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
    model: Any = NetParameter.FromString((case / "out").read_bytes())
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
    assert (tmp_path / "net2").read_bytes() == net.read_bytes()


# --- neither file, where it cannot be


@pytest.fixture
def dense(tmp_path: Path) -> Path:
    """The filler's weights: every pair, which no grouped layer is."""
    message: Any = NetParameter.FromString((LAYOUTS / "factor2_dense.caffemodel").read_bytes())
    (layer,) = (layer for layer in message.layer if layer.type == "Deconvolution")
    with np.load(LAYOUTS / "factor2_dense.npz") as arrays:
        layer.blobs[0].data[:] = arrays["filler"].ravel().tolist()
    (tmp_path / "in").write_bytes(message.SerializeToString())
    (tmp_path / "net").write_bytes((LAYOUTS / "factor2_dense.prototxt").read_bytes())
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_mixes_channels_is_refused(dense: Path) -> None:
    with pytest.raises(ds.MismatchError, match=r"off the diagonal, holds 0\.5625"):
        ds.regroup(dense / "net", dense / "in", dense / "net2", dense / "out")
    done = subprocess.run(
        [*COMMAND, "regroup", "--json", "net", "in", "net2", "out"],
        cwd=dense,
        capture_output=True,
        timeout=60,
    )
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["kind"], error["layer"]) == (3, "MismatchError", "up")
    assert names(dense) == ["in", "net"]


def test_outputs_that_will_not_do(case: Path) -> None:
    before = names(case)
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
        assert names(case) == before
    with pytest.raises(ds.SelectionError):
        ds.regroup(net, model, case / "net2", case / "out", patterns=["nothing"])
    result = ds.regroup(net, model, dry_run=True)
    assert (result.changed, result.written) == (True, False)
    assert names(case) == before


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


def test_a_model_that_is_no_file_cannot_be_written(case: Path) -> None:
    class Bytes:
        size = (case / "in").stat().st_size

        def read(self, start: int, size: int) -> bytes:
            return (case / "in").read_bytes()[start : start + size]

    before = sorted(path.name for path in case.iterdir())
    with pytest.raises(ds.OutputError, match="opened from a file"):
        ds.regroup(case / "net", indexed(), case / "net2", case / "out")
    assert sorted(path.name for path in case.iterdir()) == before


def test_the_command_line(tmp_path: Path) -> None:
    net, model = (LAYOUTS / f"factor8_dense.{kind}" for kind in ("prototxt", "caffemodel"))

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, "regroup", *map(str, arguments)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )

    done = run(net, model, "net", "out")
    assert (done.returncode, done.stderr) == (0, "")
    head, row, closing = done.stdout.splitlines()
    assert head.split("  ")[0] == "layer"
    assert row.split("  ")[0] == "up"
    assert "(2, 2, 16, 16)  → (2, 1, 16, 16)" in row
    assert closing == ("Regrouped 1 of 1 matched layer: 4,215 → 2,167 bytes. Wrote net and out.")
    assert run(net, model, "net", "out").returncode == 2
    assert run("-f", "-q", net, model, "net", "out").stdout == ""
    document = json.loads(run("--json", "-n", "--expand", "net", "out").stdout)
    (layer,) = document["layers"]
    assert layer["group"] == {"before": 2, "after": 1}
    assert layer["shape"] == {"before": [2, 1, 16, 16], "after": [2, 2, 16, 16]}
    assert document["bytes"] == {"input": 2167, "output": 4215}
    assert (document["changed"], document["written"]) == (True, False)
    assert run("-", "-", "a", "b").returncode == 2
