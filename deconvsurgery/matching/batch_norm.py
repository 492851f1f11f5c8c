"""A BatchNorm with scale and shift in it and one without: they are not each other's weights.

NVIDIA's, Xilinx's and Intel's Caffe have scale and shift among a BatchNorm's blobs, where BVLC's
has a Scale layer behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from deconvsurgery.caffemodel.source_blob import SourceBlob

if TYPE_CHECKING:
    from deconvsurgery.shapes.geometry import Shape
    from deconvsurgery.shapes.infer import LayerShapes

BATCH_NORM: Final = "BatchNorm"
_PLAIN: Final = 3  # blobs of BVLC's: mean, variance, factor


def blobs_as_in(shapes: LayerShapes, blobs: Sequence[SourceBlob]) -> tuple[Shape, ...] | None:
    """Of the sets of blobs that a layer's text may mean that of a model, or else the first."""
    for form in (shapes.blobs, *shapes.forms):
        if form is not None and is_set_of(form, blobs):
            return form
    return shapes.blobs


def is_set_of(form: Sequence[Shape], blobs: Sequence[SourceBlob]) -> bool:
    """As many blobs, each of its shape as far as that is known."""
    return len(form) == len(blobs) and all(map(SourceBlob.agrees, blobs, form))


def scale_is_elsewhere(kind: str, net: int, model: int) -> str | None:
    """What is so where net and model give a BatchNorm other numbers of blobs; else ``None``."""
    if kind != BATCH_NORM or net == model or not model:
        return None
    if net == _PLAIN:
        return "the model's holds scale and shift, too, as Intel's and NVIDIA's Caffe write it"
    if model == _PLAIN:
        return "the net's is to hold scale and shift, too, as Intel's and NVIDIA's Caffe have it"
    return "which of them are scale and shift depends on the fork of Caffe that wrote them"


REMEDY: Final = (
    "scale and shift are the Scale layer's in one of the two and the BatchNorm's in the other: "
    "nothing here moves them; take a net and a model of one kind"
)
"""What is to be done about it."""
