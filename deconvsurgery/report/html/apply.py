"""The page of ``apply``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deconvsurgery.pictures.layer_pictures import Pictures
from deconvsurgery.plans.apply.plan_types import ApplyChange, ApplySkip
from deconvsurgery.report.apply_rows import HEADINGS, apply_cells, apply_remarks, closing_words
from deconvsurgery.report.phrases import PIPE, number
from deconvsurgery.wording import plural

from .graph import way_section
from .layers import Beside, layers_section
from .page_frame import file_fact, file_name, layers_table, page, remarks

if TYPE_CHECKING:
    from deconvsurgery.verbs.apply import ApplyResult

    from .elements import Markup


def apply_page(result: ApplyResult) -> bytes:
    """What was done, or would be, to which files and layers."""
    rows = [apply_cells(row, PIPE) for row in result.plan.layers]
    pictures = result.pictures if isinstance(result.pictures, Pictures) else None
    return page(
        "apply",
        file_name(result.input if result.output in (None, "-") else result.output),
        closing_words(result),
        list(_files(result)),
        layers_table("Matched layers", HEADINGS, rows),
        remarks(list(apply_remarks(result, PIPE))),
        way_section(pictures.ways) if pictures else None,
        layers_section(pictures, [_beside(row) for row in result.plan.layers]),
    )


def _files(result: ApplyResult) -> list[tuple[str, Markup]]:
    files = [
        ("net", file_fact(result.net)),
        ("model", file_fact(result.input, plural(result.input_size, "byte"))),
    ]
    if result.output is not None:
        size = "" if result.output_size is None else plural(result.output_size, "byte")
        shown = "standard output" if result.output == "-" else result.output
        files.append(("output", file_fact(shown, size)))
    if result.patch is not None:
        files.append(("patch", file_fact(result.patch, "undoes it (revert)")))
    return files


def _beside(row: ApplyChange | ApplySkip) -> Beside:
    if isinstance(row, ApplySkip):
        return Beside()
    numbers = [
        ("before", str(row.before.state)),
        ("after", str(row.after.state)),
        ("max |Δ|", number(row.max_abs_change)),
        ("values changed", f"{row.values_changed:,} of {row.values:,}"),
    ]
    return Beside(numbers, row.warnings)
