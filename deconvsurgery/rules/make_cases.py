"""The Deconvolutions of a net, or of a model alone, as the rules see them.

A layer is a case in each state of the net in which it is something else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from deconvsurgery.caffemodel.read_values import layer_param
from deconvsurgery.errors import ShapeError
from deconvsurgery.matching.loaded_blobs import loading
from deconvsurgery.matching.matched_layer import MatchedLayer, both_at_once, targets_in, united
from deconvsurgery.matching.rewritable import not_rewritable
from deconvsurgery.matching.role import filled_by, role_of
from deconvsurgery.matching.shared_blobs import Owner, owners, with_shared
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.prototxt.net import Filler, Layer, Net, NetState
from deconvsurgery.prototxt.parse import convolution_param
from deconvsurgery.prototxt.selection import DECONVOLUTION, Selection, active_layers, exact_patterns
from deconvsurgery.shapes.analysis import analysed, states_apart
from deconvsurgery.shapes.geometry import asked_axes, convolution_window

from .layer_case import LayerCase
from .layers_of_a_name import LayersOfAName

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.model import Model, SourceLayer
    from deconvsurgery.caffemodel.source_blob import SourceBlob
    from deconvsurgery.kernels.weight_states import Fingerprint
    from deconvsurgery.shapes.placement import Placement


def net_cases(
    net: Net, model: Model | None, selection: Selection, states: Sequence[NetState], *, frozen: bool
) -> dict[int, list[LayerCase]]:
    """The cases of each Deconvolution by its index; first that of the first state it is in."""
    deconvolutions = [layer for layer in active_layers(net, states) if layer.type == DECONVOLUTION]
    matched = {layer.index for layer in selection.matched}
    excluded = {layer.index for layer in selection.excluded}
    patterns = exact_patterns(layer.name for layer in deconvolutions)
    placed = _placed(net, model, states)
    shared = with_shared(model, owners(net, states)) if model else None
    found = _in_states(net, deconvolutions, states, model, shared)
    every = [in_state.target for several in found.values() for in_state in several]
    named = {target.layer.name: target for target in united(every)}
    unwritable = {name: not_rewritable(target, shared) for name, target in named.items() if shared}
    sources = {
        name: LayersOfAName(model.by_name.get(name, ()) if model else (), model) for name in named
    }
    weights = _Weights(model)
    sharing = _sharing(net, deconvolutions, states)
    together = {(layer.name,) for layer in deconvolutions} | {*sharing.values()}
    taking = {names: tuple(patterns[name] for name in names) for names in together}
    cases: dict[int, list[LayerCase]] = {}
    for index, several in found.items():
        name = net.layers[index].name
        cases[index] = [
            LayerCase(
                in_state.target,
                state,
                sources[name],
                matched=index in matched,
                placement=placed.get(index),
                model=shared,
                pattern=patterns[name],
                patterns=taking[sharing.get(name, (name,))],
                frozen=frozen,
                blob=in_state.blob,
                made_by=in_state.filler,
                bias=in_state.bias,
                bias_made_by=in_state.bias_filler,
                shared=in_state.shared,
                named=named[name],
                unwritable=unwritable.get(name),
                excluded=index in excluded,
                role=role_of(filled_by(in_state.target, in_state.filler), state),
            )
            for in_state in several
            for state in (weights.state(in_state),)
        ]
    return cases


def _sharing(
    net: Net, layers: Sequence[Layer], states: Sequence[NetState]
) -> dict[str, tuple[str, ...]]:
    """By name the layers that share a blob with a layer, and itself; only those that share."""
    names = {layer.name for layer in layers}
    groups: dict[Owner, list[str]] = {}
    for own, owner in owners(net, states).items():
        groups.setdefault(owner, [owner[0]]).append(own[0])
    found: dict[str, tuple[str, ...]] = {}
    for group in groups.values():
        together = tuple(dict.fromkeys(name for name in group if name in names))
        for name in together:
            known = found.get(name, together)
            both = known if known == together else tuple(dict.fromkeys((*known, *together)))
            found[name] = both
    return found


class _InState(NamedTuple):
    """A Deconvolution in one state, or in several where they are alike for it.

    ``blob`` is what it computes with, ``filler`` what makes its weights where that is ``None``;
    ``bias`` and ``bias_filler`` the same of its bias.
    """

    target: MatchedLayer
    blob: SourceBlob | None
    filler: Filler | None
    shared: bool
    bias: SourceBlob | None
    bias_filler: Filler | None

    def with_other(self, other: _InState) -> _InState | None:
        """Both as one; ``None`` where the states differ for it."""
        target = both_at_once(self.target, other.target)
        if target is None or self.blob is not other.blob or self.filler != other.filler:
            return None
        return self._replace(target=target, shared=self.shared or other.shared)


class _Weights:
    """What the weights of layers are: those that several share are read once.

    It is kept with the model, and with what is planned of it, whose other blobs are the same.
    """

    def __init__(self, model: Model | None) -> None:
        self._model = model

    def state(self, layer: _InState) -> Fingerprint | None:
        if self._model is None:
            return None
        target, blob = layer.target, layer.blob
        param = target.layer.convolution_param
        asked = id(blob), target.shape, param.num_output, param.group, target.stride
        known = self._model.looked_at.get(asked)
        if known is None or known[0] is not blob:
            from deconvsurgery.plans.apply.before_and_after import look  # numpy, for values

            known = blob, look(blob, target, self._model).before
            self._model.looked_at[asked] = known
        found: Fingerprint = known[1]
        return found


def _in_states(
    net: Net,
    layers: Sequence[Layer],
    states: Sequence[NetState],
    model: Model | None,
    shared: Model | None,
) -> dict[int, list[_InState]]:
    """Each layer by its index, in each state in which it is something else; first the first's.

    ``shared`` is the model with each layer's shared blobs in its place.
    """
    found: dict[int, list[_InState]] = {}
    for state in states_apart(net, states):
        active = net.filtered(state)
        loaded = loading(active, model)
        users = Counter(loaded.owners.values())
        for target in targets_in(net, layers, state, shared):
            layer = target.layer
            owner = loaded.owner(layer)
            here = _InState(
                target,
                loaded.blob(layer),
                owner.convolution_param.weight_filler,
                loaded.shares(layer) or users[layer.index, 0] > 0,
                loaded.blob(layer, 1),
                loaded.owner(layer, 1).convolution_param.bias_filler,
            )
            known = found.setdefault(layer.index, [])
            for position, other in enumerate(known):
                if (both := other.with_other(here)) is not None:
                    known[position] = both
                    break
            else:
                known.append(here)
    return dict(sorted(found.items()))


def _placed(net: Net, model: Model | None, states: Sequence[NetState]) -> dict[int, Placement]:
    """Where each Deconvolution's output lies, in the first state in which that is wrong, or any."""
    found: dict[int, Placement] = {}
    for state in states_apart(net, states):
        for placed in analysed(net, state, model).placements:
            known = found.get(placed.layer.index)
            if known is None or known.right:
                found[placed.layer.index] = placed
    return found


