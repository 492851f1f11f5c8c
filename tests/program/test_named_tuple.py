"""Named tuples and frozen classes that are cheap to make are what the standard ones are."""

from __future__ import annotations

import copy
import inspect
import pickle
import typing
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, ClassVar

import pytest

from deconvsurgery.named_tuple import Frozen, NamedTuple


class Ours(NamedTuple):
    """A pair of files."""

    net: str
    model: str | None = None
    lines: tuple[int, ...] = ()

    @property
    def both(self) -> bool:
        return self.model is not None

    @classmethod
    def of(cls, net: str) -> Ours:
        return cls(net, "m")


class Standard(typing.NamedTuple):
    """A pair of files."""

    net: str
    model: str | None = None
    lines: tuple[int, ...] = ()


@pytest.mark.parametrize("given", [("n",), ("n", "m"), ("n", None, (1, 2))])
def test_it_is_what_the_standard_one_is(given: Any) -> None:
    ours, standard = Ours(*given), Standard(*given)
    assert repr(ours) == repr(standard).replace("Standard", "Ours")
    assert ours == standard == tuple(ours)
    assert hash(ours) == hash(standard)
    assert ours._asdict() == standard._asdict()
    assert ours._replace(net="k") == standard._replace(net="k")
    assert pickle.loads(pickle.dumps(ours)) == ours


def test_its_class_is_what_the_standard_one_is() -> None:
    assert (Ours._fields, Ours._field_defaults) == (Standard._fields, Standard._field_defaults)
    assert Ours.__match_args__ == Standard.__match_args__
    assert (Ours.__doc__, Ours.__module__, Ours.__qualname__) == (
        Standard.__doc__,
        __name__,
        "Ours",
    )
    assert typing.get_type_hints(Ours) == typing.get_type_hints(Standard)
    assert Ours.of("n").both


def test_it_is_frozen_and_takes_what_it_has() -> None:
    ours: Any = Ours("n")
    with pytest.raises(AttributeError):
        ours.net = "k"
    with pytest.raises(AttributeError):
        ours.other = 1
    with pytest.raises(TypeError):
        Ours("n", odd=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Ours()  # type: ignore[call-arg]
    match ours:
        case Ours(net, None):
            assert net == "n"
        case _:
            pytest.fail("it does not match")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("a: int = 1\n    b: int", TypeError),
        ("a: int\n    def __new__(cls): ...", AttributeError),
        ("a: int\n    __slots__ = ()", AttributeError),
        ("a: int\n    _b: int", ValueError),
        ("pass", TypeError),
    ],
)
def test_what_the_standard_one_refuses_is_refused(body: str, error: type[Exception]) -> None:
    text = f"from __future__ import annotations\nclass Made(NamedTuple):\n    {body}\n"
    with pytest.raises(error, match="Made"):
        exec(text, {"NamedTuple": NamedTuple, "__name__": "made"})


def test_without_the_future_import_there_is_a_word_of_it() -> None:
    making: Any = type(NamedTuple)
    with pytest.raises(TypeError, match="annotations"):
        making("Made", (NamedTuple,), {"__module__": "made"})


# --- frozen classes


class Report:
    """What a class may inherit beside."""

    def words(self) -> str:
        return f"of {type(self).__name__}"


class Found(Frozen, Report):
    """Two files."""

    kind: ClassVar[str] = "found"
    net: str
    model: str | None = None
    lines: tuple[int, ...] = ()

    @property
    def both(self) -> bool:
        return self.model is not None

    @cached_property
    def letters(self) -> list[str]:
        return [*self.net]


@dataclass(frozen=True)
class Dataclass:
    """Two files."""

    net: str
    model: str | None = None
    lines: tuple[int, ...] = ()


class FoundAt(Found):
    place: str = "here"


class Counted(Frozen):
    lines: tuple[int, ...]

    def __init__(self, lines: Iterable[int] = ()) -> None:
        self.__dict__.update(lines=(*lines,))


