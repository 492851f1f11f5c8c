"""A rule's page as values: so much of Markdown as these pages use, and no more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Final, TypeAlias

from deconvsurgery.named_tuple import NamedTuple

_SPAN: Final = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*")


class Emphasis(StrEnum):
    """What a span of a sentence is."""

    PLAIN = "plain"
    CODE = "code"
    STRONG = "strong"


class Span(NamedTuple):
    """A part of a sentence."""

    text: str
    kind: Emphasis


Spans: TypeAlias = tuple[Span, ...]


class Heading(NamedTuple):
    """The page's title."""

    spans: Spans


class Paragraph(NamedTuple):
    """Sentences."""

    spans: Spans


class Items(NamedTuple):
    """A list."""

    items: tuple[Spans, ...]


class Code(NamedTuple):
    """Lines to be shown as they are."""

    text: str


def blocks(page: str) -> Iterator[Heading | Paragraph | Items | Code]:
    """The parts of a page, from top to bottom.

    >>> [*blocks("Use `apply`.")]
    [Paragraph(spans=(Span(text='Use ', kind=<Emphasis.PLAIN: 'plain'>), \
Span(text='apply', kind=<Emphasis.CODE: 'code'>), Span(text='.', kind=<Emphasis.PLAIN: 'plain'>)))]
    """
    for place, part in enumerate(re.split(r"^```.*\n", page, flags=re.MULTILINE)):
        if place % 2:
            yield Code(part.rstrip("\n"))
            continue
        for paragraph in re.split(r"\n{2,}", part.strip()):
            if paragraph.startswith("- "):
                items = re.split(r"^- ", paragraph, flags=re.MULTILINE)[1:]
                yield Items(tuple(_spans(item.rstrip()) for item in items))
            elif paragraph.startswith("# "):
                yield Heading(_spans(paragraph.removeprefix("# ")))
            elif paragraph:
                yield Paragraph(_spans(paragraph))


def _spans(words: str) -> Spans:
    """Code and what is bold, the rest as it is."""
    spans = []
    at = 0
    for found in _SPAN.finditer(words):
        spans.append(Span(words[at : found.start()], Emphasis.PLAIN))
        code, strong = found.groups()
        spans.append(Span(code, Emphasis.CODE) if code else Span(strong, Emphasis.STRONG))
        at = found.end()
    spans.append(Span(words[at:], Emphasis.PLAIN))
    return tuple(span for span in spans if span.text)
