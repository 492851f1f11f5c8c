"""The index of a binary caffemodel, made by stepping over lengths; no value of a weight is read.

Five fields of a layer are looked at, all others are stepped over unseen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from deconvsurgery.caffe_fields import (
    C3D_TYPES,
    V1_NUMBERS,
    LayerField,
    NetField,
    ParamField,
    V0LayerField,
    V1LayerField,
)

from .index_blob import indexed_blob
from .model import Model, SourceLayer, Version
from .read_values import wire_values
from .wire import LEN, VARINT, BufferedSource, Field, Frame, fields, frame_of, uint32

if TYPE_CHECKING:
    from deconvsurgery.storage.source_interface import Source

    from .source_blob import SourceBlob

# By generation the fields of a layer that are looked at, by number and wire type.
_FORMATS: Mapping[Version, Mapping[tuple[int, int], str]] = {
    Version.V2: {
        (LayerField.NAME, LEN): "name",
        (LayerField.TYPE, LEN): "type",
        (LayerField.PARAM, LEN): "param",
        (LayerField.BLOBS, LEN): "blobs",
        (LayerField.CONVOLUTION_PARAM, LEN): "convolution_param",
        (LayerField.INNER_PRODUCT_PARAM, LEN): "inner_product_param",
    },
    Version.V1: {
        (V1LayerField.NAME, LEN): "name",
        (V1LayerField.TYPE, VARINT): "type number",
        (V1LayerField.PARAM, LEN): "param name",
        (V1LayerField.BLOBS, LEN): "blobs",
        (V1LayerField.CONVOLUTION_PARAM, LEN): "convolution_param",
        (V1LayerField.INNER_PRODUCT_PARAM, LEN): "inner_product_param",
        (V1LayerField.LAYER, LEN): "layer",
    },
    Version.V0: {
        (V0LayerField.NAME, LEN): "name",
        (V0LayerField.TYPE, LEN): "type",
        (V0LayerField.BLOBS, LEN): "blobs",
    },
}
_UNKNOWN = "V1 type "


def index(source: Source) -> Model:
    """Find every layer and blob of a binary caffemodel.

    Raises ``ModelError`` with the offset where the bytes are no NetParameter. Values that only
    the fork which wrote them can read are named in ``SourceBlob.problem``.
    """
    window = BufferedSource(source)
    layers = []
    for field in fields(window, 0, source.size):
        if field.wire_type != LEN:
            continue
        if field.number == NetField.LAYER:
            layers.append(_layer(window, field, Version.V2))
        elif field.number == NetField.LAYERS:
            layers.append(_layer(window, field, Version.V1))
    model = Model(source, _version(layers), tuple(layers), partial(wire_values, source))
    return _typed_by_c3d(model) if model.of_c3d else model


def _typed_by_c3d(model: Model) -> Model:
    """Numbers of V1 types mean other types in a file of C3D's, which its blobs show."""
    layers = (
        layer._replace(type=C3D_TYPES.get(layer.type, layer.type))
        if layer.version is Version.V1
        else layer
        for layer in model.layers
    )
    return model.with_layers(layers)


def _version(layers: Sequence[SourceLayer]) -> Version:
    versions = {layer.version for layer in layers}
    if Version.V2 in versions and len(versions) > 1:
        return Version.MIXED
    for version in (Version.V0, Version.V1, Version.V2):
        if version in versions:
            return version
    return Version.EMPTY


def _layer(window: BufferedSource, outer: Field, version: Version) -> SourceLayer:
    frames, found = (frame_of(window, outer),), _Found(version)
    found.read(window, outer, frames)
    return (found.inside or found).layer(outer.tag, frames)


class _Found:
    """What has been seen of a layer so far.

    ``inside`` is the V0 layer of a V1 connection. What else the connection says of a layer counts
    no more then: Caffe takes name, type and blobs of the V0 layer.
    """

    def __init__(self, version: Version) -> None:
        self.version = version
        self.text = {"name": "", "type": ""}
        self.blobs: list[SourceBlob] = []
        self.params: dict[str, list[Field]] = {"convolution_param": [], "inner_product_param": []}
        self.param_names: list[str] = []
        self.inside: _Found | None = None

    def read(self, window: BufferedSource, outer: Field, frames: tuple[Frame, ...]) -> None:
        """Take the fields of a message that says something of the layer."""
        known = _FORMATS[self.version]
        for field in fields(window, outer.start, outer.stop):
            name = known.get((field.number, field.wire_type))
            if name is None:
                continue
            if name == "blobs":
                around = (*frames, frame_of(window, field))
                self.blobs.append(indexed_blob(window, field, around))
            elif name in self.text:
                self.text[name] = window.text(field)
            elif name in self.params:
                self.params[name].append(field)
            elif name == "param":
                self.param_names.append(_param_name(window, field))
            elif name == "param name":
                self.param_names.append(window.text(field))
            elif name == "type number":
                self.text["type"] = _v1_type(field.value, self.text["type"])
            else:  # given twice, protobuf merges the two
                self.inside = self.inside or _Found(Version.V0)
                self.inside.read(window, field, (*frames, frame_of(window, field)))

    def layer(self, tag: int, frames: tuple[Frame, ...]) -> SourceLayer:
        """The layer whose field begins at ``tag``."""
        return SourceLayer(
            name=self.text["name"],
            type=self.text["type"],
            version=self.version,
            blobs=tuple(self.blobs),
            start=tag,
            frames=frames,
            convolution_param=tuple(self.params["convolution_param"]),
            param_names=tuple(self.param_names),
            inner_product_param=tuple(self.params["inner_product_param"]),
        )


def _param_name(window: BufferedSource, outer: Field) -> str:
    name = ""
    for field in fields(window, outer.start, outer.stop):
        if field.number == ParamField.NAME and field.wire_type == LEN:
            name = window.text(field)
    return name


def _v1_type(value: int, before: str) -> str:
    """The type's name; one that Caffe does not know never takes the place of one that it does."""
    number = uint32(value)
    unknown = before if before and not before.startswith(_UNKNOWN) else f"{_UNKNOWN}{number}"
    return V1_NUMBERS.get(number, unknown)
