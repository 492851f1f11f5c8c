"""The layers that a model has under one name: what is so of them all, found out once a name.

A net may have as many layers of the name, each of which is held against the rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from deconvsurgery.caffemodel.model import Model, SourceLayer, Version
from deconvsurgery.caffemodel.stored_values import RAW_STORAGE
from deconvsurgery.kernels.fingerprint import not_finite
from deconvsurgery.wording import dims, plural


class LayersOfAName:
    """All of them, in the file's order, and the model they are of."""

    def __init__(self, layers: tuple[SourceLayer, ...] = (), model: Model | None = None) -> None:
        self.layers = layers
        self.model = model

    @property
    def name(self) -> str | None:
        """Theirs, ``None`` where there is none."""
        return self.layers[-1].name if self.layers else None

    @cached_property
    def last_weighted(self) -> SourceLayer | None:
        """The one whose blobs Caffe keeps: the last that has any."""
        return next((layer for layer in reversed(self.layers) if layer.blobs), None)

    @cached_property
    def most_blobs(self) -> int | None:
        """How many blobs one has at most; ``None`` without a layer."""
        return max((len(layer.blobs) for layer in self.layers), default=None)

    @cached_property
    def of_hdf5(self) -> bool:
        """An HDF5 file has them."""
        return any(layer.version is Version.HDF5 for layer in self.layers)

    @cached_property
    def both_forms(self) -> bool:
        """A blob has legacy dims and a shape."""
        return any(blob.both_forms for layer in self.layers for blob in layer.blobs)

    @cached_property
    def refused(self) -> str | None:
        """Why Caffe does not load a blob, the first that it does not."""
        return next(self._refused(), None)

    @cached_property
    def not_finite_bias(self) -> tuple[int, int]:
        """NaN and infinite values of the bias that Caffe keeps."""
        nan = infinite = 0
        last = self.last_weighted
        for blob in last.blobs[1:] if last else ():
            # What is there in part, or cannot be read, is DS014's.
            if self.model is not None and not blob.problem and blob.count:
                for values in self.model.values(blob) if blob.fills(blob.shape) else ():
                    found = not_finite(values)
                    nan, infinite = nan + found[0], infinite + found[1]
        return nan, infinite

    def _refused(self) -> Iterator[str]:
        for layer in self.layers:
            for position, blob in enumerate(layer.blobs):
                if blob.packed or blob.absent:
                    continue  # Caffe reads it, or takes the owner's of a shared parameter
                if blob.of_c3d:
                    yield f"blob {position} is as C3D 1.0 writes it, which Caffe does not read"
                elif blob.problem:
                    yield f"blob {position}: {blob.problem}"
                elif not blob.count and blob.has_diff:
                    yield f"blob {position} has values in diff only, which Caffe does not load"
                elif blob.storage in RAW_STORAGE.values():
                    yield (
                        f"blob {position} has its values in {blob.storage}: NVIDIA's and OpenCV's "
                        "alone"
                    )
                elif not blob.fills(blob.shape):
                    yield (
                        f"blob {position} has {plural(blob.count, 'value')} for shape "
                        f"{dims(blob.shape)}"
                    )
