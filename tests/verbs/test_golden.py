"""Every layout that a real Caffe and FCN's own surgery were run on, value by value.

The golden data is committed (tests/golden/layouts); what is too large lies in ../shared.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format
from numpy.typing import NDArray
from scipy.signal import convolve2d

import deconvsurgery as ds
from helpers.documents import parsed_json
from helpers.models import NetParameter, blob_values, parsed
from helpers.oracles import interpolated, opencv_forward, ramp, scattered
from helpers.places import LAYOUTS, SHARED
from helpers.runs import run_here
from helpers.words import Words
from helpers.words import numbers as numbers_in

Array = NDArray[Any]
Case = dict[str, Any]


CASES: list[Case] = json.loads((LAYOUTS / "cases.json").read_text())
UP = np.array([0.25, 0.75, 0.75, 0.25])  # a kernel of 4, by hand
# What FCN's interp refuses and the contract fills: weights by hand.
BY_HAND = {
    "block_g2_c6": np.zeros((6, 3, 4, 4), np.float32),
    "nonsquare_k4x6": np.broadcast_to(
        np.outer(UP, np.array([1, 3, 5, 5, 3, 1]) / 6).astype(np.float32), (3, 1, 4, 6)
    ),
}
for channel, output in enumerate((0, 1, 2, 0, 1, 2)):
    BY_HAND["block_g2_c6"][channel, output] = np.outer(UP, UP)

REFUSED = [case for case in CASES if "error" in case["caffe"]]
REFUSED += [
    case
    for case in CASES
    if case["caffe"].get("fcn_interp") == "refused" and case["name"] not in BY_HAND
]
FILLED = [case for case in CASES if case not in REFUSED]
BILINEAR_FILLER = [case for case in FILLED if 'type: "bilinear"' in case["prototxt"]]
# It reads the weights, but its Deconvolution does as if dilation were 1.
OPENCV_IGNORES_DILATION = {"dilation2"}
LARGE = "fcn32_k64s32"  # 7 MB of golden values, and a model that nobody saved


def by_name(case: Case) -> str:
    return str(case["name"])


def is_large(case: Case) -> bool:
    return bool(case["name"] == LARGE)


def of(cases: list[Case]) -> pytest.MarkDecorator:
    """Each case, the one that takes seconds in a campaign."""
    return pytest.mark.parametrize(
        "case",
        [
            pytest.param(case, id=by_name(case), marks=pytest.mark.campaign)
            if is_large(case)
            else pytest.param(case, id=by_name(case))
            for case in cases
        ],
    )


def golden(case: Case) -> dict[str, Array]:
    name = f"{case['name']}.npz"
    for folder in (LAYOUTS, SHARED / "golden" / "layouts"):
        if (folder / name).exists():
            with np.load(folder / name) as arrays:
                return dict(arrays)
    pytest.skip(f"{name} is not committed, and not in {SHARED}")


def numbers(case: Case, field: str, default: int) -> tuple[int, int]:
    """A geometry field of the case, read with a regex."""
    text = case["prototxt"]
    square = re.search(rf"\b{field}(?:_size)?: (\d+)", text)
    if square:
        return int(square[1]), int(square[1])
    sides = [re.search(rf"\b{field}_{side}: (\d+)", text) for side in "hw"]
    return tuple(int(side[1]) if side else default for side in sides)  # type: ignore[return-value]


def geometry(case: Case) -> dict[str, Any]:
    return {
        "group": int(re.search(r"group: (\d+)", case["prototxt"])[1]),  # type: ignore[index]
        "stride": numbers(case, "stride", 1),
        "pad": numbers(case, "pad", 0),
        "dilation": numbers(case, "dilation", 1),
    }


def data_shape(case: Case) -> list[int]:
    (shape,) = re.findall(r"input_param \{ shape \{(.*?)\}", case["prototxt"])
    return [int(dim) for dim in re.findall(r"dim: (\d+)", shape)]


def source(case: Case, form: str) -> bytes:
    """IN: Caffe's own file with the layer, or that without the layer, or with other weights."""
    path = LAYOUTS / f"{case['name']}.caffemodel"
    if form == "as-caffe-saved-it":
        return path.read_bytes()
    if path.exists():
        message = NetParameter.FromString(path.read_bytes())
    else:
        message = text_format.Parse(case["prototxt"], NetParameter())
    (layer,) = (layer for layer in message.layer if layer.name == case["layer"])
    if form == "without-the-layer":
        message.layer.remove(layer)
    del layer.blobs[:]
    if form in ("all-zero", "noise"):
        caffe = case["caffe"]
        shapes = [caffe[key] for key in ("weight_shape", "bias_shape") if key in caffe]
        noise = np.random.default_rng(7)
        for shape in shapes:
            blob = layer.blobs.add()
            blob.shape.dim.extend(shape)
            count = int(np.prod(shape))
            blob.data.extend(np.zeros(count) if form == "all-zero" else noise.normal(size=count))
    return bytes(message.SerializeToString())


