"""How names, shapes and lists stand in a sentence, where a file may hold any of any length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

_SHOWN: Final = 5
_LONGEST: Final = 60  # characters of one thing in a sentence


def listed(items: Sequence[str], most: int = _SHOWN) -> str:
    """The first few, at ``most`` so many, and how many more there are.

    >>> listed(["a", "b"]), listed(list("abcdefg"))
    ('a, b', 'a, b, c, d, e, … +2')
    """
    more = f", … +{len(items) - most:,}" if len(items) > most else ""
    return ", ".join(items[:most]) + more


def plural(count: int, noun: str, several: str | None = None) -> str:
    """A count and what is counted, of which ``several`` is the plural if an s does not make it.

    >>> plural(1, "layer"), plural(1200, "layer"), plural(2, "index", "indices")
    ('1 layer', '1,200 layers', '2 indices')
    """
    return f"{count:,} {agreed(count, noun, f'{noun}s' if several is None else several)}"


def agreed(count: int, one: str, several: str) -> str:
    """The word that goes with a count.

    >>> agreed(1, "is", "are"), agreed(0, "has", "have")
    ('is', 'have')
    """
    return one if count == 1 else several


def spread(low: float, high: float) -> str:
    """From one number to another with four digits; one alone where they are said the same.

    >>> spread(0.25, 0.75), spread(3, 3.0000001)
    ('0.25 to 0.75', '3')
    """
    first, last = f"{low:.4g}", f"{high:.4g}"
    return first if first == last else f"{first} to {last}"


def quoted(name: str) -> str:
    """A layer's name as it stands in a sentence."""
    return repr(short(name))


def short(text: str, limit: int = _LONGEST) -> str:
    """Its beginning and end where it has more than ``limit`` characters."""
    if len(text) <= limit:
        return text
    return f"{text[: limit // 2]}…{text[-(limit // 2) + 1 :]}"


def one_line(text: str, limit: int = 200) -> str:
    r"""The text as it stands in a line of Python's own: nothing that breaks it, nothing endless.

    >>> one_line("up\n"), one_line("upscore" * 99, 9)
    ('up\\n', 'upsc…ore')
    """
    return short(printable(text), limit)


def row_words(row: Any) -> str:
    """A row of a result in one line: its kind, the layer, what becomes of it and why."""
    place = "" if row.line is None else f", line {row.line}"
    reason = "" if row.reason is None else f" ({row.reason})"
    return f"<{type(row).__name__} {one_line(f'{row.name}: {row.action}{reason}{place}')}>"


def printable(text: str, keep: str = "") -> str:
    r"""The text with everything that would not show (or would act) spelt out, but ``keep``.

    >>> print(printable("up\x1b[31m\n"), end=printable("\n", keep="\n"))
    up\x1b[31m\n
    """
    if text.isprintable():
        return text
    return "".join(
        sign if sign.isprintable() or sign in keep else sign.encode("unicode_escape").decode()
        for sign in text
    )


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
