"""A binary model in another of its forms, held against protobuf, numpy and OpenCV.

What a file holds is read by protobuf, and byte by byte by a walker that shares nothing with the
package; HDF5 and the command line have files of their own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from google.protobuf import text_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import deconvsurgery as ds
from helpers.campaigns import campaign_but
from helpers.models import NetParameter, parsed
from helpers.oracles import opencv_forward, ramp
from helpers.places import LAYOUTS
from helpers.real_caffe import at_hand as needs_caffe
from helpers.real_caffe import real_caffe
from helpers.wire import (
    FIXED32,
    FIXED64,
    besides,
    dims,
    doubles,
    fields,
    floats,
    layer_v1,
    layer_v2,
    legacy_dims,
    number,
    payloads,
    sized,
    tag,
    varint,
)
from helpers.words import Words, names, numbers

Array = NDArray[Any]


# --- bytes, written and walked by hand


def layer(name: str, kind: str, *blobs: bytes, around: tuple[bytes, bytes] = (b"", b"")) -> bytes:
    """A V2 layer as a field of the net, with other fields around its blobs."""
    before, after = around
    return layer_v2(name.encode(), kind.encode(), *blobs, before=before, after=after)


# caffe.proto: of NetParameter the layers, of those the blobs.
V2, V1 = (100, 7), (2, 6)


def blobs_of(data: bytes, generation: tuple[int, int] = V2) -> list[list[bytes]]:
    """The blobs of each layer, as they stand."""
    layers, blobs = generation
    return [payloads(layer, blobs) for layer in payloads(data, layers)]


WIDTHS = {"<f2": 2, "<f4": 4, "<f8": 8}
RAW = {0: "<f8", 1: "<f4", 2: "<f2"}  # NVIDIA's Type


def held(blob: bytes) -> Array:
    """A blob's values by NVIDIA's rule: double_data, else data, else raw_data."""
    for field, dtype in ((8, "<f8"), (5, "<f4")):
        payload = b"".join(payloads(blob, field))
        if payload:
            return np.frombuffer(payload, dtype)
    raw = payloads(blob, 12)
    if not raw or not raw[-1]:
        return np.empty(0, "<f4")
    return np.frombuffer(raw[-1], RAW[payloads(blob, 10)[-1][0]])


def same(one: Array, other: Array) -> bool:
    """The same bits, and the same type."""
    return one.dtype == other.dtype and one.tobytes() == other.tobytes()


ONE = sized(5, floats(1)) + dims(1)  # a blob of one value


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("convert")


def converted(
    data: bytes, folder: Path, *, net: str | None = None, **options: Any
) -> tuple[ds.ConvertResult, bytes]:
    """What comes of a model; a net is given as text."""
    (folder / "in.caffemodel").write_bytes(data)
    if net is not None:
        (folder / "net.prototxt").write_text(net)
        options["net"] = folder / "net.prototxt"
    out = folder / "out.caffemodel"
    result = ds.convert(folder / "in.caffemodel", out, force=True, **options)
    assert (folder / "in.caffemodel").read_bytes() == data
    assert result.written
    assert result.output_size == out.stat().st_size
    assert result.changed == (out.read_bytes() != data)
    return result, out.read_bytes()


# As Caffe saved them: a kernel, groups, a full diagonal, biases.
FEW = ("k04_g3", "factor2_dense", "bias_default", "gauss")
SAVED = campaign_but(FEW, sorted(LAYOUTS.glob("*.caffemodel")), lambda path: path.stem)


def unchanged(data: bytes, folder: Path, **options: Any) -> None:
    result, out = converted(data, folder, **options)
    assert out == data
    assert not result.changed
    assert not result.conversion.changed


# --- values

SHAPE = (2, 1, 3, 4)
EIGHTHS = np.arange(-12, 12) / 8  # exact in every type
F2, F4, F8 = (EIGHTHS.astype(dtype) for dtype in WIDTHS)


def unpacked(field: int, values: Array) -> bytes:
    wire = {4: FIXED32, 8: FIXED64}[values.itemsize]
    return b"".join(tag(field, wire) + value.tobytes() for value in values)


def raw(kind: int, values: Array) -> bytes:
    return number(10, kind) + sized(12, values.tobytes())


STORED: dict[str, tuple[str, bytes]] = {
    "data": ("float32", sized(5, F4.tobytes())),
    "data, unpacked": ("float32", unpacked(5, F4)),
    "data, in chunks": (
        "float32",
        sized(5, F4[:5].tobytes()) + unpacked(5, F4[5:9]) + dims() + sized(5, F4[9:].tobytes()),
    ),
    "double_data": ("float64", sized(8, F8.tobytes())),
    "double_data, unpacked": ("float64", unpacked(8, F8)),
    "double_data, in chunks": (
        "float64",
        unpacked(8, F8[:2]) + sized(8, F8[2:20].tobytes()) + unpacked(8, F8[20:]),
    ),
    "both, of which double_data counts": (
        "float64",
        sized(5, (F4 + 1).tobytes()) + sized(8, F8.tobytes()),
    ),
    "both, interleaved": (
        "float64",
        sized(8, F8[:7].tobytes()) + sized(5, F4[:3].tobytes()) + unpacked(8, F8[7:]),
    ),
    "raw half": ("raw-float16", raw(2, F2)),
    "raw float": ("raw-float32", raw(1, F4)),
    "raw double": ("raw-float64", raw(0, F8)),
    "raw, type behind": ("raw-float16", sized(12, F2.tobytes()) + number(10, 2)),
    "raw, superseded": ("raw-float16", raw(0, F8 + 1) + raw(2, F2)),
    "raw behind empty fields": ("raw-float32", sized(5, b"") + sized(8, b"") + raw(1, F4)),
}
TARGETS = {
    "float32": ("<f4", [5]),
    "float64": ("<f8", [8]),
    "raw-float16": ("<f2", [10, 12]),
    "raw-float32": ("<f4", [10, 12]),
    "raw-float64": ("<f8", [10, 12]),
}
VALUE_FIELDS = {5, 8, 10, 12}
# Other things that stand in a file: nobody's fields of every wire type, lengths spelt too long.
ODD = b"\xf8\x3f\x85\x80\x00" + b"\xfd\x3fabcd" + b"\xf9\x3fabcdefgh" + b"\xfa\x3f\x82\x80\x00ok"


def around(values: bytes) -> bytes:
    """A model whose middle layer has the values; oddities beside them on every level."""
    blob = ODD + dims(*SHAPE) + values + sized(6, F4.tobytes()) + ODD
    return (
        ODD
        + layer("data", "Input", around=(ODD, sized(149, b"\xff\xff")))
        + sized(1, b"net")
        + layer("up", "Deconvolution", blob, around=(ODD, sized(106, number(1, 2)) + ODD))
        + layer("last", "ReLU", around=(sized(3, b"a"), ODD))
        + ODD
        + layer("one", "Scale", ONE)
    )


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("stored", STORED)
def test_values_go_from_any_field_to_any(stored: str, target: str, folder: Path) -> None:
    own, values = STORED[stored]
    data = around(values)
    if target == own and target == "float32":
        unchanged(data, folder, values=target)
        return
    result, out = converted(data, folder, values=target)
    dtype, wanted = TARGETS[target]
    before, after = blobs_of(data)[1][0], blobs_of(out)[1][0]
    assert held(after).dtype == dtype
    assert (held(after) == EIGHTHS).all()
    if target == own:
        assert after == before
    else:
        # One packed field, and none left that held values or told their type before.
        found = [each.number for each in fields(after) if each.number in VALUE_FIELDS]
        assert found == wanted
        assert result.conversion.layers[1].blobs[0].max_abs_change == 0

    # Every other field of the blob, of the layers and of the net has its bytes, in its order.
    assert besides(after, *VALUE_FIELDS) == besides(before, *VALUE_FIELDS)
    for one, other in zip(payloads(data, 100), payloads(out, 100), strict=True):
        assert besides(one, 7) == besides(other, 7)
    assert besides(data, 100) == besides(out, 100)
    assert [each.number for each in fields(data)] == [each.number for each in fields(out)]

    # BVLC's Caffe wants as many values as the shape says.
    if target in ("float32", "float64"):
        (_, up, _, one) = parsed(out).layer
        blob = up.blobs[0]
        assert list(blob.double_data or blob.data) == EIGHTHS.tolist()
        assert len(blob.double_data or blob.data) == np.prod(blob.shape.dim)
        assert list(blob.diff) == EIGHTHS.tolist()
        assert [*one.blobs[0].data, *one.blobs[0].double_data] == [1]
    unchanged(out, folder, values=target)


@pytest.mark.parametrize("stored", STORED)
def test_what_is_kept_is_kept_byte_for_byte(stored: str, folder: Path) -> None:
    unchanged(around(STORED[stored][1]), folder, values="keep")


@pytest.mark.parametrize("path", SAVED)
def test_what_caffe_saves_has_the_form(path: Path, folder: Path) -> None:
    unchanged(path.read_bytes(), folder)
    unchanged(
        path.read_bytes(), folder, values="float32", net=path.with_suffix(".prototxt").read_text()
    )


SPECIAL = np.array([np.nan, np.inf, -np.inf, -0.0, 0.0, 1e-45, -3.4e38, 1 / 3], "<f4")


@pytest.mark.parametrize("through", ["float64", "raw-float64", "raw-float32"])
def test_there_and_back_is_bit_equal(through: str, folder: Path) -> None:
    noise = np.random.default_rng(1).normal(size=300_000).astype("<f4")  # more than is read at once
    values = np.concatenate([SPECIAL, noise, SPECIAL])
    data = layer("a", "Scale", sized(5, values.tobytes()) + dims(len(values)))
    result, there = converted(data, folder, values=through)
    assert result.conversion.layers[0].max_abs_change == 0
    assert (held(blobs_of(there)[0][0]) == values)[~np.isnan(values)].all()
    _, back = converted(there, folder)
    assert back == data


def test_half_widens_and_comes_back(folder: Path) -> None:
    """Every finite half, both infinities, a NaN."""
    values = np.arange(1 << 16, dtype="<u2").view("<f2")
    values = np.concatenate(
        [values[np.isfinite(values)], np.array([np.inf, -np.inf, np.nan], "<f2")]
    )
    data = layer("a", "Scale", raw(2, values) + dims(len(values)))
    for wide in ("float32", "float64", "raw-float32", "raw-float64"):
        _, there = converted(data, folder, values=wide)
        result, back = converted(there, folder, values="raw-float16")
        assert same(held(blobs_of(back)[0][0]), values)
        assert result.conversion.layers[0].max_abs_change == 0


@pytest.mark.parametrize(
    ("before", "after"),
    [("<f4", "raw-float16"), ("<f8", "raw-float16"), ("<f8", "float32"), ("<f8", "raw-float32")],
)
def test_rounding_is_numpys_and_is_told(before: str, after: str, folder: Path) -> None:
    spread = np.random.default_rng(2)
    values = (spread.normal(size=400_000) * 10.0 ** spread.integers(-9, 4, 400_000)).astype(before)
    values[-1] = 4097.7  # what is rounded most stands where it is read last
    values[1:4] = [np.nan, np.inf, -np.inf]
    field = {"<f4": 5, "<f8": 8}[before]
    data = layer("a", "Scale", sized(field, values.tobytes()) + dims(len(values)))
    result, out = converted(data, folder, values=after)
    rounded = values.astype(TARGETS[after][0])
    found = held(blobs_of(out)[0][0])
    assert np.isnan(found[1])
    assert same(found[2:], rounded[2:])
    finite = np.isfinite(values)
    largest = np.abs(values[finite].astype(np.longdouble) - rounded[finite]).max()
    assert result.conversion.layers[0].max_abs_change == largest > 0


# --- what a type cannot hold


@pytest.mark.parametrize(
    ("values", "target", "told"),
    [
        (np.array([1, -70000, 1e5], "<f4"), "raw-float16", -70000),
        (np.array([np.inf, 65520], "<f4"), "raw-float16", 65520),
        (np.array([np.nan, 1e39], "<f8"), "float32", 1e39),
        (np.array([0, -1e300], "<f8"), "raw-float32", -1e300),
        (np.array([0, 1e300], "<f8"), "raw-float16", 1e300),
    ],
)
def test_a_value_beyond_its_type_leaves_its_blob_as_it_was(
    values: Array, target: str, told: float, tmp_path: Path, words: Words
) -> None:
    field = 5 if values.itemsize == 4 else 8
    wild = sized(field, values.tobytes()) + dims(len(values))
    data = layer("fine", "Scale", ONE) + layer("wild", "Scale", wild, ONE)
    (tmp_path / "in").write_bytes(data)
    result = ds.convert(tmp_path / "in", tmp_path / "out", values=target)
    fine, kept = result.conversion.layers
    assert [each.beyond for each in (*fine.blobs, *kept.blobs)] == [None, told, None]
    assert fine.told == ()
    (note,) = kept.told
    assert numbers(note)[:1] == [0]  # the blob
    words(note, target)
    # The blob beside it is converted, and this one has its bytes.
    blobs = blobs_of((tmp_path / "out").read_bytes())
    assert blobs[1][0] == wild
    assert blobs[1][1] == blobs[0][0]
    assert (blobs[0][0] != ONE) == (target != "float32")
    # A second run has nothing left to do.
    again = ds.convert(tmp_path / "out", values=target, dry_run=True)
    assert not again.changed
    assert [each.told for each in again.conversion.layers] == [(), (note,)]
    with pytest.raises(ds.ModelError) as raised:
        ds.convert(tmp_path / "in", tmp_path / "no", values=target, strict=True)
    error = raised.value
    assert (error.layer, error.path) == ("wild", str(tmp_path / "in"))
    assert names(error.message) == ["wild"]
    assert numbers(error.message)[:2] == [0, told]
    assert "values=…" in str(error.hint)
    words(error, "strict")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]


def test_strict_names_every_layer_with_a_value_beyond(tmp_path: Path, words: Words) -> None:
    large = sized(5, floats(7e4)) + dims(1)
    data = b"".join(layer(f"bn{i}", "BatchNorm", ONE, large, large) for i in range(3))
    (tmp_path / "in").write_bytes(data)
    with pytest.raises(ds.ModelError) as raised:
        ds.convert(tmp_path / "in", values="raw-float16", strict=True, dry_run=True)
    assert names(raised.value.message) == ["bn0", "bn1", "bn2"]
    words(raised.value)
    # Where all fit, and where they are not rounded, strict refuses nothing.
    ds.convert(tmp_path / "in", values="raw-float32", strict=True, dry_run=True)


@pytest.mark.parametrize("old", [False, True], ids=["V2", "V1"])
@pytest.mark.parametrize(
    ("options", "changed"),
    [
        ({"patterns": "conv"}, "conv1 conv2"),
        ({"patterns": ["conv*"], "exclude": "re:2$"}, "conv1"),
        ({"exclude": ["*bn*"]}, "conv1 conv2 fc"),
        ({"patterns": ("fc", "bn")}, "bn fc"),
    ],
)
def test_patterns_choose_whose_values_change(
    options: Any, changed: str, old: bool, folder: Path
) -> None:
    made = {}
    for name in ("conv1", "bn", "conv2", "fc"):
        made[name] = layer_v1(name.encode(), 4, ONE) if old else layer(name, "Scale", ONE)
    (folder / "in").write_bytes(b"".join(made.values()))
    result = ds.convert(folder / "in", folder / "out", values="raw-float16", force=True, **options)
    taken = [
        each.source.name
        for each in result.conversion.layers
        if any(blob.retyped for blob in each.blobs)
    ]
    assert taken == changed.split()
    for name, blobs in zip(made, blobs_of((folder / "out").read_bytes()), strict=True):
        assert (blobs == [ONE]) == (name not in taken)
    # Old layers are upgraded all the same: only values are limited.
    assert result.after == "V2"


@needs_caffe
def test_a_real_caffe_loads_what_stayed(tmp_path: Path) -> None:
    """A blob of doubles that no float32 can hold stays, and BVLC's Caffe reads it still."""
    text = """layer { name: "a" type: "Parameter" top: "a"
      parameter_param { shape { dim: 2 } } }"""
    data = layer("a", "Parameter", sized(8, doubles(1, 1e39)) + dims(2))
    (tmp_path / "in").write_bytes(data)
    ds.convert(tmp_path / "in", tmp_path / "out")
    answer = real_caffe(text, tmp_path / "out", weights=True)
    assert not answer.stops
    assert answer.weights_of("a").tolist() == [1, np.inf]


