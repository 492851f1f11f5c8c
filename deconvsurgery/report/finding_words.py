"""A finding, an error and a whole check in words and places, for every form of a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from deconvsurgery.program.option_names import spoken
from deconvsurgery.rules.finding import Finding, Severity
from deconvsurgery.wording import plural

from .cells import Tone
from .phrases import escaped
from .repair_commands import repair_line

if TYPE_CHECKING:
    from deconvsurgery.errors import SurgeryError
    from deconvsurgery.verbs.check import CheckResult

TONES: Final = {
    Severity.ERROR: Tone.WRONG,
    Severity.WARNING: Tone.ODD,
    Severity.NOTE: Tone.LEARNED,
}


def net_words(result: CheckResult) -> str:
    """What the net is; nothing where there is none that could be read."""
    return "" if result.net_version is None else f"{result.net_version} net"


def model_words(result: CheckResult) -> str:
    """What the model is; nothing where there is none that could be read."""
    if result.model_version is None:
        return ""
    return f"{result.model_version} model, {plural(result.model_size or 0, 'byte')}"


def place_of(result: CheckResult, finding: Finding) -> tuple[str, int | None, int | None]:
    """File, line and column; what has no place in the net is the model's."""
    if finding.about == "model" and result.model is not None:
        return result.model, None, None
    return result.net or result.model or "", finding.line, finding.column


def error_file(result: CheckResult) -> str:
    """The file that an error is about."""
    path = None if result.error is None else result.error.path
    return path or result.net or result.model or ""


def error_place(result: CheckResult) -> str:
    """The file that an error is about, with line and column where they are known."""
    error = result.error
    numbers = (error.line, error.column) if error else ()
    return ":".join([escaped(error_file(result)), *(str(number) for number in numbers if number)])


def finding_words(finding: Finding) -> str:
    """The layer, where it is about one, and what is so."""
    layer = "" if finding.layer is None else f"{escaped(finding.layer)}: "
    return spoken(f"{layer}{finding.message}")


def repair_words(result: CheckResult, finding: Finding) -> str:
    """The command that repairs it, else what is to be done by hand."""
    line = repair_line(finding, result.net, result.model)
    return line or (spoken(finding.repair.words) if finding.repair else "by hand")


def error_words(error: SurgeryError) -> str:
    """An error in one line, with what to do about it."""
    return spoken(error.message + (f"; {error.hint}" if error.hint else ""))


def counted_words(findings: Iterable[Finding]) -> list[str]:
    """How many findings of each severity that there are."""
    count = Counter(finding.level for finding in findings)
    return [plural(count[level], str(level)) for level in Severity if count[level]]


def closing_words(results: Sequence[CheckResult]) -> str:
    """How many findings of which severity, in how much; what could not be checked.

    Where that is all there is to say it comes first: nobody shall take it for "No findings".
    """
    counts = counted_words([finding for result in results for finding in result.findings])
    failed = sum(result.error is not None for result in results)
    unread = f"{plural(failed, 'net')} could not be checked." if failed else ""
    if unread and not counts:
        rest = [result for result in results if result.error is None and result.looked_at]
        return f"{unread} Nothing was found in the rest: {_extent(rest)}." if rest else unread
    if not counts:
        return f"No findings: {_extent(results)}."
    words = counts[0] if len(counts) == 1 else f"{', '.join(counts[:-1])} and {counts[-1]}"
    return f"{words}; {_extent(results)}.{' ' * bool(unread)}{unread}"


def _extent(results: Sequence[CheckResult]) -> str:
    """How much was looked at."""
    looked = plural(sum(len(result.matched) for result in results), "matched layer")
    if len(results) != 1:
        looked += f" in {plural(sum(result.looked_at for result in results), 'net')}"
    ignored = sum(result.ignored for result in results)
    return looked + (f", {plural(ignored, 'finding')} ignored" if ignored else "")
