"""An option of a verb, made of a field of the verb's options: its names, what it may be, its help.

A field is a flag (bool), one of a few words (a ``StrEnum``, or none of them), or bytes (int).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, get_args

from deconvsurgery.named_tuple import NamedTuple


class Option(NamedTuple):
    """An option by its ``name`` on the command line, and the ``field`` that it gives a value.

    ``kind`` is the field's type. A flag that is ``negated`` makes its field false.
    """

    name: str
    field: str
    kind: type
    default: Any
    help: str
    negated: bool

    @property
    def choices(self) -> tuple[str, ...]:
        """The words that it may be; none where it is a flag or a number."""
        return tuple(map(str, self.kind)) if issubclass(self.kind, StrEnum) else ()


def options_of(
    fields: Any, helps: Mapping[str, str], negated: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Option]:
    """The options of a verb by name, in the order of ``helps``, which has the help of each field.

    ``fields`` is a ``NamedTuple`` of which each field has a default. ``negated`` has the names of
    flags that say what is not to be done, by field.
    """
    options = {}
    for field, words in helps.items():
        annotation = fields.__annotations__[field]
        kind = get_args(annotation)[0] if get_args(annotation) else annotation  # of X | None: X
        name = negated.get(field, field.replace("_", "-"))
        default = fields._field_defaults[field]
        options[name] = Option(name, field, kind, default, words, field in negated)
    return options