def test_the_largest_half_is_rounded_to(folder: Path) -> None:
    values = np.array([65519.996, -65504, 65504, 6e-8, 2e-8], "<f4")
    data = layer("a", "Scale", sized(5, values.tobytes()) + dims(5))
    result, out = converted(data, folder, values="raw-float16")
    assert held(blobs_of(out)[0][0]).tolist() == [65504, -65504, 65504, 2.0**-24, 0]
    assert result.conversion.layers[0].max_abs_change == pytest.approx(15.996, rel=1e-4)


# --- legacy dims


def legacy_model(*layers: tuple[str, str, Sequence[Sequence[int]]]) -> bytes:
    """Layers of a name, a type and blobs whose legacy dims are these."""
    return b"".join(
        layer(
            name,
            kind,
            *(
                legacy_dims(*shape) + sized(5, np.arange(np.prod(shape), dtype="<f4").tobytes())
                for shape in shapes
            ),
        )
        for name, kind, shapes in layers
    )


def shapes_of(data: bytes) -> dict[str, list[list[int]]]:
    """The shape of each blob by protobuf, none of which may have legacy dims."""
    found: dict[str, list[list[int]]] = {}
    for each in parsed(data).layer:
        for blob in each.blobs:
            assert not any(map(blob.HasField, ("num", "channels", "height", "width")))
        found[each.name] = [list(blob.shape.dim) for blob in each.blobs]
    return found


