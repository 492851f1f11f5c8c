"""What a regrouping is made of: names whose weights get other groups, names that keep theirs.

Small, comparable with ``==``, printable.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from math import prod

import numpy as np

from deconvsurgery.caffemodel.model import Model
from deconvsurgery.caffemodel.source_blob import SourceBlob
from deconvsurgery.kernels import arrays
from deconvsurgery.matching.matched_layer import MatchedLayer
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.prototxt.net import Layer
from deconvsurgery.wording import row_words


class Regroup(NamedTuple):
    """A name whose weights become those of another ``group``: ``shape`` before and ``after``.

    ``said`` is what net and model are to say of it: ``None`` where the field goes. ``told`` is what
    else goes with it. ``namesakes`` are the net's other Deconvolutions of the name, which load the
    same weights in other phases, stages or levels, or beside it: they change with it.
    """

    target: MatchedLayer
    group: int
    said: int | None
    shape: tuple[int, ...]
    after: tuple[int, ...]
    told: tuple[str, ...] = ()
    namesakes: tuple[Layer, ...] = ()

    @property
    def places(self) -> tuple[MatchedLayer, ...]:
        """The layer and its namesakes, one by one."""
        return _places(self.target, self.namesakes)

    @property
    def count(self) -> int:  # type: ignore[override]  # tuple's is a method
        """Weights that it will have."""
        return prod(self.after)

    def rows(self, model: Model, blob: SourceBlob) -> Iterator[arrays.Array]:
        """The new weights one input channel at a time, made from the old ones.

        Both are of the same (C, num_output) matrix the blocks along its diagonal, one a group.
        """
        for channel, row in enumerate(model.rows(blob, self.shape)):
            new = np.zeros(self.after[1:], row.dtype)
            old, own = self._outputs(self.shape, channel), self._outputs(self.after, channel)
            both = range(max(old.start, own.start), min(old.stop, own.stop))
            new[both.start - own.start : both.stop - own.start] = row[
                both.start - old.start : both.stop - old.start
            ]
            yield new

    def _outputs(self, shape: Sequence[int], channel: int) -> range:
        """The outputs that a channel has weights for."""
        channels, outputs = shape[:2]
        groups = self.target.layer.convolution_param.num_output // outputs
        first = channel // (channels // groups) * outputs
        return range(first, first + outputs)


class KeptLayer(NamedTuple):
    """A matched layer that stays as it is, with the ``reason``.

    ``namesakes`` are the net's other Deconvolutions of its name, which stay with it.
    """

    target: MatchedLayer
    reason: str
    namesakes: tuple[Layer, ...] = ()

    @property
    def places(self) -> tuple[MatchedLayer, ...]:
        """The layer and its namesakes, one by one."""
        return _places(self.target, self.namesakes)


def _places(target: MatchedLayer, namesakes: Sequence[Layer]) -> tuple[MatchedLayer, ...]:
    return (target, *(target._replace(layer=layer) for layer in namesakes))


class RegroupAction(StrEnum):
    """What becomes of a matched layer."""

    REGROUPED = "regrouped"
    UNCHANGED = "unchanged"


class LayerRegroup(NamedTuple):
    """A matched layer and its groups, by the inputs and by the outputs.

    Attributes:
        name: the layer's name.
        line: where it begins in the net's text, from 1; ``None`` for a net without a text.
        action: whether it gets other groups.
        reason: why one is unchanged; ``None`` for the others.
        groups: its number of groups before and after.
        shapes: the shape of its weights before and after, each (channels, num_output // group,
            kernel_h, kernel_w); ``None`` where an unchanged layer's is not known.
        told: what else goes with it, a sentence each.
    """

    name: str
    line: int | None
    action: RegroupAction
    reason: str | None
    groups: tuple[int, int]
    shapes: tuple[tuple[int, ...] | None, tuple[int, ...] | None]
    told: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return row_words(self)


class Regrouping(NamedTuple):
    """What becomes of each matched name: ``changes`` of its weights, or ``kept`` as it is."""

    changes: tuple[Regroup, ...] = ()
    kept: tuple[KeptLayer, ...] = ()

    @property
    def layers(self) -> tuple[LayerRegroup, ...]:
        """Every matched layer: those that change, then the others, each in the net's order."""
        return (
            *(
                LayerRegroup(
                    place.layer.name,
                    place.layer.line or None,
                    RegroupAction.REGROUPED,
                    None,
                    (place.layer.convolution_param.group, change.group),
                    (change.shape, change.after),
                    change.told,
                )
                for change in self.changes
                for place in change.places
            ),
            *(
                LayerRegroup(
                    place.layer.name,
                    place.layer.line or None,
                    RegroupAction.UNCHANGED,
                    kept.reason,
                    (place.layer.convolution_param.group,) * 2,
                    (place.shape, place.shape),
                )
                for kept in self.kept
                for place in kept.places
            ),
        )
