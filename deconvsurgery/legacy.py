"""Caffe's upgrades of old layers (V0, V1) to today's terms, as values.

Facts: Caffe ``src/caffe/util/upgrade_proto.cpp``. Names never change; only what reading needs
is carried over, and nothing here ever touches a file's bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from .net import Message, Value
from .schema import FORK_V1_TYPES, V0_TYPES, V1_NUMBERS, V1_TYPES

_V1_ONLY = ("type", "param", "blob_share_mode", "blobs_lr", "weight_decay")

# V0 field -> (today's message, today's field) for the layer types that have it.
_CONV_IP = {
    "num_output": "num_output",
    "biasterm": "bias_term",
    "weight_filler": "weight_filler",
    "bias_filler": "bias_filler",
}
_WINDOW = {"pad": "pad", "kernelsize": "kernel_size", "stride": "stride"}
_V0_FIELDS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "conv": ("convolution_param", _CONV_IP | _WINDOW | {"group": "group"}),
    "innerproduct": ("inner_product_param", _CONV_IP),
    "pool": ("pooling_param", _WINDOW | {"pool": "pool"}),
    "dropout": ("dropout_param", {"dropout_ratio": "dropout_ratio"}),
    "lrn": ("lrn_param", {"local_size": "local_size", "alpha": "alpha", "beta": "beta", "k": "k"}),
    "concat": ("concat_param", {"concat_dim": "concat_dim"}),
    "data": ("data_param", {"source": "source", "batchsize": "batch_size"}),
    "hdf5_data": ("hdf5_data_param", {"source": "source", "batchsize": "batch_size"}),
    "images": (
        "image_data_param",
        {
            "source": "source",
            "batchsize": "batch_size",
            "new_height": "new_height",
            "new_width": "new_width",
        },
    ),
    "window_data": ("window_data_param", {"source": "source", "batchsize": "batch_size"}),
    "infogain_loss": ("infogain_loss_param", {"source": "source"}),
}
_V0_TRANSFORM = {
    "scale": "scale",
    "meanfile": "mean_file",
    "cropsize": "crop_size",
    "mirror": "mirror",
}
_V1_TRANSFORM = ("scale", "mean_file", "crop_size", "mirror")
_V1_TRANSFORM_FROM = {
    "Data": "data_param",
    "ImageData": "image_data_param",
    "WindowData": "window_data_param",
}


def v1_type(value: Value | None) -> str:
    """Today's name of a V1 layer type, given as enum name or number; unset is ``""``.

    A fork's own type keeps the name it has there, so it can be shown.
    """
    if value is None:
        return ""
    if isinstance(value, int):
        return V1_NUMBERS.get(value, f"V1 type {value}")
    name = str(value)
    return V1_TYPES.get(name, FORK_V1_TYPES.get(name, name))


def upgraded_v1(layer: Message) -> Message:
    """A V1 layer (``layers { … }``) in V2 terms (``UpgradeV1LayerParameter``)."""
    types = layer.all("type")
    kind = v1_type(types[-1] if types else None)
    params = tuple(
        ("param", _param(*spec))
        for spec in zip_longest(
            layer.all("param"), layer.all("blobs_lr"), layer.all("weight_decay")
        )
    )
    kept = tuple((name, value) for name, value in layer.fields if name not in _V1_ONLY)
    return Message((("type", kind), *params, *kept, *_moved_transform(kind, layer)))


def _param(name: Value | None, lr_mult: Value | None, decay_mult: Value | None) -> Message:
    given = (("name", name), ("lr_mult", lr_mult), ("decay_mult", decay_mult))
    return Message(tuple((field, value) for field, value in given if value is not None))


def _moved_transform(kind: str, layer: Message) -> tuple[tuple[str, Value], ...]:
    """Data layers once kept crop_size and the like in their own message."""
    source = layer.message(_V1_TRANSFORM_FROM.get(kind, ""))
    moved = tuple((name, value) for name, value in source.fields if name in _V1_TRANSFORM)
    return (("transform_param", Message(moved)),) if moved else ()


def upgraded_v0(connections: Sequence[Message]) -> list[tuple[int, Message]]:
    """V0 ``layers { layer { … } bottom top }`` in V2 terms, each with its old position.

    ``padding`` layers vanish: their pad goes to the convolution or pooling that reads them.
    """
    paddings: dict[str, tuple[Value, str]] = {}  # top of a padding layer -> its pad and bottom
    upgraded: list[tuple[int, Message]] = []
    for index, connection in enumerate(connections):
        inner = connection.message("layer")
        bottoms, tops = connection.texts("bottom"), connection.texts("top")
        if inner.text("type") == "padding":
            pad = inner.integer("pad", 0) or 0
            paddings |= {top: (pad, bottom) for top, bottom in zip(tops, bottoms, strict=False)}
            continue
        extra: tuple[tuple[str, Value], ...] = ()
        if len(bottoms) == 1 and bottoms[0] in paddings:
            padding, bottom = paddings[bottoms[0]]
            bottoms, extra = (bottom,), (("pad", padding),)
        upgraded.append((index, _v0_layer(Message(inner.fields + extra), bottoms, tops)))
    return upgraded


def _v0_layer(inner: Message, bottoms: Sequence[str], tops: Sequence[str]) -> Message:
    old_type = inner.text("type")
    fields: list[tuple[str, Value]] = [
        ("name", inner.text("name")),
        ("type", v1_type(V0_TYPES.get(old_type, old_type))),
        *(("bottom", bottom) for bottom in bottoms),
        *(("top", top) for top in tops),
    ]
    if old_type in _V0_FIELDS:
        message_name, names = _V0_FIELDS[old_type]
        fields.append((message_name, _renamed(inner, names)))
    transform = _renamed(inner, _V0_TRANSFORM)
    if transform.fields:
        fields.append(("transform_param", transform))
    specs = zip_longest((), inner.all("blobs_lr"), inner.all("weight_decay"))
    fields += [("param", _param(*spec)) for spec in specs]
    return Message(tuple(fields))


def _renamed(message: Message, names: Mapping[str, str]) -> Message:
    return Message(tuple((names[name], value) for name, value in message.fields if name in names))
