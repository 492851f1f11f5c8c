"""What the layers of a net, a model, or both are now: one row each; changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from deconvsurgery.caffemodel.model import Model, SourceBlob, SourceLayer
from deconvsurgery.caffemodel.read_values import layer_param
from deconvsurgery.caffemodel.stored_values import Storage
from deconvsurgery.errors import ShapeError
from deconvsurgery.kernels.fingerprint import Fingerprint
from deconvsurgery.matching.compatibility import Kind, disagreements
from deconvsurgery.matching.loaded_blobs import loading
from deconvsurgery.matching.matched_layer import Target, both_at_once, targets_in, united
from deconvsurgery.matching.other_states import unlike
from deconvsurgery.matching.shared_blobs import owners, with_shared
from deconvsurgery.plans.apply.before_and_after import state_of_blob
from deconvsurgery.plans.apply.refusals import model_disagrees
from deconvsurgery.prototxt.net import Filler, Layer, Net, NetState
from deconvsurgery.prototxt.parse import convolution_param
from deconvsurgery.prototxt.selection import (
    DECONVOLUTION,
    Selection,
    active_layers,
    exact_patterns,
)
from deconvsurgery.shapes.alignment import Placement
from deconvsurgery.shapes.analysis import analysed
from deconvsurgery.shapes.geometry import Shape, asked_axes, convolution_window

from .finding import Finding
from .layer_rules import findings
from .layer_under_test import Case
from .layers_of_a_name import LayersOfAName


@dataclass(frozen=True, slots=True)
class Row:
    """One layer: what the net says (``target``, ``blobs``) and what the model has.

    ``blobs`` are weight blobs by the net, ``source_blobs`` by the model; each ``None`` where the
    layer is not in it. ``weights`` is what a Deconvolution's weights are, ``None`` without a model.
    ``loaded`` is the model's blob that a Deconvolution computes with, which may be that of a layer
    that it shares its weights with; ``storage`` is what holds its values. ``phases`` names the
    phases looked at in which the layer is active.
    """

    name: str
    type: str
    line: int | None = None
    phases: tuple[str, ...] = ()
    matched: bool = False
    target: Target | None = None
    blobs: tuple[Shape, ...] | None = None
    source_blobs: tuple[tuple[int, ...], ...] | None = None
    weights: Fingerprint | None = None
    findings: tuple[Finding, ...] = ()
    storage: Storage | None = None
    loaded: SourceBlob | None = None


def survey(
    net: Net | None,
    model: Model | None,
    selection: Selection,
    states: Sequence[NetState],
    *,
    every_layer: bool = False,
    frozen: bool = False,
) -> tuple[Row, ...]:
    """A row for each Deconvolution (or each layer), first the net's, then those the net lacks.

    ``frozen``: a layer that training would change is an error.
    """
    rows: list[Row] = []
    names: set[str] = set()
    if net is not None:
        rows = _net_rows(net, model, selection, states, every_layer, frozen)
        names = {layer.name for layer in net.layers}
    if model is not None:
        matched = {layer.name for layer in selection.matched}
        rows += [
            _model_row(source, model, net is not None, source.name in matched)
            for source in model.layers
            if source.name not in names and (every_layer or source.type == DECONVOLUTION)
        ]
    return tuple(rows)


def source_selection(model: Model) -> Net:
    """The model's layers as a net, so that patterns choose among them alike."""
    return Net(
        layers=tuple(
            Layer(index, source.name, source.type) for index, source in enumerate(model.layers)
        )
    )


def _net_rows(
    net: Net,
    model: Model | None,
    selection: Selection,
    states: Sequence[NetState],
    every_layer: bool,
    frozen: bool,
) -> list[Row]:
    deconvolutions = [layer for layer in active_layers(net, states) if layer.type == DECONVOLUTION]
    matched = {layer.index for layer in selection.matched}
    patterns = exact_patterns(layer.name for layer in deconvolutions)
    placed = _placed(net, model, states)
    shared = with_shared(model, owners(net, states)) if model else None
    judged = _judged(net, deconvolutions, states, model, shared)
    named = {
        target.layer.name: target
        for target in united(each.target for several in judged.values() for each in several)
    }
    unwritable = {name: model_disagrees(target, shared) for name, target in named.items() if shared}
    sources = _sources(model, named)
    weights = _Weights(model)
    differing = unlike(net, states)
    mismatches = {
        each.layer_index: each
        for each in (disagreements(net, model, states) if model else ())
        if each.kind in (Kind.BLOBS, Kind.SHAPE)
    }
    rows = {}
    for index, several in judged.items():
        layer = net.layers[index]
        own = sources[layer.name]
        cases = [
            Case(
                each.target,
                weights.state(each),
                own,
                each.namesakes,
                index in matched,
                placement=placed.get(index),
                model=shared,
                pattern=patterns[layer.name],
                frozen=frozen,
                blob=each.blob,
                made_by=each.filler,
                shared=each.shared,
                named=named[layer.name],
                unwritable=unwritable.get(layer.name),
                mismatch=mismatches.get(index),
                differs=differing.get(index),
            )
            for each in several
        ]
        found = {each.id: each for case in reversed(cases) for each in findings(case)}
        rows[index] = Row(
            layer.name,
            layer.type,
            layer.line or None,
            _phases(layer, states),
            index in matched,
            several[0].target,
            _net_blobs(several[0].target),
            _source_shapes(own.layers),
            cases[0].weights,
            tuple(found[rule] for rule in sorted(found)),
            cases[0].blob.storage if cases[0].blob else _storage(own.layers),
            several[0].blob,
        )
    if every_layer:
        for state in states:
            for index, shapes in analysed(net, state, model).shapes.items():
                layer = net.layers[index]
                here = model.by_name.get(layer.name, ()) if model else ()
                row = rows.get(index) or Row(
                    layer.name,
                    layer.type,
                    layer.line or None,
                    _phases(layer, states),
                    source_blobs=_source_shapes(here) if model else None,
                    storage=_storage(here),
                )
                rows[index] = replace(row, blobs=shapes.blobs or row.blobs)
    return [rows[index] for index in sorted(rows)]


