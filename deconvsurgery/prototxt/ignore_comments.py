"""Comments in a net's text that say which findings of `check` are meant to be so."""

from __future__ import annotations

import re
from typing import Final

from deconvsurgery.named_tuple import NamedTuple

_MARK: Final = "deconvsurgery:"
# Compiled where a text has the mark. Possessive, as in ``tokens``: a string holds no comment.
_PART: Final = r"""
    (?P<comment>\#[^\n]*+)
    | (?P<code>"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"|'[^'\\\n]*+(?:\\.[^'\\\n]*+)*+'|[^\s\#"']++|["'])
    | (?P<end>\n)
"""
_WORDS: Final = r"#\s*deconvsurgery:\s*(?P<word>[\w-]*)(?P<rest>.*)"
_IDS: Final = r"\s*(?P<ids>(?:[A-Za-z]{2}\d+(?:\s*,\s*|\s+|$))*)(?P<why>.*)"


class IgnoreComment(NamedTuple):
    """A comment that begins with ``deconvsurgery:``, on ``line``, counted from 1.

    ``ids`` are rules, or beginnings of some, as it has them; none stand for all of them. It is for
    layers that begin on line ``about``, or for the whole net where that is ``None``. ``wrong`` is
    what it has that means nothing.
    """

    line: int
    ids: tuple[str, ...] = ()
    about: int | None = None
    wrong: str | None = None


def ignore_comments(text: str) -> tuple[IgnoreComment, ...]:
    r"""The comments of a text, in its order.

    One that stands behind something is about its own line, another about the next that says
    something. What follows the rules behind two dashes is for people.

    >>> ignore_comments("# deconvsurgery: ignore DS007 -- a fork's Crop\nlayer {}")
    (IgnoreComment(line=1, ids=('DS007',), about=2, wrong=None),)
    """
    if _MARK not in text:
        return ()
    found: list[IgnoreComment] = []
    waiting: list[int] = []  # those that are about the next line with something on it
    line, said = 1, False
    for part in re.finditer(_PART, text, re.VERBOSE | re.DOTALL):
        if part["end"]:
            line, said = line + 1, False
        elif part["code"] is not None:
            for place in waiting:
                found[place] = found[place]._replace(about=line)
            waiting.clear()
            said = True
        elif (words := re.search(_WORDS, part["comment"])) is not None:
            comment = _read(line, words["word"], words["rest"])
            if comment.about is not None and not said:
                waiting.append(len(found))
            found.append(comment)
    return tuple(found)


def _read(line: int, word: str, rest: str) -> IgnoreComment:
    """What a comment says, for its own line unless it is for the whole net."""
    parts = re.match(_IDS, rest)
    assert parts is not None
    why = parts["why"].strip()
    ids = tuple(re.split(r"[\s,]+", parts["ids"].strip())) if parts["ids"].strip() else ()
    wrong = None
    if word not in ("ignore", "ignore-file"):
        wrong = word or rest.strip()
    elif why and not why.startswith("--"):
        wrong = why
    return IgnoreComment(line, ids, None if word == "ignore-file" else line, wrong)