def test_types_tell_how_many_axes_are_meant(folder: Path) -> None:
    data = legacy_model(
        ("conv", "Convolution", [(6, 3, 2, 5), (1, 1, 1, 6)]),
        ("one", "Convolution", [(1, 1, 1, 1), (1, 1, 1, 1)]),
        ("up", "Deconvolution", [(3, 1, 4, 4), (1, 1, 1, 3)]),
        ("fc", "InnerProduct", [(1, 1, 10, 24), (1, 1, 1, 10)]),
        ("column", "InnerProduct", [(1, 1, 1, 24)]),
    )
    result, out = converted(data, folder)
    assert shapes_of(out) == {
        "conv": [[6, 3, 2, 5], [6]],
        "one": [[1, 1, 1, 1], [1]],
        "up": [[3, 1, 4, 4], [3]],
        "fc": [[10, 24], [10]],
        "column": [[1, 24]],
    }
    assert result.warnings == ()
    # Nothing but the dims has changed.
    message, before = parsed(out), parsed(data)
    for one, other in zip(message.layer, before.layer, strict=True):
        for new, old in zip(one.blobs, other.blobs, strict=True):
            assert new.data == old.data
            new.CopyFrom(old)
    assert message == before
    unchanged(out, folder)
    unchanged(data, folder, true_shapes=False)


@pytest.mark.parametrize(
    ("kind", "shapes"),
    [
        ("PReLU", [(1, 1, 1, 3)]),
        ("BN", [(1, 3, 1, 1), (1, 3, 1, 1)]),
        ("", [(1, 1, 1, 3)]),
        ("Convolution", [(3, 3, 1, 1), (3, 1, 1, 1)]),  # a bias that Caffe does not load
        ("Convolution", [(3, 3, 1, 1), (1, 1, 1, 3), (1, 1, 1, 3)]),  # blobs it does not have
        ("InnerProduct", [(3, 4, 1, 1)]),
        ("InnerProduct", [(3, 1, 1, 4)]),
    ],
)
def test_what_is_not_certain_stays_legacy_and_is_told(
    kind: str, shapes: Sequence[Sequence[int]], folder: Path, words: Words
) -> None:
    data = legacy_model(("strange", kind, shapes))
    result, out = converted(data, folder)
    last = parsed(out).layer[0].blobs[len(shapes) - 1]
    assert [last.num, last.channels, last.height, last.width] == list(shapes[-1])
    assert not last.HasField("shape")
    (warning,) = result.warnings
    assert names(warning)[0] == "strange"
    assert "net=…" in warning
    words(warning)
    unchanged(data, folder, true_shapes=False)


