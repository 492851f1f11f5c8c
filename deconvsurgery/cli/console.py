"""Where words meet the terminal: consoles, JSON on standard output, errors told once.

rich is imported when something is shown, not before.
"""

from __future__ import annotations

import codecs
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO

import click

from ..errors import ConfigError, FileError, ModelError, OutputError, SurgeryError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

USAGE, REFUSED, FAILED = 2, 3, 4
_LONG_COPY = 256 << 20  # bytes; a shorter copy is over before a bar is read
_PIPE_WIDTH = 1 << 20  # columns: off a terminal lines are as long as they need to be


def make_console(*, stderr: bool = False) -> Console:
    """A console that is plain off a terminal, and never cuts a line there.

    ``FORCE_COLOR``, ``NO_COLOR``, ``TERM`` and ``COLUMNS`` are rich's to heed.
    """
    from rich.console import Console

    codecs.register_error("deconvsurgery", _plainer)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="deconvsurgery")
    console = Console(stderr=stderr, highlight=False, emoji=False, markup=False)
    if not console.is_terminal:
        console = Console(
            stderr=stderr,
            highlight=False,
            emoji=False,
            markup=False,
            width=_columns() or _PIPE_WIDTH,
            soft_wrap=True,
        )
    return console


def _columns() -> int:
    """``COLUMNS``, where it is a number; 0 elsewhere."""
    given = os.environ.get("COLUMNS", "")
    return int(given) if given.isdecimal() else 0


_PLAINER = {"→": ">", "Δ": "d", "×": "x", "─": "-", "…": "~"}


def _plainer(error: UnicodeError) -> tuple[str, int]:
    """Write our own few signs in ASCII where the terminal has no other (LANG=C), a column each."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    wanted = error.object[error.start : error.end]
    spelt = "".join(_PLAINER.get(sign) or ascii(sign)[1:-1] for sign in wanted)
    return spelt, error.end


def show(renderable: RenderableType, *, stderr: bool = False, whole_lines: bool = False) -> None:
    """Print a report; ``whole_lines`` (a command to copy) are left to the terminal to wrap."""
    console = make_console(stderr=stderr)
    with _told(sys.stderr if stderr else sys.stdout):
        console.print(renderable, soft_wrap=whole_lines or not console.is_terminal)


def show_json(document: dict[str, Any]) -> None:
    """Print one JSON document on standard output."""
    with _told(sys.stdout):
        text = json.dumps(document, ensure_ascii=False, allow_nan=False)
        click.echo(text.encode("utf-8", "replace"))


def show_raw(data: bytes) -> None:
    """Print bytes on standard output as they are."""
    with _told(sys.stdout):
        click.echo(data, nl=False)


@contextmanager
def _told(stream: TextIO | None) -> Iterator[None]:
    """A report that cannot be printed (a full disk) is a failure to write, told as one."""
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
def shown_progress(*, silent: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on standard error for copies long enough to wait for, on a terminal only."""
    console = None if silent else make_console(stderr=True)
    if console is None or not console.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", visible=False)

        def told(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, visible=total > _LONG_COPY)

        yield told


def silence(stream: TextIO | None) -> None:
    """Nobody reads it: the interpreter must not fail once more when it flushes at the end."""
    if stream is not None:
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, stream.fileno())
        os.close(devnull)


def exit_code(error: SurgeryError) -> int:
    """Wrong usage, wrong input, or a refusal of the operating system."""
    if isinstance(error, OutputError | ConfigError):
        return USAGE
    return FAILED if isinstance(error, FileError) else REFUSED


def show_error(error: SurgeryError, *, command: str | None, as_json: bool) -> int:
    """Tell an error: file and place, layer, cause, what to do; return the exit code."""
    if as_json:
        from ..report.document import error_document

        show_json(error_document(command, error))
        return exit_code(error)
    place = _place(error)
    lines = [f"{_red('error:')} {place}{error.message}"]
    if error.hint:
        lines.append(f"  {_bold('hint:')} {error.hint}")
    _echo("\n".join(lines))
    return exit_code(error)


def show_usage_error(error: click.ClickException, *, command: str | None, as_json: bool) -> None:
    """Tell that the command itself was wrong."""
    context = getattr(error, "ctx", None)
    hint = f"see: {context.command_path} --help" if context is not None else "see: --help"
    if as_json:
        from ..report.document import error_document

        told = SurgeryError(error.format_message(), hint=hint)
        show_json(error_document(command, told, kind="UsageError"))
        return
    _echo(f"{_red('error:')} {error.format_message()}\n  {_bold('hint:')} {hint}")


def _place(error: SurgeryError) -> str:
    """``file:line:column: ``, ``file: byte N: ``, or what of it is known."""
    line, column = getattr(error, "line", None), getattr(error, "column", None)
    parts = [str(part) for part in (error.path, line, column) if part is not None]
    place = ":".join(parts) if error.path else ", ".join(["line", *parts] if parts else [])
    if isinstance(error, ModelError) and error.offset is not None:
        place += f"{': ' if place else ''}byte {error.offset}"
    return f"{place}: " if place else ""


def _echo(words: str) -> None:
    """Print on standard error; what it cannot show (LANG=C) is escaped, never a failure."""
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    safe = "".join(
        each if each.isprintable() or each in "\n\x1b" else ascii(each)[1:-1] for each in words
    )
    with suppress(OSError):  # standard error is full: the exit code still tells
        click.echo(safe.encode(encoding, "backslashreplace").decode(encoding), err=True)


def _red(words: str) -> str:
    return click.style(words, fg="red", bold=True)


def _bold(words: str) -> str:
    return click.style(words, bold=True)
