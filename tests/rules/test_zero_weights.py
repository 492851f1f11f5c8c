"""DS002 and DS017 of a layer with a bias: its output is not black, but the bias."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import deconvsurgery as ds
from helpers.models import Array, model_bytes

if TYPE_CHECKING:
    from helpers.words import Words

HEAD = 'input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }\n'
LAYER = (
    'layer {{ name: "{name}" type: "Deconvolution" bottom: "data" top: "{name}" {params}\n'
    "  convolution_param {{ num_output: 3 group: 3 kernel_size: 4 stride: 2 pad: 1 {more} }} }}\n"
)
ALONE = "param { lr_mult: 0 } param { lr_mult: 0 }"
SHARED = 'param { name: "w" lr_mult: 0 } param { name: "b" lr_mult: 0 }'
ZERO = np.zeros((3, 1, 4, 4))
NO_BIAS, BIAS, LAST = np.zeros(3), np.array([1.0, 2, 3]), np.array([0.0, 0, -1e-30])


def net_of(folder: Path, *names: str, params: str = ALONE, more: str = "") -> Path:
    net = folder / "net.prototxt"
    layers = (LAYER.format(name=name, params=params, more=more) for name in names)
    net.write_text(HEAD + "".join(layers), "utf-8")
    return net


def model_of(folder: Path, blobs: dict[str, list[Array]], form: str, net: Path) -> Path:
    model = folder / "in.caffemodel"
    model.write_bytes(model_bytes(blobs, kind="Deconvolution", legacy=form == "legacy"))
    if form == "hdf5":
        ds.convert(model, folder / "in.caffemodel.h5", to="hdf5", net=net)
        return folder / "in.caffemodel.h5"
    return model


def found(result: ds.CheckResult, rule: str = "DS002") -> dict[str | None, ds.Finding]:
    return {each.layer: each for each in result.findings if each.id == rule}


def is_black(finding: ds.Finding) -> bool:
    return finding.message.endswith(": the output is black")


@pytest.mark.parametrize("form", ["binary", "legacy", "hdf5"])
@pytest.mark.parametrize(
    ("bias", "black"), [(BIAS, False), (LAST, False), (NO_BIAS, True), (-NO_BIAS, True)]
)
def test_the_output_is_black_only_without_a_bias(
    bias: Array, black: bool, form: str, tmp_path: Path, words: Words
) -> None:
    net = net_of(tmp_path, "up")
    model = model_of(tmp_path, {"up": [ZERO, bias]}, form, net)
    (zero,) = found(ds.check(net, model)).values()
    assert is_black(zero) is black
    assert zero.repair is not None
    assert ("zero_bias=True" in zero.repair.words) is not black
    assert [step.verb for step in zero.repair.steps] == ["apply"]
    words(zero.message, "black" if black else "bias")
    # A model alone, and a layer that no pattern takes.
    if form != "hdf5":
        assert is_black(found(ds.check(model=model))["up"]) is black
    elsewhere = ds.check(net, model, patterns="x", allow_empty=True)
    (note,) = found(elsewhere, "DS017").values()
    assert is_black(note) is black


@pytest.mark.parametrize("form", ["binary", "hdf5"])
def test_a_bias_is_that_of_the_layer_that_shares_it(form: str, tmp_path: Path) -> None:
    net = net_of(tmp_path, "up1", "up2", params=SHARED)
    model = model_of(tmp_path, {name: [ZERO, BIAS] for name in ("up1", "up2")}, form, net)
    both = found(ds.check(net, model))
    assert [is_black(both[name]) for name in ("up1", "up2")] == [False, False]


def test_a_bias_that_a_filler_makes(tmp_path: Path) -> None:
    """No pattern takes the layer, and the model has neither its weights nor its bias."""
    for filler, black in (
        ("", True),
        ("bias_filler { value: 0 }", True),
        ("bias_filler { value: 2 }", False),
        ('bias_filler { type: "gaussian" std: 1 }', False),
        ("bias_term: false bias_filler { value: 2 }", True),
    ):
        net = net_of(tmp_path, "other", more=filler)
        model = model_of(tmp_path, {"x": [ZERO]}, "binary", net)
        (note,) = found(ds.check(net, model, allow_empty=True), "DS017").values()
        assert is_black(note) is black, filler
