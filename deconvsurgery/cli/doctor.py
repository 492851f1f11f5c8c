"""``doctor``: what this installation has."""

from __future__ import annotations

import sys

import click

from . import shared_options as shared
from .console import show, show_result
from .exit_codes import FOUND
from .help import Verb
from .terminal_setup import columns, has_colours, is_terminal


@click.command(cls=Verb, short_help="What is installed here, and what its folders can.")
@shared.as_json("list")
def command(as_json: bool) -> int:
    """Show what is installed here, and what the folders can that files are written to.

    \b
    Examples:
      deconvsurgery doctor
      deconvsurgery doctor --json

    The list has versions, extras with the command that installs them, the file systems of the
    current folder and of TMPDIR, and the terminal. Ends with 1 when something that every command
    needs is missing.
    """
    from deconvsurgery.verbs.doctor import Terminal, doctor

    stream = sys.stdout
    encoding = getattr(stream, "encoding", None) or "unknown"
    terminal = Terminal(is_terminal(stream), columns(), has_colours(stream), encoding)
    result = doctor(terminal)
    # What shows the list may be what is missing.
    as_json = as_json or any(each.name == "rich" for each in result.missing)
    show_result("doctor", result, as_json=as_json)
    if not as_json and result.install:
        from deconvsurgery.report.terminal.sheet import Lines

        show(Lines([f"  {each}" for each in result.install.values()]))
    return FOUND if result.missing else 0
