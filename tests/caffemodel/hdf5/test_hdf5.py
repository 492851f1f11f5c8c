"""HDF5 weights: read as h5py reads them, filled as FCN fills them, and nothing else touched.

h5py opens every file by its path here, which the package never does.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

import deconvsurgery as ds
from deconvsurgery.caffemodel.hdf5.open_file import OpenFile
from deconvsurgery.caffemodel.hdf5.read import _blob
from helpers.documents import parsed_json
from helpers.places import LAYOUTS, SHARED
from helpers.real_caffe import at_hand, real_caffe
from helpers.runs import run_here
from helpers.words import Words, names, numbers, shapes

Array = NDArray[Any]
Case = dict[str, Any]

CASES: list[Case] = json.loads((LAYOUTS / "cases.json").read_text())
# Caffe saved it, all but one that was too large.
SAVED = [c for c in CASES if "error" not in c["caffe"] and c["name"] != "fcn32_k64s32"]
REFUSED = [case for case in CASES if case["caffe"].get("fcn_interp") != "ok"]
UP = np.array([0.25, 0.75, 0.75, 0.25], np.float32)
KERNEL = np.outer(UP, UP)
WEIGHTS = np.broadcast_to(KERNEL, (3, 1, 4, 4))
# What FCN refuses and we fill.
BY_HAND = {
    "block_g2_c6": np.zeros((6, 3, 4, 4), np.float32),
    "nonsquare_k4x6": np.broadcast_to(
        np.outer(UP, np.array([1, 3, 5, 5, 3, 1]) / 6).astype(np.float32), (3, 1, 4, 6)
    ),
}
BY_HAND["block_g2_c6"][range(6), [0, 1, 2, 0, 1, 2]] = KERNEL
FILLED = [case for case in SAVED if case not in REFUSED or case["name"] in BY_HAND]
REFUSED = [case for case in REFUSED if case["name"] not in BY_HAND]
OTHERS = [
    "golden/transplant/classifier.caffemodel.h5",
    "models/h5-arm-cifar10/cifar10_m4_iter_70000.caffemodel.h5",
    "models/h5-arm-cifar10/cifar10_m7_iter_300000.caffemodel.h5",
]

DATA = (
    'layer { name: "data" type: "Input" top: "data" '
    "input_param { shape { dim: 1 dim: 3 dim: 5 dim: 6 } } }\n"
)
PARAM = "num_output: 3 group: 3 kernel_size: 4 stride: 2 pad: 1"


def up(name: str = "up", more: str = "", *, bias: bool = False) -> str:
    return (
        f'layer {{ name: "{name}" type: "Deconvolution" bottom: "data" top: "{name}" {more} '
        f"convolution_param {{ {PARAM} bias_term: {str(bias).lower()} }} }}\n"
    )


def saved(path: Path, blobs: dict[str, list[Any]], **options: Any) -> Path:
    """As Caffe saves: a group for each layer, a dataset for each blob; None is left out."""
    with h5py.File(path, "w", **options) as file:
        data = file.create_group("data")
        for name, arrays in blobs.items():
            group = data.require_group(name)
            for position, array in enumerate(arrays):
                if array is not None:
                    group.create_dataset(str(position), data=array)
    return path


def everything(path: Path) -> dict[str, Any]:
    """What h5py finds: of each object its attributes, of a dataset its bits and properties."""
    found: dict[str, Any] = {}

    def attributes(item: Any) -> dict[str, bytes]:
        return {name: np.asarray(value).tobytes() for name, value in item.attrs.items()}

    def visit(name: str, item: Any) -> None:
        found[name] = (attributes(item),)
        if isinstance(item, h5py.Dataset):
            kept = (item.shape, item.dtype.str, item.chunks, item.compression, item.fillvalue)
            plain = item.shape is not None and item.dtype.kind != "O"
            found[name] += (*kept, item[()].tobytes() if plain else repr(item[()]))

    with h5py.File(path, "r") as file:
        found["/"] = (attributes(file),)
        file.visititems(visit)
    return found


def payloads(path: Path) -> dict[str, tuple[int, int]]:
    """Where in the file the values of each contiguous dataset are, by h5py."""
    found: dict[str, tuple[int, int]] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.id.get_offset() is not None:
            start = item.id.get_offset()
            found[name] = (start, start + item.id.get_storage_size())

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return found


def outside(data: bytes, ranges: list[tuple[int, int]]) -> bytes:
    kept = np.ones(len(data), bool)
    for start, stop in ranges:
        kept[start:stop] = False
    return np.frombuffer(data, np.uint8)[kept].tobytes()


def by_h5py(path: Path) -> dict[str, list[tuple[tuple[int, ...], str, bytes]]]:
    """Layers, and of each blob in turn the shape, type and bits."""
    with h5py.File(path, "r") as file:
        return {
            name: [
                (blob.shape, blob.dtype.str, blob[()].tobytes())
                for blob in (group[str(number)] for number in range(len(group)))
            ]
            for name, group in file["data"].items()
        }


def as_read(model: ds.Model) -> dict[str, list[tuple[tuple[int, ...], str, bytes]]]:
    return {
        layer.name: [
            (blob.shape, blob.dtype, b"".join(each.tobytes() for each in model.flat_values(blob)))
            for blob in layer.blobs
        ]
        for layer in model.layers
    }


def golden(case: Case, suffix: str = ".caffemodel.h5") -> Path:
    for folder in (LAYOUTS, SHARED / "golden" / "layouts"):
        if (folder / (case["name"] + suffix)).exists():
            return folder / (case["name"] + suffix)
    pytest.skip(f"{case['name']}{suffix} is not committed, and not in {SHARED}")


def of(cases: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case["name"])


def surgery(net: str, model: Path, **options: Any) -> tuple[ds.ApplyResult, Path]:
    """``apply`` from a file beside the model into one named out."""
    (model.parent / "net.prototxt").write_text(net)
    before = model.read_bytes()
    out = model.parent / "out"
    result = ds.apply(model.parent / "net.prototxt", model, out, force=True, **options)
    assert model.read_bytes() == before
    return result, out


def nothing_written(folder: Path, *names: str) -> None:
    assert {path.name for path in folder.iterdir()} == {"net.prototxt", *names}


def refused(net: str, model: Path, **options: Any) -> ds.SurgeryError:
    """The error about the layer that ``surgery`` ends with, which then wrote nothing."""
    before = model.read_bytes()
    with pytest.raises(ds.SurgeryError) as caught:
        surgery(net, model, **options)
    nothing_written(model.parent, model.name)
    assert model.read_bytes() == before
    return caught.value


# --- reading


@of(SAVED)
def test_a_golden_file_is_read_as_h5py_reads_it(case: Case) -> None:
    with ds.open_model(golden(case)) as model:
        assert model.version == "HDF5"
        found = as_read(model)
        assert found == by_h5py(golden(case))
        assert list(found) == ["data", "up"]
        assert found["data"] == []
        shapes = [case["caffe"].get("weight_shape"), case["caffe"].get("bias_shape")]
        assert [list(blob.shape) for blob in model.by_name["up"][0].blobs] == [
            shape for shape in shapes if shape
        ]


@pytest.mark.parametrize("name", OTHERS)
def test_a_real_file_is_read_as_h5py_reads_it(name: str, shared: Path) -> None:
    with ds.open_model(shared / name) as model:
        found = as_read(model)
        assert found == by_h5py(shared / name)
        assert sum(map(len, found.values())) > 5
    result = ds.inspect(None, shared / name)
    assert result.model_version == "HDF5"
    assert result.model_size == (shared / name).stat().st_size


def test_a_file_is_told_by_its_content(tmp_path: Path) -> None:
    (case,) = (case for case in SAVED if case["name"] == "factor2_dense")
    for name in ("x.caffemodel", "noext", "x.prototxt"):
        copy = shutil.copyfile(golden(case), tmp_path / name)
        with ds.open_model(copy) as model:
            assert as_read(model) == by_h5py(golden(case))
    binary = shutil.copyfile(golden(case, ".caffemodel"), tmp_path / "binary.caffemodel.h5")
    with ds.open_model(binary) as model:
        assert model.version == "V2"
        assert [layer.name for layer in model.layers] == ["data", "up"]


@pytest.mark.parametrize("size", [512, 1024, 2048, 4096])
@pytest.mark.parametrize("filling", [b"\0", b"#!/bin/sh\n"])
def test_a_user_block_is_stepped_over_and_kept(size: int, filling: bytes, tmp_path: Path) -> None:
    path = saved(tmp_path / "in", {"up": [np.ones_like(WEIGHTS)]}, userblock_size=size)
    with path.open("r+b") as file:
        file.write((filling * size)[:size])
    _, out = surgery(DATA + up(), path)
    assert out.read_bytes()[:size] == path.read_bytes()[:size] == (filling * size)[:size]
    with h5py.File(out) as file:
        assert file["data/up/0"][()].tobytes() == WEIGHTS.tobytes()


# --- the golden files filled

FORMS = ["as-caffe-saved-it", "all-zero", "noise", "group-emptied", "group-removed"]


def altered(case: Case, form: str, path: Path) -> Path:
    """A golden file with other weights or none, and with attributes for which Caffe has no use."""
    path.write_bytes(golden(case).read_bytes())
    with h5py.File(path, "r+") as file:
        file.attrs["origin"] = "a test"
        file["data"].attrs["numbers"] = np.arange(5)
        file.create_group("data/pool")  # a layer without blobs
        file["data"].create_dataset("conv/0", data=np.full((2, 3, 1, 1), np.nan, np.float32))
        file["data/conv/0"].attrs["kept"] = 1.5
        group = file["data/up"]
        group.attrs["kept"] = b"bytes"
        group["0"].attrs["kept"] = np.float32([1, 2])
        if form in ("all-zero", "noise"):
            random = np.random.default_rng(7)
            for blob in group.values():
                blob[...] = 0 if form == "all-zero" else random.normal(size=blob.shape)
        elif form == "group-emptied":
            for name in list(group):
                del group[name]
        elif form == "group-removed":
            del file["data/up"]
    return path


def filled() -> Iterator[Any]:
    """Each golden file in one form or another, and a few of them, with all others, in each."""
    for position, case in enumerate(FILLED):
        for number, form in enumerate(FORMS):
            few = case["name"] in ("factor2_dense", "bias_default", *BY_HAND)
            marks = () if few or number == position % len(FORMS) else pytest.mark.campaign
            yield pytest.param(case, form, marks=marks, id=f"{case['name']}-{form}")


@pytest.mark.parametrize(("case", "form"), list(filled()))
def test_weights_are_those_of_fcn_and_all_else_is_kept(
    case: Case, form: str, tmp_path: Path
) -> None:
    path = altered(case, form, tmp_path / "in.h5")
    before, data = everything(path), path.read_bytes()
    result, out = surgery(case["prototxt"], path, any_gain=True)
    after, written = everything(out), out.read_bytes()
    caffe = case["caffe"]

    # The golden file holds what FCN's surgery made, unless that refused.
    with h5py.File(out) as file:
        weights = file["data/up/0"][()]
        assert (weights.dtype, list(weights.shape)) == (np.float32, caffe["weight_shape"])
        assert len(file["data/up"]) == caffe["n_blobs"]
        bias = file["data/up/1"][()] if "bias_shape" in caffe else None
    if case["name"] in BY_HAND:
        np.testing.assert_allclose(weights, BY_HAND[case["name"]], rtol=0, atol=6e-8)
    else:
        with np.load(golden(case, ".npz")) as arrays:
            assert weights.tobytes() == arrays["interp"].tobytes()
    if bias is not None:
        assert list(bias.shape) == caffe["bias_shape"]

    (row,) = result.plan.changes
    created = form.startswith("group")
    if created:
        assert row.action is ds.ApplyAction.CREATED
        assert bias is None or not bias.any()
        for gone in ("data/up", "data/up/0", "data/up/1"):
            made = after.pop(gone, None)
            assert made is None or gone in before or made[0] == {}
            before.pop(gone, None)
        assert after == before
    else:
        unchanged = form == "as-caffe-saved-it" and case["name"] not in BY_HAND
        assert row.action is (ds.ApplyAction.UNCHANGED if unchanged else ds.ApplyAction.REWRITTEN)
        assert (written == data) is unchanged
        assert after["data/up/0"][:-1] == before["data/up/0"][:-1]
        assert before | {"data/up/0": after["data/up/0"]} == after
        place = payloads(path)["data/up/0"]
        assert payloads(out)["data/up/0"] == place
        assert place[1] - place[0] == 4 * prod(caffe["weight_shape"])
        assert len(written) == len(data)
        assert outside(written, [place]) == outside(data, [place])
        assert written[slice(*place)] == weights.tobytes()

    # Once more: nothing.
    again = ds.apply(path.with_name("net.prototxt"), out, path.with_name("again"), any_gain=True)
    assert not again.changed
    assert path.with_name("again").read_bytes() == written
    nothing_written(tmp_path, "in.h5", "out", "again")


@of(REFUSED)
def test_what_caffe_or_fcn_refuses_ends_with_3_and_writes_nothing(
    case: Case, tmp_path: Path
) -> None:
    path = tmp_path / "in.h5"
    if case in SAVED:
        path.write_bytes(golden(case).read_bytes())
    else:  # Caffe could not make it
        saved(path, {"data": [], "up": []})
    data = path.read_bytes()
    error = refused(case["prototxt"], path, any_gain=True)
    assert (type(error), error.layer) == (ds.ShapeError, "up")
    arguments = ("apply", "--any-gain", "--json", "net.prototxt", "in.h5", "out")
    code, out, errors = run_here(tmp_path, *arguments)
    assert (code, errors) == (3, b"")
    said = parsed_json(out)["error"]
    assert (said["kind"], said["layer"]) == ("ShapeError", "up")
    nothing_written(tmp_path, "in.h5")
    assert path.read_bytes() == data
    _, made = surgery(case["prototxt"], path, any_gain=True, skip_unfit=True)
    assert made.read_bytes() == data


@pytest.mark.parametrize("libver", ["earliest", "v108", "v110", "latest"])
def test_every_generation_of_the_format_is_rewritten_in_place(libver: str, tmp_path: Path) -> None:
    options: Any = {"libver": (libver, "latest") if libver != "earliest" else "earliest"}
    blobs = {"conv": [np.arange(6, dtype="f4")], "up": [np.ones_like(WEIGHTS)]}
    path = saved(tmp_path / "in", blobs, **options)
    _, out = surgery(DATA + up(), path)
    place = payloads(path)["data/up/0"]
    assert outside(out.read_bytes(), [place]) == outside(path.read_bytes(), [place])
    assert out.read_bytes()[slice(*place)] == WEIGHTS.tobytes()


def test_the_same_input_makes_the_same_bytes(tmp_path: Path) -> None:
    path = saved(tmp_path / "in", {"conv": [np.arange(6, dtype="f4")]})
    texts = DATA + up(bias=True) + up("up2")
    made = {surgery(texts, path)[1].read_bytes() for _ in range(3)}
    assert len(made) == 1


# --- types and ways to store


def bits(path: Path, name: str = "data/up/0") -> tuple[str, bytes]:
    with h5py.File(path) as file:
        return file[name].dtype.str, file[name][()].tobytes()


@pytest.mark.parametrize("dtype", ["<f4", "<f8", "<f2", ">f4", ">f8", ">f2"])
def test_a_floating_type_stays_what_it_is(dtype: str, tmp_path: Path) -> None:
    blobs = {"conv": [np.arange(6, dtype=">f4")], "up": [np.ones((3, 1, 4, 4), dtype)]}
    path = saved(tmp_path / "in", blobs)
    with ds.open_model(path) as model:
        (blob,) = model.by_name["up"][0].blobs
        assert blob.dtype == dtype.replace(">", "<")
    result, out = surgery(DATA + up(), path)
    assert bits(out) == (dtype, WEIGHTS.astype(dtype).tobytes())
    place = payloads(path)["data/up/0"]
    assert outside(out.read_bytes(), [place]) == outside(path.read_bytes(), [place])
    (change,) = result.plan.changes
    assert change.max_abs_change == np.abs(1 - KERNEL).max()
    assert not surgery(DATA + up(), out.rename(path))[0].changed


@pytest.mark.parametrize("dtype", ["<f8", "<f2", ">f8"])
def test_a_new_layer_has_the_type_of_all_the_others(dtype: str, tmp_path: Path) -> None:
    path = saved(tmp_path / "in", {"conv": [np.arange(6, dtype=dtype)]})
    _, out = surgery(DATA + up(bias=True), path)
    made = dtype.replace(">", "<")
    assert bits(out) == (made, WEIGHTS.astype(made).tobytes())
    assert bits(out, "data/up/1") == (made, np.zeros(3, made).tobytes())
    with h5py.File(path, "r+") as file:
        file["data/fc/0"] = np.float32([[1]])
    _, out = surgery(DATA + up(), path)
    assert bits(out)[0] == "<f4"


WHOLE_NUMBERS = ["<i4", ">i8", "u1"]
OTHER_TYPES = ["?", "<c8", "S4", "f4,f4"]


@pytest.mark.parametrize("dtype", [*WHOLE_NUMBERS, *OTHER_TYPES])
def test_what_no_kernel_can_be_put_into_is_refused(
    dtype: str, tmp_path: Path, words: Words
) -> None:
    path = saved(tmp_path / "in", {"up": [np.zeros((3, 1, 4, 4), dtype)]})
    error = refused(DATA + up(), path)
    assert (type(error), error.layer) == (ds.MismatchError, "up")
    whole = dtype in WHOLE_NUMBERS
    assert whole or f" {np.dtype(dtype)}," in error.message
    words(error, "whole numbers" if whole else dtype)


@pytest.mark.parametrize("dtype", [*WHOLE_NUMBERS, *OTHER_TYPES])
def test_other_types_elsewhere_are_left_alone(dtype: str, tmp_path: Path) -> None:
    blobs = {
        "other": [np.zeros(5, dtype)],
        "scalar": [np.float32(2.5), np.array(7, dtype="<i4")],
        "nothing": [np.zeros((0, 4), "f4"), h5py.Empty("f4")],
        "text": ["words"],
        "up": [np.ones_like(WEIGHTS)],
    }
    path = saved(tmp_path / "in", blobs)
    with ds.open_model(path) as model:
        number, whole = model.by_name["scalar"][0].blobs
        assert (number.shape, number.count, whole.shape, whole.count) == ((), 1, (), 1)
        assert [
            each.tolist() for each in (*model.flat_values(number), *model.flat_values(whole))
        ] == [
            [2.5],
            [7],
        ]
    _, out = surgery(DATA + up(), path)
    before, after = everything(path), everything(out)
    assert after.pop("data/up/0")[-1] == WEIGHTS.tobytes()
    assert before.pop("data/up/0")
    assert after == before


def test_whole_numbers_are_read_as_numbers(tmp_path: Path) -> None:
    path = saved(tmp_path / "in", {"bn": [np.int32([[-3, 4]]), np.uint8([200])]})
    with ds.open_model(path) as model:
        found = [list(model.flat_values(blob)) for blob in model.by_name["bn"][0].blobs]
    assert [[each.tolist() for each in arrays] for arrays in found] == [[[-3, 4]], [[200]]]


WAYS: dict[str, dict[str, Any]] = {
    "chunked": {"chunks": (2, 1, 3, 3)},
    "gzip": {"chunks": (1, 1, 4, 2), "compression": "gzip", "shuffle": True, "fletcher32": True},
    "lzf": {"compression": "lzf"},
    "extensible": {"maxshape": (None, 1, None, 4)},
}


@pytest.mark.parametrize("options", WAYS.values(), ids=WAYS)
def test_chunks_and_compression_stay(options: dict[str, Any], tmp_path: Path) -> None:
    path = saved(tmp_path / "in", {"conv": [np.arange(6, dtype="f4")]})
    noise = np.random.default_rng(3).normal(size=(3, 1, 4, 4)).astype("f4")
    with h5py.File(path, "r+") as file:
        file.create_dataset("data/up/0", data=noise, **options)
        file.create_dataset("data/z/0", data=noise, **options)
    with ds.open_model(path) as model:
        assert as_read(model) == by_h5py(path)
    result, out = surgery(DATA + up(), path)
    before, after = everything(path), everything(out)
    assert after["data/up/0"][1:] == (*before["data/up/0"][1:-1], WEIGHTS.tobytes())
    assert before | {"data/up/0": after["data/up/0"]} == after
    assert result.output_size == out.stat().st_size
    planned = ds.apply(tmp_path / "net.prototxt", path, dry_run=True)
    assert planned.output_size is None  # only the library could tell
    assert not surgery(DATA + up(), out.rename(path))[0].changed


def test_a_dataset_that_never_got_its_values_gets_them(tmp_path: Path) -> None:
    path = saved(tmp_path / "in", {"conv": [np.arange(6, dtype="f4")]})
    with h5py.File(path, "r+") as file:
        file.create_dataset("data/up/0", shape=(3, 1, 4, 4), dtype="f4")
        assert file["data/up/0"].id.get_offset() is None
    planned, out = surgery(DATA + up(), path)
    assert bits(out) == ("<f4", WEIGHTS.tobytes())
    assert bits(out, "data/conv/0") == bits(path, "data/conv/0")
    assert planned.output_size == out.stat().st_size > path.stat().st_size


def test_a_type_that_numpy_lacks_is_converted(tmp_path: Path) -> None:
    """A bfloat16 is read as the float32 of which it is the upper half."""
    path = saved(tmp_path / "in", {"up": []})
    half = h5py.h5t.IEEE_F32LE.copy()
    half.set_fields(15, 7, 8, 0, 7)
    half.set_precision(16)
    half.set_size(2)
    with h5py.File(path, "r+") as file:
        space = h5py.h5s.create_simple((3, 1, 4, 4))
        made = h5py.h5d.create(file["data/up"].id, b"0", half, space)
        made.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ones((3, 1, 4, 4), "f4"))
        assert made.get_storage_size() == 2 * WEIGHTS.size
    _, out = surgery(DATA + up(), path)
    start, stop = payloads(out)["data/up/0"]
    assert out.read_bytes()[start:stop] == (WEIGHTS.view("<u4") >> 16).astype("<u2").tobytes()
    assert not surgery(DATA + up(), out.rename(path))[0].changed


def test_a_bias_is_kept_or_cleared(tmp_path: Path, words: Words) -> None:
    path = saved(tmp_path / "in", {"up": [np.ones_like(WEIGHTS), np.float32([1, 2, 3])]})
    _, out = surgery(DATA + up(bias=True), path)
    assert bits(out, "data/up/1") == bits(path, "data/up/1")
    _, out = surgery(DATA + up(bias=True), path, zero_bias=True)
    assert bits(out, "data/up/1") == ("<f4", bytes(12))
    ranges = [payloads(path)[name] for name in ("data/up/0", "data/up/1")]
    assert outside(out.read_bytes(), ranges) == outside(path.read_bytes(), ranges)
    out.unlink()
    error = refused(DATA + up(), path)
    assert (type(error), error.layer) == (ds.MismatchError, "up")
    assert numbers(error.message.replace(str(path), "")) == [1, 2]
    words(error)


def test_what_is_right_already_is_not_written(tmp_path: Path) -> None:
    """Nothing, the bias alone, the weights alone: no other byte is another one."""
    none, some = np.zeros(3, "f4"), np.float32([1, 2, 3])
    blobs = {"up_a": [WEIGHTS, none], "up_b": [WEIGHTS, some], "up_c": [WEIGHTS * 2, none]}
    path = saved(tmp_path / "in", blobs)
    net = DATA + "".join(up(name, bias=True) for name in blobs)
    result, out = surgery(net, path, zero_bias=True)
    assert [row.action for row in result.plan.changes] == ["unchanged", "rewritten", "rewritten"]
    right = [(WEIGHTS.shape, "<f4", WEIGHTS.tobytes()), ((3,), "<f4", bytes(12))]
    assert by_h5py(out) == dict.fromkeys(blobs, right)
    ranges = [payloads(path)[name] for name in ("data/up_b/1", "data/up_c/0")]
    assert outside(out.read_bytes(), ranges) == outside(path.read_bytes(), ranges)


def test_a_shape_is_wanted_exactly_as_it_is(tmp_path: Path, words: Words) -> None:
    """Legacy dims, which Caffe takes in a binary file, are none in HDF5."""
    path = saved(tmp_path / "in", {"up": [WEIGHTS, np.zeros((1, 1, 1, 3), "f4")]})
    error = refused(DATA + up(bias=True), path)
    assert (type(error), error.layer) == (ds.MismatchError, "up")
    assert shapes(error.message) == [(3,), (1, 1, 1, 3)]
    words(error)


# --- weights that layers share

SHARE = 'param { name: "w" }'
SHARING = DATA + up("up_a", SHARE) + up("up_b", SHARE)


def test_shared_weights_are_written_at_their_owner(tmp_path: Path) -> None:
    path = saved(tmp_path / "in", {"up_a": [np.zeros_like(WEIGHTS)], "up_b": []})
    result, out = surgery(SHARING, path)
    assert [(row.target.layer.name, row.action) for row in result.plan.changes] == [
        ("up_a", ds.ApplyAction.REWRITTEN),
        ("up_b", ds.ApplyAction.REWRITTEN),
    ]
    place = payloads(path)["data/up_a/0"]
    assert outside(out.read_bytes(), [place]) == outside(path.read_bytes(), [place])
    assert by_h5py(out) == {"up_a": [((3, 1, 4, 4), "<f4", WEIGHTS.tobytes())], "up_b": []}
    assert result.rewritten == 4 * WEIGHTS.size  # once
    assert not surgery(SHARING, out.rename(path))[0].changed


@pytest.mark.parametrize("groups", [{}, {"up_b": []}, {"up_a": [], "up_b": []}], ids=str)
def test_shared_weights_are_created_once(groups: dict[str, list[Any]], tmp_path: Path) -> None:
    result, out = surgery(SHARING, saved(tmp_path / "in", groups))
    assert {row.action for row in result.plan.changes} == {ds.ApplyAction.CREATED}
    assert len(result.plan.changes) == 2
    assert by_h5py(out) == {"up_a": [((3, 1, 4, 4), "<f4", WEIGHTS.tobytes())], "up_b": []}


def test_a_bias_beside_shared_weights_is_each_layers_own(tmp_path: Path) -> None:
    net = DATA + up("up_a", SHARE, bias=True) + up("up_b", SHARE, bias=True)
    one, two = np.float32([1, 2, 3]), np.float32([4, 5, 6])
    path = saved(tmp_path / "in", {"up_a": [np.zeros_like(WEIGHTS), one], "up_b": [None, two]})
    _, out = surgery(net, path)
    with h5py.File(out) as file:
        assert list(file["data/up_b"]) == ["1"]
    assert bits(out, "data/up_a/0")[1] == WEIGHTS.tobytes()
    assert bits(out, "data/up_a/1")[1] == one.tobytes()
    assert bits(out, "data/up_b/1")[1] == two.tobytes()
    _, out = surgery(net, saved(tmp_path / "in", {}))
    with h5py.File(out) as file:
        assert {name: list(group) for name, group in file["data"].items()} == {
            "up_a": ["0", "1"],
            "up_b": ["1"],
        }


def test_of_two_that_share_weights_the_last_in_the_file_is_loaded_last(tmp_path: Path) -> None:
    """Both blobs go into one memory (net.cpp, CopyTrainedLayersFromHDF5)."""
    path = saved(tmp_path / "in", {"up_a": [np.ones_like(WEIGHTS)], "up_b": [WEIGHTS]})
    (tmp_path / "net.prototxt").write_text(SHARING)
    rows = ds.inspect(tmp_path / "net.prototxt", path).layers
    assert [(row.name, str(row.weights.state)) for row in rows if row.weights] == [
        ("up_a", "bilinear"),
        ("up_b", "bilinear"),
    ]


@at_hand
def test_a_real_caffe_loads_the_last(tmp_path: Path) -> None:
    path = saved(tmp_path / "in.h5", {"up_a": [np.ones_like(WEIGHTS)], "up_b": [WEIGHTS]})
    answer = real_caffe(SHARING, path, weights=True)
    for name in ("up_a", "up_b"):
        assert (answer.weights_of(name) == WEIGHTS).all()


def test_layers_in_groups_are_looked_for_so_deep_and_no_deeper(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "in", "w") as file:
        for depth in (2, 8, 9):
            file.create_dataset("data/" + "g/" * depth + "0", data=np.float32([depth]))
    with ds.open_model(tmp_path / "in") as model:
        assert [layer.name for layer in model.layers if layer.blobs] == ["g/g", "/".join("g" * 8)]


def test_values_that_the_file_has_not_lie_nowhere(tmp_path: Path) -> None:
    """Today's library refuses such a dataset when it opens it; an older one does not."""
    path = saved(tmp_path / "in", {"up": [WEIGHTS]})
    with h5py.File(path) as file:
        dataset = file["data/up/0"]
        end = dataset.id.get_offset() + WEIGHTS.nbytes
        for size, start in ((end, end - WEIGHTS.nbytes), (end - 1, None)):
            place: Any = _blob(OpenFile(h5py, file, size), dataset, "data/up/0").place
            assert (place.start, place.count) == (start, WEIGHTS.size)


