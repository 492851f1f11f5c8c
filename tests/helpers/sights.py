"""Weights looked at, as for a picture: without a file and a net."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from deconvsurgery.kernels.channel_map import Sight, sight

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Sight", "seen"]


def seen(weights: NDArray[Any], group: int = 1, **steps: tuple[int, ...]) -> Sight:
    """What these weights are; stride 2 and pad 1 on every axis unless said."""
    axes = np.ndim(weights) - 2
    return sight(
        iter(weights),
        weights.shape,
        num_output=weights.shape[1] * group,
        group=group,
        stride=steps.get("stride", (2,) * axes),
        pad=steps.get("pad", (1,) * axes),
    )
