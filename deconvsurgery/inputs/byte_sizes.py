"""A number of bytes as people write it."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from deconvsurgery.wording import quoted

_SIZE: Final = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*([kmgt]?)(i?)(b?)", re.IGNORECASE)
SIZE_PATTERN: Final = r"^\s*\d{1,15}(\.\d{1,9})?\s*([kKmMgGtT][iI]?)?[bB]?\s*$"
"""The same for JSON Schema, where patterns have no flags."""
_POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def byte_size(text: str) -> int:
    """Bytes that are written as a number, with a unit or without.

    >>> byte_size("4096"), byte_size("1.5 GB"), byte_size("2GiB"), byte_size("3k")
    (4096, 1500000000, 2147483648, 3000)

    Raises ``ValueError`` for anything else.
    """
    found = _SIZE.fullmatch(text.strip())
    if not found or (found[3] and not found[2]):
        raise ValueError(f"{quoted(text)} is not a size: give bytes, or for example 500MB, 4GiB")
    unit = Decimal(1024 if found[3] else 1000) ** _POWERS[found[2].lower()]
    return int(Decimal(found[1]) * unit)
