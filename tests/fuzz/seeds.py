"""What a campaign begins with: small models and nets of every form, and those of Caffe's own.

Written byte by byte, as no library would: values in several pieces, fields that nobody knows.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from math import prod
from pathlib import Path

from oracle import sized, tag, varint
from text_seeds import command_lines, configurations, pair_lists
from words import FAILED, FOUND, UNDO

from deconvsurgery.splicing.undo_patch import Range, header
from deconvsurgery.sweeping.result_rows import RowOutcome
from deconvsurgery.sweeping.row_lines import written

GOLDEN = Path(__file__).parents[1] / "golden" / "layouts"
LARGEST = 256  # bytes
# Of the blobs that apply's nets ask for.
SHAPES = (((1, 1, 1, 1),), ((2, 2, 1, 1), (2,)), ((1, 1, 1, 1), (1,)), ((2, 1, 3, 3),))


def _floats(*numbers: float) -> bytes:
    return struct.pack(f"<{len(numbers)}f", *numbers)


def _doubles(*numbers: float) -> bytes:
    return struct.pack(f"<{len(numbers)}d", *numbers)


def _legacy(*dims: int) -> bytes:
    return b"".join(tag(place, 0) + varint(dim) for place, dim in enumerate(dims, 1))


def _shape(*dims: int) -> bytes:
    return sized(7, sized(1, b"".join(map(varint, dims))))


def blobs(shape: tuple[int, ...] = (1, 1, 1, 1)) -> Iterator[bytes]:
    """The values 0, 1, 2 … in every form that a blob of a shape can have."""
    numbers = range(prod(shape))
    dims, old = _shape(*shape), _legacy(*(1,) * (4 - len(shape)), *shape)
    whole, wide = sized(5, _floats(*numbers)), sized(8, _doubles(*numbers))
    half, rest = numbers[: len(numbers) // 2], numbers[len(numbers) // 2 :]
    one_by_one = b"".join(tag(5, 5) + _floats(number) for number in numbers)
    yield whole + dims
    yield old + whole + sized(6, _floats(3))
    yield one_by_one + dims
    yield dims + wide
    yield b"".join(tag(8, 1) + _doubles(number) for number in numbers) + old
    yield dims + sized(5, _floats(*half)) + sized(99, b"?") + sized(5, _floats(*rest))
    yield one_by_one[:5] + dims + one_by_one[5:] + tag(777, 3) + tag(777, 4)
    yield sized(12, struct.pack(f"<{len(numbers)}e", *numbers)) + tag(10, 0) + b"\2" + dims
    yield tag(10, 0) + b"\1" + sized(12, _floats(*numbers)) + old
    yield tag(10, 0) + b"\0" + sized(12, _doubles(*numbers)) + dims + sized(13, _doubles(3))
    yield sized(5, b"") + sized(7, b"".join(tag(1, 0) + varint(dim) for dim in shape))
    yield dims + old + sized(5, bytes(4 * len(numbers))) + sized(9, _doubles(1))


def layers(
    first: tuple[int, ...], *others: tuple[int, ...], name: bytes = b"up"
) -> Iterator[bytes]:
    """A layer of every generation with blobs of these shapes, each form in turn."""
    for forms in zip(*(blobs(shape) for shape in (first, *others)), strict=True):
        kind = sized(2, b"Deconvolution")
        yield sized(100, sized(1, name) + kind + b"".join(sized(7, each) for each in forms))
        v1 = sized(4, name) + tag(5, 0) + varint(39)
        yield sized(2, b"".join(sized(6, each) for each in forms) + v1 + sized(1001, b"shared"))
        v0 = b"".join(sized(50, each) for each in forms)
        yield sized(2, sized(1, sized(1, name) + sized(2, b"conv") + v0) + sized(3, b"top"))


def models() -> Iterator[bytes]:
    """Models that are indexed."""
    yield from layers((2, 1))
    other = sized(100, sized(1, b"relu") + sized(2, b"ReLU"))
    param = tag(1, 0) + b"\1" + sized(4, b"\1") + sized(7, sized(1, b"bilinear"))
    yield sized(100, sized(1, b"up") + sized(106, param) + sized(6, sized(1, b"shared"))) + other
    yield sized(1, b"net") + sized(3, b"data") + sized(8, sized(1, b"\1\3\5\5"))
    yield sized(2, sized(1, sized(1, b"a")) + sized(4, b"b")) + sized(2, tag(5, 0) + b"\x7b")
    yield sized(100, sized(106, tag(15, 0) + b"\2" + tag(15, 0) + b"\x63") + sized(106, b"\x0a"))
    yield sized(100, sized(7, _shape(*[1] * 33)))
    yield sized(100, sized(1, b"up") + sized(7, b"")) * 2 + sized(2, b"")
    yield b""
    for path in sorted(GOLDEN.glob("*.caffemodel")):
        if path.stat().st_size <= LARGEST:
            yield path.read_bytes()


def operands() -> Iterator[bytes]:
    """Models with what each of ``apply``'s nets asks for, behind the two bytes of their head."""
    other = sized(100, sized(1, b"relu") + sized(2, b"ReLU"))
    for net, shapes in enumerate(SHAPES):
        for number, layer in enumerate(layers(*shapes)):
            yield bytes([number % 4 | number % 2 << 5, net]) + layer
        yield bytes([0, net])
        yield bytes([0, net]) + other
        yield bytes([0, net]) + sized(2, sized(4, b"conv") + sized(6, next(blobs((1, 1)))))
        yield bytes([0, net]) + sized(100, sized(1, b"up")) + other


