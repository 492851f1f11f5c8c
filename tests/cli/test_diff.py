"""``diff`` as a command: its table, its document, its exit codes."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest
from google.protobuf import text_format
from rich.console import Console

import deconvsurgery as ds
from deconvsurgery.cli import run as main
from deconvsurgery.report.terminal.diff import diff_report
from helpers.models import NetParameter
from helpers.runs import tool

SAME = """
layer { name: "conv1" type: "Convolution"
  blobs { shape { dim: 2 dim: 1 dim: 1 dim: 1 } data: [0.5, 2] }
  blobs { shape { dim: 2 } data: [1, 2] } }
layer { name: "relu1" type: "ReLU" }
"""
A = f"""
name: "net" {SAME}
layer {{ name: "fc6" type: "InnerProduct"
  blobs {{ shape {{ dim: 2 dim: 3 }} data: [1, 2, 3, 4, 5, 6] }}
  blobs {{ shape {{ dim: 2 }} data: [1, 1] }} }}
layer {{ name: "[bold]up" type: "Deconvolution"
  blobs {{ shape {{ dim: 1 dim: 1 dim: 2 dim: 2 }} data: [0, 0, 0, 0] }} }}
layer {{ name: "score" type: "Convolution" blobs {{ shape {{ dim: 1 }} data: 7 }} }}
layer {{ name: "gone" type: "Scale" blobs {{ shape {{ dim: 3 }} data: [1, 2, 3] }} }}
"""
B = f"""
name: "net" {SAME}
layer {{ name: "fc6" type: "Convolution"
  blobs {{ shape {{ dim: 2 dim: 3 dim: 1 dim: 1 }} data: [1, 2, 3, 4, 5, 6] }}
  blobs {{ shape {{ dim: 2 }} data: [1, 1] }} }}
layer {{ name: "[bold]up" type: "Deconvolution"
  blobs {{ shape {{ dim: 1 dim: 1 dim: 2 dim: 2 }} data: [0, 0.25, nan, 0] }} }}
