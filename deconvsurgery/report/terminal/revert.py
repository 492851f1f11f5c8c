"""What ``revert`` did or would do: what is to be said, and one closing sentence."""

from __future__ import annotations

from rich.console import RenderableType

from deconvsurgery.report.layout import page
from deconvsurgery.report.phrases import (
    ODD,
    escaped,
)
from deconvsurgery.verbs.revert import RevertResult
from deconvsurgery.wording import plural


def revert_report(result: RevertResult, *, width: int, terminal: bool) -> RenderableType:
    """Warnings, and what was restored."""
    said = [("warning", ODD, None, words) for words in result.warnings]
    return page([], (), said, closing_words(result), width=width, terminal=terminal)


def closing_words(result: RevertResult) -> str:
    """What was restored, and where it is."""
    changed, output = escaped(result.changed), escaped(result.output or "")
    if result.already:
        words = f"Nothing had to be undone: {changed} is the original already"
        return f"{words}; wrote {output}." if result.written and output != changed else f"{words}."
    verb = "Restored" if result.written else "Would restore"
    words = (
        f"{verb} {plural(result.restored, 'byte')} of the original's "
        f"{result.size_after:,} (SHA-256 {result.sha256})"
    )
    if not result.written:
        return f"{words}. Nothing was written."
    return (
        f"{words}: {output} is what it was." if output == changed else f"{words}. Wrote {output}."
    )
