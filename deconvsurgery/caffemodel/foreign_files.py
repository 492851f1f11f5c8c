"""The signs of files that are neither a net nor a model, each of which no net and no model has.

Nothing is guessed: a file without such a sign is left to whoever reads it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from .forms import Form
from .wire import decoded

# None of these can begin a protobuf message that anyone has written: the first byte is a
# tag of wire type 6 or 7, or the second is field number 0, or the tag's number is absurd, or no
# NetParameter has such a field.
_MAGIC: Final[tuple[tuple[bytes, Form], ...]] = (
    (b"version https://git-lfs.github.com/spec/", Form.LFS_POINTER),
    (b"version https://hawser.github.com/spec/", Form.LFS_POINTER),  # its name before 1.0
    (b"!<symlink>", Form.SYMLINK),  # Cygwin's
    (b"L\0\0\0\1\x14\2\0\0\0\0\0\xc0\0\0\0\0\0\0F", Form.SHORTCUT),
    (b"\0\5\x16\7", Form.APPLE_DOUBLE),
    (b"\0\5\x16\0", Form.APPLE_DOUBLE),  # AppleSingle
    (b'{"deconvsurgery_patch"', Form.PATCH),
    (b"\x1f\x8b\x08", Form.GZIP),
    (b"\xfd7zXZ\0", Form.XZ),
    (b"\x28\xb5\x2f\xfd", Form.ZSTD),
    (b"\x04\x22\x4d\x18", Form.LZ4),
    (b"\x1f\x9d", Form.COMPRESS),
    (b"7z\xbc\xaf\x27\x1c", Form.SEVEN_ZIP),
    (b"Rar!\x1a\x07", Form.RAR),
    (b"PK\x05\x06", Form.ZIP),
    (b"\x93NUMPY", Form.NUMPY),
    (b"MATLAB 5.0 MAT-file", Form.MAT),
    (b"MATLAB 7.3 MAT-file", Form.MAT),  # HDF5 behind it
    (b"\x80\2\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19", Form.PYTORCH),  # its pickled magic number
    (b"GGUF", Form.GGUF),
    (b"\x12\1" + bytes(14), Form.MXNET_PARAMS),  # kMXAPINDArrayListMagic, and a reserved word
    (b"ftrt", Form.TENSORRT),
    (b"\x47\x6b\x30\x01", Form.NCNN_BIN),  # the first weights are in half precision
    (b"\x89PNG\r\n\x1a\n", Form.PNG),
    (b"\xff\xd8\xff", Form.JPEG),
    (b"GIF87a", Form.GIF),
    (b"GIF89a", Form.GIF),
    (b"II*\0", Form.TIFF),
    (b"MM\0*", Form.TIFF),
    (b"%PDF-", Form.PDF),
)


def foreign_bytes(head: bytes, size: int) -> Form | None:
    """The form of a file that begins as no protobuf message and no text does, if it is known."""
    for magic, found in _MAGIC:
        if head.startswith(magic):
            return found
    if head.startswith(b"PK\x03\x04"):
        return _zip_form(head)
    return next((found for sign, found in _SIGNS if sign(head, size)), None)


def _zip_form(head: bytes) -> Form:
    """By the name of the first member; PyTorch's archives hold a pickle in a folder."""
    name = head[30 : 30 + int.from_bytes(head[26:28], "little")]
    if name.endswith(b".npy"):
        return Form.NPZ
    if name.endswith(b"/data.pkl") or (b"PK\x03\x04" in head[4:] and b"/data.pkl" in head):
        return Form.PYTORCH
    if name in (b"metadata.json", b"config.json") and b"keras_version" in head:
        return Form.KERAS
    return Form.ZIP


def _is_safetensors(head: bytes, size: int) -> bool:
    """The length of a JSON header, and the header."""
    length = int.from_bytes(head[:8], "little")
    return 2 <= length <= size - 8 and length < 1 << 27 and head[8:10] in (b'{"', b"{}")


def _is_tar(head: bytes, _size: int) -> bool:
    """By the checksum of its first header, in which the checksum itself counts as spaces."""
    said = head[148:156].strip(b" \0")
    if len(head) < 512 or not re.fullmatch(rb"[0-7]{3,7}", said) or not head[0]:
        return False
    return sum(head[:148]) + 8 * 0x20 + sum(head[156:512]) == int(said, 8)


def _is_lmdb(head: bytes, _size: int) -> bool:
    """Page 0, a page of metadata (``P_META``), and LMDB's magic behind its header."""
    return head[:8] == bytes(8) and head[10:12] == b"\x08\0" and head[16:20] == b"\xde\xc0\xef\xbe"


