"""A unified diff of two texts by the edits between them."""

from __future__ import annotations

import difflib
import random
import re
import subprocess
from pathlib import Path

import pytest

import deconvsurgery as ds
from deconvsurgery.report.terminal.line_diff import Touched, unified_lines
from helpers.nets import data_layer
from helpers.runs import run_here

LINES = re.compile(r"[^\n]*\n|[^\n]+\Z")


def edited(old: str, edits: list[tuple[int, int, str]]) -> tuple[str, list[Touched]]:
    """The new text and what was touched."""
    new, at = "", 0
    for start, stop, text in edits:
        new += old[at:start] + text
        at = stop
    return new + old[at:], [(start, stop, len(text)) for start, stop, text in edits]


def diff_of(old: str, edits: list[tuple[int, int, str]]) -> tuple[list[str], str]:
    new, touched = edited(old, edits)
    lines = unified_lines(LINES.findall(old), LINES.findall(new), touched, ("old", "new"))
    return list(lines), new


def undone(lines: list[str], old: str) -> str:
    """What a diff makes of the text, line by line."""
    rows, made, at = LINES.findall(old), [], 0
    for line in lines[2:]:
        if line.startswith("@@"):
            begin, count = (re.findall(r"-(\d+)(?:,(\d+))?", line))[0]
            start = int(begin) - 1 + (count == "0")
            made += rows[at:start]
            at = start
        elif line[0] == "+":
            made.append(line[1:])
        else:
            assert rows[at] == line[1:]
            made += [] if line[0] == "-" else [line[1:]]
            at += 1
    return "".join(made + rows[at:])


@pytest.mark.parametrize(
    ("old", "edits"),
    [
        ("a\nb\nc\n", [(2, 3, "x")]),
        ("a\nb\nc\n", [(0, 0, "new\n")]),
        ("a\nb\nc\n", [(6, 6, "new\n")]),
        ("a\nb\nc", [(5, 5, "\nnew")]),
        ("a\nb\nc\n", [(2, 4, "")]),
        ("a\nb\nc\n", [(3, 4, " ")]),
        ("abcdefghijklmnopq".replace("", "\n"), [(4, 5, "x"), (30, 31, "y")]),
        ("a\nb\nc\n", [(0, 6, "x\nb\ny\nz\n")]),
        ("a\nb\n", [(1, 1, "1"), (3, 3, "2")]),
        ("one", [(0, 3, "other\n")]),
    ],
)
def test_a_short_diff_is_difflibs(old: str, edits: list[tuple[int, int, str]]) -> None:
    lines, new = diff_of(old, edits)
    assert lines == [*difflib.unified_diff(LINES.findall(old), LINES.findall(new), "old", "new")]


def test_a_block_that_would_take_long_is_replaced_whole() -> None:
    """1,100 lines in the place of 1,100: a line that stayed among them is not looked for."""
    old = "".join(f"a{each}\n" for each in range(1100))
    new = "".join(f"b{each}\n" for each in range(1099)) + "a0\n"
    lines, made = diff_of(f"first\n{old}last\n", [(6, 5 + len(old), new[:-1])])
    assert made == f"first\n{new}last\n"
    assert undone(lines, f"first\n{old}last\n") == made
    assert [line[0] for line in lines[2:]] == ["@", " ", *"-" * 1100, *"+" * 1100, " "]


def test_nothing_touched_is_no_diff() -> None:
    assert diff_of("a\nb\n", [])[0] == diff_of("a\nb\n", [(0, 1, "a")])[0] == []


@pytest.mark.parametrize("seed", range(20))
def test_any_edits_are_undone(seed: int) -> None:
    chance = random.Random(seed)
    old = "".join(chance.choice("ab\n\n") for _ in range(chance.randrange(1, 200)))
    places = sorted(chance.sample(range(len(old) + 1), k=min(8, len(old) // 2 * 2)))
    texts = ["", "a", "\n", "b\na", "\n\n"]
    edits = [
        (start, stop, chance.choice(texts))
        for start, stop in zip(places[::2], places[1::2], strict=False)
    ]
    lines, new = diff_of(old, edits)
    assert undone(lines, old) == new if lines else old == new


def long_net(layers: int) -> str:
    """Lines that are there hundreds of times each; every tenth layer is for the tool."""
    text = data_layer(1, 3, 5, 5)
    for each in range(layers):
        kind, name = ("Deconvolution", "up") if each % 10 == 3 else ("Convolution", "conv")
        text += (
            f'layer {{\n  name: "{name}{each}"\n  type: "{kind}"\n  bottom: "data"\n'
            f'  top: "{name}{each}"\n  convolution_param {{\n    num_output: 3\n'
            "    kernel_size: 4\n    stride: 2\n    bias_term: false\n  }\n}\n"
        )
    return text


def test_in_a_long_net_only_what_changed_is_shown(tmp_path: Path) -> None:
    """difflib by itself pairs wrong lines from 200 lines on: it shows more than was changed."""
    (tmp_path / "net").write_text(long_net(60))
    code, out, _ = run_here(tmp_path, "patch-net", "--diff", "-n", "net")
    assert code == 0
    lines = out.decode().splitlines()
    added = [line[1:].strip() for line in lines[2:] if line.startswith("+")]
    filler = ["weight_filler {", 'type: "bilinear"', "}"]
    assert added == ["group: 3", *filler] * 6
    assert not [line for line in lines[2:] if line.startswith("-")]
    result = ds.patch_net(tmp_path / "net", dry_run=True)
    (tmp_path / "patched").write_bytes(out)
    subprocess.run(["patch", "-s", "net", "patched"], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "net").read_bytes() == result.after
