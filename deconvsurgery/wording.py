"""How names, shapes and lists stand in a sentence, where a file may hold any of any length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_SHOWN: Final = 5
_ROOM: Final = 60  # characters of one thing in a sentence


def listed(items: Sequence[str]) -> str:
    """The first few, and how many more there are.

    >>> listed(["a", "b"]), listed(list("abcdefg"))
    ('a, b', 'a, b, c, d, e, … +2')
    """
    more = f", … +{len(items) - _SHOWN:,}" if len(items) > _SHOWN else ""
    return ", ".join(items[:_SHOWN]) + more


def quoted(name: str) -> str:
    """A layer's name as it stands in a sentence."""
    return repr(short(name))


def short(text: str) -> str:
    """So much of it as belongs in a sentence."""
    if len(text) <= _ROOM:
        return text
    return f"{text[: _ROOM // 2]}…{text[-(_ROOM // 2) + 1 :]}"


def dims(shape: Sequence[int | None] | None) -> str:
    """A shape as it is said, of which lengths or all may be open.

    >>> dims((21, None, 4, 4)), dims(()), dims(None)
    ('(21, ?, 4, 4)', '()', '?')
    """
    if shape is None:
        return "?"
    return "(" + ", ".join("?" if dim is None else str(dim) for dim in shape) + ")"


def by(numbers: Sequence[int]) -> str:
    """Sizes as they are said: 4x6."""
    return "x".join(str(number) for number in numbers)
