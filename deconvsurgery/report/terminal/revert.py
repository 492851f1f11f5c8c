"""What ``revert`` did or would do: what is to be said, and one closing sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deconvsurgery.report.cells import Remark, Tone
from deconvsurgery.report.closing import closing
from deconvsurgery.report.phrases import Medium, escaped
from deconvsurgery.wording import plural

from .sheet import Sheet

if TYPE_CHECKING:
    from deconvsurgery.verbs.revert import RevertResult


def revert_report(result: RevertResult, medium: Medium) -> Sheet:
    """Warnings, and what was restored."""
    notes = [Remark("warning", Tone.ODD, None, words) for words in result.warnings]
    return Sheet([], (), notes, closing_words(result), medium)


def closing_words(result: RevertResult) -> str:
    """What was restored, and where it is."""
    changed, output = escaped(result.input), escaped(result.output or "")
    if result.already:
        words = f"Nothing had to be undone: {changed} is the original already"
        return f"{words}; wrote {output}." if result.written and output != changed else f"{words}."
    verb = "Restored" if result.written else "Would restore"
    done = (
        f"{verb} {plural(result.restored, 'byte')} of the original's "
        f"{result.size_after:,} (SHA-256 {result.sha256})"
    )
    if result.written and output == changed:
        return f"{done}: {output} is what it was."
    return closing(done, output, written=result.written)
