"""What ``convert`` did or would do: a row a layer, what became of each, one closing sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from deconvsurgery.plans.convert.plan_types import BlobConversion, ConversionAction, LayerConversion
from deconvsurgery.report.cells import Cell, Cells, Remark, Tone, note
from deconvsurgery.report.closing import closing, place_words, unchanged
from deconvsurgery.report.field_words import form_words
from deconvsurgery.report.phrases import NOTHING, Medium, name_of, number
from deconvsurgery.wording import dims, plural

from .sheet import Layout, Sheet, columns

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.stored_values import DType
    from deconvsurgery.verbs.convert import ConvertResult

_TONES: Final = {
    ConversionAction.UPGRADED: Tone.NEW,
    ConversionAction.CONVERTED: Tone.CHANGED,
    ConversionAction.UNCHANGED: Tone.QUIET,
    ConversionAction.REMOVED: Tone.ODD,
}
LAYOUTS: tuple[Layout, ...] = (
    columns("layer", "type", "blobs", "values", "dims", "max |Δ|", "action"),
    (("layer", "type"), ("blobs", "values"), ("dims",), ("action", "max |Δ|")),
)


def convert_report(result: ConvertResult, medium: Medium) -> Sheet:
    """A table of the layers of which there is something to say, and what that is.

    In a pipe a line a layer, complete.
    """
    rows = [
        _cells(layer, medium)
        for layer in result.conversion.layers
        if layer.blobs or layer.changed or layer.told
    ]
    return Sheet(rows, LAYOUTS, list(_remarks(result)), closing_words(result), medium)


def _cells(layer: LayerConversion, medium: Medium) -> Cells:
    changes = [blob.max_abs_change for blob in layer.blobs if blob.retyped]
    return {
        "layer": Cell(name_of(layer.source.name, medium), Tone.NAME),
        "type": Cell(name_of(layer.type, medium) if layer.type else NOTHING, Tone.QUIET),
        "blobs": Cell(str(len(layer.blobs)) if layer.blobs else NOTHING),
        "values": Cell(", ".join(dict.fromkeys(map(_values, layer.blobs))) or NOTHING),
        "dims": Cell(_dims(layer.blobs) or NOTHING),
        "max |Δ|": Cell(number(max(changes)) if changes else NOTHING),
        "action": Cell(layer.action, _TONES[layer.action]),
    }


def _values(change: BlobConversion) -> str:
    """What holds the values, before and after where that differs."""
    before = _storage_words(change.blob.storage, change.blob.dtype)
    if not change.retyped:
        return before
    return f"{before} → {_storage_words(change.storage, change.dtype)}"


def _storage_words(storage: str, dtype: DType) -> str:
    """The field of the values, or of a dataset the type."""
    return f"dataset {dtype.words}" if storage == "dataset" else storage


def _dims(blobs: Sequence[BlobConversion]) -> str:
    """The shapes that come, or stay; a true one is the legacy one without the 1s in front."""
    shapes = ", ".join(dims(each.shape or each.blob.shape) for each in blobs)
    if any(each.reshaped for each in blobs):
        return f"legacy → {shapes}"
    return f"legacy {shapes}" if any(each.blob.legacy for each in blobs) else shapes


def _remarks(result: ConvertResult) -> Iterator[Remark]:
    for layer in result.conversion.layers:
        for words in layer.told:
            yield note(words, layer.source.name)
    for words in result.conversion.told:
        yield note(words)
    for words in result.warnings:
        yield Remark("warning", Tone.ODD, None, words)


def closing_words(result: ConvertResult) -> str:
    """One sentence on the form and the layers, one on the file."""
    place = place_words(result.output)
    layers = result.conversion.layers
    if not result.changed:
        if not result.dry_run:
            kept = unchanged(place, "the input", in_place=not result.written)
            return f"Nothing had to change: {kept}"
        beyond = any(blob.beyond is not None for layer in layers for blob in layer.blobs)
        why = "" if beyond else ": it has this form already"
        return closing(f"Nothing would change{why}", place, written=False)
    count = Counter(layer.action for layer in layers)
    actions = [f"{count[action]:,} {action}" for action in _TONES if count[action]]
    forms = dict.fromkeys(map(form_words, (result.before, result.after)))
    done = f"{' → '.join(forms)}: {plural(len(layers), 'layer')}"
    if actions:
        done += f" ({', '.join(actions)})"
    if not result.written and result.output_size is not None:
        done += f", {plural(result.output_size, 'byte')}"
    return closing(done, place, written=result.written, size=result.output_size or 0)
