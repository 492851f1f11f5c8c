"""Results as plain documents, ready for ``json.dumps``: keys are API and only ever added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from math import isfinite, prod
from typing import Any, TypeAlias

from deconvsurgery.errors import SurgeryError
from deconvsurgery.kernels.fingerprint import Fingerprint
from deconvsurgery.kernels.kernel_facts import KernelFacts
from deconvsurgery.matching.matched_layer import Target
from deconvsurgery.plans.apply.plan_types import Action, Change, Skip
from deconvsurgery.rules.finding import Finding
from deconvsurgery.rules.inspect_rows import Row
from deconvsurgery.verbs.apply import ApplyResult
from deconvsurgery.verbs.inspect import InspectResult

Document: TypeAlias = dict[str, Any]

SCHEMA_VERSION = 1
# Values of a kernel that a document spells out; past this its taps say the same.
MOST_VALUES = 64 * 64


def apply_document(result: ApplyResult) -> Document:
    """What ``apply`` did or would do."""
    return document(
        "apply",
        net=result.net,
        input=result.input,
        output=result.output,
        changed=result.changed,
        written=result.written,
        layers=[planned(row) for row in result.plan.rows],
        left_alone=[{"name": each.name, "type": each.type} for each in result.plan.left_alone],
        bytes={
            "input": result.input_size,
            "output": result.output_size,
            "rewritten": result.rewritten,
        },
        warnings=result.warnings,
        notes=result.notes,
        patch=result.patch,
    )


def inspect_document(result: InspectResult) -> Document:
    """What ``inspect`` found."""
    return document(
        "inspect",
        net=result.net,
        model=result.model,
        net_version=result.net_version,
        model_version=result.model_version,
        model_size=result.model_size,
        layers=[_surveyed(row) for row in result.rows],
        notes=result.notes,
        net_findings=[{**_found(each), "layer": each.layer} for each in result.net_findings],
    )


def _found(finding: Finding) -> Document:
    return {"id": finding.id, "message": finding.message, "line": finding.line}


def kernel_document(facts: KernelFacts) -> Document:
    """A kernel's numbers; an entry an axis where the axes may differ."""
    return document(
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
    return document(command, error=error_fields(error, kind=kind))


def error_fields(error: SurgeryError, *, kind: str | None = None) -> Document:
    """An error's kind, words and place."""
    return {
        "kind": kind or type(error).__name__,
        "message": error.message,
        "hint": error.hint,
        "file": getattr(error, "path", None),
        "layer": getattr(error, "layer", None),
        "line": getattr(error, "line", None),
        "column": getattr(error, "column", None),
        "offset": getattr(error, "offset", None),
    }


def document(command: str | None, **fields: object) -> Document:
    """A document of a command, in types that JSON has."""
    return {
        "schema_version": SCHEMA_VERSION,
        "command": safe(command),
        **{key: safe(value) for key, value in fields.items()},
    }


def planned(row: Change | Skip) -> Document:
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
        "findings": [_found(each) for each in row.findings],
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


def safe(value: object) -> object:
    """JSON's own types: no NaN or infinity, no half of a surrogate pair, lists for tuples."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, float):
        return float(value) if isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): safe(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [safe(each) for each in value]
    return value
