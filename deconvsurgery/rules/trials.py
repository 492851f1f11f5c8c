"""Steps tried on a pair: what comes of them, and which findings there are afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable
from typing import TYPE_CHECKING, Final, TypeAlias

from deconvsurgery.errors import FileError, SurgeryError
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.prototxt.net import Net, NetState, Phase
from deconvsurgery.prototxt.selection import Selection, match_layers

from .finding import Finding, Severity
from .merged_steps import Steps, alike, joined, merged
from .run_rules import WantedRules, audit
from .survey import source_selection
from .tried_steps import NetAndModel, Tried, tried

if TYPE_CHECKING:
    from .repair_step import RepairStep


class Asked(NamedTuple):
    """What a check was asked: which layers, in which state of the net, by which rules.

    ``notes``: notes are repaired, too, for their rules were named.
    """

    patterns: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    phase: Phase | None = None
    level: int | None = None
    stage: tuple[str, ...] = ()
    wanted: WantedRules = WantedRules()
    notes: bool = False

    def states(self, net: Net) -> tuple[NetState, ...]:
        """The states of the net that are looked at."""
        return net.states(self.phase, self.level, self.stage)

    def said(self, step: RepairStep) -> RepairStep:
        """The step with the options that say the state, where its verb has any."""
        if step.verb == "convert":
            return step
        phase = () if self.phase is None else ("--phase", self.phase.name.lower())
        level = () if self.level is None else ("--level", str(self.level))
        stages = (word for stage in self.stage for word in ("--stage", stage))
        return step._replace(options=(*step.options, *phase, *level, *stages))


Key: TypeAlias = tuple[str, str | None]
"""A rule's id and a layer's name."""

_MOST_FOLLOWING: Final = 2
_MOST_LOOKED_AT: Final = 1000
"""Layers that are looked at for repairs that are tried one by one: about a second's work."""
_VERBS: Final = ("convert", "patch-net", "regroup", "transplant", "apply")


def with_states(finding: Finding, asked: Asked) -> Finding:
    """The finding with the state in each of its commands."""
    if finding.repair is None:
        return finding
    safe, unsafe = (
        tuple(map(asked.said, steps)) for steps in (finding.repair.steps, finding.repair.unsafe)
    )
    return finding._replace(repair=finding.repair._replace(steps=safe, unsafe=unsafe))


class Aftermath(NamedTuple):
    """What came of steps: the pair and its findings, what was lost, or why a verb refuses.

    ``keys`` count the findings, ``failing`` those that make a check fail.
    """

    steps: Steps
    before: NetAndModel
    pair: NetAndModel
    found: tuple[Finding, ...]
    keys: Counter[Key]
    failing: Counter[Key]
    overwrites: str | None = None
    drops: str | None = None
    refused: str | None = None

    def is_clean(self, before: Counter[Key]) -> bool:
        """No verb refuses, nothing is lost, and no finding has come to those there were."""
        lost = self.refused or self.overwrites or self.drops
        return lost is None and not self.failing - before


class Trials:
    """Steps carried out on values, and the rules asked again.

    ``learned`` are the layers that are learned, by name, whatever steps make of them.
    """

    def __init__(self, asked: Asked, learned: Container[str]) -> None:
        self.asked = asked
        self._known: dict[tuple[Steps, int], Aftermath] = {}
        self._after: dict[tuple[RepairStep, int], tuple[NetAndModel, Tried]] = {}
        self._found: dict[int, tuple[NetAndModel, tuple[Finding, ...]]] = {}
        self._learned = learned

    def of(self, steps: Steps, pair: NetAndModel) -> Aftermath:
        """What becomes of a pair, worked out once; an outcome keeps its pair."""
        asked = steps, id(pair)
        if asked not in self._known:
            self._known[asked] = self._tried(steps, pair)
        return self._known[asked]

    def with_what_follows(self, outcome: Aftermath, before: Counter[Key]) -> Aftermath:
        """With the repairs of what it brings: weights that are bilinear now may lie wrongly."""
        for _ in range(_MOST_FOLLOWING):
            new = outcome.failing - before
            brought = [each for each in outcome.found if each.key in new]
            following = next(iter(groups_of(brought, unsafe=False)), None)
            if following is None:
                break
            longer = self.of(joined((*outcome.steps, *merged(following))), outcome.before)
            if longer.refused is not None:
                break
            outcome = longer
        return outcome

    def most_alone(self, pair: NetAndModel) -> int:
        """How many repairs are tried each by itself; all that are alike are tried in one first."""
        layers = len(pair.net.layers) if pair.net else 1
        return 1 + _MOST_LOOKED_AT // max(1, layers)

    def _tried(self, steps: Steps, pair: NetAndModel) -> Aftermath:
        try:
            after = self._carried_out(steps, pair)
            found = self.found(after.pair)
        except FileError:  # of what cannot be read nothing is known: no verb refuses it
            raise
        except SurgeryError as error:
            lines = (line.strip() for line in error.message.splitlines())
            return Aftermath(steps, pair, pair, (), Counter(), Counter(), refused="; ".join(lines))
        counts = keys(found), failing(found)
        return Aftermath(steps, pair, after.pair, found, *counts, after.overwrites, after.drops)

    def _carried_out(self, steps: Steps, pair: NetAndModel) -> Tried:
        """All steps in order: those that several begin with are carried out once."""
        overwrites = drops = None
        for step in steps:
            asked = step, id(pair)
            if asked not in self._after:  # it keeps its pair, whose place no other takes then
                self._after[asked] = pair, tried(step, pair, self._learned)
            after = self._after[asked][1]
            pair = after.pair
            overwrites, drops = overwrites or after.overwrites, drops or after.drops
        return Tried(pair, overwrites, drops)

    def found(self, pair: NetAndModel) -> tuple[Finding, ...]:
        """The findings of a pair, as the user would be shown them; looked for once."""
        if id(pair) not in self._found:
            findings = audit(pair.net, pair.model, *self._chosen(pair), self.asked.wanted)
            said = tuple(with_states(finding, self.asked) for finding in findings)
            self._found[id(pair)] = pair, said
        return self._found[id(pair)][1]

    def _chosen(self, pair: NetAndModel) -> tuple[Selection, tuple[NetState, ...]]:
        asked = self.asked
        listed = pair.net or (source_selection(pair.model) if pair.model else Net())
        states = asked.states(listed)
        return match_layers(listed, asked.patterns, asked.exclude, states), states


def keys(findings: Iterable[Finding]) -> Counter[Key]:
    """How often there is each."""
    return Counter(finding.key for finding in findings)


def failing(findings: Iterable[Finding]) -> Counter[Key]:
    """Those that make a check fail. A note may come: weights that fit are known to be learned."""
    return keys(each for each in findings if each.level is not Severity.NOTE)


def groups_of(findings: Iterable[Finding], *, unsafe: bool) -> list[list[Steps]]:
    """The different repairs, those together that differ in the layers alone."""
    every = (
        each.repair.steps or (each.repair.unsafe if unsafe else ())
        for each in findings
        if each.repair is not None
    )
    once = {id(steps): steps for steps in every if steps}  # many may share one of many layers
    found: dict[Steps, list[Steps]] = {}
    for steps in dict.fromkeys(once.values()):
        found.setdefault(alike(steps), []).append(steps)
    order = sorted(found, key=lambda steps: [_VERBS.index(step.verb) for step in steps])
    return [found[steps] for steps in order]
