"""Named tuples that are cheap to make are what the standard ones are."""

from __future__ import annotations

import pickle
import typing
from typing import Any

import pytest

from deconvsurgery.named_tuple import NamedTuple


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
