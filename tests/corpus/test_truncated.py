"""Models cut off: small ones at every byte through every verb, real ones at every field border.

A cut is an error that says where, unless it falls between two fields of the outermost message,
where protobuf itself finds a whole, shorter model; nothing is written, ever, when it is an error.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import DecodeError

import deconvsurgery as ds
from helpers.corpus import hostile_runs
from helpers.corpus.hostile_case import CONV_BLOB, NAME, data, layer, shape, v1_layer
from helpers.corpus.hostile_hdf5 import Dataset, floats, hdf5, real, space
from helpers.models import NetParameter, indexed
from helpers.runs import run_here
from helpers.wire import fields, number, sized

NET = b"""
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: [1, 1, 5, 6] } } }
layer { name: "up" type: "Deconvolution" bottom: "data" top: "up" convolution_param {
  num_output: 1 kernel_size: 4 stride: 2 pad: 1 bias_term: false } }
"""
VALUES = tuple(float(each) for each in range(16))
PARAM = sized(106, number(1, 1) + number(4, 4) + number(6, 2))
V2 = (
    NAME
    + layer("conv", "Convolution", CONV_BLOB)
    + layer("up", "Deconvolution", data(*VALUES) + shape(1, 1, 4, 4), more=PARAM)
    + sized(3, b"data")
)
V1 = (
    v1_layer(
        "conv", 4, number(1, 1) + number(2, 1) + number(3, 2) + number(4, 2) + data(1, 2, 3, 4)
    )
    + v1_layer("up", 39, data(*VALUES) + shape(1, 1, 4, 4))
    + NAME
)
H5 = hdf5({"data": {"up": {"0": Dataset(space(1, 1, 4, 4), real(4), floats(*VALUES))}}})
LINES = (
    "inspect in",
    "apply -n net in",
    "apply net in out",
    "convert in out",
    "check net in",
    "transplant net in out",
    "regroup net in out more",
)
parse = NetParameter.FromString


def protobuf_takes(cut: bytes) -> bool:
    try:
        parse(cut)
    except DecodeError:
        return False
    return True


def cut_through(place: Path, cut: bytes, lines: Sequence[str] = LINES) -> set[bool]:
    """Every verb over the bytes: whether they were read. What is promised either way is held."""
    (place / "in").write_bytes(cut)
    (place / "net").write_bytes(NET)
    read = set()
    for line in lines:
        code, out, errors = run_here(place, *line.split(), "--json")
        assert (errors, (place / "in").read_bytes()) == (b"", cut)
        left = {path.name for path in place.iterdir()} - {"in", "net"}
        error = hostile_runs.error_of(json.loads(out))
        if not error:
            assert code in (0, 1)
            for written in left:
                (place / written).unlink()
            read.add(True)
            continue
        assert left == set(), line
        assert code == 3, line
        assert error["file"] == "in" or error["kind"] == "MismatchError"  # the layer is not there
        assert error["offset"] is None or error["offset"] <= len(cut)
        # Of the first bytes nobody can tell what they begin: they may be a net's.
        read.add(error["kind"] not in ("ModelError", "PrototxtError", "SelectionError"))
    return read


# Which of how many parts of the sizes; a few sizes all over the file come first.
PARTS = pytest.mark.parametrize(
    ("part", "of"),
    [(1, 32), *(pytest.param(part, 4, marks=pytest.mark.campaign) for part in range(4))],
)


@pytest.mark.parametrize("whole", [V2, V1], ids=["V2", "V1"])
@PARTS
def test_a_small_model_cut_at_every_byte(whole: bytes, part: int, of: int, tmp_path: Path) -> None:
    accepted = []
    for size in range(part, len(whole) + 1, of):
        # A line end alone is as well a net of nothing, to the verbs that take either.
        either = ("inspect in", "check net in") if whole[:size] == b"\n" else ()
        read = cut_through(tmp_path, whole[:size], [line for line in LINES if line not in either])
        assert read == {size > 0 and protobuf_takes(whole[:size])}, size
        accepted += [size] * read.pop()
    borders = {field.start for field in fields(whole)} | {len(whole)}
    assert accepted == sorted(each for each in borders if each % of == part and each)


@PARTS
def test_a_small_hdf5_model_cut_at_every_byte(part: int, of: int, tmp_path: Path) -> None:
    """It says itself how long it is; each byte through two verbs, one in eight through all."""
    for size in range(part, len(H5), of):
        lines = LINES if size // of % 8 == 0 else ("inspect in", "apply net in out")
        assert cut_through(tmp_path, H5[:size], lines) == {False}, size
    assert cut_through(tmp_path, H5) == {True}


# --- real ones


def borders(whole: bytes) -> tuple[set[int], set[int]]:
    """Of the outermost message, and of all within layers and blobs."""
    outer, inner = {len(whole)}, set()
    for field in fields(whole):
        outer.add(field.start)
        if field.number not in (2, 100):
            continue
        for within in fields(whole, field.at, field.stop):
            inner.add(within.start)
            if within.number == {2: 6, 100: 7}[field.number]:
                inner |= {each.start for each in fields(whole, within.at, within.stop)}
                inner |= {within.at, within.stop}
    return outer - {0}, inner - outer - {0}


REAL = (
    "fsrcnn-x3/snapshot_iter_500.caffemodel",
    "wechat-qr/sr.caffemodel",
    "mtcnn/det1.caffemodel",
    "v1-autoencoder-14/16-06-14_15h51m21s_0_20_reconstructIncremental1_iter_1000.caffemodel",
    "hyperlpr-2017/HorizonalFinemapping.caffemodel",
)


@pytest.mark.parametrize(
    "file",
    [REAL[0], *(pytest.param(file, marks=pytest.mark.campaign) for file in REAL[1:])],
)
def test_a_real_model_cut_at_every_field_border(file: str, shared: Path, tmp_path: Path) -> None:
    path = shared / "models" / file
    if not path.is_file():
        pytest.skip(f"no {path}")
    whole = path.read_bytes()
    outer, inner = borders(whole)
    assert len(outer) > 10
    assert len(inner) > 50
    for size in outer:
        message: Any = parse(whole[:size])
        model = indexed(whole[:size])
        assert [each.name for each in model.layers] == [
            each.name for each in (*message.layers, *message.layer)
        ]
    for size in sorted(inner | {each - 1 for each in outer} | {each + 1 for each in outer}):
        if size in outer or not 0 < size < len(whole):
            continue
        assert not protobuf_takes(whole[:size])
        with pytest.raises(ds.ModelError) as raised:
            indexed(whole[:size])
        assert raised.value.offset is not None
        assert raised.value.offset <= size
    for size in (min(inner), sorted(inner)[len(inner) // 2], max(inner)):
        assert cut_through(tmp_path, whole[:size]) == {False}


def test_a_real_hdf5_model_cut_anywhere(shared: Path, tmp_path: Path) -> None:
    path = shared / "models" / "h5-arm-cifar10" / "cifar10_m4_iter_70000.caffemodel.h5"
    if not path.is_file():
        pytest.skip(f"no {path}")
    whole = path.read_bytes()
    sizes = {*range(1, 2200, 97), *range(2200, len(whole), 7001), len(whole) - 1}
    for size in sizes:
        (tmp_path / "in").write_bytes(whole[:size])
        code, out, _ = run_here(tmp_path, "convert", "in", "out", "--json")
        assert (code, json.loads(out)["error"]["kind"]) == (3, "ModelError"), size
        assert {each.name for each in tmp_path.iterdir()} == {"in"}
