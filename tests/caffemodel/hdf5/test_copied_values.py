"""Values that a new HDF5 file has byte by byte as the source: they are copied, not read.

Whichever way they go, the file is the same to the last byte.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

import deconvsurgery as ds
from deconvsurgery.caffemodel.hdf5 import write
from deconvsurgery.plans.convert import edits
from deconvsurgery.storage.copy_bytes import FileSink
from deconvsurgery.storage.early_flush import EarlyFlush
from deconvsurgery.storage.source_interface import Source
from helpers.runs import tool
from helpers.wire import (
    FIXED32,
    LEN,
    dims,
    layer_v1,
    layer_v2,
    legacy_dims,
    number,
    sized,
    tag,
    varint,
)

Array = NDArray[Any]
Copied = list[tuple[int, int]]

# Every bit counts: NaNs that say more than that they are none, of both signs, and -0.
WORDS = np.array([0x7F800001, 0xFFC12345, 0x80000000, 0x00000001, 0x3F800000, 0xFF800000], "<u4")
VALUES: Array = WORDS.view("<f4").reshape(2, 3)
DOUBLES = np.array([0x7FF0000000000001, 0x8000000000000000], "<u8").view("<f8")
ROUNDED = np.array([[1 / 3, -0.0], [np.inf, np.nan]])
MANY = np.arange(240, dtype="<f4").reshape(40, 2, 3)
HALVES = np.array([0x7C01, 0x8000, 0x3C00], "<u2").view("<f2")


def packed(array: Array) -> bytes:
    """A blob whose values are one field."""
    field, head = {4: (5, b""), 8: (8, b""), 2: (12, number(10, 2))}[array.itemsize]
    return head + sized(field, array.tobytes()) + dims(*array.shape)


def unpacked(array: Array) -> bytes:
    """A tag before each value."""
    flat = array.reshape(-1)
    return b"".join(tag(5, FIXED32) + each.tobytes() for each in flat) + dims(*array.shape)


IN_PIECES = sized(5, VALUES.tobytes()[:8]) + dims(2, 3) + sized(5, VALUES.tobytes()[8:])
TAGGED_END = sized(5, VALUES.tobytes()[:20]) + tag(5, FIXED32) + VALUES.tobytes()[20:] + dims(2, 3)
SCALAR = sized(5, VALUES.tobytes()[:4])
NET = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 3 } } }
layer { name: "a" type: "InnerProduct" bottom: "x" top: "a" param { name: "w" }
  inner_product_param { num_output: 2 bias_term: false } }
layer { name: "b" type: "InnerProduct" bottom: "x" top: "b" param { name: "w" }
  inner_product_param { num_output: 2 bias_term: false } }
"""

CASES: dict[str, tuple[bytes, dict[str, Any], dict[str, Array], int]] = {
    # The model, options, what the file has then, and how many bytes of it are copied.
    "one field": (layer_v2(b"a", None, packed(VALUES)), {}, {"a/0": VALUES}, 24),
    "several fields": (layer_v2(b"a", None, IN_PIECES), {}, {"a/0": VALUES}, 24),
    "values apart": (layer_v2(b"a", None, unpacked(VALUES)), {}, {"a/0": VALUES}, 0),
    "one value apart": (layer_v2(b"a", None, TAGGED_END), {}, {"a/0": VALUES}, 0),
    "a scalar": (layer_v2(b"a", None, SCALAR), {}, {"a/0": VALUES[0, 0]}, 4),
    "no axis has values": (
        layer_v2(b"a", None, packed(np.zeros(0, "<f4")), packed(np.zeros((3, 0), "<f4"))),
        {},
        {"a/0": np.zeros(0, "<f4"), "a/1": np.zeros((3, 0), "<f4")},
        0,
    ),
    "doubles that stay": (
        layer_v2(b"a", None, packed(DOUBLES)),
        {"values": "keep"},
        {"a/0": DOUBLES},
        16,
    ),
    "doubles that do not": (
        layer_v2(b"a", None, packed(ROUNDED), packed(VALUES)),
        {},
        {"a/0": ROUNDED.astype("<f4"), "a/1": VALUES},
        24,
    ),
    "halves that stay": (
        layer_v2(b"a", None, packed(HALVES)),
        {"values": "keep"},
        {"a/0": HALVES},
        6,
    ),
    "halves that do not": (
        layer_v2(b"a", None, packed(HALVES[1:])),
        {},
        {"a/0": HALVES[1:].astype("<f4")},
        0,
    ),
    "old dims": (
        layer_v1(b"a", 14, sized(5, VALUES.tobytes()) + legacy_dims(2, 3)),
        {},
        {"a/0": VALUES},
        24,
    ),
    "shared": (
        layer_v2(b"a", None, packed(-VALUES)) + layer_v2(b"b", None, packed(VALUES)),
        {"net": NET},
        {"a/0": VALUES},
        24,
    ),
    "two of a name": (
        layer_v2(b"a", None, packed(-VALUES)) + layer_v2(b"a", None, packed(VALUES)),
        {},
        {"a/0": VALUES},
        24,
    ),
    "many": (
        b"".join(layer_v2(b"%d" % each, None, packed(MANY[each])) for each in range(40)),
        {},
        {f"{each}/0": MANY[each] for each in range(40)},
        40 * 24,
    ),
}


