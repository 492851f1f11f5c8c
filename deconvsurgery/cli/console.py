"""Where words meet the terminal: consoles, JSON on standard output, each error reported once.

rich is imported when something is shown, not before.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Literal, TextIO, TypeAlias

import click

from deconvsurgery.errors import FileError, SurgeryError
from deconvsurgery.program.option_names import spoken
from deconvsurgery.wording import (  # at the top: an error is shown without descriptors, too
    printable,
    short,
)

from .exit_codes import exit_code
from .option_names import named_for
from .terminal_setup import (
    can_move,
    columns,
    given_columns,
    has_colours,
    is_dumb,
    is_terminal,
    replace_unencodable,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

    from deconvsurgery.report.phrases import Medium
    from deconvsurgery.report.terminal.sheet import Report

LONG_COPY = 256 << 20  # bytes; a shorter copy is over before a bar is read
_EVERY = 0.1  # seconds from one drawing to the next
_SETTLED = 0.5  # seconds; what is measured before is the rate of a buffer
Seen: TypeAlias = tuple[str, int, int | None]  # a file, a line, a column
_LONGEST_LINE = 6000  # characters of a message; an argument that click quotes may have 128 kB
_PIPE_WIDTH = 1 << 20  # columns: off a terminal lines are as long as they need to be
_ANY_HEIGHT = 25  # nothing here is as high as the window; rich asks for both or neither


def make_console(*, stderr: bool = False) -> Console:
    """A console that is plain off a terminal, and never cuts a line there."""
    from rich.console import Console

    replace_unencodable()
    stream = sys.stderr if stderr else sys.stdout
    looked_at = is_terminal(stream)
    colours: Literal["auto", "standard"] | None = None
    if has_colours(stream):
        colours = "standard" if is_dumb() else "auto"
    return Console(
        stderr=stderr,
        highlight=False,
        emoji=False,
        markup=False,
        force_terminal=looked_at,
        color_system=colours,
        width=columns() if looked_at else given_columns() or _PIPE_WIDTH,
        height=_ANY_HEIGHT,
        soft_wrap=not looked_at,
    )


def show(report: Report, *, stderr: bool = False, whole_lines: bool = False) -> None:
    """Print a report; lines as they are, and ``whole_lines``, are left to the terminal to wrap."""
    from deconvsurgery.report.terminal.sheet import Lines, Sheet

    if isinstance(report, Sheet) and not report.medium.terminal:
        report = report.plain()
    stream = sys.stderr if stderr else sys.stdout
    with _printing(stream):
        if isinstance(report, Lines):
            replace_unencodable()
            if stream is not None:
                # At once: unbuffered, each line would be a write of its own.
                stream.write("".join(f"{line}\n" for line in report.lines))
            return
        console = make_console(stderr=stderr)
        whole_lines |= not console.is_terminal
        if not whole_lines:
            from deconvsurgery.report.terminal.layout import on_terminal

            report = on_terminal(report)
        console.print(report, soft_wrap=whole_lines)


def show_json(document: Mapping[str, object]) -> None:
    """Print one JSON document on standard output."""
    with _printing(sys.stdout):
        import json  # here, as few runs print any

        text = json.dumps(document, ensure_ascii=False, allow_nan=False)
        click.echo(text.encode("utf-8", "replace"))


def show_raw(data: bytes) -> None:
    """Print bytes on standard output as they are."""
    with _printing(sys.stdout):
        click.echo(data, nl=False)


def show_result(
    verb: str,
    result: object,
    *,
    as_json: bool = False,
    quiet: bool = False,
    aside: bool = False,
    **layout: bool,
) -> None:
    """Print what a verb did: as its JSON document, or else, unless ``quiet``, as its report.

    ``aside`` prints the report on standard error, as standard output has something else.
    """
    if as_json:
        from deconvsurgery.report.shown import document_of

        show_json(document_of(verb, result))
    elif not quiet:
        from deconvsurgery.report.shown import report_of

        show(report_of(verb, result, medium(stderr=aside), **layout), stderr=aside)


def medium(*, stderr: bool = False) -> Medium:
    """What a report is printed on."""
    from deconvsurgery.report.phrases import Medium

    return Medium(columns() if is_terminal(sys.stderr if stderr else sys.stdout) else None)


@contextmanager
def _printing(stream: TextIO | None) -> Iterator[None]:
    """A report that cannot be printed (a full disk) is a failure to write, and reported as one."""
    try:
        yield
        if stream is not None:
            stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        silence(stream)
        # On standard error in any case: a JSON document would take the way that failed.
        words = f"the report cannot be printed: {error.strerror}; files are as they should be"
        code = show_error(FileError(words), command=None, as_json=False)
        raise click.exceptions.Exit(code) from error


@contextmanager
def shown_progress(
    path: str | None, *, silent: bool
) -> Iterator[Callable[[int, int], None] | None]:
    """A line on standard error for copies long enough to wait for, on a terminal only.

    ``path`` is the file that is written, or read.
    """
    if silent or not can_move(sys.stderr):
        yield None
        return
    live: Live | None = None
    first = began = drawn = 0.0

    def on_bytes(done: int, total: int) -> None:
        nonlocal live, first, began, drawn
        now = time.monotonic()
        if total <= LONG_COPY or (live is not None and now - drawn < _EVERY):
            return
        from deconvsurgery.report.terminal.copy_progress import copy_line

        if live is None:  # not before: a short copy, or an error, moves no cursor
            from rich.live import Live

            live = Live(console=make_console(stderr=True), transient=True, auto_refresh=False)
            first, began = done, time.monotonic()  # after the imports, which copy nothing
        drawn = now
        rate = (done - first) / (now - began) if now - began >= _SETTLED else None
        live.start()
        live.update(copy_line(path or "", done, total, rate, live.console.width), refresh=True)

    try:
        yield on_bytes
    finally:
        if live is not None:
            live.stop()


def silence(stream: TextIO | None) -> None:
    """Nobody reads it: the interpreter must not fail once more when it flushes at the end."""
    if stream is not None:
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, stream.fileno())
        os.close(devnull)


def finish_streams() -> None:
    """Write what waits in them: what cannot be written would give the interpreter another code."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(ValueError):  # it is closed
            try:
                if stream is not None:
                    stream.flush()
            except OSError:
                silence(stream)


