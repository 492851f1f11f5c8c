"""Options that several verbs share, each made once; how a verb's declared ones become click's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

import click
from click.types import StringParamType

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from deconvsurgery.options.option import Option

Command = TypeVar("Command", bound=Callable[..., Any])


class Decorator(Protocol):
    """What adds to a command, and is written above it with an @."""

    def __call__(self, command: Command, /) -> Command:
        """The command with more."""
        ...


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
    """``FORMAT=FILE``: the formats are completed, and behind the sign the files."""

    def __init__(self, use: str, formats: Sequence[str]) -> None:
        super().__init__(use)
        self.formats = formats

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Words, as no shell knows by itself where in one a file's name begins."""
        from .format_and_file import formats_or_files

        return formats_or_files(self.formats, incomplete)


class Count(click.IntRange):
    """A whole number of things; click would name its range by signs."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number. Raises ``BadParameter`` for what is none, and outside the range."""
        try:
            return int(super().convert(value, param, ctx))
        except click.BadParameter:
            most = " or more" if self.max is None else f" to {self.max}"
            self.fail(f"{str(value)!r} is not a whole number, {self.min}{most}", param, ctx)


READ = FileName("read")
WRITTEN = FileName("written")
READ_OR_WRITTEN = FileName("read or written")
FOLDER = FileName("written", kind="dir")


def with_options(command: Command, *options: Decorator) -> Command:
    """A command with these options, in their order."""
    for option in reversed(options):
        command = option(command)
    return command


def dry_run(words: str = "Show the table, write nothing.") -> Decorator:
    """Add -n."""
    return click.option("-n", "--dry-run", is_flag=True, help=words)


def in_place(words: str = "Write to IN itself (still all or nothing).") -> Decorator:
    """Add -i."""
    return click.option("-i", "--in-place", is_flag=True, help=words)


def force(words: str = "Replace OUT if it exists.") -> Decorator:
    """Add -f."""
    return click.option("-f", "--force", is_flag=True, help=words)


def as_json(instead_of: str = "table") -> Decorator:
    """Add --json."""
    words = f"One JSON document instead of the {instead_of}."
    return click.option("--json", "as_json", is_flag=True, help=words)


def quiet(words: str = "No table.") -> Decorator:
    """Add -q."""
    return click.option("-q", "--quiet", is_flag=True, help=words)


check = click.option(
    "--check", is_flag=True, help="A dry run that exits 1 if anything would change."
)
allow_empty = click.option(
    "--allow-empty", is_flag=True, help="When nothing matches, copy and end with 0."
)


def writes_to_stdout(output: str | None, *, dry_run: bool, printed: Mapping[str, bool]) -> bool:
    """Whether the output is standard output, which it has to itself.

    ``printed`` says of each option that prints something there, too, whether it was given.
    """
    from deconvsurgery.storage.output_place import is_standard_output

    to_stdout = not dry_run and output is not None and is_standard_output(output)
    needed = [name for name, given in {**printed, "OUT '-'": to_stdout}.items() if given]
    if len(needed) > 1:
        raise click.UsageError(f"{needed[0]} and {needed[1]} both need standard output")
    return to_stdout


def declared(options: Mapping[str, Option], *names: str) -> Decorator:
    """Add a verb's declared options, or those of these names; each gives its field a value."""

    def added(command: Command) -> Command:
        chosen = (options[name] for name in names or options)
        return with_options(command, *map(_click_option, chosen))

    return added


def _click_option(option: Option) -> Decorator:
    name, default = f"--{option.name}", option.default
    if option.kind is int:
        return click.option(
            name,
            metavar="SIZE",
            default=f"{default >> 30}GiB",
            show_default=True,
            callback=_bytes,
            help=option.help,
        )
    if option.kind is not bool:
        return click.option(
            name,
            type=click.Choice(option.choices),
            default=default and str(default),
            show_default=default is not None,
            callback=lambda _context, _parameter, word: word and option.kind(word),
            help=option.help,
        )
    if option.negated:
        return click.option(name, option.field, is_flag=True, callback=_negated, help=option.help)
    if default:
        pair = f"{name}/--no-{option.name}"
        return click.option(pair, default=True, show_default=True, help=option.help)
    return click.option(name, is_flag=True, help=option.help)


def _negated(_context: click.Context, _parameter: click.Parameter, value: bool) -> bool:
    return not value


def _bytes(_context: click.Context, _parameter: click.Parameter, value: str) -> int:
    from deconvsurgery.inputs.byte_sizes import byte_size

    try:
        return byte_size(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def gathered(fields: Any, name: str = "options") -> Decorator:
    """Hand the command all declared options in one value: ``fields``, a ``NamedTuple``.

    ``name`` is what the command calls it.
    """

    def gathering(command: Command) -> Command:
        @wraps(command)
        def called(**given: Any) -> object:
            options = fields(*(given.pop(field) for field in fields._fields))
            return command(**{name: options}, **given)

        return cast(Command, called)

    return gathering
