"""``--help`` leads with examples, of every verb and of the tool; they are commands that exist."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

import deconvsurgery
from deconvsurgery.cli.help import Verb
from helpers.commands import CONTEXT, VERBS, command_of, options_of
from helpers.places import PACKAGE, ROOT
from helpers.runs import run_here


def help_of(verb: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("COLUMNS", "80")
    if not verb:
        return CONTEXT.get_help().splitlines()
    return click.Context(command_of(verb), CONTEXT, verb).get_help().splitlines()


def blocks(lines: list[str]) -> list[list[str]]:
    """What stands between empty lines."""
    return [block.splitlines() for block in "\n".join(lines).split("\n\n")]


def examples(lines: list[str]) -> list[str]:
    """The commands of the block that leads; a backslash joins two lines."""
    return re.sub(r"\\\n *", "", "\n".join(blocks(lines)[2][1:])).splitlines()


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_examples_come_first(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Usage on a line, a summary of one sentence, then the commands, then all else."""
    usage, summary, shown, *rest = blocks(help_of(verb, monkeypatch))
    assert len(usage) == 1
    assert usage[0].startswith(f"Usage: deconvsurgery {verb}".rstrip() + " [OPTIONS]")
    sentence = " ".join(line.strip() for line in summary)
    assert re.fullmatch(r"[A-Z].*[^.]\.", sentence)
    assert len(summary) <= 2
    assert shown[0] == "  Examples:"
    assert all(len(line) <= 80 for line in shown)
    titles = [block[0] for block in rest if block[0].endswith(":") and block[0][0] != " "]
    takes = [each for each in command_of(verb).params if isinstance(each, click.Argument)]
    assert titles[0] == ("Arguments:" if takes else "Report:" if verb else "Commands:")
    assert titles[-1] == ("Help:" if verb else "Options:")
    # Something is to be said between them and the options.
    assert rest[0][0].startswith("  ")
    assert "Examples:" not in "\n".join(map("\n".join, rest))


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_the_examples_are_commands_that_exist(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is taken apart as the command line would: verbs, options, choices, how many files."""
    shown = examples(help_of(verb, monkeypatch))
    assert len(shown) >= 2
    assert len({*shown}) == len(shown)
    verbs = []
    for line in shown:
        tool, named, *arguments = shlex.split(line)
        assert (tool, named in VERBS) == ("deconvsurgery", True)
        command_of(named).make_context(named, arguments, parent=CONTEXT)
        verbs.append(named)
    assert verb in ("", *verbs)


@pytest.mark.parametrize("verb", VERBS)
def test_options_stand_in_groups(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once, below a heading; of a group that is a page long nothing would be found."""
    command = command_of(verb)
    assert isinstance(command, Verb)
    context = click.Context(command, CONTEXT, info_name=verb)
    groups = command.groups(context)
    assert all(len(rows) <= 9 for rows in groups.values())
    names = [re.findall(r"(?<![\w-])--[a-z-]+", row[0]) for rows in groups.values() for row in rows]
    listed = [name for each in names for name in each]
    expected = {option for option in options_of(verb) if option.startswith("--")}
    assert sorted(listed) == sorted({*expected, "--help"})
    # Only what no other verb has stands below the verb's own heading, and every argument is told.
    words = re.findall("[A-Z]+(?:_[A-Z]+)?", " ".join(command.collect_usage_pieces(context)[1:]))
    told = groups.get("Arguments", [])
    assert [word for word, _ in told] == words
    assert all(meaning.endswith(".") for _, meaning in told)


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("verb", ["", "apply"])
def test_colours_change_no_column(
    verb: str, width: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    plain = run_here(tmp_path, *filter(None, [verb]), "--help")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = run_here(tmp_path, *filter(None, [verb]), "--help")
    assert b"\x1b[1mUsage:\x1b[0m" in coloured[1]
    assert b"\x1b[36m--help\x1b[0m" in coloured[1]
    assert click.unstyle(coloured[1].decode()) == plain[1].decode()
    monkeypatch.setenv("NO_COLOR", "1")
    assert run_here(tmp_path, *filter(None, [verb]), "--help") == plain


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_the_last_line_says_where_more_is(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    last = " ".join("".join(f"{line} " for line in blocks(help_of(verb, monkeypatch))[-1]).split())
    said = re.fullmatch(r"More: man (\S+); (?:(\S+); )?\S+ completion", last)
    assert said is not None
    man, page = said.groups()
    assert man == f"deconvsurgery-{verb}".rstrip("-")
    assert (ROOT / "docs" / "man" / "man1" / f"{man}.1").is_file()
    beside = Path(deconvsurgery.__file__).parents[1] / "docs"  # not where it is installed
    assert (page is not None) is beside.is_dir()
    assert page is None or (Path.cwd() / page).is_file()


def test_an_option_that_is_hidden_is_not_in_the_help() -> None:
    options = [click.Option(["--plain"], help="Said."), click.Option(["--secret"], hidden=True)]
    verb = Verb("apply", params=options, own="Run")
    rows = verb.groups(click.Context(verb, parent=CONTEXT))["Run"]
    assert rows == [("--plain TEXT", "Said.")]


def test_where_the_manual_is_not_it_is_not_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a package that is installed."""
    copy = tmp_path / "site"
    shutil.copytree(PACKAGE, copy / "deconvsurgery", ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run(
        [sys.executable, "-m", "deconvsurgery", "apply", "--help"],
        cwd=copy,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "man deconvsurgery-apply" in done.stdout
    assert "docs" not in done.stdout


def test_the_tool_leads_with_three(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [line.split()[1] for line in examples(help_of("", monkeypatch))] == [
        "demo",
        "inspect",
        "apply",
    ]


def test_an_option_that_is_none_would_be_noticed() -> None:
    with pytest.raises(click.NoSuchOption):
        command_of("apply").make_context("apply", ["--nonsense", "a", "b", "c"], parent=CONTEXT)
