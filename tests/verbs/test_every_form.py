"""Every form that a Caffe model takes: told alike, rewritten in its own form, all else kept.

The forms are made here from Caffe's own binary V2 files, byte by byte or by h5py, and read back
by protobuf (with NVIDIA's fields in the schema) and h5py. What is expected of ``apply`` is a whole
file: the one that the same maker makes of the expected weights.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import h5py
import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from numpy.typing import NDArray

import deconvsurgery as ds
from helpers import wire
from helpers.campaigns import campaign_but, campaign_of_pairs
from helpers.models import NetParameter, message_class, parsed
from helpers.oracles import tent
from helpers.places import LAYOUTS, SHARED
from helpers.wire import (
    FIXED32,
    fields,
    floats,
    layer_v1,
    layer_v2,
    legacy_dims,
    number,
    payloads,
    sized,
    tag,
)
from helpers.wire import dims as shape_field
from helpers.words import Words, names, numbers, shapes

Array = NDArray[Any]
Case = dict[str, Any]
Override: TypeAlias = Mapping[tuple[str, int], Array]

MODELS = SHARED / "models"
BlobProto: Any = message_class("BlobProto")

CASES: list[Case] = json.loads((LAYOUTS / "cases.json").read_text())
LARGE = "fcn32_k64s32"  # 1.8 million values: one test for each form, not one for each state
# What FCN or Caffe refuses; the other two that FCN refuses, the contract fills.
REFUSED = [
    case
    for case in CASES
    if "error" in case["caffe"] or case["name"] in ("mismatch_c4_to_6", "expand_c3_to_6_g3")
]
FILLED = [case for case in CASES if case not in REFUSED]
SMALL = [case for case in FILLED if case["name"] != LARGE]
# Kernels that are exact in any type and others, groups, a bias, outputs that are sums.
SOME = [
    case
    for case in SMALL
    if case["name"]
    in (
        *("k01_g3", "k04_g3", "k05_g3", "k14_g3", "factor2_dense", "factor6_dense"),
        *("factor3_group", "sum_c5_to_1", "bias_default", "dilation2"),
    )
]


# --- the wire, and what is on it


LAYERS = {100: (1, 7), 2: (4, 6)}  # the field of a layer, in it those of its name and its blobs


def name_in(number: int, payload: bytes) -> str:
    return b"".join(payloads(payload, LAYERS[number][0])).decode()


def with_blobs(data: bytes, change: Callable[[str, int, bytes], bytes]) -> bytes:
    """The file with another payload for each blob, by the layer's name and its position."""
    out = []
    for each in fields(data):
        if each.number not in LAYERS:
            out.append(data[each.start : each.stop])
            continue
        name, position, inner = name_in(each.number, each.payload), 0, []
        for piece in fields(each.payload):
            if piece.number == LAYERS[each.number][1]:
                inner.append(sized(piece.number, change(name, position, piece.payload)))
                position += 1
            else:
                inner.append(each.payload[piece.start : piece.stop])
        out.append(sized(each.number, b"".join(inner)))
    return b"".join(out)


def blobs_of(data: bytes, name: str) -> list[bytes]:
    """The payloads of a layer's blobs."""
    return [
        blob
        for each in fields(data)
        if each.number in LAYERS and name_in(each.number, each.payload) == name
        for blob in payloads(each.payload, LAYERS[each.number][1])
    ]


def nvidias() -> Any:
    """BlobProto as NVIDIA/caffe 0.17 has it."""
    file = descriptor_pb2.FileDescriptorProto(name="nvidia.proto", package="nvidia")
    message = file.message_type.add(name="BlobProto")
    F = descriptor_pb2.FieldDescriptorProto  # noqa: N806 - a class
    kinds = {"f": F.TYPE_FLOAT, "d": F.TYPE_DOUBLE, "i": F.TYPE_INT32, "b": F.TYPE_BYTES}
    listed = (
        "num:i channels:i height:i width:i data:f* diff:f* shape:m double_data:d* double_diff:d* "
        "raw_data_type:i raw_diff_type:i raw_data:b raw_diff:b"
    )
    for at, each in enumerate(listed.split(), start=1):
        name, kind = each.split(":")
        made = message.field.add(name=name, number=at, label=F.LABEL_OPTIONAL)
        if kind == "m":
            made.type, made.type_name = F.TYPE_MESSAGE, ".nvidia.BlobShape"
            continue
        made.type = kinds[kind[0]]
        if kind.endswith("*"):
            made.label, made.options.packed = F.LABEL_REPEATED, True
    shape = file.message_type.add(name="BlobShape")
    dim = shape.field.add(name="dim", number=1, label=F.LABEL_REPEATED, type=F.TYPE_INT64)
    dim.options.packed = True
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("nvidia.BlobProto"))


Nvidia = nvidias()
RAW = {0: "<f8", 1: "<f4", 2: "<f2"}  # NVIDIA's Type: DOUBLE, FLOAT, FLOAT16


def read(blob: Any) -> Array:
    """A blob's values by NVIDIA's precedence, flat."""
    if blob.double_data:
        return np.array(blob.double_data, "<f8")
    if blob.data:
        return np.array(blob.data, "<f4")
    return np.frombuffer(blob.raw_data, RAW[blob.raw_data_type])


def dims_of(blob: Any) -> tuple[int, ...]:
    if any(blob.HasField(name) for name in ("num", "channels", "height", "width")):
        return (blob.num, blob.channels, blob.height, blob.width)
    return tuple(blob.shape.dim)


# --- the forms


def data(values: Array) -> bytes:
    return sized(5, values.astype("<f4").tobytes())


def double(values: Array) -> bytes:
    return sized(8, values.astype("<f8").tobytes())


def one_by_one(values: Array) -> bytes:
    return b"".join(tag(5, FIXED32) + value.tobytes() for value in values.astype("<f4"))


def in_chunks(values: Array, dims: bytes) -> bytes:
    first, second, third = np.array_split(values, 3)
    return data(first) + dims + data(second) + data(third[:0]) + one_by_one(third)


def raw(kind: int, values: Array) -> bytes:
    with np.errstate(over="ignore"):  # a variance of a million is no half
        return number(10, kind) + sized(12, values.astype(RAW[kind]).tobytes())


def raw_before_type(kind: int, values: Array) -> bytes:
    return sized(12, values.astype(RAW[kind]).tobytes()) + number(10, kind)


Maker: TypeAlias = Callable[[Array, bytes], bytes]


@dataclass(frozen=True)
class Binary:
    """A form of a binary file, by the payload of a blob made of its values and its dims' fields.

    ``rewritten`` is what becomes of a blob that gets new values, ``fresh`` a blob of a new layer.
    """

    id: str
    blob: Maker
    dtype: str = "<f4"
    rewritten: Maker | None = None
    fresh: Maker | None = None
    v1: bool = False
    legacy: bool = False
    suffix: str = "caffemodel"

    def bytes_of(
        self, source: bytes, new: Override | None = None, fresh: Sequence[str] = ()
    ) -> bytes:
        """A V2 file as Caffe saved it, in this form, with some values replaced."""
        new = new or {}

        def changed(name: str, position: int, payload: bytes) -> bytes:
            blob = BlobProto.FromString(payload)
            shape = dims_of(blob)
            dims = b"".join(
                payload[each.start : each.stop]
                for each in fields(payload)
                if each.number in (1, 2, 3, 4, 7)
            )
            dims = legacy_dims(*shape) if self.legacy else dims
            made = self.blob
            if (name, position) in new and self.rewritten:
                made = self.rewritten
            if name in fresh and self.fresh:
                made = self.fresh
            values = new.get((name, position))
            if values is None:  # as protobuf wrote it, packed
                values = np.frombuffer(b"".join(payloads(payload, 5)), "<f4")
            return made(values.ravel(), dims)

        return with_blobs(as_v1(source) if self.v1 else source, changed)

    def write(self, path: Path, source: bytes, **changes: Any) -> Path:
        path.write_bytes(self.bytes_of(source, **changes))
        return path

    def blobs(self, path: Path, name: str) -> list[Array]:
        """A layer's blobs, each in its shape, as protobuf reads them."""
        found = [Nvidia.FromString(each) for each in blobs_of(path.read_bytes(), name)]
        return [read(blob).reshape(dims_of(blob)) for blob in found]

    def content(self, path: Path) -> Any:
        return path.read_bytes()


