"""What ``patch-net`` did or would do: a row a field, warnings, one closing sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from deconvsurgery.plans.patch_net.plan import LayerPatch, PatchNetAction
from deconvsurgery.report.cells import Cell, Cells, Remark, Tone, note
from deconvsurgery.report.closing import closing, is_in_place, place_words, unchanged
from deconvsurgery.report.field_words import value_words
from deconvsurgery.report.layer_words import left_alone_words
from deconvsurgery.report.phrases import NOTHING, Medium, escaped, name_of
from deconvsurgery.wording import plural

from .sheet import Layout, Sheet, columns

if TYPE_CHECKING:
    from deconvsurgery.plans.patch_net.field_changes import FieldChange
    from deconvsurgery.verbs.patch_net import PatchNetResult

_TONES: Final = {
    PatchNetAction.PATCHED: Tone.CHANGED,
    PatchNetAction.UNCHANGED: Tone.QUIET,
    PatchNetAction.SKIPPED: Tone.ODD,
}
_WIDE: Final = ("layer", "line", "field", "before", "after", "action")
LAYOUTS: tuple[Layout, ...] = (
    columns(*_WIDE),
    (("layer",), ("line",), ("change",), ("action",)),
    (("layer", "line", "action"), ("field", "before", "after")),
)
_LAYOUTS_OF_SEVERAL: tuple[Layout, ...] = (
    columns("net", *_WIDE),
    (("net", "layer"), ("line",), ("change",), ("action",)),
    (("net", "layer", "line", "action"), ("field", "before", "after")),
)


def patch_net_report(result: PatchNetResult, medium: Medium) -> Sheet:
    """A table of the fields that change, what is to be said of their layers, a closing sentence.

    In a pipe a line a field, complete.
    """
    rows = [cells for layer in result.layers for cells in _rows(layer, medium)]
    notes = list(_remarks(result, medium))
    return Sheet(rows, LAYOUTS, notes, closing_words(result), medium)


def patches_report(results: Sequence[PatchNetResult], medium: Medium, *, dry_run: bool) -> Sheet:
    """One page for several nets, of what changes in them; what is right already is not listed."""
    rows = [
        {"net": Cell(name_of(result.net, medium), Tone.QUIET), **cells}
        for result in results
        for layer in result.layers
        if layer.action is not PatchNetAction.UNCHANGED
        for cells in _rows(layer, medium)
    ]
    notes = [
        remark._replace(
            layer=result.net
            if remark.layer in (None, result.net)
            else f"{result.net}: {remark.layer}"
        )
        for result in results
        for remark in _remarks(result, medium)
    ]
    words = _closing_words_of(results, dry_run=dry_run)
    return Sheet(rows, _LAYOUTS_OF_SEVERAL, notes, words, medium)


def _rows(layer: LayerPatch, medium: Medium) -> Iterator[Cells]:
    """A row for each field; on a terminal the layer is named in the first of them."""
    action = str(layer.action)
    if layer.reason is not None and not medium.terminal:
        action += f": {escaped(layer.reason)}"
    for place, change in enumerate(layer.changes or (None,)):
        named = not (medium.terminal and place)
        yield {
            "layer": Cell(name_of(layer.name, medium) if named else NOTHING, Tone.NAME),
            "line": Cell(str(layer.line) if named else NOTHING, Tone.QUIET),
            **_change_cells(change),
            "action": Cell(action if named else NOTHING, _TONES[layer.action]),
        }


def _change_cells(change: FieldChange | None) -> Cells:
    if change is None:
        return dict.fromkeys(("field", "before", "after", "change"), Cell(NOTHING))
    field = change.field.removeprefix("convolution_param.")
    before = value_words(change.before)
    after = Cell(f"→ {value_words(change.after)}", Tone.GOOD)
    return {
        "field": Cell(field),
        "before": Cell(before),
        "after": after,
        "change": Cell(f"{field} {before}", then=after),
    }


def _remarks(result: PatchNetResult, medium: Medium) -> Iterator[Remark]:
    for layer in result.layers:
        if layer.reason is not None and medium.terminal:
            yield Remark("skipped", Tone.ODD, layer.name, layer.reason)
    for words, names in _alike(result).items():
        more = f" (so has {plural(len(names) - 1, 'other layer')})" if len(names) > 1 else ""
        yield Remark("warning", Tone.ODD, names[0], words + more)
    for words in result.warnings:
        yield Remark("warning", Tone.ODD, None, words)
    for words in result.notes:
        yield note(words, result.net)
    if result.left_alone:
        yield Remark("left alone", Tone.QUIET, None, left_alone_words(result.left_alone, medium))


def _alike(result: PatchNetResult) -> dict[str, list[str]]:
    """Each warning with the layers that have it: what all layers share is said once."""
    found: dict[str, list[str]] = {}
    for layer in result.layers:
        for words in layer.warnings:
            found.setdefault(words, []).append(layer.name)
    return found


def closing_words(result: PatchNetResult) -> str:
    """One sentence on the layers, one on the file, in one tense."""
    dry_run, would = result.output is None, not result.written
    place, in_place = place_words(result.output), is_in_place(result.output, result.net)
    count = Counter(layer.action for layer in result.layers)
    if not result.changed:
        why = "Nothing would change" if dry_run else "Nothing had to change"
        if not result.layers:
            why = "No layer matched"
        elif count[PatchNetAction.SKIPPED] == len(result.layers):
            why = f"{why}: every matched layer {'would be' if dry_run else 'was'} skipped"
        if dry_run:
            return closing(why, place, written=False)
        return f"{why}. {unchanged(place, 'the net', in_place=in_place)}"
    fields = sum(len(layer.changes) for layer in result.layers)
    done = (
        f"{'Would patch' if would else 'Patched'} {count[PatchNetAction.PATCHED]:,} of "
        f"{plural(len(result.layers), 'matched layer')}, {plural(fields, 'field')}; every other "
        f"character {'would be' if would else 'is'} the net's own"
    )
    return closing(done, place, written=not would, in_place=in_place)


def _closing_words_of(results: Sequence[PatchNetResult], *, dry_run: bool) -> str:
    changed = [result for result in results if result.changed]
    failed = sum(result.error is not None for result in results)
    files = plural(len(results), "file")
    words = f"Nothing {'would' if dry_run else 'had to'} change in {files}."
    if changed:
        patched = [layer for result in changed for layer in result.layers if layer.changes]
        fields = sum(len(layer.changes) for layer in patched)
        words = (
            f"{'Would patch' if dry_run else 'Patched'} {len(changed):,} of {files}: "
            f"{plural(len(patched), 'layer')}, {plural(fields, 'field')}; every other character "
            f"{'would be' if dry_run else 'is'} the nets' own."
        )
    if dry_run:
        words += " Nothing was written."
    return words + (f" {plural(failed, 'file')} could not be patched." if failed else "")
