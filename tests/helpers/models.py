"""Models in memory: built by protobuf, read back by protobuf, indexed as the package does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import text_format
from numpy.typing import NDArray

import deconvsurgery as ds
from deconvsurgery.caffe_fields import message_class as message_class
from deconvsurgery.caffemodel.index import index
from deconvsurgery.storage.bytes_source import BytesSource
from deconvsurgery.verbs.demo_net import base_model, net_text

Array = NDArray[Any]
Weights = Mapping[str, Sequence[Array]]

NetParameter: Any = message_class("NetParameter")
"""Caffe's message for nets and models, as protobuf makes it of the shipped descriptors."""


class ExactSource(BytesSource):
    """A source in memory where it is a fault of the package's to ask for what lies beyond it."""

    def read(self, start: int, size: int) -> bytes:
        assert 0 <= start <= start + size <= self.size, (start, size, self.size)
        return super().read(start, size)


class CountedSource(ExactSource):
    """A source that counts the bytes that are read of it; zeros follow ``data`` up to ``size``."""

    def __init__(self, data: bytes, size: int | None = None) -> None:
        super().__init__(data)
        self.data = data
        self.size = len(data) if size is None else size
        self.count = 0

    def read(self, start: int, size: int) -> bytes:
        assert 0 <= start <= start + size <= self.size
        self.count += size
        return self.data[start : start + size].ljust(size, b"\0")


def indexed(data: bytes) -> ds.Model:
    """The model that these bytes of a binary file are."""
    return index(ExactSource(data))


def saved(text: str) -> bytes:
    """The binary model that a net in text form, ``blobs`` and all, is."""
    return bytes(text_format.Parse(text, NetParameter()).SerializeToString())


def model_bytes(
    weights: Weights,
    *,
    name: str = "old",
    kind: str = "",
    field: str = "data",
    legacy: bool = False,
    v1: bool = False,
) -> bytes:
    """A binary model with these layers, by name, and their blobs.

    ``kind`` is the type of all of them (V2 only), ``field`` the one that holds values: ``data`` or
    ``double_data``. Legacy dims have 1s in front, as Caffe wrote biases; a scalar has no shape.
    """
    message = NetParameter(name=name)
    for layer_name, arrays in weights.items():
        layer = (message.layers if v1 else message.layer).add(name=layer_name)
        if kind:
            layer.type = kind
        for array in arrays:
            blob = layer.blobs.add(**{field: np.asarray(array).ravel().tolist()})
            if legacy:
                dims = (1,) * (4 - np.ndim(array)) + np.shape(array)
                blob.num, blob.channels, blob.height, blob.width = dims
            elif np.ndim(array):
                blob.shape.dim.extend(np.shape(array))
    return bytes(message.SerializeToString())


def blob_values(blob: Any) -> Array:
    """A parsed blob's ``data`` as float32 of its shape; legacy dims as four axes."""
    dims = tuple(blob.shape.dim)
    if not blob.HasField("shape"):
        dims = (blob.num, blob.channels, blob.height, blob.width)
    return np.array(blob.data, np.float32).reshape(dims)


def parsed(data: bytes) -> Any:
    """A model as protobuf reads it."""
    return NetParameter.FromString(data)


def source_layers(message: Any) -> dict[str, Any]:
    """The layers of a parsed model by name, of either generation; no name occurs twice."""
    found = {layer.name: layer for layer in (*message.layers, *message.layer)}
    assert len(found) == len(message.layers) + len(message.layer), "names are not unique"
    return found


def weights_of(data: bytes) -> dict[str, list[Array]]:
    """Every blob of a V2 model by its layer's name, in its own type; layers without blobs too."""
    found: dict[str, list[Array]] = {}
    for layer in NetParameter.FromString(data).layer:
        assert layer.name not in found
        found[layer.name] = [
            np.array(blob.double_data, "<f8").reshape(tuple(blob.shape.dim))
            if blob.double_data
            else np.array(blob.data, "<f4").reshape(tuple(blob.shape.dim))
            for blob in layer.blobs
        ]
    return found


def noise(*shape: int, seed: int = 3) -> Array:
    """Normally distributed float32, the same for the same seed."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


# --- the demo's pair: a small FCN and a base model that lacks its two upsampling layers


def demo_net() -> bytes:
    """The demo's net: upscore2 (kernel 4, stride 2), upscore (group 5), refine, a Crop."""
    return net_text()


def demo_base() -> bytes:
    """The demo's base model."""
    return base_model(ds.parse_net(net_text()))


def write_demo(folder: Path, net: str = "net", model: str = "in") -> Path:
    """The demo's pair as files of these names; the folder."""
    (folder / net).write_bytes(demo_net())
    (folder / model).write_bytes(demo_base())
    return folder
