"""Where a Deconvolution's output lies, and whether a Crop behind it has the offsets it should."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from deconvsurgery.named_tuple import NamedTuple

if TYPE_CHECKING:
    from deconvsurgery.prototxt.net import Layer

    from .geometry import Window

HALF: Final = Fraction(1, 2)


class CropFacts(NamedTuple):
    """A Crop between blobs that can be compared, one entry an axis.

    ``given`` are the offsets that today's Caffe takes, ``expected`` those that the coordinates ask
    for, ``None`` where the two bottoms differ in ``scale`` (that of the first by the second's).
    ``silent``: it has no crop_param, so that the forks which have such Crops work the offset out;
    ``forked``: only those can read the net. ``skip``: the Deconvolution makes the second bottom, to
    which a branch is cropped that went past it. ``pads``: a pixel more of its pad is one of the
    offset, less where it makes the first bottom. ``input``: the second bottom is what both were
    made of.
    """

    layer: Layer
    given: tuple[int, ...]
    expected: tuple[Fraction | None, ...]
    scale: tuple[Fraction, ...]
    silent: bool = False
    forked: bool = False
    skip: bool = False
    pads: bool = False
    input: bool = False

    @property
    def fork_stops(self) -> bool:
        """The forks which work the offset out stop: they check that it is whole and not below 0.

        (``crop_layer.cpp`` of longjon/caffe, from which HED's, CRF-RNN's and DSS's come.)
        """
        return self.silent and not all(
            want is not None and want >= 0 and want.denominator == 1 for want in self.expected
        )

    @property
    def right(self) -> bool:
        """The offsets are the expected ones, rounded, or a fork makes them so."""
        if self.forked:
            return not self.fork_stops
        pairs = zip(self.given, self.expected, strict=True)
        return all(want is not None and abs(have - want) <= HALF for have, want in pairs)

    def edge_to_edge(self, within: Sequence[int]) -> bool:
        """It takes off the far end only, and the coordinates ask for less than ``within``.

        That is what a net needs which puts the images' edges together, as padded ones do.
        """
        pairs = zip(self.expected, within, strict=False)
        return not any(self.given) and all(
            want is not None and abs(want) < limit for want, limit in pairs
        )


class Placement(NamedTuple):
    """How a Deconvolution's output lies: by its own pad, and by what follows.

    ``excess`` is what the output has beyond stride * input on each axis: 0 (or, for an odd
    difference of kernel and stride, 1 either way) when its pad centres it. ``crop`` is a Crop that
    is wrong and nearest to it, or else the first that follows and is right; ``cropped`` that any
    does, ``joined`` that it meets another branch where the coordinates agree, ``lost`` that it
    goes through a layer that may well crop, but whose geometry is not known. ``made_good``: layers
    behind it take off what it has too much (or add what it lacks), as a convolution without pad
    does, or it does so itself for layers before it.
    """

    layer: Layer
    window: Window
    excess: tuple[int, ...]
    cropped: bool = False
    joined: bool = False
    lost: bool = False
    made_good: bool = False
    crop: CropFacts | None = None

    @property
    def centred(self) -> bool:
        """Its own pad puts stride * input pixels edge to edge with the input."""
        return all(abs(each) <= 1 for each in self.excess)

    @property
    def wrong_crop(self) -> CropFacts | None:
        """The Crop that moves its output away from where it belongs."""
        crop = self.crop
        if crop is None or crop.right or (self.centred and crop.edge_to_edge(self.window.stride)):
            return None
        return crop

    @property
    def right(self) -> bool:
        """Nothing is wrong with where its output lies, as far as that can be known."""
        placed = self.centred or self.cropped or self.joined or self.lost or self.made_good
        return placed and self.wrong_crop is None
