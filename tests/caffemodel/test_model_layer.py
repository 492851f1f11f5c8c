"""Layers and blobs of an open model as Python has them; arrays against protobuf and h5py."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

import deconvsurgery as ds
from deconvsurgery.caffemodel.source_blob import ABSENT
from helpers.models import NetParameter, demo_base, indexed, model_bytes, parsed
from helpers.wire import (
    FIXED32,
    FIXED64,
    c3d_blob,
    dims,
    doubles,
    floats,
    layer_v1,
    layer_v2,
    legacy_dims,
    number,
    sized,
    tag,
)
from helpers.words import Words, numbers

# --- what a model, a layer and a blob are


@pytest.fixture
def model() -> ds.Model:
    return ds.open_model(demo_base())


NAMES = ["data", "conv1", "relu1", "pool1", "conv2", "relu2", "pool2", "score", "refine", "prob"]


def test_a_model_is_a_mapping_in_the_files_order(model: ds.Model) -> None:
    assert isinstance(model, Mapping)
    assert [*model] == [*model.keys()] == NAMES
    assert len(model) == len(NAMES)
    assert ("conv1" in model, "conv" in model, 5 in model) == (True, False, False)
    assert [layer.name for layer in model.values()] == NAMES
    assert {name: layer.name for name, layer in model.items()} == dict(
        zip(NAMES, NAMES, strict=True)
    )
    assert model.get("conv1") == model["conv1"]
    assert (model.get("nothing"), model.get("nothing", 3)) == (None, 3)


def test_a_model_is_itself_alone_and_always_true(model: ds.Model) -> None:
    other = ds.open_model(demo_base())
    assert model == model
    assert model != other
    assert len({model, other, model}) == 2
    empty = indexed(b"")
    assert (len(empty), [*empty], bool(empty)) == (0, [], True)


def test_a_layer_is_a_sequence_of_its_blobs(model: ds.Model) -> None:
    layer = model["conv1"]
    assert isinstance(layer, Sequence)
    assert (layer.name, layer.type, len(layer)) == ("conv1", "Convolution", 2)
    weights, bias = layer
    assert layer.blobs == (weights, bias) == layer[:] == (layer[0], layer[1])
    assert (layer[-1], layer[-2], layer[1:], layer[::-1]) == (
        bias,
        weights,
        (bias,),
        (bias, weights),
    )
    assert layer[np.int64(1)] == bias
    assert [*reversed(layer)] == [bias, weights]
    assert (layer.index(bias), layer.count(bias), bias in layer) == (1, 1, True)
    assert weights != bias
    assert layer == model["conv1"] != model["conv2"]
    assert hash(layer) == hash(model["conv1"]) != hash(model["conv2"])
    assert layer != "conv1"
    assert (len(model["relu1"]), [*model["relu1"]]) == (0, [])


def test_a_blob_says_what_it_is_before_it_is_read(model: ds.Model) -> None:
    weights, bias = model["conv1"]
    assert (weights.layer, weights.index, weights.shape) == ("conv1", 0, (8, 3, 3, 3))
    assert (weights.dtype, weights.size, weights.count) == (np.float32, 216, 216)
    assert isinstance(weights.dtype, np.dtype)
    assert (bias.index, bias.shape, bias.has_diff) == (1, (8,), False)
    assert weights.source is model.layers[1].blobs[0]
    assert weights == model["conv1"][0] != ds.open_model(demo_base())["conv1"][0]
    assert len({weights, model["conv1"][0], bias}) == 2
    assert hash(weights) != hash(bias)
    assert weights != 5


def test_reprs_are_one_line(model: ds.Model) -> None:
    assert repr(model) == "<Model the bytes in memory: V2, 10 layers>"
    assert repr(model["conv1"]) == "<ModelLayer conv1: Convolution, 2 blobs>"
    assert repr(model["conv1"][0]) == "<ModelBlob conv1[0] float32 (8, 3, 3, 3)>"
    strange = indexed(layer_v2(b"a\n\x1b[31m", None, floats()))
    assert repr(strange["a\n\x1b[31m"]) == r"<ModelLayer a\n\x1b[31m: 1 blob>"
    (blob,) = strange["a\n\x1b[31m"]
    assert repr(blob) == r"<ModelBlob a\n\x1b[31m[0] float32 (), cannot be read>"
    half = indexed(layer_v2(b"h", b"", dims(2) + number(10, 2) + sized(12, b"\0<\0@")))
    assert repr(half["h"][0]) == "<ModelBlob h[0] float16 (2,)>"


def test_of_namesakes_it_is_the_one_that_caffe_loads() -> None:
    """`Net::CopyTrainedLayersFrom` copies each in turn: the last that has blobs stays."""
    parts = [{"a": [np.ones(2)]}, {"b": [np.ones(5)]}, {"a": [np.ones(3)]}, {"a": []}, {"c": []}]
    model = indexed(b"".join(model_bytes(part) for part in parts))
    assert [*model] == ["a", "b", "c"]
    assert (model["a"][0].shape, len(model["c"])) == ((3,), 0)
    assert len(model.layers) == 5


def test_a_name_that_is_not_there_gets_the_nearest(model: ds.Model, words: Words) -> None:
    for wrong, near in (("conv11", "conv1"), ("scores", "score"), ("zzz", None)):
        with pytest.raises(KeyError) as raised:
            model[wrong]
        (said,) = raised.value.args
        assert repr(wrong) in said
        assert ("did you mean" in said, near is None or repr(near) in said) == (
            near is not None,
            True,
        )
        words(said, str(near))
    with pytest.raises(KeyError):
        model[0]  # type: ignore[index]


def test_an_index_that_is_not_there_says_how_many_there_are(model: ds.Model, words: Words) -> None:
    for name, index in (("conv1", 2), ("conv1", -3), ("relu1", 0)):
        with pytest.raises(IndexError) as raised:
            model[name][index]
        assert str(index) in str(raised.value)
        words(raised.value, f"{name} {index}")
    with pytest.raises(TypeError):
        model["conv1"]["0"]  # type: ignore[call-overload]


# --- arrays


def test_an_array_is_new_at_each_call_and_can_be_written_to(model: ds.Model) -> None:
    blob = model["score"][1]
    first, second = blob.array(), blob.array()
    assert first.flags.writeable
    assert first.flags.owndata or first.base.flags.owndata
    first[:] = 7
    assert np.array_equal(second, blob.array())
    assert not np.array_equal(first, second)


def test_numpy_takes_a_blob(model: ds.Model) -> None:
    blob = model["score"][0]
    assert np.array_equal(np.asarray(blob), blob.array())
    assert np.asarray(blob).dtype == np.float32
    assert np.asarray(blob, np.float64).dtype == np.float64
    assert np.array(blob, dtype="f2").dtype == np.float16
    assert float(np.sum(blob)) == float(blob.array().sum())
    assert np.array_equal(np.stack([*model["conv1"]][:1])[0], model["conv1"][0].array())
    with pytest.raises(ValueError, match="copy"):
        blob.__array__(copy=False)
    for dtype in ("f8", "f4", "f2"):
        assert blob.__array__(np.dtype(dtype), copy=True).dtype == np.dtype(dtype)


def test_a_scalar_and_nothing() -> None:
    model = indexed(
        layer_v2(b"s", b"", sized(5, floats(2.5)), dims(0, 3), dims(2, 0) + sized(5, b""))
    )
    scalar, none, empty = model["s"]
    assert (scalar.shape, scalar.array().shape, scalar.array()[()]) == ((), (), 2.5)
    assert (none.array().shape, empty.array().shape) == ((0, 3), (2, 0))


class Kind(NamedTuple):
    """How a binary file may hold values: their type, the fields, how protobuf has them."""

    dtype: str
    fields: Any
    name: str | None = None


def _one_by_one(field: int, wire: int, width: int) -> Any:
    def fields(values: bytes) -> bytes:
        each = (values[at : at + width] for at in range(0, len(values), width))
        return b"".join(tag(field, wire) + value for value in each)

    return fields


def _halves(field: int, width: int) -> Any:
    """In two packed fields, which protobuf joins."""

    def fields(values: bytes) -> bytes:
        middle = len(values) // width // 2 * width
        return sized(field, values[:middle]) + sized(field, values[middle:])

    return fields


def _mixed(values: bytes) -> bytes:
    first, rest = values[:4], values[4:]
    return _one_by_one(5, FIXED32, 4)(first) + sized(5, rest)


KINDS = {
    "data": Kind("<f4", lambda values: sized(5, values), "data"),
    "data, unpacked": Kind("<f4", _one_by_one(5, FIXED32, 4), "data"),
    "data, in two": Kind("<f4", _halves(5, 4), "data"),
    "data, mixed": Kind("<f4", _mixed, "data"),
    "double": Kind("<f8", lambda values: sized(8, values), "double_data"),
    "double, unpacked": Kind("<f8", _one_by_one(8, FIXED64, 8), "double_data"),
    "raw double": Kind("<f8", lambda values: number(10, 0) + sized(12, values)),
    "raw float": Kind("<f4", lambda values: number(10, 1) + sized(12, values)),
    "raw half": Kind("<f2", lambda values: sized(12, values) + number(10, 2)),
}
GENERATIONS = ("V2", "V1", "V0")


@st.composite
def blobs(draw: st.DrawFn) -> tuple[str, bool, np.ndarray]:
    """A storage, whether its dims are legacy, and values with every bit pattern but NaN's."""
    kind = draw(st.sampled_from(sorted(KINDS)))
    legacy = draw(st.booleans())
    shape = draw(arrays_of.array_shapes(min_dims=1, max_dims=4 if legacy else 6, max_side=4))
    values = draw(arrays_of.arrays(KINDS[kind].dtype, shape, elements={"allow_nan": False}))
    return kind, legacy, values


