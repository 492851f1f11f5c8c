"""Decide what becomes of each matched layer: opens nothing, writes nothing.

A row a layer: its weights are looked at once (``before_and_after``); those that are to stay or
cannot be filled get their reason (``refusals``), layers that share weights all or none of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from deconvsurgery.caffemodel.model import Model, refuse_mixed
from deconvsurgery.caffemodel.size_limit import size_warnings
from deconvsurgery.kernels.bilinear_fill import BilinearFill
from deconvsurgery.matching.compatibility import disagreements
from deconvsurgery.matching.disagreement import Kind
from deconvsurgery.matching.disagreement_sentences import in_words
from deconvsurgery.matching.matched_layer import MatchedLayer, targets
from deconvsurgery.matching.refusal import Refusal
from deconvsurgery.matching.rewritable import not_rewritable
from deconvsurgery.matching.shared_blobs import Sharers, sharers
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.options.apply import ApplyOptions, Fill
from deconvsurgery.prototxt.net import Net, NetState
from deconvsurgery.prototxt.selection import Selection, active_layers

from .before_and_after import Look, look, planned_change
from .layer_weights import weights_of
from .not_matched import left_empty
from .plan_types import ApplyChange, ApplyPlan, ApplySkip
from .refusals import passed_over, refusal
from .refused_layers import all_refused, refuse_misspelt


def make_plan(
    net: Net,
    model: Model,
    selection: Selection,
    options: ApplyOptions = ApplyOptions(),  # noqa: B008 - a frozen value
    states: Sequence[NetState] | None = None,
) -> ApplyPlan:
    """Plan bilinear weights for the selected layers of a model; nothing is written.

    Args:
        net: a net that was read.
        model: an open model.
        selection: what `match_layers` chose.
        options: what `apply` is asked to do.
        states: the states of the net; without it both phases, at level 0 without stages.

    Returns:
        A change or a skip for each layer; it holds no weights.

    Raises:
        PrototxtError: a layer has a misspelt field.
        ShapeError: no kernel fits a layer.
        MismatchError: net and model disagree about a layer. ``options.skip_unfit`` makes rows of
            the last two.

    >>> import deconvsurgery as ds
    >>> net = ds.read_net("net.prototxt")
    >>> with ds.open_model("in.caffemodel") as model:
    ...     plan = ds.make_plan(net, model, ds.match_layers(net))
    >>> [change.fill.shape for change in plan.changes]
    [(5, 5, 4, 4), (5, 1, 4, 4)]
    """
    states = net.states() if states is None else tuple(states)
    refuse_misspelt(active_layers(net, states))
    refuse_mixed(model)
    shared = sharers(net, selection, states, biases=options.zero_bias)
    rows = [
        _looked_at(target, model, options) for target in targets(net, shared.layers, states, model)
    ]
    rows = _passed_over(rows, shared, model, options)
    rows = _refused(rows, shared, model, options)
    refused = [(row.target, row.refusal) for row in rows if row.refusal is not None]
    if refused and not options.skip_unfit:
        raise all_refused(refused)
    disagreed = disagreements(net, model, states)
    renamed = {
        lack.layer: lack.message
        for lack in disagreed
        if lack.kind is Kind.MODEL_LACKS
        and (lack.renamed or lack.nearly or lack.layer in model.by_name)
    }
    return ApplyPlan(
        tuple(_changes(rows, net, model, options, (shared.notes, renamed))),
        tuple(ApplySkip(row.target, row.look.before, row.reason) for row in rows if row.reason),
        selection.left_alone,
        (
            *size_warnings(model.source.size, model.version, "the model"),
            *in_words(disagreed, but=_explained(rows, model)),
        ),
        tuple(left_empty(net, model, selection, shared, states)),
    )


class _Row(NamedTuple):
    """A matched layer on its way through the plan; ``reason`` says why it stays as it is."""

    target: MatchedLayer
    fill: BilinearFill | Refusal
    look: Look
    reason: str | None = None
    refusal: Refusal | None = None

    @property
    def name(self) -> str:
        """The layer's, by which Caffe finds its weights."""
        return self.target.layer.name


def _looked_at(target: MatchedLayer, model: Model, options: ApplyOptions) -> _Row:
    """The layer's weights in the model, which are read here and, to be planned, nowhere else."""
    fill = target.fill(options)
    # Weights that are there stay with `Fill.MISSING`, whatever would come of them.
    tried = None if isinstance(fill, Refusal) or options.fill == Fill.MISSING else fill
    return _Row(target, fill, look(weights_of(target, model), target, model, tried))


def _passed_over(
    rows: Sequence[_Row], shared: Sharers, model: Model, options: ApplyOptions
) -> list[_Row]:
    """The rows, with the reason of those that are not to be filled, though they could."""
    reasons = shared.all_or_none(
        {
            row.name: reason
            for row in rows
            if (reason := passed_over(row.look.before, model.weighted(row.name), options))
        }
    )
    return [row._replace(reason=reasons.get(row.name)) for row in rows]


def _refused(
    rows: Sequence[_Row], shared: Sharers, model: Model, options: ApplyOptions
) -> list[_Row]:
    """The rows, with the refusal of those that cannot be filled.

    One that shares its weights is refused with the others.
    """
    own: dict[str, Refusal] = {}
    for row in rows:
        if row.reason is None:
            found = shared.refused.get(row.name) or refusal(
                row.target,
                row.fill,
                row.look.before,
                options,
                not_rewritable(row.target, model),
                stays=_stays(row, model),
            )
            if found is not None:
                own[row.name] = found
    reasons = shared.all_or_none({name: found.reason for name, found in own.items()})
    refused = {name: own.get(name) or Refusal(reason) for name, reason in reasons.items()}
    return [
        row._replace(reason=found.reason, refusal=found)
        if row.reason is None and (found := refused.get(row.name))
        else row
        for row in rows
    ]


def _stays(row: _Row, model: Model) -> bool:
    """The fill changes no value of the weights, of which the model has one copy."""
    filled = row.look.filled
    return filled is not None and not filled.changed and len(model.weighted(row.name)) == 1


def _changes(
    rows: Iterable[_Row],
    net: Net,
    model: Model,
    options: ApplyOptions,
    notes: Sequence[Mapping[str, str]],
) -> Iterator[ApplyChange]:
    """What becomes of the rows that are left; ``notes`` are further warnings, by layer name."""
    for row in rows:
        if row.reason is not None:
            continue
        assert isinstance(row.fill, BilinearFill)  # it would be refused
        change = planned_change(row.target, row.fill, row.look, model, options, net)
        further = [noted[row.name] for noted in notes if row.name in noted]
        yield change._replace(warnings=(*change.warnings, *further))


def _explained(rows: Iterable[_Row], model: Model) -> set[str]:
    """Layers whose rows say it: what is filled, refused for the model's sake, or not created."""
    return {
        row.name
        for row in rows
        if row.reason is None
        or (row.refusal.mismatch if row.refusal else row.name not in model.by_name)
    }
