"""Layers that may have been renamed: a name that only the net has, and one of the model's like it.

Caffe looks at names alone, so that what a new name leads to is a question of the blobs: of its
shapes Caffe loads them, of others it stops.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.nearest import nearest

from .batch_norm import blobs_as_in
from .copied_layer import copy_stops, type_today

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.model import SourceLayer
    from deconvsurgery.prototxt.net import Layer
    from deconvsurgery.shapes.infer import LayerShapes

    from .disagreement import Disagreement
    from .loaded_blobs import Loading

# Names are compared in pairs, which is slow, and only helps: no more than these, none longer.
_LACKING, _STRANGERS, _LONGEST, _CUTOFF = 50, 100, 80, 0.8


class Lacking(NamedTuple):
    """A layer that the model lacks, as it is set up."""

    layer: Layer
    shapes: LayerShapes
    loaded: Loading

    def stop(self, source: SourceLayer) -> Disagreement | None:
        """Where Caffe would stop, if the model's layer had this one's name."""
        blobs = blobs_as_in(self.shapes, source.blobs)
        return next(copy_stops(self.layer, blobs, source, self.loaded), None)


class Renamed(NamedTuple):
    """A layer of the model by nearly the name of one of the net's; ``stop`` if it does not fit."""

    name: str
    stop: Disagreement | None = None


def renamed(
    lacking: Mapping[str, Lacking], strangers: Mapping[str, SourceLayer]
) -> dict[str, Renamed]:
    """By the name of a layer that the model lacks: one that the net lacks, of its type.

    Those whose blobs fit go first; each is said once.
    """
    ours = [name for name in lacking if len(name) <= _LONGEST][:_LACKING]
    theirs = [name for name in strangers if len(name) <= _LONGEST][:_STRANGERS]
    found: dict[str, Renamed] = {}
    for fitting in (True, False):
        for name in ours:
            if name in found:
                continue
            stops = {other: lacking[name].stop(strangers[other]) for other in theirs}
            kind = lacking[name].layer.type
            alike = [
                other
                for other in theirs
                if type_today(strangers[other]) in ("", kind) and (stops[other] is None) is fitting
            ]
            near = nearest(name, alike, _CUTOFF)
            if near is not None:
                found[name] = Renamed(near, stops[near])
                theirs.remove(near)
    return found
