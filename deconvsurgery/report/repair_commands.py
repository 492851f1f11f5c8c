"""Repairs as commands that can be copied."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, Final

from deconvsurgery.program.shell_words import shell_line
from deconvsurgery.program.started_as import started_as
from deconvsurgery.rules.repair_step import option_words, repair_arguments

if TYPE_CHECKING:
    from deconvsurgery.rules.finding import Finding
    from deconvsurgery.rules.repair_step import RepairStep


def command_line(arguments: Iterable[str]) -> str:
    """A command as a shell takes it, which begins as this program can be started."""
    return shell_line([*started_as(), *arguments])


# Layers in a finding's own command: one that names many would stand at each of them.
_MOST_NAMED: Final = 50


def names_too_many(step: RepairStep) -> bool:
    """Its command is that of the pair alone."""
    named = (word for word in option_words(step) if word[0] == "-p")
    return next(islice(named, _MOST_NAMED, None), None) is not None


def repair_line(finding: Finding, net: str | None, model: str | None) -> str | None:
    """The command that repairs a finding, several joined by ``&&``; ``None`` where none does.

    None either where it would name many layers: the commands of the pair do.
    """
    if finding.repair is None or any(map(names_too_many, finding.repair.steps)):
        return None
    commands = repair_arguments(finding.repair.steps, net, model)
    return " && ".join(map(command_line, commands)) or None


def repair_lines(
    findings: Iterable[Finding], net: str | None, model: str | None
) -> list[tuple[tuple[str, ...], str]]:
    """Each different repair once, with the rules that it is for.

    Those of several layers are not put together here: each was tried as it stands, and all of
    them together are what repairs the pair.
    """
    rules: dict[tuple[RepairStep, ...], dict[str, None]] = {}
    seen: dict[int, dict[str, None]] = {}  # thousands may have one, which names as many layers
    for finding in findings:
        if finding.repair is not None and finding.repair.steps:
            steps = finding.repair.steps
            if id(steps) not in seen:
                seen[id(steps)] = rules.setdefault(steps, {})
            seen[id(steps)][finding.id] = None
    commands = {steps: repair_arguments(steps, net, model) for steps in rules}
    return [
        (tuple(rules[steps]), " && ".join(map(command_line, commands[steps])))
        for steps in rules
        if commands[steps]
    ]
