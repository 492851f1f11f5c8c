"""What ``patch-net`` did or would do: a row a field, warnings, one closing sentence; the diff."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from deconvsurgery.plans.patch_net.field_changes import FieldChange
from deconvsurgery.plans.patch_net.plan import LayerPatch
from deconvsurgery.report.field_words import value_words
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
from deconvsurgery.verbs.patch_net import PatchResult
from deconvsurgery.wording import plural

from .line_diff import unified_lines

ACTION_STYLES = {"patched": f"bold {LEARNED}", "unchanged": QUIET, "skipped": ODD}
WIDE: Layout = (("layer",), ("line",), ("field",), ("before",), ("→ after",), ("action",))
LAYOUTS: tuple[Layout, ...] = (
    WIDE,
    (("layer",), ("line",), ("change",), ("action",)),
    (("layer", "line", "action"), ("field", "before", "→ after")),
)
MOST_LEFT_ALONE = 5
_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
_DIFF_STYLES = {"+": GOOD, "-": WRONG, "@": LEARNED}


def patch_report(
    result: PatchResult, *, dry_run: bool, width: int, terminal: bool
) -> RenderableType:
    """A table of the fields that change, what is to be said of their layers, a closing sentence.

    Off a ``terminal`` a line a field, complete, for ``soft_wrap=True``.
    """
    rows = [cells for layer in result.layers for cells in _rows(layer, terminal)]
    said = list(_remarks(result, terminal=terminal))
    closing = closing_words(result, dry_run=dry_run)
    return page(rows, LAYOUTS, said, closing, width=width, terminal=terminal)


def patches_report(
    results: Sequence[PatchResult], *, dry_run: bool, width: int, terminal: bool
) -> RenderableType:
    """One page for several nets, of what changes in them; what is right already is not listed."""
    rows = [
        {"net": Text(name_of(result.net, terminal=terminal), QUIET), **cells}
        for result in results
        for layer in result.layers
        if layer.action != "unchanged"
        for cells in _rows(layer, terminal)
    ]
    said = [
        (
            label,
            style,
            result.net if layer in (None, result.net) else f"{result.net}: {layer}",
            words,
        )
        for result in results
        for label, style, layer, words in _remarks(result, terminal=terminal)
    ]
    closing = _closing_words_of(results, dry_run=dry_run)
    layouts = tuple((("net", *first), *others) for first, *others in LAYOUTS)
    layouts = ((("net",), *WIDE), *layouts[1:])
    return page(rows, layouts, said, closing, width=width, terminal=terminal)


def _rows(layer: LayerPatch, terminal: bool) -> Iterator[Cells]:
    """A row for each field; on a terminal the layer is named in the first of them."""
    action = layer.action
    if layer.reason is not None and not terminal:
        action += f": {escaped(layer.reason)}"
    changes: tuple[FieldChange | None, ...] = layer.changes or (None,)
    for number, change in enumerate(changes):
        named = not (terminal and number)
        field, before, after = NOTHING, NOTHING, NOTHING
        if change is not None:
            field = change.field.removeprefix("convolution_param.")
            before, after = value_words(change.before), f"→ {value_words(change.after)}"
        yield {
            "layer": Text(name_of(layer.name, terminal=terminal) if named else NOTHING, "bold"),
            "line": Text(str(layer.line) if named else NOTHING, QUIET),
            "field": Text(field),
            "before": Text(before),
            "→ after": Text(after, GOOD),
            "change": Text.assemble(f"{field} {before} ", (after, GOOD))
            if change
            else Text(NOTHING),
            "action": Text(action if named else NOTHING, ACTION_STYLES[layer.action]),
        }


def _remarks(result: PatchResult, *, terminal: bool) -> Iterator[Remark]:
    for layer in result.layers:
        if layer.reason is not None and terminal:
            yield "skipped", ODD, layer.name, layer.reason
    for words, names in _alike(result).items():
        more = f" (so has {plural(len(names) - 1, 'other layer')})" if len(names) > 1 else ""
        yield "warning", ODD, names[0], words + more
    for words in result.warnings:
        yield "warning", ODD, None, words
    for words in result.notes:
        yield "note", QUIET, result.net, words
    if result.left_alone:
        yield "left alone", QUIET, None, _left_alone_words(result.left_alone, terminal)


def _alike(result: PatchResult) -> dict[str, list[str]]:
    """Each warning with the layers that have it: what all layers share is said once."""
    found: dict[str, list[str]] = {}
    for layer in result.layers:
        for words in layer.warnings:
            found.setdefault(words, []).append(layer.name)
    return found


def _left_alone_words(layers: tuple[tuple[str, str], ...], terminal: bool) -> str:
    named = [
        f"{name_of(name, terminal=terminal)} ({name_of(kind, terminal=terminal)})"
        for name, kind in layers[:MOST_LEFT_ALONE]
    ]
    if len(layers) > len(named):
        named.append(f"+{len(layers) - len(named):,}")
    verb = "fits" if len(layers) == 1 else "fit"
    return f"{plural(len(layers), 'layer')} of another type {verb}: " + ", ".join(named)


def closing_words(result: PatchResult, *, dry_run: bool) -> str:
    """One sentence on the layers, one on the file, in one tense."""
    would = dry_run or not result.written
    place = "standard output" if result.output == "-" else escaped(result.output or "nothing")
    in_place = result.output not in (None, "-") and result.output == result.net
    count = Counter(layer.action for layer in result.layers)
    if not result.changed:
        why = "Nothing would change" if dry_run else "Nothing had to change"
        if not result.layers:
            why = "No layer matched"
        elif count["skipped"] == len(result.layers):
            why = f"{why}: every matched layer {'would be' if dry_run else 'was'} skipped"
        if dry_run:
            return f"{why}. Nothing was written."
        if in_place:
            return f"{why}. {place} stays as it is, byte for byte."
        return f"{why}. {place} is the net, byte for byte."
    fields = sum(len(layer.changes) for layer in result.layers)
    sentence = (
        f"{'Would patch' if would else 'Patched'} {count['patched']:,} of "
        f"{plural(len(result.layers), 'matched layer')}, {plural(fields, 'field')}; every other "
        f"character {'would be' if would else 'is'} the net's own."
    )
    if would:
        return f"{sentence} Nothing was written."
    return f"{sentence} " + (f"Changed {place} in place." if in_place else f"Wrote {place}.")


def _closing_words_of(results: Sequence[PatchResult], *, dry_run: bool) -> str:
    changed = [each for each in results if each.changed]
    failed = sum(each.error is not None for each in results)
    sentence = (
        f"Nothing {'would' if dry_run else 'had to'} change in {plural(len(results), 'file')}."
    )
    if changed:
        patched = [layer for each in changed for layer in each.layers if layer.changes]
        fields = sum(len(layer.changes) for layer in patched)
        sentence = (
            f"{'Would patch' if dry_run else 'Patched'} {len(changed):,} of "
            f"{plural(len(results), 'file')}: {plural(len(patched), 'layer')}, "
            f"{plural(fields, 'field')}; every other character "
            f"{'would be' if dry_run else 'is'} the nets' own."
        )
    if dry_run:
        sentence += " Nothing was written."
    return sentence + (f" {plural(failed, 'file')} could not be patched." if failed else "")


# --- the diff


def diff_lines(result: PatchResult) -> list[str]:
    """A unified diff, each byte of the net as one character, so that none is lost."""
    before, after = (
        _LINES.findall(data.decode("latin-1")) for data in (result.before, result.after)
    )
    names = (escaped(result.net), escaped(result.output or result.net))
    old, new = (name.encode("utf-8", "backslashreplace").decode("latin-1") for name in names)
    lines = unified_lines(before, after, result.touched, (old, new))
    return [_ended(line) for line in lines]


def _ended(line: str) -> str:
    """A line of a diff ends with LF: a lone CR becomes one, a missing end is told as diff does."""
    if line.endswith("\n"):
        return line
    return line[:-1] + "\n" if line.endswith("\r") else f"{line}\n\\ No newline at end of file\n"


def diff_bytes(result: PatchResult) -> bytes:
    """The diff as patch(1) takes it."""
    return "".join(diff_lines(result)).encode("latin-1")


def diff_page(result: PatchResult) -> RenderableType:
    """The diff in colours, for a terminal."""
    page = Text()
    for line in diff_lines(result):
        data = line.rstrip("\r\n").encode("latin-1")
        try:
            words = data.decode("utf-8")
        except UnicodeDecodeError:
            words = data.decode("latin-1")
        shown = "\t".join(escaped(part) if part else "" for part in words.split("\t"))
        style = "bold" if line.startswith(("+++", "---")) else _DIFF_STYLES.get(line[:1], "")
        page.append(f"{shown}\n", style)
    page.rstrip()
    return page
