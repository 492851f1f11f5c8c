"""A rule's page as elements: so much of Markdown as these pages use, and no more."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .elements import Markup, element, joined, text

_SPAN = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*")


def prose(page: str) -> Iterator[Markup]:
    """Paragraphs, lists and blocks of code; the heading is left to who shows it."""
    for place, part in enumerate(re.split(r"^```.*\n", page, flags=re.MULTILINE)):
        if place % 2:
            yield element("pre", element("code", part.rstrip("\n")), tabindex="0")
            continue
        for paragraph in re.split(r"\n{2,}", part.strip()):
            if paragraph.startswith("- "):
                items = re.split(r"^- ", paragraph, flags=re.MULTILINE)[1:]
                yield element("ul", *(element("li", _spans(item.rstrip())) for item in items))
            elif paragraph and not paragraph.startswith("# "):
                yield element("p", _spans(paragraph))


def _spans(paragraph: str) -> Markup:
    """Code and what is bold, the rest as it is."""
    spans: list[Markup] = []
    at = 0
    for found in _SPAN.finditer(paragraph):
        spans.append(text(paragraph[at : found.start()]))
        code, bold = found.groups()
        spans.append(element("code", code) if code else element("b", bold))
        at = found.end()
    return joined((*spans, text(paragraph[at:])))
