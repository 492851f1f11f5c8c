"""Where the sizes of a net's blobs are certain, and where a fork may know them better."""

from __future__ import annotations

from typing import Final

from deconvsurgery.caffe_fields.schema import fields_of
from deconvsurgery.prototxt.net import Net, NetMessage
from deconvsurgery.shapes.layers.data import DATA_RULES
from deconvsurgery.shapes.layers.joins import JOIN_RULES
from deconvsurgery.shapes.layers.losses import LOSS_RULES
from deconvsurgery.shapes.layers.pooling import POOLING_RULES, pooled_axes
from deconvsurgery.shapes.layers.windows import WINDOW_RULES
from deconvsurgery.shapes.layers.with_weights import WEIGHT_RULES
from deconvsurgery.shapes.layers.without_weights import LAYER_RULES

# Types whose sizes BVLC's Caffe fixes by the text alone: not what Python code says.
_CAFFES_OWN: Final = (
    (JOIN_RULES.keys() | LAYER_RULES.keys() | WEIGHT_RULES.keys() | WINDOW_RULES.keys())
    | DATA_RULES.keys()
    | LOSS_RULES.keys()
    | POOLING_RULES.keys()
) - {"DepthwiseConvolution", "Python"}


def uncertain_layers(net: Net) -> frozenset[int]:
    """Layers, by index, that a fork's type or field may give other sizes than BVLC's Caffe.

    Their own, or one of a layer that leads to them.
    """
    blobs: set[str] = set()
    found: set[int] = set()
    for layer in net.layers:
        # V1 has no Crop but the forks', which each have their own way with sizes.
        fork = layer.type not in _CAFFES_OWN or (layer.type == "Crop" and net.version != "V2")
        # What Caffe has once the opencl branch repeats, and the schema with it.
        pooling = layer.message.message("pooling_param")
        fork = fork or (bool(pooling.fields) and pooled_axes(pooling) is not None)
        if fork or not blobs.isdisjoint(layer.bottom) or _foreign(layer.message, "LayerParameter"):
            found.add(layer.index)
            blobs.update(layer.top)
        else:
            blobs.difference_update(layer.top)
    return frozenset(found)


def _foreign(message: NetMessage, schema: str) -> bool:
    fields = fields_of(schema)
    for name, value in message.fields:
        known = fields.get(name)
        if known is None:
            return True
        if isinstance(value, NetMessage) and known.is_message and _foreign(value, known.kind):
            return True
    return False
