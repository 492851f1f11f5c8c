"""Options that several verbs share: which layers, and the net's state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ..errors import SelectionError

Command = TypeVar("Command", bound=Callable[..., Any])


def _checked(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    """A pattern that cannot be is wrong usage, told before a file is opened."""
    from ..patterns import name_test

    for value in values:
        try:
            name_test(value)
        except SelectionError as error:
            raise click.BadParameter(error.message) from None
    return values


def pattern_options(command: Command) -> Command:
    """Add -p and -x."""
    options = (
        click.option(
            "-p",
            "--pattern",
            "patterns",
            multiple=True,
            metavar="TEXT",
            callback=_checked,
            help="Layers to take: text the name contains, a glob ('up*'), or re:REGEX. Repeatable.",
        ),
        click.option(
            "-x",
            "--exclude",
            multiple=True,
            metavar="TEXT",
            callback=_checked,
            help="Layers to leave out, in the same forms.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def layer_options(command: Command) -> Command:
    """Add -p, -x, --phase, --level and --stage."""
    options = (
        pattern_options,
        click.option(
            "--phase",
            type=click.Choice(["train", "test"], case_sensitive=False),
            help="Only layers active in this phase (default: either).",
        ),
        click.option("--level", type=int, metavar="N", help="The net state's level."),
        click.option("--stage", multiple=True, metavar="NAME", help="Add a stage to the state."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def state_arguments(phase: str | None, level: int | None, stage: tuple[str, ...]) -> dict[str, Any]:
    """The options as the verbs take them."""
    from ..net import Phase

    return {"phase": Phase[phase.upper()] if phase else None, "level": level, "stage": stage}
