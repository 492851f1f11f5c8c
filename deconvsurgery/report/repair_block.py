"""What repairs a pair as a whole: commands that read what those before wrote, and what is left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.program.started_as import started_as
from deconvsurgery.rules.repair_step import repair_arguments

from .repair_commands import command_line

if TYPE_CHECKING:
    from deconvsurgery.verbs.check import CheckResult

TITLE = "repair, all of it"


class RepairBlock(NamedTuple):
    """The commands of a pair's repair, each as its arguments with the program first.

    ``lines`` are the same for a shell, which stops at one that fails; ``steps`` are without files.
    ``leaves`` are the ids of what is found afterwards.
    """

    commands: tuple[tuple[str, ...], ...]
    lines: tuple[str, ...]
    steps: tuple[str, ...]
    leaves: tuple[str, ...]

    @property
    def line(self) -> str:
        """All of it in one line."""
        return " ".join(self.lines)

    @property
    def left_words(self) -> str:
        """What is found afterwards."""
        return f"after that check finds {', '.join(self.leaves) or 'nothing'}"


def repair_block(result: CheckResult) -> RepairBlock | None:
    """What repairs a checked pair; ``None`` where no command does."""
    repair = result.repair
    arguments = repair_arguments(repair.steps, result.net, result.model) if repair else []
    if repair is None or not arguments:
        return None
    lines = [command_line(each) for each in arguments]
    return RepairBlock(
        tuple((*started_as(), *each) for each in arguments),
        (*(f"{line} &&" for line in lines[:-1]), lines[-1]),
        tuple(" ".join((step.verb, *step.options)) for step in repair.steps),
        tuple(repair.leaves),
    )


def repair_blocks(results: Sequence[CheckResult]) -> list[tuple[CheckResult, RepairBlock]]:
    """The pairs that commands repair, with these."""
    return [(result, block) for result in results if (block := repair_block(result)) is not None]
