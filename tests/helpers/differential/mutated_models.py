"""Models for a net, right ones and wrong ones: what Caffe loads, and what it stops at."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Sequence
from math import prod
from random import Random
from typing import Any, NamedTuple

import numpy as np

from helpers.models import NetParameter

Layers = Sequence[tuple[str, str, Sequence[tuple[int, ...]]]]
"""Each layer's name, type and the shapes of its blobs, as Caffe set it up."""

_V1_TYPES = {"Convolution": 4, "Deconvolution": 39, "InnerProduct": 14, "ReLU": 18, "Dropout": 6}
_V0_TYPES = {"Convolution": "conv", "InnerProduct": "innerproduct", "ReLU": "relu"}


class MutatedModel(NamedTuple):
    """A model's bytes, and the ways in which it went wrong, its form the last of them."""

    data: bytes
    ways: tuple[str, ...]


def mutated_model(random: Random, layers: Layers) -> MutatedModel:
    """A model for the layers, with up to three things wrong."""
    net = _right(random, layers)
    ways = []
    for _ in range(random.choice((0, 1, 1, 1, 2, 3))):
        way = random.choice([*WAYS])
        if net.layer:
            WAYS[way](random, net)
            ways.append(way)
    form = random.choice(("V2",) * 5 + ("V1", "V0", "HDF5", "HDF5", "mixed", "cut off"))
    return MutatedModel(FORMS[form](random, net), (*ways, form))


def _right(random: Random, layers: Layers) -> Any:
    net = NetParameter()
    for name, kind, shapes in layers:
        if kind in ("Split",) and random.random() < 0.5:
            continue
        message = net.layer.add(name=name, type=kind)
        for shape in shapes:
            blob = message.blobs.add(data=[random.uniform(-1, 1) for _ in range(prod(shape))])
            if shape:
                blob.shape.dim.extend(shape)
    return net


# ── one way each ──


def _some(random: Random, net: Any) -> Any:
    """A layer that has blobs, if there is one."""
    found = [each for each in net.layer if each.blobs]
    return random.choice(found) if found else None


def _layer_way(change: Callable[[Random, Any], None]) -> Callable[[Random, Any], None]:
    def way(random: Random, net: Any) -> None:
        layer = _some(random, net)
        if layer is not None:
            change(random, layer)

    return way


def _blob_way(change: Callable[[Random, Any], None]) -> Callable[[Random, Any], None]:
    return _layer_way(lambda random, layer: change(random, random.choice(layer.blobs)))


def _fewer(random: Random, layer: Any) -> None:
    del layer.blobs[random.randrange(len(layer.blobs))]


def _more(random: Random, layer: Any) -> None:
    layer.blobs.add().CopyFrom(random.choice(layer.blobs))


def _none(_: Random, layer: Any) -> None:
    del layer.blobs[:]


def _shape(random: Random, blob: Any) -> None:
    """Other dims, with as many values or with others."""
    dims = list(blob.shape.dim)
    change = random.randrange(7)
    if change == 0:
        random.shuffle(dims)
    elif change == 1:
        dims = [1, *dims]
    elif change == 2:
        dims = [*dims, 1]
    elif change == 3 and dims:
        dims[random.randrange(len(dims))] += random.choice((1, 2, -1))
    elif change == 4:
        dims = [prod(dims)]
    elif change == 5:
        dims = dims[1:] if dims[:1] == [1] else [0, *dims]
    else:
        dims = []
    if random.random() < 0.7 and min(dims, default=0) >= 0:
        _values(blob, prod(dims))
    del blob.shape.dim[:]
    blob.shape.dim.extend(dims)


def _values(blob: Any, count: int) -> None:
    del blob.data[:]
    blob.data.extend([0.5] * min(count, 100_000))


def _odd_dims(random: Random, blob: Any) -> None:
    dims = random.choice(([-1], [-2, -3], [1] * 32, [1] * 33, [2**31, 1], [2**33], [0], [2, 0, 3]))
    del blob.shape.dim[:]
    blob.shape.dim.extend(dims)
    _values(blob, prod(dims) if 0 <= prod(dims) < 100 else len(blob.data))


def _legacy(random: Random, blob: Any) -> None:
    """Four numbers in place of a shape, as old Caffes write them, or nearly."""
    dims = list(blob.shape.dim)
    padded = [1] * (4 - len(dims)) + dims
    change = random.randrange(8)
    if change == 0:
        padded = dims + [1] * (4 - len(dims))
    elif change == 1:
        padded[random.randrange(len(padded))] += 1
    elif change == 2:
        padded = [0, *padded[1:]]
    for name, dim in zip(("num", "channels", "height", "width"), padded, strict=False):
        if not (change == 3 and dim == 1):
            setattr(blob, name, min(dim, 2**31 - 1))  # an int32, unlike those of a shape
    if change != 4:
        blob.ClearField("shape")
    if change == 5:
        blob.shape.dim.extend([*dims, 1])


