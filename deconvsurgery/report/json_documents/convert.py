"""What ``convert --json`` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias, TypedDict

from deconvsurgery.caffemodel.model import Version
from deconvsurgery.caffemodel.stored_values import Storage
from deconvsurgery.plans.convert.plan_types import BlobConversion, ConversionAction, LayerConversion
from deconvsurgery.verbs.convert import ConvertResult

from .document import (
    SCHEMA_VERSION,
    Distance,
    Fact,
    ModelBytes,
    SchemaVersion,
    Warnings,
    jsonable,
)
from .versions import ConvertedVersion

ValueType: TypeAlias = Annotated[
    str,
    Fact(
        "Type of a value: half (f2), float (f4) or double (f8).",
        choices=("f2", "f4", "f8"),
    ),
]
LayerAction: TypeAlias = Annotated[str, Fact(choices=tuple(ConversionAction))]


class BlobForm(TypedDict):
    """A blob's form."""

    shape: Sequence[int]
    """Lengths of its axes; legacy dims are four."""
    legacy: bool
    """Its dims are num, channels, height and width, not a shape."""
    values: Storage
    """What holds its values: a field of a binary model (raw_data is NVIDIA's, with its type), a
    dataset in HDF5, or none where it has none."""
    type: ValueType


class ConvertedBlob(TypedDict):
    """A blob, before and after."""

    before: BlobForm
    after: BlobForm
    max_abs_change: Distance
    """What rounding to a narrower type changes at most."""
    beyond: float | None
    """A value that the type asked for cannot hold, for which the blob keeps its own type; null
    where every value fits."""


class ConvertedLayer(TypedDict):
    """A layer, before and after."""

    name: str
    """The layer's name; bytes in it that are no UTF-8 are written as \\udc80 to \\udcff."""
    type: str
    """The layer's type as today's Caffe spells it; empty where nothing says it."""
    action: LayerAction
    """What was done, or would be: converted (values or dims of its blobs), upgraded (a V1 or V0
    layer became a V2 one), removed (as Caffe does when it upgrades; or HDF5 has no place for its
    name, and it has no blobs), unchanged."""
    told: Sequence[str]
    """What else becomes of it, in words."""
    max_abs_change: Distance
    """What rounding to a narrower type changes at most in its values."""
    blobs: Sequence[ConvertedBlob]
    """Its blobs, in their order."""


class ConvertDocument(TypedDict):
    """What convert did, or with --dry-run would do, to each layer and blob of a model."""

    schema_version: SchemaVersion
    command: Literal["convert"]
    """The command that wrote the document."""
    input: str
    """The input model's path as it was given; - for standard input."""
    output: str | None
    """Where the model was written; null in a dry run."""
    net: str | None
    """The net's path as --net gave it; null without one."""
    before: ConvertedVersion
    """Form of the input: binary with V2, V1 or V0 layers, binary without layers (empty), or
    HDF5."""
    after: ConvertedVersion
    """Form of the output: binary with V2, V1 or V0 layers, binary without layers (empty), or
    HDF5."""
    changed: bool
    """The output differs from the input, or would."""
    written: bool
    """A file was written: not in a dry run, nor in place with nothing to do."""
    layers: Sequence[ConvertedLayer]
    """Every layer of the input, in its order."""
    told: Sequence[str]
    """What becomes of what stands beside the layers, in words."""
    bytes: ModelBytes
    """Sizes of the model."""
    warnings: Warnings


def convert_document(result: ConvertResult) -> ConvertDocument:
    """What ``convert`` did or would do."""
    return jsonable(
        ConvertDocument(
            schema_version=SCHEMA_VERSION,
            command="convert",
            input=result.input,
            output=result.output,
            net=result.net,
            before=result.before,
            after=result.after,
            changed=result.changed,
            written=result.written,
            layers=[_layer(layer, result.after) for layer in result.conversion.layers],
            told=result.conversion.told,
            bytes={"input": result.input_size, "output": result.output_size},
            warnings=result.warnings,
        )
    )


def _layer(layer: LayerConversion, form: Version) -> ConvertedLayer:
    return {
        "name": layer.source.name,
        "type": layer.type,
        "action": layer.action,
        "told": layer.told,
        "max_abs_change": layer.max_abs_change,
        "blobs": [_blob(blob, form) for blob in layer.blobs],
    }


def _blob(change: BlobConversion, form: Version) -> ConvertedBlob:
    """A blob before and after; in HDF5 the field that values would go to has no place."""
    blob = change.blob
    in_dataset = form is Version.HDF5 and blob.count > 0
    return {
        "before": {
            "shape": blob.shape,
            "legacy": blob.legacy,
            "values": blob.storage,
            "type": blob.dtype[1:],
        },
        "after": {
            "shape": blob.shape if change.shape is None else change.shape,
            "legacy": change.shape is None,
            "values": Storage.DATASET if in_dataset else change.storage,
            "type": change.dtype[1:],
        },
        "max_abs_change": change.max_abs_change,
        "beyond": change.beyond,
    }