@dataclass(frozen=True, slots=True)
class _Judged:
    """A Deconvolution in one state, or in several where they are alike for it.

    ``blob`` is what it computes with, ``filler`` what makes its weights where that is ``None``.
    """

    target: Target
    namesakes: int
    blob: SourceBlob | None
    filler: Filler | None
    shared: bool

    def with_other(self, other: _Judged) -> _Judged | None:
        """Both as one; ``None`` where the states are to be told apart."""
        target = both_at_once(self.target, other.target)
        if target is None or self.blob is not other.blob or self.filler != other.filler:
            return None
        namesakes, shared = max(self.namesakes, other.namesakes), self.shared or other.shared
        return _Judged(target, namesakes, self.blob, self.filler, shared)


def _sources(model: Model | None, names: Iterable[str]) -> dict[str, LayersOfAName]:
    """By name what the model has under it."""
    return {
        name: LayersOfAName(model.by_name.get(name, ()) if model else (), model) for name in names
    }


class _Weights:
    """What the weights of layers are: those that several share are read once."""

    def __init__(self, model: Model | None) -> None:
        self._model = model
        self._known: dict[object, Fingerprint] = {}

    def state(self, judged: _Judged) -> Fingerprint | None:
        if self._model is None:
            return None
        target, blob = judged.target, judged.blob
        param = target.layer.convolution_param
        asked = id(blob), target.shape, param.num_output, param.group, target.stride
        if asked not in self._known:
            self._known[asked] = state_of_blob(blob, target, self._model)
        return self._known[asked]


def _judged(
    net: Net,
    layers: Sequence[Layer],
    states: Sequence[NetState],
    model: Model | None,
    shared: Model | None,
) -> dict[int, list[_Judged]]:
    """Each layer by its index, in each state in which it is something else; first the first's.

    ``shared`` is the model with each layer's shared blobs in its place.
    """
    found: dict[int, list[_Judged]] = {}
    for state in states:
        active = net.filtered(state)
        loaded = loading(active, model)
        namesakes = Counter(layer.name for layer in active.layers)
        users = Counter(loaded.owners.values())
        for target in targets_in(net, layers, state, shared):
            layer = target.layer
            owner = loaded.owner(layer)
            here = _Judged(
                target,
                namesakes[layer.name],
                loaded.blob(layer),
                owner.convolution_param.weight_filler,
                loaded.shares(layer) or users[layer.index, 0] > 0,
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
    for state in states:
        for placed in analysed(net, state, model).placements:
            known = found.get(placed.layer.index)
            if known is None or known.right:
                found[placed.layer.index] = placed
    return found


def _phases(layer: Layer, states: Sequence[NetState]) -> tuple[str, ...]:
    return tuple(state.phase.name for state in states if layer.active(state))


def _net_blobs(target: Target) -> tuple[Shape, ...]:
    """The weights and, by default, the bias that Caffe gives a Deconvolution."""
    param = target.layer.convolution_param
    return (target.shape, (param.num_output,)) if param.bias_term else (target.shape,)


def _source_shapes(sources: Sequence[SourceLayer]) -> tuple[tuple[int, ...], ...] | None:
    return tuple(blob.shape for blob in sources[-1].blobs) if sources else None


def _model_row(source: SourceLayer, model: Model, has_net: bool, matched: bool) -> Row:
    """A layer by what the model itself says of it."""
    weights, target = None, None
    blob = source.blobs[0] if source.blobs else None
    if source.type == DECONVOLUTION:
        message = layer_param(model, source)
        param = convolution_param(message)
        shape = blob.shape if blob else None
        layer = Layer(0, source.name, source.type, convolution_param=param)
        target = Target(layer, shape[0] if shape else None, shape or None)
        axes = len(shape) - 2 if shape and len(shape) > 1 else asked_axes(param)
        try:
            if axes is None:
                target = replace(target, axes_open=True)
            else:
                window = convolution_window(param, axes)
                target = replace(
                    target,
                    kernel=window.kernel,
                    stride=window.stride,
                    pad=window.pad,
                    dilation=window.dilation,
                )
        except ShapeError as error:
            if message.fields:  # a file may hold names and weights only, which Caffe loads
                target = replace(target, problem=error.message)
        weights = state_of_blob(blob, target, model)
    case = Case(
        None if has_net else target,
        weights,
        LayersOfAName((source,), model),
        matched=matched,
        model=model,
        by_net=False,
        blob=blob,
        made_by=target.layer.convolution_param.weight_filler if target else None,
    )
    return Row(
        source.name,
        source.type,
        matched=matched,
        target=target,
        source_blobs=_source_shapes((source,)),
        weights=weights,
        findings=findings(case) if source.type == DECONVOLUTION else (),
        storage=_storage((source,)),
        loaded=blob if target else None,
    )


def _storage(sources: Sequence[SourceLayer]) -> Storage | None:
    return sources[-1].blobs[0].storage if sources and sources[-1].blobs else None
