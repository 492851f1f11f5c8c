"""What a plan is made of: changes and skips, numbers and recipes, never weights.

Small, comparable with ``==``, printable.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from math import prod

from deconvsurgery.kernels.bilinear_fill import BilinearFill
from deconvsurgery.kernels.weight_states import Fingerprint
from deconvsurgery.matching.matched_layer import MatchedLayer
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.prototxt.net import Layer
from deconvsurgery.wording import plural, row_words


class ApplyAction(StrEnum):
    """What a run does, or would do, with a matched layer."""

    REWRITTEN = "rewritten"
    CREATED = "created"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"


class BiasFill(NamedTuple):
    """What a layer's bias becomes: ``count`` values that all are ``value``.

    ``changed``: it is not so yet. ``only_absent``: a bias that is there stays as it is.
    """

    count: int  # type: ignore[assignment]  # not how often a tuple has a value
    value: float
    changed: bool
    only_absent: bool = False


class ApplyChange(NamedTuple):
    """A layer that gets (or already has) the planned weights.

    ``before`` is ``missing`` for weights that were not there. ``max_abs_change`` is ``None``
    where a value was no number; ``values_changed`` counts weights whose bits differ, of ``values``.
    """

    target: MatchedLayer
    action: ApplyAction
    fill: BilinearFill
    bias: BiasFill | None
    before: Fingerprint
    after: Fingerprint
    max_abs_change: float | None
    values_changed: int
    values: int
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return row_words(self)

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.target.layer.name

    @property
    def line(self) -> int | None:
        """Where the layer begins in the net's text, from 1; ``None`` for a net without a text."""
        return self.target.layer.line or None

    @property
    def reason(self) -> None:
        """None, as only an `ApplySkip` has one."""


class ApplySkip(NamedTuple):
    """A matched layer that is left as it is, and why."""

    target: MatchedLayer
    before: Fingerprint
    reason: str
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return row_words(self)

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.target.layer.name

    @property
    def line(self) -> int | None:
        """Where the layer begins in the net's text, from 1; ``None`` for a net without a text."""
        return self.target.layer.line or None

    @property
    def action(self) -> ApplyAction:
        """As an `ApplyChange` has it."""
        return ApplyAction.SKIPPED

    @property
    def values(self) -> int:
        """Weights of the layer, 0 where its shape is unknown."""
        return prod(self.target.shape or (0,))


class ApplyPlan(NamedTuple):
    """Every matched layer once; ``left_alone`` are layers of other types whose names fit.

    ``notes`` name other Deconvolutions that are there to interpolate, and have nothing to do it
    with.
    """

    changes: tuple[ApplyChange, ...] = ()
    skips: tuple[ApplySkip, ...] = ()
    left_alone: tuple[Layer, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        count = Counter(str(row.action) for row in self.layers)
        words = ", ".join(f"{number:,} {action}" for action, number in count.items())
        return f"<ApplyPlan: {plural(count.total(), 'layer')}{words and ': '}{words}>"

    @property
    def changed(self) -> bool:
        """Carrying it out would change a byte."""
        return any(change.action is not ApplyAction.UNCHANGED for change in self.changes)

    @property
    def layers(self) -> tuple[ApplyChange | ApplySkip, ...]:
        """Changes and skips in the net's order."""
        return tuple(sorted((*self.changes, *self.skips), key=lambda row: row.target.layer.index))
