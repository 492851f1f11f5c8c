"""A small picture of a 2-d array for a terminal: half blocks in colour, digits without.

Never here: printing, or what the values mean.
"""

from __future__ import annotations

from math import floor, isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

# Two characters short of the classic 80, so that a frame or an indent still fits.
WIDEST = 78
# Ramps on the picture's own black, so that they read on light and dark terminals alike; blue
# and amber stay apart for colour-blind eyes too.
ZERO = (16, 16, 24)
POSITIVE = (255, 196, 64)
NEGATIVE = (72, 144, 255)
NOT_A_NUMBER = "#ff00ff"


def heatmap(values: NDArray[np.floating[Any]], *, color: bool) -> Text:
    """Draw ``values``, shape ``(height, width)``, scaled to the largest magnitude.

    In colour one character is two pixels, amber above zero and blue below, magenta for NaN
    and infinities. Without, one digit a value: 9 is the largest magnitude, 0 less than half
    a step; when a value is negative every digit has room for its sign; ``?`` is not a number.
    What is too wide is drawn in blocks, each as its value of largest magnitude, and a last
    line says so.

    >>> print(heatmap(np.array([[0.25, 0.75], [0.0, 1.0]]), color=False))
    2 7
    0 9
    >>> print(heatmap(np.array([[-0.5, 1.0]]), color=False))
    -5 9

    Raises:
        ValueError: the array is not 2-d, or is empty.
    """
    if values.ndim != 2 or not values.size:
        raise ValueError(f"a picture needs rows and columns, not an array of shape {values.shape}")
    signed = bool((values < 0).any())
    room = WIDEST if color or not signed else WIDEST // 2
    block = -(-values.shape[1] // room)
    pixels = _strongest(values.astype(np.float64), block)
    finite = np.isfinite(pixels)
    largest = float(abs(pixels[finite]).max(initial=0.0))
    levels = np.where(finite, pixels, np.nan) / (largest or 1.0)
    picture = _half_blocks(levels) if color else Text("\n").join(_digits(levels, signed))
    if block > 1:
        unit = "pixel" if color else "digit"
        picture.append(f"\n1 {unit} = {block} x {block} values")
    # A terminal too narrow should cut the picture off, not fold it into nonsense.
    picture.no_wrap, picture.overflow = True, "crop"
    return picture


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


def _digits(levels: NDArray[np.float64], signed: bool) -> list[Text]:
    """One line of text a row; ``levels`` lie in -1 ... 1 or are NaN."""
    gap = "" if signed or 2 * levels.shape[1] - 1 > WIDEST else " "
    return [Text(gap.join(_digit(level, signed) for level in row)) for row in levels.tolist()]


def _digit(level: float, signed: bool) -> str:
    digit = "?" if isnan(level) else str(floor(9 * abs(level) + 0.5))
    if not signed:
        return digit
    return ("-" if level < 0 else " ") + digit


def _half_blocks(levels: NDArray[np.float64]) -> Text:
    """Two rows of pixels a line: the upper as foreground of the half block, the lower behind it."""
    picture = Text()
    rows = levels.tolist()
    for top in range(0, len(rows), 2):
        if top:
            picture.append("\n")
        lower_row = rows[top + 1] if top + 1 < len(rows) else None
        for column, upper in enumerate(rows[top]):
            below = f" on {_colour(lower_row[column])}" if lower_row else ""
            picture.append("▀", _colour(upper) + below)
    return picture


def _colour(level: float) -> str:
    if isnan(level):
        return NOT_A_NUMBER
    end = NEGATIVE if level < 0 else POSITIVE
    red, green, blue = (round(a + abs(level) * (b - a)) for a, b in zip(ZERO, end, strict=True))
    return f"#{red:02x}{green:02x}{blue:02x}"