INFERRED = """
name: "every type"
layer { name: "data" type: "Input" top: "data"
   input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
layer { name: "prelu" type: "PReLU" bottom: "data" top: "prelu" }
layer { name: "shared" type: "PReLU" bottom: "prelu" top: "shared"
   prelu_param { channel_shared: true } }
layer { name: "bn" type: "BatchNorm" bottom: "shared" top: "bn" }
layer { name: "scale" type: "Scale" bottom: "bn" top: "scale" scale_param { bias_term: true } }
layer { name: "axes" type: "Scale" bottom: "scale" top: "axes" scale_param { axis: 2 num_axes: 2 } }
layer { name: "bias" type: "Bias" bottom: "axes" top: "bias" bias_param { axis: 1 num_axes: 3 } }
layer { name: "fork_bn" type: "BN" bottom: "bias" top: "fork_bn"
  bn_param { scale_filler { value: 1 } } }
layer { name: "psp_bn" type: "BN" bottom: "fork_bn" top: "psp_bn"
  bn_param { frozen: true } }
layer { name: "fc" type: "InnerProduct" bottom: "psp_bn" top: "fc"
   inner_product_param { num_output: 5 } }
layer { name: "embed" type: "Embed" bottom: "fc" top: "embed"
   embed_param { input_dim: 7 num_output: 2 } }
layer { name: "transposed" type: "InnerProduct" bottom: "fc" top: "transposed"
        inner_product_param { num_output: 4 transpose: true } }
"""
# BatchNorm: mean, variance, factor. The BN of SegNet and of PSPNet has blobs of four axes.
TRUE_SHAPES = {
    "prelu": [[3]],
    "shared": [[]],
    "bn": [[3], [3], [1]],
    "scale": [[3], [3]],
    "axes": [[8, 8]],
    "bias": [[3, 8, 8]],
    "fork_bn": [[1, 3, 1, 1]] * 2,
    "psp_bn": [[1, 3, 1, 1]] * 4,
    "fc": [[5, 192], [5]],
    "embed": [[7, 2], [2]],
    "transposed": [[5, 4], [4]],
}


def test_a_net_tells_what_a_type_does_not(folder: Path) -> None:
    padded = {
        name: [[1] * (4 - len(shape)) + shape for shape in shapes]
        for name, shapes in TRUE_SHAPES.items()
    }
    data = legacy_model(*((name, "Whatever", shapes) for name, shapes in padded.items()))
    result, out = converted(data, folder, net=INFERRED)
    assert shapes_of(out) == TRUE_SHAPES
    assert result.warnings == ()
    # A scalar has one value and no shape at all, as Caffe writes it.
    (scalar,) = parsed(out).layer[1].blobs
    assert (scalar.HasField("shape"), list(scalar.data)) == (False, [0])
    unchanged(data, folder, net=INFERRED, true_shapes=False)
    unchanged(out, folder, net=INFERRED)


def test_a_net_that_says_otherwise_leaves_dims_alone(folder: Path, words: Words) -> None:
    data = legacy_model(("prelu", "PReLU", [(1, 1, 1, 4)]), ("stranger", "PReLU", [(1, 1, 1, 4)]))
    result, out = converted(data, folder, net=INFERRED)
    assert out == data
    warning, misfit = result.warnings
    assert names(warning) == ["prelu", "stranger"]
    assert names(misfit) == ["prelu"]
    words(warning)


def test_of_both_forms_one_true_shape_is_left(folder: Path) -> None:
    """Caffe ignores the shape where there are legacy dims."""
    values = sized(5, np.arange(12, dtype="<f4").tobytes())
    blob = number(1, 1) + dims(9, 9) + number(2, 1) + values + number(3, 3) + dims(9) + number(4, 4)
    data = layer("fc", "InnerProduct", blob)
    _, out = converted(data, folder)
    assert blobs_of(out) == [[values + dims(3, 4)]]
    unchanged(data, folder, true_shapes=False)


def test_scalars_stay_scalars(folder: Path) -> None:
    data = layer("a", "PReLU", sized(5, b"\0\0\x80\x3f"))
    unchanged(data, folder)
    _, out = converted(data, folder, values="float64")
    assert blobs_of(out) == [[sized(8, b"\0\0\0\0\0\0\xf0\x3f")]]


@pytest.mark.parametrize(
    ("step", "least"),
    [
        pytest.param(20, 50, id="some"),
        pytest.param(1, 1000, id="all", marks=pytest.mark.campaign),
    ],
)
def test_every_shape_that_caffe_has_comes_out_of_its_legacy_dims(
    step: int, least: int, shared: Path, tmp_path: Path
) -> None:
    """Nets that a Caffe was run on: no type told, four dims, and the net."""
    told = json.loads((shared / "golden" / "shapes" / "shapes.json").read_text())
    nets: dict[str, dict[str, list[list[int]]]] = {}
    for key, each in told.items():
        nets.setdefault(key.split("|")[0], {}).update(each["params"])
    count = 0
    for path, params in sorted(nets.items())[::step]:
        model: Any = NetParameter()
        wanted: dict[str, list[list[int]]] = {}
        for name, shapes in params.items():
            if any(len(shape) > 4 for shape in shapes):
                continue
            saved = model.layer.add(name=name)
            for shape in shapes:
                four = [1] * (4 - len(shape)) + shape
                saved.blobs.add(num=four[0], channels=four[1], height=four[2], width=four[3])
            wanted[name] = shapes
        (tmp_path / "in").write_bytes(model.SerializeToString())
        ds.convert(tmp_path / "in", tmp_path / "out", net=shared / path, force=True)
        found = shapes_of_any(tmp_path / "out")
        wrong = {name: found[name] for name in wanted if found[name] != wanted[name]}
        assert wrong == {}, path
        count += len(wanted)
    assert count > least


def shapes_of_any(path: Path) -> dict[str, list[list[int]]]:
    return {
        each.name: [
            [blob.num, blob.channels, blob.height, blob.width]
            if blob.HasField("num")
            else list(blob.shape.dim)
            for blob in each.blobs
        ]
        for each in parsed(path.read_bytes()).layer
    }


# --- old layers

