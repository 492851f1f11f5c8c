"""A blob of a model: what its header says of shape, values and gradients, and where they lie.

Places, never payload.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from deconvsurgery.caffe_fields import BlobField, C3DBlobField
from deconvsurgery.named_tuple import NamedTuple

from .stored_values import Dataset, DType, Made, OnWire, Storage

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
        """The shape of so many ``axes`` that it has, ``None`` where it has none.

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
        """Caffe's ``Blob::ShapeEquals``: legacy dims equal ``shape`` padded with 1s on the left."""
        return self.meant(len(shape)) == tuple(shape)

    def agrees(self, shape: Sequence[int | None] | None) -> bool:
        """It has this ``shape``, as far as that is known; of an unknown one, not too many axes."""
        if shape is None:
            return len(self.shape) <= MAX_AXES
        there = self.meant(len(shape))
        return there is not None and all(
            dim in (None, own) for dim, own in zip(shape, there, strict=True)
        )

    def fills(self, shape: Sequence[int]) -> bool:
        """There are as many values as ``shape`` says; never for negative dims (Caffe stops)."""
        return min(shape, default=0) >= 0 and self.count == prod(shape)


ABSENT = SourceBlob((), Dataset(""), absent=True)
