"""The names of what lies beside a file while it is replaced together with others.

`replacement_record` and what works on it are imported only where something has such a name.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Final

from deconvsurgery.errors import SurgeryError

from .output_place import Place, found_place

RECORD: Final = ".fixing"
"""What is added to a file's name for its record."""
KEPT: Final = ".before-fix"
"""What is added to a file's name for the old one, which stays until all new ones are in place."""

_LONGEST_NAME: Final = 255  # bytes; as Linux and macOS have it


def beside(place: str, suffix: str) -> str:
    """The path of what belongs to a file; of a name that would be too long, a short one.

    >>> beside("zoo/net.prototxt", KEPT)
    'zoo/net.prototxt.before-fix'
    """
    folder, name = os.path.split(place)
    if len(os.fsencode(name + suffix)) > _LONGEST_NAME:
        import hashlib  # OpenSSL, which few runs need

        name = f".deconvsurgery-{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}"
    return os.path.join(folder, name + suffix)


def place_in_a_folder(path: str | os.PathLike[str]) -> str | None:
    """Where a file is, links followed; ``None`` for what is none, or in a store."""
    with suppress(SurgeryError):  # opening it says why
        place = found_place(path)
        if isinstance(place, Place) and not place.streamed:
            return place.path
    return None


def has_record(path: str | os.PathLike[str]) -> bool:
    """Something lies where a file's record would be."""
    place = place_in_a_folder(path)
    return place is not None and os.path.lexists(beside(place, RECORD))
