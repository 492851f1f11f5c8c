"""What a value may be: a kind for each field of a table, with its range and its length.

A kind takes a value or says what is wrong with it, in one short line, whatever the value is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, TypeVar

from deconvsurgery.wording import listed, quoted

LONGEST_PATH: Final = 1 << 15
"""Characters of a path or a URL; Linux takes 4,096 bytes, stores 1,024 of a key."""

Value = TypeVar("Value")


class WrongValueError(ValueError):
    """A value is not what it may be; ``place`` says which of several it is (``""``: all of it)."""

    def __init__(self, words: str, place: str = "") -> None:
        super().__init__(f"{place} {words}" if place else words)
        self.words = words
        self.place = place

    def of(self, whole: str) -> str:
        """What is wrong with what, where ``whole`` is said of all of it.

        >>> WrongValueError("is no list", "pairs").of("it"), WrongValueError("is no JSON").of("it")
        ('pairs is no list', 'it is no JSON')
        """
        return f"{self.place or whole} {self.words}"


class Kind(Generic[Value]):
    """What a value may be, in ``words``; how it is taken."""

    __slots__ = ("_taken", "words")

    def __init__(self, words: str, taken: Callable[[Any, str], Value]) -> None:
        self.words = words
        self._taken = taken

    def take(self, value: object, place: str = "") -> Value:
        """The value, or what stands for it.

        Raises ``WrongValueError`` for one of another kind; ``place`` is where it stands.
        """
        return self._taken(value, place)


def said(value: object) -> str:
    """A value as it stands in a message, however large it is.

    >>> said("up"), said(True), said(10**6000), said([1] * 10**6), said(None)
    ("'up'", 'true', 'a number of 19,932 bits', 'a list', 'null')
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return in_short(value)
    if isinstance(value, int) and value.bit_length() > 64:
        return f"a number of {value.bit_length():,} bits"
    if isinstance(value, list | tuple):
        return "a list"
    return "a table" if isinstance(value, dict) else str(value)  # a number, a date


def in_short(told: str) -> str:
    """A text in quotes, so much of it as belongs in a message; what does not print is spelt out."""
    spelt = quoted(told)
    return spelt if len(spelt) <= _LONGEST_QUOTED else f"{spelt[:40]}…{spelt[-25:]}"


_LONGEST_QUOTED: Final = 70  # characters


def _kind(words: str, fits: Callable[[Any], bool]) -> Kind[Any]:
    def taken(value: Any, place: str) -> Any:
        if not fits(value):
            raise WrongValueError(f"is {words}, not {said(value)}", place)
        return value

    return Kind(words, taken)


def text(longest: int, *, shortest: int = 0) -> Kind[str]:
    """A text of so many characters."""
    words = "a text that is not empty" if shortest else "a text"
    plain: Kind[str] = _kind(words, lambda value: isinstance(value, str) and len(value) >= shortest)

    def taken(value: Any, place: str) -> str:
        found = plain.take(value, place)
        if len(found) > longest:
            raise WrongValueError(f"has {len(found):,} characters; {longest:,} are allowed", place)
        return found

    return Kind(words, taken)


def path(*, empty: bool = False) -> Kind[str]:
    """A path or a URL that could be one, of at most ``LONGEST_PATH`` characters."""
    plain = text(LONGEST_PATH, shortest=0 if empty else 1)

    def taken(value: Any, place: str) -> str:
        found = plain.take(value, place)
        if "\0" in found or not comes_back(found):
            raise WrongValueError(f"is {said(found)}, and no file has such a name", place)
        return found

    return Kind(plain.words, taken)


def comes_back(told: str) -> bool:
    r"""Whether a text comes back from its bytes as it is: what `os.fsdecode` gives does.

    >>> comes_back("up\udcff"), comes_back("\ud800"), comes_back("\udcc3\udca9")
    (True, False, False)
    """
    if told.isascii():
        return True
    try:
        data = told.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return data.decode("utf-8", "surrogateescape") == told