def written(blob: tuple[str, bool, np.ndarray]) -> bytes:
    kind, legacy, values = blob
    shape = (legacy_dims if legacy else dims)(*values.shape)
    return shape + KINDS[kind].fields(values.tobytes())


def in_file(generation: str, name: bytes, *found: bytes) -> bytes:
    if generation == "V2":
        return layer_v2(name, b"Convolution", *found)
    if generation == "V1":
        return layer_v1(name, 4, *found)
    oldest = sized(1, name) + sized(2, b"conv") + b"".join(sized(50, blob) for blob in found)
    return sized(2, sized(1, oldest))


def by_protobuf(data: bytes) -> dict[str, list[Any]]:
    message = parsed(data)
    found = {layer.name: [*layer.blobs] for layer in message.layer}
    for layer in message.layers:
        old = layer.layer if layer.HasField("layer") else layer
        found[old.name] = [*old.blobs]
    return found


@given(
    st.sampled_from(GENERATIONS), st.lists(st.lists(blobs(), max_size=3), min_size=1, max_size=3)
)
def test_an_array_is_what_protobuf_reads(
    generation: str, layers: list[list[tuple[str, bool, np.ndarray]]]
) -> None:
    data = b"".join(
        in_file(generation, b"layer%d" % at, *map(written, found))
        for at, found in enumerate(layers)
    )
    theirs = by_protobuf(data)
    model, loaded = ds.open_model(data), ds.load(io.BytesIO(data))
    assert [*model] == [*theirs]
    assert [*loaded] == [(name, at) for name, found in theirs.items() for at in range(len(found))]
    for (name, layer), found in zip(model.items(), layers, strict=True):
        assert (layer.type, len(layer)) == (
            {"V0": "conv"}.get(generation, "Convolution"),
            len(found),
        )
        for at, (blob, (kind, legacy, values)) in enumerate(zip(layer, found, strict=True)):
            array = blob.array()
            shape = (1,) * (4 - values.ndim) + values.shape if legacy else values.shape
            assert array.shape == blob.shape == shape
            assert array.dtype == blob.dtype == values.dtype
            assert array.size == blob.size == blob.count
            assert array.tobytes() == values.tobytes() == loaded[name, at].tobytes()
            assert array.flags.writeable
            if field := KINDS[kind].name:
                read = np.array(getattr(theirs[name][at], field), values.dtype)
                assert np.array_equal(array.reshape(-1), read)