@pytest.mark.parametrize("given", [("n",), ("n", "m"), ("n", None, (1, 2))])
def test_a_frozen_value_is_what_a_frozen_dataclass_is(given: Any) -> None:
    ours, standard = Found(*given), Dataclass(*given)
    assert repr(ours) == repr(standard).replace("Dataclass", "Found")
    assert hash(ours) == hash(standard)
    assert {each.name: getattr(standard, each.name) for each in fields(standard)} == ours._asdict()
    assert ours == Found(**ours._asdict())
    assert ours._replace(net="k") == Found(*vars(replace(standard, net="k")).values())
    assert ours != ours._replace(lines=(3,))
    assert ours != FoundAt(*given)
    assert ours != tuple(ours._asdict().values())
    assert [pickle.loads(pickle.dumps(ours)), copy.deepcopy(ours), copy.copy(ours)] == [ours] * 3
    assert (ours.both, ours.words(), ours.kind) == (given[1:2] == ("m",), "of Found", "found")


def test_its_class_is_what_a_frozen_dataclass_is() -> None:
    assert inspect.signature(Found) == inspect.signature(Dataclass)
    assert Found.__match_args__ == Dataclass.__match_args__  # type: ignore[attr-defined]
    assert typing.get_type_hints(Found.__init__) == typing.get_type_hints(Dataclass.__init__)
    assert typing.get_type_hints(Found)["lines"] == tuple[int, ...]
    assert [*inspect.signature(FoundAt).parameters] == ["net", "model", "lines", "place"]
    assert FoundAt("n", place="there").place == "there"


def test_what_is_kept_with_a_frozen_value_is_no_field_of_it() -> None:
    ours = Found("up")
    assert ours.letters is ours.letters
    assert ours == Found("up")
    assert "letters" not in repr(ours)
    for other in (ours._replace(net="k"), copy.copy(ours), pickle.loads(pickle.dumps(ours))):
        assert vars(other).keys() == {"net", "model", "lines"}


def test_a_frozen_class_may_change_what_it_is_given() -> None:
    assert Counted(lines=range(2)).lines == (0, 1)
    assert copy.copy(Counted([2])) == Counted([2])
    assert Counted() == Counted([])


@pytest.mark.parametrize("name", ["net", "model", "other", "letters"])
def test_nothing_of_a_frozen_value_is_set_or_deleted(name: str) -> None:
    ours: Any = Found("up")
    with pytest.raises(AttributeError, match=name):
        setattr(ours, name, "k")
    with pytest.raises(AttributeError, match=name):
        delattr(ours, name)
    assert ours == Found("up")


def test_a_frozen_class_takes_what_it_has() -> None:
    kind: Any = Found
    for given, named in (((), {}), (("n",), {"odd": 1}), (("n",), {"net": "n"}), ("nmlk", {})):
        with pytest.raises(TypeError, match=r"Found\.__init__\(\)"):
            kind(*given, **named)
    match Found("n"):
        case Found(net, None):
            assert net == "n"
        case _:
            pytest.fail("it does not match")


@pytest.mark.parametrize("body", ["a: int = 1\n    b: int", "a: int\n    words: str"])
def test_a_frozen_class_that_cannot_be_made(body: str) -> None:
    text = f"from __future__ import annotations\nclass Made(Frozen, Report):\n    {body}\n"
    with pytest.raises(TypeError, match="Made"):
        exec(text, {"Frozen": Frozen, "Report": Report, "__name__": "made"})


def test_a_named_tuple_is_made_of_as_many_values_as_it_has_fields() -> None:
    for kind in (Ours, Standard):
        assert kind._make(["n", "m", ()]) == kind("n", "m")
        for values in ([], ["n"], ["n", "m"], ["n", "m", (), ()]):
            with pytest.raises(TypeError):
                kind._make(values)


def test_a_named_tuple_has_no_other_fields_to_replace() -> None:
    with pytest.raises(TypeError):
        Ours("n")._replace(other=1)  # type: ignore[call-arg]