layer {{ name: "score59" type: "Convolution" blobs {{ shape {{ dim: 1 }} data: 7 }} }}
layer {{ name: "come" type: "Scale" blobs {{ shape {{ dim: 3 }} data: [3, 2, 1] }} }}
"""


def saved(text: str) -> bytes:
    return bytes(text_format.Parse(text, NetParameter()).SerializeToString())


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "a").write_bytes(saved(A))
    (tmp_path / "b").write_bytes(saved(B))
    (tmp_path / "copy").write_bytes(saved(A))
    (tmp_path / "net.prototxt").write_text('layer { name: "x" type: "ReLU" bottom: "y" top: "x" }')
    ds.convert(tmp_path / "a", tmp_path / "a.h5")
    return tmp_path


Run = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def run() -> Run:
    return partial(tool, "diff")


# --- the table


def rows(done: subprocess.CompletedProcess[bytes]) -> list[list[str]]:
    """The lines of the table, split where columns stand apart."""
    lines = done.stdout.decode().splitlines()
    table = lines[: next(at for at, line in enumerate(lines) if line.startswith("A: "))]
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in table]


TABLE = [
    ["layer", "type", "blob", "shape", "max |Δ|", "values changed", "state"],
    ["conv1", "Convolution", "-", "(2, 1, 1, 1), (2)", "0", "0/4", "same"],
    [
        *("fc6", "InnerProduct → Convolution", "0", "(2, 3) → (2, 3, 1, 1)", "0", "0/6"),
        "shape differs",
    ],
    ["[bold]up", "Deconvolution", "0", "(1, 1, 2, 2)", "NaN", "2/4", "changed"],
    ["score → score59", "Convolution", "-", "(1)", "0", "0/1", "renamed"],
    ["come", "Scale", "-", "(3)", "-", "-", "only in B"],
    ["gone", "Scale", "-", "(3)", "-", "-", "only in A"],
]


def test_the_table_in_a_pipe(place: Path, run: Run) -> None:
    done = run(place, "a", "b")
    assert (done.returncode, done.stderr) == (1, b"")
    assert rows(done) == TABLE
    lines = done.stdout.decode().splitlines()[len(TABLE) :]
    sizes = [(place / name).stat().st_size for name in "ab"]
    assert lines == [
        f"A: a: binary V2, {sizes[0]} bytes",
        f"B: b: binary V2, {sizes[1]} bytes",
        "note: fc6: the values of its blob 0 are the same, in their order",
        "note: fc6: is of type InnerProduct in A, Convolution in B; Caffe does not look at "
        "the type",
        "The weights differ: of 6 layers with weights, 1 changed, 1 shape differs, 1 renamed, "
        "1 only in A, 1 only in B, 1 same.",
    ]
    assert not set("─│┌┐└┘━┃…\x1b") & set(done.stdout.decode())
    narrow = run(place, "a", "b", env={"COLUMNS": "20"})
    assert narrow.stdout.decode() == done.stdout.decode()


def test_only_what_changed(place: Path, run: Run) -> None:
    done = run(place, "--only-changed", "a", "b")
    assert rows(done) == [TABLE[0], *TABLE[2:]]
    assert "1 same." in done.stdout.decode()
    done = run(place, "--only-changed", "a", "a.h5")
    assert done.returncode == 0
    assert rows(done) == []


def test_what_one_form_does_not_tell_the_other_does(place: Path, run: Run) -> None:
    """No type in HDF5; legacy dims are shown as the shape that they are the same as."""
    (place / "old").write_bytes(
        saved(
            'layers { name: "conv1" type: CONVOLUTION blobs { num: 2 channels: 1 height: 1 '
            "width: 1 data: [0.5, 2] } "
            "blobs { num: 1 channels: 1 height: 1 width: 2 data: [1, 3] } }"
        )
    )
    for pair in (("old", "a"), ("a", "old"), ("old", "a.h5"), ("a.h5", "old")):
        done = run(place, "-p", "conv1", *pair)
        assert rows(done)[1:] == [["conv1", "Convolution", "1", "(2)", "1", "1/2", "changed"]]
    (place / "h5").write_bytes((place / "a.h5").read_bytes())
    assert rows(run(place, "-p", "conv1", "h5", "a.h5"))[1][1] == "-"


def page(result: ds.DiffResult, width: int) -> list[str]:
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=True, color_system=None)
    console.print(diff_report(result, only_changed=False, width=width, terminal=True))
    return stream.getvalue().splitlines()


@pytest.mark.parametrize("width", [30, 60, 80, 120])
def test_the_table_on_a_terminal(place: Path, width: int) -> None:
    lines = page(ds.diff(place / "a", place / "b"), width)
    assert all(len(line) <= width for line in lines)
    words = " ".join(" ".join(lines).split())
    for said in ("[bold]up", "(2, 3) →", "shape differs", "renamed", "only in B", "NaN", "2/4"):
        assert said in words, said
    if width >= 80:
        assert "The weights differ: of 6 layers with weights, 1 changed" in words


def test_what_many_layers_have_is_said_once(place: Path, run: Run) -> None:
    for name, field in (("one", "data"), ("two", "double_data")):
        layers = (f'layer {{ name: "l{at}" blobs {{ {field}: 1 }} }}' for at in range(8))
        (place / name).write_bytes(saved("".join(layers)))
    done = run(place, "one", "two")
    notes = [line for line in done.stdout.decode().splitlines() if line.startswith("note")]
    assert notes == [
        "note: each of 8 layers ('l0', 'l1', 'l2', 'l3', 'l4', … +3) keeps its values in data "
        "in A, in double_data in B"
    ]


def test_an_ascii_terminal_is_served(place: Path, run: Run) -> None:
    env = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    done = run(place, "a", "b", env=env)
    assert done.returncode == 1
    assert done.stdout.isascii()
    assert b"(2, 3) > (2, 3, 1, 1)" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a", "copy"], "The files are identical, byte for byte: 5 layers with weights, "),
        (["a", "a"], "The files are identical, byte for byte"),
        (["a", "a.h5"], "The weights are the same in all 5 layers that have them."),
        (["-p", "conv", "a", "b"], "The weights are the same in the one layer that has them."),
        (["-p", "relu", "a", "b"], "Nothing to compare: no layer has weights."),
        (["--atol", "0.001", "a", "a.h5"], "in all 5 layers that have them, to within 0.001."),
    ],
)
def test_what_is_the_same_is_said(place: Path, arguments: list[str], words: str, run: Run) -> None:
    done = run(place, *arguments)
    assert (done.returncode, done.stderr) == (0, b"")
    assert words in done.stdout.decode().splitlines()[-1]


def test_a_layer_that_moved(place: Path, run: Run) -> None:
    layers = [f'layer {{ name: "{name}" blobs {{ data: 1 }} }}' for name in "xyz"]
    (place / "one").write_bytes(saved("".join(layers)))
    (place / "two").write_bytes(saved("".join([layers[2], *layers[:2]])))
    done = run(place, "one", "two")
    assert done.returncode == 0
    assert [row[-1] for row in rows(done)[1:]] == ["same", "same", "same, moved"]
    lines = done.stdout.decode().splitlines()
    assert "note: z: moved: behind 'y' in A, the first in B" in lines
    assert lines[-1] == "The weights are the same in all 3 layers that have them; 1 layer moved."


# --- exit codes, streams


def test_quiet_says_nothing(place: Path, run: Run) -> None:
    for arguments, code in ((["a", "b"], 1), (["a", "copy"], 0), (["a", "a.h5"], 0)):
        for option in ("-q", "--quiet"):
            done = run(place, option, *arguments)
            assert (done.returncode, done.stdout, done.stderr) == (code, b"", b"")


def test_standard_input(place: Path, run: Run) -> None:
    done = run(place, "-", "copy", stdin=saved(A))
    assert done.returncode == 0
    assert "A: standard input: binary V2" in done.stdout.decode()
    assert run(place, "copy", "-", stdin=saved(B)).returncode == 1
    assert run(place, "a.h5", "-", stdin=(place / "a.h5").read_bytes()).returncode == 0


WRONG: Sequence[tuple[str, list[str], int, str]] = (
    ("nothing", [], 2, "'A'"),
    ("one file", ["a"], 2, "'B'"),
    ("three files", ["a", "b", "a"], 2, "unexpected"),
    ("both on standard input", ["-", "-"], 2, "only one of A and B"),
    ("a tolerance below 0", ["--atol", "-1", "a", "b"], 2, "-1"),
    ("a tolerance that is none", ["--atol", "nan", "a", "b"], 2, "nan"),
    ("a tolerance in words", ["--atol", "small", "a", "b"], 2, "small"),
    ("no regex", ["-p", "re:(", "a", "b"], 2, "regular expression"),
    ("no such layer", ["-p", "cnv1", "a", "b"], 3, "did you mean -p 'conv1'"),
    ("every layer out", ["-x", "*", "a", "b"], 3, "--exclude"),
    ("no such A", ["nothing", "b"], 4, "nothing: there is no such file"),
    ("no such B", ["a", "nothing"], 4, "nothing: there is no such file"),
    ("a folder", ["a", "."], 4, "directory"),
    ("a net", ["a", "net.prototxt"], 3, "is the .caffemodel meant"),
    ("a truncated one", ["a", "cut"], 3, "cut: byte"),
    ("an empty one", ["empty", "a"], 3, "is empty"),
    ("a solver state's HDF5", ["a", "other.h5"], 3, "solver state"),
)


@pytest.mark.parametrize(
    ("arguments", "code", "words"), [each[1:] for each in WRONG], ids=[each[0] for each in WRONG]
)
def test_what_is_wrong_is_said(
    place: Path,
    arguments: list[str],
    code: int,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    (place / "cut").write_bytes(saved(A)[:-3])
    (place / "empty").write_bytes(b"")
    with h5py.File(place / "other.h5", "w") as file:
        file["history/0"] = np.ones(1)
    monkeypatch.chdir(place)
    assert main(["diff", *arguments]) == code
    out, errors = capfdbinary.readouterr()
    assert out == b""
    assert errors.startswith(b"error: ")
    assert words in errors.decode()
    assert main(["diff", "--json", *arguments]) == code
    document = json.loads(capfdbinary.readouterr().out)
    assert document["command"] == "diff"
    assert document["error"]["message"]


@pytest.mark.parametrize("arguments", ["a b", "a copy", "--json a b", "-q a b"])
def test_whoever_reads_may_go(place: Path, arguments: str) -> None:
    """It ends with 141 where there was something to print, never with 1 or 0."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "deconvsurgery", "diff", *arguments.split()],
        cwd=place,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1 if "-q" in arguments else 141, b"")


