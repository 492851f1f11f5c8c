"""The command line as click knows it: its verbs, and of each its arguments and options."""

from __future__ import annotations

from typing import Final

import click

from deconvsurgery.cli import VERBS, deconvsurgery
from deconvsurgery.program.started_as import COMPLETE
from deconvsurgery.rules.finding import RULES

__all__ = ["COMPLETE", "CONTEXT", "RULES", "TOOL", "VERBS", "command_of", "options_of", "takes"]

TOOL: Final = deconvsurgery

# As main() makes it: click keeps the first help option that it is asked for.
CONTEXT: Final = click.Context(TOOL, info_name="deconvsurgery", **TOOL.context_settings)


def command_of(verb: str) -> click.Command:
    """What click knows of a verb, or of the whole tool where ``verb`` is empty."""
    command = TOOL.get_command(CONTEXT, verb) if verb else TOOL
    assert command is not None
    return command


def options_of(verb: str) -> list[str]:
    """Every spelling of its options, short and long, but not those of its help."""
    return [
        option
        for parameter in command_of(verb).params
        if isinstance(parameter, click.Option)
        for option in (*parameter.opts, *parameter.secondary_opts)
    ]


def takes(verb: str, option: str) -> bool:
    """Whether a verb has this option, as ``--json``."""
    return option in options_of(verb)
