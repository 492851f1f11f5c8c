"""The page of one kernel: numbers, centre, gain per phase, recipe, and pictures of all that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from deconvsurgery.kernels.kernel_axis import has_unit_gain
from deconvsurgery.kernels.largest_value import strongest
from deconvsurgery.kernels.responses import answers_of
from deconvsurgery.report.captions import gain_caption
from deconvsurgery.report.kernel_rows import grid, head_words, taps, verdicts
from deconvsurgery.report.phrases import Medium, number

from .chart import Chart
from .colours import QUIET, drawn
from .heatmap import Heat, Ink, heatmap
from .layout import labelled
from .picture_grid import Drawable, Stack, Tile, Tiles
from .sheet import GAP, Lines

if TYPE_CHECKING:
    from deconvsurgery.kernels.arrays import Array
    from deconvsurgery.kernels.responses import Answers, Signal
    from deconvsurgery.verbs.kernel_facts import KernelFacts

# Pixels, columns and lines; so that a page of 80 columns and 40 lines holds a usual kernel.
SIDE, MOST, PICTURE = 16, 32, 26
ROW, SIGNAL = 8, 4


def kernel_report(facts: KernelFacts, medium: Medium) -> Lines | RenderableType:
    """The kernel's page; in a pipe as complete lines."""
    head, numbers, found = head_words(facts), taps(facts, medium), verdicts(facts, medium)
    widest = max(len("values"), *(len(label) for label, _ in numbers))
    values = grid(facts, None if medium.width is None else medium.width - widest - GAP)
    if not medium.terminal:
        lines = [head, *(f"{label}: {words}" for label, words in numbers)]
        lines += ["values:", *values] if values else []
        lines += _plain_pictures(facts)
        return Lines([*lines, *(f"{label}: {cell.words}" for label, cell in found)])
    labels = [(Text(label, QUIET), Text(words)) for label, words in numbers]
    if values:
        labels.append((Text("values", QUIET), Text("\n".join(values), no_wrap=True)))
    return Group(
        Text(head, "bold", overflow="fold"),
        Text(""),
        labelled(labels),
        Text(""),
        _pictures(facts),
        Text(""),
        labelled((Text(label, QUIET), drawn(cell)) for label, cell in found),
    )


def _pictures(facts: KernelFacts) -> RenderableType:
    """For a terminal: what the kernel is, and below it what it does."""
    values = facts.values()
    answers = answers_of(values, facts.stride)
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
    values = facts.values()
    yield from heatmap(Heat(_flat(values)), Ink.CHARACTERS).plain.splitlines()
    answers = answers_of(values, facts.stride)
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
