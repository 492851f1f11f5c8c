"""What ``check`` found: a line a finding, the commands that repair it, one closing sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from deconvsurgery.report.finding_words import (
    closing_words,
    error_place,
    error_words,
    finding_words,
    place_of,
    repair_words,
)
from deconvsurgery.report.phrases import Medium, escaped
from deconvsurgery.report.repair_block import TITLE, repair_block
from deconvsurgery.report.repair_commands import command_line, repair_lines

from .sheet import Lines

if TYPE_CHECKING:
    from rich.console import RenderableType

    from deconvsurgery.verbs.check import CheckResult

_IN_ONE: Final = "the same in one, in place"


def check_report(
    results: Sequence[CheckResult], medium: Medium, in_one: Sequence[Sequence[str]] = ()
) -> Lines | RenderableType:
    """The findings of each pair, and one closing sentence.

    In a pipe a line a finding as compilers write them, ``file:line:column: severity: …``,
    and a line for the command that repairs it; last what repairs all of the pair. ``in_one`` are
    the arguments of `check --fix` for each pair in which it does what the commands do, none for
    the others.
    """
    if medium.terminal:
        from .check_findings import findings_of_pairs

        return findings_of_pairs(results)
    arguments = in_one or [()] * len(results)
    both = zip(results, arguments, strict=True)
    lines = [line for result, words in both for line in plain_lines(result, words)]
    return Lines([*lines, closing_words(results)])


def repairs_report(
    results: Sequence[CheckResult], in_one: Sequence[Sequence[str]] = ()
) -> list[str]:
    """The commands that repair a finding by itself, each once, and what repairs all of a pair.

    For a terminal, as whole lines: they can be copied.
    """
    parts: list[str] = []
    for at, result in enumerate(results):
        block = repair_block(result)
        lines = repair_lines(result.findings, result.net, result.model)
        if block is not None and [escaped(line) for _, line in lines] == [block.line]:
            lines = []  # the block is the same
        parts += [f"# {', '.join(rules)}\n{escaped(line)}" for rules, line in lines]
        if block is not None:
            name = f" ({escaped(result.net or result.model or '')})" if len(results) > 1 else ""
            commands = "".join(f"\n  {line}" for line in block.lines)
            space = "\n" if parts else ""
            parts.append(f"{space}{TITLE}{name}:{commands}\n{block.left_words}")
            parts += [
                f"{_IN_ONE}:\n  {command_line(words)}" for words in in_one[at : at + 1] if words
            ]
    return parts


def plain_lines(result: CheckResult, in_one: Sequence[str] = ()) -> Iterator[str]:
    """Each finding as a compiler would write it; notes on the text; the error that ended it."""
    name = result.net or result.model or ""
    for words in result.notes:
        yield f"{escaped(name)}: note: {escaped(words)}"
    for finding in result.findings:
        file, *numbers = place_of(result, finding)
        place = ":".join(str(part) for part in (escaped(file), *numbers) if part is not None)
        yield f"{place}: {finding.level}: {finding.id} {escaped(finding_words(finding))}"
        yield f"{place}: repair: {escaped(repair_words(result, finding))}"
    if (block := repair_block(result)) is not None:
        yield f"{escaped(name)}: {TITLE}: {block.line}"
        yield f"{escaped(name)}: note: {block.left_words}"
        if in_one:
            yield f"{escaped(name)}: note: {_IN_ONE}: {command_line(in_one)}"
    if result.error is not None:
        yield f"{error_place(result)}: error: {escaped(error_words(result.error))}"