def as_v1(source: bytes) -> bytes:
    """A V2 file as Caffe wrote it until 2014: layers, types by number, inputs without a layer."""
    numbers = {"Convolution": 4, "InnerProduct": 14, "ReLU": 18, "Deconvolution": 39}
    old = parsed(source)
    inputs, layers = NetParameter(name=old.name), []
    for layer in old.layer:
        if layer.type == "Input":
            inputs.input.extend(layer.top)
            inputs.input_dim.extend(layer.input_param.shape[0].dim)
            continue
        made = NetParameter().layers.add(name=layer.name, bottom=layer.bottom, top=layer.top)
        layers.append(made)
        made.type = numbers[layer.type]
        made.blobs.extend(layer.blobs)
        made.blobs_lr.extend(spec.lr_mult for spec in layer.param)
        made.weight_decay.extend(spec.decay_mult for spec in layer.param)
        if layer.HasField("convolution_param"):
            made.convolution_param.CopyFrom(layer.convolution_param)
    # What comes later in a file comes last here, too.
    return b"".join(
        [inputs.SerializeToString(), *(sized(2, layer.SerializeToString()) for layer in layers)]
    )


@dataclass(frozen=True)
class Hdf5:
    """A form of an HDF5 file; ``kept`` is how its datasets are laid out."""

    id: str
    dtype: str = "<f4"
    kept: dict[str, Any] = field(default_factory=dict)
    v1 = False
    suffix: str = "caffemodel.h5"

    def write(
        self, path: Path, source: bytes, new: Override | None = None, fresh: Sequence[str] = ()
    ) -> Path:
        message = parsed(source)
        with h5py.File(path, "w", libver="earliest") as file:
            for layer in (*message.layers, *message.layer):
                group = file.require_group("data").require_group(layer.name)
                for position, blob in enumerate(layer.blobs):
                    values = (new or {}).get((layer.name, position))
                    values = np.array(blob.data) if values is None else values
                    if layer.name in fresh:
                        dtype, kept = self.dtype.replace(">", "<"), {}
                    else:
                        dtype, kept = self.dtype, self.kept
                    dims = dims_of(blob)
                    group.create_dataset(
                        str(position), data=values.reshape(dims).astype(dtype), **kept
                    )
            file.attrs["made by"] = "a test"
        return path

    def blobs(self, path: Path, name: str) -> list[Array]:
        with h5py.File(path) as file:
            group = file["data"][name]
            return [group[each][()] for each in sorted(group)]

    def content(self, path: Path) -> Any:
        """Every group, dataset and attribute, and how each is laid out."""
        found: dict[str, Any] = {}

        def visit(name: str, each: Any) -> None:
            found[name] = dict(each.attrs)
            if isinstance(each, h5py.Dataset):
                layout = (each.dtype.str, each.shape, each.chunks, each.compression)
                found[name] = (layout, each[()].tobytes(), dict(each.attrs))

        with h5py.File(path) as file:
            file.visititems(visit)
            return found | {"/": dict(file.attrs)}


Form: TypeAlias = Binary | Hdf5


def data_first(values: Array, dims: bytes) -> bytes:
    return data(values) + dims  # 5 before 7, as protobuf writes them


def dims_first(values: Array, dims: bytes) -> bytes:
    return dims + data(values)


def raws(kind: int, name: str) -> Iterator[Binary]:
    dtype = RAW[kind]

    def fresh(values: Array, dims: bytes) -> bytes:
        return dims + raw(kind, values)

    def superseded(values: Array, dims: bytes) -> bytes:
        """Neither field repeats: the last of each counts."""
        return sized(12, b"of an earlier save") + number(10, 3) + fresh(values, dims)

    yield Binary(f"raw {name}", fresh, dtype)
    yield Binary(
        f"raw {name}, data before type",
        lambda values, dims: raw_before_type(kind, values) + dims,
        dtype,
        fresh=fresh,
    )
    yield Binary(f"raw {name}, superseded", superseded, dtype, fresh=fresh)


V2 = Binary("V2", data_first)
RAW_FORMS = [
    form for kind, name in enumerate(("double", "float", "half")) for form in raws(kind, name)
]
BINARY_FORMS = [
    V2,
    Binary("V2, legacy dims", dims_first, legacy=True),
    Binary("V1", dims_first, v1=True, legacy=True),
    Binary("V1, shape", data_first, v1=True),
    Binary("double_data", lambda values, dims: dims + double(values), "<f8"),
    Binary(
        "one by one",
        lambda values, dims: one_by_one(values) + dims,
        rewritten=data_first,
        fresh=data_first,
    ),
    Binary("chunks", in_chunks, rewritten=data_first, fresh=data_first),
    *RAW_FORMS,
]
HDF5_FORMS = [
    Hdf5("HDF5"),
    Hdf5("HDF5 float64", "<f8"),
    Hdf5("HDF5 half", "<f2"),
    Hdf5("HDF5 big-endian, chunked", ">f4", {"chunks": True, "compression": "gzip"}),
]
FORMS: list[Form] = [*BINARY_FORMS, *HDF5_FORMS]
BY_ID = {form.id: form for form in FORMS}


def by_name(each: Any) -> str:
    return str(each["name"]) if isinstance(each, dict) else str(each.id)


each_form = pytest.mark.parametrize("form", FORMS, ids=by_name)


WITH_AND_WITHOUT_BIAS = ("k04_g3", "bias_default", "factor3_dense")
FEW = ("k04_g3", "factor2_dense", "bias_default")


def of(cases: Sequence[Case], few: Sequence[str] = FEW) -> pytest.MarkDecorator:
    """These cases, of which a few always run."""
    return pytest.mark.parametrize("case", campaign_but(few, cases, by_name))


def in_every_form(
    cases: Sequence[Case], wanted: Callable[[Case, Form], bool] = lambda *_: True
) -> pytest.MarkDecorator:
    """Each case in each form; so many always run that every case and every form is among them."""
    pairs = campaign_of_pairs(cases, FORMS, by_name, wanted)
    return pytest.mark.parametrize(("case", "form"), pairs)


# --- the golden files, with other weights in them


@cache
def golden(name: str) -> dict[str, Array]:
    for folder in (LAYOUTS, SHARED / "golden" / "layouts"):
        if (folder / f"{name}.npz").exists():
            with np.load(folder / f"{name}.npz") as arrays:
                return dict(arrays)
    pytest.skip(f"{name}.npz is not committed, and not in {SHARED}")


@pytest.fixture(scope="session")
def ideal() -> Callable[[Case], Array]:
    """The weights that a case should get, in float64."""

    def weights(case: Case) -> Array:
        shape = case["caffe"]["weight_shape"]
        made = np.zeros(shape)
        for channel in range(shape[0]):
            made[channel, channel % shape[1]] = tent(shape[2:])
        return made

    return weights


def as_saved(case: Case) -> Any:
    """Caffe's own file; where nobody saved one, the net as it would be."""
    path = LAYOUTS / f"{case['name']}.caffemodel"
    if path.exists():
        return parsed(path.read_bytes())
    return text_format.Parse(case["prototxt"], NetParameter())


def layer_up(message: Any) -> Any:
    (up,) = (layer for layer in message.layer if layer.name == "up")
    return up


def fill(blob: Any, values: Array) -> None:
    """Its ``data``, by way of the wire: protobuf takes long over a million numbers."""
    blob.ClearField("data")
    blob.MergeFromString(data(values))


