"""The reader of configuration files against Python's reader of TOML.

The first byte says which of the two files it is, the rest is its bytes. What is read must be what
the TOML says, key by key, and nothing that a verb or a file's name cannot be; what is refused is
refused in one line, at a place within the text.
"""

from __future__ import annotations

import os
import tomllib
from typing import TYPE_CHECKING, Any

import deconvsurgery as ds
from deconvsurgery.inputs.settings_file import settings_in
from deconvsurgery.inputs.settings_keys import SWEPT
from deconvsurgery.rules.finding import RULES
from deconvsurgery.sweeping.call_verb import checked_options, lacking

if TYPE_CHECKING:
    from deconvsurgery.inputs.settings import Checking, Pair, Settings

NAMES = ("deconvsurgery.toml", "pyproject.toml", "zoo.toml")
LINE = 800  # characters: 60 of a value may be spelt out as ten each
PATHS = ("net", "model", "output", "net-output", "list")
KEYS = ("pattern", "exclude", "phase", "level", "stage", "select", "ignore", "frozen")


def check(data: bytes) -> None:
    """Read it; ``AssertionError`` where something does not hold."""
    name, data = NAMES[data[0] % 3 if data else 0], data[1:]
    try:
        found = settings_in(data, name, rules=RULES, folder="zoo")
    except ds.ConfigError as error:
        _in_a_line(error, data)
        return
    text = data.decode()
    table: Any = tomllib.loads(text)
    if name == "pyproject.toml":
        table = table.get("tool", {}).get("deconvsurgery")
    if found is None:
        assert name == "pyproject.toml"
        assert table is None
        return
    _same(found, table)
    for pair in found.pairs:
        _possible(pair)
        assert pair.checking.over(found.checking) == pair.checking
    _options(found, data)


def _in_a_line(error: ds.ConfigError, data: bytes) -> None:
    lines = data.split(b"\n")
    assert len(error.message) < LINE
    assert len(error.hint or "") < LINE
    assert "\n" not in error.message
    assert error.path in NAMES
    if error.line is not None:
        assert 1 <= error.line <= len(lines)
    if error.column is not None:
        assert error.line is not None
        assert 1 <= error.column <= len(lines[error.line - 1]) + 1


def _same(found: Settings, table: dict[str, Any]) -> None:
    """All that the TOML says, and no more."""
    _said(found.checking, table)
    number = 0
    for each in table.get("pairs", []):
        named = {key: _several(each[key]) for key in PATHS if key in each}
        for at in range(max(map(len, named.values()))):
            assert number < len(found.pairs)
            pair, number = found.pairs[number], number + 1
            for key in PATHS:
                path = getattr(pair, {"list": "listed"}.get(key, key.replace("-", "_")))
                assert (path is None) == (key not in named)
                if path is not None:
                    said = named[key][at % len(named[key])]
                    assert path == said or path == os.path.join("zoo", said)
            _said(pair.checking, {**table, **each})
    assert number == len(found.pairs)
    sweep = table.get("sweep", {})
    assert found.sweep.verb == sweep.get("verb", "check")
    assert found.sweep.retries == sweep.get("retries", 3)
    assert repr(found.sweep.options) == repr(tuple(sorted(sweep.get("options", {}).items())))
    assert (found.sweep.results is None) == ("results" not in sweep)


def _said(found: Checking, table: dict[str, Any]) -> None:
    for key in (*KEYS, "allow-empty"):
        value, said = getattr(found, key.replace("-", "_")), table.get(key)
        if key == "phase" and said is not None:
            said = said.lower()
        elif key not in ("level", "frozen", "allow-empty") and said is not None:
            said = _several(said)
        assert (value, type(value)) == (said, type(said)), key
    assert found.level is None or -(2**31) <= found.level < 2**31


def _several(said: str | list[str]) -> tuple[str, ...]:
    return (said,) if isinstance(said, str) else tuple(said)


def _possible(pair: Pair) -> None:
    """What a file can be called, and what each verb needs of it is said in words."""
    for path in (pair.net, pair.model, pair.output, pair.net_output, pair.listed):
        assert path is None or b"\0" not in os.fsencode(path) != b""
    assert pair.net or pair.model or pair.listed
    for verb in SWEPT:
        lacking(verb, pair)


def _options(found: Settings, data: bytes) -> None:
    """Options are the verb's own, or refused in a line."""
    try:
        arguments = checked_options(found.sweep.verb, dict(found.sweep.options), found.path)
    except ds.ConfigError as error:
        _in_a_line(error, data)
        return
    assert len(arguments) == len(found.sweep.options)
    for value in arguments.values():
        assert isinstance(value, str | bool) or 0 <= value < 10**28
