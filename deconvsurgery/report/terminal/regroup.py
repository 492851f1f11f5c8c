"""What ``regroup`` did or would do: a row a layer, one closing sentence."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING

from deconvsurgery.report.cells import Cell, Cells, Remark, Tone, note
from deconvsurgery.report.closing import closing
from deconvsurgery.report.layer_words import other_layers
from deconvsurgery.report.phrases import NOTHING, Medium, escaped, name_of
from deconvsurgery.wording import dims, plural

from .layout import Layout, columns, page

if TYPE_CHECKING:
    from rich.console import RenderableType

    from deconvsurgery.matching.matched_layer import MatchedLayer
    from deconvsurgery.verbs.regroup import RegroupResult

LAYOUTS: tuple[Layout, ...] = (
    columns("layer", "line", "group", "new group", "shape", "new shape", "values", "action"),
    (("layer", "line"), ("group", "new group"), ("shape", "new shape"), ("action", "values")),
)


def regroup_report(result: RegroupResult, medium: Medium) -> RenderableType:
    """A table of the matched layers, what is to be said, and one closing sentence.

    In a pipe a line a layer, complete, for ``soft_wrap=True``.
    """
    plan = result.regrouping
    rows = [
        _cells(place, change.group, change.shape, change.after, medium)
        for change in plan.changes
        for place in change.places
    ]
    rows += [
        _cells(place, None, place.shape, None, medium)
        for kept in plan.kept
        for place in kept.places
    ]
    return page(rows, LAYOUTS, list(_remarks(result, medium)), closing_words(result), medium)


def _cells(
    target: MatchedLayer,
    group: int | None,
    before: tuple[int, ...] | None,
    after: tuple[int, ...] | None,
    medium: Medium,
) -> Cells:
    values = f"{prod(before):,}" if before else NOTHING
    values += f" → {prod(after):,}" if after else ""
    return {
        "layer": Cell(name_of(target.layer.name, medium), Tone.NAME),
        "line": Cell(str(target.layer.line or NOTHING)),
        "group": Cell(f"{target.layer.convolution_param.group:,}"),
        "new group": Cell(f"→ {group:,}" if group else NOTHING),
        "shape": Cell(dims(before)),
        "new shape": Cell(f"→ {dims(after)}" if after else NOTHING),
        "values": Cell(values),
        "action": Cell("regrouped", Tone.CHANGED) if after else Cell("unchanged", Tone.QUIET),
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
