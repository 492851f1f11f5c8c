"""What files and objects are called that are not whole yet."""

from __future__ import annotations

import secrets


def temporary_name() -> str:
    """One that nobody has; short, so that it fits wherever the output's own name does."""
    return f".deconvsurgery-{secrets.token_hex(8)}.tmp"
