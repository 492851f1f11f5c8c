"""Paths that stand for many: wildcards, and ``{name}`` from a net to its model and output.

``*``, ``?`` and ``[...]`` stay within a folder, ``**`` does not, ``{name}`` is a wildcard that the
other paths repeat. Never here: looking what there is.
"""

from __future__ import annotations

import re
from functools import cache

NAME = "{name}"
_WILD = re.compile(r"\*|\?|\[|\{name\}")
_TOKENS = re.compile(
    r"(?P<folders>\*\*/)|(?P<all>\*\*)|(?P<some>\*)|(?P<one>\?)"
    r"|(?P<set>\[!?\]?[^\]/]*\])|(?P<name>\{name\})|(?P<plain>.)",
    re.DOTALL,
)
_SUFFIXES = (".prototxt", ".caffemodel", ".h5", ".hdf5", ".pbtxt")


def is_pattern(path: str) -> bool:
    """It has a wildcard, or ``{name}``."""
    return _WILD.search(path) is not None


def fixed_part(pattern: str) -> str:
    """What all paths of a pattern begin with.

    >>> fixed_part("s3://zoo/v2/f*/deploy.prototxt")
    's3://zoo/v2/f'
    """
    found = _WILD.search(pattern)
    return pattern if found is None else pattern[: found.start()]


def name_in(pattern: str, path: str) -> str | None:
    """What ``{name}`` is for a path; ``None`` for one that the pattern does not mean.

    Where the pattern does not say ``{name}``, it is the path from the first folder with a wildcard
    on, without the suffix that tells nets and models.

    >>> name_in("zoo/{name}/deploy.prototxt", "zoo/fcn8s/deploy.prototxt")
    'fcn8s'
    >>> name_in("zoo/**/*.prototxt", "zoo/voc/fcn8s.prototxt")
    'voc/fcn8s'
    >>> name_in("fcn8s.prototxt", "fcn8s.prototxt")
    'fcn8s'
    """
    found = _regex(pattern).fullmatch(path)
    if found is None:
        return None
    if NAME in pattern:
        return found["name"]
    start = fixed_part(pattern).rpartition("/")[0]
    rest = path[len(start) :].lstrip("/") if is_pattern(pattern) else path.rpartition("/")[2]
    return _without_suffix(rest)


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


@cache
def _regex(pattern: str) -> re.Pattern[str]:
    seen = False
    parts = []
    for token in _TOKENS.finditer(pattern):
        kind, text = token.lastgroup, token[0]
        if kind == "name" and seen:
            parts.append("(?P=name)")
        elif kind == "name":
            parts.append("(?P<name>[^/]+)")
            seen = True
        elif kind == "set":
            inside = text[1:-1].replace("\\", "\\\\").replace("[", "\\[").replace("^", "\\^")
            negated = inside.startswith("!")
            inside = inside[negated:]
            parts.append(f"[^/{inside}]" if negated else f"[{inside}]")
        else:
            fixed = {"folders": "(?:[^/]+/)*", "all": ".*", "some": "[^/]*", "one": "[^/]"}
            parts.append(fixed.get(kind or "", re.escape(text)))
    return re.compile("".join(parts), re.DOTALL)


def _without_suffix(path: str) -> str:
    lowered = True
    while lowered:
        lowered = False
        for suffix in _SUFFIXES:
            if path.lower().endswith(suffix) and len(path) > len(suffix):
                path, lowered = path[: -len(suffix)], True
    return path
