"""Layers that were learned, or are to be: no rule asks an interpolation of them, no command fills.

After a super-resolution net, whose last layer makes one channel of many, and a U-Net.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import deconvsurgery as ds
from helpers.models import Array, model_bytes

HEAD = 'input: "data" input_shape { dim: 1 dim: %d dim: 8 dim: 8 }\n'
LAYER = 'layer { name: "up%s" type: "Deconvolution" bottom: "%s" top: "up%s" %s\n'

MANY_TO_ONE = (
    HEAD % 64
    + LAYER % ("", "data", "", "param { lr_mult: 0.1 }")
    + "  convolution_param { num_output: 1 kernel_size: 17 stride: 3 pad: 8 "
    'weight_filler { type: "gaussian" std: 0.01 } } }\n'
)
UNET = (
    HEAD % 64
    + LAYER % ("", "data", "", "param { lr_mult: 1 decay_mult: 1 }")
    + "  convolution_param { num_output: 64 kernel_size: 2 stride: 2 } }\n"
)
TWO_LAYERS = (
    HEAD % 8
    + LAYER % (1, "data", 1, "param { lr_mult: 1 } param { lr_mult: 2 }")
    + "  convolution_param { num_output: 8 kernel_size: 4 stride: 2 pad: 1 "
    'weight_filler { type: "xavier" } } }\n'
    + LAYER
    % (2, "up1", 2, "")
    + "  convolution_param { num_output: 4 kernel_size: 2 stride: 2 "
    'weight_filler { type: "xavier" } } }\n'
)
APART = (  # a kernel a channel, as depthwise layers are learned
    HEAD % 8
    + LAYER % ("", "data", "", "")
    + "  convolution_param { num_output: 8 group: 8 kernel_size: 5 stride: 2 "
    'weight_filler { type: "msra" } } }\n'
)
NETS = {"many-to-one": MANY_TO_ONE, "unet": UNET, "two-layers": TWO_LAYERS, "apart": APART}
VALUES = ("noise", "zero", "ones", "missing", "nan")


def written(name: str, values: str, folder: Path) -> tuple[Path, Path]:
    """The net, and a model with weights and a bias of its shapes."""
    net, model = folder / "net.prototxt", folder / "in.caffemodel"
    net.write_text(NETS[name], "utf-8")
    layers: dict[str, list[Array]] = {}
    random = np.random.default_rng(7)
    for row in ds.inspect(net).layers:
        assert row.target is not None
        assert row.target.shape is not None
        blobs = {
            "noise": random.normal(size=row.target.shape),
            "zero": np.zeros(row.target.shape),
            "ones": np.full(row.target.shape, 1.5),
            "nan": np.full(row.target.shape, np.nan),
        }
        if values != "missing":
            bias = random.normal(size=row.target.layer.convolution_param.num_output)
            layers[row.name] = [blobs[values], bias]
    if values == "missing":
        layers["conv"] = [np.ones((1, 1, 1, 1))]
    model.write_bytes(model_bytes(layers, kind="Deconvolution"))
    return net, model


def fills(result: ds.CheckResult) -> Iterator[ds.RepairStep]:
    """The steps of any repair that make weights bilinear, or the geometry that they would need."""
    for finding in result.findings:
        for step in finding.repair.steps if finding.repair else ():
            if step.verb in ("apply", "patch-net", "regroup") or "--apply" in step.options:
                yield step


@pytest.mark.parametrize("name", NETS)
def test_a_net_alone_is_left_in_peace(name: str, tmp_path: Path) -> None:
    net, _ = written(name, "missing", tmp_path)
    assert ds.check(net).findings == ()


@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("name", NETS)
def test_no_command_overwrites_a_learned_layer(name: str, values: str, tmp_path: Path) -> None:
    result = ds.check(*written(name, values, tmp_path))
    assert not list(fills(result))
    found = {finding.id for finding in result.findings}
    assert found <= {"DS001", "DS002", "DS003", "DS011", "DS018"}
    assert ("DS002" in found) is (values == "zero")
    assert ("DS003" in found) is (values in ("noise", "ones", "nan"))
    for finding in result.findings:
        if finding.id in ("DS001", "DS002", "DS003"):
            assert finding.repair is not None
            assert "exclude=" in finding.repair.words
    assert result.passed is (values in ("noise", "ones", "nan"))


@pytest.mark.parametrize("name", NETS)
def test_who_wants_nothing_learned_hears_of_it(name: str, tmp_path: Path) -> None:
    result = ds.check(*written(name, "noise", tmp_path), frozen=True)
    assert {finding.id for finding in result.findings if finding.level == "error"} == {"DS010"}


@pytest.mark.parametrize("weights", ["noise", "near"])
def test_learned_values_of_a_layer_that_interpolates_are_not_overwritten(
    weights: str, tmp_path: Path
) -> None:
    """What the net says is that surgery sets them: somebody may have trained them elsewhere."""
    net, model = tmp_path / "net.prototxt", tmp_path / "in.caffemodel"
    net.write_text(
        HEAD % 3
        + LAYER % ("", "data", "", "param { lr_mult: 0 }")
        + "  convolution_param { num_output: 3 kernel_size: 4 stride: 2 pad: 1\n"
        "    bias_term: false } }\n"
    )
    kernel = ds.bilinear_kernel((4, 4))
    values = np.zeros((3, 3, 4, 4)) + np.eye(3)[:, :, None, None] * kernel
    values = values + 0.01 if weights == "near" else values[:, :, ::-1] * 3 - 1
    model.write_bytes(model_bytes({"up": [values]}, kind="Deconvolution"))
    result = ds.check(net, model)
    (finding,) = result.findings
    assert (finding.id, finding.level) == ("DS003", "warning")
    assert not list(fills(result))
    assert finding.repair is not None
    assert "exclude=" in finding.repair.words
