"""The page docs/two-ways.md is true: its three ways are those of a real Caffe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import deconvsurgery as ds
from helpers.models import NetParameter, blob_values, parsed
from helpers.oracles import opencv_forward, ramp
from helpers.places import LAYOUTS

Array = NDArray[Any]


def golden(name: str) -> dict[str, Array]:
    with np.load(LAYOUTS / f"{name}.npz") as arrays:
        return dict(arrays)


@pytest.mark.parametrize(
    ("dense", "grouped", "height"),
    [("seed_k16s8p3", "seed_k16s8p3_group", 42), ("factor8_dense", "factor8_group", 40)],
    ids=["pad 3", "pad 4"],
)
def test_the_three_ways_in_numbers(dense: str, grouped: str, height: int, tmp_path: Path) -> None:
    """Apply, the filler, the filler with group: weights by Caffe, outputs by Caffe and OpenCV."""
    by_surgery, by_group = golden(dense), golden(grouped)
    net = LAYOUTS / f"{dense}.prototxt"

    # The second way without group: a model as a filler leaves it.
    saved = (LAYOUTS / f"{dense}.caffemodel").read_bytes()
    message: Any = NetParameter.FromString(saved)
    (layer,) = (layer for layer in message.layer if layer.name == "up")
    del layer.blobs[0].data[:]
    layer.blobs[0].data.extend(by_surgery["filler"].ravel().tolist())
    (tmp_path / "filled").write_bytes(message.SerializeToString())
    assert [
        row.weights.state for row in ds.inspect(net, tmp_path / "filled").layers if row.weights
    ] == [ds.WeightState.BILINEAR_EVERY_PAIR]

    # The first way makes the diagonal of it.
    ds.apply(net, tmp_path / "filled", tmp_path / "out")
    repaired = (tmp_path / "out").read_bytes()
    (up,) = (layer for layer in parsed(repaired).layer if layer.name == "up")
    weights = blob_values(up.blobs[0])
    assert weights.tobytes() == by_surgery["interp"].tobytes()
    assert not weights[0, 1].any()
    assert np.array_equal(weights[0, 0], by_group["filler"][0, 0])

    # Outputs: the first way and the grouped filler are one function, the plain filler another.
    image = ramp((1, 2, 5, 6))
    out = {
        "apply": opencv_forward(net.read_bytes(), repaired, image, "up"),
        "filler": opencv_forward(net.read_bytes(), message.SerializeToString(), image, "up"),
        "group": opencv_forward(
            (LAYOUTS / f"{grouped}.prototxt").read_bytes(),
            (LAYOUTS / f"{grouped}.caffemodel").read_bytes(),
            image,
            "up",
        ),
    }
    np.testing.assert_allclose(out["apply"], by_surgery["interp_forward"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(out["group"], by_group["filler_forward"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(out["filler"], by_surgery["filler_forward"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(out["apply"], out["group"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(out["filler"][:, 0], out["apply"].sum(axis=1), rtol=0, atol=1e-5)
    assert np.array_equal(out["filler"][:, 0], out["filler"][:, 1])
    assert out["apply"].shape[2] == height
