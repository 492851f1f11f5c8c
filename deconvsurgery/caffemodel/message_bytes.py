"""A message of Caffe's in the bytes that protobuf would write: its fields by their numbers.

Which fields a message has is Caffe's table (``caffe_fields.schema``); what it does not have, or a
fork repeats, is left out.
"""

from __future__ import annotations

from itertools import chain
from struct import pack
from typing import TYPE_CHECKING, Final

from deconvsurgery.caffe_fields import FORK_REPEATED_FIELDS
from deconvsurgery.caffe_fields.schema import enum_values, fields_of
from deconvsurgery.prototxt.net import NetMessage

from .wire import I32, I64, LEN, VARINT, delimited, encoded, tag, varint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from deconvsurgery.caffe_fields.schema import KnownField
    from deconvsurgery.prototxt.net import Value

# Repeated fields whose values lie in one field, one behind the other ([packed = true]).
PACKED: Final = {
    "BlobProto": ("data", "diff", "double_data", "double_diff"),
    "BlobShape": ("dim",),
}
# Of each kind of scalar; all others are varints.
_WIRE_TYPES: Final = {"float": I32, "double": I64, "string": LEN, "bytes": LEN}


def message_bytes(name: str, *given: NetMessage) -> bytes:
    r"""The message called ``name`` in ``caffe.proto`` that several together describe.

    Of a field that may be there once the last value counts; its messages are merged.

    >>> message_bytes("NetState", NetMessage((("stage", "a"), ("phase", "TEST"), ("stage", "b"))))
    b'\x08\x01\x1a\x01a\x1a\x01b'
    """
    values: dict[KnownField, list[Value]] = {}
    for known, value in chain.from_iterable(_known(name, message) for message in given):
        values.setdefault(known, []).append(value)
    packed = PACKED.get(name, ())
    return b"".join(
        _field(known, values[known], packed=known.name in packed)
        for known in sorted(values, key=lambda known: known.number)
    )


def wire_type_of(known: KnownField) -> int:
    """What one value of a field is on the wire."""
    return LEN if known.is_message else _WIRE_TYPES.get(known.kind, VARINT)


def _known(name: str, message: NetMessage) -> Iterator[tuple[KnownField, Value]]:
    fields = fields_of(name)
    of_forks = FORK_REPEATED_FIELDS.get(name, ())
    for field, value in message.fields:
        known = fields.get(field)
        if known is None or (field in of_forks and len(message.all(field)) > 1):
            continue
        if known.is_enum and value not in enum_values(known.kind):
            continue  # a fork's
        if known.is_message is isinstance(value, NetMessage):
            yield known, value


def _field(known: KnownField, values: list[Value], *, packed: bool) -> bytes:
    if known.is_message:
        messages = [value for value in values if isinstance(value, NetMessage)]
        each = [[message] for message in messages] if known.repeated else [messages]
        return b"".join(delimited(known.number, message_bytes(known.kind, *one)) for one in each)
    written: Iterable[bytes] = (
        _scalar(known, value) for value in (values if known.repeated else values[-1:])
    )
    if packed:
        return delimited(known.number, b"".join(written))
    wire_type = wire_type_of(known)
    if wire_type == LEN:
        return b"".join(delimited(known.number, each) for each in written)
    head = tag(known.number, wire_type)
    return b"".join(head + each for each in written)


def _scalar(known: KnownField, value: Value) -> bytes:
    """A value without its tag; negative integers take 64 bits, as protobuf has it."""
    if known.is_enum:
        number = enum_values(known.kind)[str(value)]
    elif isinstance(value, str):
        return encoded(value)
    elif known.kind in ("float", "double"):
        return pack("<f" if known.kind == "float" else "<d", value)
    else:
        assert isinstance(value, int)
        number = value
    return varint(number & 0xFFFF_FFFF_FFFF_FFFF)
