"""The picture as a terminal or a log would have it."""

import doctest
import io
import re
import sys

import numpy as np
import pytest
from rich.console import Console, Group

from deconvsurgery.kernels import bilinear_kernel
from deconvsurgery.report.heatmap import heatmap

room = sys.modules["deconvsurgery.report.heatmap"]


def shown(values, *, color: bool) -> list[str]:
    console = Console(
        file=io.StringIO(), record=True, width=80, force_terminal=color, color_system="truecolor"
    )
    console.print(heatmap(np.asarray(values, float), color=color))
    return console.export_text().splitlines()


def pixels(values) -> list[str]:
    """The styles of a coloured picture, in reading order."""
    return [str(span.style) for span in heatmap(np.asarray(values, float), color=True).spans]


def brightness(colour: str) -> int:
    return sum(bytes.fromhex(colour.removeprefix("#")))


def test_digits():
    assert shown(bilinear_kernel(4), color=False) == [
        "1 3 3 1",
        "3 9 9 3",
        "3 9 9 3",
        "1 3 3 1",
    ]


def test_digits_have_no_colour_codes():
    assert "\x1b" not in "".join(shown(bilinear_kernel(4), color=False))
    assert heatmap(bilinear_kernel(4), color=False).spans == []


def test_negative_digits_carry_their_sign():
    assert shown([[1, -1, 0.5], [0, -0.25, -0.01]], color=False) == [" 9-9 5", " 0-2-0"]


@pytest.mark.parametrize("color", [True, False])
@pytest.mark.parametrize("size", [1, 2, 31, 39, 40, 63, 64, 78])
def test_up_to_78_values_fit_whole(size, color):
    lines = shown(bilinear_kernel(size), color=color)
    assert len(lines) == ((size + 1) // 2 if color else size)
    assert all(size <= len(line) <= 78 for line in lines)


@pytest.mark.parametrize(("size", "block"), [(79, 2), (128, 2), (200, 3), (1000, 13)])
def test_wider_ones_are_drawn_in_blocks_and_say_so(size, block):
    for color, unit in ((True, "pixel"), (False, "digit")):
        *lines, note = shown(bilinear_kernel(size), color=color)
        assert note == f"1 {unit} = {block} x {block} values"
        assert {len(line) for line in lines} == {-(-size // block)}


def test_blocks_keep_a_lonely_extreme():
    values = np.zeros((100, 100))
    values[99, 99], values[0, 0] = 1, -1
    lines = shown(values, color=False)
    assert lines[0].startswith("-9 0")
    assert lines[-2].endswith(" 9")


def test_signs_need_twice_the_room():
    lines = shown(bilinear_kernel(64) - 0.5, color=False)
    assert lines[-1] == "1 digit = 2 x 2 values"
    assert {len(line) for line in lines[:-1]} == {64}


def test_half_blocks_pair_the_rows():
    upper_lower = pixels([[1, 0], [0, 1], [1, 1]])
    assert len(upper_lower) == 4
    assert upper_lower[0].split(" on ") == ["#ffc440", "#101018"]
    assert upper_lower[1].split(" on ") == ["#101018", "#ffc440"]
    assert upper_lower[2:] == ["#ffc440", "#ffc440"]
    assert shown([[1, 0], [0, 1], [1, 1]], color=True) == ["▀▀", "▀▀"]


def test_larger_is_brighter_and_below_zero_another_colour():
    steps = pixels([[0, 0.25, 0.5, 1]])
    assert sorted(steps, key=brightness) == steps
    assert len(set(steps)) == 4
    above, below = pixels([[0.5, -0.5]])
    red, _, blue = bytes.fromhex(above[1:])
    assert red > blue
    red, _, blue = bytes.fromhex(below[1:])
    assert red < blue


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_stand_out(value):
    plain = shown([[1, value]], color=False)[0]
    assert re.fullmatch(r" ?9 \?", plain)
    assert pixels([[1, value]])[1] == "#ff00ff"
    blocks = np.zeros((1, 200))
    blocks[0, 1] = value
    assert "?" in shown(blocks, color=False)[0]


def test_all_zero_and_all_strange():
    assert shown(np.zeros((2, 2)), color=False) == ["0 0", "0 0"]
    assert shown(np.full((1, 2), np.nan), color=False) == ["? ?"]
    assert shown(np.full((1, 2), 5e-324), color=False) == ["9 9"]
    assert shown([[1.7e308, -1.7e308]], color=False) == [" 9-9"]


def test_a_narrow_terminal_cuts_and_does_not_fold():
    console = Console(file=io.StringIO(), record=True, width=10)
    console.print(Group(heatmap(bilinear_kernel(16), color=True)))
    assert console.export_text().splitlines() == ["▀" * 10] * 8


@pytest.mark.parametrize("shape", [(4,), (0, 4), (4, 0), (1, 4, 4)])
def test_only_two_axes_with_values(shape):
    with pytest.raises(ValueError, match="rows and columns"):
        heatmap(np.zeros(shape), color=False)


def test_examples_in_docstrings():
    assert doctest.testmod(room).failed == 0
