"""How an error looks on a terminal: place, cause, the lines it is about, the next step."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from rich.cells import cell_len

from deconvsurgery.inputs.error_lines import Excerpt
from deconvsurgery.report.terminal.errors import trouble
from helpers.campaigns import campaign
from helpers.pages import coloured
from helpers.runs import run_here, tool
from helpers.words import Words, names, numbers

Told: TypeAlias = Callable[..., str]


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Told:
    """What ``inspect`` of a text prints on standard error, as on a terminal without colours."""
    for variable in ("TERM", "COLORTERM"):
        monkeypatch.delenv(variable, raising=False)

    def ran(text: str | bytes, *, width: int = 80, name: str = "net", **env: str) -> str:
        (tmp_path / name).write_bytes(text.encode() if isinstance(text, str) else text)
        for variable, value in ({"FORCE_COLOR": "1", "NO_COLOR": "1"} | env).items():
            monkeypatch.setenv(variable, value)
        monkeypatch.setenv("COLUMNS", str(width))
        code, out, errors = run_here(tmp_path, "inspect", name)
        assert (code, out) == (3, b"")
        return errors.decode()

    return ran


def test_an_error_shows_the_line_it_is_about(told: Told) -> None:
    text = 'layer {\n  name: "up"\n  convolution_param { num_output: five }\n}\n'
    shown = told(text)
    lines = shown.split("\n")
    assert lines[0] == "error: net:3:35:"
    assert lines[1].startswith("       ")
    assert lines[1].endswith(": five")
    assert lines[2:7] == [
        "",
        '   2 │   name: "up"',
        "   3 │   convolution_param { num_output: five }",
        "     │                                   ^^^^",
        "",
    ]
    assert lines[7].startswith(" hint: ")
    assert lines[8:] == [""]


def test_the_next_steps_stand_one_below_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And an error about a layer shows how it begins."""
    assert run_here(tmp_path, "demo", "d")[0] == 0
    for variable in ("FORCE_COLOR", "NO_COLOR"):
        monkeypatch.setenv(variable, "1")
    monkeypatch.setenv("COLUMNS", "60")
    line = ("apply", "-p", "refine", "-n", "d/net.prototxt", "d/base.caffemodel")
    code, out, errors = run_here(tmp_path, *line)
    assert (code, out) == (3, b"")
    shown = errors.decode()
    cause, excerpt, hint = shown.split("\n\n")
    assert cause.startswith("error: d/net.prototxt:31:\n       ")
    assert names(cause) == ["refine"]
    assert numbers(cause.partition("31:")[2]) == [3, 3, 1, 1, 2, 1]  # kernel, stride, gain, not 1
    assert excerpt.split("\n") == [
        "  31 │ layer {",
        '  32 │   name: "refine" type: "Deconvolution" bottom: "upsc…',
        "  33 │   convolution_param { num_output: 5 kernel_size: 3 p…",
        "  34 │ }",
    ]
    flags = re.findall(r"^ *(?:hint: )?(-\S+)", hint, flags=re.MULTILINE)
    assert flags == ["-x/--exclude", "--any-gain", "--skip-unfit"]  # each begins a line
    assert max(map(cell_len, shown.split("\n"))) <= 60


@pytest.mark.parametrize("width", [20, 40, 90])
def test_a_command_to_copy_is_one_line(width: int) -> None:
    command = "deconvsurgery apply net.prototxt in.caffemodel out.caffemodel"
    lines = trouble("", "odd", f"an option; for example: {command}", None, width=width).plain
    said = [line.strip() for line in lines.splitlines()]
    whole = width == 90
    assert said[-2:] == (
        ["hint: an option;", f"for example: {command}"] if whole else ["for example:", command]
    )


def test_words_are_folded_below_their_beginning() -> None:
    shown = trouble(
        "d/net.prototxt:31: ",
        "layer 'a': one two three four five six seven",
        "a first step, which is a long one; --flag does another; third",
        None,
        width=30,
    )
    assert shown.plain.split("\n") == [
        "error: d/net.prototxt:31:",
        "       layer 'a': one two",
        "       three four five six",
        "       seven",
        " hint: a first step, which is",
        "         a long one;",
        "       --flag does another;",
        "       third",
    ]


def test_where_one_line_suffices_it_is_one(told: Told, words: Words) -> None:
    cause, hint = told(b"\xff\xfea\0", name="wide").rstrip("\n").split("\n")
    assert cause.startswith("error: wide:1:1: ")
    assert hint.startswith(" hint: ")
    assert "UTF-16" in cause
    assert "UTF-8" in hint
    words([cause, hint], "UTF-16")
    (cause,) = told("", name="empty").rstrip("\n").split("\n")[:1]
    assert cause.startswith("error: empty: ")
    words(cause, "empty")


MARKED = {
    "a tab goes to the next stop": ("a {\tname: }", "}", "a { name: }"),
    "tabs at the beginning": ("\t\tname: }", "}", "        name: }"),
    "wide signs": ('name: "上采样" name: }', "}", 'name: "上采样" name: }'),
    "half-width katakana": ('name: "ｱｲｳ" name: }', "}", 'name: "ｱｲｳ" name: }'),
    "combining": ('name: "e\u0301" name: }', "}", 'name: "e\u0301" name: }'),
    "a sign of no width": ('name: "\u200b" name: }', "}", 'name: "\\u200b" name: }'),
    "a sign that turns the line round": (
        'name: "\u202e" name: }',
        "}",
        'name: "\\u202e" name: }',
    ),
    "CRLF": ("name: }\r", "}", "name: }"),
    "bytes that are no UTF-8": (b'name: "\xe4\xf6" name: }', "}", 'name: "äö" name: }'),
    "markup": ('name: "[red]" name: }', "}", 'name: "[red]" name: }'),
    "an emoji's name": ('name: ":smile:" name: }', "}", 'name: ":smile:" name: }'),
}


