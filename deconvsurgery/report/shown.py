"""A result in each form that is asked for: a report, plain text, a fragment of HTML, a document.

What makes it is found by the verb's name. The command line and the methods of results both come
here; nothing is imported before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast

from deconvsurgery.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console, ConsoleOptions, RenderResult

    from .phrases import Medium
    from .terminal.sheet import Drawn, Report, Sheet

TEXT_WIDTH: Final = 100  # columns of a result as text
_ANY_HEIGHT: Final = 25  # nothing here is as high as the window; rich asks for both or neither
_MORE_THAN_A_SHEET: Final = ("check", "inspect", "kernel")  # have a fragment of their own


def report_of(verb: str, result: Any, medium: Medium, **layout: bool) -> Report:
    """What the command line prints of a verb's result."""
    given = [result] if verb == "check" else result  # which is of many pairs there
    made: Report = _made_by(f"terminal.{verb}", f"{verb}_report")(given, medium, **layout)
    return made


def document_of(verb: str, result: Any) -> dict[str, Any]:
    """The document that ``--json`` prints of a verb's result."""
    make = _made_by(f"json_documents.{verb}", f"{verb}_document")
    made: dict[str, Any]
    made = make([result], passed=result.passed) if verb == "check" else make(result)
    return made


def text_of(verb: str, result: object) -> str:
    """The report as text of `TEXT_WIDTH` columns, without colours; commands are whole lines."""
    from io import StringIO

    from rich.console import Console

    from .terminal.layout import on_terminal

    console = Console(
        file=StringIO(),
        width=TEXT_WIDTH,
        height=_ANY_HEIGHT,
        color_system=None,
        force_terminal=False,
        force_jupyter=False,  # in a notebook rich would show it there at once
        emoji=False,
        markup=False,
        highlight=False,
    )
    with console.capture() as captured:
        console.print(on_terminal(_drawn(verb, result, TEXT_WIDTH)))
    commands = _commands(verb, result)
    return "\n".join((captured.get().rstrip("\n"), *([""] if commands else ()), *commands))


def html_of(verb: str, result: object) -> str:
    """The report as a fragment of HTML, for a notebook."""
    from .phrases import Medium

    medium = Medium(TEXT_WIDTH)
    made: str
    if verb in _MORE_THAN_A_SHEET:
        made = _made_by(f"html.{verb}", f"{verb}_fragment")(result, medium)
        return made
    rows, layouts, notes, closing, _ = cast("Sheet", report_of(verb, result, medium))
    headings = [column[0] for column in layouts[0]] if rows else []
    made = _made_by("html.fragment", "fragment")(closing, headings=headings, rows=rows, notes=notes)
    return made


class Fitted(NamedTuple):
    """A verb's result as rich shows it, as wide as there is room for."""

    verb: str
    result: object

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        """The report, without blanks at the ends of its lines."""
        from rich.text import Text

        from .terminal.layout import on_terminal

        yield on_terminal(_drawn(self.verb, self.result, options.max_width))
        if commands := _commands(self.verb, self.result):
            yield Text("\n".join(("", *commands)), overflow="fold")


def _drawn(verb: str, result: object, width: int) -> Drawn:
    """The report for a terminal; lines are for a pipe alone."""
    from .phrases import Medium

    return cast("Drawn", report_of(verb, result, Medium(width)))


def _commands(verb: str, result: object) -> list[str]:
    """What stands below a report to be copied: lines, which may be of several."""
    return _made_by("terminal.check", "repairs_report")([result]) if verb == "check" else []


def _made_by(module: str, name: str) -> Callable[..., Any]:
    made: Callable[..., Any] = getattr(import_module(f".{module}", __package__), name)
    return made
