"""What weights look like and do; answers are scipy's, or worked out by hand."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import convolve2d

import deconvsurgery as ds
from deconvsurgery.kernels.channel_map import Wiring, sight
from deconvsurgery.kernels.responses import Steps, ring_and_cross, upsampled
from deconvsurgery.report.captions import (
    gain_caption,
    kernels_caption,
    shown_caption,
    wiring_caption,
)
from helpers.words import Words, numbers

KERNEL = ds.bilinear_kernel(4)


def blob(channels: int, outputs: int, pairs: dict[tuple[int, int], float]) -> np.ndarray:
    weights = np.zeros((channels, outputs, 4, 4), np.float32)
    for pair, factor in pairs.items():
        weights[pair] = KERNEL * np.float32(factor)
    return weights


def of(weights: np.ndarray, group: int = 1, **window: tuple[int, int]):
    shape = weights.shape
    window = {"stride": (2, 2), "pad": (1, 1), "dilation": (1, 1)} | window
    return sight(iter(weights), shape, num_output=shape[1] * group, group=group, **window)


DIAGONAL = blob(3, 3, {(0, 0): 1, (1, 1): 1, (2, 2): 1})
EVERY_PAIR = blob(3, 3, {(i, o): 1 for i in range(3) for o in range(3)})
GROUPED = blob(3, 1, {(0, 0): 1, (1, 0): 1, (2, 0): 1})


def test_a_diagonal_a_full_block_and_groups_are_told_apart() -> None:
    top = float(KERNEL.max())
    diagonal, full, grouped = of(DIAGONAL), of(EVERY_PAIR), of(GROUPED, group=3)
    assert np.array_equal(diagonal.channels.strength, np.eye(3) * top)
    assert diagonal.channels.connected.all()
    assert np.array_equal(full.channels.strength, np.full((3, 3), top))
    assert np.array_equal(grouped.channels.strength, np.eye(3) * top)
    assert np.array_equal(grouped.channels.connected, np.eye(3, dtype=bool))
    assert (diagonal.silent, full.silent, grouped.silent) == (6, 0, 0)


def test_a_map_has_a_row_an_output_and_a_column_a_channel() -> None:
    seen = of(blob(4, 3, {(3, 1): 1}), group=2)  # channel 3 is the second of group 1: outputs 3-5
    assert seen.channels.strength.shape == (6, 4)
    assert np.argwhere(seen.channels.strength).tolist() == [[4, 3]]
    assert np.array_equal(seen.channels.connected, np.kron(np.eye(2), np.ones((3, 2))).astype(bool))
    assert (seen.kernels[0].output, seen.kernels[0].channel) == (4, 3)


LEARNED = blob(3, 3, {(i, o): 1 + i + 3 * o for i in range(3) for o in range(3)})
RING, CROSS, BOTH, NEITHER = (True, False), (False, True), (True, True), (False, False)


class Look(NamedTuple):
    """Weights, and what is seen in them."""

    weights: np.ndarray
    wiring: Wiring
    hears: tuple[int, int]
    """How many channels an output hears, at least and at most."""
    kernels: list[int]
    """How many pairs have each of the kernels that are kept."""
    shown: tuple[tuple[bool, ...], ...]
    """Of each output whether it shows the ring, and the cross."""
    captions: tuple[list[float], list[float]]
    """The numbers in what is said of wiring and kernels."""
    group: int = 1
    others: int = 0
    silent: int = 0


LOOKED_AT = {
    "diagonal": Look(
        DIAGONAL, Wiring.OWN, (1, 1), [3], (RING, CROSS), ([], [3, 9, 0, 6]), silent=6
    ),
    "every pair": Look(EVERY_PAIR, Wiring.SUMMED, (3, 3), [9], (BOTH, BOTH), ([3], [9, 9])),
    "grouped": Look(GROUPED, Wiring.GROUPED, (1, 1), [3], (RING, CROSS), ([], [3, 3]), group=3),
    "blocks": Look(
        blob(4, 2, {(i, o): 1 for i in range(4) for o in range(2)}),
        Wiring.SUMMED,
        (2, 2),
        [8],
        (BOTH, BOTH),
        ([2], [8, 8]),
        group=2,
    ),
    "diagonal of blocks": Look(
        blob(4, 2, {(0, 0): 1, (1, 1): 1, (2, 0): 1, (3, 1): 1}),
        Wiring.OWN,
        (1, 1),
        [4],
        (RING, CROSS),
        ([], [4, 8, 0, 4]),
        group=2,
        silent=4,
    ),
    "learned": Look(
        LEARNED, Wiring.MIXED, (3, 3), [1, 1, 1, 1], (BOTH, BOTH), ([3], [4, 5, 9]), others=5
    ),
    "crossed": Look(
        blob(2, 2, {(0, 1): 1, (1, 0): 2}),
        Wiring.PARTIAL,
        (1, 1),
        [1, 1],
        (CROSS, RING),
        ([1, 2], [2, 4, 0, 2]),
        silent=2,
    ),
    "a hole": Look(
        blob(3, 3, {(0, 0): 1, (2, 2): 1}),
        Wiring.PARTIAL,
        (0, 1),
        [2],
        (RING, NEITHER),
        ([0, 1, 3], [2, 9, 0, 7]),
        silent=7,
    ),
    "many to one": Look(
        blob(3, 1, {(i, 0): 1 for i in range(3)}),
        Wiring.SUMMED,
        (3, 3),
        [3],
        (BOTH,),
        ([3], [3, 3]),
    ),
    "one to one": Look(blob(1, 1, {(0, 0): 1}), Wiring.GROUPED, (1, 1), [1], ((True,),), ([], [])),
    "one to many": Look(
        blob(1, 3, {(0, 0): 1, (0, 1): 1, (0, 2): 1}),
        Wiring.SUMMED,
        (1, 1),
        [3],
        ((True,), (True,)),
        ([], [3, 3]),
    ),
    "two a group": Look(
        blob(2, 2, {(0, 0): 1, (0, 1): 2, (1, 0): 3, (1, 1): 4}),
        Wiring.MIXED,
        (1, 1),
        [1, 1, 1, 1],
        (RING, RING),
        ([], [4, 4]),
        group=2,
    ),
}


@pytest.mark.parametrize("what", LOOKED_AT)
def test_what_is_seen_is_said(what: str, words: Words) -> None:
    look = LOOKED_AT[what]
    seen = of(look.weights, group=look.group)
    assert (seen.wiring, seen.hears) == (look.wiring, look.hears)
    assert [each.pairs for each in seen.kernels] == look.kernels
    assert (seen.others, seen.silent) == (look.others, look.silent)
    assert sum(look.kernels) + look.others + look.silent == seen.pairs
    assert seen.answers.shown == look.shown
    wiring, kernels = wiring_caption(seen), kernels_caption(seen)
    assert (numbers(wiring), numbers(kernels)) == look.captions
    words(wiring, f"{what}, wiring")
    words(kernels, f"{what}, kernels")
    words(shown_caption(seen.answers), f"{what}, shown")


def test_nothing_but_zeros_is_said_to_be_silent(words: Words) -> None:
    seen = of(blob(2, 2, {}))
    assert (seen.wiring, seen.hears) == (Wiring.SILENT, (0, 0))
    words(wiring_caption(seen), "wiring")
    assert numbers(kernels_caption(seen)) == [0, 4]
    words(kernels_caption(seen), "kernels")


def test_the_wiring_is_told_of_every_channel_not_of_blocks() -> None:
    """A weight beside the diagonal of 200 channels lies in the same cell of the map."""
    diagonal = {(channel, channel): 1.0 for channel in range(200)}
    assert of(blob(200, 200, diagonal)).wiring is Wiring.OWN
    seen = of(blob(200, 200, diagonal | {(0, 1): 1.0}))
    assert np.array_equal(seen.channels.strength, of(blob(200, 200, diagonal)).channels.strength)
    assert (seen.wiring, seen.hears) == (Wiring.PARTIAL, (1, 2))


@pytest.mark.parametrize(
    ("stride", "pad", "told"),
    [(2, 1, [1, 4]), (1, 1, [4, 1]), (4, 0, [0.0625, 0.5625, 16])],
    ids=["1", "even", "uneven"],
)
def test_gains_are_said(
    stride: int, pad: int, told: list[float], words: Words, request: pytest.FixtureRequest
) -> None:
    """The gain or the least and the most of it, and the number of phases."""
    answers = of(DIAGONAL, stride=(stride, stride), pad=(pad, pad)).answers
    said = gain_caption(answers)
    assert numbers(said) == told
    words(said, request.node.callspec.id)


def test_many_channels_become_blocks() -> None:
    seen = of(blob(130, 1, {(129, 0): 1}), group=130)
    assert seen.channels.block == 3
    assert seen.channels.strength.shape == (44, 44)
    assert np.argwhere(seen.channels.strength).tolist() == [[43, 43]]


def test_kernels_that_differ_are_kept_and_counted() -> None:
    weights = blob(3, 3, {(0, 0): 1, (1, 1): 2, (2, 2): 1, (0, 2): 3, (1, 0): 4, (2, 0): 5})
    weights[2, 1, 0, 0] = np.nan
    seen = of(weights)
    assert [(each.output, each.channel, each.pairs) for each in seen.kernels] == [
        *((0, 0, 2), (2, 0, 1), (0, 1, 1), (1, 1, 1)),
    ]
    assert np.array_equal(seen.kernels[3].taps, 2 * KERNEL)
    assert (seen.others, seen.silent) == (2, 2)
    assert seen.channels.strength[1, 2] == np.inf


def test_kernels_of_other_axes_are_shown_as_a_slice() -> None:
    line = sight([np.ones((1, 5))], (1, 1, 5), num_output=1, group=1, stride=(2,))
    assert line.kernels[0].taps.shape == (1, 5)
    assert line.answers is None
    cube = np.arange(27.0).reshape(1, 3, 3, 3)
    solid = sight([cube], (1, 1, 3, 3, 3), num_output=1, group=1, stride=(2, 2, 2))
    assert solid.kernels[0].taps.tolist() == [[9, 10, 11], [12, 13, 14], [15, 16, 17]]


def test_gain_per_phase() -> None:
    assert np.allclose(of(DIAGONAL).answers.gains, [[1, 1], [1, 1]])
    # Stride 4: each tap is alone.
    assert np.allclose(of(DIAGONAL, stride=(4, 4)).answers.gains, KERNEL)


def by_scipy(picture: np.ndarray, kernel: np.ndarray, stride: int, pad: int) -> np.ndarray:
    spread = np.zeros([stride * (n - 1) + 1 for n in picture.shape])
    spread[::stride, ::stride] = picture
    full = convolve2d(spread, kernel)
    return full[pad : full.shape[0] - pad, pad : full.shape[1] - pad]


@given(
    st.integers(1, 5), st.integers(1, 5), st.integers(1, 6), st.integers(1, 4), st.integers(0, 2)
)
def test_upsampled_is_a_transposed_convolution(
    height: int, width: int, size: int, stride: int, pad: int
) -> None:
    rng = np.random.default_rng(height * 100 + width)
    picture, kernel = rng.random((height, width)), rng.random((size, size + 1))
    found = upsampled(picture, kernel, Steps((stride, stride), (pad, pad), (1, 1)))
    assert np.allclose(found, by_scipy(picture, kernel, stride, pad))


def test_upsampled_with_dilation() -> None:
    spread = np.kron(KERNEL, [[1, 0], [0, 0]])[:-1, :-1]
    picture = ring_and_cross(5)[0]
    found = upsampled(picture, KERNEL, Steps((2, 2), (0, 0), (2, 2)))
    assert np.allclose(found, by_scipy(picture, spread, 2, 0))


def test_the_answers_show_what_the_filler_does() -> None:
    ring, cross = ring_and_cross(11)
    seen = of(DIAGONAL)
    assert np.array_equal(seen.answers.pictures[0], ring)
    assert np.array_equal(seen.answers.pictures[1], cross)
    alone = [by_scipy(picture, KERNEL, 2, 1) for picture in (ring, cross)]
    assert np.allclose(seen.answers.outputs[0], alone[0])
    assert np.allclose(seen.answers.outputs[1], alone[1])
    summed = of(EVERY_PAIR)
    assert np.allclose(summed.answers.outputs[0], alone[0] + alone[1])
    assert np.array_equal(summed.answers.outputs[0], summed.answers.outputs[1])
    grouped = of(GROUPED, group=3)
    assert np.allclose(grouped.answers.outputs, alone)


def test_an_output_that_hears_neither_channel_is_black() -> None:
    seen = of(blob(3, 3, {(0, 0): 1, (2, 1): 1}))
    assert seen.answers.outputs[0].any()
    assert not seen.answers.outputs[1].any()
    lone = of(blob(1, 1, {(0, 0): 1}))
    assert (len(lone.answers.pictures), len(lone.answers.outputs)) == (1, 1)


def test_a_ramp_stays_a_ramp_where_the_kernel_is_centred() -> None:
    """Within the signal's ends a bilinear answer at position x is x itself, whatever the factor."""
    for size, stride, pad in ((4, 2, 1), (16, 8, 4), (5, 3, 1), (6, 3, 2), (4, 2, 0)):
        weights = np.zeros((1, 1, size, size), np.float32)
        weights[0, 0] = ds.bilinear_kernel(size)
        seen = of(weights, stride=(stride, stride), pad=(pad, pad))
        ramp = next(each for each in seen.answers.signals if each.name == "ramp")
        last = len(ramp.values) - 1
        inside = (ramp.answer_positions >= 0) & (ramp.answer_positions <= last)
        assert inside.sum() >= last
        assert np.allclose(ramp.answer[inside] * last, ramp.answer_positions[inside], atol=1e-5)


