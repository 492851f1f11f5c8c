"""Why a layer stays as it is, as a value."""

from __future__ import annotations

from deconvsurgery.named_tuple import NamedTuple


class Refusal(NamedTuple):
    """Why a layer cannot be filled; ``mismatch`` when net and model disagree."""

    reason: str
    hint: str | None = None
    mismatch: bool = False
