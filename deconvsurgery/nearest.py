"""Which of some names was meant by one that is none of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

# Pairs of characters to compare before letters that are frequent are passed over, as difflib does
# from 200 letters on: a second's work.
_MOST_PAIRS: Final = 10_000_000


def nearest(name: str, names: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The one of ``names`` that is most like ``name``, ``None`` where none is.

    ``cutoff`` is the least ratio of letters in common, from 0 to 1, as `difflib` counts it; of
    several that are alike the greatest by the alphabet.

    >>> nearest("stirde", ["stride", "pad"]), nearest("zz", ["stride", "pad"])
    ('stride', None)
    """
    listed = list(names)
    near = _with_the_letters(name, listed, cutoff)
    if not near:
        return None
    from difflib import SequenceMatcher  # here, as few runs have a wrong name

    many = len(name) * sum(map(len, listed)) > _MOST_PAIRS
    matcher = SequenceMatcher(None, "", name, autojunk=many)
    found: list[tuple[float, str]] = []
    for candidate in near:
        matcher.set_seq1(candidate)
        ratio = matcher.ratio()
        if ratio >= cutoff:
            found.append((ratio, candidate))
    return max(found)[1] if found else None


def _with_the_letters(name: str, names: Iterable[str], cutoff: float) -> list[str]:
    """Those that have enough letters in common, in whatever order: difflib's ``quick_ratio``."""
    letters = Counter(name)
    return [
        each
        for each in names
        if 2 * min(len(name), len(each)) >= cutoff * (len(name) + len(each))
        and 2 * (letters & Counter(each)).total() >= cutoff * (len(name) + len(each))
    ]
