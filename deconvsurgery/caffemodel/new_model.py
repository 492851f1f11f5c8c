"""A whole binary model put together: the net's layers as Caffe would save them, with blobs.

Values are made when they are written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from deconvsurgery.caffe_fields import LayerField, NetField
from deconvsurgery.caffe_fields.schema import fields_of
from deconvsurgery.prototxt.net import NetMessage

from .blob_edits import NewBlob, blob_field, field_of, joined
from .message_bytes import message_bytes
from .wire import delimited, encoded

if TYPE_CHECKING:
    from deconvsurgery.prototxt.net import Layer, Value
    from deconvsurgery.splicing.byte_ranges import Edit


def assembled(name: str, layers: Sequence[Edit]) -> Edit:
    """The file: the net's name and its layers (`layer_field`), as one insertion.

    Without either it is an empty name: no reader takes a file of no bytes for a model.
    """
    parts: list[bytes | Edit] = [*layers]
    if name or not parts:
        parts.insert(0, delimited(NetField.NAME, encoded(name)))
    return joined(parts)


def layer_field(layer: Layer, blobs: Sequence[NewBlob]) -> Edit:
    """A ``layer`` field in the order in which protobuf writes; a fork's own fields are left out."""
    head, tail = _around(layer)
    fields = [blob_field(LayerField.BLOBS, blob, blob.legacy) for blob in blobs]
    return field_of(NetField.LAYER, [head, *fields, tail])


def _around(layer: Layer) -> tuple[bytes, bytes]:
    """The fields of a net's layer before its blobs and those behind."""
    names: tuple[tuple[int, tuple[str, ...]], ...] = (
        (LayerField.NAME, (layer.name,)),
        (LayerField.TYPE, (layer.type,) if layer.type else ()),
        (LayerField.BOTTOM, layer.bottom),
        (LayerField.TOP, layer.top),
    )
    head = [delimited(number, encoded(name)) for number, given in names for name in given]
    known = fields_of("LayerParameter")
    before: list[tuple[str, Value]] = []
    behind: list[tuple[str, Value]] = []
    for name, value in layer.message.fields:
        if name in known and name not in ("name", "type", "bottom", "top", "blobs"):
            side = before if known[name].number < LayerField.BLOBS else behind
            side.append((name, value))
    head.append(message_bytes("LayerParameter", NetMessage(tuple(before))))
    return b"".join(head), message_bytes("LayerParameter", NetMessage(tuple(behind)))
