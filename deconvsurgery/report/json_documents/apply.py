"""What ``apply --json`` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypedDict

from deconvsurgery.verbs.apply import ApplyResult

from .document import (
    SCHEMA_VERSION,
    Count,
    LeftAlone,
    Notes,
    SchemaVersion,
    Warnings,
    jsonable,
    left_alone,
)
from .planned_layer import PlannedLayer, planned


class ApplyBytes(TypedDict):
    """Sizes of the model."""

    input: Count
    """Size of the input in bytes."""
    output: Count | None
    """Size of the output in bytes, written or foreseen; null where only writing an HDF5 file
    shows it."""
    rewritten: Count
    """Bytes of the output that are not the input's own."""


class ApplyDocument(TypedDict):
    """What apply did, or would do (--dry-run, --check), to a model's Deconvolution layers."""

    schema_version: SchemaVersion
    command: Literal["apply"]
    """The command that wrote the document."""
    net: str
    """The net's path as it was given; - for standard input."""
    input: str
    """The input model's path as it was given; - for standard input."""
    output: str | None
    """Where the model was written; null in a dry run."""
    changed: bool
    """The output differs from the input, or would."""
    written: bool
    """A file was written: not in a dry run, nor in place with nothing to do."""
    layers: Sequence[PlannedLayer]
    """Every matched layer, in the net's order."""
    left_alone: LeftAlone
    bytes: ApplyBytes
    """Sizes of the model."""
    warnings: Warnings
    notes: Notes
    patch: str | None
    """The file that holds what revert needs to undo it; null where none was asked for, or for a
    dry run."""


def apply_document(result: ApplyResult) -> ApplyDocument:
    """What ``apply`` did or would do."""
    return jsonable(
        ApplyDocument(
            schema_version=SCHEMA_VERSION,
            command="apply",
            net=result.net,
            input=result.input,
            output=result.output,
            changed=result.changed,
            written=result.written,
            layers=[planned(row) for row in result.plan.layers],
            left_alone=left_alone((layer.name, layer.type) for layer in result.plan.left_alone),
            bytes={
                "input": result.input_size,
                "output": result.output_size,
                "rewritten": result.rewritten,
            },
            warnings=result.warnings,
            notes=(*result.notes, *result.plan.notes),
            patch=result.patch,
        )
    )
