"""Files are told by their first bytes; a caffemodel is never taken for anything else."""

from __future__ import annotations

import gzip
import io
import pickle
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import example, given
from hypothesis import strategies as st

from deconvsurgery.caffemodel.forms import OURS, Form, described
from deconvsurgery.caffemodel.sniff import HEAD, form
from helpers.campaigns import campaign_but
from helpers.foreign import FOREIGN
from helpers.models import NetParameter
from helpers.places import SHARED
from helpers.wire import END_GROUP, FIXED32, GROUP, number, read_varint, sized, tag

if TYPE_CHECKING:
    from helpers.words import Words

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="real files are not at hand")


def form_of(data: bytes) -> Form:
    return form(data[:HEAD], len(data))


LAYER = sized(100, sized(1, b"upscore") + sized(2, b"Deconvolution"))
V1_LAYER = sized(2, sized(4, b"upscore") + number(5, 39))


# ── the law: a net is a net ──

texts = st.text(st.characters(codec="utf-8"), max_size=300).map(str.encode)
big = st.integers(0, 1 << 63)
leading = st.one_of(
    st.builds(sized, st.just(1), texts),  # name
    st.builds(sized, st.just(3), texts),  # input
    st.builds(number, st.just(4), big),  # input_dim
    st.builds(number, st.just(5), st.integers(0, 1)),  # force_backward
    st.builds(sized, st.just(6), texts),  # state
    st.builds(sized, st.just(8), texts),  # input_shape
    st.builds(number, st.sampled_from([11, 12, 13, 14, 16, 20]), big),  # NVIDIA, Intel
    st.builds(sized, st.integers(101, 5000), texts),  # not known at all
)


@given(st.lists(leading, max_size=8), st.sampled_from([LAYER, V1_LAYER]), st.binary(max_size=99))
@example([sized(1, b"x" * 200_000)], LAYER, b"")
@example([sized(1, b"!DOCTYPE html>" + b" " * 46)], LAYER, b"")
@example([sized(1, b"name: 'x'\n")], LAYER, b"")
@example([sized(1, b"\x89HDF\r\n\x1a\n" * 200)], LAYER, b"")
@example([number(32, 0)], LAYER, b"")  # begins as a pickle of protocol 2
@example([], LAYER, b"")
def test_what_holds_a_layer_is_binary(fields: list[bytes], layer: bytes, layer_end: bytes) -> None:
    assert form_of(b"".join(fields) + layer + sized(100, layer_end)) == Form.BINARY


@pytest.mark.parametrize("layer", [LAYER, V1_LAYER])
def test_a_cut_model_is_still_binary(layer: bytes) -> None:
    # (its first byte alone is a newline)
    whole = sized(1, b"LeNet") + layer * 5
    assert {form_of(whole[:size]) for size in range(2, len(whole))} == {Form.BINARY}


def test_groups_at_the_top_level_are_fields_too() -> None:
    group = tag(50, GROUP) + number(1, 5) + tag(50, END_GROUP)
    assert form_of(group + sized(1, b"net") + LAYER) == Form.BINARY


# ── every other form ──


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("weights.bin", b"0123")
    return buffer.getvalue()


