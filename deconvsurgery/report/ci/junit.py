"""What ``check`` found as JUnit's XML, which Jenkins, GitLab, Azure and others read.

There is no standard of it: what stands here fits the schema of Jenkins
(junit-10.xsd of its xunit-plugin), which is the strictest of those in use.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from deconvsurgery.report.finding_words import (
    error_file,
    error_words,
    finding_words,
    place_of,
    repair_words,
)
from deconvsurgery.report.phrases import escaped
from deconvsurgery.report.repair_block import TITLE, repair_block
from deconvsurgery.rules.finding import Finding, Severity
from deconvsurgery.wording import printable

from .file_names import tracked

if TYPE_CHECKING:
    from deconvsurgery.verbs.check import CheckResult

CHECKED = "can be checked"
"""The test case that each pair has: Jenkins takes a report without any for a mistake."""


def junit_xml(results: Sequence[CheckResult]) -> bytes:
    """A suite a pair: a case that says whether it could be checked, and one a finding.

    Errors and warnings are failures, notes are cases that pass with what they say as their output.
    """
    root = Element("testsuites", name="deconvsurgery")
    root.extend(map(_suite, results))
    _count(root, [*root.iter("testcase")])
    indent(root)
    text: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _suite(result: CheckResult) -> Element:
    files = [each for each in (result.net, result.model) if each is not None]
    name = " with ".join(escaped(tracked(each)) for each in files)
    suite = Element("testsuite", name=name)
    suite.append(_checked(result, name))
    seen: Counter[str] = Counter()
    for finding in result.findings:
        case = _case(result, finding, name)
        seen[case.attrib["name"]] += 1
        number = seen[case.attrib["name"]]
        if number > 1:  # of two cases with one name only one would be kept
            case.attrib["name"] += f" ({number})"
        suite.append(case)
    if (block := repair_block(result)) is not None:
        lines = (f"{TITLE}:", *block.lines, block.left_words)
        SubElement(suite, "system-out").text = _text("\n".join(lines))
    _count(suite, [*suite.iter("testcase")])
    return suite


def _count(suite: Element, cases: Sequence[Element]) -> None:
    """The numbers of cases, as attributes behind the name."""
    suite.set("tests", str(len(cases)))
    for name, kind in (("failures", "failure"), ("errors", "error")):
        suite.set(name, str(sum(case.find(kind) is not None for case in cases)))


def _checked(result: CheckResult, pair: str) -> Element:
    case = Element("testcase", name=CHECKED, classname=pair)
    error = result.error
    if error is not None:
        place = _place(error_file(result), error.line, error.column)
        words = _text(error_words(error))
        found = SubElement(case, "error", type=type(error).__name__, message=words)
        found.text = f"{place}: {words}"
    elif not result.looked_at:
        SubElement(case, "skipped", message=_text("; ".join(result.notes)))
    return case


def _case(result: CheckResult, finding: Finding, pair: str) -> Element:
    layer = "" if finding.layer is None else f": {escaped(finding.layer)}"
    case = Element("testcase", name=f"{finding.id} {finding.rule.name}{layer}", classname=pair)
    words = _text(finding_words(finding))
    text = "\n".join(_lines(result, finding, words))
    if finding.level is Severity.NOTE:
        SubElement(case, "system-out").text = text
    else:
        SubElement(case, "failure", type=finding.id, message=words).text = text
    return case


def _lines(result: CheckResult, finding: Finding, words: str) -> Iterator[str]:
    yield f"{_place(*place_of(result, finding))}: {finding.level}: {finding.id} {words}"
    yield f"Repair: {_text(repair_words(result, finding))}"


def _place(file: str, line: int | None, column: int | None) -> str:
    numbers = (str(each) for each in (line, column) if each is not None)
    return ":".join((escaped(tracked(file)), *numbers))


def _text(text: str) -> str:
    """Text without what XML 1.0 has no way to say, as control characters, spelt out."""
    return printable(text, keep="\n")