def show_error(error: SurgeryError, *, command: str | None, as_json: bool) -> int:
    """Report an error: file and place, layer, cause, what to do; return the exit code."""
    with named_for(command):
        said = error.replaced(message=spoken(error.message), hint=error.hint and spoken(error.hint))
    if as_json:
        from deconvsurgery.report.json_documents.error import error_document

        show_json(error_document(command, said))
    else:
        line, column = error.line, error.column
        listed = "\n" in error.message  # its lines are in the message
        seen = None if error.path is None or line is None or listed else (error.path, line, column)
        place = f"{error.place}: " if error.place else ""
        _print_error(said.message, said.hint, place, seen)
    return exit_code(error)


def show_usage_error(error: click.ClickException, *, command: str | None, as_json: bool) -> None:
    """Report that the command itself was wrong."""
    from .wrong_usage import usage_advice

    message, hint = usage_advice(error, command)
    if as_json:
        from deconvsurgery.report.json_documents.error import error_document

        usage = SurgeryError(short(message, _LONGEST_LINE), hint=hint)
        show_json(error_document(command, usage, kind="UsageError"))
        return
    _print_error(message, hint)


def _print_error(message: str, hint: str | None, place: str = "", seen: Seen | None = None) -> None:
    """Print an error and its hint on standard error; what cannot be shown is escaped."""
    replace_unencodable()
    place, message, hint = _shown(place), _shown(message), hint and _shown(hint)
    text = f"error: {place}{message}" + (f"\n  hint: {hint}" if hint else "")
    if is_terminal(sys.stderr):
        # Out of memory or descriptors: the plain words are an error, too.
        with suppress(ImportError, OSError, MemoryError):
            text = _laid_out(place, message, hint, seen)
    # click takes ASCII for a misconfigured stream, and would send UTF-8.
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    text = text.encode(encoding, "deconvsurgery").decode(encoding)
    with suppress(OSError):  # standard error is full: the exit code still says so
        click.echo(text, err=True, color=has_colours(sys.stderr))


def _laid_out(place: str, message: str, hint: str | None, seen: Seen | None) -> str:
    """The error as a terminal shows it, with the lines that it is about."""
    from deconvsurgery.inputs.error_lines import excerpt
    from deconvsurgery.report.terminal.errors import trouble

    console = make_console(stderr=True)
    lines = seen and excerpt(*seen)
    with console.capture() as captured:
        console.print(
            trouble(place, message, hint, lines, width=console.width), soft_wrap=True, end=""
        )
    return captured.get()


def _shown(words: str) -> str:
    """The words with everything that would act on a terminal spelt out, endless lines cut."""
    lines = printable(words, keep="\n").split("\n")
    return "\n".join(short(line, _LONGEST_LINE) for line in lines)