@pytest.fixture
def copied(monkeypatch: pytest.MonkeyPatch) -> Copied:
    """The ranges of sources that are copied into files, from here on."""
    ranges: Copied = []
    real = FileSink.copy

    def copy(self: FileSink, source: Source, start: int, stop: int) -> None:
        ranges.append((start, stop))
        real(self, source, start, stop)

    monkeypatch.setattr(FileSink, "copy", copy)
    return ranges


def converted(folder: Path, data: bytes, **options: Any) -> bytes:
    (folder / "in").write_bytes(data)
    if "net" in options:
        (folder / "net").write_text(options["net"])
        options["net"] = folder / "net"
    ds.convert(folder / "in", folder / "out", to="hdf5", force=True, **options)
    assert (folder / "in").read_bytes() == data
    return (folder / "out").read_bytes()


def by_the_library(folder: Path, data: bytes, **options: Any) -> bytes:
    """The file when HDF5's library writes every value itself."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(edits, "kept_values", lambda _blob, _dtype: None)
        return converted(folder, data, **options)


def found(path: Path) -> dict[str, Array]:
    """Every dataset under /data, as h5py reads it."""
    arrays: dict[str, Array] = {}

    def look(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[name] = np.asarray(item[()])

    with h5py.File(path) as file:
        file["data"].visititems(look)
    return arrays


@pytest.mark.parametrize("case", CASES)
def test_every_bit_is_there_and_the_file_is_the_librarys(
    case: str, tmp_path: Path, copied: Copied
) -> None:
    data, options, expected, count = CASES[case]
    out = converted(tmp_path, data, **options)
    assert sum(stop - start for start, stop in copied) == count
    arrays = found(tmp_path / "out")
    assert arrays.keys() == expected.keys()
    for name, array in expected.items():
        assert (arrays[name].dtype, arrays[name].shape) == (array.dtype, array.shape)
        assert arrays[name].tobytes() == array.tobytes()
    assert by_the_library(tmp_path, data, **options) == out
    # From HDF5 to HDF5, where something else of it changes.
    if case == "doubles that do not":
        wide = by_the_library(tmp_path, data, values="keep")
        copied.clear()
        assert converted(tmp_path, wide) == out
        assert sum(stop - start for start, stop in copied) == 24


def test_several_pieces_each_of_several_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the kernel nor a read gives all that is asked for; nothing is left out."""
    values = np.arange(5000, dtype="<f4")
    raw = values.tobytes()
    blob = dims(5000) + sized(5, raw[:4000]) + sized(5, raw[4000:])
    data = layer_v2(b"a", None, blob, packed(values[:7]))
    expected = by_the_library(tmp_path, data)
    if hasattr(os, "copy_file_range"):
        real = os.copy_file_range

        def short(source: int, target: int, count: int, start: int) -> int:
            return real(source, target, min(count, 1000), start)

        monkeypatch.setattr(os, "copy_file_range", short)
        assert converted(tmp_path, data) == expected
        monkeypatch.delattr(os, "copy_file_range")
    assert converted(tmp_path, data) == expected
    written = os.write
    monkeypatch.setattr(os, "write", lambda fd, view: written(fd, view[:999]))
    assert converted(tmp_path, data) == expected


def test_what_has_no_place_of_its_own_is_written_by_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copied: Copied
) -> None:
    data, _, _, _ = CASES["several fields"]
    expected = by_the_library(tmp_path, data)
    monkeypatch.setattr(write, "_place", lambda _dataset: None)
    assert converted(tmp_path, data) == expected
    assert copied == []


def test_from_memory_from_a_pipe_and_into_one(tmp_path: Path) -> None:
    data, _, _, _ = CASES["many"]
    expected = by_the_library(tmp_path, data)
    for source in (data, io.BytesIO(data)):
        with ds.open_model(source) as model:
            ds.convert(model, tmp_path / "out", to="hdf5", force=True)
        assert (tmp_path / "out").read_bytes() == expected
    done = tool("convert", tmp_path, "--to", "hdf5", "-", "-", stdin=data)
    assert (done.returncode, done.stdout) == (0, expected)


