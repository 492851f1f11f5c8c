"""Findings, repairs and what steps do, all written down: no net is read, no plan is made.

A model is the set of what is broken then. A step does for each of its layers what the script says
of its verb and that layer, or what the script says of the whole step.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping
from typing import Any, NamedTuple

import pytest

from deconvsurgery.errors import MismatchError
from deconvsurgery.prototxt.net import Layer, Net
from deconvsurgery.rules import trials
from deconvsurgery.rules.finding import Finding, Repair
from deconvsurgery.rules.merged_steps import patterns_of
from deconvsurgery.rules.repair_step import RepairStep
from deconvsurgery.rules.trials import Key
from deconvsurgery.rules.tried_steps import NetAndModel, Tried


class Does(NamedTuple):
    """What a step does: findings that go and come, what is lost, or why a verb refuses it."""

    goes: Collection[Key] = ()
    comes: Collection[Key] = ()
    overwrites: str | None = None
    drops: str | None = None
    refused: str | None = None


class Script:
    """In the place of verbs and rules; ``tried`` are the steps that were carried out, in order."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        repairs: Mapping[Key, Repair],
        steps: Mapping[RepairStep | tuple[str, str], Does],
    ) -> None:
        self.repairs, self.steps = repairs, steps
        self.tried: list[RepairStep] = []
        self.learned: list[Container[str]] = []
        self.judged = 0
        monkeypatch.setattr(trials, "tried", self._tried)
        monkeypatch.setattr(trials, "audit", self._audit)

    def findings(self, broken: Iterable[Key]) -> tuple[Finding, ...]:
        """Each thing that is broken, with the repair that the script has for it."""
        return tuple(
            Finding(rule, "", layer=layer, repair=self.repairs.get((rule, layer)))
            for rule, layer in sorted(broken, key=str)
        )

    def pair(self, *broken: Key, layers: int = 1) -> NetAndModel:
        """A pair in which these are broken, whose net has so many layers."""
        model: Any = frozenset(broken)
        net = Net(layers=tuple(Layer(index, "", "ReLU") for index in range(layers)))
        return NetAndModel(None, net, model)

    def _audit(self, _: object, model: Any, *__: object) -> tuple[Finding, ...]:
        self.judged += 1
        return self.findings(model)

    def _tried(self, step: RepairStep, pair: NetAndModel, learned: Container[str] = ()) -> Tried:
        self.tried.append(step)
        self.learned.append(learned)
        broken: Any = pair.model
        overwrites = drops = None
        whole = self.steps.get(step)
        each = [self.steps.get((step.verb, name), Does()) for name in patterns_of(step)]
        for does in [whole] if whole is not None else each:
            if does.refused is not None:
                raise MismatchError(does.refused)
            broken = broken - {*does.goes} | {*does.comes}
            overwrites, drops = overwrites or does.overwrites, drops or does.drops
        return Tried(pair._replace(model=broken), overwrites, drops)