def test_inspect_gives_each_layer_the_owners_weights(tmp_path: Path) -> None:
    path = saved(tmp_path / "in", {"up_a": [WEIGHTS], "up_b": []})
    (tmp_path / "net.prototxt").write_text(SHARING)
    rows = ds.inspect(tmp_path / "net.prototxt", path).layers
    assert [(row.name, str(row.weights.state)) for row in rows if row.weights] == [
        ("up_a", "bilinear"),
        ("up_b", "bilinear"),
    ]


def test_a_blob_left_to_nobody_is_an_error(tmp_path: Path, words: Words) -> None:
    path = saved(tmp_path / "in", {"up": [None, np.zeros(3, "f4")]})
    error = refused(DATA + up(bias=True), path)
    assert (type(error), error.layer) == (ds.MismatchError, "up")
    words(error)


# --- names


@pytest.mark.parametrize(
    "name", ["..", "a.b", " ", "üp→上", "up\t", "[up]", "0", "x" * 60_000], ids=ascii
)
def test_any_name_that_can_be_a_group_is_one(name: str, tmp_path: Path) -> None:
    path = saved(tmp_path / "in", {})
    _, out = surgery(DATA + up(name), path, patterns="*")
    with h5py.File(out) as file:
        assert list(file["data"]) == [name]
        assert file["data"][name]["0"][()].tobytes() == WEIGHTS.tobytes()
    assert not surgery(DATA + up(name), out.rename(path), patterns="*")[0].changed


