"""A unified diff as a terminal shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.text import Text

from deconvsurgery.report.phrases import escaped

from .colours import GOOD, LEARNED, WRONG
from .net_diff import diff_lines

if TYPE_CHECKING:
    from deconvsurgery.verbs.patch_net import PatchNetResult

_STYLES: Final = {"+": GOOD, "-": WRONG, "@": LEARNED}


def diff_page(result: PatchNetResult) -> Text:
    """The diff in colours, what is no text spelt out."""
    page = Text()
    for line in diff_lines(result):
        data = line.rstrip("\r\n").encode("latin-1")
        try:
            words = data.decode("utf-8")
        except UnicodeDecodeError:
            words = data.decode("latin-1")
        shown = "\t".join(escaped(part) if part else "" for part in words.split("\t"))
        style = "bold" if line.startswith(("+++", "---")) else _STYLES.get(line[:1], "")
        page.append(f"{shown}\n", style)
    page.rstrip()
    return page
