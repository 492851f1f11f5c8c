"""``check`` as people run it: several nets, settings, formats; the same every time."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import deconvsurgery as ds
from deconvsurgery.inputs.open_inputs import net_and_model, paired, read_settings
from deconvsurgery.inputs.settings import Checking, parse_settings
from deconvsurgery.report.repair_commands import mended_name
from deconvsurgery.rules.finding import RULES, rules_named
from helpers.documents import parsed_json
from helpers.models import demo_base, demo_net
from helpers.places import PACKAGE
from helpers.runs import COMMAND, run_here

RunHere = Callable[..., tuple[int, bytes, bytes]]
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


def test_lines_are_those_of_a_compiler(place: Path) -> None:
    code, out, errors = run_here(place, "check", "bad.prototxt")
    assert (code, errors) == (1, b"")
    assert out.decode().splitlines() == [
        "bad.prototxt:2:1: error: DS006 up: kernel 4x4 at stride 4x4 does not interpolate: "
        "gain per phase is 0.25 to 0.75, not 1",
        "bad.prototxt:2:1: repair: deconvsurgery patch-net -p up --recipe --no-group --filler keep "
        "bad.prototxt bad.mended.prototxt",
        "1 error; 1 matched layer.",
    ]
    code, out, errors = run_here(place, "check", "good.prototxt")
    assert (code, out, errors) == (0, b"No findings: 1 matched layer.\n", b"")


def test_a_model_is_named_in_the_repair(place: Path) -> None:
    _, out, _ = run_here(place, "check", "in.caffemodel", "demo.prototxt")  # in either order
    lines = out.decode().splitlines()
    assert (
        "demo.prototxt:25:1: repair: deconvsurgery apply -p upscore2 demo.prototxt in.caffemodel "
        "in.mended.caffemodel"
    ) in lines
    assert lines[-1] == "1 error and 1 warning; 2 matched layers."


def test_names_that_would_act_are_harmless(place: Path) -> None:
    name = "up\\n[red]$(rm -rf ~)\\033[31m"
    (place / "a b;c.prototxt").write_text(BAD % name)
    _, out, _ = run_here(place, "check", "a b;c.prototxt")
    assert b"\x1b" not in out
    finding, repair, _ = out.decode().splitlines()
    assert "up\\n[red]$(rm -rf ~)\\x1b[31m: kernel" in finding
    assert repair.endswith("'a b;c.prototxt' 'a b;c.mended.prototxt'")


def test_many_pairs_in_one_run(place: Path) -> None:
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
    assert closing == (
        "2 errors and 1 warning; 4 matched layers in 4 nets. 1 net could not be checked."
    )


def test_what_goes_with_what(place: Path) -> None:
    model = place / "in.caffemodel"
    second = Path(shutil.copy(model, place / "second"))
    one, two, lost = (str(place / name) for name in ("good.prototxt", "bad.prototxt", "lost"))
    weights, others = str(model), str(second)
    assert paired([one]) == ((one, None),)
    assert net_and_model([weights, one]) == (one, weights)
    for alike, words in (([one, two], "so is the other"), ([weights, others], "neither is")):
        with pytest.raises(ds.FormatError, match=words) as caught:
            net_and_model(alike)
        assert caught.value.path == alike[1]
    assert paired([weights]) == ((None, weights),)
    assert paired([weights, one]) == ((one, weights),)
    assert paired([one, two]) == ((one, None), (two, None))
    assert paired([one, weights, others, two]) == ((one, weights), (one, others), (two, None))
    assert paired([lost, one]) == ((lost, None), (one, None))
    with pytest.raises(ds.FormatError, match="no net stands before it"):
        paired([weights, one, two])


def test_standard_input(place: Path) -> None:
    """Alone it is a net; beside a net it is the model."""

    def checked(*files: str, given: str) -> tuple[int, list[str]]:
        with (place / given).open("rb") as stdin:
            done = subprocess.run(
                [*COMMAND, "check", *files],
                cwd=place,
                stdin=stdin,
                capture_output=True,
                check=False,
            )
        assert done.stderr == b""
        return done.returncode, done.stdout.decode().splitlines()

    code, lines = checked("-", given="bad.prototxt")
    assert code == 1
    assert lines[0].startswith("-:2:1: error: DS006 up: ")
    code, lines = checked("demo.prototxt", "-", given="in.caffemodel")
    assert code == 1
    assert lines[0].startswith("demo.prototxt:25:1: error: DS001 upscore2: ")


def test_one_format_at_a_time(place: Path) -> None:
    code, out, errors = run_here(place, "check", "--json", "--format", "github", "bad.prototxt")
    assert (code, errors) == (2, b"")
    error = parsed_json(out)["error"]
    assert error["message"] == "--json and --format github cannot both be"
    code, out, _ = run_here(place, "check", "--json", "--format", "json", "bad.prototxt")
    assert (code, parsed_json(out)["passed"]) == (1, False)


def test_python_raises_what_the_command_line_tells(place: Path) -> None:
    with pytest.raises(ds.PrototxtError):
        ds.check(place / "broken.prototxt")
    with pytest.raises(ds.SelectionError, match="no Deconvolution layer matches"):
        ds.check(place / "good.prototxt", patterns="nothing")
    with pytest.raises(ds.SelectionError, match="names no rule"):
        ds.check(place / "good.prototxt", select="DS9")
    with pytest.raises(ValueError, match="are needed"):
        ds.check()
    assert ds.check(ds.read_net(place / "bad.prototxt")).findings[0].id == "DS006"


def test_a_layer_that_cannot_be_is_an_error(place: Path) -> None:
    """Caffe would stop at it, and no rule says anything about it."""
    for number, line in enumerate(("stride: 0", "stride: 2 group: 2")):
        name = f"unset{number}"
        (place / name).write_text((BAD % "up").replace("stride: 4", line))
        code, _, errors = run_here(place, "check", name)
        assert code == 3
        assert errors.decode().startswith(
            f"error: {name}:2: layer 'up': Caffe would not set it up: "
        )
        assert run_here(place, "check", "-p", "x", "--allow-empty", name)[0] == 0


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


def test_check_alone_runs_what_the_settings_list(place: Path) -> None:
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
    _, out, _ = run_here(place, "check", "--json", "-p", "*", "demo.prototxt")
    assert json.loads(out)["summary"]["rules"] == {"DS009": 1}
    _, out, _ = run_here(place, "check", "--json", "-p", "*", "--isolated", "demo.prototxt")
    assert json.loads(out)["summary"]["rules"] == {"DS009": 1, "DS010": 1}
    code, _, errors = run_here(place, "check", "--isolated")
    assert code == 2
    assert b"no net is named" in errors


def test_pyproject_holds_settings_too(place: Path) -> None:
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
    assert b"deconvsurgery.toml lists no pairs" in errors


def test_settings_become_values() -> None:
    settings = parse_settings(SETTINGS, "x/deconvsurgery.toml", folder="x")
    assert settings is not None
    assert settings.checking == Checking(ignore=("DS010",), frozen=True)
    demo, bad = settings.pairs
    assert (demo.net, demo.model) == ("x/demo.prototxt", "x/in.caffemodel")
    assert demo.checking == Checking(pattern=("upscore*",), ignore=("DS010",), frozen=True)
    assert bad.checking.select == ("DS001", "DS006")
    assert parse_settings("[tool.ruff]", "pyproject.toml") is None
    state = parse_settings("phase = 'TRAIN'\nlevel = -2\nstage = 'a'", "deconvsurgery.toml")
    assert state is not None
    assert state.checking == Checking(phase="train", level=-2, stage=("a",))


@pytest.mark.parametrize(
    ("text", "words", "hint"),
    [
        ("pairs = 3", "pairs is a list of tables", None),
        ("pairs = [3]", "pairs is a list of tables", None),
        ("[[pairs]]", "pairs[0] names neither a net nor a model", None),
        ("[[pairs]]\nnet = 3", "pairs[0].net is a path or a list of them, not 3", None),
        ("[[pairs]]\nnet = ''", "pairs[0].net is a path or a list of them, not ''", None),
        ("[[pairs]]\nnet = 'a'\nmodle = 'b'", "pairs[0].modle is no key", "did you mean 'model'?"),
        ("patern = 'up'", "patern is no key", "did you mean 'pattern'?"),
        ("x = 1", "x is no key", "keys are pattern"),
        ("pattern = 3", "pattern is text or a list of texts, not 3", None),
        ("pattern = ['re:(']", "pattern: 're:(' is no regular expression", "plain text"),
        ("select = 'DS9'", "select: 'DS9' names no rule", "rules are DS001 to DS014"),
        ("phase = 'deploy'", "phase is train or test, not 'deploy'", None),
        ("level = true", "level is a whole number, not True", None),
        ("frozen = 1", "frozen is true or false, not 1", None),
        ("a = [", "is no TOML: ", None),
    ],
)
def test_what_settings_should_not_say(text: str, words: str, hint: str | None) -> None:
    with pytest.raises(ds.ConfigError) as caught:
        parse_settings(text, "deconvsurgery.toml")
    assert words in caught.value.message
    assert caught.value.path == "deconvsurgery.toml"
    assert (hint or "") in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[tool]\ndeconvsurgery = 1", "[tool.deconvsurgery] is no table"),
        ("x = " + "[" * 5000, "is nested too deeply"),
    ],
)
def test_a_pyproject_that_cannot_be(text: str, words: str) -> None:
    with pytest.raises(ds.ConfigError) as caught:
        parse_settings(text, "pyproject.toml")
    assert caught.value.message == words


def test_settings_in_another_place(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "ci.toml").write_text(SETTINGS)
    monkeypatch.chdir(place)
    settings = read_settings("ci.toml")
    assert settings is not None
    assert settings.pairs[0].net == "demo.prototxt"
    (place / "pyproject.toml").write_text("[tool.other]")
    with pytest.raises(ds.ConfigError, match=r"has no \[tool.deconvsurgery\]"):
        read_settings("pyproject.toml")
    (place / "latin.toml").write_bytes(b"pattern = '\xe9'")
    with pytest.raises(ds.ConfigError, match="UTF-8"):
        read_settings("latin.toml")


def test_rules_by_the_beginning_of_their_ids() -> None:
    assert rules_named(["DS"]) == {*RULES}
    assert rules_named(["ds01, DS003"]) == {*(f"DS0{n}" for n in range(10, 15)), "DS003"}
    for wrong in ("", "DS015", "D1", "E501", "DS001,,DS002"):
        with pytest.raises(ds.SelectionError, match="names no rule"):
            rules_named([wrong])


# --- what a rule is about


def test_a_rule_is_explained(place: Path) -> None:
    code, out, errors = run_here(place, "check", "--explain", "ds004")
    assert (code, errors) == (0, b"")
    assert out.decode() == (PACKAGE / "rules" / "explained" / "DS004.md").read_text("utf-8")
    _, out, _ = run_here(place, "check", "--explain", "DS")
    assert re.findall(r"^# (DS\d{3}):", out.decode(), re.M) == sorted(RULES)


# --- always the same


def test_the_same_input_gives_the_same_bytes(place: Path) -> None:
    files = ["demo.prototxt", "in.caffemodel", "bad.prototxt", "broken.prototxt"]
    for form in ("table", "json", "github", "gitlab", "markdown", "sarif"):
        seen = {run_here(place, "check", "--format", form, *files) for _ in range(2)}
        moved = place / f"moved-{form}"
        shutil.copytree(place, moved, ignore=shutil.ignore_patterns("moved*"))
        os.utime(moved / "bad.prototxt", (0, 0))
        seen.add(run_here(moved, "check", "--format", form, *files))
        assert len(seen) == 1
        ((code, out, errors),) = seen
        assert (code, errors) == (3, b"")
        assert out.endswith(b"\n")


def test_a_name_for_what_is_mended() -> None:
    assert mended_name("a.b/net.prototxt") == "a.b/net.mended.prototxt"
    assert mended_name("net.mended.prototxt", ["net.mended.prototxt"]) == "net.mended2.prototxt"
    assert mended_name("in.caffemodel.h5") == "in.mended.caffemodel.h5"
    assert mended_name("-") == "model.mended"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read in /proc")
def test_memory_does_not_grow_with_the_model(place: Path) -> None:
    """60 classes, kernel 64: 59 MB of zeros are looked at a row at a time."""
    net = BAD.replace("dim: 3", "dim: 60").replace("num_output: 3", "num_output: 60")
    net = net.replace("kernel_size: 4 stride: 4", "kernel_size: 64 stride: 32 pad: 16")
    (place / "big.prototxt").write_text(net % "up")
    assert ds.apply(place / "big.prototxt", place / "in.caffemodel", place / "big").written
    script = (
        "import sys; from deconvsurgery.cli import run; code = run(sys.argv[1:]);"
        "print(code, [l for l in open('/proc/self/status') if l.startswith('VmHWM')][0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "check", "-q", "--ignore", "DS011", "big.prototxt", "big"],
        cwd=place,
        capture_output=True,
        check=True,
        text=True,
    )
    code, _, peak, _ = done.stdout.split()
    assert code == "0"
    assert int(peak) < 100_000  # kB