@pytest.mark.parametrize("name", ["a/b", "a/", "/a", "./a", ".", "", "a\\000b"])
def test_a_layer_that_cannot_be_a_group_is_not_created(
    name: str, tmp_path: Path, words: Words
) -> None:
    path = saved(tmp_path / "in", {"conv": [np.arange(6, dtype="f4")]})
    error = refused(DATA + up(name), path, patterns="*")
    assert type(error) is ds.MismatchError
    assert error.layer == name.replace("\\000", "\0")
    assert names(error.message)[0] == name.replace("\\000", "\\x00")
    assert 'convert(to="binary")' in str(error.hint)
    words(error, "slash" if "/" in name else "no group")


def test_groups_in_groups_are_a_name_with_slashes(tmp_path: Path, words: Words) -> None:
    """Which Caffe does not find: it goes through the groups of /data alone."""
    path = saved(tmp_path / "in", {"a/b": [np.zeros_like(WEIGHTS)], "a": [np.float32([1])]})
    with ds.open_model(path) as model:
        assert {layer.name: len(layer.blobs) for layer in model.layers} == {"a": 1, "a/b": 1}
    result, out = surgery(DATA + up("a/b"), path, patterns="*")
    assert [row.action for row in result.plan.changes] == [ds.ApplyAction.REWRITTEN]
    (warning,) = result.plan.changes[0].warnings
    words(warning)
    place = payloads(path)["data/a/b/0"]
    assert outside(out.read_bytes(), [place]) == outside(path.read_bytes(), [place])
    assert bits(out, "data/a/b/0")[1] == WEIGHTS.tobytes()