V1_TEXT = """
name: "old"
input: "image" input: "mask"
input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 9
input_dim: 2 input_dim: 1 input_dim: 4 input_dim: 5
force_backward: true
state { phase: TEST level: 2 }
debug_info: true
layers { name: "data" type: DATA top: "data" top: "label"
  data_param { source: "lmdb" batch_size: 4 scale: 0.5 mean_file: "mean" crop_size: 7 mirror: true }
  transform_param { crop_size: 3 force_color: true }
  include { phase: TRAIN not_stage: "deploy" } }
layers { name: "conv" type: CONVOLUTION bottom: "image" top: "conv"
  blobs_lr: 1 blobs_lr: 2 weight_decay: 1 weight_decay: 0 weight_decay: 3 param: "w"
  blob_share_mode: PERMISSIVE
  convolution_param { num_output: 2 kernel_size: 1 weight_filler { type: "xavier" } }
  blobs { num: 2 channels: 3 height: 1 width: 1 data: [1, 2, 3, 4, 5, 6] diff: [6, 5, 4, 3, 2, 1] }
  blobs { num: 1 channels: 1 height: 1 width: 2 double_data: [0.1, 0.2] } }
layers { name: "relu" type: RELU bottom: "conv" top: "conv" relu_param { negative_slope: 0.25 } }
layers { name: "pool" type: POOLING bottom: "conv" top: "pool"
   pooling_param { pool: AVE kernel_size: 2 } }
layers { name: "up" type: DECONVOLUTION bottom: "pool" top: "up" blobs_lr: 0
  convolution_param { num_output: 2 group: 2 kernel_size: 1 bias_term: false }
  blobs { num: 2 channels: 1 height: 1 width: 1 data: [7, 8] } }
layers { name: "fc" type: INNER_PRODUCT bottom: "up" top: "fc" inner_product_param { num_output: 2 }
  blobs { num: 1 channels: 1 height: 2 width: 3 data: [1, 2, 3, 4, 5, 6] }
  blobs { shape { dim: 2 } data: [9, 8] } }
layers { name: "fc" type: INNER_PRODUCT }
layers { name: "none" type: NONE exclude { stage: "a" } }
layers { name: "untyped" bottom: "fc" top: "fc" }
layers { name: "loss" type: SOFTMAX_LOSS bottom: "fc" bottom: "label" top: "loss" loss_weight: 0.5
  loss_param { ignore_label: 255 normalize: false } softmax_param { axis: 1 } }
"""
V2_TEXT = """
name: "old"
force_backward: true
state { phase: TEST level: 2 }
debug_info: true
layer { name: "input" type: "Input" top: "image" top: "mask" input_param {
  shape { dim: 1 dim: 3 dim: 8 dim: 9 } shape { dim: 2 dim: 1 dim: 4 dim: 5 } } }
layer { name: "data" type: "Data" top: "data" top: "label"
  data_param { source: "lmdb" batch_size: 4 }
  transform_param { force_color: true scale: 0.5 mean_file: "mean" crop_size: 7 mirror: true }
  include { phase: TRAIN not_stage: "deploy" } }
layer { name: "conv" type: "Convolution" bottom: "image" top: "conv"
  param { name: "w" share_mode: PERMISSIVE lr_mult: 1 decay_mult: 1 }
  param { lr_mult: 2 decay_mult: 0 } param { decay_mult: 3 }
  convolution_param { num_output: 2 kernel_size: 1 weight_filler { type: "xavier" } }
  blobs { shape { dim: 2 dim: 3 dim: 1 dim: 1 } data: [1, 2, 3, 4, 5, 6] diff: [6, 5, 4, 3, 2, 1] }
  blobs { shape { dim: 2 } data: [0.1, 0.2] } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" relu_param { negative_slope: 0.25 } }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool"
   pooling_param { pool: AVE kernel_size: 2 } }
layer { name: "up" type: "Deconvolution" bottom: "pool" top: "up" param { lr_mult: 0 }
  convolution_param { num_output: 2 group: 2 kernel_size: 1 bias_term: false }
  blobs { shape { dim: 2 dim: 1 dim: 1 dim: 1 } data: [7, 8] } }
layer { name: "fc" type: "InnerProduct" bottom: "up" top: "fc" inner_product_param { num_output: 2 }
  blobs { shape { dim: 2 dim: 3 } data: [1, 2, 3, 4, 5, 6] }
  blobs { shape { dim: 2 } data: [9, 8] } }
layer { name: "fc" type: "InnerProduct" }
layer { name: "none" type: "" exclude { stage: "a" } }
layer { name: "untyped" bottom: "fc" top: "fc" }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label"
   top: "loss" loss_weight: 0.5
  loss_param { ignore_label: 255 normalize: false } softmax_param { axis: 1 } }
"""
V0_TEXT = """
name: "oldest"
input: "image" input_dim: 1 input_dim: 1 input_dim: 6 input_dim: 6
force_backward: true
layers { layer { name: "images" type: "images" source: "list" batchsize: 3 scale: 2 meanfile: "m"
  new_height: 8 rand_skip: 2 } top: "x" top: "y" }
layers { layer { name: "pad1" type: "padding" pad: 2 } bottom: "image" top: "padded" }
layers { layer { name: "conv1" type: "conv" num_output: 1 kernelsize: 3 stride: 2 biasterm: true
    group: 1 weight_filler { type: "gaussian" std: 0.5 } blobs_lr: 1 blobs_lr: 2 weight_decay: 1
    blobs { num: 1 channels: 1 height: 3 width: 3 data: [1, 2, 3, 4, 5, 6, 7, 8, 9] }
    blobs { num: 1 channels: 1 height: 1 width: 1 data: 0.5 } } bottom: "padded" top: "conv1" }
layers { layer { name: "relu1" type: "relu" } bottom: "conv1" top: "conv1" }
layers { layer { name: "pad2" type: "padding" pad: 1 } bottom: "conv1" top: "padded2" }
layers { layer { name: "pool" type: "pool" pool: MAX
   kernelsize: 3 stride: 2 } bottom: "padded2" top: "pool" }
layers { layer { name: "norm" type: "lrn" local_size: 5 alpha: 0.5 beta: 0.75 }
   bottom: "pool" top: "norm" }
layers { layer { name: "fc" type: "innerproduct" num_output: 2 biasterm: false
    blobs { num: 1 channels: 1 height: 2 width: 4 data: [1, 2, 3, 4, 5, 6, 7, 8] } }
  bottom: "norm" top: "fc" }
layers { layer { name: "loss" type: "softmax_loss" } bottom: "fc" bottom: "y" }
"""
V0_AS_V2_TEXT = """
name: "oldest"
force_backward: true
layer { name: "input" type: "Input" top: "image"
  input_param { shape { dim: 1 dim: 1 dim: 6 dim: 6 } } }
layer { name: "images" type: "ImageData" top: "x" top: "y"
  image_data_param { source: "list" batch_size: 3 new_height: 8 rand_skip: 2 }
  transform_param { scale: 2 mean_file: "m" } }
layer { name: "conv1" type: "Convolution" bottom: "image" top: "conv1"
  param { lr_mult: 1 decay_mult: 1 } param { lr_mult: 2 }
  convolution_param { num_output: 1 kernel_size: 3 stride: 2 bias_term: true group: 1 pad: 2
    weight_filler { type: "gaussian" std: 0.5 } }
  blobs { shape { dim: 1 dim: 1 dim: 3 dim: 3 } data: [1, 2, 3, 4, 5, 6, 7, 8, 9] }
  blobs { shape { dim: 1 } data: 0.5 } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "pool" type: "Pooling" bottom: "conv1" top: "pool"
  pooling_param { pool: MAX kernel_size: 3 stride: 2 pad: 1 } }
layer { name: "norm" type: "LRN" bottom: "pool" top: "norm"
  lrn_param { local_size: 5 alpha: 0.5 beta: 0.75 } }
layer { name: "fc" type: "InnerProduct" bottom: "norm" top: "fc"
  inner_product_param { num_output: 2 bias_term: false }
  blobs { shape { dim: 2 dim: 4 } data: [1, 2, 3, 4, 5, 6, 7, 8] } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "y" }
"""


def message(text: str) -> Any:
    return text_format.Parse(text, NetParameter())


def is_message(data: bytes, text: str) -> None:
    """The file says what the text says, and holds nothing besides."""
    found, expected = parsed(data), message(text)
    assert found == expected
    assert found.SerializeToString(deterministic=True) == expected.SerializeToString(
        deterministic=True
    )


