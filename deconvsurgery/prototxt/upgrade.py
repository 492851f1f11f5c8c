"""Caffe's upgrades of old layers (V0, V1) to today's terms, as values.

Facts: Caffe ``src/caffe/util/upgrade_proto.cpp``. Names never change; only what reading needs
is carried over, and nothing here ever touches a file's bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from deconvsurgery.caffe_fields import (
    FORK_V1_TYPES,
    V0_TYPES,
    V1_NUMBERS,
    V1_TYPES,
)
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.wording import plural

from .net import NetMessage, Value

# V1's lists and the field of ParamSpec that each of their values becomes, in ParamSpec's order.
PARAM_LISTS: Mapping[str, str] = {
    "param": "name",
    "blob_share_mode": "share_mode",
    "blobs_lr": "lr_mult",
    "weight_decay": "decay_mult",
}
# What data layers of these types kept in a message of their own before transform_param was.
TRANSFORM = ("scale", "mean_file", "crop_size", "mirror")
TRANSFORM_FROM: Mapping[str, str] = {
    "Data": "data_param",
    "ImageData": "image_data_param",
    "WindowData": "window_data_param",
}

# V0 field -> (today's message, today's field) for the layer types that have it.
_CONV_IP = {
    "num_output": "num_output",
    "biasterm": "bias_term",
    "weight_filler": "weight_filler",
    "bias_filler": "bias_filler",
}
_WINDOW = {"pad": "pad", "kernelsize": "kernel_size", "stride": "stride"}
_BATCHES = {"source": "source", "batchsize": "batch_size"}
_V0_FIELDS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "conv": ("convolution_param", _CONV_IP | _WINDOW | {"group": "group"}),
    "innerproduct": ("inner_product_param", _CONV_IP),
    "pool": ("pooling_param", _WINDOW | {"pool": "pool"}),
    "dropout": ("dropout_param", {"dropout_ratio": "dropout_ratio"}),
    "lrn": ("lrn_param", {"local_size": "local_size", "alpha": "alpha", "beta": "beta", "k": "k"}),
    "concat": ("concat_param", {"concat_dim": "concat_dim"}),
    "data": ("data_param", _BATCHES | {"rand_skip": "rand_skip"}),
    "hdf5_data": ("hdf5_data_param", _BATCHES),
    "images": (
        "image_data_param",
        _BATCHES
        | {
            "rand_skip": "rand_skip",
            "shuffle_images": "shuffle",
            "new_height": "new_height",
            "new_width": "new_width",
        },
    ),
    "window_data": (
        "window_data_param",
        _BATCHES
        | {
            "det_fg_threshold": "fg_threshold",
            "det_bg_threshold": "bg_threshold",
            "det_fg_fraction": "fg_fraction",
            "det_context_pad": "context_pad",
            "det_crop_mode": "crop_mode",
        },
    ),
    "infogain_loss": ("infogain_loss_param", {"source": "source"}),
}
# Moved in layers of any type, as UpgradeV0LayerParameter does.
_V0_TRANSFORM = {
    "scale": "scale",
    "meanfile": "mean_file",
    "cropsize": "crop_size",
    "mirror": "mirror",
}
_V0_WHOLE = {"hdf5_output": "hdf5_output_param"}  # a message that stays what it is
_V0_PADDED = ("conv", "pool")


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


def upgraded_v1(layer: NetMessage) -> NetMessage:
    """A V1 layer (``layers { … }``) in V2 terms (``UpgradeV1LayerParameter``)."""
    types = layer.all("type")
    kind = v1_type(types[-1] if types else None)
    source = TRANSFORM_FROM.get(kind, "")
    kept: list[tuple[str, Value]] = []
    for name, value in layer.fields:
        if name == source and isinstance(value, NetMessage):
            kept.append((name, _without(value, TRANSFORM)))
        elif name != "type" and name not in PARAM_LISTS:
            kept.append((name, value))
    moved = tuple(
        (name, value) for name, value in layer.message(source).fields if name in TRANSFORM
    )
    # After the layer's own transform_param: what is moved overwrites what stands there.
    transform = (("transform_param", NetMessage(moved)),) if moved else ()
    return NetMessage((("type", kind), *_params(layer), *kept, *transform))


def _params(layer: NetMessage) -> tuple[tuple[str, Value], ...]:
    """As many ``param`` as the longest of the lists has; each says what was given."""
    rows = zip_longest(*(layer.all(name) for name in PARAM_LISTS))
    return tuple(
        (
            "param",
            NetMessage(
                tuple(
                    (field, value)
                    for field, value in zip(PARAM_LISTS.values(), row, strict=True)
                    if value is not None
                )
            ),
        )
        for row in rows
    )


def _without(message: NetMessage, names: Sequence[str]) -> NetMessage:
    return NetMessage(tuple((name, value) for name, value in message.fields if name not in names))


class Unpadded(NamedTuple):
    """What a V0 layer reads once the padding layers are gone, and the pad it takes over.

    ``refused`` says why Caffe would stop here; the layer is then as it was.
    """

    index: int  # type: ignore[assignment]  # tuple's is a method
    bottom: tuple[str, ...]
    pad: int | None = None
    padding: str = ""
    refused: str = ""


def unpadded(connections: Sequence[NetMessage]) -> list[Unpadded]:
    """The V0 layers that stay, each with its old position (``UpgradeV0PaddingLayers``).

    ``padding`` layers vanish: their pad goes to the convolution or pooling that reads them.
    """
    writers: dict[str, NetMessage] = {}  # blob -> the padding layer that wrote it last
    kept: list[Unpadded] = []
    for index, connection in enumerate(connections):
        inner = connection.message("layer")
        bottoms = connection.texts("bottom")
        read = [writers[bottom] for bottom in bottoms if bottom in writers]
        found = _unpadded(index, inner, bottoms, read)
        is_padding = inner.text("type") == "padding"
        if not is_padding or found.refused:
            kept.append(found)
        for top in connection.texts("top"):
            writers.pop(top, None)
            if is_padding:
                writers[top] = connection
    return kept


def _unpadded(
    index: int, inner: NetMessage, bottoms: tuple[str, ...], read: Sequence[NetMessage]
) -> Unpadded:
    if not read:
        return Unpadded(index, bottoms)
    padding = read[0].message("layer")
    name, kind = padding.text("name"), inner.text("type")
    below, above = read[0].texts("bottom"), read[0].texts("top")
    if kind not in _V0_PADDED:
        refused = f"a layer of type {kind!r} reads the padding layer {name!r}; conv and pool may"
    elif len(bottoms) != 1:
        refused = f"it has {plural(len(bottoms), 'bottom')} and reads the padding layer {name!r}"
    elif (len(below), len(above)) != (1, 1):
        counted = f"{plural(len(below), 'bottom')} and {plural(len(above), 'top')}"
        refused = f"the padding layer {name!r} has {counted}"
    else:
        return Unpadded(index, below, padding.integer("pad", 0), name)
    return Unpadded(index, bottoms, refused=refused)


def v0_place(kind: str, name: str) -> tuple[str, ...]:
    """Where a field of a V0 layer of that type goes, outermost name first; nowhere: empty.

    >>> v0_place("conv", "kernelsize"), v0_place("relu", "kernelsize")
    (('convolution_param', 'kernel_size'), ())
    """
    if name in _V0_TRANSFORM:
        return "transform_param", _V0_TRANSFORM[name]
    if name == _V0_WHOLE.get(kind):
        return (name,)
    message, names = _V0_FIELDS.get(kind, ("", {}))
    return (message, names[name]) if name in names else ()


def upgraded_v0(connections: Sequence[NetMessage]) -> list[tuple[int, NetMessage]]:
    """V0 ``layers { layer { … } bottom top }`` in V2 terms, each with its old position.

    More lenient than Caffe: what it stops at is left as it is, so it can be shown.
    """
    upgraded = []
    for layer in unpadded(connections):
        connection = connections[layer.index]
        inner = connection.message("layer")
        if layer.pad is not None:
            inner = NetMessage((*_without(inner, ("pad",)).fields, ("pad", layer.pad)))
        upgraded.append((layer.index, _v0_layer(inner, layer.bottom, connection.texts("top"))))
    return upgraded


def _v0_layer(inner: NetMessage, bottoms: Sequence[str], tops: Sequence[str]) -> NetMessage:
    old_type = inner.text("type")
    fields: list[tuple[str, Value]] = [
        *(("name", name) for name in inner.texts("name")),
        *(("type", v1_type(V0_TYPES.get(kind, kind))) for kind in inner.texts("type")),
        *(("bottom", bottom) for bottom in bottoms),
        *(("top", top) for top in tops),
    ]
    inside: dict[str, list[tuple[str, Value]]] = {}
    for name, value in inner.fields:
        place = v0_place(old_type, name)
        if len(place) == 1:
            fields.append((name, value))
        elif place:
            inside.setdefault(place[0], []).append((place[1], value))
    fields += [(name, NetMessage(tuple(moved))) for name, moved in inside.items()]
    return NetMessage((*fields, *_params(inner)))
