"""A layer's weights looked at: as the model has them, and as a plan would leave them."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import TYPE_CHECKING

from deconvsurgery.kernels.channel_map import Sight, sight
from deconvsurgery.plans.apply.layer_weights import weights_of
from deconvsurgery.plans.apply.new_values import new_weights

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.model import Model
    from deconvsurgery.caffemodel.source_blob import SourceBlob
    from deconvsurgery.kernels.arrays import Array
    from deconvsurgery.matching.matched_layer import MatchedLayer
    from deconvsurgery.plans.apply.plan_types import ApplyChange


def sight_of(target: MatchedLayer, blob: SourceBlob | None, model: Model) -> Sight | None:
    """The weights in a blob; ``None`` where there are none that could be looked at."""
    shape = target.shape or (blob.shape if blob else ())
    if blob is None or blob.problem or not blob.count or not blob.fits(shape):
        return None
    if blob.count != prod(shape):
        return None
    return _seen(target, model.rows(blob, shape), shape)


def planned_sight(change: ApplyChange, model: Model) -> Sight | None:
    """The weights that the change brings."""
    blob = weights_of(change.target, model)
    dtype = blob.dtype if blob and blob.count else model.dtype
    return _seen(change.target, new_weights(change, dtype, model, blob), change.fill.shape)


def _seen(target: MatchedLayer, rows: Iterable[Array], shape: tuple[int, ...]) -> Sight | None:
    """``None`` for a blob that is not the layer's, as its axes and groups show."""
    param = target.layer.convolution_param
    if len(shape) < 3 or param.group < 1 or shape[0] % param.group:
        return None
    if shape[1] * param.group != param.num_output:
        return None
    return sight(
        rows,
        shape,
        num_output=param.num_output,
        group=param.group,
        stride=target.stride,
        pad=target.pad,
        dilation=target.dilation,
    )
