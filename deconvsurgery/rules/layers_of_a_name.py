"""The layers that a model has under one name: what is so of them all, found out once a name.

A net may have as many layers of the name, each of which is held against the rules.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.model import Model, SourceLayer


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
    def not_finite_bias(self) -> tuple[int, int]:
        """NaN and infinite values of the bias that Caffe keeps."""
        from deconvsurgery.kernels.fingerprint import not_finite  # numpy, for a model's values

        nan = infinite = 0
        last = self.last_weighted
        for blob in last.blobs[1:] if last else ():
            # What is there in part, or cannot be read, is DS014's.
            if self.model is not None and not blob.problem and blob.count:
                for values in self.model.flat_values(blob) if blob.fills(blob.shape) else ():
                    found = not_finite(values)
                    nan, infinite = nan + found[0], infinite + found[1]
        return nan, infinite
