"""Nets, models and command lines with many of one thing: what they cost at n and at 2n.

``KINDS`` are the things that can be many, each with the files that have ``n`` of them and the
command lines that read those. ``python -m helpers.growth`` (in ``tests``) measures each in a child,
at growing ``n``, and prints the table of docs/security.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from helpers.wire import END_GROUP, GROUP, floats, layer_v2, number, sized, tag, varint

Files: TypeAlias = Mapping[str, bytes]
"""File contents by name."""

DATA: Final = (
    'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: [1, 3, 5, 6] } } }\n'
)
PARAM: Final = "num_output: 3 group: 3 kernel_size: 4 stride: 2 pad: 1 bias_term: false"
UP: Final = f"""layer {{ name: "up" type: "Deconvolution" bottom: "data" top: "up"
  convolution_param {{ {PARAM} }} }}
"""
UP_BLOB: Final = sized(5, floats(*(0.0,) * 48)) + sized(
    7, sized(1, b"".join(map(varint, (3, 1, 4, 4))))
)
UP_LAYER: Final = layer_v2(b"up", b"Deconvolution", UP_BLOB)
ONE_BLOB: Final = sized(5, floats(1.0)) + sized(7, sized(1, b"\1"))

NET_LINES: Final = (
    "inspect -a net",
    "inspect -a net in",
    "check net in",
    "apply net in out",
    "apply -n net in",
    "patch-net net out",
    "patch-net --diff -n net",
    "regroup net in out more",
    "transplant net in out",
    "convert --net net in out",
)
MODEL_LINES: Final = (
    "inspect -a in",
    "inspect -a net in",
    "check net in",
    "apply net in out",
    "apply -n net in",
    "apply --save-patch undo net in out",
    "regroup net in out more",
    "transplant net in out",
    "convert in out",
    "convert --to hdf5 in out",
    "diff in in",
)


@dataclass(frozen=True, slots=True)
class Kind:
    """Something that can be many: files with ``n`` of it, and the command lines that read them."""

    files: Callable[[int], Files]
    lines: tuple[str, ...]


def pair(net: str = DATA + UP, model: bytes = UP_LAYER) -> Files:
    """A net and a model."""
    return {"net": net.encode(), "in": model}


def of_net(text: Callable[[int], str], model: bytes = UP_LAYER) -> Kind:
    """A text with many of something."""
    return Kind(lambda n: pair(text(n), model), NET_LINES)


def of_model(data: Callable[[int], bytes]) -> Kind:
    """A model with many of something."""
    return Kind(lambda n: pair(model=data(n)), MODEL_LINES)


def of_both(layers: Callable[[int], tuple[str, bytes]]) -> Kind:
    """Layers in both."""
    lines = tuple(dict.fromkeys((*NET_LINES, *MODEL_LINES)))
    return Kind(lambda n: pair(*layers(n)), lines)


def layer(kind: str, name: str, bottom: str, top: str, more: str = "") -> str:
    """A layer with one bottom and one top."""
    return f'layer {{ name: "{name}" type: "{kind}" bottom: "{bottom}" top: "{top}" {more} }}\n'


def up(name: str, bottom: str = "data", top: str = "", more: str = "", param: str = PARAM) -> str:
    """A Deconvolution."""
    more = f"convolution_param {{ {param} }} {more}"
    return layer("Deconvolution", name, bottom, top or name, more)


def lines(n: int, one: Callable[[int], str], before: str = DATA + UP) -> str:
    """A text with n parts."""
    return before + "".join(map(one, range(n)))


def in_up(n: int, each: str, end: str = "") -> str:
    """The layer ``up`` with n times the same in it."""
    return DATA + up("up", more=each * n + end)


def in_param(n: int, each: str) -> str:
    """The same in its ``convolution_param``."""
    return DATA + up("up", param=PARAM + " " + each * n)


def saved(names: Iterable[str], kind: bytes = b"Deconvolution", blob: bytes = UP_BLOB) -> bytes:
    """A model with layers of these names."""
    return b"".join(layer_v2(name.encode(), kind, blob) for name in names)


def in_layer(n: int, each: bytes, blobs: bytes = sized(7, UP_BLOB)) -> bytes:
    """A model whose layer ``up`` has n times the same in it."""
    return sized(100, sized(1, b"up") + sized(2, b"Deconvolution") + blobs + each * n)


def in_blob(n: int, each: bytes, end: bytes = b"") -> bytes:
    """A model whose layer ``conv`` has n times the same in its blob, before the good ``up``."""
    return layer_v2(b"conv", b"Convolution", each * n + end) + UP_LAYER


PREFIX: Final = "up" + "x" * 60

KINDS: Final[Mapping[str, Kind]] = {
    # layers of a net
    "layers": of_net(lambda n: lines(n, lambda i: layer("ReLU", f"l{i}", "data", f"t{i}"))),
    "layers of one name": of_net(lambda n: lines(n, lambda i: layer("ReLU", "l", "data", f"t{i}"))),
    "convolutions": of_net(
        lambda n: lines(
            n,
            lambda i: layer(
                "Convolution",
                f"c{i}",
                "data",
                f"c{i}",
                "convolution_param { num_output: 3 kernel_size: 1 }",
            ),
        )
    ),
    "a chain": of_net(
        lambda n: (
            lines(
                n,
                lambda i: layer("ReLU", f"l{i}", f"t{i}", f"t{i + 1}"),
                DATA.replace('"data"', '"t0"'),
            )
            + up("up", f"t{n}")
        )
    ),
    "in place": of_net(
        lambda n: lines(n, lambda i: layer("ReLU", f"l{i}", "data", "data"), DATA) + UP
    ),
    "layers of unknown type": of_net(
        lambda n: lines(n, lambda i: layer("Fork", f"l{i}", "data", f"t{i}"))
    ),
    "empty layers": of_net(lambda n: DATA + UP + "layer {}\n" * n),
    # matched layers, in net and model
    "matched layers": of_both(
        lambda n: (
            lines(n, lambda i: up(f"up{i}"), DATA),
            saved(f"up{i}" for i in range(n)),
        )
    ),
    "matched layers, one name": of_both(
        lambda n: (lines(n, lambda i: up("up", top=f"t{i}"), DATA), saved("up" for i in range(n)))
    ),
    "matched layers, alike names": of_both(
        lambda n: (
            lines(n, lambda i: up(f"{PREFIX}{i:08}"), DATA),
            saved(f"{PREFIX}{i:08}" for i in range(n)),
        )
    ),
    "matched layers that the model lacks": of_both(
        lambda n: (
            lines(n, lambda i: up(f"up{i}"), DATA),
            saved(f"un{i}" for i in range(n)),
        )
    ),
    "matched layers of another shape": of_both(
        lambda n: (
            lines(n, lambda i: up(f"up{i}"), DATA),
            saved((f"up{i}" for i in range(n)), blob=ONE_BLOB),
        )
    ),
    "full matched layers": of_both(
        lambda n: (
            lines(
                n,
                lambda i: up(f"up{i}", param=PARAM.replace("group: 3", "")),
                DATA,
            ),
            saved(
                (f"up{i}" for i in range(n)),
                blob=sized(5, floats(*(0.0,) * 144))
                + sized(7, sized(1, b"".join(map(varint, (3, 3, 4, 4))))),
            ),
        )
    ),
    "a chain of matched layers": of_both(
        lambda n: (
            lines(
                n,
                lambda i: up(
                    f"up{i}",
                    f"t{i}",
                    f"t{i + 1}",
                    param=PARAM.replace("4 stride: 2", "3 stride: 1"),
                ),
                DATA.replace('"data"', '"t0"'),
            ),
            saved(f"up{i}" for i in range(n)),
        )
    ),
    "matched layers that cannot be filled": of_both(
        lambda n: (
            lines(n, lambda i: up(f"up{i}", param="num_output: 3 kernel_size: 5 stride: 7"), DATA),
            saved(f"up{i}" for i in range(n)),
        )
    ),
    "matched layers of one shared blob": of_both(
        lambda n: (
            lines(n, lambda i: up(f"up{i}", more='param { name: "w" }'), DATA),
            saved(f"up{i}" for i in range(n)),
        )
    ),
    "matched layers of shared blobs in pairs": of_both(
        lambda n: (
            lines(n, lambda i: up(f"up{i}", more=f'param {{ name: "w{i // 2}" }}'), DATA),
            saved(f"up{i}" for i in range(n)),
        )
    ),
    "shared blobs in a row": of_both(
        lambda n: (
            lines(
                n,
                lambda i: up(
                    f"up{i}", more=f'param {{ name: "w{i}" }} param {{ name: "w{i + 1}" }}'
                ),
                DATA,
            ),
            saved(f"up{i}" for i in range(n)),
        )
    ),
    "misspelt layers": of_net(
        lambda n: lines(n, lambda i: up(f"up{i}", param=PARAM.replace("pad", "padd")), DATA)
    ),
    # states
    "layers, each of a stage": of_net(
        lambda n: lines(
            n, lambda i: up("up", top=f"t{i}", more=f'include {{ stage: "s{i}" }}'), DATA + UP
        )
    ),
    "layers, each of a level": of_net(
        lambda n: lines(
            n,
            lambda i: up("up", top=f"t{i}", more=f"include {{ min_level: {i} max_level: {i} }}"),
            DATA,
        )
    ),
    "layers, each not of a stage": of_net(
        lambda n: lines(
            n, lambda i: up("up", top=f"t{i}", more=f'exclude {{ stage: "s{i}" }}'), DATA
        )
    ),
    "layers, each needs one stage more": of_net(
        lambda n: lines(
            n,
            lambda i: up(
                "up", top=f"t{i}", more=f'include {{ stage: "s{i}" not_stage: "s{i + 1}" }}'
            ),
            DATA,
        )
    ),
    "stages of a net": of_net(
        lambda n: "state { " + "".join(f'stage: "s{i}" ' for i in range(n)) + "}\n" + DATA + UP
    ),
    "include rules": of_net(lambda n: in_up(n, 'include { stage: "s" } ', "include {}")),
    "exclude rules": of_net(lambda n: in_up(n, 'exclude { stage: "s" } ')),
    "include rules, none met": of_net(
        lambda n: (
            DATA
            + UP
            + up(
                "more",
                more="".join(f'include {{ stage: "s{i}" not_stage: "s{i}" }} ' for i in range(n)),
            )
        )
    ),
    "stages of a rule": of_net(
        lambda n: (
            DATA
            + UP
            + up(
                "up",
                top="t",
                more="include { " + "".join(f'stage: "s{i}" ' for i in range(n)) + "}",
            )
        )
    ),
    "stages of a net and of rules": of_net(
        lambda n: (
            "state { "
            + "".join(f'stage: "s{i}" ' for i in range(n))
            + "}\n"
            + DATA
            + up("up", more="include { " + "".join(f'stage: "s{i}" ' for i in range(n)) + "}")
        )
    ),
    # many in a layer
    "bottoms": of_net(
        lambda n: DATA + UP + layer("Concat", "c", "data", "c", 'bottom: "data" ' * n)
    ),
    "bottoms that nothing makes": of_net(
        lambda n: (
            DATA
            + UP
            + layer("Concat", "c", "data", "c", "".join(f'bottom: "b{i}" ' for i in range(n)))
        )
    ),
    "bottoms of an Eltwise": of_net(
        lambda n: DATA + UP + layer("Eltwise", "c", "data", "c", 'bottom: "data" ' * n)
    ),
    "bottoms of a matched layer": of_net(
        lambda n: (
            DATA + up("up", more='bottom: "data" ' * n + "".join(f'top: "t{i}" ' for i in range(n)))
        )
    ),
    "tops": of_net(
        lambda n: (
            DATA + UP + layer("Split", "c", "data", "c", "".join(f'top: "t{i}" ' for i in range(n)))
        )
    ),
    "tops of a Slice": of_net(
        lambda n: (
            DATA
            + UP
            + layer(
                "Slice",
                "c",
                "data",
                "c",
                "".join(f'top: "t{i}" ' for i in range(n))
                + "slice_param { axis: 0 "
                + "".join(f"slice_point: {i} " for i in range(n))
                + "}",
            )
        )
    ),
    "tops of one name": of_net(lambda n: in_up(n, 'top: "up" ')),
    "params": of_net(lambda n: in_up(n, "param { lr_mult: 0 } ")),
    "params of one name": of_net(lambda n: in_up(n, 'param { name: "w" } ')),
    "param names": of_net(
        lambda n: DATA + up("up", more="".join(f'param {{ name: "w{i}" }} ' for i in range(n)))
    ),
    "kernel sizes": of_net(lambda n: in_param(n, "kernel_size: 4 ")),
    "strides": of_net(lambda n: in_param(n, "stride: 2 ")),
    "pads": of_net(lambda n: in_param(n, "pad: 1 ")),
    "dilations": of_net(lambda n: in_param(n, "dilation: 1 ")),
    "fillers": of_net(lambda n: in_param(n, "weight_filler { } ")),
    "convolution_params": of_net(lambda n: in_up(n, "convolution_param { } ")),
    "unknown fields in a layer": of_net(lambda n: in_up(n, "of_a_fork: 1 ")),
    "unknown messages in a layer": of_net(lambda n: in_up(n, "of_a_fork { a: 1 } ")),
    "misspelt fields": of_net(lambda n: in_param(n, "kernal_size: 4 ")),
    "names of misspelt fields": of_net(
        lambda n: DATA + up("up", param=PARAM + "".join(f" kernal_size{i}: 4" for i in range(n)))
    ),
    "blobs of a net": of_net(lambda n: in_up(n, "blobs { data: 1 } ")),
    "values of a net": of_net(lambda n: in_up(1, "blobs { " + "data: 1 " * n + "} ")),
    "dims": of_net(lambda n: DATA.replace("5, 6", "5, 6" + ", 1" * n) + UP),
    "input shapes": of_net(
        lambda n: DATA.replace("shape {", "shape { dim: 1 } " * n + "shape {") + UP
    ),
    "inputs": of_net(
        lambda n: "".join(f'input: "i{i}" input_dim: [1, 3, 5, 6] ' for i in range(n)) + DATA + UP
    ),
    "fields of a net": of_net(lambda n: "of_a_fork: 1\n" * n + DATA + UP),
    "several values in a pooling": of_net(
        lambda n: (
            DATA
            + UP
            + layer("Pooling", "p", "data", "p", "pooling_param { " + "kernel_size: 2 " * n + "}")
        )
    ),
    # characters
    "comment lines": of_net(lambda n: DATA + "# a comment\n" * n + UP),
    "comments in a layer": of_net(lambda n: in_up(n, "# a comment\n")),
    "empty lines": of_net(lambda n: DATA + "\n" * n + UP),
    "one line": of_net(lambda n: (DATA + UP * 1).replace("\n", " ") + "layer { } " * n),
    "adjacent strings": of_net(lambda n: DATA + UP.replace('"up"', '"up"' + ' ""' * n, 1)),
    "carriage returns": of_net(lambda n: DATA + "\r\n" * n + UP),
    "latin-1": of_net(lambda n: DATA + "# \xe9\n" * n + UP),
    "a long name": of_net(lambda n: DATA + up("up" * n)),
    "minus signs": of_net(lambda n: in_up(n, "of_a_fork: - 1 ")),
    "foreign values": of_net(
        lambda n: (
            DATA
            + UP
            + "".join(
                f'layer {{ name: "p{i}" type: "Pooling" bottom: "data" top: "p{i}" pooling_param {{ pool: FORK{i} kernel_size: 1 }} }}\n'
                for i in range(n)
            )
        )
    ),
    # old nets
    "V1 layers": of_net(
        lambda n: (
            (DATA + UP)
            .replace('type: "Input"', "type: DATA")
            .replace('"Deconvolution"', "DECONVOLUTION")
            .replace("layer {", "layers {")
            .replace("input_param { shape { dim: [1, 3, 5, 6] } }", "")
            + "".join(
                f'layers {{ name: "l{i}" type: RELU bottom: "data" top: "l{i}" blobs_lr: 1 }}\n'
                for i in range(n)
            )
        )
    ),
    "V1 matched layers": of_net(
        lambda n: (
            "input: 'data' input_dim: [1, 3, 5, 6]"
            + "".join(
                f'layers {{ name: "up{i}" type: DECONVOLUTION bottom: "data" top: "l{i}" blobs_lr: 1 convolution_param {{ {PARAM} }} }}\n'
                for i in range(n)
            )
        )
    ),
    "V1 blobs_lr": of_net(
        lambda n: (
            "input: 'data' input_dim: [1, 3, 5, 6]"
            + f'layers {{ name: "up" type: DECONVOLUTION bottom: "data" top: "l" {"blobs_lr: 1 weight_decay: 1 " * n} convolution_param {{ {PARAM} }} }}\n'
        )
    ),
    "V0 layers": of_net(
        lambda n: (
            "input: 'data' input_dim: [1, 3, 5, 6]"
            + "".join(
                f'layers {{ layer {{ name: "l{i}" type: "relu" }} bottom: "data" top: "l{i}" }}\n'
                for i in range(n)
            )
        )
    ),
    "V0 paddings": of_net(
        lambda n: (
            "input: 'data' input_dim: [1, 3, 5, 6]"
            + "".join(
                f'layers {{ layer {{ name: "l{i}" type: "padding" pad: 1 }} bottom: "t{i}" top: "t{i + 1}" }}\n'
                for i in range(n)
            )
        )
    ),
    # a model
    "layers of a model": of_model(
        lambda n: saved((f"l{i}" for i in range(n)), b"Convolution", ONE_BLOB) + UP_LAYER
    ),
    "layers of a model, one name": of_model(
        lambda n: saved(["l"] * n, b"Convolution", ONE_BLOB) + UP_LAYER
    ),
    "layers of a model, alike names": of_model(
        lambda n: saved((f"{PREFIX}{i:08}" for i in range(n)), b"Convolution", ONE_BLOB) + UP_LAYER
    ),
    "namesakes of a matched layer": of_model(lambda n: saved(["up"] * n)),
    "namesakes that stop Caffe": of_model(lambda n: UP_LAYER + saved(["up"] * n, blob=ONE_BLOB)),
    "layers without blobs": of_model(
        lambda n: b"".join(layer_v2(b"l%d" % i, b"ReLU") for i in range(n)) + UP_LAYER
    ),
    "empty layers of a model": of_model(lambda n: sized(100, b"") * n + UP_LAYER),
    "V1 layers of a model": of_model(
        lambda n: (
            b"".join(
                sized(2, sized(4, b"l%d" % i) + number(5, 4) + sized(6, ONE_BLOB)) for i in range(n)
            )
            + sized(2, sized(4, b"up") + number(5, 39) + sized(6, UP_BLOB))
        )
    ),
    "V0 layers of a model": of_model(
        lambda n: b"".join(
            sized(2, sized(1, sized(1, b"l%d" % i) + sized(2, b"conv") + sized(50, ONE_BLOB)))
            for i in range(n)
        )
    ),
    "legacy dims": of_model(
        lambda n: (
            saved(
                (f"l{i}" for i in range(n)),
                b"Convolution",
                b"".join(number(k, 1) for k in (1, 2, 3, 4)) + sized(5, floats(1.0)),
            )
            + UP_LAYER
        )
    ),
    "blobs of a layer": of_model(lambda n: in_layer(n, sized(7, ONE_BLOB))),
    "empty blobs of a layer": of_model(lambda n: in_layer(n, sized(7, b""))),
    "chunks of a blob": of_model(
        lambda n: in_blob(n, sized(5, floats(1.0)), sized(7, sized(1, varint(n))))
    ),
    "chunks of a matched blob": of_model(
        lambda n: layer_v2(b"up", b"Deconvolution", sized(5, b"") * n + UP_BLOB)
    ),
    "empty chunks of a blob": of_model(lambda n: in_blob(n, sized(5, b""), ONE_BLOB)),
    "unpacked values": of_model(
        lambda n: in_blob(n, tag(5, 5) + floats(1.0), sized(7, sized(1, varint(n))))
    ),
    "unpacked values in both": of_model(
        lambda n: in_blob(
            n // 2, tag(5, 5) + floats(1.0) + tag(8, 1) + b"\0" * 8, sized(7, sized(1, varint(n)))
        )
    ),
    "diffs": of_model(lambda n: in_blob(n, sized(6, floats(1.0)), ONE_BLOB)),
    "raw values": of_model(
        lambda n: in_blob(n, number(10, 1) + sized(12, floats(1.0)), sized(7, sized(1, b"\1")))
    ),
    "dims of a blob": of_model(
        lambda n: in_blob(1, sized(5, floats(1.0)) + sized(7, number(1, 1) * n))
    ),
    "shapes of a blob": of_model(lambda n: in_blob(n, sized(7, b""), ONE_BLOB)),
    "legacy dims of a blob": of_model(lambda n: in_blob(n, number(1, 1), ONE_BLOB)),
    "convolution_params of a layer": of_model(lambda n: in_layer(n, sized(106, number(1, 3)))),
    "kernel sizes of a model": of_model(lambda n: in_layer(1, sized(106, number(4, 4) * n))),
    "params of a model": of_model(lambda n: in_layer(n, sized(6, sized(1, b"w")))),
    "param names of a model": of_model(
        lambda n: in_layer(1, b"".join(sized(6, sized(1, b"w%d" % i)) for i in range(n)))
    ),
    "names of a layer": of_model(lambda n: in_layer(n, sized(1, b"up"))),
    "unknown fields of a layer": of_model(lambda n: in_layer(n, number(900, 1))),
    "unknown fields of a model": of_model(lambda n: UP_LAYER + number(900, 1) * n),
    "groups": of_model(lambda n: UP_LAYER + (tag(900, GROUP) + tag(900, END_GROUP)) * n),
    "layers with params of one name": of_model(
        lambda n: b"".join(
            layer_v2(b"up%d" % i, b"Deconvolution", UP_BLOB, before=sized(6, sized(1, b"w")))
            for i in range(n)
        )
    ),
}


def _main() -> None: ...
