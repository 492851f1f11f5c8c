"""``diff`` as a command: its table, its document, its exit codes."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest

import deconvsurgery as ds
from helpers.documents import parsed_json
from helpers.models import saved
from helpers.runs import COMMAND, Done, environment, run_here, tool
from helpers.words import Words, names, numbers

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


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "a").write_bytes(saved(A))
    (tmp_path / "b").write_bytes(saved(B))
    (tmp_path / "copy").write_bytes(saved(A))
    (tmp_path / "net.prototxt").write_text('layer { name: "x" type: "ReLU" bottom: "y" top: "x" }')
    ds.convert(tmp_path / "a", tmp_path / "a.h5")
    return tmp_path


run = partial(tool, "diff")


# --- the table


def rows(done: Done) -> list[list[str]]:
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


def test_the_table_in_a_pipe(place: Path, words: Words) -> None:
    done = run(place, "a", "b")
    assert (done.returncode, done.stderr) == (1, b"")
    assert rows(done) == TABLE
    lines = done.stdout.decode().splitlines()[len(TABLE) :]
    sizes = [(place / name).stat().st_size for name in "ab"]
    assert [line.partition(": ")[0] for line in lines[:-1]] == ["A", "B", "note", "note"]
    assert [numbers(line)[0] for line in lines[:2]] == sizes
    assert lines[0].startswith("A: a: binary V2, ")
    assert lines[1].startswith("B: b: binary V2, ")
    assert [line.split(": ")[1] for line in lines[2:4]] == ["fc6", "fc6"]
    assert numbers(lines[-1]) == [6, 1, 1, 1, 1, 1, 1]
    words(lines)
    assert not set("─│┌┐└┘━┃…\x1b") & set(done.stdout.decode())
    narrow = run(place, "a", "b", env={"COLUMNS": "20"})
    assert narrow.stdout.decode() == done.stdout.decode()


def test_only_what_changed(place: Path) -> None:
    done = run(place, "--only-changed", "a", "b")
    assert rows(done) == [TABLE[0], *TABLE[2:]]
    assert numbers(done.stdout.decode().splitlines()[-1]) == [6, 1, 1, 1, 1, 1, 1]
    done = run(place, "--only-changed", "a", "a.h5")
    assert done.returncode == 0
    assert rows(done) == []


def test_what_one_form_does_not_tell_the_other_does(place: Path) -> None:
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


@pytest.mark.parametrize("width", [30, 60, 80, 120])
def test_the_table_on_a_terminal(place: Path, width: int) -> None:
    env = {"FORCE_COLOR": "1", "NO_COLOR": "1", "TERM": "xterm", "COLUMNS": str(width)}
    done = run(place, "a", "b", env=env)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout.decode()).splitlines()
    assert all(len(line) <= width for line in lines)
    said = " ".join(" ".join(lines).split())
    for cell in ("[bold]up", "(2, 3) →", "renamed", "NaN", "2/4", *TABLE[2][-1:], *TABLE[5][-1:]):
        assert cell in said, cell
    if width >= 80:
        assert numbers(said)[-7:] == [6, 1, 1, 1, 1, 1, 1]


def test_what_many_layers_have_is_said_once(place: Path, words: Words) -> None:
    for name, field in (("one", "data"), ("two", "double_data")):
        layers = (f'layer {{ name: "l{at}" blobs {{ {field}: 1 }} }}' for at in range(8))
        (place / name).write_bytes(saved("".join(layers)))
    done = run(place, "one", "two")
    notes = [line for line in done.stdout.decode().splitlines() if line.startswith("note")]
    (note,) = notes
    assert names(note) == ["l0", "l1", "l2", "l3", "l4"]
    assert numbers(note) == [8, 3]
    words(note)


def test_an_ascii_terminal_is_served(place: Path) -> None:
    env = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    done = run(place, "a", "b", env=env)
    assert done.returncode == 1
    assert done.stdout.isascii()
    assert b"(2, 3) > (2, 3, 1, 1)" in done.stdout


SAME_AS: dict[str, tuple[list[str], list[float]]] = {
    "a copy": (["a", "copy"], [5]),
    "itself": (["a", "a"], [5]),
    "another form": (["a", "a.h5"], [5]),
    "one layer": (["-p", "conv", "a", "b"], []),
    "no weights": (["-p", "relu", "a", "b"], []),
    "near": (["--atol", "0.001", "a", "a.h5"], [5, 0.001]),
}


@pytest.mark.parametrize("case", SAME_AS)
def test_what_is_the_same_is_said(place: Path, case: str, words: Words) -> None:
    arguments, facts = SAME_AS[case]
    code, out, errors = run_here(place, "diff", *arguments)
    assert (code, errors) == (0, b"")
    line = out.decode().splitlines()[-1]
    assert numbers(line)[: len(facts)] == facts
    words(line, case)


def test_a_layer_that_moved(place: Path, words: Words) -> None:
    layers = [f'layer {{ name: "{name}" blobs {{ data: 1 }} }}' for name in "xyz"]
    (place / "one").write_bytes(saved("".join(layers)))
    (place / "two").write_bytes(saved("".join([layers[2], *layers[:2]])))
    done = run(place, "one", "two")
    assert done.returncode == 0
    assert [row[-1] for row in rows(done)[1:]] == ["same", "same", "same, moved"]
    lines = done.stdout.decode().splitlines()
    (note,) = [line for line in lines if line.startswith("note: z: ")]
    assert names(note) == ["y"]
    assert numbers(lines[-1]) == [3, 1]
    words([note, lines[-1]])


# --- exit codes, streams


def test_quiet_says_nothing(place: Path) -> None:
    for arguments, code in ((["a", "b"], 1), (["a", "copy"], 0), (["a", "a.h5"], 0)):
        for option in ("-q", "--quiet"):
            done = run(place, option, *arguments)
            assert (done.returncode, done.stdout, done.stderr) == (code, b"", b"")


def test_standard_input(place: Path, words: Words) -> None:
    done = run(place, "-", "copy", stdin=saved(A))
    assert done.returncode == 0
    words([line for line in done.stdout.decode().splitlines() if line.startswith("A: ")])
    assert run(place, "copy", "-", stdin=saved(B)).returncode == 1
    assert run(place, "a.h5", "-", stdin=(place / "a.h5").read_bytes()).returncode == 0


@dataclass(frozen=True)
class Wrong:
    """Arguments at which a run ends, its exit code, and a fact that it says."""

    arguments: str
    fact: str = ""
    code: int = 2


WRONG = {
    "nothing": Wrong("", "'A'"),
    "one file": Wrong("a", "'B'"),
    "three files": Wrong("a b a"),
    "both on standard input": Wrong("- -"),
    "a tolerance below 0": Wrong("--atol -1 a b", "-1"),
    "a tolerance that is none": Wrong("--atol nan a b", "nan"),
    "a tolerance in words": Wrong("--atol small a b", "small"),
    "no regex": Wrong("-p re:( a b", "re:("),
    "no such layer": Wrong("-p cnv1 a b", "-p 'conv1'", 3),
    "every layer out": Wrong("-x * a b", "--exclude", 3),
    "no such A": Wrong("nothing b", "nothing: ", 4),
    "no such B": Wrong("a nothing", "nothing: ", 4),
    "a folder": Wrong("a .", code=4),
    "a net": Wrong("a net.prototxt", "net.prototxt: ", 3),
    "a truncated one": Wrong("a cut", "cut: byte ", 3),
    "an empty one": Wrong("empty a", "empty: ", 3),
    "a solver state's HDF5": Wrong("a other.h5", "other.h5: ", 3),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said(place: Path, case: str, words: Words) -> None:
    (place / "cut").write_bytes(saved(A)[:-3])
    (place / "empty").write_bytes(b"")
    with h5py.File(place / "other.h5", "w") as file:
        file["history/0"] = np.ones(1)
    wrong = WRONG[case]
    code, out, errors = run_here(place, "diff", *wrong.arguments.split())
    assert (code, out) == (wrong.code, b"")
    said = errors.decode()
    assert said.startswith("error: ")
    assert wrong.fact in said
    words(said.splitlines(), case)
    code, out, errors = run_here(place, "diff", "--json", *wrong.arguments.split())
    assert (code, errors) == (wrong.code, b"")
    document = parsed_json(out)
    assert document["command"] == "diff"
    assert document["error"]["message"] in said


@pytest.mark.parametrize(
    "arguments",
    [
        "a b",
        "-q a b",
        pytest.param("a copy", marks=pytest.mark.campaign),
        pytest.param("--json a b", marks=pytest.mark.campaign),
    ],
)
def test_whoever_reads_may_go(place: Path, arguments: str) -> None:
    """It ends with 141 where there was something to print, never with 1 or 0."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*COMMAND, "diff", *arguments.split()],
        cwd=place,
        env=environment(),
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


def test_the_document(place: Path) -> None:
    done = run(place, "--json", "a", "b")
    assert (done.returncode, done.stderr) == (1, b"")
    document = parsed_json(done.stdout)
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


def test_the_document_of_what_changed(place: Path) -> None:
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
