"""How many channels a Deconvolution reads where the net leaves that open: what weights say of it.

Channels are followed through the layers that keep them. Where weights say nothing either, a guess
is made, which says that it is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from deconvsurgery.errors import ShapeError
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.shapes.layers.windows import input_channels, input_shape

from .axes import CONVOLUTIONS, KEEPS_AXES
from .geometry import Dim, SourceShapes, canonical_axis, product

if TYPE_CHECKING:
    from deconvsurgery.prototxt.net import Layer, Net
    from deconvsurgery.shapes.layers.rule import Bottoms

# Layers that make other channels of them, though they keep the number of axes; MVN and ROIPooling
# keep the channels alone. Crop is not here: it depends on its axis.
_OTHER_CHANNELS: Final = frozenset(
    {*CONVOLUTIONS, "Concat", "Correlation", "Crop", "Im2col", "Permute", "Reorg", "Slice", "Tile"}
    | {"NdConvolution", "CONVOLUTION3D", "DECONVOLUTION3D"}
)
_KEEPS_CHANNELS: Final = KEEPS_AXES - _OTHER_CHANNELS | {"MVN", "ROIPooling"}


class Channels(NamedTuple):
    """A layer's bottoms; of a Deconvolution those with its channels filled in, and these.

    ``guess`` says how they were guessed. ``open``: the net does not say them.
    """

    bottoms: Bottoms
    channels: Dim = None
    guess: str | None = None
    open: bool = False


def channels_found(
    layer: Layer, bottoms: Bottoms, by_net: Dim, witnesses: tuple[int, ...]
) -> Channels:
    """The channels of a Deconvolution.

    ``by_net``: what the net says of them where the number of axes is unknown; ``witnesses``:
    channel counts that weights speak for, best first.
    """
    param, guess = layer.convolution_param, None
    try:
        shape = input_shape(layer, bottoms)
        count = by_net if shape is None and param.axis == 1 else input_channels(layer, shape)
    except ShapeError:
        return Channels(bottoms)  # the rule will say it
    if count is not None:
        return Channels(bottoms, count)
    fitting = (each for each in witnesses if param.group and each % param.group == 0)
    count = next(fitting, None)
    # Group 1 divides any number of channels, there num_output says nothing about them.
    if count is None and param.group == param.num_output > 1:
        count = param.num_output
        guess = f"taken to be num_output ({count}), as group equals it"
    if count is not None and shape is not None:
        axis = canonical_axis(param.axis, len(shape))
        bottoms = ((*shape[:axis], count, *shape[axis + 1 :]),) * len(bottoms)
    return Channels(bottoms, count, guess, open=True)


def witnesses_of(net: Net, source_shapes: SourceShapes) -> dict[int, tuple[int, ...]]:
    """Channel counts that a model's weights speak for, by index of each Deconvolution.

    Its own weights come first, then those of (de)convolutions that read the same channels,
    then those along the channels. Channels are followed through the layers that keep them.
    """
    carried: dict[str, int] = {}  # blob name → number of the channels it carries
    readers: list[list[int]] = []  # by that number: what (de)convolutions say
    along: list[list[int]] = []  # by that number: what weights along the channels say
    own: dict[int, tuple[int, tuple[int, ...]]] = {}
    for layer in net.layers:
        for name in layer.bottom:
            if name not in carried:
                carried[name] = len(readers)
                readers.append([])
                along.append([])
        number = carried[layer.bottom[0]] if layer.bottom else None
        for top in layer.top:
            carried.pop(top, None)
        if number is None:
            continue
        if layer.top and keeps_channels(layer):
            carried.update(
                dict.fromkeys(layer.top if layer.type == "Split" else layer.top[:1], number)
            )
        shapes = source_shapes.get(layer.name, ())
        read = _channels_read(layer, shapes)
        if layer.type == "Deconvolution":
            own[layer.index] = (number, read)
        if layer.convolution_param.axis == 1:
            readers[number].extend(read)
        along[number].extend(_channels_along(layer, shapes))
    return {
        index: (*read, *readers[number][:1], *along[number][:1])
        for index, (number, read) in own.items()
    }


def keeps_channels(layer: Layer) -> bool:
    """The first top has the channels of the first bottom."""
    if layer.type == "Crop":
        axis = layer.message.message("crop_param").integer("axis", 2)
        return axis in (2, 3, -1, -2)
    return layer.type in _KEEPS_CHANNELS


def _channels_read(layer: Layer, blobs: tuple[tuple[int, ...], ...]) -> tuple[int, ...]:
    """Input channels by the weight (C, O/G, …) of a Deconvolution, (O, C/G, …) of a Convolution."""
    weight, param = blobs[0] if blobs else (), layer.convolution_param
    if len(weight) < 2:
        return ()
    if layer.type == "Deconvolution":
        count = weight[0]
    elif layer.type == "Convolution" and weight[0] == param.num_output:
        count = weight[1] * param.group
    else:
        return ()  # also a model's layer of the same name that is another one
    return (count,) if count > 0 else ()


def _channels_along(layer: Layer, blobs: tuple[tuple[int, ...], ...]) -> tuple[int, ...]:
    """Channels by the length of a weight that has one value for each."""
    param_name = _ALONG_CHANNELS.get(layer.type)
    if param_name is None or not blobs or len(layer.bottom) != 1:
        return ()
    param = layer.message.message(param_name)
    shared = param.flag("channel_shared", layer.type == "Normalize")
    if shared or param.integer("axis", 1) != 1 or param.integer("num_axes", 1) != 1:
        return ()
    count = product(blobs[0])
    return (count,) if count else ()


# Types with one weight per channel, and where they say that they have not.
_ALONG_CHANNELS: Final[Mapping[str, str]] = {
    "BN": "bn_param",
    "BatchNorm": "batch_norm_param",
    "Bias": "bias_param",
    "Normalize": "norm_param",
    "PReLU": "prelu_param",
    "Scale": "scale_param",
}
