"""What ``inspect`` found: a row a layer, and below it what is to be said about each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from deconvsurgery.report.inspect_rows import (
    HEADINGS,
    closing_words,
    inspect_cells,
    inspect_files,
    inspect_findings,
    inspect_remarks,
)
from deconvsurgery.report.phrases import Medium, escaped

from .sheet import Lines, columns, plain_remarks, plain_table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from deconvsurgery.verbs.inspect import InspectResult

    from .pictures import LookedAt


def inspect_report(
    result: InspectResult, medium: Medium, *, every_layer: bool = False, pictures: bool = True
) -> Lines | RenderableType:
    """What the files are, a table of their layers, pictures, findings, and one closing sentence.

    Without ``pictures`` none are drawn, also where weights were looked at. In a pipe a line a layer
    and a line a finding.
    """
    rows = inspect_cells(result, medium, every_layer=every_layer)
    looked_at = list(_looked_at(result)) if pictures else []
    notes = list(inspect_remarks(result))
    if medium.width is None:
        lines = [f"{escaped(file.path)}: {file.words}" for file in inspect_files(result)]
        lines += plain_table(rows, columns(*HEADINGS)) if rows else []
        for layer in looked_at:
            from .pictures import plain_layer_pictures

            lines += plain_layer_pictures(*layer)
        lines += [*plain_remarks(notes), *_plain_findings(result)]
        return Lines([*lines, closing_words(result)])
    from .inspect_table import inspect_table

    return inspect_table(result, rows, looked_at, notes, medium.width)


def _looked_at(result: InspectResult) -> Iterator[LookedAt]:
    """Deconvolutions of the model and their weights, where pictures are wanted."""
    from deconvsurgery.pictures.layer_pictures import RowPictures

    from .pictures import LookedAt

    sights = result.pictures.sights if isinstance(result.pictures, RowPictures) else ()
    for row, seen in zip(result.layers, sights, strict=bool(sights)):
        if row.weights is not None:
            yield LookedAt(row.name, row.weights, seen)


def _plain_findings(result: InspectResult) -> Iterator[str]:
    file = escaped(result.net or result.model or "")
    for name, finding in inspect_findings(result):
        place = "" if finding.line is None else f":{finding.line}"
        layer = "" if name is None else f" {escaped(name)}"
        yield f"{file}{place}: {finding.id}{layer}: {escaped(finding.message)}"
