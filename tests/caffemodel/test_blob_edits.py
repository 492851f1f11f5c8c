"""New blobs and layers in a model: what each was it stays, and everything else stays too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import deconvsurgery as ds
from deconvsurgery.caffemodel.blob_edits import (
    NewBlob,
    added_blobs,
    added_layer,
    kept_values,
    rewritten_blob,
)
from deconvsurgery.caffemodel.stored_values import Storage
from deconvsurgery.caffemodel.wire import FramedEdit, reframed
from deconvsurgery.splicing.byte_ranges import spliced
from helpers.models import NetParameter, indexed, message_class
from helpers.wire import doubles, floats, sized

BlobProto = message_class("BlobProto")


BEFORE, AFTER = sized(100, sized(1, b"before")), sized(100, sized(1, b"after"))


def operated(data: bytes, *edits: FramedEdit) -> bytes:
    return spliced(data, reframed(edits))


SHAPE, LEGACY, OTHER = sized(7, b"\x08\x02"), b"\x08\x01\x20\x02", sized(500, b"?")
SEVENS, WIDE_SEVENS = sized(5, floats(7, 7)), sized(8, doubles(7, 7))
BLOBS = {
    "packed, in place": (SHAPE + sized(5, floats(1, 2)) + OTHER, SHAPE + SEVENS + OTHER),
    "legacy stays legacy": (LEGACY + sized(5, floats(1, 2)), LEGACY + SEVENS),
    "a length in three bytes": (
        b"\x2a\x88\x80\x00" + floats(1, 2) + SHAPE,
        b"\x2a\x88\x80\x00" + floats(7, 7) + SHAPE,
    ),
    "unpacked": (b"\x2d" + floats(1) + b"\x2d" + floats(2) + SHAPE, SEVENS + SHAPE),
    "in pieces": (
        sized(5, floats(1)) + SHAPE + b"\x2d" + floats(2) + OTHER + sized(5, b""),
        SEVENS + SHAPE + OTHER,
    ),
    "too few": (sized(5, floats(1)) + SHAPE, SEVENS + SHAPE),
    "none": (OTHER + SHAPE, OTHER + SHAPE + SEVENS),
    "empty": (OTHER + sized(5, b"") + SHAPE, OTHER + SEVENS + SHAPE),
    "nothing at all": (b"", SEVENS),
    "diff stays": (sized(6, floats(9, 9)) + SHAPE, sized(6, floats(9, 9)) + SHAPE + SEVENS),
    "double stays double": (SHAPE + sized(8, doubles(1, 2)), SHAPE + WIDE_SEVENS),
    "double unpacked": (b"\x41" + doubles(1) + b"\x41" + doubles(2), WIDE_SEVENS),
    "double and float": (sized(5, floats(1, 2)) + sized(8, doubles(1, 2)), WIDE_SEVENS),
    "empty double": (sized(8, b"") + SHAPE + sized(5, floats(1, 2)), SEVENS + SHAPE),
}


@pytest.mark.parametrize(("before", "after"), BLOBS.values(), ids=BLOBS)
def test_a_blob_gets_new_values_and_keeps_its_form(before: bytes, after: bytes) -> None:
    data = BEFORE + sized(100, sized(1, b"up") + sized(7, before) + OTHER) + AFTER
    (blob,) = indexed(data).by_name["up"][0].blobs
    wide = blob.storage == "double_data"
    values = doubles(7, 7) if wide else floats(7, 7)
    storage = blob.storage if blob.count else Storage.DATA
    out = operated(data, *rewritten_blob(blob, 2, storage, lambda: (values[:4], values[4:])))
    assert out == BEFORE + sized(100, sized(1, b"up") + sized(7, after) + OTHER) + AFTER
    message: Any = NetParameter.FromString(out)
    read = message.layer[1].blobs[0]
    assert list(read.double_data if wide else read.data) == [7, 7]


@pytest.mark.parametrize("count", [29, 30, 31, 32, 4090, 4093, 4095, 4096])
def test_lengths_of_layer_and_blob_grow_with_their_values(count: int) -> None:
    """Across 127 → 128 and 16383 → 16384, once for the blob and once for its layer."""
    for extra in range(8):
        name = sized(1, b"u" * extra)
        data = BEFORE + sized(100, name + sized(7, SHAPE)) + AFTER
        (blob,) = indexed(data).layers[1].blobs
        raw = bytes(4 * count)
        out = operated(data, *rewritten_blob(blob, count, Storage.DATA, lambda raw=raw: (raw,)))
        assert out == BEFORE + sized(100, name + sized(7, SHAPE + sized(5, raw))) + AFTER


def test_untouched_values_keep_every_bit() -> None:
    strange = bytes.fromhex("0100807f010080ff0000008001000000")  # sNaN, NaN, -0, denormal
    other = sized(100, sized(7, sized(5, strange)))
    data = other + sized(100, sized(1, b"up") + sized(7, sized(5, floats(1)))) + other
    (blob,) = indexed(data).by_name["up"][0].blobs
    out = operated(data, *rewritten_blob(blob, 1, Storage.DATA, lambda: (floats(2),)))
    assert out.startswith(other)
    assert out.endswith(other)


# --- blobs for a layer that has none


def new(*shape: int, value: float = 1) -> NewBlob:
    return NewBlob(shape, lambda: (floats(*[value] * int(np.prod(shape))),))


def test_blobs_are_added_at_a_layers_end() -> None:
    data = BEFORE + sized(100, sized(1, b"up") + OTHER) + AFTER
    (layer,) = indexed(data).by_name["up"]
    out = operated(data, *added_blobs(layer, [new(2, 1, 1, 1), new(2, value=0)], legacy=False))
    weights: Any = BlobProto(data=[1, 1], shape={"dim": [2, 1, 1, 1]})
    bias: Any = BlobProto(data=[0, 0], shape={"dim": [2]})
    blobs = b"".join(sized(7, blob.SerializeToString()) for blob in (weights, bias))
    assert out == BEFORE + sized(100, sized(1, b"up") + OTHER + blobs) + AFTER


def test_blobs_are_added_with_legacy_dims_where_the_file_has_those() -> None:
    data = sized(2, sized(4, b"up"))
    (layer,) = indexed(data).layers
    out = operated(data, *added_blobs(layer, [new(2, 1, 1, 1), new(2)], legacy=True))
    weights: Any = BlobProto(data=[1, 1], num=2, channels=1, height=1, width=1)
    bias: Any = BlobProto(data=[1, 1], num=1, channels=1, height=1, width=2)
    blobs = b"".join(sized(6, blob.SerializeToString()) for blob in (weights, bias))
    assert out == sized(2, sized(4, b"up") + blobs)


def test_five_axes_have_no_legacy_form() -> None:
    data = sized(2, sized(4, b"up"))
    (layer,) = indexed(data).layers
    out: Any = NetParameter.FromString(
        operated(data, *added_blobs(layer, [new(1, 1, 1, 1, 2)], legacy=True))
    )
    (blob,) = out.layers[0].blobs
    assert list(blob.shape.dim) == [1, 1, 1, 1, 2]
    assert not blob.HasField("num")


def test_the_last_blob_its_layer_and_the_file_all_get_something_at_their_common_end() -> None:
    """The net's order decides the order of edits, the file's nesting that of the bytes."""
    data = BEFORE + sized(100, sized(1, b"up") + sized(7, SHAPE))
    model = indexed(data)
    up = model.by_name["up"][0]
    out: Any = NetParameter.FromString(
        operated(
            data,
            added_layer(model, ds.parse_net(NET).layers[0], [new(1)]),
            *added_blobs(up, [new(3)], legacy=False),
            *rewritten_blob(up.blobs[0], 2, Storage.DATA, lambda: (floats(7, 7),)),
        )
    )
    assert [layer.name for layer in out.layer] == ["before", "up", "up2"]
    assert [list(blob.data) for blob in out.layer[1].blobs] == [[7, 7], [1, 1, 1]]
    assert list(out.layer[2].blobs[0].data) == [1]


# --- layers that the file lacks

NET = b"""
layer {
  name: "up2" type: "Deconvolution" bottom: "a" bottom: "b" top: "c" top: "d"
  param { lr_mult: 0 }
  convolution_param {
    num_output: 5 bias_term: false kernel_h: 4 kernel_w: 2 stride: 2 stride: 1 engine: CAFFE
    weight_filler { type: "gaussian" std: 0.5 } relu: true
  }
}
"""


def created(data: bytes, net: bytes = NET, *blobs: NewBlob) -> bytes:
    parsed = ds.parse_net(net)
    out = operated(data, added_layer(indexed(data), parsed.layers[0], blobs))
    assert out.startswith(data)
    return out[len(data) :]


def their_param(message: Any) -> None:
    """The convolution_param of NET, without the ``relu`` that only Intel's Caffe knows."""
    param = message.convolution_param
    param.num_output, param.bias_term = 5, False
    param.kernel_h, param.kernel_w, param.engine = 4, 2, 1
    param.stride.extend([2, 1])
    param.weight_filler.type, param.weight_filler.std = "gaussian", 0.5


