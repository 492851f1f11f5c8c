"""What ``diff`` found as a plain document: keys are API and only ever added."""

from __future__ import annotations

from deconvsurgery.caffemodel.model import SourceBlob, SourceLayer
from deconvsurgery.comparison.result import BlobContrast, LayerContrast, Likeness
from deconvsurgery.verbs.diff import DiffResult

from .apply_inspect_kernel import Document, document


def diff_document(result: DiffResult, *, only_changed: bool) -> Document:
    """Every layer, or those that differ; counts are of all that have weights."""
    contrast = result.contrast
    weighted = [layer for layer in contrast.layers if layer.weighted]
    shown = [layer for layer in weighted if layer.differs] if only_changed else contrast.layers
    return document(
        "diff",
        a=result.a,
        b=result.b,
        same=result.same,
        identical=contrast.identical,
        atol=result.atol,
        layers=[_layer(layer) for layer in shown],
        counts={each: sum(x.likeness is each for x in weighted) for each in Likeness},
        moved=[layer.name for layer in weighted if layer.moved],
        renamed=[
            {"a": layer.a.name, "b": layer.b.name}
            for layer in weighted
            if layer.a and layer.b and layer.a.name != layer.b.name
        ],
        versions={"a": result.a_version, "b": result.b_version},
        bytes={"a": result.a_size, "b": result.b_size},
        notes=contrast.notes,
    )


def _layer(layer: LayerContrast) -> Document:
    return {
        "name": layer.name,
        "state": layer.likeness,
        "differs": layer.differs,
        "moved": layer.moved,
        "a": _source(layer.a),
        "b": _source(layer.b),
        "max_abs_change": layer.max_abs_change,
        "values_changed": layer.values_changed,
        "values": layer.values,
        "blobs": [_blob(each) for each in layer.blobs],
        "told": layer.told,
    }


def _source(layer: SourceLayer | None) -> Document | None:
    return None if layer is None else {"name": layer.name, "type": layer.type}


def _blob(each: BlobContrast) -> Document:
    found = each.difference
    return {
        "state": each.likeness,
        "a": _side(each.a),
        "b": _side(each.b),
        "max_abs_change": found and found.largest,
        "values_changed": found and found.changed,
        "values": max(blob.count for blob in (each.a, each.b) if blob),
    }


def _side(blob: SourceBlob | None) -> Document | None:
    if blob is None:
        return None
    return {
        "shape": blob.shape,
        "legacy": blob.legacy,
        "values": blob.storage,
        "type": blob.dtype[1:],
        "count": blob.count,
    }