HDF5 = b"\x89HDF\r\n\x1a\n" + bytes(100)
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
PAGE = b"<!DOCTYPE html>\n<html><head><title>404</title></head></html>\n"
PROTOTXT = b'name: "LeNet"\nlayer {\n  name: "up"\n  type: "Deconvolution"\n}\n'
BLOB = number(1, 1) + number(2, 3) + number(3, 256) + number(4, 256) + sized(5, bytes(30_000))
HISTORY = sized(3, BLOB)
ONNX = number(1, 8) + sized(2, b"pytorch") + sized(3, b"2.1.0") + sized(7, bytes(30_000))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"", Form.EMPTY, id="empty"),
        pytest.param(b"\n", Form.TEXT, id="one newline"),
        pytest.param(b"a", Form.TEXT, id="one letter"),
        pytest.param(b"\x00", Form.BINARY, id="one NUL"),
        pytest.param(HDF5, Form.HDF5, id="hdf5"),
        pytest.param(bytes(512) + HDF5, Form.HDF5, id="hdf5 after 512"),
        pytest.param(b"# note\n".ljust(1024) + HDF5, Form.HDF5, id="hdf5 after 1024"),
        pytest.param(bytes(2048) + HDF5, Form.HDF5, id="hdf5 after 2048"),
        pytest.param(bytes(600) + HDF5, Form.BINARY, id="no hdf5 at 600"),
        pytest.param(POINTER, Form.LFS_POINTER, id="lfs"),
        pytest.param(PAGE, Form.HTML, id="html"),
        pytest.param(b"\xef\xbb\xbf\r\n " + PAGE.lower(), Form.HTML, id="html after a BOM"),
        pytest.param(b"\n\n" + PAGE, Form.HTML, id="html after blank lines"),
        pytest.param(b"<?xml version='1.0'?><Error/>", Form.HTML, id="xml"),
        pytest.param(PROTOTXT, Form.TEXT, id="prototxt"),
        pytest.param(b"\n" + PROTOTXT, Form.TEXT, id="prototxt after a blank line"),
        pytest.param(b"\xef\xbb\xbf" + PROTOTXT, Form.TEXT, id="prototxt after a BOM"),
        pytest.param(PROTOTXT.decode().encode("utf-16"), Form.TEXT, id="prototxt in UTF-16"),
        pytest.param(b"# caf\xe9\n" + PROTOTXT, Form.TEXT, id="prototxt in latin-1"),
        pytest.param(PROTOTXT.replace(b"\n", b"\r"), Form.TEXT, id="prototxt, CR only"),
        pytest.param(PROTOTXT * 9 + b"\x00", Form.TEXT, id="prototxt with a NUL"),
        pytest.param(PROTOTXT * 1000, Form.TEXT, id="long prototxt"),
        pytest.param(b'input: "data"\ninput_dim: 1\n', Form.TEXT, id="prototxt with input"),
        pytest.param(gzip.compress(LAYER), Form.GZIP, id="gzip"),
        pytest.param(zipped(), Form.ZIP, id="zip"),
        *(
            pytest.param(pickle.dumps({"w": [1.0]}, protocol), Form.PICKLE, id=f"pickle{protocol}")
            for protocol in (2, 3, 4, 5)
        ),
        pytest.param(b"\x93NUMPY\x01\x00" + bytes(99), Form.NUMPY, id="npy"),
        pytest.param(ONNX + sized(8, number(2, 17)), Form.ONNX, id="onnx"),
        pytest.param(ONNX[:9999], Form.ONNX, id="onnx, cut"),
        pytest.param(number(1, 3) + sized(7, b"graph"), Form.ONNX, id="onnx, bare"),
        pytest.param(
            number(1, 5000) + sized(2, b"net_iter_5000.caffemodel") + HISTORY * 3,
            Form.SOLVERSTATE,
            id="solverstate",
        ),
        pytest.param(number(1, 5000) + HISTORY * 3, Form.SOLVERSTATE, id="solverstate, no net"),
        pytest.param(
            number(1, 9) + sized(2, b"n") + sized(3, b"") + number(4, 1),
            Form.SOLVERSTATE,
            id="solverstate, small",
        ),
        pytest.param(BLOB, Form.BLOBPROTO, id="mean"),
        pytest.param(
            sized(5, bytes(30_000)) + sized(7, sized(1, b"\1\3")),
            Form.BLOBPROTO,
            id="mean with shape",
        ),
        pytest.param(
            number(1, 1) + (tag(5, FIXED32) + bytes(4)) * 9, Form.BLOBPROTO, id="mean, unpacked"
        ),
    ],
)
def test_form(data: bytes, expected: Form) -> None:
    assert form_of(data) == expected


@pytest.mark.parametrize("name", FOREIGN)
def test_what_other_programs_write_is_known(name: str) -> None:
    expected, data = FOREIGN[name]
    assert form_of(data) == expected
    assert expected not in OURS


def test_each_form_of_other_programs_is_tried() -> None:
    assert {expected for expected, _ in FOREIGN.values()} == set(Form) - OURS - {Form.EMPTY}


# Texts that are no net, and of which nothing more is certain.
NO_SIGN = [
    *(b"Not Found", b"404: Not Found", b"N/A", b"a", b"deploy", b"// a comment", b"/* a", b"<a/b>"),
    *(b"Moved Permanently. Redirecting to /x/y.prototxt", b"see https://a.example/b.prototxt"),
    *(b"../a.prototxt\n../b.prototxt", b"a b.prototxt", b"[default]\nnet = 1\n", b"7767518\n"),
    *(b"node { }", b"outs: 5", b"x/" * 3000 + b"y.prototxt"),
]


@pytest.mark.parametrize("data", NO_SIGN, ids=lambda data: repr(data[:20]))
def test_a_text_without_a_sign_is_text(data: bytes) -> None:
    assert form_of(data) in (Form.TEXT, Form.BINARY)


# Nets, and what is almost one of the signs: each is what it was.
NETS = {
    "named like a node": sized(1, b"input") + sized(1, b"Placeholder") + LAYER,
    "a name with a line end": sized(1, b"\n\5inputx") + LAYER,
    "V1 without a type": sized(1, b"net")
    + sized(2, sized(2, b"data") + sized(3, b"conv") + sized(4, b"Conv") + sized(6, bytes(4))),
    "V1 of a type": sized(1, b"net")
    + sized(2, sized(2, b"data") + sized(3, b"conv") + sized(4, b"Conv") + number(5, 39)),
    "V0": sized(1, b"net")
    + sized(2, sized(1, sized(1, b"a") + sized(2, b"conv")) + sized(2, b"x")),
    "a length of many bytes": b"\n" + b"\x85\x80\x80\x80\x80\x00input" + LAYER,
    "named TFL3": sized(1, b"abTFL3cd") + LAYER,
    "named as a path": sized(1, b"../a/b.prototxt"),
    "named as JSON": sized(1, b'{"a": {}}') + LAYER,
}


