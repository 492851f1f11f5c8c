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
from helpers.runs import run_here, tool

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
    assert told(text) == (
        "error: net:3:35:\n"
        "       Couldn't parse integer: five\n"
        "\n"
        '   2 │   name: "up"\n'
        "   3 │   convolution_param { num_output: five }\n"
        "     │                                   ^^^^\n"
        "\n"
        " hint: mend the text there: Caffe would not read it either\n"
    )


def test_the_next_steps_stand_one_below_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And an error about a layer shows how it begins."""
    assert run_here(tmp_path, "demo", "d")[0] == 0
    for variable in ("FORCE_COLOR", "NO_COLOR"):
        monkeypatch.setenv(variable, "1")
    monkeypatch.setenv("COLUMNS", "60")
    words = ("apply", "-p", "refine", "-n", "d/net.prototxt", "d/base.caffemodel")
    code, out, errors = run_here(tmp_path, *words)
    assert (code, out) == (3, b"")
    assert errors.decode() == (
        "error: d/net.prototxt:31:\n"
        "       layer 'refine': kernel 3x3 at stride 1x1 does not\n"
        "       interpolate: gain per phase is 2, not 1\n"
        "\n"
        "  31 │ layer {\n"
        '  32 │   name: "refine" type: "Deconvolution" bottom: "upsc…\n'
        "  33 │   convolution_param { num_output: 5 kernel_size: 3 p…\n"
        "  34 │ }\n"
        "\n"
        " hint: stride 1 upsamples nothing: a learned layer?\n"
        "         -x/--exclude leaves it out;\n"
        "       --any-gain fills it as it is;\n"
        "       --skip-unfit leaves such layers alone and does the\n"
        "         rest\n"
    )


def test_where_one_line_suffices_it_is_one(told: Told) -> None:
    assert told(b"\xff\xfea\0", name="wide").startswith(
        "error: wide:1:1: is UTF-16 text\n hint: save it as UTF-8"
    )
    assert told("", name="empty").startswith("error: empty: ")


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


@pytest.mark.parametrize("width", [20, 40, 50, 80, 120, 300])
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


def test_a_megabyte_on_one_line_is_no_burden(told: Told) -> None:
    shown = told('n: "上\t" ' * (1 << 17) + "name: }")
    assert cell_len(max(shown.split("\n"), key=cell_len)) <= 80
    assert "name: }\n" in shown


def test_what_cannot_be_read_again_is_told_without_its_lines(tmp_path: Path) -> None:
    env = {"FORCE_COLOR": "1", "NO_COLOR": "1", "COLUMNS": "80"}
    done = tool("patch-net", tmp_path, "-n", "-", stdin=b"name: }", env=os.environ | env)
    assert done.stderr.decode() == (  # type: ignore[attr-defined]
        "error: standard input:1:7: found '}' where a value is expected\n"
        " hint: mend the text there: Caffe would not read it either\n"
    )


COLOURED = (
    "\x1b[1;31merror: \x1b[0m\x1b[1mnet:2:7:\x1b[0m\n"
    "       found \x1b[1m'}'\x1b[0m where a value is expected\n"
    "\n"
    "\x1b[2m   1 │ \x1b[0m\x1b[2mx: 1\x1b[0m\n"
    "\x1b[2m   2 │ \x1b[0mname: }\n"
    "\x1b[2m     │ \x1b[0m      \x1b[1;31m^\x1b[0m\n"
)


def test_its_colours_are_those_of_the_tables(told: Told) -> None:
    shown = told("x: 1\nname: }", NO_COLOR="", TERM="xterm-256color")
    assert shown.startswith(COLOURED)
    assert "\x1b[1;38;5;30m hint: \x1b[0m" in shown
    assert told("x: 1\nname: }") == re.sub(r"\x1b\[[0-9;]*m", "", shown)


def test_ascii_alone_suffices_for_it(tmp_path: Path) -> None:
    (tmp_path / "net").write_bytes('n: "上"\nname: }'.encode())
    env = {"FORCE_COLOR": "1", "NO_COLOR": "1", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = tool("inspect", tmp_path, "net", env=os.environ | env | {"COLUMNS": "60"})
    shown = done.stderr.decode("ascii")  # type: ignore[attr-defined]
    assert '   1 | n: "\\u4e0a"\n   2 | name: }\n     |       ^\n' in shown


def test_off_a_terminal_it_is_one_line(told: Told) -> None:
    for env in ({}, {"COLUMNS": "20"}, {"TERM": "dumb"}):
        assert told("x: 1\nname: }", FORCE_COLOR="", **env) == (
            "error: net:2:7: found '}' where a value is expected\n"
            "  hint: mend the text there: Caffe would not read it either\n"
        )


def test_a_list_of_layers_keeps_its_indentation() -> None:
    message = "2 layers cannot be filled:\n  line 3, 'a': too many words\n    and a hint"
    shown = trouble("net:3: ", message, "one; two", None, width=28)
    assert shown.plain == (
        "error: net:3:\n"
        "       2 layers cannot be\n"
        "       filled:\n"
        "         line 3, 'a': too\n"
        "           many words\n"
        "           and a hint\n"
        " hint: one;\n"
        "       two"
    )


def test_numbers_of_many_digits_have_room() -> None:
    seen = Excerpt(("x", "y z"), 99_999, 100_000, 3)
    assert trouble("", "m", None, seen, width=40).plain == (
        "error: m\n\n 99999 │ x\n100000 │ y z\n       │   ^\n"
    )
