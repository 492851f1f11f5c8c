"""Fit to read everywhere: terminals of any width, pipes, and what the environment asks for.

Real processes on a pseudo-terminal, which has a window size, and on pipes.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.campaigns import campaign, campaign_but
from helpers.commands import VERBS
from helpers.models import demo_base, demo_net, write_demo
from helpers.processes.warm import ran
from helpers.runs import run_here
from helpers.terminals import NO_CURSOR, environment, on_a_terminal
from helpers.words import Words, names

# Every verb at work, one line each: its words, and names that must be shown in full.
AT_WORK = {
    "apply": ("apply -n net.prototxt in.caffemodel", ["upscore2", "upscore"]),
    "inspect": ("inspect -a net.prototxt in.caffemodel", ["conv1", "upscore2", "refine"]),
    "check": (
        "check --exit-zero -p re:. net.prototxt in.caffemodel",
        ["DS001", "upscore2", "refine", "upscore"],
    ),
    "revert": ("revert -n out.caffemodel undo", [f"{len(demo_base()):,}"]),
    "diff": ("diff in.caffemodel in.caffemodel", ["conv1", "score", "refine"]),
    "convert": ("convert -n --values float64 in.caffemodel", ["conv1", "score", "refine"]),
    "regroup": ("regroup -n -p upscore2 net.prototxt out.caffemodel", ["upscore2"]),
    "transplant": ("transplant -n --apply net.prototxt in.caffemodel", ["conv1", "upscore2"]),
    "patch-net": ("patch-net -n net.prototxt", ["upscore2", "upscore"]),
    "sweep": ("sweep -w 1 zoo.toml", ["no*.x", "sweep.jsonl"]),
    "kernel": ("kernel 16", ["0.9375"]),
    "demo": ("demo", ["upscore2", "upscore"]),
    "doctor": ("doctor", ["numpy", "TMPDIR"]),
    # Not a verb of its own, but pages of its own.
    "inspect --picture": (
        "inspect --picture net.prototxt out.caffemodel",
        ["upscore2", "refine", "kernel 4x4", "kernel 3x3", "channel map", "output 1"],
    ),
}
# What is drawn is of colours, or of digits; in a pipe as wide as there is room.
PICTURES = ("kernel", "inspect --picture")
# What goes wrong: the words, and the exit code.
WRONG = {
    "usage": ("apply --nonsense", 2),
    "no file": ("apply none.prototxt in.caffemodel out", 4),
    "no match": ("apply -p upsocre net.prototxt in.caffemodel out", 3),
    "unfit": ("apply -p refine net.prototxt in.caffemodel out", 3),
}
WIDTHS = (40, 60, 80, 200)
# Lines to copy are never folded.
WHOLE = (
    "deconvsurgery ",
    "$ deconvsurgery ",
    "  deconvsurgery ",
    "    deconvsurgery ",
    "        new.prototxt ",
)


def in_pipes(words: str, place: Path, **env: str) -> subprocess.CompletedProcess[bytes]:
    return ran(words.split(), cwd=place, env=environment(env))


def too_wide(shown: str, width: int) -> list[str]:
    return [line for line in shown.split("\n") if len(line) > width and not line.startswith(WHOLE)]


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A net, its base model and the filled one; no test here writes to them."""
    place = tmp_path_factory.mktemp("terminal")
    write_demo(place, "net.prototxt", "in.caffemodel")
    line = "apply --save-patch undo net.prototxt in.caffemodel out.caffemodel"
    assert run_here(place, *line.split())[0] == 0
    (place / "zoo.toml").write_text(
        "select = 'DS001'\npairs = [{net = ['net.prototxt', 'net.prototxt']}, {net = 'no*.x'}]\n"
    )
    assert run_here(place, "sweep", "-w", "1", "zoo.toml")[0] == 0  # other runs find it settled
    return place


# A sweep starts workers of its own; what is laid out alike is shown by one verb or two.
QUICK = [verb for verb in AT_WORK if verb != "sweep"]


def test_every_verb_is_at_work_here() -> None:
    assert {words.split()[0] for words, _ in AT_WORK.values()} == {*VERBS} - {"completion"}


# --- on a terminal


@pytest.mark.parametrize("width", campaign_but((40, 80), WIDTHS))
@pytest.mark.parametrize("verb", campaign_but(QUICK, AT_WORK))
def test_a_report_fits_the_window(verb: str, width: int, files: Path) -> None:
    words, names = AT_WORK[verb]
    shown = on_a_terminal(words, files, width)
    assert shown.code == 0
    assert too_wide(shown.plain, width) == []
    assert [name for name in names if name not in shown.plain] == []
    assert "\x1b[" in shown.terminal


