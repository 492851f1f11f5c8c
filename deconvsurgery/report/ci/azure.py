"""What ``check`` found as Azure Pipelines' logging commands, which it shows beside the job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from deconvsurgery.report.finding_words import (
    closing_words,
    error_file,
    error_words,
    finding_words,
    place_of,
    repair_words,
)
from deconvsurgery.report.phrases import escaped
from deconvsurgery.report.repair_block import TITLE, repair_block
from deconvsurgery.rules.finding import Finding, Severity

from .file_names import tracked

if TYPE_CHECKING:
    from deconvsurgery.verbs.check import CheckResult

# A command ends with its line and its properties with a bracket; the percent sign's own code is
# read back last. https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands, and
# escapeData and escape of azure-pipelines-task-lib, node/taskcommand.ts.
_CODES: Final = str.maketrans({"%": "%AZP25", "\r": "%0D", "\n": "%0A"})
_PROPERTY_CODES: Final = _CODES | str.maketrans({"]": "%5D", ";": "%3B"})


def azure_lines(results: Sequence[CheckResult]) -> Iterator[str]:
    """A command for each error and warning, a plain line for each note; last what was found.

    There is no command for what is neither an error nor a warning.
    """
    for result in results:
        for finding in result.findings:
            yield _finding_line(result, finding)
        if result.error is not None:
            error = result.error
            properties = {
                "type": "error",
                "sourcepath": tracked(error_file(result)),
                "linenumber": error.line,
                "columnnumber": error.column,
                "code": type(error).__name__,
            }
            yield _command(properties, error_words(error))
        if (block := repair_block(result)) is not None:
            file = tracked(result.net or result.model or "")
            yield _plain(f"{escaped(file)}: {TITLE}: {block.line} ({block.left_words})")
    yield closing_words(results)


def _finding_line(result: CheckResult, finding: Finding) -> str:
    file, line, column = place_of(result, finding)
    words = f"{finding.id} {finding_words(finding)}\nRepair: {repair_words(result, finding)}"
    if finding.level is Severity.NOTE:
        place = ":".join(str(each) for each in (line, column) if each is not None)
        words = words.replace("\n", "; ")
        return _plain(f"{escaped(tracked(file))}:{place}{':' if place else ''} note: {words}")
    properties = {
        "type": str(finding.level),
        "sourcepath": tracked(file),
        "linenumber": line,
        "columnnumber": column,
        "code": finding.id,
    }
    return _command(properties, words)


def _command(properties: Mapping[str, str | int | None], words: str) -> str:
    pairs = "".join(
        f"{name}={str(value).translate(_PROPERTY_CODES)};"
        for name, value in properties.items()
        if value is not None
    )
    return f"##vso[task.logissue {pairs}]{words.translate(_CODES)}"


def _plain(line: str) -> str:
    """A line of text: the agent looks for a command anywhere in it."""
    return escaped(line).replace("##", r"\x23#")
