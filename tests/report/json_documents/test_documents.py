"""Documents have the contract's keys and are JSON that a strict parser takes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import deconvsurgery as ds
from deconvsurgery.report.json_documents.apply import apply_document
from deconvsurgery.report.json_documents.error import error_document
from deconvsurgery.report.json_documents.inspect import inspect_document
from deconvsurgery.report.json_documents.kernel import kernel_document
from helpers.results import BiasFill, LayerRow, Storage, apply_result, change, inspect_row, target


def parsed(document: Mapping[str, Any]) -> Any:
    """Through text and back, as a user of --json has it; NaN and lone surrogates are errors."""
    text = json.dumps(document, allow_nan=False, ensure_ascii=False)
    return json.loads(text.encode("utf-8"), parse_constant=pytest.fail)


UPSCORE2 = target("upscore2", index=7, line=401)
REWRITTEN = change(UPSCORE2)
SKIPPED = ds.ApplySkip(
    target("up", index=7, line=401, guess="as score has"),
    before=ds.Fingerprint(ds.WeightState.NEAREST),
    reason="nearest",
    warnings=("odd",),
)


def applied(*rows: ds.ApplyChange | ds.ApplySkip, **more: Any) -> ds.ApplyResult:
    return apply_result(*rows, left_alone=(ds.Layer(9, "up_crop", "Crop"),), **more)


SHAPE_KEYS = {
    "shape": [21, 21, 4, 4],
    "channels": 21,
    "num_output": 21,
    "group": 1,
    "kernel": [4, 4],
    "stride": [2, 2],
    "pad": [0, 0],
    "dilation": [1, 1],
    "bias": False,
}


def test_apply() -> None:
    assert parsed(apply_document(applied(REWRITTEN))) == {
        "schema_version": 1,
        "command": "apply",
        "net": "val.prototxt",
        "input": "in.caffemodel",
        "output": "out.caffemodel",
        "changed": True,
        "written": True,
        "layers": [
            {
                "name": "upscore2",
                "type": "Deconvolution",
                "action": "rewritten",
                "reason": None,
                **SHAPE_KEYS,
                "before": "zero",
                "after": "bilinear",
                "max_abs_change": 0.5625,
                "values_changed": 336,
                "values": 7056,
                "warnings": [],
                "line": 401,
                "guess": None,
                "bias_fill": None,
            }
        ],
        "left_alone": [{"name": "up_crop", "type": "Crop"}],
        "bytes": {"input": 537963157, "output": 537963157, "rewritten": 28224},
        "warnings": [],
        "notes": [],
        "patch": None,
    }


def test_a_skip_stays_as_it_was() -> None:
    (layer,) = parsed(apply_document(applied(SKIPPED)))["layers"]
    assert layer == {
        "name": "up",
        "type": "Deconvolution",
        "action": "skipped",
        "reason": "nearest",
        **SHAPE_KEYS,
        "before": "nearest",
        "after": "nearest",
        "max_abs_change": 0,
        "values_changed": 0,
        "values": 7056,
        "warnings": ["odd"],
        "line": 401,
        "guess": "as score has",
        "bias_fill": None,
    }


def test_rows_have_the_same_keys_whatever_became_of_them() -> None:
    biased = REWRITTEN._replace(action=ds.ApplyAction.CREATED, bias=BiasFill(21, 0.5, True))
    unknown = ds.ApplySkip(
        ds.MatchedLayer(ds.Layer(1, "a", "Deconvolution")),
        before=ds.Fingerprint(ds.WeightState.OTHER),
        reason="no channels",
    )
    layers = parsed(apply_document(applied(biased, SKIPPED, unknown)))["layers"]
    assert len({tuple(layer) for layer in layers}) == 1
    by_name = {layer["name"]: layer for layer in layers}
    assert [layer["name"] for layer in layers] == ["a", "upscore2", "up"]
    assert by_name["upscore2"]["bias_fill"] == {
        "count": 21,
        "value": 0.5,
        "changed": True,
        "only_absent": False,
    }
    assert by_name["a"]["shape"] is None
    assert by_name["a"]["before"] == by_name["a"]["after"] == "other"
    assert by_name["a"]["values"] == 0


def test_dry_run() -> None:
    document = parsed(apply_document(applied(REWRITTEN, output=None, written=False)))
    assert document["output"] is None
    assert document["changed"] is True
    assert document["written"] is False


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None])
def test_what_is_no_number_is_null(value: float | None) -> None:
    change = REWRITTEN._replace(
        max_abs_change=value,
        bias=BiasFill(1, math.nan if value is None else value, True),
    )
    (layer,) = parsed(apply_document(applied(change)))["layers"]
    assert layer["max_abs_change"] is None
    assert layer["bias_fill"]["value"] is None


def test_inspect() -> None:
    near = ds.Fingerprint(
        ds.WeightState.NEAR_BILINEAR, distance=0.0625, support=ds.KernelSupport.KERNEL
    )
    row = inspect_row(
        "upscore2",
        what=UPSCORE2,
        line=401,
        source_blobs=((21, 21, 4, 4),),
        weights=near,
        findings=(ds.Finding("DS003", "not bilinear", line=401),),
        storage=Storage.DOUBLE_DATA,
    )
    blobs = ((64, None, 3, 3), None)
    conv = LayerRow("conv", "Convolution", line=3, phases=("TEST",), blobs=blobs)
    result = ds.InspectResult(
        (row, conv),
        net="val.prototxt",
        model="a.caffemodel",
        net_version="V2",
        model_version="V1",
        model_size=12,
        notes=("odd",),
        net_findings=(ds.Finding("DS015", "unmet", line=9, layer="sum", stops=True),),
    )
    assert parsed(inspect_document(result)) == {
        "schema_version": 1,
        "command": "inspect",
        "net": "val.prototxt",
        "model": "a.caffemodel",
        "net_version": "V2",
        "model_version": "V1",
        "model_size": 12,
        "layers": [
            {
                "name": "upscore2",
                "type": "Deconvolution",
                **SHAPE_KEYS,
                "weights": "near-bilinear",
                "distance": 0.0625,
                "value": None,
                "support": "kernel",
                "findings": [
                    {"id": "DS003", "message": "not bilinear", "line": 401, "stops": False}
                ],
                "line": 401,
                "phases": ["test", "train"],
                "matched": True,
                "guess": None,
                "problem": None,
                "net_blobs": [[21, 21, 4, 4]],
                "model_blobs": [[21, 21, 4, 4]],
                "storage": "double_data",
                "role": "interpolation",
                "role_reasons": ["its weights are near bilinear ones: fine-tuned"],
            },
            {
                "name": "conv",
                "type": "Convolution",
                **dict.fromkeys(SHAPE_KEYS),
                "weights": None,
                "distance": None,
                "value": None,
                "support": None,
                "findings": [],
                "line": 3,
                "phases": ["test"],
                "matched": False,
                "guess": None,
                "problem": None,
                "net_blobs": [[64, None, 3, 3], None],
                "model_blobs": None,
                "storage": None,
                "role": None,
                "role_reasons": [],
            },
        ],
        "notes": ["odd"],
        "net_findings": [
            {"id": "DS015", "message": "unmet", "line": 9, "layer": "sum", "stops": True}
        ],
    }


def test_kernel() -> None:
    document = parsed(kernel_document(ds.kernel((3, 4), stride=2)))
    assert document == {
        "schema_version": 1,
        "command": "kernel",
        "size": [3, 4],
        "stride": [2, 2],
        "formula": "fcn",
        "support": "kernel",
        "taps": [[0.5, 1.0, 0.5], [0.25, 0.75, 0.75, 0.25]],
        "values": [
            [0.125, 0.375, 0.375, 0.125],
            [0.25, 0.75, 0.75, 0.25],
            [0.125, 0.375, 0.375, 0.125],
        ],
        "centre": [{"mass": 1.0, "true": 1.0}, {"mass": 1.5, "true": 1.5}],
        "centred": True,
        "gain": [[1.0, 1.0], [1.0, 1.0]],
        "interpolates": True,
        "recipe": [{"factor": 2, "kernel_size": 4, "stride": 2, "pad": 1}] * 2,
    }


def test_kernel_that_is_wrong() -> None:
    document = parsed(kernel_document(ds.kernel(3, formula="caffe-1.0", stride=3)))
    assert document["centred"] is False
    assert document["interpolates"] is False
    assert document["gain"] == [[0.25, 0.75, 0.75]] * 2


def test_large_kernels_leave_the_product_to_the_reader() -> None:
    assert len(parsed(kernel_document(ds.kernel(64)))["values"]) == 64
    document = parsed(kernel_document(ds.kernel(1000)))
    assert document["values"] is None
    assert len(document["taps"][0]) == 1000


NO_PLACE = {"file": None, "layer": None, "line": None, "column": None, "offset": None}
ERRORS = [
    (ds.ShapeError("m", layer="up", line=4, hint="h"), {"hint": "h", "layer": "up", "line": 4}),
    (ds.MismatchError("m", layer="up"), {"layer": "up"}),
    (
        ds.PrototxtError("m", line=3, column=7, path="a.prototxt", layer="up"),
        {"file": "a.prototxt", "line": 3, "column": 7, "layer": "up"},
    ),
    (ds.ModelError("m", offset=0, path="a"), {"file": "a", "offset": 0}),
    (ds.SelectionError("m"), {}),
    (ds.OutputError("m", path="out"), {"file": "out"}),
    (ds.FileError("m", path="in"), {"file": "in"}),
]


@pytest.mark.parametrize(("error", "fields"), ERRORS, ids=lambda each: type(each).__name__)
def test_errors(error: ds.SurgeryError, fields: dict[str, object]) -> None:
    assert parsed(error_document("apply", error)) == {
        "schema_version": 1,
        "command": "apply",
        "error": {
            "kind": type(error).__name__,
            "message": "m",
            "hint": None,
            **NO_PLACE,
            **fields,
        },
    }


def test_an_error_before_there_was_a_command() -> None:
    assert parsed(error_document(None, ds.SelectionError("m")))["command"] is None


# st.text() leaves surrogates out; paths that are not UTF-8 have them.
NAMES = st.text(st.characters(exclude_categories=()), max_size=40)


@settings(max_examples=60, deadline=None)
@given(NAMES)
def test_any_name_is_json(name: str) -> None:
    result = applied(REWRITTEN._replace(target=target(name, index=7)), net=name, warnings=(name,))
    document = parsed(apply_document(result))
    spelt = document["layers"][0]["name"]
    assert document["net"] == document["warnings"][0] == spelt
    whole = not any(0xD800 <= ord(char) < 0xE000 for char in name)
    assert (spelt == name) is whole
    assert parsed(error_document("apply", ds.ShapeError(name)))["error"]["message"] == spelt