@pytest.mark.parametrize("verb", campaign_but(("apply", "check", "kernel"), AT_WORK))
def test_no_line_ends_in_blanks(verb: str, files: Path) -> None:
    """Who copies a table copies them. A cell that has a background is a part of a picture."""
    line = AT_WORK[verb][0]
    shown = on_a_terminal(line, files, NO_COLOR="1").plain
    assert [each for each in shown.split("\n") if each != each.rstrip()] == []


@pytest.mark.parametrize("width", campaign_but((40, 80), WIDTHS))
@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_fits_the_window(verb: str, width: int, files: Path) -> None:
    shown = on_a_terminal(f"{verb} --help", files, width)
    assert (shown.code, "\x1b[1mUsage:\x1b[0m" in shown.terminal) == (0, True)
    # A path of the manual is one word, which is copied.
    assert [line for line in too_wide(shown.plain, width) if " " in line.strip()] == []
    if width >= 80:  # then the examples fit, too
        assert [line for line in shown.plain.split("\n") if len(line) > width] == []


@pytest.mark.parametrize("width", campaign_but((40, 200), WIDTHS))
@pytest.mark.parametrize("trouble", WRONG)
def test_an_error_is_folded_between_words(trouble: str, width: int, files: Path) -> None:
    words, code = WRONG[trouble]
    shown = on_a_terminal(words, files, width)
    assert shown.code == code
    lines = shown.plain.rstrip("\n").split("\n")
    assert [line for line in lines if len(line) > width] == []
    # The same words as in a pipe, where each of the two lines is whole.
    whole = in_pipes(words, files).stderr.decode()
    words = [line for line in lines if " │" not in line]
    assert " ".join(words).split() == whole.split()
    assert ("31 │ layer {" in shown.plain) == (trouble == "unfit")
    assert [line[:8] for line in whole.splitlines()] == ["error: " + whole[7], "  hint: "]


def test_a_path_in_an_error_is_never_broken(tmp_path: Path) -> None:
    name = "-".join(["quite", "long"] * 8) + ".prototxt"
    shown = on_a_terminal(["inspect", name], tmp_path, 40)
    assert name in shown.plain


@pytest.mark.parametrize("term", ["dumb", *campaign("unknown", "DUMB")])
def test_a_dumb_terminal_gets_no_escapes_and_its_own_width(term: str, files: Path) -> None:
    for words in (AT_WORK["apply"][0], WRONG["no match"][0]):
        for width in (40, 200):
            shown = on_a_terminal(words, files, width, TERM=term)
            assert "\x1b" not in shown.terminal
            assert too_wide(shown.terminal, width) == []
            assert not shown.terminal.startswith("\n")
    wide = on_a_terminal(AT_WORK["apply"][0], files, 200, TERM=term).terminal
    assert max(map(len, wide.split("\n"))) > 80


@pytest.mark.parametrize("columns", ["0", "²", *campaign("-5", "abc", "", "00")])
def test_columns_that_are_no_width_leave_the_windows_own(columns: str, files: Path) -> None:
    for words in (AT_WORK["apply"][0], "apply --help", WRONG["no match"][0]):
        shown = on_a_terminal(words, files, 60, COLUMNS=columns)
        expected = on_a_terminal(words, files, 60)
        assert shown == expected


def test_columns_win_over_the_window(files: Path) -> None:
    for words in (AT_WORK["apply"][0], "apply --help", WRONG["no match"][0]):
        shown = on_a_terminal(words, files, 200, COLUMNS="60")
        assert shown == on_a_terminal(words, files, 60)


@pytest.mark.parametrize("verb", campaign_but(("apply", "kernel"), AT_WORK))
def test_columns_beyond_all_measure_cost_nothing(verb: str, files: Path) -> None:
    words, names = AT_WORK[verb]
    shown = on_a_terminal(words, files, 60, COLUMNS="9" * 5000)
    assert shown.code == 0
    assert max(map(len, shown.plain.split("\n"))) < 1000
    assert [name for name in names if name not in shown.plain] == []


