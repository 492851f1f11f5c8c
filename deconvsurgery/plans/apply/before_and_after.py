"""One layer before and after: what its weights are, and how many change. A blob is read once.

Row by row, so that no blob is ever held whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from deconvsurgery.kernels.fingerprint import Recognition
from deconvsurgery.kernels.weight_states import Fingerprint, WeightState
from deconvsurgery.named_tuple import NamedTuple

from .change_warnings import (
    of_namesakes,
    of_the_fill,
    of_the_model,
    of_what_comes,
    of_what_is_lost,
    of_what_stays,
)
from .layer_weights import is_of_other_shape, judged
from .plan_types import ApplyAction, ApplyChange, BiasFill

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.model import Model, SourceLayer
    from deconvsurgery.caffemodel.source_blob import SourceBlob
    from deconvsurgery.caffemodel.stored_values import DType
    from deconvsurgery.kernels.arrays import Array
    from deconvsurgery.kernels.bilinear_fill import BilinearFill
    from deconvsurgery.matching.matched_layer import MatchedLayer
    from deconvsurgery.options.apply import ApplyOptions
    from deconvsurgery.prototxt.net import Net


class Filled(NamedTuple):
    """What a fill makes of a blob: the new weights, how many values change, and by how much.

    ``largest`` is ``None`` where a value was no number.
    """

    after: Fingerprint
    changed: int
    largest: float | None


class Look(NamedTuple):
    """What one pass over a blob found; ``filled`` where a fill was looked at, too."""

    before: Fingerprint
    filled: Filled | None = None


def look(
    blob: SourceBlob | None, target: MatchedLayer, model: Model, fill: BilinearFill | None = None
) -> Look:
    """What a layer's weights in the model are, and what ``fill`` would make of those there.

    The state is ``other`` also where they cannot be `judged`, ``missing`` without values.
    """
    if blob is None or not (blob.count or blob.problem):
        return Look(Fingerprint(WeightState.MISSING))
    if is_of_other_shape(target, blob):
        own = _in_its_own_shape(target, blob, model)
        return Look(Fingerprint(WeightState.OTHER_SHAPE, own=own))
    if not judged(target, blob):
        return Look(Fingerprint(WeightState.OTHER))
    asked = _Asked(target.shape or blob.shape, _numbers(target), fill, blob.dtype)
    if blob.count * blob.dtype.width > _FEW_BYTES:
        return _looked(model.rows(blob, asked.shape), asked)
    arrays = [*model.flat_values(blob)]
    values = b"".join(array.tobytes() for array in arrays)
    return _look_at_few(values, arrays[0].dtype, asked)


# Weights of so many bytes are the same in many layers of a net, and are looked at once.
_FEW_BYTES: Final = 2**12


class _Numbers(NamedTuple):
    """What a layer's weights are held against beside their shape."""

    num_output: int
    group: int
    stride: tuple[int, ...]


class _Asked(NamedTuple):
    """What decides what a look finds, beside the values; ``dtype`` is their type in the model."""

    shape: tuple[int, ...]
    numbers: _Numbers
    fill: BilinearFill | None
    dtype: DType


@lru_cache(maxsize=32)
def _look_at_few(values: bytes, dtype: np.dtype[Any], asked: _Asked) -> Look:
    return _looked(np.frombuffer(values, dtype).reshape(-1, *asked.shape[1:]), asked)


def _looked(rows: Iterable[Array], asked: _Asked) -> Look:
    """One pass over the rows of a blob."""
    before = _recognition(asked.numbers, asked.shape)
    filling = _Filling(asked.numbers, asked.fill, asked.dtype) if asked.fill else None
    for row in rows:
        before.add(row)
        if filling is not None:
            filling.add(row)
    return Look(before.result(), filling.result() if filling else None)


def _in_its_own_shape(target: MatchedLayer, blob: SourceBlob, model: Model) -> WeightState | None:
    """What weights of another shape than the net gives the layer are, with as many outputs."""
    shape, outputs = blob.shape, target.layer.convolution_param.num_output
    if len(shape) < 2 or min(shape) < 1 or outputs % shape[1]:
        return None
    group, stride = outputs // shape[1], target.stride
    found = Recognition(shape, num_output=outputs, group=group, stride=stride)
    for row in model.rows(blob, shape):
        found.add(row)
    return found.result().state


