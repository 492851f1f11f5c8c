"""What all JSON documents share: how one is made, and the types of their keys.

A document is defined once, as a ``TypedDict`` beside the function that makes it. Keys are API and
only ever added. ``docs/schemas/make.py`` makes the JSON Schemas from these definitions: the text
below a key is its description there, and a `Fact` says what Python's types cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isfinite
from typing import Annotated, Any, Final, Literal, TypeAlias, TypedDict, TypeVar, cast

from deconvsurgery.program.option_names import spoken

SCHEMA_VERSION: Final = 1

Table = TypeVar("Table", bound=Mapping[str, Any])


class Fact:
    """What a JSON Schema says of a value besides its type.

    ``choices`` are all values that there are, ``least`` is the smallest number, ``pattern`` a
    regular expression that a text fits.
    """

    def __init__(
        self,
        description: str | None = None,
        *,
        choices: Sequence[str] = (),
        least: int | None = None,
        pattern: str | None = None,
    ) -> None:
        self.said: dict[str, Any] = {
            "description": description,
            "enum": [str(choice) for choice in choices] or None,
            "minimum": least,
            "pattern": pattern,
        }

    def __get_pydantic_json_schema__(
        self, core: object, handler: Callable[[object], dict[str, Any]]
    ) -> dict[str, Any]:
        """The schema of the value's type with what is said here; pydantic's protocol."""
        said = {key: value for key, value in self.said.items() if value is not None}
        return {**handler(core), **said}


SchemaVersion: TypeAlias = Annotated[
    Literal[1],
    Fact(
        "Version of this description. Keys are only ever added; the version goes up if a key "
        "should ever go or get another meaning."
    ),
]
Count: TypeAlias = Annotated[int, Fact(least=0)]
Distance: TypeAlias = Annotated[float, Fact(least=0)]
FromOne: TypeAlias = Annotated[int, Fact(least=1)]
"""A line or a column of a text."""
LayerLine: TypeAlias = Annotated[
    int, Fact("Line of the net's text in which the layer begins, counted from 1.", least=1)
]
Warnings: TypeAlias = Annotated[
    Sequence[str], Fact("What may be wrong with the result, a sentence each.")
]
Notes: TypeAlias = Annotated[
    Sequence[str], Fact("What is unusual about the inputs, a sentence each.")
]


class OtherLayer(TypedDict):
    """A layer of another type."""

    name: str
    """The layer's name."""
    type: str
    """The layer's type."""


LeftAlone: TypeAlias = Annotated[
    Sequence[OtherLayer],
    Fact("Layers of other types whose names fit the pattern; they are never changed."),
]


class ModelBytes(TypedDict):
    """Sizes of the model."""

    input: Count
    """Size of the input in bytes."""
    output: Count | None
    """Size of the output in bytes, written or foreseen; null where only writing an HDF5 file
    shows it."""


def left_alone(layers: Iterable[tuple[str, str]]) -> list[OtherLayer]:
    """Layers of other types, of which the names and types are given."""
    return [{"name": name, "type": kind} for name, kind in layers]


def jsonable(document: Table) -> Table:
    """The document in types that JSON has; see `safe`."""
    return cast(Table, safe(document))


def safe(value: object) -> object:
    """JSON's own types: no NaN or infinity, no half of a surrogate pair, lists for tuples."""
    if isinstance(value, str):
        return spoken(value).encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, float):
        return float(value) if isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): safe(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [safe(each) for each in value]
    return value
