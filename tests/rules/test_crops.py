"""DS007 of Crops: whose offset is wrong, what makes it right, and what forks do with a half."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

import deconvsurgery as ds
from helpers.nets import conv, data_layer, layer, up

if TYPE_CHECKING:
    from helpers.words import Words

DATA = data_layer(1, 3, 32, 32)
POOL = layer("pool", "Pooling", "pooling_param { kernel_size: 2 stride: 2 }")
PARAM = "num_output: 3 group: 3 bias_term: false kernel_size: %d stride: 2 pad: %d"
FROZEN = "param { lr_mult: 0 }"


def upsampled(kernel: int, pad: int, *, bottom: str = "pool") -> str:
    return up(param=PARAM % (kernel, pad), bottom=bottom, more=FROZEN)


def crop(first: str, second: str, more: str = "crop_param { axis: 2 offset: 0 }") -> str:
    return layer("crop", "Crop", more, bottom=(first, second))


def found_in(text: str) -> ds.Finding | None:
    result = ds.check(ds.parse_net(text.encode()), select="DS007", allow_empty=True)
    assert len(result.findings) < 2
    return result.findings[0] if result.findings else None


def misplaced(text: str) -> ds.Finding:
    found = found_in(text)
    assert found is not None
    return found


def expected(finding: ds.Finding) -> Any:
    return dict(finding.numbers)["expected"]


def repaired(text: str) -> str:
    """As the words of the repair say: a Deconvolution's pad, or a Crop's parameters."""
    found = misplaced(text)
    assert found.repair is not None
    assert found.repair.steps == ()
    if pad := re.search(r"pad (\d+) in 'up' makes it 0", found.repair.words):
        return re.sub(r"(stride: 2 pad: )\d+", rf"\g<1>{pad[1]}", text)
    given = re.search(r"crop_param \{.*?\}", found.repair.words)
    assert given is not None, found.repair.words
    if "crop_param" in text:
        return re.sub(r"crop_param \{.*?\}", given[0], text)
    return text.replace('type: "Crop"', f'type: "Crop" {given[0]}')


# ── a branch past the Deconvolution, cropped to what it makes ────────────────────────────


@pytest.mark.parametrize(("kernel", "pad", "offset"), [(4, 0, -1), (6, 0, -2), (8, 1, -2)])
def test_what_begins_before_the_branch_is_padded(
    kernel: int, pad: int, offset: int, words: Words
) -> None:
    text = DATA + POOL + upsampled(kernel, pad) + crop("data", "up")
    found = misplaced(text)
    assert expected(found) == (offset, offset)
    assert found.repair is not None
    words(found.repair.words)
    assert found_in(repaired(text)) is None


def test_offsets_of_two_axes_may_differ() -> None:
    pads = "num_output: 3 group: 3 bias_term: false kernel_size: 4 stride: 2 pad_h: 3 pad_w: 2"
    text = DATA + POOL + up(param=pads, bottom="pool", more=FROZEN) + crop("data", "up")
    assert expected(misplaced(text)) == (2.0, 1.0)
    assert found_in(repaired(text)) is None


def test_an_offset_of_the_branch_is_the_crops(words: Words) -> None:
    text = DATA + POOL + upsampled(4, 3) + crop("data", "up")
    found = misplaced(text)
    assert (expected(found), found.line) == ((2.0, 2.0), 4)
    assert found.repair is not None
    words(found.repair.words)
    assert found_in(repaired(text)) is None


# ── the Deconvolution's output, cropped to a branch ─────────────────────────────────────


@pytest.mark.parametrize("pad", [2, 3])
def test_what_is_cut_off_too_far_is_padded_less(pad: int) -> None:
    text = DATA + POOL + upsampled(4, pad) + crop("up", "data")
    assert expected(misplaced(text)) == (1.0 - pad, 1.0 - pad)
    assert found_in(repaired(text)) is None


def test_without_a_pad_the_first_layer_needs_more(words: Words) -> None:
    """A convolution without pad takes 4 pixels off each edge; nothing gives them back."""
    wide = conv("c", "num_output: 3 kernel_size: 9")
    text = DATA + wide + layer("pool", "Pooling", POOL_OF, bottom=("c",)) + upsampled(4, 0)
    found = misplaced(text + crop("up", "data"))
    assert expected(found) == (-3.0, -3.0)
    assert found.repair is not None
    words(found.repair.words)
    padded = text.replace("kernel_size: 9", "kernel_size: 9 pad: 3") + crop("up", "data")
    assert found_in(padded) is None
    branch = text + conv("branch", "num_output: 3 kernel_size: 1")
    found = misplaced(branch + crop("up", "branch"))
    assert expected(found) == (-3.0, -3.0)
    assert found.repair is not None
    words(found.repair.words)
    assert found_in(branch + crop("branch", "up", "crop_param { axis: 2 offset: 3 }")) is None


POOL_OF = "pooling_param { kernel_size: 2 stride: 2 }"


# ── without crop_param: what forks make of it ───────────────────────────────────────────


def test_a_whole_offset_is_worked_out(words: Words) -> None:
    found = misplaced(DATA + POOL + upsampled(8, 0) + crop("up", "data", ""))
    assert expected(found) == (3.0, 3.0)
    words(found.message)


def test_at_a_half_the_forks_stop(words: Words) -> None:
    """CHECK_DOUBLE_EQ of the offset and itself rounded (crop_layer.cpp of longjon/caffe)."""
    text = DATA + POOL + upsampled(7, 0) + crop("up", "data", "")
    found = misplaced(text)
    assert expected(found) == (2.5, 2.5)
    assert "stop" in found.message
    assert not found.stops  # BVLC's takes 0
    words(found.message)
    assert found_in(repaired(text)) is None


def test_below_zero_the_forks_stop(words: Words) -> None:
    found = misplaced(DATA + POOL + upsampled(4, 3) + crop("up", "data", ""))
    words(found.message)


def test_a_crop_that_only_forks_read(words: Words) -> None:
    """It is right where its fork sets it up, whatever today's Caffe would make of it."""
    for kernel, right in ((8, True), (7, False)):
        text = DATA + POOL + upsampled(kernel, 0)
        text += layer("crop", "AutoCrop", bottom=("up", "data"))
        found = found_in(text)
        assert (found is None) == right
        if found is not None:
            words(found.message)


# ── a dilation ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("dilation", "excess"), [(0, -3), (2, 3)])
def test_a_dilation_is_named_where_it_is_to_blame(dilation: int, excess: int, words: Words) -> None:
    """At 0 all taps meet in one place (``base_conv_layer.cpp`` takes any number); 2 leaves gaps."""
    filler = 'weight_filler { type: "bilinear" }'
    text = DATA + up(param=f"{PARAM % (4, 1)} dilation: {dilation} {filler}", more=FROZEN)
    gain, placed = ds.check(ds.parse_net(text.encode())).findings
    assert (gain.id, placed.id) == ("DS006", "DS007")
    assert dict(placed.numbers)["excess"] == (excess, excess)
    for each in (gain, placed):
        assert f"dilation {dilation}" in each.message
        assert each.repair is not None
        words(each.message, f"{each.id}, {dilation}")
        words(each.repair.words, "repair")
    text = text.replace(f" dilation: {dilation}", "")
    assert ds.check(ds.parse_net(text.encode())).findings == ()
