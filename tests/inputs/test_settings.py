"""Settings of a project: TOML that becomes values, or an error with its place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import deconvsurgery as ds
from deconvsurgery.inputs.settings import Checking
from deconvsurgery.rules.finding import RULES
from helpers.settings import parse_settings, read_settings

if TYPE_CHECKING:
    from helpers.words import Words

SETTINGS = """
ignore = ["DS010"]
frozen = true

[[pairs]]
net = "demo.prototxt"
model = "in.caffemodel"
pattern = "upscore*"

[[pairs]]
net = "bad.prototxt"
select = ["DS001", "DS006"]
"""


def test_settings_become_values() -> None:
    settings = parse_settings(SETTINGS, "x/deconvsurgery.toml", folder="x")
    assert settings is not None
    assert settings.checking == Checking(ignore=("DS010",), frozen=True)
    demo, bad = settings.pairs
    assert (demo.net, demo.model) == ("x/demo.prototxt", "x/in.caffemodel")
    assert demo.checking == Checking(pattern=("upscore*",), ignore=("DS010",), frozen=True)
    assert bad.checking.select == ("DS001", "DS006")
    assert parse_settings("[tool.ruff]", "pyproject.toml") is None
    state = parse_settings("phase = 'TRAIN'\nlevel = -2\nstage = 'a'", "deconvsurgery.toml")
    assert state is not None
    assert state.checking == Checking(phase="train", level=-2, stage=("a",))


WRONG: dict[str, tuple[str, list[str], str | None]] = {
    "pairs is a number": ("pairs = 3", [], None),
    "pairs of numbers": ("pairs = [3]", [], None),
    "a pair of nothing": ("[[pairs]]", ["pairs[0]"], None),
    "a net that is a number": ("[[pairs]]\nnet = 3", ["pairs[0].net", "3"], None),
    "a net without a name": ("[[pairs]]\nnet = ''", ["pairs[0].net", "''"], None),
    "a misspelt key of a pair": (
        "[[pairs]]\nnet = 'a'\nmodle = 'b'",
        ["pairs[0].modle"],
        "'model'",
    ),
    "a misspelt key": ("patern = 'up'", ["patern"], "'pattern'"),
    "no key": ("x = 1", ["x"], "pattern"),
    "a pattern that is a number": ("pattern = 3", ["pattern", "3"], None),
    "no regular expression": ("pattern = ['re:(']", ["pattern", "'re:('"], ""),
    "no rule": ("select = 'DS9'", ["select", "'DS9'"], f"DS001 to {max(RULES)}"),
    "no rule that is left": ("select = 'DS001'\nignore = ['ds00']", ["ignore"], None),
    "no rule that is left of all": ("ignore = 'DS'", ["ignore"], None),
    "no rule that is left in a pair": (
        "ignore = 'DS001'\n[[pairs]]\nnet = 'a'\nselect = 'DS001'",
        ["pairs[0].ignore"],
        None,
    ),
    "no phase": ("phase = 'deploy'", ["phase", "'deploy'"], None),
    "no level": ("level = true", ["level", "true"], None),
    "no flag": ("frozen = 1", ["frozen", "1"], None),
    "no TOML": ("a = [", [], None),
    "a net of no paths": ("[[pairs]]\nnet = []", ["pairs[0].net", "empty list"], None),
    "an empty path": ("[[pairs]]\nnet = ['a', '']", ["pairs[0].net[1]", "''"], None),
    "a NUL in a net": ('[[pairs]]\nnet = "a\\u0000b"', ["pairs[0].net", r"'a\x00b'"], None),
    "a NUL in an output": (
        '[[pairs]]\nnet = "a"\noutput = "a\\u0000b"',
        ["pairs[0].output", r"'a\x00b'"],
        None,
    ),
    "a NUL in results": ('[sweep]\nresults = "a\\u0000b"', ["sweep.results"], None),
    "a path without end": (f"[[pairs]]\nnet = '{'a' * 40_000}'", ["pairs[0].net", "40,000"], None),
    "a hexadecimal number": (f"[[pairs]]\nnet = 0x{'f' * 6000}", ["pairs[0].net"], None),
    "a level of many digits": (f"level = 0x{'f' * 6000}", ["level", "24,000 bits"], None),
    "a level beyond int32": ("level = 2147483648", ["level", "2147483648"], None),
    "a level below int32": ("level = -2147483649", ["level", "-2147483649"], None),
    "a level that is infinite": ("level = inf", ["level", "inf"], None),
    "a pattern that is a date": ("pattern = 2026-11-29", ["pattern", "2026-11-29"], None),
    "retries of many digits": (f"[sweep]\nretries = 0x{'f' * 6000}", ["sweep.retries"], None),
    "retries that are true": ("[sweep]\nretries = true", ["sweep.retries", "true"], None),
    "a verb that is a list": ("[sweep]\nverb = ['apply']", ["sweep.verb", "a list"], None),
    "options that are none": ("[sweep]\noptions = 'a'", ["sweep.options", "'a'"], None),
    "a list 400 deep": (f"pattern = {'[' * 400}{']' * 400}", ["pattern[0]", "a list"], None),
    "a table of many keys": (
        "stage = {" + ", ".join(f"k{each} = 1" for each in range(1000)) + "}",
        ["stage", "a table"],
        None,
    ),
    "a key with a line end": ('"a\\nb" = 1', [r"'a\nb'"], None),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_settings_should_not_say(case: str, words: Words) -> None:
    text, facts, hint = WRONG[case]
    with pytest.raises(ds.ConfigError) as raised:
        parse_settings(text, "deconvsurgery.toml")
    error = raised.value
    assert error.path == "deconvsurgery.toml"
    assert [fact for fact in facts if fact not in error.message] == []
    assert hint is None or hint in (error.hint or "")
    if case == "no TOML":  # the rest is said by Python's parser
        words([error.message.partition(": ")[0], error.hint or ""], case)
    else:
        words(error, case)


LONG = "x" * 1_000_000


@pytest.mark.parametrize(
    "text",
    [
        f"{LONG} = 1",
        f"'{LONG}' = 1",
        f"phase = '{LONG}'",
        f"pattern = '{LONG}'",
        f"pattern = 're:({LONG}'",
        f"pattern = ['re:(?P<{LONG[:4000]}-'] ",
        f"select = '{LONG}'",
        f"select = '{LONG[:4000]}'",
        f"stage = ['{LONG}']",
        f"level = '{LONG}'",
        f"x = {{'{LONG}' = 1, '{LONG}' = 2}}",
        f"'{' ' * 1_000_000}(at line 3, column 4)' = 1",
        f"x = {{'{' ' * 1_000_000}' = 1, '{' ' * 1_000_000}' = 1}}",
        f"[[pairs]]\nnet = '{LONG}'",
        f"[[pairs]]\n{LONG} = 1",
        f"[sweep]\n{LONG} = 1",
        f"[sweep]\nverb = '{LONG}'",
        f"[{LONG}]",
        ".".join("a" * 100_000) + " = 1",
        "[" + ".".join("a" * 17) + "]\n" + "b = 1\n" * 100_000,
        "x = {" + " . ".join(["'a'", '"b"', "c"] * 6) + " = 1}",
    ],
    ids=lambda text: text[:12],
)
def test_no_message_is_longer_than_a_line(text: str) -> None:
    with pytest.raises(ds.ConfigError) as raised:
        parse_settings(text, "deconvsurgery.toml")
    assert len(raised.value.message) < 200
    assert len(raised.value.hint or "") < 200
    assert "\n" not in raised.value.message


def test_a_key_of_many_parts_has_its_place() -> None:
    """Dots in texts, comments and multi-line texts are none of a key's."""
    dots = ".".join("a" * 17)
    quiet = (
        f'# {dots}\nstage = [\'{dots}\', "\\\\", "{dots}", """\n{dots}""""]\n'
        f"exclude = '''{dots}'''\n"
    )
    settings = parse_settings(quiet, "deconvsurgery.toml")
    assert settings is not None
    assert settings.checking.stage == (dots, "\\", dots, f'{dots}"')
    with pytest.raises(ds.ConfigError) as raised:
        parse_settings(f"{quiet}  {dots} = 1", "deconvsurgery.toml")
    assert (raised.value.line, raised.value.column) == (5, 3)
    assert "17 parts" in raised.value.message


