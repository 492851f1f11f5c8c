"""A small picture of a 2-d array for a terminal: half blocks in colour, digits without."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from itertools import groupby
from math import ceil, floor, isnan
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.text import Text

from deconvsurgery.kernels.largest_value import strongest
from deconvsurgery.named_tuple import NamedTuple

from .colours import QUIET

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.console import Console, ConsoleOptions

# Two characters short of the classic 80, so that a frame or an indent still fits.
WIDEST = 78
# Ramps on the picture's own black, so that they read on light and dark terminals alike; blue
# and amber stay apart for colour-blind eyes too, and each step is lighter than the one before.
ZERO = (16, 16, 24)
POSITIVE = (255, 196, 64)
NEGATIVE = (72, 144, 255)
STEPS = 64


class Ink(Enum):
    """What a picture can be drawn with."""

    ASCII = "ASCII"
    CHARACTERS = "characters"
    SIXTEEN = "16 colours"
    MANY = "256 colours"
    TRUE = "true colour"

    @property
    def coloured(self) -> bool:
        """Are values shown by colours, not by signs?"""
        return self not in (Ink.ASCII, Ink.CHARACTERS)


class Palette(NamedTuple):
    """Colours in rich's names: from 0 to the largest value, above zero and below.

    ``nothing`` are the two greys of a chequered place, as picture editors show what is not
    there; ``strange`` is NaN or an infinity.
    """

    positive: tuple[str, ...]
    negative: tuple[str, ...]
    nothing: tuple[str, str]
    strange: str

    def colour(self, level: float) -> str:
        """Of a level between -1 and 1, or NaN; only 0 itself has the colour of 0."""
        if isnan(level):
            return self.strange
        ramp = self.negative if level < 0 else self.positive
        return ramp[min(ceil(abs(level) * (len(ramp) - 1)), len(ramp) - 1)]


def _ramp(end: tuple[int, int, int]) -> tuple[str, ...]:
    steps = (
        [round(a + step / STEPS * (b - a)) for a, b in zip(ZERO, end, strict=True)]
        for step in range(STEPS + 1)
    )
    return tuple(f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in steps)


# A nearest colour of each would leave few steps, some of them of another hue.
PALETTES = {
    Ink.TRUE: Palette(_ramp(POSITIVE), _ramp(NEGATIVE), ("#6c6c74", "#55555d"), "#ff00ff"),
    Ink.MANY: Palette(
        tuple(f"color({each})" for each in (233, 235, 58, 94, 136, 172, 178, 214, 221)),
        tuple(f"color({each})" for each in (233, 236, 24, 25, 31, 32, 33, 39, 75)),
        ("color(243)", "color(240)"),
        "color(201)",
    ),
    Ink.SIXTEEN: Palette(
        ("black", "bright_black", *2 * ("yellow",), *2 * ("bright_yellow",)),
        ("black", "blue", *2 * ("bright_blue",), *2 * ("bright_cyan",)),
        ("white", "bright_black"),
        "bright_magenta",
    ),
}


def ink_of(console: Console, options: ConsoleOptions) -> Ink:
    """What the console can show; half blocks are not ASCII."""
    if options.ascii_only:
        return Ink.ASCII
    if console.color_system is None or console.no_color:
        return Ink.CHARACTERS
    return {"truecolor": Ink.TRUE, "256": Ink.MANY}.get(console.color_system, Ink.SIXTEEN)


class Heat:
    """Values to be drawn, shape ``(height, width)``; ``ValueError`` for what is no picture.

    ``scale`` is the magnitude that the scale ends at: ``largest``, by default that of the values,
    0 where none is finite and other than 0. ``there`` says where there is a value at all. Each
    value stands for ``block`` by ``block`` already. ``sampled``: of what is too large some values
    are drawn, as of a picture, not the largest of each block; a grid over them is then still one.
    """

    __slots__ = ("block", "holes", "sampled", "scale", "signed", "strange", "there", "values")

    def __init__(
        self,
        values: NDArray[np.floating[Any]],
        largest: float | None = None,
        there: NDArray[np.bool_] | None = None,
        block: int = 1,
        sampled: bool = False,
    ) -> None:
        if values.ndim != 2 or not values.size:
            words = f"not an array of shape {values.shape}"
            raise ValueError(f"a picture needs rows and columns, {words}")
        self.values, self.there, self.block, self.sampled = values, there, block, sampled
        self.scale = strongest(values) if largest is None else largest
        self.signed = bool((values < 0).any())
        self.strange = not np.isfinite(values).all()
        self.holes = there is not None and not there.all()


@np.errstate(invalid="ignore")  # weights may be anything
def heatmap(
    heat: Heat, ink: Ink, *, across: int | None = None, down: int | None = None, enlarged: int = 1
) -> Text:
    """Draw values, scaled to the largest magnitude, at most ``across`` by ``down`` of them.

    In colour one character is two pixels, amber above zero and blue below, magenta for NaN
    and infinities; every value is ``enlarged`` to so many pixels a side. Without, one digit a
    value: 9 is the largest magnitude, 0 less than half a step, a dot is 0 itself, ``?`` is no
    number; when a value is negative every digit has a place for its sign. Where there is no value
    at all is chequered grey, or blank. What is too large is drawn in blocks, each as its value
    of largest magnitude (or, ``sampled``, its middle one), and a last line says so.

    >>> print(heatmap(Heat(np.array([[0.25, 0.75], [0.0, 1.0]])), Ink.CHARACTERS))
    2 7
    . 9
    >>> print(heatmap(Heat(np.array([[-0.5, 1.0]])), Ink.CHARACTERS))
    -5 9
    """
    signed = not ink.coloured and heat.signed
    height, width = heat.values.shape
    across = across or (WIDEST // 2 if signed else WIDEST)
    block = max(-(-width // across), -(-height // (down or height)))
    values = heat.values.astype(np.float64)
    if heat.sampled:
        block = uneven(block)
        pixels = values[block // 2 :: block, block // 2 :: block]
    else:
        pixels = _strongest(values, block)
    levels = np.where(np.isfinite(pixels), pixels, np.nan) / (heat.scale or 1.0)
    there = np.ones(heat.values.shape, np.bool_) if heat.there is None else heat.there
    drawn = _strongest(there.astype(np.float64), block)[: len(pixels), : pixels.shape[1]] > 0
    if ink.coloured:
        levels = levels.repeat(enlarged, 0).repeat(enlarged, 1)
        drawn = drawn.repeat(enlarged, 0).repeat(enlarged, 1)
        picture = _half_blocks(_colours(levels, drawn, PALETTES[ink]))
    else:
        picture = Text("\n").join(_digits(levels, drawn, signed))
    if block * heat.block > 1:
        unit = "pixel" if ink.coloured else "digit"
        side = block * heat.block
        of = "of every" if heat.sampled else "="
        picture.append(f"\n1 {unit} {of} {side} x {side} values", QUIET)
    # A terminal too narrow should cut the picture off, not fold it into nonsense.
    picture.no_wrap, picture.overflow = True, "crop"
    return picture


def uneven(step: int) -> int:
    """A step between samples in which strides, mostly powers of 2, do not vanish."""
    return step if step < 3 else step | 1


def _strongest(values: NDArray[np.float64], block: int) -> NDArray[np.float64]:
    """Each ``block`` x ``block`` square as its value of largest magnitude; NaN wins."""
    height, width = (-(-length // block) for length in values.shape)
    padded = np.zeros((height * block, width * block))
    padded[: values.shape[0], : values.shape[1]] = values
    squares = padded.reshape(height, block, width, block).swapaxes(1, 2)
    flat = squares.reshape(height, width, block * block)
    # argmax takes the first NaN for the largest.
    pick = abs(flat).argmax(axis=2)
    return np.take_along_axis(flat, pick[..., None], axis=2)[..., 0]


def _digits(levels: NDArray[np.float64], there: NDArray[np.bool_], signed: bool) -> Iterator[Text]:
    """One line of text a row; ``levels`` lie in -1 ... 1 or are NaN."""
    gap = "" if signed or 2 * levels.shape[1] - 1 > WIDEST else " "
    for row, known in zip(levels.tolist(), there.tolist(), strict=True):
        digits = [_digit(*each, signed) for each in zip(row, known, strict=True)]
        yield Text(gap.join(digits).rstrip())


def _digit(level: float, there: bool, signed: bool) -> str:
    if not there:
        digit = " "
    elif level == 0:
        digit = "."
    else:
        digit = "?" if isnan(level) else str(floor(9 * min(abs(level), 1) + 0.5))
    if not signed:
        return digit
    return ("-" if level < 0 else " ") + digit


def _colours(
    levels: NDArray[np.float64], there: NDArray[np.bool_], palette: Palette
) -> list[list[str]]:
    """A colour for each pixel."""
    return [
        [
            palette.colour(level) if known else palette.nothing[(row + column) % 2]
            for column, (level, known) in enumerate(zip(*pair, strict=True))
        ]
        for row, pair in enumerate(zip(levels.tolist(), there.tolist(), strict=True))
    ]


def _half_blocks(rows: list[list[str]]) -> Text:
    """Two rows of pixels a line: the upper as foreground of the half block, the lower behind it."""
    picture = Text()
    for top in range(0, len(rows), 2):
        if top:
            picture.append("\n")
        styles = rows[top]
        if top + 1 < len(rows):
            pairs = zip(rows[top], rows[top + 1], strict=True)
            styles = [f"{upper} on {lower}" for upper, lower in pairs]
        for style, run in groupby(styles):
            picture.append("▀" * len(list(run)), style)
    return picture
