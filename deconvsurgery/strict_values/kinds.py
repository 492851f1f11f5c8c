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

        >>> WrongValueError("is not a list", "pairs").of("it")
        'pairs is not a list'
        >>> WrongValueError("is not JSON").of("it")
        'it is not JSON'
        """
        return f"{self.place or whole} {self.words}"


Schema = dict[str, Any]
"""What JSON Schema (draft 7, as editors read it) says of a value; ``{}`` says nothing."""


class ValueKind(Generic[Value]):
    """What a value may be, in ``words`` and as JSON Schema; how it is taken."""

    __slots__ = ("_taken", "schema", "words")

    def __init__(
        self, words: str, taken: Callable[[Any, str], Value], schema: Schema | None = None
    ) -> None:
        self.words = words
        self.schema = schema or {}
        self._taken = taken

    def described(self, words: str = "", **schema: Any) -> ValueKind[Value]:
        """The same, with more in its schema: ``words`` for what it is for, its default."""
        description = {"description": words} if words else {}
        return ValueKind(self.words, self._taken, description | self.schema | schema)

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


def in_short(value: str) -> str:
    """A text in quotes, so much of it as belongs in a message; what does not print is spelt out."""
    spelt = quoted(value)
    return spelt if len(spelt) <= _LONGEST_QUOTED else f"{spelt[:40]}…{spelt[-25:]}"


_LONGEST_QUOTED: Final = 70  # characters


def plain(words: str, fits: Callable[[Any], bool], schema: Schema | None = None) -> ValueKind[Any]:
    """A kind of which one test says whether a value is of it."""

    def taken(value: Any, place: str) -> Any:
        if not fits(value):
            raise WrongValueError(f"is {words}, not {said(value)}", place)
        return value

    return ValueKind(words, taken, schema)


def checked(
    kind: ValueKind[Value], wrong: Callable[[Value], str | None], *, words: str = "", **schema: Any
) -> ValueKind[Value]:
    """A kind of which ``wrong`` says what is wrong with a value, ``None`` if nothing is.

    ``schema`` goes into its JSON Schema.
    """

    def taken(value: Any, place: str) -> Value:
        found = kind.take(value, place)
        fault = wrong(found)
        if fault is not None:
            raise WrongValueError(fault, place)
        return found

    return ValueKind(words or kind.words, taken, kind.schema | schema)


def text(longest: int, *, shortest: int = 0) -> ValueKind[str]:
    """A text of so many characters."""
    every: ValueKind[str] = plain(
        "a text that is not empty" if shortest else "a text",
        lambda value: isinstance(value, str) and len(value) >= shortest,
        {"type": "string", "minLength": shortest} if shortest else {"type": "string"},
    )

    def wrong(found: str) -> str | None:
        if len(found) <= longest:
            return None
        return f"has {len(found):,} characters; {longest:,} are allowed"

    return checked(every, wrong, maxLength=longest)


def path(*, empty: bool = False) -> ValueKind[str]:
    """A path or a URL that could be one, of at most ``LONGEST_PATH`` characters."""

    def wrong(found: str) -> str | None:
        if "\0" in found or not comes_back(found):
            return f"is {said(found)}, and no file has such a name"
        return None

    return checked(text(LONGEST_PATH, shortest=0 if empty else 1), wrong, words="a path")


def comes_back(value: str) -> bool:
    r"""Whether a text comes back from its bytes as it is: what `os.fsdecode` gives does.

    >>> comes_back("up\udcff"), comes_back("\ud800"), comes_back("\udcc3\udca9")
    (True, False, False)
    """
    if value.isascii():
        return True
    try:
        data = value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return data.decode("utf-8", "surrogateescape") == value


def word(longest: int) -> ValueKind[str]:
    """A text of so many characters that print, of ASCII: a hash, a version, the name of a kind."""

    def wrong(found: str) -> str | None:
        if found.isascii() and found.isprintable():
            return None
        return f"is a text of ASCII, not {said(found)}"

    return checked(text(longest, shortest=1), wrong, words="a text of ASCII", pattern="^[ -~]*$")


def one_of(*choices: str) -> ValueKind[str]:
    """One of a few texts."""
    words = f"one of {', '.join(choices)}"
    fits = frozenset(choices).__contains__
    return plain(words, lambda value: isinstance(value, str) and fits(value), {"enum": [*choices]})


def whole(least: int, most: int) -> ValueKind[int]:
    """A whole number from ``least`` to ``most``; true and false are none."""

    def fits(value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most

    words = f"a whole number from {least:,} to {most:,}"
    return plain(words, fits, {"type": "integer", "minimum": least, "maximum": most})


def number(least: float, most: float) -> ValueKind[float]:
    """A finite number from ``least`` to ``most``; true and false are none."""

    def fits(value: Any) -> bool:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and least <= value <= most and math.isfinite(value)

    words = f"a number from {least:,} to {most:,}"
    return plain(words, fits, {"type": "number", "minimum": least, "maximum": most})


FLAG: Final[ValueKind[bool]] = plain(
    "true or false", lambda value: isinstance(value, bool), {"type": "boolean"}
)
ANYTHING: Final[ValueKind[Any]] = ValueKind("anything", lambda value, _place: value)


def or_none(kind: ValueKind[Value]) -> ValueKind[Value | None]:
    """A value of a kind, or null."""

    def taken(value: Any, place: str) -> Value | None:
        return None if value is None else kind.take(value, place)

    return ValueKind(f"{kind.words} or null", taken, {"anyOf": [kind.schema, {"type": "null"}]})


def list_of(kind: ValueKind[Value], most: int) -> ValueKind[tuple[Value, ...]]:
    """A list of at most so many values of a kind."""

    def taken(value: Any, place: str) -> tuple[Value, ...]:
        if not isinstance(value, list):
            raise WrongValueError(f"is a list, not {said(value)}", place)
        if len(value) > most:
            raise WrongValueError(f"has {len(value):,} values; {most:,} are allowed", place)
        return tuple(kind.take(each, f"{place}[{at}]") for at, each in enumerate(value))

    return ValueKind("a list", taken, {"type": "array", "items": kind.schema, "maxItems": most})


def table_of(kind: ValueKind[Value], most: int) -> ValueKind[dict[str, Value]]:
    """A table of at most so many values of a kind, under any keys."""

    def taken(value: Any, place: str) -> dict[str, Value]:
        found = _table(value, place)
        if len(found) > most:
            raise WrongValueError(f"has {len(found):,} keys; {most:,} are allowed", place)
        return {key: kind.take(each, below(place, key)) for key, each in found.items()}

    schema = {"type": "object", "additionalProperties": kind.schema, "maxProperties": most}
    return ValueKind("a table", taken, schema)


def table(
    fields: Mapping[str, ValueKind[Any]], *, needed: tuple[str, ...] = (), others: bool = False
) -> ValueKind[dict[str, Any]]:
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

    return ValueKind("a table", taken, table_schema(fields, needed=needed, others=others))


def table_schema(
    fields: Mapping[str, ValueKind[Any]], *, needed: tuple[str, ...] = (), others: bool = False
) -> Schema:
    """What JSON Schema says of such a table."""
    schema: Schema = {"type": "object"}
    if needed:
        schema["required"] = [*needed]
    schema["properties"] = {key: kind.schema for key, kind in fields.items()}
    return schema if others else schema | {"additionalProperties": False}


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
