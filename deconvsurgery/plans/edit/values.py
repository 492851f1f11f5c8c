"""Values as a blob stores them: what was given in its type, and how the others are made.

Read and made about a megabyte at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from deconvsurgery.errors import LayerError
from deconvsurgery.wording import agreed, plural, quoted

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.model import Model
    from deconvsurgery.caffemodel.stored_values import DType
    from deconvsurgery.kernels.arrays import Array, Arrays

    from .draft import BlobDraft

_AT_ONCE: Final = 1 << 18  # values


class GivenValues:
    """Numbers that a caller gave, as an array.

    Raises:
        ValueError: they are no real numbers.
    """

    __slots__ = ("array",)

    def __init__(self, given: Any) -> None:
        array = np.asarray(given)
        if array.dtype.kind not in "fiub":
            raise ValueError(f"values are real numbers, not an array of {array.dtype}")
        self.array = array

    @property
    def shape(self) -> tuple[int, ...]:
        """Their shape."""
        return tuple(self.array.shape)

    def stored(self, dtype: DType, name: str, position: int) -> tuple[Array, tuple[str, ...]]:
        """A flat copy of them in the type of a blob, and what is to be said of them.

        They are rounded to the nearest value of the type, small ones to 0.

        Raises:
            LayerError: a finite one is beyond the type's largest.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            values = np.array(self.array, dtype=dtype, order="C").reshape(-1)
        values.flags.writeable = False  # parts of it are handed out
        odd = 0
        for first in range(0, values.size, _AT_ONCE):
            finite = np.isfinite(values[first : first + _AT_ONCE])
            if finite.all():
                continue
            odd += finite.size - int(np.count_nonzero(finite))
            given = self.array.flat[first : first + _AT_ONCE]
            beyond = given[np.isfinite(given) & ~finite]
            if beyond.size:
                raise _beyond(beyond[0], dtype, name, position)
        if not odd:
            return values, ()
        words = f"{agreed(odd, 'is', 'are')} not finite (NaN or infinity)"
        return values, (f"{plural(odd, 'value')} of blob {position} {words}",)


def blob_arrays(model: Model, blob: BlobDraft, name: str, position: int) -> Arrays:
    """The values of a blob as it is to be, in flat arrays.

    Factors are multiplied in float64, and each product is rounded to the blob's type.

    Raises:
        LayerError: a factor makes a finite value one beyond the type's largest.
    """
    for values in _base(model, blob):
        for factor in blob.factors:
            values = _scaled(values, factor, blob.dtype, name, position)
        yield values


def rounded_product(value: float, factor: float, dtype: DType) -> float:
    """What `blob_arrays` makes of one value; infinity where it is beyond the type's largest."""
    with np.errstate(over="ignore"):
        return float(np.float64(value * factor).astype(dtype))


def _base(model: Model, blob: BlobDraft) -> Iterator[Array]:
    if blob.given is None and not blob.zero:
        assert blob.source is not None
        yield from model.flat_values(blob.source)
        return
    for first in range(0, blob.count, _AT_ONCE):
        if blob.given is None:
            yield np.zeros(min(_AT_ONCE, blob.count - first), blob.dtype)
        else:
            yield blob.given[first : first + _AT_ONCE]


def _scaled(values: Array, factor: float, dtype: DType, name: str, position: int) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        exact = values.astype(np.float64) * factor
        rounded = exact.astype(dtype)
    beyond = np.isinf(rounded) & np.isfinite(values)
    if beyond.any():
        raise _beyond(values[beyond][0], dtype, name, position, f" times {factor:g}")
    return rounded


def _beyond(value: Any, dtype: DType, name: str, position: int, words: str = "") -> LayerError:
    largest = float(np.finfo(dtype).max)
    return LayerError(
        f"layer {quoted(name)}: blob {position} stores {dtype.words}, which ends at "
        f"{largest:g}: {float(value):g}{words} does not fit",
        layer=name,
        hint="`convert` makes a model of wider values, which can be edited so",
    )
