"""A message of a net's text: its fields by name."""

from __future__ import annotations

from itertools import chain
from typing import Final, TypeAlias, Union, overload

from deconvsurgery.named_tuple import NamedTuple

Value: TypeAlias = Union[str, bool, int, float, "NetMessage"]


class NetMessage(NamedTuple):
    """Fields by name in file order, those unknown to BVLC's Caffe included.

    Scalars are Python values, an enum value is its name; defaults are not filled in.

    >>> param = NetMessage((("kernel_size", 4), ("pad", 1), ("pad", 2)))
    >>> param.integers("pad"), param.integer("stride", 1), "group" in param
    ((1, 2), 1, False)
    """

    fields: tuple[tuple[str, Value], ...] = ()

    # Asked of every layer again and again, mostly for what is not there: plain loops, which take
    # half of what comprehensions do.

    def __contains__(self, name: object) -> bool:
        for field_name, _ in self.fields:  # noqa: SIM110 - as said above
            if field_name == name:
                return True
        return False

    def all(self, name: str) -> tuple[Value, ...]:
        """Every value of the field ``name``, in order."""
        found = []
        for field_name, value in self.fields:
            if field_name == name:
                found.append(value)
        return tuple(found)

    def message(self, name: str) -> NetMessage:
        """The sub-message ``name`` (several occurrences merged); empty when absent."""
        found = self.messages(name)
        if len(found) == 1:
            return found[0]
        return NetMessage(tuple(chain(*(m.fields for m in found)))) if found else _EMPTY

    def messages(self, name: str) -> tuple[NetMessage, ...]:
        """Every sub-message of the repeated field ``name``."""
        found = self.all(name)
        return tuple([each for each in found if type(each) is NetMessage]) if found else ()

    def integers(self, name: str) -> tuple[int, ...]:
        """Every integer of the repeated field ``name``."""
        found = self.all(name)
        return tuple([each for each in found if isinstance(each, int)]) if found else ()

    @overload
    def integer(self, name: str, default: None = None) -> int | None: ...

    @overload
    def integer(self, name: str, default: int) -> int: ...

    def integer(self, name: str, default: int | None = None) -> int | None:
        """The integer ``name``, the last one given; ``default`` when absent."""
        for field_name, value in reversed(self.fields):
            if field_name == name and isinstance(value, int):
                return value
        return default

    def number(self, name: str, default: float) -> float:
        """The number ``name``, whole or not; ``default`` when absent."""
        values = [value for value in self.all(name) if isinstance(value, int | float)]
        return float(values[-1]) if values else default

    def flag(self, name: str, default: bool) -> bool:
        """The truth value ``name``; ``default`` when absent."""
        return bool(self.integer(name, default))

    def text(self, name: str, default: str = "") -> str:
        """The string or enum value ``name``; ``default`` when absent."""
        for field_name, value in reversed(self.fields):
            if field_name == name and isinstance(value, str):
                return value
        return default

    def texts(self, name: str) -> tuple[str, ...]:
        """Every string of the repeated field ``name``."""
        found = self.all(name)
        return tuple([each for each in found if isinstance(each, str)]) if found else ()


_EMPTY: Final = NetMessage()