@pytest.mark.parametrize(("old", "new"), [(V1_TEXT, V2_TEXT), (V0_TEXT, V0_AS_V2_TEXT)])
def test_an_old_file_becomes_what_caffe_makes_of_it(old: str, new: str, folder: Path) -> None:
    data = message(old).SerializeToString()
    _, out = converted(data, folder)
    is_message(out, new)
    unchanged(out, folder)
    # With the forms of blobs kept they are in the new layers bit by bit.
    _, out = converted(data, folder, values="keep", true_shapes=False)
    new_blobs = [blobs for blobs in blobs_of(out) if blobs]
    if old == V1_TEXT:
        assert new_blobs == [blobs for blobs in blobs_of(data, V1) if blobs]
    else:
        inner = [payloads(payloads(connection, 1)[0], 50) for connection in payloads(data, 2)]
        assert new_blobs == [blobs for blobs in inner if blobs]
    assert parsed(out).layer[0].name == "input"
    assert not parsed(out).layers


@pytest.mark.parametrize("old", [V1_TEXT, V0_TEXT])
def test_layers_that_are_kept(old: str, folder: Path) -> None:
    data = message(old).SerializeToString()
    unchanged(data, folder, upgrade=False, values="keep", true_shapes=False)
    _, out = converted(data, folder, upgrade=False)
    expected = message(old)
    for layer in expected.layers:
        for blob in (*layer.blobs, *layer.layer.blobs):
            shape = [blob.num, blob.channels, blob.height, blob.width]
            if not blob.HasField("num"):
                continue
            bias = blob in list((layer.blobs or layer.layer.blobs)[1:])
            flat = layer.type == 14 or layer.layer.type == "innerproduct"
            blob.shape.dim.extend(shape[3:] if bias else shape[2:] if flat else shape)
            for name in ("num", "channels", "height", "width"):
                blob.ClearField(name)
            if blob.double_data:
                blob.data.extend(blob.double_data)
                blob.ClearField("double_data")
    assert parsed(out) == expected


def test_the_input_layer_comes_first_wherever_the_layers_stand(folder: Path) -> None:
    """Fields in any order, and the first layer a padding layer, which goes."""
    old = message(
        'layers { layer { name: "p" type: "padding" pad: 1 } bottom: "x" top: "q" }'
        'layers { layer { name: "c" type: "conv" num_output: 1 } bottom: "q" top: "c" }'
    )
    fields = sized(3, b"x") + b"".join(number(4, dim) for dim in (1, 2, 3, 4))
    expected = message(
        """name: "n"
        layer { name: "input" type: "Input" top: "x"
          input_param { shape { dim: 1 dim: 2 dim: 3 dim: 4 } } }
        layer { name: "c" type: "Convolution" bottom: "x" top: "c"
          convolution_param { num_output: 1 pad: 1 } }"""
    )
    layers = old.SerializeToString()
    for data in (
        fields + layers + sized(1, b"n"),
        layers + sized(1, b"n") + fields,
        sized(1, b"n")
        + layers[: len(sized(2, payloads(layers, 2)[0]))]
        + fields
        + sized(2, payloads(layers, 2)[1]),
    ):
        _, out = converted(data, folder)
        assert parsed(out) == expected


def test_input_fields_of_a_new_file_become_a_layer_too(folder: Path, words: Words) -> None:
    layers = layer("a", "Scale", ONE) + ODD
    shape = sized(8, sized(1, varint(2) + varint(3)))
    result, out = converted(sized(1, b"n") + sized(3, b"x") + shape + layers, folder)
    assert out.endswith(layers)
    assert (result.before, result.after) == ("V2", "V2")
    is_message(
        out[: -len(layers)],
        """name: "n" layer { name: "input" type: "Input" top: "x"
           input_param { shape { dim: 2 dim: 3 } } }""",
    )
    # Names without a shape are dropped, as Caffe drops them.
    result, out = converted(sized(3, b"x") + layers, folder)
    assert out == layers
    (told,) = result.conversion.told
    assert names(told) == ["x"]
    words(told)
    unchanged(sized(3, b"x") + layers, folder, upgrade=False)


def test_what_an_old_layer_loses_is_told(folder: Path, words: Words) -> None:
    fork = sized(2, sized(4, b"c") + number(5, 4) + sized(777, b"\xff"))
    unknown = layer_v1(b"crop", 40)
    result, out = converted(fork + unknown + sized(900, b"net's"), folder)
    crop = layer("crop", "")
    is_message(
        out[: -len(sized(900, b"net's"))],
        'layer { name: "c" type: "Convolution" } layer { name: "crop" }',
    )
    assert crop not in out
    assert out.endswith(sized(900, b"net's"))
    first, second = result.conversion.layers
    assert 777 in numbers(" ".join(first.told))
    assert 40 in numbers(" ".join(second.told))
    words([*first.told, *second.told])


@pytest.mark.parametrize("options", [{}, {"upgrade": False}, {"values": "keep"}])
def test_both_generations_at_once_are_refused(options: Any, tmp_path: Path, words: Words) -> None:
    (tmp_path / "in").write_bytes(layer("a", "ReLU") + layer_v1(b"b", 18))
    with pytest.raises(ds.MismatchError) as raised:
        ds.convert(tmp_path / "in", tmp_path / "out", **options)
    assert raised.value.path == str(tmp_path / "in")
    words(raised.value)
    assert not (tmp_path / "out").exists()


def test_the_params_of_batch_norm(folder: Path) -> None:
    """UpgradeNetBatchNorm, and nothing else of the layer is touched."""
    tail = sized(139, number(1, 1)) + sized(149, b"\xff") + ODD
    three = b"".join(sized(6, spec) for spec in (b"", sized(1, b"n"), b"\x1d\0\0\x80\x3f"))
    data = layer("bn", "BatchNorm", ONE, ONE, ONE, around=(ODD + three, tail))
    _, out = converted(data, folder)
    (bn,) = parsed(out).layer
    assert [(spec.name, spec.lr_mult, spec.decay_mult) for spec in bn.param] == [
        ("", 0, 0),
        ("n", 0, 0),
        ("", 0, 0),
    ]
    assert blobs_of(out) == [[ONE] * 3]
    rest = [besides(payloads(each, 100)[0], 6) for each in (data, out)]
    assert sorted(rest[0]) == sorted(rest[1])
    unchanged(out, folder)


# --- real old files

MODELS = [
    "v1-autoencoder-14/16-06-14_15h51m21s_0_00_pretrainingConvCifar10_iter_1500.caffemodel",
    "v1-cifar10-quick-everpeace/cifar10_quick_iter_5000.caffemodel",
    "v1-lenet-2014-noext/lenet_iter_10000",
]
FORKS = [
    "v1-autoencoder-14/16-06-14_15h51m21s_0_20_reconstructIncremental1_iter_1000.caffemodel",
    "v1-autoencoder-14/16-06-14_15h51m21s_0_30_reconstructIncremental2_iter_1000.caffemodel",
    "v1-autoencoder-14/16-06-14_15h51m21s_0_40_reconstructFull_iter_17000.caffemodel",
    "v1-autoencoder-14/16-06-14_15h51m21s_0_40_reconstructFull_iter_30000.caffemodel",
    "v1-autoencoder-14/16-06-14_15h51m21s_0_50_reconstructFullFC0_iter_24000.caffemodel",
]


