"""What files and objects are called that are not whole yet."""

from __future__ import annotations

import os
import re
from typing import Final

_NAME: Final = r"\.deconvsurgery-[0-9a-f]{16}\.tmp"


def temporary_name() -> str:
    """One that nobody has; short, so that it fits wherever the output's own name does."""
    return f".deconvsurgery-{os.urandom(8).hex()}.tmp"


def is_temporary_name(name: str) -> bool:
    """A name as `temporary_name` gives it."""
    return re.fullmatch(_NAME, name) is not None