@pytest.mark.parametrize("case", MARKED)
def test_the_mark_stands_below_the_sign(case: str, told: Told) -> None:
    text, sign, line = MARKED[case]
    shown = told(text).split("\n")
    (at,) = (number for number, each in enumerate(shown) if each.startswith("   1 │ "))
    assert shown[at] == f"   1 │ {line}"
    assert shown[at + 1].strip(" │") == "^"
    place = cell_len(shown[at + 1].partition("^")[0].replace("│", "|"))
    assert place == cell_len(shown[at].rpartition(sign)[0].replace("│", "|"))


@pytest.mark.parametrize("width", [20, 80, 300, *campaign(40, 50, 120)])
@pytest.mark.parametrize(
    "before", ["", "x: 1 " * 30, 'n: "上" ' * 300, "\t" * 200, 'n: "\u200b" ' * 100]
)
def test_a_long_line_is_cut_around_the_place(before: str, width: int, told: Told) -> None:
    shown = told(f"{before}name: }} {'y: 2 ' * 200}", width=width).split("\n")
    (at,) = (number for number, each in enumerate(shown) if each.startswith("   1 │ "))
    line, mark = shown[at], shown[at + 1]
    assert cell_len(line) <= width
    assert line.endswith("…")
    column = cell_len(mark.partition("^")[0])
    assert cell_len(line.partition("}")[0]) == column
    assert "name: }" in line
    assert ("…" in line[:8]) == (before != "")


@pytest.mark.parametrize("count", [1 << 13, pytest.param(1 << 17, marks=pytest.mark.campaign)])
def test_a_megabyte_on_one_line_is_no_burden(count: int, told: Told) -> None:
    shown = told('n: "上\t" ' * count + "name: }")
    assert cell_len(max(shown.split("\n"), key=cell_len)) <= 80
    assert "name: }\n" in shown


def test_what_cannot_be_read_again_is_told_without_its_lines(tmp_path: Path, words: Words) -> None:
    env = {"FORCE_COLOR": "1", "NO_COLOR": "1", "COLUMNS": "80"}
    done = tool("patch-net", tmp_path, "-n", "-", stdin=b"name: }", env=os.environ | env)
    cause, hint, end = done.stderr.decode().split("\n")
    assert cause.startswith("error: standard input:1:7: ")
    assert names(cause) == ["}"]
    assert (hint[:7], end) == (" hint: ", "")
    words([cause, hint])


def test_its_colours_are_those_of_the_tables(told: Told, tmp_path: Path) -> None:
    """Red is wrong, turquoise a next step, dim what stands around the place; names are bold."""
    plain = told("x: 1\nname: }")
    # In a process of its own, as rich keeps for a style the codes of the first terminal it was for.
    env = {"FORCE_COLOR": "1", "NO_COLOR": "", "COLUMNS": "80", "TERM": "xterm-256color"}
    env["COLORTERM"] = ""
    shown = tool("inspect", tmp_path, "net", env=os.environ | env).stderr.decode()
    quoted, *rest = [pair for pair in coloured(shown) if pair[1] == "'}'"]
    assert (quoted, rest) == (("1", "'}'"), [])
    assert [pair for pair in coloured(shown) if pair != quoted] == [
        ("1;31", "error:"),
        ("1", "net:2:7:"),
        ("2", "1 │"),
        ("2", "x: 1"),
        ("2", "2 │"),
        ("2", "│"),
        ("1;31", "^"),
        ("1;38;5;30", "hint:"),
    ]
    assert plain == re.sub(r"\x1b\[[0-9;]*m", "", shown)


def test_ascii_alone_suffices_for_it(tmp_path: Path) -> None:
    (tmp_path / "net").write_bytes('n: "上"\nname: }'.encode())
    env = {"FORCE_COLOR": "1", "NO_COLOR": "1", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = tool("inspect", tmp_path, "net", env=os.environ | env | {"COLUMNS": "60"})
    shown = done.stderr.decode("ascii")
    assert '   1 | n: "\\u4e0a"\n   2 | name: }\n     |       ^\n' in shown


def test_off_a_terminal_it_is_one_line(told: Told, words: Words) -> None:
    for env in ({}, {"COLUMNS": "20"}, {"TERM": "dumb"}):
        cause, hint, end = told("x: 1\nname: }", FORCE_COLOR="", **env).split("\n")
        assert cause.startswith("error: net:2:7: ")
        assert names(cause) == ["}"]
        assert (hint[:8], end) == ("  hint: ", "")
        words([cause, hint])


def test_a_list_of_layers_keeps_its_indentation() -> None:
    message = "Many of them:\n  line 3, 'a': aaa bbbb\n    and more"
    shown = trouble("net:3: ", message, "one; two", None, width=28)
    assert shown.plain.split("\n") == [
        *("error: net:3:", "       Many of them:"),
        *("         line 3, 'a': aaa", "           bbbb"),
        "           and more",
        *(" hint: one;", "       two"),
    ]


def test_numbers_of_many_digits_have_room() -> None:
    seen = Excerpt(("x", "y z"), 99_999, 100_000, 3)
    assert trouble("", "m", None, seen, width=40).plain.split("\n") == [
        *("error: m", "", " 99999 │ x", "100000 │ y z", "       │   ^", ""),
    ]
