"""What ``apply`` did or would do: the table of differences and the closing words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deconvsurgery.report.apply_rows import HEADINGS, apply_cells, apply_remarks, closing_words

from .sheet import Layout, Sheet, columns

if TYPE_CHECKING:
    from deconvsurgery.report.phrases import Medium
    from deconvsurgery.verbs.apply import ApplyResult

# The first that fits is taken: on 80 columns FCN's layers take two lines each, or three.
LAYOUTS: tuple[Layout, ...] = (
    columns(*HEADINGS),
    (
        ("layer", "type"),
        ("shape", "group"),
        ("kernel", "stride/pad"),
        ("before", "after"),
        ("max |Δ|", "values changed"),
        ("action",),
    ),
    (
        ("layer", "type"),
        ("shape", "group"),
        ("kernel", "stride/pad"),
        ("action", "before → after"),
        ("max |Δ|", "values changed"),
    ),
    (
        ("layer", "type"),
        ("shape", "group"),
        ("kernel", "stride", "pad"),
        ("action", "before", "after"),
        ("max |Δ|", "values changed"),
    ),
)


def apply_report(result: ApplyResult, medium: Medium) -> Sheet:
    """A table of the matched layers, what is to be said about them, and one closing sentence.

    In a pipe a line a layer, complete.
    """
    rows = [apply_cells(row, medium) for row in result.plan.layers]
    notes = list(apply_remarks(result, medium))
    return Sheet(rows, LAYOUTS, notes, closing_words(result), medium)
