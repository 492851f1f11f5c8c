"""What a caller may give in more than one form, made one; nothing of what it means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TypeVar

Choice = TypeVar("Choice", bound=StrEnum)


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