UP = 'layer{name:"u"type:"Deconvolution"bottom:"d"top:"u"%sconvolution_param{%s}}'
V1 = "layers{name:'u' type:DECONVOLUTION bottom:'d' top:'u' %s convolution_param{%s}}"
PARAMS = (
    "num_output:2 kernel_size:4 stride:2 pad:1",
    "num_output: 2 kernel_size: 4 stride: 2 group: 1 bias_term: false",
    "\n  num_output: 2  # two\n  kernel_size: 2\n  stride: 3\n",
    "num_output:2,kernel_h:4;kernel_w:6,stride_h:2;stride_w:3,weight_filler<type:'xavier' std:1>;",
    'num_output: 2 kernel_size: [4, 4] stride: [2] weight_filler { type: "bilinear" } hole: 2',
    "num_output:2 kernel_size:4\n weight_filler {\n  value: 1\n }\n",
    "engine: CUDNN num_output: 2 kernel_size: 4 bias_filler { value: - 2 }",
)
DATA = "input:'d'input_dim:[1,2,3,3]\n"


def texts() -> Iterator[bytes]:
    """Nets of every generation and spelling."""
    for param in PARAMS:
        yield (DATA + UP % ("", param)).encode()
        yield (DATA + UP % ("\nparam { lr_mult: 1 }\n", param)).encode()
        yield (DATA + V1 % ("blobs_lr: 1 blobs_lr: 2 weight_decay: 1", param)).encode()
    yield (DATA + UP % ("include{phase:TEST}", PARAMS[0])).replace("}", "}\n").encode()
    yield (DATA + UP % ("param: [{ lr_mult: 1 }, { name: 'w' }]", PARAMS[0])).encode()
    yield (
        DATA + UP % ("param{name:'w'}", PARAMS[0]) + UP % ("param{name:'w'}", PARAMS[1])
    ).encode()
    next_one = (
        "layer{type:'Convolution'bottom:'u'top:'c'convolution_param{num_output:1kernel_size:9}}"
    )
    yield (DATA + UP % ("", PARAMS[2]) + next_one).encode()
    yield b"layer { include {} exclude {} } layers {}"
    yield b"a{" * 101
    tall = UP.replace("{", " {\n  ").replace("}", "\n}") % (" # why\n", PARAMS[2])
    yield tall.encode()
    yield tall.replace("\n", "\r\n").encode()
    yield tall.replace("\n", "\r").encode()
    yield tall.replace("why", "é").encode("latin-1")
    yield tall.encode("utf-8-sig")
    yield b'layer: [{ name: "a" }, { type: "Deconvolution" convolution_param {} }]'
    yield b"layers { layer { name: 'c' type: 'conv' num_output: 2 kernelsize: 3 } bottom: 'd' }"
    yield b"layers { layer { type: 'padding' pad: 1 } top: 'p' } layers { bottom: 'p' }"
    yield b"layers { type: LOCAL name: 'l\\x6f\\154' } state { phase: TRAIN level: -1 stage: 's' }"
    yield b'layer < fork_param { a: 0x1 b: [1.5f, -inf] c { d: "x" \'y\' } } > net: "n"; name: ""'
    yield b""
    for path in sorted(GOLDEN.glob("*.prototxt")):
        if path.stat().st_size <= LARGEST and path.stem.startswith(("factor2", "dilation", "bias")):
            yield path.read_bytes()


