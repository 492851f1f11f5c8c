"""Binary models that are wrong, and some that only look so: the wire format."""

from __future__ import annotations

from helpers.corpus.hostile_case import (
    CONV,
    CONV_BLOB,
    CONV_MEANS,
    FOUR,
    MODEL,
    NAME,
    UP,
    UP_MEANS,
    Case,
    data,
    layer,
    shape,
)
from helpers.wire import (
    END_GROUP,
    FIXED32,
    FIXED64,
    GROUP,
    LEN,
    VARINT,
    floats,
    number,
    sized,
    tag,
    varint,
)

BOTH = (CONV_MEANS, UP_MEANS)


def _groups(depth: int) -> bytes:
    return tag(900, GROUP) * depth + tag(900, END_GROUP) * depth


def _bad(name: str, odd: bytes, about: str) -> Case:
    """Good layers, then what is odd."""
    return Case(f"{name}.caffemodel", MODEL + odd, about)


def _good(name: str, odd: bytes, about: str) -> Case:
    return Case(f"{name}.caffemodel", MODEL + odd, about, BOTH)


def _conv(name: str, body: bytes, about: str, means: tuple[object, ...] | None = None) -> Case:
    """A layer ``conv`` with a body of our own before the good ``up``."""
    blobs = (("conv", "Convolution", means), UP_MEANS) if means is not None else None
    whole = NAME + sized(100, sized(1, b"conv") + sized(2, b"Convolution") + body) + UP
    return Case(f"{name}.caffemodel", whole, about, blobs)