def test_a_name_that_is_no_utf_8_is_read_and_kept(tmp_path: Path) -> None:
    path = saved(tmp_path / "in", {"up": [np.zeros_like(WEIGHTS)]})
    with h5py.File(path, "r+") as file:
        group = h5py.Group(h5py.h5g.create(file["data"].id, b"\xe9t\xe9"))
        group["0"] = np.float32([1, 2])
        h5py.h5d.create(group.id, b"\xff", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((2,)))
    with ds.open_model(path) as model:
        assert [layer.name.encode(errors="surrogateescape") for layer in model.layers] == [
            b"up",
            b"\xe9t\xe9",
        ]
        (blob,) = model.layers[1].blobs
        assert [each.tolist() for each in model.flat_values(blob)] == [[1, 2]]
    _, out = surgery(DATA + up(), path)
    place = payloads(path)["data/up/0"]
    assert outside(out.read_bytes(), [place]) == outside(path.read_bytes(), [place])
    (tmp_path / "net.prototxt").write_bytes((DATA + up("\xfcp")).encode("latin-1"))
    result = ds.apply(tmp_path / "net.prototxt", path, tmp_path / "out", patterns="*", force=True)
    assert [row.action for row in result.plan.changes] == [ds.ApplyAction.CREATED]
    with h5py.File(tmp_path / "out") as file:
        assert list(file["data"].id) == [b"up", b"\xe9t\xe9", b"\xfcp"]
        made = h5py.Group(h5py.h5g.open(file["data"].id, b"\xfcp"))
        assert made["0"][()].tobytes() == WEIGHTS.tobytes()
