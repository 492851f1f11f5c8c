"""The index of a model: what it holds, what it refuses, and how little it reads.

protobuf itself says what is in the bytes; the bytes are written by hand where protobuf would not
write them so.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

import deconvsurgery as ds
from deconvsurgery.caffemodel.index import index
from deconvsurgery.caffemodel.read_values import layer_param
from helpers.models import CountedSource, NetParameter, indexed, message_class
from helpers.wire import doubles, floats, sized, varint
from helpers.words import Words, numbers

ConvolutionParameter = message_class("ConvolutionParameter")
BlobProto = message_class("BlobProto")


def with_blob(payload: bytes) -> bytes:
    return sized(100, sized(1, b"up") + sized(7, payload))


def blob_of(payload: bytes) -> Any:
    (layer,) = indexed(with_blob(payload)).layers
    (blob,) = layer.blobs
    return blob


def values_of(payload: bytes) -> list[float]:
    model = indexed(with_blob(payload))
    blob = model.layers[0].blobs[0]
    return [float(value) for value in model.rows(blob, (blob.count,))]


def small_model() -> bytes:
    net: Any = NetParameter(name="small", input=["data"])
    layer = net.layer.add(name="up", type="Deconvolution", bottom=["a"], top=["b"])
    layer.blobs.add(data=[1, 2, 3, 4]).shape.dim.extend([1, 1, 2, 2])
    layer.blobs.add(double_data=[0.5], num=1, channels=1, height=1, width=1)
    layer.convolution_param.num_output = 1
    net.layer.add(name="relu", type="ReLU")
    return net.SerializeToString() + b"\xa3\x06\x08\x01\xa4\x06"  # and a group


# --- what is accepted


def protobuf_reads(data: bytes) -> Any:
    try:
        return NetParameter.FromString(data)
    except DecodeError:
        return None


def test_a_model_cut_off_at_any_byte_is_refused_or_whole_so_far() -> None:
    """At a border of top-level fields both read a shorter model, elsewhere both refuse."""
    whole = small_model()
    accepted = []
    for size in range(len(whole) + 1):
        message = protobuf_reads(whole[:size])
        if message is None:
            with pytest.raises(ds.ModelError) as raised:
                indexed(whole[:size])
            assert raised.value.offset is not None
            assert raised.value.offset <= size
            continue
        accepted.append(size)
        assert [layer.name for layer in indexed(whole[:size]).layers] == [
            layer.name for layer in message.layer
        ]
    assert len(accepted) == 6  # before and after: name, input, layer, layer, group


def damaged(whole: bytes, seed: int) -> Iterator[bytes]:
    chance = random.Random(seed)
    for _ in range(4000):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(data))
            data[at : at + chance.randint(0, 2)] = chance.randbytes(chance.randint(0, 2))
        yield bytes(data)


def test_damage_never_surprises_and_never_reads_otherwise_than_protobuf() -> None:
    """We pass over what we do not need, so refuse less: but what protobuf takes we take."""
    both = 0
    for data in damaged(small_model(), seed=7):
        message = protobuf_reads(data)
        try:
            model = indexed(data)
        except ds.ModelError as error:
            # We alone refuse a field number 0 in a group, more than 32 axes, and raw_data.
            ours_alone = numbers(error.message) in ([0], [32]) or "raw_data" in error.message
            # An error is one of two right outcomes here, so pytest.raises does not fit.
            assert message is None or ours_alone, data
            continue
        if message is None:
            continue
        both += 1
        ours = [layer for layer in model.layers if layer.version == "V2"]
        for layer, their_layer in zip(ours, message.layer, strict=True):
            name = their_layer.name  # bytes where they are no UTF-8
            name = name.encode() if isinstance(name, str) else name
            assert layer.name.encode("utf-8", "surrogateescape") == name
            for blob, their_blob in zip(layer.blobs, their_layer.blobs, strict=True):
                assert blob.count == len(their_blob.double_data or their_blob.data)
                assert blob.legacy or blob.shape == tuple(their_blob.shape.dim)
                assert sum(1 for _ in model.rows(blob, (blob.count,))) == blob.count
    assert both > 400


@pytest.mark.parametrize("data", [b"", sized(1, b"name"), sized(3, b"data") * 3])
def test_a_file_without_layers_is_an_empty_model(data: bytes) -> None:
    assert indexed(data).layers == ()
    assert indexed(data).version == "empty"


# --- generations


def test_generations() -> None:
    v2 = sized(100, sized(1, b"a"))
    v1 = sized(2, sized(4, b"b") + b"\x28\x27")
    v0 = sized(2, sized(1, sized(1, b"c") + sized(2, b"conv") + sized(50, sized(5, floats(1, 2)))))
    assert indexed(v2).version == "V2"
    assert indexed(v1).version == "V1"
    assert indexed(v0).version == "V0"
    assert indexed(v2 + v1).version == "mixed"
    assert indexed(v0 + v1).version == "V0"
    (layer,) = indexed(v1).layers
    assert (layer.name, layer.type) == ("b", "Deconvolution")
    (layer,) = indexed(v0).layers
    assert (layer.name, layer.type, layer.blobs[0].count) == ("c", "conv", 2)


def test_a_v1_type_that_no_caffe_of_bvlc_has() -> None:
    (layer,) = indexed(sized(2, b"\x28\x7b")).layers
    assert layer.type == "V1 type 123"


def test_two_occurrences_of_a_v0_layer_are_one() -> None:
    data = sized(2, sized(1, sized(1, b"c")) + sized(1, sized(50, sized(5, floats(3)))))
    message: Any = NetParameter.FromString(data)
    assert message.layers[0].layer.name == "c"
    assert list(message.layers[0].layer.blobs[0].data) == [3]
    (layer,) = indexed(data).layers
    assert (layer.name, len(layer.blobs)) == ("c", 1)


def test_what_stands_beside_a_v0_layer_counts_for_nothing() -> None:
    """``UpgradeV0LayerParameter`` takes bottoms and tops from there, all else from the layer."""
    beside = sized(4, b"v1") + b"\x28\x27" + sized(6, sized(5, floats(1)))
    inside = sized(1, sized(1, b"v0") + sized(2, b"conv") + sized(50, sized(5, floats(2, 3))))
    for payload in (beside + inside, inside + beside):
        (layer,) = indexed(sized(2, payload)).layers
        assert (layer.name, layer.type, layer.version) == ("v0", "conv", "V0")
        assert [blob.count for blob in layer.blobs] == [2]


# --- names


@pytest.mark.parametrize(
    ("name", "read"),
    [
        (b"", ""),
        ("преувеличение".encode(), "преувеличение"),
        (b"caf\xe9", "caf\udce9"),  # not UTF-8: the byte itself, as Caffe compares it
        (b"nul\0inside", "nul\0inside"),
        (b"[bold]\x1b[31m[/up]", "[bold]\x1b[31m[/up]"),
        (b"x" * 1_000_000, "x" * 1_000_000),
    ],
    ids=["empty", "cyrillic", "latin-1", "NUL", "markup", "1 MB"],
)
def test_names_of_every_kind(name: bytes, read: str) -> None:
    model = indexed(sized(100, sized(1, name)))
    assert model.layers[0].name == read
    assert model.by_name[read] == model.layers


def test_the_last_of_a_repeated_singular_field_counts() -> None:
    data = sized(100, sized(1, b"first") + sized(2, b"T") + sized(1, b"last") + sized(2, b"U"))
    message: Any = NetParameter.FromString(data)
    (layer,) = indexed(data).layers
    assert (layer.name, layer.type) == ("last", "U")
    assert (message.layer[0].name, message.layer[0].type) == ("last", "U")


def test_layers_of_one_name_are_all_found_in_their_order() -> None:
    data = b"".join(sized(100, sized(1, b"up") + sized(2, kind)) for kind in (b"A", b"B", b"C"))
    assert [layer.type for layer in indexed(data).by_name["up"]] == ["A", "B", "C"]


@pytest.mark.parametrize("count", [3_000, pytest.param(100_000, marks=pytest.mark.campaign)])
def test_thousands_of_layers_of_one_name_are_read_once(count: int) -> None:
    source = CountedSource(sized(100, sized(1, b"up")) * count)
    model = index(source)
    assert model.by_name["up"] == model.layers
    assert len(model.layers) == count
    assert source.count < 2 * source.size


# --- blobs


def test_known_fields_of_the_wrong_wire_type_are_nobodys() -> None:
    data = sized(
        100,
        b"\x08\x05"  # name as varint
        + b"\x15four"  # type as fixed32
        + b"\x38\x01"  # blobs as varint
        + sized(7, sized(1, b"") + b"\x28\x05" + b"\x3d1234" + b"\x42\x08" + doubles(1)),
    )
    message: Any = NetParameter.FromString(data)
    assert message.layer[0].name == message.layer[0].type == ""
    assert str(message.layer[0].blobs) != ""
    (layer,) = indexed(data).layers
    assert (layer.name, layer.type) == ("", "")
    (blob,) = layer.blobs
    assert (blob.legacy, blob.shape, blob.storage) == (False, (), "double_data")


SHAPES = {
    "shape": (sized(7, sized(1, b"\x02\x03")), (2, 3), False),
    "shape unpacked": (sized(7, b"\x08\x02\x08\x03"), (2, 3), False),
    "shape twice merges": (
        sized(7, b"\x08\x02") + sized(7, sized(1, b"\x03\x04")),
        (2, 3, 4),
        False,
    ),
    "none": (b"", (), False),
    "empty shape": (sized(7, b""), (), False),
    "a dim of 0": (sized(7, b"\x08\x00\x08\x05"), (0, 5), False),
    "a negative dim": (sized(7, b"\x08" + b"\xff" * 9 + b"\x01"), (-1,), False),
    "a huge dim": (sized(7, b"\x08" + varint(2**63 - 1)), (2**63 - 1,), False),
    "legacy": (b"\x08\x01\x10\x02\x18\x03\x20\x04", (1, 2, 3, 4), True),
    "one legacy dim is all": (b"\x20\x04", (0, 0, 0, 4), True),
    "legacy wins over shape": (sized(7, b"\x08\x09") + b"\x08\x00", (0, 0, 0, 0), True),
    "the last legacy dim wins": (b"\x08\x01\x08\x07", (7, 0, 0, 0), True),
    "a negative legacy dim": (b"\x08" + b"\xff" * 9 + b"\x01", (-1, 0, 0, 0), True),
    "legacy beyond 32 bits": (b"\x08" + varint(2**32 + 5), (5, 0, 0, 0), True),
}


@pytest.mark.parametrize(("payload", "shape", "legacy"), SHAPES.values(), ids=SHAPES)
def test_shapes(payload: bytes, shape: tuple[int, ...], legacy: bool) -> None:
    message: Any = message_class("BlobProto").FromString(payload)
    blob = blob_of(payload)
    assert (blob.shape, blob.legacy) == (shape, legacy)
    if legacy:
        assert shape == (message.num, message.channels, message.height, message.width)
    else:
        assert shape == tuple(message.shape.dim)
    assert blob.both_forms == (legacy and message.HasField("shape"))


# The table of caffe-semantics (a): what copy_from compares equal.
@pytest.mark.parametrize(
    ("target", "payload", "fits"),
    [
        ((2, 1, 4, 4), b"\x08\x02\x10\x01\x18\x04\x20\x04", True),
        ((3, 70), b"\x08\x01\x10\x01\x18\x03\x20\x46", True),
        ((3,), b"\x08\x01\x10\x01\x18\x01\x20\x03", True),
        ((3, 70), b"\x08\x03\x10\x46\x18\x01\x20\x01", False),
        ((3,), b"\x08\x03\x10\x01\x18\x01\x20\x01", False),
        ((3, 70), sized(7, sized(1, b"\x01\x01\x03\x46")), False),
        ((2, 1, 4, 4), b"\x08\x02\x10\x01\x18\x04\x20\x04" + sized(7, sized(1, b"\x09\x09")), True),
        ((2, 1, 4, 4), sized(7, sized(1, b"\x02\x01\x04\x04")) + b"\x08\x00", False),
        ((1, 1, 1, 1, 1), b"\x08\x01\x10\x01\x18\x01\x20\x01", False),
    ],
)
def test_shapes_are_equal_when_caffe_finds_them_so(
    target: tuple[int, ...], payload: bytes, fits: bool
) -> None:
    assert blob_of(payload).fits(target) is fits


VALUES = {
    "packed": (sized(5, floats(1, 2)), "data", [1, 2]),
    "unpacked": (b"\x2d" + floats(1) + b"\x2d" + floats(2), "data", [1, 2]),
    "both, in pieces": (
        sized(5, floats(1)) + b"\x2d" + floats(2) + sized(5, floats(3, 4)) + sized(5, b""),
        "data",
        [1, 2, 3, 4],
    ),
    "other fields between": (
        b"\x2d" + floats(1) + sized(500, b"?") + b"\x2d" + floats(2) + b"\x08\x01",
        "data",
        [1, 2],
    ),
    "a tag of two bytes": (
        b"\x2d" + floats(1) + b"\xad\x00" + floats(2) + b"\xad\x80\x00" + floats(3),
        "data",
        [1, 2, 3],
    ),
    "double": (sized(8, doubles(0.1)), "double_data", [0.1]),
    "double unpacked": (b"\x41" + doubles(0.1) + b"\xc1\x00" + doubles(2), "double_data", [0.1, 2]),
    "double wins": (sized(5, floats(1, 2)) + sized(8, doubles(3)), "double_data", [3]),
    "empty double does not": (sized(8, b"") + sized(5, floats(1, 2)), "data", [1, 2]),
    "none": (sized(7, b"\x08\x01"), "none", []),
    "diff alone": (sized(6, floats(1)), "none", []),
}


@pytest.mark.parametrize(("payload", "storage", "values"), VALUES.values(), ids=VALUES)
def test_values(payload: bytes, storage: str, values: list[float]) -> None:
    message: Any = message_class("BlobProto").FromString(payload)
    assert list(message.double_data or message.data) == values
    assert blob_of(payload).storage == storage
    assert blob_of(payload).count == len(values)
    assert values_of(payload) == values


def test_values_keep_every_bit() -> None:
    raw = bytes.fromhex("0100c07f010080ff00000080010000000000807f")  # NaN, sNaN, -0 …
    payload = sized(5, raw[:8]) + b"".join(b"\x2d" + raw[i : i + 4] for i in range(8, 20, 4))
    model = indexed(with_blob(payload))
    assert b"".join(row.tobytes() for row in model.rows(model.layers[0].blobs[0], (5,))) == raw


def test_rows_of_a_large_blob_are_those_of_numpy() -> None:
    """Larger than what is read at once, so that batches meet in the middle of the blob."""
    weights = np.random.default_rng(0).normal(size=(7, 2, 300, 301)).astype("<f4")
    model = indexed(with_blob(sized(5, weights.tobytes())))
    rows = list(model.rows(model.layers[0].blobs[0], weights.shape))
    assert np.array_equal(np.stack(rows), weights)


# The payload, what is wrong with it, and the numbers that the error names.
BAD_BLOBS: dict[str, tuple[bytes, str, list[int]]] = {
    "data": (sized(5, b"12345"), "length", [5, 4]),
    "double_data": (sized(8, b"1234"), "length", [4, 8]),
    "diff": (sized(6, b"12345"), "length", [5, 4]),
    "33 axes": (sized(7, sized(1, b"\x01" * 33)), "axes", [32]),
    "33 axes unpacked": (sized(7, b"\x08\x01" * 33), "axes", [32]),
    "33 axes in two": (2 * sized(7, sized(1, b"\x01" * 17)), "axes", [32]),
    "shape cut off": (sized(7, sized(1, b"\x80")), "cut off", []),
}


@pytest.mark.parametrize("case", BAD_BLOBS)
def test_blobs_that_cannot_be_read_are_refused_with_their_place(case: str, words: Words) -> None:
    payload, wrong, named = BAD_BLOBS[case]
    data = sized(1, b"net") + with_blob(payload)
    with pytest.raises(ds.ModelError) as raised:
        indexed(data)
    offset = raised.value.offset
    assert offset is not None
    assert data.index(payload) <= offset <= len(data)
    assert numbers(raised.value.message) == named
    if wrong == "length":
        assert case in raised.value.message
    words(raised.value, wrong)


def test_32_axes_and_values_beside_raw_data_are_fine() -> None:
    assert blob_of(sized(7, sized(1, b"\x01" * 32))).shape == (1,) * 32
    assert values_of(b"\x50\x02" + sized(12, b"\0<") + sized(5, floats(1))) == [1]


@pytest.mark.parametrize(
    ("numbers", "kind"),
    [
        ((39,), "Deconvolution"),
        ((4, 39), "Deconvolution"),
        ((39, 42), "Deconvolution"),  # protobuf keeps the last that it knows
        ((42,), "V1 type 42"),
        ((42, 43), "V1 type 43"),
        ((2**32 + 39,), "Deconvolution"),  # and cuts it to 32 bits
        ((39, 0), ""),
    ],
)
def test_the_type_of_a_v1_layer_is_the_last_that_caffe_knows(
    numbers: tuple[int, ...], kind: str
) -> None:
    data = sized(2, sized(4, b"up") + b"".join(b"\x28" + varint(each) for each in numbers))
    theirs: Any = NetParameter.FromString(data)
    assert indexed(data).layers[0].type == kind
    known = kind if not kind.startswith("V1 type") else ""
    assert {39: "Deconvolution", 0: ""}[theirs.layers[0].type] == known


RAW = {0: "<f8", 1: "<f4", 2: "<f2"}  # NVIDIA's enum Type: DOUBLE, FLOAT, FLOAT16


def raw_type(number: int) -> bytes:
    return b"\x50" + varint(number)


@pytest.mark.parametrize(("number", "dtype"), RAW.items())
def test_raw_data_is_read_in_its_own_type(number: int, dtype: str) -> None:
    numbers = np.array([0.25, -1.5, 3, 65504], dtype)
    data = sized(12, numbers.tobytes())
    for payload in (
        raw_type(number) + data,
        data + raw_type(number),
        raw_type(4) + sized(12, b"?") + data + raw_type(number),  # neither repeats: the last counts
        raw_type(number) + data + raw_type(6),  # a number that the enum has not is no type
        raw_type(2**32 + number) + data,  # which has 32 bits
    ):
        blob = blob_of(payload)
        assert (blob.dtype, blob.count, blob.problem) == (dtype, 4, None)
        assert values_of(payload) == numbers.tolist()


def test_raw_data_counts_last() -> None:
    """Precedence in NVIDIA's Blob::FromProto: double_data, data, raw_data."""
    raw, data, double = (
        raw_type(1) + sized(12, floats(3)),
        sized(5, floats(2)),
        sized(8, doubles(1)),
    )
    assert values_of(raw + data + double) == [1]
    assert values_of(raw + data) == [2]
    assert values_of(raw + sized(5, b"")) == [3]


