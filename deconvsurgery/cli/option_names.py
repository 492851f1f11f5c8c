"""Which option of a command gives a function's parameter a value, as it stands in sentences."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Final

import click

from deconvsurgery.program.option_names import options_named

ANY_VALUE: Final = "…"
# Options of which sentences have the short name, too, or alone.
_BRIEF: Final = {"exclude": "-x/--exclude", "patterns": "-p"}
_FIX: Final = "fix"
# ``fix`` is ``check --fix``, whose options have longer names there.
_FIX_PARAMETERS: Final = {"into": "fix_into", "unsafe": "unsafe_fixes"}


def named_for(verb: str | None) -> AbstractContextManager[None]:
    """Within it, sentences name the options of this verb, and of the others by theirs."""

    def option(other: str | None, name: str, value: str) -> str | None:
        if other is None:
            return next(_options([verb] if verb else [], name, value), None)
        if other == _FIX:
            more = next(_options(["check"], name, value), None) if name else None
            return f"`check --fix{f' {more}' if more else ''}`"
        found = next(_options([other.replace("_", "-")], name, value), None)
        return found and f"`{other.replace('_', '-')} {found}`"

    return options_named(option)


def _options(first: Iterable[str], name: str, value: str) -> Iterator[str]:
    """The option in each command that has it, the ``first`` ones before the others."""
    from . import VERBS

    for verb in dict.fromkeys((*first, *VERBS)):
        if verb not in VERBS:
            continue
        command = importlib.import_module(f".{verb.replace('-', '_')}", __package__).command
        own = _FIX_PARAMETERS.get(name, name) if verb == "check" else name
        for parameter in command.params:
            needed = isinstance(parameter, click.Argument) and parameter.required
            if parameter.name == own and not needed:  # what must be there no sentence asks for
                yield _option(parameter, value)


def _option(parameter: click.Parameter, value: str) -> str:
    """It with the value, as it is typed; an argument by the word that usage has for it."""
    if isinstance(parameter, click.Argument):
        return (parameter.metavar or "").strip("[]")
    names = parameter.opts
    if value == "False" and parameter.secondary_opts:
        names = parameter.secondary_opts
    brief = _BRIEF.get(parameter.name or "")
    if value == ANY_VALUE:
        return brief or names[-1]
    if value in ("True", "False"):
        return names[-1]
    # A word stands bare; a name in quotes, as Python spells it.
    return f"{brief or names[-1]} {value if chr(39) in value else value.strip(chr(34))}"
