"""Words of a command as a shell reads them back, in signs that all show."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

# Signs that no shell acts on, as shlex has them.
_PLAIN: Final = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%_+=:,./-"
)
_BY_NAME: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "'": "\\'", "\\": "\\\\"}


def shell_line(words: Iterable[str]) -> str:
    """The words as one command line.

    >>> print(shell_line(["check", "it's.prototxt"]))
    check 'it'"'"'s.prototxt'
    """
    return " ".join(map(shell_word, words))


def shell_word(word: str) -> str:
    r"""The word in quotes if need be; in ``$'…'`` where a sign in it would not show, or would act.

    bash and zsh read that (bash's manual, "ANSI-C Quoting"); POSIX has it since 2024 (2.2.4).
    Bytes that are no UTF-8 are in the word as halves of surrogate pairs, as Python has file names.

    >>> print(shell_word("up.prototxt"), shell_word("a b"), shell_word("n\udcff\n'.prototxt"))
    up.prototxt 'a b' $'n\xff\n\'.prototxt'
    """
    if word and _PLAIN.issuperset(word):
        return word  # nearly every one
    if word.isprintable():
        return "'" + word.replace("'", """'"'"'""") + "'"
    return f"$'{''.join(map(_spelt, word))}'"


def _spelt(sign: str) -> str:
    if sign in _BY_NAME:
        return _BY_NAME[sign]
    if sign.isprintable():
        return sign
    # Always two digits: bash would take a second one of what follows.
    return "".join(f"\\x{byte:02x}" for byte in _bytes(sign))


def _bytes(sign: str) -> bytes:
    try:
        return os.fsencode(sign)
    except UnicodeEncodeError:
        return sign.encode("utf-8", "surrogatepass")
