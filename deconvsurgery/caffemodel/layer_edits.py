"""Edits on the layers of a binary caffemodel: another name, none any more, a new one.

Each is done in the layer's own generation; blobs are `blob_edits`'.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from deconvsurgery.caffe_fields import (
    V1_NUMBERS,
    LayerField,
    NetField,
    V0LayerField,
    V1LayerField,
)
from deconvsurgery.splicing.byte_ranges import Edit, replacing

from .blob_edits import NewBlob, blob_field, field_of
from .model import Version
from .wire import (
    LEN,
    VARINT,
    BufferedSource,
    FramedEdit,
    delimited,
    encoded,
    fields,
    frame_of,
    tag,
    varint,
)

if TYPE_CHECKING:
    from .model import Model, SourceLayer
    from .wire import Frame

_NAMES: Final = {
    Version.V2: int(LayerField.NAME),
    Version.V1: int(V1LayerField.NAME),
    Version.V0: int(V0LayerField.NAME),
}
_V1_NUMBERS: Final = {type_: number for number, type_ in V1_NUMBERS.items()}


def renamed_layer(model: Model, layer: SourceLayer, name: str) -> FramedEdit:
    """The layer's name replaced: of several the last, which is what protobuf reads.

    A layer without one gets it before its other fields.
    """
    window = BufferedSource(model.source)
    number = _NAMES[layer.version]
    around = [layer.frames]
    if layer.version is Version.V0:
        around = _inside(window, layer.frames)
    last = None
    for frames in around:
        for field in fields(window, frames[-1].start, frames[-1].stop):
            if field.number == number and field.wire_type == LEN:
                last = (field, (*frames, frame_of(window, field)))
    if last is None:
        start = around[-1][-1].start
        return FramedEdit(replacing(start, start, delimited(number, encoded(name))), around[-1])
    field, frames = last
    return FramedEdit(replacing(field.start, field.stop, encoded(name)), frames)


def _inside(window: BufferedSource, frames: tuple[Frame, ...]) -> list[tuple[Frame, ...]]:
    """The V0 layers of a connection: protobuf merges several."""
    return [
        (*frames, frame_of(window, field))
        for field in fields(window, frames[-1].start, frames[-1].stop)
        if field.number == V1LayerField.LAYER and field.wire_type == LEN
    ]


def removed_layer(layer: SourceLayer) -> FramedEdit:
    """The layer's whole field taken out."""
    return FramedEdit(Edit(layer.start, layer.frames[0].stop, 0, tuple))


def v1_type_number(type_: str) -> int | None:
    """The number that a V1 layer has for a type; ``None`` where V1 has no such type.

    >>> v1_type_number("Convolution"), v1_type_number("BatchNorm"), v1_type_number("")
    (4, None, 0)
    """
    return _V1_NUMBERS.get(type_)


def new_layer(model: Model, name: str, type_: str, blobs: Sequence[NewBlob]) -> FramedEdit:
    """A layer of blobs alone at the end of the file, in the generation of those that are there.

    Fields stand in the order in which protobuf would write them. ``type_`` is one that the
    generation has; without one the layer has no type, which Caffe does not look at when it loads.
    """
    if model.version is Version.V1:
        kind = v1_type_number(type_)
        typed = tag(V1LayerField.TYPE, VARINT) + varint(kind) if kind else b""
        outer, held = NetField.LAYERS, int(V1LayerField.BLOBS)
    else:
        typed = delimited(LayerField.TYPE, encoded(type_)) if type_ else b""
        outer, held = NetField.LAYER, int(LayerField.BLOBS)
    named = Version.V1 if model.version is Version.V1 else Version.V2
    parts: list[bytes | Edit] = [delimited(_NAMES[named], encoded(name)), typed]
    parts += [blob_field(held, blob, blob.legacy) for blob in blobs]
    new, end = field_of(outer, parts), model.source.size
    return FramedEdit(Edit(end, end, new.size, new.chunks))
