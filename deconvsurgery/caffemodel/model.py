"""A weights file as it was indexed, whichever form it has: layers, blobs, rows of their values.

Places, never payload: values are read a few rows at a time when they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from enum import StrEnum
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any, TypeAlias

from deconvsurgery.caffe_fields import BlobField, C3DBlobField
from deconvsurgery.errors import MismatchError
from deconvsurgery.named_tuple import NamedTuple

from .stored_values import Dataset, DType, Made, OnWire, Storage

if TYPE_CHECKING:
    from deconvsurgery.kernels.arrays import Array, Arrays

    from .wire import ByteSource, Field, Frame

LEGACY_DIMS = (BlobField.NUM, BlobField.CHANNELS, BlobField.HEIGHT, BlobField.WIDTH)
C3D_DIMS = (
    C3DBlobField.NUM,
    C3DBlobField.CHANNELS,
    C3DBlobField.LENGTH,
    C3DBlobField.HEIGHT,
    C3DBlobField.WIDTH,
)
MAX_AXES = 32  # Caffe's kMaxBlobAxes
MAX_VALUES = 2**31 - 1  # of a blob: Caffe counts them in an int
CAFFE_LIMIT = 2**31 - 1  # bytes: the reader's limit in Caffe's io.cpp
MAX_UNPACKED = 1 << 30
"""Bytes that the values of an HDF5 file may have more than the file, unless more is allowed."""
_AT_ONCE = 1 << 18  # values in a piece, about a megabyte


class Version(StrEnum):
    """The generation of a file's layers; HDF5 files have none."""

    EMPTY = "empty"
    V2 = "V2"
    V1 = "V1"
    V0 = "V0"
    MIXED = "mixed"
    HDF5 = "HDF5"


class SourceBlob(NamedTuple):
    """A blob of the model: what its header says, ``shape`` as written, legacy dims as 4.

    C3D 1.0's legacy dims are 5. ``beside`` are the dims of a ``shape`` that stands beside legacy
    dims, which Caffe ignores. ``diff_count`` counts the gradients that came with it. ``problem``
    says why its values cannot be read; ``packed`` that Caffe would read them, and they unpack to
    more than is read unasked; ``absent`` that an HDF5 file leaves it to the layer which owns the
    shared parameter; ``raw_diff`` that the gradients are NVIDIA's, which no other Caffe reads;
    ``caffe_may_read`` that a ``problem`` is one of what is read here, and need not be Caffe's.
    """

    shape: tuple[int, ...]
    place: OnWire | Dataset | Made
    legacy: bool = False
    beside: tuple[int, ...] | None = None
    diff_count: int = 0
    problem: str | None = None
    packed: bool = False
    absent: bool = False
    raw_diff: bool = False
    caffe_may_read: bool = False

    @property
    def storage(self) -> Storage:
        """What holds the values."""
        return self.place.storage

    @property
    def dtype(self) -> DType:
        """The values' type."""
        return self.place.dtype

    @property
    def count(self) -> int:  # type: ignore[override]  # tuple's is a method
        """Values present; Caffe wants as many as the shape says."""
        return self.place.count

    @property
    def has_diff(self) -> bool:
        """Gradients came with it."""
        return self.diff_count > 0

    @property
    def stopping_diff(self) -> bool:
        """Its gradients are not as many as its shape says, where Caffe stops (``FromProto``)."""
        read = self.diff_count > 0 and not (self.raw_diff or self.of_c3d)
        return read and self.diff_count != prod(self.shape)

    def loses_diff(self, count: int) -> bool:
        """Rewritten with ``count`` values, where it had another number, its gradients go.

        Caffe would stop at them (``Blob::FromProto``), and they would be of no shape. Where the
        number stays they do, too, whatever their length: that was so before.
        """
        place = self.place
        if isinstance(place, Dataset):
            return place.diff and self.count != count
        had = self.diff_count > 0 or (isinstance(place, OnWire) and bool(place.diffs))
        return had and self.count not in (0, count)

    @property
    def both_forms(self) -> bool:
        """It has legacy dims and a ``shape``."""
        return self.beside is not None

    @property
    def fills_beside(self) -> bool:
        """It has the values of a ``shape`` of more axes than its legacy dims can give."""
        beside = self.beside
        return beside is not None and len(beside) > len(self.shape) and self.fills(beside)

    @property
    def has_two_shapes(self) -> bool:
        """That, and as many values as its legacy dims say, by which Caffe goes."""
        return self.fills_beside and self.fills(self.shape)

    @property
    def of_c3d(self) -> bool:
        """C3D 1.0 wrote it: no other Caffe reads it as what it is."""
        return self.legacy and len(self.shape) == len(C3D_DIMS)

    def meant(self, axes: int) -> tuple[int, ...] | None:
        """The shape of so many axes that it has, ``None`` where it has none.

        Legacy dims have 1s in front of what is meant (``Blob::ShapeEquals``); an image of C3D's
        has a length of 1.

        >>> SourceBlob((1, 1, 5, 16), Dataset(""), legacy=True).meant(2)
        (5, 16)
        >>> SourceBlob((4, 3, 1, 7, 7), Dataset(""), legacy=True).meant(4)
        (4, 3, 7, 7)
        """
        if axes == len(self.shape):
            return self.shape
        surplus = len(self.shape) - axes
        if not self.legacy or surplus < 0:
            return None
        if self.of_c3d and axes == len(self.shape) - 1:
            first, second, length, *rest = self.shape
            return (first, second, *rest) if length == 1 else None
        return self.shape[surplus:] if set(self.shape[:surplus]) <= {1} else None

    def fits(self, shape: Sequence[int]) -> bool:
        """Caffe's ``Blob::ShapeEquals``: legacy dims equal a shape padded with 1s on the left."""
        return self.meant(len(shape)) == tuple(shape)

    def agrees(self, shape: Sequence[int | None] | None) -> bool:
        """It has this shape, as far as that is known; or, of an unknown one, not too many axes."""
        if shape is None:
            return len(self.shape) <= MAX_AXES
        there = self.meant(len(shape))
        return there is not None and all(
            dim in (None, own) for dim, own in zip(shape, there, strict=True)
        )

    def fills(self, shape: Sequence[int]) -> bool:
        """There are as many values as a shape says; never for negative dims, where Caffe stops."""
        return min(shape, default=0) >= 0 and self.count == prod(shape)


