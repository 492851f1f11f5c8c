"""Settings in a TOML text: each key as ``settings_keys`` has it, or an error with its place."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar

from deconvsurgery.errors import ArgumentError, ConfigError
from deconvsurgery.nearest import nearest
from deconvsurgery.storage.address import joined
from deconvsurgery.strict_values.kinds import ValueKind, WrongValueError, below
from deconvsurgery.strict_values.rule_ids import rules_asked
from deconvsurgery.wording import plural, short

from .settings import PROJECT_FILE, Checking, Pair, Settings, Sweep
from .settings_keys import PAIR_PATHS, SWEEP_KEYS, checking_keys
from .toml_text import toml_table

Value = TypeVar("Value")

_HINT: Final = "for example: pairs = [{ net = 'a.prototxt', model = 'a.caffemodel' }]"
_SWEEP_HINT: Final = "for example: sweep = { verb = 'apply' }"


def parse_settings(
    text: str, path: str, *, rules: Collection[str], folder: str = ""
) -> Settings | None:
    """The settings in a TOML text; ``None`` for a ``pyproject.toml`` that has none.

    ``rules`` are the ids of the rules that there are. ``folder`` is put before the paths of nets
    and models, which are relative to the file's own.

    >>> from deconvsurgery.inputs.settings import FILE_NAME
    >>> parse_settings("pairs = [{ net = 'a' }]", FILE_NAME, rules=(), folder="x").pairs[0].net
    'x/a'

    Raises ``ConfigError`` for what is not TOML, a key that does not exist, a value of another kind,
    and one that is too large or too long.
    """
    table: Any = toml_table(text, path, hint=_HINT)
    if os.path.basename(path) == PROJECT_FILE:
        table = table.get("tool", {})
        table = table.get("deconvsurgery") if isinstance(table, dict) else None
        if table is None:
            return None
    if not isinstance(table, dict):
        raise ConfigError("[tool.deconvsurgery] is not a table", path=path, hint=_HINT)
    listed = table.get("pairs", [])
    if not isinstance(listed, list) or not all(isinstance(pair, dict) for pair in listed):
        raise ConfigError("pairs is a list of tables: [[pairs]]", path=path, hint=_HINT)
    keys = checking_keys(rules)
    checking = _checking(_values(keys, table, path, "", others=("pairs", "sweep")), folder)
    _confirm_rules(checking, rules, path, "")
    pairs: list[Pair] = []
    for number, pair in enumerate(listed):
        place = f"pairs[{number}]"
        paths = _paths(pair, path, place)
        own = _checking(_values(keys, pair, path, place, others=PAIR_PATHS), folder)
        whole = own.over(checking)
        _confirm_rules(whole, rules, path, place)
        pairs += _pairs(paths, path, place, folder, whole)
    return Settings(path, tuple(pairs), checking, _sweep(table.get("sweep", {}), path, folder))


def _checking(values: Mapping[str, Any], folder: str) -> Checking:
    found = Checking(**values)
    if found.baseline is None:
        return found
    return found._replace(baseline=joined(folder, found.baseline))


def _confirm_rules(checking: Checking, rules: Collection[str], path: str, place: str) -> None:
    """Raise ``ConfigError`` where what is ignored leaves no rule."""
    if not checking.ignore:
        return
    try:
        rules_asked(rules, checking.select or (), checking.ignore)
    except ArgumentError as error:
        where = below(place, "ignore")
        raise ConfigError(f"{where}: {error.message}", path=path, hint=error.hint) from None


def _paths(table: Mapping[str, Any], path: str, place: str) -> dict[str, tuple[str, ...]]:
    """The paths of a pair, or of several, by their keys."""
    names = {
        key: _taken(kind, table[key], path, f"{place}.{key}")
        for key, kind in PAIR_PATHS.items()
        if key in table
    }
    if not names.keys() & {"net", "model", "list"}:
        raise ConfigError(f"{place} names neither a net nor a model", path=path, hint=_HINT)
    if "list" in names and len(names) > 1:
        words = f"{place}.list has the paths in it, and {place} names others"
        raise ConfigError(words, path=path, hint=_HINT)
    return names


def _pairs(
    names: Mapping[str, tuple[str, ...]], path: str, place: str, folder: str, checking: Checking
) -> Iterator[Pair]:
    """A pair, or one for each net, or model, of a list."""
    number = max(map(len, names.values()))
    for key, values in names.items():
        if len(values) not in (1, number):
            words = (
                f"{place}.{key} lists {plural(len(values), 'path')}, and another list has {number}"
            )
            raise ConfigError(words, path=path, hint="lists of a pair go along with each other")
    for at in range(number):
        here = {key: joined(folder, values[at % len(values)]) for key, values in names.items()}
        yield Pair(
            here.get("net"),
            here.get("model"),
            checking,
            here.get("output"),
            here.get("net-output"),
            here.get("list"),
        )


def _sweep(table: object, path: str, folder: str) -> Sweep:
    if not isinstance(table, dict):
        raise ConfigError("sweep is a table: [sweep]", path=path, hint=_SWEEP_HINT)
    found = _values(SWEEP_KEYS, table, path, "sweep", hint=_SWEEP_HINT)
    if "results" in found:
        found["results"] = joined(folder, found["results"])
    return Sweep(**found)


def _values(
    keys: Mapping[str, ValueKind[Any]],
    table: Mapping[str, Any],
    path: str,
    place: str,
    *,
    others: Collection[str] = (),
    hint: str = _HINT,
) -> dict[str, Any]:
    """The values of a table's ``keys``, by the names of their fields; ``others`` are left out."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        if key in others:
            continue
        kind = keys.get(key)
        if kind is None:
            raise _no_such_key(key, place, path, keys, others)
        found[key.replace("-", "_")] = _taken(kind, value, path, below(place, key), hint)
    return found


def _taken(
    kind: ValueKind[Value], value: object, path: str, place: str, hint: str = _HINT
) -> Value:
    try:
        return kind.take(value, place)
    except WrongValueError as error:
        raise ConfigError(str(error), path=path, hint=hint) from None
    except ArgumentError as error:
        raise ConfigError(f"{place}: {error.message}", path=path, hint=error.hint) from None


def _no_such_key(
    key: str, place: str, path: str, known: Iterable[str], others: Iterable[str] = ()
) -> ConfigError:
    near = nearest(short(key), [*known, *others])
    hint = f"did you mean {near!r}?" if near else f"keys are {', '.join(known)}"
    return ConfigError(f"{below(place, key)} is not a key of this tool", path=path, hint=hint)
