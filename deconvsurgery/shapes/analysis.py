"""A net in one state, worked out once: shapes, windows and problems, and where pixels lie.

What asks for shapes asks here, so that one command infers them once, whoever needs them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final

from deconvsurgery.prototxt.net import Net, NetState, once

from .certainty import uncertain_layers
from .connections import Unjoined, unjoined
from .infer import LayerShapes, Walk, first_walk, with_axes, with_channels
from .sharing import unlike_sharers

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.model import Model

    from .geometry import SourceShapes
    from .placement import Placement

_MOST_MODELS: Final = 4  # of which a net keeps the analyses; who has more has them in turn


class Analysis:
    """What Caffe would set up of ``net``, which is filtered for one state.

    ``source_shapes`` are the shapes of a model's blobs by layer name, which are asked where the
    net leaves something open.
    """

    def __init__(self, net: Net, source_shapes: SourceShapes | None = None) -> None:
        self.net = net
        self.source_shapes: SourceShapes = source_shapes or {}
        self._first = once(net, "first walk", lambda: first_walk(net))

    @cached_property
    def needs_no_model(self) -> bool:
        """The net says all that a model's weights are asked for."""
        return not (self._first.axes_open or self._first.channels_open)

    @cached_property
    def _walk(self) -> Walk:
        return with_axes(self.net, self.source_shapes, self._first)

    @property
    def shapes(self) -> dict[int, LayerShapes]:
        """By ``Layer.index``, as the net says them; the numbers of axes by the weights, too."""
        return self._walk.shapes

    @cached_property
    def shapes_with_channels(self) -> dict[int, LayerShapes]:
        """The same; of a Deconvolution also the channels that weights speak for, if any do."""
        return with_channels(self.net, self.source_shapes, self._walk).shapes

    @cached_property
    def placements(self) -> tuple[Placement, ...]:
        """Where each Deconvolution's output lies, in the net's order."""
        from .alignment import placements  # only rules and pages ask where pixels lie

        return placements(self.net, self.shapes)

    @cached_property
    def unjoined(self) -> tuple[Unjoined, ...]:
        """The blobs at which Caffe stops as nobody makes them, or two layers do."""
        return unjoined(self.net)

    @cached_property
    def unlike_sharers(self) -> dict[int, str]:
        """Layers, by index, at which Caffe stops as blobs that are shared are not alike; why."""
        return unlike_sharers(self.net, self.shapes)

    @cached_property
    def uncertain(self) -> frozenset[int]:
        """Layers, by index, to which a fork may give other sizes than BVLC's Caffe."""
        return uncertain_layers(self.net)


def states_apart(net: Net, states: Sequence[NetState]) -> tuple[NetState, ...]:
    """Of states in which a net has the same layers the first: what is so in it is in all."""

    def found() -> tuple[NetState, ...]:
        first: dict[tuple[int, ...], NetState] = {}
        for state in states:
            layers = net.filtered(state).layers
            first.setdefault(tuple([layer.index for layer in layers]), state)
        return tuple(first.values())

    return once(net, ("apart", tuple(states)), found)


def analysed(net: Net, state: NetState, model: Model | None = None) -> Analysis:
    """The analysis of a net in a state, with the blobs' shapes of a model; kept with the net.

    States with the same layers have one, and so have models that it does not depend on.
    """
    active = net.filtered(state)
    kept: list[Analysis] = once(
        net, ("analyses", tuple([layer.index for layer in active.layers])), list
    )
    shapes = model.shapes if model else {}
    if kept and kept[0].needs_no_model:
        return kept[0]
    for analysis in kept:
        if analysis.source_shapes == shapes:
            return analysis
    if len(kept) == _MOST_MODELS:
        del kept[0]
    kept.append(Analysis(kept[0].net if kept else active, shapes))
    return kept[-1]
