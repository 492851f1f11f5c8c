"""One layer before and after: what its weights are, how many change, what is to be said of it.

Row by row, so that no blob is ever held whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite, prod
from typing import NamedTuple

import numpy as np

from deconvsurgery.caffemodel.model import Model, SourceBlob, SourceLayer, Version
from deconvsurgery.kernels.arrays import Array
from deconvsurgery.kernels.bilinear_fill import BilinearFill
from deconvsurgery.kernels.fingerprint import Fingerprint, State, fingerprint
from deconvsurgery.matching.matched_layer import Target, filling
from deconvsurgery.options.apply import Fill, Options
from deconvsurgery.prototxt.net import Layer, NetState
from deconvsurgery.prototxt.selection import DECONVOLUTION
from deconvsurgery.wording import by

from .plan_types import Action, BiasFill, Change


class Namesakes(NamedTuple):
    """The net's layers of one name, and the states in which Caffe may set them up."""

    layers: Sequence[Layer]
    states: Sequence[NetState]


def weights_of(target: Target, model: Model) -> SourceBlob | None:
    """The blob that Caffe takes the layer's weights from: that of the last layer of its name."""
    weighted = model.weighted(target.layer.name)
    return weighted[-1].blobs[0] if weighted else None


def state_of(target: Target, model: Model) -> Fingerprint:
    """What the weights in the model are; ``other`` also where they cannot be `judged`."""
    return state_of_blob(weights_of(target, model), target, model)


def state_of_blob(blob: SourceBlob | None, target: Target, model: Model) -> Fingerprint:
    """What the weights are where a blob of the model holds them, or none does; as `state_of`."""
    if blob is None or not (blob.count or blob.problem):
        return Fingerprint(State.MISSING)
    if not judged(target, blob):
        return Fingerprint(State.OTHER)
    shape = target.shape or blob.shape
    return fingerprint(
        model.rows(blob, shape),
        shape,
        num_output=target.layer.convolution_param.num_output,
        group=target.layer.convolution_param.group,
        stride=target.stride,
    )


def judged(target: Target, blob: SourceBlob) -> bool:
    """The blob's values can be read, and are weights of the layer: of the shape it gives them."""
    shape = target.shape or blob.shape
    if blob.problem or len(shape) < 2 or min(shape) < 1:
        return False
    return blob.fits(shape) and blob.count == prod(shape)


def passed_over(
    before: Fingerprint, weighted: Sequence[SourceLayer], options: Options
) -> str | None:
    """Why a layer that could be filled is not to be."""
    if before.state is State.MISSING:
        if not options.create and not weighted:
            return "the model has no weights for it, and --no-create is given"
        return None
    if options.fill == Fill.ALL or (options.fill == Fill.ZERO and before.state is State.ZERO):
        return None
    return f"its weights are {before.state} (--fill {options.fill})"


def planned_change(
    target: Target,
    model: Model,
    before: Fingerprint,
    options: Options,
    namesakes: Namesakes,
) -> Change:
    """What filling a layer that fits would change, with every warning it deserves."""
    fill = filling(target, options)
    sources = model.by_name.get(target.layer.name, ())
    weighted = model.weighted(target.layer.name)
    blobs: list[SourceBlob | None] = [source.blobs[0] for source in weighted]
    differences = []
    for blob in blobs or [None]:
        there = blob if blob is not None and blob.count else None
        dtype = there.dtype if there else model.dtype
        old = model.rows(there, fill.shape) if there else None
        kept = model.rows(there, fill.shape) if there else None
        differences.append(_Difference())
        watched = differences[-1].watched(old, fill.rows(kept, dtype))
        after = fingerprint(
            watched,
            fill.shape,
            num_output=fill.num_output,
            group=fill.group,
            stride=target.stride,
        )
    # Of several layers of one name, what differs most.
    changed = max(difference.changed for difference in differences)
    largest = [difference.largest for difference in differences]
    bias = _bias(target, weighted, model, options)
    if not weighted:
        action = Action.CREATED
    elif changed or (bias and bias.changed):
        action = Action.REWRITTEN
    else:
        action = Action.UNCHANGED
    return Change(
        target=target,
        action=action,
        fill=fill,
        bias=bias,
        before=before,
        after=after,
        max_abs_change=None if None in largest else max(each or 0.0 for each in largest),
        values_changed=changed,
        values=prod(fill.shape),
        warnings=(
            *_warnings(target, fill, sources, model, namesakes, bias, options),
            *_left_not_finite(after),
        ),
    )


