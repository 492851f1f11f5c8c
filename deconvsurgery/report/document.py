"""Results as plain documents, ready for ``json.dumps``: keys are API and only ever added.

Never here: words for people beyond those that the results hold, or printing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from math import isfinite, prod
from typing import Any, TypeAlias

from ..change import Action, Change, Skip
from ..conversion import LayerConversion
from ..errors import SurgeryError
from ..fingerprint import Fingerprint
from ..fit import Target
from ..net import Message
from ..patching import LayerPatch
from ..portrait import KernelFacts
from ..survey import Row
from ..verbs.apply import ApplyResult
from ..verbs.convert import ConvertResult
from ..verbs.inspect import InspectResult
from ..verbs.patch_net import PatchResult
from ..verbs.regroup import RegroupResult
from ..verbs.transplant import TransplantResult
from .patch import value_words

Document: TypeAlias = dict[str, Any]

SCHEMA_VERSION = 1
# Values of a kernel that a document spells out; past this its taps say the same.
MOST_VALUES = 64 * 64


def apply_document(result: ApplyResult) -> Document:
    """What ``apply`` did or would do."""
    return _document(
        "apply",
        net=result.net,
        input=result.input,
        output=result.output,
        changed=result.changed,
        written=result.written,
        layers=[_planned(row) for row in result.plan.rows],
        left_alone=[{"name": each.name, "type": each.type} for each in result.plan.left_alone],
        bytes={
            "input": result.input_size,
            "output": result.output_size,
            "rewritten": result.rewritten,
        },
        warnings=result.warnings,
        notes=result.notes,
    )


def inspect_document(result: InspectResult) -> Document:
    """What ``inspect`` found."""
    return _document(
        "inspect",
        net=result.net,
        model=result.model,
        net_version=result.net_version,
        model_version=result.model_version,
        model_size=result.model_size,
        layers=[_surveyed(row) for row in result.rows],
        notes=result.notes,
    )


def convert_document(result: ConvertResult) -> Document:
    """What ``convert`` did or would do."""
    return _document(
        "convert",
        input=result.input,
        output=result.output,
        net=result.net,
        before=result.before,
        after=result.after,
        changed=result.changed,
        written=result.written,
        layers=[_converted(each) for each in result.conversion.layers],
        told=result.conversion.told,
        bytes={"input": result.input_size, "output": result.output_size},
        warnings=result.warnings,
    )


def _converted(layer: LayerConversion) -> Document:
    return {
        "name": layer.source.name,
        "type": layer.type,
        "action": layer.action,
        "told": layer.told,
        "max_abs_change": layer.max_abs_change,
        "blobs": [
            {
                "before": {
                    "shape": each.blob.shape,
                    "legacy": each.blob.legacy,
                    "values": each.blob.storage,
                    "type": each.blob.dtype[1:],
                },
                "after": {
                    "shape": each.blob.shape if each.shape is None else each.shape,
                    "legacy": each.shape is None,
                    "values": each.storage,
                    "type": each.dtype[1:],
                },
                "max_abs_change": each.max_abs_change,
            }
            for each in layer.blobs
        ],
    }


def transplant_document(result: TransplantResult) -> Document:
    """What ``transplant`` did or would do."""
    return _document(
        "transplant",
        net=result.net,
        input=result.input,
        output=result.output,
        written=result.written,
        layers=[
            {
                "name": each.layer.name,
                "type": each.layer.type,
                "action": each.action,
                "from": each.old,
                "blobs": [
                    {"origin": origin, "shape": shape, "was": was}
                    for origin, shape, was in each.blobs
                ],
                "told": each.told,
            }
            for each in result.layers
        ],
        dropped=result.grafting.dropped,
        filled=[_planned(row) for row in result.plan.rows] if result.plan else [],
        bytes={"input": result.input_size, "output": result.output_size},
        warnings=result.warnings,
    )


def patch_document(result: PatchResult) -> Document:
    """What ``patch-net`` did or would do; a message that goes is told as text."""
    return _document(
        "patch-net",
        net=result.net,
        output=result.output,
        changed=result.changed,
        written=result.written,
        layers=[_patched(each) for each in result.layers],
        left_alone=[{"name": name, "type": kind} for name, kind in result.left_alone],
        bytes={"input": len(result.before), "output": len(result.after)},
        warnings=result.warnings,
        notes=result.notes,
    )


def _patched(layer: LayerPatch) -> Document:
    return {
        "name": layer.name,
        "type": layer.type,
        "line": layer.line,
        "action": layer.action,
        "reason": layer.reason,
        "changes": [
            {
                "field": each.field,
                "before": value_words(each.before)
                if isinstance(each.before, Message)
                else each.before,
                "after": each.after,
            }
            for each in layer.changes
        ],
        "warnings": layer.warnings,
    }


def regroup_document(result: RegroupResult) -> Document:
    """What ``regroup`` did or would do."""
    plan = result.regrouping
    return _document(
        "regroup",
        net=result.net,
        input=result.input,
        net_output=result.net_output,
        output=result.output,
        expand=result.expand,
        changed=result.changed,
        written=result.written,
        layers=[
            *(
                {
                    "name": each.target.layer.name,
                    "line": each.target.layer.line or None,
                    "action": "regrouped",
                    "reason": None,
                    "group": {
                        "before": each.target.layer.convolution_param.group,
                        "after": each.group,
                    },
                    "shape": {"before": each.shape, "after": each.after},
                }
                for each in plan.changes
            ),
            *(
                {
                    "name": each.target.layer.name,
                    "line": each.target.layer.line or None,
                    "action": "unchanged",
                    "reason": each.reason,
                    "group": {
                        "before": each.target.layer.convolution_param.group,
                        "after": each.target.layer.convolution_param.group,
                    },
                    "shape": {"before": each.target.shape, "after": each.target.shape},
                }
                for each in plan.kept
            ),
        ],
        left_alone=[{"name": each.name, "type": each.type} for each in result.left_alone],
        bytes={"input": result.input_size, "output": result.output_size},
        warnings=result.warnings,
        notes=result.notes,
    )


def kernel_document(facts: KernelFacts) -> Document:
    """A kernel's numbers; an entry an axis where the axes may differ."""
    return _document(
        "kernel",
        size=facts.size,
        stride=facts.stride,
        formula=facts.formula,
        support=facts.support,
        taps=facts.taps,
        values=facts.values().tolist() if prod(facts.size) <= MOST_VALUES else None,
        centre=[{"mass": each.mass, "true": each.true} for each in facts.centres],
        centred=facts.centred,
        gain=facts.gains,
        interpolates=facts.interpolates,
        recipe=[
            {
                "factor": each.factor,
                "kernel_size": each.kernel,
                "stride": each.stride,
                "pad": each.pad,
            }
            for each in facts.recipes
        ],
    )


