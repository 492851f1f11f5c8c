"""``convert`` as a command: its table, its document, its exit codes, what it leaves on the disk."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import deconvsurgery as ds
from helpers.documents import parsed_json
from helpers.models import NetParameter, saved
from helpers.runs import COMMAND, environment, run_here, tool
from helpers.wire import doubles, sized, varint
from helpers.words import Words, names, numbers

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


run = partial(tool, "convert")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "old").write_bytes(saved(OLD))
    (tmp_path / "new").write_bytes(saved(NEW))
    (tmp_path / "net.prototxt").write_text(NET)
    return tmp_path


def content(place: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in place.iterdir() if path.is_file()}


# --- files


def test_out_is_written_and_told(place: Path, words: Words) -> None:
    before = content(place)
    done = run(place, "old", "out")
    assert (done.returncode, done.stderr) == (0, b"")
    after = content(place)
    out = after.pop("out")
    assert after == before
    model = NetParameter.FromString(out)
    assert [layer.name for layer in model.layer] == ["input", "conv", "relu", "[prelu]"]
    last = done.stdout.decode().splitlines()[-1]
    assert numbers(last)[-1] == len(out)
    words(last, "upgraded")
    # A second run has nothing to do, and says so.
    done = run(place, "out", "again")
    assert done.returncode == 0
    assert b"again" in done.stdout
    words(done.stdout.decode().splitlines()[-1], "once more")
    assert (place / "again").read_bytes() == out


def test_a_dry_run_writes_nothing(place: Path, words: Words) -> None:
    before = content(place)
    for arguments in (["-n", "old"], ["--dry-run", "old", "out"], ["-n", "old", "--to", "hdf5"]):
        done = run(place, *arguments)
        assert (done.returncode, done.stderr) == (0, b"")
        words(done.stdout.decode().splitlines()[-1], "hdf5" if "hdf5" in arguments else "binary")
        assert content(place) == before
    done = run(place, "-n", "new")
    words(done.stdout.decode().splitlines()[-1], "nothing to do")
    # Also over what exists, and the same table as the run itself.
    told = run(place, "-n", "old", "new").stdout.splitlines()[:-1]
    assert run(place, "old", "out").stdout.splitlines()[:-1] == told


def test_quiet_is_quiet(place: Path) -> None:
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
    arguments: list[str], hdf5: bool, place: Path
) -> None:
    assert run(place, *arguments).returncode == 0
    assert h5py.is_hdf5(place / arguments[-1]) == hdf5


def test_streams(place: Path) -> None:
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


def test_out_that_exists_takes_force(place: Path) -> None:
    before = content(place)
    done = run(place, "old", "new")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"--force" in done.stderr
    assert content(place) == before
    assert run(place, "--force", "old", "new").returncode == 0
    run(place, "old", "out")
    assert (place / "new").read_bytes() == (place / "out").read_bytes()


def test_in_place(place: Path, words: Words) -> None:
    run(place, "old", "out")
    done = run(place, "--in-place", "old")
    assert done.returncode == 0
    assert (place / "old").read_bytes() == (place / "out").read_bytes()
    changed = (place / "old").stat()
    done = run(place, "-i", "old")
    words(done.stdout.decode().splitlines()[-1])
    assert (place / "old").stat().st_mtime_ns == changed.st_mtime_ns
    assert run(place, "-i", "old", "other").returncode == 2
    assert run(place, "-i", "-", stdin=saved(OLD)).returncode == 2


def test_a_net_of_other_layers_is_no_hindrance(place: Path) -> None:
    run(place, "old", "without")
    done = run(place, "--net", "net.prototxt", "old", "with")
    assert done.returncode == 0
    assert (place / "with").read_bytes() == (place / "without").read_bytes()
    run(place, "old", "a.h5")
    assert run(place, "--net", "net.prototxt", "a.h5", "back").returncode == 0
    model = NetParameter.FromString((place / "back").read_bytes())
    assert {layer.name for layer in model.layer} == {"conv", "relu", "[prelu]"}


# --- what goes wrong


@dataclass(frozen=True)
class Wrong:
    """Arguments at which a run ends, its exit code, and a fact that it says."""

    arguments: str
    fact: str = ""
    code: int = 2


WRONG = {
    "no IN": Wrong("", "'IN'"),
    "no OUT": Wrong("old", "OUT"),
    "OUT is IN": Wrong("old ./old", "--in-place"),
    "OUT is IN by a link": Wrong("-f old link", "--in-place"),
    "OUT is a folder": Wrong("old folder", "folder"),
    "no such folder": Wrong("old no/out", "mkdir"),
    "raw values in HDF5": Wrong("--values raw-float16 old out.h5", "--to binary"),
    "raw values in HDF5, in place": Wrong("-i --values raw-float16 few.H5", "--to binary"),
    "raw values in HDF5, in place, by option": Wrong("-i --values raw-float32 --to hdf5 old"),
    "an empty pattern": Wrong("-p re: old o", "-p"),
    "no such layer": Wrong("-p conf old o", "'conv'", 3),
    "a layer without blobs": Wrong("-p re:^relu old o", "relu", 3),
    "every layer left out": Wrong("-p conv -x c old o", "-x", 3),
    "no layer with blobs": Wrong("-p conv bare o", "blobs", 3),
    "raw values, HDF5 by name": Wrong("--values raw-float64 --to hdf5 old o"),
    "raw values in HDF5, dry": Wrong("-n --values raw-float32 --to hdf5 old"),
    "no such type": Wrong("--values float8 old o", "'float8'"),
    "no such form": Wrong("--to onnx old o", "'onnx'"),
    "both on standard input": Wrong("--net - - o"),
    "three files": Wrong("old out more", "more"),
    "no such model": Wrong("nothing o", "nothing: ", 4),
    "no such net": Wrong("--net no.prototxt old o", "no.prototxt: ", 4),
    "the model as net": Wrong("--net old old o", "old: ", 3),
    "the net as model": Wrong("net.prototxt o", "net.prototxt: ", 3),
    "truncated": Wrong("cut o", "cut: byte ", 3),
    "a solver state's HDF5": Wrong("other.h5 o", "other.h5: ", 3),
    "both generations": Wrong("mixed o", "V1 and V2", 3),
    "a slash": Wrong("slash o.h5", "'a/b'", 3),
    "too large a value": Wrong("--strict large o", "--values", 3),
    "too large a value, dry": Wrong("--strict -n large", "1e+39", 3),
    "too few values": Wrong("few o.h5", " 1 value ", 3),
}


@pytest.fixture
def wrong(place: Path) -> Path:
    (place / "link").symlink_to("old")
    (place / "folder").mkdir()
    (place / "cut").write_bytes(saved(OLD)[:-3])
    (place / "mixed").write_bytes(saved(OLD) + saved(NEW))
    (place / "slash").write_bytes(saved('layer { name: "a/b" blobs { shape { dim: 1 } data: 1 } }'))
    (place / "bare").write_bytes(saved('layer { name: "conv" }'))
    with h5py.File(place / "few.H5", "w") as file:
        file["data/conv/0"] = np.ones(1)
    (place / "few").write_bytes(saved('layer { name: "a" blobs { shape { dim: 2 } data: 1 } }'))
    (place / "large").write_bytes(
        saved('layer { name: "a" blobs { shape { dim: 1 } double_data: 1e39 } }')
    )
    with h5py.File(place / "other.h5", "w") as file:
        file["history/0"] = np.ones(1)
    return place


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_and_nothing_is_left(wrong: Path, case: str, words: Words) -> None:
    before = content(wrong)
    arguments = WRONG[case].arguments.split()
    code, out, errors = run_here(wrong, "convert", *arguments)
    assert (code, out) == (WRONG[case].code, b"")
    said = errors.decode()
    assert said.startswith("error: ")
    assert WRONG[case].fact in said
    words(said.splitlines(), case)
    assert content(wrong) == before
    code, out, errors = run_here(wrong, "convert", "--json", *arguments)
    assert (code, errors) == (WRONG[case].code, b"")
    document = parsed_json(out)
    assert document["command"] == "convert"
    assert document["error"]["message"] in said
    assert content(wrong) == before


def test_two_things_on_standard_output_are_one_too_many(place: Path, words: Words) -> None:
    code, out, errors = run_here(place, "convert", "--json", "old", "-")
    assert (code, errors) == (2, b"")
    words(parsed_json(out)["error"]["message"])


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full disk at hand")
@pytest.mark.parametrize("form", ["binary", "hdf5"])
def test_a_full_disk_is_told(place: Path, form: str) -> None:
    before = content(place)
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*COMMAND, "convert", "--to", form, "old", "-"],
            cwd=place,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            env=environment(),
            check=False,
        )
    assert done.returncode == 4
    assert done.stderr.startswith(b"error: ")
    assert b"Traceback" not in done.stderr
    assert content(place) == before


# --- the document

TOP = {"schema_version", "command", "input", "output", "net", "before", "after", "changed"}
TOP |= {"written", "layers", "told", "bytes", "warnings"}


def test_the_document(place: Path, words: Words) -> None:
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
    assert [each for each in told if "image" in names(each)]
    assert "[prelu]" in warning
    words(told, "told")
    words(warning, "warning")
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
        "beyond": None,
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


def test_the_document_of_other_runs(place: Path) -> None:
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


def test_a_model_without_layers_has_a_form_too(place: Path) -> None:
    (place / "empty").write_bytes(saved('name: "empty"'))
    done = run(place, "empty", "out.h5", "--to", "hdf5")
    assert done.returncode == 0
    assert ": 0 layers. " in done.stdout.decode().splitlines()[-1]
    with h5py.File(place / "out.h5") as file:
        assert list(file["data"]) == []


def test_a_document_is_json_whatever_the_model_holds(place: Path) -> None:
    """Infinities, NaN, names that are no UTF-8."""
    blob = sized(8, doubles(np.nan, np.inf)) + sized(7, sized(1, varint(2)))
    (place / "odd").write_bytes(sized(100, sized(1, b"\xff\xfea") + sized(7, blob)))
    done = run(place, "--json", "-n", "odd")
    assert (done.returncode, done.stderr) == (0, b"")
    (layer,) = parsed_json(done.stdout)["layers"]
    assert layer["max_abs_change"] == 0
    assert layer["name"].endswith("a")
    assert len(layer["name"]) > 1


# --- the table


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_table_on_a_terminal(place: Path, width: int) -> None:
    env = {"FORCE_COLOR": "1", "NO_COLOR": "1", "TERM": "xterm", "COLUMNS": str(width)}
    done = run(place, "-n", "old", env=env)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout.decode()).splitlines()
    assert all(len(line) <= width for line in lines)
    said = "".join("".join(lines).split())
    for cell in ("conv", "Convolution", "double_data", "legacy", "[prelu]", "upgraded"):
        assert cell in said
    if width >= 80:
        assert "V1→binaryV2:3layers(3upgraded)" in said


def test_the_table_in_a_pipe(place: Path) -> None:
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


def test_an_ascii_terminal_is_served(place: Path) -> None:
    done = run(
        place, "-n", "old", env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    )
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert b"legacy > (2, 1, 1, 1)" in done.stdout


def test_values_are_told_as_they_go(place: Path) -> None:
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


def test_help_and_the_library_agree(place: Path, words: Words) -> None:
    done = run(place, "--help")
    assert done.returncode == 0
    for value in ("float32", "float64", "raw-float16", "raw-float32", "raw-float64", "keep"):
        assert value in done.stdout.decode()
        ds.convert(place / "new", values=value, dry_run=True)
    options: list[dict[str, Any]] = [{"values": "float8"}, {"to": "onnx"}]
    for option in options:
        with pytest.raises(ValueError) as raised:  # noqa: PT011 - its words are pinned
            ds.convert(place / "new", dry_run=True, **option)
        words(raised.value, "-".join(option.values()))


def test_a_value_that_does_not_fit_is_told(place: Path, words: Words) -> None:
    """In the table, in the document, and where nothing is left to change."""
    (place / "wild").write_bytes(
        saved('layer { name: "bn" blobs { data: 1 } blobs { shape { dim: 1 } data: 7e4 } }')
    )
    code, out, errors = run_here(place, "convert", "--values", "raw-float16", "wild", "half")
    assert (code, errors) == (0, b"")
    (note,) = [line for line in out.decode().splitlines() if line.startswith("note: ")]
    assert note.startswith("note: bn: ")
    assert numbers(note) == [1, 70000]  # the blob, and its value
    words(note, "note")
    code, out, errors = run_here(
        place, "convert", "--json", "-n", "--values", "raw-float16", "half"
    )
    document = parsed_json(out)
    assert (code, errors, document["changed"]) == (0, b"", False)
    assert [each["beyond"] for each in document["layers"][0]["blobs"]] == [None, 70000]
    code, out, _ = run_here(place, "convert", "-n", "--values", "raw-float16", "half")
    words(out.decode().splitlines()[-1], "nothing would change")
    assert code == 0
