"""What a scalar of a net's text means, as Python's protobuf takes it: words, numbers, strings.

Facts: ``text_format.py`` and ``text_encoding.py`` of protobuf. Each function takes what is written
and raises ``ValueError`` in protobuf's words where it is no such value; places are the caller's.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeAlias

from deconvsurgery.caffe_fields.schema import enum_names, enum_values

Scalar: TypeAlias = str | bool | int | float

_OCTAL: Final = re.compile(r"\A(-?)0([0-9]+)\Z")
_OCTAL_FLOAT: Final = re.compile(r"-?0[0-9]+")
_INFINITY: Final = re.compile(r"-?inf(?:inity)?f?\Z", re.IGNORECASE)
_NAN: Final = re.compile(r"nanf?\Z", re.IGNORECASE)
_SHORT_HEX: Final = re.compile(r"(\\+)x([0-9a-fA-F])(?![0-9a-fA-F])")
_FLOAT: Final = struct.Struct("<f")
_LONGEST_NUMBER: Final = 40  # characters


def integer(low: int, high: int, written: str) -> int:
    """A whole number: decimal, or octal, hexadecimal or binary by what it begins with."""
    try:
        value = int(_OCTAL.sub(r"\g<1>0o\2", written), 0)
    except ValueError:
        raise ValueError(f"Couldn't parse integer: {written}") from None
    if not low <= value <= high:
        raise ValueError(f"Value out of range: {value}")
    return value


def number(written: str) -> float:
    """A number with or without a fraction, also with C's ``f`` behind it."""
    if _OCTAL_FLOAT.match(written):
        raise ValueError(f"Invalid octal float: {written}")
    try:
        return float(written)
    except ValueError:
        if _INFINITY.match(written):
            return float("-inf" if written[0] == "-" else "inf")
    if _NAN.match(written):
        return float("nan")
    try:
        return float(written.rstrip("fF"))
    except ValueError:
        raise ValueError(f"Couldn't parse float: {written}") from None


def float32(written: str) -> float:
    """A number as a float of four bytes holds it.

    >>> float32("0.1"), float32("1e-3F"), float32("-1e39")
    (0.10000000149011612, 0.0010000000474974513, -inf)
    """
    value = number(written)
    try:
        rounded: float = _FLOAT.unpack(_FLOAT.pack(value))[0]
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
    return rounded


def flag(written: str) -> bool:
    """A truth value."""
    if written in ("true", "t", "1", "True"):
        return True
    if written in ("false", "f", "0", "False"):
        return False
    raise ValueError('Expected "true" or "false".')


SCALARS: Final[Mapping[str, Callable[[str], Scalar]]] = {
    "int32": partial(integer, -(2**31), 2**31 - 1),
    "int64": partial(integer, -(2**63), 2**63 - 1),
    "uint32": partial(integer, 0, 2**32 - 1),
    "float": float32,
    "double": number,
    "bool": flag,
}
"""What is written of each kind; strings have several tokens."""


def enum_value(enum: str, written: str) -> str:
    """The name of an enum's value, given by its name or its number."""
    try:
        value = int(written, 0)
    except ValueError:
        if written in enum_values(enum):
            return written
        raise ValueError(f'Enum type "{enum}" has no value named {written}.') from None
    if value not in enum_names(enum):
        raise ValueError(f'Enum type "{enum}" has no value with number {value}.')
    return enum_names(enum)[value]


def unescaped(quoted: str) -> bytes:
    r"""What a quoted string spells.

    >>> unescaped(r"'\x6e\156\u00e9'")
    b'nn\xc3\xa9'
    """
    inner = quoted[1:-1]
    if "\\" not in inner:
        return inner.encode()
    # Python has no \xf: two digits are needed.
    inner = _SHORT_HEX.sub(_two_digits, inner)
    inner = inner.encode("raw_unicode_escape").decode("raw_unicode_escape")
    return inner.encode().decode("unicode_escape").encode("latin-1")


def _two_digits(found: re.Match[str]) -> str:
    slashes, digit = found.groups()
    return f"{slashes}x0{digit}" if len(slashes) % 2 else found[0]


def skipped(written: str) -> None:
    """Nothing, where the word or number may stand in a field that Caffe does not have."""
    if written[0].isalpha() or written[0] == "_":
        return
    try:
        integer(-(2**63), 2**64 - 1, written)
    except ValueError:
        number(written)


def by_look(written: str) -> Scalar:
    """What a word or number of such a field seems to be."""
    if written in ("true", "True"):
        return True
    if written in ("false", "False"):
        return False
    if len(written) > _LONGEST_NUMBER:
        return written  # no number that any layer has
    readings: tuple[Callable[[], Scalar], ...] = (
        lambda: int(written, 0),
        lambda: int(written, 8),
        lambda: float(written.rstrip("fF")),
    )
    for read in readings:
        try:
            return read()
        except ValueError:
            continue
    return written