def _is_darknet(head: bytes, size: int) -> bool:
    """``save_weights_upto`` in parser.c: major 0, minor 1 or 2, revision; then images seen."""
    major, minor, revision = (int.from_bytes(head[i : i + 4], "little") for i in (0, 4, 8))
    return major == 0 and minor in (1, 2) and revision <= 5 and size % 4 == 0 and size > 20


def _is_bmp(head: bytes, size: int) -> bool:
    """Its size, and two reserved words."""
    return head[:2] == b"BM" and head[2:6] == size.to_bytes(8, "little")[:4] and not any(head[6:10])


# An SSTable whose first entry has an empty key and, as value, a BundleHeaderProto.
_TF_INDEX: Final = rb"\0\0[\x04-\x20]\x08[\x01-\x7f](\x10\x01)?\x1a\x02\x08\x01"


def _is_bzip2(head: bytes, _: int) -> bool:
    return head.startswith(b"BZh") and re.match(rb"BZh[1-9]1AY&SY", head) is not None


def _is_tf_index(head: bytes, _: int) -> bool:
    return head.startswith(b"\0\0") and re.match(_TF_INDEX, head) is not None


_SIGNS: Final[tuple[tuple[Callable[[bytes, int], bool], Form], ...]] = (
    # FlatBuffers: where the root table is, and an identifier.
    (lambda head, _: head[1:8] == b"\0\0\0TFL3", Form.TFLITE),
    (lambda head, _: head[1:8] == b"\0\0\0ORTM", Form.ONNX_RUNTIME),
    (lambda head, _: head[:4] == b"RIFF" and head[8:12] == b"WEBP", Form.WEBP),
    (_is_bzip2, Form.BZIP2),
    (_is_tf_index, Form.TF_CHECKPOINT),
    (_is_safetensors, Form.SAFETENSORS),
    (_is_lmdb, Form.LMDB),
    (_is_darknet, Form.DARKNET_WEIGHTS),
    (_is_tar, Form.TAR),
    (_is_bmp, Form.BMP),
)


# ── text ──

# What may stand before the first word of any text.
_START: Final = rb"(?:\xef\xbb\xbf)?(?:\s|#[^\n\r]*[\n\r])*"
_ANNEX: Final = rb"(?:\S*\.git)?/annex/objects/\S+\n?"
# One line without an end. A path that begins as one may have spaces in it, another has none.
_LINK: Final = (
    rb"(?:\.{0,2}/[^\0-\x1f{}\"<>|?*:/][^\0-\x1f{}\"<>|?*:]*"
    rb"|(?=.{8})[^\0-\x20{}\"'<>|?*:#;,=]*[^\0-\x20{}\"'<>|?*:#;,=/]/[^\0-\x20{}\"'<>|?*:#;,=]+"
    rb"|[\w+-][\w.+-]*\.(?:prototxt|caffemodel|pt|txt|h5|hdf5|bin|model))"
)
_LONGEST_PATH: Final = 4096
# What stands first, behind blanks and comments unless it is the very first; what shows the rest.
# The second is asked where the first is there: it takes long to make of each of them an automaton.
_FIRST: Final[tuple[tuple[tuple[bytes, ...], bytes, Form], ...]] = (
    ((b"outs:", b"deps:"), rb"....:\s*\n\s*- (?:md5|hash|etag|path)\b", Form.DVC_POINTER),
    ((b"md5: ",), rb"md5: [0-9a-f]{32}\s*\n(?:.*\n)?(?:outs|deps):", Form.DVC_POINTER),
    ((b"7767517",), rb"7767517\r?\n", Form.NCNN_PARAM),
)
_BEHIND_BLANKS: Final[tuple[tuple[tuple[bytes, ...], bytes, Form], ...]] = (
    ((b";", b"["), rb"(?:;[^\n]*\n\s*)*\[net(?:work)?\]", Form.DARKNET_CFG),
    ((b"node",), rb"node\s*\{\s*name\s*:\s*\"[^\"]*\"\s*op\s*:", Form.TF_GRAPH_TEXT),
    ((b"model_checkpoint_path",), rb"model_checkpoint_path\s*:", Form.TF_CHECKPOINT_LIST),
    ((b"<",), rb"(?:<\?xml[^>]*>\s*)?<net\s+name=", Form.OPENVINO),
    ((b"{",), rb"\{\s*\"nodes\"\s*:\s*\[\s*\{\s*\"op\"", Form.MXNET_SYMBOL),
    ((b"{", b"["), rb"\{\s*[\"}]|\[\s*[\"\[{\]]", Form.JSON),
)