@dataclass(slots=True)
class _Difference:
    """Running comparison of weights that were with weights that come."""

    changed: int = 0
    largest: float | None = 0.0

    def watched(self, old: Iterator[Array] | None, new: Iterable[Array]) -> Iterator[Array]:
        """Pass ``new`` rows on, counting where their bits differ from ``old``'s.

        Weights that were not there count as changed from 0.
        """
        for row in new:
            before = next(old) if old is not None else None
            if before is None:
                self.changed += row.size
                largest = float(abs(row).max())
            else:
                bits = f"u{row.dtype.itemsize}"
                self.changed += int((before.view(bits) != row.view(bits)).sum())
                with np.errstate(invalid="ignore"):  # a signalling NaN
                    largest = float(abs(row.astype(np.float64) - before).max())
            if not np.isfinite(largest):
                self.largest = None
            elif self.largest is not None:
                self.largest = max(self.largest, largest)
            yield row


def _bias(
    target: Target, weighted: Sequence[SourceLayer], model: Model, options: Options
) -> BiasFill | None:
    """A bias that is not there, by its filler; or zeros over one that is to be cleared."""
    param = target.layer.convolution_param
    if not param.bias_term:
        return None
    filler = param.bias_filler
    value = 0.0
    if filler is not None and filler.type == "constant" and not options.zero_bias:
        value = filler.value
    absent = [source for source in weighted if not source.blobs[1].count]
    if not weighted or absent:
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


def _warnings(
    target: Target,
    fill: BilinearFill,
    sources: Sequence[SourceLayer],
    model: Model,
    namesakes: Namesakes,
    bias: BiasFill | None,
    options: Options,
) -> tuple[str, ...]:
    layer, param = target.layer, target.layer.convolution_param
    weighted = model.weighted(layer.name)
    said = []
    if target.guess:
        said.append(target.guess)
    if fill.sums_channels:
        said.append(
            f"{fill.channels} channels become {param.num_output}: each output is the sum of "
            f"{fill.channels // param.num_output} upsampled inputs"
        )
    if any(step > 1 for step in target.dilation):
        said.append(f"dilation {by(target.dilation)} spreads the kernel: it no longer interpolates")
    elif options.any_gain and not target.unit_gain(fill):
        said.append(target.gain_words(fill))
    if len(weighted) > 1:
        said.append(
            f"the model has {len(weighted)} layers of this name; all are rewritten, "
            "as Caffe copies each and the last wins"
        )
    if sources and len(weighted) < len(sources) and len(sources) > 1:
        said.append("the model has another layer of this name without blobs; Caffe refuses that")
    for source in sources[-1:]:
        if source.type not in ("", DECONVOLUTION) and not source.type.startswith("V1 type"):
            said.append(
                f"the model calls this layer a {source.type}, and goes on to do so; "
                "Caffe does not look at the type"
            )
    said += _namesakes(layer, namesakes, last=model.version is Version.HDF5)
    for source in weighted[-1:]:
        if source.blobs[0].both_forms:
            said.append("its blob has both shape forms; Caffe ignores the newer one")
        said += _diffs(source)
        if param.bias_term and bias is None:
            largest = _largest_bias(source, model)
            if not isfinite(largest):
                said.append("its bias holds NaN or infinity and stays; --zero-bias clears it")
            elif largest:
                said.append(f"its bias (up to {largest:.3g}) stays; --zero-bias clears it")
    return tuple(said)


def _left_not_finite(after: Fingerprint) -> Iterator[str]:
    """What ``--keep-off-diagonal`` keeps."""
    if after.state is State.NOT_FINITE:
        yield "NaN or infinity stays off the diagonal; without --keep-off-diagonal it is cleared"


def _diffs(source: SourceLayer) -> Iterator[str]:
    """Gradients of the weights; values that are nowhere else, of the weights or the bias."""
    for name, blob in zip(("weights", "bias"), source.blobs, strict=False):
        if blob.count and blob.diff_count not in (0, blob.count):
            yield (
                f"the diff of its {name} has {blob.diff_count:,} values, where they are "
                f"{blob.count:,}: Caffe stops at that; it stays as it is"
            )
        elif blob.has_diff and blob.count and name == "weights":
            yield "its blob carries a diff, which stays as it is"
        elif blob.has_diff and not blob.count:
            yield (
                f"the values of its {name} are in diff only, where Caffe does not look; the diff "
                "stays as it is"
            )


def _namesakes(layer: Layer, namesakes: Namesakes, *, last: bool) -> Iterator[str]:
    """Other layers of the net with this name: Caffe matches weights by name alone.

    ``last``: as HDF5 weights are loaded, into the last layer of a name.
    """
    for other in namesakes.layers:
        if other.index == layer.index:
            continue
        states = [state for state in namesakes.states if other.active(state)]
        together = [state for state in states if layer.active(state)]
        served = other.index > layer.index if last else other.index < layer.index
        if other.type != layer.type and (served or states != together):
            yield (
                f"a {other.type} has this name, too (line {other.line}), and gets these weights; "
                "Caffe stops where its blobs differ"
            )
        elif together:
            yield (
                f"line {other.line} has a layer of this name, too; Caffe loads weights into the "
                f"{'last' if last else 'first'} only"
            )
