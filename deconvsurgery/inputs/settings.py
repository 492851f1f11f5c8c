"""What a configuration file says: which nets and models belong together, how they are checked.

TOML text in, values out.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from deconvsurgery.errors import ConfigError, SelectionError
from deconvsurgery.nearest import nearest
from deconvsurgery.prototxt.selection import name_test
from deconvsurgery.rules.finding import rules_named
from deconvsurgery.storage.address import joined
from deconvsurgery.wording import plural

FILE_NAME: Final = "deconvsurgery.toml"
PROJECT_FILE: Final = "pyproject.toml"
_HINT: Final = "docs/verbs/check.md has a whole one; --isolated reads none"
_SWEEP_HINT: Final = "docs/zoo.md has a whole one"
_LONGEST: Final = 60  # characters of a value that are quoted


@dataclass(frozen=True, slots=True)
class Checking:
    """How a pair is checked; ``None`` stands for what was not said."""

    pattern: tuple[str, ...] | None = None
    exclude: tuple[str, ...] | None = None
    phase: str | None = None
    level: int | None = None
    stage: tuple[str, ...] | None = None
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] | None = None
    frozen: bool | None = None
    allow_empty: bool | None = None

    def over(self, other: Checking) -> Checking:
        """This, and what ``other`` says where this says nothing."""
        said = {each.name: getattr(self, each.name) for each in fields(self)}
        return replace(other, **{key: value for key, value in said.items() if value is not None})


@dataclass(frozen=True, slots=True)
class Pair:
    """A net with its model, either of them alone, how they are checked, and what a sweep writes.

    Paths may have wildcards and ``{name}`` (see ``path_patterns``), and stand for many pairs then;
    so does ``listed``, a file with a pair a line.
    """

    net: str | None
    model: str | None = None
    checking: Checking = Checking()
    output: str | None = None
    net_output: str | None = None
    listed: str | None = None


@dataclass(frozen=True, slots=True)
class Sweep:
    """What ``[sweep]`` says: the verb, its options by their long names, where the rows go."""

    verb: str = "check"
    options: tuple[tuple[str, Any], ...] = ()
    results: str | None = None
    retries: int = 3


@dataclass(frozen=True, slots=True)
class Settings:
    """A configuration file, ``path``: its pairs, and how other nets are checked."""

    path: str
    pairs: tuple[Pair, ...] = ()
    checking: Checking = Checking()
    sweep: Sweep = Sweep()


def parse_settings(text: str, path: str, *, folder: str = "") -> Settings | None:
    """The settings in a TOML text; ``None`` for a ``pyproject.toml`` that has none.

    ``folder`` is put before the paths of nets and models, which are relative to the file's own.

    >>> parse_settings("pairs = [{ net = 'a' }]", FILE_NAME, folder="x").pairs[0].net
    'x/a'

    Raises ``ConfigError`` for what is no TOML, a key that does not exist, a value of another kind.
    """
    try:
        table: Any = tomllib.loads(text)
    except RecursionError:
        raise ConfigError("is nested too deeply", path=path, hint=_HINT) from None
    except ValueError as error:  # TOMLDecodeError, and Python's for a number of 4,301 digits
        found = re.search(r"\s*\(at line (\d+), column (\d+)\)", str(error))
        line, column = map(int, found.groups()) if found else (None, None)
        words = re.sub(r"\s*\(at line [^)]*\)", "", str(error))
        raise ConfigError(
            f"is no TOML: {words[:1].lower()}{words[1:]}",
            path=path,
            line=line,
            column=column,
            hint=_HINT,
        ) from None
    if os.path.basename(path) == PROJECT_FILE:
        table = table.get("tool", {})
        table = table.get("deconvsurgery") if isinstance(table, dict) else None
        if table is None:
            return None
    if not isinstance(table, dict):
        raise ConfigError("[tool.deconvsurgery] is no table", path=path, hint=_HINT)
    listed = table.get("pairs", [])
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise ConfigError("pairs is a list of tables: [[pairs]]", path=path, hint=_HINT)
    checking = _checking(table, path, "", {"pairs", "sweep"})
    pairs = [
        pair
        for number, each in enumerate(listed)
        for pair in _pairs(each, path, f"pairs[{number}]", folder, checking)
    ]
    return Settings(path, tuple(pairs), checking, _sweep(table.get("sweep", {}), path, folder))


_PATHS: Final = ("net", "model", "output", "net-output", "list")
SWEPT: Final = ("apply", "check", "convert", "regroup")
_SWEEP: Final = ("verb", "options", "results", "retries")
_MOST_RETRIES: Final = 20


def _pairs(
    table: Mapping[str, Any], path: str, place: str, folder: str, checking: Checking
) -> Iterator[Pair]:
    """A pair, or one for each net, or model, of a list."""
    names = {key: _named(table[key], path, f"{place}.{key}") for key in _PATHS if key in table}
    if not names.keys() & {"net", "model", "list"}:
        raise ConfigError(f"{place} names neither a net nor a model", path=path, hint=_HINT)
    if "list" in names and len(names) > 1:
        words = f"{place}.list has the paths in it, and {place} names others"
        raise ConfigError(words, path=path, hint=_HINT)
    own = _checking(table, path, f"{place}.", {*_PATHS}).over(checking)
    number = max(map(len, names.values()))
    for key, values in names.items():
        if len(values) not in (1, number):
            words = (
                f"{place}.{key} lists {plural(len(values), 'path')}, and another list has {number}"
            )
            raise ConfigError(words, path=path, hint="lists of a pair go along with each other")
    for each in range(number):
        here = {key: joined(folder, values[each % len(values)]) for key, values in names.items()}
        yield Pair(
            here.get("net"),
            here.get("model"),
            own,
            here.get("output"),
            here.get("net-output"),
            here.get("list"),
        )


def _named(value: object, path: str, place: str) -> tuple[str, ...]:
    try:
        texts = _texts(value)
    except TypeError:
        texts = ()
    if not texts or not all(texts):
        words = f"{place} is a path or a list of them, not {_quoted(value)}"
        raise ConfigError(words, path=path, hint=_HINT)
    return texts


def _sweep(table: object, path: str, folder: str) -> Sweep:
    if not isinstance(table, dict):
        raise ConfigError("sweep is a table: [sweep]", path=path, hint=_SWEEP_HINT)
    for key in table:
        if key not in _SWEEP:
            near = nearest(key, _SWEEP)
            hint = f"did you mean {near!r}?" if near else f"keys are {', '.join(_SWEEP)}"
            raise ConfigError(f"sweep.{key} is no key of this tool", path=path, hint=hint)
    verb, results = table.get("verb", "check"), table.get("results")
    options, retries = table.get("options", {}), table.get("retries", 3)
    wrong = {
        f"verb is one of {', '.join(SWEPT)}, not {_quoted(verb)}": verb not in SWEPT,
        f"options is a table, not {_quoted(options)}": not isinstance(options, dict),
        f"results is a path, not {_quoted(results)}": results is not None
        and not (isinstance(results, str) and results),
        f"retries is a whole number up to {_MOST_RETRIES}, not {_quoted(retries)}": (
            not isinstance(retries, int)
            or isinstance(retries, bool)
            or not 0 <= retries <= _MOST_RETRIES
        ),
    }
    for words, is_wrong in wrong.items():
        if is_wrong:
            raise ConfigError(f"sweep.{words}", path=path, hint=_SWEEP_HINT)
    place = joined(folder, results) if results else None
    return Sweep(verb, tuple(sorted(options.items())), place, retries)


def _checking(table: Mapping[str, Any], path: str, place: str, others: set[str]) -> Checking:
    said: dict[str, Any] = {}
    for key, value in table.items():
        if key in others:
            continue
        if key not in _KEYS:
            near = nearest(key, [*_KEYS, *others])
            hint = f"did you mean {near!r}?" if near else f"keys are {', '.join(_KEYS)}"
            raise ConfigError(f"{place}{key} is no key of this tool", path=path, hint=hint)
        kind, read = _KEYS[key]
        try:
            said[key.replace("-", "_")] = read(value)
        except TypeError:
            raise ConfigError(
                f"{place}{key} is {kind}, not {_quoted(value)}", path=path, hint=_HINT
            ) from None
        except SelectionError as error:
            raise ConfigError(
                f"{place}{key}: {error.message}", path=path, hint=error.hint
            ) from None
    return Checking(**said)


def _quoted(value: object) -> str:
    written = repr(value)
    return written if len(written) <= _LONGEST else written[:_LONGEST] + "…"


def _texts(value: object) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(each, str) for each in texts):
        raise TypeError
    return tuple(texts)


def _patterns(value: object) -> tuple[str, ...]:
    texts = _texts(value)
    for text in texts:
        name_test(text)
    return texts


def _rules(value: object) -> tuple[str, ...]:
    texts = _texts(value)
    rules_named(texts)
    return texts


def _phase(value: object) -> str:
    if not isinstance(value, str) or value.lower() not in ("train", "test"):
        raise TypeError
    return value.lower()


def _level(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


_TEXTS = "text or a list of texts"
_KEYS: Final[Mapping[str, tuple[str, Callable[[object], Any]]]] = {
    "pattern": (_TEXTS, _patterns),
    "exclude": (_TEXTS, _patterns),
    "phase": ("train or test", _phase),
    "level": ("a whole number", _level),
    "stage": (_TEXTS, _texts),
    "select": ("a rule's id or a list of them", _rules),
    "ignore": ("a rule's id or a list of them", _rules),
    "frozen": ("true or false", _flag),
    "allow-empty": ("true or false", _flag),
}
