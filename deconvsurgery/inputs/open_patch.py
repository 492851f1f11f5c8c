"""Read what undoes a change, as `apply` saves it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from deconvsurgery.errors import FormatError
from deconvsurgery.splicing.undo_patch import LONGEST_HEADER, Undo, begins_patch, parsed
from deconvsurgery.storage.source import open_source

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from deconvsurgery.storage.source_interface import Source

_PIECE = 1 << 16  # bytes


@contextmanager
def open_patch(path: str | os.PathLike[str]) -> Iterator[tuple[Source, Undo, int]]:
    """A patch that undoes a change: its file, what it says, and where the original's bytes begin.

    Raises ``FormatError`` for what is no patch.
    """
    with open_source(path) as source:
        try:
            line = _first_line(source)
            yield source, parsed(line, source.size), len(line)
        except FormatError as error:
            raise error.replaced(path=error.path or source.name) from error.__cause__


def _first_line(source: Source) -> bytes:
    """What stands before the first line's end, and that; of what is no patch its beginning."""
    line = bytearray()
    most = min(source.size, LONGEST_HEADER + 1)
    while len(line) < most:
        piece = source.read(len(line), min(_PIECE, most - len(line)))
        end = piece.find(b"\n")
        if end >= 0:
            return bytes(line + piece[: end + 1])
        if not line and not begins_patch(piece):
            return piece
        line += piece
    return bytes(line)
