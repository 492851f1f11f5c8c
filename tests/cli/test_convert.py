"""``convert`` as a command: its table, its document, its exit codes, what it leaves on the disk."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from google.protobuf import text_format
from rich.console import Console

import deconvsurgery as ds
from deconvsurgery.cli import run as main
from deconvsurgery.report.json_documents.other_verbs import convert_document
from deconvsurgery.report.terminal.convert import convert_report
from helpers.models import NetParameter
from helpers.runs import tool

OLD = """
name: "old"
input: "image" input_dim: 1 input_dim: 1 input_dim: 2 input_dim: 2
layers { name: "conv" type: CONVOLUTION bottom: "image" top: "conv" blobs_lr: 1
  convolution_param { num_output: 2 kernel_size: 1 }
  blobs { num: 2 channels: 1 height: 1 width: 1 data: [0.1, 2] }
  blobs { num: 1 channels: 1 height: 1 width: 2 double_data: [0.1, 2] } }
layers { name: "relu" type: RELU bottom: "conv" top: "conv" }
layers { name: "[prelu]" type: POWER bottom: "conv" top: "up"
  blobs { num: 1 channels: 1 height: 1 width: 2 data: [1, 2] } }
"""
NEW = """
name: "new" layer { name: "conv" type: "Convolution"
  blobs { shape { dim: 2 dim: 1 dim: 1 dim: 1 } data: [0.1, 2] }
  blobs { shape { dim: 2 } data: [1, 2] } }
layer { name: "relu" type: "ReLU" }
"""
NET = """
layer { name: "stranger" type: "Input" top: "x" input_param { shape { dim: 1 dim: 3 } } }
layer { name: "other" type: "InnerProduct" bottom: "x" top: "y"
  inner_product_param { num_output: 1 } }
