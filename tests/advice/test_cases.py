"""What people met: commands that undid each other, were refused, or led a learned layer away."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import deconvsurgery as ds
from deconvsurgery.rules.repair_step import repair_arguments
from helpers.models import Weights, model_bytes, noise
from helpers.nets import conv, data_layer, up
from helpers.runs import run_here

FROZEN = "param { lr_mult: 0 }"


class Place:
    """A folder with a net and its model."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.net = "net.prototxt"
        self.model: str | None = None

    def write(self, net: str, weights: Weights | None = None) -> None:
        (self.folder / self.net).write_text(net, "utf-8")
        if weights is not None:
            self.model = "in.caffemodel"
            (self.folder / self.model).write_bytes(model_bytes(weights, kind="Deconvolution"))

    def check(self, **asked: str) -> ds.CheckResult:
        model = None if self.model is None else self.folder / self.model
        return ds.check(self.folder / self.net, model, **asked)  # type: ignore[arg-type]

    def carry_out(self, steps: tuple[ds.RepairStep, ...]) -> list[str]:
        """The verbs that were run; the pair is what they have written."""
        verbs = []
        for command in repair_arguments(steps, self.net, self.model):
            assert run_here(self.folder, *command)[0] == 0
            verbs.append(command[0])
            if command[0] in ("patch-net", "regroup"):
                self.net = command[-1] if command[0] == "patch-net" else command[-2]
            if command[0] != "patch-net":
                self.model = command[-1]
        return verbs


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def kernels(*shape: int) -> np.ndarray:
    """Bilinear weights in every pair of channels."""
    return np.broadcast_to(ds.bilinear_kernel(4), (*shape, 4, 4)).astype(np.float32)


def test_what_is_printed_as_one_ends_clean(place: Place) -> None:
    """Zero weights, a pad that is wrong and a filler that sums: each by itself undoes another."""
    every = np.zeros((5, 5, 4, 4), np.float32)
    every[range(5), range(5)] = ds.bilinear_kernel(4)
    filler = 'weight_filler { type: "bilinear" } bias_term: false'
    place.write(
        data_layer(1, 5, 8, 8)
        + up(
            "upscore2",
            f"num_output: 5 group: 5 kernel_size: 4 stride: 2 pad: 1 {filler}",
            more=FROZEN,
        )
        + up(
            "upscore",
            f"num_output: 5 kernel_size: 4 stride: 2 {filler}",
            bottom="upscore2",
            more=FROZEN,
        ),
        {"upscore2": [np.zeros((5, 1, 4, 4))], "upscore": [every]},
    )
    result = place.check()
    assert [each.id for each in result.findings] == ["DS002", "DS007", "DS008"]
    assert all(each.repair and each.repair.steps for each in result.findings)
    assert result.repair is not None
    assert place.carry_out(result.repair.steps) == ["patch-net", "regroup", "apply"]
    assert (place.check().findings, result.repair.leaves) == ((), ())


def test_several_changes_of_one_layer_are_one_command(place: Place) -> None:
    filler = 'weight_filler { type: "bilinear" }'
    place.write(
        data_layer(1, 3, 8, 8) + up(param=f"num_output: 3 kernel_size: 4 stride: 2 {filler}")
    )
    result = place.check(select="DS")
    assert [each.id for each in result.findings] == ["DS007", "DS008", "DS009", "DS010"]
    assert result.repair is not None
    assert place.carry_out(result.repair.steps) == ["patch-net"]
    assert place.check(select="DS").findings == ()


def test_a_layer_is_frozen_though_its_kernel_does_not_interpolate(place: Place) -> None:
    filler = 'weight_filler { type: "bilinear" } bias_term: false'
    two = "num_output: 3 group: 3 kernel_size: 2 stride: 2"
    rates = "param { lr_mult: 1 } param { lr_mult: 2 }"  # which have no names, so share nothing
    place.write(
        data_layer(1, 3, 8, 8)
        + up("up", f"{two} {filler}", more=rates)
        + up("up2", f"{two} {filler}", bottom="up", more=rates)
    )
    result = place.check(select="DS010")
    assert result.repair is not None
    assert place.carry_out(result.findings[0].repair.steps) == ["patch-net"]  # type: ignore[union-attr]
    assert [each.layer for each in place.check(select="DS010").findings] == ["up2"]


def test_the_group_that_a_converter_left_out_is_written(place: Place) -> None:
    place.write(
        data_layer(1, 4, 8, 8)
        + up(param="num_output: 4 kernel_size: 4 stride: 2 pad: 1 bias_term: false", more=FROZEN),
        {"up": [kernels(4, 1)]},
    )
    (finding,) = place.check().findings
    assert (finding.id, finding.stops) == ("DS011", True)
    assert finding.repair is not None
    assert place.carry_out(finding.repair.steps) == ["patch-net"]
    assert place.check().findings == ()


@pytest.mark.parametrize("asked", [{}, {"select": "DS"}, {"frozen": True}], ids=str)
def test_a_learned_layer_is_led_nowhere(place: Place, asked: dict[str, str]) -> None:
    """U-Net's up-convolutions: the model lacks one, and has two that make fewer channels."""
    learned = 'kernel_size: 2 stride: 2 weight_filler { type: "xavier" }'
    place.write(
        data_layer(1, 8, 8, 8)
        + up("upconv1", f"num_output: 4 {learned}")
        + conv("conv", "num_output: 4 kernel_size: 1", bottom="upconv1")
        + up("upconv2", f"num_output: 4 {learned}", bottom="conv")
        + up("upconv3", f"num_output: 2 {learned}", bottom="upconv2"),
        {
            "upconv1": [noise(8, 4, 2, 2), noise(4)],
            "conv": [noise(4, 4, 1, 1), noise(4)],
            "upconv3": [noise(4, 2, 2, 2), noise(2)],
        },
    )
    result = place.check(**asked)
    steps = [each.repair.steps for each in result.findings if each.repair]
    assert [step for several in steps for step in several] == []
    assert result.repair is None or result.repair.steps == ()