H5_TYPES = ("<f4", "<f8", "<f2", ">f4", ">f8", "<i4", "<i2", "|u1", ">i8")


@st.composite
def datasets(draw: st.DrawFn) -> tuple[np.ndarray, dict[str, Any]]:
    """Values of a type that Caffe reads, and how the file has them."""
    dtype = np.dtype(draw(st.sampled_from(H5_TYPES)))
    shape = draw(arrays_of.array_shapes(min_dims=1, max_dims=5, max_side=5))
    whole = {} if dtype.kind == "f" else {"elements": st.integers(0, 100)}
    floating = {"elements": {"allow_nan": False}} if dtype.kind == "f" else whole
    values = draw(arrays_of.arrays(dtype, shape, **floating))
    chunks = tuple(draw(st.integers(1, side)) for side in shape)
    kept: dict[str, Any] = draw(
        st.sampled_from([{}, {"chunks": chunks}, {"chunks": chunks, "compression": "gzip"}])
    )
    return values, kept


@given(st.lists(st.lists(datasets(), max_size=2), max_size=3))
def test_an_array_is_what_h5py_reads(layers: list[list[tuple[np.ndarray, dict[str, Any]]]]) -> None:
    h5py = pytest.importorskip("h5py")
    raw = io.BytesIO()
    with h5py.File(raw, "w") as file:
        file.create_group("data")
        for at, found in enumerate(layers):
            group = file.create_group(f"data/layer{at}")
            for place, (values, kept) in enumerate(found):
                group.create_dataset(str(place), data=values, **kept)
    model, loaded = ds.open_model(raw.getvalue()), ds.load(raw)
    assert not raw.closed
    assert [*model] == [f"layer{at}" for at in range(len(layers))]
    with h5py.File(raw, "r") as file:
        for name, layer in model.items():
            assert (layer.type, len(layer)) == ("", len(file["data"][name]))
            for blob in layer:
                theirs = file["data"][name][str(blob.index)][()]
                array = blob.array()
                floating = theirs.dtype.kind == "f"
                # Whole numbers are floats to Caffe, and bytes are in this machine's order.
                dtype = theirs.dtype.newbyteorder("<") if floating else np.dtype("<f4")
                assert (array.dtype, array.shape) == (dtype, theirs.shape)
                assert array.dtype == blob.dtype
                assert array.tobytes() == theirs.astype(dtype).tobytes()
                assert array.tobytes() == loaded[name, blob.index].tobytes()
                assert array.flags.writeable


