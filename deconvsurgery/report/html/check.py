"""The page of ``check``: a part for each pair."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from deconvsurgery.pictures.layer_pictures import Pictures
from deconvsurgery.report.cells import Remark, Tone, note
from deconvsurgery.report.finding_words import (
    TONES,
    closing_words,
    counted_words,
    error_words,
    model_words,
    net_words,
)
from deconvsurgery.report.repair_block import TITLE, repair_block
from deconvsurgery.wording import plural

from .elements import Markup, element, joined, name, pairs_list, section, sentence
from .findings import block_section, findings_list, rules_section
from .fragment import fragment
from .graph import way_section
from .layers import layers_section
from .page_frame import MOST_ROWS, file_fact, file_name, page, remarks

if TYPE_CHECKING:
    from deconvsurgery.report.phrases import Medium
    from deconvsurgery.verbs.check import CheckResult


def check_page(results: Sequence[CheckResult]) -> bytes:
    """What was found in which files."""
    shown = results[:MOST_ROWS]
    more = len(results) - len(shown)
    return page(
        "check",
        file_name(results[0].net or results[0].model)
        if len(results) == 1
        else plural(len(results), "pair"),
        closing_words(results),
        _files(results[0]) if len(results) == 1 else [],
        *(_pair(result, alone=len(results) == 1) for result in shown),
        element("p", f"{more:,} more pairs: --json has them all.") if more else None,
        rules_section(finding for result in results for finding in result.findings),
    )


def _pair(result: CheckResult, *, alone: bool) -> Markup:
    """A net and its model: findings, then what there is to see."""
    level = 2 if alone else 3
    pictures = result.pictures if isinstance(result.pictures, Pictures) else None
    notes = [note(words) for words in result.notes]
    parts = (
        _findings(result, level),
        block_section(result, level),
        remarks(notes, level),
        way_section(pictures.ways, level) if pictures else None,
        layers_section(pictures, level=level),
    )
    if alone:
        return joined(parts)
    files = pairs_list(_files(result), "files")
    return section(2, _named(result), files, *parts, class_="pair-of-files")


def _findings(result: CheckResult, level: int) -> Markup:
    if result.error is not None:
        error = result.error
        place = [error.line, error.column]
        where = ":".join(str(each) for each in place if each)
        words = element(
            "p",
            element("b", "error", class_="badge bad"),
            " ",
            element("span", f"line {where} ", class_="quiet") if where else None,
            sentence(error_words(error)),
        )
        return section(level, "Could not be checked", words)
    counts = ", ".join(counted_words(result.findings)) or "None"
    looked = plural(len(result.matched), "matched layer")
    return section(
        level,
        "Findings",
        element("p", f"{counts}, in {looked}.", class_="quiet") if level > 2 else None,
        findings_list(result.findings, result.net, result.model) if result.findings else None,
    )


def _named(result: CheckResult) -> Markup:
    paths = (path for path in (result.net, result.model) if path is not None)
    return Markup(" with ".join(map(name, paths)))


def _files(result: CheckResult) -> list[tuple[str, Markup]]:
    files = []
    if result.net is not None:
        files.append(("net", file_fact(result.net, net_words(result))))
    if result.model is not None:
        files.append(("model", file_fact(result.model, model_words(result))))
    return files


def check_fragment(result: CheckResult, _medium: Medium) -> str:
    """What was found, and the commands that repair all of it, for a notebook."""
    heads = [(result.net, net_words(result)), (result.model, model_words(result))]
    block = repair_block(result)
    return fragment(
        closing_words([result]),
        heads=[(path, words) for path, words in heads if path is not None],
        notes=[*_remarks(result)],
        commands="\n".join((f"# {TITLE}; {block.left_words}", *block.lines)) if block else "",
    )


def _remarks(result: CheckResult) -> Iterator[Remark]:
    """Notes, then each finding with its line and what repairs it, then why it ended."""
    for words in result.notes:
        yield note(words)
    for finding in result.findings:
        place = "" if finding.line is None else f" (line {finding.line})"
        repair = f" → {finding.repair.words}" if finding.repair else ""
        words = f"{finding.message}{place}{repair}"
        yield Remark(finding.id, TONES[finding.level], finding.layer, words)
    if result.error is not None:
        yield Remark("error", Tone.WRONG, None, error_words(result.error))
