"""What others need to carry the project on: workflows, templates, citation, metadata."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

import deconvsurgery as ds
from helpers.places import DOCS, ROOT

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
PINNED = re.compile(r"[\w-]+/[\w./-]+@[0-9a-f]{40}    # v\d+\.\d+\.\d+")
SCHEMAS = [
    *(("github-workflows", path) for path in WORKFLOWS),
    ("dependabot", GITHUB / "dependabot.yml"),
    ("github-issue-forms", GITHUB / "ISSUE_TEMPLATE" / "bug.yml"),
    ("github-issue-forms", GITHUB / "ISSUE_TEMPLATE" / "idea.yml"),
    ("github-issue-config", GITHUB / "ISSUE_TEMPLATE" / "config.yml"),
    ("citation-file-format", ROOT / "CITATION.cff"),
]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PYTHONS = [
    each.rpartition(" ")[2]
    for each in PROJECT["classifiers"]
    if re.fullmatch(r"Programming Language :: Python :: 3\.\d+", each)
]


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def jobs() -> dict[str, dict[str, Any]]:
    """Each job of each workflow, as ``tests/everything``."""
    found = {path.stem: loaded(path)["jobs"] for path in WORKFLOWS}
    return {f"{file}/{name}": job for file, them in found.items() for name, job in them.items()}


@pytest.mark.parametrize(
    ("schema", "path"), SCHEMAS, ids=[f"{path.parent.name}-{path.name}" for _, path in SCHEMAS]
)
def test_each_file_is_as_its_schema_has_it(schema: str, path: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    done = subprocess.run(
        [*command, str(path)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


# --- workflows


def test_every_action_is_pinned_by_its_commit() -> None:
    used = [
        line.partition("uses: ")[2].rstrip()
        for path in WORKFLOWS
        for line in path.read_text("utf-8").splitlines()
        if "uses: " in line
    ]
    foreign = [each for each in used if not each.startswith("./.github/workflows/")]
    assert len(foreign) > 10
    assert [each for each in foreign if not PINNED.fullmatch(each)] == []
    by_action: dict[str, set[str]] = {}
    for each in foreign:
        by_action.setdefault(each.partition("@")[0], set()).add(each)
    assert [each for each in by_action.values() if len(each) != 1] == []


def test_a_job_may_read_the_code_and_only_the_last_one_of_a_release_more() -> None:
    for path in WORKFLOWS:
        assert loaded(path)["permissions"] == {}
        assert "secrets" not in path.read_text("utf-8")
        assert "pull_request_target" not in path.read_text("utf-8")
    allowed = {name: job["permissions"] for name, job in jobs().items()}
    assert allowed.pop("release/publish") == {"id-token": "write"}
    assert {tuple(each.items()) for each in allowed.values()} == {(("contents", "read"),)}


def test_what_publishes_runs_no_code_of_the_repository() -> None:
    job = jobs()["release/publish"]
    assert [each["uses"].partition("@")[0] for each in job["steps"]] == [
        "actions/download-artifact",
        "pypa/gh-action-pypi-publish",
    ]
    assert set(job["needs"]) == {"tests", "build"}
    assert job["environment"] == "pypi"  # as docs/contributing.md has it
    page = (DOCS / "contributing.md").read_text("utf-8")
    assert "`release.yml`" in page
    assert "`pypi`" in page


def test_each_python_and_system_that_the_metadata_names_is_tested() -> None:
    matrix = jobs()["tests/tests"]["strategy"]["matrix"]
    assert matrix["python"] == PYTHONS
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"
    assert [each.partition("-")[0] for each in matrix["system"]] == ["ubuntu", "macos"]
    systems = [each for each in PROJECT["classifiers"] if each.startswith("Operating System")]
    assert systems == ["Operating System :: MacOS", "Operating System :: POSIX :: Linux"]


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("zizmor", ["--offline", "--quiet", str(GITHUB)]),
        ("actionlint", [str(path) for path in WORKFLOWS]),
    ],
)
def test_a_linter_of_workflows_finds_nothing(tool: str, arguments: list[str]) -> None:
    """Both run in checks.yml; ``.ci/run`` runs zizmor, which the index has as a wheel."""
    found = shutil.which(tool, path=f"{Path(sys.executable).parent}") or shutil.which(tool)
    if found is None:
        pytest.skip(f"{tool} is not installed")
    done = subprocess.run(
        [found, *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


# --- metadata


def test_the_citation_is_of_this_version() -> None:
    citation = loaded(ROOT / "CITATION.cff")
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == ds.__version__
    assert citation["license"] == PROJECT["license"]
    assert citation["keywords"] == PROJECT["keywords"]
    (holder,) = re.findall(r"^Copyright \(c\) \d+ (.+)$", (ROOT / "LICENSE").read_text(), re.M)
    assert [each["name"] for each in citation["authors"]] == [holder]
