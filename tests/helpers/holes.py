"""Sparse files: what is written in them, by the file system's word."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def filled(path: Path) -> list[tuple[int, bytes]]:
    """Every stretch of the file that is no hole: where it begins, and its bytes."""
    found: list[tuple[int, bytes]] = []
    at = 0
    with path.open("rb") as file:
        while True:
            try:
                at = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError as error:
                if error.errno == errno.ENXIO:  # there is none any more
                    return found
                raise
            stop = os.lseek(file.fileno(), at, os.SEEK_HOLE)
            found.append((at, os.pread(file.fileno(), stop - at, at)))
            at = stop
