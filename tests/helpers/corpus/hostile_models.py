"""Binary models that are wrong, and some that only look so: layers, blobs, names, values."""

from __future__ import annotations

import struct

from helpers.corpus.hostile_case import (
    CONV,
    CONV_BLOB,
    CONV_MEANS,
    FOUR,
    NAME,
    UP,
    UP_BLOB,
    UP_MEANS,
    ZEROS,
    Blobs,
    Case,
    data,
    layer,
    shape,
    v1_layer,
)
from helpers.wire import doubles, floats, number, sized, varint

LEGACY = number(1, 1) + number(2, 1) + number(3, 2) + number(4, 2)
HALVES = struct.pack("<4e", *FOUR)
NAN = float("nan")


def _blob(
    name: str, blob: bytes, about: str, *means: tuple[tuple[int, ...], tuple[float, ...]]
) -> Case:
    """The layer ``conv`` with this blob, before the good ``up``."""
    whole = NAME + layer("conv", "Convolution", blob) + UP
    read = (("conv", "Convolution", means), UP_MEANS) if means else None
    return Case(f"{name}.caffemodel", whole, about, read)


def _up(
    name: str, blob: bytes, about: str, *means: tuple[tuple[int, ...], tuple[float, ...]]
) -> Case:
    """The matched layer itself with this blob."""
    whole = NAME + CONV + layer("up", "Deconvolution", blob)
    return Case(f"{name}.caffemodel", whole, about, (CONV_MEANS, ("up", "Deconvolution", means)))


def _named(name: str, written: bytes, about: str) -> Case:
    """A layer of this name before the good ``up``."""
    read = written.decode("utf-8", "surrogateescape")
    means = ((read, "Convolution", CONV_MEANS[2]), UP_MEANS)
    return Case(
        f"name-{name}.caffemodel",
        NAME + layer(written, "Convolution", CONV_BLOB) + UP,
        about,
        means,
    )


def _layers(name: str, body: bytes, about: str, *means: tuple[str, str, Blobs]) -> Case:
    return Case(f"{name}.caffemodel", body, about, means)


V1_UP = v1_layer("up", 39, UP_BLOB)
V0_LAYER = sized(1, b"conv") + sized(2, b"conv") + sized(50, CONV_BLOB)