URLS = (
    *("a", "-", "./s3:/a", "/a/b", "c://a", "s3:/a", "a::b", "file:///a%20b", "local:///a"),
    *("FILE://localhost/a", "file://host/a", "s3://zoo/a", "S3A://zoo/a", "s3://zoo//a"),
    *("s3://zoo/./a/../b", "s3://zoo/a?versionId=1", "s3://", "s3:///zoo/a", "s3://zoo/a::b"),
    *("s3://arn:aws:s3::123456789012:accesspoint/mrap.mrap/a", "gs://zoo/a#1", "gcs://zoo/a"),
    *(
        "az://zoo/a",
        "abfs://zoo@me.dfs.core.windows.net/a",
        "abfss://me.dfs.core.windows.net/zoo/a",
    ),
    *("http://host/a", "HTTPS://me:secret@HOST:443/a%7e?b=/c#d", "http://[::1]:80/a", "http://?a"),
    *("zip://x::file:///a", "simplecache::s3://zoo/a", "memory://a", "reference://", "foo://a/b"),
    *(
        "s3://zoo/{name}/*/a[bc]",
        "gs://zoo/**/a",
        "https://host/?a=*",
        "s3://zoo/a\0b",
        "s3://[::1",
    ),
)


def urls() -> Iterator[bytes]:
    """Addresses, each beside the one before, with a path and a name."""
    for number, (one, other) in enumerate(zip(URLS, (URLS[-1], *URLS), strict=False)):
        texts = (one, other, ("../b", "a", "./a//b", "s3://zoo/c", "/c")[number % 5], "fcn8s")
        yield bytes([number % 3 * 62 + number % 2]) + "\n".join(texts).encode()


def rows() -> Iterator[bytes]:
    """Rows and records, behind the byte that says which of them it is."""
    for line in row_lines():
        for kind in (b"\0", b"\1"):
            yield kind + line
            yield kind + _lean(line)
            yield kind + line.replace(b" ", b"")
            yield kind + line[: len(line) // 2]


def results() -> Iterator[bytes]:
    """Results files, whole, cut short and other programs'."""
    bare = [_lean(line) for line in row_lines()]
    for line in (*row_lines(), *bare):
        yield line
        yield line[:-1]
        yield line[: len(line) // 2]
    for first, second in ((0, 1), (0, 0), (1, 2), (2, 3)):
        yield bare[first] + bare[second]
        yield bare[first] + bare[second][:60]
    for other in (b'{"net": "a", "model": "b"', b"\n", b"[]\n", b"\xef\xbb\xbf{}\n", b"{", b""):
        yield other
        yield bare[0] + other


def row_lines() -> list[bytes]:
    """A row of each outcome."""
    done = FOUND._replace(verb="apply", outcome=RowOutcome.DONE, result={"changed": True})
    begun = done._replace(outcome=RowOutcome.BEGUN, seal=None, result=None, outputs={})
    return [written(each) for each in (FOUND, FAILED, done, begun)]


def _lean(line: bytes) -> bytes:
    """A row with what it must have, and what this one says."""
    told = json.loads(line)
    needed = [*told][:7]
    lean = {
        key: value for key, value in told.items() if key in needed or value not in (0, {}, None)
    }
    return json.dumps({**lean, "warnings": []}).encode() + b"\n"


def patches() -> Iterator[bytes]:
    """Patches, whole and damaged; behind the byte that says whether they are made to fit."""
    several = UNDO._replace(ranges=tuple(Range(at, at + 1, 2) for at in range(0, 10, 3)))
    for undo in (UNDO, UNDO._replace(ranges=()), several, UNDO._replace(ranges=(Range(0, 10, 9),))):
        whole = header(undo)
        for kind in (b"\0", b"\1"):
            yield kind + whole + bytes(undo.size)
            yield kind + whole
            yield kind + whole[: len(whole) // 2]
            yield kind + whole.replace(b" ", b"")
    whole = header(UNDO)
    for value in (b"Infinity", b"0.5", b"-1", b'"9"', b"true", b"null", b"9" * 30):
        yield b"\0" + whole.replace(b"9", value, 1)
        yield b"\1" + whole.replace(b"[2, ", b"[" + value + b", ", 1)
    yield b"\0" + whole.replace(b": 1,", b": 2,", 1)
    yield b"\0"


def seeds(target: str) -> Iterator[bytes]:
    """The first inputs of a harness, by its name."""
    if target == "index":
        yield from models()
    elif target == "net":
        for number, text in enumerate(texts()):
            yield bytes([number * 37 % 256]) + text
    elif target == "splice":
        for number, model in enumerate(models()):
            yield bytes([number % 32, number, number % 35]) + model
    elif target == "settings":
        yield from configurations()
    elif target == "command":
        yield from command_lines()
    elif target == "lists":
        yield from pair_lists()
    elif target == "url":
        yield from urls()
    elif target == "rows":
        yield from rows()
    elif target == "results":
        yield from results()
    elif target == "patch":
        yield from patches()
    else:
        yield from operands()
