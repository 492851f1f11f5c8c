"""Every real model of ../shared: told what it is, rewritten where it should be and nowhere else."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import deconvsurgery as ds
from helpers.documents import parsed_json
from helpers.models import blob_values, parsed, source_layers
from helpers.oracles import opencv_forward, ramp, scattered, tent
from helpers.places import LAYOUTS, SHARED
from helpers.runs import run_here
from helpers.shared_data import each_of
from helpers.wire import values_range
from helpers.words import Words, names, numbers

Array = NDArray[Any]
Row = dict[str, str]

MODELS = SHARED / "models"

pytestmark = pytest.mark.usefixtures("shared")


def table(path: Path) -> list[Row]:
    """Its rows; none where the models are not there, and each test is skipped for that reason."""
    if not MODELS.is_dir():
        return []
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def place(row: Row) -> Path:
    return Path(row["short-name"], row["file"])


ROWS = {
    place(row): row
    for row in table(MODELS / "INDEX.tsv")
    if not row["format"].startswith("prototxt")
}
BINARY = [path for path, row in ROWS.items() if row["format"] in ("V1", "V2")]
OTHER = [path for path in ROWS if path not in BINARY]

DECONV = table(MODELS / "DECONV.tsv")
DECONV_OF = {
    path: {row["layer"]: row for row in DECONV if row["kind"] == "model" and place(row) == path}
    for path in BINARY
}
IN_NETS = [row for row in DECONV if row["kind"].startswith("prototxt")]
WITH_DECONV = [path for path in BINARY if DECONV_OF[path]]


def pair(path: Path) -> Path | None:
    named = re.search(r"pair=(\S+)", ROWS[path]["notes"])
    net = path.with_name(named[1]) if named else None
    return net if net and (MODELS / net).exists() else None


PAIRED = [path for path in BINARY if pair(path)]
UNPAIRED = [path for path in BINARY if not pair(path)]
# No Deconvolution whose weights could be bilinear: the result has to be the model itself.
PASS_THROUGH = [path for path in PAIRED if not DECONV_OF[path]]
PASS_THROUGH = [path for path in PASS_THROUGH if path.parent.name != "retinaface-charrin-zero"]
PASS_THROUGH += [
    path
    for path in (
        Path("waifu2x-upconv7/scale2.0x_model.json.caffemodel"),
        Path("retinaface-mnet25/mnet25.caffemodel"),
    )
    if path in ROWS
]

# OpenCV's own version of a net that it cannot read, and what cannot be read at all.
OPENCV_NETS = {
    "enet-cityscapes": "enet_deploy_final.prototxt",
    "fsrcnn-x3": "FSRCNN_mat.prototxt",
}
OPENCV_REFUSES = {
    "v1-cifar10-quick-everpeace": "Duplicate blobs",  # a data layer for each phase
    "v1-autoencoder-14": "Duplicate blobs|Failed to parse NetParameter",  # or type: UNPOOLING
}

ANYTHING: dict[str, Any] = {
    "patterns": ["*"],
    "skip_unfit": True,
    "any_gain": True,
    "allow_empty": True,
}


# Of each generation, each state of weights and each special case one; the rest is for campaigns.
QUICK = (
    "fsrcnn-x3/snapshot_iter_500",
    "mtcnn/det1",
    "retinaface-charrin-zero/",
    "retinaface-mnet25/",
    "v1-autoencoder-14/16-06-14_15h51m21s_0_20",
    "v1-cifar10-quick-everpeace/",
    "v1-lenet-2014-noext/",
    "v2-lenet-tengine/",
    "waifu2x-upconv7-mismatch/",
    "wechat-qr/sr",
)


def is_quick(path: Path) -> bool:
    return path.as_posix().startswith(QUICK)


def of(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", each_of(paths, "models", quick=is_quick))


def ints(cell: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", cell)]


def bilinear(row: Row, tent: Callable[..., Array]) -> Array | None:
    """The weights that a layer of DECONV.tsv should get; None where there are none."""
    shape = ints(row["weight_shape"])
    channels, outputs, *kernel = shape
    if outputs == 1:
        return np.broadcast_to(tent(kernel), shape)
    if channels != int(row["num_output"]):
        return None
    weights = np.zeros(shape)
    for channel in range(channels):
        weights[channel, channel % outputs] = tent(kernel)
    return weights


def test_every_model_is_looked_at() -> None:
    files = {
        path.relative_to(MODELS) for path in MODELS.glob("*/*") if ".prototxt" not in path.name
    }
    assert files == set(ROWS)
    assert {path.parent.name for path in OTHER} == {
        "h5-arm-cifar10",
        "negative-lfs-pointer",
        "v1-lenet-2014-noext",
    }
    assert {path.parent.name for path in UNPAIRED} == {"v1-lenet-2014-noext", "v2-lenet-tengine"}


# --- what they are


@of(BINARY)
def test_inspect_tells_what_a_model_holds(path: Path) -> None:
    expected = DECONV_OF[path]
    result = ds.inspect(None, MODELS / path)
    assert result.model_version == ROWS[path]["format"]
    assert result.model_size == int(ROWS[path]["size"])
    rows = {row.name: row for row in result.layers}
    assert list(rows) == list(expected)
    assert len(rows) == int(ROWS[path]["n_deconv"])
    layers = source_layers(parsed((MODELS / path).read_bytes()))
    for name, row in rows.items():
        told, target = expected[name], row.target
        assert target is not None
        assert target.shape == tuple(ints(told["weight_shape"]))
        bias = [] if told["bias_blob"] == "None" else [tuple(ints(told["bias_blob"]))]
        assert row.source_blobs == (target.shape, *bias)
        param = target.layer.convolution_param
        assert (param.num_output, param.group) == (int(told["num_output"]), int(told["group"]))
        assert param.bias_term == (told["bias_term"] == "True")
        # Caffe's default filler is constant 0.
        filler = param.weight_filler.type if param.weight_filler else "constant"
        assert filler == told["filler"]
        for ours, theirs in (("kernel", "kernel"), ("stride", "stride"), ("pad", "pad")):
            assert getattr(target, ours) == (*ints(told[theirs]),) * 2

        assert row.weights is not None
        state, said = row.weights.state, told["weights"]
        if not said.startswith("learned"):
            assert (
                state
                == {
                    "exact FCN bilinear (grouped)": ds.WeightState.BILINEAR,
                    "all-zero": ds.WeightState.ZERO,
                    "constant 1": ds.WeightState.NEAREST,
                }[said]
            )
            continue
        assert state is ds.WeightState.OTHER
        weights, ideal = blob_values(layers[name].blobs[0]), bilinear(told, tent)
        (figure,) = re.findall(r"maxdiff from bilinear ([\d.]+)", said)
        if ideal is None:
            assert row.weights.distance is None
            continue
        assert row.weights.distance == pytest.approx(abs(weights - ideal).max(), abs=1e-6)
        if target.channels == param.num_output:
            assert f"{row.weights.distance:.2g}" == figure
        else:  # the index compared the first pair alone
            assert f"{abs(weights - ideal)[0, 0].max():.2g}" == figure


@of(PAIRED)
def test_inspect_finds_net_and_model_in_agreement_where_they_are(path: Path) -> None:
    rows = ds.inspect(MODELS / pair(path), MODELS / path).layers  # type: ignore[operator]
    alone = {row.name: row.weights for row in ds.inspect(None, MODELS / path).layers}
    strangers = {row.name for row in rows} ^ set(alone)
    if path.parent.name == "retinaface-charrin-zero":
        assert {row.name: row.weights.state for row in rows if row.weights} == {
            "rf_c3_upsampling_": ds.WeightState.MISSING,
            "rf_c2_upsampling_": ds.WeightState.MISSING,
            "rf_c3_upsampling": ds.WeightState.ZERO,
            "rf_c2_upsampling": ds.WeightState.ZERO,
        }
    elif path.parent.name == "waifu2x-upconv7-mismatch":
        assert strangers == {"conv7_layer"}
        (row,) = rows
        assert [finding.id for finding in row.findings if finding.id == "DS011"]
    else:
        assert not strangers
        for row in rows:
            assert row.weights == alone[row.name]
            assert not [finding for finding in row.findings if finding.id == "DS011"]


# Their HDF5Data says no shape, so nothing tells how many axes a kernel has.
FROM_HDF5 = {"IDN_x2.prototxt", "fsrcnn_net.prototxt"}


@cache
def survey(path: Path) -> ds.InspectResult:
    return ds.inspect(MODELS / path)


@pytest.mark.parametrize(
    "told",
    each_of(
        IN_NETS,
        "nets",
        quick=lambda row: (MODELS / place(row)).stat().st_size < 16_000,
        name=lambda row: f"{row['short-name']}/{row['file']}-{row['layer']}",
    ),
)
def test_inspect_tells_what_a_net_says(told: Row) -> None:
    (row,) = (row for row in survey(place(told)).layers if row.name == told["layer"])
    assert row.target is not None
    param = row.target.layer.convolution_param
    assert param.num_output == int(told["num_output"])
    # A cell is empty where the text says nothing: Caffe's default.
    assert param.group == int(told["group"] or 1)
    axes = 0 if told["file"] in FROM_HDF5 else 2
    assert row.target.kernel == (int(told["kernel"]),) * axes
    assert row.target.stride == (int(told["stride"] or 1),) * axes
    assert row.target.pad == (int(told["pad"] or 0),) * axes
    assert param.bias_term == (told["bias_term"] != "false")
    filler = param.weight_filler.type if param.weight_filler else ""
    assert told["filler"] == (f"['{filler}']" if filler else "[]")


@pytest.mark.parametrize(
    "path",
    [
        "negative-lfs-pointer/voc-fcn8s-heavy-pascal.caffemodel",
        "v1-lenet-2014-noext/lenet_iter_10000.solverstate",
    ],
)
def test_what_is_no_model_is_called_by_its_name(path: str, tmp_path: Path, words: Words) -> None:
    assert Path(path) in OTHER
    net = MODELS / "mtcnn" / "det1.prototxt"
    kind = Path(path).parent.name
    for attempt in (
        lambda: ds.inspect(None, MODELS / path),
        lambda: ds.apply(net, MODELS / path, tmp_path / "out", **ANYTHING),
    ):
        with pytest.raises(ds.ModelError) as caught:
            attempt()
        assert caught.value.path == str(MODELS / path)
        assert caught.value.hint
        words(caught.value, kind)
    arguments = ("--json", str(net), str(MODELS / path), "out")
    code, out, errors = run_here(tmp_path, "apply", *arguments)
    assert (code, errors) == (3, b"")
    assert parsed_json(out)["error"]["message"] == caught.value.message
    assert not list(tmp_path.iterdir())


# --- what becomes of them


@of(PAIRED)
def test_only_the_matched_weights_change(path: Path, tmp_path: Path) -> None:
    net, data = MODELS / pair(path), (MODELS / path).read_bytes()  # type: ignore[operator]
    result = ds.apply(net, MODELS / path, tmp_path / "out", **ANYTHING)
    out = (tmp_path / "out").read_bytes()
    assert (MODELS / path).read_bytes() == data

    # What should happen, from the two tables.
    created = {}
    if path.parent.name == "retinaface-charrin-zero":
        geometry = {"weight_shape": "[64, 1, 2, 2]", "num_output": "64"}
        created = dict.fromkeys(("rf_c3_upsampling_", "rf_c2_upsampling_"), geometry)
    there = {} if created else DECONV_OF[path]
    wanted = {name: bilinear(row, tent) for name, row in {**there, **created}.items()}
    filled = {name: weights for name, weights in wanted.items() if weights is not None}
    assert {row.target.layer.name: row.action for row in result.plan.changes} == {
        name: ds.ApplyAction.CREATED
        if name in created
        else ds.ApplyAction.UNCHANGED
        if path.parent.name == "retinaface-mnet25"
        else ds.ApplyAction.REWRITTEN
        for name in filled
    }
    skipped = {row.target.layer.name for row in result.plan.skips}
    if path.parent.name == "waifu2x-upconv7-mismatch":
        assert skipped == {"conv7_layer"}
    else:
        assert skipped == wanted.keys() - filled.keys()

    # Bytes: what is not a target's payload is IN's own, in IN's order.
    old = np.frombuffer(data, np.uint8)
    new = np.frombuffer(out[: len(data)], np.uint8)
    untouched = np.ones(len(data), bool)
    for name in filled.keys() - created.keys():
        start, stop = values_range(data, name)
        assert (stop - start) == 4 * filled[name].size
        untouched[start:stop] = False
    assert (old == new)[untouched].all()
    assert len(out) - len(data) == result.output_size - result.input_size
    assert bool(created) == (len(out) > len(data))

    # Meaning: protobuf sees the values that were meant, and nothing else changed.
    before, after = parsed(data), parsed(out)
    layers, sources = source_layers(after), source_layers(before)
    for name, weights in filled.items():
        blob = layers[name].blobs[0]
        assert blob_values(blob).shape == weights.shape
        np.testing.assert_allclose(blob_values(blob), weights, rtol=0, atol=1e-7)
        if name in created:
            assert len(layers[name].blobs) == 1
            assert layers[name].type == "Deconvolution"
            after.layer.remove(layers[name])
        else:
            del blob.data[:]
            blob.data.extend(sources[name].blobs[0].data)
    assert after == before
    assert after.SerializeToString(deterministic=True) == before.SerializeToString(
        deterministic=True
    )

    # Once more: nothing.
    again = ds.apply(net, tmp_path / "out", tmp_path / "again", **ANYTHING)
    assert (tmp_path / "again").read_bytes() == out
    assert not again.changed


@of(WITH_DECONV)
def test_bits_of_a_kernel_are_those_that_fcn_made(path: Path, tmp_path: Path) -> None:
    """For the kernel sizes that the golden data has: 2, 3, 4 and 9."""
    ds.apply(MODELS / pair(path), MODELS / path, tmp_path / "out", **ANYTHING)  # type: ignore[operator]
    layers = source_layers(parsed((tmp_path / "out").read_bytes()))
    for row in DECONV_OF[path].values():
        shape = ints(row["weight_shape"])
        golden = LAYOUTS / f"k{shape[2]:02}_g3.npz"
        fits = shape[1] == 1 or shape[0] == int(row["num_output"])
        if not fits or path.parent.name == "retinaface-charrin-zero":
            continue
        if not golden.exists():
            assert (path.parent.name, shape[2]) == ("idn-x2", 17)
            continue
        with np.load(golden) as arrays:
            kernel = arrays["interp"][0, 0]
        weights = blob_values(layers[row["layer"]].blobs[0])
        for channel, outputs in enumerate(weights):
            assert outputs[channel % len(outputs)].tobytes() == kernel.tobytes()
            assert not np.delete(outputs, channel % len(outputs), axis=0).any()


@of(PASS_THROUGH)
def test_pass_through_is_exact(path: Path, tmp_path: Path) -> None:
    result = ds.apply(MODELS / pair(path), MODELS / path, tmp_path / "out", **ANYTHING)  # type: ignore[operator]
    digest = hashlib.sha256((tmp_path / "out").read_bytes()).hexdigest()
    assert digest == ROWS[path]["sha256"]
    assert (result.changed, result.rewritten) == (False, 0)


@of(UNPAIRED)
def test_pass_through_with_a_strangers_net_is_exact(path: Path, tmp_path: Path) -> None:
    net = MODELS / "mtcnn" / "det1.prototxt"
    result = ds.apply(net, MODELS / path, tmp_path / "out", **ANYTHING)
    digest = hashlib.sha256((tmp_path / "out").read_bytes()).hexdigest()
    assert digest == ROWS[path]["sha256"]
    assert not result.changed


# --- what is left alone unless it is asked for


@pytest.mark.parametrize(
    ("path", "pattern", "left_alone"),
    [
        ("retinaface-charrin/mnet.caffemodel", "up", {"rf_c3_upsampling_", "rf_c2_upsampling_"}),
        ("wechat-qr/sr.caffemodel", "*", {"nearest"}),
    ],
)
def test_nearest_neighbour_layers_are_not_repaired(
    path: str, pattern: str, left_alone: set[str], tmp_path: Path, words: Words
) -> None:
    net = MODELS / pair(Path(path))  # type: ignore[operator]
    with pytest.raises(ds.ShapeError) as raised:
        ds.apply(net, MODELS / path, tmp_path / "out", patterns=[pattern])
    assert left_alone & set(names(raised.value.message))
    words(raised.value, Path(path).parent.name)
    assert not (tmp_path / "out").exists()
    result = ds.apply(net, MODELS / path, tmp_path / "out", patterns=[pattern], skip_unfit=True)
    assert {skip.target.layer.name for skip in result.plan.skips} == left_alone
    after = {row.name: row.weights for row in ds.inspect(None, tmp_path / "out").layers}
    before = {row.name: row.weights for row in ds.inspect(None, MODELS / path).layers}
    for name, weights in after.items():
        assert weights is not None
        if name in left_alone:
            assert weights == before[name]
        else:
            assert weights.state is ds.WeightState.BILINEAR


def test_a_layer_of_another_type_in_the_model_is_refused(tmp_path: Path, words: Words) -> None:
    folder = MODELS / "waifu2x-upconv7-mismatch"
    model = folder / "noise1_model.json.caffemodel"
    net = tmp_path / "net.prototxt"
    text = (folder / "scale2.0x_model.prototxt").read_text()
    with pytest.raises(ds.ShapeError) as raised:
        ds.apply(folder / "scale2.0x_model.prototxt", model, tmp_path / "out", patterns=["*"])
    assert raised.value.layer == "conv7_layer"
    assert numbers(raised.value.message)[:2] == [128, 3]
    words(raised.value, "channels")
    # As many outputs as channels, so that only the model's shape stands in the way.
    net.write_text(re.sub(r"num_output: 3\b", "num_output: 128", text))
    with pytest.raises(ds.MismatchError) as caught:
        ds.apply(net, model, tmp_path / "out", patterns=["*"], any_gain=True)
    assert caught.value.layer == "conv7_layer"
    words(caught.value, "the model's shape")
    assert not (tmp_path / "out").exists()


def test_a_renamed_layer_is_pointed_at(tmp_path: Path, words: Words) -> None:
    folder = MODELS / "retinaface-charrin-zero"
    result = ds.apply(
        folder / "mnet.prototxt", folder / "mnet.caffemodel", tmp_path / "o", **ANYTHING
    )
    assert len(result.plan.changes) == 2
    for change in result.plan.changes:
        old = change.target.layer.name.removesuffix("_")
        (pointed,) = [each for each in change.warnings if old in names(each)]
        words(pointed)


def test_an_all_zero_model_is_filled_under_its_own_names(tmp_path: Path) -> None:
    """The zero model of one project with the net that has its layers' names and shapes."""
    net = MODELS / "retinaface-mnet25" / "mnet25.prototxt"
    model = MODELS / "retinaface-charrin-zero" / "mnet.caffemodel"
    result = ds.apply(net, model, tmp_path / "out")
    assert [change.action for change in result.plan.changes] == [ds.ApplyAction.REWRITTEN] * 2
    assert (result.input_size, result.rewritten) == (result.output_size, 2 * 64 * 16 * 4)
    true = parsed((MODELS / "retinaface-mnet25" / "mnet25.caffemodel").read_bytes())
    filled = parsed((tmp_path / "out").read_bytes())
    for name in ("rf_c3_upsampling", "rf_c2_upsampling"):
        ours, theirs = (
            next(blob_values(layer.blobs[0]) for layer in message.layer if layer.name == name)
            for message in (filled, true)
        )
        assert ours.tobytes() == theirs.tobytes()


