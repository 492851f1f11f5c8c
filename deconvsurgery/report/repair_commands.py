"""Repairs as commands that can be copied: which files they read, what they call what they write."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from deconvsurgery.program.started_as import started_as
from deconvsurgery.rules.finding import Finding, Step

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


def repair_arguments(steps: Iterable[Step], net: str | None, model: str | None) -> list[list[str]]:
    """What to call the tool with, a list a step; each reads what the one before has written."""
    files = {"net": net, "model": model}
    taken = {name for name in (net, model) if name}
    commands: list[list[str]] = []
    for step in steps:
        reads = [files[kind] for kind in _READS[step.verb]]
        if None in reads:
            return []
        writes = []
        for kind in _WRITES[step.verb]:
            files[kind] = fixed_name(files[kind] or "", kind, taken)
            if "hdf5" in step.options:
                files[kind] = _as_hdf5(files[kind] or "")
            taken.add(files[kind] or "")
            writes.append(files[kind])
        # A path that begins with a dash is an option to whoever does not look twice.
        commands.append([step.verb, *step.options, *(_path(each) for each in (*reads, *writes))])
    return commands


_SUFFIX = re.compile(
    r"(?:\.fixed\d*)?(?P<suffix>(?:\.caffemodel)?\.(?:h5|hdf5)|\.(?:caffemodel|prototxt|pbtxt|pt|txt))$",
    re.IGNORECASE,
)
# What a name without such a suffix gets: its other dots are its own.
_OF_KIND = {"net": ".prototxt", "model": ".caffemodel"}


def fixed_name(path: str, kind: str, taken: Iterable[str] = ()) -> str:
    """A name beside ``path`` for the repaired file: net.prototxt → net.fixed.prototxt.

    ``kind`` is ``net`` or ``model``; ``taken`` are names that other files have.

    >>> fixed_name("a/net.v1.prototxt", "net"), fixed_name("scale2.0x_model", "model")
    ('a/net.v1.fixed.prototxt', 'scale2.0x_model.fixed.caffemodel')
    """
    folder, name = os.path.split(kind if path == "-" else path)
    known = _SUFFIX.search(name)
    stem, suffix = (name[: known.start()], known["suffix"]) if known else (name, _OF_KIND[kind])
    number = 1
    while True:
        mark = ".fixed" + (str(number) if number > 1 else "")
        found = os.path.join(folder, f"{stem}{mark}{suffix}")
        if found not in taken:
            return found
        number += 1


def _as_hdf5(name: str) -> str:
    """As Caffe names its own HDF5 snapshots.

    >>> _as_hdf5("a.fixed.caffemodel"), _as_hdf5("a.fixed.h5")
    ('a.fixed.caffemodel.h5', 'a.fixed.h5')
    """
    return name if name.lower().endswith((".h5", ".hdf5")) else f"{name}.h5"


def _path(path: str | None) -> str:
    text = path or ""
    return f"./{text}" if text.startswith("-") and text != "-" else text


def command_line(arguments: Iterable[str]) -> str:
    """A command as a shell takes it, which begins as this program can be started."""
    return shlex.join([*started_as(), *arguments])


def repair_line(finding: Finding, net: str | None, model: str | None) -> str | None:
    """The command that repairs a finding, several joined by ``&&``; ``None`` where none does."""
    if finding.repair is None:
        return None
    commands = repair_arguments(finding.repair.steps, net, model)
    return " && ".join(map(command_line, commands)) or None


class _Merged(NamedTuple):
    """Repairs of the same steps: the rules that they are for, the patterns of their layers."""

    rules: list[str]
    patterns: list[str]


def repair_lines(
    findings: Iterable[Finding], net: str | None, model: str | None
) -> list[tuple[tuple[str, ...], str]]:
    """Each different repair once, with the rules it is for and all its layers in one command."""
    merged: dict[tuple[Step, ...], _Merged] = {}
    for finding in findings:
        if finding.repair is None or not finding.repair.steps:
            continue
        steps = finding.repair.steps
        alike = tuple(step._replace(options=_others(step)) for step in steps)
        repair = merged.setdefault(alike, _Merged([], []))
        repair.rules.append(finding.id)
        repair.patterns.extend(pattern for step in steps for pattern in _patterns(step))
    lines = []
    for alike, repair in merged.items():
        chosen = [part for pattern in dict.fromkeys(repair.patterns) for part in ("-p", pattern)]
        steps = tuple(
            step if step.verb == "convert" else Step(step.verb, (*chosen, *step.options))
            for step in alike
        )
        commands = repair_arguments(steps, net, model)
        if commands:
            line = " && ".join(map(command_line, commands))
            lines.append((tuple(dict.fromkeys(repair.rules)), line))
    return lines


def _patterns(step: Step) -> list[str]:
    return [pattern for option, pattern in pairwise(step.options) if option == "-p"]


def _others(step: Step) -> tuple[str, ...]:
    """The options but -p and what follows it."""
    kept: list[str] = []
    options = iter(step.options)
    for option in options:
        if option == "-p":
            next(options)
        else:
            kept.append(option)
    return tuple(kept)
