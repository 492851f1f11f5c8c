"""What repairs a net and its model: each command tried, and all of them merged into one chain.

A command is said only if it was tried: no verb refuses it, its own finding is gone afterwards, and
none has come. What would lose values that somebody may have learned is said in words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

from deconvsurgery.errors import SurgeryError
from deconvsurgery.matching.role import LEAVE_IT_OUT, Role
from deconvsurgery.prototxt.net import Net, NetState, Phase
from deconvsurgery.prototxt.selection import Selection, match_layers

from .finding import Finding, Repair, Severity, Step
from .merged_steps import Steps, alike, joined, merged
from .run_rules import WantedRules, audit
from .survey import source_selection, survey
from .tried_steps import NetAndModel, tried


class PairRepair(NamedTuple):
    """What repairs a pair: steps of which each reads what the one before has written.

    ``leaves`` are the ids of what is found afterwards, in their order. ``unsafe`` is the chain that
    overwrites weights, too, which are no interpolation; empty where it would do nothing else.
    """

    steps: tuple[Step, ...]
    leaves: tuple[str, ...]
    unsafe: tuple[Step, ...] = ()


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

    def said(self, step: Step) -> Step:
        """The step with the options that say the state, where its verb has any."""
        if step.verb == "convert":
            return step
        words: list[str] = []
        if self.phase is not None:
            words += ["--phase", self.phase.name.lower()]
        if self.level is not None:
            words += ["--level", str(self.level)]
        for stage in self.stage:
            words += ["--stage", stage]
        return step._replace(options=(*step.options, *words))


Key: TypeAlias = tuple[str, str | None]

_MOST_ROUNDS: Final = 12
_MOST_FOLLOWING: Final = 2
_VERBS: Final = ("convert", "patch-net", "regroup", "transplant", "apply")


def tried_repairs(
    pair: NetAndModel, asked: Asked, findings: Sequence[Finding]
) -> tuple[tuple[Finding, ...], PairRepair | None]:
    """The findings with repairs that work, and what repairs all of them; ``None`` if nothing.

    ``findings`` are those of `audit` for the same pair, by the rules that are wanted.
    """
    said = [_with_states(finding, asked) for finding in findings]
    if not any(each.repair and (each.repair.steps or each.repair.unsafe) for each in said):
        return tuple(said), None
    trials = _Trials(pair, asked)
    alone = _Alone(trials, pair, said)
    kept = tuple(map(alone.judged, said))
    safe = _chained(trials, pair, kept, unsafe=False)
    unsafe = _chained(trials, safe.pair, safe.found, unsafe=True)
    if not safe.steps and not unsafe.steps:
        return kept, None
    leaves = tuple(sorted({finding.id for finding in safe.found}))
    whole = (*safe.steps, *unsafe.steps) if unsafe.steps else ()
    return kept, PairRepair(safe.steps, leaves, whole)


def _with_states(finding: Finding, asked: Asked) -> Finding:
    if finding.repair is None:
        return finding
    safe, unsafe = (
        tuple(map(asked.said, steps)) for steps in (finding.repair.steps, finding.repair.unsafe)
    )
    return finding._replace(repair=finding.repair._replace(steps=safe, unsafe=unsafe))


class _Outcome(NamedTuple):
    """What came of steps: the pair and its findings, what was lost, or why a verb refuses."""

    steps: Steps
    pair: NetAndModel
    found: tuple[Finding, ...] = ()
    overwrites: str | None = None
    drops: str | None = None
    refused: str | None = None


class _Trials:
    """Steps carried out on values, and the rules asked again."""

    def __init__(self, pair: NetAndModel, asked: Asked) -> None:
        self.asked = asked
        rows = survey(pair.net, pair.model, *self._chosen(pair))
        self._learned = {row.name for row in rows if row.role and row.role.role is Role.LEARNED}

    def of(self, steps: Steps, pair: NetAndModel) -> _Outcome:
        """What becomes of a pair."""
        try:
            after = tried(steps, pair, self._learned)
            found = self.found(after.pair)
        except SurgeryError as error:
            return _Outcome(steps, pair, refused=error.message)
        return _Outcome(steps, after.pair, found, after.overwrites, after.drops)

    def found(self, pair: NetAndModel) -> tuple[Finding, ...]:
        """The findings of a pair, as the user would be shown them."""
        findings = audit(pair.net, pair.model, *self._chosen(pair), self.asked.wanted)
        return tuple(_with_states(finding, self.asked) for finding in findings)

    def _chosen(self, pair: NetAndModel) -> tuple[Selection, tuple[NetState, ...]]:
        asked = self.asked
        listed = pair.net or (source_selection(pair.model) if pair.model else Net())
        states = asked.states(listed)
        return match_layers(listed, asked.patterns, asked.exclude, states), states


def _key(finding: Finding) -> Key:
    return finding.id, finding.layer


def _keys(findings: Iterable[Finding]) -> Counter[Key]:
    return Counter(map(_key, findings))


def _failing(findings: Iterable[Finding]) -> Counter[Key]:
    """Those that make a check fail. A note may come: weights that fit are known to be learned."""
    return _keys(each for each in findings if each.level is not Severity.NOTE)


class _Alone:
    """The repair of each finding by itself."""

    def __init__(self, trials: _Trials, pair: NetAndModel, findings: Sequence[Finding]) -> None:
        self._trials, self._pair = trials, pair
        self._before = _keys(findings)
        self._known: dict[tuple[Steps, bool], _Outcome] = {}

    def judged(self, finding: Finding) -> Finding:
        """The finding with its repair as it turned out."""
        repair = finding.repair
        if repair is None or not repair.steps:
            return finding
        note = finding.level is Severity.NOTE
        asked = repair.steps, note
        if asked not in self._known:
            outcome = self._trials.of(repair.steps, self._pair)
            self._known[asked] = outcome if note else self._with_what_follows(outcome)
        return finding._replace(repair=self._repair(finding, repair, self._known[asked]))

    def _with_what_follows(self, outcome: _Outcome) -> _Outcome:
        """With the repairs of what it brings: weights that are bilinear now may lie wrongly."""
        for _ in range(_MOST_FOLLOWING):
            new = _failing(outcome.found) - self._before
            if not new or outcome.refused is not None:
                break
            brought = [each for each in outcome.found if _key(each) in new]
            following = next(iter(_groups(brought, unsafe=False)), None)
            if following is None:
                break
            longer = self._trials.of(joined((*outcome.steps, *merged(following))), self._pair)
            if longer.refused is not None:
                break
            outcome = longer
        return outcome

    def _repair(self, finding: Finding, repair: Repair, outcome: _Outcome) -> Repair:
        words = repair.words
        if outcome.refused is not None:
            return Repair(f"{words}; {repair.steps[0].verb} refuses that: {outcome.refused}")
        after = _keys(outcome.found)
        if after[_key(finding)] >= self._before[_key(finding)]:
            return Repair(words)
        new = sorted({rule for rule, _ in _failing(outcome.found) - self._before})
        if new:
            return Repair(f"{words}; by itself that brings {', '.join(new)}")
        if outcome.drops is not None:
            return Repair(f"{words}; {outcome.drops}")
        if outcome.overwrites is not None:
            words += f"; {outcome.overwrites}; {LEAVE_IT_OUT}"
            return Repair(words, unsafe=outcome.steps)
        return Repair(words, outcome.steps)


class _Chain(NamedTuple):
    """Steps that were tried, and the pair and the findings that they end with."""

    steps: Steps
    pair: NetAndModel
    found: tuple[Finding, ...]


def _chained(
    trials: _Trials, pair: NetAndModel, found: tuple[Finding, ...], *, unsafe: bool
) -> _Chain:
    """Repairs one after the other, those that are alike together, until none is left."""
    steps: list[Step] = []
    start = pair
    for _ in range(_MOST_ROUNDS):
        best = _next(trials, pair, found, unsafe=unsafe)
        if best is None:
            break
        more, outcome = best
        steps += more
        pair, found = outcome.pair, outcome.found
    shorter = joined(steps)
    if len(shorter) < len(steps):
        again = trials.of(shorter, start)
        if again.refused is None and _keys(again.found) == _keys(found):
            return _Chain(shorter, again.pair, again.found)
    return _Chain(tuple(steps), pair, found)


def _next(
    trials: _Trials, pair: NetAndModel, found: Sequence[Finding], *, unsafe: bool
) -> tuple[Steps, _Outcome] | None:
    """The first repair that makes findings go and none come, of as many layers as it can."""
    before = _keys(found)
    wanted = [each for each in found if trials.asked.notes or each.level is not Severity.NOTE]
    for several in _groups(wanted, unsafe=unsafe):
        for steps in _halved(several):
            outcome = trials.of(steps, pair)
            if outcome.refused is not None or outcome.drops is not None:
                continue
            if outcome.overwrites is not None and not unsafe:
                continue
            after = _keys(outcome.found)
            if not _failing(outcome.found) - before and before - after:
                return steps, outcome
    return None


def _groups(findings: Iterable[Finding], *, unsafe: bool) -> list[list[Steps]]:
    """The different repairs, those together that differ in the layers alone."""
    groups: dict[Steps, dict[Steps, None]] = {}
    for finding in findings:
        repair = finding.repair
        steps = (repair.steps or (repair.unsafe if unsafe else ())) if repair else ()
        if steps:
            groups.setdefault(alike(steps), {})[steps] = None
    order = sorted(groups, key=lambda steps: [_VERBS.index(step.verb) for step in steps])
    return [list(groups[steps]) for steps in order]


def _halved(several: Sequence[Steps]) -> Iterator[Steps]:
    """All in one, then each half of them in one, and so on down to each by itself."""
    yield merged(several)
    if len(several) > 1:
        middle = len(several) // 2
        yield from _halved(several[:middle])
        yield from _halved(several[middle:])
