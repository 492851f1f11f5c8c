"""``check`` as people run it: several nets, settings, formats; the same every time."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest

import deconvsurgery as ds
from deconvsurgery.cli.check_formats import FORMATS
from deconvsurgery.rules.finding import RULES
from helpers.documents import parsed_json
from helpers.models import demo_base, demo_net, write_demo
from helpers.places import PACKAGE
from helpers.runs import measured, run_here, tool
from helpers.words import Words, names, numbers

BAD = (
    'input: "d" input_shape { dim: 1 dim: 3 dim: 9 dim: 9 }\n'
    'layer { name: "%s" type: "Deconvolution" bottom: "d" top: "u" param { lr_mult: 0 }\n'
    "  convolution_param { num_output: 3 kernel_size: 4 stride: 4 bias_term: false } }\n"
)
GOOD = BAD.replace("stride: 4", "stride: 2 pad: 1")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "bad.prototxt").write_text(BAD % "up")
    (tmp_path / "good.prototxt").write_text(GOOD % "up")
    (tmp_path / "broken.prototxt").write_text("layer { name: }")
    (tmp_path / "demo.prototxt").write_bytes(demo_net())
    (tmp_path / "in.caffemodel").write_bytes(demo_base())
    return tmp_path


# --- lines and words


def test_lines_are_those_of_a_compiler(place: Path, words: Words) -> None:
    code, out, errors = run_here(place, "check", "bad.prototxt")
    assert (code, errors) == (1, b"")
    finding, repair, block, after, in_one, closing = out.decode().splitlines()
    assert finding.startswith("bad.prototxt:2:1: error: DS006 up: ")
    assert numbers(finding.partition(" up: ")[2]) == [4, 4, 4, 4, 0.25, 0.75, 1]
    words(finding.partition(" up: ")[2], "finding")
    assert repair == (
        "bad.prototxt:2:1: repair: deconvsurgery patch-net -p up --recipe --no-group --filler keep "
        "bad.prototxt bad.fixed.prototxt"
    )
    assert block == repair.replace(":2:1: repair:", ": repair, all of it:")
    words(after.removeprefix("bad.prototxt: "), "after")
    assert in_one.endswith(": deconvsurgery check --fix bad.prototxt")
    words(in_one.removeprefix("bad.prototxt: "), "in one")
    assert numbers(closing) == [1, 1]
    words(closing, "closing")
    code, out, errors = run_here(place, "check", "good.prototxt")
    (line,) = out.decode().splitlines()
    assert (code, numbers(line), errors) == (0, [1], b"")
    words(line, "good")


def test_a_model_is_named_in_the_repair(place: Path, words: Words) -> None:
    _, out, _ = run_here(place, "check", "in.caffemodel", "demo.prototxt")  # in either order
    lines = out.decode().splitlines()
    assert (
        "demo.prototxt:25:1: repair: deconvsurgery apply -p upscore2 demo.prototxt in.caffemodel "
        "in.fixed.caffemodel"
    ) in lines
    assert numbers(lines[-1]) == [1, 1, 2]
    words(lines[-1])


def test_names_that_would_act_are_harmless(place: Path) -> None:
    name = "up\\n[red]$(rm -rf ~)\\033[31m"
    (place / "a b;c.prototxt").write_text(BAD % name)
    _, out, _ = run_here(place, "check", "a b;c.prototxt")
    assert b"\x1b" not in out
    finding, repair, *_ = out.decode().splitlines()
    assert " DS006 up\\n[red]$(rm -rf ~)\\x1b[31m: " in finding
    assert repair.endswith("'a b;c.prototxt' 'a b;c.fixed.prototxt'")


def test_many_pairs_in_one_run(place: Path, words: Words) -> None:
    files = ["good.prototxt", "broken.prototxt", "demo.prototxt", "in.caffemodel", "bad.prototxt"]
    code, out, errors = run_here(place, "check", "--json", *files)
    assert (code, errors) == (3, b"")
    document = parsed_json(out)
    assert [(each["net"], each["model"]) for each in document["pairs"]] == [
        ("good.prototxt", None),
        ("broken.prototxt", None),
        ("demo.prototxt", "in.caffemodel"),
        ("bad.prototxt", None),
    ]
    assert [each["passed"] for each in document["pairs"]] == [True, False, False, False]
    assert document["pairs"][1]["error"]["kind"] == "PrototxtError"
    assert document["pairs"][1]["error"]["line"] == 1
    assert document["summary"]["rules"] == {"DS001": 1, "DS006": 1, "DS011": 1}
    assert not document["passed"]
    _, out, _ = run_here(place, "check", *files)
    *lines, closing = out.decode().splitlines()
    assert any(line.startswith("broken.prototxt:1:15: error: ") for line in lines)
    assert numbers(closing) == [2, 1, 4, 4, 1]
    words(closing)


def test_standard_input(place: Path) -> None:
    """Alone it is a net; beside a net it is the model."""

    def checked(*files: str, given: str) -> tuple[int, list[str]]:
        done = tool("check", place, *files, stdin=(place / given).read_bytes())
        assert done.stderr == b""
        return done.returncode, done.stdout.decode().splitlines()

    code, lines = checked("-", given="bad.prototxt")
    assert code == 1
    assert lines[0].startswith("-:2:1: error: DS006 up: ")
    code, lines = checked("demo.prototxt", "-", given="in.caffemodel")
    assert code == 1
    assert lines[0].startswith("demo.prototxt:25:1: error: DS001 upscore2: ")


def test_one_format_at_a_time(place: Path, words: Words) -> None:
    code, out, errors = run_here(place, "check", "--json", "--format", "github", "bad.prototxt")
    assert (code, errors) == (2, b"")
    error = parsed_json(out)["error"]
    assert "--json" in error["message"]
    assert "--format github" in error["message"]
    words(error["message"])
    code, out, _ = run_here(place, "check", "--json", "--format", "json", "bad.prototxt")
    assert (code, parsed_json(out)["passed"]) == (1, False)


def test_python_raises_what_the_command_line_tells(place: Path, words: Words) -> None:
    with pytest.raises(ds.PrototxtError) as broken:
        ds.check(place / "broken.prototxt")
    assert (broken.value.path, broken.value.line) == (str(place / "broken.prototxt"), 1)
    with pytest.raises(ds.SelectionError) as unmatched:
        ds.check(place / "good.prototxt", patterns="nothing")
    assert names(unmatched.value.message) == ["nothing", "up"]
    with pytest.raises(ds.ArgumentError) as no_rule:
        ds.check(place / "good.prototxt", select="DS9")
    assert names(no_rule.value.message) == ["DS9"]
    with pytest.raises(ValueError) as nothing:  # noqa: PT011 - its words are pinned
        ds.check()
    words(broken.value, "broken")
    words(unmatched.value, "unmatched")
    words(no_rule.value, "no rule")
    words(nothing.value, "nothing")
    assert ds.check(ds.read_net(place / "bad.prototxt")).findings[0].id == "DS006"


def test_a_layer_that_cannot_be_is_a_finding(place: Path) -> None:
    """Caffe would stop at it, whatever its name; what else is wrong is found all the same."""
    for number, line in enumerate(("stride: 0", "stride: 2 group: 2")):
        name = f"unset{number}"
        (place / name).write_text((BAD % "up").replace("stride: 4", line))
        for options in ([], ["-p", "x", "--allow-empty"]):
            code, out, _ = run_here(place, "check", "--json", *options, name)
            (found,) = (each for each in json.loads(out)["findings"] if each["id"] == "DS020")
            assert (code, found["line"], found["layer"]) == (1, 2, "up")
            assert (found["severity"], found["command"]) == ("error", None)


# --- settings

SETTINGS = """
ignore = ["DS010"]
frozen = true