@pytest.mark.parametrize("verb", campaign_but(("apply", "inspect --picture"), AT_WORK))
def test_ascii_alone_suffices(verb: str, files: Path) -> None:
    """LANG=C on a system that means it: every sign has a spelling of its own width."""
    plain = {"LANG": "C", "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    shown = on_a_terminal(AT_WORK[verb][0], files, 60, **plain)
    assert (shown.code, shown.terminal.isascii()) == (0, True)
    assert "\\u" not in shown.plain
    assert too_wide(shown.plain, 60) == []


def test_an_error_has_the_same_ascii(files: Path, words: Words) -> None:
    done = in_pipes("kernel 4×", files, PYTHONIOENCODING="ascii", PYTHONUTF8="1")
    assert (done.returncode, done.stderr.isascii()) == (2, True)
    said = done.stderr.decode()
    assert said.startswith("error: ")
    assert names(said)[:2] == ["SIZE", "4x"]
    words(said)


def test_the_commands_that_demo_names_are_whole(files: Path, tmp_path: Path) -> None:
    """To be copied: the terminal folds them, which puts no line's end into them."""
    shown = on_a_terminal("demo", tmp_path, 60)
    commands = [line[2:] for line in shown.plain.split("\n") if line.startswith(WHOLE[2])]
    assert len(commands) == 4
    for command in commands:
        again = on_a_terminal(command.removeprefix("deconvsurgery "), tmp_path)
        assert again.code == 0, command


# --- colours


@pytest.mark.parametrize("verb", campaign_but(QUICK, AT_WORK))
def test_no_color_is_no_escape_at_all(verb: str, files: Path) -> None:
    words, names = AT_WORK[verb]
    shown = on_a_terminal(words, files, NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*m", shown.terminal)
    assert "\x1b" not in shown.terminal or NO_CURSOR in shown.terminal
    assert [name for name in names if name not in shown.plain] == []
    if verb not in (*PICTURES, "doctor"):  # which says whether there are colours
        assert shown.plain == on_a_terminal(words, files).plain


@pytest.mark.parametrize("env", [{"FORCE_COLOR": "1"}, {"TERM": "dumb", "FORCE_COLOR": "1"}])
def test_no_color_wins(env: dict[str, str], files: Path) -> None:
    """And the layout stays a terminal's, on a pipe, too."""
    words = AT_WORK["apply"][0]
    usual = on_a_terminal(words, files).plain
    assert on_a_terminal(words, files, NO_COLOR="1", **env).terminal == usual
    done = in_pipes(words, files, NO_COLOR="1", COLUMNS="80", **env)
    assert done.stdout.decode() == usual


@pytest.mark.parametrize("trouble", WRONG)
def test_no_color_holds_for_errors(trouble: str, files: Path) -> None:
    words = WRONG[trouble][0]
    assert "\x1b[1;31m" in on_a_terminal(words, files).terminal
    for env in ({}, {"FORCE_COLOR": "1"}):
        assert "\x1b" not in on_a_terminal(words, files, NO_COLOR="yes", **env).terminal
        assert b"\x1b" not in in_pipes(words, files, NO_COLOR="yes", **env).stderr


def test_empty_variables_are_as_if_not_set(files: Path) -> None:
    """As no-color.org and force-color.org have it."""
    for words in (AT_WORK["apply"][0], WRONG["no match"][0]):
        usual = on_a_terminal(words, files)
        assert "\x1b[" in usual.terminal
        assert on_a_terminal(words, files, NO_COLOR="", FORCE_COLOR="") == usual
        done = in_pipes(words, files, NO_COLOR="", FORCE_COLOR="")
        assert b"\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize("term", ["xterm-256color", "dumb", ""])
def test_force_color_colours_a_pipe(term: str, files: Path) -> None:
    done = in_pipes(AT_WORK["apply"][0], files, FORCE_COLOR="1", COLUMNS="80", TERM=term)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\x1b[32m" in done.stdout  # green: as on a terminal
    assert "─────".encode() in done.stdout
    done = in_pipes(WRONG["no match"][0], files, FORCE_COLOR="1", TERM=term)
    assert done.stderr.startswith(b"\x1b[1;31merror: \x1b[0m")
    assert b"\x1b[?25" not in done.stderr  # a bar is for somebody who looks at it


def test_a_forced_pipe_is_as_wide_as_the_terminal_behind_it(files: Path) -> None:
    """``FORCE_COLOR=1 deconvsurgery … | less -R``."""
    words = AT_WORK["apply"][0]
    for width in (60, 200):
        shown = on_a_terminal(words, files, width, piped="stdout", FORCE_COLOR="1")
        assert shown.piped == on_a_terminal(words, files, width).terminal


# --- pipes


@pytest.mark.parametrize("verb", campaign_but(("apply", "check", "kernel", "demo"), AT_WORK))
def test_a_pipe_gets_plain_complete_lines(verb: str, files: Path) -> None:
    words, names = AT_WORK[verb]
    done = in_pipes(words, files)
    text = done.stdout.decode()
    assert (done.returncode, done.stderr) == (0, b"")
    assert ("\x1b" in text, "─" in text, "…" in text) == (False, False, False)
    assert [name for name in names if name not in text] == []
    for env in ({"COLUMNS": "20"}, {"COLUMNS": "1000000000"}, {"TERM": "dumb"}, {"NO_COLOR": "1"}):
        if verb != "kernel" or "COLUMNS" not in env:  # its picture is as wide as there is room
            assert in_pipes(words, files, **env).stdout == done.stdout, env


LONG = "upscore_" + "of_a_very_long_name_" * 12 + "2"


@pytest.mark.parametrize("verb", ["apply", "inspect", "patch-net", "regroup", "transplant"])
def test_a_pipe_gets_the_longest_names_in_full(verb: str, files: Path, tmp_path: Path) -> None:
    for path in files.glob("*.caffemodel"):
        (tmp_path / path.name).symlink_to(path)
    text = demo_net().replace(b'"upscore2"', f'"{LONG}"'.encode())
    (tmp_path / "net.prototxt").write_bytes(text)
    words = AT_WORK[verb][0].replace("upscore2", LONG)
    if verb == "regroup":
        words = words.replace("out.", "long.")
        done = in_pipes("apply net.prototxt in.caffemodel long.caffemodel", tmp_path)
        assert done.returncode == 0
    done = in_pipes(words, tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert LONG in done.stdout.decode()
    shown = on_a_terminal(words, tmp_path, 60)
    assert too_wide(shown.plain, 60) == []
    assert "…" in shown.plain


def test_streams_are_kept_apart(files: Path) -> None:
    """A report is on standard output, an error on standard error, whichever is the terminal."""
    report, error = AT_WORK["apply"][0], WRONG["no match"][0]
    shown = on_a_terminal(report, files, piped="stderr")
    assert ("upscore2" in shown.plain, shown.piped) == (True, "")
    shown = on_a_terminal(report, files, piped="stdout")
    assert (shown.terminal, "upscore2" in shown.piped, "\x1b" in shown.piped) == ("", True, False)
    shown = on_a_terminal(error, files, piped="stdout")
    assert (shown.plain.startswith("error: "), shown.piped) == (True, "")
    shown = on_a_terminal(error, files, piped="stderr")
    assert (shown.terminal, shown.piped[:7], "\x1b" in shown.piped) == ("", "error: ", False)


@pytest.mark.parametrize("verb", campaign_but(("apply",), AT_WORK))
def test_closed_streams_end_nothing(verb: str, files: Path) -> None:
    for closed in (">&-", "2>&-", ">&- 2>&- <&-"):
        command = f"{sys.executable} -m deconvsurgery {AT_WORK[verb][0]} {closed}"
        done = subprocess.run(
            ["bash", "-c", command], cwd=files, capture_output=True, check=False, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, b"")


CLOSED = (">&-", "2>&-", ">&- 2>&- <&-")
ENDS = (("apply --help", 0), ("--version", 0), *WRONG.values())


@pytest.mark.parametrize("closed", CLOSED)
@pytest.mark.parametrize("ends", campaign_but(ENDS[2:3], ENDS))
def test_closed_streams_take_nothing_from_help_and_errors(
    ends: tuple[str, int], closed: str, files: Path
) -> None:
    line, code = ends
    command = f"{sys.executable} -m deconvsurgery {line} {closed}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=files, capture_output=True, check=False, timeout=60
    )
    assert (done.returncode, b"Traceback" in done.stderr) == (code, False)


# --- what acts on a terminal


def test_no_name_acts_on_the_terminal(files: Path, tmp_path: Path) -> None:
    """A file's name and an option's text may hold escape sequences: they are shown, not sent."""
    for words in (
        ["inspect", "no\x1b[41m.prototxt"],
        ["apply", "--no\x1b[41m"],
        ["kernel", "4\x1b[41m"],
        ["apply", "--fill", "\x1b[41m", "net.prototxt", "in.caffemodel", "out"],
        ["apply", "-p", "\x1b[41m", "net.prototxt", "in.caffemodel", "out"],
        ["\x1b[41m"],
    ):
        shown = on_a_terminal(words, files)
        assert shown.code in (2, 3, 4), words
        assert "\x1b[41m" not in shown.terminal, words
        assert "x1b[41m" in shown.terminal, words


def test_a_rules_page_is_laid_out_on_a_terminal(files: Path) -> None:
    shown = on_a_terminal("check --explain DS004", files, 60)
    assert (shown.code, too_wide(shown.plain, 60)) == (0, [])
    piped = in_pipes("check --explain DS004", files).stdout.decode()
    assert piped.startswith("# DS004")
    assert "\x1b[1m" in shown.terminal
    assert not re.search(r"\x1b\[(?:\d+;)*4[0-8]", shown.terminal)  # no background: white, black
    assert "# DS004" not in shown.plain  # a heading has no sign in front of it
    assert "DS004" in shown.plain.split("\n")[0] + shown.plain.split("\n")[1]


LONG_COPY = """
import sys
from deconvsurgery.cli import console, run
console.LONG_COPY = 0
sys.exit(run(sys.argv[1:]))
"""
SIZES = re.compile(r"(\d+\.\d) kB of (\d+\.\d) kB")

SLOW_SWEEP = """
import sys
from types import SimpleNamespace
from deconvsurgery.cli import run, sweep
times = iter([0, 1, 1.25, 1.5, 1.75, 2, 2.25, 2.5, 2.75, 40, 41, 42, 43])
sweep.time = SimpleNamespace(monotonic=lambda: next(times))
if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("env", "bar"),
    [
        pytest.param({}, True, id="usual"),
        pytest.param({"NO_COLOR": "1"}, True, id="no colours", marks=pytest.mark.campaign),
        pytest.param({"TERM": "dumb"}, False, id="dumb", marks=pytest.mark.campaign),
    ],
)
def test_a_bar_is_for_terminals_that_can_move(
    env: dict[str, str], bar: bool, files: Path, tmp_path: Path
) -> None:
    words = f"apply net.prototxt in.caffemodel {tmp_path / 'out'}"
    shown = on_a_terminal(words, files, start=("-c", LONG_COPY), **env)
    assert shown.code == 0
    assert ("\x1b[?25l" in shown.terminal) == bar
    assert ("\x1b[?25h" in shown.terminal) == bar  # the cursor is shown again
    assert re.search(r"\x1b\[[0-9;]*m", shown.terminal) is None or not env
    again = on_a_terminal(f"{words} -f", files, start=("-c", LONG_COPY), piped="stderr", **env)
    assert (again.piped, "\x1b[?25" in again.terminal) == ("", False)


def test_a_bar_moves_to_its_end(files: Path, tmp_path: Path) -> None:
    drawn_always = LONG_COPY.replace("LONG_COPY = 0", "LONG_COPY = console._EVERY = 0")
    words = f"apply net.prototxt in.caffemodel {tmp_path / 'out'}"
    shown = on_a_terminal(words, files, start=("-c", drawn_always))
    bars = [(float(done), float(size)) for done, size in re.findall(SIZES, shown.terminal)]
    assert shown.code == 0
    assert bars == sorted(bars)
    assert bars[0] < bars[-1]
    assert bars[-1] == (round((tmp_path / "out").stat().st_size / 1000, 1),) * 2


def test_the_time_left_of_a_sweep_is_by_its_last_half_minute(tmp_path: Path) -> None:
    """Eight pairs in three seconds, then one after 37 seconds and one a second later; two wait."""
    for number in range(12):
        (tmp_path / f"{number:02}.prototxt").touch()
    (tmp_path / "zoo.toml").write_text('[sweep]\nverb = "check"\n[[pairs]]\nnet = "*.prototxt"\n')
    shown = on_a_terminal("sweep -w 1 zoo.toml", tmp_path, start=("-c", SLOW_SWEEP))
    erased = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.terminal)  # each picture is, by the next
    drawn = re.findall(r"(\d+) of 12 pairs.* (\d+:\d+) left", erased)
    assert drawn[0] == ("1", "0:11")  # by all of the sweep, which is no longer
    assert ("10", "0:38") in drawn  # by two pairs in 38.25 seconds; 0:08 by ten in 41


def test_a_short_copy_moves_no_cursor(files: Path, tmp_path: Path) -> None:
    words = f"apply net.prototxt in.caffemodel {tmp_path / 'out'}"
    for _ in ("written", "refused, since it exists"):
        shown = on_a_terminal(words, files)
        assert re.search(r"\x1b\[(?![0-9;]*m)|\r", shown.terminal) is None
    assert shown.code == 2
