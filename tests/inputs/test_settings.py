"""Settings of a project: TOML that becomes values, or an error with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

import deconvsurgery as ds
from deconvsurgery.inputs.open_inputs import read_settings
from deconvsurgery.inputs.settings import Checking, parse_settings
from deconvsurgery.rules.finding import RULES
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
    "no phase": ("phase = 'deploy'", ["phase", "'deploy'"], None),
    "no level": ("level = true", ["level", "True"], None),
    "no flag": ("frozen = 1", ["frozen", "1"], None),
    "no TOML": ("a = [", [], None),
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
