"""Models of 5 and 20 GiB, nearly all of them holes: every verb works, in little memory."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.holes import filled
from helpers.models import model_bytes
from helpers.runs import measured
from helpers.wire import LEN, sized, tag, varint
from helpers.words import Words, numbers

GIB = 1 << 30
NET = (
    'input: "d" input_shape { dim: 1 dim: 3 dim: 9 dim: 9 }\n'
    'layer { name: "up" type: "Deconvolution" bottom: "d" top: "u" param { lr_mult: 0 }\n'
    "  convolution_param { num_output: 3 group: 3 kernel_size: 4 stride: 2 pad: 1"
    " bias_term: false } }\n"
)


def header(number: int, size: int) -> bytes:
    """The head of a field that holds ``size`` bytes."""
    return tag(number, LEN) + varint(size)


def big_model(path: Path, gibs: int) -> None:
    """Layers with weights of up to 4 GiB, in holes, and behind them an ``up`` of zeros."""
    with path.open("wb") as file:
        for number, left in enumerate(range(gibs, 0, -4)):
            size = min(left, 4) * GIB
            shape = sized(7, sized(1, varint(size // 4)))
            data = header(5, size)
            blob = header(7, len(data) + size + len(shape))
            head = sized(1, f"conv{number}".encode()) + blob
            file.write(header(100, len(head) + len(data) + size + len(shape)) + head + data)
            file.seek(size, os.SEEK_CUR)
            file.write(shape)
        file.write(model_bytes({"up": [np.zeros((3, 1, 4, 4))]}, kind="Deconvolution"))


@pytest.fixture(
    params=[5, pytest.param(20, marks=pytest.mark.campaign)], ids=lambda gibs: f"{gibs} GiB"
)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
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


def run(place: Path, verb: str, *arguments: str, code: int = 0) -> Any:
    """The document of a command that took less than 100 MB."""
    peak, printed = measured(place, verb, "--json", *arguments, code=code)
    assert peak < 100_000
    return json.loads(printed)


@pytest.mark.campaign
def test_every_verb_works_on_it(place: Path, words: Words) -> None:
    size = (place / "in").stat().st_size
    document = run(place, "inspect", "net", "in")
    (layer,) = document["layers"]
    assert (document["model_size"], layer["weights"]) == (size, "zero")
    (large,) = (each["message"] for each in document["net_findings"] if each["id"] == "DS014")
    assert numbers(large) == [size, 2]
    words(large, "inspect")

    document = run(place, "check", "net", "in", "--select", "DS002,DS014", code=1)
    assert document["summary"]["rules"] == {"DS002": 1, "DS014": 1}

    document = run(place, "apply", "net", "in", "out")
    assert document["bytes"] == {"input": size, "output": size, "rewritten": 192}
    assert [size, 2] in [numbers(each) for each in document["warnings"]]
    words([each for each in document["warnings"] if size in numbers(each)], "apply")
    assert (place / "out").stat().st_blocks * 512 < 64 << 20  # its holes are holes

    before, after = filled(place / "in"), filled(place / "out")
    assert [(start, len(data)) for start, data in before] == [
        (start, len(data)) for start, data in after
    ]
    flat, other = (b"".join(data for _, data in each) for each in (before, after))
    differing = [at for at in range(len(flat)) if flat[at] != other[at]]
    assert 0 < len(differing) <= 192
    assert differing[-1] - differing[0] < 192

    document = run(place, "diff", "in", "out", "--only-changed", code=1)
    (changed,) = document["layers"]
    assert (changed["name"], changed["values_changed"]) == ("up", 48)
    assert run(place, "diff", "in", "in")["identical"] is True

    assert run(place, "apply", "-i", "net", "out")["changed"] is False


def test_a_difference_in_the_middle_of_a_hole_is_found(place: Path) -> None:
    run(place, "apply", "net", "in", "out")
    with (place / "out").open("r+b") as file:
        file.seek(3 * GIB)
        file.write(b"\x01")
    document = run(place, "diff", "in", "out", "-p", "conv0", code=1)
    assert [each["values_changed"] for each in document["layers"]] == [1]
