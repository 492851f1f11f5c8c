"""What the documents say is true: commands, transcripts, links."""

from __future__ import annotations

import doctest
import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import jsonschema
import pytest

from deconvsurgery.cli import VERBS, deconvsurgery
from deconvsurgery.finding import RULES
from deconvsurgery.fingerprint import State
from deconvsurgery.json_schemas import described, json_schema
from deconvsurgery.prototxt import parse_net
from deconvsurgery.sample import base_model, net_text

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"]
README = (ROOT / "README.md").read_text("utf-8")


ROOMS = sorted(path.stem for path in (ROOT / "deconvsurgery").glob("*.py") if path.stem[0] != "_")


def printed(command: list[str], place: Path) -> list[str]:
    """A command's lines on a terminal of 80 columns, without colours."""
    env = os.environ | {"FORCE_COLOR": "1", "NO_COLOR": "1", "COLUMNS": "80", "TERM": "xterm"}
    done = subprocess.run(
        [sys.executable, "-m", "deconvsurgery", *command],
        cwd=place,
        env=env,
        capture_output=True,
        check=True,
        timeout=60,
    )
    plain = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout.decode("utf-8"))
    return [line.rstrip() for line in plain.splitlines()]


def test_the_transcript_is_the_tools_own_output(tmp_path: Path) -> None:
    found = re.findall(r"<!-- transcript: (.*?) -->\n```text\n(.*?)```", README, re.DOTALL)
    assert found
    for command, shown in found:
        lines = shown.splitlines()
        assert printed(command.split(), tmp_path)[: len(lines)] == lines


def test_the_first_screen_has_two_set_up_commands() -> None:
    first_screen = README.splitlines()[:26]
    assert len([line for line in first_screen if line.startswith("python3 -m venv")]) == 2
    assert [line for line in first_screen if line.startswith("<picture>")]
    assert "[中文](docs/zh/README.md)" in first_screen[2]
    law = "bytes outside the rewritten blobs are identical, and a failed run loses nothing"
    assert law in README.partition("```")[0]


def test_the_commands_that_make_an_fcn_run(tmp_path: Path) -> None:
    """On a classifier of a few kilobytes, with names of its own for the page's nets and models."""
    page = (ROOT / "docs" / "fcn-without-caffe.md").read_text("utf-8")
    blocks = re.findall(r"^```\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    commands = [line for block in blocks for line in block.splitlines()]
    golden = ROOT / "tests" / "golden" / "transplant"
    net = (golden / "fcn.prototxt").read_text("utf-8")
    score = 'layer { name: "score_pool4" type: "Convolution" bottom: "pool1" top: "score_pool4" '
    score += "convolution_param { num_output: 5 kernel_size: 1 } }"
    nets = {"fcn32s": net, "more-classes": net.replace("num_output: 5", "num_output: 7")}
    for name, text in (nets | {"fcn16s": net + score}).items():
        (tmp_path / f"{name}.prototxt").write_text(text, "utf-8")
    (tmp_path / "vgg16.caffemodel").write_bytes((golden / "classifier.caffemodel").read_bytes())
    (tmp_path / "fcn32s.caffemodel").write_bytes((golden / "fcn-expected.caffemodel").read_bytes())
    assert len(commands) == 6
    for command in commands:
        tool, *arguments = command.split()
        assert tool == "deconvsurgery"
        before = set(tmp_path.iterdir())
        shown = "\n".join(printed(arguments, tmp_path))
        written = {path.name for path in set(tmp_path.iterdir()) - before}
        named = {each for each in arguments if each.endswith(".caffemodel")}
        assert written <= named
        told = re.search(r"(coerced|copied|expanded|upscore)", shown)
        assert told is not None
    made = {path.name for path in tmp_path.glob("*.caffemodel")}
    assert made == set(re.findall(r"[\w-]+\.caffemodel", " ".join(commands)))


@pytest.fixture
def shell(tmp_path: Path) -> Callable[[list[str]], str]:
    """Run a command beside the demo's net and model; `deconvsurgery` and `python` are these."""
    tools = {"deconvsurgery": "-m deconvsurgery", "python": ""}
    for name, arguments in tools.items():
        tool = tmp_path / "bin" / name
        tool.parent.mkdir(exist_ok=True)
        tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        tool.chmod(0o755)
    (tmp_path / "net.prototxt").write_bytes(net_text())
    (tmp_path / "in.caffemodel").write_bytes(base_model(parse_net(net_text())))
    path = os.pathsep.join([str(tmp_path / "bin"), os.environ["PATH"]])

    def run(command: list[str]) -> str:
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=os.environ | {"PATH": path},
            capture_output=True,
            check=True,
            timeout=60,
        )
        assert done.stderr == b""
        return done.stdout.decode("utf-8")

    return run


def test_what_the_page_on_json_runs_prints_what_it_says(shell: Callable[[list[str]], str]) -> None:
    page = (ROOT / "docs" / "json.md").read_text("utf-8")
    runs = re.findall(r"<!-- run -->\n```\n(.*?)```\n\nprints\n\n```\n(.*?)```", page, re.DOTALL)
    assert len(runs) == page.count("<!-- run -->") == 4
    for command, shown in runs:
        assert shell(["bash", "-c", command]) == shown
    (program,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert shell(["python", "-c", program]) == ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_of_documents_fit_their_schema(page: Path) -> None:
    """And have every key."""
    for text in re.findall(r"```json\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
        document = json.loads(text)
        if document["command"] in described():
            jsonschema.validate(document, json_schema(document["command"]))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_the_command_line_page_names_every_option() -> None:
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    for verb in VERBS:
        assert f"`{verb}" in page
        command = deconvsurgery.get_command(click.Context(deconvsurgery), verb)
        assert command is not None
        for parameter in command.params:
            for option in parameter.opts:
                if option.startswith("--") and option != "--help":
                    assert option in page, (verb, option)


def test_every_state_and_finding_is_documented() -> None:
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    assert [state for state in State if f"`{state}`" not in page] == []
    rules = (ROOT / "docs" / "rules.md").read_text("utf-8")
    assert [rule for rule in RULES if f"## {rule}: " not in rules] == []


@pytest.mark.parametrize("room", ROOMS)
def test_the_examples_in_docstrings_are_true(room: str) -> None:
    source = (ROOT / "deconvsurgery" / f"{room}.py").read_text("utf-8")
    outcome = doctest.testmod(importlib.import_module(f"deconvsurgery.{room}"))
    assert outcome.failed == 0
    assert (outcome.attempted > 0) == (">>> " in source)
