"""A command or option that there is not: what was probably meant is in the error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from deconvsurgery.cli.wrong_usage import usage_advice
from helpers.commands import VERBS
from helpers.runs import run_here

if TYPE_CHECKING:
    from helpers.words import Words

# The line, and what its error or hint names.
MISTAKES = {
    "aply net.prototxt in.caffemodel out": "apply",
    "inspekt net.prototxt": "inspect",
    "chek net.prototxt": "check",
    "trasnplant a b c": "transplant",
    "patchnet net.prototxt": "patch-net",
    "patch net.prototxt out": "patch-net",
    "complete bash": "completion",
    "fix net.prototxt": "check --fix",
    "undo out patch": "revert",
    "compare a b": "diff",
    "help apply": "--help",
    "version": "--version",
    "Apply a b c": "apply",
    "nothing-like-it": ", ".join(VERBS),
    "net.prototxt": "inspect net.prototxt",
    "net.prototxt in.caffemodel": "inspect net.prototxt in.caffemodel",
    "net.prototxt in.caffemodel out.caffemodel -f": (
        "apply net.prototxt in.caffemodel out.caffemodel"
    ),
    "none.caffemodel": "inspect none.caffemodel",
    "s3://bucket/key": "inspect s3://bucket/key",
    "zoo.toml": "sweep zoo.toml",
    "zoo.toml out": "sweep zoo.toml",
    "a-file": "inspect a-file",
    "nets": "check nets",
    "-": "inspect -",
    "apply net in -o out": "OUT needs no option",
    "apply net in --output out": "OUT needs no option",
    "convert in -o out": "OUT needs no option",
    "patch-net net -o out": "OUT needs no option",
    "transplant net in -o out": "OUT needs no option",
    "regroup net in -o out": "OUT_NET and OUT_MODEL need no option",
    "demo -o folder": "DIR needs no option",
    "check net -o page": "--report",
    "inspect net -o page": "--report",
    "sweep -o rows": "--results",
    "diff a b -o c": "diff --help",
    "apply net in --chek": "--check",
    "inspect net --josn": "--json",
    "convert in out --valeus float32": "--values",
    "--json inspect net": "after it",
    "-o out apply net in": "after it",
}


@pytest.mark.parametrize("line", MISTAKES)
def test_what_was_meant_is_said(line: str, tmp_path: Path, words: Words) -> None:
    (tmp_path / "a-file").write_text("")
    (tmp_path / "nets").mkdir()
    before = sorted(tmp_path.iterdir())
    code, out, errors = run_here(tmp_path, *line.split())
    if "--json" not in line:
        assert (code, out) == (2, b"")
        assert MISTAKES[line] in errors.decode()
        assert errors.count(b"\n") == 2  # the error, and its hint
    code, out, errors = run_here(tmp_path, *line.split(), "--json")
    document = json.loads(out)
    assert (code, errors, document["error"]["kind"]) == (2, b"", "UsageError")
    assert MISTAKES[line] in document["error"]["message"] + document["error"]["hint"]
    assert sorted(tmp_path.iterdir()) == before
    if "No such option" not in document["error"]["message"]:  # which click words
        words([document["error"]["message"], document["error"]["hint"]])


@pytest.mark.parametrize(("verb", "command"), [(None, ""), ("apply", " apply")])
def test_an_option_that_no_command_was_asked_for_has_little_advice(
    verb: str | None, command: str
) -> None:
    _, hint = usage_advice(click.NoSuchOption("--x"), verb)
    assert hint == f"see: deconvsurgery{command} --help"


def test_odd_words_are_no_command(tmp_path: Path) -> None:
    for word in ("\udcff", "x" * 100_000, "a\nb", "\0", " ", "é"):
        code, out, errors = run_here(tmp_path, word)
        assert (code, out) == (2, b"")
        assert errors.startswith(b"error: ")
