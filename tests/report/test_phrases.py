"""How names and states are said."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

import deconvsurgery as ds
from deconvsurgery.report.phrases import escaped, shortened, state_words, width_of


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=120), st.integers(12, 60))
@example("\U0001f3fb", 12)
def test_any_name_fits_its_room(name: str, room: int) -> None:
    short = shortened(name, room)
    assert short.isprintable()
    assert short
    assert cell_len(short) <= room  # 0 for what only changes the sign before it
    if cell_len(escaped(name)) <= room:
        assert short == escaped(name)


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from("up_1 →Δ×…│名é\u0301\U0001f3fb"), max_size=12))
def test_a_width_is_rich_s(words: str) -> None:
    assert width_of(words) == cell_len(words)


def test_a_name_of_wide_signs_is_cut_to_its_room() -> None:
    """Each takes two columns, so of an odd number one is left over."""
    assert shortened("名" * 20, 10) == "名名…名名"
    assert shortened("名" * 20, 9) == "名名…名名"


def test_a_kernel_by_the_stride_is_told() -> None:
    bilinear, kernel, stride = (
        ds.WeightState.BILINEAR,
        ds.KernelSupport.KERNEL,
        ds.KernelSupport.STRIDE,
    )
    usual = state_words(ds.Fingerprint(bilinear, support=kernel))
    other = state_words(ds.Fingerprint(bilinear, support=stride))
    assert usual == str(bilinear)
    assert other != usual
    assert other.startswith(usual)
    assert str(stride) in other
