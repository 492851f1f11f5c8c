"""The page of ``kernel``; how it looks stands in ``__snapshots__/test_kernel.ambr``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from rich.text import Text

import deconvsurgery as ds
from deconvsurgery.report.phrases import PIPE, Medium
from deconvsurgery.report.terminal.kernel import kernel_report
from helpers.pages import WIDTHS, lines_in_pipe, shown, stripped, unfolded, widest
from helpers.words import numbers

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion


def in_pipe(facts: ds.KernelFacts) -> list[str]:
    return lines_in_pipe(kernel_report(facts, PIPE))


def on_terminal(facts: ds.KernelFacts, width: int = 80, *, color: bool = False) -> str:
    return shown(kernel_report(facts, Medium(width)), width, color=color)


def told(lines: list[str], label: str) -> str:
    """What is said after a label."""
    (line,) = (line for line in lines if line.startswith(f"{label}: "))
    return line.removeprefix(f"{label}: ")


def block(lines: list[str], label: str, count: int) -> list[str]:
    """The lines below one that is a label and no more."""
    at = lines.index(f"{label}:") + 1
    return lines[at : at + count]


RING = [
    ". . . . 1 2 1 . . . .",
    ". . 2 7 9 9 9 7 2 . .",
    ". 2 9 8 4 3 4 8 9 2 .",
    ". 7 8 1 . . . 1 8 7 .",
    "1 9 4 . . . . . 4 9 1",
    "2 9 3 . . . . . 3 9 2",
    "1 9 4 . . . . . 4 9 1",
    ". 7 8 1 . . . 1 8 7 .",
    ". 2 9 8 4 3 4 8 9 2 .",
    ". . 2 7 9 9 9 7 2 . .",
    ". . . . 1 2 1 . . . .",
]
RING_ENLARGED = [
    ". 0 1 2 3 4 3 1 0 . .",
    "0 1 4 7 8 7 8 6 3 0 .",
    "1 4 8 5 3 2 4 7 7 2 .",
    "2 7 5 1 . . 0 2 7 5 0",
    "3 8 3 . . . . 1 5 7 1",
    "4 7 2 . . . . 1 4 7 1",
    "3 8 4 0 . . 0 1 6 6 1",
    "1 6 7 2 1 1 1 4 8 4 .",
    "0 3 7 7 5 4 6 8 6 1 .",
    ". 0 2 5 7 7 6 4 1 . .",
    ". . . 0 1 1 1 . . . .",
]


def test_kernel_page(snapshot: SnapshotAssertion) -> None:
    lines = in_pipe(ds.kernel(4))
    assert lines[0].replace(",", "").split() == [
        *("kernel", "4x4", "stride", "2x2", "formula", "fcn", "support", "kernel"),
    ]
    assert numbers(told(lines, "taps")) == [0.25, 0.75, 0.75, 0.25]
    assert [numbers(line) for line in block(lines, "values", 4)] == [
        [0.0625, 0.1875, 0.1875, 0.0625],
        [0.1875, 0.5625, 0.5625, 0.1875],
        [0.1875, 0.5625, 0.5625, 0.1875],
        [0.0625, 0.1875, 0.1875, 0.0625],
    ]
    assert block(lines, "picture", 4) == ["1 3 3 1", "3 9 9 3", "3 9 9 3", "1 3 3 1"]
    assert numbers(told(lines, "a step becomes")) == [*14 * [0], 0.25, 0.75, *14 * [1]]
    ramp = [float(f"{(2 * i + 1) / 60:.4g}") for i in range(30)]
    assert numbers(told(lines, "a ramp becomes")) == ramp
    assert block(lines, "a ring", 11) == RING
    assert block(lines, "enlarged", 11) == RING_ENLARGED
    assert numbers(lines[-4]) == [1, 2, 2]  # a digit stands for 2 x 2
    assert numbers(told(lines, "centre")) == [1.5, 1.5]
    assert numbers(told(lines, "gain")) == [2, 1, 1]  # at a stride, for each phase
    assert numbers(told(lines, "recipe")) == [2, 4, 2, 1]  # factor, size, stride, pad
    assert "\n".join(lines) == snapshot


WRONG: dict[str, tuple[ds.KernelFacts, list[float], list[float], list[float]]] = {
    "off centre": (
        ds.kernel(3, formula="caffe-1.0"),
        [0.2857, 1.286, 1],
        [2, 1, 0.75],
        [2, 4, 2, 1],
    ),
    "scales": (ds.kernel(2, stride=2), [0.5, 0.5], [2, 0.5, 0.5], [2, 4, 2, 1]),
}


@pytest.mark.parametrize("case", WRONG)
def test_kernel_that_is_off_centre_and_does_not_interpolate(
    case: str, snapshot: SnapshotAssertion
) -> None:
    facts, centre, gain, recipe = WRONG[case]
    lines = in_pipe(facts)
    assert numbers(told(lines, "centre")) == centre
    assert numbers(told(lines, "gain")) == gain
    assert numbers(told(lines, "recipe")) == recipe
    assert "\n".join(lines[-3:]) == snapshot


def test_rectangular_kernel_has_a_line_an_axis(snapshot: SnapshotAssertion) -> None:
    lines = in_pipe(ds.kernel((4, 6)))
    assert lines[0].replace(",", "").split()[1:4] == ["4x6", "stride", "2x3"]
    assert numbers(told(lines, "height taps")) == [0.25, 0.75, 0.75, 0.25]
    assert numbers(told(lines, "width taps")) == [
        *(0.166667, 0.5, 0.833333, 0.833333, 0.5, 0.166667),
    ]
    assert numbers(told(lines, "height centre")) == [1.5, 1.5]
    assert numbers(told(lines, "height gain")) == [2, 1, 1]
    assert numbers(told(lines, "width centre")) == [2.5, 2.5]
    assert numbers(told(lines, "width gain")) == [3, 1, 1, 1]
    recipe = told(lines, "recipe")
    assert "2x3" in recipe
    for field in ("kernel_h 4", "kernel_w 5", "stride_h 2", "stride_w 3", "pad 1"):
        assert field in recipe
    assert [*lines[:3], *lines[-5:]] == snapshot


def test_support_follows_the_stride() -> None:
    lines = in_pipe(ds.kernel(6, stride=2, support="stride"))
    assert numbers(told(lines, "taps")) == [0, 0.25, 0.75, 0.75, 0.25, 0]
    assert numbers(told(lines, "gain")) == [2, 1, 1]


# --- on a terminal


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("size", [1, 4, (3, 6), 16, 64, 300, (4,), (2, 2, 2)])
def test_kernel_page_fits_a_terminal(size: int | tuple[int, ...], width: int) -> None:
    facts = ds.kernel(size)
    text = Text.from_ansi(on_terminal(facts, width, color=True)).plain
    assert widest(text) <= width
    assert "▀" in text
    fields = ("kernel_size",) if len({*facts.size}) == 1 else ("kernel_h", "kernel_w")
    assert all(field in unfolded(text) for field in fields)
    assert len(text.splitlines()) < 100


def test_picture_is_digits_where_there_is_no_colour() -> None:
    text = on_terminal(ds.kernel(4))
    assert "\n1 3 3 1 " in text
    assert "▀" not in text


@pytest.mark.parametrize("size", [4, 16])
def test_a_usual_kernel_fits_one_screen(size: int) -> None:
    """Of 80 columns and 40 lines, three of them for the prompts."""
    assert len(on_terminal(ds.kernel(size), color=True).splitlines()) <= 37


GAIN = "gain per phase"


def test_gains_are_drawn_where_they_are_not_1() -> None:
    beside = [line[35:].strip() for line in on_terminal(ds.kernel(4, stride=4)).splitlines()]
    below = beside[beside.index(GAIN) + 1 :]
    assert below[:5] == ["1 2 2 1", "2 5 5 2", "2 5 5 2", "1 2 2 1", "9 = 1"]
    assert numbers(below[5]) == [0.0625]  # to 0.5625, on the next line
    assert GAIN not in on_terminal(ds.kernel(4))


def test_what_a_kernel_makes_of_a_step_and_of_a_ramp() -> None:
    """A centred kernel that interpolates: from 0 to 1 within a stride; as straight as before."""
    step = numbers(told(in_pipe(ds.kernel(3, formula="caffe-1.0")), "a step becomes"))
    assert step[-17:] == [0, 0.1875, *(7 * [0.5625, 0.75]), 0.5625]
    (bars,) = re.findall(r"a step becomes.*\n((?:.*\n){4})", on_terminal(ds.kernel(8)))
    # 60 outputs, of which every second is drawn: 0.125 and 0.625 of the four between 0 and 1.
    assert [line[:31].rstrip() for line in bars.splitlines()] == [
        16 * " " + 14 * "█",
        15 * " " + "▄" + 14 * "█",
        15 * " " + 15 * "█",
        14 * " " + "▄" + 15 * "█",
    ]


@pytest.mark.parametrize("size", [(5,), (3, 3, 3), 300])
def test_kernels_without_a_test_picture(
    size: int | tuple[int, ...], snapshot: SnapshotAssertion
) -> None:
    """Of other than two axes, or beyond drawing: one of its middle row instead."""
    labels = [line.rstrip(":") for line in in_pipe(ds.kernel(size)) if line.endswith(":")]
    assert "picture" in labels
    assert not {"a ring", "enlarged"} & {*labels}
    assert not [line for line in in_pipe(ds.kernel(size)) if line.startswith(("a step", "a ramp"))]
    assert stripped(on_terminal(ds.kernel(size))) == snapshot


@pytest.mark.parametrize("size", [0, -1, (4, 0), 5000])
def test_kernels_that_nobody_has_are_refused(size: int | tuple[int, ...]) -> None:
    with pytest.raises(ds.ShapeError):
        ds.kernel(size)
