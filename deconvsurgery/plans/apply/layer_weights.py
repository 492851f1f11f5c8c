"""Which blob a layer has its weights from, and whether they can be held against a kernel."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from deconvsurgery.caffemodel.value_rows import any_but_zero
from deconvsurgery.kernels.weight_states import Fingerprint, WeightState

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.model import Model
    from deconvsurgery.caffemodel.source_blob import SourceBlob
    from deconvsurgery.matching.matched_layer import MatchedLayer


def weights_of(target: MatchedLayer, model: Model) -> SourceBlob | None:
    """The blob that Caffe takes the layer's weights from: that of the last layer of its name."""
    weighted = model.weighted(target.layer.name)
    return weighted[-1].blobs[0] if weighted else None


def is_of_other_shape(target: MatchedLayer, blob: SourceBlob) -> bool:
    """It has values, of a shape that the net does not give the layer's weights."""
    if target.problem is not None or blob.problem or not blob.fills(blob.shape):
        return False
    return not blob.agrees(target.known_shape)


def state_if_empty(target: MatchedLayer, model: Model) -> Fingerprint | None:
    """Missing or all zero; ``None`` for other weights, which are read up to the first value."""
    blob = weights_of(target, model)
    if blob is None or not (blob.count or blob.problem):
        return Fingerprint(WeightState.MISSING)
    if not judged(target, blob) or any_but_zero(model.rows(blob, blob.shape)):
        return None
    return Fingerprint(WeightState.ZERO)


def judged(target: MatchedLayer, blob: SourceBlob) -> bool:
    """The blob's values can be read, and are weights of the layer: of the shape it gives them."""
    shape = target.shape or blob.shape
    if blob.problem or len(shape) < 2 or min(shape) < 1:
        return False
    return blob.fits(shape) and blob.count == prod(shape)