def source(case: Case, weights: Array | None = None) -> bytes:
    """Caffe's file, a learning rate for each blob added, with its own weights or others."""
    message, caffe = as_saved(case), case["caffe"]
    up = layer_up(message)
    shapes = [caffe[key] for key in ("weight_shape", "bias_shape") if key in caffe]
    for position, shape in enumerate(shapes):
        up.param.add(lr_mult=position + 0.5)
        if position == len(up.blobs):
            blob = up.blobs.add()
            blob.shape.dim.extend(shape)
            fill(blob, golden(case["name"])["filler"])
    if weights is not None:
        fill(up.blobs[0], weights)
        for bias in up.blobs[1:]:
            bias.data[:] = [0.25, -3, 7][: len(bias.data)]
    return bytes(message.SerializeToString())


def noise(case: Case) -> Array:
    return np.random.default_rng(7).normal(size=case["caffe"]["weight_shape"]).astype("<f4")


def surgery(
    text: str, form: Form, model: Path, out: str = "out", **options: Any
) -> tuple[ds.ApplyResult, Path]:
    net, result = model.with_name("net.prototxt"), model.with_name(out)
    net.write_text(text)
    return ds.apply(net, model, result, **{"any_gain": True, **options}), result


def row_of(result: Any, name: str) -> Any:
    (row,) = (row for row in result.layers if row.name == name)
    return row


def check_values(form: Form, weights: Array, ideal: Array, fcn: Array | None) -> None:
    """In the form's type: FCN's own values, rounded as numpy rounds, bit for bit."""
    assert weights.dtype == form.dtype
    assert weights.shape == ideal.shape
    atol = {8: 1e-15, 4: 6e-8, 2: 2**-12}[weights.dtype.itemsize]
    np.testing.assert_allclose(weights.astype("<f8"), ideal, rtol=0, atol=atol)
    if fcn is None:
        return
    narrow = min("<f4", form.dtype.replace(">", "<"), key=lambda dtype: np.dtype(dtype).itemsize)
    assert weights.astype(narrow).tobytes() == fcn.astype(narrow).tobytes()


# --- what they are


def with_weights(case: Case, perfect: Array) -> dict[str, bytes]:
    """Files whose weights are each something else."""
    moved, mixed = perfect.copy(), perfect.copy()
    moved[0, 0, 0, 0] += 0.03
    mixed[0, -1] += perfect.shape[1] > 1
    states = {"perfect": perfect}
    if case in SOME:
        states |= {"zero": 0 * perfect, "moved": moved, "mixed": mixed}
    states["by filler"] = golden(case["name"]).get("filler", noise(case))
    return {what: source(case, weights) for what, weights in states.items()}


@of(SMALL, FEW[:2])
def test_a_state_is_the_same_in_every_form(
    case: Case, tmp_path: Path, ideal: Callable[[Case], Array]
) -> None:
    net = ds.read_net(LAYOUTS / f"{case['name']}.prototxt")
    perfect = ideal(case)
    for what, data in with_weights(case, perfect).items():
        v2 = row_of(ds.inspect(net, V2.write(tmp_path / "v2", data)), "up").weights
        assert v2 is not None
        square = perfect.shape[1] == 1
        if what in ("perfect", "zero"):
            assert (
                v2.state is {"perfect": ds.WeightState.BILINEAR, "zero": ds.WeightState.ZERO}[what]
            )
        elif what == "mixed":
            assert v2.state is (
                ds.WeightState.BILINEAR if square else ds.WeightState.BILINEAR_OFF_DIAGONAL
            )
        elif what == "moved":
            assert v2.state in (ds.WeightState.NEAR_BILINEAR, ds.WeightState.OTHER)
        elif 'type: "bilinear"' in case["prototxt"]:
            assert v2.state is (
                ds.WeightState.BILINEAR if square else ds.WeightState.BILINEAR_EVERY_PAIR
            )
        for form in FORMS:
            model = form.write(tmp_path / f"model.{form.suffix}", data)
            row = row_of(ds.inspect(net, model), "up")
            assert row.source_blobs is not None
            assert len(row.source_blobs) == case["caffe"]["n_blobs"]
            here = row.weights
            assert here is not None
            assert (here.state, here.support) == (v2.state, v2.support), (what, form.id)
            # A half is off by at most 2**-12 where it is below 1, and by 2**-10 below 4.
            far = 2**-10 if np.dtype(form.dtype).itemsize == 2 else 1e-6
            for one, other in ((v2.distance, here.distance), (v2.value, here.value)):
                assert other == (None if one is None else pytest.approx(one, abs=far))


@in_every_form([case for case in CASES if case["name"] in ("factor4_dense", "bias_default")])
def test_a_model_tells_its_state_without_a_net(
    case: Case, form: Form, tmp_path: Path, ideal: Callable[[Case], Array], words: Words
) -> None:
    """HDF5 knows of no types; every other form says the same as with a net."""
    net = LAYOUTS / f"{case['name']}.prototxt"
    for data in with_weights(case, ideal(case)).values():
        model = form.write(tmp_path / f"model.{form.suffix}", data)
        alone, with_net = ds.inspect(None, model), ds.inspect(net, model)
        version = "HDF5" if isinstance(form, Hdf5) else "V1" if form.v1 else "V2"
        assert alone.model_version == with_net.model_version == version
        if version == "HDF5":
            assert not alone.layers
            (note,) = alone.notes
            words(note)
            every = ds.inspect(None, model, every_layer=True)
            assert row_of(every, "up").source_blobs == row_of(with_net, "up").source_blobs
        else:
            assert row_of(alone, "up").weights == row_of(with_net, "up").weights


RULES = {"raw double": "DS014", "raw float": "DS014", "raw half": "DS014", "double_data": None}


@each_form
def test_inspect_says_what_todays_caffe_does_not_write(
    form: Form, tmp_path: Path, words: Words
) -> None:
    """And no rule is broken by a form that Caffe loads."""
    (case,) = (case for case in CASES if case["name"] == "bias_default")
    model = form.write(tmp_path / f"model.{form.suffix}", source(case))
    found = ds.inspect(LAYOUTS / "bias_default.prototxt", model)
    kind = form.id.split(",")[0]
    broken = {each.id: each for each in row_of(found, "up").findings}
    rule = RULES.get(kind)
    assert broken.keys() & {"DS011", "DS014"} == ({rule} if rule else set())
    said = [broken[rule].message] if rule else found.notes
    assert found.notes == (() if rule else said)
    assert [numbers(each)[0] for each in said] == ([2] if kind in RULES else [])  # blobs
    for each in said:
        words(each, kind)


# --- what becomes of them


def rewritten_and_rewritten_again(
    case: Case, form: Form, folder: Path, ideal: Array, before: Array | None
) -> ds.ApplyChange:
    """``apply`` over weights that are there: (b) values, (c) all the rest, (d) a second time."""
    data = source(case, before)
    model = form.write(folder / f"in.{form.suffix}", data)
    kept = model.read_bytes()
    result, out = surgery(case["prototxt"], form, model)
    weights, *_ = form.blobs(out, "up")
    shape = weights.shape
    check_values(form, weights, ideal, golden(case["name"]).get("interp"))
    expected = form.write(folder / "expected", data, new={("up", 0): weights})
    (change,) = result.plan.changes
    assert isinstance(change, ds.ApplyChange)
    if change.action is ds.ApplyAction.UNCHANGED:
        assert out.read_bytes() == kept
    else:
        assert form.content(out) == form.content(expected)
    assert model.read_bytes() == kept
    assert result.output_size == out.stat().st_size
    assert shape == tuple(case["caffe"]["weight_shape"])

    again, twice = surgery(case["prototxt"], form, out, "twice")
    assert [row.action for row in again.plan.changes] == [ds.ApplyAction.UNCHANGED]
    assert not again.changed
    assert twice.read_bytes() == out.read_bytes()
    return change


