"""`typing.NamedTuple` that costs less than half to make: its annotations are kept as they stand.

The standard one compiles each annotation when a class is made, a million instructions a class: on
small files a tenth of what ``check`` takes. A type checker sees the standard one.

>>> class Pair(NamedTuple):
...     net: str
...     model: str | None = None
>>> Pair("net.prototxt")
Pair(net='net.prototxt', model=None)
"""

from __future__ import annotations

from collections import namedtuple
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple
else:
    # What `typing.NamedTuple` forbids to define, and what a class has from its making.
    _OF_TUPLES = frozenset(
        {
            *("__new__", "__init__", "__slots__", "__getnewargs__", "_fields", "_field_defaults"),
            *("_field_types", "_make", "_replace", "_asdict", "_source"),
        }
    )
    _SPECIAL = frozenset(("__module__", "__annotations__"))

    class _Making(type):
        """Makes a named tuple of a class body; no class is an instance of it but `NamedTuple`."""

        def __new__(cls, name, _bases, body):
            annotations = body.get("__annotations__")
            if annotations is None:  # from 3.14 on others are worked out when they are asked for
                raise TypeError(f"{name}: has no field, or no `from __future__ import annotations`")
            fields = list(annotations)
            given = [field for field in fields if field in body]
            if given != fields[len(fields) - len(given) :]:
                raise TypeError(f"{name}: a field without a default follows one with a default")
            made = namedtuple(
                name,
                fields,
                defaults=[body[field] for field in given],
                module=body["__module__"],
            )
            made.__annotations__ = made.__new__.__annotations__ = annotations
            for key, value in body.items():
                if key in _OF_TUPLES:
                    raise AttributeError(f"{name}: a named tuple's {key} cannot be defined anew")
                if key not in _SPECIAL and key not in annotations:
                    setattr(made, key, value)
            return made

    NamedTuple = type.__new__(_Making, "NamedTuple", (), {})
