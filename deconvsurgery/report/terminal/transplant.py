"""What ``transplant`` did or would do: a row a layer, what was dropped, one closing sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from deconvsurgery.plans.apply.plan_types import Skip
from deconvsurgery.report.layout import (
    Cells,
    Layout,
    Remark,
    page,
)
from deconvsurgery.report.phrases import (
    GOOD,
    LEARNED,
    NOTHING,
    ODD,
    QUIET,
    WRONG,
    escaped,
    name_of,
)
from deconvsurgery.verbs.transplant import NewLayer, TransplantResult
from deconvsurgery.wording import dims, plural

STYLES = {
    "copied": GOOD,
    "coerced": f"bold {LEARNED}",
    "expanded": f"bold {LEARNED}",
    "forced": WRONG,
    "constant": QUIET,
    "filled": f"bold {GOOD}",
    "left to Caffe": ODD,
}
WIDE: Layout = (("layer",), ("type",), ("from",), ("was",), ("shape",), ("action",))
LAYOUTS: tuple[Layout, ...] = (
    WIDE,
    (("layer", "type"), ("from",), ("was", "shape"), ("action",)),
)
MOST_DROPPED = 20


def transplant_report(result: TransplantResult, *, width: int, terminal: bool) -> RenderableType:
    """A table of the layers with weights, and what is to be said about them.

    Off a ``terminal`` a line a layer, complete, for ``soft_wrap=True``.
    """
    weighted = [each for each in result.layers if each.action is not None]
    rows = [_cells(each, terminal) for each in weighted]
    said = list(_remarks(result))
    closing = closing_words(result)
    return page(rows, LAYOUTS, said, closing, width=width, terminal=terminal)


def _cells(each: NewLayer, terminal: bool) -> Cells:
    was = [dims(old) for _, _, old in each.blobs if old is not None]
    action = each.action or NOTHING
    old = name_of(each.old, terminal=terminal) if each.old is not None else NOTHING
    return {
        "layer": Text(name_of(each.layer.name, terminal=terminal), "bold"),
        "type": Text(name_of(each.layer.type, terminal=terminal), QUIET),
        "from": Text(old),
        "was": Text(", ".join(was) or NOTHING),
        "shape": Text(", ".join(dims(new) for _, new, _ in each.blobs) or NOTHING),
        "action": Text(action, STYLES[action]),
    }


def _remarks(result: TransplantResult) -> Iterator[Remark]:
    for each in result.layers:
        for words in each.told:
            yield "note", LEARNED, each.layer.name, words
    for row in result.plan.rows if result.plan else ():
        if isinstance(row, Skip):
            yield "skipped", ODD, row.target.layer.name, row.reason
        for words in row.warnings:
            yield "warning", ODD, row.target.layer.name, words
    dropped = result.grafting.dropped
    if dropped:
        more = f", … +{len(dropped) - MOST_DROPPED:,}" if len(dropped) > MOST_DROPPED else ""
        yield "dropped", ODD, None, ", ".join(map(repr, dropped[:MOST_DROPPED])) + more
    for words in result.warnings:
        yield "warning", ODD, None, words


def closing_words(result: TransplantResult) -> str:
    """One sentence on the layers, one on the file."""
    count = Counter(each.action for each in result.layers if each.action is not None)
    done = ", ".join(f"{count[action]:,} {action}" for action in STYLES if count[action])
    sentence = f"{plural(count.total(), 'layer')} with weights: {done or 'none'}"
    dropped = len(result.grafting.dropped)
    if dropped:
        sentence += f"; {plural(dropped, 'old layer')} dropped"
    if not result.written:
        return f"{sentence}. Nothing was written."
    place = "standard output" if result.output == "-" else escaped(result.output or "")
    return f"{sentence}. Wrote {place}, {plural(result.output_size, 'byte')}."