@in_every_form(SMALL, lambda case, form: case in SOME or "," not in form.id)
def test_weights_change_and_nothing_else(
    case: Case, form: Form, tmp_path: Path, ideal: Callable[[Case], Array]
) -> None:
    change = rewritten_and_rewritten_again(case, form, tmp_path, ideal(case), noise(case))
    assert change.action is ds.ApplyAction.REWRITTEN
    assert change.before.state in (ds.WeightState.NEAR_BILINEAR, ds.WeightState.OTHER)
    assert change.after.state is ds.WeightState.BILINEAR
    assert change.values_changed <= change.values == np.prod(case["caffe"]["weight_shape"])


@in_every_form(SOME)
def test_weights_of_fcn_stay_as_they_are(
    case: Case, form: Form, tmp_path: Path, ideal: Callable[[Case], Array]
) -> None:
    """The golden files have them; only in doubles they can be told more exactly."""
    change = rewritten_and_rewritten_again(case, form, tmp_path, ideal(case), None)
    exact = np.dtype(form.dtype).itemsize < 8
    exact |= abs(ideal(case) - golden(case["name"])["interp"]).max() < 1e-12
    assert change.action is (ds.ApplyAction.UNCHANGED if exact else ds.ApplyAction.REWRITTEN)
    assert change.before.state is change.after.state is ds.WeightState.BILINEAR


@pytest.mark.parametrize(
    "form",
    campaign_but(
        ["raw half"],
        [BY_ID[name] for name in ("V1", "double_data", "raw half", "HDF5", "HDF5 float64")],
        by_name,
    ),
)
def test_a_large_layer(form: Form, tmp_path: Path, ideal: Callable[[Case], Array]) -> None:
    (case,) = (case for case in CASES if case["name"] == LARGE)
    change = rewritten_and_rewritten_again(case, form, tmp_path, ideal(case), noise(case))
    assert change.action is ds.ApplyAction.REWRITTEN


@of([case for case in SMALL if (LAYOUTS / f"{case['name']}.caffemodel").exists()])
def test_hdf5_as_caffe_saved_it(
    case: Case, tmp_path: Path, shared: Path, ideal: Callable[[Case], Array]
) -> None:
    form, model = Hdf5("Caffe's"), tmp_path / "model"
    name = f"{case['name']}.caffemodel"
    model.write_bytes((shared / "golden" / "layouts" / f"{name}.h5").read_bytes())
    net = LAYOUTS / f"{case['name']}.prototxt"
    binary = row_of(ds.inspect(net, LAYOUTS / name), "up")
    assert row_of(ds.inspect(net, model), "up").weights == binary.weights
    _, out = surgery(case["prototxt"], form, model)
    before, after = form.content(model), form.content(out)
    weights, *_ = form.blobs(out, "up")
    check_values(form, weights, ideal(case), golden(case["name"]).get("interp"))
    layout, _, attributes = before["data/up/0"]
    assert after == before | {"data/up/0": (layout, weights.tobytes(), attributes)}
    again, twice = surgery(case["prototxt"], form, out, "twice")
    assert not again.changed
    assert twice.read_bytes() == out.read_bytes()


@of(SMALL)
def test_half_as_opencv_shrinks_it(
    case: Case, tmp_path: Path, ideal: Callable[[Case], Array]
) -> None:
    cv2 = pytest.importorskip("cv2")

    def shrunk(name: str, weights: Array) -> Path:
        whole, half = tmp_path / "whole", tmp_path / name
        whole.write_bytes(source(case, weights))
        cv2.dnn.shrinkCaffeModel(str(whole), str(half), ["Deconvolution"])
        return half

    form = BY_ID["raw half"]
    perfect = golden(case["name"]).get("interp", ideal(case))
    model, expected = shrunk("in", noise(case)), shrunk("expected", perfect)
    assert all(values.dtype == "<f2" for values in form.blobs(model, "up"))
    net = tmp_path / "net.prototxt"
    net.write_text(case["prototxt"])
    found = row_of(ds.inspect(net, expected), "up")
    assert found.weights is not None
    assert found.weights.state is ds.WeightState.BILINEAR
    _, out = surgery(case["prototxt"], form, model)
    assert out.read_bytes() == expected.read_bytes()
    again, twice = surgery(case["prototxt"], form, out, "twice")
    assert not again.changed
    assert twice.read_bytes() == out.read_bytes()


# --- layers that are not there


def with_a_convolution(case: Case) -> tuple[str, Any]:
    """A net with a convolution in front, and the file that has this layer's blobs alone."""
    text, message = case["prototxt"], as_saved(case)
    layer_up(message)
    (shape,) = re.findall(r"input_param \{ shape \{(.*?)\}", text)
    channels = [int(dim) for dim in re.findall(r"dim: (\d+)", shape)][1]
    conv = (
        'layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" '
        "param { lr_mult: 2 } convolution_param { num_output: 2 kernel_size: 3 pad: 1 } }"
    )
    made = text_format.Parse(conv, NetParameter()).layer[0]
    rng = np.random.default_rng(3)
    for dims in ((2, channels, 3, 3), (2,)):
        blob = made.blobs.add()
        blob.shape.dim.extend(dims)
        blob.data.extend(rng.normal(size=dims).ravel())
    message.layer.remove(layer_up(message))
    message.layer.append(made)
    return f"{text}\n{conv}\n", message


def its_layer(case: Case, weights: Array | None) -> Any:
    """The layer as the net has it, with blobs."""
    up, caffe = layer_up(text_format.Parse(case["prototxt"], NetParameter())), case["caffe"]
    for key in ("weight_shape", "bias_shape") if weights is not None else ():
        if key in caffe:
            blob = up.blobs.add()
            blob.shape.dim.extend(caffe[key])
            blob.data.extend(np.zeros(np.prod(caffe[key])))
    return up


@in_every_form([*SOME, *(case for case in SMALL if case["name"] == "block_g2_c6")])
def test_a_missing_layer_comes_in_the_files_own_form(
    case: Case, form: Form, tmp_path: Path, ideal: Callable[[Case], Array]
) -> None:
    text, message = with_a_convolution(case)
    data = message.SerializeToString()
    model = form.write(tmp_path / f"in.{form.suffix}", data)
    result, out = surgery(text, form, model)
    weights, *bias = form.blobs(out, "up")
    # A new dataset is little-endian, however the others are.
    little = form if isinstance(form, Binary) else Hdf5("", form.dtype.replace(">", "<"))
    shape = case["caffe"]["weight_shape"]
    check_values(little, weights, ideal(case), golden(case["name"]).get("interp"))
    assert [not values.any() for values in bias] == [True] * (case["caffe"]["n_blobs"] - 1)
    message.layer.append(its_layer(case, weights))
    expected = form.write(
        tmp_path / "expected",
        message.SerializeToString(),
        new={("up", 0): weights},
        fresh=["up"],
    )
    assert form.content(out) == form.content(expected)
    if isinstance(form, Binary):
        assert out.read_bytes().startswith(model.read_bytes())
    (change,) = result.plan.changes
    assert change.action is ds.ApplyAction.CREATED
    assert change.before.state is ds.WeightState.MISSING
    assert weights.shape == tuple(shape)
    again, twice = surgery(text, form, out, "twice")
    assert not again.changed
    assert twice.read_bytes() == out.read_bytes()


