"""Only what is asked for is read: counted in files, in an object, in a process of its own."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deconvsurgery as ds
from helpers.models import demo_base, model_bytes
from helpers.runs import environment
from helpers.store.padded import padding
from helpers.wire import FIXED32, LEN, dims, layer_v2, sized, tag, values_range, varint

MIB = 1 << 20
LAYERS = 12


class Counted(io.BytesIO):
    """A file that notes what is read of it."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.ranges: list[tuple[int, int]] = []

    def read(self, size: int | None = -1, /) -> bytes:
        start = self.tell()
        data = super().read(size)
        self.ranges.append((start, start + len(data)))
        return data

    def take(self) -> int:
        """How many bytes were read since the last time."""
        count = sum(stop - start for start, stop in self.ranges)
        self.ranges.clear()
        return count


def large() -> bytes:
    """Layers of a megabyte each, and the demo's among them."""
    padded = [padding(b"pad%d" % at, MIB, at) for at in range(LAYERS)]
    return b"".join(padded[:5]) + demo_base() + b"".join(padded[5:])


def test_a_file_is_read_where_the_values_lie() -> None:
    file = Counted(large())
    model = ds.open_model(file)
    assert file.take() < 8192 * (len(model) + 1)
    assert len(model) == 10 + LAYERS
    # What it says of itself is known.
    said = [
        (repr(blob), blob.shape, blob.dtype, blob.size)
        for layer in model.values()
        for blob in layer
    ]
    assert len(said) == 8 + LAYERS
    assert "pad3" in model
    assert (repr(model), model.get("nothing"), file.take()) == (repr(model), None, 0)

    for name in ("pad7", "conv1", "refine"):
        array = model[name][0].array()
        assert file.ranges == [values_range(large(), name)]
        assert file.take() == array.nbytes
    model["conv1"][1].array()
    assert file.take() == 32
    ds.load(file)
    values = LAYERS * MIB + sum(
        blob.size * 4 for name in model for blob in model[name] if "pad" not in name
    )
    assert values < file.take() < values + 8192 * (len(model) + 1)


def test_values_one_by_one_are_read_with_their_tags_alone() -> None:
    run = (tag(5, FIXED32) + np.float32(0.5).tobytes()) * 100_000
    blob = dims(100_000) + run
    file = Counted(padding(b"before", MIB) + layer_v2(b"a", b"", blob) + padding(b"after", MIB))
    model = ds.open_model(file)
    file.take()
    assert (model["a"][0].array() == 0.5).all()
    assert file.take() == 500_000


@pytest.mark.parametrize(
    "kept", [{}, {"chunks": (64, 1024)}, {"chunks": (64, 1024), "compression": "gzip"}]
)
def test_an_hdf5_file_is_read_where_the_values_lie(kept: dict[str, Any]) -> None:
    h5py = pytest.importorskip("h5py")
    raw = io.BytesIO()
    random = np.random.default_rng(5)
    with h5py.File(raw, "w") as file:
        for at in range(LAYERS):
            values = random.integers(0, 9, (256, 1024)).astype("f4")
            file.create_dataset(f"data/layer{at}/0", data=values, **kept)
        stored = file["data/layer3/0"].id.get_storage_size()
    counted = Counted(raw.getvalue())
    model = ds.open_model(counted)
    assert counted.take() < 200_000
    array = model["layer3"][0].array()
    assert array.nbytes == MIB
    assert stored <= counted.take() < stored + 50_000
    with h5py.File(raw, "r") as file:
        assert np.array_equal(array, file["data/layer3/0"][()])


def test_an_object_is_asked_for_the_values_alone(s3: Any) -> None:
    data = large()
    s3.put("in", data)
    with ds.open_model(s3.url("in")) as model:
        opened = s3.requests()
        # Names lie a megabyte apart: a request each, of 16 kB or so.
        assert len(opened) <= LAYERS + 3
        assert sum(each.sent for each in opened) < 64 * 1024 * (LAYERS + 1)
        s3.reset()
        assert repr(model["pad3"][0]) == "<ModelBlob pad3[0] float32 (262144,)>"
        assert s3.requests() == []
        array = model["pad3"][0].array()
        (asked,) = s3.requests()
        start, stop = values_range(data, "pad3")
        assert (asked.operation, asked.range) == ("GetObject", f"bytes={start}-{stop - 1}")
        assert array.tobytes() == data[start:stop]
        s3.reset()
        bias = model["conv1"][1].array()
        assert bias.shape == (8,)
        assert sum(each.sent for each in s3.requests()) <= 64 * 1024


def test_large_values_of_an_object_are_asked_for_in_few_requests(s3: Any) -> None:
    data = padding(b"large", 20 * MIB) + padding(b"after", MIB)
    s3.put("in", data)
    with ds.open_model(s3.url("in")) as model:
        s3.reset()
        array = model["large"][0].array()
        assert array.tobytes() == data[slice(*values_range(data, "large"))]
        requests = s3.requests()
        assert len(requests) == 3
        assert sum(each.sent for each in requests) <= array.nbytes


# --- a large model in a process of its own

_PROGRAM = """
import json, sys
import numpy
import deconvsurgery as ds
from deconvsurgery.caffemodel import index

def read():
    lines = open("/proc/self/io").read().splitlines()
    return int(dict(line.split(": ") for line in lines)["rchar"])

def peak():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

ds.load({warm!r})
before, memory = read(), peak()
with ds.open_model({path!r}) as model:
    opened = read() - before
    array = model[{name!r}][0].array()
print(json.dumps([opened, read() - before - opened, 1024 * (peak() - memory), array.nbytes]))
"""


def header(number: int, size: int) -> bytes:
    return tag(number, LEN) + varint(size)


def sparse_model(path: Path) -> int:
    """A model of 538 MB, as FCN-8s has: holes around a layer of a megabyte; its size."""
    with path.open("wb") as file:
        for name, size in (("fc6", 411 * MIB), ("small", 0), ("fc7", 64 * MIB), ("rest", 38 * MIB)):
            if not size:
                file.write(model_bytes({"small": [np.arange(MIB // 4, dtype="f4")]}))
                continue
            shape = sized(7, sized(1, varint(size // 4)))
            data = header(5, size)
            blob = header(7, len(data) + size + len(shape))
            head = sized(1, name.encode()) + blob
            file.write(header(100, len(head) + len(data) + size + len(shape)) + head + data)
            file.seek(size, os.SEEK_CUR)
            file.write(shape)
    return path.stat().st_size


@pytest.mark.parametrize(("name", "size"), [("small", MIB), ("fc7", 64 * MIB)])
def test_a_blob_of_a_model_of_538_mb(tmp_path: Path, name: str, size: int) -> None:
    if not Path("/proc/self/io").exists():
        pytest.skip("what is read is counted in /proc")
    assert sparse_model(tmp_path / "in") > 538_000_000
    if (tmp_path / "in").stat().st_blocks * 512 > 16 * MIB:
        pytest.skip("this file system has no holes")
    (tmp_path / "warm").write_bytes(demo_base())
    program = _PROGRAM.format(warm=str(tmp_path / "warm"), path=str(tmp_path / "in"), name=name)
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=True,
        timeout=120,
        env=environment(),
    )
    opened, read, memory, array = json.loads(done.stdout)
    assert array == size
    assert opened < 100_000
    assert size <= read < size + 4096
    assert memory < size + 4 * MIB
