"""Where a blob's values are and in which type: in a binary file, a dataset, or in none yet.

Places, never payload.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from deconvsurgery.caffe_fields import RawType
from deconvsurgery.kernels import arrays
from deconvsurgery.named_tuple import NamedTuple

from .wire import Frame


class DType(StrEnum):
    """A type that values in a file have, as numpy writes it: little-endian, as on the wire."""

    FLOAT16 = "<f2"
    FLOAT32 = "<f4"
    FLOAT64 = "<f8"

    @property
    def width(self) -> int:
        """Bytes of one value."""
        return int(self[-1])

    @property
    def words(self) -> str:
        """Its name in a sentence.

        >>> DType.FLOAT32.words, DType.FLOAT32.width
        ('float32', 4)
        """
        return self.name.lower()


class Storage(StrEnum):
    """What holds a blob's values; the fields of a binary file in the order in which they count.

    That order is NVIDIA's (``Blob::FromProto``); BVLC's Caffe knows the first two alone.
    """

    dtype: DType
    """The values' type."""
    width: int
    """Bytes of one value."""

    DOUBLE_DATA = "double_data", DType.FLOAT64
    DATA = "data", DType.FLOAT32
    RAW_DOUBLE = "raw_data double", DType.FLOAT64
    RAW_FLOAT = "raw_data float", DType.FLOAT32
    RAW_FLOAT16 = "raw_data float16", DType.FLOAT16
    DATASET = "dataset", DType.FLOAT32
    NONE = "none", DType.FLOAT32

    def __new__(cls, words: str, dtype: DType) -> Storage:
        """The words are what it is found by."""
        member = str.__new__(cls, words)
        member._value_ = words
        member.dtype, member.width = dtype, dtype.width
        return member


# NVIDIA's Blob::FromProto reads these three types and no other.
RAW_STORAGE: Mapping[int, Storage] = {
    RawType.DOUBLE: Storage.RAW_DOUBLE,
    RawType.FLOAT: Storage.RAW_FLOAT,
    RawType.FLOAT16: Storage.RAW_FLOAT16,
}


class Chunk(NamedTuple):
    """A stretch of values: the payload of a packed field, or a run of unpacked ones.

    ``[tag, stop)`` is all of it, ``start`` where the values of a packed one begin. In a run each
    value has a tag of one byte; one behind a longer tag is a payload of its own.
    """

    storage: Storage
    tag: int
    start: int
    stop: int
    packed: bool

    @property
    def count(self) -> int:  # type: ignore[override]  # tuple's is a method
        """Values in it."""
        width = self.storage.width
        if self.packed:
            return (self.stop - self.start) // width
        return (self.stop - self.tag) // (width + 1)


class OnWire(NamedTuple):
    """A BlobProto in a binary file: the messages around it, and where its values are.

    ``dims`` are the byte ranges of the fields that give its shape, ``raw_notes`` of those that
    give the type of raw values, or hold some that a later field replaces, ``diffs`` of all that
    hold gradients or give their type.
    """

    frames: tuple[Frame, ...]
    chunks: tuple[Chunk, ...] = ()
    dims: tuple[tuple[int, int], ...] = ()
    raw_notes: tuple[tuple[int, int], ...] = ()
    diffs: tuple[tuple[int, int], ...] = ()

    @property
    def storage(self) -> Storage:
        """The field that Caffe reads, the first that has any values."""
        if len(self.chunks) == 1:
            return self.chunks[0].storage
        kinds = {chunk.storage for chunk in self.chunks if chunk.count}
        kinds = kinds or {chunk.storage for chunk in self.chunks}
        return next((kind for kind in Storage if kind in kinds), Storage.NONE)

    @property
    def dtype(self) -> DType:
        """The values' type."""
        return self.storage.dtype

    @property
    def values(self) -> tuple[Chunk, ...]:
        """The chunks that count."""
        storage = self.storage  # looked for once: a blob may have 10^5 chunks
        return tuple(chunk for chunk in self.chunks if chunk.storage is storage)

    @property
    def count(self) -> int:  # type: ignore[override]  # tuple's is a method
        """Values present."""
        if len(self.chunks) == 1:
            return self.chunks[0].count
        return sum(chunk.count for chunk in self.values)


class Dataset(NamedTuple):
    """A dataset of an HDF5 file: its path, the numpy type its values are read as, their count.

    ``whole`` says that the file has them as whole numbers, which Caffe reads, too. ``start``
    is where they begin if they lie in one stretch of the file, as numpy's type ``stored``.
    ``width`` is the bytes of one value in the file's own type, when it is unpacked.
    ``diff`` says that there are gradients in a dataset of their own, which Caffe does not load.
    """

    path: str
    dtype: DType = DType.FLOAT32
    count: int = 0  # type: ignore[assignment]  # tuple's is a method
    whole: bool = False
    start: int | None = None
    stored: str = ""
    width: int = 4
    diff: bool = False

    @property
    def size(self) -> int:
        """Bytes of its values, unpacked; compressed or never written they take fewer."""
        return self.count * self.width

    @property
    def storage(self) -> Storage:
        """As `OnWire.storage`."""
        return Storage.DATASET if self.count else Storage.NONE


class Made(NamedTuple):
    """Values that are in no file: how many, where they would stand, and how they are made.

    ``typed`` is their type where ``storage`` does not say it: a dataset's.
    """

    count: int  # type: ignore[assignment]  # tuple's is a method
    storage: Storage
    values: Callable[[], arrays.Arrays]
    typed: DType | None = None

    @property
    def dtype(self) -> DType:
        """The values' type."""
        return self.typed or self.storage.dtype
