"""The page of each rule: what it finds, why that matters, how to mend it, nets that do and do not.

The pages lie beside this file, in ``explained``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from .finding import RULES

FOLDER: Final = Path(__file__).with_name("explained")


def explanation(rule: str) -> str:
    """A rule's page in Markdown; ``KeyError`` for an id that does not exist."""
    return (FOLDER / f"{RULES[rule].id}.md").read_text("utf-8")