@pytest.mark.parametrize("path", MODELS + FORKS)
def test_a_real_old_file(path: str, shared: Path, folder: Path) -> None:
    data = (shared / "models" / path).read_bytes()
    result, out = converted(data, folder)
    assert (result.before, result.after) == ("V1", "V2")
    before, after = parsed(data), parsed(out)
    assert [layer.name for layer in after.layer] == [layer.name for layer in before.layers]
    assert after.name == before.name
    for old, new in zip(before.layers, after.layer, strict=True):
        kind = type(old).DESCRIPTOR.enum_types_by_name["LayerType"].values_by_number
        told = kind[old.type].name.replace("_", "").lower() if old.HasField("type") else ""
        assert new.type.lower() == told.replace("softmaxloss", "softmaxwithloss")
        if not told:  # a fork's own type, which says nothing of its blobs' axes
            assert new.blobs == old.blobs
            continue
        assert (new.bottom, new.top) == (old.bottom, old.top)
        assert new.convolution_param == old.convolution_param
        assert [spec.lr_mult for spec in new.param] == list(old.blobs_lr)
        assert len(new.blobs) == len(old.blobs)
        for position, (one, other) in enumerate(zip(old.blobs, new.blobs, strict=True)):
            assert one.data == other.data
            assert not other.HasField("num")
            axes = 1 if position else {14: 2}.get(old.type, 4)
            four = [one.num, one.channels, one.height, one.width]
            assert list(other.shape.dim) == four[4 - axes :]
            assert four[: 4 - axes] == [1] * (4 - axes)
    unchanged(out, folder)


def deployed(model: Any, shape: Sequence[int]) -> tuple[bytes, str]:
    """The net that a saved V1 model tells of itself, from its data to the last layer with a top."""
    net = NetParameter(name="deployed")
    net.input.append("data")
    net.input_dim.extend(shape)
    left_out = {1, 5, 12, 21, 7, 29}  # accuracy, data, losses
    for layer in model.layers:
        if layer.type in left_out or not layer.bottom or "label" in layer.bottom:
            continue
        kept = net.layers.add()
        kept.CopyFrom(layer)
        kept.ClearField("blobs")
    return text_format.MessageToString(net).encode(), net.layers[-1].top[0]


@pytest.mark.parametrize("path", MODELS)
def test_opencv_computes_the_same_with_the_new_file(path: str, shared: Path, folder: Path) -> None:
    data = (shared / "models" / path).read_bytes()
    model = parsed(data)
    shape = (1, 1, 28, 28) if "lenet" in path else (1, 3, 32, 32)
    net, top = deployed(model, shape)
    _, out = converted(data, folder)
    image = ramp(shape)
    one = opencv_forward(net, data, image, top)
    other = opencv_forward(net, out, image, top)
    assert one.std() > 0
    assert one.tobytes() == other.tobytes()


# --- numbers that every fork gives to something else

CLASHES = {
    143: b"\xff\xff\xff",  # Input's message in BVLC, Interp in PSPNet
    147: b"\x08\x80",
    148: b"\x0d\0\0",  # Clip's, which has required fields
    45: b"not a message",
    149: b"\x0b\x0b\x0b",
    202: b"\xff" * 11,
}


@pytest.mark.parametrize("wire", ["message", "varint"])
def test_what_only_a_fork_can_read_is_carried(wire: str, tmp_path: Path) -> None:
    forks = b"".join(
        sized(field, payload) if wire == "message" else number(field, 1 << 40)
        for field, payload in CLASHES.items()
    )
    values = np.random.default_rng(3).normal(size=48).astype("<f4")
    blob = forks + dims(3, 1, 4, 4) + sized(5, values.tobytes())
    data = (
        layer("data", "Input", around=(forks, b""))
        + forks
        + layer("up", "Deconvolution", blob, around=(forks, forks + sized(106, number(1, 3))))
        + layer("interp", "Interp", blob, around=(b"", forks))
    )
    _, double = converted(data, tmp_path, values="float64")
    assert double != data
    for before, after in zip(payloads(data, 100), payloads(double, 100), strict=True):
        assert besides(before, 7) == besides(after, 7)
    _, back = converted(double, tmp_path)
    assert back == data

    # apply overwrites the values where they stand, and nothing else.
    net = tmp_path / "net.prototxt"
    net.write_text(
        """layer { name: "data" type: "Input" top: "data"
    input_param { shape { dim: 1 dim: 3 dim: 2 dim: 2 } } }
        layer { name: "up" type: "Deconvolution" bottom: "data" top: "up" convolution_param {
          num_output: 3 group: 3 kernel_size: 4 stride: 2 bias_term: false } }"""
    )
    kernel = np.outer([1, 3, 3, 1], [1, 3, 3, 1]).astype("<f4") / 16
    at = back.index(values.tobytes())
    expected = back[:at] + np.tile(kernel.ravel(), 3).tobytes() + back[at + 4 * 48 :]
    (tmp_path / "in.caffemodel").write_bytes(back)
    ds.apply(net, tmp_path / "in.caffemodel", tmp_path / "applied")
    assert (tmp_path / "applied").read_bytes() == expected


# --- values that Caffe would not load: passed on, and told


NOT_LOADED = {
    "no values": dims(3),
    "too few values": dims(3) + sized(5, floats(1)),
    "too many doubles": dims(2, 2) + sized(8, bytes(40)),
    "a diff alone": dims(1) + sized(6, floats(1)),
    "raw_data of an unknown type": dims(1) + number(10, 3) + sized(12, bytes(4)),
    "a field of a fork": dims(1) + sized(11, b"packed") + number(13, 1),
}


@pytest.mark.parametrize("case", NOT_LOADED)
def test_what_caffe_would_not_load_is_told(case: str, folder: Path, words: Words) -> None:
    blob = NOT_LOADED[case]
    data = layer("fine", "Scale", ONE) + layer("odd", "Scale", ONE, blob)
    result, out = converted(data, folder)
    _, (_, after) = blobs_of(out)
    assert besides(after, *VALUE_FIELDS) == besides(blob, *VALUE_FIELDS)
    if case != "raw_data of an unknown type":
        assert held(after).tolist() == held(blob).tolist()
    (warning,) = result.warnings
    assert names(warning) == ["odd"]
    words(warning, case)


def test_several_layers_of_a_name_are_told(folder: Path, words: Words) -> None:
    result, _ = converted(layer("a", "Scale", ONE) * 2 + layer("b", "ReLU") * 2, folder)
    (warning,) = result.warnings
    assert names(warning) == ["a"]
    words(warning)


# --- OpenCV's half precision


def deconvolution(case: str) -> tuple[bytes, bytes, str]:
    return (
        (LAYOUTS / f"{case}.prototxt").read_bytes(),
        (LAYOUTS / f"{case}.caffemodel").read_bytes(),
        "up",
    )


