"""What a file is, by its first bytes and never by its suffix.

It errs on one side only: what can be a NetParameter is called BINARY.
"""

from __future__ import annotations

import re

from .foreign_files import foreign_bytes, foreign_message, foreign_text
from .forms import Form

HEAD = 8192
"""Bytes from the start of a file that are enough for :func:`form`."""


_HDF5 = b"\x89HDF\r\n\x1a\n"

_MARKUP = (b"<!doctype", b"<html", b"<head", b"<body", b"<?xml", b"<!--", b"<script")

_VARINT, _FIXED64, _LEN, _GROUP, _GROUP_END, _FIXED32 = range(6)

# (field number, wire type) at the top level (caffe.proto; onnx.proto's ModelProto)
_NET = {(1, _LEN), (2, _LEN), (100, _LEN)}  # name, V1 layers, layer
_SOLVERSTATE = {(2, _LEN), (3, _LEN)}  # learned_net, history; iter comes first
_COREML = range(200, 3001)  # the kinds of a Model; a description comes before
_ONNX = {(7, _LEN), (8, _LEN)}  # graph, opset_import; ir_version comes first
_DIMS = {(2, _VARINT), (3, _VARINT), (4, _VARINT)}  # channels, height, width
_DATA = {(5, _LEN), (5, _FIXED32), (8, _LEN)}  # data (packed or not), double_data
# Of C3D 1.0, whose width is where Caffe has data: dims, data, diff.
_C3D_BLOB = {(number, _VARINT) for number in range(1, 6)} | {
    (number, kind) for number in (6, 7) for kind in (_LEN, _FIXED32)
}
_BLOB = _DIMS | _DATA | {(1, _VARINT), (6, _LEN), (7, _LEN), (9, _LEN), (9, _FIXED64)}


_CONTROLS = bytes(byte for byte in range(32) if byte not in b"\t\n\v\f\r")
# What every prototxt has: a field's name and what opens its value.
_FIELD = re.compile(rb"[A-Za-z_]\s*[:{]")


def form(head: bytes, size: int) -> Form:
    r"""Say what a file of ``size`` bytes is that begins with ``head`` (``HEAD`` bytes of it).

    >>> str(form(b"\x0a\x05LeNet\xa2\x06\x00", 10)), str(form(b"name: 'LeNet'", 13))
    ('binary', 'text')
    """
    if size == 0:
        return Form.EMPTY
    if head.startswith(_HDF5):
        return Form.HDF5
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):  # UTF-16
        return Form.TEXT
    foreign = foreign_bytes(head, size)
    if foreign is not None:
        return foreign
    # A net may begin with a line end, which is also a tag, or with more comments than a head holds.
    if _controls(head) == 0 and (_FIELD.search(head) or head.lstrip()[:1] in (b"", b"#")):
        return _text_form(head, size)
    foreign = foreign_message(head)
    if foreign is not None:
        return foreign
    seen, broken = _top_level(head, size)
    fields = set(seen)
    if not broken and fields & _NET and seen[0] != (1, _VARINT):
        return Form.BINARY
    # No net from here on, or a broken one. HDF5 allows a user block of 512 · 2^n bytes
    if any(head.startswith(_HDF5, offset) for offset in (512, 1024, 2048, 4096)):
        return Form.HDF5
    if head[:1] == b"\x80" and head[1:2] in (b"\2", b"\3", b"\4", b"\5"):  # opcode PROTO
        return Form.PICKLE
    if _controls(head) == 0 and (text := _text_form(head, size)) is not Form.TEXT:
        return text
    # A whole message is taken for text only when it reads like a net's.
    if (broken or (len(head) >= size and _FIELD.search(head))) and _is_text(head):
        return _text_form(head, size)
    return _protobuf(seen)


def _text_form(head: bytes, size: int) -> Form:
    if not _controls(head):
        found = foreign_text(head, size)
        if found is not None:
            return found
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:16].lower()
    return Form.HTML if start.startswith(_MARKUP) else Form.TEXT


def _controls(head: bytes) -> int:
    """Control characters that no text has."""
    return len(head) - len(head.translate(None, _CONTROLS))


def _protobuf(seen: list[tuple[int, int]]) -> Form:
    """Tell Caffe's other files and ONNX from a net by their fields, none of which names a net."""
    fields = set(seen)
    if not fields or fields & {(1, _LEN), (100, _LEN)}:
        return Form.BINARY
    numbered = seen[0] == (1, _VARINT)
    if numbered and (2, _LEN) in fields and any(_is_coreml(*field) for field in fields):
        return Form.COREML
    if fields & _DATA and fields <= _BLOB and (fields & _DIMS or seen[0] in _DATA - {(8, _LEN)}):
        return Form.BLOBPROTO
    if numbered and fields & {(5, _LEN), (5, _FIXED32)}:
        return Form.BLOBPROTO
    if (5, _VARINT) in fields and fields <= _C3D_BLOB:
        return Form.BLOBPROTO
    if numbered and fields & _ONNX and not fields & _DIMS:
        return Form.ONNX
    if numbered and fields & _SOLVERSTATE:
        return Form.SOLVERSTATE
    return Form.BINARY


def _is_coreml(number: int, wire_type: int) -> bool:
    return number in _COREML and wire_type == _LEN


def _top_level(head: bytes, size: int) -> tuple[list[tuple[int, int]], bool]:
    """Collect (field number, wire type) of the fields that begin in ``head``.

    True when no protobuf message of ``size`` bytes begins so.
    """
    seen: list[tuple[int, int]] = []
    open_groups: list[int] = []
    position = 0
    while position < min(len(head), size):
        tag, position = _varint(head, position)
        if tag is None:
            return seen, len(head) >= size or position < len(head)
        number, wire_type = tag >> 3, tag & 7
        if not 0 < number < 1 << 29:
            return seen, True
        if not open_groups:
            seen.append((number, wire_type))
        if wire_type == _VARINT:
            value, position = _varint(head, position)
            if value is None:
                return seen, len(head) >= size or position < len(head)
        elif wire_type == _LEN:
            length, position = _varint(head, position)
            if length is None:
                return seen, len(head) >= size or position < len(head)
            position += length
        elif wire_type in (_FIXED64, _FIXED32):
            position += 8 if wire_type == _FIXED64 else 4
        elif wire_type == _GROUP:
            open_groups.append(number)
        elif wire_type != _GROUP_END or not open_groups or open_groups.pop() != number:
            return seen, True
        if position > size:
            return seen, True
    return seen, bool(open_groups) and len(head) >= size


def _varint(data: bytes, position: int) -> tuple[int | None, int]:
    """Read a varint: its value, or None where it is too long or cut off, and where it ends."""
    value = 0
    for index in range(position, min(position + 10, len(data))):
        value |= (data[index] & 0x7F) << 7 * (index - position)
        if data[index] < 0x80:
            return value, index + 1
    return None, min(position + 10, len(data))


def _is_text(head: bytes) -> bool:
    """Tell text, also with a stray NUL in it, by control characters: at most one in a hundred.

    A model's head is full of them: tags and lengths.
    """
    return _controls(head) * 100 <= len(head)
