"""The laws of ``edit`` on random models and edits, held against protobuf and h5py.

    no edits                 the same bytes
    edits                    what protobuf or h5py reads is what was meant, and nothing else changed
    the patch                gives the input back
    a refusal                leaves the edits, and the disk, as they were

Models are written byte by byte, as no library would: values in every field and in pieces, both
forms of dims, fields that nobody knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import deconvsurgery as ds
from helpers import wire
from helpers.wire import fields, legacy_dims, number, payloads, sized, tag
from helpers.words import Words, names

Array = NDArray[Any]
State = dict[str, list[Array]]
LAWFUL = settings(max_examples=30)

V2, V1, V0 = "V2", "V1", "V0"
BLOBS = {V2: 7, V1: 6, V0: 50}
NAMES = {V2: 1, V1: 4, V0: 1}
VALUES = (5, 8, 10, 12)  # data, double_data, NVIDIA's raw_data_type and raw_data
DIMS = (1, 2, 3, 4, 7)
DIFFS = (6, 9)


# --- a model, drawn


@dataclass(frozen=True)
class Blob:
    """How a blob is written: where its values are, and its dims."""

    values: Array
    place: str
    legacy: bool
    diff: bool

    def payload(self) -> bytes:
        values, four = self.values.ravel(), self.values.ndim <= 4
        dims = legacy_dims if self.legacy and four else wire.dims
        shape = dims(*self.values.shape) if self.values.ndim or self.legacy else b""
        gradients = sized(6, np.ones(values.size, "<f4").tobytes()) if self.diff else b""
        return sized(90, b"unknown") + PLACES[self.place][1](values) + gradients + shape


def one_by_one(values: Array) -> bytes:
    return b"".join(tag(5, wire.FIXED32) + each.tobytes() for each in values)


def in_pieces(values: Array) -> bytes:
    first, second = np.array_split(values, 2)
    return sized(5, first.tobytes()) + number(91, 3) + one_by_one(second)


PLACES: dict[str, tuple[str, Callable[[Array], bytes]]] = {
    "data": ("<f4", lambda values: sized(5, values.tobytes(), 3)),
    "one by one": ("<f4", one_by_one),
    "in pieces": ("<f4", in_pieces),
    "double_data": ("<f8", lambda values: sized(8, values.tobytes())),
    "raw float16": ("<f2", lambda values: number(10, 2) + sized(12, values.tobytes())),
    "raw double": ("<f8", lambda values: sized(12, values.tobytes()) + number(10, 0)),
}


@st.composite
def arrays(draw: st.DrawFn, dtype: str, shape: tuple[int, ...] | None = None) -> Array:
    if shape is None:
        shape = draw(st.sampled_from([(), (1,), (3,), (2, 3), (2, 1, 3), (1, 2, 2, 2)]))
    seed = draw(st.integers(0, 1000))
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


@st.composite
def blobs(draw: st.DrawFn) -> Blob:
    place = draw(st.sampled_from(sorted(PLACES)))
    return Blob(draw(arrays(PLACES[place][0])), place, draw(st.booleans()), draw(st.booleans()))


@dataclass(frozen=True)
class File:
    """A binary model: the generation of its layers, and these."""

    version: str
    layers: tuple[tuple[str, tuple[Blob, ...]], ...]

    def data(self) -> bytes:
        parts = [sized(1, b"the net"), sized(77, b"nobody knows")]
        for name, blobs in self.layers:
            inner = sized(88, b"a field") + sized(NAMES[self.version], name.encode(), 2)
            inner += b"".join(
                sized(BLOBS[self.version], blob.payload()) + number(89, 1) for blob in blobs
            )
            if self.version == V2:
                parts.append(sized(100, inner + sized(4, b"a top")))
            elif self.version == V1:
                parts.append(sized(2, sized(3, b"a top") + inner))
            else:
                parts.append(sized(2, sized(2, b"a bottom") + sized(1, inner, 4)))
        return b"".join([*parts, number(99, 7)])

    def state(self) -> State:
        return {name: [as_seen(blob) for blob in blobs] for name, blobs in self.layers}


def as_seen(blob: Blob) -> Array:
    if blob.legacy:
        return blob.values.reshape((1,) * (4 - blob.values.ndim) + blob.values.shape)
    return blob.values


@st.composite
def files(draw: st.DrawFn) -> File:
    names = draw(st.lists(st.sampled_from(["a", "b", "up", "é/x", "d"]), unique=True, max_size=4))
    layers = tuple((name, tuple(draw(st.lists(blobs(), max_size=3)))) for name in names)
    # A file without layers is of no generation; what it gets is of today's.
    return File(draw(st.sampled_from([V2, V1, V0])) if layers else V2, layers)


# --- edits, drawn, and what is meant by each


@dataclass
class Meant:
    """What the model should hold, and which layers and blobs may have other bytes."""

    state: State
    came_from: dict[str, str | None]
    touched: set[tuple[str, int]] = field(default_factory=set)


def some_edits(
    data: st.DataObject, m: ds.Editor, meant: Meant, count: int, names: list[str]
) -> Iterator[str]:
    """Edit at random, here and there."""
    for _ in range(count):
        kind = data.draw(st.sampled_from(["set", "scale", "zero", "rename", "remove", "reshape"]))
        there = sorted(meant.state)
        new = data.draw(st.sampled_from([name for name in names if name not in there]))
        if not there:
            return
        name = data.draw(st.sampled_from(there))
        held = meant.state[name]
        if kind == "rename":
            m.rename(name, new)
            meant.state[new] = meant.state.pop(name)
            meant.came_from[new] = meant.came_from.pop(name)
            meant.touched = {
                (new if each == name else each, position) for each, position in meant.touched
            }
        elif kind == "remove":
            del m[name]
            del meant.state[name], meant.came_from[name]
            meant.touched = {each for each in meant.touched if each[0] != name}
        elif held:
            position = data.draw(st.integers(0, len(held) - 1))
            if held[position].size:
                held[position] = edited(data, m, kind, name, position, held[position])
                meant.touched.add((name, position))
        yield kind


def edited(
    data: st.DataObject, m: ds.Editor, kind: str, name: str, position: int, old: Array
) -> Array:
    """One edit of a blob, and what it should hold then."""
    if kind == "set":
        values = data.draw(arrays("<f8", old.shape))
        m[name][position] = values
        return values.astype(old.dtype)
    if kind == "reshape":
        values = data.draw(arrays("<f4"))
        m.set(name, position, values, reshape=True)
        shape = m[name][position].shape
        assert shape[len(shape) - values.ndim :] == values.shape
        assert set(shape[: len(shape) - values.ndim]) <= {1}
        return values.astype(old.dtype).reshape(shape)
    if kind == "zero":
        m.zero(name, position)
        return np.zeros_like(old)
    factor = data.draw(st.sampled_from([0.5, -3, 0.1, 7.25]))
    m[name][position] *= factor
    if not old.any():
        return old  # what was made 0 stays 0, and never becomes -0
    return np.asarray(old.astype(np.float64) * factor).astype(old.dtype)


def held(m: ds.Editor) -> State:
    """What is read back from an editor."""
    return {name: [blob.array() for blob in m[name]] for name in m}


def same(one: State, other: State) -> None:
    assert sorted(one) == sorted(other)
    for name, arrays in one.items():
        assert [(each.shape, each.dtype.str) for each in arrays] == [
            (each.shape, each.dtype.str) for each in other[name]
        ], name
        assert [each.tobytes() for each in arrays] == [each.tobytes() for each in other[name]], name


# --- what a binary file holds, by a walk of its own


def layer_of(version: str, payload: bytes) -> bytes:
    """What has a layer's name and blobs: of V0 it is inside another."""
    return b"".join(payloads(payload, 1)) if version == V0 else payload


