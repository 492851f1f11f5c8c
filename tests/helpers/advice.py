"""Options and verbs that a printed hint names, held to what the command line has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from deconvsurgery.cli import VERBS

from .commands import options_of

_VERBS = "|".join(VERBS)
_OPTION = re.compile(
    rf"(?<![\w.=/-])(?:(?P<verb>{_VERBS}) )?(?P<option>--[a-z][a-z-]*|-[a-z])(?![\w.-])"
)
# Of other programs: `ls -l` and others in backquotes, mkdir -p, what installs a package.
_OTHERS = re.compile(rf"`(?!(?:{_VERBS})\b)[^`]*`|mkdir -p.*|\S+ -m pip install.*|\buv .*")
_QUOTED = re.compile(r"'(?:[^'\\\n]|\\.)*'")


def options_in(text: str) -> Iterator[tuple[str | None, str]]:
    """Each option that a text names, with the verb in front of it, if there is one."""
    for found in _OPTION.finditer(_OTHERS.sub("", _QUOTED.sub("", text)).replace("/--", " --")):
        yield found["verb"], found["option"]


def impossible(verb: str, printed: str) -> list[str]:
    """Options in the hint of what a verb has printed that the verb named with them has not."""
    _, marked, hint = printed.partition("hint: ")
    wrong = []
    for named, option in options_in(hint) if marked else ():
        if option not in ("-h", "--help", *options_of(named or verb)):
            wrong.append(option)
    return wrong


def hold_to(arguments: Sequence[str], printed: bytes) -> None:
    """Assert that what a run advises on standard error can be done with the verb it was."""
    verb = next((each for each in arguments if each in VERBS), None)
    if verb is not None and b"hint: " in printed:
        wrong = impossible(verb, printed.decode("utf-8", "replace"))
        assert not wrong, f"{verb} has no {', '.join(wrong)}: {printed!r}"
