"""What repairs a net and its model: each command tried, and all of them merged into one chain.

A command is said only if it was tried: no verb refuses it, its own finding is gone afterwards, and
none has come. What would lose values that somebody may have learned is said in words.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final

from deconvsurgery.matching.role import LEAVE_IT_OUT
from deconvsurgery.named_tuple import NamedTuple

from .finding import Finding, NetAndModelNames, Repair, Severity
from .merged_steps import Steps, joined, merged
from .repair_step import RepairStep, commands
from .trials import Aftermath, Asked, Trials, groups_of, keys, with_states

if TYPE_CHECKING:
    from .tried_steps import NetAndModel


class PairRepair(NamedTuple):
    """What repairs a pair: steps of which each reads what the one before has written.

    ``leaves`` are the ids of what is found afterwards, in their order. ``unsafe`` is the chain that
    overwrites weights, too, which are no interpolation; empty where it would do nothing else.
    ``files`` are the names of the net and the model, as far as they are known.
    """

    steps: tuple[RepairStep, ...]
    leaves: tuple[str, ...]
    unsafe: tuple[RepairStep, ...] = ()
    files: NetAndModelNames = (None, None)

    @property
    def commands(self) -> tuple[tuple[str, ...], ...]:
        """The steps with file names, as those of a `Repair`; `fix` carries them out in one."""
        return commands(self.steps, *self.files)


_MOST_ROUNDS: Final = 12


def tried_repairs(
    pair: NetAndModel, asked: Asked, findings: Sequence[Finding], learned: Container[str]
) -> tuple[tuple[Finding, ...], PairRepair | None]:
    """The findings with repairs that work, and what repairs all of them; ``None`` if nothing.

    ``findings`` are those of `audit` for the same pair, by the rules that are wanted; ``learned``
    are the layers that are learned, by name.
    """
    said = [with_states(finding, asked) for finding in findings]
    trials = Trials(asked, learned)
    alone = _Alone(trials, pair, said)
    kept = tuple(map(alone.judged, said))
    safe = _chained(trials, pair, kept, unsafe=False)
    unsafe = _chained(trials, safe.pair, safe.found, unsafe=True)
    if not safe.steps and not unsafe.steps:
        return kept, None
    leaves = tuple(sorted({finding.id for finding in safe.found}))
    whole = (*safe.steps, *unsafe.steps) if unsafe.steps else ()
    return kept, PairRepair(safe.steps, leaves, whole)


class _Alone:
    """The repair of each finding by itself.

    Where many are alike, all of them are tried in one, which then is the repair of each.
    """

    def __init__(self, trials: Trials, pair: NetAndModel, findings: Sequence[Finding]) -> None:
        self._trials, self._pair = trials, pair
        self._before = keys(findings)
        self._known: dict[tuple[Steps | int, bool], tuple[Aftermath, list[str]]] = {}
        groups = groups_of(findings, unsafe=False)
        self._left = trials.most_alone(pair)
        tried_alone = sum(map(len, groups)) <= self._left
        self._together: dict[Steps, tuple[int, Steps]] = {}  # a group's number, and its repair
        for number, group in enumerate(() if tried_alone else groups):
            whole = merged(group)
            if self._repairs(whole, findings, frozenset(group)):
                self._together |= dict.fromkeys(group, (number, whole))

    def _repairs(self, steps: Steps, findings: Sequence[Finding], group: Collection[Steps]) -> bool:
        """It is not refused, loses nothing, and repairs every finding that has one of a group."""
        outcome = self._trials.of(steps, self._pair)
        own = [each for each in findings if each.repair and each.repair.steps in group]
        return outcome.is_clean(self._before) and not keys(own) & outcome.keys

    def judged(self, finding: Finding) -> Finding:
        """The finding with its repair as it turned out."""
        repair = finding.repair
        if repair is None or not repair.steps:
            return finding
        note = finding.level is Severity.NOTE
        group, steps = self._together.get(repair.steps, (None, repair.steps))
        asked = repair.steps if group is None else group, note
        if asked not in self._known:
            self._left -= group is None
            if self._left < 0:
                return finding._replace(repair=Repair(repair.words))
            outcome = self._trials.of(steps, self._pair)
            if not note:
                outcome = self._trials.with_what_follows(outcome, self._before)
            new = sorted({rule for rule, _ in outcome.failing - self._before})
            self._known[asked] = outcome, new  # of all at once: many findings have one repair
        return finding._replace(repair=self._repair(finding, repair, *self._known[asked]))

    def _repair(
        self, finding: Finding, repair: Repair, outcome: Aftermath, new: Sequence[str]
    ) -> Repair:
        """``new`` are the rules of what it brings."""
        words = repair.words
        if outcome.refused is not None:
            return Repair(f"{words}; {repair.steps[0].verb} refuses that: {outcome.refused}")
        after = outcome.keys
        if after[finding.key] >= self._before[finding.key]:
            return Repair(words)
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
    trials: Trials, pair: NetAndModel, found: tuple[Finding, ...], *, unsafe: bool
) -> _Chain:
    """Repairs one after the other, those that are alike together, until none is left."""
    steps: list[RepairStep] = []
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
        if again.refused is None and again.keys == keys(found):
            return _Chain(shorter, again.pair, again.found)
    return _Chain(tuple(steps), pair, found)


def _next(
    trials: Trials, pair: NetAndModel, found: Sequence[Finding], *, unsafe: bool
) -> tuple[Steps, Aftermath] | None:
    """The first repair that makes findings go and none come, of as many layers as it can."""
    before = keys(found)
    wanted = [each for each in found if trials.asked.notes or each.level is not Severity.NOTE]
    for several in groups_of(wanted, unsafe=unsafe):
        for steps in islice(_halved(several), trials.most_alone(pair)):
            outcome = trials.with_what_follows(trials.of(steps, pair), before)
            if outcome.refused is not None or outcome.drops is not None:
                continue
            if outcome.overwrites is not None and not unsafe:
                continue
            after = outcome.keys
            if not outcome.failing - before and before - after:
                return outcome.steps, outcome
    return None


def _halved(several: Sequence[Steps]) -> Iterator[Steps]:
    """All in one, then each half of them in one, and so on down to each by itself."""
    yield merged(several)
    if len(several) > 1:
        middle = len(several) // 2
        yield from _halved(several[:middle])
        yield from _halved(several[middle:])