@in_every_form([case for case in SMALL if case["name"] in WITH_AND_WITHOUT_BIAS])
def test_a_layer_without_blobs_gets_them_in_the_files_own_form(
    case: Case, form: Form, tmp_path: Path, ideal: Callable[[Case], Array]
) -> None:
    text, message = with_a_convolution(case)
    message.layer.insert(1, its_layer(case, None))
    model = form.write(tmp_path / f"in.{form.suffix}", message.SerializeToString())
    result, out = surgery(text, form, model)
    assert [change.action for change in result.plan.changes] == [ds.ApplyAction.CREATED]
    weights, *bias = form.blobs(out, "up")
    little = form if isinstance(form, Binary) else Hdf5("", form.dtype.replace(">", "<"))
    check_values(little, weights, ideal(case), golden(case["name"]).get("interp"))
    if isinstance(form, Hdf5):
        assert form.content(out).keys() - form.content(model).keys() == {
            f"data/up/{position}" for position in range(case["caffe"]["n_blobs"])
        }
        return
    # The layer's fields as they were, and its blobs behind them.
    made = b""
    for values in (weights, *bias):
        shape = (
            values.shape
            if not form.legacy
            else values.shape[-1:]
            if values is not weights
            else values.shape
        )
        dims = legacy_dims(*shape) if form.legacy else shape_field(*shape)
        made += sized(6 if form.v1 else 7, (form.fresh or form.blob)(values.ravel(), dims))
    before = model.read_bytes()
    expected = b"".join(
        sized(each.number, each.payload + made)
        if each.number in LAYERS and name_in(each.number, each.payload) == "up"
        else before[each.start : each.stop]
        for each in fields(before)
    )
    assert out.read_bytes() == expected


def test_a_missing_layer_comes_as_float32_where_the_others_differ(tmp_path: Path) -> None:
    (case,) = (case for case in CASES if case["name"] == "k04_g3")
    text, message = with_a_convolution(case)
    mixed = iter([BY_ID["raw half"], BY_ID["double_data"]])
    model = tmp_path / "in"

    def changed(name: str, position: int, payload: bytes) -> bytes:
        form = next(mixed)
        assert isinstance(form, Binary)
        blob = BlobProto.FromString(payload)
        return form.blob(np.array(blob.data), shape_field(*blob.shape.dim))

    model.write_bytes(with_blobs(message.SerializeToString(), changed))
    _, out = surgery(text, V2, model)
    (up,) = (Nvidia.FromString(blob) for blob in blobs_of(out.read_bytes(), "up"))
    assert [each.name for each, _ in up.ListFields()] == ["data", "shape"]


# --- refusals


@in_every_form(REFUSED)
def test_what_is_refused_is_refused_in_every_form(case: Case, form: Form, tmp_path: Path) -> None:
    text, message = with_a_convolution(case)
    shape = case["caffe"].get("weight_shape")
    if shape:
        up = layer_up(as_saved(case))
        message.layer.append(up)
    model = form.write(tmp_path / f"in.{form.suffix}", message.SerializeToString())
    kept = model.read_bytes()
    with pytest.raises(ds.ShapeError) as caught:
        surgery(text, form, model)
    assert caught.value.layer == "up"
    assert {path.name for path in tmp_path.iterdir()} == {"net.prototxt", model.name}
    assert model.read_bytes() == kept
    result, out = surgery(text, form, model, skip_unfit=True)
    assert [skip.target.layer.name for skip in result.plan.skips] == ["up"]
    assert out.read_bytes() == kept


@each_form
def test_a_shape_that_disagrees_is_refused_in_every_form(
    form: Form, tmp_path: Path, words: Words
) -> None:
    (case,) = (case for case in CASES if case["name"] == "k04_g3")
    model = form.write(tmp_path / f"in.{form.suffix}", source(case))
    with pytest.raises(ds.MismatchError) as raised:
        surgery(case["prototxt"].replace("kernel_size: 4", "kernel_size: 5"), form, model)
    assert raised.value.layer == "up"
    assert shapes(raised.value.message) == [(3, 1, 5, 5), (3, 1, 4, 4)]
    words(raised.value, "shape")
    with pytest.raises(ds.MismatchError) as raised:
        surgery(case["prototxt"].replace("bias_term: false", ""), form, model)
    assert raised.value.layer == "up"
    assert numbers(raised.value.message)[:2] == [2, 1]  # blobs of the net's, and of the model's
    words(raised.value, "blobs")
    assert not (tmp_path / "out").exists()


# --- what no Caffe of today writes

(PLAIN,) = (case for case in CASES if case["name"] == "k04_g3")
(BIASED,) = (case for case in CASES if case["name"] == "bias_default")
FCN = golden("k04_g3")["interp"]
CONV = sized(1, b"conv") + sized(2, b"Convolution")


def up_with(*blobs: bytes, extra: bytes = b"") -> bytes:
    """A V2 layer named up, its blobs as they are given, and what else there may be."""
    return layer_v2(b"up", b"Deconvolution", *blobs, after=extra)


UP = up_with(data(noise(PLAIN)) + shape_field(*FCN.shape))
FILLED_UP = up_with(data(FCN) + shape_field(*FCN.shape))


def done(
    folder: Path, model: bytes, case: Case = PLAIN, **options: Any
) -> tuple[ds.ApplyResult, bytes]:
    """``apply``, and that it does nothing the second time."""
    path = folder / "in.caffemodel"
    path.write_bytes(model)
    result, out = surgery(case["prototxt"], V2, path, **options)
    again, twice = surgery(case["prototxt"], V2, out, "twice", **options)
    assert not again.changed
    assert twice.read_bytes() == out.read_bytes()
    return result, out.read_bytes()


def looked_at(
    folder: Path, model: bytes, net: str | None = PLAIN["prototxt"], **options: Any
) -> Any:
    path = folder / "in.caffemodel"
    path.write_bytes(model)
    if net is None:
        return ds.inspect(None, path, **options)
    (folder / "net.prototxt").write_text(net)
    return ds.inspect(folder / "net.prototxt", path, **options)


def refused(folder: Path, model: bytes, case: Case = PLAIN, **options: Any) -> ds.MismatchError:
    """``apply`` says no and writes nothing."""
    path = folder / "in.caffemodel"
    path.write_bytes(model)
    with pytest.raises(ds.MismatchError) as caught:
        surgery(case["prototxt"], V2, path, **options)
    assert {each.name for each in folder.iterdir()} == {"in.caffemodel", "net.prototxt"}
    assert path.read_bytes() == model
    return caught.value


def said_of(result: ds.ApplyResult) -> list[str]:
    """The warnings, but for the first where weights that may have been learned are overwritten."""
    (change,) = result.plan.changes
    return [*change.warnings[change.before.state is ds.WeightState.OTHER :]]


def findings_of(result: Any) -> dict[str, str]:
    found = (*result.net_findings, *row_of(result, "up").findings)
    return {each.id: each.message for each in found}


@pytest.mark.parametrize("number", [6, 9], ids=["diff", "double_diff"])
def test_values_in_diff_alone(number: int, tmp_path: Path, words: Words) -> None:
    """Caffe does not look there: the layer has no weights."""
    diff = sized(number, noise(PLAIN).astype("<f4" if number == 6 else "<f8").tobytes())
    blob = diff + shape_field(*FCN.shape)
    found = looked_at(tmp_path, up_with(blob))
    assert row_of(found, "up").weights.state is ds.WeightState.MISSING
    finding, stops = findings_of(found)["DS014"], findings_of(found)["DS011"]
    assert (numbers(finding), numbers(stops), found.notes) == ([1], [0], ())  # blobs, which blob
    words(finding, "finding")
    words(stops, "what Caffe would do")
    result, out = done(tmp_path, up_with(blob))
    assert out == up_with(blob + data(FCN))
    (change,) = result.plan.changes
    assert (change.action, change.before.state) == (
        ds.ApplyAction.REWRITTEN,
        ds.WeightState.MISSING,
    )
    (warning,) = said_of(result)
    words(warning, "warning")


def test_a_bias_in_diff_alone(tmp_path: Path, words: Words) -> None:
    weights, bias = golden("bias_default")["interp"], sized(6, floats(1, 2, 3)) + shape_field(3)
    filled = data(weights) + shape_field(*weights.shape)
    result, out = done(tmp_path, up_with(filled, bias), BIASED)
    assert out == up_with(filled, bias + data(np.zeros(3)))
    (warning,) = said_of(result)
    words(warning)


