"""Verbs of the command line, their options, rules of ``check``: as the tool itself has them."""

from __future__ import annotations

from typing import Final

import click

from deconvsurgery import cli
from deconvsurgery.rules import finding

VERBS: Final = tuple(cli.VERBS)
RULES: Final = tuple(finding.RULES)
"""The ids of all rules, as DS001."""


def takes(verb: str, option: str) -> bool:
    """Whether a verb has this option, as ``--json``."""
    command = cli.deconvsurgery.get_command(click.Context(cli.deconvsurgery), verb)
    assert command is not None
    return any(option in parameter.opts for parameter in command.params)
