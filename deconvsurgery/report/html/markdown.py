"""A rule's page as elements."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from deconvsurgery.report.prose import Code, Emphasis, Items, Paragraph, Spans, blocks

from .elements import Markup, element, joined, text

_TAGS: Final = {Emphasis.CODE: "code", Emphasis.STRONG: "b"}


def prose(page: str) -> Iterator[Markup]:
    """Paragraphs, lists and blocks of code; the heading is left to who shows it."""
    for block in blocks(page):
        if isinstance(block, Code):
            yield element("pre", element("code", block.text), tabindex="0")
        elif isinstance(block, Items):
            yield element("ul", *(element("li", _drawn(item)) for item in block.items))
        elif isinstance(block, Paragraph):
            yield element("p", _drawn(block.spans))


def _drawn(spans: Spans) -> Markup:
    return joined(
        element(_TAGS[kind], words) if kind in _TAGS else text(words) for words, kind in spans
    )
