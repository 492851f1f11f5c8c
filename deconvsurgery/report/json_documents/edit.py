"""The document of edits that were made from Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias, TypedDict

from deconvsurgery.plans.edit.plan import BlobAction, BlobEdit, EditAction, LayerEdit
from deconvsurgery.verbs.save_edits import EditResult

from .apply import ApplyBytes
from .document import SCHEMA_VERSION, Count, Fact, SchemaVersion, Warnings, jsonable

LayerAction: TypeAlias = Annotated[str, Fact(choices=tuple(EditAction))]
BlobEditAction: TypeAlias = Annotated[str, Fact(choices=tuple(BlobAction))]


class EditedBlobEntry(TypedDict):
    """A blob, before and after."""

    action: BlobEditAction
    """What becomes of it: set (other values), scaled, zeroed, reshaped (the same values), kept."""
    before: Sequence[int] | None
    """Its shape before; null for a new one."""
    after: Sequence[int]
    """Its shape afterwards."""
    bytes: Count
    """Bytes of values that are written."""
    factors: Sequence[float]
    """What its values are multiplied by."""


class EditedLayerEntry(TypedDict):
    """A layer that the edits change."""

    name: str
    """The layer's name afterwards."""
    was: str | None
    """Its name before; null for a new one."""
    type: str
    """The layer's type."""
    action: LayerAction
    """What becomes of it: rewritten, renamed (its blobs may be rewritten, too), added, removed."""
    reason: str | None
    """What is to be known of it; null where nothing is."""
    blobs: Sequence[EditedBlobEntry]
    """Its blobs, in their order; none of a layer that is removed."""


class EditDocument(TypedDict):
    """What edits of a model did, or would do."""

    schema_version: SchemaVersion
    command: Literal["edit"]
    """The command that wrote the document."""
    input: str
    """The input model's path as it was given; - for standard input."""
    output: str | None
    """Where the model was written; null in a dry run."""
    changed: bool
    """The output differs from the input, or would."""
    written: bool
    """A file was written: not in a dry run, nor in place with nothing to do."""
    layers: Sequence[EditedLayerEntry]
    """The layers that the edits change, in the order of the file, new ones behind."""
    bytes: ApplyBytes
    """Sizes of the model."""
    warnings: Warnings
    patch: str | None
    """The file that holds what revert needs to undo it; null where none was asked for."""


def edit_document(result: EditResult) -> EditDocument:
    """What edits did or would do."""
    return jsonable(
        EditDocument(
            schema_version=SCHEMA_VERSION,
            command="edit",
            input=result.input,
            output=result.output,
            changed=result.changed,
            written=result.written,
            layers=[_layer(row) for row in result.layers],
            bytes={
                "input": result.input_size,
                "output": result.output_size,
                "rewritten": result.rewritten,
            },
            warnings=result.warnings,
            patch=result.patch,
        )
    )


def _layer(row: LayerEdit) -> EditedLayerEntry:
    return {
        "name": row.name,
        "was": row.was,
        "type": row.type,
        "action": row.action,
        "reason": row.reason,
        "blobs": [_blob(each) for each in row.blobs],
    }


def _blob(edit: BlobEdit) -> EditedBlobEntry:
    return {
        "action": edit.action,
        "before": edit.before,
        "after": edit.after,
        "bytes": edit.size,
        "factors": edit.factors,
    }