def _one_legacy_dim(random: Random, blob: Any) -> None:
    setattr(blob, random.choice(("num", "channels", "height", "width")), random.choice((0, 1, 2)))


def _no_shape(_: Random, blob: Any) -> None:
    blob.ClearField("shape")


def _value_count(random: Random, blob: Any) -> None:
    count = len(blob.data)
    _values(blob, random.choice((0, 1, max(0, count - 1), count + 1)))


def _doubles(random: Random, blob: Any) -> None:
    """``double_data``, alone or beside ``data``, of the right length or not."""
    values = list(blob.data)
    change = random.randrange(5)
    if change != 1:
        del blob.data[:]
    if change == 2:
        values = values[:-1]
    if change == 3:
        blob.data.extend(values)
        values.append(1.0)
    blob.double_data.extend(values)
    if change == 4:
        blob.data.extend([1.0])


def _diff(random: Random, blob: Any) -> None:
    """Gradients of the right length or another, beside the values or alone."""
    count = len(blob.data)
    count = random.choice((count, count, 1, max(0, count - 1), count + 2))
    getattr(blob, random.choice(("diff", "double_diff"))).extend([0.25] * count)
    if random.random() < 0.3:
        del blob.data[:]


def _two_diffs(random: Random, blob: Any) -> None:
    count = len(blob.data)
    blob.diff.extend([0.25] * random.choice((count, count + 1)))
    blob.double_diff.extend([0.25] * random.choice((count, count + 1)))


def _raw(random: Random, blob: Any) -> None:
    """NVIDIA's raw_data, alone or beside ``data``."""
    values = np.array(blob.data, "<f4")
    kind, dtype = random.choice(((0, "<f8"), (1, "<f4"), (2, "<f2"), (3, "<i4")))
    with np.errstate(invalid="ignore"):  # no number is an int32 that is a NaN
        data = values.astype(dtype).tobytes()
    if random.random() < 0.8:
        del blob.data[:]
    if len(data) < 1 << 20:
        blob.MergeFromString(bytes([0x50, kind, 0x62]) + _varint(len(data)) + data)


def _packed_by_opencl(random: Random, blob: Any) -> None:
    """The opencl branch's packed_data, 11, which is bytes."""
    del blob.data[:]
    blob.MergeFromString(bytes([0x5A, 4, 1, 2, 3, 4, 0x68, 1]))


def _not_finite(random: Random, blob: Any) -> None:
    if blob.data:
        blob.data[random.randrange(len(blob.data))] = random.choice((float("nan"), float("inf")))


def _c3d(random: Random, blob: Any) -> None:
    """C3D 1.0's blob: five dims, values in the field that is ``diff`` elsewhere."""
    dims, values = list(blob.shape.dim), list(blob.data)
    dims = [1] * (5 - len(dims)) + dims
    if random.random() < 0.5 and len(blob.shape.dim) == 4:
        dims = [*dims[1:3], 1, *dims[3:]]
    data = struct.pack(f"<{len(values)}f", *values)
    blob.Clear()
    wire = b"".join(bytes([8 * at]) + _varint(dim) for at, dim in enumerate(dims[:5], 1))
    if random.random() < 0.8:
        wire += b"\x32" + _varint(len(data)) + data
    blob.MergeFromString(wire)


def _unpacked(random: Random, blob: Any) -> None:
    """Values one by one, as no Caffe writes them."""
    values = list(blob.data)
    if len(values) > 500:
        return
    del blob.data[:]
    blob.MergeFromString(b"".join(b"\x2d" + struct.pack("<f", each) for each in values))


def _two_shapes(random: Random, blob: Any) -> None:
    """A second ``shape``, which protobuf joins to the first."""
    dims = list(blob.shape.dim)
    at = random.randint(0, len(dims))
    blob.ClearField("shape")
    for part in (dims[:at], dims[at:] if random.random() < 0.7 else dims):
        inner = b"".join(b"\x08" + _varint(dim) for dim in part)
        blob.MergeFromString(b"\x3a" + _varint(len(inner)) + inner)


def _rename(random: Random, net: Any) -> None:
    layer = random.choice(net.layer)
    layer.name = random.choice((layer.name + "x", layer.name.upper(), "", layer.name[:-1], "data"))


