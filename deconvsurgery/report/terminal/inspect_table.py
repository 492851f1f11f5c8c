"""What ``inspect`` found, on a terminal: a table, pictures, and what is to be said about each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from deconvsurgery.report.cells import Cells, Remark
from deconvsurgery.report.finding_words import TONES
from deconvsurgery.report.inspect_rows import (
    HEADINGS,
    closing_words,
    findings_together,
    inspect_files,
    phase_words,
)
from deconvsurgery.report.phrases import escaped

from .layout import closing_line, remarks, table
from .sheet import Layout, columns

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


def inspect_table(
    result: InspectResult,
    rows: Sequence[Cells],
    looked_at: Sequence[LookedAt],
    notes: Sequence[Remark],
    width: int,
) -> RenderableType:
    """The files, the ``rows`` of their layers, pictures of those looked at, notes and findings."""
    parts = list(_heads(result, rows))
    if rows:
        parts += [Text(""), table(rows, LAYOUTS, width)]
    for layer in looked_at:
        from .pictures import layer_pictures

        parts += [Text(""), layer_pictures(*layer)]
    found = [
        Remark(finding.id, TONES[finding.level], name, words)
        for name, words, finding in findings_together(result)
    ]
    if notes or found:
        parts += [Text(""), remarks([*notes, *found])]
    return Group(*parts, Text(""), closing_line(closing_words(result)))


def _heads(result: InspectResult, rows: Sequence[Cells]) -> Iterator[RenderableType]:
    """A line a file; the net's has the phases where no column does."""
    for file in inspect_files(result):
        line = Text(overflow="fold").append(escaped(file.path), "bold").append(f"  {file.words}")
        if file.kind == "net" and rows and "phase" not in rows[0]:
            line.append(f", phase {phase_words(result.layers[0])}")
        yield line
