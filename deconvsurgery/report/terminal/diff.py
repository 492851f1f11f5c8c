"""What ``diff`` found: a row a layer, or for each blob that differs, and one closing sentence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from deconvsurgery.caffemodel.model import SourceBlob, Version
from deconvsurgery.comparison.result import BlobContrast, LayerContrast, Likeness
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
    name_of,
    number,
)
from deconvsurgery.verbs.diff import DiffResult
from deconvsurgery.wording import dims, listed, plural, quoted

WORDS = {
    Likeness.SAME: "same",
    Likeness.CHANGED: "changed",
    Likeness.SHAPE_DIFFERS: "shape differs",
    Likeness.NOT_COMPARED: "not compared",
    Likeness.RENAMED: "renamed",
    Likeness.ONLY_A: "only in A",
    Likeness.ONLY_B: "only in B",
}
STYLES = {
    Likeness.SAME: QUIET,
    Likeness.CHANGED: f"bold {LEARNED}",
    Likeness.SHAPE_DIFFERS: f"bold {ODD}",
    Likeness.NOT_COMPARED: ODD,
    Likeness.RENAMED: f"bold {LEARNED}",
    Likeness.ONLY_A: f"bold {WRONG}",
    Likeness.ONLY_B: f"bold {GOOD}",
}
WIDE: Layout = (
    ("layer",),
    ("type",),
    ("blob",),
    ("shape",),
    ("max |Δ|",),
    ("values changed",),
    ("state",),
)
LAYOUTS: tuple[Layout, ...] = (
    WIDE,
    (("layer", "type"), ("blob",), ("shape",), ("max |Δ|", "values changed"), ("state",)),
    (("layer", "type"), ("state", "blob"), ("shape",), ("max |Δ|", "values changed")),
    (("layer", "type", "shape"), ("state", "blob"), ("max |Δ|", "values changed")),
)
_MANY = 3  # layers of which the same is to be said before that is said once for all


def diff_report(
    result: DiffResult, *, only_changed: bool, width: int, terminal: bool
) -> RenderableType:
    """A table of the layers with weights, what is to be said about them, and a sentence.

    Off a ``terminal`` a line a row, complete, for ``soft_wrap=True``.
    """
    rows = [
        row
        for layer in result.contrast.layers
        if layer.weighted and (layer.differs or not only_changed)
        for row in _rows(layer, terminal)
    ]
    said = list(_remarks(result))
    return page(rows, LAYOUTS, said, closing_words(result), width=width, terminal=terminal)


# ── rows ─────────────────────────────────────────────────────────────────────────────────


def _rows(layer: LayerContrast, terminal: bool) -> Iterator[Cells]:
    """One for the whole layer, or for each blob that is not the same."""
    if layer.likeness not in (Likeness.CHANGED, Likeness.SHAPE_DIFFERS, Likeness.NOT_COMPARED):
        yield _cells(layer, layer.likeness, layer.blobs, NOTHING, terminal)
        return
    for position, blob in enumerate(layer.blobs):
        if blob.likeness is not Likeness.SAME:
            yield _cells(layer, blob.likeness, [blob], str(position), terminal)


def _cells(
    layer: LayerContrast,
    likeness: Likeness,
    blobs: Sequence[BlobContrast],
    position: str,
    terminal: bool,
) -> Cells:
    names = [name_of(each.name, terminal=terminal) for each in (layer.a, layer.b) if each]
    types = [name_of(each.type, terminal=terminal) for each in (layer.a, layer.b) if each]
    state = WORDS[likeness] + (", moved" if layer.moved else "")
    found = [each.difference for each in blobs if each.difference]
    largest = [each.largest for each in found]
    most = None if None in largest else max((each or 0.0 for each in largest), default=0.0)
    values = sum(each.values for each in found)
    return {
        "layer": Text(_both(names), "bold"),
        "type": Text(_both([each for each in types if each != "''"]) or NOTHING, QUIET),
        "blob": Text(position),
        "shape": Text(_both(_shapes(blobs))),
        "max |Δ|": Text(number(most) if found else NOTHING),
        "values changed": Text(
            f"{sum(each.changed for each in found):,}/{values:,}" if found else NOTHING
        ),
        "state": Text(state, STYLES[likeness]),
    }


def _both(words: Sequence[str]) -> str:
    """What it is in A and in B, once where that is the same."""
    return " → ".join(dict.fromkeys(words))


def _shapes(blobs: Sequence[BlobContrast]) -> list[str]:
    """Of either; legacy dims are shown as the shape that they are the same as."""
    pairs = [(each.a, each.b) for each in blobs]
    sides = ([_shape(x, y) for x, y in pairs if x], [_shape(y, x) for x, y in pairs if y])
    return [", ".join(side) for side in sides if side]


def _shape(blob: SourceBlob, other: SourceBlob | None) -> str:
    same = other is not None and blob.legacy and blob.fits(other.shape)
    return dims(other.shape if other is not None and same else blob.shape)


# ── words ────────────────────────────────────────────────────────────────────────────────


def _remarks(result: DiffResult) -> Iterator[Remark]:
    """The two files, and what differs beside their weights; once where many layers have it."""
    for label, name, version, size in (
        ("A", result.a, result.a_version, result.a_size),
        ("B", result.b, result.b_version, result.b_size),
    ):
        form = str(version) if version is Version.HDF5 else f"binary {version}"
        place = "standard input" if name == "-" else name
        yield label, "bold", None, f"{place}: {form}, {plural(size, 'byte')}"
    together: dict[str, list[str]] = defaultdict(list)
    for layer in result.contrast.layers:
        for words in layer.told:
            together[words].append(layer.name)
    for words, names in together.items():
        if len(names) < _MANY:
            for name in names:
                yield "note", QUIET, name, words
        else:
            layers = f"{plural(len(names), 'layer')} ({listed([*map(quoted, names)])})"
            yield "note", QUIET, None, f"each of {layers} {words}"
    for words in result.contrast.notes:
        yield "note", QUIET, None, words


def closing_words(result: DiffResult) -> str:
    """One sentence: whether the same is loaded from both, and how many layers are what."""
    layers = [layer for layer in result.contrast.layers if layer.weighted]
    if result.contrast.identical:
        return (
            f"The files are identical, byte for byte: {plural(len(layers), 'layer')} with weights, "
            f"{plural(result.a_size, 'byte')}."
        )
    count = {each: sum(layer.likeness is each for layer in layers) for each in Likeness}
    within = "" if result.atol is None else f", to within {number(result.atol)}"
    moved = sum(layer.moved for layer in layers)
    end = f"; {plural(moved, 'layer')} moved" if moved else ""
    if not layers:
        return "Nothing to compare: no layer has weights."
    if result.same:
        which = "the one layer" if len(layers) == 1 else f"all {len(layers):,} layers"
        return f"The weights are the same in {which} that {_has(layers)} them{within}{end}."
    parts = ", ".join(f"{many} {WORDS[each]}" for each, many in _counted(count))
    every = f"{plural(len(layers), 'layer')} with weights"
    return f"The weights differ: of {every}, {parts}{within}{end}."


def _has(layers: Sequence[LayerContrast]) -> str:
    return "has" if len(layers) == 1 else "have"


def _counted(count: dict[Likeness, int]) -> Iterator[tuple[Likeness, str]]:
    for likeness in (*(each for each in Likeness if each is not Likeness.SAME), Likeness.SAME):
        if count[likeness]:
            yield likeness, f"{count[likeness]:,}"
