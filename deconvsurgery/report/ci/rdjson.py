"""What ``check`` found in reviewdog's Diagnostic Format, with the changes that repair it.

https://github.com/reviewdog/reviewdog/tree/master/proto/rdf: reviewdog takes no key that it does
not know, columns count bytes, and a change is for one comment, at one place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any, Final

from deconvsurgery.report.finding_words import (
    error_file,
    error_words,
    finding_words,
    place_of,
    repair_words,
)
from deconvsurgery.report.json_documents.document import safe
from deconvsurgery.report.repair_block import TITLE, repair_block
from deconvsurgery.rules.finding import Finding, Severity
from deconvsurgery.rules.net_suggestions import FindingInText, Suggestion, TextPlace

from .file_names import tracked

if TYPE_CHECKING:
    from deconvsurgery.verbs.check import CheckResult

_SEVERITIES: Final = {
    Severity.ERROR: "ERROR",
    Severity.WARNING: "WARNING",
    Severity.NOTE: "INFO",
}


def rdjson_result(results: Sequence[CheckResult]) -> Mapping[str, Any]:
    """One list of all pairs' findings, of what could not be checked, and of what repairs a pair."""
    found = [each for result in results for each in _diagnostics(result)]
    return {"source": {"name": "deconvsurgery"}, "diagnostics": found}


def _diagnostics(result: CheckResult) -> Iterator[dict[str, Any]]:
    places = result.in_text or repeat(FindingInText())
    for finding, place in zip(result.findings, places, strict=False):
        yield _diagnostic(result, finding, place)
    if result.error is not None:
        error = result.error
        # Its column counts characters, and the text that would say the bytes is not at hand.
        yield {
            "message": safe(error_words(error)),
            "location": _location(error_file(result), error.line),
            "severity": "ERROR",
            "code": {"value": type(error).__name__},
        }
    if (block := repair_block(result)) is not None:
        yield {
            "message": safe("\n".join((f"{TITLE}:", *block.lines, block.left_words))),
            "location": _location(result.net or result.model or ""),
            "severity": "INFO",
        }


def _diagnostic(result: CheckResult, finding: Finding, place: FindingInText) -> dict[str, Any]:
    file, line, _ = place_of(result, finding)
    words = f"{finding_words(finding)}\nRepair: {repair_words(result, finding)}"
    found = {
        "message": safe(words),
        "location": _location(file, line, place.place),
        "severity": _SEVERITIES[finding.level],
        "code": {"value": finding.id},
    }
    if place.suggestion is not None:
        found["suggestions"] = [_suggestion(place.suggestion)]
    return found


def _location(file: str, line: int | None = None, place: TextPlace | None = None) -> dict[str, Any]:
    """A file and, as far as they are known, the line and the byte in it."""
    location: dict[str, Any] = {"path": safe(tracked(file))}
    if place is not None:
        location["range"] = {"start": place._asdict()}
    elif line is not None:
        location["range"] = {"start": {"line": line}}
    return location


def _suggestion(change: Suggestion) -> dict[str, Any]:
    place = {"start": change.start._asdict(), "end": change.stop._asdict()}
    return {"range": place, "text": change.text}