@pytest.mark.parametrize("data", [b"", BEFORE, sized(1, b"net")], ids=["empty", "V2", "no layer"])
def test_a_created_layer_is_what_protobuf_would_write(data: bytes) -> None:
    net: Any = NetParameter()
    layer = net.layer.add(name="up2", type="Deconvolution", bottom=["a", "b"], top=["c", "d"])
    layer.blobs.add(data=[1, 1], shape={"dim": [1, 1, 1, 2]})
    layer.blobs.add(data=[0], shape={"dim": [1]})
    their_param(layer)
    assert created(data, NET, new(1, 1, 1, 2), new(1, value=0)) == net.SerializeToString()


@pytest.mark.parametrize("legacy", [True, False])
def test_in_a_v1_file_it_is_a_v1_layer(legacy: bool) -> None:
    other: Any = NetParameter()
    blob = other.layers.add(name="conv", type="CONVOLUTION").blobs.add(data=[1])
    if legacy:
        blob.num = blob.channels = blob.height = blob.width = 1
    else:
        blob.shape.dim.append(1)
    net: Any = NetParameter()
    layer = net.layers.add(name="up2", type=39, bottom=["a", "b"], top=["c", "d"])
    blob = layer.blobs.add(data=[1, 1])
    if legacy:
        blob.num = blob.channels = blob.height = 1
        blob.width = 2
    else:
        blob.shape.dim.extend([1, 1, 1, 2])
    their_param(layer)
    made = created(other.SerializeToString(), NET, new(1, 1, 1, 2))
    assert made == net.SerializeToString()
    assert net.layers[0].type == net.layers[0].DECONVOLUTION


