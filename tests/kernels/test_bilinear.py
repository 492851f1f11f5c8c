"""Kernels against real Caffe's and FCN's bits, published tables, and what interpolation means."""

import json
import pickle
import tracemalloc

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import deconvsurgery as ds
from deconvsurgery.kernels import bilinear
from deconvsurgery.kernels.bilinear import centre, triangle
from deconvsurgery.kernels.kernel_axis import (
    apex,
    checked_size,
    has_unit_gain,
    released_is_off_centre,
    times,
)
from helpers.oracles import ramp, scattered
from helpers.places import LAYOUTS, SHARED
from helpers.words import numbers

SHARED_LAYOUTS = SHARED / "golden" / "layouts"

# name: (num_output, group, stride), read off the prototxts of tests/golden/layouts by eye.
GOLDEN = {
    **{f"k{size:02}_g3": (3, 3, max(1, size // 2)) for size in (1, 2, 3, 4, 5, 7, 8, 9, 10)},
    **{f"k{size:02}_g3": (3, 3, max(1, size // 2)) for size in (12, 14, 15, 16)},
    **{f"factor{factor}_dense": (2, 1, factor) for factor in (2, 3, 4, 6, 8)},
    **{f"factor{factor}_group": (2, 2, factor) for factor in (2, 3, 4, 6, 8)},
    "seed_k16s8p3": (2, 1, 8),
    "seed_k16s8p3_group": (2, 2, 8),
    "sum_c5_to_1": (1, 1, 2),
    "bias_default": (3, 1, 2),
    "no_filler": (3, 3, 2),
    "dilation2": (3, 3, 2),
    "repeated_kernel": (3, 3, 2),
    "gauss": (3, 1, 2),
    "msra": (3, 1, 2),
}
BILINEAR_FILLER = [
    case["name"]
    for case in json.loads((LAYOUTS / "cases.json").read_text())
    if 'type: "bilinear"' in case["prototxt"] and "error" not in case["caffe"]
]


def golden(name: str, key: str) -> np.ndarray:
    folder = LAYOUTS
    if name == "fcn32_k64s32":
        if not SHARED_LAYOUTS.is_dir():
            pytest.skip("fcn32_k64s32.npz (3 MB) is kept beside the repository, in shared/golden")
        folder = SHARED_LAYOUTS
    with np.load(folder / f"{name}.npz") as arrays:
        return arrays[key]


def same_bits(ours: np.ndarray, theirs: np.ndarray) -> bool:
    return (
        ours.dtype == theirs.dtype
        and ours.shape == theirs.shape
        and (ours.tobytes() == theirs.tobytes())
    )


# ── the origins, to the last bit ──


@pytest.mark.parametrize("name", [*GOLDEN, "fcn32_k64s32"])
def test_fcn_interp_bit_for_bit(name):
    theirs = golden(name, "interp")
    num_output, group, stride = GOLDEN.get(name, (21, 1, 32))
    fill = ds.BilinearFill(
        theirs.shape, num_output, group, (stride, stride), keep_off_diagonal=True
    )
    assert same_bits(np.stack(list(fill.rows())), theirs)


@pytest.mark.parametrize("name", BILINEAR_FILLER)
def test_caffe_filler_bit_for_bit(name):
    theirs = golden(name, "filler")
    kernel = ds.bilinear_kernel(theirs.shape[2:], formula=ds.Formula.CAFFE)
    assert all(same_bits(kernel, entry) for row in theirs for entry in row)


@pytest.mark.parametrize("name", [name for name in BILINEAR_FILLER if name.endswith("_g3")][:13])
def test_caffe_filler_as_a_fill(name):
    theirs = golden(name, "filler")
    fill = ds.BilinearFill(theirs.shape, 3, 3, (1, 1), ds.Formula.CAFFE)
    assert same_bits(np.stack(list(fill.rows())), theirs)


# facts/caffe-semantics.md (e): k, f, true centre, centre of 1.0, max |1.0 - FCN|,
# is float32 of master the same as FCN's to the bit, and their largest difference.
SECTION_E = [
    (1, 0, 0, 0, True, 0),
    (2, 0.5, 0, 0.75, True, 0),
    (3, 1, 1.5, 0.4375, True, 0),
    (4, 1.5, 1.5, 0, True, 0),
    (5, 2, 2, 1.11e-16, False, 5.96e-08),
    (6, 2.5, 2, 0.3056, False, 1.19e-07),
    (7, 3, 3.5, 0.2344, True, 0),
    (8, 3.5, 3.5, 0, True, 0),
    (9, 4, 4, 2.22e-16, False, 5.96e-08),
    (10, 4.5, 4, 0.19, False, 1.19e-07),
    (11, 5, 5.5, 0.1597, False, 1.19e-07),
    (12, 5.5, 5.5, 2.22e-16, False, 1.19e-07),
    (13, 6, 6, 2.22e-16, False, 5.96e-08),
    (14, 6.5, 6, 0.1378, False, 1.19e-07),
    (15, 7, 7.5, 0.1211, True, 0),
    (16, 7.5, 7.5, 0, True, 0),
]


@pytest.mark.parametrize(("size", "true", "released", "off", "bits", "noise"), SECTION_E)
def test_formulas_differ_as_measured(size, true, released, off, bits, noise):
    fcn, caffe = ds.bilinear_kernel(size), ds.bilinear_kernel(size, formula=ds.Formula.CAFFE)
    old = ds.bilinear_kernel(size, formula=ds.Formula.CAFFE_1_0)
    assert (apex(size), apex(size, ds.Formula.CAFFE), apex(size, ds.Formula.CAFFE_1_0)) == (
        true,
        true,
        released,
    )
    # The table's 1e-16 were computed in double; 1.0 itself works in float.
    assert abs(old.astype(float) - fcn).max() == pytest.approx(off, abs=1.2e-7 + off * 5e-4)
    assert same_bits(fcn, caffe) is bits
    assert abs(caffe - fcn).max() == pytest.approx(noise, rel=5e-3)


def test_master_and_fcn_share_their_bits_when_f_is_a_power_of_two():
    shared = [
        size
        for size in range(1, 65)
        if same_bits(ds.bilinear_kernel(size), ds.bilinear_kernel(size, formula="caffe"))
    ]
    assert shared == [1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64]


def test_master_stays_within_float32_noise_of_fcn():
    farthest = max(
        abs(ds.bilinear_kernel(size) - ds.bilinear_kernel(size, formula="caffe")).max()
        for size in range(1, 65)
    )
    assert 1.7e-7 < farthest < 1.8e-7


@pytest.mark.parametrize("size", range(1, 65))
def test_released_filler_is_right_for_every_second_pair(size):
    old = ds.bilinear_kernel(size, formula=ds.Formula.CAFFE_1_0)
    assert bool(np.allclose(old, ds.bilinear_kernel(size), atol=1e-6)) is (size % 4 in (0, 1))


def test_released_filler_by_example():
    old = {size: ds.bilinear_kernel(size, formula="caffe-1.0") for size in (2, 3, 6)}
    assert old[2].tolist() == [[1, 0], [0, 0]]
    assert old[3].tolist() == [
        [0.0625, 0.1875, 0.1875],
        [0.1875, 0.5625, 0.5625],
        [0.1875, 0.5625, 0.5625],
    ]
    assert np.allclose(old[6][-1], 0, atol=1e-7)
    assert np.allclose(old[6][:, -1], 0, atol=1e-7)
    assert (old[6][:-1, :-1] > 0.1).all()


# ── precision ──


def test_fcn_in_double_stays_unrounded():
    corner = ds.bilinear_kernel(6, dtype=np.float64)[0, 0]
    assert corner == pytest.approx(1 / 36, rel=1e-15)
    assert float(np.float32(corner)) != corner
    assert ds.bilinear_kernel(6)[0, 0] == np.float32(1 / 36)


def test_master_computes_in_the_blobs_type_and_1_0_in_float():
    double = ds.bilinear_kernel(6, formula=ds.Formula.CAFFE, dtype=np.float64)
    assert double[0, 0] == pytest.approx(1 / 36, rel=1e-14)
    released = ds.bilinear_kernel(10, formula=ds.Formula.CAFFE_1_0, dtype=np.float64)
    assert same_bits(
        released, ds.bilinear_kernel(10, formula=ds.Formula.CAFFE_1_0).astype(np.float64)
    )


@pytest.mark.parametrize("formula", ds.Formula)
def test_half_is_the_rounded_kernel(formula):
    half = ds.bilinear_kernel(6, formula=formula, dtype=np.float16)
    assert half.dtype == np.float16
    assert np.allclose(half, ds.bilinear_kernel(6, formula=formula), atol=2**-11)


def test_weights_are_floating_point(words):
    with pytest.raises(TypeError) as raised:
        ds.bilinear_kernel(4, dtype=np.int32)
    words(raised.value)


@pytest.mark.parametrize("kernel", [ds.bilinear_kernel, ds.kernel])
def test_a_formula_and_a_support_are_words(kernel):
    caffe = kernel(4, formula="caffe", support="stride", stride=2)
    same = kernel(4, formula=ds.Formula.CAFFE, support=ds.KernelSupport.STRIDE, stride=2)
    assert np.array_equal(caffe, same) if kernel is ds.bilinear_kernel else caffe == same
    for name, choices in (("formula", ds.Formula), ("support", ds.KernelSupport)):
        with pytest.raises(ValueError, match=name) as raised:
            kernel(4, **{name: "some"})
        assert all(choice in str(raised.value) for choice in choices)


@pytest.mark.parametrize("number", ["4", 4.0, 2.5, None, {4}])
@pytest.mark.parametrize("made_of", [ds.bilinear_kernel, ds.kernel, ds.recipe])
def test_sizes_and_factors_are_whole(made_of, number):
    with pytest.raises(TypeError):
        made_of(number)


# ── what it means to interpolate ──

factors = st.integers(1, 24)


@given(factors)
def test_recipe_kernels_have_unit_gain_and_sum_to_the_factor(factor):
    taps = triangle(ds.recipe(factor).kernel)
    assert ds.phase_gains(taps, factor) == pytest.approx([1] * factor, abs=1e-6)
    assert ds.bilinear_kernel(taps.size).sum(dtype=np.float64) == pytest.approx(factor**2, rel=1e-6)


@given(st.integers(1, 80), st.sampled_from([ds.Formula.FCN, ds.Formula.CAFFE]), st.integers(1, 90))
def test_kernels_are_symmetric_positive_and_at_most_one(size, formula, half_width):
    for taps in (triangle(size, formula), triangle(size, formula, half_width=half_width)):
        assert np.allclose(taps, taps[::-1], atol=1e-6)
        assert taps.min() >= 0
        assert taps.max() <= 1
        assert taps.argmax() in (size // 2, (size - 1) // 2)


@given(st.integers(1, 80))
def test_every_size_interpolates_at_the_stride_of_its_half_width(size):
    assert has_unit_gain(ds.phase_gains(triangle(size), (size + 1) // 2))
    assert size < 2 or not has_unit_gain(ds.phase_gains(triangle(size), size))


@given(
    st.integers(2, 40),
    st.sampled_from(ds.Formula),
    st.sampled_from(ds.KernelSupport),
    st.integers(1, 30),
    st.sampled_from([np.float32, np.float64]),
)
def test_square_kernels_are_their_own_transpose(size, formula, support, stride, dtype):
    kernel = ds.bilinear_kernel(size, stride=stride, formula=formula, support=support, dtype=dtype)
    assert kernel.shape == (size, size)
    assert kernel.dtype == dtype
    assert (kernel == kernel.T).all()


@pytest.mark.parametrize("factor", [1, 2, 3, 4, 5, 8])
def test_recipe_enlarges_as_opencv_does_inside(factor):
    image = np.random.default_rng(factor).random((6, 7))
    how = ds.recipe(factor)
    kernel = ds.bilinear_kernel(how.kernel, dtype=np.float64)
    ours = scattered(
        image[None, None], kernel[None, None], stride=(factor, factor), pad=(how.pad, how.pad)
    )[0, 0]
    theirs = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)
    assert ours.shape == theirs.shape
    edge = slice(factor // 2, -(factor // 2) or None)
    assert np.allclose(ours[edge, edge], theirs[edge, edge], atol=1e-6)


@pytest.mark.parametrize(
    ("factor", "kernel", "pad"),
    [
        (1, 1, 0),
        (2, 4, 1),
        (3, 5, 1),
        (4, 8, 2),
        (5, 9, 2),
        (6, 12, 3),
        (7, 13, 3),
        (8, 16, 4),
        (16, 32, 8),
        (32, 64, 16),
    ],
)
def test_recipe_table(factor, kernel, pad):
    assert ds.recipe(factor) == ds.Recipe(factor, kernel, factor, pad)


# facts/fcn-recipe.md: smallest and largest gain of one axis.
@pytest.mark.parametrize(
    ("size", "stride", "least", "most"),
    [
        *[(size, stride, 1, 1) for size, stride in ((4, 2), (8, 4), (16, 8), (32, 16), (64, 32))],
        *[(size, stride, 1, 1) for size, stride in ((5, 3), (9, 5), (3, 2), (7, 4), (15, 8))],
        *[(size, stride, 1, 1) for size, stride in ((63, 32), (6, 3), (10, 5))],
        (2, 2, 0.5, 0.5),
        (4, 4, 0.25, 0.75),
        (8, 8, 0.125, 0.875),
        (5, 2, 1.3333, 1.6667),
        (6, 2, 1.5, 1.5),
        (16, 4, 2, 2),
        (4, 3, 0.5, 0.75),
        (3, 1, 2, 2),
        (4, 1, 2, 2),
    ],
)
def test_gain_table(size, stride, least, most):
    gains = ds.phase_gains(triangle(size), stride)
    assert len(gains) == stride
    assert (min(gains), max(gains)) == pytest.approx((least, most), abs=5e-5)
    assert has_unit_gain(gains) is (least == most == 1)


@pytest.mark.parametrize("size", [2, 3, 4, 5, 7, 8, 9, 10, 12, 14, 15, 16])
def test_gains_are_those_of_caffes_forward_pass(size):
    """Without pad nothing is cut off, so every phase's outputs add up to gain x input."""
    name = f"k{size:02}_g3"
    output = golden(name, "filler_forward").astype(np.float64)
    image = ramp((3, 5, 6))
    stride = GOLDEN[name][2]
    gains = ds.phase_gains(triangle(size, ds.Formula.CAFFE), stride)
    for y in range(stride):
        for x in range(stride):
            phase = output[0, :, y::stride, x::stride].sum(axis=(1, 2))
            expected = gains[y] * gains[x] * image.sum(axis=(1, 2), dtype=np.float64)
            assert np.allclose(phase, expected, atol=1e-4)


def test_dilation_moves_taps_to_other_phases():
    assert ds.phase_gains(triangle(4), 2, dilation=2) == (2.0, 0.0)
    assert ds.phase_gains(triangle(4), 2, dilation=3) == (1.0, 1.0)
    assert ds.phase_gains(triangle(4), 2, dilation=0) == (2.0, 0.0)


@given(st.integers(1, 40), st.integers(1, 50), st.integers(1, 5))
def test_gains_share_out_the_whole_kernel(size, stride, dilation):
    taps = triangle(size, dtype=np.float64)
    assert sum(ds.phase_gains(taps, stride, dilation)) == pytest.approx(taps.sum())


def test_centre_of_symmetric_and_released_kernels():
    assert centre(triangle(6)).mass == pytest.approx(2.5)
    assert centre(triangle(6)).true == 2.5
    assert centre(triangle(2, ds.Formula.CAFFE_1_0)).mass == 0
    assert centre(triangle(3, ds.Formula.CAFFE_1_0)).mass == pytest.approx(9 / 7)
    assert np.isnan(centre(np.zeros(3, np.float32)).mass)


# ── support ──


def test_support_of_the_stride():
    assert triangle(4, half_width=1).tolist() == [0, 0.5, 0.5, 0]
    assert triangle(4, half_width=4).tolist() == [0.625, 0.875, 0.875, 0.625]
    wide = ds.bilinear_kernel(16, stride=4, support=ds.KernelSupport.STRIDE)
    assert wide.sum() == pytest.approx(16)
    assert (wide[:4] == 0).all()
    assert (wide[4:12, 4:12] == ds.bilinear_kernel(8)).all()


def test_released_triangle_keeps_its_apex_under_another_support():
    taps = triangle(6, ds.Formula.CAFFE_1_0, half_width=2)
    assert taps.tolist() == [0, 0.5, 1, 0.5, 0, 0]


@given(st.integers(1, 40), st.sampled_from(ds.Formula))
def test_support_makes_no_difference_on_the_recipe(size, formula):
    by_stride = ds.bilinear_kernel(
        size, stride=(size + 1) // 2, formula=formula, support=ds.KernelSupport.STRIDE
    )
    assert same_bits(by_stride, ds.bilinear_kernel(size, formula=formula))


@given(st.integers(1, 30), st.integers(0, 60), st.sampled_from([ds.Formula.FCN, ds.Formula.CAFFE]))
def test_support_of_the_stride_interpolates_once_the_triangle_fits(stride, more, formula):
    taps = triangle(2 * stride - 1 + more, formula, half_width=stride)
    assert has_unit_gain(ds.phase_gains(taps, stride))


@pytest.mark.parametrize(("size", "gains"), [(3, (1, 0.75)), (7, (1, 1, 1, 0.875))])
def test_released_filler_loses_gain_in_its_last_phase(size, gains):
    assert ds.phase_gains(triangle(size, ds.Formula.CAFFE_1_0), len(gains)) == gains


@pytest.mark.parametrize("size", range(2, 64, 4))
def test_released_filler_may_be_off_centre_with_unit_gain(size):
    assert has_unit_gain(ds.phase_gains(triangle(size, ds.Formula.CAFFE_1_0), size // 2))


@given(st.integers(1, 40), st.integers(1, 60), st.sampled_from(ds.Formula))
def test_support_never_goes_below_zero(size, stride, formula):
    kernel = ds.bilinear_kernel(size, stride=stride, formula=formula, support="stride")
    assert kernel.min() >= -1e-6
    assert kernel.max() > 0


def test_support_by_stride_needs_a_stride_for_each_axis():
    assert ds.bilinear_kernel(4, stride=(1, 4), support=ds.KernelSupport.STRIDE)[:, 0].tolist() == [
        *(0, 0.3125, 0.3125, 0),
    ]
    for stride in (None, (1, 2, 3), (1,), ()):
        with pytest.raises(ds.ShapeError):
            ds.bilinear_kernel(4, stride=stride, support=ds.KernelSupport.STRIDE)


# ── other shapes ──


def test_rectangular_and_cubic_kernels():
    assert ds.bilinear_kernel((4, 6)).shape == (4, 6)
    assert (ds.bilinear_kernel((4, 6)) == ds.bilinear_kernel((6, 4)).T).all()
    cube = ds.bilinear_kernel((4, 4, 4))
    assert cube[0, 0, 0] == 0.25**3
    assert cube.sum() == 8
    assert ds.bilinear_kernel((5,), dtype=np.float64).sum() == pytest.approx(3)
    assert ds.bilinear_kernel(np.array([4, 4])).shape == (4, 4)


@pytest.mark.parametrize("size", [0, -1, 10**9, (), (4, 0), (10**5, 10**5), 2**70])
def test_hostile_sizes_are_refused_before_memory_is_taken(size):
    tracemalloc.start()
    with pytest.raises(ds.ShapeError):
        ds.bilinear_kernel(size)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize("number", [0, -2, 10**9])
def test_hostile_strides_are_refused(number):
    taps = triangle(4)
    with pytest.raises(ds.ShapeError):
        ds.phase_gains(taps, number)
    if number:  # a dilation of 0 Caffe takes
        with pytest.raises(ds.ShapeError):
            ds.phase_gains(taps, 2, number)
    with pytest.raises(ds.ShapeError):
        ds.bilinear_kernel(4, stride=number, support=ds.KernelSupport.STRIDE)
    with pytest.raises(ds.ShapeError):
        triangle(4, half_width=number)


@pytest.mark.parametrize("factor", [0, -1])
def test_hostile_factors_are_refused(factor):
    with pytest.raises(ds.ShapeError) as raised:
        ds.recipe(factor)
    assert numbers(raised.value.message) == [1, factor]


def test_one_axis_functions_refuse_more():
    with pytest.raises(ValueError, match=r"\(4, 4\)"):
        ds.phase_gains(ds.bilinear_kernel(4), 2)
    with pytest.raises(ValueError, match=r"\(4, 4\)"):
        centre(ds.bilinear_kernel(4))


# ── the weight rule ──


def places(fill: ds.BilinearFill) -> list[list[int]]:
    """Which entries are not zero, as a 0/1 matrix of channels by outputs."""
    return [[int(entry.any()) for entry in row] for row in fill.rows()]


def test_where_the_kernels_go():
    square = (1, 1)
    diagonal = ds.BilinearFill((3, 3, 4, 4), 3, 1, square)
    assert places(diagonal) == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert places(ds.BilinearFill((3, 1, 4, 4), 3, 3, square)) == [[1], [1], [1]]
    blocks = ds.BilinearFill((6, 3, 4, 4), 6, 2, square)
    assert places(blocks) == [[1, 0, 0], [0, 1, 0], [0, 0, 1]] * 2
    summed = ds.BilinearFill((6, 1, 4, 4), 3, 3, square)
    assert places(summed) == [[1]] * 6
    assert (summed.sums_channels, blocks.sums_channels) == (True, False)


def test_each_output_is_its_own_channel_enlarged():
    """The rule, seen from outside: weight[i, j] feeds output (i div C/G) * O/G + j."""
    for channels, group in ((6, 1), (6, 2), (6, 3), (6, 6), (1, 1)):
        outputs = channels // group
        fill = ds.BilinearFill((channels, outputs, 1, 1), channels, group, (1, 1))
        for channel, row in enumerate(fill.rows()):
            fed = [channel // outputs * outputs + j for j in range(outputs) if row[j].any()]
            assert fed == [channel]


def test_off_diagonal_is_zeroed_or_kept():
    old = np.random.default_rng(0).random((4, 2, 3, 3), np.float32)
    untouched = old.copy()
    fill = ds.BilinearFill((4, 2, 3, 3), 4, 2, (2, 2))
    assert places(fill) == [[1, 0], [0, 1]] * 2
    keep = ds.BilinearFill((4, 2, 3, 3), 4, 2, (2, 2), keep_off_diagonal=True)
    for channel, row in enumerate(keep.rows(old)):
        on, off = channel % 2, 1 - channel % 2
        assert (row[on] == ds.bilinear_kernel(3)).all()
        assert (row[off] == old[channel, off]).all()
    assert (old == untouched).all()


def test_old_rows_of_another_shape_are_our_bug(words):
    keep = ds.BilinearFill((2, 2, 3, 3), 2, 1, (2, 2), keep_off_diagonal=True)
    with pytest.raises(ValueError, match=r"\(2, 4, 4\)") as raised:
        list(keep.rows(np.zeros((2, 2, 4, 4), np.float32)))
    assert numbers(str(raised.value)) == [0, 2, 4, 4, 2, 3, 3]  # the row, its shape, the right one
    words(raised.value)
    rows = keep.rows(np.zeros((3, 2, 3, 3), np.float32))
    assert len([next(rows), next(rows)]) == 2
    with pytest.raises(ValueError, match="zip"):  # Python's own word
        next(rows)


def test_old_rows_are_not_read_for_nothing():
    def unread():
        raise AssertionError("read")
        yield

    for keep, outputs, group in ((True, 1, 2), (False, 2, 1)):
        shape = (2, outputs, 3, 3)
        fill = ds.BilinearFill(shape, 2, group, (2, 2), keep_off_diagonal=keep)
        assert len(list(fill.rows(unread()))) == 2


def test_rows_are_independent():
    first, second = ds.BilinearFill((2, 1, 3, 3), 2, 2, (2, 2)).rows()
    first[:] = 7
    assert (second[0] == ds.bilinear_kernel(3)).all()


# What has no place for a kernel: shape, num_output, group, stride; the numbers of the message.
WITHOUT_A_PLACE = {
    "more outputs": ((4, 6, 4, 4), 6, 1, (2, 2), [4, 6, 1]),
    "more outputs in groups": ((3, 2, 4, 4), 6, 3, (2, 2), [3, 6, 3]),
    "many outputs of one": ((1, 6, 4, 4), 6, 1, (2, 2), [1, 6, 1]),
    "the shape of groups": ((3, 1, 4, 4), 3, 1, (2, 2), [3, 1, 4, 4, 3, 1, 3]),
    "a group that does not divide channels": ((5, 1, 4, 4), 2, 2, (2, 2), [5, 2]),
    "a group that does not divide outputs": ((6, 1, 4, 4), 4, 3, (2, 2), [4, 3]),
    "no axes": ((3, 3), 3, 1, (), [3, 3]),
    "no group": ((3, 3, 4, 4), 3, 0, (2, 2), [1, 0]),
    "no outputs": ((3, 3, 4, 4), 0, 1, (2, 2), [1, 0]),
    "no channels": ((0, 3, 4, 4), 3, 1, (2, 2), [1, 0]),
    "no kernel": ((3, 3, 0, 4), 3, 1, (2, 2), [1, 0]),
    "a stride short": ((3, 3, 4, 4), 3, 1, (2,), [2, 1]),
    "no stride": ((3, 3, 4, 4), 3, 1, (0, 2), [1, 0]),
    "a kernel too large": ((3, 3, 10**9, 10**9), 3, 1, (2, 2), [10**9, 10**9, 2**24]),
    "too many pairs": ((60000, 60000, 4, 4), 60000, 1, (2, 2), [60000, 60000, 4, 4]),
    "2**31 values": ((2**15, 1, 2**8, 2**8), 2**15, 2**15, (2, 2), [2**15, 1, 2**8, 2**8]),
}


@pytest.mark.parametrize("case", WITHOUT_A_PLACE)
def test_weights_without_a_place_for_a_kernel(case, words):
    *asked, told = WITHOUT_A_PLACE[case]
    with pytest.raises(ds.ShapeError) as raised:
        ds.BilinearFill(*asked)
    assert numbers(raised.value.message) == told
    words(raised.value, case)


def test_a_large_blob_is_never_whole_in_memory():
    fill = ds.BilinearFill((60, 60, 64, 64), 60, 1, (32, 32))
    tracemalloc.start()
    total = sum(float(row.sum(dtype=np.float64)) for row in fill.rows())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == pytest.approx(60 * 32 * 32)
    assert peak < 4_000_000  # the blob has 59 MB, a row 1 MB


def test_gains_of_a_fill():
    fill = ds.BilinearFill((3, 1, 4, 6), 3, 3, (2, 2))
    assert fill.gains()[0] == (1.0, 1.0)
    assert fill.gains()[1] == pytest.approx((1.5, 1.5))
    assert ds.BilinearFill((3, 1, 4, 6), 3, 3, (2, 2), support=ds.KernelSupport.STRIDE).gains()[
        1
    ] == (
        1,
        1,
    )
    assert fill.gains((2, 1))[0] == (2.0, 0.0)


@given(
    st.integers(1, 40),
    st.integers(1, 24),
    st.integers(0, 5),
    st.sampled_from(ds.Formula),
    st.sampled_from(ds.KernelSupport),
)
def test_gains_of_a_fill_are_those_of_its_triangle(size, stride, dilation, formula, support):
    """To the bit, though few of them are worked out with numpy."""
    width = (size + 1) // 2 if support is ds.KernelSupport.KERNEL else stride
    taps = triangle(size, formula, half_width=width, dtype=np.float64)
    fill = ds.BilinearFill((2, 1, size), 2, 2, (stride,), formula, support)
    assert fill.gains((dilation,)) == (ds.phase_gains(taps, stride, dilation),)


@pytest.mark.parametrize("dilation", [-1, 10**9])
@pytest.mark.parametrize("size", [4, 3000])
def test_gains_of_a_hostile_dilation(size, dilation):
    with pytest.raises(ds.ShapeError) as raised:
        ds.BilinearFill((2, 1, size), 2, 2, (2,)).gains((dilation,))
    assert dilation in numbers(raised.value.message)


def test_a_recipe_for_a_factor_beyond_all_kernels() -> None:
    """It is only numbers: whether anybody can allocate the kernel is not its business."""
    assert ds.recipe(2**25) == ds.Recipe(2**25, kernel=2**26, stride=2**25, pad=2**24)


def test_dims_in_words() -> None:
    assert times((21, 21, 4, 4)) == "21 x 21 x 4 x 4"
    assert times(()) == "()"


FOUR = triangle(4)
STRIDED = ds.KernelSupport.STRIDE

# What is refused: with which error, and the numbers of its message.
REFUSED = {
    "no size": (lambda: triangle(0), ds.ShapeError, [1, 0]),
    "size": (lambda: triangle(2**24 + 1), ds.ShapeError, [2**24 + 1, 2**24]),
    "no half-width": (lambda: triangle(4, half_width=0), ds.ShapeError, [1, 0]),
    "half-width": (
        lambda: triangle(4, half_width=2**24 + 1),
        ds.ShapeError,
        [2**24 + 1, 2**24],
    ),
    "whole numbers": (lambda: triangle(4, dtype=int), TypeError, []),
    "no axes": (lambda: ds.bilinear_kernel(()), ds.ShapeError, []),
    "axes": (lambda: ds.bilinear_kernel(5000), ds.ShapeError, [5000, 5000, 2**24]),
    "no stride": (lambda: ds.bilinear_kernel(4, support=STRIDED), ds.ShapeError, []),
    "stride of 0": (
        lambda: ds.bilinear_kernel(4, stride=0, support=STRIDED),
        ds.ShapeError,
        [1, 0],
    ),
    "strides": (
        lambda: ds.bilinear_kernel(4, stride=(1, 2, 3), support=STRIDED),
        ds.ShapeError,
        [2, 3],
    ),
    "gains at a stride of 0": (lambda: ds.phase_gains(FOUR, 0), ds.ShapeError, [1, 0]),
    "gains at a dilation below 0": (lambda: ds.phase_gains(FOUR, 2, -1), ds.ShapeError, [1, -1]),
    "gains of two axes": (
        lambda: ds.phase_gains(ds.bilinear_kernel(4), 2),
        ValueError,
        [4, 4],
    ),
    "centre of two axes": (lambda: centre(ds.bilinear_kernel(4)), ValueError, [4, 4]),
    "centre of nothing": (lambda: centre(np.zeros(0)), ValueError, [0]),
    "factor": (lambda: ds.recipe(0), ds.ShapeError, [1, 0]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case, words):
    asked, kind, told = REFUSED[case]
    with pytest.raises(kind) as raised:
        asked()
    assert type(raised.value) is kind
    assert numbers(str(raised.value)) == told
    words(raised.value, case)


def test_the_largest_numbers_are_numbers():
    assert checked_size((4096, 4096)) == (4096, 4096)
    assert triangle(3, half_width=2**24)[1] == 1
    assert ds.phase_gains(FOUR, 1, 2**24) == (2.0,)


def test_many_phases_are_told_by_one():
    """A kernel of 4 taps reaches 4 phases; up to 65536 each of the others is listed, too."""
    assert ds.phase_gains(FOUR, 65_536) == (0.25, 0.75, 0.75, 0.25, *[0.0] * 65_532)
    assert ds.phase_gains(FOUR, 65_537) == (0.25, 0.75, 0.75, 0.25, 0.0)
    spread = (0.25, 0.0, 0.0, 0.75, 0.0, 0.0, 0.75, 0.0, 0.0, 0.25, 0.0)
    assert ds.phase_gains(FOUR, 65_537, 3) == spread
    assert len(ds.phase_gains(FOUR, 65_537, 30_000)) == 65_537


def test_gains_are_one_up_to_a_millionth():
    assert has_unit_gain((1 + 9e-7, 1 - 9e-7))
    assert not has_unit_gain((1.0, 1 + 1.1e-6))
    assert not has_unit_gain((1 - 1.1e-6, 1.0))


def test_every_second_pair_of_released_kernels_is_off_centre():
    assert [size for size in range(1, 13) if released_is_off_centre(size)] == [2, 3, 6, 7, 10, 11]


def test_a_kernel_of_one_axis_has_one_stride():
    with pytest.raises(ds.ShapeError) as raised:
        ds.bilinear_kernel((4,), stride=(2, 2), support=ds.KernelSupport.STRIDE)
    assert "1 axis" in raised.value.message


def test_small_kernels_are_kept_and_large_ones_made_again():
    bilinear._kept_product.cache_clear()
    for size in (128, 129, 128):
        kernel = ds.bilinear_kernel(size)
        kernel[:] = 7  # what is kept is another array
    kept = bilinear._kept_product.cache_info()
    assert (kept.currsize, kept.misses, kept.hits) == (1, 1, 1)
    assert ds.bilinear_kernel(128).max() < 1


def test_a_fill_is_what_its_numbers_say():
    fill = ds.BilinearFill((3, 1, 4, 6), 3, 3, (2, 2), support=ds.KernelSupport.STRIDE)
    same = ds.BilinearFill(
        (3, 1, 4, 6), 3, 3, (2, 2), ds.Formula.FCN, ds.KernelSupport.STRIDE, False
    )
    assert (fill, hash(fill)) == (same, hash(same))
    assert fill == pickle.loads(pickle.dumps(fill))
    assert fill != ds.BilinearFill((3, 1, 4, 6), 3, 3, (2, 2))
    assert fill != ((3, 1, 4, 6), 3, 3, (2, 2), ds.Formula.FCN, ds.KernelSupport.STRIDE, False)
    assert repr(fill) == (
        "BilinearFill(shape=(3, 1, 4, 6), num_output=3, group=3, stride=(2, 2), "
        "formula=<Formula.FCN: 'fcn'>, support=<KernelSupport.STRIDE: 'stride'>, "
        "keep_off_diagonal=False)"
    )


def test_weights_that_cancel_have_no_centre():
    off = centre(np.array([1.0, -1.0, 0.0]))
    assert np.isnan(off.mass)
    assert off.true == 1
