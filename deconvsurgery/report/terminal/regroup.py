"""What ``regroup`` did or would do: a row a layer, one closing sentence."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING

from deconvsurgery.plans.regroup.plan_types import RegroupAction
from deconvsurgery.report.cells import Cell, Cells, Remark, Tone, note
from deconvsurgery.report.closing import closing
from deconvsurgery.report.layer_words import other_layers
from deconvsurgery.report.phrases import NOTHING, Medium, escaped, name_of
from deconvsurgery.wording import dims, plural

from .sheet import Layout, Sheet, columns

if TYPE_CHECKING:
    from deconvsurgery.plans.regroup.plan_types import LayerRegroup
    from deconvsurgery.verbs.regroup import RegroupResult

LAYOUTS: tuple[Layout, ...] = (
    columns("layer", "line", "group", "new group", "shape", "new shape", "values", "action"),
    (("layer", "line"), ("group", "new group"), ("shape", "new shape"), ("action", "values")),
)


def regroup_report(result: RegroupResult, medium: Medium) -> Sheet:
    """A table of the matched layers, what is to be said, and one closing sentence.

    In a pipe a line a layer, complete.
    """
    rows = [_cells(row, medium) for row in result.layers]
    return Sheet(rows, LAYOUTS, list(_remarks(result, medium)), closing_words(result), medium)


def _cells(row: LayerRegroup, medium: Medium) -> Cells:
    (group, new_group), (before, after) = row.groups, row.shapes
    regrouped = row.action is RegroupAction.REGROUPED
    values = f"{prod(before):,}" if before else NOTHING
    values += f" → {prod(after):,}" if regrouped and after else ""
    return {
        "layer": Cell(name_of(row.name, medium), Tone.NAME),
        "line": Cell(str(row.line or NOTHING)),
        "group": Cell(f"{group:,}"),
        "new group": Cell(f"→ {new_group:,}" if regrouped else NOTHING),
        "shape": Cell(dims(before)),
        "new shape": Cell(f"→ {dims(after)}" if regrouped else NOTHING),
        "values": Cell(values),
        "action": Cell(row.action, Tone.CHANGED if regrouped else Tone.QUIET),
    }


def _remarks(result: RegroupResult, medium: Medium) -> Iterator[Remark]:
    for change in result.regrouping.changes:
        for words in change.told:
            yield note(words, change.target.layer.name)
    for kept in result.regrouping.kept:
        yield note(kept.reason, kept.target.layer.name)
    for words in result.warnings:
        yield Remark("warning", Tone.ODD, None, words)
    for words in result.notes:
        yield note(f"{escaped(result.net)}: {words}")
    if result.left_alone:
        others = [(layer.name, layer.type) for layer in result.left_alone]
        yield Remark("left alone", Tone.QUIET, None, other_layers(others, medium))


def closing_words(result: RegroupResult) -> str:
    """One sentence on the layers and bytes, one on the files."""
    plan = result.regrouping
    changed, kept = (sum(len(row.places) for row in rows) for rows in (plan.changes, plan.kept))
    if not plan.changes:
        done = "Nothing had to change" if result.written else "Nothing would change"
    else:
        verb = "Regrouped" if result.written else "Would regroup"
        done = f"{verb} {changed:,} of {plural(changed + kept, 'matched layer')}"
        if result.output_size is not None:
            done += f": {result.input_size:,} → {plural(result.output_size, 'byte')}"
    places = f"{escaped(result.net_output or '')} and {escaped(result.output or '')}"
    return closing(done, places, written=result.written)
