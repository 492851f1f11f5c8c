"""What Caffe's upgrade makes of old models, held against the chain done on protobuf's messages.

The chain here is written from ``upgrade_proto.cpp`` step by step (V0 → V1, data layers, V1 → V2,
input fields, BatchNorm), each on a whole message, where the package only moves bytes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from hypothesis import given
from hypothesis import strategies as st

import deconvsurgery as ds
from deconvsurgery.caffemodel import copy_fields as carry
from deconvsurgery.caffemodel.index import index
from deconvsurgery.caffemodel.upgrade import Upgrade, upgrade
from deconvsurgery.caffemodel.upgraded_layers import UpgradedLayer
from deconvsurgery.caffemodel.wire import BufferedSource
from helpers.models import ExactSource, NetParameter, indexed, message_class
from helpers.wire import sized, varint
from helpers.words import Words, names, numbers

LayerParameter = message_class("LayerParameter")
V1LayerParameter = message_class("V1LayerParameter")
V0LayerParameter = message_class("V0LayerParameter")
PARAMS = message_class("ParamSpec")


def upgraded(data: bytes) -> Upgrade:
    return upgrade(indexed(data))


def refused(data: bytes) -> ds.ModelError:
    """The error that there is at upgrading a file."""
    with pytest.raises(ds.ModelError) as raised:
        upgraded(data)
    return raised.value


def assert_told(told: Sequence[str], facts: Sequence[str], words: Words) -> None:
    """A sentence for each fact, in this order, and what it says of it is as it was written down."""
    assert len(told) == len(facts), told
    for each, fact in zip(told, facts, strict=True):
        rest, found = re.subn(rf"(?<![\w'\"]){re.escape(fact)}(?!\w)", "'…'", each, count=1)
        assert found, (each, fact)
        words(rest)


# --- Caffe's chain, on messages

V1_TO_V2 = (  # noqa: SIM905
    ",Accuracy,BNLL,Concat,Convolution,Data,Dropout,EuclideanLoss,Flatten,HDF5Data,HDF5Output,"
    "Im2col,ImageData,InfogainLoss,InnerProduct,LRN,MultinomialLogisticLoss,Pooling,ReLU,Sigmoid,"
    "Softmax,SoftmaxWithLoss,Split,TanH,WindowData,Eltwise,Power,SigmoidCrossEntropyLoss,"
    "HingeLoss,MemoryData,ArgMax,Threshold,DummyData,Slice,MVN,AbsVal,Silence,ContrastiveLoss,Exp,"
    "Deconvolution"
).split(",")

# What UpgradeV1LayerParameter copies as it is, in the order it does.
COPIED = (  # noqa: SIM905
    "accuracy argmax concat contrastive_loss convolution data dropout dummy_data eltwise exp "
    "hdf5_data hdf5_output hinge_loss image_data infogain_loss inner_product lrn memory_data mvn "
    "pooling power relu sigmoid softmax slice tanh threshold window_data transform loss"
).split(" ")

V0_TO_V1 = {
    "accuracy": 1,
    "bnll": 2,
    "concat": 3,
    "conv": 4,
    "data": 5,
    "dropout": 6,
    "euclidean_loss": 7,
    "flatten": 8,
    "hdf5_data": 9,
    "hdf5_output": 10,
    "im2col": 11,
    "images": 12,
    "infogain_loss": 13,
    "innerproduct": 14,
    "lrn": 15,
    "multinomial_logistic_loss": 16,
    "pool": 17,
    "relu": 18,
    "sigmoid": 19,
    "softmax": 20,
    "softmax_loss": 21,
    "split": 22,
    "tanh": 23,
    "window_data": 24,
}

# V0's field, today's, and for which types it goes into which message.
LEARNT = {"conv": "convolution", "innerproduct": "inner_product"}
SLIDING = {"conv": "convolution", "pool": "pooling"}
BROUGHT_IN = {
    "data": "data",
    "hdf5_data": "hdf5_data",
    "images": "image_data",
    "window_data": "window_data",
}
WINDOWS, IMAGES = {"window_data": "window_data"}, {"images": "image_data"}
ANY_TYPE = dict.fromkeys(["", *V0_TO_V1], "transform")
V0_PLACES: list[tuple[str, str, dict[str, str]]] = [
    ("num_output", "num_output", LEARNT),
    ("biasterm", "bias_term", LEARNT),
    ("weight_filler", "weight_filler", LEARNT),
    ("bias_filler", "bias_filler", LEARNT),
    ("pad", "pad", SLIDING),
    ("kernelsize", "kernel_size", SLIDING),
    ("group", "group", {"conv": "convolution"}),
    ("stride", "stride", SLIDING),
    ("pool", "pool", {"pool": "pooling"}),
    ("dropout_ratio", "dropout_ratio", {"dropout": "dropout"}),
    ("local_size", "local_size", {"lrn": "lrn"}),
    ("alpha", "alpha", {"lrn": "lrn"}),
    ("beta", "beta", {"lrn": "lrn"}),
    ("k", "k", {"lrn": "lrn"}),
    ("source", "source", BROUGHT_IN | {"infogain_loss": "infogain_loss"}),
    ("scale", "scale", ANY_TYPE),
    ("meanfile", "mean_file", ANY_TYPE),
    ("batchsize", "batch_size", BROUGHT_IN),
    ("cropsize", "crop_size", ANY_TYPE),
    ("mirror", "mirror", ANY_TYPE),
    ("rand_skip", "rand_skip", {"data": "data"} | IMAGES),
    ("shuffle_images", "shuffle", IMAGES),
    ("new_height", "new_height", IMAGES),
    ("new_width", "new_width", IMAGES),
    ("concat_dim", "concat_dim", {"concat": "concat"}),
    ("det_fg_threshold", "fg_threshold", WINDOWS),
    ("det_bg_threshold", "bg_threshold", WINDOWS),
    ("det_fg_fraction", "fg_fraction", WINDOWS),
    ("det_context_pad", "context_pad", WINDOWS),
    ("det_crop_mode", "crop_mode", WINDOWS),
]


def put(message: Any, name: str, value: Any) -> None:
    held = getattr(message, name)
    if hasattr(held, "append"):
        held.append(value)
    elif hasattr(value, "CopyFrom"):
        held.CopyFrom(value)
    else:
        setattr(message, name, value)


def v1_of_v0(connection: Any) -> Any:
    old, new = connection.layer, V1LayerParameter()
    new.bottom.extend(connection.bottom)
    new.top.extend(connection.top)
    if old.HasField("name"):
        new.name = old.name
    if old.HasField("type"):
        new.type = V0_TO_V1[old.type]
    new.blobs.extend(old.blobs)
    new.blobs_lr.extend(old.blobs_lr)
    new.weight_decay.extend(old.weight_decay)
    for name, today, places in V0_PLACES:
        if old.HasField(name) and old.type in places:
            put(getattr(new, places[old.type] + "_param"), today, getattr(old, name))
    if old.HasField("hdf5_output_param") and old.type == "hdf5_output":
        new.hdf5_output_param.CopyFrom(old.hdf5_output_param)
    return new


def v1_net_of_v0(net: Any) -> Any:
    new = NetParameter(input=net.input, input_dim=net.input_dim)
    for name in ("name", "force_backward"):
        if net.HasField(name):
            setattr(new, name, getattr(net, name))
    last_top = dict.fromkeys(net.input, -1)
    without_padding = []
    for position, connection in enumerate(net.layers):
        kept = V1LayerParameter.FromString(connection.SerializeToString())
        for place, bottom in enumerate(connection.bottom):
            above = net.layers[last_top[bottom]] if last_top[bottom] >= 0 else None
            if above is not None and above.layer.type == "padding":
                kept.layer.pad = above.layer.pad
                kept.bottom[place] = above.bottom[0]
        last_top |= dict.fromkeys(connection.top, position)
        if connection.layer.type != "padding":
            without_padding.append(kept)
    new.layers.extend(map(v1_of_v0, without_padding))
    return new


def move_transform(layer: Any) -> None:
    names = {5: "data_param", 12: "image_data_param", 24: "window_data_param"}
    if layer.type not in names:
        return
    for name in ("scale", "mean_file", "crop_size", "mirror"):
        if getattr(layer, names[layer.type]).HasField(name):
            old = getattr(layer, names[layer.type])
            setattr(layer.transform_param, name, getattr(old, name))
            old.ClearField(name)


def v2_of_v1(old: Any) -> Any:
    new = LayerParameter(bottom=old.bottom, top=old.top, loss_weight=old.loss_weight)
    if old.HasField("name"):
        new.name = old.name
    if old.HasField("type"):
        new.type = V1_TO_V2[old.type]
    new.include.extend(old.include)
    new.exclude.extend(old.exclude)
    new.blobs.extend(old.blobs)
    lists = {
        "name": old.param,
        "share_mode": old.blob_share_mode,
        "lr_mult": old.blobs_lr,
        "decay_mult": old.weight_decay,
    }
    for name, values in lists.items():
        for position, value in enumerate(values):
            while len(new.param) <= position:
                new.param.add()
            setattr(new.param[position], name, value)
    for name in (f"{each}_param" for each in COPIED):
        if old.HasField(name):
            getattr(new, name).CopyFrom(getattr(old, name))
    return new


def upgrade_input(net: Any) -> None:
    if not net.input:
        return
    if net.input_shape or net.input_dim:
        layer = LayerParameter(name="input", type="Input", top=net.input)
        for position in range(len(net.input)):
            shape = layer.input_param.shape.add()
            if net.input_shape:
                shape.CopyFrom(net.input_shape[position])
            else:
                shape.dim.extend(net.input_dim[position * 4 : position * 4 + 4])
        layers = [layer, *net.layer]
        net.ClearField("layer")
        net.layer.extend(layers)
    for name in ("input", "input_dim", "input_shape"):
        net.ClearField(name)


def caffes(data: bytes) -> Any:
    """The message that Caffe has in memory after loading."""
    net: Any = NetParameter.FromString(data)
    if any(layer.HasField("layer") for layer in net.layers):
        net = v1_net_of_v0(net)
    for layer in net.layers:
        move_transform(layer)
    if net.layers:
        net.layer.extend(map(v2_of_v1, net.layers))
        net.ClearField("layers")
    upgrade_input(net)
    for layer in net.layer:
        if layer.type == "BatchNorm" and len(layer.param) == 3:
            for spec in layer.param:
                spec.lr_mult = spec.decay_mult = 0
    return net


def ours(data: bytes) -> Any:
    """The message of the file that the upgrade describes, the blobs where they belong."""
    found, old = upgraded(data), NetParameter.FromString(data)
    cut = bytearray(data)
    for start, stop in reversed(found.dropped):
        del cut[start:stop]
    net: Any = NetParameter.FromString(bytes(cut))
    net.ClearField("layers")
    net.ClearField("layer")
    if found.input_layer is not None:
        net.MergeFromString(found.input_layer)
    old_layers = [*old.layers, *old.layer]
    for position, layer in enumerate(old_layers):
        now = found.layers.get(position, layer)
        if now is layer:
            net.layer.append(layer)
        elif now is not None:
            head: Any = LayerParameter.FromString(now.head)
            tail: Any = LayerParameter.FromString(now.tail)
            assert all(field.number < 7 for field, _ in head.ListFields())
            assert all(field.number > 7 for field, _ in tail.ListFields())
            new = net.layer.add()
            new.MergeFromString(now.head)
            is_v0 = bool(old.layers) and layer.HasField("layer")
            new.blobs.extend(layer.layer.blobs if is_v0 else layer.blobs)
            new.MergeFromString(now.tail)
    return net


def written(message: Any) -> bytes:
    return bytes(message.SerializeToString(deterministic=True))


def assert_as_caffe(data: bytes) -> Upgrade:
    expected, found = caffes(data), ours(data)
    assert found == expected
    assert written(found) == written(expected)
    return upgraded(data)


# --- messages with everything in them


def filled(message: Any, seed: int = 1, but: Sequence[str] = ()) -> Any:
    """Every field set, down to the last message, no value its default; repeated ones twice."""
    for position, field in enumerate(message.DESCRIPTOR.fields, start=seed):
        if field.name in but:
            continue
        held = getattr(message, field.name)
        repeated = hasattr(held, "append")
        for number in (position, position + 1) if repeated else (position,):
            if field.message_type is not None:
                filled(held.add() if repeated else held, number)
                continue
            if field.enum_type is not None:
                value: Any = field.enum_type.values[-1].number
            elif field.type == FieldDescriptor.TYPE_STRING:
                value = f"{field.name} {number}"
            elif field.type == FieldDescriptor.TYPE_BOOL:
                value = not field.default_value
            else:
                value = number + 0.5 if field.type == FieldDescriptor.TYPE_FLOAT else number + 70
            put(message, field.name, value)
    return message


def v1_net(*layers: Any, **fields: Any) -> bytes:
    return NetParameter(layers=layers, **fields).SerializeToString()


def full_v1(number: int | None) -> Any:
    layer: Any = filled(V1LayerParameter(), but=("layer", "type"))
    assert len(layer.ListFields()) == len(layer.DESCRIPTOR.fields) - 2
    if number is not None:
        layer.type = number
    return layer


# --- V1


@pytest.mark.parametrize("number", [None, *range(40)])
def test_a_v1_layer_with_every_field(number: int | None, words: Words) -> None:
    data = v1_net(full_v1(number))
    found = assert_as_caffe(data).layers[0]
    assert found is not None
    said = ["type"] if number is None else MOVED if number in (5, 12, 24) else []
    assert_told(found.notes, said, words)


MOVED = ("scale", "mean_file", "crop_size", "mirror")


def test_the_order_is_the_one_protobuf_writes() -> None:
    layer = full_v1(12)
    found = upgraded(v1_net(layer)).layers[0]
    assert found is not None
    (expected,) = caffes(v1_net(layer)).layer
    blobs = b"".join(sized(7, written(blob)) for blob in expected.blobs)
    assert found.head + blobs + found.tail == written(expected)


def test_empty_layers_and_messages_stay_empty(words: Words) -> None:
    layer: Any = V1LayerParameter(name="", type=0, bottom=[""])
    layer.relu_param.SetInParent()
    layer.data_param.SetInParent()
    assert_as_caffe(v1_net(layer, V1LayerParameter()))
    found = upgraded(v1_net(layer, V1LayerParameter())).layers
    assert found[0] == UpgradedLayer(b"\n\0\x12\0\x1a\0", b"\xda\x06\0\xda\x07\0", ())
    assert found[1] is not None
    assert (found[1].head, found[1].tail) == (b"", b"")
    assert_told(found[1].notes, ["type"], words)


@pytest.mark.parametrize("number", [40, 99, 2**32 + 40])
def test_a_type_that_caffe_does_not_know_is_left_out(number: int, words: Words) -> None:
    data = sized(2, sized(4, b"crop") + b"\x28" + varint(number))
    layer = assert_as_caffe(data).layers[0]
    assert layer is not None
    assert layer.head == sized(1, b"crop")
    assert_told(layer.notes, [str(number)], words)


def test_the_last_type_that_caffe_knows_counts() -> None:
    data = sized(2, b"\x28\x04" + b"\x28\x27" + b"\x28\x28")  # 4, 39, 40
    assert assert_as_caffe(data).layers[0].head == sized(2, b"Deconvolution")  # type: ignore[union-attr]


def test_enums_have_32_bits() -> None:
    """protobuf drops what is above them."""
    mode = varint(2**32 + 1)
    data = sized(2, b"\x28" + varint(2**32 + 4) + sized(1002, mode) + varint(1002 << 3) + mode)
    assert_as_caffe(data)
    (layer,) = ours(data).layer
    assert layer.type == "Convolution"
    assert [spec.share_mode for spec in layer.param] == [1, 1]


@pytest.mark.parametrize(
    ("names", "modes", "rates", "decays"),
    [
        ([], [], [], []),
        (["w"], [], [], []),
        ([], [1], [], []),
        ([], [], [0, 2], [1, 0]),
        (["w", "b", "c", "d"], [1, 0, 1], [1, 2], [0]),
        (["w"], [1, 0], [1, 2, 3], [0, 1, 0, 1]),
        (["", ""], [0], [], [0.5, 0, 0]),
    ],
)
def test_lists_of_different_lengths_become_as_many_params_as_the_longest(
    names: list[str], modes: list[int], rates: list[float], decays: list[float]
) -> None:
    layer: Any = V1LayerParameter(
        type=39, param=names, blob_share_mode=modes, blobs_lr=rates, weight_decay=decays
    )
    data = v1_net(layer)
    assert_as_caffe(data)
    specs = ours(data).layer[0].param
    lists = {"name": names, "share_mode": modes, "lr_mult": rates, "decay_mult": decays}
    assert len(specs) == max(map(len, lists.values()))
    for position, spec in enumerate(specs):
        given = {field.name: value for field, value in spec.ListFields()}
        assert given == {
            name: values[position] for name, values in lists.items() if position < len(values)
        }


def test_packed_lists_are_lists() -> None:
    rates = b"\0\0\x80\x3f" + b"\0\0\0\x40"
    packed = (
        sized(7, rates)  # blobs_lr
        + b"\x3d\0\0\0\0"  # a third one, on its own
        + sized(35, rates)  # loss_weight
        + sized(1002, b"\x01\x07\x81\0\0")  # PERMISSIVE, none of Caffe's, PERMISSIVE, STRICT
        + sized(8, b"")
    )
    data = sized(2, b"\x28\x04" + packed)
    assert_as_caffe(data)
    (layer,) = ours(data).layer
    assert list(layer.loss_weight) == [1, 2]
    assert [spec.lr_mult for spec in layer.param] == [1, 2, 0]
    assert [spec.share_mode for spec in layer.param] == [1, 1, 0]


def test_a_packed_list_that_ends_inside_a_value_is_damage(words: Words) -> None:
    error = refused(sized(2, sized(7, bytes(6))))
    assert error.offset == 8  # the second value
    assert "blobs_lr" in error.message
    words(error)


@pytest.mark.parametrize("number", [5, 12, 24])
@pytest.mark.parametrize("names", [(), ("scale",), ("mirror", "crop_size"), MOVED])
def test_only_what_is_given_moves_and_overwrites(number: int, names: tuple[str, ...]) -> None:
    layer: Any = V1LayerParameter(type=number)
    own = {5: layer.data_param, 12: layer.image_data_param, 24: layer.window_data_param}
    for other in own.values():  # of the other data layers' messages nothing moves
        other.source = "db"
        other.scale = 9
    own[number].ClearField("scale")
    values = {"scale": 0.0, "mean_file": "m", "crop_size": 227, "mirror": False}
    for name in names:
        setattr(own[number], name, values[name])
    layer.transform_param.scale = 3
    layer.transform_param.mean_value.extend([104, 117])
    data = v1_net(layer)
    assert_as_caffe(data)
    transform = ours(data).layer[0].transform_param
    assert {field.name: value for field, value in transform.ListFields()} == {
        "scale": 3,
        "mean_value": [104, 117],
        **{name: values[name] for name in names},
    }


def test_what_a_fork_put_inside_a_message_survives_and_beside_it_is_lost(words: Words) -> None:
    foreign = b"\xf8\x3f\x07" + sized(900, b"not \xff text")
    data_param: Any = filled(message_class("DataParameter")())
    layer = (
        sized(11, foreign + written(data_param) + foreign)
        + sized(36, foreign)
        + sized(10, foreign)
        + sized(44, b"local")
        + b"\x28\x05"
        + b"\xe0\x02\x01"  # 44 again, a varint
        + b"\x20\x01"  # a name that is a number
        + b"\x30\x01"  # blobs that are a number
        + b"\x2a\x01\x04"  # a type that is a list
        + b"\x93\x03\x94\x03"  # a group
    )
    found = assert_as_caffe(sized(2, layer)).layers[0]
    assert found is not None
    assert found.tail.count(foreign) == 4
    assert_told(found.notes, [*MOVED, "44", "name", "blobs", "50"], words)


def test_a_message_in_pieces_is_one() -> None:
    two, eight = b"\0\0\0\x40", b"\0\0\0\x41"
    data_param = sized(11, b"\x15" + two) + sized(11, b"\x20\x03" + b"\x15" + eight)
    transform = sized(36, b"\x0d" + two + b"\x10\x01") + sized(36, b"\x2d" + two)
    pads = sized(10, b"\x18\x01") + sized(10, b"\x18\x02")
    found = assert_as_caffe(sized(2, pads + transform + b"\x28\x05" + data_param)).layers[0]
    assert found is not None
    assert found.tail == (
        sized(100, b"\x0d" + eight + b"\x10\x01" + b"\x2d" + two)
        + sized(106, b"\x18\x01")
        + sized(106, b"\x18\x02")
        + sized(107, b"\x20\x03")
    )


def test_names_are_bytes() -> None:
    name, path = b"caf\xe9", b"/d\xe4ten"
    v1 = sized(2, sized(4, name) + sized(2, name) + sized(3, name) + sized(1001, name) + b"\x28\x05"
               + sized(11, sized(3, path)))  # fmt: skip
    found = assert_bytes(v1)
    assert found.head == (
        sized(1, name) + sized(2, b"Data") + sized(3, name) + sized(4, name)
        + sized(6, sized(1, name))
    )  # fmt: skip
    assert found.tail == sized(100, sized(4, path)) + sized(107, b"")
    v0 = sized(2, sized(1, sized(1, name) + sized(2, b"data") + sized(16, path)) + sized(2, name)
               + sized(3, name))  # fmt: skip
    found = assert_bytes(v0)
    assert found.head == sized(1, name) + sized(2, b"Data") + sized(3, name) + sized(4, name)
    assert found.tail == sized(107, sized(1, path))
    net = sized(3, name) + sized(8, b"\x08\x05")
    assert upgraded(net).input_layer == sized(
        100, sized(1, b"input") + sized(2, b"Input") + sized(4, name)
        + sized(143, sized(1, b"\x08\x05"))
    )  # fmt: skip


def assert_bytes(data: bytes) -> UpgradedLayer:
    found = upgraded(data).layers[0]
    assert found is not None
    return found


# --- V1, drawn


@st.composite
def subset(draw: st.DrawFn, name: str, but: Sequence[str] = ()) -> Any:
    """A message with a few of its fields set to anything."""
    fields = message_class(name).DESCRIPTOR.fields_by_name
    names = st.sampled_from([each for each in fields if each not in but])
    chosen = draw(st.lists(names, max_size=6, unique=True))
    return made(name, {each: draw(value_of(fields[each])) for each in chosen})


def made(name: str, values: dict[str, list[Any]]) -> Any:
    message = message_class(name)()
    for field, listed in values.items():
        for value in listed:
            put(message, field, value)
    return message


def value_of(field: FieldDescriptor) -> st.SearchStrategy[list[Any]]:
    if field.message_type is not None:
        one: st.SearchStrategy[Any] = subset(field.message_type.name)
    elif field.enum_type is not None:
        one = st.sampled_from([each.number for each in field.enum_type.values])
    elif field.type == FieldDescriptor.TYPE_STRING:
        one = st.text(max_size=3)
    elif field.type == FieldDescriptor.TYPE_BOOL:
        one = st.booleans()
    elif field.type == FieldDescriptor.TYPE_FLOAT:
        one = st.floats(width=32, allow_nan=False)
    else:
        one = st.integers(0, 2**31 - 1)
    return st.lists(one, min_size=1, max_size=1 if field.has_presence else 3)


FOREIGN = st.builds(
    lambda number, rest: varint(number << 3 | rest[0]) + rest[1],
    st.sampled_from([43, 44, 51, 300, 1003, 70000]),
    st.sampled_from([(0, b"\x96\x01"), (1, bytes(8)), (2, b"\x03\xff\xfe\xfd"), (5, bytes(4))]),
)
# V1's own numbers, but not with the wire type that they have: protobuf keeps them as unknown.
ODD = st.sampled_from([b"\x20\x05", b"\x2a\x01x", b"\x3a\0", b"\x58\x01", b"\x28\x28", b"\x35abcd"])


def wide(field: bytes, width: int) -> bytes:
    """The field with its tag written in as many bytes as wanted, where it has fewer."""
    length = next(at for at, byte in enumerate(field, 1) if byte < 128)
    more = max(0, width - length)
    if not more:
        return field
    head = bytes(byte | 128 for byte in field[:length])
    return head + b"\x80" * (more - 1) + b"\0" + field[length:]


V1_FIELDS = V1LayerParameter.DESCRIPTOR.fields
PIECES = st.one_of(
    *(
        st.builds(
            lambda values, name=field.name: written(made("V1LayerParameter", {name: values})),
            value_of(field),
        )
        for field in V1_FIELDS
        if field.name not in ("layer", "blobs", "type")
    ),
    st.builds(
        lambda param, foreign, number: sized(number, written(param) + b"".join(foreign)),
        subset("DataParameter"),
        st.lists(FOREIGN, max_size=2),
        st.just(11),
    ),
    FOREIGN,
    ODD,
)
TYPES = st.sampled_from([b"", b"\x28\x05", b"\x28\x0c", b"\x28\x18", b"\x28\x27", b"\x28\x29"])


@given(st.lists(st.tuples(PIECES, st.integers(1, 5)), max_size=12), TYPES, st.randoms())
def test_any_v1_layer_becomes_what_caffe_makes_of_it(
    pieces: list[tuple[bytes, int]], kind: bytes, chance: Any
) -> None:
    parts = [wide(piece, width) if piece else piece for piece, width in pieces] + [kind]
    chance.shuffle(parts)
    assert_as_caffe(sized(2, b"".join(parts)))


# --- V0

V0_FIELDS = V0LayerParameter.DESCRIPTOR.fields_by_number
V0_NAMES = [V0_FIELDS[number].name for number in sorted(V0_FIELDS)]
V0_OWN = {"name", "type", "blobs", "blobs_lr", "weight_decay"}


def full_v0(kind: str | None) -> Any:
    connection: Any = V1LayerParameter(bottom=["a", "b"], top=["c", "d"])
    filled(connection.layer, but=("type",))
    assert len(connection.layer.ListFields()) == len(V0_NAMES) - 1
    if kind is not None:
        connection.layer.type = kind
    return connection


@pytest.mark.parametrize("kind", [*V0_TO_V1])
def test_a_v0_layer_with_every_field(kind: str, words: Words) -> None:
    data = v1_net(full_v0(kind), input=["a", "b"])
    found = assert_as_caffe(data).layers[0]
    assert found is not None
    placed = {name for name, _, places in V0_PLACES if kind in places}
    placed |= {"hdf5_output_param"} if kind == "hdf5_output" else set()
    assert_told(found.notes, [each for each in V0_NAMES if each not in V0_OWN | placed], words)
    assert [names(each) for each in found.notes] == [[kind]] * len(found.notes)
    (expected,) = caffes(data).layer
    blobs = b"".join(sized(7, written(blob)) for blob in expected.blobs)
    assert found.head + blobs + found.tail == written(expected)


def test_a_v0_layer_without_a_type_keeps_what_any_type_has(words: Words) -> None:
    found = assert_as_caffe(v1_net(full_v0(None), input=["a", "b"])).layers[0]
    assert found is not None
    placed = {"scale", "meanfile", "cropsize", "mirror"}
    assert_told(found.notes, [each for each in V0_NAMES if each not in V0_OWN | placed], words)
    assert [names(each) for each in found.notes] == [[""]] * len(found.notes)


@pytest.mark.parametrize("kind", ["deconvolution", "Convolution", ""])
def test_a_v0_type_that_caffe_does_not_know_is_refused(kind: str, words: Words) -> None:
    layers = [full_v0("conv"), full_v0(kind)]
    layers[1].layer.name = "up"
    error = refused(v1_net(*layers))
    assert error.layer == "up"
    assert names(error.message) == ["up", kind]
    words(error)


def v0(kind: str, bottom: str, top: str, **fields: Any) -> Any:
    connection: Any = V1LayerParameter(top=[top], bottom=[bottom] if bottom else [])
    connection.layer.MergeFrom(V0LayerParameter(name=f"{kind} {top}", type=kind, **fields))
    return connection


def test_v0_padding_goes_into_what_reads_it(words: Words) -> None:
    data = v1_net(
        v0("padding", "x", "p", pad=3),
        v0("conv", "p", "c", num_output=5),
        v0("pool", "p", "q", pad=1, kernelsize=2),  # its own pad gives way
        v0("padding", "c", "r"),  # pads by 0
        v0("conv", "r", "r", pad=7),
        v0("relu", "r", "r"),  # reads the convolution: r is padded no more
        v0("padding", "x", "x", pad=9),
        v0("conv", "x", "y"),
        input=["x"],
        input_dim=[1, 3, 5, 7],
    )
    found = assert_as_caffe(data)
    assert [position for position, layer in found.layers.items() if layer is None] == [0, 3, 6]
    told = found.layers[1].notes  # type: ignore[union-attr]
    assert [names(each) for each in told] == [["padding p"]]
    assert_told(told, ["3"], words)
    _, conv, pool, second, relu, last = ours(data).layer
    assert (conv.bottom, list(conv.convolution_param.pad)) == (["x"], [3])
    assert (pool.bottom, pool.pooling_param.pad) == (["x"], 3)
    assert (second.bottom, list(second.convolution_param.pad)) == (["c"], [0])
    assert relu.bottom == ["r"]
    assert (last.bottom, list(last.convolution_param.pad)) == (["x"], [9])


# The layers behind a padding layer; the names and the numbers that the error has beside theirs.
REFUSED: dict[str, tuple[list[Any], list[str], list[int]]] = {
    "no layer to pad": ([v0("relu", "p", "y")], ["relu", "padding p"], []),
    "padded twice": ([v0("padding", "p", "y", pad=1)], ["padding", "padding p"], []),
    "two bottoms": (
        [V1LayerParameter(bottom=["x", "p"], layer=V0LayerParameter(name="conv y", type="conv"))],
        ["padding p"],
        [2],
    ),
    "two tops": (
        [
            V1LayerParameter(
                bottom=["x"], top=["s", "t"], layer=V0LayerParameter(name="two", type="padding")
            ),
            v0("conv", "t", "y"),
        ],
        ["two"],
        [1, 2],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_v0_padding_where_caffe_would_stop(case: str, words: Words) -> None:
    layers, named, counted = REFUSED[case]
    data = v1_net(v0("padding", "x", "p", pad=1), *layers)
    error = refused(data)
    assert error.layer is not None
    assert error.layer == layers[-1].layer.name
    assert error.offset == data.index(layers[-1].SerializeToString())
    assert names(error.message) == [error.layer, *named]
    assert numbers(error.message) == counted
    words(error, case)


def test_of_a_v0_net_little_survives(words: Words) -> None:
    net: Any = filled(NetParameter(), but=("layers", "layer", "input", "input_dim", "input_shape"))
    net.layers.append(full_v0("relu"))
    net.input.extend(["a", "b"])
    net.input_dim.extend(range(1, 9))
    net.input_shape.add(dim=[9])  # which UpgradeV0Net does not copy
    found = assert_as_caffe(written(net) + b"\x48\x05" + sized(101, b"fork"))
    assert_told(found.notes, ["state", "debug_info", "input_shape", "9", "101", "input"], words)
    assert names(found.notes[-1]) == ["a", "b", "input"]


def test_v0_fields_twice_count_once_and_pieces_are_merged(words: Words) -> None:
    inner = (
        sized(2, b"relu") + sized(2, b"conv") + b"\x38\x01" + b"\x38\x02" + b"\x58\x09"  # pool: 9
        + sized(5, sized(1, b"gaussian")) + sized(5, b"\x35\0\0\0\x40" + sized(9, b"fork"))
        + sized(51, b"\0\0\x80\x3f" * 2) + sized(44, b"lost") + b"\x10\x01" + sized(3, b"\x05")
    )  # fmt: skip
    rest = sized(4, b"outside") + sized(44, b"lost")
    data = sized(2, sized(1, inner[:12]) + rest + sized(1, inner[12:]))
    found = assert_as_caffe(data).layers[0]
    assert found is not None
    assert sized(9, b"fork") in found.tail
    assert_told(found.notes, ["name", "44", "pool", "44", "type", "num_output"], words)


def test_a_pad_of_more_than_32_bits_is_what_caffe_reads_of_it(words: Words) -> None:
    padding = sized(1, sized(2, b"padding") + b"\x38" + varint(2**32 + 3)) + sized(3, b"p")
    conv = sized(1, sized(2, b"conv")) + sized(2, b"p")
    data = sized(3, b"x") + sized(2, padding + sized(2, b"x")) + sized(2, conv)
    found = assert_as_caffe(data).layers[1]
    assert found is not None
    assert found.head == sized(2, b"Convolution") + sized(3, b"x")
    assert found.tail == sized(106, b"\x18\x03")
    assert [names(each) for each in found.notes] == [[""]]
    assert_told(found.notes, ["3"], words)


def test_a_v1_layer_in_a_v0_net_is_little_and_must_have_no_weights(words: Words) -> None:
    plain: Any = V1LayerParameter(name="fc", type=14, bottom=["c"], top=["f"])
    layers = [v0("data", "", "c"), plain]
    found = assert_as_caffe(v1_net(*layers)).layers[1]
    assert found is not None
    assert (found.head, found.tail) == (sized(3, b"c") + sized(4, b"f"), b"")
    assert_told(found.notes, ["V0", "name", "type"], words)
    for layer in layers:
        layer.blobs.add(data=[1])
        error = refused(v1_net(*layers))
        assert error.layer == (layer.layer.name or layer.name)
        words(error, "weights outside")
        layer.ClearField("blobs")


@given(
    st.lists(
        st.tuples(st.sampled_from([*V0_TO_V1]), subset("V0LayerParameter", but=("type", "blobs"))),
        min_size=1,
        max_size=4,
    )
)
def test_any_v0_net_becomes_what_caffe_makes_of_it(drawn: list[tuple[str, Any]]) -> None:
    layers = []
    for kind, inner in drawn:
        inner.type = kind
        layers.append(V1LayerParameter(bottom=["x"], top=["x"], layer=inner))
    assert_as_caffe(v1_net(*layers, input=["x"]))


# --- V2


def test_a_v2_model_is_left_alone() -> None:
    net: Any = filled(NetParameter(), but=("layers", "input", "input_dim", "input_shape"))
    for layer in net.layer:
        layer.type = "Data"
    net.layer.add(type="BatchNorm", param=[PARAMS()] * 2)
    net.layer.add(type="BatchNorm", param=[PARAMS()] * 4)
    net.layer.add(type="Scale", param=[PARAMS(lr_mult=1)] * 3)
    net.layer.add(type="BatchNorm", param=[PARAMS(lr_mult=0, decay_mult=0, name="n")] * 3)
    assert assert_as_caffe(written(net)) == Upgrade({}, None, (), ())


def test_an_empty_net_is_left_alone() -> None:
    assert upgraded(sized(1, b"name")) == Upgrade({}, None, (), ())


@pytest.mark.parametrize(
    "specs",
    [
        [{}, {}, {}],
        [{"lr_mult": 0}] * 3,
        [{"lr_mult": 0, "decay_mult": 0}] * 2 + [{"lr_mult": 0, "decay_mult": 1}],
        [{"lr_mult": 1}] + [{"lr_mult": 0, "decay_mult": 0}] * 2,
        [{"name": "m", "share_mode": 1, "lr_mult": 2, "decay_mult": 3}] * 3,
    ],
)
def test_batch_norm_learns_none_of_its_three_blobs(
    specs: list[dict[str, Any]], words: Words
) -> None:
    layer: Any = filled(LayerParameter(), but=("type", "param"))
    layer.type = "BatchNorm"
    layer.param.extend(PARAMS(**spec) for spec in specs)
    data = NetParameter(layer=[LayerParameter(type="ReLU"), layer]).SerializeToString()
    found = assert_as_caffe(data)
    assert list(found.layers) == [1]
    assert_told(found.layers[1].notes, ["0"], words)  # type: ignore[union-attr]


def test_what_forks_gave_other_meanings_is_not_opened(words: Words) -> None:
    zeros, one = b"\x1d\0\0\0\0\x25\0\0\0\0", b"\x1d\0\0\x80\x3f"
    before = sized(1, b"bn\xff") + sized(2, b"BatchNorm") + b"\x2d\0\0\x80\x3f"
    # 143, 147 and 148 are messages in Caffe, 145 is a varint in NVIDIA's, 300 nobody's.
    after = (
        sized(143, b"\xff\xff") + b"\x88\x09\x01" + sized(147, b"\x07") + sized(148, b"\xff")
        + sized(300, b"x")
    )  # fmt: skip
    params = [sized(6, b"\x1d\0\0\0\x40" + sized(9, b"fork") + one), sized(6, b""), sized(6, one)]
    layer = after[:5] + params[0] + before[5:] + sized(7, b"") + params[1] + after[5:]
    data = sized(100, layer + params[2] + before[:5])
    found = upgraded(data).layers[0]
    assert found is not None
    assert found.head == before + sized(6, zeros + sized(9, b"fork")) + sized(6, zeros) * 2
    assert found.tail == after
    assert_told(found.notes, ["0"], words)


# --- input

INPUTS: dict[str, tuple[dict[str, Any], list[list[int]] | None]] = {
    "dims": ({"input": ["a"], "input_dim": [1, 3, 5, 7]}, [[1, 3, 5, 7]]),
    "two of them": (
        {"input": ["a", "b"], "input_dim": [1, 3, 5, 7, -1, 0, 2**31 - 1, 8]},
        [[1, 3, 5, 7], [-1, 0, 2**31 - 1, 8]],
    ),
    "more dims than needed": ({"input": ["a"], "input_dim": range(1, 9)}, [[1, 2, 3, 4]]),
    "shapes": ({"input": ["a", "b"], "input_shape": [[2, 4], []]}, [[2, 4], []]),
    "a shape wins": ({"input": ["a"], "input_dim": [1], "input_shape": [[2]]}, [[2]]),
    "more shapes than needed": ({"input": ["a"], "input_shape": [[2], [3]]}, [[2]]),
    "no dims": ({"input": ["a", "b"]}, None),
}


def net_with(inputs: dict[str, Any], **layers: Any) -> Any:
    net: Any = NetParameter(name="n", **layers)
    net.input.extend(inputs["input"])
    net.input_dim.extend(inputs.get("input_dim", ()))
    for dims in inputs.get("input_shape", ()):
        net.input_shape.add(dim=dims)
    return net


@pytest.mark.parametrize(
    "layers",
    [
        {},
        {"layer": [LayerParameter(name="l", bottom=["a"])]},
        {"layers": [V1LayerParameter(name="l", bottom=["a"])]},
    ],
    ids=["none", "V2", "V1"],
)
@pytest.mark.parametrize(("inputs", "shapes"), INPUTS.values(), ids=INPUTS)
def test_input_becomes_the_layer_that_caffe_makes_of_it(
    inputs: dict[str, Any], shapes: list[list[int]] | None, layers: dict[str, Any], words: Words
) -> None:
    data = written(net_with(inputs, **layers))
    found = assert_as_caffe(data)
    (told,) = found.notes
    words(told.replace("'a', 'b'", "'a'"), "no shape" if shapes is None else "shape")
    if shapes is None:
        assert found.input_layer is None
        assert names(told) == inputs["input"]
        return
    assert names(told) == [*inputs["input"], "input"]
    first = ours(data).layer[0]
    assert (first.name, first.type, list(first.top)) == ("input", "Input", inputs["input"])
    assert [list(shape.dim) for shape in first.input_param.shape] == shapes
    assert found.input_layer == sized(100, written(first))


@pytest.mark.parametrize(
    ("inputs", "field", "needed"),
    [
        ({"input": ["a", "b"], "input_dim": [1, 3, 5, 7]}, "input_dim", [2, 8, 4]),
        ({"input": ["a"], "input_dim": [1, 3, 5]}, "input_dim", [1, 4, 3]),
        ({"input": ["a", "b"], "input_shape": [[1]]}, "input_shape", [2, 2, 1]),
    ],
)
def test_too_few_dims_are_an_error(
    inputs: dict[str, Any], field: str, needed: list[int], words: Words
) -> None:
    data = written(net_with(inputs))
    error = refused(data)
    assert error.offset == data.index(sized(3, b"a"))
    assert numbers(error.message) == needed
    words(error, field)


def test_input_fields_go_wherever_they_stand_and_however_they_are_written() -> None:
    dims = b"\x20\x01" + sized(4, b"\x03\x85\0" + b"\xff\xff\xff\xff\x0f")  # 1, 3, 5, -1
    data = sized(3, b"a") + sized(1, b"n") + dims + b"\x18\x01" + sized(100, b"") + sized(101, b"f")
    found = assert_as_caffe(data)
    assert found.dropped == ((0, 3), (6, 8), (8, 18))
    assert list(ours(data).layer[0].input_param.shape[0].dim) == [1, 3, 5, -1]


def test_dims_without_an_input_stay() -> None:
    data = NetParameter(input_dim=[1, 2], layers=[V1LayerParameter(type=1)]).SerializeToString()
    assert assert_as_caffe(data).dropped == ()


def test_v1_and_v2_layers_in_one_file_are_refused(words: Words) -> None:
    net: Any = NetParameter(layer=[LayerParameter()], layers=[V1LayerParameter()])
    with pytest.raises(ds.MismatchError) as raised:
        upgraded(written(net))
    words(raised.value)


# --- what is read

BLOB = 500_000_000
WINDOW = 4096  # what is read of a payload's beginning together with the tag before it


class Guarded:
    """A source with a great payload of zeros, which must not be read."""

    def __init__(self, before: bytes, after: bytes) -> None:
        self.before, self.after = before, after
        self.size = len(before) + BLOB + len(after)
        self.count = 0

    def read(self, start: int, size: int) -> bytes:
        stop, first, last = start + size, len(self.before), len(self.before) + BLOB
        assert 0 <= start <= stop <= self.size
        assert start >= last or stop <= first + WINDOW, "the payload of a blob was read"
        self.count += size
        if start >= last:
            return self.after[start - last : stop - last]
        return self.before[start:stop].ljust(size, b"\0")


def framed(number: int, before: bytes, after: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(before) + BLOB + len(after)) + before


def around(layout: Sequence[tuple[int, bytes, bytes]]) -> tuple[bytes, bytes]:
    """Nested messages, innermost first: what stands before and what behind the payload."""
    before = after = b""
    for number, first, last in layout:
        before = first + framed(number, before, after)
        after += last
    return before, after


V1_TAIL = sized(10, b"\x18\x03") + sized(11, b"\x15\0\0\0\0")
# What comes out: head, tail, and how many sentences are told.
GREAT: dict[str, tuple[list[tuple[int, bytes, bytes]], tuple[bytes, bytes, int]]] = {
    "V1": (
        [(5, b"", b""), (6, sized(4, b"up") + b"\x28\x27", V1_TAIL), (2, b"", sized(1, b"net"))],
        (
            sized(1, b"up") + sized(2, b"Deconvolution"),
            sized(106, b"\x18\x03") + sized(107, b"\x15\0\0\0\0"),
            0,
        ),
    ),
    "V0": (
        [
            (5, b"", b""),
            (50, sized(1, b"c") + sized(2, b"conv"), b"\x40\x03"),
            (1, sized(2, b"x"), sized(3, b"y")),
            (2, sized(3, b"x"), b""),
        ],
        (
            sized(1, b"c") + sized(2, b"Convolution") + sized(3, b"x") + sized(4, b"y"),
            sized(106, b"\x20\x03"),
            0,
        ),
    ),
    "V2": (
        [
            (5, b"", b""),
            (7, sized(1, b"bn") + sized(2, b"BatchNorm") + sized(6, b"") * 2, sized(6, b"")),
            (100, b"", b""),
        ],
        (
            sized(1, b"bn") + sized(2, b"BatchNorm") + sized(6, b"\x1d\0\0\0\0\x25\0\0\0\0") * 3,
            b"",
            1,
        ),
    ),
}


@pytest.mark.parametrize(("layout", "expected"), GREAT.values(), ids=GREAT)
def test_a_blob_of_500_mb_costs_nothing(
    layout: list[tuple[int, bytes, bytes]], expected: tuple[bytes, bytes, int]
) -> None:
    source = Guarded(*around(layout))
    model = index(source)
    assert [layer.blobs[0].count for layer in model.layers] == [BLOB // 4]
    source.count = 0
    found = upgrade(model).layers[0]
    assert found is not None
    assert (found.head, found.tail, len(found.notes)) == expected
    assert source.count < 8 * WINDOW


# --- real ones


def real_models(shared: Path) -> list[Path]:
    folders = sorted((shared / "models").glob("v1-*"))
    return [
        path
        for folder in folders
        for path in sorted(folder.iterdir())
        if path.suffix == ".caffemodel" or path.name == "lenet_iter_10000"
    ]


def test_real_v1_models_become_what_caffe_makes_of_them(shared: Path) -> None:
    paths = real_models(shared)
    assert len(paths) >= 8
    for path in paths:
        data = path.read_bytes()
        assert indexed(data).version == "V1"
        found = assert_as_caffe(data)
        assert None not in found.layers.values()
        assert len(found.layers) == len(NetParameter.FromString(data).layers)  # type: ignore[attr-defined]


# --- values


def test_values_of_a_list_one_by_one() -> None:
    ones, twos = b"\0\0\0\0\0\0\xf0\x3f", b"\0\0\0\0\0\0\0\x40"
    data = sized(8, ones + twos) + b"\x41" + ones + sized(8, b"")
    window = BufferedSource(ExactSource(data))
    doubles = carry.fields_by_name(window, "BlobProto", [(0, len(data))]).known["double_data"]
    assert [payload for _, payload in carry.field_values(window, "BlobProto", doubles)] == [
        ones,
        twos,
        ones,
    ]


def test_a_number_is_no_message() -> None:
    assert carry.message_in("LayerParameter", "convolution_param") == "ConvolutionParameter"
    with pytest.raises(KeyError) as raised:
        carry.message_in("LayerParameter", "phase")
    assert "phase" in raised.value.args[0]
