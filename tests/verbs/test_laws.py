"""The laws of surgery on random nets and models, held against protobuf itself.

    no edits                 the same bytes
    an edit                  every field that was not aimed at keeps its bytes and its place
    what protobuf reads      the old message with the new values in it, and nothing else
    surgery done twice       the same bytes as done once
    what a plan says         is what is found in the file afterwards

The models here are written byte by byte, as no library would: any order of fields, values in
several pieces, fields that nobody knows.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import deconvsurgery as ds
from helpers.models import NetParameter, indexed
from helpers.surgery import operated_on
from helpers.wire import (
    END_GROUP,
    FIXED32,
    FIXED64,
    GROUP,
    fields,
    number,
    sized,
    tag,
    varint,
)

LAWFUL = settings(max_examples=30)

# kernel -> (stride, the triangle by hand): all of them exact in float32
TRIANGLES = {
    1: (1, [1]),
    3: (2, [0.5, 1, 0.5]),
    4: (2, [0.25, 0.75, 0.75, 0.25]),
    7: (4, [0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25]),
}


# --- a net and a model, drawn


@dataclass(frozen=True)
class Up:
    """A Deconvolution of the net."""

    name: str
    channels: int
    num_output: int
    group: int
    kernel: int
    bias: bool

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.channels, self.num_output // self.group, self.kernel, self.kernel)

    def text(self) -> str:
        stride, _ = TRIANGLES[self.kernel]
        return (
            f'layer {{ name: "in_{self.name}" type: "Input" top: "in_{self.name}" input_param '
            f"{{ shape {{ dim: [1, {self.channels}, 5, 5] }} }} }}\n"
            f'layer {{ name: "{self.name}" type: "Deconvolution" bottom: "in_{self.name}" '
            f'top: "{self.name}" convolution_param {{ num_output: {self.num_output} '
            f"group: {self.group} kernel_size: {self.kernel} stride: {stride} "
            f"bias_term: {str(self.bias).lower()} }} }}\n"
        )

    def filled(self, old: np.ndarray | None = None, dtype: str = "<f4") -> np.ndarray:
        """The weights by hand, over ``old`` ones when they are to be kept off the diagonal."""
        weights = np.zeros(self.shape, dtype) if old is None else old.reshape(self.shape).copy()
        triangle = np.array(TRIANGLES[self.kernel][1], dtype)
        for channel in range(self.channels):
            weights[channel, channel % self.shape[1]] = np.outer(triangle, triangle)
        return weights


@dataclass(frozen=True)
class Case:
    """A net's text, a model's top-level fields, and how to apply the one to the other."""

    ups: tuple[Up, ...]
    parts: tuple[bytes, ...]
    v1: bool
    options: ds.ApplyOptions

    @property
    def text(self) -> str:
        return "".join(up.text() for up in self.ups)

    @property
    def data(self) -> bytes:
        return b"".join(self.parts)


# Fields whose numbers no message of Caffe has, of every wire type.
UNKNOWN = st.sampled_from(
    [
        number(5000, -1),
        tag(501, FIXED64) + b"8 bytes!",
        sized(2**29 - 1, b"\x00\xffpayload"),
        tag(777, GROUP) + sized(1, b"in a group") + tag(777, END_GROUP),
        tag(900, FIXED32) + b"four",
    ]
)
EXTRAS = st.lists(UNKNOWN, max_size=2)
UPS = st.builds(
    lambda sizes, kernel, bias: Up("", *sizes, kernel, bias),
    st.sampled_from([(1, 1, 1), (2, 2, 1), (2, 2, 2), (4, 4, 2), (3, 1, 1)]),
    st.sampled_from(sorted(TRIANGLES)),
    st.booleans(),
)


@st.composite
def blobs(draw: st.DrawFn, shape: tuple[int, ...], legacy: bool, up: Up | None = None) -> bytes:
    """A BlobProto's payload: dims, values in pieces and what else there may be, in any order."""
    count = int(np.prod(shape))
    double = draw(st.booleans())
    field, width = (8, 8) if double else (5, 4)
    seed = draw(st.integers(0, 2**16))
    values = random.Random(seed).randbytes(count * width)  # NaN of every kind among them
    weights = up is not None and len(shape) == 4
    if up:
        values = np.random.default_rng(seed).normal(size=count).astype(f"<f{width}").tobytes()
    if draw(st.booleans()):
        values = bytes(count * width)
    elif up and weights and not double and draw(st.booleans()):
        values = up.filled().tobytes()
    cuts = sorted({0, count, *draw(st.lists(st.integers(0, count), max_size=2))})
    chunks = []
    for start, stop in itertools.pairwise(cuts):
        if draw(st.integers(0, 3)):
            chunks.append(sized(field, values[start * width : stop * width]))
        else:
            each = tag(field, FIXED64 if double else FIXED32)
            runs = (values[i * width : (i + 1) * width] for i in range(start, stop))
            chunks.append(b"".join(each + one for one in runs))
    if weights and draw(st.integers(0, 5)) == 0:
        chunks = []  # a blob without values: Caffe would refuse it, we may fill it
    if legacy:
        dims = (1,) * (4 - len(shape)) + shape
        rest = [number(place + 1, dim) for place, dim in enumerate(dims)]
    else:
        rest = [sized(7, sized(1, b"".join(map(varint, shape))))]
        if draw(st.booleans()):
            rest = [sized(7, b"".join(number(1, dim) for dim in shape))]
    rest = draw(st.permutations([*rest, *draw(EXTRAS)]))
    if draw(st.booleans()):
        rest.append(sized(6, b"diff"))
    places = sorted(draw(st.integers(0, len(rest))) for _ in chunks)
    for place, chunk in reversed(list(zip(places, chunks, strict=True))):
        rest.insert(place, chunk)
    return b"".join(rest)


