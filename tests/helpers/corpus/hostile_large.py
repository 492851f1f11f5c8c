"""Hostile files that are too large to keep: made when a test runs, by ``write``.

Each is a few bytes that say much, or the same few many times over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from helpers.corpus.hostile_case import CONV, MODEL, NAME, NET, UP, data, layer, shape
from helpers.corpus.hostile_hdf5 import CONV_SET, UP_SET, hdf5
from helpers.wire import END_GROUP, FIXED32, GROUP, floats, number, sized, tag

MILLION = 10**6
TEXT = NET.decode()


def _groups() -> Iterator[bytes]:
    yield MODEL
    yield tag(900, GROUP) * 10**5 + tag(900, END_GROUP) * 10**5


def _groups_open() -> Iterator[bytes]:
    yield MODEL
    yield tag(900, GROUP) * MILLION


def _layers() -> Iterator[bytes]:
    yield NAME
    for first in range(0, 10**5, 1000):
        yield b"".join(layer(f"l{first + each}", "ReLU") for each in range(1000))
    yield UP


def _million_layers() -> Iterator[bytes]:
    yield NAME + UP
    for _ in range(1000):
        yield layer("", "") * 1000


def _one_layer(body: bytes) -> bytes:
    return NAME + sized(100, sized(1, b"conv") + body) + UP


MODELS: Mapping[str, Callable[[], Iterator[bytes]]] = {
    "groups-10-5.caffemodel": _groups,
    "groups-open-10-6.caffemodel": _groups_open,
    "layers-10-5.caffemodel": _layers,
    "layers-10-6.caffemodel": _million_layers,
    "dims-10-6.caffemodel": lambda: iter(
        [_one_layer(sized(7, data(1.0) + sized(7, sized(1, b"\1" * MILLION))))]
    ),
    "dims-unpacked-10-6.caffemodel": lambda: iter(
        [_one_layer(sized(7, data(1.0) + sized(7, number(1, 1) * MILLION)))]
    ),
    "shapes-10-5.caffemodel": lambda: iter([_one_layer(sized(7, shape() * 10**5 + data(1.0)))]),
    "blobs-20000.caffemodel": lambda: iter([_one_layer(sized(7, data(1.0)) * 20_000)]),
    "values-unpacked-10-6.caffemodel": lambda: iter(
        [_one_layer(sized(7, (tag(5, FIXED32) + floats(1.0)) * MILLION + shape(MILLION)))]
    ),
    "chunks-10-5.caffemodel": lambda: iter(
        [_one_layer(sized(7, data(1.0) * 10**5 + shape(10**5)))]
    ),
    "params-10-5.caffemodel": lambda: iter(
        [NAME + layer("up", "Deconvolution", more=sized(106, number(1, 3)) * 10**5) + CONV]
    ),
    "name-1-mb.caffemodel": lambda: iter([layer(b"\x1b[" * (MILLION // 2), "ReLU"), UP]),
    "unknown-200000.caffemodel": lambda: iter([MODEL, number(900, 1) * 200_000]),
}
NETS: Mapping[str, Callable[[], Iterator[bytes]]] = {
    "depth-10-5.prototxt": lambda: iter([b"a{" * 10**5, b"}" * 10**5]),
    "list-depth-10-5.prototxt": lambda: iter([b"a:[" * 10**5]),
    "comment-100-mb.prototxt": lambda: (b"#" * MILLION for _ in range(100)),
    "string-100-mb.prototxt": lambda: iter([b'name: "', *[b"x" * MILLION] * 100]),
    "spaces-100-mb.prototxt": lambda: iter([*[b" " * MILLION] * 100, NET]),
    "layers-2000.prototxt": lambda: iter(
        [
            NET,
            *(
                b'layer { name: "l%d" type: "ReLU" bottom: "data" top: "t%d" }\n' % (i, i)
                for i in range(2000)
            ),
        ]
    ),
    "kernels-10-5.prototxt": lambda: iter(
        [TEXT.replace("kernel_size: 4", "kernel_size: 4 " * 10**5).encode()]
    ),
    "dims-20000.prototxt": lambda: iter([TEXT.replace("5, 6", "5, 6" + ", 1" * 20_000).encode()]),
    "adjacent-10-5.prototxt": lambda: iter([TEXT.replace('"up"', '"up"' + ' ""' * 10**5).encode()]),
    "name-1-mb.prototxt": lambda: iter([TEXT.replace('"up"', '"' + "up" * 500_000 + '"').encode()]),
    "misspelt-1000.prototxt": lambda: iter(
        [TEXT.replace("kernel_size: 4", "kernal_size: 4 " * 1000).encode()]
    ),
}
HDF5: Mapping[str, Callable[[], Iterator[bytes]]] = {
    "layers-4000.h5": lambda: iter(
        [hdf5({"data": {"up": {"0": UP_SET}, **{f"l{i:05}": {} for i in range(4000)}}})]
    ),
    "blobs-900.h5": lambda: iter([hdf5({"data": {"c": {str(i): CONV_SET for i in range(900)}}})]),
}
ALL = {**MODELS, **NETS, **HDF5}


def write(name: str, folder: Path) -> Path:
    """Make one of them."""
    with open(folder / name, "wb") as file:
        for piece in ALL[name]():
            file.write(piece)
    return folder / name
