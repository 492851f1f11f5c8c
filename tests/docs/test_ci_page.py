"""The recipes of docs/ci.md, run as they stand there; each is a valid file of its kind."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest
import yaml
from jsonschema import Draft7Validator
from pre_commit.clientlib import load_config

import deconvsurgery as ds
from deconvsurgery.report.repair_block import TITLE
from helpers.documents import published
from helpers.models import base_model
from helpers.places import ROOT
from helpers.settings import USUAL, settings_of
from helpers.words import Words, numbers

PAGE = (ROOT / "docs" / "ci.md").read_text("utf-8")
FILES: dict[str, str] = dict(
    re.findall(r"^<!-- file: (\S+) -->\n```\w+\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
)
ACTION = ROOT / ".github" / "actions" / "deconvsurgery"
USES = "OWNER/deconvsurgery/.github/actions/deconvsurgery@"

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
CLASSIFIER = 'input: "d" input_shape { dim: 1 dim: 5 dim: 9 dim: 9 }\n'


def test_the_page_has_each_recipe() -> None:
    assert list(FILES) == [
        "deconvsurgery.toml",
        "pyproject.toml",
        ".pre-commit-config.yaml",
        ".github/workflows/nets.yml",
        ".github/workflows/review.yml",
        ".gitlab-ci.yml",
        "azure-pipelines.yml",
        "Jenkinsfile",
        "Makefile",
        "dvc.yaml",
    ]
    assert PAGE.count("\n```") == 2 * len(FILES)


INSTALL = (
    'pip install --quiet "deconvsurgery @ git+https://github.com/OWNER/deconvsurgery@REVISION"'
)


def test_every_recipe_has_what_there_is_today() -> None:
    """A revision of the repository: no release, and no name that may be another project's."""
    for name, text in FILES.items():
        assert not re.search(r"v?\d+\.\d+\.\d+", text), name
        for line in text.splitlines():
            if "pip install" in line:
                assert INSTALL in line
    assert sum(INSTALL in text for text in FILES.values()) == 4
    used = [line for line in FILES[".github/workflows/nets.yml"].splitlines() if "OWNER" in line]
    assert [line.rpartition("@")[2] for line in used] == ["REVISION"] * 2


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of nets with their base models, and the command on the path."""
    for folder in ("nets", "base", "bin"):
        (tmp_path / folder).mkdir()
    (tmp_path / "nets" / "fcn8s.prototxt").write_text(GOOD)
    (tmp_path / "base" / "fcn8s.caffemodel").write_bytes(base_model(ds.parse_net(GOOD.encode())))
    command = tmp_path / "bin" / "deconvsurgery"
    python = shlex.quote(sys.executable)
    command.write_text(f'#!/bin/sh\nexec {python} -m deconvsurgery "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(*command: str, code: int = 0, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | (env or {}),
        timeout=120,
        check=False,
    )
    words = done.stdout.decode()
    assert done.returncode == code, (command, words)
    return words


def written(place: Path, name: str) -> Path:
    path = place / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(FILES[name], "utf-8")
    return path


def made(place: Path) -> Path:
    """The model that is to be made, made by other means."""
    model = place / "build" / "fcn8s.caffemodel"
    model.parent.mkdir()
    ds.apply(place / "nets" / "fcn8s.prototxt", place / "base" / "fcn8s.caffemodel", model)
    return model


def holds_the_diagonal(path: Path) -> bool:
    (row,) = ds.inspect(model=path).layers
    assert row.weights is not None
    return row.weights.state is ds.WeightState.BILINEAR


# --- configuration


def test_the_configuration_file_says_what_the_page_says(place: Path, words: Words) -> None:
    settings = settings_of(written(place, "deconvsurgery.toml"))
    ignoring = USUAL | {"ignore": ("DS010",)}
    assert settings.checking._asdict() == ignoring
    first, second = settings.pairs
    assert (first.net, first.model) == (
        f"{place}/nets/fcn8s.prototxt",
        f"{place}/build/fcn8s.caffemodel",
    )
    asked = {"pattern": ("up*", "score2"), "frozen": True}
    assert first.checking._asdict() == ignoring | asked
    assert (second.net, second.model) == (f"{place}/nets/classifier.prototxt", None)
    assert second.checking._asdict() == ignoring | {"allow_empty": True}
    assert (first.output, second.output) == (None, None)
    made(place)
    (place / "nets" / "classifier.prototxt").write_text(CLASSIFIER)
    last = told("deconvsurgery", "check").splitlines()[-1]
    assert numbers(last) == [1, 2]
    words(last)


def test_the_same_in_a_pyproject(place: Path) -> None:
    settings = settings_of(written(place, "pyproject.toml"))
    (pair,) = settings.pairs
    assert pair.net == f"{place}/nets/fcn8s.prototxt"
    assert pair.checking._asdict() == USUAL | {"ignore": ("DS010",)}


def test_every_key_is_explained() -> None:
    explained = set(re.findall(r"^\| `([\w-]+)` \| [a-z`]", PAGE, re.MULTILINE))
    keys = {name.replace("_", "-") for name in USUAL}
    assert {"pairs", "net", "model", *keys} <= explained
    for key in keys:
        line = next(line for line in PAGE.splitlines() if line.startswith(f"| `{key}` |"))
        option = {"pattern": "-p", "exclude": "-x"}.get(key, f"--{key}")
        assert f"`{option}`" in line


# --- pre-commit


@pytest.mark.campaign
def test_the_pre_commit_configuration(place: Path, words: Words) -> None:
    path = written(place, ".pre-commit-config.yaml")
    assert load_config(str(path))["repos"]
    (repo,) = yaml.safe_load(path.read_text())["repos"]
    offered = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    # What is recommended never changes a net without its model.
    recommended = {each["id"] for each in offered} - {"deconvsurgery-patch-net"}
    assert {each["id"] for each in repo["hooks"]} == recommended
    assert all(f"`{each['id']}`" in PAGE for each in offered)
    for each in repo["hooks"]:
        entry = next(hook["entry"] for hook in offered if hook["id"] == each["id"])
        command = [*shlex.split(entry), *each.get("args", []), "nets/fcn8s.prototxt"]
        words(told(*command).splitlines()[-1], each["id"])


# --- GitHub


def valid(schema: str, path: Path) -> None:
    told(sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path))


@pytest.mark.campaign
def test_the_workflow(place: Path) -> None:
    """Its steps' inputs exist, and the action's script takes them as they are."""
    path = written(place, ".github/workflows/nets.yml")
    valid("vendor.github-workflows", path)
    jobs = yaml.safe_load(path.read_text())["jobs"]
    described = yaml.safe_load((ACTION / "action.yml").read_text("utf-8"))["inputs"]
    used = [
        step["with"]
        for job in jobs.values()
        for step in job["steps"]
        if step["uses"].startswith(USES)
    ]
    assert [each.get("command") for each in used] == [None, "apply"]
    (place / "nets" / "solver.prototxt").write_text('net: "nets/fcn8s.prototxt"\n')
    for inputs in used:
        assert inputs.keys() <= described.keys()
        script = f"{inputs.get('command', 'check')}.sh"
        env = {f"INPUT_{key.upper().replace('-', '_')}": each for key, each in inputs.items()}
        files = {key: str(place / key) for key in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        told("bash", str(ACTION / script), env=env | files | {"PYTHON": sys.executable})
    uploaded = next(
        step["with"]["sarif_file"]
        for step in jobs["check"]["steps"]
        if "upload-sarif" in step["uses"]
    )
    assert json.loads((place / uploaded).read_bytes())["version"] == "2.1.0"
    artifact = jobs["apply"]["steps"][-1]["with"]["path"]
    assert holds_the_diagonal(place / artifact)


def test_every_input_and_output_of_the_action_is_explained() -> None:
    described = yaml.safe_load((ACTION / "action.yml").read_text("utf-8"))
    part = PAGE.partition("## GitHub")[2].partition("## GitLab")[0]
    for name in (*described["inputs"], *described["outputs"]):
        assert f"`{name}`" in part, name


# --- GitLab


def test_the_gitlab_job(place: Path) -> None:
    path = written(place, ".gitlab-ci.yml")
    valid("vendor.gitlab-ci", path)
    (job,) = yaml.safe_load(path.read_text()).values()
    assert job["before_script"] == [INSTALL]
    (place / "deconvsurgery.toml").write_text('[[pairs]]\nnet = "nets/fcn8s.prototxt"\n')
    report = place / job["artifacts"]["reports"]["codequality"]
    bad = ["DS008 filler-without-group", TITLE]
    for text, code, found in ((BAD, 1, bad), (GOOD, 0, [])):
        (place / "nets" / "fcn8s.prototxt").write_text(text)
        told("sh", "-ec", "\n".join(job["script"]), code=code)
        assert [each["check_name"] for each in json.loads(report.read_bytes())] == found
        assert failures(place / job["artifacts"]["reports"]["junit"]) == code


# --- Azure Pipelines, Jenkins


def failures(path: Path) -> int:
    """How many tests failed in a report of JUnit's."""
    root = fromstring(path.read_bytes())
    assert root.attrib["errors"] == "0"
    assert int(root.attrib["tests"]) > int(root.attrib["failures"])
    return int(root.attrib["failures"])


