"""What ``transplant`` did or would do: a row a layer, what was dropped, one closing sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from deconvsurgery.plans.apply.plan_types import ApplySkip
from deconvsurgery.report.cells import Cell, Cells, Remark, Tone, note
from deconvsurgery.report.closing import closing, place_words
from deconvsurgery.report.phrases import NOTHING, Medium, name_of
from deconvsurgery.verbs.transplant import TransplantAction
from deconvsurgery.wording import dims, listed, plural

from .sheet import Layout, Sheet, columns

if TYPE_CHECKING:
    from deconvsurgery.verbs.transplant import NewLayer, TransplantResult

_TONES: Final = {
    TransplantAction.COPIED: Tone.GOOD,
    TransplantAction.COERCED: Tone.CHANGED,
    TransplantAction.EXPANDED: Tone.CHANGED,
    TransplantAction.FORCED: Tone.WRONG,
    TransplantAction.CONSTANT: Tone.QUIET,
    TransplantAction.FILLED: Tone.NEW,
    TransplantAction.LEFT: Tone.ODD,
}
LAYOUTS: tuple[Layout, ...] = (
    columns("layer", "type", "from", "was", "shape", "action"),
    (("layer", "type"), ("from",), ("was", "shape"), ("action",)),
)
_MOST_DROPPED: Final = 20


def transplant_report(result: TransplantResult, medium: Medium) -> Sheet:
    """A table of the layers with weights, and what is to be said about them.

    In a pipe a line a layer, complete.
    """
    rows = [_cells(new, medium) for new in result.layers if new.action in _TONES]
    return Sheet(rows, LAYOUTS, list(_remarks(result)), closing_words(result), medium)


def _cells(new: NewLayer, medium: Medium) -> Cells:
    was = [dims(old) for _, _, old in new.blobs if old is not None]
    return {
        "layer": Cell(name_of(new.layer.name, medium), Tone.NAME),
        "type": Cell(name_of(new.layer.type, medium), Tone.QUIET),
        "from": Cell(NOTHING if new.old is None else name_of(new.old, medium)),
        "was": Cell(", ".join(was) or NOTHING),
        "shape": Cell(", ".join(dims(shape) for _, shape, _ in new.blobs) or NOTHING),
        "action": Cell(new.action, _TONES[new.action]),
    }


def _remarks(result: TransplantResult) -> Iterator[Remark]:
    for new in result.layers:
        for words in new.told:
            yield note(words, new.layer.name)
    for row in result.plan.layers if result.plan else ():
        if isinstance(row, ApplySkip):
            yield Remark("skipped", Tone.ODD, row.target.layer.name, row.reason)
        for words in row.warnings:
            yield Remark("warning", Tone.ODD, row.target.layer.name, words)
    dropped = result.grafting.dropped
    if dropped:
        words = listed([repr(name) for name in dropped], _MOST_DROPPED)
        yield Remark("dropped", Tone.ODD, None, words)
    for words in result.warnings:
        yield Remark("warning", Tone.ODD, None, words)


def closing_words(result: TransplantResult) -> str:
    """One sentence on the layers, one on the file."""
    count = Counter(new.action for new in result.layers if new.action in _TONES)
    actions = ", ".join(f"{count[action]:,} {action}" for action in _TONES if count[action])
    done = f"{plural(count.total(), 'layer')} with weights: {actions or 'none'}"
    dropped = len(result.grafting.dropped)
    if dropped:
        done += f"; {plural(dropped, 'old layer')} dropped"
    place = place_words(result.output)
    return closing(done, place, written=result.written, size=result.output_size)