def name_of(version: str, payload: bytes) -> str:
    return payloads(layer_of(version, payload), NAMES[version])[-1].decode()


def read_blob(payload: bytes) -> Array:
    """By NVIDIA's precedence."""
    dims = [read_number(each) for each in payloads(payload, 7)]
    shape = [
        wire.read_varint(each.payload, 0)[0]
        for each in fields(payload)
        if each.number in (1, 2, 3, 4)
    ] or [dim for each in dims for dim in each]
    double = b"".join(payloads(payload, 8))
    single = b"".join(payloads(payload, 5))
    raw = payloads(payload, 12)
    if double:
        values = np.frombuffer(double, "<f8")
    elif single or not raw:
        values = np.frombuffer(single, "<f4")
    else:
        kind = wire.read_varint(payloads(payload, 10)[-1], 0)[0]
        values = np.frombuffer(raw[-1], {0: "<f8", 1: "<f4", 2: "<f2"}[kind])
    return values.reshape(shape)


def read_number(shape: bytes) -> list[int]:
    found, at = [], 0
    (dims,) = payloads(shape, 1)
    while at < len(dims):
        value, at = wire.read_varint(dims, at)
        found.append(value)
    return found


def read_back(version: str, data: bytes) -> State:
    state = {}
    for each in fields(data):
        if each.number in (2, 100):
            inner = layer_of(version, each.payload)
            blobs = [read_blob(blob) for blob in payloads(inner, BLOBS[version])]
            state[name_of(version, each.payload)] = blobs
    return state