def test_a_blob_of_several_pieces_is_put_together() -> None:
    """Values are read a megabyte at a time."""
    values = np.arange(700_001, dtype="<f4")
    for kind in ("data", "data, unpacked", "data, in two", "raw float"):
        model = indexed(layer_v2(b"a", b"", dims(700_001) + KINDS[kind].fields(values.tobytes())))
        assert np.array_equal(model["a"][0].array(), values), kind


def test_c3ds_blobs_have_their_five_dims() -> None:
    values = np.arange(24, dtype="<f4").reshape(2, 1, 3, 2, 2)
    model = indexed(layer_v1(b"conv", 4, c3d_blob(values, 1.0), c3d_blob(np.arange(2.0))))
    weights, bias = model["conv"]
    assert np.array_equal(weights.array(), values)
    assert (weights.has_diff, bias.has_diff, bias.shape) == (True, False, (1, 1, 1, 1, 2))


def test_legacy_dims_count_where_there_is_a_shape_beside_them() -> None:
    blob = legacy_dims(1, 1, 2, 3) + dims(2, 3) + sized(5, floats(*range(6)))
    (found,) = indexed(layer_v2(b"a", b"", blob))["a"]
    assert found.array().shape == (1, 1, 2, 3)


def test_gradients_are_told() -> None:
    h5py = pytest.importorskip("h5py")
    message = NetParameter()
    for diff in ([], [0.5]):
        blob = message.layer.add(name=f"a{len(diff)}").blobs.add(data=[1.0], diff=diff)
        blob.shape.dim.append(1)
    model = ds.open_model(message.SerializeToString())
    assert [model[name][0].has_diff for name in model] == [False, True]
    raw = io.BytesIO()
    with h5py.File(raw, "w") as file:
        for name in ("data/a/0", "data/b/0", "diff/b/0"):
            file[name] = np.ones(2, "f4")
    model = ds.open_model(raw)
    assert [model[name][0].has_diff for name in model] == [False, True]


# --- values that cannot be read


WRONG = {
    "too few": dims(2, 3) + sized(5, floats(1, 2)),
    "too many": dims(2) + sized(5, floats(1, 2, 3)),
    "none": dims(2, 3),
    "negative": dims() + sized(7, number(1, -2)) + sized(5, floats(1)),
    "no kind": dims(2) + sized(12, b"abcd"),
    "of int": dims(1) + number(10, 3) + sized(12, floats(1)),
    "half of two": legacy_dims(1, 1, 2, 3) + sized(8, doubles(1)),
}


