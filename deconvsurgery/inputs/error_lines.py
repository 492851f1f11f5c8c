"""The lines of a text that an error is about, read once more to be shown beside it.

What cannot be shown is left out: a pipe is gone, a file may have changed or be a long one.
"""

from __future__ import annotations

from deconvsurgery.errors import SurgeryError
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.prototxt.parse import decoded
from deconvsurgery.storage.source import STANDARD_INPUT, open_source
from deconvsurgery.storage.streams import can_be_read_again

LONGEST_TEXT = 4 << 20  # bytes; the largest prototxt in the wild is half of it
_BEFORE, _AFTER = 1, 3  # lines


class Excerpt(NamedTuple):
    """``lines``, the first of which has the number ``first``.

    ``line`` and ``column`` (from 1) are the place that is meant, or without a column all of them.
    """

    lines: tuple[str, ...]
    first: int
    line: int
    column: int | None = None


def excerpt(path: str, line: int, column: int | None = None) -> Excerpt | None:
    """What stands at a place of a file, with the line before; without a column, lines behind it.

    ``None`` where there is nothing to show: no file that can be read again, no text, no such place.
    """
    if path in ("-", STANDARD_INPUT) or not can_be_read_again(path):
        return None
    try:
        with open_source(path) as source:
            if source.size > LONGEST_TEXT:
                return None
            text, _, _ = decoded(source.read(0, source.size))
    except SurgeryError:
        return None
    lines = [each.removesuffix("\r") for each in text.split("\n")]
    if not 1 <= line <= len(lines):
        return None
    if column is not None and not 1 <= column <= len(lines[line - 1]) + 1:
        return None
    begin, end = (line, line + _AFTER) if column is None else (line - _BEFORE, line)
    shown = lines[max(begin, 1) - 1 : end]
    first = max(begin, 1)
    while len(shown) > 1 and not shown[0].strip() and first < line:
        shown, first = shown[1:], first + 1
    while shown and not shown[-1].strip() and first + len(shown) - 1 > line:
        shown.pop()
    return Excerpt(tuple(shown), first, line, column)
