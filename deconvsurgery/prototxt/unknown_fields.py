"""Fields that Caffe does not have: what may stand in them, and what their values seem to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import Final

from deconvsurgery.errors import PrototxtError

from .net import NetMessage, Value
from .scalar_values import Scalar, by_look, skipped, unescaped
from .tokens import Text, TextField, Token
from .written_values import is_list, refused, value_place, written_as_one

_NO_NAMES: Final[Mapping[int, str]] = MappingProxyType({})


def refuse_unreadable(text: Text, field: TextField) -> None:
    """Raise ``PrototxtError`` at what is no value of any kind, as protobuf does."""
    if is_list(text, field):
        colon, start = value_place(text, field)
        if not colon:
            raise refused(text, 'Expected "{".', start)
    scalars = iter(field.scalars)
    scalar = next(scalars, None)
    for (inside, _), body in zip(field.insides, field.children or (), strict=True):
        while scalar and scalar[0].start < inside:
            _refuse_unreadable(text, scalar)
            scalar = next(scalars, None)
        for each in body:
            refuse_unreadable(text, each)
    while scalar:
        _refuse_unreadable(text, scalar)
        scalar = next(scalars, None)


def _refuse_unreadable(text: Text, scalar: Sequence[Token]) -> None:
    if scalar[0].kind == "string":
        for token in scalar:
            if "\n" in token.text:
                raise _invalid(text, token.text.partition("\n")[0], token.start)
            _spelt(text, token)
        return
    written = written_as_one(scalar)
    try:
        skipped(written)
    except ValueError:
        raise _invalid(text, written, scalar[0].start) from None


def _spelt(text: Text, token: Token) -> str:
    """A string of which nobody says that it has to be UTF-8."""
    try:
        return unescaped(token.text).decode("utf-8", "replace")
    except ValueError:
        raise _invalid(text, token.text, token.start) from None


def _invalid(text: Text, written: str, offset: int) -> PrototxtError:
    return refused(text, f"Invalid field value: {written}", offset)


def values_by_look(
    text: Text, field: TextField, names: Mapping[int, str] = _NO_NAMES
) -> list[tuple[str, Value]]:
    """The field with each of its values as it looks; a number that has a name is that."""
    found: list[tuple[str, Value]] = []
    for body in field.children or ():
        inner = [values_by_look(text, each) for each in body]
        found.append((field.name, NetMessage(tuple(chain.from_iterable(inner)))))
    for scalar in field.scalars if field.children is None else ():
        if scalar[0].kind == "string":
            value: Scalar = "".join([_spelt(text, token) for token in scalar])
        else:
            value = by_look("".join([token.text for token in scalar]))
        found.append((field.name, names.get(value, value) if type(value) is int else value))
    return found