WIRE = (
    # --- truncation; every byte of a model is cut in tests/corpus/test_truncated.py
    Case("cut-in-payload.caffemodel", MODEL[:-1], "the last byte is missing"),
    Case("cut-half.caffemodel", MODEL[: len(MODEL) // 2], "the second half is missing"),
    _bad("cut-in-tag", b"\xa2", "ends within a tag"),
    _bad("cut-after-tag", tag(100, LEN), "ends before a length"),
    _bad("cut-in-length", tag(100, LEN) + b"\x80", "ends within a length"),
    _bad("cut-in-varint", tag(5, VARINT) + b"\xff\xff", "ends within a number"),
    _bad("cut-in-fixed32", tag(900, FIXED32) + b"abc", "ends within four bytes"),
    _bad("cut-in-fixed64", tag(900, FIXED64) + b"abcdefg", "ends within eight bytes"),
    Case(
        "cut-at-a-border.caffemodel",
        NAME + CONV,
        "cut where a layer ends: a whole, shorter model to protobuf, too",
        (CONV_MEANS,),
    ),
    # --- varints
    _good("varint-10-bytes", number(5, -1), "a number of ten bytes"),
    _good("varint-overlong", tag(5, VARINT) + varint(1, 10), "1 spelt in ten bytes"),
    _good("varint-over-2-63", number(900, 2**63 + 5), "a number beyond a signed one"),
    _good("varint-over-2-64", tag(900, VARINT) + b"\xff" * 9 + b"\x7f", "bits beyond the 64th"),
    _bad("varint-11-bytes", tag(5, VARINT) + varint(1, 11), "a number of eleven bytes"),
    _bad("varint-endless", tag(5, VARINT) + b"\x80" * 200, "a number that never ends"),
    _good("tag-overlong", tag(900, VARINT, 5) + b"\1", "a tag in five bytes where two do"),
    _bad("tag-6-bytes", tag(900, VARINT, 6) + b"\1", "a tag in six bytes, which protobuf refuses"),
    _good("length-overlong", sized(900, b"abc", 5), "a length in five bytes where one does"),
    _bad("length-6-bytes", sized(900, b"abc", 6), "a length in six bytes"),
    _bad("length-negative", tag(900, LEN) + varint(2**64 - 1), "-1 as a length, in ten bytes"),
    _bad("length-2-31", tag(900, LEN) + varint(2**31), "a length of 2 GiB and nothing there"),
    _bad("length-2-32", tag(900, LEN) + varint(2**32 - 1), "a length of 4 GiB less one"),
    _bad("length-2-62", tag(900, LEN) + varint(2**62), "a length of 2^62"),
    _bad(
        "length-beyond-end", tag(900, LEN) + varint(9) + b"abc", "nine bytes promised, three there"
    ),
    Case(
        "length-beyond-parent.caffemodel",
        NAME + sized(100, sized(1, b"conv") + tag(7, LEN) + varint(60) + CONV_BLOB) + UP,
        "a blob longer than its layer, though the file goes on",
    ),
    Case(
        "data-beyond-blob.caffemodel",
        NAME + layer("conv", "Convolution", tag(5, LEN) + varint(80) + floats(*FOUR)) + UP,
        "values longer than their blob",
    ),
    Case(
        "shape-beyond-blob.caffemodel",
        NAME + layer("conv", "Convolution", data(*FOUR) + tag(7, LEN) + varint(40) + b"\1") + UP,
        "a shape longer than its blob",
    ),
    Case(
        "packed-2-62.caffemodel",
        NAME + layer("conv", "Convolution", tag(5, LEN) + varint(2**62)) + UP,
        "packed values of 2^62 bytes",
    ),
    # --- groups, the wire types 3 and 4
    _good("group", tag(900, GROUP) + number(1, 5) + tag(900, END_GROUP), "a group, as of 2008"),
    _good("group-in-layer", _groups(1), "a group of nobody's"),
    _good("groups-100-deep", _groups(100), "as deep as protobuf follows"),
    _bad("groups-101-deep", _groups(101), "deeper than protobuf follows"),
    _bad("group-unclosed", tag(900, GROUP), "a group that does not end"),
    _bad("group-unopened", tag(900, END_GROUP), "the end of a group that never began"),
    _bad("group-crossed", tag(900, GROUP) + tag(901, END_GROUP), "ends under another number"),
    _bad("group-cut-payload", tag(900, GROUP) + tag(1, LEN) + b"\x20ab", "cut within a group"),
    Case(
        "group-across-layers.caffemodel",
        NAME + sized(100, sized(1, b"conv") + tag(900, GROUP)) + tag(900, END_GROUP) + UP,
        "a group that begins in a layer and ends behind it",
    ),
    # --- wire types and numbers that do not exist
    _bad("wire-type-6", tag(900, 6) + b"\1", "wire type 6"),
    _bad("wire-type-7", tag(900, 7) + b"\1", "wire type 7"),
    _bad("field-0", tag(0, VARINT) + b"\1", "field number 0"),
    _bad("field-0-bytes", tag(0, LEN) + b"\3abc", "field number 0 with bytes"),
    _good("field-2-29-less-1", number(2**29 - 1, 5), "the largest field number"),
    _bad("field-2-29", varint(1 << 32) + b"\1", "a field number past the largest"),
    _bad("tag-2-35", varint(2**35 - 8) + b"\1", "a tag of more than 32 bits"),
    # --- unknown fields of each wire type, and known ones of a wrong type
    _good(
        "unknown-fields",
        number(900, 7)
        + tag(901, FIXED64)
        + bytes(8)
        + sized(902, b"x")
        + _groups(1)
        + tag(903, FIXED32)
        + bytes(4),
        "fields that no Caffe has, of each wire type",
    ),
    _conv(
        "unknown-in-layer",
        number(5000, 7)
        + tag(5001, FIXED64)
        + bytes(8)
        + sized(5002, b"x")
        + _groups(2)
        + sized(7, CONV_BLOB + tag(5003, FIXED32) + bytes(4)),
        "the same in a layer and in a blob",
        (((1, 1, 2, 2), FOUR),),
    ),
    _good("wrong-type-name", number(1, 5), "the net's name as a number"),
    _good("wrong-type-layer", number(100, 5), "a layer as a number"),
    _good("wrong-type-layers", tag(2, FIXED32) + bytes(4), "V1 layers as four bytes"),
    _conv("wrong-type-blobs", number(7, 5), "blobs as a number", ()),
    _conv("wrong-type-param", tag(106, FIXED64) + bytes(8), "convolution_param as eight bytes", ()),
    _conv(
        "wrong-type-data",
        sized(7, number(5, 5) + CONV_BLOB),
        "data as a number beside the real ones",
        (((1, 1, 2, 2), FOUR),),
    ),
    _conv(
        "wrong-type-shape",
        sized(7, number(7, 5) + CONV_BLOB),
        "shape as a number beside the real one",
        (((1, 1, 2, 2), FOUR),),
    ),
    _conv(
        "wrong-type-dim",
        sized(7, data(1.0) + sized(7, tag(1, FIXED64) + bytes(8))),
        "dim as eight bytes: a shape without dims",
        (((), (1.0,)),),
    ),
    _conv(
        "wrong-type-num",
        sized(7, tag(1, FIXED32) + bytes(4) + CONV_BLOB),
        "num as four bytes: no legacy shape",
        (((1, 1, 2, 2), FOUR),),
    ),
    # --- repeated fields, packed or not
    _conv(
        "data-unpacked",
        sized(7, b"".join(tag(5, FIXED32) + floats(each) for each in FOUR) + shape(4)),
        "values one by one",
        (((4,), FOUR),),
    ),
    _conv(
        "data-mixed",
        sized(
            7,
            tag(5, FIXED32)
            + floats(1.0)
            + data(2.0, 3.0)
            + tag(5, FIXED32)
            + floats(4.0)
            + shape(4),
        ),
        "packed and unpacked values of one blob",
        (((4,), FOUR),),
    ),
    _conv(
        "data-chunked",
        sized(7, data(1.0, 2.0) + shape(4) + data() + data(3.0) + data(4.0)),
        "values in several chunks, one of them empty, the shape between",
        (((4,), FOUR),),
    ),
    _conv(
        "data-overlong-tags",
        sized(7, b"".join(tag(5, FIXED32, 2) + floats(each) for each in FOUR) + shape(4)),
        "values one by one behind tags in two bytes",
        (((4,), FOUR),),
    ),
    _conv(
        "shape-unpacked",
        sized(7, data(*FOUR) + sized(7, number(1, 2) + sized(1, b"\2") + number(1, 1))),
        "dims packed and unpacked",
        (((2, 2, 1), FOUR),),
    ),
    _conv("data-not-4", sized(7, sized(5, bytes(15)) + shape(4)), "data of 15 bytes"),
    _conv("double-not-8", sized(7, sized(8, bytes(20)) + shape(2)), "double_data of 20 bytes"),
    _conv("diff-not-4", sized(7, CONV_BLOB + sized(6, bytes(6))), "diff of six bytes"),
    _conv("dim-cut", sized(7, data(1.0) + sized(7, sized(1, b"\x80"))), "a packed dim cut off"),
)
