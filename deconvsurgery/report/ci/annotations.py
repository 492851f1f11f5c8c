"""What ``check`` found, for the services that show it beside the code: GitHub, GitLab, Markdown."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from deconvsurgery.report.finding_words import (
    closing_words,
    error_file,
    error_words,
    finding_words,
    place_of,
    repair_words,
)
from deconvsurgery.report.json_documents.document import safe
from deconvsurgery.report.phrases import escaped
from deconvsurgery.report.repair_block import TITLE, repair_block
from deconvsurgery.rules.finding import Finding, Severity

if TYPE_CHECKING:
    from deconvsurgery.verbs.check import CheckResult

from .file_names import tracked

_GITHUB = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_GITLAB = {Severity.ERROR: "critical", Severity.WARNING: "major", Severity.NOTE: "info"}


def github_lines(results: Sequence[CheckResult]) -> Iterator[str]:
    """Workflow commands, which GitHub Actions turns into annotations; last what was found.

    https://docs.github.com/actions/reference/workflow-commands-for-github-actions
    """
    for result in results:
        for finding in result.findings:
            file, line, column = place_of(result, finding)
            words = f"{finding_words(finding)}\nRepair: {repair_words(result, finding)}"
            yield _command(
                _GITHUB[finding.level],
                {
                    "file": tracked(file),
                    "line": line,
                    "col": column,
                    "title": f"{finding.id} {finding.rule.name}",
                },
                words,
            )
        if result.error is not None:
            error = result.error
            yield _command(
                "error",
                {
                    "file": tracked(error_file(result)),
                    "line": error.line,
                    "col": error.column,
                    "title": type(error).__name__,
                },
                error_words(error),
            )
        if (block := repair_block(result)) is not None:
            properties = {"file": tracked(result.net or result.model or ""), "title": TITLE}
            lines = "\n".join((*block.lines, block.left_words))
            yield _command("notice", properties, lines)
    yield closing_words(results)


def _command(kind: str, properties: Mapping[str, str | int | None], words: str) -> str:
    """One command; what would end it or a property of it is written as a percent code."""
    pairs = ",".join(
        f"{key}={_coded(str(value)).replace(':', '%3A').replace(',', '%2C')}"
        for key, value in properties.items()
        if value is not None
    )
    return f"::{kind} {pairs}::{_coded(words)}"


def _coded(text: str) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def gitlab_issues(results: Sequence[CheckResult]) -> list[dict[str, Any]]:
    """The list of issues of GitLab's code quality report.

    A fingerprint depends on what is wrong with which layer, not on the line it stands in, so that
    a merge request shows what is new. https://docs.gitlab.com/ci/testing/code_quality/
    """
    issues: list[dict[str, Any]] = []
    seen: Counter[str] = Counter()
    for result in results:
        for finding in result.findings:
            file, line, column = place_of(result, finding)
            key = fingerprint_of(file, finding)
            seen[key] += 1
            location = {
                "path": escaped(tracked(file)),
                "positions": {"begin": {"line": line or 1, "column": column or 1}},
                "lines": {"begin": line or 1},
            }
            words = f"{finding.id} {finding_words(finding)}"
            issues.append(
                {
                    "type": "issue",
                    "description": safe(f"{words}; repair: {repair_words(result, finding)}"),
                    "check_name": f"{finding.id} {finding.rule.name}",
                    "fingerprint": _digest(f"{key}\0{seen[key]}"),
                    "severity": _GITLAB[finding.level],
                    "location": location,
                }
            )
        if result.error is not None:
            file = tracked(error_file(result))
            issues.append(
                {
                    "type": "issue",
                    "description": safe(error_words(result.error)),
                    "check_name": type(result.error).__name__,
                    "fingerprint": _digest(f"{file}\0{result.error.message}"),
                    "severity": "blocker",
                    "location": {
                        "path": escaped(file),
                        "lines": {"begin": result.error.line or 1},
                    },
                }
            )
        if (block := repair_block(result)) is not None:
            file = tracked(result.net or result.model or "")
            issues.append(
                {
                    "type": "issue",
                    "description": safe(f"{TITLE}: {block.line} ({block.left_words})"),
                    "check_name": TITLE,
                    "fingerprint": _digest("\0".join([TITLE, file, *block.steps])),
                    "severity": _GITLAB[Severity.NOTE],
                    "location": {"path": escaped(file), "lines": {"begin": 1}},
                }
            )
    return issues


def fingerprint_of(file: str, finding: Finding) -> str:
    """What stays the same while lines move: the file, the rule, the layer, and what proves it."""
    numbers = json.dumps(finding.numbers, ensure_ascii=True)
    return _digest("\0".join([tracked(file), finding.id, finding.layer or "", numbers]))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def markdown(results: Sequence[CheckResult]) -> Iterator[str]:
    """A page for a job's summary: a table a pair, and the repairs."""
    yield "## deconvsurgery check"
    yield ""
    yield closing_words(results)
    for result in results:
        if not result.findings and result.error is None:
            continue
        yield ""
        names = [each for each in (result.net, result.model) if each is not None]
        yield f"### {' with '.join(_code(each) for each in names)}"
        yield ""
        if result.error is not None:
            yield f"**Could not be checked**: {_cell(error_words(result.error))}"
        if result.findings:
            yield "| place | | rule | layer | finding | repair |"
            yield "|---|---|---|---|---|---|"
        for finding in result.findings:
            _, line, column = place_of(result, finding)
            place = "" if line is None else f"{line}:{column or 1}"
            repair = repair_words(result, finding)
            by_command = finding.repair is not None and bool(finding.repair.steps)
            cells = [
                place,
                finding.level,
                finding.id,
                "" if finding.layer is None else _code(finding.layer),
                _cell(finding.message),
                _code(repair) if by_command else _cell(repair),
            ]
            yield f"| {' | '.join(cells)} |"
        if (block := repair_block(result)) is not None:
            # Four backquotes: a name may hold three.
            marks = "`" * max(4, 1 + max(map(len, re.findall("`+", block.line)), default=0))
            yield from ("", f"**{TITLE.capitalize()}**:", "", f"{marks}sh", *block.lines, marks, "")
            yield f"{block.left_words[:1].upper()}{block.left_words[1:]}."


def _cell(text: str) -> str:
    """Text in a table's cell: nothing in it is markup, or ends the cell."""
    coded = escaped(text) if text else ""
    for sign in "\\`*_[]<>|":
        coded = coded.replace(sign, f"&#{ord(sign)};")
    return coded


def _code(text: str) -> str:
    """Code in a table's cell, where a bar would end it even between backquotes."""
    coded = escaped(text)
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "&#124;")):
        coded = coded.replace(sign, entity)
    return f"<code>{coded}</code>"
