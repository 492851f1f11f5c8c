"""The picture as a terminal or a log would have it."""

import io
import re
from itertools import pairwise

import numpy as np
import pytest
from rich.color import Color
from rich.console import Console, Group
from rich.text import Text

import deconvsurgery as ds
from deconvsurgery.report.terminal.heatmap import (
    PALETTES,
    Heat,
    Ink,
    heatmap,
    ink_of,
)
from helpers.words import numbers


def drawn(values, *, color: bool, **options) -> Text:
    return heatmap(
        Heat(np.asarray(values, float)), Ink.TRUE if color else Ink.CHARACTERS, **options
    )


def shown(values, *, color: bool) -> list[str]:
    console = Console(
        file=io.StringIO(), record=True, width=80, force_terminal=color, color_system="truecolor"
    )
    console.print(drawn(values, color=color))
    return console.export_text().splitlines()


def pixels(values) -> list[str]:
    """The styles of a coloured picture's characters, in reading order."""
    return styles(drawn(values, color=True))


def styles(picture: Text) -> list[str]:
    return [str(span.style) for span in picture.spans for _ in range(span.end - span.start)]


def stands_for(note: str) -> tuple[str, int]:
    """The last line below a picture: what is drawn of how many values a side."""
    one, across, down = numbers(note)
    assert one == 1
    assert across == down
    return note.split()[1], int(across)


def brightness(colour: str) -> int:
    return sum(bytes.fromhex(colour.removeprefix("#")))


def test_digits():
    assert shown(ds.bilinear_kernel(4), color=False) == [
        "1 3 3 1",
        "3 9 9 3",
        "3 9 9 3",
        "1 3 3 1",
    ]


def test_digits_have_no_colour_codes():
    assert "\x1b" not in "".join(shown(ds.bilinear_kernel(4), color=False))
    assert drawn(ds.bilinear_kernel(4), color=False).spans == []


def test_negative_digits_carry_their_sign():
    assert shown([[1, -1, 0.5], [0, -0.25, -0.01]], color=False) == [" 9-9 5", " .-2-0"]


