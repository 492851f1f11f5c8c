"""The index of a binary model against protobuf: what both accept must mean the same.

Bytes that protobuf refuses are accepted where all that is wrong with them is inside a field that
no reader of weights looks into. Bytes that it accepts are refused where a blob has more axes than
Caffe allows, and for a field number 0, which Python's protobuf lets pass inside groups (C++ does
not).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from types import ModuleType
from typing import Any

import oracle

import deconvsurgery as ds
from deconvsurgery.caffe_fields import V1_NUMBERS
from deconvsurgery.caffemodel import wire
from deconvsurgery.caffemodel.index import index
from deconvsurgery.caffemodel.model import Version
from deconvsurgery.caffemodel.read_values import layer_param

MOST_AXES = 32  # kMaxBlobAxes in Caffe's blob.hpp


# Buffers of a few bytes, so that their borders lie within small models, too.
SMALL = (
    *((wire, "_WINDOW", 32), (wire, "_FIRST_RUN", 2), (wire, "_LONGEST_RUN", 40)),
    (oracle.ExactSource, "stride", 16),
)


def check(data: bytes) -> None:
    """Index ``data``; ``AssertionError`` where protobuf sees it otherwise."""
    usual = [(owner, name, getattr(owner, name)) for owner, name, _ in SMALL]
    _set(SMALL)
    try:
        _check(data)
    finally:
        _set(usual)


def _set(sizes: Iterable[tuple[ModuleType | type, str, int]]) -> None:
    for owner, name, size in sizes:
        setattr(owner, name, size)


def _check(data: bytes) -> None:
    whole, pruned = oracle.read(oracle.WHOLE, data), oracle.read(oracle.PRUNED, data)
    assert whole is None or pruned is not None
    try:
        model = index(oracle.ExactSource(data))
    except ds.ModelError as error:
        assert error.offset is not None
        assert 0 <= error.offset <= len(data)
        ours_alone = "field number 0" in error.message or _has_too_many_axes(pruned)
        assert pruned is None or ours_alone, error.message
        return
    assert pruned is not None
    if model.of_c3d:  # whose messages are not Caffe's
        return
    ours = [layer for layer in model.layers if layer.version is Version.V2]
    ours_v1 = [layer for layer in model.layers if layer.version is not Version.V2]
    assert [layer.start for layer in model.layers] == sorted(layer.start for layer in model.layers)
    for layer, theirs in zip(ours, pruned.layer, strict=True):
        _same_layer(model, layer, theirs, theirs.type)
        assert _encoded(*layer.param_names) == [spec.name for spec in theirs.param]
    for layer, theirs in zip(ours_v1, pruned.layers, strict=True):
        assert (layer.version is Version.V0) == theirs.HasField("layer")
        if layer.version is Version.V0:  # its connection names bottoms and tops, nothing else
            _same_layer(model, layer, theirs.layer, theirs.layer.type)
            continue
        kind = V1_NUMBERS[theirs.type] if theirs.HasField("type") else ""
        # Of an unknown number protobuf keeps no type at all; ours says the number.
        known = not layer.type.startswith("V1 type")
        _same_layer(model, layer, theirs, kind.encode() if known else layer.type.encode())
        assert known or not kind
        assert _encoded(*layer.param_names) == list(theirs.param)
    their_layers = [None] * len(model.layers) if whole is None else [*whole.layers, *whole.layer]
    for layer, theirs in zip((*ours_v1, *ours), their_layers, strict=True):
        if layer.convolution_param:
            _same_param(model, layer, theirs)


def _encoded(*names: str) -> list[bytes]:
    return [name.encode("utf-8", "surrogateescape") for name in names]


def _same_param(model: ds.Model, layer: ds.SourceLayer, theirs: Any | None) -> None:
    try:
        param = layer_param(model, layer)
    except ds.ModelError as error:
        assert theirs is None
        assert error.offset is not None
        return
    if theirs is not None:
        _same_message(param, theirs.convolution_param)


def _same_layer(model: ds.Model, layer: ds.SourceLayer, theirs: Any, kind: bytes) -> None:
    assert _encoded(layer.name, layer.type) == [theirs.name, kind]
    for blob, their_blob in zip(layer.blobs, theirs.blobs, strict=True):
        _same_blob(model, blob, their_blob)


def _same_blob(model: ds.Model, blob: ds.SourceBlob, theirs: Any) -> None:
    legacy = oracle.is_legacy(theirs)
    assert blob.legacy == legacy
    assert blob.both_forms == (legacy and theirs.HasField("shape"))
    dims = (theirs.num, theirs.channels, theirs.height, theirs.width)
    assert blob.shape == (dims if legacy else tuple(theirs.shape.dim))
    storage, values = oracle.values(theirs)
    assert not values or blob.storage == storage
    assert blob.count == len(values)
    found = [value for array in model.flat_values(blob) for value in array.tolist()]
    assert oracle.same_numbers(found, values)
    assert blob.diff_count == _diff_count(theirs)
    assert blob.problem is None or not values


def _diff_count(theirs: Any) -> int:
    if theirs.double_diff or theirs.diff:
        return len(theirs.double_diff or theirs.diff)
    _, letter = oracle.RAW_FORMATS.get(theirs.raw_diff_type, ("", ""))
    if not theirs.HasField("raw_diff_type") or not letter:
        return 0
    return len(theirs.raw_diff) // struct.calcsize(f"<{letter}")


def _same_message(ours: ds.NetMessage, theirs: Any) -> None:
    """Every field that protobuf has, with its values, and no other."""
    names = set()
    for field, value in theirs.ListFields():
        names.add(field.name)
        values = list(value) if field.is_repeated else [value]
        found = ours.all(field.name)
        if field.message_type is not None:
            for here, there in zip(found, values, strict=True):
                assert isinstance(here, ds.NetMessage)
                _same_message(here, there)
        elif field.enum_type is not None:
            by_number = field.enum_type.values_by_number
            assert list(found) == [by_number[each].name for each in values]
        else:
            assert len(found) == len(values)
            assert all(
                here == there or (here != here and there != there)
                for here, there in zip(found, values, strict=True)
            )
    assert {name for name, _ in ours.fields} == names


def _has_too_many_axes(pruned: Any | None) -> bool:
    if pruned is None:
        return False
    layers = (*pruned.layer, *pruned.layers, *(each.layer for each in pruned.layers))
    return any(len(blob.shape.dim) > MOST_AXES for layer in layers for blob in layer.blobs)
