"""What a caller may give in more than one form, made one; nothing of what it means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from os import PathLike
from typing import Any, TypeVar

from .errors import ArgumentError

Choice = TypeVar("Choice", bound=StrEnum)
Options = TypeVar("Options")
Each = TypeVar("Each")


def texts(given: str | Iterable[str], name: str) -> tuple[str, ...]:
    """The texts that a parameter was given; a single one is a list of one, never its letters.

    >>> texts("up", "patterns"), texts(["up", "score"], "patterns")
    (('up',), ('up', 'score'))

    Raises:
        TypeError: it is, or holds, something else, as a path; ``name`` is the parameter's.
    """
    if isinstance(given, str):
        return (given,)
    if not isinstance(given, Iterable) or isinstance(given, bytes | bytearray | Mapping):
        raise TypeError(f"{name} takes a str or several, not {given!r}")
    found = tuple(given)
    for each in found:
        if not isinstance(each, str):
            raise TypeError(f"{name} takes a str or several, not one that is {each!r}")
    return found


def several(given: Iterable[Each], name: str) -> Iterable[Each]:
    """What a parameter was given, which is to be many: one path is not its letters.

    Raises:
        TypeError: it is one path, or nothing to iterate over; ``name`` is the parameter's.
    """
    if isinstance(given, str | bytes | PathLike) or not isinstance(given, Iterable):
        raise TypeError(f"{name} takes a list or another iterable, not {given!r}")
    return given


def one_of(choices: type[Choice], given: str, name: str) -> Choice:
    """The choice that a parameter was given by its word.

    Raises:
        ValueError: it is none of them; ``name`` is the parameter's.
    """
    try:
        return choices(given)
    except ValueError:
        *others, last = choices
        raise ValueError(f"{name} is {', '.join(others)} or {last}, not {given!r}") from None


def chosen_options(kind: type[Options], options: Options | None, **given: Any) -> Options:
    """The options of a verb: ``options`` as they are, or those given one by one; words checked.

    ``kind`` is their class, a ``NamedTuple`` of which each field has a default.

    Raises:
        TypeError: ``options`` are no such options.
        ArgumentError: There are ``options``, and one that is given is not as it is by default.
        ValueError: A word is none of those that there are.
    """
    fields: Any = kind
    values: Mapping[str, Any] = {**fields._field_defaults, **given}
    defaults = fields._field_defaults
    if options is not None:
        if not isinstance(options, kind):
            raise TypeError(f"options takes {kind.__name__}, not {options!r}")
        if also := [name for name, value in given.items() if value != defaults[name]]:
            raise ArgumentError(
                f"options is given, and {', '.join(also)}, too",
                hint=f"give one or the other: {kind.__name__} has all of them",
            )
        values = options._asdict()  # type: ignore[attr-defined]
    words = {name: value for name, value in defaults.items() if isinstance(value, StrEnum)}
    checked = {name: one_of(type(word), values[name], name) for name, word in words.items()}
    made: Options = fields(**{**values, **checked})
    return made
