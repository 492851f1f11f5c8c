"""What ``check`` found: a line a finding, the commands that repair it, one closing sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.text import Text

from deconvsurgery.report.cells import Remark, Tone, note
from deconvsurgery.report.finding_words import (
    TONES,
    closing_words,
    error_file,
    error_words,
    finding_words,
    model_words,
    net_words,
    place_of,
    repair_words,
)
from deconvsurgery.report.phrases import Medium, escaped
from deconvsurgery.report.repair_block import TITLE, repair_block
from deconvsurgery.report.repair_commands import command_line, repair_lines

from .layout import Lines, closing_line, remarks

if TYPE_CHECKING:
    from deconvsurgery.verbs.check import CheckResult

_IN_ONE: Final = "the same in one, in place"


def check_report(
    results: Sequence[CheckResult], medium: Medium, in_one: Sequence[Sequence[str]] = ()
) -> RenderableType:
    """The findings of each pair, and one closing sentence.

    In a pipe a line a finding as compilers write them, ``file:line:column: severity: …``,
    and a line for the command that repairs it; last what repairs all of the pair. For
    ``soft_wrap=True``. ``in_one`` are the arguments of `check --fix` for each pair in which it does
    what the commands do, none for the others.
    """
    closing = closing_words(results)
    if not medium.terminal:
        arguments = in_one or [()] * len(results)
        both = zip(results, arguments, strict=True)
        lines = [line for result, words in both for line in plain_lines(result, words)]
        return Lines([*lines, closing])
    parts: list[RenderableType] = []
    for result in results:
        notes = list(_remarks(result))
        if not notes and len(results) > 1:
            continue
        parts += [_heading(result), Text("")]
        if notes:
            parts += [remarks(notes), Text("")]
    return Group(*parts, closing_line(closing))


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
        yield f"{_error_place(result)}: error: {escaped(error_words(result.error))}"


def _heading(result: CheckResult) -> Text:
    text = Text(overflow="fold").append(escaped(result.net or result.model or ""), "bold")
    if result.net is not None and result.net_version is not None:
        text.append(f"  {net_words(result)}")
    if result.model is not None:
        if result.net is not None:
            text.append("  with ").append(escaped(result.model), "bold")
        if result.model_version is not None:
            text.append(f"  {model_words(result)}")
    return text


def _remarks(result: CheckResult) -> Iterator[Remark]:
    for words in result.notes:
        yield note(words)
    for finding in result.findings:
        place = "" if finding.line is None else f"{finding.line}:{finding.column or 1}"
        words = finding.message
        if finding.repair is not None and not finding.repair.steps:
            words += f" → {finding.repair.words}"
        label = f"{place:>7}  {finding.id}"
        yield Remark(label, TONES[finding.level], finding.layer, words)
    if result.error is not None:
        words = f"{_error_place(result)}: {error_words(result.error)}"
        yield Remark("error", Tone.WRONG, None, words)


def _error_place(result: CheckResult) -> str:
    error = result.error
    numbers = (error.line, error.column) if error else ()
    return ":".join([escaped(error_file(result)), *(str(number) for number in numbers if number)])
