"""The values that a change brings, made when they are written: never held by a plan."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.model import Model
    from deconvsurgery.caffemodel.source_blob import SourceBlob
    from deconvsurgery.kernels.arrays import Array

    from .plan_types import ApplyChange, BiasFill


def new_weights(
    change: ApplyChange, dtype: str, model: Model, old: SourceBlob | None = None
) -> Iterator[Array]:
    """The weights one input channel at a time, where they are written over ``old`` ones."""
    kept = old if old is not None and old.count and change.fill.keep_off_diagonal else None
    return change.fill.rows(None if kept is None else model.rows(kept, change.fill.shape), dtype)


def new_bias(bias: BiasFill, dtype: str) -> Iterator[Array]:
    """All its values."""
    yield np.full(bias.count, bias.value, dtype)
