"""The page of each rule: what it finds, why that matters, how to mend it, nets that do and do not.

The pages lie beside this file. Never here: testing a rule.
"""

from __future__ import annotations

from importlib.resources import files

from .finding import RULES


def explanation(rule: str) -> str:
    """A rule's page in Markdown; ``KeyError`` for an id that does not exist."""
    page = files(__package__) / "explained" / f"{RULES[rule].id}.md"
    return page.read_text("utf-8")
