"""What was probably meant by a command that there is not, or by an option that a verb has not.

Imported when it is asked for: few runs are wrong.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from typing import Final

import click

from deconvsurgery.nearest import nearest
from deconvsurgery.program.shell_words import shell_line
from deconvsurgery.program.started_as import started_as

# Names of other programs' commands for what a verb here does.
_OTHER_NAMES: Final = {
    "compare": "diff",
    "export": "convert",
    "fill": "apply",
    "fix": "check --fix",
    "help": "--help",
    "info": "inspect",
    "lint": "check",
    "patch": "patch-net",
    "show": "inspect",
    "surgery": "apply",
    "undo": "revert",
    "upgrade": "convert",
    "validate": "check",
    "version": "--version",
}
_SUFFIXES: Final = (".prototxt", ".caffemodel", ".pbtxt", ".h5", ".hdf5", ".toml")
_FOR_AN_OUTPUT: Final = ("-o", "-O", "--out", "--output", "--output-file")
_MOST_WORDS: Final = 3


class WrongUsage(click.UsageError):
    """Wrong usage with a hint of its own."""

    def __init__(self, message: str, context: click.Context | None, hint: str) -> None:
        super().__init__(message, context)
        self.hint = hint


def no_such_verb(
    context: click.Context, words: Sequence[str], verbs: Collection[str]
) -> WrongUsage:
    """The error of a command line whose first word is none of the ``verbs``."""
    said = words[0]
    if said in _OTHER_NAMES:
        return _did_you_mean(context, said, _OTHER_NAMES[said])
    if os.path.isdir(said):
        return _verb_forgotten(context, "a folder", ["check", said])
    if _is_file(said):
        return _verb_forgotten(context, "a file", _probable(words))
    if meant := nearest(said, verbs):
        return _did_you_mean(context, said, meant)
    return WrongUsage(f"No such command {said!r}.", context, f"the commands: {', '.join(verbs)}")


def _did_you_mean(context: click.Context, said: str, meant: str) -> WrongUsage:
    hint = f"see: {shell_line((*started_as(), *meant.split()[:1]))}"
    hint += "" if meant.startswith("--") else " --help"
    return WrongUsage(f"No such command {said!r}. Did you mean {meant!r}?", context, hint)


def _verb_forgotten(context: click.Context, kind: str, words: Sequence[str]) -> WrongUsage:
    first = words[1]
    return WrongUsage(
        f"{first!r} is {kind}, and no command stands before it",
        context,
        f"for example: {shell_line((*started_as(), *words))}",
    )


def _is_file(word: str) -> bool:
    return word == "-" or word.endswith(_SUFFIXES) or "://" in word or os.path.isfile(word)


def _probable(words: Sequence[str]) -> list[str]:
    """The verb that takes so many files; options are left out, which may be another verb's."""
    files = [word for word in words if _is_file(word)][:_MOST_WORDS]
    if files[0].endswith(".toml"):
        return ["sweep", files[0]]
    return ["apply" if len(files) == _MOST_WORDS else "inspect", *files]


def usage_advice(error: click.ClickException, verb: str | None) -> tuple[str, str]:
    """Message and hint of an error in the command line of a ``verb``."""
    message, context = error.format_message(), getattr(error, "ctx", None)
    if isinstance(error, click.MissingParameter):  # the choices are lines of their own
        message = " ".join(message.split())
    path = shell_line((*started_as(), verb)) if verb else shell_line(started_as())
    see = f"see: {context.command_path if context is not None else path} --help"
    if isinstance(error, WrongUsage):
        return message, error.hint
    if isinstance(error, click.NoSuchOption):
        return _option_advice(error) or (message, see)
    # Too many arguments are a plain UsageError.
    of_arguments = isinstance(error, click.MissingParameter) or message.startswith("Got unexpected")
    if context is not None and of_arguments:
        return message, f"{_usage(context)}; {see}"
    return message, see


def _usage(context: click.Context) -> str:
    return f"{context.command_path} {' '.join(context.command.collect_usage_pieces(context))}"


def _option_advice(error: click.NoSuchOption) -> tuple[str, str] | None:
    """Message and hint for an option that there is not; ``None`` where click's own will do."""
    context = error.ctx
    if context is None:
        return None
    message = f"No such option {error.option_name!r}."
    if isinstance(context.command, click.Group):
        return message, f"options of a command stand after it; see: {context.command_path} --help"
    if error.option_name not in _FOR_AN_OUTPUT:
        return None
    usage = _usage(context)
    if "[OUT_NET]" in usage:
        return message, f"OUT_NET and OUT_MODEL need no option: {usage}"
    if place := next((each for each in ("OUT", "DIR") if f"[{each}]" in usage), None):
        return message, f"{place} needs no option: {usage}"
    names = _long_names(context.command.params)
    if meant := next((each for each in ("--results", "--report") if each in names), None):
        return f"{message} Did you mean {meant!r}?", f"see: {context.command_path} --help"
    return None


def _long_names(parameters: Iterable[click.Parameter]) -> set[str]:
    return {name for parameter in parameters for name in parameter.opts}
