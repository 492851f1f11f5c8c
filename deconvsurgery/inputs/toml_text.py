"""TOML text as tables, in time that follows its size; nothing of what the keys mean."""

from __future__ import annotations

import re
import tomllib
from typing import Any, Final

from deconvsurgery.errors import ConfigError
from deconvsurgery.wording import plural, short

LONGEST_FILE: Final = 8 << 20  # bytes; 10^5 pairs of usual paths are 6 MB
_MOST_PARTS: Final = 16  # of a dotted key; ours have four: tool.deconvsurgery.sweep.options

# A key's part is a word or a text in quotes. Texts are looked for first, so that no dot within one
# counts; each goes on to its end, or that of its line, and is not looked into again (``*+``), so
# that this takes time that follows the text's length.
_TEXT: Final = (
    r'"""(?:[^"\\]|\\.|"(?!""))*+(?:"""|\Z)'
    r"|'''(?:[^']|'(?!''))*+(?:'''|\Z)"
    r'|"(?:[^"\\\n]|\\[^\n])*+"?'
    r"|'[^'\n]*+'?"
)
_PART: Final = rf"(?:[A-Za-z0-9_-]++|{_TEXT})"
_KEY: Final = rf"(?s)#[^\n]*+|({_PART}(?:[ \t]*+\.[ \t]*+{_PART})*+)"
_DOT: Final = rf"(?s){_TEXT}|(\.)"
_PLACE: Final = re.compile(r"\(at line (\d+), column (\d+)\)\Z")


def toml_table(text: str, path: str, *, hint: str | None = None) -> dict[str, Any]:
    """The tables of a TOML text; ``path`` and ``hint`` are for its errors.

    Raises ``ConfigError``, with line and column where they are known, for what is not TOML, for
    keys of more than 16 parts, and for nesting that Python cannot follow.
    """
    _refuse_long_keys(text, path)
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ConfigError("is nested too deeply", path=path, hint=hint) from None
    except ValueError as error:  # TOMLDecodeError, and Python's for a number of 4,301 digits
        words = str(error)
        # The place is at the end; a key that is quoted may have the same words in it.
        found = _PLACE.search(words[-60:])
        line, column = map(int, found.groups()) if found else (None, None)
        words = words.removesuffix(found[0]).rstrip() if found else words
        raise ConfigError(
            f"is not TOML: {short(words[:1].lower() + words[1:], 100)}",
            path=path,
            line=line,
            column=column,
            hint=hint,
        ) from None


def _refuse_long_keys(text: str, path: str) -> None:
    """Raise ``ConfigError`` for a key of many parts.

    The parser's time grows with the square of their number, and a short line in a table with such
    a name costs as much again: 200 kB took 30 seconds.
    """
    for found in re.finditer(_KEY, text):
        key = found[1]
        if key is None or len(key) < 2 * _MOST_PARTS or "." not in key:
            continue
        parts = 1 + sum(1 for dot in re.finditer(_DOT, key) if dot[1])
        if parts > _MOST_PARTS:
            start = text.rfind("\n", 0, found.start()) + 1
            raise ConfigError(
                f"has a key of {plural(parts, 'part')}",
                path=path,
                line=text.count("\n", 0, found.start()) + 1,
                column=found.start() - start + 1,
                hint=f"a key has at most {_MOST_PARTS} parts with dots between",
            )