def test_a_new_blobs_type_is_that_of_the_field_it_goes_to() -> None:
    """Doubles in two fields: a new blob goes to data, which holds floats."""
    raw, double = raw_type(0) + sized(12, doubles(1)), sized(8, doubles(1))
    for payloads, storage, dtype in (
        ([raw, double], "data", "<f4"),
        ([raw, raw], "raw_data double", "<f8"),
        ([double], "double_data", "<f8"),
        ([sized(5, floats(1)), double], "data", "<f4"),
        ([], "data", "<f4"),
    ):
        model = indexed(b"".join(with_blob(payload) for payload in payloads))
        assert (model.storage, model.dtype) == (storage, dtype)


# The payload, and what the problem names: words of the format, and numbers.
UNREADABLE: dict[str, tuple[bytes, str, list[int]]] = {
    "a type that is no float": (raw_type(3) + sized(12, floats(1)), "INT", []),
    "a type nobody has": (raw_type(77) + sized(12, floats(1)), "raw_data", [77]),
    "no type": (sized(12, floats(1)), "raw_data", []),
    "a length in between": (raw_type(2) + sized(12, b"abc"), "raw_data float16", [3, 2]),
    # BVLC's opencl branch: 10 shape_stride, 11 packed_data, 12 packed_diff, 13 data_type
    "opencl": (sized(10, b"") + sized(11, floats(1)) + b"\x68\x00", "packed_data", []),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_values_that_only_a_fork_reads_are_a_problem_of_their_blob(case: str, words: Words) -> None:
    payload, named, counted = UNREADABLE[case]
    blob = blob_of(payload)
    assert blob.count == 0
    assert blob.problem is not None
    assert (named in blob.problem, numbers(blob.problem)) == (True, counted)
    words(blob.problem, case)
    # Values of Caffe's own beside them are read all the same.
    beside = blob_of(payload + sized(5, floats(1)))
    assert (beside.problem, beside.count) == (None, 1)


@given(
    st.lists(st.sampled_from([b"\x2d", b"\x45", b"\xad\x00"]), max_size=200),
    st.integers(0, 40),
    st.sampled_from([b"", b"\x08\x01", sized(5, floats(7))]),
)
def test_values_one_by_one_are_those_of_protobuf(
    tags: list[bytes], more: int, between: bytes
) -> None:
    """Runs of any length, cut by other fields: 0x2d is data, 0x45 an unknown field of its size."""
    fields = [each + floats(position) for position, each in enumerate(tags)]
    payload = b"".join(fields) + between + b"".join(b"\x2d" + floats(each) for each in range(more))
    theirs: Any = BlobProto.FromString(payload)
    assert values_of(payload) == list(theirs.data)


def test_a_run_of_many_values_is_read_in_pieces() -> None:
    numbers = np.arange(700_000, dtype="<f4")
    tagged = np.empty((numbers.size, 5), np.uint8)
    tagged[:, 0] = 0x2D
    tagged[:, 1:] = numbers.view(np.uint8).reshape(-1, 4)
    model = indexed(with_blob(tagged.tobytes() + sized(5, floats(*range(7)))))
    expected = [*numbers, *range(7)]
    (blob,) = model.layers[0].blobs
    pieces = list(model.flat_values(blob))
    assert max(piece.nbytes for piece in pieces) <= 1 << 20
    assert np.array_equal(np.concatenate(pieces), expected)
    rows = list(model.rows(blob, (7, 100_001)))
    assert [row.shape for row in rows] == [(100_001,)] * 7
    assert np.array_equal(np.concatenate(rows), expected)


# --- what it costs


def test_indexing_a_large_model_reads_kilobytes() -> None:
    """Two blobs of 1 GiB that are not there: zeros, which nobody looks at."""
    gigabyte = 1 << 30
    blob = varint(5 << 3 | 2) + varint(gigabyte)
    blobs = varint(7 << 3 | 2) + varint(len(blob) + gigabyte) + blob
    layer = sized(1, b"up")
    head = varint(100 << 3 | 2) + varint(len(layer) + len(blobs) + gigabyte) + layer + blobs
    source = CountedSource(head, len(head) + gigabyte)
    (found,) = index(source).layers
    assert found.blobs[0].count == gigabyte // 4
    assert source.count < 10_000


def test_what_the_file_says_of_its_layer() -> None:
    first: Any = ConvolutionParameter(num_output=5, kernel_size=[4], engine=2)
    second: Any = ConvolutionParameter(num_output=6, kernel_size=[3], group=3)
    second.weight_filler.type = "bilinear"
    whole = ConvolutionParameter.FromString(first.SerializeToString() + second.SerializeToString())
    data = sized(
        100, sized(106, first.SerializeToString()) + sized(106, second.SerializeToString())
    )
    model = indexed(data)
    param = layer_param(model, model.layers[0])
    assert whole.num_output == param.integer("num_output") == 6  # type: ignore[attr-defined]
    assert param.integers("kernel_size") == (4, 3)
    assert (param.text("engine"), param.integer("group")) == ("CUDNN", 3)
    assert param.message("weight_filler").text("type") == "bilinear"
