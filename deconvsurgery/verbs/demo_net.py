"""A small FCN-like net and a base model that lacks its upsampling layers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from deconvsurgery.caffe_fields import message_class
from deconvsurgery.caffemodel.blob_edits import convolution_param

if TYPE_CHECKING:
    from deconvsurgery.prototxt.net import Net

NET = Path(__file__).with_name("sample.prototxt")
LEARNED = ("conv1", "conv2", "score", "refine")
SHAPES = {
    "conv1": ((8, 3, 3, 3), (8,)),
    "conv2": ((16, 8, 3, 3), (16,)),
    "score": ((5, 16, 1, 1), (5,)),
    "refine": ((5, 5, 3, 3), (5,)),
}


def net_text() -> bytes:
    """The net's prototxt."""
    return NET.read_bytes()


def base_model(net: Net) -> bytes:
    """A caffemodel as Caffe would save the net before the upsampling layers were added.

    The weights are made up, the same at every run: a ramp that neither repeats nor vanishes.
    """
    import numpy as np

    model: Any = message_class("NetParameter")(name=net.name)
    seed = 0
    for layer in net.layers:
        if layer.name not in LEARNED and layer.type == "Deconvolution":
            continue
        saved = model.layer.add(
            name=layer.name, type=layer.type, bottom=layer.bottom, top=layer.top
        )
        if "convolution_param" in layer.message:
            saved.convolution_param.MergeFromString(convolution_param(layer))
        for shape in SHAPES.get(layer.name, ()):
            blob = saved.blobs.add()
            blob.shape.dim.extend(shape)
            count = int(np.prod(shape))
            ramp = (np.arange(seed, seed + count) * 37 % 101 - 50) / 200
            blob.data.extend(ramp.astype(np.float32).tolist())
            seed += count
    return bytes(model.SerializeToString(deterministic=True))