def model_case(source: SourceLayer, model: Model, *, matched: bool) -> LayerCase:
    """A Deconvolution by what the model itself says of it."""
    blob = source.blobs[0] if source.blobs else None
    target = _model_target(source, model)
    from deconvsurgery.plans.apply.before_and_after import look  # numpy, for values

    state = look(blob, target, model).before
    return LayerCase(
        target,
        state,
        LayersOfAName((source,), model),
        matched=matched,
        model=model,
        by_net=False,
        blob=blob,
        made_by=target.layer.convolution_param.weight_filler,
        bias=source.blobs[1] if len(source.blobs) > 1 else None,
        bias_made_by=target.layer.convolution_param.bias_filler,
        role=role_of(target, state),
    )


def _model_target(source: SourceLayer, model: Model) -> MatchedLayer:
    """Its parameters, and the shape of its weights."""
    message = layer_param(model, source)
    param = convolution_param(message)
    shape = source.blobs[0].shape if source.blobs else None
    layer = Layer(0, source.name, source.type, convolution_param=param)
    target = MatchedLayer(layer, shape[0] if shape else None, shape or None)
    axes = len(shape) - 2 if shape and len(shape) > 1 else asked_axes(param)
    if axes is None:
        return target._replace(axes_open=True)
    try:
        window = convolution_window(param, axes)
    except ShapeError as error:
        # A file may hold names and weights only, which Caffe loads.
        return target._replace(problem=error.message) if message.fields else target
    return target._replace(
        kernel=window.kernel, stride=window.stride, pad=window.pad, dilation=window.dilation
    )
