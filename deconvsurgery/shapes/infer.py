"""The shape of every top and weight blob of a net, as Caffe would set it up.

One walk in the file's order, with unknown dims allowed: most nets do not say how large their
images are, and a Deconvolution's weights do not depend on it. What the net says comes first; where
that leaves a number of axes or a Deconvolution's channels open, weights of a model are asked, in
another walk. Last a guess of the channels is made, which says that it is one; the number of axes
is not guessed. `Analysis` keeps what was found.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from deconvsurgery.errors import ShapeError
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.shapes.layers.any_layer import objection
from deconvsurgery.shapes.layers.data import DATA_RULES
from deconvsurgery.shapes.layers.forks import FORK_RULES
from deconvsurgery.shapes.layers.given_blobs import kept_blobs
from deconvsurgery.shapes.layers.joins import JOIN_RULES
from deconvsurgery.shapes.layers.losses import LOSS_RULES
from deconvsurgery.shapes.layers.pooling import POOLING_RULES
from deconvsurgery.shapes.layers.rule import Bottoms, Rule, Setup
from deconvsurgery.shapes.layers.volumes import VOLUME_RULES
from deconvsurgery.shapes.layers.windows import WINDOW_RULES, certain_tops, window_of
from deconvsurgery.shapes.layers.with_weights import WEIGHT_RULES
from deconvsurgery.shapes.layers.without_weights import LAYER_RULES

from .axes import CONVOLUTIONS, Blob, axes_found
from .channels import Channels, channels_found, keeps_channels, witnesses_of
from .connections import cleared_losses
from .geometry import Dim, Shape, SourceShapes, Window, check_blob

if TYPE_CHECKING:
    from deconvsurgery.prototxt.net import Layer, Net

_NO_WITNESSES: Final[Mapping[int, tuple[int, ...]]] = MappingProxyType({})

RULES: Final[Mapping[str, Rule]] = {
    **FORK_RULES,
    **VOLUME_RULES,
    **JOIN_RULES,
    **LAYER_RULES,
    **LOSS_RULES,
    **POOLING_RULES,
    **WEIGHT_RULES,
    **WINDOW_RULES,
    **DATA_RULES,
}

_OF_FORKS: Final = frozenset(FORK_RULES) | {"DepthwiseConvolution", "NdConvolution", "NdPooling"}
BVLC_TYPES: Final = frozenset(RULES) - _OF_FORKS - {"CONVOLUTION3D", "DECONVOLUTION3D", "POOLING3D"}
"""Types of BVLC's Caffe, whose checks are known; what forks make of theirs is their own."""


class LayerShapes(NamedTuple):
    """A layer as Caffe would set it up; dims and shapes may be unknown.

    ``blobs`` are its weight blobs, ``None`` where the layer type is not known. ``guess`` says
    in words how a guessed channel count was come by. ``forms`` are other sets of blobs that a fork
    may mean by the same text. ``problem`` says why Caffe would not set the layer up: ``blobs`` are
    then ``None``, and of the tops only the undisputed dims known.
    ``window`` is what a (De)convolution or a Pooling slides, ``channels`` what a Deconvolution
    reads: they may be known where its bottom's number of axes is not, and the other way round.
    ``objection`` says why Caffe stops at the layer although its shapes are beyond doubt, ``late``
    that it sets the layer up, and meets the problem when it runs it.
    """

    bottoms: tuple[Shape, ...]
    tops: tuple[Shape, ...]
    blobs: tuple[Shape, ...] | None
    guess: str | None = None
    problem: str | None = None
    forms: tuple[tuple[Shape, ...], ...] = ()
    window: Window | None = None
    channels: Dim = None
    objection: str | None = None
    late: bool = False

    @property
    def stops(self) -> str | None:
        """Why Caffe stops at the layer; ``None`` where it does not, or where that is open."""
        return self.problem or self.objection


class Walk(NamedTuple):
    """What one walk through a net found.

    ``shapes`` by ``Layer.index``. ``channels_open``: the net leaves those of a Deconvolution open,
    so that a model's weights may say more.
    """

    shapes: dict[int, LayerShapes]
    channels_open: bool

    @property
    def axes_open(self) -> bool:
        """Of some blob the number of axes is unknown."""
        return any(None in each.tops or None in each.bottoms for each in self.shapes.values())


def first_walk(net: Net) -> Walk:
    """What the layers' own text says, in the net's order; linear in its length.

    Never raises: what Caffe would refuse stands in ``LayerShapes.problem``, what is left open is
    unknown. A bottom that no layer makes has an unknown shape.
    """
    return _walk(net, {}, {})