def _swap(random: Random, net: Any) -> None:
    one, other = random.choice(net.layer), random.choice(net.layer)
    one.name, other.name = other.name, one.name


def _retype(random: Random, net: Any) -> None:
    layer = random.choice(net.layer)
    layer.type = random.choice(("", "InnerProduct", "Convolution", "ReLU", "Odd", "DATA"))


def _untyped(_: Random, net: Any) -> None:
    for layer in net.layer:
        layer.ClearField("type")


def _missing(random: Random, net: Any) -> None:
    del net.layer[random.randrange(len(net.layer))]


def _twice(random: Random, net: Any) -> None:
    """A layer once more, before or behind, with something else in it."""
    layer = random.choice(net.layer)
    copy = net.layer.add()
    copy.CopyFrom(layer)
    if random.random() < 0.5:
        way = random.choice((_fewer, _none, _more))
        if copy.blobs:
            way(random, copy)
    elif copy.blobs and random.random() < 0.7:
        _values_or_shape = random.choice((_value_count, _shape, _legacy, _diff))
        _values_or_shape(random, random.choice(copy.blobs))
    if random.random() < 0.5:
        layers = list(net.layer)
        del net.layer[:]
        net.layer.extend([layers[-1], *layers[:-1]])


def _stranger(random: Random, net: Any) -> None:
    """A layer of a name that the net has not, in a form that Caffe would not load."""
    layer = net.layer.add(name=random.choice(("stranger", "relu9")), type="InnerProduct")
    blob = layer.blobs.add(data=[1.0, 2.0])
    blob.shape.dim.extend(
        random.choice(([2], [3], [-1], [2, 1], [0], [1, 1, 1, 1, 2]) * 3 + ([1] * 40,))
    )


def _reordered(random: Random, net: Any) -> None:
    layers = list(net.layer)
    random.shuffle(layers)
    del net.layer[:]
    net.layer.extend(layers)


def _inputs(random: Random, net: Any) -> None:
    net.input.append("data")
    if random.random() < 0.6:
        net.input_dim.extend((1, 3, 5, 5))


def _rules(random: Random, net: Any) -> None:
    """Rules of phases, which loading does not look at."""
    layer = random.choice(net.layer)
    layer.include.add(phase=random.choice((0, 1)))
    layer.param.add(name="w0")


def _unknown_field(random: Random, net: Any) -> None:
    layer = random.choice(net.layer)
    layer.MergeFromString(b"\xfa\x3e\x03abc")
    if random.random() < 0.3:
        layer.MergeFromString(b"\xa2\x09\x02\x08\x01")  # 148, which is clip_param in BVLC's


def _odd_param(random: Random, net: Any) -> None:
    layer = random.choice(net.layer)
    layer.convolution_param.num_output = 9
    layer.convolution_param.kernel_size.append(0)


WAYS: dict[str, Callable[[Random, Any], None]] = {
    "fewer blobs": _layer_way(_fewer),
    "more blobs": _layer_way(_more),
    "no blobs": _layer_way(_none),
    "shape": _blob_way(_shape),
    "shape again": _blob_way(_shape),
    "odd dims": _blob_way(_odd_dims),
    "legacy dims": _blob_way(_legacy),
    "legacy dims again": _blob_way(_legacy),
    "one legacy dim": _blob_way(_one_legacy_dim),
    "no shape": _blob_way(_no_shape),
    "two shapes": _blob_way(_two_shapes),
    "value count": _blob_way(_value_count),
    "doubles": _blob_way(_doubles),
    "diff": _blob_way(_diff),
    "two diffs": _blob_way(_two_diffs),
    "raw data": _blob_way(_raw),
    "packed by opencl": _blob_way(_packed_by_opencl),
    "not finite": _blob_way(_not_finite),
    "C3D": _blob_way(_c3d),
    "unpacked": _blob_way(_unpacked),
    "renamed": _rename,
    "swapped": _swap,
    "another type": _retype,
    "no types": _untyped,
    "a layer less": _missing,
    "a layer twice": _twice,
    "a layer twice again": _twice,
    "a stranger": _stranger,
    "another order": _reordered,
    "inputs": _inputs,
    "rules": _rules,
    "unknown fields": _unknown_field,
    "odd param": _odd_param,
}


# ── forms ──


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


def _as_v2(_: Random, net: Any) -> bytes:
    return bytes(net.SerializePartialToString())