def planned_change(
    target: MatchedLayer,
    fill: BilinearFill,
    first: Look,
    model: Model,
    options: ApplyOptions,
    net: Net,
) -> ApplyChange:
    """What filling a layer that fits would change, with every warning it deserves.

    ``first`` is what `weights_of` it have been found to be.
    """
    weighted = model.weighted(target.layer.name)
    earlier = [look(source.blobs[0], target, model, fill).filled for source in weighted[:-1]]
    # Of several layers of one name, what differs most.
    filled = [
        found or _filled_from_nothing(_numbers(target), fill, model.dtype)
        for found in (*earlier, first.filled)
    ]
    changed = max(found.changed for found in filled)
    sizes = [found.largest for found in filled]
    bias = _bias(target, weighted, model, options)
    if not weighted:
        action = ApplyAction.CREATED
    elif changed or (bias and bias.changed):
        action = ApplyAction.REWRITTEN
    else:
        action = ApplyAction.UNCHANGED
    overwritten = changed or action is ApplyAction.CREATED
    warnings = [
        *(of_what_is_lost(target, first.before) if overwritten else ()),
        *of_the_fill(target, fill),
        *of_the_model(target, model),
        *of_namesakes(target, net, model),
    ]
    for source in weighted[-1:]:
        stays = target.layer.convolution_param.bias_term and bias is None
        warnings += of_what_stays(source, _largest_bias(source, model) if stays else None)
    return ApplyChange(
        target=target,
        action=action,
        fill=fill,
        bias=bias,
        before=first.before,
        after=filled[-1].after,
        max_abs_change=None if None in sizes else max(size or 0.0 for size in sizes),
        values_changed=changed,
        values=prod(fill.shape),
        warnings=(*warnings, *of_what_comes(filled[-1].after)),
    )


@lru_cache(maxsize=32)
def _filled_from_nothing(numbers: _Numbers, fill: BilinearFill, dtype: str) -> Filled:
    """The weights of a layer that has none count as changed from 0."""
    filling = _Filling(numbers, fill, dtype)
    for _ in range(fill.channels):
        filling.add(None)
    return filling.result()


class _Filling:
    """A blob filled row by row: running comparison of weights that were with weights that come."""

    def __init__(self, numbers: _Numbers, fill: BilinearFill, dtype: str) -> None:
        self._fill = fill
        self._kernel = fill.kernel(dtype)
        self._bits = f"u{self._kernel.dtype.itemsize}"
        self._after = _recognition(numbers, fill.shape)
        self._rows = self._changed = 0
        self._largest: float | None = 0.0

    def add(self, old: Array | None) -> None:
        """The row of the next input channel, ``None`` where there are no weights yet."""
        new = self._fill.row(self._rows, self._kernel, old)
        self._rows += 1
        self._after.add(new)
        if old is None:
            self._changed += new.size
            largest = float(abs(new).max())
        else:
            self._changed += int((old.view(self._bits) != new.view(self._bits)).sum())
            with np.errstate(invalid="ignore"):  # a signalling NaN
                largest = float(abs(new.astype(np.float64) - old).max())
        if not np.isfinite(largest):
            self._largest = None
        elif self._largest is not None:
            self._largest = max(self._largest, largest)

    def result(self) -> Filled:
        """What it has come to, after the last row."""
        return Filled(self._after.result(), self._changed, self._largest)


def _numbers(target: MatchedLayer) -> _Numbers:
    param = target.layer.convolution_param
    return _Numbers(param.num_output, param.group, target.stride)


def _recognition(numbers: _Numbers, shape: tuple[int, ...]) -> Recognition:
    num_output, group, stride = numbers
    return Recognition(shape, num_output=num_output, group=group, stride=stride)


def _bias(
    target: MatchedLayer, weighted: Sequence[SourceLayer], model: Model, options: ApplyOptions
) -> BiasFill | None:
    """A bias that is not there, by its filler; or zeros over one that is to be cleared."""
    param = target.layer.convolution_param
    if not param.bias_term:
        return None
    filler = param.bias_filler
    value = 0.0
    if filler is not None and filler.type == "constant" and not options.zero_bias:
        value = filler.value
    if not all(source.blobs[1].count for source in weighted) or not weighted:
        return BiasFill(param.num_output, value, True, only_absent=not options.zero_bias)
    if not options.zero_bias:
        return None
    changed = any(_largest_bias(source, model) != 0 for source in weighted)
    return BiasFill(param.num_output, 0.0, changed)


def _largest_bias(source: SourceLayer, model: Model) -> float:
    """Largest |value| of the bias."""
    blob = source.blobs[1]
    (row,) = model.rows(blob, (1, blob.count))
    return float(abs(row).max())
