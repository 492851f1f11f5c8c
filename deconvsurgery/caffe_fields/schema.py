"""What Caffe's messages have: fields with their kinds, enums with their values.

Unpacked message by message from the table in ``messages``, when it is asked; protobuf is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from .messages import ENUMS, MESSAGES


class KnownField(NamedTuple):
    """A field of a message of Caffe's; ``kind`` is a scalar's, or a message's or an enum's name."""

    name: str
    number: int
    kind: str
    repeated: bool

    @property
    def is_message(self) -> bool:
        """It holds a message."""
        return self.kind in MESSAGES

    @property
    def is_enum(self) -> bool:
        """It holds a value of an enum."""
        return self.kind in ENUMS


@cache
def fields_of(message: str) -> Mapping[str, KnownField]:
    """The fields of a message by name; ``KeyError`` where Caffe has no such message.

    >>> fields_of("NetState")["phase"]
    KnownField(name='phase', number=1, kind='Phase', repeated=False)
    """
    found = {}
    for text in MESSAGES[message].split(", "):
        name, number, kind = text.split(" ")
        found[name] = KnownField(name, int(number), kind.removeprefix("*"), kind[0] == "*")
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
