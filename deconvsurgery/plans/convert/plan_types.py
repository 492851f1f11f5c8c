"""What a conversion is made of: each layer and blob before and after, numbers and places.

Small, comparable with ``==``, printable.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from deconvsurgery.caffemodel.model import SourceLayer, Version
from deconvsurgery.caffemodel.source_blob import SourceBlob
from deconvsurgery.caffemodel.stored_values import DType, Storage
from deconvsurgery.caffemodel.upgrade import Upgrade
from deconvsurgery.caffemodel.upgraded_layers import UpgradedLayer
from deconvsurgery.matching.shared_blobs import Owner
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.wording import row_words


class WantedForm(NamedTuple):
    """The form that is asked for; without ``storage`` values keep their type.

    ``upgrade`` makes old layers V2 ones, ``true_shapes`` makes legacy dims a shape. ``strict``
    refuses values that the type asked for cannot hold.
    """

    hdf5: bool = False
    storage: Storage | None = Storage.DATA
    upgrade: bool = True
    true_shapes: bool = True
    strict: bool = False


class BlobConversion(NamedTuple):
    """A blob before and after: its ``shape`` (``None``: legacy dims stay), where its values go.

    ``certain`` is false where legacy dims were taken for a shape of four axes, which they may not
    be. ``max_abs_change`` is what rounding to a narrower type changes at most, ``beyond`` a value
    that the type asked for cannot hold, for which the blob keeps its own.
    """

    blob: SourceBlob
    shape: tuple[int, ...] | None
    storage: Storage
    certain: bool = True
    max_abs_change: float = 0.0
    beyond: float | None = None

    @property
    def dtype(self) -> DType:
        """The numpy type that its values will have."""
        return self.blob.dtype if self.storage is self.blob.storage else self.storage.dtype

    @property
    def retyped(self) -> bool:
        """Its values go to another field, or into another type."""
        return self.storage is not self.blob.storage and self.blob.count > 0

    @property
    def reshaped(self) -> bool:
        """Its legacy dims become a shape."""
        return self.blob.legacy and self.shape is not None


class ConversionAction(StrEnum):
    """What becomes of a layer, in a word."""

    CONVERTED = "converted"
    UPGRADED = "upgraded"
    REMOVED = "removed"
    UNCHANGED = "unchanged"


class LayerConversion(NamedTuple):
    """A layer before and after; ``upgraded`` is what is left of an old layer without its blobs.

    ``told`` says in words what else becomes of it.
    """

    source: SourceLayer
    type: str
    blobs: tuple[BlobConversion, ...]
    upgraded: UpgradedLayer | None = None
    removed: bool = False
    told: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return row_words(self)

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.source.name

    @property
    def reason(self) -> str | None:
        """Why it goes, or keeps what it has; ``None`` for all others."""
        left = self.removed or any(blob.beyond is not None for blob in self.blobs)
        return ("; ".join(self.told) or None) if left else None

    @property
    def line(self) -> None:
        """None: a model has no lines."""

    @property
    def action(self) -> ConversionAction:
        """What happens to it, in a word."""
        if self.removed:
            return ConversionAction.REMOVED
        if self.upgraded is not None:
            return ConversionAction.UPGRADED
        return ConversionAction.CONVERTED if self.changed else ConversionAction.UNCHANGED

    @property
    def max_abs_change(self) -> float:
        """What rounding changes at most."""
        return max((each.max_abs_change for each in self.blobs), default=0.0)

    @property
    def changed(self) -> bool:
        """It is not the input's own any more, whatever the form of the file."""
        own = self.upgraded is not None or self.removed
        return own or any(each.retyped or each.reshaped for each in self.blobs)


class Conversion(NamedTuple):
    """Every layer of the model in its order, and what becomes of the file as a whole.

    ``owned`` are the blobs that an HDF5 file has at another layer, which owns them.
    """

    wanted: WantedForm
    layers: tuple[LayerConversion, ...]
    upgrade: Upgrade | None = None
    owned: Mapping[Owner, Owner] = MappingProxyType({})
    told: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Some layer, or what stands beside the layers, is not the input's own any more."""
        beside = self.upgrade is not None and bool(self.upgrade.dropped or self.upgrade.input_layer)
        return beside or any(layer.changed for layer in self.layers)

    def version(self, before: Version) -> Version:
        """The form and generation of what comes of a file that was of ``before``."""
        if self.wanted.hdf5:
            return Version.HDF5
        if before is Version.HDF5 and not self.layers:
            return Version.EMPTY
        old = before in (Version.V1, Version.V0) and self.upgrade is not None
        return Version.V2 if old or before is Version.HDF5 else before
