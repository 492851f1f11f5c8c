"""``check --fix`` where net or model is an object in a store, or on the web."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deconvsurgery as ds
from helpers.documents import parsed_json
from helpers.models import model_bytes
from helpers.runs import run_here

UP = """input: "d" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }
layer { name: "up" type: "Deconvolution" bottom: "d" top: "up" param { lr_mult: 0 }
  convolution_param { num_output: 3 bias_term: false kernel_size: 4 stride: 2 %s
    weight_filler { type: "bilinear" } } }
"""


@pytest.fixture
def place(tmp_path: Path, s3: Any) -> Path:
    """A pair of which both files have to change, and one of which the model has, as objects too."""
    both = np.zeros((3, 3, 4, 4), "<f4")
    both[range(3), range(3)] = ds.bilinear_kernel(4)
    files = {
        "both.prototxt": (UP % "").encode(),
        "both.caffemodel": model_bytes({"up": [both]}),
        "one.prototxt": (UP % "group: 3 pad: 1").encode(),
        "one.caffemodel": model_bytes({"up": [both[:, :1] * 0]}),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        s3.put(name, tmp_path / name)
    return tmp_path


def fix(place: Path, *arguments: str, code: int = 0) -> Any:
    found, out, errors = run_here(place, "check", "--json", *arguments)
    assert found == code, (out, errors)
    return parsed_json(out)


def test_an_object_that_changes_alone(place: Path, s3: Any) -> None:
    (checked,) = fix(place, "--fix", "one.prototxt", s3.url("one.caffemodel"))["pairs"]
    assert checked["fix"]["model"] == s3.url("one.caffemodel")
    fix(place, "--fix", "one.prototxt", "one.caffemodel")
    assert s3.get("one.caffemodel") == (place / "one.caffemodel").read_bytes()


@pytest.mark.parametrize("net_too", [False, True])
def test_two_that_change_are_not_replaced(net_too: bool, place: Path, s3: Any) -> None:
    before = s3.get("both.caffemodel")
    net = s3.url("both.prototxt") if net_too else "both.prototxt"
    text = (place / "both.prototxt").read_bytes()
    document = fix(place, "--fix", net, s3.url("both.caffemodel"), code=2)
    assert document["error"]["kind"] == "OutputError"
    assert "--fix-into" in document["error"]["hint"]
    assert s3.get("both.caffemodel") == before
    assert (place / "both.prototxt").read_bytes() == text == s3.get("both.prototxt")


@pytest.mark.parametrize("into", ["here", "store"])
def test_copies_of_objects(into: str, place: Path, s3: Any) -> None:
    net, model = (s3.url(f"both.{kind}") for kind in ("prototxt", "caffemodel"))
    folder = s3.url("new") if into == "store" else "new"
    fix(place, "--fix-into", folder, net, model)
    fix(place, "--fix", "both.prototxt", "both.caffemodel")
    for kind in ("prototxt", "caffemodel"):
        name = f"both.{kind}"
        made = s3.get(f"new/{name}") if into == "store" else (place / "new" / name).read_bytes()
        assert made == (place / name).read_bytes()


def test_copies_that_are_objects_already(place: Path, s3: Any) -> None:
    """A store replaces one object at a time: not even by force are two of a pair replaced."""
    for kind in ("prototxt", "caffemodel"):
        s3.put(f"new/both.{kind}", place / f"both.{kind}")
    before = {kind: s3.get(f"new/both.{kind}") for kind in ("prototxt", "caffemodel")}
    given = ("--force", "--fix-into", s3.url("new"), "both.prototxt", "both.caffemodel")
    document = fix(place, *given, code=2)
    assert document["error"]["kind"] == "OutputError"
    assert {kind: s3.get(f"new/both.{kind}") for kind in before} == before


@pytest.mark.parametrize("model_here", [False, True])
def test_a_pair_of_an_object_and_a_file(model_here: bool, place: Path, s3: Any) -> None:
    """Which of two new ones is the same file as the other is asked of either kind."""
    net, model = s3.url("new.prototxt"), s3.url("new.caffemodel")
    net, model = (net, "new.caffemodel") if model_here else ("new.prototxt", model)
    done = run_here(place, "regroup", "both.prototxt", "both.caffemodel", net, model)
    assert done[0] == 0, done
    text = s3.get("new.prototxt") if model_here else (place / "new.prototxt").read_bytes()
    data = (place / "new.caffemodel").read_bytes() if model_here else s3.get("new.caffemodel")
    here = ("here.prototxt", "here.caffemodel")
    assert run_here(place, "regroup", "both.prototxt", "both.caffemodel", *here)[0] == 0
    assert [text, data] == [(place / name).read_bytes() for name in here]
