"""One blob's values held against another's: by their bytes, as numbers only where those differ.

A piece at a time, so that no blob is ever held whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import merge
from math import isnan, nan
from typing import NamedTuple, Protocol, TypeAlias, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from deconvsurgery.caffemodel.model import Model, SourceBlob
from deconvsurgery.caffemodel.stored_values import Dataset, OnWire
from deconvsurgery.errors import FileError, FormatError
from deconvsurgery.kernels.arrays import Array

Told: TypeAlias = Callable[[int], None]

# Bytes compared at a time; for larger pieces the allocator asks the system for memory each time.
BLOCK = 1 << 16
_SKETCHED = 256  # values
_LARGE = 1 << 24  # bytes; smaller blobs are not asked for their holes
_NONE: Array = np.empty(0)


@runtime_checkable
class Sparse(Protocol):
    """A source that tells which stretches of it are no holes."""

    def filled(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Those of ``[start, stop)``, in order."""


class Difference(NamedTuple):
    """How many of so many values are not the same, and by how much at most any differs.

    ``largest`` is ``None`` where a NaN is held against another value. ``by_bytes``: no number
    was looked at, as all bytes are the same.
    """

    values: int
    changed: int
    largest: float | None
    by_bytes: bool


def difference(
    model: Model,
    blob: SourceBlob,
    other: Model,
    theirs: SourceBlob,
    *,
    atol: float | None = None,
    told: Told | None = None,
) -> Difference:
    """Hold as many values of either against each other; ``told`` hears of bytes that are done.

    In one type two values are the same when their bits are, in types of different width when
    they are the same number or both NaN. With ``atol`` also when they are no further apart.
    """
    changed, largest, by_bytes = 0, 0.0, True
    for one, two in _unequal(model, blob, other, theirs, told):
        by_bytes = False
        differ = _differ(one, two)
        if not differ.any():
            continue
        if atol is not None:
            differ &= ~(np.isnan(one) & np.isnan(two))
        far = _far(one, two, differ)
        with np.errstate(invalid="ignore"):
            changed += far.size if atol is None else int(np.count_nonzero(~(far <= atol)))
        most = float(far.max(initial=0.0))  # NaN where any is
        largest = nan if isnan(largest) or isnan(most) else max(largest, most)
    return Difference(blob.count, changed, None if isnan(largest) else largest, by_bytes)


def same_values(model: Model, blob: SourceBlob, other: Model, theirs: SourceBlob) -> bool:
    """No value differs, as `difference` has it; ends at the first that does."""
    if blob.count != theirs.count:
        return False
    pairs = _unequal(model, blob, other, theirs, None)
    return not any(_differ(one, two).any() for one, two in pairs)


def sketch(model: Model, blob: SourceBlob) -> bytes:
    """The first values, in bytes that do not depend on their type: others are another blob's."""
    with np.errstate(invalid="ignore"):
        return next(_values(model, blob), _NONE)[:_SKETCHED].astype(np.float64).tobytes()


def stretch(blob: SourceBlob) -> tuple[int, str] | None:
    """Where a blob's values begin, and as which numpy type, if they lie in one piece."""
    place = blob.place
    if isinstance(place, Dataset):
        return None if place.start is None else (place.start, place.stored)
    if isinstance(place, OnWire):
        chunks = [chunk for chunk in place.values if chunk.count]
        if len(chunks) == 1 and chunks[0].packed:
            return chunks[0].start, place.dtype
    return None


# ── pieces of both ───────────────────────────────────────────────────────────────────────


def _unequal(
    model: Model, blob: SourceBlob, other: Model, theirs: SourceBlob, told: Told | None
) -> Iterator[tuple[Array, Array]]:
    """The values of both in pieces, without those whose bytes are the same."""
    here, there = stretch(blob), stretch(theirs)
    if here is None or there is None or here[1] != there[1]:
        for one, two in _aligned(_values(model, blob), _values(other, theirs)):
            if one.dtype != two.dtype or one.tobytes() != two.tobytes():
                yield one, two
            if told:
                told(one.nbytes)
        return
    stored = np.dtype(here[1])
    size = blob.count * stored.itemsize
    for first in _blocks(model, here[0], other, there[0], size):
        count = min(BLOCK, size - first)
        ours = model.source.read(here[0] + first, count)
        others = other.source.read(there[0] + first, count)
        if ours != others:
            # An HDF5 file's whole or big-endian numbers become what they are read as.
            yield (
                np.frombuffer(ours, stored).astype(blob.dtype, copy=False),
                np.frombuffer(others, stored).astype(blob.dtype, copy=False),
            )
        if told:
            told(count)


def _blocks(model: Model, here: int, other: Model, there: int, size: int) -> Iterator[int]:
    """Where each block begins that either file has bytes for; what is a hole in both is equal."""
    if size < _LARGE or not all(isinstance(each, Sparse) for each in (model.source, other.source)):
        yield from range(0, size, BLOCK)
        return
    next_block = 0
    sources = ((model.source, here), (other.source, there))
    parts = (_filled(cast(Sparse, source), start, size) for source, start in sources)
    for begin, end in merge(*parts):
        first = max(next_block, begin // BLOCK * BLOCK)
        yield from range(first, end, BLOCK)
        next_block = max(next_block, -(-end // BLOCK) * BLOCK)


def _filled(source: Sparse, start: int, size: int) -> Iterator[tuple[int, int]]:
    return ((one - start, two - start) for one, two in source.filled(start, start + size))


def _values(model: Model, blob: SourceBlob) -> Iterator[Array]:
    """A blob's values, and errors that say in which of the two files they are."""
    try:
        yield from model.values(blob)
    except (FormatError, FileError) as error:
        if error.path is not None:
            raise
        raise error.replaced(path=getattr(model.source, "name", None)) from error.__cause__


def _aligned(one: Iterator[Array], two: Iterator[Array]) -> Iterator[tuple[Array, Array]]:
    """The values of both in pieces of one length, until one has no more."""
    here, there = next(one, None), next(two, None)
    while here is not None and there is not None:
        count = min(here.size, there.size)
        yield here[:count], there[:count]
        here = here[count:] if count < here.size else next(one, None)
        there = there[count:] if count < there.size else next(two, None)


# ── values ───────────────────────────────────────────────────────────────────────────────


def _differ(one: Array, two: Array) -> NDArray[np.bool_]:
    """Where values are not the same: by their bits, in the wider of the two types."""
    wider = np.promote_types(one.dtype, two.dtype)
    bits = f"u{wider.itemsize}"
    with np.errstate(invalid="ignore"):  # a signalling NaN
        here, there = (np.ascontiguousarray(each).astype(wider, copy=False) for each in (one, two))
    differ: NDArray[np.bool_] = here.view(bits) != there.view(bits)
    if one.dtype != two.dtype:
        differ &= ~(np.isnan(here) & np.isnan(there))
    return differ


def _far(one: Array, two: Array, differ: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How far apart those are that differ."""
    if not differ.all():
        one, two = one[differ], two[differ]
    with np.errstate(invalid="ignore", over="ignore"):
        far: NDArray[np.float64] = np.subtract(one, two, dtype=np.float64)
    return np.abs(far, out=far)
