"""What ``check`` found as a document: keys are API and only ever added."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from deconvsurgery.report.repair_commands import repair_line
from deconvsurgery.report.terminal.check import place_of
from deconvsurgery.rules.finding import Finding, Severity
from deconvsurgery.verbs.check import CheckResult

from .apply_inspect_kernel import Document, document, error_fields


def check_document(results: Sequence[CheckResult], *, passed: bool) -> Document:
    """The pairs, and the findings of all of them in one list."""
    found = [(result, finding) for result in results for finding in result.findings]
    count = Counter(finding.level for _, finding in found)
    return document(
        "check",
        passed=passed,
        pairs=[
            {
                "net": result.net,
                "model": result.model,
                "net_version": result.net_version,
                "model_version": result.model_version,
                "model_size": result.model_size,
                "matched": result.matched,
                "findings": len(result.findings),
                "passed": result.passed,
                "notes": result.notes,
                "error": None if result.error is None else error_fields(result.error),
            }
            for result in results
        ],
        findings=[_found(result, finding) for result, finding in found],
        summary={
            "errors": count[Severity.ERROR],
            "warnings": count[Severity.WARNING],
            "notes": count[Severity.NOTE],
            "rules": dict(sorted(Counter(finding.id for _, finding in found).items())),
        },
    )


def _found(result: CheckResult, finding: Finding) -> Document:
    file, line, column = place_of(result, finding)
    return {
        "id": finding.id,
        "name": finding.rule.name,
        "severity": finding.level,
        "message": finding.message,
        "net": result.net,
        "model": result.model,
        "file": file,
        "line": line,
        "column": column,
        "layer": finding.layer,
        "numbers": dict(finding.numbers),
        "repair": finding.repair.words if finding.repair else None,
        "command": repair_line(finding, result.net, result.model),
    }
