"""A full diagonal as a grouped layer, and back: the same function with C times fewer weights.

Decides, and says what is in the way.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from deconvsurgery.errors import MismatchError, ShapeError
from deconvsurgery.matching.matched_layer import MatchedLayer, targets
from deconvsurgery.matching.other_states import MOST_STATES, states_beyond
from deconvsurgery.matching.rewritable import not_rewritable
from deconvsurgery.matching.shared_blobs import owners
from deconvsurgery.plans.apply.refused_layers import refuse_misspelt
from deconvsurgery.prototxt.selection import DECONVOLUTION, active_layers
from deconvsurgery.shapes.analysis import analysed
from deconvsurgery.shapes.geometry import check_blob
from deconvsurgery.wording import agreed, plural

from .plan_types import KeptLayer, Regroup, Regrouping

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.model import Model
    from deconvsurgery.prototxt.net import Layer, Net, NetMessage, NetState


def make_regrouping(
    net: Net,
    model: Model,
    matched: Sequence[Layer],
    states: Sequence[NetState],
    *,
    expand: bool = False,
) -> Regrouping:
    """Decide for each matched layer: one group a channel, or with ``expand`` one group for all.

    Raises ``PrototxtError`` for a misspelt field, ``MismatchError`` or ``ShapeError`` that names
    every layer for which the two would not be the same function, with the largest weight that is
    in the way.

    A model has weights by name: a matched layer's namesakes in other phases, stages and levels,
    also those that were not asked for, are regrouped with it, or it is refused for their sake.
    """
    refuse_misspelt(active_layers(net, states))
    names = {layer.name for layer in matched}
    beyond = tuple(islice(states_beyond(net, names, states, any_phase=True), MOST_STATES + 1))
    if len(beyond) > MOST_STATES:
        raise MismatchError(
            f"layers of the matched names are in more than {MOST_STATES} further states (phases, "
            "stages, levels), each of which would have to be looked at",
            hint="`exclude=…` leaves layers out, by name",
        )
    states = (*states, *beyond)
    namesakes: dict[str, list[Layer]] = defaultdict(list)
    for layer in active_layers(net, states):
        if layer.name in names and layer.type == DECONVOLUTION:
            namesakes[layer.name].append(layer)
    strangers = _strangers(net, states, names)
    changes: list[Regroup] = []
    kept: list[KeptLayer] = []
    refused: list[tuple[MatchedLayer, str]] = []
    shared = _shared_names(net, states)
    layers = [layer for several in namesakes.values() for layer in several]
    groups = _groups(layers)
    for target in targets(net, layers, states, model):
        name, param = target.layer.name, target.layer.convolution_param
        others = tuple(layer for layer in namesakes[name] if layer.index != target.layer.index)
        group = 1 if expand else param.num_output
        stays = groups[name] == {group}
        if stays and (target.shape is None or _model_differs(target, model) is None):
            kept.append(KeptLayer(target, f"group is {group} already", others))
        elif name in shared:
            refused.append((target, "it shares its weights by a param name; regroup those by hand"))
        elif name in strangers:
            other = strangers[name]
            line = f" (line {other.line})" if other.line else ""
            refused.append(
                (target, f"a {other.type}{line} has this name, too, and loads the same weights")
            )
        elif (reason := _unfit(target, model, expand=expand)) is not None:
            refused.append((target, reason))
        else:
            shape = target.shape or ()
            after = (shape[0], param.num_output // group, *shape[2:])
            notes = tuple(_notes(target, others, model, prod(after), expand=expand))
            said = _said(target.layer, group)
            changes.append(Regroup(target, group, said, shape, after, notes, others))
    for change in changes:
        found = _too_large(change) if expand else _off_diagonal(change, model)
        if found is not None:
            refused.append((change.target, found))
    if refused:
        raise _all_refused(refused)
    return Regrouping(tuple(changes), tuple(kept))


def _groups(layers: Sequence[Layer]) -> dict[str, set[int]]:
    """The groups that the layers of each name have."""
    found: dict[str, set[int]] = {}
    for layer in layers:
        found.setdefault(layer.name, set()).add(layer.convolution_param.group)
    return found


def _notes(
    target: MatchedLayer, namesakes: Sequence[Layer], model: Model, count: int, *, expand: bool
) -> Iterator[str]:
    """What goes beside the weights."""
    if any(each.blobs[0].loses_diff(count) for each in model.weighted(target.layer.name)):
        yield "the diff (gradients) of its weights is dropped: it has their old shape"
    layers = (target.layer, *namesakes)
    if expand and any(sums_expanded(each.message.message("convolution_param")) for each in layers):
        yield (
            "its weight_filler is taken out: with one group Caffe's filler fills every pair of "
            "channels, so that each output would sum them all"
        )


def sums_expanded(param: NetMessage) -> bool:
    """The ``weight_filler`` makes an exact layer of each group, and none of a single one.

    Bilinear fillers and constants other than 0; what is random was never more than a beginning.
    """
    filler = param.message("weight_filler")
    kind = filler.text("type", "constant")  # forks: bilinear_upsampling, NVIDIA's *static ones
    if kind.startswith("constant"):
        return filler.number("value", 0.0) != 0
    return kind.startswith("bilinear")


def _too_large(change: Regroup) -> str | None:
    """The whole matrix is more than Caffe can hold (``Blob::Reshape``)."""
    try:
        check_blob(change.after)
    except ShapeError as error:
        return error.message
    return None


def _said(layer: Layer, group: int) -> int | None:
    """Caffe's default of 1 is not said, unless the field has a place of its own.

    One that was added stands last; so there and back gives the very bytes.
    """
    fields = layer.message.message("convolution_param").fields
    return None if group == 1 and fields and fields[-1][0] == "group" else group


def _strangers(net: Net, states: Sequence[NetState], names: Collection[str]) -> dict[str, Layer]:
    """Of these names the layers of another type that have weights, or may have."""
    found: dict[str, Layer] = {}
    for state in states:
        active = net.filtered(state)
        others = [
            layer for layer in active.layers if layer.name in names and layer.type != DECONVOLUTION
        ]
        shapes = analysed(net, state).shapes if others else {}
        for layer in others:
            if shapes[layer.index].blobs != ():
                found.setdefault(layer.name, layer)
    return found


def _shared_names(net: Net, states: Sequence[NetState]) -> set[str]:
    """Layers that share a blob with another."""
    owned = owners(net, states)
    return {name for pair in owned.items() for name, _ in pair} if owned else set()


def _unfit(target: MatchedLayer, model: Model, *, expand: bool) -> str | None:
    """Why no regrouped layer could be the same function."""
    param, shape = target.layer.convolution_param, target.shape
    if target.problem:
        return target.problem
    if not shape:
        return "the number of its channels is not to be found in the net or the model"
    if shape[0] != param.num_output and not expand:
        return (
            f"{plural(shape[0], 'channel')} {agreed(shape[0], 'becomes', 'become')} "
            f"{param.num_output}: they are not kept apart"
        )
    if not model.weighted(target.layer.name):
        return "the model has no weights for it; `apply` would make them"
    return _model_differs(target, model)


def _model_differs(target: MatchedLayer, model: Model) -> str | None:
    """Why the model's weights, if it has any, are not those that the net gives the layer."""
    if not model.weighted(target.layer.name):
        return None
    found = not_rewritable(target, model, values=True)
    if found is None:
        return None
    return f"{found.reason}; {found.hint}" if found.hint else found.reason


@np.errstate(invalid="ignore")  # weights may be anything
def _off_diagonal(change: Regroup, model: Model) -> str | None:
    """The largest weight that mixes channels; a NaN counts as the largest of all."""
    for source in model.weighted(change.target.layer.name):
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


def _all_refused(refused: Sequence[tuple[MatchedLayer, str]]) -> MismatchError | ShapeError:
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
        hint="`exclude=…` leaves a layer out",
    )
