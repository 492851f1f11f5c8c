"""What ``apply`` did or would do: the table of differences and the closing words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import prod

from rich.console import RenderableType
from rich.text import Text

from deconvsurgery.matching.matched_layer import Target
from deconvsurgery.plans.apply.plan_types import Action, Change, Skip
from deconvsurgery.prototxt.net import Layer
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
    escaped,
    name_of,
    number,
    size,
    state_style,
)
from deconvsurgery.verbs.apply import ApplyResult
from deconvsurgery.wording import dims, plural

ACTION_STYLES = {
    Action.CREATED: f"bold {GOOD}",
    Action.REWRITTEN: f"bold {LEARNED}",
    Action.UNCHANGED: QUIET,
    Action.SKIPPED: ODD,
}
WIDE: Layout = (
    ("layer",),
    ("type",),
    ("shape",),
    ("group",),
    ("kernel",),
    ("stride",),
    ("pad",),
    ("before",),
    ("→ after",),
    ("max |Δ|",),
    ("values changed",),
    ("action",),
)
# The first that fits is taken: on 80 columns FCN's layers take two lines each, or three.
LAYOUTS: tuple[Layout, ...] = (
    WIDE,
    (
        ("layer", "type"),
        ("shape", "group"),
        ("kernel", "stride/pad"),
        ("before", "→ after"),
        ("max |Δ|", "values changed"),
        ("action",),
    ),
    (
        ("layer", "type"),
        ("shape", "group"),
        ("kernel", "stride/pad"),
        ("action", "before → after"),
        ("max |Δ|", "values changed"),
    ),
    (
        ("layer", "type"),
        ("shape", "group"),
        ("kernel", "stride", "pad"),
        ("action", "before", "→ after"),
        ("max |Δ|", "values changed"),
    ),
)
MOST_LEFT_ALONE = 5


def apply_report(
    result: ApplyResult, *, dry_run: bool, width: int, terminal: bool
) -> RenderableType:
    """A table of the matched layers, what is to be said about them, and one closing sentence.

    Off a ``terminal`` a line a layer, complete, for ``soft_wrap=True``.
    """
    rows = [apply_cells(row, terminal=terminal) for row in result.plan.rows]
    said = list(apply_remarks(result, terminal=terminal))
    closing = closing_words(result, dry_run=dry_run)
    return page(rows, LAYOUTS, said, closing, width=width, terminal=terminal)


def apply_cells(row: Change | Skip, *, terminal: bool) -> Cells:
    """A layer's row."""
    target = row.target
    action = row.action if isinstance(row, Change) else Action.SKIPPED
    action_words = str(action)
    if isinstance(row, Skip) and not terminal:
        action_words += f": {escaped(row.reason)}"
    before = Text(str(row.before.state) if row.before else NOTHING, state_style(row.before))
    if isinstance(row, Change):
        after = Text(f"→ {row.after.state}", state_style(row.after))
        largest, changed = number(row.max_abs_change), f"{row.values_changed:,}/{row.values:,}"
    else:
        after, largest = Text(NOTHING), NOTHING
        changed = f"0/{prod(target.shape):,}" if target.shape else NOTHING
    both = before if isinstance(row, Skip) else Text(" ").join((before, after))
    return {
        "layer": Text(name_of(target.layer.name, terminal=terminal), "bold"),
        "type": Text(name_of(target.layer.type, terminal=terminal), QUIET),
        "shape": Text(dims(target.shape)),
        "group": Text(f"{target.layer.convolution_param.group:,}"),
        "kernel": Text(size(target.kernel)),
        "stride": Text(size(target.stride)),
        "pad": Text(size(target.pad)),
        "stride/pad": Text(f"{size(target.stride)}/{size(target.pad)}"),
        "before": before,
        "→ after": after,
        "before → after": both,
        "max |Δ|": Text(largest),
        "values changed": Text(changed),
        "action": Text(action_words, ACTION_STYLES[action]),
    }


