"""Shapes held against those of a real Caffe, blob by blob: of small nets, and of published ones."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import deconvsurgery as ds
from deconvsurgery.shapes.analysis import Analysis
from helpers.places import NETS, SHARED
from helpers.words import Words, numbers

if TYPE_CHECKING:
    from deconvsurgery.shapes.geometry import Shape

SHAPES = SHARED / "golden" / "shapes" / "shapes.json"
CASES = SHARED / "golden" / "layouts" / "cases.json"

# Layers of which no text tells how many weights they have.
UNTOLD = {"Python"}


def loaded(path: Path) -> Any:
    return json.loads(path.read_text()) if path.exists() else {}


def seen(net: ds.Net) -> tuple[dict[str, Shape], dict[str, list[Shape]]]:
    """Blobs and, of layers that have any, weights by name."""
    shapes = Analysis(net).shapes_with_channels
    blobs: dict[str, Shape] = {}
    params: dict[str, list[Shape]] = {}
    for layer in net.layers:
        each = shapes[layer.index]
        assert (each.problem, each.guess) == (None, None), layer.name
        assert each.blobs is not None or layer.type in UNTOLD, layer.type
        blobs.update(zip(layer.top, each.tops, strict=True))
        if each.blobs:
            params[layer.name] = list(each.blobs)
    return blobs, params


def read(key: str) -> ds.Net:
    path, phase = key.split("|")
    net = ds.parse_net((SHARED / path).read_bytes())
    return net.filtered(ds.NetState(ds.Phase[phase], net.state.level, net.state.stage))


def with_inputs(net: ds.Net, blobs: dict[str, list[int]]) -> ds.Net:
    """The net with Input layers of the shapes its data layers were replaced by."""

    def given(layer: ds.Layer) -> ds.Layer:
        if layer.bottom or layer.type == "Input":
            return layer
        shapes = tuple(
            ("shape", ds.NetMessage(tuple(("dim", dim) for dim in blobs[top]))) for top in layer.top
        )
        return layer._replace(
            type="Input", message=ds.NetMessage((("input_param", ds.NetMessage(shapes)),))
        )

    return net._replace(layers=tuple(given(layer) for layer in net.layers))


def few(keys: Iterable[str], every: int = 8) -> list[Any]:
    """One of so many always, all in a campaign."""
    return [
        pytest.param(key, marks=pytest.mark.campaign if at % every else ())
        for at, key in enumerate(sorted(keys))
    ]


skip_without_shapes = pytest.mark.skipif(
    not SHAPES.exists(), reason=f"no golden shapes at {SHAPES}"
)
skip_without_cases = pytest.mark.skipif(not CASES.exists(), reason=f"no golden cases at {CASES}")


@pytest.mark.parametrize("key", sorted(loaded(NETS / "shapes.json")))
def test_every_blob_and_weight_of_a_small_net(key: str) -> None:
    expected = loaded(NETS / "shapes.json")[key]
    file, phase, *stages = key.split("|")
    net = ds.parse_net((NETS / file).read_bytes())
    state = ds.NetState(ds.Phase[phase], net.state.level, tuple(stages))
    blobs, params = seen(net.filtered(state))
    assert blobs == {name: tuple(shape) for name, shape in expected["blobs"].items()}
    assert params == {
        name: [tuple(shape) for shape in shapes] for name, shapes in expected["params"].items()
    }


@skip_without_shapes
@pytest.mark.parametrize("key", few(loaded(SHAPES)))
def test_every_blob_and_weight_is_as_caffe_has_it(key: str) -> None:
    expected, net = loaded(SHAPES)[key], read(key)
    if expected["data_replaced"]:
        net = with_inputs(net, expected["blobs"])
    blobs, params = seen(net)
    own = {name: shape for name, shape in expected["blobs"].items() if "_split_" not in name}
    assert blobs == {name: tuple(shape) for name, shape in own.items()}
    assert params == {
        name: [tuple(shape) for shape in shapes] for name, shapes in expected["params"].items()
    }


@skip_without_shapes
@pytest.mark.parametrize(
    "key", few(key for key, each in loaded(SHAPES).items() if each["data_replaced"])
)
def test_nothing_is_made_up_where_the_data_is_unknown(key: str) -> None:
    """From the net as it stands: what is known of channels and weights is right."""
    expected, net = loaded(SHAPES)[key], read(key)
    blobs, params = seen(net)
    for name, shape in blobs.items():
        if shape is not None and len(shape) > 1 and shape[1] is not None:
            assert shape[1] == expected["blobs"][name][1], name
    types = {layer.name: layer.type for layer in net.layers}
    for name, shapes in expected["params"].items():
        for got, real in zip(params[name], shapes, strict=True):
            assert got is not None, name
            assert len(got) == len(real), name
            assert all(dim in (None, true) for dim, true in zip(got, real, strict=True)), name
            if types[name] == "Deconvolution":
                assert None not in got, name


@skip_without_cases
@pytest.mark.parametrize("case", loaded(CASES) or [], ids=lambda case: case["name"])
def test_layouts(case: dict[str, Any], words: Words) -> None:
    net = ds.parse_net(case["prototxt"].encode())
    (layer,) = (layer for layer in net.layers if layer.name == case["layer"])
    shapes, caffe = Analysis(net).shapes_with_channels[layer.index], case["caffe"]
    if "error" in caffe:
        # pad_too_big: "Check failed: shape[i] >= 0 (-14 vs. 0)"; zero_output: "num_output_ > 0";
        # nonsquare_k4x6_bilinear: the shape is fine, the filler is not.
        told = {"pad_too_big": -14, "zero_output": 0, "nonsquare_k4x6_bilinear": None}[case["name"]]
        assert (shapes.problem is None) == (told is None)
        if shapes.problem is not None:
            assert told in numbers(shapes.problem)
            words(shapes.problem, case["name"])
        return
    weights = [tuple(caffe[name]) for name in ("weight_shape", "bias_shape") if name in caffe]
    assert shapes.problem is None
    assert shapes.blobs == tuple(weights)
    assert len(weights) == caffe["n_blobs"]
    assert shapes.tops == (tuple(caffe["output_shape"]),)
