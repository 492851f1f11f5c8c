"""What a stream is to be shown on: a terminal or not, its width, its colours and signs.

``NO_COLOR`` (https://no-color.org) and ``FORCE_COLOR`` (https://force-color.org) count when they
are set and not empty, and the first one wins: both together give a terminal's layout without
colours.
"""

from __future__ import annotations

import codecs
import os
import sys
from typing import TextIO

USUAL_WIDTH = 80
# Nobody's window is wider; more than this would only cost memory.
_WIDEST = 1 << 16


def is_terminal(stream: TextIO | None) -> bool:
    """Is it looked at? ``FORCE_COLOR`` says so of a pipe, as for ``less -R``."""
    return bool(os.environ.get("FORCE_COLOR")) or _isatty(stream)


def can_move(stream: TextIO | None) -> bool:
    """Is it a real terminal whose cursor can be moved, so that a line can be drawn again?"""
    return _isatty(stream) and not is_dumb()


def has_colours(stream: TextIO | None) -> bool:
    """May colours, bold or dim be sent to it?"""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or can_move(stream)


def is_dumb() -> bool:
    """A terminal that shows characters and nothing else."""
    return os.environ.get("TERM", "").lower() in ("dumb", "unknown")


def given_columns() -> int | None:
    """``COLUMNS``, where it is a width."""
    given = os.environ.get("COLUMNS", "")
    digits = given.lstrip("0") if given.isascii() and given.isdigit() else ""
    return min(int(digits[:9]), _WIDEST) if digits else None


def columns() -> int:
    """Columns of the terminal: ``COLUMNS``, or the window's own."""
    return given_columns() or _window() or USUAL_WIDTH


def _window() -> int | None:
    """The width of the window that any of the three streams is on; a new window may have none."""
    for descriptor in (1, 2, 0):
        try:
            width = os.get_terminal_size(descriptor).columns
        except (OSError, ValueError):
            continue
        if width:
            return width
    return None


def _isatty(stream: TextIO | None) -> bool:
    return stream is not None and not stream.closed and stream.isatty()


_ASCII = {"→": ">", "Δ": "d", "×": "x", "─": "-", "│": "|", "…": "~"}


def in_ascii(error: UnicodeError) -> tuple[str, int]:
    """Write our own few signs in ASCII where the terminal has no other (LANG=C), a column each."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    wanted = error.object[error.start : error.end]
    spelt = "".join(_ASCII.get(sign) or ascii(sign)[1:-1] for sign in wanted)
    return spelt, error.end


def replace_unencodable() -> None:
    """Let standard output and error spell signs that their encoding lacks: never a failure."""
    codecs.register_error("deconvsurgery", in_ascii)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="deconvsurgery")
