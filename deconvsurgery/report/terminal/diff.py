"""What ``diff`` found: a row a layer, or for each blob that differs, and one closing sentence."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from deconvsurgery.comparison.result import BlobContrast, LayerContrast, Likeness
from deconvsurgery.report.cells import Cell, Cells, Remark, Tone, note
from deconvsurgery.report.field_words import form_words
from deconvsurgery.report.phrases import NOTHING, Medium, name_of, number
from deconvsurgery.wording import agreed, dims, listed, plural, quoted

from .sheet import Layout, Sheet, columns

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.source_blob import SourceBlob
    from deconvsurgery.verbs.diff import DiffResult

_WORDS: Final = {
    Likeness.SAME: "same",
    Likeness.CHANGED: "changed",
    Likeness.SHAPE_DIFFERS: "shape differs",
    Likeness.NOT_COMPARED: "not compared",
    Likeness.RENAMED: "renamed",
    Likeness.ONLY_A: "only in A",
    Likeness.ONLY_B: "only in B",
}
_TONES: Final = {
    Likeness.SAME: Tone.QUIET,
    Likeness.CHANGED: Tone.CHANGED,
    Likeness.SHAPE_DIFFERS: Tone.UNLIKE,
    Likeness.NOT_COMPARED: Tone.ODD,
    Likeness.RENAMED: Tone.CHANGED,
    Likeness.ONLY_A: Tone.GONE,
    Likeness.ONLY_B: Tone.NEW,
}
LAYOUTS: tuple[Layout, ...] = (
    columns("layer", "type", "blob", "shape", "max |Δ|", "values changed", "state"),
    (("layer", "type"), ("blob",), ("shape",), ("max |Δ|", "values changed"), ("state",)),
    (("layer", "type"), ("state", "blob"), ("shape",), ("max |Δ|", "values changed")),
    (("layer", "type", "shape"), ("state", "blob"), ("max |Δ|", "values changed")),
)
_MANY = 3  # layers of which the same is to be said before that is said once for all


def diff_report(result: DiffResult, medium: Medium, *, only_changed: bool = False) -> Sheet:
    """A table of the layers with weights, what is to be said about them, and a sentence.

    In a pipe a line a row, complete.
    """
    rows = [
        row
        for layer in result.contrast.layers
        if layer.weighted and (layer.differs or not only_changed)
        for row in _rows(layer, medium)
    ]
    return Sheet(rows, LAYOUTS, list(_remarks(result)), closing_words(result), medium)


# ── rows ─────────────────────────────────────────────────────────────────────────────────


def _rows(layer: LayerContrast, medium: Medium) -> Iterator[Cells]:
    """One for the whole layer, or for each blob that is not the same."""
    if layer.likeness not in (Likeness.CHANGED, Likeness.SHAPE_DIFFERS, Likeness.NOT_COMPARED):
        yield _cells(layer, layer.likeness, layer.blobs, NOTHING, medium)
        return
    for position, blob in enumerate(layer.blobs):
        if blob.likeness is not Likeness.SAME:
            yield _cells(layer, blob.likeness, [blob], str(position), medium)


def _cells(
    layer: LayerContrast,
    likeness: Likeness,
    blobs: Sequence[BlobContrast],
    position: str,
    medium: Medium,
) -> Cells:
    sources = [source for source in (layer.a, layer.b) if source]
    names = [name_of(source.name, medium) for source in sources]
    types = [name_of(source.type, medium) for source in sources if source.type]
    row = layer._replace(blobs=tuple(blobs))
    largest, changed = NOTHING, NOTHING
    if row.values_changed is not None:
        largest = number(row.max_abs_change)
        compared = sum(blob.difference.values for blob in blobs if blob.difference)
        changed = f"{row.values_changed:,}/{compared:,}"
    return {
        "layer": Cell(_both(names), Tone.NAME),
        "type": Cell(_both(types) or NOTHING, Tone.QUIET),
        "blob": Cell(position),
        "shape": Cell(_both(_shapes(blobs))),
        "max |Δ|": Cell(largest),
        "values changed": Cell(changed),
        "state": Cell(_WORDS[likeness] + (", moved" if layer.moved else ""), _TONES[likeness]),
    }


def _both(words: Sequence[str]) -> str:
    """What it is in A and in B, once where that is the same."""
    return " → ".join(dict.fromkeys(words))


def _shapes(blobs: Sequence[BlobContrast]) -> list[str]:
    """Of either; legacy dims are shown as the shape that they are the same as."""
    pairs = [(blob.a, blob.b) for blob in blobs]
    sides = ([_shape(a, b) for a, b in pairs if a], [_shape(b, a) for a, b in pairs if b])
    return [", ".join(side) for side in sides if side]


def _shape(blob: SourceBlob, other: SourceBlob | None) -> str:
    same = other is not None and blob.legacy and blob.fits(other.shape)
    return dims(other.shape if other is not None and same else blob.shape)


# ── words ────────────────────────────────────────────────────────────────────────────────


def _remarks(result: DiffResult) -> Iterator[Remark]:
    """The two files, and what differs beside their weights; once where many layers have it."""
    for label, name, version, size in (
        ("A", result.a_path, result.a_version, result.a_size),
        ("B", result.b_path, result.b_version, result.b_size),
    ):
        place = "standard input" if name == "-" else name
        words = f"{place}: {form_words(version)}, {plural(size, 'byte')}"
        yield Remark(label, Tone.NAME, None, words)
    together: dict[str, list[str]] = defaultdict(list)
    for layer in result.contrast.layers:
        for words in layer.told:
            together[words].append(layer.name)
    for words, names in together.items():
        if len(names) < _MANY:
            for name in names:
                yield note(words, name)
        else:
            layers = f"{plural(len(names), 'layer')} ({listed([*map(quoted, names)])})"
            yield note(f"each of {layers} {words}")
    for words in result.contrast.notes:
        yield note(words)


def closing_words(result: DiffResult) -> str:
    """One sentence: whether the same is loaded from both, and how many layers are what."""
    layers = [layer for layer in result.contrast.layers if layer.weighted]
    if result.contrast.identical:
        return (
            f"The files are identical, byte for byte: {plural(len(layers), 'layer')} with weights, "
            f"{plural(result.a_size, 'byte')}."
        )
    within = "" if result.atol is None else f", to within {number(result.atol)}"
    moved = sum(layer.moved for layer in layers)
    end = f"; {plural(moved, 'layer')} moved" if moved else ""
    if not layers:
        return "Nothing to compare: no layer has weights."
    if result.same:
        which = "the one layer" if len(layers) == 1 else f"all {len(layers):,} layers"
        has = agreed(len(layers), "has", "have")
        return f"The weights are the same in {which} that {has} them{within}{end}."
    count = Counter(layer.likeness for layer in layers)
    order = sorted(Likeness, key=lambda likeness: likeness is Likeness.SAME)  # the same last
    parts = ", ".join(
        f"{count[likeness]:,} {_WORDS[likeness]}" for likeness in order if count[likeness]
    )
    every = f"{plural(len(layers), 'layer')} with weights"
    return f"The weights differ: of {every}, {parts}{within}{end}."
