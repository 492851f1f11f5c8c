"""Weight blobs that stand in the net's own text: Caffe takes them as they are, and fills none.

Sources: ``Layer``'s constructor (layer.hpp), ``Blob::FromProto`` (blob.cpp), and what checks them:
``BaseConvolutionLayer::LayerSetUp`` (base_conv_layer.cpp), ``PReLULayer::LayerSetUp``,
``ScaleLayer::Reshape`` and ``BiasLayer::Reshape``. Recurrent layers make their own in any case
(``RecurrentLayer::LayerSetUp``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from deconvsurgery.shapes.geometry import Shape, merged, product
from deconvsurgery.wording import dims, plural

if TYPE_CHECKING:
    from deconvsurgery.prototxt.net import Layer, NetMessage

_OWN: Final = frozenset({"LSTM", "RNN"})


def given_blobs(layer: Layer) -> tuple[tuple[int, ...], ...]:
    """The shapes of a layer's blobs as its text gives them; legacy dims are four axes."""
    return tuple(map(_shape, layer.message.messages("blobs")))


def kept_blobs(layer: Layer, blobs: Sequence[Shape] | None) -> Sequence[Shape] | None:
    """The blobs of a layer that its fields give ``blobs``: those of its text, if it has any."""
    return blobs if layer.type in _OWN else given_blobs(layer) or blobs


def _shape(blob: NetMessage) -> tuple[int, ...]:
    legacy = ("num", "channels", "height", "width")
    if any(name in blob for name in legacy):
        return tuple(blob.integer(name, 0) for name in legacy)
    return blob.message("shape").integers("dim")


def unfit_blobs(layer: Layer, wanted: Sequence[Shape] | None) -> Iterator[str]:
    """Why Caffe stops at the blobs that a layer's text gives; ``wanted`` by the layer's fields."""
    given = given_blobs(layer)
    for at, (blob, shape) in enumerate(zip(layer.message.messages("blobs"), given, strict=True)):
        values = len(blob.all("double_data")) or len(blob.all("data"))
        if product(shape) != values:
            yield f"blob {at} in its text has {plural(values, 'value')} for {dims(shape)}"
    if not given or not wanted:
        return
    first, own = given[0], wanted[0]
    if layer.type == "PReLU" and product(own or (None,)) not in (None, product(first)):
        yield f"a blob of {dims(first)} in its text, {dims(own)} is needed"
    # Of a Scale or a Bias the axes are those of its bottom.
    axes = zip(own or (), first, strict=False) if layer.type in ("Scale", "Bias") else ()
    if any(here not in (None, there) for here, there in axes):
        yield f"a blob of {dims(first)} in its text, {dims(own)} is needed"
    if layer.type not in ("Convolution", "Deconvolution"):
        return
    if len(given) != len(wanted):
        yield f"{plural(len(given), 'blob')} in its text, {len(wanted)} are needed"
    for own, shape in zip(wanted, given, strict=False):
        if not merged([own, shape])[1]:
            yield f"a blob of {dims(shape)} in its text, {dims(own)} is needed"
