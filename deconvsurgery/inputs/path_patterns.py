"""Paths that stand for many: wildcards, and ``{name}`` from a net to its model and output.

``*``, ``?`` and ``[...]`` stay within a folder, ``**`` does not, ``{name}`` is a wildcard that the
other paths repeat. None of them stands for the dot that hides a file or a folder. In an address of
the web ``?`` is no wildcard.
"""

from __future__ import annotations

import re
from functools import cache

NAME = "{name}"
_SET = r"\[!?+[^/][^\]/]*\]"
_WILD = re.compile(rf"\*|\?|{_SET}|\{{name\}}")
_WILD_IN_THE_WEB = re.compile(rf"\*|{_SET}|\{{name\}}")
_WEB = re.compile("https?://", re.IGNORECASE)
_TOKENS = re.compile(
    r"(?P<folders>(?<![^/])\*\*/)|(?P<all>\*\*)|(?P<some>\*)|(?P<one>\?)"
    rf"|(?P<set>{_SET})|(?P<name>\{{name\}})|(?P<plain>.)",
    re.DOTALL,
)
_MEANINGS = {
    "folders": r"(?:(?!\.)[^/]+/)*",
    "all": r"(?:(?!/\.).)*",
    "some": "[^/]*",
    "one": "[^/]",
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


@cache
def _regex(pattern: str) -> re.Pattern[str]:
    web = _WEB.match(pattern) is not None
    seen = False
    parts = []
    for token in _TOKENS.finditer(pattern):
        kind, text = token.lastgroup or "", token[0]
        if kind == "plain" or (kind == "one" and web):
            parts.append(re.escape(text))
            continue
        begins = token.start() == 0 or pattern[token.start() - 1] == "/"
        if begins and kind != "folders":
            parts.append(_UNHIDDEN)
        if kind == "name":
            parts.append("(?P=name)" if seen else "(?P<name>[^/]+)")
            seen = True
        else:
            parts.append(_MEANINGS.get(kind) or _set(text))
    return re.compile("".join(parts), re.DOTALL)


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
