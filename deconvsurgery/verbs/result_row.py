"""What the rows of every result have in common."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol


class ResultRow(Protocol):
    """A row of a result's ``layers``: each verb's has more than this.

    ``name`` is the layer's. ``action`` says in a word what becomes of it, or what it is, by an
    enumeration of the verb's own. ``reason`` says why a row was left or refused, and is ``None``
    for all others. ``line`` is where the layer begins in the net's text, from 1, and ``None`` where
    no text has it: in a model, or in a net that was made in Python.
    """

    @property
    def name(self) -> str:
        """The layer's name."""

    @property
    def action(self) -> StrEnum:
        """What becomes of it, in a word."""

    @property
    def reason(self) -> str | None:
        """Why it was left or refused."""

    @property
    def line(self) -> int | None:
        """Where it begins in the net's text."""
