"""Weights made by real Caffe, by our own fills, and by hand: what are they?"""

import doctest
import re
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import deconvsurgery as ds
from deconvsurgery.kernels import fingerprint as room
from deconvsurgery.kernels.fingerprint import fingerprint, nvidia_kernel
from helpers.places import LAYOUTS
from helpers.words import numbers


def look(weights, num_output, group, stride) -> ds.Fingerprint:
    return fingerprint(weights, weights.shape, num_output=num_output, group=group, stride=stride)


def state(weights, num_output, group, stride) -> ds.WeightState:
    return look(weights, num_output, group, stride).state


# ── what real Caffe made ──

DENSE, GROUPED, NO_IDEAL = (
    ds.WeightState.BILINEAR_EVERY_PAIR,
    ds.WeightState.BILINEAR,
    ds.WeightState.BILINEAR_EVERY_PAIR,
)


@pytest.mark.parametrize(
    ("name", "num_output", "group", "stride", "before", "after"),
    [
        *[(f"factor{f}_dense", 2, 1, f, DENSE, ds.WeightState.BILINEAR) for f in (2, 3, 4, 6, 8)],
        *[(f"factor{f}_group", 2, 2, f, GROUPED, ds.WeightState.BILINEAR) for f in (2, 3, 4, 6, 8)],
        *[
            (f"k{k:02}_g3", 3, 3, max(1, k // 2), GROUPED, ds.WeightState.BILINEAR)
            for k in (1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 14, 15, 16)
        ],
        ("seed_k16s8p3", 2, 1, 8, DENSE, ds.WeightState.BILINEAR),
        ("seed_k16s8p3_group", 2, 2, 8, GROUPED, ds.WeightState.BILINEAR),
        ("bias_default", 3, 1, 2, DENSE, ds.WeightState.BILINEAR),
        ("block_g2_c6", 6, 2, 2, DENSE, None),
        ("expand_c3_to_6_g3", 6, 3, 2, NO_IDEAL, None),
        ("mismatch_c4_to_6", 6, 1, 2, NO_IDEAL, None),
        ("sum_c5_to_1", 1, 1, 2, GROUPED, ds.WeightState.BILINEAR),
        ("dilation2", 3, 3, 2, GROUPED, ds.WeightState.BILINEAR),
        ("repeated_kernel", 3, 3, 2, GROUPED, ds.WeightState.BILINEAR),
        ("no_filler", 3, 3, 2, ds.WeightState.ZERO, ds.WeightState.BILINEAR),
        ("nonsquare_k4x6", 3, 3, 2, ds.WeightState.ZERO, None),
        ("gauss", 3, 1, 2, ds.WeightState.OTHER, ds.WeightState.BILINEAR),
        ("msra", 3, 1, 2, ds.WeightState.OTHER, ds.WeightState.BILINEAR),
    ],
)
def test_states_of_caffes_fillers_and_fcns_interp(name, num_output, group, stride, before, after):
    with np.load(LAYOUTS / f"{name}.npz") as arrays:
        assert state(arrays["filler"], num_output, group, (stride, stride)) is before
        interpolated = "interp" in arrays.files
        assert interpolated is (after is not None)
        if interpolated:
            assert state(arrays["interp"], num_output, group, (stride, stride)) is after


def test_interp_over_a_filler_leaves_the_rest():
    with np.load(LAYOUTS / "gauss.npz") as arrays:
        old = arrays["filler"]
    fill = ds.BilinearFill(old.shape, 3, 1, (2, 2), keep_off_diagonal=True)
    weights = np.stack(list(fill.rows(old)))
    assert state(weights, 3, 1, (2, 2)) is ds.WeightState.BILINEAR_OFF_DIAGONAL


def test_nvidias_kernels_by_hand():
    """f = floor(k / 2) is 2, 2 and 3 here; the top is at (2 f - 1 - f % 2) / 2: tap 1.5, 1.5, 2."""
    four, five = [0.25, 0.75, 0.75, 0.25], [0.25, 0.75, 0.75, 0.25, -0.25]
    assert nvidia_kernel((4, 5)).tolist() == np.outer(four, five).tolist()
    assert nvidia_kernel((7,)) * 3 == pytest.approx([1, 2, 3, 2, 1, 0, -1])
    assert nvidia_kernel((1, 4)) is nvidia_kernel((4, 1)) is None


# ── what we make ──


@st.composite
def fills(draw):
    if draw(st.booleans()):
        group, outputs = draw(st.integers(1, 4)), draw(st.integers(1, 4))
        channels, num_output = group * outputs, group * outputs
    else:
        group, outputs = draw(st.integers(1, 4)), 1
        channels, num_output = group * draw(st.integers(1, 3)), group
    axes = draw(st.integers(1, 3))
    size = st.integers(1, 24 if axes == 1 else 9)
    kernel = tuple(draw(st.lists(size, min_size=axes, max_size=axes)))
    stride = tuple(draw(st.lists(st.integers(1, 6), min_size=axes, max_size=axes)))
    return ds.BilinearFill(
        (channels, outputs, *kernel),
        num_output,
        group,
        stride,
        draw(st.sampled_from(ds.Formula)),
        draw(st.sampled_from(ds.KernelSupport)),
    )


@given(fills(), st.sampled_from([np.float32, np.float64, np.float16]))
def test_what_we_fill_is_recognised(fill, dtype):
    released = fill.formula is ds.Formula.CAFFE_1_0 and any(
        size % 4 in (2, 3) for size in fill.kernel_size
    )
    found = fingerprint(
        fill.rows(dtype=dtype),
        fill.shape,
        num_output=fill.num_output,
        group=fill.group,
        stride=fill.stride,
    )
    assert found.state is (
        ds.WeightState.BILINEAR_CAFFE_1_0 if released else ds.WeightState.BILINEAR
    )
    assert found.distance is found.value is None


@given(fills().filter(lambda fill: fill.shape[1] > 1))
def test_the_kernel_everywhere_is_every_pair(fill):
    weights = np.broadcast_to(fill.kernel(), fill.shape)
    assert (
        state(weights, fill.num_output, fill.group, fill.stride)
        is ds.WeightState.BILINEAR_EVERY_PAIR
    )


@st.composite
def dense(draw):
    """Weights on the recipe, (C, C, k, k), and a fill that made them."""
    how = ds.recipe(draw(st.integers(2, 5)))
    channels = draw(st.integers(2, 4))
    shape = (channels, channels, how.kernel, how.kernel)
    fill = ds.BilinearFill(shape, channels, 1, (how.stride, how.stride))
    return fill, np.stack(list(fill.rows()))


@given(dense(), st.data())
def test_a_moved_value_on_the_diagonal_is_fine_tuning_and_then_something_else(made, data):
    fill, weights = made
    channel = data.draw(st.integers(0, fill.channels - 1))
    place = tuple(data.draw(st.integers(0, size - 1)) for size in fill.kernel_size)
    delta = data.draw(st.floats(1e-5, 0.05)) * data.draw(st.sampled_from([1, -1]))
    weights[(channel, channel, *place)] += delta
    found = look(weights, fill.num_output, 1, fill.stride)
    assert found.state is ds.WeightState.NEAR_BILINEAR
    assert found.distance == pytest.approx(abs(delta), abs=1e-6)
    weights[(channel, channel, *place)] += 0.5
    found = look(weights, fill.num_output, 1, fill.stride)
    assert found.state is ds.WeightState.OTHER
    assert found.distance == pytest.approx(abs(delta + 0.5), abs=1e-6)


@given(dense(), st.floats(1e-5, 1e6), st.data())
def test_a_value_off_the_diagonal_is_named(made, value, data):
    fill, weights = made
    channel = data.draw(st.integers(0, fill.channels - 1))
    output = data.draw(st.integers(0, fill.channels - 1).filter(lambda each: each != channel))
    weights[channel, output, 0, -1] = data.draw(st.sampled_from([value, -value]))
    assert state(weights, fill.num_output, 1, fill.stride) is ds.WeightState.BILINEAR_OFF_DIAGONAL


@given(dense(), st.sampled_from([np.nan, np.inf, -np.inf]), st.data())
def test_one_value_that_is_no_number_spoils_everything(made, value, data):
    fill, weights = made
    place = tuple(data.draw(st.integers(0, size - 1)) for size in fill.shape)
    weights[place] = value
    nan = int(np.isnan(value))
    wanted = ds.Fingerprint(ds.WeightState.NOT_FINITE, nan=nan, infinite=1 - nan)
    assert look(weights, fill.num_output, 1, fill.stride) == wanted


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_each_value_that_is_no_number_counts(dtype):
    weights = np.zeros((3, 3, 4, 4), dtype)
    weights[0, 1, 0] = np.nan
    weights[2, :, 1, 1] = np.inf
    weights[2, 2, 2, 2] = -np.inf
    found = look(weights, 3, 1, (2, 2))
    assert (found.state, found.nan, found.infinite) == (ds.WeightState.NOT_FINITE, 4, 4)


@given(fills())
def test_noise_of_float32_does_not_matter(fill):
    weights = np.stack(list(fill.rows(dtype=np.float64)))
    noise = np.random.default_rng(1).uniform(-5e-7, 5e-7, weights.shape)
    plain = look(weights, fill.num_output, fill.group, fill.stride)
    assert look(weights + noise, fill.num_output, fill.group, fill.stride) == plain


# ── by hand ──


def test_a_single_tap_is_the_identity():
    assert state(np.ones((3, 1, 1, 1), np.float32), 3, 3, (1, 1)) is ds.WeightState.BILINEAR
    assert (
        state(np.eye(3, dtype=np.float32)[..., None, None], 3, 1, (1, 1)) is ds.WeightState.BILINEAR
    )
    assert (
        state(np.ones((3, 3, 1, 1), np.float32), 3, 1, (1, 1)) is ds.WeightState.BILINEAR_EVERY_PAIR
    )


def test_nearest_neighbour_layers():
    assert state(np.ones((3, 1, 2, 2), np.float32), 3, 3, (2, 2)) is ds.WeightState.NEAREST
    assert state(np.ones((3, 1, 2, 3), np.float32), 3, 3, (2, 3)) is ds.WeightState.NEAREST
    assert state(np.ones((3, 1, 4, 4), np.float32), 1, 1, (4, 4)) is ds.WeightState.NEAREST
    dense = np.zeros((3, 3, 2, 2), np.float32)
    dense[range(3), range(3)] = 1
    assert state(dense, 3, 1, (2, 2)) is ds.WeightState.NEAREST
    blocks = np.zeros((4, 2, 2, 2), np.float32)
    blocks[range(4), [0, 1, 0, 1]] = 1
    assert state(blocks, 4, 2, (2, 2)) is ds.WeightState.NEAREST


def test_ones_that_are_not_nearest():
    assert look(np.ones((3, 1, 4, 4), np.float32), 3, 3, (2, 2)) == ds.Fingerprint(
        ds.WeightState.CONSTANT, value=1.0
    )
    assert look(np.ones((3, 3, 2, 2), np.float32), 3, 1, (2, 2)).state is ds.WeightState.CONSTANT


def test_constants():
    assert look(np.full((3, 3, 4, 4), -2.5, np.float32), 3, 1, (2, 2)) == ds.Fingerprint(
        ds.WeightState.CONSTANT, value=-2.5
    )
    quarter = np.full((3, 1, 2, 2), 0.25, np.float32)
    assert state(quarter, 3, 3, (2, 2)) is ds.WeightState.BILINEAR


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_zero_of_either_sign(zero):
    assert look(np.full((4, 2, 4, 4), zero, np.float32), 8, 4, (2, 2)) == ds.Fingerprint(
        ds.WeightState.ZERO
    )


def test_denormals_are_numbers():
    tiny = np.float32(1e-42)
    weights = np.full((2, 2, 4, 4), tiny)
    assert look(weights, 2, 1, (2, 2)) == ds.Fingerprint(ds.WeightState.CONSTANT, value=float(tiny))
    weights[range(2), range(2)] = ds.bilinear_kernel(4)
    assert state(weights, 2, 1, (2, 2)) is ds.WeightState.BILINEAR
    weights[0, 1] = -0.0
    assert state(weights, 2, 1, (2, 2)) is ds.WeightState.BILINEAR


def test_extreme_doubles_do_not_overflow():
    weights = np.array([1.7e308, -1.7e308, 1.7e308, 0]).reshape(1, 1, 2, 2)
    assert look(weights, 1, 1, (1, 1)).state is ds.WeightState.OTHER


def test_unlike_channel_numbers_have_no_ideal():
    weights = np.zeros((4, 6, 4, 4), np.float32)
    weights[range(4), range(4)] = ds.bilinear_kernel(4)
    assert look(weights, 6, 1, (2, 2)) == ds.Fingerprint(ds.WeightState.OTHER)
    assert look(weights, 6, 0, (2, 2)) == ds.Fingerprint(ds.WeightState.OTHER)


def test_weights_of_another_grouping_than_the_net_says_have_no_ideal():
    grouped = np.stack(list(ds.BilinearFill((3, 1, 4, 4), 3, 3, (2, 2)).rows()))
    assert look(grouped, 3, 1, (2, 2)) == ds.Fingerprint(ds.WeightState.OTHER)
    dense = np.stack(list(ds.BilinearFill((3, 3, 4, 4), 3, 1, (2, 2)).rows()))
    assert look(dense, 3, 3, (2, 2)) == ds.Fingerprint(ds.WeightState.OTHER)


def test_released_kernel_in_every_pair():
    kernel = ds.bilinear_kernel(6, formula=ds.Formula.CAFFE_1_0)
    weights = np.broadcast_to(kernel, (3, 3, 6, 6))
    assert state(weights, 3, 1, (3, 3)) is ds.WeightState.BILINEAR_EVERY_PAIR
    assert state(weights[:, :1], 3, 3, (3, 3)) is ds.WeightState.BILINEAR_CAFFE_1_0


def test_the_support_that_was_recognised():
    for support in ds.KernelSupport:
        fill = ds.BilinearFill((2, 1, 16, 16), 2, 2, (4, 4), support=support)
        weights = np.stack(list(fill.rows()))
        assert look(weights, 2, 2, (4, 4)) == ds.Fingerprint(
            ds.WeightState.BILINEAR, support=support
        )
        weights[0, 0, 8, 8] += 0.01
        found = look(weights, 2, 2, (4, 4))
        assert (found.state, found.support) == (ds.WeightState.NEAR_BILINEAR, support)


def test_a_kernel_of_another_size_than_the_stride_says():
    """A model that disagrees with its net still gets an answer."""
    weights = np.broadcast_to(ds.bilinear_kernel(4), (3, 1, 4, 4))
    for stride in ((), (2,), (0, 0), (10**9, 10**9)):
        assert state(weights, 3, 3, stride) is ds.WeightState.BILINEAR


def test_weights_without_a_kernel_or_with_a_monstrous_one():
    assert state(np.eye(3, dtype=np.float32), 3, 1, ()) is ds.WeightState.OTHER
    zeros = np.broadcast_to(np.float32(0), (1, 1, 5000, 5000))
    assert state(zeros, 1, 1, (2, 2)) is ds.WeightState.ZERO


def test_no_values_are_missing_weights():
    assert state(np.zeros((0, 1, 4, 4), np.float32), 3, 3, (2, 2)) is ds.WeightState.MISSING
    assert state(np.zeros((3, 1, 0, 4), np.float32), 3, 3, (2, 2)) is ds.WeightState.MISSING


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        ((2, 1, 4, 4), [2, 1, 4, 4]),  # the row, counted from 0, and its shape
        ((4, 1, 4, 4), [3]),  # how many there were
        ((3, 1, 4, 5), [0, 1, 4, 4]),
        ((3, 2, 4, 4), [0, 1, 4, 4]),
    ],
)
def test_rows_of_another_shape_are_our_bug(shape, told, words):
    rows = np.zeros((3, 1, 4, 4), np.float32)
    with pytest.raises(ValueError, match=re.escape(str(shape))) as raised:
        fingerprint(rows, shape, num_output=3, group=3, stride=(2, 2))
    assert numbers(str(raised.value)) == [*told, *shape]
    words(raised.value, str(shape))


