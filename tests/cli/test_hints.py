"""What a hint advises can be done: options that the verb has, verbs that there are, no file here.

Each message that the command line prints in other tests is held to the same
(``helpers/advice.py``); this walks the sources for hints that no test meets.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from deconvsurgery.cli import VERBS
from deconvsurgery.cli.option_names import named_for
from deconvsurgery.program.option_names import spoken
from helpers.advice import impossible, options_in
from helpers.commands import options_of
from helpers.models import demo_base, demo_net
from helpers.places import PACKAGE
from helpers.runs import run_here

MODULES = sorted(path for path in PACKAGE.rglob("*.py"))
ALL = frozenset(VERBS)
WRITING = ALL - {"diff", "kernel", "doctor", "completion"}


def hints(module: Path) -> Iterator[tuple[int, str]]:
    """Every text that is a hint, or a part of one: what ``hint=`` is given, what is so named."""
    tree = ast.parse(module.read_text("utf-8"))
    named = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "hint":
            value = node.value
            value = named.get(value.id, value) if isinstance(value, ast.Name) else value
            for part in ast.walk(value):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield node.value.lineno, part.value


HINTS = [
    (path.relative_to(PACKAGE).as_posix(), line, text)
    for path in MODULES
    for line, text in hints(path)
]


def verbs_of(module: str) -> frozenset[str]:
    """The verbs whose hint it can be: the module's own, all where several use it."""
    if module == "storage/replace_together.py":
        return frozenset({"check"})
    package, _, rest = module.partition("/")
    name = rest.split("/")[0].removesuffix(".py").replace("_", "-")
    if package in ("plans", "verbs", "cli") and name in ALL:
        return frozenset({name})
    if name.startswith(("fix", "check")):
        return frozenset({"check"})
    return {"sweeping": frozenset({"sweep"}), "storage": WRITING}.get(package, ALL)


def test_hints_are_found() -> None:
    assert len(HINTS) > 200
    assert {"storage", "plans", "inputs", "prototxt"} <= {each[0].split("/")[0] for each in HINTS}


# What a verb passes on of its own, or asks for: each such hint has a test below or in its place.
ONLY_WHERE_IT_IS_AN_OPTION = {
    ("--in-place", "storage/object_store/object_place.py"),
    ("--in-place", "storage/run_files.py"),
    ("--in-place", "verbs/open_and_write.py"),
    ("--allow-empty", "prototxt/nothing_selected.py"),
    ("--phase", "prototxt/nothing_selected.py"),
    ("-p", "prototxt/nothing_selected.py"),
    ("-x", "prototxt/nothing_selected.py"),
    ("--exclude", "prototxt/nothing_selected.py"),
}


@pytest.mark.parametrize(("module", "line", "text"), HINTS)
def test_a_hint_names_what_there_is(module: str, line: int, text: str) -> None:
    for each in sorted(verbs_of(module)):
        with named_for(each):
            said = spoken(text)
        for verb, option in options_in(said):
            if (option, module) not in ONLY_WHERE_IT_IS_AN_OPTION:
                known = ("--help", *options_of(verb or each))
                assert option in known, f"{verb or each} has no {option}"
    assert "docs/" not in text
    assert "deconvsurgery " not in text


def test_no_text_begins_a_command_with_the_name() -> None:
    """``started_as`` says how one begins. In docstrings of commands stand examples, for --help."""
    command = re.compile(rf"\bdeconvsurgery (?:{'|'.join(VERBS)})\b")
    for path in MODULES:
        tree = ast.parse(path.read_text("utf-8"))
        docstrings = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and id(node) not in docstrings:
                found = isinstance(node.value, str) and command.search(node.value)
                heading = "## deconvsurgery check"  # of a page
                assert not found or node.value == heading, f"{path}:{node.lineno}"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "net").write_bytes(demo_net())
    (tmp_path / "in").write_bytes(demo_base())
    (tmp_path / "none").write_text('input: "data" input_dim: [1, 3, 8, 8]\n')
    return tmp_path


# Every verb and each way in which a shared hint may name an option that only some have.
RUNS = [
    "apply none in out",
    "apply net in in",
    "apply net in",
    "check none in",
    "inspect -p up none in",
    "inspect -p nothing net in",
    "regroup none in a b",
    "regroup net in net b",
    "regroup net in",
    "transplant --apply none in out",
    "transplant net in in",
    "transplant net in",
    "patch-net none out",
    "patch-net net net",
    "convert in in",
    "convert in",
    "convert -p nothing in out",
    "diff -p nothing in in",
    "revert -o in in in",
    "inspect --report net net",
    "check --report net net",
    "sweep",
    "demo in",
]


@pytest.mark.parametrize("line", RUNS)
def test_what_is_advised_is_an_option_of_the_verb(line: str, place: Path) -> None:
    code, _, errors = run_here(place, *line.split())  # which holds the hint to the verb
    assert code > 0
    assert b"error: " in errors


def test_an_impossible_hint_is_found() -> None:
    assert impossible("inspect", "hint: with --allow-empty that is no error") == ["--allow-empty"]
    assert impossible("check", "hint: `convert --to binary` makes one; --nonsense") == [
        "--nonsense"
    ]
    assert impossible("apply", "hint: -x/--exclude leaves it out; --force replaces it") == []


def test_force_is_not_advised_where_no_file_can_be_made(place: Path) -> None:
    """The directory is the reason, and stays so."""
    closed = place / "closed"
    closed.mkdir()
    (closed / "out").write_bytes(b"")
    closed.chmod(0o555)
    try:
        if not os.access(closed, os.W_OK):  # root may write everywhere
            _, _, errors = run_here(place, "apply", "net", "in", "closed/out")
            assert b"--force" not in errors
    finally:
        closed.chmod(0o755)
