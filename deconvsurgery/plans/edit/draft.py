"""A model as it is to be: of each layer and blob what it is made of, until all is written at once.

A draft holds the values that were given, and of all others only where they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from deconvsurgery.caffemodel.made_blobs import with_made
from deconvsurgery.caffemodel.stored_values import Dataset
from deconvsurgery.named_tuple import NamedTuple

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.model import Model, SourceLayer
    from deconvsurgery.caffemodel.source_blob import SourceBlob
    from deconvsurgery.caffemodel.stored_values import DType, Storage
    from deconvsurgery.kernels.arrays import Array


class BlobDraft(NamedTuple):
    """A blob as it is to be: its shape, how many values of which type and where, what these are.

    ``source`` is the blob of the file that it is, ``None`` for a new one. Its values are those
    that were ``given`` (flat, in its type), zeros, or else the file's; ``factors`` multiply them
    one after the other. ``largest`` is the largest finite magnitude that comes of that, where it is
    known. ``legacy``: its dims are num, channels, height and width.
    """

    source: SourceBlob | None
    shape: tuple[int, ...]
    count: int  # type: ignore[assignment]  # tuple's is a method
    dtype: DType
    storage: Storage
    legacy: bool = False
    given: Array | None = None
    zero: bool = False
    factors: tuple[float, ...] = ()
    largest: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def rewritten(self) -> bool:
        """Its values are not the file's."""
        return self.given is not None or self.zero or bool(self.factors)

    @property
    def reshaped(self) -> bool:
        """Its dims are not the file's."""
        source = self.source
        return source is not None and (source.shape, source.legacy) != (self.shape, self.legacy)


class LayerDraft(NamedTuple):
    """A layer as it is to be; ``source`` is the one of the file, ``None`` for a new one.

    ``type_`` is that of a new layer: others keep theirs.
    """

    source: SourceLayer | None
    name: str
    type_: str
    blobs: tuple[BlobDraft, ...]
    removed: bool = False

    @property
    def renamed(self) -> bool:
        """The file has it under another name."""
        return self.source is not None and not self.removed and self.source.name != self.name

    @property
    def changed(self) -> bool:
        """It is not as the file has it."""
        if self.source is None or self.removed or self.renamed:
            return True
        return any(blob.rewritten or blob.reshaped for blob in self.blobs)


class EditDraft:
    """Every layer of a model as it is to be, in the file's order, new ones behind."""

    def __init__(self, model: Model) -> None:
        self.model = with_made(model, model.layers)  # whose blobs may be made, too
        self.layers: list[LayerDraft] = []
        self._places: dict[str, list[int]] = {}
        for layer in model.layers:
            self.add(LayerDraft(layer, layer.name, layer.type, kept_blobs(model, layer.blobs)))

    def add(self, layer: LayerDraft) -> None:
        """One more layer, behind the others."""
        self._places.setdefault(layer.name, []).append(len(self.layers))
        self.layers.append(layer)

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def names(self) -> tuple[str, ...]:
        """The names that there are, each once, in the order of the layers."""
        return tuple(dict.fromkeys(each.name for each in self.layers if not each.removed))

    def __len__(self) -> int:
        return len(self._places)

    def places(self, name: str) -> Sequence[int]:
        """Where the layers of a name are in ``layers``, those that are removed not among them."""
        return self._places.get(name, ())

    def place(self, name: str) -> int:
        """Where the layer is that counts of those of a name: the last that has blobs."""
        places = self._places[name]
        return next((at for at in reversed(places) if self.layers[at].blobs), places[-1])

    def layer(self, name: str) -> LayerDraft:
        """The layer that counts of those of a name."""
        return self.layers[self.place(name)]

    def put(self, name: str, position: int, blob: BlobDraft) -> None:
        """Another blob in the place of one."""
        at = self.place(name)
        blobs = list(self.layers[at].blobs)
        blobs[position] = blob
        self.layers[at] = self.layers[at]._replace(blobs=tuple(blobs))

    def rename(self, old: str, new: str) -> None:
        """All layers of a name under another, which none has."""
        places = self._places.pop(old)
        for at in places:
            self.layers[at] = self.layers[at]._replace(name=new)
        self._places[new] = places

    def remove(self, name: str) -> None:
        """All layers of a name gone; the file's are still in ``layers``, marked."""
        for at in self._places.pop(name):
            self.layers[at] = self.layers[at]._replace(removed=True)

    def copy(self) -> EditDraft:
        """The same, which stays as it is when this one is changed."""
        made = EditDraft.__new__(EditDraft)
        made.model, made.layers = self.model, list(self.layers)
        made._places = {name: list(places) for name, places in self._places.items()}
        return made


def kept_blobs(model: Model, blobs: Iterable[SourceBlob]) -> tuple[BlobDraft, ...]:
    """Blobs as the file has them; those without values would get them as the others have."""
    made = []
    for blob in blobs:
        dtype, storage = blob.dtype, blob.storage
        if not blob.count and not isinstance(blob.place, Dataset):
            dtype, storage = model.dtype, model.storage
        made.append(BlobDraft(blob, blob.shape, blob.count, dtype, storage, blob.legacy))
    return tuple(made)
