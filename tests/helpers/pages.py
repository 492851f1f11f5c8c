"""A report as rich prints it: on a terminal of a width, in a pipe; and pages read back."""

from __future__ import annotations

import io
import re
from typing import Final

from rich.cells import cell_len
from rich.console import Console

from deconvsurgery.report.terminal.layout import on_terminal
from deconvsurgery.report.terminal.sheet import Drawn, Lines, Report, Sheet

WIDTHS: Final = (40, 80, 200)
"""A phone's, the usual one, a wide window."""


def shown(report: Drawn, width: int = 200, *, color: bool = False) -> str:
    """What is printed on a terminal, colour codes and all."""
    file = io.StringIO()
    console = Console(
        file=file,
        width=width,
        force_terminal=color,
        color_system="truecolor" if color else None,
        highlight=False,
    )
    console.print(on_terminal(report))
    return file.getvalue()


def lines_in_pipe(report: Report) -> list[str]:
    """What a file gets."""
    lines = report.plain() if isinstance(report, Sheet) else report
    assert isinstance(lines, Lines)
    return "\n".join(lines.lines).splitlines()


def stripped(text: str) -> str:
    """Without the spaces at the ends of lines, which nobody sees."""
    return "\n".join(line.rstrip() for line in text.split("\n"))


def widest(text: str) -> int:
    """Columns that the widest line takes."""
    return max(map(cell_len, text.splitlines()), default=0)


def unfolded(text: str) -> str:
    """Folded lines as one, without the spaces between words."""
    return re.sub(r"\s+", "", text)


_CODES: Final = re.compile(r"\x1b\[([0-9;]*)m")


def coloured(text: str) -> list[tuple[str, str]]:
    """Every stretch that has a colour or is bold: its codes, and the text without its margins."""
    first, *rest = _CODES.split(text)
    assert "\x1b" not in first
    pairs = zip(rest[::2], rest[1::2], strict=True)
    return [(codes, said.strip()) for codes, said in pairs if codes != "0" and said.strip()]


def styled(report: Drawn, width: int = 200) -> list[tuple[str, str]]:
    """Every stretch that has a style: its style in words, and the text without its margins.

    As rich keeps it: the codes it prints depend on what this process has printed before, as a style
    keeps those of the first terminal it was shown on.
    """
    console = Console(file=io.StringIO(), width=width, force_terminal=True, highlight=False)
    return [
        (str(each.style), each.text.strip())
        for each in console.render(on_terminal(report))
        if each.style and each.text.strip()
    ]
