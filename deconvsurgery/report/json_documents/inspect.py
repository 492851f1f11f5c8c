"""What ``inspect --json`` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias, TypedDict

from deconvsurgery.caffemodel.stored_values import Storage
from deconvsurgery.kernels.formula_names import KernelSupport
from deconvsurgery.kernels.weight_states import WeightState
from deconvsurgery.matching.role import Role
from deconvsurgery.rules.finding import Finding
from deconvsurgery.rules.survey import LayerRow
from deconvsurgery.verbs.inspect import InspectResult

from .document import SCHEMA_VERSION, Count, Distance, Fact, FromOne, SchemaVersion, jsonable
from .versions import ModelVersion, NetVersion

RuleId: TypeAlias = Annotated[str, Fact(pattern="^DS[0-9]{3}$")]


class LayerFinding(TypedDict):
    """A rule that is broken."""

    id: RuleId
    """The rule's stable id."""
    message: str
    """What is wrong, in a sentence."""
    line: FromOne | None
    """Line of the net's text that the finding is about, counted from 1; null where the net has no
    such layer."""
    stops: bool
    """Caffe ends the process at it."""


class NetFinding(TypedDict):
    """A rule that is broken."""

    id: RuleId
    """The rule's stable id."""
    message: str
    """What is wrong, in a sentence."""
    line: FromOne | None
    """Line of the net's text that the finding is about, counted from 1; null for what has no place
    there."""
    layer: str | None
    """The layer's name; null for what several layers or a file as a whole break."""
    stops: bool
    """Caffe ends the process at it."""


class InspectedLayer(TypedDict):
    """A layer as it is now. What has no meaning for its type is null."""

    name: str
    """The layer's name; bytes in it that are no UTF-8 are written as \\udc80 to \\udcff."""
    type: str
    """The layer's type as today's Caffe spells it; empty where an HDF5 model does not say."""
    shape: Sequence[int] | None
    """A Deconvolution's weights by the net, or by the model where there is none: [channels,
    num_output / group, kernel_h, kernel_w]; null where channels are unknown."""
    channels: int | None
    """Channels that come in; null where unknown."""
    num_output: Count | None
    """Channels that go out."""
    group: Count | None
    """Groups of channels that do not mix."""
    kernel: Sequence[int] | None
    """Kernel size in pixels of the output, one number an axis; empty where unknown."""
    stride: Sequence[int] | None
    """Stride in pixels of the output, one number an axis."""
    pad: Sequence[int] | None
    """Pixels cut off each edge of the output, one number an axis."""
    dilation: Sequence[int] | None
    """Dilation, one number an axis; 1 is none."""
    bias: bool | None
    """The layer has a bias (bias_term)."""
    weights: WeightState | None
    """What a Deconvolution's weights in the model are: missing (no values), zero (all of them),
    constant (all the same), bilinear (the kernel where it belongs, zero elsewhere),
    bilinear-caffe-1.0 (the same with the released filler's off-centre kernel), bilinear-every-pair
    (every output sums every input), bilinear-off-diagonal (right on the diagonal, something else
    off it), nearest (ones, kernel = stride), near-bilinear (fine-tuned), not-finite (some are NaN
    or infinite), other-shape (of a shape that the net does not give the layer), other; null
    without a model."""
    distance: Distance | None
    """How far weights that are near-bilinear or other are from bilinear ones: the largest absolute
    difference; null where no bilinear ones exist."""
    value: float | None
    """The value of constant weights."""
    support: KernelSupport | None
    """Width of the triangle that was recognised in the weights: from the kernel size, or from the
    stride."""
    findings: Sequence[LayerFinding]
    """What is wrong with the layer, by the rules' ids."""
    line: FromOne | None
    """Line of the net's text in which the layer begins, counted from 1; null where the text has no
    such layer."""
    phases: Sequence[Annotated[str, Fact(choices=("train", "test"))]]
    """Phases, of those asked for, in which the layer is active; none for a layer of the model
    alone."""
    matched: bool
    """The pattern takes the layer (without -p: apply's default would)."""
    guess: str | None
    """How the number of channels was found where it is a guess."""
    problem: str | None
    """Why Caffe would not set the layer up."""
    net_blobs: Sequence[Sequence[int | None] | None] | None
    """Shapes of the layer's blobs by the net: lengths of the axes, null for one that is unknown, or
    null where all are; null where the layer is not in it or its type is not known."""
    model_blobs: Sequence[Sequence[int]] | None
    """Shapes of the layer's blobs by the model, legacy dims as four axes; null where the layer is
    not in it."""
    storage: Storage | None
    """What holds the first blob's values in the model: a field of a binary model (raw_data is
    NVIDIA's, with its type), dataset for HDF5, or none for a blob without values; null without a
    blob."""
    role: Role | None
    """What a Deconvolution is for: interpolation, learned (it computes what training gave it), or
    unknown."""
    role_reasons: Sequence[str]
    """Why it has that role, the reason that decides first; empty for other types."""


