"""Classes of frozen values that cost little to make: `NamedTuple`, and `Frozen`, which is no tuple.

`typing.NamedTuple` compiles each annotation when a class is made, a million instructions a class:
on small files a tenth of what ``check`` takes. Ours keeps annotations as they stand; a type checker
sees the standard one. A frozen dataclass costs 4.6 million, as it makes each method anew; classes
of `Frozen` inherit all but their ``__init__``.

>>> class Pair(NamedTuple):
...     net: str
...     model: str | None = None
>>> Pair("net.prototxt")
Pair(net='net.prototxt', model=None)
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self, dataclass_transform

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


@dataclass_transform(frozen_default=True)
class Frozen:
    """Annotated fields, which are given by place or by name, compared, and never set again.

    What a frozen dataclass is, without its functions: ``_replace`` and ``_asdict`` are those of a
    named tuple. A class that changes what it is given has an ``__init__`` of its own, and a
    ``functools.cached_property`` is kept with a value without being a field of it.

    >>> class Count(Frozen):
    ...     name: str
    ...     bytes: int = 0
    >>> Count("up", bytes=4), Count("up") == Count("up", 0), Count("up")._replace(bytes=2)
    (Count(name='up', bytes=4), True, Count(name='up', bytes=2))
    """

    _fields: ClassVar[tuple[str, ...]] = ()
    _field_defaults: ClassVar[Mapping[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        own = [name for name, kind in cls.__annotations__.items() if "ClassVar" not in str(kind)]
        defaults = {name: vars(cls)[name] for name in own if name in vars(cls)}
        for name in own:
            if name not in defaults and hasattr(cls, name):
                raise TypeError(f"{cls.__name__}: {name} is an attribute of a class above it")
        cls._fields = cls.__match_args__ = (*cls._fields, *own)  # type: ignore[attr-defined,misc]
        cls._field_defaults = {**cls._field_defaults, **defaults}
        if own and "__init__" not in vars(cls):
            cls.__init__ = _init(cls)  # type: ignore[method-assign]

    def _asdict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._fields}

    def _replace(self, **changes: Any) -> Self:
        return type(self)(**{**self._asdict(), **changes})

    __replace__ = _replace  # of copy.replace, from Python 3.13 on

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in self._asdict().items())
        return f"{type(self).__qualname__}({values})"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._asdict() == other._asdict()

    def __hash__(self) -> int:
        return hash(tuple(self._asdict().values()))

    if not TYPE_CHECKING:  # a type checker knows which names are fields, and that they are frozen

        def __setattr__(self, name: str, _value: Any) -> NoReturn:
            raise AttributeError(f"{type(self).__name__} is frozen: {name} cannot be set")

        def __delattr__(self, name: str) -> NoReturn:
            raise AttributeError(f"{type(self).__name__} is frozen: {name} cannot be deleted")


def _init(cls: type[Frozen]) -> Any:
    """The ``__init__`` of a class that takes its fields, with their names for ``help()``."""
    fields, defaults = cls._fields, cls._field_defaults
    if [*defaults] != [*fields[len(fields) - len(defaults) :]]:
        raise TypeError(f"{cls.__name__}: a field without a default follows one with a default")
    values = ", ".join(f"{name}={name}" for name in fields)
    made = eval(f"lambda self, {', '.join(fields)}: self.__dict__.update({values})")
    made.__name__, made.__qualname__ = "__init__", f"{cls.__qualname__}.__init__"
    made.__defaults__ = (*defaults.values(),)
    kinds = {name: kind for name, kind in cls.__annotations__.items() if name in fields}
    made.__annotations__ = {**kinds, "return": None}
    return made
