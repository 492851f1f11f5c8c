"""Values as pictures: each cell as strong as its value is large, amber above zero, blue below.

Few cells are drawn as shapes, many as one small PNG; both look the same, on light and on dark, and
stay sharp at any size. Zero is the page's own colour.
"""

from __future__ import annotations

from base64 import b64encode
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from deconvsurgery.kernels.largest_value import strongest

from .elements import Markup, element, number
from .png import Colour, png

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Steps between nothing and the strongest.
STEPS = 24
# Runs of equal cells that are drawn as shapes; with more a PNG is smaller.
MOST_RUNS = 260
# Pixels along the longer side, more or less: a cell has a whole number of them.
SIDE = 148
LARGEST_CELL = 37
_POSITIVE, _NEGATIVE, _ODD = (0xD8, 0x76, 0x0F), (0x3B, 0x7B, 0xE0), (0xC2, 0x18, 0xB0)
_NOT_FINITE = STEPS + 1


def heat(
    values: NDArray[np.floating[Any]],
    label: str,
    *,
    largest: float | None = None,
    connected: NDArray[np.bool_] | None = None,
    side: int = SIDE,
) -> Markup:
    """A picture of ``values``, shape ``(rows, columns)``; ``label`` says in words what it shows.

    ``largest`` is the magnitude of the strongest colour, of the values' own if it is not given.
    What is no finite number is magenta, a cell that is not ``connected`` hatched.
    """
    rows, columns = values.shape
    levels = _levels(values, largest)
    cell = max(1, min(LARGEST_CELL, side // max(rows, columns)))
    body = _shapes(levels)
    if body is None:
        body = [_image(levels)]
    if connected is not None and not connected.all():
        body.insert(0, _path(_runs(~connected)[True], class_="off"))
    return element(
        "svg",
        element("title", label),
        *body,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {columns} {rows}",
        width=columns * cell,
        height=rows * cell,
        class_="heat",
        role="img",
        aria_label=label,
        shape_rendering="crispEdges",
        preserveAspectRatio="none",
    )


def _levels(values: NDArray[np.floating[Any]], largest: float | None) -> NDArray[np.int8]:
    """Whole steps: 0 for zero alone, so that what is there is seen."""
    finite = np.isfinite(values)
    top = strongest(values) if largest is None else largest
    share = np.where(finite, values, 0).astype(np.float64) / (top or 1.0)
    steps = np.sign(share) * np.ceil(np.minimum(abs(share), 1.0) * STEPS - 1e-6)
    steps = np.where((share != 0) & (steps == 0), np.sign(share), steps)
    return np.where(finite, steps, _NOT_FINITE).astype(np.int8)


def _opacity(level: int) -> float:
    """Of a level's colour; the lowest is seen still."""
    return 0.08 + 0.92 * min(abs(level), STEPS) / STEPS


def _shapes(levels: NDArray[np.int8]) -> list[Markup] | None:
    """A path a level, of the runs in each row; ``None`` where they would be too many."""
    changes = int((levels[:, 1:] != levels[:, :-1]).sum()) + len(levels)
    if changes > MOST_RUNS:
        return None
    runs = _runs(levels)
    body = []
    for level in sorted(runs):
        if level:
            kind = "odd" if level == _NOT_FINITE else "up" if level > 0 else "down"
            body.append(_path(runs[level], class_=kind, fill_opacity=number(_opacity(level))))
    return body


def _runs(cells: NDArray[Any]) -> dict[Any, list[tuple[int, int, int]]]:
    """By value: row, first column and length of each run of it."""
    found: dict[Any, list[tuple[int, int, int]]] = {}
    for row, line in enumerate(cells.tolist()):
        column = 0
        for value, same in groupby(line):
            length = len(list(same))
            found.setdefault(value, []).append((row, column, length))
            column += length
    return found


def _path(runs: list[tuple[int, int, int]], **attributes: str) -> Markup:
    outline = "".join(f"M{column} {row}h{length}v1h-{length}z" for row, column, length in runs)
    return element("path", d=outline, **attributes)


def _image(levels: NDArray[np.int8]) -> Markup:
    """Levels as places in a palette: up, down, and what is no number."""
    places = np.where(levels < 0, STEPS - levels, levels)
    places = np.where(levels == _NOT_FINITE, 2 * STEPS + 1, places).astype(np.uint8)
    data = b64encode(png(places, _palette())).decode("ascii")
    rows, columns = levels.shape
    return element(
        "image",
        href=f"data:image/png;base64,{data}",
        width=columns,
        height=rows,
        preserveAspectRatio="none",
        image_rendering="pixelated",
    )


def _palette() -> list[Colour]:
    alphas = [round(255 * _opacity(level)) for level in range(1, STEPS + 1)]
    return [
        (0, 0, 0, 0),
        *((*_POSITIVE, alpha) for alpha in alphas),
        *((*_NEGATIVE, alpha) for alpha in alphas),
        (*_ODD, 255),
    ]
