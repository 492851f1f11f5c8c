"""What a configuration file says: which nets and models belong together, how they are checked.

TOML text in, values out.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, TypeVar

from deconvsurgery.errors import ConfigError, SelectionError
from deconvsurgery.nearest import nearest
from deconvsurgery.prototxt.selection import name_test
from deconvsurgery.rules.finding import rules_named
from deconvsurgery.storage.address import joined
from deconvsurgery.strict_values.kinds import (
    FLAG,
    Kind,
    WrongValueError,
    below,
    list_of,
    one_of,
    said,
    whole,
)
from deconvsurgery.strict_values.kinds import path as path_of
from deconvsurgery.strict_values.kinds import text as text_of
from deconvsurgery.wording import plural, short

from .toml_text import toml_table

Value = TypeVar("Value")

FILE_NAME: Final = "deconvsurgery.toml"
PROJECT_FILE: Final = "pyproject.toml"
_HINT: Final = "docs/verbs/check.md has a whole one; --isolated reads none"
_SWEEP_HINT: Final = "docs/zoo.md has a whole one"


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

    Raises ``ConfigError`` for what is no TOML, a key that does not exist, a value of another kind,
    and one that is too large or too long.
    """
    table: Any = toml_table(text, path, hint=_HINT)
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
_MOST_RETRIES: Final = 20


def _pairs(
    table: Mapping[str, Any], path: str, place: str, folder: str, checking: Checking
) -> Iterator[Pair]:
    """A pair, or one for each net, or model, of a list."""
    names = {
        key: _taken(_SOME_PATHS, table[key], path, f"{place}.{key}")
        for key in _PATHS
        if key in table
    }
    if not names.keys() & {"net", "model", "list"}:
        raise ConfigError(f"{place} names neither a net nor a model", path=path, hint=_HINT)
    if "list" in names and len(names) > 1:
        words = f"{place}.list has the paths in it, and {place} names others"
        raise ConfigError(words, path=path, hint=_HINT)
    own = _checking(table, path, place, {*_PATHS}).over(checking)
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


def _sweep(table: object, path: str, folder: str) -> Sweep:
    if not isinstance(table, dict):
        raise ConfigError("sweep is a table: [sweep]", path=path, hint=_SWEEP_HINT)
    found: dict[str, Any] = {}
    for key, value in table.items():
        kind = _SWEEP.get(key)
        if kind is None:
            raise _no_such_key(key, "sweep", path, _SWEEP)
        found[key] = _taken(kind, value, path, f"sweep.{key}", _SWEEP_HINT)
    if "results" in found:
        found["results"] = joined(folder, found["results"])
    return Sweep(**found)


def _checking(table: Mapping[str, Any], path: str, place: str, others: set[str]) -> Checking:
    found: dict[str, Any] = {}
    for key, value in table.items():
        if key in others:
            continue
        kind = _KEYS.get(key)
        if kind is None:
            raise _no_such_key(key, place, path, _KEYS, others)
        found[key.replace("-", "_")] = _taken(kind, value, path, below(place, key))
    return Checking(**found)


def _taken(kind: Kind[Value], value: object, path: str, place: str, hint: str = _HINT) -> Value:
    try:
        return kind.take(value, place)
    except WrongValueError as error:
        raise ConfigError(str(error), path=path, hint=hint) from None
    except SelectionError as error:
        raise ConfigError(f"{place}: {error.message}", path=path, hint=error.hint) from None


def _no_such_key(
    key: str, place: str, path: str, known: Iterable[str], others: Iterable[str] = ()
) -> ConfigError:
    near = nearest(short(key), [*known, *others])
    hint = f"did you mean {near!r}?" if near else f"keys are {', '.join(known)}"
    return ConfigError(f"{below(place, key)} is no key of this tool", path=path, hint=hint)


_LONGEST_TEXT: Final = 4096  # characters
_MOST_TEXTS: Final = 1_000_000


def _one_or_several(kind: Kind[str], words: str, *, least: int = 0) -> Kind[tuple[str, ...]]:
    """A text of a kind, or a list of at least so many."""
    several = list_of(kind, _MOST_TEXTS)

    def taken(value: Any, place: str) -> tuple[str, ...]:
        if isinstance(value, str):
            return (kind.take(value, place),)
        if not isinstance(value, list) or len(value) < least:
            seen = "an empty list" if value == [] else said(value)
            raise WrongValueError(f"is {words}, not {seen}", place)
        return several.take(value, place)

    return Kind(words, taken)


def _each_tested(
    kind: Kind[tuple[str, ...]], test: Callable[[tuple[str, ...]], object]
) -> Kind[tuple[str, ...]]:
    """Texts that a ``test`` has nothing against, which raises ``SelectionError``."""

    def taken(value: Any, place: str) -> tuple[str, ...]:
        found = kind.take(value, place)
        test(found)
        return found

    return Kind(kind.words, taken)


def _phase(value: Any, place: str) -> str:
    plain = one_of("train", "test")
    return plain.take(value.lower() if isinstance(value, str) else value, place)


def _options(value: Any, place: str) -> tuple[tuple[str, Any], ...]:
    """What they may be is for their verb to say."""
    if not isinstance(value, dict):
        raise WrongValueError(f"is a table, not {said(value)}", place)
    return tuple(sorted(value.items()))


_TEXTS: Final = _one_or_several(text_of(_LONGEST_TEXT), "text or a list of texts")
_PATTERNS: Final = _each_tested(_TEXTS, lambda found: [*map(name_test, found)])
_RULES: Final = _each_tested(
    _one_or_several(text_of(_LONGEST_TEXT), "a rule's id or a list of them"), rules_named
)
_SOME_PATHS: Final = _one_or_several(path_of(), "a path or a list of them", least=1)
_KEYS: Final[Mapping[str, Kind[Any]]] = {
    "pattern": _PATTERNS,
    "exclude": _PATTERNS,
    "phase": Kind("train or test", _phase),
    "level": whole(-(2**31), 2**31 - 1),  # int32 in Caffe's NetState
    "stage": _TEXTS,
    "select": _RULES,
    "ignore": _RULES,
    "frozen": FLAG,
    "allow-empty": FLAG,
}
_SWEEP: Final[Mapping[str, Kind[Any]]] = {
    "verb": one_of(*SWEPT),
    "options": Kind("a table", _options),
    "results": path_of(),
    "retries": whole(0, _MOST_RETRIES),
}
