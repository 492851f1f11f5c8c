"""Documents of the verbs that change a whole net or model: keys are API and only ever added."""

from __future__ import annotations

from deconvsurgery.caffemodel.model import Storage, Version
from deconvsurgery.plans.convert.plan_types import LayerConversion
from deconvsurgery.plans.patch_net.plan import LayerPatch
from deconvsurgery.prototxt.net import Message
from deconvsurgery.report.terminal.patch_net import value_words
from deconvsurgery.verbs.convert import ConvertResult
from deconvsurgery.verbs.patch_net import PatchResult
from deconvsurgery.verbs.regroup import RegroupResult
from deconvsurgery.verbs.revert import RevertResult
from deconvsurgery.verbs.transplant import TransplantResult

from .apply_inspect_kernel import Document, document, planned


def convert_document(result: ConvertResult) -> Document:
    """What ``convert`` did or would do."""
    return document(
        "convert",
        input=result.input,
        output=result.output,
        net=result.net,
        before=result.before,
        after=result.after,
        changed=result.changed,
        written=result.written,
        layers=[_converted(each, result.after) for each in result.conversion.layers],
        told=result.conversion.told,
        bytes={"input": result.input_size, "output": result.output_size},
        warnings=result.warnings,
    )


def _converted(layer: LayerConversion, form: Version) -> Document:
    """A layer before and after; in HDF5 the field that values would go to has no place."""
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
                    "values": Storage.DATASET
                    if form is Version.HDF5 and each.blob.count
                    else each.storage,
                    "type": each.dtype[1:],
                },
                "max_abs_change": each.max_abs_change,
                "beyond": each.beyond,
            }
            for each in layer.blobs
        ],
    }


def transplant_document(result: TransplantResult) -> Document:
    """What ``transplant`` did or would do."""
    return document(
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
        filled=[planned(row) for row in result.plan.rows] if result.plan else [],
        bytes={"input": result.input_size, "output": result.output_size},
        warnings=result.warnings,
    )


def patch_document(result: PatchResult) -> Document:
    """What ``patch-net`` did or would do; a message that goes is told as text."""
    return document(
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
    return document(
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
                    "name": place.layer.name,
                    "line": place.layer.line or None,
                    "action": "regrouped",
                    "reason": None,
                    "group": {
                        "before": place.layer.convolution_param.group,
                        "after": each.group,
                    },
                    "shape": {"before": each.shape, "after": each.after},
                    "told": each.told,
                }
                for each in plan.changes
                for place in each.places
            ),
            *(
                {
                    "name": place.layer.name,
                    "line": place.layer.line or None,
                    "action": "unchanged",
                    "reason": each.reason,
                    "group": {
                        "before": place.layer.convolution_param.group,
                        "after": place.layer.convolution_param.group,
                    },
                    "shape": {"before": place.shape, "after": place.shape},
                    "told": (),
                }
                for each in plan.kept
                for place in each.places
            ),
        ],
        left_alone=[{"name": each.name, "type": each.type} for each in result.left_alone],
        bytes={"input": result.input_size, "output": result.output_size},
        warnings=result.warnings,
        notes=result.notes,
    )


def revert_document(result: RevertResult) -> Document:
    """What ``revert`` did or would do."""
    return document(
        "revert",
        input=result.changed,
        patch=result.patch,
        output=result.output,
        already=result.already,
        written=result.written,
        bytes={
            "input": result.size_before,
            "output": result.size_after,
            "restored": result.restored,
        },
        sha256=result.sha256,
        warnings=result.warnings,
    )
