"""The index of a binary caffemodel, made by stepping over lengths; no value of a weight is read.

Five fields of a layer are looked at, all others are stepped over unseen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

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
from .model import Model, SourceBlob, SourceLayer, Version
from .read_values import wire_values
from .wire import (
    LEN,
    VARINT,
    ByteSource,
    Field,
    Frame,
    Window,
    fields,
)

_UNKNOWN = "V1 type "


def index(source: ByteSource) -> Model:
    """Find every layer and blob of a binary caffemodel.

    Raises ``ModelError`` with the offset where the bytes are no NetParameter. Values that only
    the fork which wrote them can read are told in ``SourceBlob.problem``.
    """
    window = Window(source)
    layers = []
    for inner in fields(window, 0, source.size):
        if inner.wire_type != LEN:
            continue
        if inner.number == NetField.LAYER:
            layers.append(_layer(window, inner))
        elif inner.number == NetField.LAYERS:
            layers.append(_v1_layer(window, inner))
    model = Model(source, _version(layers), tuple(layers), partial(wire_values, source))
    return _typed_by_c3d(model) if model.of_c3d else model


def _typed_by_c3d(model: Model) -> Model:
    """Numbers of V1 types mean other types in a file of C3D's, whose blobs tell it."""
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


def _frame(window: Window, outer: Field) -> Frame:
    _, length = window.varint(outer.tag, outer.stop)
    return Frame(length, outer.start, outer.stop)


@dataclass(slots=True)
class _Found:
    """What has been seen of a layer so far."""

    name: str = ""
    type: str = ""
    version: Version = Version.V2
    blobs: list[SourceBlob] = field(default_factory=list)
    convolution_param: list[Field] = field(default_factory=list)
    inner_product_param: list[Field] = field(default_factory=list)
    param_names: list[str] = field(default_factory=list)

    def layer(self, tag: int, frames: tuple[Frame, ...]) -> SourceLayer:
        """The layer whose field begins at ``tag``."""
        return SourceLayer(
            self.name,
            self.type,
            self.version,
            tuple(self.blobs),
            tag,
            frames,
            tuple(self.convolution_param),
            tuple(self.param_names),
            tuple(self.inner_product_param),
        )


def _layer(window: Window, outer: Field) -> SourceLayer:
    frames, found = (_frame(window, outer),), _Found()
    for inner in fields(window, outer.start, outer.stop):
        if inner.wire_type != LEN:
            continue
        if inner.number == LayerField.NAME:
            found.name = window.text(inner)
        elif inner.number == LayerField.TYPE:
            found.type = window.text(inner)
        elif inner.number == LayerField.CONVOLUTION_PARAM:
            found.convolution_param.append(inner)
        elif inner.number == LayerField.INNER_PRODUCT_PARAM:
            found.inner_product_param.append(inner)
        elif inner.number == LayerField.PARAM:
            found.param_names.append(_param_name(window, inner))
        elif inner.number == LayerField.BLOBS:
            found.blobs.append(_blob(window, inner, frames))
    return found.layer(outer.tag, frames)


def _param_name(window: Window, outer: Field) -> str:
    name = ""
    for inner in fields(window, outer.start, outer.stop):
        if inner.number == ParamField.NAME and inner.wire_type == LEN:
            name = window.text(inner)
    return name


def _v1_layer(window: Window, outer: Field) -> SourceLayer:
    frames, found = (_frame(window, outer),), _Found(version=Version.V1)
    old: _Found | None = None
    for inner in fields(window, outer.start, outer.stop):
        if inner.number == V1LayerField.TYPE and inner.wire_type == VARINT:
            found.type = _v1_type(inner.value, found.type)
        elif inner.wire_type != LEN:
            continue
        elif inner.number == V1LayerField.NAME:
            found.name = window.text(inner)
        elif inner.number == V1LayerField.CONVOLUTION_PARAM:
            found.convolution_param.append(inner)
        elif inner.number == V1LayerField.INNER_PRODUCT_PARAM:
            found.inner_product_param.append(inner)
        elif inner.number == V1LayerField.PARAM:
            found.param_names.append(window.text(inner))
        elif inner.number == V1LayerField.BLOBS:
            found.blobs.append(_blob(window, inner, frames))
        elif inner.number == V1LayerField.LAYER:
            # Given twice, protobuf merges the two. What else the connection says of a layer
            # counts no more: Caffe takes name, type and blobs of the V0 layer in it.
            old = old or _Found(version=Version.V0)
            _v0_layer(window, inner, frames, old)
    return (old or found).layer(outer.tag, frames)


def _v1_type(value: int, before: str) -> str:
    """The type's name; one that Caffe does not know never takes the place of one that it does."""
    number = value & 0xFFFF_FFFF
    unknown = before if before and not before.startswith(_UNKNOWN) else f"{_UNKNOWN}{number}"
    return V1_NUMBERS.get(number, unknown)


def _v0_layer(window: Window, outer: Field, connection: tuple[Frame, ...], found: _Found) -> None:
    frames = (*connection, _frame(window, outer))
    for inner in fields(window, outer.start, outer.stop):
        if inner.wire_type != LEN:
            continue
        if inner.number == V0LayerField.NAME:
            found.name = window.text(inner)
        elif inner.number == V0LayerField.TYPE:
            found.type = window.text(inner)
        elif inner.number == V0LayerField.BLOBS:
            found.blobs.append(_blob(window, inner, frames))


def _blob(window: Window, outer: Field, around: tuple[Frame, ...]) -> SourceBlob:
    return indexed_blob(window, outer, (*around, _frame(window, outer)))