ABSENT = SourceBlob((), Dataset(""), absent=True)


class SourceLayer(NamedTuple):
    """A layer in the model: only ``name`` and ``blobs`` matter to Caffe's loading.

    ``start`` is where its own tag begins in a binary file, ``param_names`` by which names it
    shares its blobs (by their position; ``""`` where it does not), as far as the file says.
    ``links`` are the members of its group in an HDF5 file, blobs or not, ``None`` elsewhere.
    """

    name: str
    type: str
    version: Version
    blobs: tuple[SourceBlob, ...] = ()
    start: int = 0
    frames: tuple[Frame, ...] = ()
    convolution_param: tuple[Field, ...] = ()
    param_names: tuple[str, ...] = ()
    inner_product_param: tuple[Field, ...] = ()
    links: int | None = None


ValueReader: TypeAlias = Callable[[SourceBlob], "Arrays"]


class Model:
    """An indexed weights file, the bytes it was indexed from, and how to read its values.

    What is so of all its blobs is found out once: it may be asked for each of many layers.
    """

    def __init__(
        self,
        source: ByteSource,
        version: Version,
        layers: tuple[SourceLayer, ...],
        read_values: ValueReader,
    ) -> None:
        self.source = source
        self.version = version
        self.layers = layers
        self.read_values = read_values
        namesakes: dict[str, list[SourceLayer]] = {}
        for layer in layers:
            namesakes.setdefault(layer.name, []).append(layer)
        self.by_name = {name: tuple(found) for name, found in namesakes.items()}
        # What was found out about blobs, each with its blob; see `made_blobs`.
        self.looked_at: dict[Hashable, tuple[SourceBlob | None, Any]] = {}

    def with_layers(self, layers: Iterable[SourceLayer]) -> Model:
        """The same file with other layers, whose values are read as these are."""
        found = Model(self.source, self.version, tuple(layers), self.read_values)
        found.looked_at = self.looked_at
        return found

    @cached_property
    def shapes(self) -> dict[str, tuple[tuple[int, ...], ...]]:
        """The shapes of each layer's blobs by its name: of several layers the last that has any."""
        return {
            layer.name: tuple(blob.shape for blob in layer.blobs)
            for layer in self.layers
            if layer.blobs
        }

    def weighted(self, name: str) -> tuple[SourceLayer, ...]:
        """The layers of a name that have blobs: Caffe loads each, and the last wins."""
        return tuple(layer for layer in self.by_name.get(name, ()) if layer.blobs)

    @property
    def blobs(self) -> Iterator[SourceBlob]:
        """Every blob of every layer."""
        return (blob for layer in self.layers for blob in layer.blobs)

    @cached_property
    def legacy(self) -> bool:
        """Every blob has num/channels/height/width: a Caffe from before ``shape`` wrote it."""
        return all(blob.legacy for blob in self.blobs) and any(True for _ in self.blobs)

    @cached_property
    def unpacked_size(self) -> int:
        """Bytes of all values in datasets of HDF5, compressed or not; 0 for a binary model."""
        places = (blob.place for blob in self.blobs if not blob.problem)
        return sum(place.size for place in places if isinstance(place, Dataset))

    @cached_property
    def of_c3d(self) -> bool:
        """It has blobs as C3D 1.0 writes them, and so that Caffe's layers too."""
        return any(blob.of_c3d for blob in self.blobs)

    @cached_property
    def dtype(self) -> DType:
        """What a new blob's values should be: the type of its `storage`, which datasets choose."""
        if self.storage is not Storage.DATASET:
            return self.storage.dtype
        types = {blob.dtype for blob in self.blobs if blob.count}
        return types.pop() if len(types) == 1 else DType.FLOAT32

    @cached_property
    def storage(self) -> Storage:
        """The field that holds all values, else ``data``: where a new blob's should be."""
        kinds = {blob.storage for blob in self.blobs if blob.count}
        return kinds.pop() if len(kinds) == 1 else Storage.DATA

    def values(self, blob: SourceBlob) -> Arrays:
        """All values in order, in flat arrays of about a megabyte."""
        return self.read_values(blob)

    def rows(self, blob: SourceBlob, shape: Sequence[int]) -> Arrays:
        """The values, one array of ``shape[1:]`` for each index of the first axis.

        Holds about a megabyte of them at a time, or one row where that is more.
        """
        size = prod(shape[1:])
        rows = blob.count // size if size else 0
        batch = max(1, _AT_ONCE // max(1, size))
        counts = (min(batch, rows - first) * size for first in range(0, rows, batch))
        for several in regrouped(self.values(blob), counts):
            yield from several.reshape(-1, *shape[1:])


def refuse_mixed(model: Model) -> None:
    """Raise ``MismatchError`` for V1 and V2 layers in one file (``UpgradeV1Net``)."""
    if model.version is Version.MIXED:
        raise MismatchError(
            "the model holds V1 and V2 layers at once, which Caffe refuses to load",
            hint="save it again with the Caffe that wrote it",
        )


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
