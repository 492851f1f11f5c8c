"""What repairs a net and its model: each command tried, and all of them merged into one chain.

A command is said only if it was tried: no verb refuses it, its own finding is gone afterwards, and
none has come. What would lose values that somebody may have learned is said in words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise
from typing import Final, NamedTuple, TypeAlias

from deconvsurgery.errors import SurgeryError
from deconvsurgery.prototxt.net import Net, NetState, Phase
from deconvsurgery.prototxt.selection import match_layers

from .finding import Finding, Repair, Severity, Step
from .run_rules import WantedRules, audit
from .survey import source_selection
from .tried_steps import NetAndModel, Tried, tried


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


Steps: TypeAlias = tuple[Step, ...]
Key: TypeAlias = tuple[str, str | None]

_MOST_ROUNDS: Final = 12
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
    """What came of steps: the pair and its findings, or why a verb refuses one."""

    pair: NetAndModel
    found: tuple[Finding, ...] = ()
    loses: bool = False
    refused: str | None = None


class _Trials:
    """Steps carried out on values, and the rules asked again."""

    def __init__(self, pair: NetAndModel, asked: Asked) -> None:
        self.asked = asked
        self.start = pair

    def of(self, steps: Steps, pair: NetAndModel) -> _Outcome:
        """What becomes of a pair."""
        try:
            after: Tried = tried(steps, pair)
            return _Outcome(after.pair, self.found(after.pair), after.loses)
        except SurgeryError as error:
            return _Outcome(pair, refused=error.message)

    def found(self, pair: NetAndModel) -> tuple[Finding, ...]:
        """The findings of a pair, as the user would be shown them."""
        asked = self.asked
        listed = pair.net or (source_selection(pair.model) if pair.model else Net())
        states = asked.states(listed)
        selection = match_layers(listed, asked.patterns, asked.exclude, states)
        findings = audit(pair.net, pair.model, selection, states, asked.wanted)
        return tuple(_with_states(finding, asked) for finding in findings)


def _key(finding: Finding) -> Key:
    return finding.id, finding.layer


def _keys(findings: Iterable[Finding]) -> Counter[Key]:
    return Counter(map(_key, findings))


class _Alone:
    """The repair of each finding by itself, or of all that are alike where there are many."""

    def __init__(self, trials: _Trials, pair: NetAndModel, findings: Sequence[Finding]) -> None:
        self._trials, self._pair = trials, pair
        self._before = _keys(findings)
        self._known: dict[Steps, _Outcome] = {}

    def judged(self, finding: Finding) -> Finding:
        """The finding with its repair as it turned out."""
        repair = finding.repair
        if repair is None or not repair.steps:
            return finding
        steps = repair.steps
        outcome = self._known.get(steps)
        if outcome is None:
            outcome = self._known[steps] = self._trials.of(steps, self._pair)
        return finding._replace(repair=self._repair(finding, repair, outcome))

    def _repair(self, finding: Finding, repair: Repair, outcome: _Outcome) -> Repair:
        if outcome.refused is not None:
            return Repair(f"{repair.words}; {repair.steps[0].verb} refuses that: {outcome.refused}")
        after = _keys(outcome.found)
        if after - self._before or after[_key(finding)] >= self._before[_key(finding)]:
            return Repair(repair.words)
        if outcome.loses:
            verb = repair.steps[-1].verb
            words = f"{repair.words}; {verb} would overwrite weights that may have been learned"
            return Repair(f"{words}: a learned layer? -x leaves it out", unsafe=repair.steps)
        return repair


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
    shorter = _joined(steps)
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
            if outcome.refused is not None or (outcome.loses and not unsafe):
                continue
            after = _keys(outcome.found)
            if not after - before and before - after:
                return steps, outcome
    return None


def _groups(findings: Iterable[Finding], *, unsafe: bool) -> list[list[Steps]]:
    """The different repairs, those together that differ in the layers alone."""
    groups: dict[Steps, dict[Steps, None]] = {}
    for finding in findings:
        repair = finding.repair
        steps = (repair.steps or (repair.unsafe if unsafe else ())) if repair else ()
        if steps:
            groups.setdefault(_alike(steps), {})[steps] = None
    order = sorted(groups, key=lambda alike: min(_VERBS.index(step.verb) for step in alike))
    return [list(groups[alike]) for alike in order]


def _halved(several: Sequence[Steps]) -> Iterator[Steps]:
    """All in one, then each half of them in one, and so on down to each by itself."""
    yield merged(several)
    if len(several) > 1:
        middle = len(several) // 2
        yield from _halved(several[:middle])
        yield from _halved(several[middle:])


def _alike(steps: Steps) -> Steps:
    """The steps without the layers that they name."""
    return tuple(step._replace(options=_others(step)) for step in steps)


def merged(several: Sequence[Steps]) -> Steps:
    """Repairs that differ in the layers alone as one, of all their layers."""
    found = []
    for each in zip(*several, strict=True):
        patterns = dict.fromkeys(chain.from_iterable(map(_patterns, each)))
        named = [part for pattern in patterns for part in ("-p", pattern)]
        found.append(each[0]._replace(options=(*named, *_others(each[0]))))
    return tuple(found)


def _patterns(step: Step) -> list[str]:
    return [pattern for option, pattern in pairwise(step.options) if option == "-p"]


def _others(step: Step) -> tuple[str, ...]:
    """The options but ``-p`` and what follows it."""
    kept: list[str] = []
    options = iter(step.options)
    for option in options:
        if option == "-p":
            next(options)
        else:
            kept.append(option)
    return tuple(kept)


def _joined(steps: Sequence[Step]) -> Steps:
    """Changes of the net, of the same layers and next to each other, as one."""
    found: list[Step] = []
    for step in steps:
        last = found[-1] if found else None
        if last and last.verb == step.verb == "patch-net" and _patterns(last) == _patterns(step):
            found[-1] = _both(last, step)
        else:
            found.append(step)
    return tuple(found)


_NOTHING_ELSE: Final = ("--no-group", "--filler", "keep")


def _both(one: Step, other: Step) -> Step:
    """What either asks for; that the rest stays is said only where both say it."""
    words = dict.fromkeys((*_words(one), *_words(other)))
    kept = all(set(_NOTHING_ELSE) <= {*step.options} for step in (one, other))
    named = [part for pattern in _patterns(one) for part in ("-p", pattern)]
    flat = [part for word in words for part in word]
    return Step(one.verb, (*named, *flat, *(_NOTHING_ELSE if kept else ())))


def _words(step: Step) -> list[tuple[str, ...]]:
    """Each option with its value, but for what says that the rest stays."""
    found: list[tuple[str, ...]] = []
    options = iter(_others(step))
    for option in options:
        if option in ("--filler", "--phase", "--level", "--stage"):
            found.append((option, next(options)))
        elif option != "--no-group":
            found.append((option,))
    return [word for word in found if word != ("--filler", "keep")]