def with_pairs(place: Path) -> Path:
    (place / "deconvsurgery.toml").write_text('[[pairs]]\nnet = "nets/fcn8s.prototxt"\n')
    return place / "nets" / "fcn8s.prototxt"


def test_the_azure_pipeline(place: Path) -> None:
    path = written(place, "azure-pipelines.yml")
    valid("vendor.azure-pipelines", path)
    _, install, check, publish = yaml.safe_load(path.read_text())["steps"]
    assert install["script"] == INSTALL
    net = with_pairs(place)
    for text, code in ((BAD, 1), (GOOD, 0)):
        net.write_text(text)
        said = told("bash", "-ec", check["script"], code=code)
        assert said.count("##vso[task.logissue type=warning;sourcepath=nets/fcn8s.") == code
        assert failures(place / publish["inputs"]["testResultsFiles"]) == code


def test_the_jenkinsfile(place: Path) -> None:
    """The lines of its script, run as Jenkins runs them; the braces close."""
    text = written(place, "Jenkinsfile").read_text()
    assert (text.count("{"), text.count("'") % 2) == (text.count("}"), 0)
    (script,) = re.findall("sh '''\n(.*?)'''", text, re.DOTALL)
    venv, install, check = (line.strip() for line in script.strip().splitlines())
    assert (venv, install) == ("python -m venv venv", f"venv/bin/{INSTALL}")
    (report,) = re.findall(r"junit '(.*)'", text)
    net = with_pairs(place)
    for words, code in ((BAD, 1), (GOOD, 0)):
        net.write_text(words)
        told("sh", "-xec", check.removeprefix("venv/bin/"), code=code)
        assert failures(place / report) == code


