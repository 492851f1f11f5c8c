"""A step of a repair, and its command: which files it reads, what it calls what it writes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from typing import Final

from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.program.started_as import started_as


class RepairStep(NamedTuple):
    """One command of a repair: a verb and its options, files left to whoever knows their names."""

    verb: str
    options: tuple[str, ...] = ()


_VALUED: Final = frozenset(
    {
        *("-p", "--phase", "--level", "--stage"),
        *("--fill", "--filler", "--formula", "--support", "--to", "--values"),
    }
)
"""Options of the verbs that a value follows, which may look like an option itself."""


def option_words(step: RepairStep) -> Iterator[tuple[str, ...]]:
    """Each option, with its value if it has one, as the command line reads them.

    >>> [*option_words(RepairStep("apply", ("-p", "up", "--stage", "-p", "--any-gain")))]
    [('-p', 'up'), ('--stage', '-p'), ('--any-gain',)]
    """
    parts = iter(step.options)
    for part in parts:
        yield (part, next(parts)) if part in _VALUED else (part,)


def has_option(step: RepairStep, *words: str) -> bool:
    """A step has an option, with that value if one is asked for."""
    return any(each[: len(words)] == words for each in option_words(step))


# What each verb reads and writes, in the order of its arguments.
_READS = {
    "apply": ("net", "model"),
    "convert": ("model",),
    "patch-net": ("net",),
    "regroup": ("net", "model"),
    "transplant": ("net", "model"),
}
_WRITES = {
    "apply": ("model",),
    "convert": ("model",),
    "patch-net": ("net",),
    "regroup": ("net", "model"),
    "transplant": ("model",),
}


def repair_arguments(
    steps: Iterable[RepairStep], net: str | None, model: str | None
) -> list[list[str]]:
    """What to call the tool with, a list a step; each reads what the one before has written.

    The last net and the last model are NAME.fixed, those on the way there NAME.fixed-1, -2 ….
    """
    steps = [*steps]
    files = {"net": net, "model": model}
    taken = {name for name in (net, model) if name}
    last = {kind: at for at, step in enumerate(steps) for kind in _WRITES[step.verb]}
    commands: list[list[str]] = []
    for at, step in enumerate(steps):
        reads = [files[kind] for kind in _READS[step.verb]]
        if None in reads:
            return []
        writes = []
        for kind in _WRITES[step.verb]:
            name = _in_form(files[kind] or "", step)
            found = fixed_name(name, kind, taken, on_the_way=at < last[kind])
            files[kind] = found
            taken.add(found)
            writes.append(found)
        # A path that begins with a dash is an option to whoever does not look twice.
        commands.append(
            [step.verb, *step.options, *(named_path(each) for each in (*reads, *writes))]
        )
    return commands


def commands(
    steps: Iterable[RepairStep], net: str | None, model: str | None
) -> tuple[tuple[str, ...], ...]:
    """The same, each with the words that start this program before it."""
    return tuple((*started_as(), *each) for each in repair_arguments(steps, net, model))


_SUFFIX = re.compile(
    r"(?:\.fixed(?:-?\d+)?)?"
    r"(?P<suffix>(?:\.caffemodel)?\.(?:h5|hdf5)|\.(?:caffemodel|prototxt|pbtxt|pt|txt))\Z",
    re.IGNORECASE,
)
# What a name without such a suffix gets: its other dots are its own.
_OF_KIND = {"net": ".prototxt", "model": ".caffemodel"}


def fixed_name(path: str, kind: str, taken: Iterable[str] = (), *, on_the_way: bool = False) -> str:
    """A name beside ``path`` for the repaired file: net.prototxt → net.fixed.prototxt.

    ``kind`` is ``net`` or ``model``; ``taken`` are names that other files have. ``on_the_way``: a
    later command reads it, and it is no result.

    >>> fixed_name("a/net.v1.prototxt", "net"), fixed_name("scale2.0x_model", "model")
    ('a/net.v1.fixed.prototxt', 'scale2.0x_model.fixed.caffemodel')
    """
    folder, name = os.path.split(kind if path == "-" else path)
    known = _SUFFIX.search(name)
    stem, suffix = (name[: known.start()], known["suffix"]) if known else (name, _OF_KIND[kind])
    number = 1
    while True:
        mark = f".fixed-{number}" if on_the_way else f".fixed{number if number > 1 else ''}"
        found = os.path.join(folder, f"{stem}{mark}{suffix}")
        if found not in taken:
            return found
        number += 1


def _in_form(name: str, step: RepairStep) -> str:
    """The name of a file in the form that a step writes: Caffe 1.0 goes by the suffix.

    >>> _in_form("a.caffemodel", RepairStep("convert", ("--to", "hdf5")))
    'a.caffemodel.h5'
    >>> [_in_form(name, RepairStep("transplant")) for name in ("a.caffemodel.h5", "a.h5", "a")]
    ['a.caffemodel', 'a.caffemodel', 'a']
    """
    stem, suffix = os.path.splitext(name)
    of_hdf5 = suffix.lower() in (".h5", ".hdf5")
    if has_option(step, "--to", "hdf5"):
        return name if of_hdf5 else f"{name}.h5"
    if step.verb == "transplant" and of_hdf5:  # which writes binary files alone
        return stem if stem.lower().endswith(".caffemodel") else f"{stem}.caffemodel"
    return name


def named_path(path: str | None) -> str:
    """The path as an argument, which is not taken for an option; none is empty."""
    text = path or ""
    return f"./{text}" if text.startswith("-") and text != "-" else text