def error_document(
    command: str | None, error: SurgeryError, *, kind: str | None = None
) -> Document:
    """An error and its place; what it does not know of its place is null."""
    return _document(
        command,
        error={
            "kind": kind or type(error).__name__,
            "message": error.message,
            "hint": error.hint,
            "file": getattr(error, "path", None),
            "layer": getattr(error, "layer", None),
            "line": getattr(error, "line", None),
            "column": getattr(error, "column", None),
            "offset": getattr(error, "offset", None),
        },
    )


def _document(command: str | None, **fields: object) -> Document:
    return {
        "schema_version": SCHEMA_VERSION,
        "command": _safe(command),
        **{key: _safe(value) for key, value in fields.items()},
    }


def _planned(row: Change | Skip) -> Document:
    """A layer's row; a skipped one stays as it was, changing 0 values by 0."""
    target = row.target
    start = {"name": target.layer.name, "type": target.layer.type}
    end = {"warnings": row.warnings, "line": target.layer.line or None, "guess": target.guess}
    if isinstance(row, Skip):
        return {
            **start,
            "action": Action.SKIPPED,
            "reason": row.reason,
            **_geometry(target),
            "before": _state(row.before),
            "after": _state(row.before),
            "max_abs_change": 0,
            "values_changed": 0,
            "values": prod(target.shape or (0,)),
            **end,
            "bias_fill": None,
        }
    return {
        **start,
        "action": row.action,
        "reason": None,
        **_geometry(target),
        "before": _state(row.before),
        "after": _state(row.after),
        "max_abs_change": row.max_abs_change,
        "values_changed": row.values_changed,
        "values": row.values,
        **end,
        "bias_fill": None if row.bias is None else asdict(row.bias),
    }


def _surveyed(row: Row) -> Document:
    weights = row.weights
    return {
        "name": row.name,
        "type": row.type,
        **_geometry(row.target),
        "weights": _state(weights),
        "distance": weights.distance if weights else None,
        "value": weights.value if weights else None,
        "support": weights.support if weights else None,
        "findings": [
            {"id": each.id, "message": each.message, "line": each.line} for each in row.findings
        ],
        "line": row.line,
        "phases": [phase.lower() for phase in row.phases],
        "matched": row.matched,
        "guess": row.target.guess if row.target else None,
        "problem": row.target.problem if row.target else None,
        "net_blobs": row.blobs,
        "model_blobs": row.source_blobs,
        "storage": row.storage,
    }


def _geometry(target: Target | None) -> Document:
    """The keys that ``apply`` and ``inspect`` share; all null for a layer without a kernel."""
    if target is None:
        keys = ("shape", "channels", "num_output", "group", "kernel", "stride", "pad")
        return dict.fromkeys((*keys, "dilation", "bias"))
    param = target.layer.convolution_param
    return {
        "shape": target.shape,
        "channels": target.channels,
        "num_output": param.num_output,
        "group": param.group,
        "kernel": target.kernel,
        "stride": target.stride,
        "pad": target.pad,
        "dilation": target.dilation,
        "bias": param.bias_term,
    }


def _state(weights: Fingerprint | None) -> str | None:
    return None if weights is None else str(weights.state)


def _safe(value: object) -> object:
    """JSON's own types: no NaN or infinity, no half of a surrogate pair, lists for tuples."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, float):
        return float(value) if isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _safe(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_safe(each) for each in value]
    return value