@pytest.mark.parametrize("case", WRONG)
def test_values_that_cannot_be_read_are_told(case: str, words: Words) -> None:
    data = layer_v2(b"good", b"", dims(1) + sized(5, floats(1))) + layer_v2(
        b"bad", b"", WRONG[case]
    )
    model = ds.open_model(data)
    (blob,) = model["bad"]
    assert "cannot be read" in repr(blob)
    with pytest.raises(ds.ModelError) as raised:
        blob.array()
    assert (raised.value.layer, raised.value.path) == ("bad", model.name)
    if blob.source.problem:
        assert raised.value.hint is None
    else:
        wanted = prod(blob.shape) if min(blob.shape) >= 0 else 0
        assert numbers(raised.value.message)[-1] == wanted
    words(raised.value, case)
    with pytest.raises(ds.ModelError):
        np.asarray(blob)
    with pytest.raises(ds.ModelError):
        ds.load(data)
    assert model["good"][0].array().tolist() == [1]


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "in.h5", "w") as file:
        data = np.zeros((300, 300), "f4")
        file.create_dataset("data/big/0", data=data, compression="gzip")
        file.create_dataset("data/small/0", data=np.ones(3, "f4"))
    return tmp_path / "in.h5"


def test_what_unpacks_to_more_than_is_allowed_is_not_read(packed: Path, words: Words) -> None:
    size = packed.stat().st_size
    with ds.open_model(packed, max_unpacked=1000) as model:
        with pytest.raises(ds.ModelError) as raised:
            model["big"][0].array()
        assert raised.value.layer == "big"
        assert f"{360_012:,}" in raised.value.message
        assert f"{size:,}" in raised.value.message
        assert "max_unpacked=360012" in (raised.value.hint or "")
        words(raised.value)
        assert model["small"][0].array().tolist() == [1, 1, 1]
    with pytest.raises(ds.ModelError):
        ds.load(packed, max_unpacked=1000)
    assert ds.load(packed, max_unpacked=360_012)["big", 0].shape == (300, 300)
    assert ds.load(packed)["big", 0].shape == (300, 300)


def test_a_blob_that_another_layer_owns_is_not_in_the_file(words: Words) -> None:
    h5py = pytest.importorskip("h5py")
    raw = io.BytesIO()
    with h5py.File(raw, "w") as file:
        file["data/owner/0"] = np.ones(2, "f4")
        file["data/other/1"] = np.zeros(3, "f4")
    model = ds.open_model(raw)
    missing, bias = model["other"]
    assert missing.source is ABSENT
    assert repr(missing) == "<ModelBlob other[0] float32 (), cannot be read>"
    with pytest.raises(ds.ModelError) as raised:
        missing.array()
    assert raised.value.layer == "other"
    words(raised.value)
    assert bias.array().tolist() == [0, 0, 0]
    assert [*ds.load(raw)] == [("other", 1), ("owner", 0)]


def test_damaged_values_are_told_with_the_file(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "in.h5", "w") as file:
        data = np.arange(10_000, dtype="f4")
        file.create_dataset("data/a/0", data=data, compression="gzip", fletcher32=True)
        place = file["data/a/0"].id.get_chunk_info(0)
    with (tmp_path / "in.h5").open("r+b") as raw:
        raw.seek(place.byte_offset + place.size // 2)
        raw.write(b"\xff" * 20)
    with ds.open_model(tmp_path / "in.h5") as model, pytest.raises(ds.ModelError) as raised:
        model["a"][0].array()
    assert raised.value.path == str(tmp_path / "in.h5")


def test_a_blob_is_no_value_that_can_be_kept(model: ds.Model) -> None:
    """It is a place in an open file."""
    assert copy.copy(model["conv1"][0]) == model["conv1"][0]
    with pytest.raises(TypeError):
        pickle.dumps(model["conv1"][0])


def test_how_many_values_a_shape_says(model: ds.Model) -> None:
    for layer in model.values():
        for blob in layer:
            assert blob.size == prod(blob.shape) == blob.count == blob.array().size
