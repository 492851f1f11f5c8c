"""Weight blobs that stand in the net's own text: Caffe takes them as they are, and fills none.

Sources: ``Layer``'s constructor (layer.hpp), ``Blob::FromProto`` (blob.cpp),
``BaseConvolutionLayer::LayerSetUp`` (base_conv_layer.cpp), which alone checks them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from deconvsurgery.prototxt.net import Layer, Message
from deconvsurgery.shapes.geometry import Shape, merged, product
from deconvsurgery.wording import dims, plural


def given_blobs(layer: Layer) -> tuple[tuple[int, ...], ...]:
    """The shapes of a layer's blobs as its text gives them; legacy dims are four axes."""
    return tuple(map(_shape, layer.message.messages("blobs")))


def _shape(blob: Message) -> tuple[int, ...]:
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
    if not given or wanted is None or layer.type not in ("Convolution", "Deconvolution"):
        return
    if len(given) != len(wanted):
        yield f"{plural(len(given), 'blob')} in its text, {len(wanted)} are needed"
    for own, shape in zip(wanted, given, strict=False):
        if not merged([own, shape])[1]:
            yield f"a blob of {dims(shape)} in its text, {dims(own)} is needed"
