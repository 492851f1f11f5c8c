"""The verbs of the command line and the options that they take, as the tool itself has them."""

from __future__ import annotations

from typing import Final

import click

from deconvsurgery import cli

VERBS: Final = tuple(cli.VERBS)


def takes(verb: str, option: str) -> bool:
    """Whether a verb has this option, as ``--json``."""
    command = cli.deconvsurgery.get_command(click.Context(cli.deconvsurgery), verb)
    assert command is not None
    return any(option in parameter.opts for parameter in command.params)
