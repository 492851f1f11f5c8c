"""Models of 5 and 20 GiB, nearly all of them holes: every verb works, in little memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deconvsurgery.storage.source import open_source
from helpers.models import NetParameter

GIB = 1 << 30
NET = (
    'input: "d" input_shape { dim: 1 dim: 3 dim: 9 dim: 9 }\n'
    'layer { name: "up" type: "Deconvolution" bottom: "d" top: "u" param { lr_mult: 0 }\n'
    "  convolution_param { num_output: 3 group: 3 kernel_size: 4 stride: 2 pad: 1"
    " bias_term: false } }\n"
)
# Runs a command, then tells its exit code and the most memory it has had, in kB.
MEASURED = """
import sys
from deconvsurgery.cli import run
code = run(sys.argv[1:])
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print("\\n", code, peak.split()[1])
"""


def varint(number: int) -> bytes:
    parts = []
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def header(number: int, size: int) -> bytes:
    """The head of a field that holds ``size`` bytes."""
    return varint(number << 3 | 2) + varint(size)


def big_model(path: Path, gibs: int) -> None:
    """Layers with weights of up to 4 GiB, in holes, and behind them an ``up`` of zeros."""
    with path.open("wb") as file:
        for number, left in enumerate(range(gibs, 0, -4)):
            size = min(left, 4) * GIB
            dim = b"\x0a" + varint(len(varint(size // 4))) + varint(size // 4)
            shape = header(7, len(dim)) + dim
            data = header(5, size)
            blob = header(7, len(data) + size + len(shape))
            name = f"conv{number}".encode()
            head = header(1, len(name)) + name + blob
            file.write(header(100, len(head) + len(data) + size + len(shape)) + head + data)
            file.seek(size, os.SEEK_CUR)
            file.write(shape)
        small = NetParameter()
        blob = small.layer.add(name="up", type="Deconvolution").blobs.add(data=[0.0] * 48)
        blob.shape.dim.extend((3, 1, 4, 4))
        file.write(small.SerializeToString())


@pytest.fixture(params=[5, 20], ids=lambda gibs: f"{gibs} GiB")
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    if not Path("/proc/self/status").exists():
        pytest.skip("peak memory is read in /proc")
    try:
        big_model(tmp_path / "in", request.param)
    except OSError as error:
        pytest.skip(f"no such file here: {error.strerror}")
    if (tmp_path / "in").stat().st_blocks * 512 > GIB:
        pytest.skip("this file system has no holes")
    (tmp_path / "net").write_text(NET)
    yield tmp_path
    for each in tmp_path.iterdir():
        each.unlink()


def run(place: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit code and document of a command that took less than 100 MB."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, arguments[0], "--json", *arguments[1:]],
        cwd=place,
        capture_output=True,
        check=True,
        text=True,
    )
    document, _, told = done.stdout.rstrip().rpartition("\n")
    code, peak = map(int, told.split())
    assert int(peak) < 100_000
    return code, json.loads(document)


def held(path: Path) -> list[tuple[int, bytes]]:
    """Everything in the file that is no hole."""
    with open_source(path) as source:
        stretches = list(source.filled(0, source.size))
        return [(start, source.read(start, stop - start)) for start, stop in stretches]


def test_every_verb_works_on_it(place: Path) -> None:
    size = (place / "in").stat().st_size
    code, document = run(place, "inspect", "net", "in")
    (layer,) = document["layers"]
    assert (code, document["model_size"], layer["weights"]) == (0, size, "zero")
    assert f"it has {size:,} bytes; Caffe reads a binary file up to 2 GiB" in document["notes"]

    code, document = run(place, "check", "net", "in", "--select", "DS002,DS014")
    assert (code, document["summary"]["rules"]) == (1, {"DS002": 1, "DS014": 1})

    code, document = run(place, "apply", "net", "in", "out")
    assert code == 0
    assert document["bytes"] == {"input": size, "output": size, "rewritten": 192}
    assert any("Caffe itself reads up to 2 GiB" in words for words in document["warnings"])
    assert (place / "out").stat().st_blocks * 512 < 64 << 20  # its holes are holes

    before, after = held(place / "in"), held(place / "out")
    assert [(start, len(data)) for start, data in before] == [
        (start, len(data)) for start, data in after
    ]
    flat, other = (b"".join(data for _, data in each) for each in (before, after))
    differing = [at for at in range(len(flat)) if flat[at] != other[at]]
    assert 0 < len(differing) <= 192
    assert differing[-1] - differing[0] < 192

    code, document = run(place, "diff", "in", "out", "--only-changed")
    assert code == 1
    ((changed),) = document["layers"]
    assert (changed["name"], changed["values_changed"]) == ("up", 48)
    assert run(place, "diff", "in", "in")[1]["identical"]

    code, document = run(place, "apply", "-i", "net", "out")
    assert (code, document["changed"]) == (0, False)


def test_a_difference_in_the_middle_of_a_hole_is_found(place: Path) -> None:
    run(place, "apply", "net", "in", "out")
    with (place / "out").open("r+b") as file:
        file.seek(3 * GIB)
        file.write(b"\x01")
    code, document = run(place, "diff", "in", "out", "-p", "conv0")
    assert code == 1
    assert document["layers"][0]["values_changed"] == 1