@pytest.mark.parametrize(
    ("diff", "values"),
    [
        (sized(6, floats(*range(48))), data),
        (sized(9, np.arange(48.0).tobytes()), double),
        (number(11, 1) + sized(13, floats(*range(48))), lambda values: raw(1, values)),
    ],
    ids=["diff", "double_diff", "raw_diff"],
)
def test_a_diff_beside_the_values_stays(
    diff: bytes, values: Callable[[Array], bytes], tmp_path: Path, words: Words
) -> None:
    shape = shape_field(*FCN.shape)
    result, out = done(tmp_path, up_with(values(noise(PLAIN)) + diff + shape))
    expected = up_with(values(FCN) + diff + shape)
    assert out == expected
    words(said_of(result))
    assert said_of(result)


def test_a_raw_diff_alone_is_a_diff_alone(tmp_path: Path, words: Words) -> None:
    blob = number(11, 2) + sized(13, bytes(96)) + shape_field(*FCN.shape)
    found = looked_at(tmp_path, up_with(blob))
    words(findings_of(found)["DS014"], "finding")
    result, out = done(tmp_path, up_with(blob))
    assert out == up_with(blob + data(FCN))
    (warning,) = said_of(result)
    words(warning, "warning")


# In the time of V1 and of legacy dims, which are always four, there were none; nor can HDF5 cut
# one in chunks.
WITH_SCALARS = [
    form
    for form in FORMS
    if not (isinstance(form, Binary) and (form.v1 or form.legacy)) and "chunked" not in form.id
]


@pytest.mark.parametrize("form", WITH_SCALARS, ids=by_name)
def test_scalar_blobs_are_passed_over(form: Form, tmp_path: Path) -> None:
    """Caffe writes no shape for them; an HDF5 dataset of theirs has no axes."""
    message = parsed(source(PLAIN, noise(PLAIN)))
    slope = message.layer.add(name="slope", type="PReLU", bottom=["up"], top=["slope"])
    slope.blobs.add(data=[0.25])
    model = tmp_path / f"in.{form.suffix}"
    form.write(model, message.SerializeToString())
    text = (
        PLAIN["prototxt"]
        + 'layer { name: "slope" type: "PReLU" bottom: "up" top: "slope" '
        + "prelu_param { channel_shared: true } }"
    )
    _, out = surgery(text, form, model)
    found = ds.inspect(tmp_path / "net.prototxt", out, every_layer=True)
    assert row_of(found, "slope").source_blobs == row_of(found, "slope").blobs == ((),)
    assert not [note for note in found.notes if "slope" in note]
    (value,) = form.blobs(out, "slope")
    assert (value.shape, float(value)) == ((), 0.25)
    new = {("up", 0): form.blobs(out, "up")[0]}
    expected = form.write(tmp_path / "expected", message.SerializeToString(), new=new)
    assert form.content(out) == form.content(expected)


@pytest.mark.parametrize(
    "form", [each for each in BINARY_FORMS if not each.v1 and "," not in each.id], ids=by_name
)
def test_a_blob_without_values_gets_them_as_the_others_have_them(
    form: Binary, tmp_path: Path, words: Words
) -> None:
    conv = sized(100, CONV + sized(7, form.blob(np.ones(4), shape_field(2, 2))))
    model = conv + up_with(shape_field(*FCN.shape))
    found = findings_of(looked_at(tmp_path, model))
    assert numbers(found["DS014"]) == [1]  # blobs
    assert numbers(found["DS011"]) == [0, 3, 1, 4, 4, 48]  # the blob, its shape, values of that
    words(found["DS014"])
    _, out = done(tmp_path, model)
    assert out.startswith(conv)
    (blob,) = blobs_of(out, "up")
    assert blob.startswith(shape_field(*FCN.shape))
    values = read(Nvidia.FromString(blob))
    assert values.dtype == form.dtype
    assert (values.astype("<f8") == FCN.ravel()).all()  # all of them are exact in a half


def test_both_shape_forms(tmp_path: Path, words: Words) -> None:
    """Caffe takes the older one."""
    blob = legacy_dims(*FCN.shape) + data(noise(PLAIN)) + shape_field(9, 9)
    found = looked_at(tmp_path, up_with(blob))
    words(findings_of(found)["DS014"], "finding")
    assert "DS011" not in findings_of(found)
    assert found.notes == ()
    result, out = done(tmp_path, up_with(blob))
    assert out == up_with(legacy_dims(*FCN.shape) + data(FCN) + shape_field(9, 9))
    (warning,) = said_of(result)
    words(warning, "warning")
    wrong = legacy_dims(9, 9) + data(noise(PLAIN)) + shape_field(*FCN.shape)
    error = refused_in(tmp_path / "other", up_with(wrong))
    assert shapes(error.message) == [FCN.shape, (1, 1, 9, 9)]
    words(error, "error")


def refused_in(folder: Path, model: bytes) -> ds.MismatchError:
    folder.mkdir()
    return refused(folder, model)


V1_UP = layer_v1(b"up", 39, legacy_dims(*FCN.shape) + data(noise(PLAIN)))


@pytest.mark.parametrize("model", [UP + V1_UP, V1_UP + sized(100, CONV)], ids=["V2-V1", "V1-V2"])
def test_both_generations_at_once(model: bytes, tmp_path: Path, words: Words) -> None:
    for net in (PLAIN["prototxt"], None):
        found = looked_at(tmp_path, model, net)
        assert found.model_version == "mixed"
        (mixed,) = (each for each in found.net_findings if each.id == "DS014" and not each.layer)
        words(mixed.message, "finding")
        assert row_of_first(found, "up").weights
    (tmp_path / "net.prototxt").unlink()
    words(refused(tmp_path, model), "apply")
    for options in ({"to": "binary"}, {"to": "hdf5"}, {"upgrade": False}):
        with pytest.raises(ds.MismatchError) as raised:
            ds.convert(tmp_path / "in.caffemodel", tmp_path / "out", **options)
        words(raised.value, "convert")
    assert not (tmp_path / "out").exists()


def row_of_first(result: Any, name: str) -> Any:
    return next(row for row in result.layers if row.name == name)


def test_a_v0_model(tmp_path: Path, words: Words) -> None:
    """Its own net has no Deconvolution, for there was none; one of today's has no place in it."""
    conv = (
        sized(1, b"conv") + sized(2, b"conv") + number(3, 2)
        + sized(50, legacy_dims(2, 3, 1, 1) + data(np.arange(6.0)))
    )  # fmt: skip
    model = sized(2, sized(1, conv) + sized(2, b"data") + sized(3, b"conv"))
    net = """
    input: "data" input_dim: 1 input_dim: 3 input_dim: 5 input_dim: 6
    layers { layer { name: "conv" type: "conv" num_output: 2 kernelsize: 1 biasterm: false }
             bottom: "data" top: "conv" }"""
    found = looked_at(tmp_path, model, net, every_layer=True)
    assert (found.net_version, found.model_version) == ("V0", "V0")
    assert row_of(found, "conv").blobs == row_of(found, "conv").source_blobs == ((2, 3, 1, 1),)
    assert found.notes == ()
    alone = looked_at(tmp_path, model, None, every_layer=True)
    assert [(row.name, row.type) for row in alone.layers] == [("conv", "conv")]
    with pytest.raises(ds.SelectionError):
        surgery(net, V2, tmp_path / "in.caffemodel")
    (tmp_path / "net.prototxt").unlink()
    error = refused(tmp_path, model)
    assert numbers(str(error.hint))[0] == 1.0  # Caffe's version that upgrades it
    words(error)