# --- reviewdog


def test_the_review(place: Path) -> None:
    """What reviewdog is given: one that only keeps it stands in its place."""
    path = written(place, ".github/workflows/review.yml")
    valid("vendor.github-workflows", path)
    *_, install, review = yaml.safe_load(path.read_text())["jobs"]["nets"]["steps"]
    assert install["run"] == INSTALL
    kept = place / "kept.json"
    dog = place / "bin" / "reviewdog"
    dog.write_text(f'#!/bin/sh\ncat > {shlex.quote(str(kept))}\necho "$@"\n')
    dog.chmod(0o755)
    net = place / "nets" / "fcn8s.prototxt"
    for text, code, suggested in ((BAD, 0, 1), (GOOD, 0, 0), ("layer {", 3, 0)):
        net.write_text(text)
        said = told("bash", "-e", "-c", review["run"], code=code)
        assert said.split()[0] == "-f=rdjson"
        found = json.loads(kept.read_bytes())["diagnostics"]
        assert sum("suggestions" in each for each in found) == suggested
        assert (code == 3) == any(each.get("code") == {"value": "PrototxtError"} for each in found)


# --- Make


@pytest.mark.campaign
def test_the_makefile(place: Path, words: Words) -> None:
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    written(place, "Makefile")
    model = place / "build" / "fcn8s.caffemodel"
    assert "deconvsurgery apply --force nets/fcn8s.prototxt" in told("make")
    assert holds_the_diagonal(model)
    done = model.stat()
    assert "deconvsurgery" not in told("make")
    assert model.stat() == done
    words(told("make", "check").splitlines()[-1])
    # A net that changes makes the model anew; one that is wrong leaves what was there.
    before = model.read_bytes()
    net = place / "nets" / "fcn8s.prototxt"
    for text, code, after in (("layer { name: }\n", 2, before), (GOOD + "# newer\n", 0, before)):
        net.write_text(text)
        os.utime(model, (1, 1))
        assert "deconvsurgery apply" in told("make", code=code)
        assert model.read_bytes() == after
    net.write_text(BAD)
    told("make", "check", code=2)


# --- DVC


@pytest.mark.campaign
def test_the_dvc_stages(place: Path) -> None:
    """Each stage's command needs what is listed, and makes what is listed, nothing else."""
    stages = yaml.safe_load(written(place, "dvc.yaml").read_text())
    schema = published(
        "https://raw.githubusercontent.com/iterative/dvcyaml-schema/master/schema.json"
    )
    assert [each.message for each in Draft7Validator(schema).iter_errors(stages)] == []
    for stage in stages["stages"].values():
        listed = [next(iter(each)) if isinstance(each, dict) else each for each in stage["outs"]]
        before = {path for path in place.rglob("*") if path.is_file()}
        assert {place / each for each in stage["deps"]} <= before
        told("sh", "-c", stage["cmd"])
        after = {path for path in place.rglob("*") if path.is_file()}
        assert after - before == {place / each for each in listed}
        first = {each: (place / each).read_bytes() for each in listed}
        told("sh", "-c", stage["cmd"])
        assert {each: (place / each).read_bytes() for each in listed} == first
    assert holds_the_diagonal(place / "build" / "fcn8s.caffemodel")
    assert json.loads((place / "build" / "check.json").read_bytes())["passed"] is True
    (place / "build" / "fcn8s.caffemodel").write_bytes(
        (place / "base" / "fcn8s.caffemodel").read_bytes()
    )
    (place / "nets" / "fcn8s.prototxt").write_text(BAD)
    told("sh", "-c", stages["stages"]["check"]["cmd"], code=1)