"""


def saved(text: str) -> bytes:
    return bytes(text_format.Parse(text, NetParameter()).SerializeToString())


Run = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def run() -> Run:
    return partial(tool, "convert")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "old").write_bytes(saved(OLD))
    (tmp_path / "new").write_bytes(saved(NEW))
    (tmp_path / "net.prototxt").write_text(NET)
    return tmp_path


def content(place: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in place.iterdir() if path.is_file()}


# --- files


def test_out_is_written_and_told(place: Path, run: Run) -> None:
    before = content(place)
    done = run(place, "old", "out")
    assert (done.returncode, done.stderr) == (0, b"")
    after = content(place)
    out = after.pop("out")
    assert after == before
    model = NetParameter.FromString(out)
    assert [layer.name for layer in model.layer] == ["input", "conv", "relu", "[prelu]"]
    words = done.stdout.decode()
    assert f"Wrote out, {len(out)} bytes." in words
    assert "binary V1 → binary V2" in words
    # A second run has nothing to do, and says so.
    done = run(place, "out", "again")
    assert done.returncode == 0
    assert b"Nothing had to change: again is the input, byte for byte." in done.stdout
    assert (place / "again").read_bytes() == out


def test_a_dry_run_writes_nothing(place: Path, run: Run) -> None:
    before = content(place)
    for arguments in (["-n", "old"], ["--dry-run", "old", "out"], ["-n", "old", "--to", "hdf5"]):
        done = run(place, *arguments)
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout.rstrip().endswith(b"Nothing was written.")
        assert content(place) == before
    done = run(place, "-n", "new")
    assert b"Nothing would change" in done.stdout
    # Also over what exists, and the same table as the run itself.
    told = run(place, "-n", "old", "new").stdout.splitlines()[:-1]
    assert run(place, "old", "out").stdout.splitlines()[:-1] == told


def test_quiet_is_quiet(place: Path, run: Run) -> None:
    done = run(place, "-q", "old", "out")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    ("arguments", "hdf5"),
    [
        (["old", "out.h5"], True),
        (["old", "out.HDF5"], True),
        (["old", "out.caffemodel.h5"], True),
        (["old", "out.h5.caffemodel"], False),
        (["--to", "binary", "old", "out.h5"], False),
        (["--to", "hdf5", "old", "out.caffemodel"], True),
        (["old", "h5"], False),
    ],
)
def test_the_suffix_tells_the_form_unless_it_is_named(
    arguments: list[str], hdf5: bool, place: Path, run: Run
) -> None:
    assert run(place, *arguments).returncode == 0
    assert h5py.is_hdf5(place / arguments[-1]) == hdf5


def test_streams(place: Path, run: Run) -> None:
    run(place, "old", "out")
    out = (place / "out").read_bytes()
    done = run(place, "-", "-", stdin=(place / "old").read_bytes())
    assert (done.returncode, done.stdout) == (0, out)
    assert b"conv" in done.stderr
    done = run(place, "-q", "old", "-")
    assert (done.stdout, done.stderr) == (out, b"")
    assert run(place, "-", "in", stdin=saved(OLD)).returncode == 0
    assert (place / "in").read_bytes() == out
    # HDF5, which wants to seek, too.
    run(place, "old", "file.h5")
    done = run(place, "--to", "hdf5", "-", "-", stdin=saved(OLD))
    assert done.stdout == (place / "file.h5").read_bytes()
    back = run(place, "-", "-", stdin=done.stdout)
    assert NetParameter.FromString(back.stdout).layer[1].name == "conv"
    net = run(place, "--net", "-", "old", "-", stdin=NET.encode())
    assert net.stdout == out


def test_out_that_exists_takes_force(place: Path, run: Run) -> None:
    before = content(place)
    done = run(place, "old", "new")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"--force" in done.stderr
    assert content(place) == before
    assert run(place, "--force", "old", "new").returncode == 0
    run(place, "old", "out")
    assert (place / "new").read_bytes() == (place / "out").read_bytes()


def test_in_place(place: Path, run: Run) -> None:
    run(place, "old", "out")
    done = run(place, "--in-place", "old")
    assert done.returncode == 0
    assert (place / "old").read_bytes() == (place / "out").read_bytes()
    changed = (place / "old").stat()
    done = run(place, "-i", "old")
    assert b"stays as it is" in done.stdout
    assert (place / "old").stat().st_mtime_ns == changed.st_mtime_ns
    assert run(place, "-i", "old", "other").returncode == 2
    assert run(place, "-i", "-", stdin=saved(OLD)).returncode == 2


def test_a_net_of_other_layers_is_no_hindrance(place: Path, run: Run) -> None:
    run(place, "old", "without")
    done = run(place, "--net", "net.prototxt", "old", "with")
    assert done.returncode == 0
    assert (place / "with").read_bytes() == (place / "without").read_bytes()
    run(place, "old", "a.h5")
    assert run(place, "--net", "net.prototxt", "a.h5", "back").returncode == 0
    model = NetParameter.FromString((place / "back").read_bytes())
    assert {layer.name for layer in model.layer} == {"conv", "relu", "[prelu]"}


# --- what goes wrong

WRONG: Sequence[tuple[str, list[str], int, str]] = (
    ("no IN", [], 2, "IN"),
    ("no OUT", ["old"], 2, "no output"),
    ("OUT is IN", ["old", "./old"], 2, "--in-place"),
    ("OUT is IN by a link", ["-f", "old", "link"], 2, "--in-place"),
    ("OUT is a folder", ["old", "folder"], 2, "director"),
    ("no such folder", ["old", "no/out"], 2, "mkdir"),
    ("raw values in HDF5", ["--values", "raw-float16", "old", "out.h5"], 2, "raw values"),
    ("raw values, HDF5 by name", ["--values", "raw-float64", "--to", "hdf5", "old", "o"], 2, "raw"),
    ("raw values in HDF5, dry", ["-n", "--values", "raw-float32", "--to", "hdf5", "old"], 2, "raw"),
    ("no such type", ["--values", "float8", "old", "o"], 2, "float8"),
    ("no such form", ["--to", "onnx", "old", "o"], 2, "onnx"),
    ("both on standard input", ["--net", "-", "-", "o"], 2, "standard input"),
    ("three files", ["old", "out", "more"], 2, "more"),
    ("no such model", ["nothing", "o"], 4, "nothing"),
    ("no such net", ["--net", "no.prototxt", "old", "o"], 4, "no.prototxt"),
    ("the model as net", ["--net", "old", "old", "o"], 3, "binary file"),
    ("the net as model", ["net.prototxt", "o"], 3, "is text"),
    ("truncated", ["cut", "o"], 3, "byte"),
    ("a solver state's HDF5", ["other.h5", "o"], 3, "solver state"),
    ("both generations", ["mixed", "o"], 3, "V1 and V2"),
    ("a slash", ["slash", "o.h5"], 3, "'a/b'"),
    ("too large a value", ["large", "o"], 3, "--values"),
    ("too large a value, dry", ["-n", "large"], 3, "1e+39"),
    ("too few values", ["few", "o.h5"], 3, "1 values"),
)


@pytest.fixture
def wrong(place: Path) -> Path:
    (place / "link").symlink_to("old")
    (place / "folder").mkdir()
    (place / "cut").write_bytes(saved(OLD)[:-3])
    (place / "mixed").write_bytes(saved(OLD) + saved(NEW))
    (place / "slash").write_bytes(saved('layer { name: "a/b" }'))
    (place / "few").write_bytes(saved('layer { name: "a" blobs { shape { dim: 2 } data: 1 } }'))
    (place / "large").write_bytes(
        saved('layer { name: "a" blobs { shape { dim: 1 } double_data: 1e39 } }')
    )
    with h5py.File(place / "other.h5", "w") as file:
        file["history/0"] = np.ones(1)
    return place


@pytest.mark.parametrize(
    ("arguments", "code", "words"), [each[1:] for each in WRONG], ids=[each[0] for each in WRONG]
)
def test_what_is_wrong_is_said_and_nothing_is_left(
    wrong: Path,
    arguments: list[str],
    code: int,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    monkeypatch.chdir(wrong)
    before = content(wrong)
    assert main(["convert", *arguments]) == code
    out, errors = capfdbinary.readouterr()
    assert out == b""
    assert errors.startswith(b"error: ")
    assert words in errors.decode()
    assert content(wrong) == before
    assert main(["convert", "--json", *arguments]) == code
    document = json.loads(capfdbinary.readouterr().out)
    assert document["command"] == "convert"
    assert document["error"]["message"]
    assert content(wrong) == before


def test_two_things_on_standard_output_are_one_too_many(place: Path, run: Run) -> None:
    done = run(place, "--json", "old", "-")
    assert done.returncode == 2
    assert "standard output" in json.loads(done.stdout)["error"]["message"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full disk at hand")
@pytest.mark.parametrize("form", ["binary", "hdf5"])
def test_a_full_disk_is_told(place: Path, form: str) -> None:
    script = f"{sys.executable} -m deconvsurgery convert --to {form} old - > /dev/full"
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        ["bash", "-c", script], cwd=place, capture_output=True, timeout=60, env=env, check=False
    )
    assert done.returncode == 4
    assert done.stderr.startswith(b"error: ")


# --- the document

TOP = {"schema_version", "command", "input", "output", "net", "before", "after", "changed"}
TOP |= {"written", "layers", "told", "bytes", "warnings"}


def test_the_document(place: Path, run: Run) -> None:
    done = run(place, "--json", "old", "out")
    assert (done.returncode, done.stderr) == (0, b"")
    document = json.loads(done.stdout)
    assert document.keys() == TOP
    layers = document.pop("layers")
    told = document.pop("told")
    (warning,) = document.pop("warnings")
    assert document == {
        "schema_version": 1,
        "command": "convert",
        "input": "old",
        "output": "out",
        "net": None,
        "before": "V1",
        "after": "V2",
        "changed": True,
        "written": True,
        "bytes": {
            "input": (place / "old").stat().st_size,
            "output": (place / "out").stat().st_size,
        },
    }
    assert any("'image'" in each for each in told)
    assert "[prelu]" in warning
    assert [(each["name"], each["type"], each["action"]) for each in layers] == [
        ("conv", "Convolution", "upgraded"),
        ("relu", "ReLU", "upgraded"),
        ("[prelu]", "Power", "upgraded"),
    ]
    weights, bias = layers[0]["blobs"]
    assert weights == {
        "before": {"shape": [2, 1, 1, 1], "legacy": True, "values": "data", "type": "f4"},
        "after": {"shape": [2, 1, 1, 1], "legacy": False, "values": "data", "type": "f4"},
        "max_abs_change": 0.0,
    }
    assert bias["before"] == {
        "shape": [1, 1, 1, 2],
        "legacy": True,
        "values": "double_data",
        "type": "f8",
    }
    assert bias["after"] == {"shape": [2], "legacy": False, "values": "data", "type": "f4"}
    change = abs(0.1 - float(np.float32(0.1)))
    assert layers[0]["max_abs_change"] == bias["max_abs_change"] == change
    (kept,) = layers[2]["blobs"]
    assert kept["after"] == kept["before"]


def test_the_document_of_other_runs(place: Path, run: Run) -> None:
    document = json.loads(run(place, "--json", "-n", "old", "--to", "hdf5").stdout)
    assert (document["output"], document["written"]) == (None, False)
    assert (document["after"], document["bytes"]["output"]) == ("HDF5", None)
    (blob, _) = document["layers"][0]["blobs"]
    assert (blob["before"]["values"], blob["after"]["values"]) == ("data", "dataset")
    document = json.loads(run(place, "--json", "new", "same").stdout)
    assert (document["changed"], document["written"]) == (False, True)
    assert {each["action"] for each in document["layers"]} == {"unchanged"}
    document = json.loads(run(place, "--json", "old", "out.h5", "--values", "float64").stdout)
    assert document["bytes"]["output"] == (place / "out.h5").stat().st_size
    document = json.loads(run(place, "--json", "out.h5", "back", "--net", "net.prototxt").stdout)
    assert document["net"] == "net.prototxt"
    assert (document["before"], document["after"]) == ("HDF5", "V2")
    blob = document["layers"][1]["blobs"][0]
    assert (blob["before"]["values"], blob["before"]["type"]) == ("dataset", "f8")
    assert (blob["after"]["values"], blob["after"]["type"]) == ("data", "f4")


def test_a_document_is_json_whatever_the_model_holds(place: Path, run: Run) -> None:
    """Infinities, NaN, names that are no UTF-8."""
    blob = b"\x42\x10" + np.array([np.nan, np.inf]).tobytes() + b"\x3a\x03\x0a\x01\x02"
    layer = b"\x0a\x03\xff\xfea\x3a" + bytes([len(blob)]) + blob
    (place / "odd").write_bytes(b"\xa2\x06" + bytes([len(layer)]) + layer)
    result = ds.convert(place / "odd", dry_run=True)
    document = json.loads(json.dumps(convert_document(result), allow_nan=False))
    assert document["layers"][0]["max_abs_change"] == 0
    done = run(place, "--json", "-n", "odd")
    assert json.loads(done.stdout) == {**document, "input": "odd"}


# --- the table


def page(result: ds.ConvertResult, width: int, *, terminal: bool = True) -> list[str]:
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=terminal, color_system=None)
    console.print(convert_report(result, width=width, terminal=terminal), soft_wrap=not terminal)
    return stream.getvalue().splitlines()


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_table_on_a_terminal(place: Path, width: int) -> None:
    result = ds.convert(place / "old", dry_run=True)
    lines = page(result, width)
    assert all(len(line) <= width for line in lines)
    words = " ".join(" ".join(lines).split())
    for told in ("conv", "Convolution", "double_data", "legacy", "[prelu]", "upgraded"):
        assert told in words.replace(" ", "") or told in words
    assert "Nothing was written." in words
    if width >= 80:
        assert "binary V1 → binary V2: 3 layers (3 upgraded)." in words


def test_the_table_in_a_pipe(place: Path, run: Run) -> None:
    done = run(place, "old", "out")
    lines = done.stdout.decode().splitlines()
    assert not set("─│┌┐└┘━┃…\x1b") & set(done.stdout.decode())
    header = lines[0]
    assert header.split() == ["layer", "type", "blobs", "values", "dims", "max", "|Δ|", "action"]
    (conv,) = [line for line in lines if line.startswith("conv ")]
    assert "data, double_data → data" in conv
    assert "legacy → (2, 1, 1, 1), (2)" in conv
    assert conv.endswith("upgraded")
    (prelu,) = [line for line in lines if line.startswith("[prelu]")]
    assert "legacy (1, 1, 1, 2)" in prelu
    assert any("warning" in line and "[prelu]" in line for line in lines)
    assert any("note" in line and "'image'" in line for line in lines)
    # One line each, however narrow they say the page is.
    narrow = run(place, "-n", "old", env={"COLUMNS": "20"}).stdout.decode().splitlines()
    assert narrow[:-1] == lines[:-1]


def test_an_ascii_terminal_is_served(place: Path, run: Run) -> None:
    done = run(
        place, "-n", "old", env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    )
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert b"legacy > (2, 1, 1, 1)" in done.stdout


def test_values_are_told_as_they_go(place: Path, run: Run) -> None:
    def values(*arguments: str) -> str:
        done = run(place, "-n", *arguments)
        (row,) = [line for line in done.stdout.decode().splitlines() if line.startswith("conv ")]
        return row

    assert "data → raw_data float16" in values("--values", "raw-float16", "new")
    assert "data → double_data" in values("--values", "float64", "new")
    assert values("--values", "keep", "new").endswith("unchanged")
    run(place, "new", "new.h5", "--values", "float64")
    row = values("new.h5", "--to", "binary")
    assert "dataset float64 → data" in row
    assert "dataset float64" in values("new.h5", "--to", "hdf5", "--values", "keep")


def test_help_and_the_library_agree(place: Path, run: Run) -> None:
    done = run(place, "--help")
    assert done.returncode == 0
    for value in ("float32", "float64", "raw-float16", "raw-float32", "raw-float64", "keep"):
        assert value in done.stdout.decode()
        ds.convert(place / "new", values=value, dry_run=True)
    options: list[dict[str, Any]] = [{"values": "float8"}, {"to": "onnx"}]
    options.append({"values": "raw-float16", "to": "hdf5"})
    for option in options:
        with pytest.raises(ValueError, match=r"."):
            ds.convert(place / "new", dry_run=True, **option)