def _as_v1(random: Random, net: Any) -> bytes:
    old = NetParameter(input=net.input, input_dim=net.input_dim)
    for layer in net.layer:
        _to_v1(random, layer, old.layers.add())
    return bytes(old.SerializePartialToString())


def _to_v1(random: Random, layer: Any, found: Any) -> None:
    found.name = layer.name
    if layer.type in _V1_TYPES:
        found.type = _V1_TYPES[layer.type]
    elif random.random() < 0.3:
        found.MergeFromString(b"\x28\x63")  # a fork's number
    found.blobs.extend(layer.blobs)


def _as_v0(random: Random, net: Any) -> bytes:
    old = NetParameter()
    odd = random.random() < 0.1
    for layer in net.layer:
        found = old.layers.add()
        if layer.type == "Input" and random.random() < 0.5:
            continue
        found.layer.name = layer.name
        kind = _V0_TYPES.get(layer.type, "deconv" if odd else None)
        if kind:
            found.layer.type = kind
        found.layer.blobs.extend(layer.blobs)
        found.bottom.extend(layer.bottom)
        found.top.append(layer.name)
    if random.random() < 0.1 and old.layers:
        outside = random.choice(old.layers)
        outside.blobs.extend(outside.layer.blobs)
        del outside.layer.blobs[:]
    return bytes(old.SerializePartialToString())


def _mixed(random: Random, net: Any) -> bytes:
    if net.layer:
        _to_v1(random, random.choice(net.layer), net.layers.add())
    return bytes(net.SerializePartialToString())


def _cut_off(random: Random, net: Any) -> bytes:
    data = _as_v2(random, net)
    return data[: random.randint(min(1, len(data)), len(data))]


def _as_hdf5(random: Random, net: Any) -> bytes:
    """As ``Net::ToHDF5`` writes it, or nearly."""
    import h5py

    held = io.BytesIO()
    with h5py.File(held, "w") as file:
        change = random.randrange(30)
        root = file.create_group("other" if change == 0 else "data")
        for layer in net.layer:
            if layer.name and layer.name not in ("/", ".") and layer.name not in root:
                _hdf5_layer(random, root, layer)
        if change == 1:
            root.attrs["x"] = 1
        if change == 2:
            root["loose"] = np.zeros(3, "f4")
        if change == 3:
            root.create_group("empty")
        if change == 4 and net.layer:
            name = random.choice(net.layer).name
            if name in root:
                file["diff/" + name + "/0"] = np.zeros(3, "f4")
        if change == 5 and net.layer:
            name = random.choice(net.layer).name
            if name in root:
                del root[name]
                root[name] = np.zeros(3, "f4")
    return held.getvalue()


_HDF5_TYPES = ("f4",) * 6 + ("f8", "f2", "i4", "u1", "i8", ">f4", "S3", "c8", "b1")


def _hdf5_layer(random: Random, root: Any, layer: Any) -> None:
    group = root.create_group(layer.name)
    for position, blob in enumerate(layer.blobs):
        shape = tuple(blob.shape.dim)
        values = np.array(blob.data or blob.double_data, "f8")
        if values.size != prod(shape) or min(shape, default=0) < 0 or len(shape) > 32:
            shape = (values.size,)
        kind = random.choice(_HDF5_TYPES) if random.random() < 0.2 else "f4"
        if kind == "S3":
            array = np.full(shape, b"abc")
        else:
            with np.errstate(invalid="ignore", over="ignore"):
                array = values.reshape(shape).astype(kind)
        name = str(position)
        change = random.randrange(60)
        if change == 0:
            continue
        if change == 1:
            name = random.choice(("00", "x", "7", "-1", " 0", "+0"))
        if change == 2:
            group.create_group(name)
            continue
        if name not in group:
            compressed = {"compression": "gzip"} if change == 3 and shape and array.size else {}
            if change == 4 and shape and array.size:
                compressed = {"compression": "lzf"}
            group.create_dataset(name, data=array, **compressed)
        if change == 5 and "extra" not in group:  # a layer may have several blobs
            group["extra"] = np.zeros(2, "f4")
        if change == 6 and "9" not in group:
            group["9"] = h5py_soft(name)
        if change == 7:
            group.attrs["a"] = 1


def h5py_soft(name: str) -> Any:
    """A soft link beside."""
    import h5py

    return h5py.SoftLink(name)


FORMS: dict[str, Callable[[Random, Any], bytes]] = {
    "V2": _as_v2,
    "V1": _as_v1,
    "V0": _as_v0,
    "HDF5": _as_hdf5,
    "mixed": _mixed,
    "cut off": _cut_off,
}
