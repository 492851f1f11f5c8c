"""``--help`` laid out for the window: two columns, or one below the other where it is narrow.

Options stand in groups, each with its heading; on a terminal headings are bold and what is to be
typed has a colour.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable
from textwrap import wrap
from typing import Any, Final, cast

import click

from deconvsurgery.program.shell_words import shell_line
from deconvsurgery.program.started_as import NAME, started_as

from .option_groups import ARGUMENTS, HEADINGS, HELP, in_order
from .option_names import named_for
from .terminal_setup import columns, has_colours

_WIDEST, _NARROWEST = 100, 20
# With fewer columns than this, what an option does stands below it.
_SIDE_BY_SIDE = 70
_SOURCE: Final = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
_TYPED: Final = re.compile(r"(?<![\w-])--?[A-Za-z][\w-]*")


class Help(click.HelpFormatter):
    """click's formatter for windows of any width; its own has a least width of 50."""

    def __init__(
        self,
        indent_increment: int = 2,
        width: int | None = None,
        max_width: int | None = None,
        coloured: bool = False,
    ) -> None:
        available = max(min(columns(), max_width or _WIDEST), _NARROWEST) - indent_increment
        super().__init__(indent_increment, width or available)
        self.coloured = coloured

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """The first line."""
        super().write_usage(prog, args, prefix or f"{self._bold('Usage:')} ")

    def write_heading(self, heading: str) -> None:
        """A line of its own, with a colon."""
        self.write(f"{'':>{self.current_indent}}{self._bold(f'{heading}:')}\n")

    def _bold(self, words: str) -> str:
        return click.style(words, bold=True) if self.coloured else words

    def _typed(self, words: str, term: str) -> str:
        """Words of a term in colour: the names of an option, not what it takes; else all."""
        if not self.coloured:
            return words
        if not term.startswith("-"):
            return click.style(words, fg="cyan")
        return _TYPED.sub(lambda name: click.style(name[0], fg="cyan"), words)

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
            typed = [(self._typed(term, term), meaning) for term, meaning in rows]
            super().write_dl(typed, col_max, col_spacing)
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
                    line = line.replace("| ", "|")
                    if words is spaced:
                        blanks = len(line) - len(line.lstrip())
                        line = line[:blanks] + self._typed(line[blanks:], term)
                    self.write(f"{line}\n")


class Context(click.Context):
    """What click asks for the formatter, and whether colours are to be kept when it prints."""

    formatter_class = Help

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.color = has_colours(sys.stdout)

    def make_formatter(self) -> click.HelpFormatter:
        """A formatter for the window."""
        return Help(max_width=self.max_content_width, coloured=bool(self.color))


class Argument(click.Argument):
    """A file or a word, with what it is; click's own has help from version 8.5 on only."""

    def __init__(self, names: list[str], *, means: str, **attributes: Any) -> None:
        super().__init__(names, **attributes)
        self.means = means


def argument(name: str, metavar: str, means: str, **attributes: Any) -> Callable[[Any], Any]:
    """Add an argument: as usage has it, and as what each word of that ``means``, in lines.

    Of a line, what stands before the colon is the word.
    """
    return cast(
        Callable[[Any], Any],
        click.argument(name, cls=Argument, metavar=metavar, means=means, **attributes),
    )


class Verb(click.Command):
    """A command whose ``--help`` has arguments and options in groups.

    ``own`` is the heading of the options that no other verb has.
    """

    context_class = Context

    def __init__(self, *arguments: Any, own: str = "Options", **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.own = own

    def invoke(self, ctx: click.Context) -> Any:
        """Run it: what it says names its options."""
        with named_for(ctx.info_name):
            return super().invoke(ctx)

    def format_arguments(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What click 8.5 calls for them, and older ones do not: they stand with the options."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Arguments, then each group of options that is not empty."""
        for heading, rows in self.groups(ctx).items():
            with formatter.section(heading):
                formatter.write_dl(rows)

    def groups(self, ctx: click.Context) -> dict[str, list[tuple[str, str]]]:
        """The rows below each heading: what is typed, and what it means."""
        found: dict[str, list[tuple[str, str]]] = {ARGUMENTS: []}
        found |= {heading: [] for heading in in_order(self.own)}
        for parameter in self.get_params(ctx):
            if isinstance(parameter, Argument):
                found[ARGUMENTS] += described(parameter)
            elif record := parameter.get_help_record(ctx):
                asks_for_help = "--help" in parameter.opts
                heading = HELP if asks_for_help else HEADINGS.get(parameter.name or "", self.own)
                found[heading].append(record)
        return {heading: rows for heading, rows in found.items() if rows}

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Where more is said."""
        write_more(formatter, f"{NAME}-{ctx.info_name}", f"docs/verbs/{ctx.info_name}.md")


def described(parameter: Argument) -> list[tuple[str, str]]:
    """Each word of an argument, and what it is."""
    pairs = (line.partition(": ") for line in parameter.means.splitlines())
    return [(word, meaning) for word, _, meaning in pairs]


def write_more(formatter: click.HelpFormatter, page: str, file: str) -> None:
    """One line: the man page, what the TAB key takes, and the page of the manual.

    That is named where it is: beside the package in a checkout, and not where it is installed.
    """
    said = [f"man {page}", f"{shell_line(started_as())} completion"]
    if os.path.isfile(whole := os.path.join(_SOURCE, file)):
        near = os.path.isfile(file) and os.path.samefile(file, whole)
        said.insert(1, file if near else whole)
    formatter.write_paragraph()
    # Never broken at a hyphen: a path is copied.
    indent = formatter.indent_increment
    text, width = f"More: {'; '.join(said)}", formatter.width - indent
    lines = wrap(text, width, break_on_hyphens=False, break_long_words=False)
    formatter.write("".join(f"{' ' * indent}{line}\n" for line in lines))