def outside(version: str, old: bytes, new: bytes, meant: Meant) -> None:
    """Every field that no edit aims at has its bytes, in its order."""
    there = {name: origin for name, origin in meant.came_from.items() if origin is not None}
    back = {origin: name for name, origin in there.items()}
    kept = [
        each
        for each in fields(old)
        if each.number not in (2, 100) or name_of(version, each.payload) in back
    ]
    found = list(fields(new))
    added = [name for name, origin in meant.came_from.items() if origin is None]
    assert len(found) == len(kept) + len(added)
    for before, after in zip(kept, found, strict=False):
        if before.number not in (2, 100):
            assert old[before.start : before.stop] == new[after.start : after.stop]
            continue
        origin = name_of(version, before.payload)
        name = back[origin]
        touched = {position for each, position in meant.touched if each == name}
        if name == origin and not touched:
            assert old[before.start : before.stop] == new[after.start : after.stop]
            continue
        if version == V0:
            assert wire.besides(before.payload, 1) == wire.besides(after.payload, 1)
        ours, theirs = (layer_of(version, each.payload) for each in (before, after))
        own = (NAMES[version], BLOBS[version])
        assert wire.besides(ours, *own) == wire.besides(theirs, *own)
        assert [each.number for each in fields(ours)] == [each.number for each in fields(theirs)]
        pairs = zip(payloads(ours, own[1]), payloads(theirs, own[1]), strict=True)
        for position, (one, other) in enumerate(pairs):
            if position in touched:
                numbers = (*VALUES, *DIMS)
                if read_blob(one).size != read_blob(other).size:
                    numbers = (*numbers, *DIFFS)
                assert wire.besides(one, *numbers) == wire.besides(other, *numbers)
            else:
                assert one == other


@LAWFUL
@given(file=files(), data=st.data(), count=st.integers(0, 6))
def test_what_is_written_is_what_was_meant(file: File, data: st.DataObject, count: int) -> None:
    old = file.data()
    meant = Meant(file.state(), {name: name for name, _ in file.layers})
    with TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "in").write_bytes(old)
        with ds.edit(folder / "in") as m:
            same(held(m), meant.state)
            done = list(some_edits(data, m, meant, count, [*"pqrstuvw"]))
            if file.version != V0 and data.draw(st.booleans()):
                given_arrays = data.draw(st.lists(arrays("<f8"), max_size=2))
                m["new"] = given_arrays
                meant.state["new"] = [
                    blob.array()
                    for blob in m["new"]  # its type is the model's
                ]
                for blob, array in zip(meant.state["new"], given_arrays, strict=True):
                    assert blob.tobytes() == array.astype(blob.dtype).tobytes()
                meant.came_from["new"] = None
            same(held(m), meant.state)
            plan = m.plan
            result = m.save(folder / "out", save_patch=folder / "undo")
            assert (result.plan, result.written) == (plan, True)
            looked_at = {name: [blob.array() for blob in m.model[name]] for name in m.model}
            same(looked_at, meant.state)
        new = (folder / "out").read_bytes()
        same(read_back(file.version, new), meant.state)
        with ds.open_model(folder / "out") as model:
            same({name: [blob.array() for blob in model[name]] for name in model}, meant.state)
        outside(file.version, old, new, meant)
        if not done and "new" not in meant.state:
            assert new == old
        assert (result.output_size, result.changed) == (len(new), new != old or plan.changed)
        ds.revert(folder / "out", folder / "undo", folder / "back")
        assert (folder / "back").read_bytes() == old
        assert (folder / "in").read_bytes() == old


