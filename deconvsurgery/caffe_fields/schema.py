"""What Caffe's messages have: fields with their kinds, enums with their values.

Unpacked message by message from the table in ``messages``, when it is asked; protobuf is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from deconvsurgery.named_tuple import NamedTuple

from .messages import ENUMS, MESSAGES


class KnownField(NamedTuple):
    """A field of a message of Caffe's; ``kind`` is a scalar's, or a message's or an enum's name."""

    name: str
    number: int
    kind: str
    repeated: bool
    is_message: bool
    is_enum: bool


@cache
def fields_of(message: str) -> Mapping[str, KnownField]:
    """The fields of a message by name; ``KeyError`` where Caffe has no such message.

    >>> list(fields_of("NetState")), fields_of("NetState")["stage"].repeated
    (['phase', 'level', 'stage'], True)
    """
    found = {}
    for text in MESSAGES[message].split(", "):
        name, number, written = text.split(" ")
        kind = written.removeprefix("*")
        found[name] = KnownField(
            name, int(number), kind, kind != written, kind in MESSAGES, kind in ENUMS
        )
    return found


@cache
def enum_values(enum: str) -> Mapping[str, int]:
    """The values of an enum by name; an enum within a message has the message's name before it.

    >>> dict(enum_values("Phase")), enum_values("PoolingParameter.PoolMethod")["AVE"]
    ({'TRAIN': 0, 'TEST': 1}, 1)
    """
    pairs = (text.split(" ") for text in ENUMS[enum].split(", "))
    return {name: int(number) for name, number in pairs}


@cache
def enum_names(enum: str) -> Mapping[int, str]:
    """The names of an enum's values by number."""
    return {number: name for name, number in enum_values(enum).items()}
