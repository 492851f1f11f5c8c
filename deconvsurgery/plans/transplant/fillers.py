"""The constants that Caffe fills a new layer's blobs with, and where its fillers are not constant.

Facts: ``LayerSetUp`` of each type.
"""

from __future__ import annotations

from collections.abc import Mapping

from deconvsurgery.prototxt.net import Layer

# Where a layer's fillers stand, by the blob's position, and Caffe's default value without one.
_FILLERS: Mapping[str, tuple[str, tuple[tuple[str, float], ...]]] = {
    "Convolution": ("convolution_param", (("weight_filler", 0.0), ("bias_filler", 0.0))),
    "Deconvolution": ("convolution_param", (("weight_filler", 0.0), ("bias_filler", 0.0))),
    "InnerProduct": ("inner_product_param", (("weight_filler", 0.0), ("bias_filler", 0.0))),
    "Embed": ("embed_param", (("weight_filler", 0.0), ("bias_filler", 0.0))),
    "PReLU": ("prelu_param", (("filler", 0.25),)),
    "Scale": ("scale_param", (("filler", 1.0), ("bias_filler", 0.0))),
    "Bias": ("bias_param", (("filler", 0.0),)),
    "BatchNorm": ("", (("", 0.0), ("", 0.0), ("", 0.0))),
}


def filler_value(layer: Layer, position: int) -> float | None:
    """The constant that Caffe would fill the blob with; ``None`` where it would not."""
    param, fillers = _FILLERS.get(layer.type, ("", ()))
    if layer.type == "Scale" and len(layer.bottom) > 1:
        fillers = fillers[1:]  # the second bottom is the scale
    if position >= len(fillers):
        return None
    name, default = fillers[position]
    message = layer.message.message(param)
    if not name or name not in message:
        return default
    filler = message.message(name)
    return filler.number("value", 0.0) if filler.text("type", "constant") == "constant" else None