# --- HDF5


def written(path: Path, state: State, layouts: dict[str, Any]) -> None:
    with h5py.File(path, "w", libver="earliest") as file:
        file.attrs["made by"] = "a test"
        for name, blobs in state.items():
            group = file.require_group("data").create_group(name)
            group.attrs["kept"] = name
            for position, array in enumerate(blobs):
                layout = layouts if array.ndim else {}
                made = group.create_dataset(str(position), data=array, **layout)
                made.attrs["of"] = name
        file.require_group("data")
        file["data"].create_group("empty")


def content(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def visit(name: str, item: Any) -> None:
        found[name] = dict(item.attrs)
        if isinstance(item, h5py.Dataset):
            values = np.asarray(item[()]).astype(item.dtype)  # h5py makes a number native
            found[name] = (item.dtype.str, item.shape, values.tobytes(), dict(item.attrs))

    with h5py.File(path) as file:
        file.visititems(visit)
        return found | {"/": dict(file.attrs)}


@LAWFUL
@given(data=st.data(), count=st.integers(0, 6), packed=st.booleans())
def test_what_is_written_to_hdf5_is_what_was_meant(
    data: st.DataObject, count: int, packed: bool
) -> None:
    names = data.draw(st.lists(st.sampled_from(["a", "b", "é", "d"]), unique=True, max_size=4))
    types = st.sampled_from(["<f4", "<f8", "<f2", ">f4"])
    state = {
        name: data.draw(st.lists(types.flatmap(lambda dtype: arrays(dtype)), max_size=3))
        for name in names
    }
    layouts = {"chunks": True, "compression": "gzip"} if packed else {}
    with TemporaryDirectory() as place:
        folder = Path(place)
        written(folder / "in", state, layouts)
        old, before = (folder / "in").read_bytes(), content(folder / "in")
        little = {
            name: [each.astype(each.dtype.newbyteorder("<")) for each in blobs]
            for name, blobs in state.items()
        }
        meant = Meant(little | {"empty": []}, {name: name for name in [*state, "empty"]})
        with ds.edit(folder / "in") as m:
            same(held(m), meant.state)
            done = list(some_edits(data, m, meant, count, [*"pqrstuvw"]))
            if data.draw(st.booleans()):
                m["new"] = [np.arange(6).reshape(2, 3)]
                meant.state["new"] = [m["new"][0].array()]
                meant.came_from["new"] = None
            same(held(m), meant.state)
            result = m.save(folder / "out", save_patch=folder / "undo")
        after = content(folder / "out")
        expected = {"/": before["/"], "data": before["data"]}
        for name, origin in meant.came_from.items():
            expected[f"data/{name}"] = {} if origin is None else before[f"data/{origin}"]
            for position, array in enumerate(meant.state[name]):
                path = f"data/{name}/{position}"
                if origin is None:
                    expected[path] = (array.dtype.str, array.shape, array.tobytes(), {})
                    continue
                was = before[f"data/{origin}/{position}"]
                stored = was[0]
                if was[1] != array.shape:  # made anew, as numpy writes it
                    stored = array.dtype.str
                now = array.astype(stored)
                expected[path] = (stored, array.shape, now.tobytes(), was[3])
        assert after == expected
        if not done and "new" not in meant.state:
            assert (folder / "out").read_bytes() == old
        assert result.written
        ds.revert(folder / "out", folder / "undo", folder / "back")
        assert (folder / "back").read_bytes() == old
        assert (folder / "in").read_bytes() == old


# --- refusals


REFUSED: dict[str, tuple[Callable[[ds.Editor], object], type[Exception]]] = {
    "no such layer": (lambda m: m["nope"], KeyError),
    "a layer that is not there is renamed": (lambda m: m.rename("nope", "b"), KeyError),
    "a layer that is not there is removed": (lambda m: m.remove("nope"), KeyError),
    "no such blob": (lambda m: m.zero("a", 1), IndexError),
    "no such blob, from the end": (lambda m: m.scale("a", -2, 2), IndexError),
    "another shape": (lambda m: m.set("a", 0, np.zeros((3, 2))), ds.ShapeError),
    "one number": (lambda m: m.set("a", 0, 0), ds.ShapeError),
    "too many axes": (
        lambda m: m.set("a", 0, np.zeros((1,) * 32 + (6,)), reshape=True),
        ds.ShapeError,
    ),
    "another number": (lambda m: m.reshape("a", 0, (7,)), ds.ShapeError),
    "a shape below 0": (lambda m: m.reshape("a", 0, (-2, -3)), ds.ShapeError),
    "too large": (lambda m: m.set("a", 0, np.full((2, 3), 1e39)), ds.LayerError),
    "too large by a factor": (lambda m: m.scale("a", 0, 1e38), ds.LayerError),
    "no finite factor": (lambda m: m.scale("a", 0, float("nan")), ValueError),
    "no numbers": (lambda m: m.set("a", 0, [["x"] * 3] * 2), ValueError),
    "complex numbers": (lambda m: m.set("a", 0, np.zeros((2, 3), complex)), ValueError),
    "a name that another has": (lambda m: m.rename("a", "b"), ds.LayerError),
    "no name": (lambda m: m.rename("a", ""), ValueError),
    "no text": (lambda m: m.rename("a", "\ud800"), ValueError),
    "a name that is no text": (lambda m: m.rename("a", 5), ValueError),
    "a layer that is there is added": (lambda m: m.add("a", []), ds.LayerError),
    "one array for all blobs": (lambda m: m.add("new", np.ones((2, 3))), ValueError),
    "one array for the blobs of a layer": (
        lambda m: m.__setitem__("b", np.ones((2, 2))),
        ValueError,
    ),
    "no name of a layer": (lambda m: m[5], KeyError),  # type: ignore[index]
    "not as many blobs": (lambda m: m.__setitem__("a", []), ds.ShapeError),
    "one of several blobs does not fit": (
        lambda m: m.__setitem__("b", [np.ones(2), np.ones(9)]),
        ds.ShapeError,
    ),
    "a new layer's values are too large": (lambda m: m.add("new", [[1e39]]), ds.LayerError),
}


@pytest.mark.parametrize("form", ["binary", "hdf5"])
@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_leaves_all_as_it_was(case: str, form: str, tmp_path: Path, words: Words) -> None:
    blob = sized(5, (np.arange(6, dtype="<f4") * 1e3).tobytes()) + wire.dims(2, 3)
    two = [sized(5, np.ones(2, "<f4").tobytes()) + wire.dims(2)] * 2
    path = tmp_path / "in"
    path.write_bytes(wire.layer_v2(b"a", b"X", blob) + wire.layer_v2(b"b", b"X", *two))
    if form == "hdf5":
        ds.convert(path, tmp_path / "in.h5")
        path = tmp_path / "in.h5"
    there = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    refuse, error = REFUSED[case]
    with ds.edit(path) as m:
        m["b"][0] = [5, 6]
        before, plan = held(m), m.plan
        with pytest.raises(error) as raised:
            refuse(m)
        if isinstance(raised.value, ds.SurgeryError):
            assert raised.value.path == str(path)
            assert raised.value.layer in names(raised.value.message)
            words(raised.value, case)
        same(held(m), before)
        assert m.plan == plan
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == there


def test_the_patch_of_no_edits(tmp_path: Path) -> None:
    data = File(V2, (("a", (Blob(np.ones(3, "<f4"), "data", False, True),)),)).data()
    (tmp_path / "in").write_bytes(data)
    with ds.edit(tmp_path / "in") as m:
        result = m.save(tmp_path / "out", save_patch=tmp_path / "undo")
        assert (result.changed, result.rewritten, result.layers) == (False, 0, ())
        again = m.save(in_place=True)
        assert (again.written, again.path, again.output) == (False, None, str(tmp_path / "in"))
    assert (tmp_path / "out").read_bytes() == data
    assert ds.revert(tmp_path / "out", tmp_path / "undo", tmp_path / "back").already
