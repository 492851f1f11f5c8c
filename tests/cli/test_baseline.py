"""Findings that are known, in a file; only what is new counts."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

import deconvsurgery as ds
from deconvsurgery.inputs.baseline import LONGEST_FILE, KnownFinding, baseline_bytes, read_baseline
from helpers.documents import parsed_json
from helpers.runs import run_here
from helpers.words import Words, numbers

# Breaks DS007, DS009 and DS010.
UP = (
    'layer { name: "%s" type: "Deconvolution" bottom: "data" top: "%s"\n'
    "  convolution_param { num_output: 3 group: 3 kernel_size: 4 stride: 2 } }\n"
)
DATA = 'input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }\n'


def net(*names: str) -> str:
    return DATA + "".join(UP % (name, name) for name in names)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets/a.prototxt").write_text(net("up"))
    (tmp_path / "nets/b.prototxt").write_text(net("up"))
    return tmp_path


def written(folder: Path, *arguments: str) -> list[Any]:
    code, _, errors = run_here(folder, "check", *arguments, "--write-baseline")
    assert code == 0, errors
    return list(json.loads((folder / "known.json").read_bytes())["findings"])


def checked(folder: Path, *arguments: str) -> tuple[int, list[str], Any]:
    code, out, _ = run_here(folder, "check", "--json", *arguments)
    document = parsed_json(out)
    return code, [each["id"] for each in document["findings"]], document


BASELINE = ("--baseline", "known.json")


def test_what_is_known_does_not_count(folder: Path) -> None:
    rows = written(folder, "nets/a.prototxt", *BASELINE)
    assert [(each["net"], each["rule"], each["layer"], each["count"]) for each in rows] == [
        ("nets/a.prototxt", rule, "up", 1) for rule in ("DS007", "DS009", "DS010")
    ]
    code, found, document = checked(folder, "nets/a.prototxt", *BASELINE)
    assert (code, found, document["pairs"][0]["ignored"]) == (0, [], 3)
    # The same of another net is new.
    code, found, document = checked(folder, "nets/b.prototxt", *BASELINE)
    assert (code, found, document["pairs"][0]["ignored"]) == (1, ["DS007", "DS009", "DS010"], 0)


def test_a_second_layer_is_new_wherever_it_stands(folder: Path) -> None:
    written(folder, "nets/a.prototxt", *BASELINE)
    (folder / "nets/a.prototxt").write_text("# more\n\n" + net("up_new", "up"))
    code, _, document = checked(folder, "nets/a.prototxt", *BASELINE)
    assert code == 1
    assert {each["layer"] for each in document["findings"]} == {"up_new"}


def test_as_often_as_it_is_known(folder: Path) -> None:
    """Two layers of one name break a rule twice; the third is new."""
    text = net("up", "up").replace('top: "up"', 'top: "x"', 1)
    (folder / "nets/a.prototxt").write_text(text)
    rows = written(folder, "--select", "DS009", "nets/a.prototxt", *BASELINE)
    assert [each["count"] for each in rows] == [2]
    (folder / "nets/a.prototxt").write_text(text + UP % ("up", "y"))
    select = ("--select", "DS009")
    code, found, document = checked(folder, *select, "nets/a.prototxt", *BASELINE)
    assert (code, found) == (1, ["DS009"])
    assert document["findings"][0]["line"] == 6


def test_it_can_be_moved_with_the_nets_and_read_from_anywhere(folder: Path) -> None:
    written(folder, "nets", *BASELINE)
    assert checked(folder / "nets", "a.prototxt", "--baseline", "../known.json")[1] == []
    (folder / "moved").mkdir()
    shutil.move(folder / "nets", folder / "moved" / "nets")
    shutil.move(folder / "known.json", folder / "moved" / "known.json")
    assert checked(folder, "moved/nets", "--baseline", "moved/known.json")[1] == []
    absolute = folder / "moved" / "nets" / "a.prototxt"
    assert checked(folder, str(absolute), "--baseline", "moved/known.json")[1] == []


def test_what_is_gone_is_a_note(folder: Path, words: Words) -> None:
    written(folder, "nets/a.prototxt", *BASELINE)
    text = net("up").replace("stride: 2", "stride: 2 pad: 1")
    (folder / "nets/a.prototxt").write_text(text)
    code, found, document = checked(folder, "nets/a.prototxt", *BASELINE)
    (note,) = document["pairs"][0]["notes"]
    assert (code, found, numbers(note)) == (0, [], [1])
    words(note)
    # Of rules that were not asked nothing is gone.
    _, _, document = checked(folder, "--select", "DS009", "nets/a.prototxt", *BASELINE)
    assert document["pairs"][0]["notes"] == []
    assert written(folder, "nets/a.prototxt", *BASELINE)
    assert checked(folder, "nets/a.prototxt", *BASELINE)[2]["pairs"][0]["notes"] == []


def test_repairs_are_of_what_is_new_alone(folder: Path) -> None:
    written(folder, "--select", "DS009", "nets/a.prototxt", *BASELINE)
    _, found, document = checked(folder, "nets/a.prototxt", *BASELINE)
    assert found == ["DS007", "DS010"]
    commands = document["pairs"][0]["repair"]["commands"]
    assert commands
    assert not any("--no-bias" in command for command in commands)


def test_in_the_settings(folder: Path) -> None:
    """A path there is relative to the settings; a pair's own counts for it."""
    (folder / "deconvsurgery.toml").write_text(
        "baseline = 'known.json'\n"
        "pairs = [{net = 'nets/a.prototxt'},"
        " {net = 'nets/b.prototxt', baseline = 'nets/other.json'}]\n"
    )
    assert run_here(folder / "nets", "check", "--write-baseline")[0] == 0
    assert (folder / "known.json").exists()
    other = json.loads((folder / "nets/other.json").read_bytes())["findings"]
    assert {each["net"] for each in other} == {"b.prototxt"}
    code, found, _ = checked(folder)
    assert (code, found) == (0, [])
    (folder / "nets/other.json").unlink()
    assert run_here(folder, "check")[0] == 4


