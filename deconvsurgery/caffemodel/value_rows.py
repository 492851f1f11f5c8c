"""Values that come in pieces: put into others, of another type, and whether one is not 0."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from deconvsurgery.kernels.arrays import Array, Arrays

_AT_ONCE = 1 << 18  # values in a piece, about a megabyte


def in_rows(arrays: Arrays, count: int, shape: Sequence[int]) -> Arrays:
    """The same ``count`` values, an array of ``shape[1:]`` for each index of the first axis."""
    size = prod(shape[1:])
    rows = count // size if size else 0
    batch = max(1, _AT_ONCE // max(1, size))
    counts = (min(batch, rows - first) * size for first in range(0, rows, batch))
    for several in regrouped(arrays, counts):
        yield from several.reshape(-1, *shape[1:])


def regrouped(arrays: Arrays, counts: Iterable[int]) -> Arrays:
    """The same values in flat arrays of so many each."""
    import numpy as np

    waiting: list[Array] = []
    held = 0
    for count in counts:
        while held < count:
            waiting.append(next(arrays))
            held += waiting[-1].size
        values = waiting[0] if len(waiting) == 1 else np.concatenate(waiting)
        yield values[:count]
        held -= count
        waiting = [values[count:]] if held else []


def any_but_zero(arrays: Iterable[Array]) -> bool:
    """A value other than 0, as NaN is; they are read up to the first."""
    import numpy as np

    with np.errstate(invalid="ignore"):  # a signalling NaN
        return any(bool(values.any()) for values in arrays)


def in_type(values: Array, dtype: DTypeLike) -> Array:
    """The values in another type, themselves where it is theirs; without numpy's warnings.

    It would warn of a signalling NaN, which stays a NaN, and of what becomes infinite, which is
    said where that matters.
    """
    import numpy as np

    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(dtype, copy=False)