def test_names_are_written_in_the_nets_own_encoding() -> None:
    text = 'layer { name: "über" type: "Deconvolution" bottom: "é" top: "à" }'
    for encoding in ("utf-8", "latin-1"):
        made = created(b"", text.encode(encoding))
        for word in ("über", "é", "à"):
            assert sized(1, word.encode(encoding))[1:] in made


def test_a_name_that_latin_1_does_not_have_is_still_written() -> None:
    """Escapes can spell what the rest of the text's bytes cannot."""
    net = b'# \xe9\nlayer { name: "\\u0142up" type: "Deconvolution" }'
    message: Any = NetParameter.FromString(created(b"", net))
    assert message.layer[0].name == "\u0142up"


def test_values_are_kept_where_they_lie_as_a_packed_field_has_them() -> None:
    pieces = sized(5, floats(1, 2)) + sized(5, b"") + sized(5, floats(3)) + b"\x2d" + floats(4)
    data = sized(100, sized(1, b"up") + sized(7, pieces[: -len(floats(4)) - 1]) + sized(7, pieces))
    together, apart = indexed(data).layers[0].blobs
    kept = kept_values(together, "<f4")
    assert kept is not None
    assert b"".join(data[each.start : each.stop] for each in kept) == floats(1, 2, 3)
    assert kept_values(together, "<f8") is None
    assert kept_values(apart, "<f4") is None  # a tag stands before the last