[[pairs]]
net = "demo.prototxt"
model = "in.caffemodel"
pattern = "upscore*"

[[pairs]]
net = "bad.prototxt"
select = ["DS001", "DS006"]
"""


def test_check_alone_runs_what_the_settings_list(place: Path, words: Words) -> None:
    (place / "deconvsurgery.toml").write_text(SETTINGS)
    code, out, _ = run_here(place, "check", "--json")
    document = json.loads(out)
    assert code == 1
    assert [(each["net"], each["model"]) for each in document["pairs"]] == [
        ("demo.prototxt", "in.caffemodel"),
        ("bad.prototxt", None),
    ]
    assert document["summary"]["rules"] == {"DS001": 1, "DS006": 1, "DS011": 1}
    # From a folder below the paths lead to the same files.
    below = place / "ci"
    below.mkdir()
    _, out, _ = run_here(below, "check", "--json")
    assert json.loads(out)["pairs"][0]["net"] == "../demo.prototxt"
    # The command line has the last word; other nets are checked as the file says at its top.
    _, out, _ = run_here(place, "check", "--json", "--ignore", "DS001")
    assert json.loads(out)["summary"]["rules"] == {"DS006": 1, "DS011": 1}
    learns = GOOD.replace("param { lr_mult: 0 }", "").replace("bias_term: false", "group: 3")
    (place / "learns.prototxt").write_text(learns % "other")
    _, out, _ = run_here(place, "check", "--json", "-p", "*", "learns.prototxt")
    assert json.loads(out)["summary"]["rules"] == {"DS009": 1}
    _, out, _ = run_here(place, "check", "--json", "-p", "*", "--isolated", "learns.prototxt")
    assert json.loads(out)["summary"]["rules"] == {"DS009": 1, "DS010": 1}
    code, _, errors = run_here(place, "check", "--isolated")
    assert code == 2
    words(errors.decode().splitlines())


def test_pyproject_holds_settings_too(place: Path, words: Words) -> None:
    table = SETTINGS.replace("[[pairs]]", "[[tool.deconvsurgery.pairs]]")
    (place / "pyproject.toml").write_text("[tool.deconvsurgery]\n" + table)
    code, out, _ = run_here(place, "check", "--json")
    assert code == 1
    assert len(json.loads(out)["pairs"]) == 2
    inner = place / "inner"
    inner.mkdir()
    (inner / "pyproject.toml").write_text("[tool.other]\n")  # not ours: look further up
    assert len(json.loads(run_here(inner, "check", "--json")[1])["pairs"]) == 2
    (inner / "deconvsurgery.toml").write_text("")
    code, _, errors = run_here(inner, "check")
    assert code == 2
    assert b"deconvsurgery.toml" in errors
    words(errors.decode().splitlines())


# --- what a rule is about


def test_a_rule_is_explained(place: Path) -> None:
    code, out, errors = run_here(place, "check", "--explain", "ds004")
    assert (code, errors) == (0, b"")
    assert out.decode() == (PACKAGE / "rules" / "explained" / "DS004.md").read_text("utf-8")
    _, out, _ = run_here(place, "check", "--explain", "DS")
    every = sorted(path.stem for path in (PACKAGE / "rules" / "explained").glob("DS*.md"))
    assert every == sorted(RULES)
    assert re.findall(r"^# (DS\d{3}):", out.decode(), re.M) == every


# --- always the same


def test_the_same_input_gives_the_same_bytes(place: Path) -> None:
    files = ["demo.prototxt", "in.caffemodel", "bad.prototxt", "broken.prototxt"]
    for form in FORMATS:
        seen = {run_here(place, "check", "--format", form, *files) for _ in range(2)}
        moved = place / f"moved-{form}"
        shutil.copytree(place, moved, ignore=shutil.ignore_patterns("moved*"))
        os.utime(moved / "bad.prototxt", (0, 0))
        seen.add(run_here(moved, "check", "--format", form, *files))
        assert len(seen) == 1
        ((code, out, errors),) = seen
        assert (code, errors) == (3, b"")
        assert out.endswith(b"\n")


def test_memory_does_not_grow_with_the_model(place: Path) -> None:
    """60 classes, kernel 64: 59 MB of zeros are looked at a row at a time."""
    net = BAD.replace("dim: 3", "dim: 60").replace("num_output: 3", "num_output: 60")
    net = net.replace("kernel_size: 4 stride: 4", "kernel_size: 64 stride: 32 pad: 16")
    (place / "big.prototxt").write_text(net % "up")
    assert ds.apply(place / "big.prototxt", place / "in.caffemodel", place / "big").written
    peak, out = measured(place, "check", "-q", "--ignore", "DS011", "big.prototxt", "big")
    assert out == b""
    assert peak < 100_000  # kB


def test_a_net_that_the_settings_do_not_list_is_checked_alone(tmp_path: Path) -> None:
    write_demo(tmp_path, "listed.prototxt", "in.caffemodel")
    write_demo(tmp_path, "alone.prototxt", "in.caffemodel")
    line = "pairs = [{ net = 'listed.prototxt', model = 'in.caffemodel' }]\n"
    (tmp_path / "deconvsurgery.toml").write_text(line)
    for net, model in (("listed.prototxt", "in.caffemodel"), ("alone.prototxt", None)):
        _, out, _ = run_here(tmp_path, "check", "--fix", "--diff", "--json", net)
        (pair,) = json.loads(out)["pairs"]
        assert (pair["net"], pair["model"]) == (net, model)


def test_a_field_that_is_misspelt_twice_is_found_twice_in_its_row() -> None:
    text = demo_net().replace(b"kernel_size: 4 stride: 2", b"kernal_size: 4 kernal_size: 4", 1)
    result = ds.check(ds.parse_net(text), select="DS013")
    assert len(result.findings) == 2
    (row,) = [row for row in result.layers if row.findings]
    assert row.findings == result.findings
