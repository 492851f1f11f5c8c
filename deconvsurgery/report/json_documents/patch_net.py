"""What ``patch-net --json`` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias, TypedDict

from deconvsurgery.plans.patch_net.field_changes import FieldChange
from deconvsurgery.plans.patch_net.plan import LayerPatch, PatchNetAction
from deconvsurgery.prototxt.net import NetMessage
from deconvsurgery.report.field_words import value_words
from deconvsurgery.verbs.patch_net import PatchNetResult

from .document import (
    SCHEMA_VERSION,
    Count,
    Fact,
    LayerLine,
    LeftAlone,
    Notes,
    SchemaVersion,
    Warnings,
    jsonable,
    left_alone,
)

FieldValue: TypeAlias = str | float | bool
LayerAction: TypeAlias = Annotated[str, Fact(choices=tuple(PatchNetAction))]


class ChangedField(TypedDict):
    """A field within the layer."""

    field: str
    """The names that lead to it, with dots between; of several of one name [0] is the first."""
    before: FieldValue | None
    """Its value; null for a field that is added; a message as text, between braces."""
    after: FieldValue | None
    """Its new value; null for a field that goes."""


class PatchedLayer(TypedDict):
    """A matched layer."""

    name: str
    """The layer's name."""
    type: str
    """The layer's type as today's Caffe spells it."""
    line: LayerLine
    action: LayerAction
    """What was done, or would be."""
    reason: str | None
    """Why a skipped layer was skipped; null for the others."""
    changes: Sequence[ChangedField]
    """Fields that change, none for a layer that stays."""
    warnings: Warnings


class TextBytes(TypedDict):
    """Sizes of the net's text."""

    input: Count
    """Size of the input in bytes."""
    output: Count
    """Size of the output in bytes, written or foreseen."""


class PatchNetDocument(TypedDict):
    """What patch-net did, or would do (--dry-run, --check), to a net's Deconvolution layers."""

    schema_version: SchemaVersion
    command: Literal["patch-net"]
    """The command that wrote the document."""
    net: str
    """The net's path as it was given; - for standard input."""
    output: str | None
    """Where the net was written; null in a dry run."""
    changed: bool
    """The output differs from the input, or would."""
    written: bool
    """A file was written: not in a dry run, nor in place with nothing to do."""
    layers: Sequence[PatchedLayer]
    """Every matched layer of the text, in its order."""
    left_alone: LeftAlone
    bytes: TextBytes
    """Sizes of the net's text."""
    warnings: Warnings
    notes: Notes


def patch_net_document(result: PatchNetResult) -> PatchNetDocument:
    """What ``patch-net`` did or would do; a message that goes stands there as text."""
    return jsonable(
        PatchNetDocument(
            schema_version=SCHEMA_VERSION,
            command="patch-net",
            net=result.net,
            output=result.output,
            changed=result.changed,
            written=result.written,
            layers=[_layer(layer) for layer in result.layers],
            left_alone=left_alone(result.left_alone),
            bytes={"input": len(result.before), "output": len(result.after)},
            warnings=result.warnings,
            notes=result.notes,
        )
    )


def _layer(layer: LayerPatch) -> PatchedLayer:
    return {
        "name": layer.name,
        "type": layer.type,
        "line": layer.line,
        "action": layer.action,
        "reason": layer.reason,
        "changes": [_change(change) for change in layer.changes],
        "warnings": layer.warnings,
    }


def _change(change: FieldChange) -> ChangedField:
    before = change.before
    return {
        "field": change.field,
        "before": value_words(before) if isinstance(before, NetMessage) else before,
        "after": change.after,
    }
