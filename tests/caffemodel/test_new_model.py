"""A whole model put together: what protobuf reads of it is what the net's text says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format

import deconvsurgery as ds
from deconvsurgery.caffemodel.blob_edits import NewBlob
from deconvsurgery.caffemodel.new_model import assembled, layer_field
from helpers.models import NetParameter

LAYERS = {
    "a message that repeats": """name: "d" type: "Input" top: "d" top: "e"
        input_param { shape { dim: 1 dim: 3 } shape { dim: 2 } }""",
    "params, rules, numbers": """name: "c" type: "Convolution" bottom: "d" top: "c"
        loss_weight: 0.5 param { name: "w" lr_mult: 0 } param { decay_mult: 2 }
        include { phase: TRAIN stage: "a" stage: "b" } phase: TEST
        propagate_down: true propagate_down: false
        convolution_param { num_output: 4 kernel_size: 3 kernel_size: 5 engine: CUDNN
          weight_filler { type: "gaussian" std: 0.01 variance_norm: FAN_OUT } }""",
    "enums and messages deep inside": """name: "p" type: "Pooling" bottom: "c" top: "p"
        pooling_param { pool: AVE kernel_size: 2 } transform_param { mean_value: 1 mean_value: 2 }
        python_param { module: "m" layer: "L" }""",
    "no more than a name": 'name: "n"',
    "a name of odd letters": 'name: "caf\\303\\251 [up]" type: "ReLU"',
}


@pytest.mark.parametrize("text", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("shapes", [(), ((2, 3), (3,)), ((),)], ids=["no blobs", "two", "scalar"])
def test_a_layer_is_what_its_text_says(text: str, shapes: tuple[tuple[int, ...], ...]) -> None:
    text = f'name: "net" layer {{ {text} }}'
    expected: Any = text_format.Parse(text, NetParameter())
    blobs = []
    for shape in shapes:
        values = np.arange(int(np.prod(shape)), dtype="<f4")
        blob = expected.layer[0].blobs.add(data=values.tolist())
        if shape:
            blob.shape.dim.extend(shape)
        blobs.append(NewBlob(shape, lambda values=values: (values.tobytes(),)))
    (layer,) = ds.parse_net(text.encode()).layers
    whole = assembled("net", [layer_field(layer, blobs)])
    data = b"".join(bytes(chunk) for chunk in whole.chunks())
    assert len(data) == whole.size
    assert data == expected.SerializeToString(deterministic=True)
    assert NetParameter.FromString(data) == expected


def test_a_field_of_a_fork_is_left_out() -> None:
    text = b'layer { name: "i" type: "Interp" interp_param { zoom_factor: 2 } }'
    whole = assembled("", [layer_field(ds.parse_net(text).layers[0], [])])
    message: Any = NetParameter.FromString(b"".join(map(bytes, whole.chunks())))
    (layer,) = message.layer
    assert [field.name for field, _ in layer.ListFields()] == ["name", "type"]
