"""``--help`` leads with examples, of every verb and of the tool; they are commands that exist."""

from __future__ import annotations

import re
import shlex

import click
import pytest

from helpers.commands import CONTEXT, VERBS, command_of


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
    assert titles == (["Options:"] if verb else ["Commands:", "Options:"])
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


def test_the_tool_leads_with_three(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [line.split()[1] for line in examples(help_of("", monkeypatch))] == [
        "demo",
        "inspect",
        "apply",
    ]


def test_an_option_that_is_none_would_be_noticed() -> None:
    with pytest.raises(click.NoSuchOption):
        command_of("apply").make_context("apply", ["--nonsense", "a", "b", "c"], parent=CONTEXT)