@pytest.mark.parametrize("case", ["factor3_dense", "factor3_group", "bias_default", "gauss"])
def test_what_opencv_shrank_is_widened(case: str, folder: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    net, data, blob = deconvolution(case)
    half = folder / "half.caffemodel"
    cv2.dnn.shrinkCaffeModel(
        str(LAYOUTS / f"{case}.caffemodel"), str(half), ["Convolution", "Deconvolution"]
    )
    assert any(payloads(each, 12) for layer in blobs_of(half.read_bytes()) for each in layer)
    _, out = converted(half.read_bytes(), folder)
    before, after = parsed(data), parsed(out)
    for one, other in zip(before.layer, after.layer, strict=True):
        for old, new in zip(one.blobs, other.blobs, strict=True):
            assert new.shape == old.shape
            rounded = np.array(old.data, "<f4").astype("<f2").astype("<f4")
            assert same(np.array(new.data, "<f4"), rounded)
    image = ramp(tuple(before.layer[0].input_param.shape[0].dim))
    floats = opencv_forward(net, data, image, blob)
    np.testing.assert_allclose(
        opencv_forward(net, out, image, blob), floats, rtol=0, atol=1e-3 * abs(floats).max()
    )


@pytest.mark.parametrize("case", ["factor3_dense", "factor3_group", "bias_default", "gauss"])
def test_opencv_reads_our_halves(case: str, folder: Path) -> None:
    net, data, blob = deconvolution(case)
    result, out = converted(data, folder, values="raw-float16")
    shape = tuple(parsed(data).layer[0].input_param.shape[0].dim)
    floats = opencv_forward(net, data, ramp(shape), blob)
    halves = opencv_forward(net, out, ramp(shape), blob)
    np.testing.assert_allclose(halves, floats, rtol=0, atol=1e-3 * abs(floats).max())
    told = max(layer.max_abs_change for layer in result.conversion.layers)
    assert (halves.tobytes() != floats.tobytes()) == (told > 0)


# --- any model at all

FLOATS = st.floats(width=16, allow_nan=False, allow_infinity=False)
UNKNOWN = st.sampled_from([b"", ODD, sized(149, b"\xff"), number(45, 7), sized(1023, b"x" * 200)])
# Type, its number in V1, and the axes of its blobs in today's Caffe.
TYPES = [("Convolution", 4, (4, 1)), ("Deconvolution", 39, (4, 1)), ("InnerProduct", 14, (2, 1))]


@st.composite
def drawn_blob(draw: st.DrawFn, axes: int) -> tuple[bytes, list[int], Array]:
    """A blob in any form, the shape it should get, and its values."""
    shape = draw(st.lists(st.integers(1, 3), min_size=axes, max_size=axes))
    count = int(np.prod(shape))
    values = np.array(draw(st.lists(FLOATS, min_size=count, max_size=count)), "<f8")
    if draw(st.booleans()):
        told = [legacy_dims(*shape), *draw(st.sampled_from([[], [dims(9)]]))]
    else:
        told = draw(st.sampled_from([[dims(*shape)], [dims(*shape[:1]), dims(*shape[1:])]]))

    def stored(field: int, dtype: str) -> list[bytes]:
        cut = draw(st.integers(0, count))
        spelt = draw(st.sampled_from(["packed", "unpacked", "mixed"]))
        array = values.astype(dtype)
        if spelt == "packed":
            return [sized(field, array.tobytes())]
        first = sized(field, array[:cut].tobytes()) if spelt == "mixed" else b""
        rest = array[cut:] if spelt == "mixed" else array
        return [first, unpacked(field, rest)]

    kind = draw(st.sampled_from(["data", "double", "both", "raw", "raw and data"]))
    raw_kind, raw_type = draw(st.sampled_from(list(RAW.items())))
    junk = np.full(draw(st.integers(1, 5)), 77.0)
    parts = {
        "data": lambda: stored(5, "<f4"),
        "double": lambda: stored(8, "<f8"),
        "both": lambda: [sized(5, junk.astype("<f4").tobytes()), *stored(8, "<f8")],
        "raw": lambda: [number(10, raw_kind), sized(12, values.astype(raw_type).tobytes())],
        "raw and data": lambda: [
            *stored(5, "<f4"),
            number(10, 2),
            sized(12, junk.astype("<f2").tobytes()),
        ],
    }[kind]()
    mixed = [draw(UNKNOWN), *told, draw(UNKNOWN), *parts, draw(UNKNOWN)]
    if draw(st.booleans()):
        mixed = [draw(UNKNOWN), *parts, draw(UNKNOWN), *told]
    return b"".join(mixed), shape, values


Drawn: TypeAlias = tuple[bytes, bool, list[tuple[str, str, list[Any]]]]


@st.composite
def drawn_model(draw: st.DrawFn) -> Drawn:
    old = draw(st.booleans())
    parts = [draw(UNKNOWN), sized(1, b"net")]
    told = []
    for position in range(draw(st.integers(0, 4))):
        name = f"layer{position}"
        kind, enum, axes = draw(st.sampled_from(TYPES))
        blobs = [draw(drawn_blob(each)) for each in axes[: draw(st.integers(0, 2))]]
        told.append((name, kind, blobs))
        if old:
            parts.append(layer_v1(name.encode(), enum, *(blob for blob, _, _ in blobs)))
        else:
            odd = (draw(UNKNOWN), draw(UNKNOWN))
            parts.append(layer(name, kind, *(blob for blob, _, _ in blobs), around=odd))
        parts.append(draw(UNKNOWN))
    return b"".join(parts), old, told


SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=15, suppress_health_check=SLOW)
@given(drawn=drawn_model())
def test_any_model_gets_the_form_and_keeps_what_it_says(drawn: Drawn, folder: Path) -> None:
    gets_the_form(drawn, folder)


@pytest.mark.campaign
@settings(max_examples=80, suppress_health_check=SLOW)
@given(drawn=drawn_model())
def test_many_models_get_the_form(drawn: Drawn, folder: Path) -> None:
    gets_the_form(drawn, folder)


def gets_the_form(drawn: Drawn, folder: Path) -> None:
    data, old, told = drawn
    _, out = converted(data, folder)
    after = parsed(out)
    assert not after.layers
    assert [(each.name, each.type) for each in after.layer] == [each[:2] for each in told]
    for found, (_, _, blobs) in zip(after.layer, told, strict=True):
        for blob, (_, shape, values) in zip(found.blobs, blobs, strict=True):
            assert list(blob.shape.dim) == shape
            assert not any(map(blob.HasField, ("num", "channels", "height", "width")))
            assert list(blob.data) == values.tolist()
            assert not blob.double_data
    # All else is the input's own: in the net, in V2 layers, and in the blobs.
    layers, blobs_field = V1 if old else V2
    assert besides(data, 2, 100) == besides(out, 2, 100)
    rewritten = {1, 2, 3, 4, 5, 7, 8, 10, 12}
    for before, now in zip(payloads(data, layers), payloads(out, 100), strict=True):
        if not old:
            assert besides(before, 7) == besides(now, 7)
        for one, other in zip(payloads(before, blobs_field), payloads(now, 7), strict=True):
            assert besides(one, *rewritten) == besides(other, *rewritten)
    again, twice = converted(out, folder)
    assert twice == out
    assert not again.changed
