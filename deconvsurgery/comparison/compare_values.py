"""One blob's values held against another's: by their bytes, as numbers only where those differ.

A piece at a time, so that no blob is ever held whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import merge
from math import isnan, nan
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

import numpy as np

from deconvsurgery.caffemodel.stored_values import Dataset, OnWire
from deconvsurgery.errors import FileError, FormatError
from deconvsurgery.named_tuple import NamedTuple

from .result import ValueDifference

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from deconvsurgery.caffemodel.model import Model
    from deconvsurgery.caffemodel.source_blob import SourceBlob
    from deconvsurgery.caffemodel.wire import ByteSource
    from deconvsurgery.kernels.arrays import Array

OnBytes: TypeAlias = Callable[[int], None]

# Bytes compared at a time; for larger pieces the allocator asks the system for memory each time.
BLOCK = 1 << 16
_SKETCHED = 256  # values
_LARGE = 1 << 24  # bytes; smaller blobs are not asked for their holes
_NONE: Array = np.empty(0)


@runtime_checkable
class Sparse(Protocol):
    """A source that knows which stretches of it are no holes."""

    def filled(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Those of ``[start, stop)``, in order."""


class BlobSide(NamedTuple):
    """A blob and the model that it is of."""

    model: Model
    blob: SourceBlob

    def values(self) -> Iterator[Array]:
        """All in order, and errors that say in which of the two files they are."""
        try:
            yield from self.model.flat_values(self.blob)
        except (FormatError, FileError) as error:
            path = error.path or getattr(self.model.source, "name", None)
            raise error.replaced(path=path) from error.__cause__

    def sketch(self) -> bytes:
        """The first values, in bytes that do not depend on their type: equal for equal blobs."""
        with np.errstate(invalid="ignore"):
            return next(self.values(), _NONE)[:_SKETCHED].astype(np.float64).tobytes()


class Stretch(NamedTuple):
    """Bytes of a file that hold all values of a blob, as one numpy type."""

    start: int
    stop: int
    dtype: str


def difference(
    one: BlobSide,
    two: BlobSide,
    *,
    atol: float | None = None,
    on_bytes: OnBytes | None = None,
) -> ValueDifference:
    """Compare as many values of either; ``on_bytes`` is called with the bytes that are done.

    In one type two values are the same when their bits are, in types of different width when
    they are the same number or both NaN. With ``atol`` also when they are no further apart.
    """
    changed, largest, by_bytes = 0, 0.0, True
    for ours, theirs in _unequal(one, two, on_bytes):
        by_bytes = False
        differ = _differ(ours, theirs)
        if not differ.any():
            continue
        if atol is not None:
            differ &= ~(np.isnan(ours) & np.isnan(theirs))
        far = _far(ours, theirs, differ)
        with np.errstate(invalid="ignore"):
            changed += far.size if atol is None else int(np.count_nonzero(~(far <= atol)))
        most = float(far.max(initial=0.0))  # NaN where any is
        largest = nan if isnan(largest) or isnan(most) else max(largest, most)
    return ValueDifference(one.blob.count, changed, None if isnan(largest) else largest, by_bytes)


def same_values(one: BlobSide, two: BlobSide) -> bool:
    """No value differs, as `difference` has it; ends at the first that does."""
    if one.blob.count != two.blob.count:
        return False
    return not any(_differ(ours, theirs).any() for ours, theirs in _unequal(one, two, None))


def stretch(blob: SourceBlob) -> Stretch | None:
    """Where a blob's values lie, if in one piece."""
    place = blob.place
    if isinstance(place, Dataset) and place.start is not None:
        return Stretch(place.start, place.start + place.size, place.stored)
    if isinstance(place, OnWire):
        chunks = [chunk for chunk in place.values if chunk.count]
        if len(chunks) == 1 and chunks[0].packed:
            return Stretch(chunks[0].start, chunks[0].stop, place.dtype)
    return None


# ── pieces of both ───────────────────────────────────────────────────────────────────────


def _unequal(
    one: BlobSide, two: BlobSide, on_bytes: OnBytes | None
) -> Iterator[tuple[Array, Array]]:
    """The values of both in pieces, without those whose bytes are the same."""
    here, there = stretch(one.blob), stretch(two.blob)
    if here is None or there is None or here.dtype != there.dtype:
        for ours, theirs in _aligned(one.values(), two.values()):
            if ours.dtype != theirs.dtype or ours.tobytes() != theirs.tobytes():
                yield ours, theirs
            if on_bytes:
                on_bytes(ours.nbytes)
        return
    stored, dtype = np.dtype(here.dtype), one.blob.dtype
    source, other = one.model.source, two.model.source
    size = here.stop - here.start
    for first in _blocks((source, here.start), (other, there.start), size):
        count = min(BLOCK, size - first)
        our_bytes = source.read(here.start + first, count)
        their_bytes = other.read(there.start + first, count)
        if our_bytes != their_bytes:
            # An HDF5 file's whole or big-endian numbers become what they are read as.
            yield (
                np.frombuffer(our_bytes, stored).astype(dtype, copy=False),
                np.frombuffer(their_bytes, stored).astype(dtype, copy=False),
            )
        if on_bytes:
            on_bytes(count)


def _blocks(one: tuple[ByteSource, int], two: tuple[ByteSource, int], size: int) -> Iterator[int]:
    """Where each block begins that either file has bytes for; what is a hole in both is equal."""
    sources = [(source, start) for source, start in (one, two) if isinstance(source, Sparse)]
    if size < _LARGE or len(sources) < 2:
        yield from range(0, size, BLOCK)
        return
    next_block = 0
    for begin, end in merge(*(_filled(source, start, size) for source, start in sources)):
        first = max(next_block, begin // BLOCK * BLOCK)
        yield from range(first, end, BLOCK)
        next_block = max(next_block, -(-end // BLOCK) * BLOCK)


def _filled(source: Sparse, start: int, size: int) -> Iterator[tuple[int, int]]:
    return ((one - start, two - start) for one, two in source.filled(start, start + size))


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
