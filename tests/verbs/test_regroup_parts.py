"""What ``regroup`` takes along and what it drops: blocks of any size, fillers, gradients.

Whether a model loads, and what a layer computes, is asked of a real Caffe where it is at hand.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

import deconvsurgery as ds
from helpers import wire
from helpers.campaigns import campaign_of_pairs
from helpers.models import NetParameter, noise, parsed
from helpers.nets import conv, data_layer, layer, up
from helpers.real_caffe import at_hand, real_caffe
from helpers.runs import run_here
from helpers.wire import (
    dims,
    doubles,
    floats,
    layer_v2,
    legacy_dims,
    number,
    sized,
    tag,
)
from helpers.words import Words, numbers

Array = NDArray[Any]
KERNEL = (2, 2)


def net(channels: int, outputs: int, group: int, more: str = "") -> str:
    """One Deconvolution over ``channels``."""
    param = f"num_output: {outputs} group: {group} kernel_size: 2 stride: 2 bias_term: false"
    return data_layer(1, channels, 3, 3) + up("up", f"{param} {more}".strip())


def whole(weights: Array, outputs: int, group: int) -> Array:
    """The (C, num_output) matrix of kernels that groups are the diagonal blocks of."""
    channels, width = weights.shape[:2]
    full = np.zeros((channels, outputs, *weights.shape[2:]), weights.dtype)
    for channel in range(channels):
        block = channel // (channels // group)
        full[channel, block * width : (block + 1) * width] = weights[channel]
    return full


# --- the forms of a blob

PARAM = number(1, 4) + number(5, 2) + number(4, 2)  # num_output, group, kernel_size
V1_DECONVOLUTION = 39


def in_v2(blob: bytes, param: bytes = PARAM) -> bytes:
    return layer_v2(b"up", b"Deconvolution", blob, after=sized(106, param))


def in_v1(blob: bytes, param: bytes = PARAM) -> bytes:
    inner = sized(4, b"up") + number(5, V1_DECONVOLUTION) + sized(6, blob)
    return sized(2, inner + sized(10, param))


def packed(weights: Array) -> bytes:
    return sized(5, floats(*weights.ravel()))


def unpacked(weights: Array) -> bytes:
    return b"".join(tag(5, 5) + floats(value) for value in weights.ravel())


# Of each form: its blob's bytes without the shape, its dims, the layer it lies in, whether BVLC
# reads it.
FORMS: dict[str, tuple[Callable[[Array], bytes], Callable[..., bytes], Any, bool]] = {
    "V2": (packed, dims, in_v2, True),
    "V2, one by one": (unpacked, dims, in_v2, True),
    "V2, legacy dims": (packed, legacy_dims, in_v2, True),
    "V1, legacy dims": (packed, legacy_dims, in_v1, True),
    "double_data": (lambda weights: sized(8, doubles(*weights.ravel())), dims, in_v2, True),
    "raw half": (
        lambda weights: number(10, 2) + sized(12, weights.astype("<f2").tobytes()),
        dims,
        in_v2,
        False,
    ),
    "raw float": (
        lambda weights: number(10, 1) + sized(12, weights.astype("<f4").tobytes()),
        dims,
        in_v2,
        False,
    ),
}
SMALL = (np.arange(1, 1 + 4 * 2 * 4) / 8).astype(np.float32).reshape(4, 2, 2, 2)


def regrouped(
    place: Path, text: str, model: bytes, *, expand: bool = True, dry_run: bool = False
) -> tuple[ds.RegroupResult, str, bytes]:
    """The result, and both files that were written."""
    (place / "net").write_text(text)
    (place / "in").write_bytes(model)
    with chdir(place):  # messages name the files
        result = ds.regroup("net", "in", "net2", "out", expand=expand, force=True, dry_run=dry_run)
    if dry_run:
        return result, text, model
    return result, (place / "net2").read_text(), (place / "out").read_bytes()


# --- groups of any size

SIZES = {
    "blocks of two": (4, 4, 2),
    "blocks of three": (6, 6, 2),
    "one channel a group": (4, 4, 4),
    "fewer outputs than channels": (6, 4, 2),
    "one output a group": (6, 2, 2),
    "more outputs than channels": (4, 12, 4),
    "one channel": (2, 6, 2),
}


@pytest.mark.parametrize("case", SIZES)
def test_groups_of_any_size_expand(case: str, tmp_path: Path) -> None:
    channels, outputs, group = SIZES[case]
    weights = noise(channels, outputs // group, *KERNEL)
    model = layer_v2(b"up", b"Deconvolution", packed(weights) + dims(*weights.shape))
    text = net(channels, outputs, group)
    result, after, out = regrouped(tmp_path, text, model)
    (change,) = result.regrouping.changes
    assert (change.shape, change.after) == (weights.shape, (channels, outputs, *KERNEL))
    assert after.split() == text.replace(f"group: {group}", "group: 1").split()
    full = whole(weights, outputs, group)
    assert out == layer_v2(b"up", b"Deconvolution", packed(full) + dims(*full.shape))
    if channels == outputs == group:
        assert regrouped(tmp_path, after, out, expand=False)[1:] == (text, model)


@at_hand
@pytest.mark.parametrize("case", SIZES)
def test_caffe_computes_the_same_of_expanded_groups(case: str, tmp_path: Path) -> None:
    channels, outputs, group = SIZES[case]
    weights = noise(channels, outputs // group, *KERNEL)
    model = layer_v2(b"up", b"Deconvolution", packed(weights) + dims(*weights.shape))
    text = net(channels, outputs, group)
    _, after, out = regrouped(tmp_path, text, model)
    one, other = (
        real_caffe(*pair, forward=True).values["up"] for pair in ((text, model), (after, out))
    )
    assert np.abs(one).max() > 0.1
    np.testing.assert_allclose(other, one, rtol=0, atol=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_expands(form: str, tmp_path: Path) -> None:
    values, shape, in_layer, _ = FORMS[form]
    _, _, out = regrouped(tmp_path, net(4, 4, 2), in_layer(values(SMALL) + shape(4, 2, 2, 2)))
    full = whole(SMALL, 4, 2)
    after = packed(full) if form == "V2, one by one" else values(full)  # which become one field
    param = PARAM.replace(number(5, 2), number(5, 1))
    assert out == in_layer(after + shape(4, 4, 2, 2), param)


def test_hdf5_expands(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "made", "w") as file:
        file["data/up/0"] = SMALL
    (tmp_path / "made").replace(tmp_path / "in")
    regrouped(tmp_path, net(4, 4, 2), (tmp_path / "in").read_bytes())
    with h5py.File(tmp_path / "out") as file:
        assert np.array_equal(file["data/up/0"][()], whole(SMALL, 4, 2))


def test_more_than_a_blob_can_hold_is_refused(tmp_path: Path, words: Words) -> None:
    channels = 1 << 16
    weights = np.ones((channels, 1, 1, 1), np.float32)
    model = layer_v2(b"up", b"Deconvolution", sized(5, weights.tobytes()) + dims(*weights.shape))
    text = net(channels, channels, channels).replace("size: 2 stride: 2", "size: 1 stride: 1")
    with pytest.raises(ds.MismatchError) as raised:
        regrouped(tmp_path, text, model, dry_run=True)
    assert (raised.value.layer, numbers(raised.value.message)) == ("up", [2**31 - 1])
    words(raised.value)


def test_more_than_caffe_reads_is_said(tmp_path: Path, words: Words) -> None:
    channels = 24_000
    weights = np.ones((channels, 1, 1, 1), np.float32)
    model = layer_v2(b"up", b"Deconvolution", sized(5, weights.tobytes()) + dims(*weights.shape))
    text = net(channels, channels, channels).replace("size: 2 stride: 2", "size: 1 stride: 1")
    result, _, _ = regrouped(tmp_path, text, model, dry_run=True)
    (warning,) = result.warnings
    assert numbers(warning) == [result.output_size, 2]
    assert (result.output_size or 0) > 4 * channels**2
    words(warning)


# --- fillers

BILINEAR = 'weight_filler { type: "bilinear" }'
DROPPED = {
    "bilinear": BILINEAR,
    "as ParseNet called it": 'weight_filler { type: "bilinear_upsampling" }',
    "ones": 'weight_filler { type: "constant" value: 1 }',
    "a constant without type": "weight_filler { value: 0.25 }",
    "static": 'weight_filler { type: "constantstatic" value: 0.5 }',
}
LEFT = {
    "none": "",
    "zero": 'weight_filler { type: "constant" value: 0 }',
    "empty": "weight_filler { }",
    "random": 'weight_filler { type: "xavier" }',
}


def filler_of(words: str) -> bytes:
    """A ``weight_filler`` as a model has it."""
    message = NetParameter()
    from google.protobuf import text_format

    text_format.Parse(f"layer {{ convolution_param {{ {words} }} }}", message)
    return bytes(message.layer[0].convolution_param.SerializeToString())


@pytest.mark.parametrize("case", DROPPED | LEFT)
@pytest.mark.parametrize("version", ["V2", "V1"])
def test_a_filler_that_would_sum_goes(
    case: str, version: str, tmp_path: Path, words: Words
) -> None:
    """In net and model, each by what it has itself."""
    filler = (DROPPED | LEFT)[case]
    text = net(4, 4, 4, filler)
    blob = packed(SMALL[:, :1]) + dims(4, 1, 2, 2)
    param = number(1, 4) + number(5, 4) + filler_of(filler) + number(3, 7)
    model = layer_v2(b"up", b"Deconvolution", blob, after=sized(106, param))
    if version == "V1":
        text = text.replace('type: "Deconvolution"', "type: DECONVOLUTION")
        _, second = text.splitlines()
        text = f'input: "data" input_dim: [1, 4, 3, 3]\n{second.replace("layer {", "layers {")}\n'
        inner = sized(4, b"up") + number(5, V1_DECONVOLUTION) + sized(6, blob) + sized(10, param)
        model = sized(2, inner)
    result, after, out = regrouped(tmp_path, text, model)
    (change,) = result.regrouping.changes
    kept = "" if case in DROPPED else filler
    meant = text.replace("group: 4", "group: 1").replace(filler or "nothing", kept)
    assert after.split() == meant.split()
    layers = (*parsed(out).layer, *parsed(out).layers)
    (left,) = layers
    assert left.convolution_param.HasField("weight_filler") == bool(kept)
    assert (left.convolution_param.group, list(left.convolution_param.pad)) == (1, [7])
    assert len(change.told) == (case in DROPPED)
    if change.told:
        words(change.told, case)
    # Grouped again, the filler is not made up.
    assert "bilinear" not in regrouped(tmp_path, after, out, expand=False)[1]


def test_a_filler_in_the_net_or_in_the_model_alone(tmp_path: Path) -> None:
    blob = packed(SMALL[:, :1]) + dims(4, 1, 2, 2)
    bare = number(1, 4) + number(5, 4)
    for text, param in (
        (net(4, 4, 4, BILINEAR), bare),
        (net(4, 4, 4), bare + filler_of(BILINEAR)),
        (net(4, 4, 4, BILINEAR), bare + filler_of('weight_filler { type: "xavier" }')),
    ):
        model = layer_v2(b"up", b"Deconvolution", blob, after=sized(106, param))
        _, after, out = regrouped(tmp_path, text, model)
        assert "bilinear" not in after
        assert b"bilinear" not in out
        assert (b"xavier" in out) == (b"xavier" in param)


def test_every_layer_of_the_name_loses_its_filler(tmp_path: Path) -> None:
    param = "num_output: 4 group: 4 kernel_size: 2 stride: 2 bias_term: false"
    text = data_layer(1, 4, 3, 3) + "".join(
        up("up", f"{param} {filler}", more=f"include {{ phase: {phase} }}")
        for phase, filler in (("TRAIN", BILINEAR), ("TEST", LEFT["random"]))
    )
    blob = packed(SMALL[:, :1]) + dims(4, 1, 2, 2)
    _, after, _ = regrouped(tmp_path, text, layer_v2(b"up", b"Deconvolution", blob))
    assert after.split() == text.replace("group: 4", "group: 1").replace(BILINEAR, "").split()


def test_what_is_expanded_passes_check(tmp_path: Path) -> None:
    """Its filler was what ``check`` would have called DS008."""
    param = f"num_output: 4 group: 4 kernel_size: 4 stride: 2 pad: 1 bias_term: false {BILINEAR}"
    text = data_layer(1, 4, 3, 3) + up("up", param, more="param { lr_mult: 0 }")
    (tmp_path / "base").write_bytes(b"\x0a\x01n")
    (tmp_path / "first").write_text(text)
    ds.apply(tmp_path / "first", tmp_path / "base", tmp_path / "made")
    regrouped(tmp_path, text, (tmp_path / "made").read_bytes())
    assert ds.check(tmp_path / "net", tmp_path / "in").findings == ()
    assert ds.check(tmp_path / "net2", tmp_path / "out").findings == ()


# --- gradients

FULL = whole(SMALL[:, :1], 4, 4)
GRADIENTS = np.full((4, 4, 2, 2), 0.5, np.float32)
DIFFS: dict[str, Callable[[Array], bytes]] = {
    "diff": lambda each: sized(6, floats(*each.ravel())),
    "diff, one by one": lambda each: b"".join(tag(6, 5) + floats(v) for v in each.ravel()),
    "diff, in two pieces": lambda each: (
        sized(6, floats(*each.ravel()[:3])) + sized(6, floats(*each.ravel()[3:]))
    ),
    "double_diff": lambda each: sized(9, doubles(*each.ravel())),
    "double_diff, one by one": lambda each: b"".join(tag(9, 1) + doubles(v) for v in each.ravel()),
    "both": lambda each: sized(6, floats(*each.ravel())) + sized(9, doubles(*each.ravel())),
    "raw_diff": lambda each: number(11, 1) + sized(13, each.astype("<f4").tobytes()),
    "raw_diff, half": lambda each: number(11, 2) + sized(13, each.astype("<f2").tobytes()),
    "raw_diff of a type that is none": lambda each: (
        number(11, 7) + sized(13, each.astype("<f4").tobytes())
    ),
}


@pytest.mark.parametrize(("form", "kind"), campaign_of_pairs([*FORMS], [*DIFFS]))
@pytest.mark.parametrize("ahead", [False, True])
def test_gradients_of_the_old_shape_go(
    kind: str, form: str, ahead: bool, tmp_path: Path, words: Words
) -> None:
    """Whichever form they and the weights have, wherever they stand, in both directions."""
    values, shape, in_layer, _ = FORMS[form]
    for weights, group, expand in ((FULL, 1, False), (SMALL[:, :1], 4, True)):
        diff = DIFFS[kind](np.broadcast_to(np.float32(0.5), weights.shape))
        blob = values(weights) + shape(*weights.shape)
        text = net(4, 4, group)
        plain, _, without = regrouped(tmp_path, text, in_layer(blob, b""), expand=expand)
        whole_blob = diff + blob if ahead else blob + diff
        result, _, out = regrouped(tmp_path, text, in_layer(whole_blob, b""), expand=expand)
        assert out == without
        (change,) = result.regrouping.changes
        assert plain.regrouping.changes[0].told == ()
        (said,) = change.told
        words(said)


@at_hand
@pytest.mark.parametrize("form", [form for form, (*_, read) in FORMS.items() if read])
@pytest.mark.parametrize("kind", [kind for kind in DIFFS if not kind.startswith("raw")])
def test_caffe_loads_what_had_gradients(kind: str, form: str, tmp_path: Path) -> None:
    values, shape, in_layer, _ = FORMS[form]
    blob = values(FULL) + shape(*FULL.shape) + DIFFS[kind](GRADIENTS)
    text, model = net(4, 4, 1), in_layer(blob, b"")
    assert not real_caffe(text, model).stops
    _, after, out = regrouped(tmp_path, text, model, expand=False)
    answer = real_caffe(after, out, weights=True)
    assert not answer.stops, answer.message
    assert np.array_equal(answer.weights_of("up"), SMALL[:, :1])


def test_gradients_of_other_blobs_stay(tmp_path: Path) -> None:
    """The bias, and other layers, keep theirs."""
    bias = sized(5, floats(1, 2, 3, 4)) + dims(4) + sized(6, floats(5, 6, 7, 8))
    other = layer_v2(b"other", None, sized(5, floats(1)) + sized(6, floats(2)) + dims(1))
    text = net(4, 4, 1).replace("bias_term: false", "")
    blobs = [packed(FULL) + dims(*FULL.shape) + DIFFS["diff"](GRADIENTS), bias]
    _, _, out = regrouped(
        tmp_path, text, other + layer_v2(b"up", None, *blobs) + other, expand=False
    )
    small = packed(SMALL[:, :1]) + dims(4, 1, 2, 2)
    assert out == other + layer_v2(b"up", None, small, bias) + other


@pytest.mark.parametrize("there", [True, False])
def test_hdf5_gradients_of_the_old_shape_go(there: bool, tmp_path: Path) -> None:
    """Caffe does not load them (``Net::CopyTrainedLayersFromHDF5``); they would be of no shape."""
    with h5py.File(tmp_path / "in", "w") as file:
        file["data/up/0"], file["data/other/0"] = FULL, np.ones(3, "f4")
        file["diff/other/0"] = np.ones(3, "f4")
        file.create_group("diff/up")
        if there:
            file["diff/up/0"] = GRADIENTS
    model = (tmp_path / "in").read_bytes()
    result, after, out = regrouped(tmp_path, net(4, 4, 1), model, expand=False)
    (change,) = result.regrouping.changes
    assert len(change.told) == there
    with h5py.File(tmp_path / "out") as file:
        assert np.array_equal(file["data/up/0"][()], SMALL[:, :1])
        assert list(file["diff/up"]) == []
        assert np.array_equal(file["diff/other/0"][()], np.ones(3, "f4"))
    back = regrouped(tmp_path, after, out)[0]
    assert back.regrouping.changes[0].told == ()


@pytest.mark.parametrize("odd", ["a link", "a group", "no group", "the data itself"])
def test_hdf5_gradients_that_are_none(odd: str, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "in", "w") as file:
        file["data/up/0"] = FULL
        if odd == "a link":
            file["diff/up/0"] = h5py.SoftLink("/data/up/0")
        elif odd == "a group":
            file.create_group("diff/up/0")
        elif odd == "no group":
            file["diff"] = np.ones(3, "f4")
        else:
            file["diff"] = h5py.SoftLink("/data")
    result, _, _ = regrouped(tmp_path, net(4, 4, 1), (tmp_path / "in").read_bytes(), expand=False)
    assert result.regrouping.changes[0].told == ()
    with h5py.File(tmp_path / "out") as file:
        assert file["data/up/0"].shape == (4, 1, 2, 2)


def test_the_note_and_the_document(tmp_path: Path, words: Words) -> None:
    blob = packed(SMALL[:, :1]) + dims(4, 1, 2, 2) + DIFFS["diff"](SMALL[:, :1])
    (tmp_path / "net").write_text(net(4, 4, 4, BILINEAR))
    (tmp_path / "in").write_bytes(layer_v2(b"up", b"Deconvolution", blob))
    code, out, errors = run_here(tmp_path, "regroup", "--expand", "-n", "net", "in")
    assert (code, errors) == (0, b"")
    _, _, *notes, _ = out.decode().splitlines()
    assert [line.startswith("note: up: ") for line in notes] == [True, True]
    words(notes)
    _, out, _ = run_here(tmp_path, "regroup", "--expand", "-n", "--json", "net", "in")
    (row,) = json.loads(out)["layers"]
    assert [f"note: up: {each}" for each in row["told"]] == notes


# --- gradients elsewhere: the same answer

APPLIED = data_layer(1, 2, 3, 3) + up(
    "up", "num_output: 2 group: 2 kernel_size: 4 stride: 2 bias_term: false"
)
ZEROS, SHAPE = sized(5, bytes(2 * 16 * 4)), dims(2, 1, 4, 4)


def applied(
    place: Path, text: str, *blobs: bytes, **options: Any
) -> tuple[ds.ApplyChange, list[Any]]:
    """What was said of the layer, and its blobs then."""
    (place / "net").write_text(text)
    (place / "in").write_bytes(layer_v2(b"up", b"Deconvolution", *blobs))
    result = ds.apply(place / "net", place / "in", place / "out", force=True, **options)
    (change,) = result.plan.changes
    return change, list(parsed((place / "out").read_bytes()).layer[0].blobs)


@pytest.mark.parametrize("kind", [kind for kind in DIFFS if not kind.endswith("is none")])
def test_apply_leaves_gradients_and_says_where_caffe_stops_at_them(
    kind: str, tmp_path: Path, words: Words
) -> None:
    applied(tmp_path, APPLIED, ZEROS + SHAPE)
    values = wire.values_range((tmp_path / "out").read_bytes(), "up")
    filled = (tmp_path / "out").read_bytes()[slice(*values)]
    fits, other = DIFFS[kind](np.ones(32, "f4")), DIFFS[kind](np.ones(5, "f4"))
    change, _ = applied(tmp_path, APPLIED, fits + ZEROS + SHAPE)
    meant = fits + sized(5, filled) + SHAPE
    assert (tmp_path / "out").read_bytes() == layer_v2(b"up", b"Deconvolution", meant)
    words(change.warnings, "fits")
    change, _ = applied(tmp_path, APPLIED, other + ZEROS + SHAPE)
    meant = other + sized(5, filled) + SHAPE
    assert (tmp_path / "out").read_bytes() == layer_v2(b"up", b"Deconvolution", meant)
    (said,) = change.warnings
    assert numbers(said) == [5, 32]
    words(said, "does not")


def test_apply_leaves_gradients_of_weights_that_stay(tmp_path: Path) -> None:
    _, (blob,) = applied(tmp_path, APPLIED, ZEROS + SHAPE)
    right = blob.SerializeToString() + DIFFS["diff"](np.ones(5, "f4"))
    change, (blob,) = applied(tmp_path, APPLIED, right)
    assert (change.values_changed, len(blob.diff)) == (0, 5)


def test_apply_says_it_of_a_bias_gradient_too(tmp_path: Path, words: Words) -> None:
    text = APPLIED.replace("bias_term: false", "")
    bias = sized(5, floats(1, 2)) + dims(2) + DIFFS["diff"](np.ones(3, "f4"))
    change, (_, blob) = applied(tmp_path, text, ZEROS + SHAPE, bias, zero_bias=True)
    assert (list(blob.data), list(blob.diff)) == ([0, 0], [1, 1, 1])
    assert numbers(change.warnings[0]) == [3, 2]
    words(change.warnings[0])


def test_transplant_takes_no_gradients(tmp_path: Path) -> None:
    (tmp_path / "net").write_text(APPLIED)
    blob = ZEROS + SHAPE + DIFFS["diff"](np.ones(32, "f4"))
    (tmp_path / "in").write_bytes(layer_v2(b"up", b"Deconvolution", blob))
    ds.transplant(tmp_path / "net", tmp_path / "in", tmp_path / "out")
    found = parsed((tmp_path / "out").read_bytes())
    assert [len(each.diff) for each in found.layer[1].blobs] == [0]


def test_convert_says_which_hdf5_gradients_it_leaves_out(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "in", "w") as file:
        file["data/up/0"] = np.zeros((2, 1, 4, 4), "f4")
        file["diff/up/0"] = np.zeros((2, 1, 4, 4), "f4")
    for options, told in (
        ({"to": "binary"}, 1),
        ({"to": "hdf5"}, 0),  # nothing changes: a copy
        ({"to": "hdf5", "values": "float64"}, 1),
    ):
        result = ds.convert(tmp_path / "in", tmp_path / "out", force=True, **options)
        assert len(result.warnings) == told
        assert (b"diff" in (tmp_path / "out").read_bytes()) == (not told)


# --- nothing to change is unchanged

LEARNED = "num_output: 2 kernel_size: 3"
UNCHANGED: dict[str, tuple[str, bool, tuple[int, ...] | None]] = {
    "no weights": (net(4, 4, 4), False, (4, 1, 2, 2)),
    "no weights, one group": (net(4, 4, 1), True, (4, 4, 2, 2)),
    "learned, of other outputs": (data_layer(1, 4, 3, 3) + up("up", LEARNED), True, (4, 2, 3, 3)),
    "channels unknown": (
        layer("data", "HDF5Data", bottom="") + up("up", LEARNED),
        True,
        None,
    ),
    "no kernel": (data_layer(1, 4, 3, 3) + up("up", "num_output: 4 group: 4"), False, None),
    "shared": (
        net(4, 4, 4).replace('top: "up"', 'top: "up" param { name: "w" }')
        + conv("mine", "num_output: 4 kernel_size: 2", more='param { name: "w" }'),
        False,
        (4, 1, 2, 2),
    ),
}


@pytest.mark.parametrize("case", UNCHANGED)
def test_where_nothing_is_to_change_nothing_is_refused(case: str, tmp_path: Path) -> None:
    text, expand, shape = UNCHANGED[case]
    (tmp_path / "net").write_text(text)
    (tmp_path / "in").write_bytes(layer_v2(b"other", None, sized(5, floats(1)) + dims(1)))
    words = ["regroup", *(["--expand"] if expand else []), "net", "in", "net2", "out"]
    code, out, errors = run_here(tmp_path, *words)
    assert (code, errors) == (0, b"")
    assert (tmp_path / "net2").read_text() == text
    assert (tmp_path / "out").read_bytes() == (tmp_path / "in").read_bytes()
    _, out, _ = run_here(tmp_path, *words[:-2], "--json", "-n")
    (row,) = json.loads(out)["layers"]
    assert (row["action"], row["told"]) == ("unchanged", [])
    assert row["shape"]["after"] == (None if shape is None else list(shape))


def test_one_that_stays_beside_one_that_changes(tmp_path: Path) -> None:
    """Not all of the layers or none, because one has no weights in the model."""
    full = layer_v2(b"up", b"Deconvolution", packed(FULL) + dims(*FULL.shape))
    text = net(4, 4, 1) + up("up2", "num_output: 4 group: 4 kernel_size: 4", bottom="up")
    result, _, _ = regrouped(tmp_path, text, full, expand=False)
    assert [each.target.layer.name for each in result.regrouping.changes] == ["up"]
    assert [each.target.layer.name for each in result.regrouping.kept] == ["up2"]


def test_a_model_of_other_groups_than_the_net_is_refused(tmp_path: Path) -> None:
    """The net's group is right already, the model's weights are not of it."""
    full = layer_v2(b"up", b"Deconvolution", packed(FULL) + dims(*FULL.shape))
    with pytest.raises(ds.MismatchError) as raised:
        regrouped(tmp_path, net(4, 4, 4), full, expand=False)
    # The blob, both shapes, the group that the model's is of, and the net's; what fits, again.
    assert numbers(raised.value.message) == [0, 4, 1, 2, 2, 4, 4, 2, 2, 1, 4, 1]


def test_namesakes_of_other_groups_do_not_stay(tmp_path: Path) -> None:
    """One of them has the group that is asked for, the other has not."""
    text = data_layer(1, 4, 3, 3) + "".join(
        up(
            "up",
            f"num_output: 4 group: {group} kernel_size: 2 stride: 2 bias_term: false",
            more=f"include {{ phase: {phase} }}",
        )
        for group, phase in ((4, "TEST"), (1, "TRAIN"))
    )
    full = layer_v2(b"up", b"Deconvolution", packed(FULL) + dims(*FULL.shape))
    with pytest.raises(ds.MismatchError):
        regrouped(tmp_path, text, full, expand=False)
