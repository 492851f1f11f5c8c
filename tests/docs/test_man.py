"""The man pages are what the commands say, and render."""

from __future__ import annotations

import inspect
import re
import runpy
import shutil
import subprocess
import tomllib
from pathlib import Path

import click
import pytest

import deconvsurgery as ds
from deconvsurgery.rules.finding import RULES
from helpers.commands import VERBS, command_of, options_of
from helpers.places import ROOT

PLACE = ROOT / "docs" / "man" / "man1"
GROFF = shutil.which("groff")
EVERY = ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES", "EXIT STATUS", "ENVIRONMENT")


def test_the_committed_pages_are_up_to_date() -> None:
    """Where this fails: ``python docs/man/make.py``."""
    made = runpy.run_path(str(ROOT / "docs" / "man" / "make.py"))["pages"]()
    committed = {path.name: path.read_text("ascii") for path in PLACE.iterdir()}
    assert set(committed) == {"deconvsurgery.1", *(f"deconvsurgery-{verb}.1" for verb in VERBS)}
    assert committed == made


def test_they_are_installed_where_man_looks() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    shared = project["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    assert shared["docs/man/man1"] == "share/man/man1"
    assert all((ROOT / source).exists() for source in shared)
    assert len(shared) == 4  # and for three shells: tests/cli/test_completion.py


@pytest.mark.skipif(GROFF is None, reason="groff is not here")
@pytest.mark.parametrize(
    "verb",
    [
        *("", "apply"),
        *(pytest.param(verb, marks=pytest.mark.campaign) for verb in VERBS if verb != "apply"),
    ],
)
def test_groff_renders_them(verb: str) -> None:
    name = f"deconvsurgery-{verb}" if verb else "deconvsurgery"
    done = subprocess.run(
        [str(GROFF), "-man", "-Tutf8", "-ww", "-rLL=80n", "-P-cbou", str(PLACE / f"{name}.1")],
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == b""
    lines = done.stdout.decode().splitlines()
    assert max(map(len, lines)) <= 80
    titles = [line for line in lines if re.fullmatch("[A-Z][A-Z ]+", line)]
    assert [title for title in EVERY if title not in titles] == []
    assert titles[-1] == "SEE ALSO"
    page = "\n".join(lines)
    flat = " ".join(page.split())
    command = command_of(verb)
    # The examples stand there character by character, the sentences word by word.
    _, _, shown = inspect.cleandoc(command.help or "").partition("\b\nExamples:\n")
    examples = inspect.cleandoc(shown.partition("\n\n")[0]).splitlines()
    assert examples
    assert [line for line in examples if f"    {line}" not in lines] == []
    first = " ".join(inspect.cleandoc(command.help or "").partition("\n\n")[0].split())
    assert first in flat
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert " ".join((parameter.help or "").split()) in flat
    for option in options_of(verb):
        assert re.search(rf"^ {{7}}.*(?<![\w-]){option}(?![\w-])", page, re.MULTILINE), option
    assert re.search("^ {7}-h, --help$", page, re.MULTILINE)
    for variable in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TMPDIR"):
        assert re.search(rf"^ {{7}}{variable}\b", page, re.MULTILINE)
    for other in {"", *VERBS} - {verb}:
        # A line may end at a hyphen, of the name or of groff's own.
        named = f"deconvsurgery-{other}(1)" if other else "deconvsurgery(1)"
        assert re.sub("-", "", named) in re.sub("[-\u2010 ]", "", flat)
    # The date of this version in the changelog, so that the same sources give the same pages.
    (day,) = re.findall(
        rf"^## {re.escape(ds.__version__)} \(.*?([\d-]+)\)$",
        (ROOT / "docs" / "changelog.md").read_text("utf-8"),
        re.MULTILINE,
    )
    assert re.match(rf"deconvsurgery {re.escape(ds.__version__)} +{day} ", lines[-1])
    for rule in RULES.values():  # the page of check has all of them
        assert (f"{rule.id} {rule.name}, {rule.severity.value}" in flat) == (verb == "check")


def test_a_packager_may_set_the_date(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = runpy.run_path(str(ROOT / "docs" / "man" / "make.py"))
    monkeypatch.setitem(made["main"].__globals__, "PLACE", tmp_path / "man1")
    monkeypatch.setitem(made["main"].__globals__, "COMPLETION", tmp_path / "completion")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    made["main"]()
    (header,) = re.findall("^.TH.*", (tmp_path / "man1" / "deconvsurgery.1").read_text(), re.M)
    assert '"2023-11-14"' in header
    assert {path.name for path in (tmp_path / "man1").iterdir()} == {
        p.name for p in PLACE.iterdir()
    }