@pytest.mark.parametrize("name", NETS)
def test_a_net_has_none_of_the_signs(name: str) -> None:
    assert form_of(NETS[name]) == Form.BINARY


@pytest.mark.parametrize("name", campaign_but([*FOREIGN][::5], FOREIGN))
def test_a_cut_one_is_the_same_or_nothing_wrong(name: str) -> None:
    """However little is there: a prefix is never taken for a file of yet another program."""
    expected, data = FOREIGN[name]
    found = {form_of(data[:size]) for size in range(1, min(len(data), 200))}
    fallback = {Form.TEXT, Form.BINARY, Form.EMPTY, Form.ZIP, Form.PICKLE, Form.JSON, Form.HTML}
    fallback |= {Form.SYMLINK, Form.HDF5, Form.BLOBPROTO, Form.SOLVERSTATE, Form.ONNX}
    assert found <= {expected} | fallback


# What a file of each form has in it; the first field of the last two is 1, a varint.
SIGNS = {
    Form.HDF5: b"\x89HDF\r\n\x1a\n",
    Form.LFS_POINTER: b"version https://",
    Form.HTML: b"<",
    Form.GZIP: b"\x1f\x8b",
    Form.ZIP: b"PK",
    Form.PICKLE: b"\x80",
    Form.NUMPY: b"\x93NUMPY",
}
NUMBERED = (Form.ONNX, Form.SOLVERSTATE)
FIELDS = st.one_of(
    leading,
    st.sampled_from([LAYER, V1_LAYER, number(1, 1), number(2, 3), number(4, 256), *SIGNS.values()]),
    st.builds(sized, st.integers(2, 9), st.binary(max_size=9)),
)
ANYTHING = st.one_of(st.binary(max_size=300), st.lists(FIELDS, max_size=8).map(b"".join))


def names_a_net(data: bytes) -> bool:
    """Protobuf reads it as a net that has a name or layers; no solver state begins so."""
    try:
        net: Any = NetParameter.FromString(data)
    except DecodeError:
        return False
    held = net.HasField("name") or net.layer or net.layers
    return bool(held) and read_varint(data, 0)[0] != 8


@given(ANYTHING)
@example(LAYER)
@example(V1_LAYER)
@example(number(1, 5) + HISTORY)
@example(sized(1, HDF5) + bytes(512) + HDF5)
def test_any_bytes_have_the_form_that_protobuf_and_their_signs_allow(data: bytes) -> None:
    found = form_of(data)
    assert (found is Form.EMPTY) == (data == b"")
    if names_a_net(data):
        assert found in (Form.BINARY, Form.TEXT)
    assert SIGNS.get(found, b"") in data
    if found in NUMBERED:
        assert read_varint(data, 0)[0] == 8


@given(st.binary(max_size=300), st.integers(1, 1 << 40))
def test_what_is_not_read_changes_no_sign(head: bytes, more: int) -> None:
    """A head without one is the beginning of a longer file, too."""
    found = form(head, len(head) + more)
    assert found is not Form.EMPTY
    assert SIGNS.get(found, b"") in head


@pytest.mark.parametrize("each", list(Form))
def test_every_form_is_described(each: Form, words: Words) -> None:
    message, hint = described(each)
    assert hint
    assert "\n" not in message + hint
    words([message, hint], each)


# ── real files ──


def real(pattern: str) -> list[Path]:
    return sorted(path for path in SHARED.rglob(pattern) if path.is_file())


def form_at(path: Path) -> Form:
    with path.open("rb") as file:
        return form(file.read(HEAD), path.stat().st_size)


@needs_shared
def test_real_models_are_binary() -> None:
    paths = [path for path in real("*.caffemodel") if path.parent.name != "negative-lfs-pointer"]
    assert paths
    assert [path for path in paths if form_at(path) != Form.BINARY] == []


@needs_shared
def test_real_nets_are_text() -> None:
    paths = real("*.prototxt*")
    assert paths
    assert [path for path in paths if form_at(path) != Form.TEXT] == []


@needs_shared
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("negative-lfs-pointer/voc-fcn8s-heavy-pascal.caffemodel", Form.LFS_POINTER),
        ("h5-arm-cifar10/cifar10_m4_iter_70000.caffemodel.h5", Form.HDF5),
        ("v1-lenet-2014-noext/lenet_iter_10000", Form.BINARY),
        ("v1-lenet-2014-noext/lenet_iter_10000.solverstate", Form.SOLVERSTATE),
    ],
)
def test_real_files_of_other_forms(name: str, expected: Form) -> None:
    assert form_at(SHARED / "models" / name) == expected


def test_a_message_of_a_group_alone_is_no_text() -> None:
    """Printable through and through, and a NetParameter all the same."""
    head = b"\xcb0\n\nin a group\xcc0"
    assert form(head, len(head)) is Form.BINARY
