"""Caffe's own net surgery, fully connected layers cast into convolutions, with ``ds.edit``.

The notebook (``examples/net_surgery.ipynb``) loads both nets, and copies ``fc6``, ``fc7``, ``fc8``
value by value into ``fc6-conv``, ``fc7-conv``, ``fc8-conv``. Here it is held against ``transplant``
and a real Caffe, on a net like CaffeNet of few channels.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import deconvsurgery as ds
from helpers.models import model_bytes, noise, parsed
from helpers.real_caffe import at_hand, real_caffe

INPUT = """name: "CaffeNet"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: [1, 3, %d, %d] } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 4 kernel_size: 3 stride: 2 } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
"""
HEAD = (
    INPUT % (13, 13)
    + """
layer { name: "fc6" type: "InnerProduct" bottom: "conv1" top: "fc6"
  inner_product_param { num_output: 10 } }
layer { name: "relu6" type: "ReLU" bottom: "fc6" top: "fc6" }
layer { name: "fc7" type: "InnerProduct" bottom: "fc6" top: "fc7"
  inner_product_param { num_output: 8 } }
layer { name: "fc8" type: "InnerProduct" bottom: "fc7" top: "fc8"
  inner_product_param { num_output: 5 } }
"""
)
FULL_CONV = (
    INPUT % (17, 17)
    + """
layer { name: "fc6-conv" type: "Convolution" bottom: "conv1" top: "fc6-conv"
  convolution_param { num_output: 10 kernel_size: 6 } }
layer { name: "relu6" type: "ReLU" bottom: "fc6-conv" top: "fc6-conv" }
layer { name: "fc7-conv" type: "Convolution" bottom: "fc6-conv" top: "fc7-conv"
  convolution_param { num_output: 8 kernel_size: 1 } }
layer { name: "fc8-conv" type: "Convolution" bottom: "fc7-conv" top: "fc8-conv"
  convolution_param { num_output: 5 kernel_size: 1 } }
"""
)
SHAPES = {"fc6": (10, 4, 6, 6), "fc7": (8, 10, 1, 1), "fc8": (5, 8, 1, 1)}


@pytest.fixture(params=["V2", "V1, legacy dims", "double", "HDF5"])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """CaffeNet's weights as it is published (V2 and V1), and in other forms."""
    weights = {
        "conv1": [noise(4, 3, 3, 3), noise(4)],
        "fc6": [noise(10, 144), noise(10)],
        "fc7": [noise(8, 10), noise(8)],
        "fc8": [noise(5, 8), noise(5)],
    }
    old = request.param.startswith("V1")
    field = "double_data" if request.param == "double" else "data"
    path = tmp_path / "caffenet.caffemodel"
    path.write_bytes(model_bytes(weights, v1=old, legacy=old, field=field))
    if request.param == "HDF5":
        ds.convert(path, tmp_path / "caffenet.caffemodel.h5")
        return tmp_path / "caffenet.caffemodel.h5"
    return path


def surgery(model: Path, output: Path) -> ds.EditResult:
    """The ten lines."""
    with ds.edit(model) as m:
        for name, shape in SHAPES.items():
            m.rename(name, f"{name}-conv")
            m.set(f"{name}-conv", 0, m[f"{name}-conv"][0].array().reshape(shape), reshape=True)
        return m.save(output)


def without_reading(model: Path, output: Path) -> ds.EditResult:
    """And those that read no value."""
    with ds.edit(model) as m:
        for name, shape in SHAPES.items():
            m.rename(name, f"{name}-conv")
            m.reshape(f"{name}-conv", 0, shape)
        return m.save(output)


def values(path: Path) -> dict[str, list[tuple[tuple[int, ...], str, bytes]]]:
    """Every blob: its shape, as far as it is meant, its type and its values' bytes."""
    with ds.open_model(path) as model:
        return {
            name: [
                (
                    tuple(dim for dim in blob.shape if dim != 1),  # legacy dims have more
                    blob.dtype.str,
                    blob.array().tobytes(),
                )
                for blob in model[name]
            ]
            for name in model
            if len(model[name])
        }


def test_it_is_what_transplant_makes(model: Path, tmp_path: Path) -> None:
    # FCN's suffix goes to every name, also to conv1's.
    (tmp_path / "net").write_text(FULL_CONV.replace('"conv1"', '"conv1-conv"'))
    ds.transplant(tmp_path / "net", model, tmp_path / "grafted", suffix="-conv")
    result = surgery(model, tmp_path / "cast")
    less = without_reading(model, tmp_path / "less")
    assert sorted(row.name for row in result.layers) == [f"{name}-conv" for name in SHAPES]
    cast, grafted = values(tmp_path / "cast"), values(tmp_path / "grafted")
    assert cast == values(tmp_path / "less")
    assert cast.pop("conv1") == grafted.pop("conv1-conv")
    assert cast == grafted
    # A dataset of HDF5 cannot get another shape, and is made anew.
    assert (less.rewritten < 100) is (model.suffix != ".h5")
    assert result.rewritten > 6000


@at_hand
def test_a_real_caffe_computes_the_same_with_both_nets(model: Path, tmp_path: Path) -> None:
    surgery(model, tmp_path / "cast.caffemodel")
    small = FULL_CONV.replace("17", "13")
    before = real_caffe(HEAD, model, forward=True)
    after = real_caffe(small, tmp_path / "cast.caffemodel", forward=True)
    assert [before.stops, after.stops] == [False, False]
    assert after.tops["fc8-conv"] == (1, 5, 1, 1)
    assert np.abs(before.values["fc8"]).max() > 0.1
    assert np.allclose(after.values["fc8-conv"].ravel(), before.values["fc8"].ravel(), atol=1e-5)
    larger = real_caffe(FULL_CONV, tmp_path / "cast.caffemodel", forward=True)
    assert larger.tops["fc8-conv"] == (1, 5, 3, 3)


@at_hand
def test_a_real_caffe_loads_every_edit(model: Path, tmp_path: Path) -> None:
    with ds.edit(model) as m:
        m["conv1"][0] *= -2
        m.zero("conv1", 1)
        m["fc8"][1] = np.arange(5)
        m.remove("fc7")
        m.add("fc7", [noise(8, 10, seed=5), noise(8, seed=6)])
        m.save(tmp_path / "edited")
    answer = real_caffe(HEAD, tmp_path / "edited", weights=True)
    assert not answer.stops
    assert (answer.weights_of("conv1") == noise(4, 3, 3, 3) * -2).all()
    assert answer.weights_of("conv1", 1).tolist() == [0] * 4
    assert answer.weights_of("fc8", 1).tolist() == [0, 1, 2, 3, 4]
    assert (answer.weights_of("fc7") == noise(8, 10, seed=5)).all()
    assert (answer.weights_of("fc6") == noise(10, 144)).all()


def test_names_alone_change_in_a_file_that_is_only_renamed(tmp_path: Path) -> None:
    data = model_bytes({"fc6": [noise(2)], "b": [noise(3)]})
    (tmp_path / "in").write_bytes(data)
    with ds.edit(tmp_path / "in") as m:
        m.rename("fc6", "fc6-conv")
        m.save(tmp_path / "out")
    message = parsed(data)
    message.layer[0].name = "fc6-conv"
    assert (tmp_path / "out").read_bytes() == message.SerializeToString()
