"""What protobuf makes of a model's bytes, for harnesses to hold ours against.

Shares no code with the package but ``caffe.desc``, which a test holds to ``proto/caffe.proto``.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from deconvsurgery.caffe_fields import DESCRIPTORS

sys.path.append(str(Path(__file__).resolve().parents[1]))  # as a script runs, it is not there

from helpers.models import ExactSource as ExactSource
from helpers.wire import sized as sized
from helpers.wire import tag as tag
from helpers.wire import varint as varint

Proto = descriptor_pb2.FieldDescriptorProto

# What a reader of weights looks into. All other fields are nobody's to the pruned messages, as
# they are to the index: their payload is stepped over, whatever is in it.
LOOKED_AT = {
    "NetParameter": ("layer", "layers"),
    "LayerParameter": ("name", "type", "param", "blobs", "convolution_param"),
    "ParamSpec": ("name",),
    "V1LayerParameter": ("layer", "name", "type", "blobs", "param", "convolution_param"),
    "V0LayerParameter": ("name", "type", "blobs"),
    "BlobProto": (
        *("num", "channels", "height", "width", "shape"),
        *("data", "diff", "double_data", "double_diff"),
    ),
    "BlobShape": ("dim",),
}
# NVIDIA's fields of BlobProto (caffe-0.17, caffe.proto), whose numbers Caffe itself has not.
NVIDIA = (
    ("raw_data_type", 10, Proto.TYPE_ENUM),
    ("raw_diff_type", 11, Proto.TYPE_ENUM),
    ("raw_data", 12, Proto.TYPE_BYTES),
    ("raw_diff", 13, Proto.TYPE_BYTES),
)
NVIDIA_TYPES = ("DOUBLE", "FLOAT", "FLOAT16", "INT", "UINT", "BOOL")
# Those whose values can be read: how the package calls them, and their letters in struct.
RAW_FORMATS = {
    0: ("raw_data double", "d"),
    1: ("raw_data float", "f"),
    2: ("raw_data float16", "e"),
}


def descriptors() -> descriptor_pb2.FileDescriptorProto:
    """The file's own descriptors."""
    (file,) = descriptor_pb2.FileDescriptorSet.FromString(Path(DESCRIPTORS).read_bytes()).file
    return file


def _pruned(file: descriptor_pb2.FileDescriptorProto) -> None:
    """Only what is looked at; strings are bytes, and so is what is not looked into."""
    kept = [message for message in file.message_type if message.name in LOOKED_AT]
    for message in kept:
        fields = [field for field in message.field if field.name in LOOKED_AT[message.name]]
        for field in fields:
            of = field.type_name.rpartition(".")[2]
            if field.type == Proto.TYPE_STRING or (
                field.type == Proto.TYPE_MESSAGE and of not in LOOKED_AT
            ):
                field.type = Proto.TYPE_BYTES
                field.ClearField("type_name")
        _put(message.field, fields)
    _put(file.message_type, kept)


def _put(repeated: Any, values: list[Any]) -> None:
    copies = [type(value).FromString(value.SerializeToString()) for value in values]
    del repeated[:]
    repeated.extend(copies)


def _with_nvidia(file: descriptor_pb2.FileDescriptorProto) -> None:
    kinds = file.enum_type.add(name="NvidiaType")
    for number, name in enumerate(NVIDIA_TYPES):
        kinds.value.add(name=name, number=number)
    (blob,) = (message for message in file.message_type if message.name == "BlobProto")
    for name, number, kind in NVIDIA:
        field = blob.field.add(name=name, number=number, type=kind, label=Proto.LABEL_OPTIONAL)
        if kind == Proto.TYPE_ENUM:
            field.type_name = f".{file.package}.NvidiaType"


def _classes(file: descriptor_pb2.FileDescriptorProto) -> tuple[Any, Any]:
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    names = (f"{file.package}.NetParameter", f"{file.package}.BlobProto")
    net, blob = (message_factory.GetMessageClass(pool.FindMessageTypeByName(n)) for n in names)
    return net, blob


def _all_classes() -> tuple[Any, Any, Any, Any]:
    whole, nvidia, pruned = descriptors(), descriptors(), descriptors()
    _with_nvidia(nvidia)
    _pruned(pruned)
    _with_nvidia(pruned)
    return _classes(whole)[0], *_classes(nvidia), _classes(pruned)[0]


WHOLE, WITH_NVIDIA, BLOB, PRUNED = _all_classes()


def read(kind: Any, data: bytes) -> Any:
    """The message, or ``None`` where protobuf refuses the bytes."""
    try:
        return kind.FromString(data)
    except DecodeError:
        return None


# --- blobs


def is_legacy(blob: Any) -> bool:
    """Its dims stand in fields of their own (``Blob::FromProto``: any of them is enough)."""
    return any(map(blob.HasField, ("num", "channels", "height", "width")))


def values(blob: Any) -> tuple[str, Sequence[float]]:
    """What NVIDIA's ``Blob::FromProto`` takes, and its field; BVLC's knows the first two."""
    if blob.double_data:
        return "double_data", blob.double_data
    if blob.data:
        return "data", blob.data
    kind = blob.raw_data_type if blob.HasField("raw_data_type") else None
    name, letter = RAW_FORMATS.get(kind, ("", ""))
    if not blob.raw_data or not letter or _is_opencl(blob):
        return "none", ()
    width = struct.calcsize(f"<{letter}")
    if len(blob.raw_data) % width:
        return "none", ()
    return name, struct.unpack(f"<{len(blob.raw_data) // width}{letter}", blob.raw_data)


def _is_opencl(blob: Any) -> bool:
    """BVLC's opencl branch has ``packed_data``, bytes, where NVIDIA has the number of a type."""
    fields = pieces(blob.SerializeToString())
    return any(number == 11 and wire_type == 2 for number, wire_type, _, _ in fields)


def same_numbers(ours: Sequence[float], theirs: Sequence[float]) -> bool:
    """The same values in the same order; one that is no number is like another."""
    if ours == list(theirs):
        return True
    pairs = zip(ours, theirs, strict=True)
    return all(here == there or (here != here and there != there) for here, there in pairs)


# --- the wire, for models that protobuf accepts


def pieces(data: bytes) -> Iterator[tuple[int, int, bytes, bytes]]:
    """Number, wire type, whole bytes and payload of each field; ``ValueError`` where there is none.

    A group's payload goes with its end tag.
    """
    at = 0
    try:
        while at < len(data):
            start = at
            key, at = _varint(data, at)
            number, wire_type, inside = key >> 3, key & 7, at
            at = _behind(data, at, number, wire_type)
            if at > len(data):
                raise ValueError("cut off")
            if wire_type == 2:
                _, inside = _varint(data, inside)
            yield number, wire_type, data[start:at], data[inside:at]
    except IndexError:
        raise ValueError("cut off") from None


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return value, at


def _behind(data: bytes, at: int, number: int, wire_type: int) -> int:
    if wire_type == 0:
        return _varint(data, at)[1]
    if wire_type == 1:
        return at + 8
    if wire_type == 2:
        length, at = _varint(data, at)
        return at + length
    if wire_type == 5:
        return at + 4
    if wire_type != 3:
        raise ValueError(f"wire type {wire_type}")
    opened = [number]
    while opened:
        key, at = _varint(data, at)
        if key & 7 == 3:
            opened.append(key >> 3)
        elif key & 7 == 4:
            if opened.pop() != key >> 3:
                raise ValueError("not nested")
        else:
            at = _behind(data, at, key >> 3, key & 7)
    return at
