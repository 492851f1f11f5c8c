"""``check --format azure``: logging commands, read back as Azure's agent reads them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

import deconvsurgery as ds
from deconvsurgery.report.ci.azure import azure_lines
from deconvsurgery.report.repair_block import TITLE
from helpers.odd_nets import EVERYTHING, FOUND, ODD_FILES, ODD_LAYERS, odd_net
from helpers.runs import run_here
from helpers.words import Words, numbers


class Command(NamedTuple):
    """A logging command: its properties and what it says."""

    properties: dict[str, str]
    words: str


CODES = {";": "%3B", "\r": "%0D", "\n": "%0A", "]": "%5D", "%": "%AZP25"}


def decoded(text: str) -> str:
    """The percent sign last (CommandStringConvertor.Unescape of azure-pipelines-agent)."""
    for sign, code in CODES.items():
        text = text.replace(code, sign)
    return text


def commands_in(line: str) -> Command | None:
    """The command of a line, wherever it begins (Command.TryParse of azure-pipelines-agent)."""
    start = line.find("##vso[")
    if start < 0:
        assert "##[" not in line
        return None
    assert start == 0
    inside, closed, words = line.removeprefix("##vso[").partition("]")
    assert closed
    name, _, properties = inside.partition(" ")
    assert name == "task.logissue"
    pairs = [each.split("=", 1) for each in properties.split(";") if each]
    assert len({key for key, _ in pairs}) == len(pairs)
    return Command({key: decoded(value) for key, value in pairs}, decoded(words))


def read(text: str) -> tuple[list[Command], list[str]]:
    """Commands, and the plain lines; a line ends at any CR or LF."""
    found, plain = [], []
    for line in re.split("\r\n|\r|\n", text.removesuffix("\n")):
        command = commands_in(line)
        if command is None:
            plain.append(line)
        else:
            found.append(command)
    return found, plain


@pytest.fixture(scope="module")
def said(printed: Callable[..., str]) -> tuple[list[Command], list[str]]:
    """Of all the nets."""
    return read(printed("azure", *EVERYTHING))


def test_commands_say_what_was_found(said: tuple[list[Command], list[str]], words: Words) -> None:
    commands, plain = said
    assert {key for each in commands for key in each.properties} == {
        *("type", "sourcepath", "linenumber", "columnnumber", "code"),
    }
    assert {each.properties["type"] for each in commands} == {"error", "warning"}
    found = [
        (each["code"], each["sourcepath"], int(each.get("linenumber", "1")))
        for each in (command.properties for command in commands)
        if each["code"].startswith("DS")
    ]
    assert sorted(found) == [each for each in FOUND if each[0] != "DS010"]
    assert {*ODD_FILES} < {each.properties["sourcepath"] for each in commands}
    odd = [each.words for each in commands if each.properties["sourcepath"] == "odd.prototxt"]
    for name in (*ODD_LAYERS[:4], r"up\n::error ::y\r\t\x1b[31m"):
        assert f"DS009 {name}: " in "\n".join(odd)
    assert all("\nRepair: " in each for each in odd)
    # Notes have no command of their own; the last line counts.
    assert sum(" note: DS010 " in line for line in plain) == 9
    assert sum(f": {TITLE}: " in line for line in plain) == len(ODD_FILES) + 1
    *_, last = plain
    assert len(plain) == 9 + len(ODD_FILES) + 1 + 1
    assert numbers(last) == [2, 28, 9, 11, 10, 3]
    words(last)


def test_what_could_not_be_checked_is_an_error(printed: Callable[..., str]) -> None:
    commands, _ = read(printed("azure", *EVERYTHING))
    assert [
        each.properties for each in commands if not each.properties["code"].startswith("DS")
    ] == [
        {
            "type": "error",
            "sourcepath": "broken.prototxt",
            "linenumber": "2",
            "columnnumber": "15",
            "code": "PrototxtError",
        },
        {"type": "error", "sourcepath": "lfs.prototxt", "code": "FormatError"},
        {"type": "error", "sourcepath": "missing.prototxt", "code": "FileError"},
    ]


def test_a_clean_run_is_one_line(printed: Callable[..., str], words: Words) -> None:
    commands, plain = read(printed("azure", "right.prototxt", code=0))
    assert (commands, len(plain)) == ([], 1)
    words(plain[0])


def test_what_is_known_has_no_command(bench: Path) -> None:
    known = ("--baseline", "known.json", "odd.prototxt")
    assert run_here(bench, "check", "--write-baseline", *known)[0] == 0
    code, out, _ = run_here(bench, "check", "--format", "azure", *known)
    assert (code, read(out.decode())[0]) == (0, [])


def test_what_is_left_after_fixing(bench: Path) -> None:
    (bench / "fixed.prototxt").write_text(odd_net("up"))
    code, out, _ = run_here(bench, "check", "--fix", "--format", "azure", "fixed.prototxt")
    commands, plain = read(out.decode())
    assert (code, commands) == (0, [])
    assert [line.split(" note: ")[0] for line in plain[:-1]] == ["fixed.prototxt:2:1:"]


FORGED = (
    "]##vso[task.complete result=Succeeded;]%0D%AZP25;sourcepath=x\r\n##vso[a.b]##[error]\0\x1b"
)


def test_no_name_makes_a_command() -> None:
    """Neither of a finding nor of a note, an error or a repair; names read back as they are."""
    wrong = ds.Finding("DS002", FORGED, line=3, column=1, layer=FORGED)
    note = ds.Finding("DS010", FORGED, line=3, column=1, layer=FORGED)
    repair = ds.PairRepair((ds.RepairStep("patch-net", ("-p", FORGED)),), ())
    error = ds.FileError(FORGED, path=FORGED)
    results = [
        ds.CheckResult(FORGED, None, findings=(wrong, note), matched=("up",), repair=repair),
        ds.CheckResult(FORGED, None, error=error),
    ]
    commands, plain = read("".join(f"{line}\n" for line in azure_lines(results)))
    assert [each.properties["code"] for each in commands] == ["DS002", "FileError"]
    assert {each.properties["sourcepath"] for each in commands} == {FORGED}
    assert all(FORGED in each.words for each in commands)
    assert len(plain) == 3  # the note, the repair, the closing line


def test_a_file_whose_name_is_no_utf_8(bench: Path) -> None:
    name = "n\udcff.prototxt"
    (bench / name).write_text(odd_net("up"))
    code, out, _ = run_here(bench, "check", "--isolated", "--format", "azure", name)
    commands, _ = read(out.decode("utf-8"))
    assert code == 1
    assert {each.properties["sourcepath"] for each in commands} == {r"n\udcff.prototxt"}
