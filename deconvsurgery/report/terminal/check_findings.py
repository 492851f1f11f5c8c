"""What ``check`` found, on a terminal: a line a finding below the files, one closing sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from deconvsurgery.report.cells import Remark, Tone, note
from deconvsurgery.report.finding_words import (
    TONES,
    closing_words,
    error_place,
    error_words,
    model_words,
    net_words,
)
from deconvsurgery.report.phrases import escaped

from .layout import closing_line, remarks

if TYPE_CHECKING:
    from deconvsurgery.verbs.check import CheckResult


def findings_of_pairs(results: Sequence[CheckResult]) -> RenderableType:
    """The findings of each pair; of several pairs only those that have some."""
    parts: list[RenderableType] = []
    for result in results:
        notes = list(_remarks(result))
        if not notes and len(results) > 1:
            continue
        parts += [_heading(result), Text("")]
        if notes:
            parts += [remarks(notes), Text("")]
    return Group(*parts, closing_line(closing_words(results)))


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
        words = f"{error_place(result)}: {error_words(result.error)}"
        yield Remark("error", Tone.WRONG, None, words)
