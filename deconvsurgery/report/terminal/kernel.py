"""The page of one kernel: numbers, centre, gain per phase, recipe, and pictures of all that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from deconvsurgery.kernels.bilinear import GAIN_TOLERANCE, Centre, has_unit_gain
from deconvsurgery.kernels.largest_value import strongest
from deconvsurgery.report.captions import gain_caption
from deconvsurgery.report.cells import Cell, Tone
from deconvsurgery.report.phrases import Medium, number, size
from deconvsurgery.wording import by

from .chart import Chart
from .colours import QUIET, drawn
from .heatmap import Heat, Ink, heatmap
from .layout import GAP, Lines, labelled
from .picture_grid import Drawable, Stack, Tile, Tiles

if TYPE_CHECKING:
    from deconvsurgery.kernels.arrays import Array
    from deconvsurgery.kernels.kernel_facts import KernelFacts
    from deconvsurgery.kernels.responses import Answers, Signal

# A grid of more columns is a picture rather than numbers.
LARGEST_GRID = 8
MOST_NUMBERS = 64
# Pixels, columns and lines; so that a page of 80 columns and 40 lines holds a usual kernel.
SIDE, MOST, PICTURE = 16, 32, 26
ROW, SIGNAL = 8, 4


def kernel_report(facts: KernelFacts, medium: Medium) -> RenderableType:
    """The kernel's page; in a pipe as complete lines, for ``soft_wrap=True``."""
    head = (
        f"kernel {by(facts.size)}, stride {by(facts.stride)}, formula {facts.formula}, "
        f"support {facts.support}"
    )
    taps = [(f"{axis}taps", _numbers(facts.taps[place], medium)) for place, axis in _axes(facts)]
    widest = max(len("values"), *(len(label) for label, _ in taps))
    grid = _grid(facts, None if medium.width is None else medium.width - widest - GAP)
    verdicts: list[tuple[str, Cell]] = []
    for place, axis in _axes(facts):
        verdicts.append((f"{axis}centre", _centre(facts.centres[place])))
        gains, stride = facts.gains[place], facts.stride[place]
        verdicts.append((f"{axis}gain", _gain(gains, stride, medium)))
    verdicts.append(("recipe", Cell(_recipe_words(facts), Tone.LEARNED)))
    if not medium.terminal:
        lines = [head, *(f"{label}: {words}" for label, words in taps)]
        lines += ["values:", *grid] if grid else []
        lines += _plain_pictures(facts)
        return Lines([*lines, *(f"{label}: {cell.words}" for label, cell in verdicts)])
    numbers = [(Text(label, QUIET), Text(words)) for label, words in taps]
    if grid:
        numbers.append((Text("values", QUIET), Text("\n".join(grid), no_wrap=True)))
    return Group(
        Text(head, "bold", overflow="fold"),
        Text(""),
        labelled(numbers),
        Text(""),
        _pictures(facts),
        Text(""),
        labelled((Text(label, QUIET), drawn(cell)) for label, cell in verdicts),
    )


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


def _grid(facts: KernelFacts, width: int | None) -> list[str]:
    """The values of a small 2-d kernel, aligned; empty where they do not fit."""
    if len(facts.size) != 2 or max(facts.size) > LARGEST_GRID:
        return []
    rows = [[number(value) for value in row] for row in facts.values().tolist()]
    widest = max(len(cell) for row in rows for cell in row)
    lines = ["  ".join(cell.ljust(widest) for cell in row).rstrip() for row in rows]
    return lines if width is None or max(map(len, lines)) <= width else []


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


def _pictures(facts: KernelFacts) -> RenderableType:
    """For a terminal: what the kernel is, and below it what it does."""
    values, answers = facts.values(), facts.answers()
    first: list[Drawable] = [Tile("kernel", Heat(_flat(values)), MOST, SIDE), _middle(values)]
    if answers is None:
        return Tiles(first)
    if not has_unit_gain(answers.gains.ravel().tolist()):
        first.append(_gains(answers))
    signals = list(_signals(answers))
    below: list[Drawable] = [Stack(signals)] if signals else []
    rings = [tile for _, tile in _ring(answers)]
    return Group(Tiles(first), Text(""), Tiles([*below, *rings]))


def _plain_pictures(facts: KernelFacts) -> Iterator[str]:
    """The same as complete lines."""
    yield "picture:"
    yield from heatmap(Heat(_flat(facts.values())), Ink.CHARACTERS).plain.splitlines()
    answers = facts.answers()
    if answers is None:
        return
    for signal in answers.signals:
        numbers = "  ".join(number(value) for value in _inside(signal))
        yield f"a {signal.name} becomes: {numbers}"
    for title, tile in _ring(answers):
        yield f"{title}:"
        yield from tile.picture(Ink.CHARACTERS, 2 * PICTURE).plain.splitlines()


def _flat(values: Array) -> Array:
    """A kernel of one axis is a strip; of three, its slices side by side."""
    return values[None, :] if values.ndim == 1 else values.reshape(values.shape[0], -1)


def _middle(values: Array) -> Chart:
    """The row through the middle along the last axis."""
    while values.ndim > 1:
        values = values[len(values) // 2]
    row = [float(each) for each in values]
    return Chart("its middle row", row, max(row), ROW, MOST, 24, (f"0 to {number(max(row))}",))


def _gains(answers: Answers) -> Tile:
    largest = max(1.0, strongest(answers.gains))
    notes = (gain_caption(answers),)
    return Tile("gain per phase", Heat(answers.gains, largest), MOST, SIDE, notes)


def _signals(answers: Answers) -> Iterator[Chart]:
    """What comes of a signal; the scale ends at 1, where the signal does, or beyond."""
    for signal in answers.signals:
        values = _inside(signal)
        largest = max(1.0, *values)
        title = f"a {signal.name} becomes"
        yield Chart(title, values, largest, SIGNAL, MOST, 1, (f"0 to {number(largest)}",))


def _inside(signal: Signal) -> Sequence[float]:
    """The answer between the signal's two ends: beyond them it falls to 0."""
    last = float(signal.positions[-1])
    inside = (signal.answer_positions >= 0) & (signal.answer_positions <= last)
    return [float(each) for each in signal.answer[inside]]


def _ring(answers: Answers) -> Iterator[tuple[str, Tile]]:
    """What goes in and what comes out, each with its name.

    The scale ends at 1, where the ring's own does, so that what is darker looks darker.
    """
    for name, arrow, pictures in (
        ("a ring", "", answers.pictures),
        ("enlarged", "→ ", answers.outputs),
    ):
        for picture in pictures:
            heat = Heat(picture, largest=max(1.0, strongest(picture)), sampled=True)
            yield name, Tile(f"{arrow}{name}", heat, PICTURE)
