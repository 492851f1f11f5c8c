"""Decide what becomes of each matched layer; opens nothing, writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .fingerprint import Fingerprint
from .net import Layer


class Action(StrEnum):
    """What a run does, or would do, with a matched layer."""

    REWRITTEN = "rewritten"
    CREATED = "created"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Target:
    """A Deconvolution of the net and what Caffe would set up for it.

    ``shape`` is the weight blob's ``(channels, num_output // group, kernel_h, kernel_w)``,
    ``None`` while ``channels`` is unknown. ``guess`` says where a guessed ``channels`` came from.
    """

    layer: Layer
    channels: int | None
    shape: tuple[int, ...] | None
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    pad: tuple[int, ...]
    dilation: tuple[int, ...]
    guess: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A layer that gets (or already has) the planned weights.

    ``before`` is ``None`` for weights that were not there; ``max_abs_change`` and
    ``values_changed`` compare weight values, of ``values`` in all.
    """

    target: Target
    action: Action
    before: Fingerprint | None
    after: Fingerprint
    max_abs_change: float
    values_changed: int
    values: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Skip:
    """A matched layer that is left as it is, and why."""

    target: Target
    before: Fingerprint | None
    reason: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Every matched layer once, in the net's order; ``left_alone``: matching names of other types."""

    changes: tuple[Change, ...]
    skips: tuple[Skip, ...]
    left_alone: tuple[Layer, ...] = ()
    warnings: tuple[str, ...] = ()
