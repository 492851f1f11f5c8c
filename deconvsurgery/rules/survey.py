"""What the layers of a net, a model, or both are now: one row each; changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from deconvsurgery.caffemodel.source_blob import SourceBlob
from deconvsurgery.caffemodel.stored_values import Storage
from deconvsurgery.kernels.weight_states import Fingerprint
from deconvsurgery.matching.matched_layer import MatchedLayer
from deconvsurgery.matching.role import Role, RoleFound
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.prototxt.net import Layer, Net, NetState
from deconvsurgery.prototxt.selection import DECONVOLUTION, Selection
from deconvsurgery.shapes.analysis import analysed
from deconvsurgery.shapes.geometry import Shape
from deconvsurgery.wording import row_words

from .finding import Finding
from .layer_rules import findings
from .make_cases import model_case, net_cases

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.model import Model, SourceLayer

    from .layer_case import LayerCase


class InspectAction(StrEnum):
    """Whether the patterns take a layer: without any, whether ``apply``'s default would."""

    MATCHED = "matched"
    LISTED = "listed"


class LayerRow(NamedTuple):
    """One layer: what the net says and what the model has.

    Attributes:
        name: the layer's name.
        type: its type, as today's Caffe spells it; empty where an HDF5 model does not say.
        line: where it begins in the net's text, from 1; ``None`` for a layer of the model alone.
        phases: the phases looked at in which it is active.
        matched: the patterns take it; without any, ``apply``'s default would.
        target: a Deconvolution as Caffe sets it up; ``None`` for other types.
        blobs: shapes of its blobs by the net; ``None`` where it is not in it.
        source_blobs: shapes of its blobs by the model; ``None`` where it is not in it.
        weights: what a Deconvolution's weights are; ``None`` without a model.
        findings: the rules that it breaks.
        storage: what holds the values of the blob that a Deconvolution computes with.
        loaded: that blob, which may be of a layer that it shares its weights with.
        role: what a Deconvolution is for.
        layer_index: its place among the net's layers, from 0.
    """

    name: str
    type: str
    line: int | None = None
    phases: tuple[str, ...] = ()
    matched: bool = False
    target: MatchedLayer | None = None
    blobs: tuple[Shape, ...] | None = None
    source_blobs: tuple[tuple[int, ...], ...] | None = None
    weights: Fingerprint | None = None
    findings: tuple[Finding, ...] = ()
    storage: Storage | None = None
    loaded: SourceBlob | None = None
    role: RoleFound | None = None
    layer_index: int | None = None

    def __repr__(self) -> str:
        return row_words(self)

    @property
    def action(self) -> InspectAction:
        """Whether the patterns take it."""
        return InspectAction.MATCHED if self.matched else InspectAction.LISTED

    @property
    def reason(self) -> str | None:
        """Why Caffe would not set it up; ``None`` where it would."""
        return None if self.target is None else self.target.problem


def survey(
    net: Net | None,
    model: Model | None,
    selection: Selection,
    states: Sequence[NetState],
    *,
    every_layer: bool = False,
    frozen: bool = False,
) -> tuple[LayerRow, ...]:
    """A row for each Deconvolution (or each layer), first the net's, then those the net lacks.

    ``frozen``: a layer that training would change is an error.
    """
    rows: list[LayerRow] = []
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


def learned_names(rows: Iterable[LayerRow]) -> frozenset[str]:
    """The names of Deconvolutions that are learned."""
    return frozenset(row.name for row in rows if row.role is not None and row.role.learned)


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
) -> list[LayerRow]:
    cases = net_cases(net, model, selection, states, frozen=frozen)
    rows = {index: _net_row(net.layers[index], cases[index], states) for index in cases}
    if every_layer:
        for state in states:
            for index, shapes in analysed(net, state, model).shapes.items():
                row = rows.get(index) or _plain_row(net.layers[index], model, states)
                rows[index] = row._replace(blobs=shapes.blobs or row.blobs)
    return [rows[index] for index in sorted(rows)]


def _net_row(layer: Layer, cases: Sequence[LayerCase], states: Sequence[NetState]) -> LayerRow:
    """A Deconvolution: as it is in its first state, with what it breaks in any."""
    first = cases[0]
    assert first.target is not None
    own = first.sources.layers
    found = {finding.id: finding for case in reversed(cases) for finding in findings(case)}
    return LayerRow(
        layer.name,
        layer.type,
        layer.line or None,
        _phases(layer, states),
        first.matched,
        first.target,
        _net_blobs(first.target),
        _source_shapes(own),
        first.weights,
        tuple(found[rule] for rule in sorted(found)),
        first.blob.storage if first.blob else _storage(own),
        first.blob,
        first.role,
        layer.index,
    )


def _plain_row(layer: Layer, model: Model | None, states: Sequence[NetState]) -> LayerRow:
    """A layer of another type."""
    sources = model.by_name.get(layer.name, ()) if model else ()
    return LayerRow(
        layer.name,
        layer.type,
        layer.line or None,
        _phases(layer, states),
        source_blobs=_source_shapes(sources) if model else None,
        storage=_storage(sources),
        layer_index=layer.index,
    )


def _model_row(source: SourceLayer, model: Model, has_net: bool, matched: bool) -> LayerRow:
    """A layer by what the model itself says of it."""
    row = LayerRow(
        source.name,
        source.type,
        matched=matched,
        source_blobs=_source_shapes((source,)),
        storage=_storage((source,)),
    )
    if source.type != DECONVOLUTION:
        return row
    case = model_case(source, model, matched=matched)
    return row._replace(
        target=case.target,
        weights=case.weights,
        # Where there is a net, it has no such layer.
        findings=findings(_without_target(case) if has_net else case),
        loaded=case.blob,
        role=case.role,
    )


def _without_target(case: LayerCase) -> LayerCase:
    """Of which the net says nothing."""
    return case._replace(target=None, role=RoleFound(Role.UNKNOWN))


def _phases(layer: Layer, states: Sequence[NetState]) -> tuple[str, ...]:
    return tuple(state.phase.name for state in states if layer.active(state))


def _net_blobs(target: MatchedLayer) -> tuple[Shape, ...]:
    """The weights and, by default, the bias that Caffe gives a Deconvolution."""
    param = target.layer.convolution_param
    return (target.shape, (param.num_output,)) if param.bias_term else (target.shape,)


def _source_shapes(sources: Sequence[SourceLayer]) -> tuple[tuple[int, ...], ...] | None:
    return tuple(blob.shape for blob in sources[-1].blobs) if sources else None


def _storage(sources: Sequence[SourceLayer]) -> Storage | None:
    return sources[-1].blobs[0].storage if sources and sources[-1].blobs else None