def foreign_text(head: bytes, size: int) -> Form | None:
    """The form of a text that is no net's, if it is known; ``head`` has no control characters."""
    if size <= _LONGEST_PATH:
        if b"/annex/objects/" in head and re.fullmatch(_ANNEX, head):
            return Form.ANNEX_POINTER
        if b"\n" not in head and re.fullmatch(_LINK, head):
            return Form.SYMLINK
    start = re.match(_START, head)
    assert start is not None  # it may be empty
    behind = head[start.end() :]
    for text, rows in ((head, _FIRST), (behind, _BEHIND_BLANKS)):
        for openings, sign, found in rows:
            if text.startswith(openings) and re.match(sign, text):
                return found
    return None


def link_target(head: bytes) -> str:
    """Where a symbolic link leads that was written out as text (`Form.SYMLINK`)."""
    if head.startswith(b"!<symlink>"):
        return head[10:].decode("utf-16", "replace").rstrip("\0")
    return decoded(head)


# ── protobuf ──

_IDENTIFIER: Final = rb"[A-Za-z_][A-Za-z0-9_.>]*"
_NODE_NAME: Final = rb"[A-Za-z0-9.][A-Za-z0-9_.\\/>:-]*"


def foreign_message(head: bytes) -> Form | None:
    """The form of a protobuf message that would be a net by its fields' numbers alone.

    Its name and its layers are messages of another kind, which no name and no layer is.
    """
    if head.startswith(b"\x08\x01\x12"):  # SavedModel: schema version 1, a MetaGraphDef
        _, at = _length(head, 3)
        return Form.TF_SAVED_MODEL if at and head[at : at + 1] == b"\n" else None
    _, at = _opened(head, 0, b"\n")
    if at:
        if head[at:].startswith(b"\x08\x00\x10" + b"\xff" * 9 + b"\x01"):
            return Form.PADDLE  # BlockDesc: index 0, parent -1
        if _is_node(head, at):
            return Form.TF_GRAPH
        if _is_meta_info(head, at):
            return Form.TF_META_GRAPH
    return Form.CAFFE2 if _is_net_def(head) else None


def _length(head: bytes, at: int) -> tuple[int, int]:
    """A length, and where it ends; two zeros where there is none."""
    value = 0
    for index in range(5):
        byte = head[at + index : at + index + 1]
        if not byte:
            return 0, 0
        value |= (byte[0] & 0x7F) << 7 * index
        if byte[0] < 0x80:
            return value, at + index + 1
    return 0, 0


def _opened(head: bytes, at: int, tag: bytes) -> tuple[int, int]:
    """The length of the field with this tag, and where its payload begins; else two zeros."""
    return _length(head, at + 1) if head[at : at + 1] == tag else (0, 0)


def _string(head: bytes, at: int, tag: bytes) -> tuple[bytes, int]:
    """The payload of the field with this tag, and where it ends; of another nothing, and 0."""
    length, start = _opened(head, at, tag)
    payload = head[start : start + length]
    return (payload, start + length) if start and len(payload) == length > 0 else (b"", 0)


def _is_node(head: bytes, at: int) -> bool:
    """A NodeDef: a name and an op; then inputs, a device, attributes, or the next node."""
    name, at = _string(head, at, b"\n")
    op, at = _string(head, at, b"\x12") if at else (b"", 0)
    follows = head[at : at + 1] in (b"", b"\n", b"\x1a", b"\x22", b"\x2a", b"\x32")
    if not (at and follows):
        return False
    return bool(re.fullmatch(_NODE_NAME, name) and re.fullmatch(_IDENTIFIER, op))


def _is_meta_info(head: bytes, at: int) -> bool:
    """A MetaInfoDef: the list of ops that the graph uses, each with its name first."""
    _, version = _string(head, at, b"\n")
    for tag in (b"\x12", b"\n"):
        _, at = _opened(head, version or at, tag)
        version = 0
        if not at:
            return False
    name, at = _string(head, at, b"\n")
    return bool(at and re.fullmatch(_IDENTIFIER, name))


def _is_net_def(head: bytes) -> bool:
    """A NetDef: a name, and an OperatorDef whose type is text and which has arguments.

    Where a V1 layer has its name, an OperatorDef has its type, and arguments where a layer's type
    is, which is a number.
    """
    _, at = _string(head, 0, b"\n")
    length, at = _opened(head, at, b"\x12")
    stop = at + length
    for tag in (b"\n", b"\x12", b"\x1a"):  # inputs, outputs, a name
        while at < stop and head[at : at + 1] == tag:
            length, start = _opened(head, at, tag)
            at = start + length if start else stop
    kind, at = _string(head, at, b"\x22") if 0 < at < stop else (b"", 0)
    _, at = _opened(head, at, b"\x2a") if at else (0, 0)
    argument, at = _string(head, at, b"\n") if at else (b"", 0)
    return bool(at and re.fullmatch(_IDENTIFIER, kind) and re.fullmatch(_IDENTIFIER, argument))
