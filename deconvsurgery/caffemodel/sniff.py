"""What a file is, told by its first bytes and never by its suffix.

It errs on one side only: what can be a NetParameter is called BINARY.
"""

from __future__ import annotations

import re
from enum import StrEnum

HEAD = 8192
"""Bytes from the start of a file that are enough for :func:`form`."""


class Form(StrEnum):
    """What a file holds; BINARY is anything that may be a NetParameter, or may be not known."""

    BINARY = "binary"
    EMPTY = "empty"
    HDF5 = "hdf5"
    LFS_POINTER = "lfs-pointer"
    HTML = "html"
    TEXT = "text"
    GZIP = "gzip"
    ZIP = "zip"
    PICKLE = "pickle"
    NUMPY = "numpy"
    ONNX = "onnx"
    SOLVERSTATE = "solverstate"
    BLOBPROTO = "blobproto"


_HDF5 = b"\x89HDF\r\n\x1a\n"

# None of these can begin a protobuf message that anyone has written: the first byte is a
# tag of wire type 6 or 7, or the second is field number 0, or the tag's number is absurd.
_MAGIC: tuple[tuple[bytes, Form], ...] = (
    (_HDF5, Form.HDF5),
    (b"version https://git-lfs.github.com/spec/", Form.LFS_POINTER),
    (b"version https://hawser.github.com/spec/", Form.LFS_POINTER),  # its name before 1.0
    (b"\x1f\x8b\x08", Form.GZIP),
    (b"PK\x03\x04", Form.ZIP),
    (b"PK\x05\x06", Form.ZIP),
    (b"\x93NUMPY", Form.NUMPY),
    (b"\xff\xfe", Form.TEXT),  # UTF-16
    (b"\xfe\xff", Form.TEXT),
)
_MARKUP = (b"<!doctype", b"<html", b"<head", b"<body", b"<?xml", b"<!--", b"<script")

_VARINT, _FIXED64, _LEN, _GROUP, _GROUP_END, _FIXED32 = range(6)

# (field number, wire type) at the top level (caffe.proto; onnx.proto's ModelProto)
_NET = {(1, _LEN), (2, _LEN), (100, _LEN)}  # name, V1 layers, layer
_SOLVERSTATE = {(2, _LEN), (3, _LEN)}  # learned_net, history; iter comes first
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
    for magic, found in _MAGIC:
        if head.startswith(magic):
            return found
    # A net may begin with a line end, which is also a tag, or with more comments than a head holds.
    if _controls(head) == 0 and (_FIELD.search(head) or head.lstrip()[:1] in (b"", b"#")):
        return _text_form(head)
    seen, broken = _top_level(head, size)
    fields = set(seen)
    if not broken and fields & _NET and seen[0] != (1, _VARINT):
        return Form.BINARY
    # No net from here on, or a broken one. HDF5 leaves room for a user block of 512 · 2^n bytes
    if any(head.startswith(_HDF5, offset) for offset in (512, 1024, 2048, 4096)):
        return Form.HDF5
    if head[:1] == b"\x80" and head[1:2] in (b"\2", b"\3", b"\4", b"\5"):  # opcode PROTO
        return Form.PICKLE
    # A whole message is taken for text only when it reads like a net's.
    if (broken or (len(head) >= size and _FIELD.search(head))) and _is_text(head):
        return _text_form(head)
    return _protobuf(seen)


def _text_form(head: bytes) -> Form:
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


_DESCRIBED: dict[Form, tuple[str, str]] = {
    Form.BINARY: (
        "is a binary file, not text",
        "if it holds the weights, net and model may be the wrong way round",
    ),
    Form.EMPTY: (
        "is empty",
        "a download may have failed, or a run was cut short: fetch the file again",
    ),
    Form.HDF5: (
        "is an HDF5 file",
        "if it is a .caffemodel.h5, name it where the model is expected, not the net",
    ),
    Form.LFS_POINTER: (
        "is a Git LFS pointer, not the file itself",
        "run `git lfs pull` in its repository, or download the file itself",
    ),
    Form.HTML: (
        "is a web page, not a model or a net",
        "the download got the page around the file: look for its raw or direct link",
    ),
    Form.TEXT: (
        "is text, not weights",
        "a prototxt holds no weights: is the .caffemodel meant, or are the two files the wrong way "
        "round?",
    ),
    Form.GZIP: ("is compressed with gzip", "unpack it first: `gunzip` or `tar -xzf`"),
    Form.ZIP: (
        "is a ZIP archive (.zip, NumPy .npz or PyTorch), not a Caffe model",
        "if a Caffe model is inside, unpack it first: `unzip`",
    ),
    Form.PICKLE: (
        "is a Python pickle (as older PyTorch files are), not a Caffe model",
        "convert it to a caffemodel first, with the tool for the framework that wrote it",
    ),
    Form.NUMPY: (
        "is a NumPy array file, not a Caffe model",
        "convert it to a caffemodel first, with the tool that wrote it",
    ),
    Form.ONNX: (
        "is an ONNX model, not a Caffe model",
        "convert it to a caffemodel first",
    ),
    Form.SOLVERSTATE: (
        "is a solver state: what training resumes from, without the weights",
        "use the .caffemodel that was saved next to it, at the same iteration",
    ),
    Form.BLOBPROTO: (
        "is a single blob, as mean files (.binaryproto) are, not a model",
        "use the .caffemodel",
    ),
}


def described(form: Form) -> tuple[str, str]:
    """Say in words what the file is (to follow its name), and what to do where it will not do."""
    return _DESCRIBED[form]