def test_a_v1_type_that_only_a_fork_knows(tmp_path: Path) -> None:
    """41 is one layer in ParseNet and another in happynear's: the name alone decides."""
    foreign = V1_UP.replace(number(5, 39), number(5, 41))
    alone = looked_at(tmp_path, foreign, None, every_layer=True)
    assert [(row.name, row.type) for row in alone.layers] == [("up", "V1 type 41")]
    assert looked_at(tmp_path, foreign, None).layers == ()
    found = looked_at(tmp_path, foreign)
    assert found.notes == ()
    assert "DS011" not in findings_of(found)
    result, out = done(tmp_path, foreign)
    assert out == foreign.replace(data(noise(PLAIN)), data(FCN))
    assert said_of(result) == []


def test_a_name_twice_in_the_model(tmp_path: Path, words: Words) -> None:
    """Caffe copies both, so the last wins, and both have to be right."""
    other = up_with(data(FCN) + shape_field(*FCN.shape))
    for model, state in ((UP + other, ds.WeightState.BILINEAR), (other + UP, ds.WeightState.OTHER)):
        found = looked_at(tmp_path, model)
        assert row_of(found, "up").weights.state is state
        assert numbers(findings_of(found)["DS011"]) == [2]
        words(findings_of(found)["DS011"], "finding")
        assert found.notes == ()
        alone = looked_at(tmp_path, model, None)
        (note,) = alone.notes
        assert names(note) == ["up"]
        words(note, "note without a net")
        result, out = done(tmp_path, model, force=True)
        assert out == FILLED_UP * 2
        (warning,) = said_of(result)
        words(warning, "warning")


@pytest.mark.parametrize("form", [V2, BY_ID["HDF5"]], ids=by_name)
def test_a_name_twice_in_the_net(form: Form, tmp_path: Path, words: Words) -> None:
    (up,) = re.findall(r"layer \{\s*name: \"up\".*\}", PLAIN["prototxt"], re.DOTALL)
    text = PLAIN["prototxt"] + up.replace('top: "up"', 'top: "again"')
    model = form.write(tmp_path / f"in.{form.suffix}", source(PLAIN, noise(PLAIN)))
    (tmp_path / "net.prototxt").write_text(text)
    found = ds.inspect(tmp_path / "net.prototxt", model)
    # The binary loader fills the first, the HDF5 loader the last.
    loaded = "first" if form is V2 else "last"
    lines = [
        text[: at.start()].count("\n") + 1 for at in re.finditer(r"layer \{\s*name: \"up\"", text)
    ]
    assert [row.line for row in found.layers] == lines
    twice = [
        (row.line, each) for row in found.layers for each in row.findings if each.id == "DS012"
    ]
    ((line, finding),) = twice
    assert (line, numbers(finding.message), found.notes) == (lines[1], [2, *lines], ())
    words(finding.message, f"finding, the {loaded} is loaded")
    result, _ = surgery(text, form, model)
    (warning,) = said_of(result)
    words(warning, f"warning, the {loaded} is loaded")


OPENCL = sized(10, b"") + sized(11, floats(*range(48))) + number(13, 1)


def test_values_that_only_the_opencl_branch_reads(tmp_path: Path, words: Words) -> None:
    conv = sized(100, CONV + sized(7, shape_field(48) + OPENCL))
    found = looked_at(tmp_path, conv + UP)
    assert (names(findings_of(found)["DS011"]), found.notes) == (["conv"], ())
    (note,) = (each for each in found.net_findings if each.id == "DS014")
    assert (numbers(note.message), note.layer, note.stops) == ([1], "conv", False)
    words(note.message, "note")
    _, out = done(tmp_path, conv + UP)
    assert out == conv + FILLED_UP
    (tmp_path / "out").unlink()
    _, out = done(tmp_path, conv, force=True)
    assert out.startswith(conv)
    assert blobs_of(out, "up") == [data(FCN) + shape_field(*FCN.shape)]

    matched = up_with(shape_field(*FCN.shape) + OPENCL)
    finding = findings_of(looked_at(tmp_path, matched))["DS014"]
    assert numbers(finding) == [1]
    words(finding, "finding")
    other = tmp_path / "matched"
    other.mkdir()
    words(refused(other, matched), "error")
    result, out = done(other, matched, skip_unfit=True)
    assert out == matched
    (skip,) = result.plan.skips
    words(skip.reason, "skip")


@pytest.mark.parametrize("payload", [b"\x0a\xff", b"\xff" * 12, b"\x07", b""], ids=bytes.hex)
@pytest.mark.parametrize("number", [45, 143, 145, 147, 148])
def test_a_forks_field_under_a_number_of_bvlcs(number: int, payload: bytes, tmp_path: Path) -> None:
    """Messages of a fork's own that are none of BVLC's, NVIDIA's enums: nobody looks in."""
    fork = sized(number, payload) + wire.number(number, 2) + sized(number, payload * 2)
    blob = data(noise(PLAIN)) + shape_field(*FCN.shape)
    model = sized(100, CONV + fork) + up_with(blob, extra=fork) + sized(100, fork + sized(1, b"z"))
    _, out = done(tmp_path, model)
    assert out == model.replace(data(noise(PLAIN)), data(FCN))
    # A layer that gets its first blob, behind them all.
    bare = model.replace(up_with(blob, extra=fork), up_with(extra=fork))
    (tmp_path / "out").unlink()
    _, out = done(tmp_path, bare, force=True)
    assert out == model.replace(
        up_with(blob, extra=fork),
        up_with(extra=fork + sized(7, data(FCN) + shape_field(*FCN.shape))),
    )
    found = looked_at(tmp_path, model, None, every_layer=True)
    assert [row.name for row in found.layers] == ["conv", "up", "z"]


def test_whole_numbers_in_hdf5(tmp_path: Path, words: Words) -> None:
    """Caffe reads them; a kernel cannot be made of them."""
    form = Hdf5("", "<i4")
    model = form.write(tmp_path / "in.h5", source(PLAIN, np.ones(FCN.shape)))
    kept = model.read_bytes()
    (tmp_path / "net.prototxt").write_text(PLAIN["prototxt"])
    found = ds.inspect(tmp_path / "net.prototxt", model)
    assert row_of(found, "up").weights.state is ds.WeightState.CONSTANT
    with pytest.raises(ds.MismatchError) as raised:
        surgery(PLAIN["prototxt"], form, model)
    assert raised.value.layer == "up"
    words(raised.value)
    assert not (tmp_path / "out").exists()
    assert model.read_bytes() == kept


# --- real models


