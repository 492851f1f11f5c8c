"""A matched layer of ``apply`` and ``transplant --apply`` as a table of a JSON document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict, cast

from deconvsurgery.kernels.weight_states import WeightState
from deconvsurgery.plans.apply.plan_types import ApplyAction, ApplyChange, ApplySkip, BiasFill

from .document import Count, Distance, LayerLine, Warnings


class FilledBias(TypedDict):
    """What a bias is filled with."""

    count: Count
    """Values of the bias."""
    value: float | None
    """What each of them is; null where that is no number."""
    changed: bool
    """The bias changes."""
    only_absent: bool
    """Only a bias that the model lacks is filled; one that is there stays."""


class PlannedLayer(TypedDict):
    """A matched layer, before and after."""

    name: str
    """The layer's name; bytes in it that are no UTF-8 are written as \\udc80 to \\udcff."""
    type: str
    """The layer's type as today's Caffe spells it."""
    action: ApplyAction
    """What was done, or would be: rewritten (it had weights, which change), created (it had none),
    unchanged (it has the planned weights already), skipped (it was left as it is)."""
    reason: str | None
    """Why a skipped layer was skipped; null for the others."""
    shape: Sequence[int] | None
    """Shape of its weights by the net: [channels, num_output / group, kernel_h, kernel_w]; null
    where channels are unknown."""
    channels: Count | None
    """Channels that come in; null where neither net nor model says."""
    num_output: Count
    """Channels that go out."""
    group: Count
    """Groups of channels that do not mix."""
    kernel: Sequence[int]
    """Kernel size in pixels of the output, one number an axis; empty where Caffe would not set the
    layer up."""
    stride: Sequence[int]
    """Stride in pixels of the output, one number an axis: the factor by which it enlarges."""
    pad: Sequence[int]
    """Pixels cut off each edge of the output, one number an axis."""
    dilation: Sequence[int]
    """Dilation, one number an axis; 1 is none."""
    bias: bool
    """The layer has a bias (bias_term)."""
    before: WeightState
    """What its weights are before: missing (no values), zero (all of them), constant (all the
    same), bilinear (the kernel where it belongs, zero elsewhere), bilinear-caffe-1.0 (the same with
    the released filler's off-centre kernel), bilinear-every-pair (every output sums every input),
    bilinear-off-diagonal (right on the diagonal, something else off it), nearest (ones, kernel =
    stride), near-bilinear (fine-tuned), not-finite (some are NaN or infinite), other-shape (of
    a shape that the net does not give the layer), other."""
    after: WeightState
    """What its weights are after, in the same words; those of a skipped layer stay."""
    max_abs_change: Distance | None
    """The largest absolute difference between an old and a new weight, a weight that was not there
    counted as 0; null where one of them is no number (NaN, infinity)."""
    values_changed: Count
    """Weights whose bits differ, of `values`."""
    values: Count
    """Weights of the layer; 0 where its shape is unknown."""
    warnings: Warnings
    line: LayerLine
    guess: str | None
    """How the number of channels was found where it is a guess; null where it is known."""
    bias_fill: FilledBias | None
    """What its bias is filled with; null where the bias stays as it is."""


def planned(row: ApplyChange | ApplySkip) -> PlannedLayer:
    """A layer's row; a skipped one stays as it was: 0 values change, by 0."""
    target = row.target
    param = target.layer.convolution_param
    return {
        "name": target.layer.name,
        "type": target.layer.type,
        "action": row.action,
        "reason": row.reason,
        "shape": target.shape,
        "channels": target.channels,
        "num_output": param.num_output,
        "group": param.group,
        "kernel": target.kernel,
        "stride": target.stride,
        "pad": target.pad,
        "dilation": target.dilation,
        "bias": param.bias_term,
        "before": row.before.state,
        "after": row.before.state if isinstance(row, ApplySkip) else row.after.state,
        "max_abs_change": 0 if isinstance(row, ApplySkip) else row.max_abs_change,
        "values_changed": 0 if isinstance(row, ApplySkip) else row.values_changed,
        "values": row.values,
        "warnings": row.warnings,
        # None for a net that was made in Python, which has no lines.
        "line": cast(int, target.layer.line or None),
        "guess": target.guess,
        "bias_fill": None if isinstance(row, ApplySkip) else _filled(row.bias),
    }


def _filled(bias: BiasFill | None) -> FilledBias | None:
    if bias is None:
        return None
    return {
        "count": bias.count,
        "value": bias.value,
        "changed": bias.changed,
        "only_absent": bias.only_absent,
    }
