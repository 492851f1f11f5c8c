"""What ``diff --json`` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeAlias, TypedDict

from deconvsurgery.caffemodel.model import SourceLayer
from deconvsurgery.caffemodel.source_blob import SourceBlob
from deconvsurgery.comparison.result import BlobContrast, LayerContrast, Likeness
from deconvsurgery.verbs.diff import DiffResult

from .document import SCHEMA_VERSION, Count, Distance, Fact, SchemaVersion, jsonable
from .versions import ModelVersion

BlobLikeness: TypeAlias = Annotated[
    str, Fact(choices=[likeness for likeness in Likeness if likeness is not Likeness.RENAMED])
]


class ComparedSource(TypedDict):
    """A layer as one model has it."""

    name: str
    """Its name there."""
    type: str
    """Its type there; empty where the file does not say."""


class ComparedSide(TypedDict):
    """A blob as one model has it."""

    shape: Sequence[int]
    """Its dims as they are written, legacy ones as four."""
    legacy: bool
    """It has num, channels, height and width instead of a shape."""
    values: str
    """What holds its values."""
    type: str
    """Their numpy type: f4, f8 or f2."""
    count: Count
    """How many values are there."""


class ComparedBlob(TypedDict):
    """A blob in the one model and in the other."""

    state: BlobLikeness
    """What the blob is to its counterpart; changed are values."""
    a: ComparedSide | None
    """The blob in the first model; null where that lacks it."""
    b: ComparedSide | None
    """The blob in the second model; null where that lacks it."""
    max_abs_change: Distance | None
    """Largest absolute difference of two values; null where none were compared, or where it is not
    a number."""
    values_changed: Count | None
    """How many values differ; null where they were not compared."""
    values: Count
    """How many values it has."""


class ComparedLayer(TypedDict):
    """A layer in the one model and in the other."""

    name: str
    """The layer's name, the first model's where they differ."""
    state: Likeness
    """What the layer is to its counterpart; changed are values."""
    differs: bool
    """It makes the models differ."""
    moved: bool
    """It stands in another place."""
    a: ComparedSource | None
    """The layer in the first model; null where that lacks it."""
    b: ComparedSource | None
    """The layer in the second model; null where that lacks it."""
    max_abs_change: Distance | None
    """Largest absolute difference of two of its values; null where none were compared, or where it
    is not a number."""
    values_changed: Count | None
    """How many of its values differ; null where they were not compared."""
    values: Count
    """How many values it has."""
    blobs: Sequence[ComparedBlob]
    """Its blobs, in their order."""
    told: Sequence[str]
    """What else is to be said of the layer, a sentence each."""


class BothNames(TypedDict):
    """A layer's two names."""

    a: str
    """Its name in the first model."""
    b: str
    """Its name in the second model."""


class BothVersions(TypedDict):
    """Forms of the two models."""

    a: ModelVersion
    """Of the first: binary with V2, V1 or V0 layers, with both V1 and V2 (mixed) or none (empty),
    or HDF5."""
    b: ModelVersion
    """Of the second: binary with V2, V1 or V0 layers, with both V1 and V2 (mixed) or none (empty),
    or HDF5."""


class BothSizes(TypedDict):
    """Sizes of the two files in bytes."""

    a: Count
    """Of the first."""
    b: Count
    """Of the second."""


class DiffDocument(TypedDict):
    """Two models, layer by layer."""

    schema_version: SchemaVersion
    command: Literal["diff"]
    """The command that wrote the document."""
    a: str
    """The first model's path as it was given, - for standard input."""
    b: str
    """The second model's path as it was given, - for standard input."""
    same: bool
    """Caffe would load the same weights from both; the exit code is then 0."""
    identical: bool | None
    """The files are the same, byte for byte; null where -p or -x left some of it out."""
    atol: Distance | None
    """Values at most this far apart count as the same; null where only equal ones do."""
    layers: Sequence[ComparedLayer]
    """The layers of both models, paired by name; with --only-changed those that differ."""
    counts: Mapping[str, int]
    """By state, how many layers that have weights."""
    moved: Sequence[str]
    """Names of layers with weights that stand in another place, as few as explain the order."""
    renamed: Sequence[BothNames]
    """Layers that are in each model under another name."""
    versions: BothVersions
    """Forms of the two models."""
    bytes: BothSizes
    """Sizes of the two files in bytes."""
    notes: Sequence[str]
    """What else differs and changes nothing of what Caffe loads, a sentence each."""


def diff_document(result: DiffResult, *, only_changed: bool = False) -> DiffDocument:
    """Every layer, or those that differ; counts are of all that have weights."""
    contrast = result.contrast
    weighted = [layer for layer in contrast.layers if layer.weighted]
    shown = [layer for layer in weighted if layer.differs] if only_changed else contrast.layers
    return jsonable(
        DiffDocument(
            schema_version=SCHEMA_VERSION,
            command="diff",
            a=result.a_path,
            b=result.b_path,
            same=result.same,
            identical=contrast.identical,
            atol=result.atol,
            layers=[_layer(layer) for layer in shown],
            counts={
                likeness: sum(layer.likeness is likeness for layer in weighted)
                for likeness in Likeness
            },
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
    )


def _layer(layer: LayerContrast) -> ComparedLayer:
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
        "blobs": [_blob(blob) for blob in layer.blobs],
        "told": layer.told,
    }


def _source(layer: SourceLayer | None) -> ComparedSource | None:
    return None if layer is None else {"name": layer.name, "type": layer.type}


def _blob(contrast: BlobContrast) -> ComparedBlob:
    difference = contrast.difference
    return {
        "state": contrast.likeness,
        "a": _side(contrast.a),
        "b": _side(contrast.b),
        "max_abs_change": difference.largest if difference else None,
        "values_changed": difference.changed if difference else None,
        "values": max(blob.count for blob in (contrast.a, contrast.b) if blob),
    }


def _side(blob: SourceBlob | None) -> ComparedSide | None:
    if blob is None:
        return None
    return {
        "shape": blob.shape,
        "legacy": blob.legacy,
        "values": blob.storage,
        "type": blob.dtype[1:],
        "count": blob.count,
    }