def test_the_rows_are_only_read():
    rows = np.stack(list(ds.BilinearFill((3, 3, 4, 4), 3, 1, (2, 2)).rows()))
    rows.flags.writeable = False
    assert state(rows, 3, 1, (2, 2)) is ds.WeightState.BILINEAR


@pytest.mark.parametrize("every_pair", [False, True])
def test_one_pass_in_the_memory_of_a_few_rows(every_pair):
    fill = ds.BilinearFill((60, 60, 64, 64), 60, 1, (32, 32))
    dense_row = np.broadcast_to(fill.kernel(), fill.shape[1:])
    rows = (dense_row for _ in range(60)) if every_pair else fill.rows()
    tracemalloc.start()
    found = fingerprint(rows, fill.shape, num_output=60, group=1, stride=(32, 32))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.state is (
        ds.WeightState.BILINEAR_EVERY_PAIR if every_pair else ds.WeightState.BILINEAR
    )
    assert peak < 8_000_000  # the blob has 59 MB, a row 1 MB, in double 2 MB


def test_state_names_are_the_contracts():
    assert [str(each) for each in ds.WeightState] == [
        "missing",
        "zero",
        "constant",
        "bilinear",
        "bilinear-caffe-1.0",
        "bilinear-every-pair",
        "bilinear-off-diagonal",
        "nearest",
        "near-bilinear",
        "not-finite",
        "other-shape",
        "other",
    ]


def test_examples_in_docstrings():
    assert doctest.testmod(room).failed == 0
