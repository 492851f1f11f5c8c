"""What edits did or would do: a row a layer, one closing sentence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from deconvsurgery.plans.edit.plan import BlobAction, EditAction, LayerEdit
from deconvsurgery.report.cells import Cell, Cells, Remark, Tone, note
from deconvsurgery.report.closing import closing, is_in_place, place_words
from deconvsurgery.report.phrases import NOTHING, Medium, escaped, name_of
from deconvsurgery.wording import plural

from .sheet import Layout, Sheet, columns

if TYPE_CHECKING:
    from deconvsurgery.verbs.save_edits import EditResult

_TONES: Final = {
    EditAction.REWRITTEN: Tone.CHANGED,
    EditAction.RENAMED: Tone.CHANGED,
    EditAction.ADDED: Tone.NEW,
    EditAction.REMOVED: Tone.GONE,
}
LAYOUTS: tuple[Layout, ...] = (
    columns("layer", "type", "from", "blobs", "action"),
    (("layer", "type"), ("from",), ("blobs",), ("action",)),
)


def edit_report(result: EditResult, medium: Medium) -> Sheet:
    """A table of the layers that the edits change, and what is to be said about them."""
    rows = [_cells(row, medium) for row in result.layers]
    return Sheet(rows, LAYOUTS, list(_remarks(result)), closing_words(result), medium)


def _cells(row: LayerEdit, medium: Medium) -> Cells:
    renamed = row.was is not None and row.was != row.name
    words = "; ".join(each.words for each in row.blobs if each.action is not BlobAction.KEPT)
    return {
        "layer": Cell(name_of(row.name, medium), Tone.NAME),
        "type": Cell(name_of(row.type, medium) if row.type else NOTHING, Tone.QUIET),
        "from": Cell(name_of(row.was or "", medium) if renamed else NOTHING),
        "blobs": Cell(words or NOTHING),
        "action": Cell(row.action, _TONES[row.action]),
    }


def _remarks(result: EditResult) -> Iterator[Remark]:
    for row in result.layers:
        if row.reason is not None:
            yield note(row.reason, row.name)
    for words in result.warnings:
        yield Remark("warning", Tone.ODD, None, words)


def closing_words(result: EditResult) -> str:
    """One sentence on the layers, one on the file."""
    place, in_place = place_words(result.output), is_in_place(result.output, result.input)
    verb = "Edited" if result.written else "Would edit"
    changed = plural(len(result.layers), "layer")
    done = f"{verb} {changed} of {result.plan.total:,}: {plural(result.rewritten, 'byte')} are new"
    words = closing(done, place, written=result.written, in_place=in_place)
    if result.patch is None or not result.written:
        return words
    return f"{words} {escaped(result.patch)} undoes it (revert)."