def test_an_off_centre_kernel_moves_the_ramp() -> None:
    weights = np.zeros((1, 1, 6, 6), np.float32)
    weights[0, 0] = ds.bilinear_kernel(6, formula="caffe-1.0")
    seen = of(weights, stride=(3, 3), pad=(2, 2))
    ramp = next(each for each in seen.answers.signals if each.name == "ramp")
    inside = (ramp.answer_positions > 2) & (ramp.answer_positions < len(ramp.values) - 3)
    off = ramp.answer[inside] * (len(ramp.values) - 1) - ramp.answer_positions[inside]
    assert abs(off).max() > 0.1


def test_beyond_drawing() -> None:
    wide = np.zeros((1, 1, 300, 300), np.float32)
    wide[0, 0, 0, 0] = 1
    seen = of(wide, stride=(200, 200))
    assert seen.kernels[0].taps.shape == (300, 300)
    assert seen.answers is None
    nothing = of(blob(2, 2, {}))
    assert (nothing.kernels, nothing.silent, nothing.answers) == ((), 4, None)


# No blob of the layer: shape, num_output, group; the numbers of the message.
NO_BLOB = {
    "no kernel": ((2, 2), 2, 1, [2, 2, 2]),
    "no channels": ((0, 2, 4, 4), 2, 1, [0, 2, 4, 4, 2]),
    "other outputs": ((2, 2, 4, 4), 3, 1, [2, 2, 4, 4, 3]),
    "a group that divides nothing": ((3, 1, 4, 4), 2, 2, [3, 2]),
}


@pytest.mark.parametrize("case", NO_BLOB)
def test_what_is_no_blob_of_the_layer(case: str, words: Words) -> None:
    shape, num_output, group, told = NO_BLOB[case]
    with pytest.raises(ValueError, match=r"\d") as raised:
        sight(iter(np.zeros(shape)), shape, num_output=num_output, group=group)
    assert numbers(str(raised.value)) == told
    words(raised.value, case)


def test_a_pad_that_leaves_nothing(words: Words) -> None:
    seen = of(DIAGONAL, pad=(20, 20))
    assert (seen.answers.signals, seen.answers.outputs) == ((), ())
    assert seen.answers.gains.tolist() == [[1, 1], [1, 1]]
    words(shown_caption(seen.answers))