@pytest.mark.parametrize(
    ("case", "text"),
    [("no table", "[tool]\ndeconvsurgery = 1"), ("too deep", "x = " + "[" * 5000)],
    ids=["no table", "too deep"],
)
def test_a_pyproject_that_cannot_be(case: str, text: str, words: Words) -> None:
    with pytest.raises(ds.ConfigError) as raised:
        parse_settings(text, "pyproject.toml")
    assert raised.value.path == "pyproject.toml"
    words(raised.value, case)


def test_settings_in_another_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    (tmp_path / "ci.toml").write_text(SETTINGS)
    monkeypatch.chdir(tmp_path)
    settings = read_settings("ci.toml")
    assert settings is not None
    assert settings.pairs[0].net == "demo.prototxt"
    (tmp_path / "pyproject.toml").write_text("[tool.other]")
    with pytest.raises(ds.ConfigError) as raised:
        read_settings("pyproject.toml")
    assert (raised.value.path, "[tool.deconvsurgery]" in raised.value.message) == (
        "pyproject.toml",
        True,
    )
    words(raised.value, "no table of ours")
    (tmp_path / "latin.toml").write_bytes(b"pattern = '\xe9'")
    with pytest.raises(ds.ConfigError) as raised:
        read_settings("latin.toml")
    assert raised.value.path == "latin.toml"
    words(raised.value, "not UTF-8")


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"])
def test_a_byte_order_mark(tmp_path: Path, mark: bytes, words: Words) -> None:
    (tmp_path / "a.toml").write_bytes(mark + b"frozen = true")
    with pytest.raises(ds.ConfigError) as raised:
        read_settings(tmp_path / "a.toml")
    words(raised.value)


def test_too_much_is_not_read(tmp_path: Path, words: Words) -> None:
    """Neither of a file, of which the size is known, nor of what has no end."""
    path = tmp_path / "a.toml"
    path.touch()
    os.truncate(path, 1 << 30)
    for each in (str(path), "/dev/zero"):
        with pytest.raises(ds.ConfigError) as raised:
            read_settings(each)
        assert raised.value.path == each
        words(raised.value)


def test_a_folder_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: Words) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(ds.FileError) as raised:
        read_settings()
    words(raised.value)


def test_what_stops_short_says_so() -> None:
    with pytest.raises(ds.ConfigError) as raised:
        parse_settings("stage = [1,", "deconvsurgery.toml")
    assert "end of document" in raised.value.message
    assert raised.value.line is None