@st.composite
def layers(draw: st.DrawFn, name: bytes, kind: str, v1: bool, found: list[bytes]) -> bytes:
    """A whole layer field; its fields in any order, the blobs in theirs."""
    v1_types = {"Convolution": 4, "Deconvolution": 39}
    rest = [sized(4 if v1 else 1, name), sized(3 if v1 else 4, b"top")]
    if draw(st.booleans()):
        rest.append(number(5, v1_types[kind]) if v1 else sized(2, kind.encode()))
    rest = draw(st.permutations([*rest, *draw(EXTRAS)]))
    places = sorted(draw(st.integers(0, len(rest))) for _ in found)
    for place, blob in reversed(list(zip(places, found, strict=True))):
        rest.insert(place, sized(6 if v1 else 7, blob))
    return sized(2 if v1 else 100, b"".join(rest))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    drawn = draw(st.lists(UPS, min_size=1, max_size=3))
    ups = [Up(f"up{i}", *list(vars(up).values())[1:]) for i, up in enumerate(drawn)]
    v1, all_legacy = draw(st.booleans()), draw(st.booleans())

    def some_blobs(shapes: list[tuple[int, ...]], up: Up | None = None) -> list[bytes]:
        legacy = all_legacy or draw(st.booleans())
        return [draw(blobs(shape, legacy, up)) for shape in shapes]

    parts = draw(st.lists(UNKNOWN, max_size=2)) + [sized(1, b"net")] * draw(st.integers(0, 2))
    for i in range(draw(st.integers(0, 2))):
        conv = some_blobs([(2, 1, 3, 3), (2,)][: draw(st.integers(0, 2))])
        name = draw(st.text(max_size=5)) + f"conv{i}"
        parts.append(draw(layers(name.encode(), "Convolution", v1, conv)))
    for up in ups:
        shapes = [up.shape] + [(up.num_output,)] * up.bias
        for _ in range(draw(st.sampled_from([0, 1, 1, 1, 2]))):
            own = some_blobs(shapes, up) if draw(st.integers(0, 3)) else []
            parts.append(draw(layers(up.name.encode(), "Deconvolution", v1, own)))
    options = ds.ApplyOptions(keep_off_diagonal=draw(st.booleans()), zero_bias=draw(st.booleans()))
    return Case(tuple(ups), tuple(draw(st.permutations(parts))), v1, options)


# --- surgery in memory, and what it should come to


def operated(case: Case, data: bytes, pattern: str = "up") -> tuple[ds.ApplyPlan, bytes]:
    return operated_on(case.text.encode(), data, pattern, case.options)


