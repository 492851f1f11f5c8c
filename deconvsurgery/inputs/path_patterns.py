"""Paths that stand for many: wildcards, and ``{name}`` from a net to its model and output.

``*``, ``?`` and ``[...]`` stay within a folder, ``**`` does not, ``{name}`` is a wildcard that the
other paths repeat. None of them stands for the dot that hides a file or a folder. In an address of
the web ``?`` is no wildcard.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from deconvsurgery.named_tuple import NamedTuple

NAME = "{name}"
MOST_OPEN: Final = 32
"""Wildcards of any length that a pattern may have; to match a path takes time that follows the
product of this and of its length."""

# As long as a file's name may be: a bracket without an end is not looked for any further.
_SET = r"\[!?+[^/][^\]/]{0,254}+\]"
_WILD = re.compile(rf"\*|\?|{_SET}|\{{name\}}")
_WILD_IN_THE_WEB = re.compile(rf"\*|{_SET}|\{{name\}}")
_WEB = re.compile("https?://", re.IGNORECASE)
_TOKENS = re.compile(
    r"(?P<folders>(?<![^/])\*\*/)|(?P<all>\*\*)|(?P<some>\*)|(?P<one>\?)"
    rf"|(?P<set>{_SET})|(?P<name>\{{name\}})|(?P<plain>.)",
    re.DOTALL,
)
# What one more step of a wildcard of any length takes.
_STEPS = {
    "folders": re.compile(r"(?!\.)[^/]+/"),
    "all": re.compile(r"(?!/\.).", re.DOTALL),
    "some": re.compile("[^/]"),
    "name": re.compile("[^/]"),
}
_UNHIDDEN = r"(?!\.)"
_SUFFIXES = (".prototxt", ".caffemodel", ".h5", ".hdf5", ".pbtxt")


def is_pattern(path: str) -> bool:
    """It has a wildcard, or ``{name}``."""
    return _first_wild(path) is not None


def _first_wild(path: str) -> re.Match[str] | None:
    return (_WILD_IN_THE_WEB if _WEB.match(path) else _WILD).search(path)


def fixed_part(pattern: str) -> str:
    """What all paths of a pattern begin with.

    >>> fixed_part("s3://zoo/v2/f*/deploy.prototxt")
    's3://zoo/v2/f'
    """
    found = _first_wild(pattern)
    return pattern if found is None else pattern[: found.start()]


def name_in(pattern: str, path: str) -> str | None:
    """What ``{name}`` is for a path; ``None`` for one that the pattern does not mean.

    Where the pattern does not say ``{name}``, it is the path from the first folder with a wildcard
    on, without the suffix that distinguishes nets and models.

    >>> name_in("zoo/{name}/deploy.prototxt", "zoo/fcn8s/deploy.prototxt")
    'fcn8s'
    >>> name_in("zoo/**/*.prototxt", "zoo/voc/fcn8s.prototxt")
    'voc/fcn8s'
    >>> name_in("fcn8s.prototxt", "fcn8s.prototxt")
    'fcn8s'
    """
    found = _found(pattern, path)
    if found is None or found:  # a name has a character at least
        return found
    if not is_pattern(pattern):
        return plain_name(path)
    start = fixed_part(pattern).rpartition("/")[0]
    return _without_suffix(path[len(start) :].lstrip("/"))


def plain_name(path: str) -> str:
    """What ``{name}`` is for a path that stands for itself, whatever signs are in it.

    >>> plain_name("zoo/fcn[8].prototxt"), plain_name("https://host/fcn8s.prototxt?raw=true")
    ('fcn[8]', 'fcn8s')
    """
    if _WEB.match(path):
        path = path.partition("?")[0]
    return _without_suffix(path.rpartition("/")[2])


def named(pattern: str, name: str) -> str:
    """A path for that name.

    >>> named("out/{name}.caffemodel", "fcn8s")
    'out/fcn8s.caffemodel'
    """
    return pattern.replace(NAME, name)


def reaches_down(pattern: str) -> int | None:
    """Folders below that of the fixed part that its paths lie in; ``None``: any number.

    >>> reaches_down("zoo/*/deploy.prototxt"), reaches_down("zoo/**/*.prototxt")
    (1, None)
    """
    if "**" in pattern:
        return None
    start = fixed_part(pattern).rpartition("/")[0]
    return pattern[len(start) :].lstrip("/").count("/")


def open_wildcards(pattern: str) -> int:
    """How many wildcards it has that take any number of characters.

    >>> open_wildcards("zoo/**/a?[bc]/{name}/*.prototxt")
    3
    """
    return sum(piece.kind in _STEPS for piece in _pieces(pattern))


class _Piece(NamedTuple):
    """A part of a pattern: a wildcard of any length, or (``fixed``) what lies between two."""

    kind: str
    fits: re.Pattern[str]


@lru_cache(maxsize=64)
def _pieces(pattern: str) -> tuple[_Piece, ...]:
    web = _WEB.match(pattern) is not None
    pieces: list[_Piece] = []
    fixed: list[str] = []
    for token in _TOKENS.finditer(pattern):
        kind, text = token.lastgroup or "", token[0]
        if kind == "plain" or (kind == "one" and web):
            fixed.append(re.escape(text))
            continue
        if (token.start() == 0 or pattern[token.start() - 1] == "/") and kind != "folders":
            fixed.append(_UNHIDDEN)
        if kind in ("one", "set"):
            fixed.append("[^/]" if kind == "one" else _set(text))
            continue
        if fixed:
            pieces.append(_fixed(fixed))
        fixed = []
        if kind == "name":
            again = any(each.kind == "name" for each in pieces)
            pieces.append(_Piece("again" if again else "begin", _STEPS[kind]))
            if again:
                continue
        pieces.append(_Piece(kind, _STEPS[kind]))
    return (*pieces, _fixed(fixed)) if fixed else tuple(pieces)


def _fixed(parts: list[str]) -> _Piece:
    return _Piece("fixed", re.compile("".join(parts), re.DOTALL))


def _found(pattern: str, path: str) -> str | None:
    """What ``{name}`` is, ``""`` for a pattern without; ``None`` where the path is not meant.

    Wildcards take as much as they can. Each is tried once at each place of the path: a regex would
    come back to most of them, with ten wildcards for hours.
    """
    pieces = _pieces(pattern)
    # With a second {name} what follows depends on the first one, too.
    once = all(piece.kind != "again" for piece in pieces)
    seen: set[tuple[int, ...]] = set()
    waiting = [(0, 0, -1, -1)]  # a piece, a place in the path, where the name begins and ends
    while waiting:
        state = waiting.pop()
        number, place, start, stop = state
        if number == len(pieces):
            if place == len(path):
                return path[start:stop] if start >= 0 else ""
            continue
        key = state[:2] if once else state
        if key in seen:
            continue
        seen.add(key)
        kind, fits = pieces[number]
        if kind == "again":
            name = path[start:stop]
            if path.startswith(name, place):
                waiting.append((number + 1, place + len(name), start, stop))
            continue
        step = fits.match(path, place)
        if kind == "fixed":
            if step is not None:
                waiting.append((number + 1, step.end(), start, stop))
            continue
        if kind == "begin":  # of the name, which has at least this character
            if step is not None:
                waiting.append((number + 1, step.end(), place, stop))
            continue
        waiting.append((number + 1, place, start, place if kind == "name" else stop))
        if step is not None:
            waiting.append((number, step.end(), start, stop))
    return None


def _set(text: str) -> str:
    """One character of those in brackets; a range from a later to an earlier one has none."""
    negated = text[1] == "!"
    parts = []
    for low, high, one in re.findall("(.)-(.)|(.)", text[1 + negated : -1], re.DOTALL):
        if one:
            parts.append(re.escape(one))
        elif low <= high:
            parts.append(f"{re.escape(low)}-{re.escape(high)}")
    inside = "".join(parts)
    if negated:
        return f"[^/{inside}]"
    return f"(?!/)[{inside}]" if inside else "(?!)"


def _without_suffix(path: str) -> str:
    lowered = True
    while lowered:
        lowered = False
        for suffix in _SUFFIXES:
            if path.lower().endswith(suffix) and len(path) > len(suffix):
                path, lowered = path[: -len(suffix)], True
    return path
