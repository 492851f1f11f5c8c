"""What ``check`` found as SARIF 2.1.0, which GitHub, Azure and editors read.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from deconvsurgery.report.finding_words import error_file, error_words, finding_words, place_of
from deconvsurgery.report.json_documents.document import safe
from deconvsurgery.report.repair_block import TITLE, RepairBlock, repair_blocks
from deconvsurgery.report.repair_commands import repair_line
from deconvsurgery.rules.finding import RULES, CheckRule, Finding, explanation
from deconvsurgery.version import __version__

from .annotations import fingerprint_of
from .file_names import tracked, uri

if TYPE_CHECKING:
    from deconvsurgery.verbs.check import CheckResult

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_INDEX = {rule: number for number, rule in enumerate(RULES)}


def sarif_log(results: Sequence[CheckResult]) -> Mapping[str, Any]:
    """One run over all pairs.

    What could not be checked is a notification of its invocation, and so is what repairs a pair.
    """
    failed = [result for result in results if result.error is not None]
    invocation: dict[str, Any] = {"executionSuccessful": not failed}
    repairs = repair_blocks(results)
    if failed or repairs:
        invocation["toolExecutionNotifications"] = [
            *map(_notification, failed),
            *(_repair(*each) for each in repairs),
        ]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "deconvsurgery",
                        "semanticVersion": __version__,
                        "rules": [_rule(rule) for rule in RULES.values()],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "invocations": [invocation],
                "results": [
                    _result(result, finding) for result in results for finding in result.findings
                ],
            }
        ],
    }


def _rule(rule: CheckRule) -> dict[str, Any]:
    page = explanation(rule.id)
    return {
        "id": rule.id,
        "name": "".join(part.capitalize() for part in rule.name.split("-")),
        "shortDescription": {"text": f"{rule.summary[:1].upper()}{rule.summary[1:]}."},
        "fullDescription": {"text": _first_paragraph(page)},
        "help": {"text": page, "markdown": page},
        "defaultConfiguration": {"level": str(rule.severity)},
    }


def _first_paragraph(page: str) -> str:
    """What stands under a page's heading, as plain text."""
    return page.split("\n\n")[1].replace("\n", " ").replace("`", "")


def _result(result: CheckResult, finding: Finding) -> dict[str, Any]:
    file, line, column = place_of(result, finding)
    physical = {
        "artifactLocation": {"uri": uri(tracked(file))},
        # GitHub shows no result without a region: what has no line stands at the beginning.
        "region": {"startLine": line or 1, "startColumn": column or 1},
    }
    location: dict[str, Any] = {"physicalLocation": physical}
    if finding.layer is not None:
        location["logicalLocations"] = [{"name": safe(finding.layer), "kind": "layer"}]
    properties: dict[str, Any] = {
        "numbers": safe(dict(finding.numbers)),
        "stops": finding.stops,
    }
    if finding.repair is not None:
        properties["repair"] = safe(finding.repair.words)
        properties["command"] = safe(repair_line(finding, result.net, result.model))
    return {
        "ruleId": finding.id,
        "ruleIndex": _INDEX[finding.id],
        "level": str(finding.level),
        "message": {"text": safe(finding_words(finding))},
        "locations": [location],
        "partialFingerprints": {"deconvsurgery/v1": fingerprint_of(file, finding)},
        "properties": properties,
    }


def _notification(result: CheckResult) -> dict[str, Any]:
    error = result.error
    assert error is not None
    physical: dict[str, Any] = {"artifactLocation": {"uri": uri(tracked(error_file(result)))}}
    if error.line:
        physical["region"] = {"startLine": error.line, "startColumn": error.column or 1}
    return {
        "level": "error",
        "message": {"text": safe(error_words(error))},
        "descriptor": {"id": type(error).__name__},
        "locations": [{"physicalLocation": physical}],
    }


def _repair(result: CheckResult, block: RepairBlock) -> dict[str, Any]:
    """What repairs a pair, which is no result of its own: GitHub would show it as an alert."""
    file = tracked(result.net or result.model or "")
    return {
        "level": "note",
        "message": {"text": safe("\n".join((f"{TITLE}:", *block.lines, block.left_words)))},
        "descriptor": {"id": "repair"},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri(file)}}}],
        "properties": safe({"commands": block.commands, "leaves": block.leaves}),
    }
