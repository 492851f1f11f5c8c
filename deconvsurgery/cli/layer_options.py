"""Options that say which layers are meant, and the net's state; what completes them."""

from __future__ import annotations

from functools import partial, wraps
from typing import TYPE_CHECKING, Any, TypedDict, cast

import click

from deconvsurgery.errors import ArgumentError

from .shared_options import Command, Decorator, with_options

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class LayerArguments(TypedDict, total=False):
    """What a command line says of layers and of the net's state, as the verbs take it."""

    patterns: tuple[str, ...]
    exclude: tuple[str, ...]
    phase: str
    level: int
    stage: tuple[str, ...]


def _checked(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    """A pattern that cannot be is wrong usage, reported before a file is opened."""
    from deconvsurgery.prototxt.selection import name_test

    for value in values:
        try:
            name_test(value)
        except ArgumentError as error:
            raise click.BadParameter(error.message) from None
    return values


def _level(_context: click.Context, _parameter: click.Parameter, value: int | None) -> int | None:
    """An int32, as in Caffe's NetState; a range as click has them would be in the way of help."""
    if value is not None and not -(2**31) <= value < 2**31:
        raise click.BadParameter("a level has 32 bits: from -2,147,483,648 to 2,147,483,647")
    return value


def layers_like(
    context: click.Context, _parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
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


def name_options(take: str, leave: str) -> Decorator:
    """What adds -p and -x, with the help that says what they do here."""

    def added(command: Command) -> Command:
        named = partial(
            click.option,
            multiple=True,
            metavar="TEXT",
            callback=_checked,
            shell_complete=layers_like,
        )
        return with_options(
            command,
            named("-p", "--pattern", "patterns", help=take),
            named("-x", "--exclude", help=leave),
        )

    return added


pattern_options = name_options(
    "Layers to take: text the name contains, a glob ('up*'), or re:REGEX. Repeatable.",
    "Layers to leave out, in the same forms.",
)


def layer_options(command: Command) -> Command:
    """Add -p, -x, --phase, --level and --stage; the command gets what is said as ``layers``."""

    @wraps(command)
    def called(**given: Any) -> object:
        said = {name: given.pop(name) for name in LayerArguments.__annotations__}
        layers = {name: value for name, value in said.items() if value not in (None, ())}
        return command(layers=layers, **given)

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
    return with_options(cast(Command, called), *options)
