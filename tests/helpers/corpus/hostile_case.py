"""What a hostile file is here, and messages of models by hand; standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from helpers.wire import floats, number, sized, varint

Blobs: TypeAlias = tuple[tuple[tuple[int, ...], tuple[float, ...]], ...]
"""Of each blob its shape as written and its values; NaN stands for any NaN."""

Meaning: TypeAlias = tuple[tuple[str, str, Blobs], ...]
"""Of each layer of a model its name, its type and its blobs."""


@dataclass(frozen=True)
class Case:
    """A file: its name, its bytes, what is odd about it, and what it means if that is accepted.

    ``means`` is a `Meaning` for a model, for a net the fields of its layer ``up`` by name.
    """

    name: str
    data: bytes
    about: str
    means: Any = None


def shape(*dims: int) -> bytes:
    """A BlobShape field of a BlobProto, packed."""
    return sized(7, sized(1, b"".join(varint(dim % (1 << 64)) for dim in dims)))


def data(*values: float) -> bytes:
    """``data`` of a BlobProto, packed."""
    return sized(5, floats(*values))


def layer(name: str | bytes, kind: str, *blobs: bytes, more: bytes = b"") -> bytes:
    """A layer of today (LayerParameter in NetParameter.layer, 100)."""
    name = name.encode() if isinstance(name, str) else name
    body = sized(1, name) + sized(2, kind.encode()) + more
    return sized(100, body + b"".join(sized(7, blob) for blob in blobs))


def v1_layer(name: str, kind: int, *blobs: bytes, more: bytes = b"") -> bytes:
    """A layer of 2014 (V1LayerParameter in NetParameter.layers, 2); 39 is a Deconvolution."""
    body = sized(4, name.encode()) + number(5, kind) + more
    return sized(2, body + b"".join(sized(6, blob) for blob in blobs))


ZEROS = (0.0,) * 48
FOUR = (1.0, 2.0, 3.0, 4.0)
CONV_BLOB = data(*FOUR) + shape(1, 1, 2, 2)
UP_BLOB = data(*ZEROS) + shape(3, 1, 4, 4)
NAME = sized(1, b"hostile")
CONV = layer("conv", "Convolution", CONV_BLOB)
UP = layer("up", "Deconvolution", UP_BLOB)
CONV_MEANS = ("conv", "Convolution", (((1, 1, 2, 2), FOUR),))
UP_MEANS = ("up", "Deconvolution", (((3, 1, 4, 4), ZEROS),))

# The net that goes with every model of the corpus.
NET = b"""name: "hostile"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: [1, 3, 5, 6] } } }
layer { name: "up" type: "Deconvolution" bottom: "data" top: "up" convolution_param {
  num_output: 3 group: 3 kernel_size: 4 stride: 2 pad: 1 bias_term: false } }
"""
# The model that goes with every net of the corpus.
MODEL = NAME + CONV + UP
