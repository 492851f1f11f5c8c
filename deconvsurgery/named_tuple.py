"""Classes of frozen values that cost little to make: `NamedTuple`, and `Frozen`, which is no tuple.

`typing.NamedTuple` compiles a function for each class and its annotations one by one, a million
instructions a class; a frozen dataclass takes 4.6 million. ``check`` makes 140 classes. Of ours
annotations are kept as they stand, and all classes with as many fields share what was compiled,
which leaves 0.2 million. A type checker sees the standard ones.

>>> class Pair(NamedTuple):
...     net: str
...     model: str | None = None
>>> Pair("net.prototxt")
Pair(net='net.prototxt', model=None)
"""

from __future__ import annotations

from collections import _tuplegetter  # type: ignore[attr-defined]  # a field of namedtuple's
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self, dataclass_transform


@cache
def _code_taking(count: int) -> CodeType:
    """Of a function of so many arguments that hands all but its first one on, as a tuple."""
    names = "".join(f"a{number}, " for number in range(1, count))
    taking: FunctionType = eval(f"lambda a0, {names}: make(a0, ({names}))")
    return taking.__code__


def _taking(
    name: str,
    arguments: tuple[str, ...],
    defaults: Mapping[str, Any],
    annotations: Mapping[str, Any],
    make: Callable[[Any, tuple[Any, ...]], Any],
) -> FunctionType:
    """The function that takes the arguments by place or by name, and makes something of them."""
    code = _code_taking(len(arguments)).replace(
        co_name=name.rpartition(".")[2], co_qualname=name, co_varnames=arguments
    )
    function = FunctionType(code, {"make": make}, argdefs=(*defaults.values(),))
    function.__annotations__ = {**annotations}
    return function


def _defaults(name: str, fields: Sequence[str], body: Mapping[str, Any]) -> dict[str, Any]:
    """Of the fields that have one; they are the last."""
    given = [field for field in fields if field in body]
    if given != [*fields[len(fields) - len(given) :]]:
        raise TypeError(f"{name}: a field without a default follows one with a default")
    return {field: body[field] for field in given}


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

    class _Named(tuple):
        """What all named tuples have; `collections.namedtuple` makes it anew for each."""

        __slots__ = ()

        @classmethod
        def _make(cls, values):
            made = tuple.__new__(cls, values)
            if len(made) != len(cls._fields):
                raise TypeError(f"Expected {len(cls._fields)} arguments, got {len(made)}")
            return made

        def _asdict(self):
            return dict(zip(self._fields, self, strict=True))

        def _replace(self, /, **changes):
            made = self._make(map(changes.pop, self._fields, self))
            if changes:
                raise TypeError(f"Got unexpected field names: {[*changes]!r}")
            return made

        __replace__ = _replace  # of copy.replace, from Python 3.13 on

        def __repr__(self):
            values = ", ".join(f"{name}={value!r}" for name, value in self._asdict().items())
            return f"{self.__class__.__name__}({values})"

        def __getnewargs__(self):
            return (*self,)

    class _Making(type):
        """Makes a named tuple of a class body; no class is an instance of it but `NamedTuple`."""

        def __new__(cls, name, _bases, body):
            annotations = body.get("__annotations__")
            if annotations is None:  # from 3.14 on others are worked out when they are asked for
                raise TypeError(f"{name}: has no field, or no `from __future__ import annotations`")
            if refused := _OF_TUPLES & body.keys():
                raise AttributeError(f"{name}: {min(refused)} of a tuple cannot be defined anew")
            fields = (*annotations,)
            if private := [field for field in fields if field.startswith("_")]:
                raise ValueError(f"{name}: {private[0]}: a field cannot begin with an underscore")
            defaults = _defaults(name, fields, body)
            new = f"{name}.__new__"
            own = {
                "__slots__": (),
                "__new__": _taking(new, ("_cls", *fields), defaults, annotations, tuple.__new__),
                "__match_args__": fields,
                "_fields": fields,
                "_field_defaults": defaults,
            }
            for place, field in enumerate(fields):
                own[field] = _tuplegetter(place, f"Alias for field number {place}")
            return type(name, (_Named,), {**body, **own})

    NamedTuple = type.__new__(_Making, "NamedTuple", (), {})


@dataclass_transform(frozen_default=True)
class Frozen:
    """Annotated fields, which are given by place or by name, compared, and never set again.

    What a frozen dataclass is, without its functions: ``_replace`` and ``_asdict`` are those of a
    named tuple. A class that changes what it is given has an ``__init__`` of its own, which takes
    the fields. A ``functools.cached_property`` is kept with a value, and is no field: a copy works
    it out anew.

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
        for name in own:
            if name not in vars(cls) and hasattr(cls, name):
                raise TypeError(f"{cls.__name__}: {name} is an attribute of a class above it")
        cls._fields = (*cls._fields, *own)
        # Set so that a type checker, which makes them itself, does not take them for others.
        type.__setattr__(cls, "__match_args__", cls._fields)
        given = {**cls._field_defaults, **vars(cls)}
        cls._field_defaults = _defaults(cls.__name__, cls._fields, given)
        if own and "__init__" not in vars(cls):
            kinds = {name: cls.__annotations__[name] for name in own}
            taking = _taking(
                f"{cls.__qualname__}.__init__",
                ("self", *cls._fields),
                cls._field_defaults,
                {**kinds, "return": None},
                _keep,
            )
            type.__setattr__(cls, "__init__", taking)

    def _values(self) -> tuple[Any, ...]:
        return tuple(map(self.__dict__.__getitem__, self._fields))

    def _asdict(self) -> dict[str, Any]:
        return dict(zip(self._fields, self._values(), strict=True))

    def _replace(self, **changes: Any) -> Self:
        return type(self)(**{**self._asdict(), **changes})

    __replace__ = _replace  # of copy.replace, from Python 3.13 on

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in self._asdict().items())
        return f"{type(self).__qualname__}({values})"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __reduce__(self) -> tuple[type[Self], tuple[Any, ...]]:
        return type(self), self._values()

    if not TYPE_CHECKING:  # a type checker knows which names are fields, and that they are frozen

        def __setattr__(self, name: str, _value: Any) -> NoReturn:
            raise AttributeError(f"{type(self).__name__} is frozen: {name} cannot be set")

        def __delattr__(self, name: str) -> NoReturn:
            raise AttributeError(f"{type(self).__name__} is frozen: {name} cannot be deleted")


def _keep(value: Frozen, fields: tuple[Any, ...]) -> None:
    value.__dict__.update(zip(value._fields, fields, strict=True))
