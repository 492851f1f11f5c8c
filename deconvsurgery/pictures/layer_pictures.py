"""What a page shows of a run beside its table: the way up through the net, weights looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from deconvsurgery.matching.shared_blobs import owners, with_shared
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.plans.apply.layer_weights import weights_of
from deconvsurgery.plans.apply.plan_types import ApplyChange, ApplyPlan
from deconvsurgery.shapes.upsampling_path import WayUp, ways_up

from .channel_pictures import planned_sight, sight_of

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.model import Model
    from deconvsurgery.kernels.channel_map import Sight
    from deconvsurgery.matching.matched_layer import MatchedLayer
    from deconvsurgery.prototxt.net import Net, NetState
    from deconvsurgery.rules.survey import LayerRow

# Layers whose weights are looked at; a page of more would be megabytes that nobody scrolls through.
MOST_LAYERS = 40


class LayerPicture(NamedTuple):
    """A layer's weights as the model has them, and as the run leaves them.

    ``before`` is ``None`` where there are none that could be looked at, ``after`` where they stay.
    """

    target: MatchedLayer
    before: Sight | None
    after: Sight | None = None


class Pictures(NamedTuple):
    """The net's way up, and the first layers; ``others`` counts those that are not looked at."""

    ways: tuple[WayUp, ...] = ()
    layers: tuple[LayerPicture, ...] = ()
    others: int = 0


class RowPictures(NamedTuple):
    """What there is to see of rows: a sight for each, and the net's way up.

    A sight is ``None`` where no weights could be looked at; there are none without a model.
    """

    sights: tuple[Sight | None, ...] = ()
    ways: tuple[WayUp, ...] = ()


def planned_pictures(
    plan: ApplyPlan, net: Net, model: Model, states: Sequence[NetState]
) -> Pictures:
    """What a plan does to each layer; before it is carried out."""
    rows = plan.layers
    matched = {row.target.layer.index for row in rows}
    return Pictures(
        _ways(matched, net, model, states),
        tuple(
            LayerPicture(
                row.target,
                sight_of(row.target, weights_of(row.target, model), model),
                planned_sight(row, model) if isinstance(row, ApplyChange) else None,
            )
            for row in rows[:MOST_LAYERS]
        ),
        max(0, len(rows) - MOST_LAYERS),
    )


def surveyed_pictures(rows: Sequence[LayerRow], found: RowPictures) -> Pictures:
    """The rows' Deconvolutions as they are; without sights only the way up."""
    seen = [
        LayerPicture(row.target, sight)
        for row, sight in zip(rows, found.sights, strict=bool(found.sights))
        if row.target is not None
    ]
    return Pictures(found.ways, tuple(seen[:MOST_LAYERS]), max(0, len(seen) - MOST_LAYERS))


def row_pictures(
    rows: Sequence[LayerRow], net: Net | None, model: Model | None, states: Sequence[NetState]
) -> RowPictures:
    """The weights of each row in the model, looked at, and the way up through the net."""
    return RowPictures(
        _sights_of(rows, model) if model else (),
        _ways_of(rows, net, model, states) if net else (),
    )


def _sights_of(rows: Iterable[LayerRow], model: Model) -> tuple[Sight | None, ...]:
    return tuple(
        None if row.target is None else sight_of(row.target, row.loaded, model) for row in rows
    )


def _ways_of(
    rows: Iterable[LayerRow], net: Net, model: Model | None, states: Sequence[NetState]
) -> tuple[WayUp, ...]:
    """The net's upsampling path, in which rows are marked that are matched."""
    matched = {row.target.layer.index for row in rows if row.target and row.matched}
    whole = None if model is None else with_shared(model, owners(net, states))
    return _ways(matched, net, whole, states)


def _ways(
    matched: set[int], net: Net, model: Model | None, states: Sequence[NetState]
) -> tuple[WayUp, ...]:
    return ways_up(net, states, matched, model)
