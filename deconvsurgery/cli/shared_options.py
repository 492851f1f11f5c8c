"""Options that several verbs share: which layers, and the net's state; what completes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.types import StringParamType

from deconvsurgery.errors import SelectionError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Command = TypeVar("Command", bound=Callable[..., Any])


def _checked(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    """A pattern that cannot be is wrong usage, told before a file is opened."""
    from deconvsurgery.prototxt.selection import name_test

    for value in values:
        try:
            name_test(value)
        except SelectionError as error:
            raise click.BadParameter(error.message) from None
    return values


def _level(_context: click.Context, _parameter: click.Parameter, value: int | None) -> int | None:
    """An int32, as in Caffe's NetState; a range as click has them would be in the way of help."""
    if value is not None and not -(2**31) <= value < 2**31:
        raise click.BadParameter("a level has 32 bits: from -2,147,483,648 to 2,147,483,647")
    return value


class FileName(StringParamType):
    """A file that a verb is given by its name, and completes as one: its content says what it is.

    ``use`` is what the verb does with it: it is read, written, or the last of several is written.
    Every parameter that takes a file is declared by this type.
    """

    def __init__(self, use: str, kind: str = "file") -> None:
        self.use = use
        self.kind = kind

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Any file, or any folder."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type=self.kind)]


class FormatAndFile(FileName):
    """``FORMAT=FILE``, which shells complete as text."""

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Nothing."""
        return []


READ = FileName("read")
WRITTEN = FileName("written")
READ_OR_WRITTEN = FileName("read or written")
FOLDER = FileName("written", kind="dir")


def layers(context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Completes a pattern: the Deconvolution layers of the net or model named before it."""
    from click.shell_completion import CompletionItem

    from deconvsurgery.prototxt.selection import pattern_of
    from deconvsurgery.verbs.completion_names import layer_names

    patterns = map(pattern_of, layer_names(_named_so_far(context)))
    return [CompletionItem(each) for each in patterns if each and each.startswith(begun)]


def _named_so_far(context: click.Context) -> list[str]:
    """The arguments, whether click has given them their names yet or not."""
    arguments = (each for each in context.command.params if isinstance(each, click.Argument))
    values = [context.params.get(argument.name or "") for argument in arguments]
    flat = [each for value in values for each in (value if isinstance(value, tuple) else (value,))]
    return [each for each in (*flat, *context.args) if isinstance(each, str)]


def name_options(take: str, leave: str) -> Callable[[Command], Command]:
    """What adds -p and -x, with the help that says what they do here."""

    def added(command: Command) -> Command:
        options = (
            click.option(
                "-p",
                "--pattern",
                "patterns",
                multiple=True,
                metavar="TEXT",
                callback=_checked,
                shell_complete=layers,
                help=take,
            ),
            click.option(
                "-x",
                "--exclude",
                multiple=True,
                metavar="TEXT",
                callback=_checked,
                shell_complete=layers,
                help=leave,
            ),
        )
        for option in reversed(options):
            command = option(command)
        return command

    return added


pattern_options = name_options(
    "Layers to take: text the name contains, a glob ('up*'), or re:REGEX. Repeatable.",
    "Layers to leave out, in the same forms.",
)


def layer_options(command: Command) -> Command:
    """Add -p, -x, --phase, --level and --stage."""
    options = (
        pattern_options,
        click.option(
            "--phase",
            type=click.Choice(["train", "test"], case_sensitive=False),
            help="Only layers active in this phase (default: either).",
        ),
        click.option(
            "--level",
            type=int,
            metavar="N",
            callback=_level,
            help="The net state's level.",
        ),
        click.option("--stage", multiple=True, metavar="NAME", help="Add a stage to the state."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def state_arguments(phase: str | None, level: int | None, stage: tuple[str, ...]) -> dict[str, Any]:
    """The options as the verbs take them."""
    from deconvsurgery.prototxt.net import Phase

    return {"phase": Phase[phase.upper()] if phase else None, "level": level, "stage": stage}
