"""What ``regroup`` did or would do: a row a layer, one closing sentence."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from rich.console import RenderableType
from rich.text import Text

from deconvsurgery.matching.matched_layer import Target
from deconvsurgery.report.layout import (
    Cells,
    Layout,
    Remark,
    page,
)
from deconvsurgery.report.phrases import (
    LEARNED,
    NOTHING,
    ODD,
    QUIET,
    escaped,
    name_of,
)
from deconvsurgery.verbs.regroup import RegroupResult
from deconvsurgery.wording import dims, plural

WIDE: Layout = (
    ("layer",),
    ("line",),
    ("group",),
    ("→ new group",),
    ("shape",),
    ("→ new shape",),
    ("values",),
    ("action",),
)
LAYOUTS: tuple[Layout, ...] = (
    WIDE,
    (
        ("layer", "line"),
        ("group", "→ new group"),
        ("shape", "→ new shape"),
        ("action", "values"),
    ),
)


def regroup_report(result: RegroupResult, *, width: int, terminal: bool) -> RenderableType:
    """A table of the matched layers, what is to be said, and one closing sentence.

    Off a ``terminal`` a line a layer, complete, for ``soft_wrap=True``.
    """
    plan = result.regrouping
    rows = [
        _cells(place, each.group, each.shape, each.after, terminal)
        for each in plan.changes
        for place in each.places
    ]
    rows += [
        _cells(place, None, place.shape, None, terminal)
        for each in plan.kept
        for place in each.places
    ]
    said = list(_remarks(result, terminal))
    closing = closing_words(result)
    return page(rows, LAYOUTS, said, closing, width=width, terminal=terminal)


def _cells(
    target: Target,
    group: int | None,
    before: tuple[int, ...] | None,
    after: tuple[int, ...] | None,
    terminal: bool,
) -> Cells:
    values = f"{prod(before):,}" if before else NOTHING
    values += f" → {prod(after):,}" if after else ""
    return {
        "layer": Text(name_of(target.layer.name, terminal=terminal), "bold"),
        "line": Text(str(target.layer.line or NOTHING)),
        "group": Text(f"{target.layer.convolution_param.group:,}"),
        "→ new group": Text(f"→ {group:,}" if group else NOTHING),
        "shape": Text(dims(before)),
        "→ new shape": Text(f"→ {dims(after)}" if after else NOTHING),
        "values": Text(values),
        "action": Text(*(("regrouped", f"bold {LEARNED}") if after else ("unchanged", QUIET))),
    }


def _remarks(result: RegroupResult, terminal: bool) -> Iterator[Remark]:
    for change in result.regrouping.changes:
        for words in change.told:
            yield "note", QUIET, change.target.layer.name, words
    for each in result.regrouping.kept:
        yield "note", QUIET, each.target.layer.name, each.reason
    for words in result.warnings:
        yield "warning", ODD, None, words
    for words in result.notes:
        yield "note", QUIET, None, f"{escaped(result.net)}: {words}"
    if result.left_alone:
        names = ", ".join(
            f"{name_of(each.name, terminal=terminal)} ({name_of(each.type, terminal=terminal)})"
            for each in result.left_alone[:5]
        )
        more = len(result.left_alone) - 5
        yield "left alone", QUIET, None, names + (f", +{more:,}" if more > 0 else "")


def closing_words(result: RegroupResult) -> str:
    """One sentence on the layers and bytes, one on the files."""
    plan = result.regrouping
    changed, kept = (
        sum(len(each.places) for each in several) for several in (plan.changes, plan.kept)
    )
    if not plan.changes:
        sentence = "Nothing had to change" if result.written else "Nothing would change"
    else:
        verb = "Regrouped" if result.written else "Would regroup"
        sentence = f"{verb} {changed:,} of {plural(changed + kept, 'matched layer')}"
        if result.output_size is not None:
            sentence += f": {result.input_size:,} → {plural(result.output_size, 'byte')}"
    if not result.written:
        return f"{sentence}. Nothing was written."
    return (
        f"{sentence}. Wrote {escaped(result.net_output or '')} and {escaped(result.output or '')}."
    )
