"""The values and parameters that a binary caffemodel holds, read when they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from deconvsurgery.caffe_fields import message_class
from deconvsurgery.errors import ModelError
from deconvsurgery.prototxt.net import NetMessage

from .stored_values import Chunk, OnWire

if TYPE_CHECKING:
    from deconvsurgery.kernels.arrays import Array
    from deconvsurgery.storage.source_interface import Source

    from .model import Model, SourceLayer
    from .source_blob import SourceBlob
    from .wire import Field


def wire_values(source: Source, blob: SourceBlob) -> Iterator[Array]:
    """A blob's values in order, in flat arrays of the bytes that are worth asking for at once."""
    assert isinstance(blob.place, OnWire)
    for chunk in blob.place.values:
        batch = source.stride // chunk.storage.width
        for first in range(0, chunk.count, batch):
            yield _values(source, chunk, first, min(batch, chunk.count - first))


def _values(source: Source, chunk: Chunk, first: int, count: int) -> Array:
    """``count`` values of a chunk from its ``first`` on."""
    import numpy as np

    width, dtype = chunk.storage.width, np.dtype(chunk.storage.dtype)
    if chunk.packed:
        return np.frombuffer(source.read(chunk.start + first * width, count * width), dtype)
    step = width + 1  # each behind a tag of its own
    tagged = np.frombuffer(source.read(chunk.tag + first * step, count * step), np.uint8)
    return np.ascontiguousarray(tagged.reshape(-1, step)[:, 1:]).view(dtype)[:, 0]


def layer_param(model: Model, layer: SourceLayer) -> NetMessage:
    """The ``convolution_param`` that the file itself holds for a layer; empty when it has none."""
    return _param(model, layer, "convolution_param", layer.convolution_param)


def inner_product_param(model: Model, layer: SourceLayer) -> NetMessage:
    """The ``inner_product_param`` that the file holds for a layer; empty when it has none."""
    return _param(model, layer, "inner_product_param", layer.inner_product_param)


_MESSAGES: Final = {
    "convolution_param": "ConvolutionParameter",
    "inner_product_param": "InnerProductParameter",
}


def _param(model: Model, layer: SourceLayer, name: str, fields: Iterable[Field]) -> NetMessage:
    from google.protobuf.message import DecodeError

    param: Any = message_class(_MESSAGES[name])()
    for field in fields:
        try:
            param.MergeFromString(model.source.read(field.start, field.stop - field.start))
        except DecodeError:
            raise ModelError(
                f"the {name} of layer {layer.name!r} is damaged",
                offset=field.start,
                layer=layer.name,
                hint="the file is damaged; fetch it again",
            ) from None
    return _as_message(param)


def _as_message(message: Any) -> NetMessage:
    found: list[tuple[str, Any]] = []
    for descriptor, value in message.ListFields():
        values = value if hasattr(value, "append") else [value]
        for item in values:
            if descriptor.message_type is not None:
                found.append((descriptor.name, _as_message(item)))
            elif descriptor.enum_type is not None:
                found.append((descriptor.name, descriptor.enum_type.values_by_number[item].name))
            else:
                found.append((descriptor.name, item))
    return NetMessage(tuple(found))
