"""Results as verbs return them, made of what a test says and of what it leaves to this file.

For tests of what is made of a result: pages, documents. No model is behind them; every number is
a plain one of FCN's upscore2 unless a test names its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import deconvsurgery as ds
from deconvsurgery.caffemodel.stored_values import Storage
from deconvsurgery.matching.role import role_of
from deconvsurgery.plans.apply.plan_types import BiasFill
from deconvsurgery.plans.regroup.plan_types import KeptLayer, Regroup, Regrouping
from deconvsurgery.rules.survey import LayerRow

__all__ = ["BiasFill", "KeptLayer", "LayerRow", "Regroup", "Storage"]


def target(
    name: str = "upscore2",
    *,
    kind: str = "Deconvolution",
    index: int = 1,
    line: int | None = None,
    channels: int = 21,
    kernel: tuple[int, ...] = (4, 4),
    stride: tuple[int, ...] = (2, 2),
    pad: tuple[int, ...] = (0, 0),
    group: int = 1,
    guess: str | None = None,
) -> ds.MatchedLayer:
    """A Deconvolution of as many outputs as channels; on line ten times its index unless said."""
    param = ds.ConvolutionParam(num_output=channels, group=group, bias_term=False)
    where = 10 * index if line is None else line
    layer = ds.Layer(index, name, kind, convolution_param=param, line=where)
    return ds.MatchedLayer(
        layer,
        channels=channels,
        shape=(channels, channels // group, *kernel),
        kernel=kernel,
        stride=stride,
        pad=pad,
        dilation=(1,) * len(kernel),
        guess=guess,
    )


def change(
    what: ds.MatchedLayer,
    *,
    action: ds.ApplyAction = ds.ApplyAction.REWRITTEN,
    before: ds.WeightState = ds.WeightState.ZERO,
    max_abs_change: float | None = 0.5625,
    values_changed: int = 336,
    bias: BiasFill | None = None,
    warnings: tuple[str, ...] = (),
) -> ds.ApplyChange:
    """A layer that gets bilinear weights."""
    shape = what.shape
    assert shape is not None
    assert what.channels is not None
    return ds.ApplyChange(
        target=what,
        action=action,
        fill=ds.BilinearFill(shape, what.channels, what.layer.convolution_param.group, what.stride),
        bias=bias,
        before=ds.Fingerprint(before),
        after=ds.Fingerprint(ds.WeightState.BILINEAR),
        max_abs_change=max_abs_change,
        values_changed=values_changed,
        values=prod(shape),
        warnings=warnings,
    )


def plan(
    *rows: ds.ApplyChange | ds.ApplySkip,
    left_alone: Sequence[ds.Layer] = (),
    warnings: Sequence[str] = (),
) -> ds.ApplyPlan:
    """These rows, each where a plan has it."""
    return ds.ApplyPlan(
        changes=tuple(row for row in rows if isinstance(row, ds.ApplyChange)),
        skips=tuple(row for row in rows if isinstance(row, ds.ApplySkip)),
        left_alone=tuple(left_alone),
        warnings=tuple(warnings),
    )


def apply_result(
    *rows: ds.ApplyChange | ds.ApplySkip, left_alone: Sequence[ds.Layer] = (), **more: Any
) -> ds.ApplyResult:
    """What ``apply`` did with a file of FCN's size; ``more`` are other fields of the result."""
    fields: dict[str, Any] = {
        "net": "val.prototxt",
        "input": "in.caffemodel",
        "output": "out.caffemodel",
        "input_size": 537963157,
        "output_size": 537963157,
        "rewritten": 28224,
        "written": True,
    }
    return ds.ApplyResult(plan=plan(*rows, left_alone=left_alone), **(fields | more))


def inspect_row(
    name: str,
    *,
    what: ds.MatchedLayer | None = None,
    line: int | None = 30,
    phases: tuple[str, ...] = ("TEST", "TRAIN"),
    matched: bool = True,
    weights: ds.Fingerprint | None = None,
    findings: tuple[ds.Finding, ...] = (),
    **more: Any,
) -> LayerRow:
    """A Deconvolution's row; ``more`` are other fields of it."""
    made = target(name, index=3) if what is None else what
    assert made.shape is not None
    return LayerRow(
        name,
        "Deconvolution",
        line=line,
        phases=phases,
        matched=matched,
        target=made,
        weights=weights,
        findings=findings,
        role=role_of(made, weights),
        **({"blobs": (made.shape,)} | more),
    )


def patch_result(*layers: ds.LayerPatch, **more: Any) -> ds.PatchNetResult:
    """What ``patch_net`` made of a.prototxt: nothing, unless ``more`` has other bytes."""
    fields: dict[str, Any] = {
        "net": "a.prototxt",
        "output": "b.prototxt",
        "before": b"old",
        "after": b"old",
        "written": True,
    }
    return ds.PatchNetResult(layers=layers, **(fields | more))


def regroup_result(*rows: Regroup | KeptLayer, **more: Any) -> ds.RegroupResult:
    """What ``regroup`` would do with a model of 100 bytes; ``more`` are other fields."""
    fields: dict[str, Any] = {
        "net": "a.prototxt",
        "input": "a.caffemodel",
        "net_output": None,
        "output": None,
        "input_size": 100,
        "output_size": 100,
        "expand": False,
        "written": False,
    }
    regrouping = Regrouping(
        changes=tuple(row for row in rows if isinstance(row, Regroup)),
        kept=tuple(row for row in rows if isinstance(row, KeptLayer)),
    )
    return ds.RegroupResult(regrouping=regrouping, **(fields | more))
