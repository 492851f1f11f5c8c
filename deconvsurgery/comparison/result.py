"""What two models are to each other, layer by layer and blob by blob: places and numbers.

What counts as a difference is what Caffe would load: names, shapes and values of weights.
"""

from __future__ import annotations

from enum import StrEnum

from deconvsurgery.caffemodel.model import SourceLayer
from deconvsurgery.caffemodel.source_blob import SourceBlob
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.wording import plural, row_words


class Likeness(StrEnum):
    """What a layer or blob of model A is to that of model B."""

    SAME = "same"
    CHANGED = "changed"
    SHAPE_DIFFERS = "shape-differs"
    NOT_COMPARED = "not-compared"
    RENAMED = "renamed"
    ONLY_A = "only-in-a"
    ONLY_B = "only-in-b"


class ValueDifference(NamedTuple):
    """How many of so many values are not the same, and by how much at most any differs.

    ``largest`` is ``None`` where a NaN is held against another value. ``by_bytes``: no number
    was looked at, as all bytes are the same.
    """

    values: int
    changed: int
    largest: float | None
    by_bytes: bool


class BlobContrast(NamedTuple):
    """A blob of either; without ``difference`` where the numbers of values are not the same.

    ``NOT_COMPARED`` is a blob whose values cannot be read, or that an HDF5 file leaves to a layer
    which only the net names.
    """

    a: SourceBlob | None
    b: SourceBlob | None
    likeness: Likeness
    difference: ValueDifference | None = None


class LayerContrast(NamedTuple):
    """A layer of either or both.

    ``moved``: it stands at another place among the layers. ``told`` says in words what else it
    is in one and not in the other.
    """

    a: SourceLayer | None
    b: SourceLayer | None
    likeness: Likeness
    blobs: tuple[BlobContrast, ...] = ()
    moved: bool = False
    told: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return row_words(self)

    @property
    def action(self) -> Likeness:
        """Its ``likeness``, by the name that every verb's rows have."""
        return self.likeness

    @property
    def reason(self) -> str | None:
        """Why it could not be compared; ``None`` for all others."""
        if self.likeness is not Likeness.NOT_COMPARED:
            return None
        return "; ".join(self.told) or "its values cannot be read"

    @property
    def line(self) -> None:
        """None: a model has no lines."""

    @property
    def name(self) -> str:
        """Its name in A, where it is there."""
        return self._known.name

    @property
    def _known(self) -> SourceLayer:
        known = self.a or self.b
        assert known is not None
        return known

    @property
    def weighted(self) -> bool:
        """It has blobs; Caffe loads nothing from one that has none."""
        return bool(self.blobs)

    @property
    def differs(self) -> bool:
        """Caffe would load something else from A than from B."""
        return self.weighted and self.likeness is not Likeness.SAME

    @property
    def values(self) -> int:
        """Values of its blobs, of either where they are not as many."""
        return sum(max(each.count for each in (x.a, x.b) if each) for x in self.blobs)

    @property
    def values_changed(self) -> int | None:
        """Of those that were compared; ``None`` where none was."""
        found = [each.difference.changed for each in self.blobs if each.difference]
        return sum(found) if found else None

    @property
    def max_abs_change(self) -> float | None:
        """The largest difference; ``None`` where nothing was compared, or a NaN with a number."""
        found = [each.difference.largest for each in self.blobs if each.difference]
        return None if not found or None in found else max(each or 0.0 for each in found)


class ModelContrast(NamedTuple):
    """Every layer in A's order, those that only B has where they stand there.

    ``identical``: the files are the same, byte for byte; ``None`` where not all of them was
    looked at.
    """

    layers: tuple[LayerContrast, ...]
    identical: bool | None
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        differing = sum(layer.differs for layer in self.layers)
        return f"<ModelContrast: {differing:,} of {plural(len(self.layers), 'layer')} differ>"

    @property
    def same(self) -> bool:
        """Caffe would load the same from either."""
        return not any(layer.differs for layer in self.layers)
