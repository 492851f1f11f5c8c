"""``--help`` laid out for the window: two columns, or one below the other where it is narrow."""

from __future__ import annotations

import re
from collections.abc import Iterable

import click

from deconvsurgery.program.shell_words import shell_line
from deconvsurgery.program.started_as import NAME, started_as

from .terminal_setup import columns

_WIDEST, _NARROWEST = 100, 20
# With fewer columns than this, what an option does stands below it.
_SIDE_BY_SIDE = 70


class Help(click.HelpFormatter):
    """click's formatter for windows of any width; its own has a least width of 50."""

    def __init__(
        self, indent_increment: int = 2, width: int | None = None, max_width: int | None = None
    ) -> None:
        available = max(min(columns(), max_width or _WIDEST), _NARROWEST) - indent_increment
        super().__init__(indent_increment, width or available)

    def write_text(self, text: str) -> None:
        """A paragraph; the commands in it begin with what can be run."""
        started = shell_line(started_as())
        example = rf"^( +){NAME} "
        super().write_text(
            re.sub(example, lambda found: f"{found[1]}{started} ", text, flags=re.MULTILINE)
        )

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Terms and what they mean."""
        if self.width >= _SIDE_BY_SIDE:
            super().write_dl(rows, col_max, col_spacing)
            return
        import textwrap

        outer, inner = (" " * (self.current_indent + more) for more in (0, 4))
        for term, meaning in rows:
            # Choices may be broken where one ends.
            spaced = term.replace("|", "| ")
            if len(outer + term) <= self.width:
                spaced = term
            for words, first in ((spaced, outer), (meaning, inner)):
                for line in textwrap.wrap(
                    words,
                    self.width,
                    initial_indent=first,
                    subsequent_indent=inner,
                    break_on_hyphens=False,
                ):
                    self.write(f"{line.replace('| ', '|')}\n")


class Context(click.Context):
    """What click asks for the formatter."""

    formatter_class = Help
