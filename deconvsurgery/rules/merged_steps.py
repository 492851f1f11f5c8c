"""Steps of several repairs as fewer: those of many layers in one, changes of one net in one.

Never here: whether they work.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Final, TypeAlias

from .repair_step import RepairStep, option_words

Steps: TypeAlias = tuple[RepairStep, ...]


def alike(steps: Steps) -> Steps:
    """The steps without the layers that they name."""
    return tuple(step._replace(options=other_options(step)) for step in steps)


def merged(several: Sequence[Steps]) -> Steps:
    """Repairs that differ in the layers alone as one, of all their layers."""
    found = []
    for each in zip(*several, strict=True):
        patterns = dict.fromkeys(chain.from_iterable(map(patterns_of, each)))
        named = [part for pattern in patterns for part in ("-p", pattern)]
        found.append(each[0]._replace(options=(*named, *other_options(each[0]))))
    return tuple(found)


def patterns_of(step: RepairStep) -> list[str]:
    """What follows each ``-p``."""
    return [word[1] for word in option_words(step) if word[0] == "-p"]


def other_options(step: RepairStep) -> tuple[str, ...]:
    """The options but ``-p`` and what follows it."""
    return tuple(chain.from_iterable(_other_words(step)))


def _other_words(step: RepairStep) -> list[tuple[str, ...]]:
    """The same, each with its value."""
    return [word for word in option_words(step) if word[0] != "-p"]


def joined(steps: Sequence[RepairStep]) -> Steps:
    """Changes of the net, of the same layers and next to each other, as one."""
    found: list[RepairStep] = []
    for step in steps:
        last = found[-1] if found else None
        both = last is not None and last.verb == step.verb == "patch-net"
        if last is not None and both and {*patterns_of(last)} == {*patterns_of(step)}:
            found[-1] = _both(last, step)
        else:
            found.append(step)
    return tuple(found)


# What says that something stays, where patch-net would change it unasked.
_STAYS: Final = (("--no-group",), ("--filler", "keep"))


def _both(one: RepairStep, other: RepairStep) -> RepairStep:
    """What either asks for; that something stays is said only where both say it."""
    words = dict.fromkeys((*_other_words(one), *_other_words(other)))
    asked = [word for word in words if word not in _STAYS]
    stay = [word for word in _STAYS if all(word in _other_words(step) for step in (one, other))]
    named = [part for pattern in patterns_of(one) for part in ("-p", pattern)]
    return RepairStep(one.verb, (*named, *(part for word in (*asked, *stay) for part in word)))