class InspectDocument(TypedDict):
    """What the layers of a net, a model or both are."""

    schema_version: SchemaVersion
    command: Literal["inspect"]
    """The command that wrote the document."""
    net: str | None
    """The net's path as it was given, - for standard input; null where only a model was."""
    model: str | None
    """The model's path as it was given, - for standard input; null where only a net was."""
    net_version: NetVersion | None
    """Form of the net's layers: V2 (today's), V1 (of 2014) or V0 (of 2013); null without a net."""
    model_version: ModelVersion | None
    """Form of the model: binary with V2, V1 or V0 layers, with both V1 and V2 (mixed) or none
    (empty), or HDF5; null without a model."""
    model_size: Count | None
    """Size of the model in bytes; null without one."""
    layers: Sequence[InspectedLayer]
    """A row for each Deconvolution, or with --all for each layer: the net's in its order, then
    those that only the model has."""
    notes: Sequence[str]
    """What is unusual about the files, a sentence each."""
    net_findings: Sequence[NetFinding]
    """What layers without a row break, several layers at once, and the files: with the rows' own
    findings all that check finds."""


def inspect_document(result: InspectResult) -> InspectDocument:
    """What ``inspect`` found."""
    return jsonable(
        InspectDocument(
            schema_version=SCHEMA_VERSION,
            command="inspect",
            net=result.net,
            model=result.model,
            net_version=result.net_version,
            model_version=result.model_version,
            model_size=result.model_size,
            layers=[_layer(row) for row in result.layers],
            notes=result.notes,
            net_findings=[
                {**_finding(finding), "layer": finding.layer} for finding in result.net_findings
            ],
        )
    )


def _finding(finding: Finding) -> LayerFinding:
    return {
        "id": finding.id,
        "message": finding.message,
        "line": finding.line,
        "stops": finding.stops,
    }


def _layer(row: LayerRow) -> InspectedLayer:
    target, weights = row.target, row.weights
    param = target.layer.convolution_param if target else None
    found = row.role
    return {
        "name": row.name,
        "type": row.type,
        "shape": target.shape if target else None,
        "channels": target.channels if target else None,
        "num_output": param.num_output if param else None,
        "group": param.group if param else None,
        "kernel": target.kernel if target else None,
        "stride": target.stride if target else None,
        "pad": target.pad if target else None,
        "dilation": target.dilation if target else None,
        "bias": param.bias_term if param else None,
        "weights": weights.state if weights else None,
        "distance": weights.distance if weights else None,
        "value": weights.value if weights else None,
        "support": weights.support if weights else None,
        "findings": [_finding(finding) for finding in row.findings],
        "line": row.line,
        "phases": [phase.lower() for phase in row.phases],
        "matched": row.matched,
        "guess": target.guess if target else None,
        "problem": target.problem if target else None,
        "net_blobs": row.blobs,
        "model_blobs": row.source_blobs,
        "storage": row.storage,
        "role": found.role if found else None,
        "role_reasons": found.reasons if found else (),
    }
