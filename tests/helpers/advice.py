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
# How the program was started, whose own options are not the verb's.
_PROGRAM = re.compile(r"\S*python\S*(?: -X \S+)* -m deconvsurgery\b")
_QUOTED = re.compile(r"'(?:[^'\\\n]|\\.)*'")

# A name of a megabyte, which the patterns above would look at from each of its characters.
_LONG_WORD = re.compile(r"\S{500,}")


def options_in(text: str) -> Iterator[tuple[str | None, str]]:
    """Each option that a text names, with the verb that is named before it in its sentence."""
    text = _LONG_WORD.sub("…", text)
    for sentence in (
        _OTHERS.sub("", _PROGRAM.sub("", _QUOTED.sub("", text))).replace("/--", " --").split(";")
    ):
        verb = None
        for found in _OPTION.finditer(sentence):
            verb = found["verb"] or verb
            yield verb, found["option"]


def impossible(verb: str, printed: str) -> list[str]:
    """Options in the hint of what a verb has printed that the verb named with them has not."""
    _, marked, hint = printed.partition("hint: ")
    wrong = []
    for named, option in options_in(hint) if marked else ():
        if option not in ("-h", "--help", *options_of(named or verb)):
            wrong.append(option)
    return wrong


_REMARKS = ("warning: ", "note: ")


def hold_to(arguments: Sequence[str], printed: bytes, errors: bytes) -> None:
    """Assert that what a run advises can be done with the verb it was, or with one it names."""
    verb = next((each for each in arguments if each in VERBS), None)
    if verb is None:
        return
    said = [errors.decode("utf-8", "replace")] if b"hint: " in errors else []
    if any(each.strip().encode() in printed for each in _REMARKS):
        lines = printed.decode("utf-8", "replace").splitlines()
        said += [f"hint: {line}" for line in lines if line.lstrip().startswith(_REMARKS)]
    for text in said:
        wrong = impossible(verb, text)
        assert not wrong, f"{verb} has no {', '.join(wrong)}: {text!r}"
