"""What ``regroup --json`` prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, TypeAlias, TypedDict, cast

from deconvsurgery.plans.regroup.plan import Regrouping
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

LayerAction: TypeAlias = Annotated[str, Fact(choices=("regrouped", "unchanged"))]


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
            layers=list(_layers(result.regrouping)),
            left_alone=left_alone((layer.name, layer.type) for layer in result.left_alone),
            bytes={"input": result.input_size, "output": result.output_size},
            warnings=result.warnings,
            notes=result.notes,
        )
    )


def _layers(plan: Regrouping) -> Iterator[RegroupedLayer]:
    for change in plan.changes:
        for place in change.places:
            layer = place.layer
            yield {
                "name": layer.name,
                "line": cast(int, layer.line or None),
                "action": "regrouped",
                "reason": None,
                "group": {"before": layer.convolution_param.group, "after": change.group},
                "shape": {"before": change.shape, "after": change.after},
                "told": change.told,
            }
    for kept in plan.kept:
        for place in kept.places:
            layer, group = place.layer, place.layer.convolution_param.group
            yield {
                "name": layer.name,
                "line": cast(int, layer.line or None),
                "action": "unchanged",
                "reason": kept.reason,
                "group": {"before": group, "after": group},
                "shape": {"before": place.shape, "after": place.shape},
                "told": (),
            }
