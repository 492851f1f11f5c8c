"""What one kernel is, in words and rows: for a terminal and for a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from deconvsurgery.kernels.kernel_axis import GAIN_TOLERANCE, has_unit_gain
from deconvsurgery.wording import by

from .cells import Cell, Tone
from .phrases import Medium, number, size

if TYPE_CHECKING:
    from deconvsurgery.kernels.bilinear import Centre
    from deconvsurgery.verbs.kernel_facts import KernelFacts

# A grid of more columns is a picture rather than numbers.
LARGEST_GRID = 8
MOST_NUMBERS = 64


def head_words(facts: KernelFacts) -> str:
    """Which kernel it is."""
    return (
        f"kernel {by(facts.size)}, stride {by(facts.stride)}, formula {facts.formula}, "
        f"support {facts.support}"
    )


def taps(facts: KernelFacts, medium: Medium) -> list[tuple[str, str]]:
    """The numbers along each axis that is not as the others."""
    return [(f"{axis}taps", _numbers(facts.taps[place], medium)) for place, axis in _axes(facts)]


def verdicts(facts: KernelFacts, medium: Medium) -> list[tuple[str, Cell]]:
    """Where its weight lies, what it does to a constant, what to write for the factor."""
    found: list[tuple[str, Cell]] = []
    for place, axis in _axes(facts):
        found.append((f"{axis}centre", _centre(facts.centres[place])))
        gains, stride = facts.gains[place], facts.stride[place]
        found.append((f"{axis}gain", _gain(gains, stride, medium)))
    return [*found, ("recipe", Cell(_recipe_words(facts), Tone.LEARNED))]


def grid(facts: KernelFacts, width: int | None) -> list[str]:
    """The values of a small 2-d kernel, aligned; empty where they do not fit."""
    if len(facts.size) != 2 or max(facts.size) > LARGEST_GRID:
        return []
    rows = [[number(value) for value in row] for row in facts.values().tolist()]
    widest = max(len(cell) for row in rows for cell in row)
    lines = ["  ".join(cell.ljust(widest) for cell in row).rstrip() for row in rows]
    return lines if width is None or max(map(len, lines)) <= width else []


def _axes(facts: KernelFacts) -> list[tuple[int, str]]:
    """One axis where both are alike, else each with its name."""
    if len(set(facts.size)) == 1 and len(set(facts.stride)) == 1:
        return [(0, "")]
    names = ("height ", "width ") if len(facts.size) == 2 else None
    return [(axis, names[axis] if names else f"axis {axis} ") for axis in range(len(facts.size))]


def _numbers(values: Sequence[float], medium: Medium) -> str:
    """Six significant digits each; a terminal is spared the middle of very many."""
    words = [f"{value:.6g}" for value in values]
    if medium.terminal and len(words) > MOST_NUMBERS:
        end = MOST_NUMBERS // 4
        words[end:-end] = [f"… {len(words) - 2 * end:,} more …"]
    return "  ".join(words)


def _centre(found: Centre) -> Cell:
    off = found.mass - found.true
    places = f"mass at {number(found.mass)}, true centre {number(found.true)}"
    if abs(off) <= GAIN_TOLERANCE:
        return Cell(f"centred: {places}", Tone.GOOD)
    return Cell(f"off centre by {off:+.4g}: {places}", Tone.WRONG)


def _gain(gains: Sequence[float], stride: int, medium: Medium) -> Cell:
    """The verdict first, for the numbers may be many."""
    numbers = f"{_numbers(gains, medium)}  per phase"
    if has_unit_gain(gains):
        return Cell(f"interpolates at stride {stride}: {numbers}", Tone.GOOD)
    even = max(gains) - min(gains) <= GAIN_TOLERANCE
    constant = "a constant is scaled" if even else "a constant becomes a grid"
    return Cell(f"does not interpolate at stride {stride}, {constant}: {numbers}", Tone.WRONG)


def _recipe_words(facts: KernelFacts) -> str:
    """What to write into the net for the stride's factor."""
    fields = [
        _field("kernel_size", "kernel", [recipe.kernel for recipe in facts.recipes]),
        _field("stride", "stride", [recipe.stride for recipe in facts.recipes]),
        _field("pad", "pad", [recipe.pad for recipe in facts.recipes]),
    ]
    factor = size([recipe.factor for recipe in facts.recipes])
    own = facts.size == tuple(recipe.kernel for recipe in facts.recipes)
    return f"for factor {factor}: {', '.join(fields)}" + (" (this kernel)" if own else "")


def _field(whole: str, stem: str, numbers: Sequence[int]) -> str:
    """The fields of ``convolution_param`` that hold the numbers."""
    if len(numbers) != 2 or numbers[0] == numbers[1]:
        return f"{whole} " + (" ".join(map(str, numbers)) if len(numbers) > 2 else str(numbers[0]))
    return f"{stem}_h {numbers[0]}, {stem}_w {numbers[1]}"