def with_axes(
    net: Net,
    source_shapes: SourceShapes,
    first: Walk,
    witnesses: Mapping[int, tuple[int, ...]] = _NO_WITNESSES,
) -> Walk:
    """The walk again with the numbers of axes that it left open, where anything says them."""
    if not first.axes_open:
        return first
    tops = {index: each.tops for index, each in first.shapes.items()}
    axes = axes_found(net.layers, tops, source_shapes, RULES.keys() - {"Python"})
    if not axes:
        return first
    second = _walk(net, witnesses, axes)
    return second._replace(channels_open=first.channels_open or second.channels_open)


def with_channels(net: Net, source_shapes: SourceShapes, walk: Walk) -> Walk:
    """The walk again with the channels that weights speak for, where the net left any open."""
    witnesses = witnesses_of(net, source_shapes) if walk.channels_open and source_shapes else {}
    if not any(witnesses.values()):
        return walk
    return with_axes(net, source_shapes, _walk(net, witnesses, {}), witnesses)


def _walk(net: Net, witnesses: Mapping[int, tuple[int, ...]], axes: Mapping[Blob, int]) -> Walk:
    """``witnesses``: channels that weights speak for; ``axes``: numbers of them, left open."""
    blobs: dict[str, Shape] = {}
    carried: dict[str, int] = {}  # channels of blobs whose number of axes is unknown
    shapes: dict[int, LayerShapes] = {}
    channels_open = False
    cleared = cleared_losses(net)
    for layer in net.layers:
        for name in layer.bottom:
            if name not in blobs:
                blobs[name] = _of_axes(axes.get((None, name)))
        bottoms = tuple(blobs[name] for name in layer.bottom)
        found = Channels(bottoms)
        if layer.type == "Deconvolution":
            by_net = next((carried[name] for name in layer.bottom if name in carried), None)
            found = channels_found(layer, bottoms, by_net, witnesses.get(layer.index, ()))
            channels_open = channels_open or found.open
        if found.guess is None:
            blobs.update(zip(layer.bottom, found.bottoms, strict=True))
        set_up = _set_up(layer, found, cleared=layer.index in cleared)
        if axes and None in set_up.tops:
            known = (
                _of_axes(axes.get((layer.index, at))) if shape is None else shape
                for at, shape in enumerate(set_up.tops)
            )
            set_up = set_up._replace(tops=tuple(known))
        shapes[layer.index] = set_up
        made = _channels_made(layer, carried)
        for name, shape in zip(layer.top, set_up.tops, strict=True):
            blobs[name] = shape
            carried.pop(name, None)
            if shape is None and made is not None:
                carried[name] = made
    return Walk(shapes, channels_open)


def _of_axes(axes: int | None) -> Shape:
    """A shape of which that number alone is known."""
    return None if axes is None else (None,) * axes


def _channels_made(layer: Layer, carried: Mapping[str, int]) -> int | None:
    """Channels of the first top, where that is known without its number of axes."""
    if layer.type in CONVOLUTIONS:
        param = layer.convolution_param
        return param.num_output if param.axis == 1 and param.num_output > 0 else None
    return carried.get(layer.bottom[0]) if layer.bottom and keeps_channels(layer) else None


def _set_up(layer: Layer, found: Channels, *, cleared: bool = False) -> LayerShapes:
    """The layer's rule applied, its outcome held to what Caffe could allocate."""
    rule, bottoms = RULES.get(layer.type), found.bottoms
    unknown: Bottoms = (None,) * len(layer.top)
    if rule is None:
        missing = None if layer.type else objection(layer, (), None)
        return LayerShapes(bottoms, unknown, None, objection=missing)
    try:
        setup = rule(layer, bottoms)
        for shape in (*setup.tops, *(setup.blobs or ())):
            check_blob(shape)
    except ShapeError as error:
        words = error.message if error.hint is None else f"{error.message}; {error.hint}"
        window = window_of(layer, bottoms) if layer.type in CONVOLUTIONS else None
        setup = Setup(certain_tops(layer, bottoms), None, words, window=window)
    stopped = setup.problem is not None and not setup.late
    own = None if stopped or setup.blobs is None else kept_blobs(layer, setup.blobs)
    judged = layer.type in BVLC_TYPES
    stops = objection(layer, setup.tops, setup.blobs, cleared=cleared) if judged else None
    return LayerShapes(  # without the fields' names, which double what it takes
        bottoms,
        (*setup.tops, *unknown)[: len(unknown)],
        None if own is None else tuple(own),
        None if stopped else found.guess,
        setup.problem,
        () if stopped else setup.forms,
        setup.window,
        found.channels,
        stops,
        setup.late,
    )