def surgery(case: Case, data: bytes, folder: Path, **options: Any) -> tuple[ds.ApplyResult, bytes]:
    (folder / "net.prototxt").write_text(case["prototxt"])
    (folder / "in.caffemodel").write_bytes(data)
    options.setdefault("any_gain", True)
    result = ds.apply(folder / "net.prototxt", folder / "in.caffemodel", folder / "out", **options)
    return result, (folder / "out").read_bytes()


FORMS = ["without-the-layer", "without-blobs", "as-caffe-saved-it", "all-zero", "noise"]
FILLED_FROM = [
    pytest.param(
        case,
        form,
        id=f"{case['name']}-{form}",
        marks=pytest.mark.campaign if is_large(case) and form != "noise" else (),
    )
    for case in FILLED
    for form in FORMS
    if not (case["name"] == LARGE and form == "as-caffe-saved-it")
]


# --- weights


@pytest.mark.parametrize(("case", "form"), FILLED_FROM)
def test_weights_are_those_of_fcn(case: Case, form: str, tmp_path: Path) -> None:
    caffe = case["caffe"]
    expected = BY_HAND[case["name"]] if case["name"] in BY_HAND else golden(case)["interp"]
    data = source(case, form)
    result, out = surgery(case, data, tmp_path)
    before, after = parsed(data), parsed(out)
    (up,) = (layer for layer in after.layer if layer.name == case["layer"])
    blobs = [blob_values(blob) for blob in up.blobs]

    assert len(blobs) == caffe["n_blobs"]
    assert [list(blob.shape) for blob in blobs] == [
        caffe[key] for key in ("weight_shape", "bias_shape") if key in caffe
    ]
    if case["name"] in BY_HAND:  # thirds cannot be written exactly
        np.testing.assert_allclose(blobs[0], expected, rtol=0, atol=6e-8)
    else:
        assert blobs[0].tobytes() == expected.tobytes()

    # The bias, if any, is zero where it is new and as it was otherwise; so is all the rest.
    old = {layer.name: layer for layer in before.layer}.get(case["layer"])
    if old is None or not old.blobs:
        assert not any(blob.any() for blob in blobs[1:])
        assert (up.type, list(up.bottom), list(up.top)) == ("Deconvolution", ["data"], ["up"])
        net = text_format.Parse(case["prototxt"], NetParameter())
        assert up.convolution_param == net.layer[-1].convolution_param
        del up.blobs[:]
    else:
        up.blobs[0].CopyFrom(old.blobs[0])
    if old is None:
        after.layer.remove(up)
    assert after == before

    (row,) = result.plan.layers
    if form == "as-caffe-saved-it" and case["name"] not in BY_HAND:
        assert row.action is ds.ApplyAction.UNCHANGED  # type: ignore[union-attr]
        assert out == data
    else:
        assert row.action is not ds.ApplyAction.UNCHANGED  # type: ignore[union-attr]
        assert result.changed


@of(FILLED)
def test_a_second_apply_changes_nothing(case: Case, tmp_path: Path) -> None:
    _, once = surgery(case, source(case, "without-the-layer"), tmp_path)
    result, twice = surgery(case, once, tmp_path, force=True)
    assert twice == once
    assert not result.changed


@pytest.mark.parametrize("form", ["without-the-layer", "noise"])
@of(BILINEAR_FILLER)
def test_weights_are_those_of_caffes_filler(case: Case, form: str, tmp_path: Path) -> None:
    """The filler fills every pair; what lies on our diagonal is the same to the bit."""
    filler = golden(case)["filler"]
    _, out = surgery(case, source(case, form), tmp_path, formula="caffe")
    weights = blob_values(parsed(out).layer[-1].blobs[0])
    assert weights.shape == filler.shape
    if filler.shape[1] == 1:
        assert weights.tobytes() == filler.tobytes()
        return
    for row, (ours, theirs) in enumerate(zip(weights, filler, strict=True)):
        diagonal = row % len(ours)
        assert ours[diagonal].tobytes() == theirs[diagonal].tobytes()
        assert not np.delete(ours, diagonal, axis=0).any()


