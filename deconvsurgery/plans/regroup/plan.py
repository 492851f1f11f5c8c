"""A full diagonal as a grouped layer, and back: the same function with C times fewer weights.

Decides, and tells what is in the way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from deconvsurgery.caffemodel.model import Model, SourceBlob, SourceLayer
from deconvsurgery.errors import MismatchError, ShapeError
from deconvsurgery.kernels.bilinear import Array
from deconvsurgery.matching.matched_layer import Target, targets
from deconvsurgery.matching.shared_blobs import owners
from deconvsurgery.prototxt.net import Layer, Net, NetState
from deconvsurgery.wording import dims


@dataclass(frozen=True, slots=True)
class Regroup:
    """A layer whose weights become those of another ``group``: ``shape`` before and ``after``.

    ``said`` is what net and model are to say of it: ``None`` where the field goes.
    """

    target: Target
    group: int
    said: int | None
    shape: tuple[int, ...]
    after: tuple[int, ...]

    @property
    def count(self) -> int:
        """Weights that it will have."""
        return prod(self.after)

    def rows(self, model: Model, blob: SourceBlob) -> Iterator[Array]:
        """The new weights one input channel at a time, made from the old ones."""
        outputs, old_outputs = self.after[1], self.shape[1]
        for channel, row in enumerate(model.rows(blob, self.shape)):
            new = np.zeros(self.after[1:], row.dtype)
            new[channel % outputs] = row[channel % old_outputs]
            yield new


@dataclass(frozen=True, slots=True)
class Kept:
    """A matched layer that stays as it is, and why."""

    target: Target
    reason: str


@dataclass(frozen=True, slots=True)
class Regrouping:
    """Every matched layer once."""

    changes: tuple[Regroup, ...] = ()
    kept: tuple[Kept, ...] = ()


def make_regrouping(
    net: Net,
    model: Model,
    matched: Sequence[Layer],
    states: Sequence[NetState],
    *,
    expand: bool = False,
) -> Regrouping:
    """Decide for each matched layer: one group a channel, or with ``expand`` one group for all.

    Raises ``MismatchError`` or ``ShapeError`` that names every layer for which the two would not be
    the same function, with the largest weight that is in the way.
    """
    changes: list[Regroup] = []
    kept: list[Kept] = []
    refused: list[tuple[Target, str]] = []
    shared = _shared_names(net, states)
    for target in targets(net, matched, states, model):
        param = target.layer.convolution_param
        group = 1 if expand else param.num_output
        if target.layer.name in shared:
            refused.append((target, "it shares its weights by a param name; regroup those by hand"))
        elif (reason := _unfit(target, model)) is not None:
            refused.append((target, reason))
        elif param.group == group:
            kept.append(Kept(target, f"group is {group} already"))
        else:
            shape = target.shape or ()
            after = (shape[0], param.num_output // group, *shape[2:])
            changes.append(Regroup(target, group, _said(target.layer, group), shape, after))
    for change in changes:
        found = _off_diagonal(change, model) if change.shape[1] > 1 else None
        if found is not None:
            refused.append((change.target, found))
    if refused:
        raise _all_refused(refused)
    return Regrouping(tuple(changes), tuple(kept))


def _said(layer: Layer, group: int) -> int | None:
    """Caffe's default of 1 is not said, unless the field has a place of its own.

    One that was added stands last; so there and back gives the very bytes.
    """
    fields = layer.message.message("convolution_param").fields
    return None if group == 1 and fields and fields[-1][0] == "group" else group


def weighted(model: Model, name: str) -> list[SourceLayer]:
    """The model's layers of a name that have blobs; Caffe loads all, the last wins."""
    return [source for source in model.by_name.get(name, ()) if source.blobs]


def _shared_names(net: Net, states: Sequence[NetState]) -> set[str]:
    """Layers that share a blob with another."""
    owned = owners(net, states)
    return {name for pair in owned.items() for name, _ in pair} if owned else set()


def _unfit(target: Target, model: Model) -> str | None:
    """Why no regrouped layer could be the same function."""
    param, shape = target.layer.convolution_param, target.shape
    if target.problem:
        return target.problem
    if shape is None:
        return "the number of its channels is not to be found in the net or the model"
    if shape[0] != param.num_output:
        return f"{shape[0]} channels become {param.num_output}: they are not kept apart"
    sources = weighted(model, target.layer.name)
    if not sources:
        return "the model has no weights for it; deconvsurgery apply would make them"
    wanted = [shape, *([(param.num_output,)] if param.bias_term else [])]
    for source in sources:
        if len(source.blobs) != len(wanted):
            return f"the net gives it {len(wanted)} blob(s), the model has {len(source.blobs)}"
        blob = source.blobs[0]
        if blob.problem:
            return f"its weights cannot be read: {blob.problem}"
        if not blob.fits(shape) or blob.count != prod(shape):
            return f"the net gives its weights {dims(shape)}, the model has {dims(blob.shape)}"
    return None


def _off_diagonal(change: Regroup, model: Model) -> str | None:
    """The largest weight that mixes channels; a NaN counts as the largest of all."""
    for source in weighted(model, change.target.layer.name):
        worst, where = 0.0, (0, 0)
        for channel, row in enumerate(model.rows(source.blobs[0], change.shape)):
            others = np.abs(row.reshape(len(row), -1).astype(np.float64)).max(axis=1)
            others[channel % len(row)] = 0
            at = int(others.argmax())
            if not others[at] <= worst:  # a NaN is not
                worst, where = float(others[at]), (channel, at)
            if np.isnan(worst):
                break
        if worst != 0:
            channel, output = where
            return (
                f"its weights mix channels: [{channel}, {output}], off the diagonal, holds "
                f"{worst:.4g}, which would be lost"
            )
    return None


def _all_refused(refused: Sequence[tuple[Target, str]]) -> MismatchError | ShapeError:
    first, reason = refused[0]
    if len(refused) == 1:
        message = f"layer {first.layer.name!r}: {reason}"
    else:
        lines = (f"  line {each.layer.line}, {each.layer.name!r}: {why}" for each, why in refused)
        message = f"{len(refused)} layers cannot be regrouped:\n" + "\n".join(lines)
    return MismatchError(
        message,
        layer=first.layer.name,
        line=first.layer.line or None,
        hint="-x/--exclude leaves a layer out",
    )
