"""Nets, models and command lines with many of one thing, and what they cost.

``KINDS`` are the things that can be many, each with files that have ``n`` of them and the command
lines that read those. `steps` counts what a command line takes, the same in each run. As a program,
``python -m helpers.growth`` (in ``tests``), it measures time and memory in children, for the table
of docs/security.md.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import FrameType
from typing import Any, Final, TypeAlias

import deconvsurgery
from helpers.runs import run_here
from helpers.wire import (
    END_GROUP,
    FIXED32,
    GROUP,
    dims,
    doubles,
    floats,
    layer_v2,
    legacy_dims,
    number,
    sized,
    tag,
    varint,
)

Files: TypeAlias = Mapping[str, bytes]
"""Contents by file name: ``net`` and ``in``, the model."""

DATA: Final = (
    'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: [1, 3, 5, 6] } } }\n'
)
INPUT: Final = 'input: "data" input_dim: [1, 3, 5, 6]\n'
PARAM: Final = "num_output: 3 group: 3 kernel_size: 4 stride: 2 pad: 1 bias_term: false"
CONV: Final = "convolution_param { num_output: 3 kernel_size: 1 }"
SHARED_CONV: Final = f'param {{ name: "w" }} {CONV}'
FULL: Final = PARAM.replace("group: 3", 'weight_filler { type: "bilinear" }')
CROP: Final = 'bottom: "data" crop_param { axis: 2 offset: 2 }'
POOL: Final = "pooling_param { kernel_size: 1 pool: "
ALIKE: Final = "x" * 80  # in front of what distinguishes names; too long to be taken for a slip


# ── nets ──


def layer(kind: str, name: str, bottom: str, top: str, more: str = "") -> str:
    """A layer of one bottom and one top."""
    return f'layer {{ name: "{name}" type: "{kind}" bottom: "{bottom}" top: "{top}" {more} }}\n'


def up(name: str, bottom: str = "data", top: str = "", more: str = "", param: str = PARAM) -> str:
    """A Deconvolution."""
    whole = f"convolution_param {{ {param} }} {more}"
    return layer("Deconvolution", name, bottom, top or name, whole)


def v1(inside: str) -> str:
    """A layer of a V1 net."""
    return f"layers {{ {inside} }}\n"


UP: Final = up("up")
TEXT: Final = DATA + UP
V1_UP: Final = v1(
    f'name: "up" type: DECONVOLUTION bottom: "data" top: "up" convolution_param {{ {PARAM} }}'
)


def each(n: int, one: Callable[[int], str]) -> str:
    """``n`` parts of a text."""
    return "".join(map(one, range(n)))


def in_up(more: str) -> str:
    """A net whose layer ``up`` has this in it, too."""
    return DATA + up("up", more=more)


def tops(n: int) -> str:
    """Further tops of a layer."""
    return each(n, lambda i: f'top: "t{i}" ')


def stages(n: int) -> str:
    """Stages of a state or a rule."""
    return each(n, lambda i: f'stage: "s{i}" ')


# ── models ──


def blob(*shape: int) -> bytes:
    """A blob of zeros."""
    count = 1
    for dim in shape:
        count *= dim
    return sized(5, bytes(4 * count)) + dims(*shape)


BLOB: Final = blob(3, 1, 4, 4)
ONE_VALUE: Final = blob(1)
LEGACY_VALUE: Final = legacy_dims(1, 1, 1, 1) + sized(5, floats(1.0))
UP_SAVED: Final = layer_v2(b"up", b"Deconvolution", BLOB)
V1_SAVED: Final = sized(2, sized(4, b"up") + number(5, 39) + sized(6, BLOB))


def saved(names: Iterable[str], values: bytes = ONE_VALUE, kind: bytes = b"Convolution") -> bytes:
    """A model with layers of these names, each with one blob."""
    return b"".join(layer_v2(name.encode(), kind, values) for name in names)


def v1_saved(n: int) -> bytes:
    """V1 layers of a model."""
    body = number(5, 4) + sized(6, ONE_VALUE)
    return b"".join(sized(2, sized(4, b"l%d" % i) + body) for i in range(n))


def v0_saved(n: int) -> bytes:
    """V0 layers of a model."""
    body = sized(2, b"conv") + sized(50, ONE_VALUE)
    return b"".join(sized(2, sized(1, sized(1, b"l%d" % i) + body)) for i in range(n))


def in_layer(more: bytes) -> bytes:
    """A model whose layer ``up`` has this in it, too."""
    return sized(100, sized(1, b"up") + sized(2, b"Deconvolution") + sized(7, BLOB) + more)


def in_blob(inside: bytes) -> bytes:
    """A model whose layer ``conv`` has a blob of this, before the layer ``up``."""
    return layer_v2(b"conv", b"Convolution", inside) + UP_SAVED


# ── kinds ──


NET_LINES: Final = (
    "inspect -a net in",
    "check --also json=findings net in",
    "apply net in out",
    "patch-net -n --diff --skip-unfit --recipe --freeze --no-bias --strip-include net",
    "regroup --dry-run net in",
    "transplant net in out",
)
MATCHED_LINES: Final = (
    "check --report page net in",
    "inspect --report page net in",
    "apply --report page --save-patch undo --skip-unfit --any-gain net in out",
    "patch-net net out",
    "convert --net net --to hdf5 in out",
    "diff in in",
)
MODEL_LINES: Final = (
    "inspect -a in",
    "check --also json=findings net in",
    "apply --save-patch undo net in out",
    "regroup --dry-run net in",
    "transplant net in out",
    "convert in out",
    "convert --to hdf5 in out",
    "diff in in",
)
PATTERN_LINES: Final = (
    "inspect net in",
    "check net in",
    "apply -n net in",
    "patch-net -n net",
    "regroup -n net in",
    "convert -n in",
    "diff in in",
)


@dataclass(frozen=True, slots=True)
class Kind:
    """Something that can be many: files that have ``n`` of it, and the lines that read them.

    ``least``: from so many on it grows as it goes on to; what is bounded grows before that, too.
    """

    files: Callable[[int], Files]
    lines: tuple[str, ...]
    least: int = 8


def pair(net: str = TEXT, model: bytes = UP_SAVED) -> Files:
    """A net and a model."""
    return {"net": net.encode("utf-8", "surrogateescape"), "in": model}


def of_net(net: Callable[[int], str], model: bytes = UP_SAVED, least: int = 8) -> Kind:
    """What a text has many of."""
    return Kind(lambda n: pair(net(n), model), NET_LINES, least)


def of_model(model: Callable[[int], bytes]) -> Kind:
    """What a model has many of."""
    return Kind(lambda n: pair(model=model(n)), MODEL_LINES)


def matched(
    layers: Callable[[int], Sequence[tuple[str, str]]],
    in_model: Callable[[str], str] = str,
    *,
    param: str = PARAM,
    blob: bytes = BLOB,
    chain: bool = False,
    least: int = 8,
) -> Kind:
    """Matched layers of net and model: their names, and what else the net says of them."""

    def files(n: int) -> Files:
        found = layers(n)
        text = DATA + "".join(
            up(name, f"t{i - 1}" if chain and i else "data", f"t{i}", more, param)
            for i, (name, more) in enumerate(found)
        )
        names = (in_model(name) for name, _ in found)
        return pair(text, saved(names, blob, b"Deconvolution"))

    return Kind(files, (*NET_LINES, *MATCHED_LINES), least)


def arguments(line: str, n: int) -> list[str]:
    """The words of a command line, with ``n`` options where it says so."""
    words: list[str] = []
    for word in line.split():
        words += OPTIONS[word](n) if word in OPTIONS else [word]
    return words


def _options(option: str, values: Iterable[str]) -> list[str]:
    return [word for value in values for word in (option, value)]


OPTIONS: Final[Mapping[str, Callable[[int], list[str]]]] = {
    "PATTERNS": lambda n: _options("-p", ["up", *(f"{ALIKE}{i}" for i in range(n))]),
    "EXCLUDES": lambda n: _options("-x", (f"{ALIKE}{i}" for i in range(n))),
    "STAGES": lambda n: _options("--stage", (f"s{i}" for i in range(n))),
    "SCORES": lambda n: _options("--expand-score", (f"score{i}=old{i}" for i in range(n))),
}


def expanded(n: int) -> Files:
    """Score layers, each of which takes its rows from one of another name."""
    param = "convolution_param { num_output: 2 kernel_size: 1 bias_term: false }"
    net = TEXT + each(n, lambda i: layer("Convolution", f"score{i}", "data", f"s{i}", param))
    return pair(net, UP_SAVED + saved((f"old{i}" for i in range(n)), blob(1, 3, 1, 1)))


KINDS: Final[Mapping[str, Kind]] = {
    # --- layers of a net
    "layers": of_net(lambda n: TEXT + each(n, lambda i: layer("ReLU", f"l{i}", "data", f"t{i}"))),
    "layers, one name": of_net(
        lambda n: TEXT + each(n, lambda i: layer("ReLU", "l", "data", f"t{i}"))
    ),
    "layers, alike names": of_net(
        lambda n: TEXT + each(n, lambda i: layer("ReLU", f"{ALIKE}{i:08}", "data", f"t{i}"))
    ),
    "convolutions": of_net(
        lambda n: TEXT + each(n, lambda i: layer("Convolution", f"c{i}", "data", f"c{i}", CONV))
    ),
    "layers in a chain": of_net(
        lambda n: (
            DATA.replace('"data"', '"t0"')
            + each(n, lambda i: layer("ReLU", f"l{i}", f"t{i}", f"t{i + 1}"))
            + up("up", f"t{n}")
        )
    ),
    "layers in place": of_net(
        lambda n: DATA + each(n, lambda i: layer("ReLU", f"l{i}", "data", "data")) + UP
    ),
    "layers of unknown types": of_net(
        lambda n: TEXT + each(n, lambda i: layer(f"Fork{i}", f"l{i}", "data", f"t{i}"))
    ),
    "empty layers": of_net(lambda n: TEXT + "layer {}\n" * n),
    "layers of one line": of_net(lambda n: TEXT.replace("\n", " ") + "layer { } " * n),
    "values of forks": of_net(
        lambda n: (
            TEXT
            + each(n, lambda i: layer("Pooling", f"p{i}", "data", f"p{i}", f"{POOL}FORK{i} }}"))
        )
    ),
    # --- matched layers of a net and a model
    "matched": matched(lambda n: [(f"up{i}", "") for i in range(n)]),
    "matched, one name": matched(
        lambda n: [("up", "")] * n,
        least=16,  # a page of more than these has a part that others lack
    ),
    "matched, alike names": matched(lambda n: [(f"up{ALIKE}{i:08}", "") for i in range(n)]),
    "matched, the model lacks them": matched(
        lambda n: [(f"up{ALIKE}{i:08}", "") for i in range(n)], lambda name: f"other {name}"
    ),
    "matched, of another shape": matched(
        lambda n: [(f"up{i}", "") for i in range(n)],
        blob=ONE_VALUE,
        least=160,  # of fewer a page draws the way up, and a command names each
    ),
    "matched, full": matched(
        lambda n: [(f"up{i}", "") for i in range(n)],
        param=PARAM.replace("group: 3", ""),
        blob=blob(3, 3, 4, 4),
    ),
    "matched, in a chain": matched(
        lambda n: [(f"up{i}", "") for i in range(n)],
        param=PARAM.replace("4 stride: 2", "3 stride: 1"),
        chain=True,
        least=80,  # of so many in a chain the last 32 are remembered, and no command names each
    ),
    "matched, full, a Crop after each": Kind(
        lambda n: pair(
            DATA
            + each(
                n,
                lambda i: (
                    up(f"up{i}", param=FULL) + layer("Crop", f"crop{i}", f"up{i}", f"c{i}", CROP)
                ),
            ),
            saved((f"up{i}" for i in range(n)), blob(3, 3, 4, 4), b"Deconvolution"),
        ),
        ("check --also json=findings net in",),
        least=80,  # no command names each of so many
    ),
    "matched, cannot be filled": matched(
        lambda n: [(f"up{i}", "") for i in range(n)],
        param="num_output: 3 kernel_size: 5 stride: 7",
    ),
    "matched, misspelt": matched(
        lambda n: [(f"up{i}", "") for i in range(n)], param=PARAM.replace("pad", "padd")
    ),
    "matched, of one shared blob": matched(
        lambda n: [(f"up{i}", 'param { name: "w" }') for i in range(n)]
    ),
    "matched, shared in pairs": matched(
        lambda n: [(f"up{i}", f'param {{ name: "w{i // 2}" }}') for i in range(n)]
    ),
    "matched, shared in a row": matched(
        lambda n: [
            (f"up{i}", f'param {{ name: "w{i}" }} param {{ name: "w{i + 1}" }}') for i in range(n)
        ]
    ),
    "matched, shared with other types": of_net(
        lambda n: (
            DATA
            + each(n, lambda i: up(f"up{i}", more='param { name: "w" }'))
            + each(n, lambda i: layer("Convolution", f"c{i}", "data", f"c{i}", SHARED_CONV))
        )
    ),
    # --- states
    "states, a stage each": of_net(
        lambda n: TEXT + each(n, lambda i: up("up", more=f'include {{ stage: "s{i}" }}')), least=20
    ),
    "states, a level each": of_net(
        lambda n: (
            DATA + each(n, lambda i: up("up", more=f"include {{ min_level: {i} max_level: {i} }}"))
        ),
        least=20,  # of so many 16 are looked at
    ),
    "states, without a stage each": of_net(
        lambda n: (
            DATA + each(n, lambda i: up("up", top=f"t{i}", more=f'exclude {{ stage: "s{i}" }}'))
        )
    ),
    "states, with one and without another": of_net(
        lambda n: (
            DATA
            + each(n, lambda i: up("up", more=f'include {{ stage: "{i}" not_stage: "{i + 1}" }}'))
        ),
        least=20,
    ),
    "stages of a net": of_net(lambda n: f"state {{ {stages(n)} }} " + TEXT),
    "stages of a rule": of_net(
        lambda n: TEXT + up("up", top="t", more=f"include {{ {stages(n)} }}")
    ),
    "stages of a net and a rule": of_net(
        lambda n: f"state {{ {stages(n)} }} {DATA}" + up("up", more=f"include {{ {stages(n)} }}")
    ),
    "include rules": of_net(lambda n: in_up('include { stage: "s" } ' * n + "include {}")),
    "exclude rules": of_net(lambda n: in_up('exclude { stage: "s" } ' * n)),
    "rules that nothing meets": of_net(
        lambda n: (
            TEXT
            + up("more", more=each(n, lambda i: f'include {{ stage: "{i}" not_stage: "{i}" }} '))
        ),
        least=70,  # 64 are tried
    ),
    # --- in a layer
    "bottoms": of_net(lambda n: TEXT + layer("Concat", "c", "data", "c", 'bottom: "data" ' * n)),
    "bottoms that nothing makes": of_net(
        lambda n: (
            TEXT + layer("Concat", "c", "data", "c", each(n, lambda i: f'bottom: "no such {i}" '))
        ),
        least=20,  # for 20 of them a name is suggested
    ),
    "bottoms of an Eltwise": of_net(
        lambda n: TEXT + layer("Eltwise", "c", "data", "c", 'bottom: "data" ' * n)
    ),
    "bottoms that were made larger": of_net(
        lambda n: (
            DATA
            + each(n, lambda i: up(f"up{i}"))
            + layer("Concat", "c", "up0", "c", each(n, lambda i: f'bottom: "up{i}" '))
        ),
        least=80,  # of so many the last 32 are remembered, and no command names each
    ),
    "bottoms and tops of a matched layer": of_net(lambda n: in_up('bottom: "data" ' * n + tops(n))),
    "tops": of_net(lambda n: TEXT + layer("Split", "c", "data", "c", tops(n))),
    "tops of a Slice": of_net(
        lambda n: (
            TEXT
            + layer(
                "Slice",
                "c",
                "data",
                "c",
                f"{tops(n)} slice_param {{ {each(n, lambda i: f'slice_point: {i} ')} }}",
            )
        )
    ),
    "tops of one name": of_net(lambda n: in_up('top: "up" ' * n)),
    "params": of_net(lambda n: in_up("param { lr_mult: 0 } " * n)),
    "params in a list": of_net(lambda n: in_up(f"param [{', '.join(['{ lr_mult: 1 }'] * n)}]")),
    "params of one name": of_net(lambda n: in_up('param { name: "w" } ' * n)),
    "params, a name each": of_net(lambda n: in_up(each(n, lambda i: f'param {{ name: "w{i}" }} '))),
    "kernel sizes": of_net(lambda n: DATA + up("up", param=PARAM + " kernel_size: 4" * n)),
    "kernel sizes, a line each": of_net(
        lambda n: DATA + up("up", param=PARAM + "\nkernel_size: 4" * n)
    ),
    "strides": of_net(lambda n: DATA + up("up", param=PARAM + " stride: 2" * n)),
    "pads": of_net(lambda n: DATA + up("up", param=PARAM + " pad: 1" * n)),
    "dilations": of_net(lambda n: DATA + up("up", param=PARAM + " dilation: 1" * n)),
    "unknown fields of a layer": of_net(lambda n: in_up("of_a_fork: 1 " * n)),
    "unknown messages of a layer": of_net(lambda n: in_up("of_a_fork { a: 1 } " * n)),
    "fields of a filler": of_net(
        lambda n: DATA + up("up", param=PARAM + f" weight_filler {{ {'of_a_fork: 1 ' * n} }}")
    ),
    "misspelt fields": of_net(lambda n: DATA + up("up", param=PARAM + " kernal_size: 4" * n)),
    "misspelt fields, a name each": of_net(
        lambda n: DATA + up("up", param=PARAM + each(n, lambda i: f" kernal_size{i}: 4"))
    ),
    "blobs of a net": of_net(lambda n: in_up("blobs { data: 1 } " * n)),
    "values of a net": of_net(lambda n: in_up(f"blobs {{ {'data: 1 ' * n} }}")),
    # Of more than 32 axes every verb says the same.
    "dims": of_net(lambda n: DATA.replace("5, 6", "5, 6" + ", 1" * n) + UP, least=32),
    "input shapes": of_net(
        lambda n: DATA.replace("shape {", "shape { dim: 1 } " * n + "shape {") + UP
    ),
    "inputs": of_net(lambda n: each(n, lambda i: f'input: "i{i}" input_dim: [1, 3, 5, 6] ') + TEXT),
    "unknown fields of a net": of_net(lambda n: "of_a_fork: 1\n" * n + TEXT),
    "kernel sizes of a Pooling": of_net(
        lambda n: (
            TEXT
            + layer("Pooling", "p", "data", "p", f"pooling_param {{ {'kernel_size: 2 ' * n} }}")
        )
    ),
    # --- characters
    "comments": of_net(lambda n: DATA + "# a comment\n" * n + UP),
    "comments in a layer": of_net(lambda n: in_up("# a comment\n" * n)),
    "empty lines": of_net(lambda n: DATA + "\r\n" * n + UP),
    "blanks": of_net(lambda n: in_up(" " * n)),
    "adjacent strings": of_net(lambda n: DATA + UP.replace('"up"', '"up"' + ' ""' * n, 1)),
    "letters that are no UTF-8": of_net(lambda n: DATA + "# \udce9\n" * n + UP),
    "letters of a name": of_net(lambda n: DATA + up("up" * n)),
    "minus signs": of_net(lambda n: in_up("of_a_fork: - 1 " * n)),
    # --- old nets
    "V1 layers": of_net(
        lambda n: (
            INPUT
            + V1_UP
            + each(n, lambda i: v1(f'name: "l{i}" type: RELU bottom: "data" top: "l{i}"'))
        ),
        V1_SAVED,
    ),
    "V1 matched layers": of_net(
        lambda n: INPUT + each(n, lambda i: V1_UP.replace('"up"', f'"up{i}"')),
        V1_SAVED,
        least=110,  # of names that the model lacks 100 are compared
    ),
    "V1 learning rates": of_net(
        lambda n: INPUT + V1_UP.replace("type:", "blobs_lr: 1 weight_decay: 1 " * n + "type:"),
        V1_SAVED,
    ),
    "V0 layers": of_net(
        lambda n: (
            INPUT
            + each(
                n,
                lambda i: v1(f'layer {{ name: "l{i}" type: "relu" }} bottom: "data" top: "l{i}"'),
            )
        ),
        V1_SAVED,
    ),
    "V0 paddings": of_net(
        lambda n: (
            INPUT
            + each(
                n,
                lambda i: v1(
                    f'layer {{ name: "l{i}" type: "padding" pad: 1 }} bottom: "{i}" top: "{i + 1}"'
                ),
            )
        ),
        V1_SAVED,
    ),
    # --- layers of a model
    "model layers": of_model(lambda n: saved(f"l{i}" for i in range(n)) + UP_SAVED),
    "model layers, one name": of_model(lambda n: saved(["l"] * n) + UP_SAVED),
    "model layers, alike names": of_model(
        lambda n: saved(f"{ALIKE}{i:08}" for i in range(n)) + UP_SAVED
    ),
    "model layers of the matched name": of_model(lambda n: UP_SAVED * n),
    "model layers that stop Caffe": of_model(lambda n: UP_SAVED + saved(["up"] * n)),
    "model layers without blobs": of_model(
        lambda n: b"".join(layer_v2(b"l%d" % i, b"ReLU") for i in range(n)) + UP_SAVED
    ),
    "empty model layers": of_model(lambda n: sized(100, b"") * n + UP_SAVED),
    "V1 model layers": of_model(lambda n: v1_saved(n) + V1_SAVED),
    "V0 model layers": of_model(v0_saved),
    "model layers of legacy dims": of_model(
        lambda n: saved((f"l{i}" for i in range(n)), LEGACY_VALUE) + UP_SAVED
    ),
    "model layers of one shared blob": of_model(
        lambda n: b"".join(
            layer_v2(b"up%d" % i, b"Deconvolution", BLOB, before=sized(6, sized(1, b"w")))
            for i in range(n)
        )
    ),
    # --- in a layer of a model
    "blobs": of_model(lambda n: in_layer(sized(7, ONE_VALUE) * n)),
    "empty blobs": of_model(lambda n: in_layer(sized(7, b"") * n)),
    "chunks": of_model(
        lambda n: in_blob(sized(5, floats(1.0)) * n + sized(7, sized(1, varint(n))))
    ),
    "chunks of a matched blob": of_model(
        lambda n: layer_v2(b"up", b"Deconvolution", sized(5, b"") * n + BLOB)
    ),
    "empty chunks": of_model(lambda n: in_blob(sized(5, b"") * n + ONE_VALUE)),
    "values one by one": of_model(
        lambda n: in_blob((tag(5, FIXED32) + floats(1.0)) * n + sized(7, sized(1, varint(n))))
    ),
    "values in two fields by turns": of_model(
        lambda n: in_blob((tag(5, FIXED32) + floats(1.0) + sized(8, doubles(1.0))) * n + ONE_VALUE)
    ),
    "gradients": of_model(lambda n: in_blob(sized(6, floats(1.0)) * n + ONE_VALUE)),
    "raw values": of_model(
        lambda n: in_blob((number(10, 1) + sized(12, floats(1.0))) * n + sized(7, sized(1, b"\1")))
    ),
    "shapes of a blob": of_model(lambda n: in_blob(sized(7, b"") * n + ONE_VALUE)),
    "legacy dims of a blob": of_model(lambda n: in_blob(number(1, 1) * n + sized(5, floats(1.0)))),
    "convolution_params": of_model(lambda n: in_layer(sized(106, number(1, 3)) * n)),
    "kernel sizes of a model": of_model(lambda n: in_layer(sized(106, number(4, 4) * n))),
    "params of a model": of_model(lambda n: in_layer(sized(6, sized(1, b"w")) * n)),
    "params of a model, a name each": of_model(
        lambda n: in_layer(b"".join(sized(6, sized(1, b"w%d" % i)) for i in range(n)))
    ),
    "names of a model layer": of_model(lambda n: in_layer(sized(1, b"up") * n)),
    "unknown fields of a model layer": of_model(lambda n: in_layer(number(900, 1) * n)),
    "unknown fields of a model": of_model(lambda n: UP_SAVED + number(900, 1) * n),
    "groups": of_model(lambda n: UP_SAVED + (tag(900, GROUP) + tag(900, END_GROUP)) * n),
    # --- arguments
    "patterns": Kind(lambda n: pair(), tuple(f"{line} PATTERNS" for line in PATTERN_LINES)),
    "excludes": Kind(lambda n: pair(), tuple(f"{line} EXCLUDES" for line in PATTERN_LINES)),
    "old score layers": Kind(expanded, ("transplant -n SCORES net in",)),
}


# ── what they cost ──


def steps(place: Path, kind: Kind, line: str, n: int) -> tuple[int, int]:
    """How many lines of the package's code a command line runs, and calls of others'; its code.

    Loops within one line count each time. What C code does is one step, however long it takes.
    """
    for name, data in kind.files(n).items():
        (place / name).write_bytes(data)
    kept = {*place.iterdir()}
    own = str(Path(deconvsurgery.__file__).parent)
    count = 0

    def traced(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal count
        count += 1
        return traced if event != "call" or frame.f_code.co_filename.startswith(own) else None

    before = sys.gettrace()
    sys.settrace(traced)
    try:
        code, _, errors = run_here(place, *arguments(line, n))
    finally:
        sys.settrace(before)
    assert b"Traceback" not in errors
    for made in {*place.iterdir()} - kept:
        made.unlink()
    return count, code


# Kinds, numbers and lines of the table in docs/security.md.
SHOWN: Final[Sequence[tuple[str, Sequence[int], Sequence[str]]]] = (
    ("layers", (1_000, 10_000), ("inspect -a net in",)),
    ("layers, one name", (1_000, 10_000), ("inspect -a net in",)),
    ("matched", (200, 2_000), ("apply net in out", "check --fix --exit-zero net in")),
    ("matched, one name", (200, 2_000), ("check net in",)),
    ("bottoms", (10_000, 100_000), ("inspect -a net in",)),
    ("kernel sizes", (10_000, 100_000), ("inspect -a net in",)),
    ("model layers", (10_000, 100_000), ("inspect in",)),
    ("empty model layers", (100_000, 1_000_000), ("inspect in",)),
    ("empty blobs", (10_000, 100_000), ("inspect in",)),
    ("empty chunks", (100_000, 1_000_000), ("inspect in",)),
    ("unknown fields of a model", (100_000, 1_000_000), ("inspect in",)),
    ("patterns", (1_000, 10_000), ("apply -n net in PATTERNS",)),
)


def measured(kind: Kind, line: str, n: int) -> tuple[float, int, int]:
    """Seconds of processor time and MB at most of a child that runs a command line; its code."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name, data in kind.files(n).items():
            (place / name).write_bytes(data)
        child = os.posix_spawn(
            sys.executable,
            [sys.executable, "-c", _MEASURED, folder, *arguments(line, n)],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
            ],
        )
        _, status, used = os.wait4(child, 0)
    return used.ru_utime + used.ru_stime, used.ru_maxrss // 1024, os.waitstatus_to_exitcode(status)


_MEASURED: Final = """
import os, sys
os.chdir(sys.argv[1])
from deconvsurgery.cli import run
sys.exit(run(sys.argv[2:]))
"""


def main() -> None:
    """Write the table to standard output."""
    head = "| many of | how many | `deconvsurgery` | seconds | MB | µs each |"
    for row in chain((head, "|---|---|---|---|---|---|"), rows()):
        sys.stdout.write(f"{row}\n")
        sys.stdout.flush()


def rows() -> Iterator[str]:
    """A row for each kind, number and line that is shown."""
    for name, numbers, lines in SHOWN:
        for line in lines:
            for n in numbers:
                seconds, most, _ = measured(KINDS[name], line, n)
                words = line.replace(" PATTERNS", " -p …")
                cost = f"{seconds:.1f} | {most} | {seconds / n * 1e6:.0f}"
                yield f"| {name} | {n:,} | `{words}` | {cost} |"


if __name__ == "__main__":
    main()