def test_the_two_formulas_can_be_told_apart() -> None:
    """Otherwise bit-equality with each would say less than it seems to."""
    differ = [
        case["name"]
        for case in BILINEAR_FILLER
        if (LAYOUTS / f"{case['name']}.npz").exists()
        and "interp" in (arrays := golden(case))
        and arrays["interp"].shape[1] == 1
        and arrays["interp"].tobytes() != arrays["filler"].tobytes()
    ]
    assert differ


# --- refusals


@pytest.mark.parametrize("form", ["without-the-layer", "as-caffe-saved-it"])
@of(REFUSED)
def test_what_caffe_or_fcn_refuses_is_refused(case: Case, form: str, tmp_path: Path) -> None:
    if form == "as-caffe-saved-it" and "error" in case["caffe"]:
        form = "without-blobs"  # Caffe could not make it
    data = source(case, form)
    with pytest.raises(ds.ShapeError) as caught:
        surgery(case, data, tmp_path)
    assert caught.value.layer == case["layer"]
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert files == {"net.prototxt": case["prototxt"].encode(), "in.caffemodel": data}

    result, out = surgery(case, data, tmp_path, skip_unfit=True)
    assert out == data
    assert [skip.target.layer.name for skip in result.plan.skips] == [case["layer"]]


@of(REFUSED)
def test_the_command_line_ends_with_3_and_writes_nothing(case: Case, tmp_path: Path) -> None:
    files = {
        "net.prototxt": case["prototxt"].encode(),
        "in.caffemodel": source(case, "without-the-layer"),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    arguments = ("--any-gain", "--json", "net.prototxt", "in.caffemodel", "out")
    code, out, errors = run_here(tmp_path, "apply", *arguments)
    assert (code, errors) == (3, b"")
    error = parsed_json(out)["error"]
    assert (error["kind"], error["layer"]) == ("ShapeError", case["layer"])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == files


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("nonsquare_k4x6_bilinear", [2, 4, 6]),  # Filter must be square
        ("pad_too_big", [-14]),  # Check failed: shape[i] >= 0 (-14 vs. 0)
        ("zero_output", [0]),  # Check failed: num_output_ > 0
        ("mismatch_c4_to_6", [4, 6]),
        ("expand_c3_to_6_g3", [3, 6]),
    ],
)
def test_a_refusal_says_what_is_wrong(
    name: str, facts: list[float], tmp_path: Path, words: Words
) -> None:
    (case,) = (case for case in REFUSED if case["name"] == name)
    with pytest.raises(ds.ShapeError) as raised:
        surgery(case, source(case, "without-the-layer"), tmp_path)
    said = numbers_in(raised.value.message)
    assert [number for number in facts if number not in said] == []
    words(raised.value, name)
    assert len(REFUSED) == 5  # each has its words here


@of(FILLED)
def test_refused_without_any_gain_if_a_constant_image_would_not_stay_one(
    case: Case, tmp_path: Path, words: Words
) -> None:
    weights = BY_HAND[case["name"]] if case["name"] in BY_HAND else golden(case)["interp"]
    place = geometry(case)
    stride, dilation = place["stride"], place["dilation"]
    ones = scattered(
        np.ones((1, 1, 12, 12)), weights[:1, :1], stride=stride, dilation=dilation
    )  # fmt: skip
    edge = [step * (size - 1) for size, step in zip(weights.shape[2:], dilation, strict=True)]
    inside = ones[0, 0, edge[0] : ones.shape[2] - edge[0], edge[1] : ones.shape[3] - edge[1]]
    assert inside.size
    data = source(case, "without-the-layer")
    if np.allclose(inside, 1, rtol=0, atol=1e-6):
        _, strictly = surgery(case, data, tmp_path, any_gain=False)
        assert strictly == surgery(case, data, tmp_path, force=True)[1]
    else:
        with pytest.raises(ds.ShapeError) as raised:
            surgery(case, data, tmp_path, any_gain=False)
        assert raised.value.layer == case["layer"]
        assert "any_gain=" in (raised.value.hint or "")
        words(raised.value.message)
        assert not (tmp_path / "out").exists()


# --- what the weights do


@of([case for case in CASES if "error" not in case["caffe"]])
def test_the_numpy_oracle_is_caffes_forward(case: Case) -> None:
    arrays = golden(case)
    image = ramp(data_shape(case))
    for made in ("filler", "interp"):
        if made in arrays:
            out = scattered(image, arrays[made], **geometry(case))
            np.testing.assert_allclose(out, arrays[f"{made}_forward"], rtol=0, atol=1e-5)