def test_a_large_hole_is_zeros_in_the_file(tmp_path: Path) -> None:
    """And the file ends where the library has it end."""
    hole = 40 << 20
    shape, size = dims(hole // 4 + 1), hole + 4
    values = tag(5, LEN) + varint(size)
    blob = tag(7, LEN) + varint(len(values) + size + len(shape))
    before = sized(1, b"a") + blob + values
    with (tmp_path / "in").open("wb") as file:
        file.write(tag(100, LEN) + varint(len(before) + size + len(shape)) + before)
        file.seek(hole, os.SEEK_CUR)
        file.write(np.ones(1, "<f4").tobytes() + shape)
        file.write(layer_v2(b"b", None, packed(VALUES)))
    ds.convert(tmp_path / "in", tmp_path / "out", to="hdf5")
    arrays = found(tmp_path / "out")
    assert arrays["b/0"].tobytes() == VALUES.tobytes()
    assert np.flatnonzero(arrays["a/0"]).tolist() == [hole // 4]


def test_what_is_copied_is_told(tmp_path: Path) -> None:
    data, _, _, count = CASES["many"]
    (tmp_path / "in").write_bytes(data)
    told: list[tuple[int, int]] = []
    ds.convert(
        tmp_path / "in", tmp_path / "out", to="hdf5", progress=lambda *each: told.append(each)
    )
    assert [done for done, _ in told] == list(range(24, count + 1, 24))
    assert {total for _, total in told} == {len(data)}


@pytest.mark.skipif(sys.platform != "linux", reason="asked of Linux alone")
@pytest.mark.parametrize("case", ["many", "doubles that do not"])
def test_all_of_the_file_is_flushed_early_in_its_order(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for what is left at the end: pieces that are not whole, values that are not copied."""
    monkeypatch.setattr(EarlyFlush, "first", 1)
    monkeypatch.setattr(EarlyFlush, "every", 8)
    asked: list[tuple[int, int]] = []

    def posix_fadvise(fd: int, start: int, size: int, _advice: int) -> None:
        asked.append((start, start + size))
        assert size == len(os.pread(fd, size, start)), "nothing is there yet"

    monkeypatch.setattr(os, "posix_fadvise", posix_fadvise)
    data, options, _, count = CASES[case]
    out = converted(tmp_path, data, **options)
    assert [start for start, _ in asked] == [0, *(stop for _, stop in asked[:-1])]
    assert asked[-1][1] == count - count % 8 <= len(out)


# --- what fails meanwhile


def interrupted(*_: object) -> int:
    raise KeyboardInterrupt


@pytest.mark.parametrize("by_kernel", [True, False])
@pytest.mark.parametrize("nth", [1, 2, 40])
def test_no_space_for_the_nth_value(
    nth: int, by_kernel: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not by_kernel:
        monkeypatch.delattr(os, "copy_file_range", raising=False)
    name = "copy_file_range" if hasattr(os, "copy_file_range") else "write"
    real, calls = getattr(os, name), [0]

    def failing(*arguments: Any) -> int:
        calls[0] += 1
        if calls[0] == nth:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done: int = real(*arguments)
        return done

    (tmp_path / "in").write_bytes(CASES["many"][0])
    (tmp_path / "out").write_bytes(b"old")
    monkeypatch.setattr(os, name, failing)
    with pytest.raises(ds.FileError) as raised:
        ds.convert(tmp_path / "in", tmp_path / "out", to="hdf5", force=True)
    assert (raised.value.path, raised.value.errno) == (str(tmp_path / "out"), errno.ENOSPC)
    assert (tmp_path / "out").read_bytes() == b"old"
    assert sorted(os.listdir(tmp_path)) == ["in", "out"]


def test_an_interruption_goes_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").write_bytes(CASES["many"][0])
    monkeypatch.setattr(FileSink, "copy", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ds.convert(tmp_path / "in", tmp_path / "out", to="hdf5")
    assert os.listdir(tmp_path) == ["in"]


@pytest.mark.parametrize("change", ["append", "cut short"])
def test_an_input_that_changes_meanwhile_is_an_error(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = CASES["many"][0]
    (tmp_path / "in").write_bytes(data)
    real = FileSink.copy

    def copy(self: FileSink, source: Source, start: int, stop: int) -> None:
        os.truncate(tmp_path / "in", len(data) + 1 if change == "append" else 100)
        real(self, source, start, stop)

    monkeypatch.setattr(FileSink, "copy", copy)
    expected = ds.FileError if change == "append" else ds.ModelError
    with pytest.raises(expected) as raised:
        ds.convert(tmp_path / "in", tmp_path / "out", to="hdf5")
    assert raised.value.path == str(tmp_path / "in")
    assert os.listdir(tmp_path) == ["in"]
