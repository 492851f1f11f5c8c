"""Findings on a page: their severity, place, numbers and repair; the pages of their rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from deconvsurgery.report.finding_words import TONES
from deconvsurgery.report.phrases import number as digits
from deconvsurgery.report.repair_block import TITLE, repair_block
from deconvsurgery.report.repair_commands import repair_line
from deconvsurgery.rules.finding import RULES, Finding, Number, explanation
from deconvsurgery.wording import plural

from .elements import Markup, element, name, pairs_list, section, sentence
from .markdown import prose
from .page_frame import CLASSES, MOST_ROWS

if TYPE_CHECKING:
    from deconvsurgery.verbs.check import CheckResult

# Characters of a command that a page shows; it may name a layer of any length.
MOST_COMMAND = 4000


def findings_list(
    findings: Sequence[Finding], net: str | None = None, model: str | None = None
) -> Markup:
    """Each finding, with the command that repairs it where the files are named that it reads."""
    shown = findings[:MOST_ROWS]
    more = len(findings) - len(shown)
    return element(
        "ul",
        *(_finding(each, net, model) for each in shown),
        element("li", f"and {plural(more, 'more finding')}: --json has them all.")
        if more
        else None,
        class_="findings",
    )


def _finding(finding: Finding, net: str | None, model: str | None) -> Markup:
    place = None
    if finding.line is not None:
        column = "" if finding.column is None else f", column {finding.column}"
        place = element("span", f"line {finding.line}{column}", class_="quiet place")
    return element(
        "li",
        element(
            "p",
            element("b", finding.level, class_=f"badge {CLASSES[TONES[finding.level]]}"),
            " ",
            element("a", f"{finding.id} {finding.rule.name}", href=f"#{finding.id}"),
            " ",
            place,
            class_="what",
        ),
        element(
            "p",
            *(() if finding.layer is None else (name(finding.layer), ": ")),
            sentence(finding.message),
        ),
        _numbers(finding.numbers),
        _repair(finding, net, model),
    )


def _numbers(numbers: Iterable[tuple[str, Number]]) -> Markup | None:
    words = ((sentence(name.replace("_", " ")), sentence(_value(value))) for name, value in numbers)
    return pairs_list(words, "numbers")


def _value(value: Number) -> str:
    """A number, a shape, a list.

    >>> _value((5, None, True)), _value(0.123456)
    ('(5, ?, yes)', '0.1235')
    """
    if value is None:
        return "?"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return digits(value)
    if isinstance(value, tuple):
        return f"({', '.join(map(_value, value))})"
    return str(value)


def _repair(finding: Finding, net: str | None, model: str | None) -> Markup | None:
    if finding.repair is None:
        return None
    words = element("p", "Repair: ", sentence(finding.repair.words), class_="repair")
    line = repair_line(finding, net, model)
    if line is None:
        return words
    return element("div", words, _command(line))


def _command(line: str) -> Markup:
    """A command to copy: a click selects it whole."""
    if len(line) > MOST_COMMAND:
        long = f"The command has {len(line):,} characters: check --json has it."
        return element("p", long, class_="quiet")
    return element("pre", element("code", line), class_="command", tabindex="0")


def block_section(result: CheckResult, level: int) -> Markup | None:
    """The commands that repair all of a pair; ``None`` where none do."""
    block = repair_block(result)
    if block is None:
        return None
    after = element("p", sentence(f"{block.left_words[:1].upper()}{block.left_words[1:]}."))
    return section(level, TITLE.capitalize(), _command("\n".join(block.lines)), after)


def rules_section(findings: Iterable[Finding]) -> Markup | None:
    """The pages of the rules that were broken, folded; ``None`` where none was."""
    broken = sorted({finding.id for finding in findings})
    if not broken:
        return None
    return section(2, "The rules", *map(_rule, broken), id="rules")


def _rule(rule: str) -> Markup:
    known = RULES[rule]
    return element(
        "details",
        element("summary", element("b", f"{rule} {known.name}"), f": {known.summary}"),
        *prose(explanation(rule)),
        id=rule,
    )