# --- the document

TOP = {"schema_version", "command", "a", "b", "same", "identical", "atol", "layers", "counts"}
TOP |= {"moved", "renamed", "versions", "bytes", "notes"}


def test_the_document(place: Path, run: Run) -> None:
    done = run(place, "--json", "a", "b")
    assert (done.returncode, done.stderr) == (1, b"")
    document = json.loads(done.stdout)
    assert document.keys() == TOP
    layers = {each["name"]: each for each in document.pop("layers")}
    assert document == {
        "schema_version": 1,
        "command": "diff",
        "a": "a",
        "b": "b",
        "same": False,
        "identical": False,
        "atol": None,
        "counts": {
            "same": 1,
            "changed": 1,
            "shape-differs": 1,
            "not-compared": 0,
            "renamed": 1,
            "only-in-a": 1,
            "only-in-b": 1,
        },
        "moved": [],
        "renamed": [{"a": "score", "b": "score59"}],
        "versions": {"a": "V2", "b": "V2"},
        "bytes": {name: (place / name).stat().st_size for name in "ab"},
        "notes": [],
    }
    assert list(layers) == ["conv1", "relu1", "fc6", "[bold]up", "score", "come", "gone"]
    up = layers["[bold]up"]
    side = {"shape": [1, 1, 2, 2], "legacy": False, "values": "data", "type": "f4", "count": 4}
    counted = {"max_abs_change": None, "values_changed": 2, "values": 4}
    assert up == {
        "name": "[bold]up",
        "state": "changed",
        "differs": True,
        "moved": False,
        "a": {"name": "[bold]up", "type": "Deconvolution"},
        "b": {"name": "[bold]up", "type": "Deconvolution"},
        **counted,
        "blobs": [{"state": "changed", "a": side, "b": side, **counted}],
        "told": [],
    }
    assert (layers["come"]["a"], layers["come"]["blobs"][0]["a"]) == (None, None)
    assert (layers["come"]["values_changed"], layers["come"]["values"]) == (None, 3)
    assert (layers["relu1"]["differs"], layers["relu1"]["blobs"]) == (False, [])
    assert layers["conv1"]["max_abs_change"] == 0


def test_the_document_of_what_changed(place: Path, run: Run) -> None:
    document = json.loads(run(place, "--json", "--only-changed", "a", "b").stdout)
    names = [each["name"] for each in document["layers"]]
    assert names == ["fc6", "[bold]up", "score", "come", "gone"]
    assert document["counts"]["same"] == 1
    document = json.loads(run(place, "--json", "-p", "up", "--atol", "0.25", "a", "b").stdout)
    assert (document["identical"], document["atol"]) == (None, 0.25)
    (up,) = document["layers"]
    assert up["values_changed"] == 1
    document = json.loads(run(place, "--json", "a", "copy").stdout)
    assert (document["same"], document["identical"]) == (True, True)
