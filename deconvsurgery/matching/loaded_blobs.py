"""What a layer's blobs hold in one state, once Caffe has loaded a model: a copy, or a filler.

A model's layer goes to the net's layer of its name: of several to the first where the model is a
binary file, to the last where it is HDF5 (``Net::CopyTrainedLayersFrom``). Blobs of one param name
are one memory: what is copied last into any of them is what all hold, and where nothing is copied
all hold what the first one's filler made (``Net::AppendParam``, ``Net::ShareWeights``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from deconvsurgery.caffemodel.model import Model, SourceLayer, Version
from deconvsurgery.named_tuple import NamedTuple

from .shared_blobs import first_of_each

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.source_blob import SourceBlob
    from deconvsurgery.prototxt.net import Layer, Net

Place: TypeAlias = tuple[int, int]
"""A layer's index in its net and the position of one of its blobs."""


def is_found(source: SourceLayer) -> bool:
    """Caffe looks for a layer there: in an HDF5 file not in a group within another's.

    ``Net::CopyTrainedLayersFromHDF5`` goes through the groups of ``/data`` alone; a slash in a
    layer's name is a group within a group.
    """
    return source.version is not Version.HDF5 or "/" not in source.name


class Loading(NamedTuple):
    """Where the blobs of a net in one state come from.

    ``layers`` are the net's by index. ``filled`` is the layer that gets what the model has under a
    name; ``owners`` the place whose memory each shared blob uses; ``copied`` what is copied last
    into a place's memory.
    """

    layers: Mapping[int, Layer]
    filled: Mapping[str, Layer]
    owners: Mapping[Place, Place]
    copied: Mapping[Place, SourceBlob]

    def blob(self, layer: Layer, position: int = 0) -> SourceBlob | None:
        """The model's blob that the layer computes with; ``None`` where its filler stays."""
        return self.copied.get(self._owner(layer, position))

    def owner(self, layer: Layer, position: int = 0) -> Layer:
        """The layer whose filler makes a blob: an earlier one that shares it, or itself."""
        return self.layers[self._owner(layer, position)[0]]

    def shares(self, layer: Layer, position: int = 0) -> bool:
        """The blob is the memory of an earlier layer, or an earlier blob."""
        return (layer.index, position) in self.owners

    def _owner(self, layer: Layer, position: int) -> Place:
        return self.owners.get((layer.index, position), (layer.index, position))


def loading(net: Net, model: Model | None) -> Loading:
    """What becomes of the layers of ``net``, which is filtered for one state."""
    owners = first_of_each(
        (layer.index, [spec.name for spec in layer.param]) for layer in net.layers if layer.param
    )
    last = model is not None and model.version is Version.HDF5
    filled = {layer.name: layer for layer in (net.layers if last else reversed(net.layers))}
    copied: dict[Place, SourceBlob] = {}
    for source in model.layers if model else ():
        if source.name not in filled or not is_found(source):
            continue
        for position, blob in enumerate(source.blobs):
            own = (filled[source.name].index, position)
            if not blob.absent:
                copied[owners.get(own, own)] = blob
    return Loading({layer.index: layer for layer in net.layers}, filled, owners, copied)
