"""A rule's page on a terminal, in the terminal's own colours: they read on black and on white."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from deconvsurgery.report.prose import Code, Emphasis, Heading, Items, Paragraph, Spans, blocks

_STYLES: Final = {Emphasis.PLAIN: "", Emphasis.CODE: "bold", Emphasis.STRONG: "bold"}
_INDENT = 4


def rule_pages(pages: Iterable[str]) -> RenderableType:
    """Pages in Markdown, an empty line between two blocks.

    Code is indented, without a background: to be read, and to be copied without a frame.
    """
    parts: list[RenderableType] = []
    for page in pages:
        for block in blocks(page):
            if parts:
                parts.append(Text(""))
            parts.append(_drawn(block))
    return Group(*parts)


def _drawn(block: Heading | Paragraph | Items | Code) -> RenderableType:
    if isinstance(block, Code):
        return Padding.indent(Text(block.text, overflow="fold"), _INDENT)
    if isinstance(block, Items):
        grid = Table.grid(padding=(0, 1, 0, 0))
        for item in block.items:
            grid.add_row(Text("-"), _words(item))
        return Padding.indent(grid, 1)
    words = _words(block.spans)
    if isinstance(block, Heading):
        words.stylize("bold underline")
    return words


def _words(spans: Spans) -> Text:
    return Text.assemble(*((words, _STYLES[kind]) for words, kind in spans))
