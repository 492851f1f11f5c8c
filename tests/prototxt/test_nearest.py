"""The name that was meant, also where names are long."""

from __future__ import annotations

import difflib

import pytest

import deconvsurgery as ds
from deconvsurgery.nearest import nearest
from deconvsurgery.wording import quoted

LONG = "inception_resnet_v2/" + "/".join(f"block17_{each}/branch_{each}" for each in range(10))
NAMES = [f"{LONG}/upscore{each}" for each in range(3)]


@pytest.mark.parametrize("name", ["stirde", "strid", "kernel", "zz", "", "pads", "Stride"])
@pytest.mark.parametrize("cutoff", [0.5, 0.6, 0.8])
def test_of_short_names_it_is_difflibs(name: str, cutoff: float) -> None:
    names = ["stride", "strides", "pad", "kernel_size", "kernel_h", "dilation", ""]
    assert nearest(name, names, cutoff) == next(
        iter(difflib.get_close_matches(name, names, 1, cutoff)), None
    )


def test_a_long_name_is_found_by_what_it_is_like() -> None:
    """From 200 letters on difflib by itself finds frequent letters to be junk."""
    assert len(LONG) > 200
    wrong = NAMES[1].replace("upscore", "upscroe")
    assert difflib.get_close_matches(wrong, NAMES, 1, 0.9) == [NAMES[2]]
    assert nearest(wrong, NAMES, 0.9) == NAMES[1]


def test_names_beyond_reason_cost_no_time() -> None:
    assert nearest("ab" * 50_000, ["ba" * 50_000, "b" * 100_000]) is None


def test_a_long_pattern_that_matches_nothing_gets_the_nearest_layer() -> None:
    text = "".join(
        f'layer {{ name: "{name}" type: "Deconvolution" bottom: "d" top: "d" }}\n' for name in NAMES
    )
    net = ds.parse_net(f'input: "d" {text}'.encode())
    wrong = NAMES[2].replace("upscore", "upscroe")
    assert ds.match_layers(net, wrong).matched == ()
    from deconvsurgery.prototxt.nothing_selected import nothing_matched

    error = nothing_matched(net, [wrong], net.states())
    assert f"did you mean `patterns={quoted(NAMES[2])}" in (error.hint or "")
