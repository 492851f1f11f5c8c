"""What ``regroup --json`` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias, TypedDict, cast

from deconvsurgery.plans.regroup.plan_types import LayerRegroup, RegroupAction
from deconvsurgery.verbs.regroup import RegroupResult

from .document import (
    SCHEMA_VERSION,
    Count,
    Fact,
    LayerLine,
    LeftAlone,
    ModelBytes,
    Notes,
    SchemaVersion,
    Warnings,
    jsonable,
    left_alone,
)

LayerAction: TypeAlias = Annotated[str, Fact(choices=tuple(RegroupAction))]


class BothGroups(TypedDict):
    """Groups of channels that do not mix."""

    before: Count
    """Their number by the inputs."""
    after: Count
    """Their number by the outputs."""


class BothShapes(TypedDict):
    """Shape of its weights: [channels, num_output / group, kernel_h, kernel_w]."""

    before: Sequence[int] | None
    """Lengths of the axes by the inputs; null where an unchanged layer's are not known."""
    after: Sequence[int] | None
    """Lengths of the axes by the outputs; null where an unchanged layer's are not known."""


class RegroupedLayer(TypedDict):
    """A matched layer, before and after."""

    name: str
    """The layer's name; bytes in it that are no UTF-8 are written as \\udc80 to \\udcff."""
    line: LayerLine
    action: LayerAction
    """What was done, or would be."""
    reason: str | None
    """Why an unchanged layer stays as it is; null for the others."""
    group: BothGroups
    """Groups of channels that do not mix."""
    shape: BothShapes
    """Shape of its weights: [channels, num_output / group, kernel_h, kernel_w]."""
    told: Sequence[str]
    """What else goes with it, a sentence each: gradients of the old shape, a filler that would sum
    channels."""


class RegroupDocument(TypedDict):
    """What regroup did, or with --dry-run would do, to the layers of a net and its model."""

    schema_version: SchemaVersion
    command: Literal["regroup"]
    """The command that wrote the document."""
    net: str
    """The net's path as it was given; - for standard input."""
    input: str
    """The input model's path as it was given; - for standard input."""
    net_output: str | None
    """Where the net was written; null in a dry run."""
    output: str | None
    """Where the model was written; null in a dry run."""
    expand: bool
    """Groups were expanded to a full diagonal (--expand), not the other way."""
    changed: bool
    """Some layer gets other groups."""
    written: bool
    """Both files were written."""
    layers: Sequence[RegroupedLayer]
    """Every matched layer: first those that change, then those that do not, each in the net's
    order."""
    left_alone: LeftAlone
    bytes: ModelBytes
    """Sizes of the model."""
    warnings: Warnings
    notes: Notes


def regroup_document(result: RegroupResult) -> RegroupDocument:
    """What ``regroup`` did or would do."""
    return jsonable(
        RegroupDocument(
            schema_version=SCHEMA_VERSION,
            command="regroup",
            net=result.net,
            input=result.input,
            net_output=result.net_output,
            output=result.output,
            expand=result.expand,
            changed=result.changed,
            written=result.written,
            layers=[_layer(row) for row in result.layers],
            left_alone=left_alone((layer.name, layer.type) for layer in result.left_alone),
            bytes={"input": result.input_size, "output": result.output_size},
            warnings=result.warnings,
            notes=result.notes,
        )
    )


def _layer(row: LayerRegroup) -> RegroupedLayer:
    return {
        "name": row.name,
        "line": cast(int, row.line),  # None for a net that was made in Python, which has no lines
        "action": row.action,
        "reason": row.reason,
        "group": {"before": row.groups[0], "after": row.groups[1]},
        "shape": {"before": row.shapes[0], "after": row.shapes[1]},
        "told": row.told,
    }
