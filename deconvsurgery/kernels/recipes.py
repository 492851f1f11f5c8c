"""Which kernel, stride and pad enlarge by a whole factor."""

from __future__ import annotations

from operator import index

from deconvsurgery.named_tuple import NamedTuple

from .kernel_axis import positive


class Recipe(NamedTuple):
    """The geometry that enlarges by ``factor`` exactly and centred."""

    factor: int
    kernel: int
    stride: int
    pad: int


def recipe(factor: int) -> Recipe:
    """Make kernel, stride and pad that enlarge by a whole ``factor`` (BVLC/caffe#2213).

    Kernel 2f - f % 2 gives every phase a gain of 1; pad ceil((f - 1) / 2) then takes as much off
    both sides and leaves f * H pixels of H.

    Args:
        factor: how many times larger, from 1.

    Returns:
        The numbers in pixels.

    Raises:
        ShapeError: the factor is not positive.
        TypeError: it is no whole number.

    >>> recipe(8)
    Recipe(factor=8, kernel=16, stride=8, pad=4)
    >>> recipe(3)
    Recipe(factor=3, kernel=5, stride=3, pad=1)
    """
    factor = positive(index(factor), "a factor", most=None)
    return Recipe(factor, kernel=2 * factor - factor % 2, stride=factor, pad=factor // 2)