def test_without_a_baseline_none_is_written(folder: Path) -> None:
    assert run_here(folder, "check", "--write-baseline", "nets/a.prototxt")[0] == 2


def test_what_cannot_be_checked_ends_as_ever(folder: Path) -> None:
    (folder / "nets/c.prototxt").write_text("layer {")
    code, _, _ = run_here(folder, "check", "nets", *BASELINE, "--write-baseline")
    assert code == 3
    assert len(json.loads((folder / "known.json").read_bytes())["findings"]) == 6


def test_of_what_cannot_be_checked_nothing_is_forgotten(folder: Path) -> None:
    written = ("check", "nets", *BASELINE, "--write-baseline")
    assert run_here(folder, *written)[0] == 0
    before = json.loads((folder / "known.json").read_bytes())
    whole = (folder / "nets/a.prototxt").read_text()
    (folder / "nets/a.prototxt").write_text("layer {")
    assert run_here(folder, *written)[0] == 3
    (folder / "nets/a.prototxt").write_text(whole)
    assert json.loads((folder / "known.json").read_bytes()) == before


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"schema_version": 2, "command": "check", "findings": []}',
        '{"schema_version": 1, "command": "check", "findings": [{}]}',
        '{"schema_version": 1, "command": "check", "findings": [1]}',
        '{"schema_version": 1, "command": "check", "findings": [{"net": "a", "model": null, '
        '"rule": "DS001", "layer": "up", "count": 0}]}',
    ],
)
def test_what_is_no_baseline_is_refused(text: str, folder: Path) -> None:
    (folder / "known.json").write_text(text)
    code, _, errors = run_here(folder, "check", "nets/a.prototxt", *BASELINE)
    assert code == 2
    assert b"known.json" in errors


def test_a_baseline_that_cannot_be_read_is_another_fault_than_one_that_is_not_there(
    folder: Path,
) -> None:
    """How one is made is said of the one that is not there."""
    hints = {}
    for name in ("none.json", "nets/a.prototxt/known.json"):
        with pytest.raises(ds.FileError) as raised:
            read_baseline(folder / name)
        hints[name] = raised.value.hint or ""
    assert ["--write-baseline" in hint for hint in hints.values()] == [True, False]
    assert raised.value.errno == errno.ENOTDIR