MODELS = (
    # --- values
    _blob(
        "double-and-data",
        data(9.0, 9.0) + sized(8, doubles(*FOUR)) + shape(4),
        "data and double_data: double_data counts",
        ((4,), FOUR),
    ),
    _blob("with-diff", CONV_BLOB + sized(6, floats(*FOUR)), "with diff", ((1, 1, 2, 2), FOUR)),
    _blob(
        "diff-of-3",
        CONV_BLOB + sized(6, floats(1, 2, 3)),
        "diff of 3 values: Caffe stops",
        ((1, 1, 2, 2), FOUR),
    ),
    _blob(
        "raw-float16",
        shape(4) + number(10, 2) + sized(12, HALVES),
        "NVIDIA's and OpenCV's raw_data of half precision",
        ((4,), FOUR),
    ),
    _blob("raw-no-type", shape(4) + sized(12, HALVES), "raw_data of no type", ((4,), ())),
    _blob("raw-int8", shape(4) + number(10, 3) + sized(12, b"abcd"), "raw_data of INT", ((4,), ())),
    _blob(
        "raw-type-99",
        shape(4) + number(10, 99) + sized(12, b"abcd"),
        "raw_data of no such type",
        ((4,), ()),
    ),
    _blob(
        "raw-odd",
        shape(4) + number(10, 2) + sized(12, HALVES[:-1]),
        "raw_data of 7 bytes",
        ((4,), ()),
    ),
    _blob(
        "raw-and-data",
        CONV_BLOB + number(10, 2) + sized(12, HALVES[::-1]),
        "raw_data beside data, which counts",
        ((1, 1, 2, 2), FOUR),
    ),
    _blob(
        "packed-data",
        shape(4) + number(10, 1) + sized(11, HALVES),
        "opencl's packed_data",
        ((4,), ()),
    ),
    _blob(
        "odd-floats",
        sized(5, struct.pack("<6I", 0x7F800001, 0xFFC12345, 0x80000000, 1, 0x7F800000, 0xFF800000))
        + shape(6),
        "a signalling NaN, one with a payload, -0, a denormal, both infinities",
        ((6,), (NAN, NAN, -0.0, 1.401298464324817e-45, float("inf"), float("-inf"))),
    ),
    _up(
        "up-nan",
        data(*(NAN,) * 48) + shape(3, 1, 4, 4),
        "NaN in the matched layer",
        ((3, 1, 4, 4), (NAN,) * 48),
    ),
    _up(
        "up-infinite",
        data(*(float("inf"),) * 48) + shape(3, 1, 4, 4),
        "infinity there",
        ((3, 1, 4, 4), (float("inf"),) * 48),
    ),
    _up(
        "up-double",
        sized(8, doubles(*ZEROS)) + shape(3, 1, 4, 4),
        "doubles there",
        ((3, 1, 4, 4), ZEROS),
    ),
    _up(
        "up-half",
        shape(3, 1, 4, 4) + number(10, 2) + sized(12, bytes(96)),
        "half precision there",
        ((3, 1, 4, 4), ZEROS),
    ),
    _up(
        "up-raw-no-type",
        shape(3, 1, 4, 4) + sized(12, bytes(96)),
        "raw_data of no type there",
        ((3, 1, 4, 4), ()),
    ),
    _up(
        "up-chunked",
        data(*ZEROS[:7]) + shape(3, 1, 4, 4) + data(*ZEROS[7:]),
        "chunks there",
        ((3, 1, 4, 4), ZEROS),
    ),
    _up(
        "up-unpacked",
        b"\x2d\0\0\0\0" * 48 + shape(3, 1, 4, 4),
        "values one by one there",
        ((3, 1, 4, 4), ZEROS),
    ),
    # --- shapes
    _blob("legacy", LEGACY + data(*FOUR), "num, channels, height, width", ((1, 1, 2, 2), FOUR)),
    _blob(
        "legacy-some",
        number(1, 4) + data(*FOUR),
        "num alone: the others are 0",
        ((4, 0, 0, 0), FOUR),
    ),
    _blob(
        "legacy-zero",
        number(1, 0) + CONV_BLOB,
        "num: 0 beside a shape, which it overrules",
        ((0, 0, 0, 0), FOUR),
    ),
    _blob(
        "legacy-twice",
        LEGACY + number(1, 7) + number(1, 1) + data(*FOUR),
        "num three times",
        ((1, 1, 2, 2), FOUR),
    ),
    _blob("legacy-and-shape", LEGACY + CONV_BLOB, "both forms, agreeing", ((1, 1, 2, 2), FOUR)),
    _blob(
        "legacy-against-shape",
        LEGACY + data(*FOUR) + shape(9, 9),
        "both forms, disagreeing",
        ((1, 1, 2, 2), FOUR),
    ),
    _blob(
        "legacy-negative",
        number(1, -1) + number(2, 1) + data(*FOUR),
        "num: -1",
        ((-1, 1, 0, 0), FOUR),
    ),
    _blob(
        "legacy-over-32-bits",
        number(1, 2**32 + 1) + data(*FOUR),
        "num of 33 bits, cut by protobuf",
        ((1, 0, 0, 0), FOUR),
    ),
    _blob("shape-none", data(2.0), "no shape at all: a scalar, as Caffe writes it", ((), (2.0,))),
    _blob("shape-empty", data(2.0) + sized(7, b""), "a shape without dims", ((), (2.0,))),
    _blob("shape-0", shape(0, 4), "a dim of 0 and no values", ((0, 4), ())),
    _blob(
        "shape-0-with-values",
        data(*FOUR) + shape(0, 4),
        "a dim of 0 and four values",
        ((0, 4), FOUR),
    ),
    _blob("shape-negative", data(*FOUR) + shape(-2, -2), "negative dims", ((-2, -2), FOUR)),
    _blob(
        "shape-2-63",
        data(*FOUR) + shape(2**62, 2**62),
        "a product beyond 2^63",
        ((2**62, 2**62), FOUR),
    ),
    _blob(
        "shape-10-18",
        data(1.0) + shape(10**9, 10**9),
        "10^18 values promised, one there",
        ((10**9, 10**9), (1.0,)),
    ),
    _blob(
        "shape-2-40",
        data(1.0) + shape(2**40),
        "2^40 values promised, one there",
        ((2**40,), (1.0,)),
    ),
    _blob(
        "shape-twice",
        data(*FOUR) + shape(2) + shape(2),
        "two shapes, which protobuf joins",
        ((2, 2), FOUR),
    ),
    _blob("shape-32-axes", data(1.0) + shape(*(1,) * 32), "32 axes, the most", ((1,) * 32, (1.0,))),
    _blob("shape-33-axes", data(1.0) + shape(*(1,) * 33), "33 axes: Caffe stops"),
    _blob(
        "shape-33-joined",
        data(1.0) + shape(*(1,) * 20) + shape(*(1,) * 13),
        "33 axes of two shapes",
    ),
    _blob(
        "count-less",
        data(*FOUR[:3]) + shape(4),
        "fewer values than the shape says",
        ((4,), FOUR[:3]),
    ),
    _blob("count-more", data(*FOUR) + shape(3), "more values than the shape says", ((3,), FOUR)),
    _blob("count-none", shape(4), "a shape and no values", ((4,), ())),
    _blob("blob-empty", b"", "a blob of no bytes", ((), ())),
    _up("up-blob-empty", b"", "the same in the matched layer", ((), ())),
    _up(
        "up-2-40",
        data(0.0) + shape(3, 2**40, 4, 4),
        "3 · 2^44 values promised there",
        ((3, 2**40, 4, 4), (0.0,)),
    ),
    _up(
        "up-negative",
        data(*ZEROS) + shape(-3, -1, 4, 4),
        "negative dims there",
        ((-3, -1, 4, 4), ZEROS),
    ),
    _up("up-other-shape", data(*ZEROS) + shape(3, 4, 4), "three axes there", ((3, 4, 4), ZEROS)),
    _up(
        "up-count-less",
        data(*ZEROS[:47]) + shape(3, 1, 4, 4),
        "47 values there",
        ((3, 1, 4, 4), ZEROS[:47]),
    ),
    _up(
        "up-legacy",
        number(1, 3) + number(2, 1) + number(3, 4) + number(4, 4) + data(*ZEROS),
        "legacy dims there",
        ((3, 1, 4, 4), ZEROS),
    ),
    _up(
        "up-both-forms",
        number(1, 3) + number(2, 1) + number(3, 4) + number(4, 4) + UP_BLOB,
        "both forms of a shape there",
        ((3, 1, 4, 4), ZEROS),
    ),
    # --- layers and generations
    Case("no-layers.caffemodel", NAME, "a name and no layer", ()),
    _layers(
        "no-blobs",
        NAME + layer("conv", "Convolution") + UP,
        "a layer without blobs",
        ("conv", "Convolution", ()),
        UP_MEANS,
    ),
    _layers("no-up", NAME + CONV, "the matched layer is not there", CONV_MEANS),
    _layers(
        "up-no-blobs",
        NAME + CONV + layer("up", "Deconvolution"),
        "it has no blobs",
        CONV_MEANS,
        ("up", "Deconvolution", ()),
    ),
    _layers(
        "up-3-blobs",
        NAME + layer("up", "Deconvolution", UP_BLOB, data(0.0), data(0.0)),
        "it has three blobs",
        ("up", "Deconvolution", (UP_MEANS[2][0], ((), (0.0,)), ((), (0.0,)))),
    ),
    _layers(
        "five-blobs",
        NAME + layer("conv", "BatchNorm", *(data(1.0),) * 5) + UP,
        "five blobs",
        ("conv", "BatchNorm", (((), (1.0,)),) * 5),
        UP_MEANS,
    ),
    _layers(
        "layer-empty", NAME + sized(100, b"") + UP, "a layer of no bytes", ("", "", ()), UP_MEANS
    ),
    _layers(
        "name-twice",
        NAME
        + sized(100, sized(1, b"no") + sized(1, b"conv") + sized(2, b"X") + sized(2, b"ReLU"))
        + UP,
        "name and type twice: the last counts",
        ("conv", "ReLU", ()),
        UP_MEANS,
    ),
    _layers("up-twice", NAME + UP + UP, "two layers called up", UP_MEANS, UP_MEANS),
    _layers(
        "up-not-deconvolution",
        NAME + layer("up", "Convolution", UP_BLOB),
        "up of another type",
        ("up", "Convolution", UP_MEANS[2]),
    ),
    _layers(
        "v1",
        NAME + v1_layer("conv", 4, CONV_BLOB) + V1_UP,
        "V1 layers",
        ("conv", "Convolution", CONV_MEANS[2]),
        UP_MEANS,
    ),
    _layers(
        "v1-type-999",
        NAME + v1_layer("odd", 999) + V1_UP,
        "a V1 type that no Caffe has",
        ("odd", "V1 type 999", ()),
        UP_MEANS,
    ),
    _layers(
        "v1-type-negative",
        NAME + v1_layer("odd", -1) + V1_UP,
        "a V1 type of -1",
        ("odd", "V1 type 4294967295", ()),
        UP_MEANS,
    ),
    _layers(
        "v0-in-v1",
        NAME + sized(2, sized(1, V0_LAYER) + sized(2, b"data")),
        "a V0 layer",
        ("conv", "conv", CONV_MEANS[2]),
    ),
    _layers(
        "v0-split",
        NAME + sized(2, sized(1, V0_LAYER[:12]) + sized(1, V0_LAYER[12:])),
        "a V0 layer given in two parts, which protobuf joins",
        ("conv", "conv", CONV_MEANS[2]),
    ),
    _layers("v1-and-v2", NAME + V1_UP + CONV, "V1 and V2 layers in one file", UP_MEANS, CONV_MEANS),
    _layers(
        "param-damaged",
        NAME + CONV + layer("up", "Deconvolution", UP_BLOB, more=sized(106, b"\x08")),
        "a convolution_param cut off",
        CONV_MEANS,
        UP_MEANS,
    ),
    _layers(
        "param-split",
        NAME
        + layer(
            "up",
            "Deconvolution",
            UP_BLOB,
            more=sized(106, number(1, 9)) + sized(106, number(1, 3) + number(5, 3)),
        ),
        "convolution_param given in two parts",
        UP_MEANS,
    ),
    # --- names
    _named("empty", b"", "no name"),
    _named("nul", b"co\0nv", "NUL"),
    _named("latin-1", b"conv\xe9\xff", "no UTF-8"),
    _named("surrogate", b"conv\xed\xa0\x80", "a surrogate in UTF-8, which is none"),
    _named("right-to-left", "\u202econv\u05d0\u202c".encode(), "right to left, with an override"),
    _named("bold", b"[bold]conv[/bold]", "rich's markup"),
    _named("closing-markup", b"[/conv]", "markup that closes what never opened"),
    _named("ansi", b"\x1b[31m\x1b]0;owned\x07conv\x1b[2J", "escapes that paint, rename, clear"),
    _named("c1", "conv\u009b31m".encode(), "an escape of eight bits"),
    _named("newline", b"conv\nerror: fake\r\n", "line ends"),
    _named("emoji", "conv 👩‍👩‍👧 é".encode(), "emoji and combining characters"),
    _named("slash", b"a/conv/b", "slashes, as GoogLeNet has them"),
    _named("dots", b"../../etc/passwd", "a path out of here"),
    _named("long", b"conv" * 1000, "4,000 characters (1 MB is made at run time)"),
    _named("formula", b"=cmd|'/c calc'!A1", "what a spreadsheet would carry out"),
    _named("percent", b"%s%n{0}{name}$HOME`id`", "formats and a shell's words"),
    # --- what is no model
    Case("empty.caffemodel", b"", "no bytes"),
    Case("one-byte.caffemodel", b"\x0a", "one byte"),
    Case("zeros.caffemodel", bytes(512), "zeros"),
    Case("ones.caffemodel", b"\xff" * 512, "ones"),
    Case(
        "page.caffemodel",
        b"<!DOCTYPE html>\n<html><head><title>404</title></head></html>\n",
        "a web page",
    ),
    Case(
        "pointer.caffemodel",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:"
        + b"0" * 64
        + b"\nsize 553432081\n",
        "a Git LFS pointer",
    ),
    Case("gzip.caffemodel", b"\x1f\x8b\x08\0\0\0\0\0\0\3\3\0\0\0\0\0\0\0\0\0", "gzip"),
    Case("bzip2.caffemodel", b"BZh9\x17rE8P\x90\0\0\0\0", "bzip2"),
    Case("xz.caffemodel", b"\xfd7zXZ\0\0\4\xe6\xd6\xb4F\0\0\0\0", "xz"),
    Case("zip.caffemodel", b"PK\5\6" + bytes(18), "an empty ZIP archive"),
    Case(
        "npz.caffemodel",
        b"PK\3\4\x14\0\0\0\0\0\0\0!\0" + bytes(12) + b"\5\0\0\0a.npy",
        "NumPy's npz",
    ),
    Case(
        "npy.caffemodel",
        b"\x93NUMPY\1\0v\0{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }"
        + b" " * 56
        + b"\n"
        + bytes(16),
        "a NumPy array",
    ),
    Case(
        "pickle.caffemodel",
        b"\x80\4\x95\x1e\0\0\0\0\0\0\0\x8c\5posix\x8c\6system\x93\x8c\7touch p\x85R.",
        "a pickle that would run a command",
    ),
    Case(
        "onnx.caffemodel",
        number(1, 7) + sized(2, b"pytorch") + sized(7, sized(2, b"g")) + sized(8, number(2, 11)),
        "an ONNX model",
    ),
    Case(
        "solverstate.caffemodel",
        number(1, 100) + sized(2, b"net.caffemodel") + sized(3, CONV_BLOB),
        "a solver state",
    ),
    Case(
        "mean.binaryproto",
        number(1, 1) + number(2, 1) + number(3, 2) + number(4, 2) + data(*FOUR),
        "a mean file: one blob",
    ),
    Case("png.caffemodel", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(17), "a picture"),
    Case("elf.caffemodel", b"\x7fELF\2\1\1" + bytes(57), "a program"),
    Case(
        "safetensors.caffemodel",
        struct.pack("<Q", 60) + b'{"w":{"dtype":"F32","shape":[1],'
        b'"data_offsets":[0,4]}}     ' + bytes(4),
        "safetensors",
    ),
    Case("json.caffemodel", b'{"layers": [{"name": "up", "type": "Deconvolution"}]}\n', "JSON"),
    Case("text.caffemodel", b"this is no model\n", "a sentence"),
    Case("utf-16.caffemodel", "name: 'n'".encode("utf-16"), "UTF-16"),
    Case(
        "length-before.caffemodel", varint(len(NAME + UP)) + NAME + UP, "a model behind its length"
    ),
)