def table(name: str) -> list[dict[str, str]]:
    with (MODELS / name).open(newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


REAL = {
    (row["short-name"], row["file"]): row
    for row in (table("INDEX.tsv") if MODELS.is_dir() else ())
    if row["format"] in ("V1", "V2", "h5")
}
TOLD = [row for row in (table("DECONV.tsv") if MODELS.is_dir() else ()) if row["kind"] == "model"]
# An oldest and a newest of those that come in a series.
WITH_DECONV = [
    key
    for key, row in REAL.items()
    if int(row["n_deconv"]) and not re.search(r"iter_(500|1000|17000|24000)\.", row["file"])
]
STATES = {
    "exact FCN bilinear (grouped)": ds.WeightState.BILINEAR,
    "all-zero": ds.WeightState.ZERO,
    "constant 1": ds.WeightState.NEAREST,
}
ANYTHING: dict[str, Any] = {"patterns": ["*"], "skip_unfit": True, "any_gain": True}
# A layer named upsample/deconv has no HDF5 form. (retinaface-charrin has one, which takes long to
# make and says no more than its sisters'.)
SLASHED = {"wechat-qr"}
SMALL_ONES = {
    ("fsrcnn-x3", "raw half"),
    ("wechat-qr", "raw float"),
    ("v1-autoencoder-14", "double_data"),
    ("fsrcnn-x3", "HDF5"),
}


@cache
def real_net(key: tuple[str, str]) -> ds.Net:
    named = re.search(r"pair=(\S+)", REAL[key]["notes"])
    assert named
    return ds.read_net(MODELS / key[0] / named[1])


def same_in_hdf5(source: bytes) -> bytes:
    """A copy whose legacy dims are true shapes: HDF5 has no others."""

    def changed(name: str, position: int, payload: bytes) -> bytes:
        blob = BlobProto.FromString(payload)
        if not blob.HasField("num"):
            return payload
        shape = list(dims_of(blob))
        while shape[0] == 1:
            del shape[0]
        return data(np.array(blob.data)) + shape_field(*shape)

    return with_blobs(source, changed)


@pytest.mark.parametrize(
    ("key", "form"),
    [
        pytest.param(
            key,
            BY_ID[name],
            id=f"{'/'.join(key)[-50:]}-{name}",
            marks=() if (key[0], name) in SMALL_ONES else pytest.mark.campaign,
        )
        for key in WITH_DECONV
        for name in ("raw half", "raw float", "double_data", "HDF5")
        if not (name == "HDF5" and key[0] in (*SLASHED, "retinaface-charrin"))
    ],
)
def test_a_real_model_in_another_form(key: tuple[str, str], form: Form, tmp_path: Path) -> None:
    original, net = MODELS / key[0] / key[1], real_net(key)
    source = original.read_bytes()
    if isinstance(form, Hdf5):
        source = same_in_hdf5(source)
    model, out = form.write(tmp_path / f"in.{form.suffix}", source), tmp_path / "out"
    half = np.dtype(form.dtype).itemsize == 2

    rows = {row.name: row for row in ds.inspect(net, model).layers}
    plain = {row.name: row for row in ds.inspect(net, original).layers}
    told = {row["layer"]: row for row in TOLD if (row["short-name"], row["file"]) == key}
    strangers = told.keys() if key[0] == "retinaface-charrin-zero" else set()
    assert rows.keys() | strangers == plain.keys()
    for name, row in rows.items():
        weights, other = row.weights, plain[name].weights
        assert weights is not None
        assert other is not None
        assert weights.state is other.state
        assert other.distance == (
            None
            if weights.distance is None
            else pytest.approx(weights.distance, abs=2e-3 if half else 1e-6)
        )
        if name in told:
            expected = STATES.get(told[name]["weights"], ds.WeightState.OTHER)
            assert weights.state is expected

    result = ds.apply(net, model, out, **ANYTHING)
    in_plain = ds.apply(net, original, tmp_path / "plain", **ANYTHING)
    assert {change.target.layer.name for change in result.plan.changes} == {
        change.target.layer.name for change in in_plain.plan.changes
    }
    new, created = {}, [c for c in result.plan.changes if c.action is ds.ApplyAction.CREATED]
    for change in result.plan.changes:
        name = change.target.layer.name
        weights, *_ = form.blobs(out, name)
        theirs, *_ = V2.blobs(tmp_path / "plain", name)
        assert weights.dtype == form.dtype
        narrow = form.dtype if half else "<f4"
        assert weights.astype(narrow).tobytes() == theirs.astype(narrow).tobytes()
        new[name, 0] = weights
    if not created:
        expected_file = form.write(tmp_path / "expected", source, new=new)
        assert form.content(out) == form.content(expected_file)
    elif isinstance(form, Binary):
        assert out.read_bytes().startswith(model.read_bytes())
    else:
        before, after = form.content(model), form.content(out)
        names = {name for name in after if name not in before}
        assert {name: after[name] for name in before} == before
        assert names == {
            f"data/{change.target.layer.name}{end}" for change in created for end in ("", "/0")
        }
    again = ds.apply(net, out, tmp_path / "again", **ANYTHING)
    assert not again.changed
    assert (tmp_path / "again").read_bytes() == out.read_bytes()


@pytest.mark.parametrize(
    "key", [key for key, row in REAL.items() if row["format"] == "h5"], ids="/".join
)
def test_a_real_hdf5_model(key: tuple[str, str], tmp_path: Path) -> None:
    """There is no Deconvolution in it; its layers are those that h5py sees."""
    model, net = MODELS / key[0] / key[1], real_net(key)
    with h5py.File(model) as file:
        shapes = {
            name: tuple(group[each].shape for each in sorted(group))
            for name, group in file["data"].items()
        }
    assert not ds.inspect(net, model).layers
    found = ds.inspect(None, model, every_layer=True)
    assert {row.name: row.source_blobs for row in found.layers} == shapes
    assert not [row.weights for row in found.layers if row.weights]
    assert found.model_version == "HDF5"
    assert found.model_size == int(REAL[key]["size"])
    result = ds.apply(net, model, tmp_path / "out", allow_empty=True, **ANYTHING)
    assert not result.changed
    assert (tmp_path / "out").read_bytes() == model.read_bytes()


def test_a_real_name_with_a_slash_has_no_hdf5_form(
    tmp_path: Path, shared: Path, words: Words
) -> None:
    """Groups in groups are what h5py makes of it; told, and never created."""
    folder = MODELS / "wechat-qr"
    source = parsed((folder / "sr.caffemodel").read_bytes())
    for layer in [*source.layer]:
        if "/" in layer.name:
            source.layer.remove(layer)
    model = BY_ID["HDF5"].write(tmp_path / "in.h5", source.SerializeToString())
    kept = model.read_bytes()
    with pytest.raises(ds.MismatchError) as raised:
        ds.apply(
            folder / "sr.prototxt", model, tmp_path / "out", patterns=["upsample*"], any_gain=True
        )
    assert raised.value.layer == "upsample/deconv"
    words(raised.value)
    assert not (tmp_path / "out").exists()
    assert model.read_bytes() == kept


# --- two forms held against each other


def different(case: Case, ideal: Array) -> dict[str, tuple[bytes, int, float]]:
    """Files beside the one with the right weights: values that are not the same, and how far."""
    moved, far = ideal.copy(), ideal.copy()
    moved.flat[-1] += 0.5
    far.flat[::2] -= 4
    return {
        "equal": (source(case, ideal), 0, 0.0),
        "moved": (source(case, moved), 1, 0.5),
        "far": (source(case, far), (ideal.size + 1) // 2, 4.0),
    }


@pytest.mark.parametrize(
    ("name", "reach"),
    [
        ("k04_g3", 1),
        *(pytest.param(name, len(FORMS), marks=pytest.mark.campaign) for name in FEW),
    ],
)
def test_any_two_forms_are_told_apart_by_values_alone(
    name: str, reach: int, tmp_path: Path, ideal: Callable[[Case], Array]
) -> None:
    """All are multiples of 1/16, which are the same in every type."""
    (case,) = (case for case in SOME if case["name"] == name)
    perfect = ideal(case)
    assert np.array_equal(perfect * 16, np.round(perfect * 16))
    models = []
    for at, form in enumerate(FORMS):
        model = tmp_path / f"{at}.{form.suffix}"
        models.append((form.id, form.write(model, source(case, perfect))))
    for what, (data, changed, largest) in different(case, perfect).items():
        for at, form in enumerate(FORMS):
            other = form.write(tmp_path / f"other.{form.suffix}", data)
            for before, model in (models * 2)[at : at + reach + 1][: len(FORMS)]:
                result = ds.diff(model, other)
                assert result.same == (what == "equal"), (before, form.id)
                rows = {row.name: row for row in result.contrast.layers if row.weighted}
                up = rows.pop("up")
                assert not any(row.differs for row in rows.values())
                first = up.blobs[0].difference
                assert first is not None
                assert (first.changed, first.largest) == (changed, largest), (before, form.id)
                assert first.values == perfect.size
                assert len(up.blobs) == case["caffe"]["n_blobs"]
                assert all(blob.likeness is ds.Likeness.SAME for blob in up.blobs[1:])
                assert result.contrast.identical == (other.read_bytes() == model.read_bytes())
