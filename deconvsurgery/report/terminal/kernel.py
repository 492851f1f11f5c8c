"""The page of one kernel: numbers, picture, centre, gain per phase and the recipe of its factor."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from deconvsurgery.kernels.bilinear import GAIN_TOLERANCE, Centre, has_unit_gain
from deconvsurgery.kernels.kernel_facts import KernelFacts
from deconvsurgery.report.layout import GAP, plain
from deconvsurgery.report.phrases import (
    GOOD,
    LEARNED,
    QUIET,
    WRONG,
    number,
    size,
)
from deconvsurgery.wording import by

from .kernel_pictures import kernel_pictures, plain_kernel_pictures

# A grid of more columns is a picture rather than numbers.
LARGEST_GRID = 8
MOST_NUMBERS = 64


def kernel_report(facts: KernelFacts, *, width: int, terminal: bool) -> RenderableType:
    """The kernel's page; off a ``terminal`` as complete lines, for ``soft_wrap=True``."""
    head = (
        f"kernel {by(facts.size)}, stride {by(facts.stride)}, formula {facts.formula}, "
        f"support {facts.support}"
    )
    taps = [(f"{axis}taps", _numbers(facts.taps[place], terminal)) for place, axis in _axes(facts)]
    room = width - max(len(label) for label, _ in [*taps, ("values", "")]) - GAP
    grid = _grid(facts, room if terminal else None)
    verdicts: list[tuple[str, str, str]] = []
    for place, axis in _axes(facts):
        verdicts.append((f"{axis}centre", *_centre_words(facts.centres[place])))
        gains, stride = facts.gains[place], facts.stride[place]
        verdicts.append((f"{axis}gain", *_gain_words(gains, stride, terminal)))
    verdicts.append(("recipe", _recipe_words(facts), LEARNED))
    if not terminal:
        lines = [head, *(f"{label}: {words}" for label, words in taps)]
        lines += ["values:", *grid] if grid else []
        lines += plain_kernel_pictures(facts)
        return plain([*lines, *(f"{label}: {words}" for label, words, _ in verdicts)])
    numbers = [(label, Text(words)) for label, words in taps]
    if grid:
        numbers.append(("values", Text("\n".join(grid), no_wrap=True)))
    return Group(
        Text(head, "bold", overflow="fold"),
        Text(""),
        _labelled(numbers),
        Text(""),
        kernel_pictures(facts),
        Text(""),
        _labelled([(label, Text(words, style)) for label, words, style in verdicts]),
    )


def _labelled(entries: Sequence[tuple[str, Text]]) -> Table:
    """Labels that step back, and what they stand for folded beside them."""
    grid = Table.grid(padding=(0, GAP, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for label, words in entries:
        grid.add_row(Text(label, QUIET), words)
    return grid


def _axes(facts: KernelFacts) -> list[tuple[int, str]]:
    """One axis where both are alike, else each with its name."""
    if len(set(facts.size)) == 1 and len(set(facts.stride)) == 1:
        return [(0, "")]
    names = ("height ", "width ") if len(facts.size) == 2 else None
    return [(axis, names[axis] if names else f"axis {axis} ") for axis in range(len(facts.size))]


def _numbers(values: Sequence[float], terminal: bool) -> str:
    """Six significant digits each; a terminal is spared the middle of very many."""
    words = [f"{value:.6g}" for value in values]
    if terminal and len(words) > MOST_NUMBERS:
        end = MOST_NUMBERS // 4
        words[end:-end] = [f"… {len(words) - 2 * end:,} more …"]
    return "  ".join(words)


def _grid(facts: KernelFacts, room: int | None) -> list[str]:
    """The values of a small 2-d kernel, aligned; empty when there is no room for them."""
    if len(facts.size) != 2 or max(facts.size) > LARGEST_GRID:
        return []
    rows = [[number(value) for value in row] for row in facts.values().tolist()]
    widest = max(len(cell) for row in rows for cell in row)
    lines = ["  ".join(cell.ljust(widest) for cell in row).rstrip() for row in rows]
    return lines if room is None or max(map(len, lines)) <= room else []


def _centre_words(found: Centre) -> tuple[str, str]:
    off = found.mass - found.true
    if abs(off) <= GAIN_TOLERANCE:
        return f"centred: mass at {number(found.mass)}, true centre {number(found.true)}", GOOD
    places = f"mass at {number(found.mass)}, true centre {number(found.true)}"
    return f"off centre by {off:+.4g}: {places}", WRONG


def _gain_words(gains: Sequence[float], stride: int, terminal: bool) -> tuple[str, str]:
    """The verdict first, for the numbers may be many."""
    numbers = f"{_numbers(gains, terminal)}  per phase"
    if has_unit_gain(gains):
        return f"interpolates at stride {stride}: {numbers}", GOOD
    even = max(gains) - min(gains) <= GAIN_TOLERANCE
    constant = "a constant is scaled" if even else "a constant becomes a grid"
    return f"does not interpolate at stride {stride}, {constant}: {numbers}", WRONG


def _recipe_words(facts: KernelFacts) -> str:
    """What to write into the net for the stride's factor."""
    fields = [
        _field(name, [getattr(each, name) for each in facts.recipes])
        for name in ("kernel", "stride", "pad")
    ]
    factor = size([each.factor for each in facts.recipes])
    own = facts.size == tuple(each.kernel for each in facts.recipes)
    return f"for factor {factor}: {', '.join(fields)}" + (" (this kernel)" if own else "")


def _field(stem: str, numbers: Sequence[int]) -> str:
    """The field of ``convolution_param`` that holds the numbers."""
    whole = "kernel_size" if stem == "kernel" else stem
    if len(numbers) != 2 or numbers[0] == numbers[1]:
        return f"{whole} " + (" ".join(map(str, numbers)) if len(numbers) > 2 else str(numbers[0]))
    return f"{stem}_h {numbers[0]}, {stem}_w {numbers[1]}"