def word(longest: int) -> Kind[str]:
    """A text of so many characters that print, of ASCII: a hash, a version, the name of a kind."""
    plain = text(longest, shortest=1)
    words = "a text of ASCII"

    def taken(value: Any, place: str) -> str:
        found = plain.take(value, place)
        if not (found.isascii() and found.isprintable()):
            raise WrongValueError(f"is {words}, not {said(found)}", place)
        return found

    return Kind(words, taken)


def one_of(*choices: str) -> Kind[str]:
    """One of a few texts."""
    words = f"one of {', '.join(choices)}"
    return _kind(words, lambda value: isinstance(value, str) and value in choices)


def whole(least: int, most: int) -> Kind[int]:
    """A whole number from ``least`` to ``most``; true and false are none."""

    def fits(value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most

    return _kind(f"a whole number from {least:,} to {most:,}", fits)


def number(least: float, most: float) -> Kind[float]:
    """A finite number from ``least`` to ``most``; true and false are none."""

    def fits(value: Any) -> bool:
        plain = isinstance(value, int | float) and not isinstance(value, bool)
        return plain and least <= value <= most and math.isfinite(value)

    return _kind(f"a number from {least:,} to {most:,}", fits)


FLAG: Final[Kind[bool]] = _kind("true or false", lambda value: isinstance(value, bool))


ANYTHING: Final[Kind[Any]] = Kind("anything", lambda value, _place: value)


def or_none(kind: Kind[Value]) -> Kind[Value | None]:
    """A value of a kind, or null."""

    def taken(value: Any, place: str) -> Value | None:
        return None if value is None else kind.take(value, place)

    return Kind(f"{kind.words} or null", taken)


def list_of(kind: Kind[Value], most: int) -> Kind[tuple[Value, ...]]:
    """A list of at most so many values of a kind."""

    def taken(value: Any, place: str) -> tuple[Value, ...]:
        if not isinstance(value, list):
            raise WrongValueError(f"is a list, not {said(value)}", place)
        if len(value) > most:
            raise WrongValueError(f"has {len(value):,} values; {most:,} are allowed", place)
        return tuple(kind.take(each, f"{place}[{at}]") for at, each in enumerate(value))

    return Kind("a list", taken)


def table_of(kind: Kind[Value], most: int) -> Kind[dict[str, Value]]:
    """A table of at most so many values of a kind, under any keys."""

    def taken(value: Any, place: str) -> dict[str, Value]:
        found = _table(value, place)
        if len(found) > most:
            raise WrongValueError(f"has {len(found):,} keys; {most:,} are allowed", place)
        return {key: kind.take(each, below(place, key)) for key, each in found.items()}

    return Kind("a table", taken)


def table(
    fields: Mapping[str, Kind[Any]], *, needed: tuple[str, ...] = (), others: bool = False
) -> Kind[dict[str, Any]]:
    """A table of these fields, of which some are ``needed``.

    Any ``others`` are refused, or else passed over: they are not in what is taken.
    """
    named = [(key, below("", key), kind) for key, kind in fields.items()]

    def taken(value: Any, place: str) -> dict[str, Any]:
        found = _table(value, place)
        for key in needed:
            if key not in found:
                raise WrongValueError(f"has no {key}", place)
        if not others and not found.keys() <= fields.keys():
            strange = next(key for key in found if key not in fields)
            known = listed(list(fields))
            raise WrongValueError(f"has the key {in_short(strange)}; keys are {known}", place)
        return {
            key: kind.take(found[key], f"{place}.{name}" if place else name)
            for key, name, kind in named
            if key in found
        }

    return Kind("a table", taken)


def _table(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise WrongValueError(f"is a table, not {said(value)}", place)
    return value


def below(place: str, key: str) -> str:
    """Where the value of a key stands; a key that is no word stands in quotes.

    >>> below("sweep", "results"), below("pairs[0]", "net-output"), below("", "a b")
    ('sweep.results', 'pairs[0].net-output', "'a b'")
    """
    is_word = len(key) <= _LONGEST_KEY and key.replace("-", "_").isidentifier()
    name = key if is_word else in_short(key)
    return f"{place}.{name}" if place else name


_LONGEST_KEY: Final = 40  # characters