def test_the_numpy_oracle_is_scipys_convolution() -> None:
    """Of the image with zeros between its pixels."""
    rng = np.random.default_rng(3)
    image, kernel = rng.normal(size=(5, 7)), rng.normal(size=(4, 3))
    stuffed = np.zeros((4 * 2 + 1, 6 * 3 + 1))
    stuffed[::2, ::3] = image
    ours = scattered(image[None, None], kernel[None, None], stride=(2, 3), pad=(1, 0))
    np.testing.assert_allclose(ours[0, 0], convolve2d(stuffed, kernel)[1:-1], rtol=0, atol=1e-12)


@of(FILLED)
def test_forward_of_what_we_wrote(case: Case, tmp_path: Path) -> None:
    """OpenCV's Caffe importer, numpy and Caffe after FCN's surgery agree; so does interpolation."""
    _, out = surgery(case, source(case, "without-the-layer"), tmp_path)
    image, place = ramp(data_shape(case)), geometry(case)
    weights = blob_values(parsed(out).layer[-1].blobs[0])

    by_numpy = scattered(image, weights, **place)
    assert list(by_numpy.shape) == case["caffe"]["output_shape"]
    if case["name"] not in BY_HAND:
        by_caffe = golden(case)["interp_forward"]
        np.testing.assert_allclose(by_numpy, by_caffe, rtol=0, atol=1e-5)

    by_opencv = opencv_forward(case["prototxt"].encode(), out, image, "up")
    if case["name"] in OPENCV_IGNORES_DILATION:
        by_numpy = scattered(image, weights, **place | {"dilation": (1, 1)})
    elif case["name"] not in BY_HAND:
        np.testing.assert_allclose(by_opencv, by_caffe, rtol=0, atol=1e-5)
    assert by_opencv.shape == by_numpy.shape
    np.testing.assert_allclose(by_opencv, by_numpy, rtol=0, atol=1e-5)

    kernel, stride = weights.shape[2:], place["stride"]
    interpolates = tuple((size + 1) // 2 for size in kernel) == stride
    if interpolates and place["dilation"] == (1, 1):
        smooth = interpolated(image, kernel, stride, place["pad"])
        if by_numpy.shape[1] != image.shape[1]:
            smooth = smooth.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(by_opencv, smooth, rtol=0, atol=1e-5)
    else:
        assert case["name"] not in BY_HAND


# --- FCN's own case: a base model that lacks the layer


def test_upscore_of_a_transplanted_fcn(tmp_path: Path, shared: Path) -> None:
    folder = shared / "golden" / "transplant"
    with np.load(folder / "expected.npz") as arrays:
        expected = dict(arrays)
    message = parsed((folder / "fcn-expected.caffemodel").read_bytes())
    (upscore,) = (layer for layer in message.layer if layer.name == "upscore")
    message.layer.remove(upscore)
    (tmp_path / "base").write_bytes(message.SerializeToString())
    ds.apply(folder / "fcn.prototxt", tmp_path / "base", tmp_path / "out")
    out = (tmp_path / "out").read_bytes()
    weights = blob_values(parsed(out).layer[-1].blobs[0])
    assert weights.tobytes() == expected["upscore/0"].tobytes()
    forward = opencv_forward(
        (folder / "fcn.prototxt").read_bytes(), out, ramp((1, 3, 32, 40)), "upscore"
    )
    np.testing.assert_allclose(forward, expected["upscore"], rtol=0, atol=1e-5)


# --- the command line, and the data itself


@pytest.mark.parametrize("formula", ["fcn", "caffe"])
def test_the_command_line_writes_the_same_file(formula: str, tmp_path: Path) -> None:
    (case,) = (case for case in CASES if case["name"] == "factor6_group")
    _, out = surgery(case, source(case, "without-the-layer"), tmp_path, formula=formula)
    arguments = ("--formula", formula, "net.prototxt", "in.caffemodel", "by-command")
    code, _, errors = run_here(tmp_path, "apply", *arguments)
    assert (code, errors) == (0, b"")
    assert (tmp_path / "by-command").read_bytes() == out


def test_the_committed_copy_is_the_shared_original(shared: Path) -> None:
    original = shared / "golden" / "layouts"
    names = {path.name for path in LAYOUTS.iterdir()}
    assert len(names) > 100
    assert {name: (LAYOUTS / name).read_bytes() for name in names} == {
        name: (original / name).read_bytes() for name in names
    }
    missing = {path.name for path in original.iterdir() if path.suffix != ".h5"} - names
    assert missing == {f"{LARGE}.npz"}
