"""The binary caffemodel as it was indexed: its layers and blobs, and rows of their values.

Offsets, never payload; values are read a row at a time when they are asked for. Never here:
files, a decision, the shape a blob *should* have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import prod
from typing import TYPE_CHECKING, Any

from .errors import ModelError
from .net import Message
from .schema import BlobField, message_class
from .wire import ByteSource, Field, Frame

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ROWS_AT_ONCE = 1 << 20  # bytes read for a batch of rows
LEGACY_DIMS = (BlobField.NUM, BlobField.CHANNELS, BlobField.HEIGHT, BlobField.WIDTH)


class Version(StrEnum):
    """The generation of a file's layers."""

    EMPTY = "empty"
    V2 = "V2"
    V1 = "V1"
    V0 = "V0"
    MIXED = "mixed"


class Storage(StrEnum):
    """The field that holds a blob's values, in Caffe's order of precedence."""

    DOUBLE_DATA = "double_data"
    DATA = "data"
    NONE = "none"

    @property
    def dtype(self) -> str:
        """The values' numpy type, little-endian as on the wire."""
        return "<f8" if self is Storage.DOUBLE_DATA else "<f4"

    @property
    def width(self) -> int:
        """Bytes of one value."""
        return 8 if self is Storage.DOUBLE_DATA else 4


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stretch of values: the payload of a packed field, or a run of unpacked ones.

    ``[tag, stop)`` is all of it, ``start`` where the values of a packed one begin. In a run each
    value has a tag of one byte; one behind a longer tag is a payload of its own.
    """

    storage: Storage
    tag: int
    start: int
    stop: int
    packed: bool

    @property
    def count(self) -> int:
        """Values in it."""
        width = self.storage.width
        if self.packed:
            return (self.stop - self.start) // width
        return (self.stop - self.tag) // (width + 1)


@dataclass(frozen=True, slots=True)
class SourceBlob:
    """A BlobProto: where it is and what its header says; ``shape`` as written, legacy dims as 4."""

    frames: tuple[Frame, ...]
    shape: tuple[int, ...]
    legacy: bool
    both_forms: bool
    chunks: tuple[Chunk, ...]
    has_diff: bool

    @property
    def storage(self) -> Storage:
        """Where Caffe reads the values from: ``double_data`` wins over ``data`` if it has any."""
        kinds = {chunk.storage for chunk in self.chunks if chunk.count}
        kinds = kinds or {chunk.storage for chunk in self.chunks}
        return next((kind for kind in Storage if kind in kinds), Storage.NONE)

    @property
    def values(self) -> tuple[Chunk, ...]:
        """The chunks that count."""
        return tuple(chunk for chunk in self.chunks if chunk.storage is self.storage)

    @property
    def count(self) -> int:
        """Values present; Caffe wants as many as the shape says."""
        return sum(chunk.count for chunk in self.values)

    def fits(self, shape: Sequence[int]) -> bool:
        """Caffe's ``Blob::ShapeEquals``: legacy dims equal a shape padded with 1s on the left."""
        if self.legacy:
            return len(shape) <= 4 and self.shape == (1,) * (4 - len(shape)) + tuple(shape)
        return self.shape == tuple(shape)


@dataclass(frozen=True, slots=True)
class SourceLayer:
    """A layer in the model: only ``name`` and ``blobs`` matter to Caffe's loading."""

    name: str
    type: str
    version: Version
    frames: tuple[Frame, ...]
    blobs: tuple[SourceBlob, ...]
    convolution_param: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """An indexed caffemodel and the bytes it was indexed from."""

    source: ByteSource
    version: Version
    layers: tuple[SourceLayer, ...]
    by_name: dict[str, tuple[SourceLayer, ...]]

    @property
    def legacy(self) -> bool:
        """Every blob has num/channels/height/width: a Caffe from before ``shape`` wrote it."""
        blobs = [blob for layer in self.layers for blob in layer.blobs]
        return bool(blobs) and all(blob.legacy for blob in blobs)

    def rows(self, blob: SourceBlob, shape: Sequence[int]) -> Iterator[NDArray[np.floating[Any]]]:
        """The values, one array of ``shape[1:]`` for each index of the first axis.

        Reads about a megabyte at a time when the values are one packed field.
        """
        import numpy as np

        row_count = prod(shape[1:])
        values, dtype = blob.values, np.dtype(blob.storage.dtype)
        if len(values) != 1 or not values[0].packed:
            all_rows = self._gathered(blob).reshape(tuple(shape))
            yield from all_rows
            return
        batch = max(1, _ROWS_AT_ONCE // max(1, row_count * dtype.itemsize))
        for first in range(0, shape[0], batch):
            count = min(batch, shape[0] - first)
            start = values[0].start + first * row_count * dtype.itemsize
            data = self.source.read(start, count * row_count * dtype.itemsize)
            yield from np.frombuffer(data, dtype).reshape(count, *shape[1:])

    def _gathered(self, blob: SourceBlob) -> NDArray[np.floating[Any]]:
        import numpy as np

        width, dtype = blob.storage.width, np.dtype(blob.storage.dtype)
        parts = []
        for chunk in blob.values:
            if chunk.packed:
                data = self.source.read(chunk.start, chunk.stop - chunk.start)
            else:
                tagged = np.frombuffer(
                    self.source.read(chunk.tag, chunk.stop - chunk.tag), np.uint8
                )
                data = tagged.reshape(-1, width + 1)[:, 1:].tobytes()
            parts.append(np.frombuffer(data, dtype))
        return np.concatenate(parts) if parts else np.empty(0, dtype)


def layer_param(model: Model, layer: SourceLayer) -> Message:
    """The ``convolution_param`` that the file itself holds for a layer; empty when it has none."""
    from google.protobuf.message import DecodeError

    param: Any = message_class("ConvolutionParameter")()
    for field in layer.convolution_param:
        try:
            param.MergeFromString(model.source.read(field.start, field.stop - field.start))
        except DecodeError:
            raise ModelError(
                f"the convolution_param of layer {layer.name!r} is damaged",
                offset=field.start,
                layer=layer.name,
                hint="the file is damaged; fetch it again",
            ) from None
    return _as_message(param)


def _as_message(message: Any) -> Message:
    found: list[tuple[str, Any]] = []
    for descriptor, value in message.ListFields():
        values = value if hasattr(value, "append") else [value]
        for each in values:
            if descriptor.message_type is not None:
                found.append((descriptor.name, _as_message(each)))
            elif descriptor.enum_type is not None:
                found.append((descriptor.name, descriptor.enum_type.values_by_number[each].name))
            else:
                found.append((descriptor.name, each))
    return Message(tuple(found))
