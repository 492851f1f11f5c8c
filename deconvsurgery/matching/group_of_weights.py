"""The ``group`` under which a net would give a layer the weights' shape that a model has.

Converters of other frameworks leave ``group`` out of the net, or write the whole diagonal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.source_blob import SourceBlob
    from deconvsurgery.prototxt.net import Layer
    from deconvsurgery.shapes.geometry import Shape

_DECONVOLUTION, _CONVOLUTION = "Deconvolution", "Convolution"


def meant_group(layer: Layer, shape: Shape, blob: SourceBlob) -> int | None:
    """The other ``group`` with which the layer has the blob's shape; ``None`` if none does.

    ``shape`` is what the net gives its weights: ``(channels, num_output // group, *kernel)`` of a
    Deconvolution, ``(num_output, channels // group, *kernel)`` of a Convolution.
    """
    param = layer.convolution_param
    if layer.type not in (_DECONVOLUTION, _CONVOLUTION) or shape is None or len(shape) < 2:
        return None
    there = blob.meant(len(shape))
    if there is None or there[1] < 1 or param.group < 1:
        return None
    one, other, *kernel = shape
    # What is divided among the groups, and what has to go into as many parts.
    whole, parted = param.num_output, there[0]
    if layer.type == _CONVOLUTION:
        if other is None:
            return None
        whole, parted = other * param.group, param.num_output
    group, rest = divmod(whole, there[1])
    same = one in (None, there[0]) and tuple(kernel) == there[2:]
    if not same or rest or not group or parted % group or group == param.group:
        return None
    return group


def group_words(layer: Layer, group: int | None) -> str:
    """What a shape says of the layer's group, to follow it."""
    if group is None:
        return ""
    return f", that of group: {group} (the net says {layer.convolution_param.group})"