# --- OpenCV reads the results


@of(PAIRED)
def test_opencv_reads_the_result_as_it_read_the_original(path: Path, tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    net = MODELS / pair(path)  # type: ignore[operator]
    ds.apply(net, MODELS / path, tmp_path / "out", **ANYTHING)
    readable = (MODELS / path).with_name(OPENCV_NETS.get(path.parent.name, net.name)).read_bytes()

    def layers(model: Path) -> list[str]:
        loaded = cv2.dnn.readNetFromCaffe(bytearray(readable), bytearray(model.read_bytes()))
        return list(loaded.getLayerNames())

    refused = OPENCV_REFUSES.get(path.parent.name)
    if refused:
        for model in (MODELS / path, tmp_path / "out"):
            with pytest.raises(cv2.error, match=refused):
                layers(model)
        return
    names = layers(tmp_path / "out")
    assert names == layers(MODELS / path)
    assert {
        layer.name for layer in ds.read_net(net).layers if layer.type == "Deconvolution"
    } <= set(names)


@of([path for path in PAIRED if DECONV_OF[path]])
def test_opencv_computes_with_the_new_weights(path: Path, tmp_path: Path) -> None:
    """Each layer by itself: OpenCV takes its weights from the model by name."""
    result = ds.apply(MODELS / pair(path), MODELS / path, tmp_path / "out", **ANYTHING)  # type: ignore[operator]
    out = (tmp_path / "out").read_bytes()
    layers = source_layers(parsed(out))
    for change in result.plan.changes:
        assert isinstance(change, ds.ApplyChange)
        name, target = change.target.layer.name, change.target
        shape = list(target.shape or ())
        told = {"weight_shape": str(shape), "num_output": str(change.fill.num_output)}
        weights = bilinear(told, tent)
        assert weights is not None
        (kernel, _), (stride, _), (pad, _) = target.kernel, target.stride, target.pad
        bias = layers[name].blobs[1].data if len(layers[name].blobs) > 1 else None
        net = f"""
        layer {{ name: "data" type: "Input" top: "data"
          input_param {{ shape {{ dim: 1 dim: {shape[0]} dim: 5 dim: 6 }} }} }}
        layer {{ name: "{name}" type: "Deconvolution" bottom: "data" top: "{name}"
          convolution_param {{ num_output: {change.fill.num_output} group: {change.fill.group}
            kernel_size: {kernel} stride: {stride} pad: {pad}
            bias_term: {str(bias is not None).lower()} }} }}"""
        image = ramp((1, shape[0], 5, 6))
        expected = scattered(
            image,
            weights,
            group=change.fill.group,
            stride=target.stride,
            pad=target.pad,
            bias=None if bias is None else np.array(bias),
        )
        by_opencv = opencv_forward(net.encode(), out, image, name)
        np.testing.assert_allclose(by_opencv, expected, rtol=0, atol=1e-4)
