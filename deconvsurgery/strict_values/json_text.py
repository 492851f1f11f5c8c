"""JSON that anybody may have written, as values: all of it within limits, or refused in words.

Python's own reader takes NaN, a key that stands twice, half a surrogate pair, and digits as long as
there are any; none of them could be written again, or means one thing.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final, NoReturn

from .byte_order_marks import BYTE_ORDER_MARKS
from .kinds import WrongValueError, comes_back, in_short

DEEPEST: Final = 100  # lists and tables within each other; as protobuf's own limit
_MOST_DIGITS: Final = 20  # of a whole number; 2^64 has as many
_LONGEST_NUMBER: Final = 100  # characters of another; Python writes 24 at most
_ESCAPED_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def json_value(data: bytes, *, longest: int, any_bytes: bool = False) -> Any:
    r"""What the JSON in ``data`` says; ``longest`` is how many bytes it may have.

    With ``any_bytes`` its texts may hold bytes that are no UTF-8, as names of files do; they come
    as `os.fsdecode` has them, and are refused where `os.fsencode` would make other bytes of them.

    >>> json_value(b'{"net": [1, 2.5, null]}', longest=100)
    {'net': [1, 2.5, None]}

    Raises ``WrongValueError`` for what is not JSON, or longer, a key that stands twice in its
    table, a number that is not finite or has too many digits, half a surrogate pair
    (``"\ud800"``), and lists and tables more than ``DEEPEST`` deep.
    """
    if len(data) > longest:
        raise WrongValueError(f"has more than {longest:,} bytes")
    text, plain = _decoded(data, any_bytes=any_bytes)
    try:
        value = _READER.decode(text)
    except json.JSONDecodeError as error:  # its words differ between Python's versions
        at = len(text[: error.pos].encode("utf-8", "surrogateescape"))
        raise WrongValueError(f"is not JSON: the fault is at byte {at}") from None
    except RecursionError:
        raise _too_deep() from None
    if text.count("[") + text.count("{") > DEEPEST and _is_deeper(value):
        raise _too_deep()
    if not plain or _ESCAPED_SURROGATE.search(text):
        for found in _texts(value):
            if not _is_sound(found, any_bytes=any_bytes):
                raise WrongValueError(f"has half a surrogate pair in {in_short(found)}")
    return value


def _decoded(data: bytes, *, any_bytes: bool) -> tuple[str, bool]:
    """The text, and whether all of it is UTF-8."""
    if data.startswith(BYTE_ORDER_MARKS):
        raise WrongValueError("begins with a byte order mark")
    try:
        return data.decode("utf-8"), True
    except UnicodeDecodeError as error:
        if not any_bytes:
            raise WrongValueError(f"is not in UTF-8 at byte {error.start}") from None
        return data.decode("utf-8", "surrogateescape"), False


def _table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for key, value in pairs:
        if key in table:
            raise WrongValueError(f"has the key {in_short(key)} twice")
        table[key] = value
    return table


def _whole(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise WrongValueError(f"has a number of {len(digits):,} characters")
    return int(digits)


def _number(digits: str) -> float:
    if len(digits) > _LONGEST_NUMBER:
        raise WrongValueError(f"has a number of {len(digits):,} characters")
    number = float(digits)
    return number if math.isfinite(number) else _constant(digits)


def _constant(word: str) -> NoReturn:
    raise WrongValueError(f"has the number {word}, which is not finite")


# Made once: json.loads would make a reader for each call.
_READER: Final = json.JSONDecoder(
    object_pairs_hook=_table, parse_int=_whole, parse_float=_number, parse_constant=_constant
)


def _too_deep() -> WrongValueError:
    return WrongValueError(f"is nested more than {DEEPEST} deep")


def _is_deeper(value: object) -> bool:
    level = [value] if isinstance(value, list | dict) else []
    for _ in range(DEEPEST):
        inner = (one for outer in level for one in _within(outer))
        level = [one for one in inner if isinstance(one, list | dict)]
    return bool(level)


def _within(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _texts(value: object) -> Iterator[str]:
    """Every text and every key."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            yield from one
        waiting += _within(one)


def _is_sound(value: str, *, any_bytes: bool) -> bool:
    return comes_back(value) if any_bytes else _SURROGATE.search(value) is None