def test_a_baseline_of_too_many_findings_is_refused(folder: Path) -> None:
    row = {"net": "a", "model": None, "rule": "DS001", "layer": "up", "count": 600_000}
    rows = [row, row | {"layer": "down"}]
    document = {"schema_version": 1, "command": "check", "findings": rows}
    (folder / "known.json").write_text(json.dumps(document))
    with pytest.raises(ds.ConfigError) as raised:
        read_baseline(folder / "known.json")
    assert numbers(raised.value.message) == [1_000_000]
    document["findings"] = rows[:1]
    (folder / "known.json").write_text(json.dumps(document))
    assert len(read_baseline(folder / "known.json").known(None, None)) == 0


def test_a_baseline_that_is_too_large_is_not_read(folder: Path) -> None:
    with (folder / "known.json").open("wb") as file:
        file.truncate(LONGEST_FILE + 1)
    with pytest.raises(ds.ConfigError) as raised:
        read_baseline(folder / "known.json")
    assert numbers(raised.value.message) == [64]


def test_what_is_fixed_is_not_written_down_as_known(folder: Path) -> None:
    before = (folder / "nets/a.prototxt").read_bytes()
    code, _, _ = run_here(
        folder, "check", "--write-baseline", *BASELINE, "--fix", "nets/a.prototxt"
    )
    assert code == 2
    assert (folder / "nets/a.prototxt").read_bytes() == before
    assert not (folder / "known.json").exists()


def test_a_net_that_the_settings_do_not_have_is_checked_alone(folder: Path) -> None:
    """Others of them have their models; what is wrong with settings says how to do without."""
    (folder / "deconvsurgery.toml").write_text("[[pairs]]\nnet = 'nets/b.prototxt'\n")
    _, found, document = checked(folder, "nets/a.prototxt")
    assert (len(document["pairs"]), document["pairs"][0]["model"]) == (1, None)
    assert found == ["DS007", "DS009", "DS010"]
    (folder / "deconvsurgery.toml").write_text("pairs = 3\n")
    code, out, _ = run_here(folder, "check", "--json", "nets/a.prototxt")
    error = parsed_json(out)["error"]
    assert (code, error["kind"]) == (2, "ConfigError")
    assert "--isolated" in error["hint"]
    assert checked(folder, "--isolated", "nets/a.prototxt")[1] == found
    code, out, _ = run_here(folder, "check", "--json")  # nothing is named: it is needed
    assert code == 2
    assert "--isolated" not in (parsed_json(out)["error"]["hint"] or "")


def test_there_and_back(tmp_path: Path) -> None:
    """Names of any bytes; every count as it was."""
    names = ["up", "\udcff", "a\nb", 'q"', "\u202e", None]
    file = tmp_path / "known.json"
    known = [KnownFinding(str(tmp_path / "a"), None, "DS001", name) for name in names] * 2
    file.write_bytes(baseline_bytes(file, known))
    read = read_baseline(file)
    assert sorted(map(str, read.known(str(tmp_path / "a"), None))) == sorted(
        str(("DS001", name)) for name in names * 2
    )
    assert read.known(str(tmp_path / "b"), None) == ()
    assert read.known(str(tmp_path / "a"), str(tmp_path / "m")) == ()
    rows = json.loads(file.read_bytes().decode("utf-8", "surrogateescape"))["findings"]
    assert [each["net"] for each in rows] == ["a"] * len(names)