def apply_remarks(result: ApplyResult, *, terminal: bool) -> Iterator[Remark]:
    """Skips (which have their reason in the row off a terminal), warnings, other layers."""
    for row in result.plan.rows:
        if isinstance(row, Skip) and terminal:
            yield "skipped", ODD, row.target.layer.name, row.reason
    for row in result.plan.rows:
        for words in row.warnings:
            yield "warning", ODD, row.target.layer.name, words
        if isinstance(row, Change) and row.bias is not None and row.bias.changed:
            yield "note", LEARNED, row.target.layer.name, _bias_words(row.target, row)
    for words in result.warnings:
        yield "warning", ODD, None, words
    for words in result.notes:
        yield "note", QUIET, None, f"{escaped(result.net)}: {words}"
    if result.plan.left_alone:
        yield "left alone", QUIET, None, _left_alone_words(result.plan.left_alone, terminal)


def _bias_words(target: Target, change: Change) -> str:
    count = target.layer.convolution_param.num_output
    value = change.bias.value if change.bias else 0.0
    return f"its bias becomes {plural(count, 'value')} of {number(value)}"


def _left_alone_words(layers: tuple[Layer, ...], terminal: bool) -> str:
    named = [
        f"{name_of(layer.name, terminal=terminal)} ({name_of(layer.type, terminal=terminal)})"
        for layer in layers[:MOST_LEFT_ALONE]
    ]
    more = len(layers) - len(named)
    if more:
        named.append(f"+{more:,}")
    verb = "fits" if len(layers) == 1 else "fit"
    return f"{plural(len(layers), 'layer')} of another type {verb}: " + ", ".join(named)


def closing_words(result: ApplyResult, *, dry_run: bool) -> str:
    """One sentence on layers and bytes, one on the file, in one tense."""
    would = dry_run or not result.written
    count = Counter(
        row.action if isinstance(row, Change) else Action.SKIPPED for row in result.plan.rows
    )
    if not result.changed:
        return _nothing_changed(result, count, would)
    verbs = {
        Action.REWRITTEN: "would rewrite" if would else "rewrote",
        Action.CREATED: "would create" if would else "created",
    }
    done = [f"{verb} {count[action]:,}" for action, verb in verbs.items() if count[action]]
    if would:  # "would rewrite 1 and create 2"
        done[1:] = [each.removeprefix("would ") for each in done[1:]]
    sentence = (
        f"{' and '.join(done)} of {plural(count.total(), 'matched layer')}: "
        f"{_share(result)}; "
        f"everything else {'would be' if would else 'is'} the input's own."
    )
    sentence = sentence[0].upper() + sentence[1:]
    if would:
        return f"{sentence} Nothing was written."
    undone = "" if result.patch is None else f" {escaped(result.patch)} undoes it (revert)."
    if _in_place(result):
        return f"{sentence} Changed {_place(result)} in place.{undone}"
    return f"{sentence} Wrote {_place(result)}.{undone}"


def _share(result: ApplyResult) -> str:
    """How much of the output is new."""
    if result.output_size is None:  # what HDF5 needs for a new layer is seen when it is made
        return f"{plural(result.rewritten, 'byte')} of new values"
    return f"{result.rewritten:,} of {plural(result.output_size, 'byte')}"


def _nothing_changed(result: ApplyResult, count: Counter[Action], would: bool) -> str:
    matched = count.total()
    if not matched:
        why = "No layer matched"
    elif count[Action.SKIPPED] == matched:
        skipped = "would be skipped" if would else "was skipped" if matched == 1 else "were skipped"
        every = "the matched layer" if matched == 1 else f"all {matched:,} matched layers"
        why = f"Nothing {'would change' if would else 'changed'}, {every} {skipped}"
    else:
        why = "Nothing would change" if would else "Nothing had to change"
    if would:
        return f"{why}: the output would be the input, byte for byte. Nothing was written."
    if _in_place(result):
        return f"{why}: {_place(result)} stays as it is, byte for byte."
    return f"{why}: {_place(result)} is the input, byte for byte."


def _in_place(result: ApplyResult) -> bool:
    return result.output not in (None, "-") and result.output == result.input


def _place(result: ApplyResult) -> str:
    return "standard output" if result.output == "-" else escaped(result.output or "nothing")
