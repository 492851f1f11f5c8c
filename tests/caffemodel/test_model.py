"""An indexed model: what is asked of all its layers."""

from __future__ import annotations

import numpy as np

from helpers.models import indexed, model_bytes


def test_layers_of_a_name_that_have_blobs_in_the_files_order() -> None:
    parts = [{"up": [np.ones(1)]}, {"up": []}, {"other": [np.ones(2)]}, {"up": [np.ones(3)]}]
    model = indexed(b"".join(model_bytes(part) for part in parts))
    assert [layer.blobs[0].count for layer in model.weighted("up")] == [1, 3]
    assert len(model.by_name["up"]) == 3
    assert model.weighted("nothing") == ()


def test_other_layers_of_a_file_keep_its_values() -> None:
    model = indexed(model_bytes({"a": [np.ones(1)], "b": [np.arange(3)]}))
    last = model.with_layers(model.layers[1:])
    assert [layer.name for layer in last.layers] == list(last.by_name) == ["b"]
    (values,) = last.flat_values(last.layers[0].blobs[0])
    assert values.tolist() == [0, 1, 2]
