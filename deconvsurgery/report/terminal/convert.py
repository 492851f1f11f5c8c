"""What ``convert`` did or would do: a row a layer, what became of each, one closing sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from deconvsurgery.caffemodel.model import Version
from deconvsurgery.caffemodel.stored_values import DType
from deconvsurgery.plans.convert.plan_types import BlobConversion, LayerConversion
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
)
from deconvsurgery.verbs.convert import ConvertResult
from deconvsurgery.wording import dims, plural

ACTION_STYLES = {
    "upgraded": f"bold {GOOD}",
    "converted": f"bold {LEARNED}",
    "unchanged": QUIET,
    "removed": ODD,
}
WIDE: Layout = (
    ("layer",),
    ("type",),
    ("blobs",),
    ("values",),
    ("dims",),
    ("max |Δ|",),
    ("action",),
)
LAYOUTS: tuple[Layout, ...] = (
    WIDE,
    (("layer", "type"), ("blobs", "values"), ("dims",), ("action", "max |Δ|")),
)


def convert_report(result: ConvertResult, *, width: int, terminal: bool) -> RenderableType:
    """A table of the layers with something to tell, and what is to be said about them.

    Off a ``terminal`` a line a layer, complete, for ``soft_wrap=True``.
    """
    told = [each for each in result.conversion.layers if each.blobs or each.changed or each.told]
    rows = [_cells(each, terminal) for each in told]
    said = list(_remarks(result))
    closing = closing_words(result)
    return page(rows, LAYOUTS, said, closing, width=width, terminal=terminal)


def _cells(layer: LayerConversion, terminal: bool) -> Cells:
    changes = [each.max_abs_change for each in layer.blobs if each.retyped]
    return {
        "layer": Text(name_of(layer.source.name, terminal=terminal), "bold"),
        "type": Text(name_of(layer.type, terminal=terminal) if layer.type else NOTHING, QUIET),
        "blobs": Text(str(len(layer.blobs)) if layer.blobs else NOTHING),
        "values": Text(", ".join(dict.fromkeys(map(_values, layer.blobs))) or NOTHING),
        "dims": Text(_dims(layer.blobs) or NOTHING),
        "max |Δ|": Text(number(max(changes)) if changes else NOTHING),
        "action": Text(layer.action, ACTION_STYLES[layer.action]),
    }


def _values(each: BlobConversion) -> str:
    """The field of the values, or of a dataset the type."""

    def said(storage: str, dtype: DType) -> str:
        return f"dataset {dtype.words}" if storage == "dataset" else storage

    before = said(each.blob.storage, each.blob.dtype)
    return f"{before} → {said(each.storage, each.dtype)}" if each.retyped else before


def _dims(blobs: Sequence[BlobConversion]) -> str:
    """The shapes that come, or stay; a true one is the legacy one without the 1s in front."""
    shapes = ", ".join(dims(each.shape or each.blob.shape) for each in blobs)
    if any(each.reshaped for each in blobs):
        return f"legacy → {shapes}"
    return f"legacy {shapes}" if any(each.blob.legacy for each in blobs) else shapes


def _remarks(result: ConvertResult) -> Iterator[Remark]:
    for layer in result.conversion.layers:
        for words in layer.told:
            yield "note", QUIET, layer.source.name, words
    for words in result.conversion.told:
        yield "note", QUIET, None, words
    for words in result.warnings:
        yield "warning", ODD, None, words


def closing_words(result: ConvertResult) -> str:
    """One sentence on the form and the layers, one on the file."""
    place = "standard output" if result.output == "-" else escaped(result.output or "nothing")
    if not result.changed:
        if result.dry_run:
            kept = any(blob.beyond is not None for blob in _blobs(result))
            why = "" if kept else ": it has this form already"
            return f"Nothing would change{why}. Nothing was written."
        if not result.written:
            return f"Nothing had to change: {place} stays as it is, byte for byte."
        return f"Nothing had to change: {place} is the input, byte for byte."
    count = Counter(layer.action for layer in result.conversion.layers)
    done = [f"{count[action]:,} {action}" for action in ACTION_STYLES if count[action]]
    forms = _form(result.before)
    if result.after is not result.before:
        forms += f" → {_form(result.after)}"
    layers = plural(len(result.conversion.layers), "layer")
    sentence = f"{forms}: {layers}" + (f" ({', '.join(done)})" if done else "")
    if not result.written:
        size = "" if result.output_size is None else f", {plural(result.output_size, 'byte')}"
        return f"{sentence}{size}. Nothing was written."
    return f"{sentence}. Wrote {place}, {plural(result.output_size or 0, 'byte')}."


def _blobs(result: ConvertResult) -> Iterator[BlobConversion]:
    return (blob for layer in result.conversion.layers for blob in layer.blobs)


def _form(version: Version) -> str:
    return str(version) if version is Version.HDF5 else f"binary {version}"