@pytest.mark.parametrize("color", [True, False])
@pytest.mark.parametrize("size", [1, 2, 31, 39, 40, 63, 64, 78])
def test_up_to_78_values_fit_whole(size, color):
    lines = shown(ds.bilinear_kernel(size), color=color)
    assert len(lines) == ((size + 1) // 2 if color else size)
    # A digit has a space beside it where there is room.
    wide = 2 * size - 1 if not color and 2 * size - 1 <= 78 else size
    assert {len(line) for line in lines} == {wide}


@pytest.mark.parametrize(("size", "block"), [(79, 2), (128, 2), (200, 3), (1000, 13)])
def test_wider_ones_are_drawn_in_blocks_and_say_so(size, block, words):
    for color, unit in ((True, "pixel"), (False, "digit")):
        *lines, note = shown(ds.bilinear_kernel(size), color=color)
        assert stands_for(note) == (unit, block)
        words(note, unit)
        assert {len(line) for line in lines} == {-(-size // block)}


def test_blocks_keep_a_lonely_extreme():
    values = np.zeros((100, 100))
    values[99, 99], values[0, 0] = 1, -1
    lines = shown(values, color=False)
    assert lines[0].startswith("-9 .")
    assert lines[-2].endswith(" 9")


def test_signs_need_twice_the_room():
    lines = shown(ds.bilinear_kernel(64) - 0.5, color=False)
    assert stands_for(lines[-1]) == ("digit", 2)
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
    bright = [brightness(step) for step in steps]
    assert all(less < more for less, more in pairwise(bright))
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
    across = 34 if value < 0 else 67  # a sign takes room, too
    assert shown(blocks, color=False)[0].replace(" ", "") == "?" + (across - 1) * "."


def test_all_zero_and_all_strange():
    assert shown(np.zeros((2, 2)), color=False) == [". .", ". ."]
    assert shown(np.full((1, 2), np.nan), color=False) == ["? ?"]
    assert shown(np.full((1, 2), 5e-324), color=False) == ["9 9"]
    assert shown([[1.7e308, -1.7e308]], color=False) == [" 9-9"]


def test_a_narrow_terminal_cuts_and_does_not_fold():
    console = Console(file=io.StringIO(), record=True, width=10)
    console.print(Group(drawn(ds.bilinear_kernel(16), color=True)))
    assert console.export_text().splitlines() == ["▀" * 10] * 8


@pytest.mark.parametrize("shape", [(4,), (0, 4), (4, 0), (1, 4, 4)])
def test_only_two_axes_with_values(shape, words):
    with pytest.raises(ValueError) as raised:  # noqa: PT011
        Heat(np.zeros(shape))
    assert str(shape) in str(raised.value)
    words(raised.value)


# --- what is drawn with, and what is not there


def console(system: str | None, **options) -> Console:
    return Console(
        file=io.TextIOWrapper(io.BytesIO(), options.pop("encoding", "utf-8")),
        force_terminal=True,
        color_system=system,
        **options,
    )


@pytest.mark.parametrize(
    ("system", "ink"),
    [
        ("truecolor", Ink.TRUE),
        ("256", Ink.MANY),
        ("standard", Ink.SIXTEEN),
        ("windows", Ink.SIXTEEN),
        (None, Ink.CHARACTERS),
    ],
)
def test_every_colour_system_has_its_ink(system, ink):
    shown_on = console(system)
    assert ink_of(shown_on, shown_on.options) is ink
    uncoloured = console(system, no_color=True)
    assert ink_of(uncoloured, uncoloured.options) is Ink.CHARACTERS
    ascii_only = console(system, encoding="ascii")
    assert ink_of(ascii_only, ascii_only.options) is Ink.ASCII


# What xterm makes of the sixteen.
XTERM = {
    "black": (0, 0, 0),
    "bright_black": (127, 127, 127),
    "yellow": (205, 205, 0),
    "bright_yellow": (255, 255, 0),
    "blue": (0, 0, 238),
    "bright_blue": (92, 92, 255),
    "bright_cyan": (0, 255, 255),
    "white": (229, 229, 229),
    "bright_magenta": (255, 0, 255),
}


def luminance(colour: str) -> float:
    triplet = XTERM.get(colour) or Color.parse(colour).get_truecolor()
    return float(np.dot((0.2126, 0.7152, 0.0722), triplet))


@pytest.mark.parametrize("ink", PALETTES)
def test_each_step_of_a_ramp_is_lighter(ink):
    palette = PALETTES[ink]
    for ramp in (palette.positive, palette.negative):
        steps = list(dict.fromkeys(ramp))
        light = [luminance(step) for step in steps]
        assert light == sorted(set(light))
        assert len(steps) >= 4
        for other in (*palette.nothing, palette.strange):
            assert other not in {*ramp[2:], ramp[0]}


def test_sixteen_colours_tell_the_taps_of_a_kernel_apart():
    picture = heatmap(Heat(np.array([[1 / 9, 1 / 3, 1.0]])), Ink.SIXTEEN)
    assert styles(picture) == ["bright_black", "yellow", "bright_yellow"]
    picture = heatmap(Heat(np.array([[-1 / 9, -1 / 3, -1.0, 0.0]])), Ink.SIXTEEN)
    assert styles(picture) == ["blue", "bright_blue", "bright_cyan", "black"]


@pytest.mark.parametrize("ink", PALETTES)
def test_only_zero_has_the_colour_of_zero(ink):
    least, none = styles(heatmap(Heat(np.array([[1e-9, 0.0, 1.0]])), ink))[:2]
    assert least != none


DIAGONAL = np.eye(3) * 0.5
OWN = np.eye(3, dtype=bool)


def test_zero_and_no_weight_at_all_are_told_apart_in_characters():
    full = heatmap(Heat(np.full((3, 3), 0.5)), Ink.CHARACTERS).plain
    diagonal = heatmap(Heat(DIAGONAL, there=np.ones((3, 3), bool)), Ink.CHARACTERS).plain
    grouped = heatmap(Heat(DIAGONAL, there=OWN), Ink.CHARACTERS).plain
    assert full.split("\n") == ["9 9 9", "9 9 9", "9 9 9"]
    assert diagonal.split("\n") == ["9 . .", ". 9 .", ". . 9"]
    assert grouped.split("\n") == ["9", "  9", "    9"]


@pytest.mark.parametrize(
    ("ink", "top", "zero", "chequers"),
    [
        (Ink.TRUE, "#ffc440", "#101018", ("#6c6c74", "#55555d")),
        (Ink.MANY, "color(221)", "color(233)", ("color(243)", "color(240)")),
        (Ink.SIXTEEN, "bright_yellow", "black", ("white", "bright_black")),
    ],
)
def test_zero_and_no_weight_at_all_are_told_apart_in_colours(ink, top, zero, chequers):
    one, other = chequers
    diagonal = styles(heatmap(Heat(DIAGONAL), ink))
    assert diagonal == [
        *(f"{top} on {zero}", f"{zero} on {top}", f"{zero} on {zero}"),
        *(zero, zero, top),
    ]
    grouped = styles(heatmap(Heat(DIAGONAL, there=OWN), ink))
    assert grouped == [
        *(f"{top} on {other}", f"{other} on {top}", f"{one} on {other}"),
        *(one, other, top),
    ]


def test_a_scale_may_be_given():
    small = Heat(np.array([[0.25, 0.5]]), largest=1.0)
    assert heatmap(small, Ink.CHARACTERS).plain == "2 5"
    assert heatmap(Heat(np.array([[0.25, 0.5]])), Ink.CHARACTERS).plain == "5 9"


def test_small_pictures_are_enlarged_in_colour_alone():
    heat = Heat(np.array([[1.0, 0.0]]))
    assert heatmap(heat, Ink.TRUE, enlarged=2).plain == "▀▀▀▀"
    assert heatmap(heat, Ink.CHARACTERS, enlarged=2).plain == "9 ."


def test_tall_pictures_become_blocks_too():
    *lines, note = drawn(np.ones((5, 2)), color=False, down=3).plain.split("\n")
    assert lines == ["9", "9", "9"]
    assert stands_for(note) == ("digit", 2)


def test_samples_keep_a_grid_that_the_largest_of_each_block_would_hide(words):
    grid = np.tile([[1.0, 0.0], [0.0, 0.0]], (18, 18))
    *blocks, note = heatmap(Heat(grid), Ink.CHARACTERS, across=12).plain.split("\n")
    assert blocks == 12 * [" ".join("9" * 12)]
    assert stands_for(note) == ("digit", 3)
    sampled = Heat(grid, sampled=True)
    *samples, note = heatmap(sampled, Ink.CHARACTERS, across=12).plain.split("\n")
    # In the middle of each block of 3: of the odd ones in both directions it is 0.
    assert samples == 6 * [" ".join("." * 12), " ".join(".9" * 6)]
    assert stands_for(note) == ("digit", 3)
    words(note)  # other ones than for blocks
    # Four would be a multiple of the grid's step.
    *fewer, note = heatmap(sampled, Ink.CHARACTERS, across=9).plain.split("\n")
    assert stands_for(note) == ("digit", 5)
    assert {len(line) for line in fewer} == {13}


def test_what_stands_for_a_block_already_says_so():
    heat = Heat(np.eye(4), block=3)
    assert stands_for(heatmap(heat, Ink.TRUE).plain.split("\n")[-1]) == ("pixel", 3)
    halved, note = heatmap(heat, Ink.TRUE, across=2).plain.split("\n")
    assert halved == "▀▀"
    assert stands_for(note) == ("pixel", 6)