def pieces(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Number, whole bytes and payload of each field of a message, by a walker of the tests' own."""
    for each in fields(data):
        yield each.number, data[each.start : each.stop], each.payload


def bits(blob: Any) -> tuple[str, bytes]:
    """The storage and the exact bytes of the values that Caffe would take, by protobuf."""
    storage = "double_data" if blob.double_data else "data" if blob.data else "none"
    only = type(blob)()
    only.CopyFrom(blob)
    for field, _ in blob.ListFields():
        if field.name != storage:
            only.ClearField(field.name)
    only.DiscardUnknownFields()
    payload = [payload for _, _, payload in pieces(only.SerializeToString())]
    return storage, payload[0] if payload else b""


def replace_values(blob: Any, values: np.ndarray, storage: str) -> None:
    wide = storage == "double_data"
    blob.ClearField("data")
    blob.ClearField("double_data")
    raw = values.astype("<f8" if wide else "<f4").tobytes()
    blob.MergeFromString(sized(8 if wide else 5, raw))


def old_values(blob: Any) -> np.ndarray | None:
    storage, raw = bits(blob)
    return np.frombuffer(raw, "<f8" if storage == "double_data" else "<f4") if raw else None


def add_blob(
    layer: Any, shape: tuple[int, ...], values: np.ndarray, legacy: bool, storage: str
) -> None:
    blob = layer.blobs.add()
    if legacy:
        blob.num, blob.channels, blob.height, blob.width = (1,) * (4 - len(shape)) + shape
    else:
        blob.shape.dim.extend(shape)
    replace_values(blob, values, storage)


def meant(case: Case, plan: ds.ApplyPlan) -> Any:
    """Parse, edit, serialise: the message that surgery should make, by protobuf alone."""
    message: Any = NetParameter.FromString(case.data)
    net: Any = text_format.Parse(case.text, NetParameter())
    v1 = bool(message.layers)  # a file without layers gets today's
    every = message.layers if v1 else message.layer
    found = [blob for layer in every for blob in layer.blobs]
    legacy = bool(found) and all(blob.HasField("num") for blob in found)
    # What has no values gets them where all the others have theirs.
    storages = {bits(blob)[0] for blob in found} - {"none"}
    usual = storages.pop() if len(storages) == 1 else "data"
    dtype = "<f8" if usual == "double_data" else "<f4"
    actions = {change.target.layer.name: change for change in plan.changes}
    for up in case.ups:
        namesakes = [layer for layer in every if layer.name == up.name]
        weighted = [layer for layer in namesakes if layer.blobs]
        if not weighted:
            layer = namesakes[-1] if namesakes else every.add()
            if not namesakes:
                own = next(each for each in net.layer if each.name == up.name)
                layer.name, layer.bottom[:], layer.top[:] = own.name, own.bottom, own.top
                layer.type = 39 if v1 else "Deconvolution"
                layer.convolution_param.CopyFrom(own.convolution_param)
            add_blob(layer, up.shape, up.filled(dtype=dtype), legacy, usual)
            if up.bias:
                add_blob(layer, (up.num_output,), np.zeros(up.num_output), legacy, usual)
            continue
        if actions[up.name].values_changed:
            for layer in weighted:
                storage, _ = bits(layer.blobs[0])
                storage = usual if storage == "none" else storage
                old = old_values(layer.blobs[0]) if case.options.keep_off_diagonal else None
                wide = "<f8" if storage == "double_data" else "<f4"
                replace_values(layer.blobs[0], up.filled(old, wide), storage)
        if (
            case.options.zero_bias
            and up.bias
            and any(old_values(each.blobs[1]).any() for each in weighted)
        ):
            for layer in weighted:
                replace_values(layer.blobs[1], np.zeros(up.num_output), bits(layer.blobs[1])[0])
    return message


# --- the laws


@LAWFUL
@given(cases())
def test_no_edits_are_the_same_bytes(case: Case) -> None:
    plan, out = operated(case, case.data, "no such layer")
    # These still say where net and model disagree, and which layers are not matched.
    assert plan._replace(warnings=(), notes=()) == ds.ApplyPlan()
    assert out == case.data


@LAWFUL
@given(cases())
def test_bytes_outside_the_edits_are_the_sources_own(case: Case) -> None:
    plan, out = operated(case, case.data)
    actions = {change.target.layer.name: change.action for change in plan.changes}
    created = [change for change in plan.changes if change.target.layer.name not in named(case)]
    before, after = list(pieces(case.data)), list(pieces(out))
    assert len(after) == len(before) + len(created)
    for (field, old, body), (new_field, new, new_body) in zip(before, after, strict=False):
        assert new_field == field
        name = layer_name(field, body)
        if actions.get(name, ds.ApplyAction.UNCHANGED) is ds.ApplyAction.UNCHANGED:
            assert new == old
            continue
        blobs = 6 if case.v1 else 7
        kept = [each for each in pieces(body) if each[0] != blobs]
        assert [each for each in pieces(new_body) if each[0] != blobs] == kept
        old_blobs = [payload for inner, _, payload in pieces(body) if inner == blobs]
        new_blobs = [payload for inner, _, payload in pieces(new_body) if inner == blobs]
        for old_blob, new_blob in zip(old_blobs, new_blobs, strict=False):
            assert besides_values(new_blob) == besides_values(old_blob)


def layer_name(field: int, payload: bytes) -> str:
    if field not in (2, 100):
        return ""
    names = [text for inner, _, text in pieces(payload) if inner == {2: 4, 100: 1}[field]]
    return names[-1].decode()


def named(case: Case) -> set[str]:
    return {layer_name(field, payload) for field, _, payload in pieces(case.data)}


def besides_values(blob: bytes) -> list[bytes]:
    return [whole for field, whole, _ in pieces(blob) if field not in (5, 8)]


@LAWFUL
@given(cases())
def test_protobuf_reads_what_was_meant_and_nothing_else(case: Case) -> None:
    plan, out = operated(case, case.data)
    result: Any = NetParameter.FromString(out)
    # As bytes, for a message with a NaN is not equal to itself.
    assert result.SerializeToString(deterministic=True) == meant(case, plan).SerializeToString(
        deterministic=True
    )


@LAWFUL
@given(cases())
def test_surgery_done_twice_is_done_once(case: Case) -> None:
    _, once = operated(case, case.data)
    plan, twice = operated(case, once)
    assert twice == once
    assert {change.action for change in plan.changes} == {ds.ApplyAction.UNCHANGED}
    assert not plan.changed


@LAWFUL
@given(cases())
def test_the_plan_foretells_what_is_in_the_file(case: Case) -> None:
    plan, out = operated(case, case.data)
    assert plan.changed == (out != case.data)
    assert len(plan.changes) == len(case.ups)
    rows = {
        row.name: row for row in ds.inspect(ds.parse_net(case.text.encode()), indexed(out)).layers
    }
    for change in plan.changes:
        assert rows[change.target.layer.name].weights == change.after
        if not case.options.keep_off_diagonal:
            assert change.after.state == "bilinear"


@settings(max_examples=15)
@given(cases())
def test_inspect_finds_what_apply_said(case: Case) -> None:
    assume(case.data)
    with TemporaryDirectory() as directory:
        net, old, new = (Path(directory) / name for name in ("net", "old", "new"))
        net.write_text(case.text)
        old.write_bytes(case.data)
        done = ds.apply(net, old, new)
        found = ds.inspect(net, new)
        untouched = ds.apply(
            net, old, Path(directory) / "copy", patterns=["none"], allow_empty=True
        )
        assert old.read_bytes() == case.data == (Path(directory) / "copy").read_bytes()
        assert not untouched.changed
        said = {change.target.layer.name: change.after.state for change in done.plan.changes}
        assert {row.name: row.weights.state for row in found.layers if row.weights} == said
        assert done.output_size == new.stat().st_size


@LAWFUL
@given(cases())
def test_the_reader_agrees_with_protobuf(case: Case) -> None:
    agree(case.data)
    agree(operated(case, case.data)[1])


def agree(data: bytes) -> None:
    """Layers, blobs, shapes and every bit of the values."""
    message, model = NetParameter.FromString(data), indexed(data)
    theirs = [*message.layers, *message.layer]  # type: ignore[attr-defined]
    assert [layer.name for layer in model.layers] == [layer.name for layer in theirs]
    for layer, their_layer in zip(model.layers, theirs, strict=True):
        assert len(layer.blobs) == len(their_layer.blobs)
        for blob, theirs_too in zip(layer.blobs, their_layer.blobs, strict=True):
            storage, raw = bits(theirs_too)
            legacy = (theirs_too.num, theirs_too.channels, theirs_too.height, theirs_too.width)
            assert blob.legacy == theirs_too.HasField("num")
            assert blob.shape == (legacy if blob.legacy else tuple(theirs_too.shape.dim))
            assert blob.storage == storage
            assert b"".join(row.tobytes() for row in model.rows(blob, (blob.count,))) == raw


# --- and again

LAWS = [
    test_no_edits_are_the_same_bytes,
    test_bytes_outside_the_edits_are_the_sources_own,
    test_protobuf_reads_what_was_meant_and_nothing_else,
    test_surgery_done_twice_is_done_once,
    test_the_plan_foretells_what_is_in_the_file,
    test_the_reader_agrees_with_protobuf,
]


@pytest.mark.campaign
@settings(max_examples=150)
@given(cases())
def test_every_law_holds_for_many_more(case: Case) -> None:
    for law in LAWS:
        law.hypothesis.inner_test(case)  # type: ignore[attr-defined]