def test_in_python(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(folder, "nets", *BASELINE)
    monkeypatch.chdir(folder)
    result = ds.check("nets/a.prototxt", baseline="known.json")
    assert (result.findings, result.ignored, result.passed) == ((), 3, True)


# ── every net of a folder ───────────────────────────────────────────────────────────────


def test_every_net_of_a_folder(folder: Path) -> None:
    (folder / "nets/deep/er").mkdir(parents=True)
    (folder / "nets/deep/er/c.prototxt").write_text(net("up"))
    (folder / "nets/.hidden").mkdir()
    (folder / "nets/.hidden/d.prototxt").write_text(net("up"))
    (folder / "nets/._a.prototxt").write_bytes(b"\x00\x05\x16\x07")
    (folder / "nets/none.prototxt").write_text('name: "no Deconvolution"')
    (folder / "nets/solver.prototxt").write_text('net: "a.prototxt" base_lr: 0.1')
    (folder / "nets/readme.txt").write_text("no net")
    for given in ("nets", "nets/", "./nets"):
        code, _, document = checked(folder, given)
        named = [os.path.relpath(each["net"], "nets") for each in document["pairs"]]
        expected = ["a", "b", "deep/er/c", "none", "solver"]
        assert (code, named) == (1, [f"{each}.prototxt" for each in expected])
        assert all(each["error"] is None for each in document["pairs"])
    code, _, document = checked(folder / "nets", ".")
    assert document["pairs"][0]["net"] == "a.prototxt"
    assert len(document["pairs"]) == 5


def test_every_net_of_a_folder_in_a_store(s3: Any, tmp_path: Path) -> None:
    for name in ("b.prototxt", "a.prototxt", "deep/er/c.prototxt", ".hidden/d.prototxt", "e.txt"):
        s3.put(f"nets/{name}", net("up").encode())
    s3.put("nets2/f.prototxt", net("up").encode())
    code, _, document = checked(tmp_path, "s3://zoo/nets/")
    assert code == 1
    assert [each["net"] for each in document["pairs"]] == [
        f"s3://zoo/nets/{name}.prototxt" for name in ("a", "b", "deep/er/c")
    ]
    code, out, _ = run_here(tmp_path, "check", "--json", "s3://zoo/none/")
    error = json.loads(out)["error"]
    assert (code, error["kind"], error["file"]) == (3, "SelectionError", "s3://zoo/none/")


def test_a_net_of_a_folder_has_the_models_of_the_settings(folder: Path) -> None:
    (folder / "m1").write_bytes(b"")
    (folder / "m2").write_bytes(b"")
    (folder / "deconvsurgery.toml").write_text(
        "ignore = 'DS010'\n"
        "[[pairs]]\nnet = 'nets/a.prototxt'\nmodel = 'm1'\nselect = 'DS009'\n"
        "[[pairs]]\nnet = 'nets/{name}.prototxt'\nmodel = 'm2'\n"
    )
    code, found, document = checked(folder, "nets")
    pairs = [(each["net"], each["model"]) for each in document["pairs"]]
    assert pairs == [
        ("nets/a.prototxt", "m1"),
        ("nets/a.prototxt", "m2"),
        ("nets/b.prototxt", "m2"),
    ]
    assert (code, found) == (3, [])  # there is nothing in the models
    _, found, document = checked(folder, "--isolated", "nets")
    assert [each["model"] for each in document["pairs"]] == [None, None]


def test_a_folder_and_files(folder: Path) -> None:
    (folder / "c.prototxt").write_text(net("up"))
    _, _, document = checked(folder, "c.prototxt", "nets", "c.prototxt")
    assert [each["net"] for each in document["pairs"]] == [
        "c.prototxt",
        "nets/a.prototxt",
        "nets/b.prototxt",
        "c.prototxt",
    ]


def test_a_net_of_a_folder_that_is_broken_is_an_error(folder: Path) -> None:
    (folder / "nets/c.prototxt").write_text("layer {")
    code, _, document = checked(folder, "nets")
    assert code == 3
    assert [each["error"] is None for each in document["pairs"]] == [True, True, False]


def test_a_folder_without_nets(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code, out, errors = run_here(tmp_path, "check", "empty", "--json")
    error = json.loads(out)["error"]
    assert (code, errors, error["kind"], error["file"]) == (3, b"", "SelectionError", "empty")
    code, found, document = checked(tmp_path, "empty", "--allow-empty")
    assert (code, found, document["pairs"]) == (0, [], [])
