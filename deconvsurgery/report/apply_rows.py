"""What ``apply`` did or would do, in rows, remarks and closing words: for a terminal and a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from deconvsurgery.plans.apply.plan_types import ApplyAction, ApplyChange, ApplySkip
from deconvsurgery.wording import dims, plural

from .cells import Cell, Cells, Remark, Tone, note
from .closing import closing, is_in_place, place_words, unchanged
from .layer_words import left_alone_words, window_words
from .phrases import NOTHING, Medium, escaped, name_of, number, state_tone

if TYPE_CHECKING:
    from deconvsurgery.matching.matched_layer import MatchedLayer
    from deconvsurgery.verbs.apply import ApplyResult

HEADINGS: Final = (
    *("layer", "type", "shape", "group", "kernel", "stride", "pad"),
    *("before", "after", "max |Δ|", "values changed", "action"),
)
_TONES: Final = {
    ApplyAction.CREATED: Tone.NEW,
    ApplyAction.REWRITTEN: Tone.CHANGED,
    ApplyAction.UNCHANGED: Tone.QUIET,
    ApplyAction.SKIPPED: Tone.ODD,
}
_VERBS: Final = {
    ApplyAction.REWRITTEN: ("rewrite", "rewrote"),
    ApplyAction.CREATED: ("create", "created"),
}


def apply_cells(row: ApplyChange | ApplySkip, medium: Medium) -> Cells:
    """A layer's row; in a pipe it has the reason of a skip."""
    target = row.target
    action_words = str(row.action)
    if isinstance(row, ApplySkip) and not medium.terminal:
        action_words += f": {escaped(row.reason)}"
    before = Cell(str(row.before.state) if row.before else NOTHING, state_tone(row.before))
    if isinstance(row, ApplyChange):
        after = Cell(f"→ {row.after.state}", state_tone(row.after))
        both = before._replace(then=after)
        largest, changed = number(row.max_abs_change), f"{row.values_changed:,}/{row.values:,}"
    else:
        after, both, largest = Cell(NOTHING), before, NOTHING
        changed = f"0/{row.values:,}" if target.shape else NOTHING
    return {
        "layer": Cell(name_of(target.layer.name, medium), Tone.NAME),
        "type": Cell(name_of(target.layer.type, medium), Tone.QUIET),
        "shape": Cell(dims(target.shape)),
        **{heading: Cell(words) for heading, words in window_words(target).items()},
        "before": before,
        "after": after,
        "before → after": both,
        "max |Δ|": Cell(largest),
        "values changed": Cell(changed),
        "action": Cell(action_words, _TONES[row.action]),
    }


def apply_remarks(result: ApplyResult, medium: Medium) -> Iterator[Remark]:
    """Skips (which in a pipe have their reason in the row), warnings, other layers."""
    rows = result.plan.layers
    for row in rows:
        if isinstance(row, ApplySkip) and medium.terminal:
            yield Remark("skipped", Tone.ODD, row.target.layer.name, row.reason)
    for row in rows:
        for words in row.warnings:
            yield Remark("warning", Tone.ODD, row.target.layer.name, words)
        if isinstance(row, ApplyChange) and row.bias is not None and row.bias.changed:
            words = _bias_words(row.target, row.bias.value)
            yield note(words, row.target.layer.name)
    for words in result.warnings:
        yield Remark("warning", Tone.ODD, None, words)
    for words in result.notes:
        yield note(f"{escaped(result.net)}: {words}")
    for words in result.plan.notes:
        yield note(words)
    others = result.plan.left_alone
    if others:
        words = left_alone_words([(layer.name, layer.type) for layer in others], medium)
        yield Remark("left alone", Tone.QUIET, None, words)


def _bias_words(target: MatchedLayer, value: float) -> str:
    count = target.layer.convolution_param.num_output
    return f"its bias becomes {plural(count, 'value')} of {number(value)}"


def closing_words(result: ApplyResult) -> str:
    """One sentence on layers and bytes, one on the file, in one tense."""
    would = not result.written
    place, in_place = place_words(result.output), is_in_place(result.output, result.input)
    count = Counter(row.action for row in result.plan.layers)
    if not result.changed:
        why = _why_unchanged(count, would)
        if would:
            return f"{why}: the output would be the input, byte for byte. Nothing was written."
        return f"{why}: {unchanged(place, 'the input', in_place=in_place)}"
    done = " and ".join(
        f"{plain if would else past} {count[action]:,}"
        for action, (plain, past) in _VERBS.items()
        if count[action]
    )
    done = f"Would {done}" if would else done[0].upper() + done[1:]
    words = closing(
        f"{done} of {plural(count.total(), 'matched layer')}: {_share(result)}; "
        f"everything else {'would be' if would else 'is'} the input's own",
        place,
        written=not would,
        in_place=in_place,
    )
    if result.patch is None or would:
        return words
    return f"{words} {escaped(result.patch)} undoes it (revert)."


def _share(result: ApplyResult) -> str:
    """How much of the output is new."""
    if result.output_size is None:  # what HDF5 needs for a new layer is seen when it is made
        return f"{plural(result.rewritten, 'byte')} of new values"
    return f"{result.rewritten:,} of {plural(result.output_size, 'byte')}"


def _why_unchanged(count: Counter[ApplyAction], would: bool) -> str:
    matched = count.total()
    if not matched:
        return "No layer matched"
    if count[ApplyAction.SKIPPED] == matched:
        skipped = "would be skipped" if would else "was skipped" if matched == 1 else "were skipped"
        every = "the matched layer" if matched == 1 else f"all {matched:,} matched layers"
        return f"Nothing {'would change' if would else 'changed'}, {every} {skipped}"
    return "Nothing would change" if would else "Nothing had to change"
