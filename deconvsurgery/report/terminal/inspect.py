"""What ``inspect`` found: a row a layer, and below it what is to be said about each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from deconvsurgery.report.cells import Cells, Remark
from deconvsurgery.report.finding_words import TONES
from deconvsurgery.report.inspect_rows import (
    HEADINGS,
    closing_words,
    findings_together,
    inspect_cells,
    inspect_files,
    inspect_findings,
    inspect_remarks,
    phase_words,
)
from deconvsurgery.report.phrases import Medium, escaped

from .layout import (
    Layout,
    Lines,
    closing_line,
    columns,
    plain_remarks,
    plain_table,
    remarks,
    table,
)

if TYPE_CHECKING:
    from deconvsurgery.verbs.inspect import InspectResult

    from .pictures import LookedAt

LAYOUTS: tuple[Layout, ...] = (
    columns(*HEADINGS),
    (
        ("layer", "type"),
        ("phase", "matched"),
        ("shape", "group"),
        ("kernel", "stride/pad"),
        ("bias",),
        ("weights", "role"),
    ),
    (
        ("layer", "type", "matched"),
        ("shape", "group", "bias"),
        ("kernel", "stride", "pad"),
        ("weights", "role", "phase"),
    ),
)


def inspect_report(
    result: InspectResult, medium: Medium, *, every_layer: bool = False, pictures: bool = True
) -> RenderableType:
    """What the files are, a table of their layers, pictures, findings, and one closing sentence.

    Without ``pictures`` none are drawn, also where weights were looked at. In a pipe a line a layer
    and a line a finding, for ``soft_wrap=True``.
    """
    rows = inspect_cells(result, medium, every_layer=every_layer)
    looked_at = list(_looked_at(result)) if pictures else []
    notes = list(inspect_remarks(result))
    closing = closing_words(result)
    if medium.width is None:
        lines = [f"{escaped(file.path)}: {file.words}" for file in inspect_files(result)]
        lines += plain_table(rows, LAYOUTS[0]) if rows else []
        for layer in looked_at:
            from .pictures import plain_layer_pictures

            lines += plain_layer_pictures(*layer)
        return Lines([*lines, *plain_remarks(notes), *_plain_findings(result), closing])
    parts = list(_heads(result, rows))
    if rows:
        parts += [Text(""), table(rows, LAYOUTS, medium.width)]
    for layer in looked_at:
        from .pictures import layer_pictures

        parts += [Text(""), layer_pictures(*layer)]
    for name, words, finding in findings_together(result):
        notes.append(Remark(finding.id, TONES[finding.level], name, words))
    if notes:
        parts += [Text(""), remarks(notes)]
    return Group(*parts, Text(""), closing_line(closing))


def _heads(result: InspectResult, rows: list[Cells]) -> Iterator[RenderableType]:
    """A line a file; the net's has the phases where no column does."""
    for file in inspect_files(result):
        line = Text(overflow="fold").append(escaped(file.path), "bold").append(f"  {file.words}")
        if file.kind == "net" and rows and "phase" not in rows[0]:
            line.append(f", phase {phase_words(result.layers[0])}")
        yield line


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
