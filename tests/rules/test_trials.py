"""Steps tried on a pair: what comes of them, how often that is worked out, and what is asked."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
import pytest

import deconvsurgery as ds
from deconvsurgery.errors import FileError
from deconvsurgery.prototxt.net import NetState, Phase
from deconvsurgery.rules import trials
from deconvsurgery.rules.finding import Finding, Repair, Severity
from deconvsurgery.rules.repair_step import RepairStep
from deconvsurgery.rules.run_rules import WantedRules
from deconvsurgery.rules.trials import (
    Aftermath,
    Asked,
    Key,
    Trials,
    failing,
    groups_of,
    keys,
    with_states,
)
from deconvsurgery.rules.tried_steps import NetAndModel
from helpers.models import indexed, model_bytes
from helpers.nets import data_layer, up
from helpers.scripted_repairs import Does, Script

APPLY, PATCH = RepairStep("apply", ("-p", "a")), RepairStep("patch-net", ("-p", "a"))
ZERO: Key = ("DS002", "a")
WIDE: Key = ("DS007", "a")
PLAIN = "num_output: 3 group: 3 kernel_size: 4 stride: 2 pad: 1 bias_term: false"


# ── what was asked ──


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (Asked(()), ()),
        (Asked((), phase=Phase.TRAIN), ("--phase", "train")),
        (Asked((), level=0), ("--level", "0")),
        (Asked((), stage=("a", "b")), ("--stage", "a", "--stage", "b")),
        (
            Asked((), phase=Phase.TEST, level=2, stage=("a",)),
            ("--phase", "test", "--level", "2", "--stage", "a"),
        ),
    ],
)
def test_each_command_is_for_the_state_that_was_asked_for(
    asked: Asked, words: tuple[str, ...]
) -> None:
    convert = RepairStep("convert", ("--to", "hdf5"))
    repair = Repair("words", (APPLY, convert), (PATCH,))
    said = with_states(Finding("DS002", "", repair=repair), asked)
    assert said == Finding(
        "DS002",
        "",
        repair=Repair(
            "words",
            (RepairStep("apply", ("-p", "a", *words)), convert),
            (RepairStep("patch-net", ("-p", "a", *words)),),
        ),
    )


def test_what_has_no_repair_has_no_state_either() -> None:
    assert with_states(Finding("DS002", ""), Asked((), level=1)) == Finding("DS002", "")


def test_the_states_that_were_asked_for() -> None:
    net = ds.parse_net(b"")
    assert Asked((), phase=Phase.TRAIN).states(net) == (NetState(Phase.TRAIN),)
    staged = Asked((), phase=Phase.TEST, level=3, stage=("s",))
    assert staged.states(net) == (NetState(Phase.TEST, 3, ("s",)),)
    assert [state.phase for state in Asked(()).states(net)] == [Phase.TEST, Phase.TRAIN]


# ── what came of it ──


@pytest.mark.parametrize(
    ("refused", "overwrites", "drops"), list(product((None, "words"), repeat=3))
)
@pytest.mark.parametrize("new", [False, True])
def test_an_outcome_is_clean_that_loses_and_brings_nothing(
    refused: str | None, overwrites: str | None, drops: str | None, new: bool
) -> None:
    pair = NetAndModel(None, None, None)
    before, after = Counter([ZERO, WIDE]), Counter([ZERO, *[ZERO] * new])
    outcome = Aftermath((), pair, pair, (), after, after, overwrites, drops, refused)
    clean = (refused, overwrites, drops, new) == (None, None, None, False)
    assert outcome.is_clean(before) is clean


def test_findings_are_counted_and_notes_fail_no_check() -> None:
    note, error = Finding("DS010", "", layer="a"), Finding("DS002", "", layer="a")
    raised = note._replace(severity=Severity.ERROR)
    found = (note, error, error, raised)
    assert keys(found) == {note.key: 2, error.key: 2}
    assert failing(found) == {note.key: 1, error.key: 2}


def test_an_outcome_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step on each pair, too, and what is found in it: several repairs begin alike."""
    script = Script(
        monkeypatch, {}, {("apply", "a"): Does([ZERO], [WIDE]), ("patch-net", "a"): Does([WIDE])}
    )
    tried, pair = Trials(Asked(()), ()), script.pair(ZERO)
    first, both = tried.of((APPLY,), pair), tried.of((APPLY, PATCH), pair)
    assert tried.of((APPLY,), pair) is first
    assert script.tried == [APPLY, PATCH]
    assert (first.steps, first.before, first.refused) == ((APPLY,), pair, None)
    assert (first.keys, first.failing) == (Counter([WIDE]), Counter([WIDE]))
    assert [found.key for found in first.found] == [WIDE]
    assert (both.keys, both.pair.model, both.before) == (Counter(), frozenset(), pair)
    assert tried.found(first.pair) is first.found
    assert script.judged == 2
    other = script.pair(ZERO, WIDE)
    assert tried.of((APPLY,), other).keys == Counter([WIDE])
    assert script.tried == [APPLY, PATCH, APPLY]
    nothing = tried.of((), pair)
    assert (nothing.pair, nothing.overwrites, nothing.drops) == (pair, None, None)


def test_what_one_step_loses_the_whole_has_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    over, drop = Does(overwrites="over"), Does(drops="drop")
    script = Script(monkeypatch, {}, {("apply", "a"): over, ("patch-net", "a"): drop})
    for steps in ((APPLY, PATCH), (PATCH, APPLY)):
        outcome = Trials(Asked(()), ()).of(steps, script.pair(ZERO))
        assert (outcome.overwrites, outcome.drops, outcome.refused) == ("over", "drop", None)


def test_what_is_refused_leaves_the_pair_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(
        monkeypatch,
        {},
        {("apply", "a"): Does([ZERO]), ("patch-net", "a"): Does(refused="no\n  way ")},
    )
    pair = script.pair(ZERO)
    refused = Trials(Asked(()), ()).of((APPLY, PATCH), pair)
    assert refused == Aftermath(
        (APPLY, PATCH), pair, pair, (), Counter(), Counter(), refused="no; way"
    )


def test_of_what_cannot_be_read_no_outcome_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise FileError("the disk is away")

    script = Script(monkeypatch, {}, {})
    monkeypatch.setattr(trials, "tried", fails)
    with pytest.raises(FileError):
        Trials(Asked(()), ()).of((APPLY,), script.pair(ZERO))


# ── what follows ──

OTHER: Key = ("DS006", "a")
LAST: Key = ("DS005", "a")


def repairs(*found: Key) -> dict[Key, Repair]:
    """Of each, ``patch-net`` with an option that is named as its rule."""
    return {key: Repair("", (after(key),)) for key in found}


def after(key: Key) -> RepairStep:
    return RepairStep("patch-net", ("-p", str(key[1]), f"--{key[0]}"))


def followed(script: Script, before: tuple[Key, ...] = (ZERO,)) -> Aftermath:
    """The outcome of ``apply``, with what follows it."""
    tried, pair = Trials(Asked(()), ()), script.pair(*before)
    return tried.with_what_follows(tried.of((APPLY,), pair), Counter(before))


def test_what_comes_is_repaired_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: dict[RepairStep | tuple[str, str], Does] = {
        ("apply", "a"): Does([ZERO], [WIDE]),
        after(WIDE): Does([WIDE]),
    }
    outcome = followed(Script(monkeypatch, repairs(ZERO, WIDE), steps))
    assert (outcome.steps, outcome.keys) == ((APPLY, after(WIDE)), Counter())
    # What was there before is not what comes.
    outcome = followed(Script(monkeypatch, repairs(ZERO, WIDE), steps), (ZERO, WIDE))
    assert (outcome.steps, outcome.keys) == ((APPLY,), Counter([WIDE]))


def test_what_comes_of_that_is_repaired_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of several repairs of one layer in the net, which are one command; then it is enough."""
    joined = RepairStep("patch-net", ("-p", "a", "--DS007", "--DS006"))
    steps: dict[RepairStep | tuple[str, str], Does] = {
        ("apply", "a"): Does([ZERO], [WIDE]),
        after(WIDE): Does([WIDE], [OTHER]),
        joined: Does([WIDE, OTHER], [LAST]),
        RepairStep("patch-net", (*joined.options, "--DS005")): Does([WIDE, OTHER, LAST]),
    }
    script = Script(monkeypatch, repairs(WIDE, OTHER, LAST), steps)
    outcome = followed(script)
    assert (outcome.steps, outcome.keys) == ((APPLY, joined), Counter([LAST]))


@pytest.mark.parametrize(
    ("does", "more"),
    [
        (Does(), {}),
        (Does(refused="no"), repairs(WIDE)),
        (Does([WIDE]), {WIDE: Repair("by hand", unsafe=(after(WIDE),))}),
    ],
    ids=["no repair", "refused", "unsafe"],
)
def test_what_cannot_be_repaired_stays(
    does: Does, more: dict[Key, Repair], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: dict[RepairStep | tuple[str, str], Does] = {
        ("apply", "a"): Does([ZERO], [WIDE]),
        after(WIDE): does,
    }
    outcome = followed(Script(monkeypatch, repairs(ZERO) | more, steps))
    assert (outcome.steps, outcome.keys) == ((APPLY,), Counter([WIDE]))


@pytest.mark.parametrize("does", [Does(refused="no"), Does([ZERO])])
def test_where_nothing_comes_nothing_follows(does: Does, monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(monkeypatch, repairs(ZERO, WIDE), {("apply", "a"): does})
    outcome = followed(script)
    assert (outcome.steps, outcome.refused) == ((APPLY,), does.refused)
    assert script.tried == [APPLY]


# ── how many ──


@pytest.mark.parametrize(
    ("layers", "expected"), [(0, 1001), (1, 1001), (2, 501), (1000, 2), (1001, 1), (9999, 1)]
)
def test_how_many_are_tried_by_themselves(
    layers: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = Script(monkeypatch, {}, {}).pair(layers=layers)
    assert Trials(Asked(()), ()).most_alone(pair) == expected


def test_of_a_model_alone_as_many_as_of_one_layer() -> None:
    assert Trials(Asked(()), ()).most_alone(NetAndModel(None, None, None)) == 1001


# ── which layers ──


def test_the_findings_are_those_that_were_asked_for() -> None:
    """Of the layers, the rules and the state; of a model alone, too."""
    rule = "include { phase: TRAIN }"
    text = data_layer(1, 3, 8, 8) + up("a", PLAIN, more=rule) + up("b", PLAIN, more=rule)
    net = ds.parse_net(text.encode())
    zeros = [np.zeros((3, 1, 4, 4), np.float32)]
    model = indexed(model_bytes({"a": zeros, "b": zeros}, kind="Deconvolution"))

    def found(pair: NetAndModel, asked: Asked) -> set[Key]:
        return {finding.key for finding in Trials(asked, ()).found(pair)}

    pair = NetAndModel(None, net, model)
    assert found(pair, Asked(("*",))) == {
        (rule, layer) for rule in ("DS002", "DS010") for layer in "ab"
    }
    assert found(pair, Asked(("*",), ("b",))) == {("DS002", "a"), ("DS010", "a")}
    only = WantedRules(frozenset(["DS002"]))
    assert found(pair, Asked(("*",), wanted=only)) == {("DS002", "a"), ("DS002", "b")}
    assert found(pair, Asked(("*",), phase=Phase.TEST, wanted=only)) == set()
    staged = text.replace("phase: TRAIN", 'stage: "s"')
    pair_of_a_stage = pair._replace(net=ds.parse_net(staged.encode()))
    assert found(pair_of_a_stage, Asked(("a",), stage=("s",), wanted=only)) == {("DS002", "a")}
    assert found(pair_of_a_stage, Asked(("a",), wanted=only)) == set()
    alone = NetAndModel(None, None, model)
    assert found(alone, Asked(("b",))) == {("DS002", "b")}
    assert found(NetAndModel(None, None, None), Asked(("*",))) == set()
    (one, *_) = Trials(Asked(("a",), level=1, wanted=only), ()).found(pair)
    assert one.repair is not None
    assert one.repair.steps == (RepairStep("apply", ("-p", "a", "--level", "1")),)


def test_layers_that_are_learned_are_so_in_every_step() -> None:
    net = ds.parse_net((data_layer(1, 3, 8, 8) + up("a", PLAIN)).encode())
    model = indexed(model_bytes({"a": [np.zeros((3, 1, 4, 4), np.float32)]}))
    pair = NetAndModel(None, net, model)
    assert Trials(Asked(("*",)), ()).of((APPLY,), pair).overwrites is None
    assert Trials(Asked(("*",)), {"a"}).of((APPLY,), pair).overwrites is not None


# ── groups ──


def test_repairs_are_grouped_by_what_they_do() -> None:
    """Each once; first what changes the form, then the net, last weights."""

    def of(*steps: RepairStep, unsafe: tuple[RepairStep, ...] = ()) -> Finding:
        return Finding("DS002", "", repair=Repair("", steps, unsafe))

    b = APPLY._replace(options=("-p", "b"))
    convert = RepairStep("convert", ("--to", "hdf5"))
    found = [
        of(APPLY),
        of(PATCH, APPLY),
        of(),
        Finding("DS002", ""),
        of(convert),
        of(b),
        of(APPLY),
        of(unsafe=(RepairStep("apply", ("-p", "c")),)),
        of(PATCH, unsafe=(b,)),
        of(RepairStep("regroup", ("-p", "a"))),
        of(RepairStep("transplant")),
    ]
    last = [(APPLY,), (b,)]
    others = [
        [(convert,)],
        [(PATCH,)],
        [(PATCH, APPLY)],
        [(RepairStep("regroup", ("-p", "a")),)],
        [(RepairStep("transplant"),)],
    ]
    assert groups_of(found, unsafe=False) == [*others, last]
    more = (RepairStep("apply", ("-p", "c")),)
    assert groups_of(found, unsafe=True) == [*others, [*last, more]]
    assert groups_of([of(), of()], unsafe=False) == []


def test_findings_that_share_a_repair_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may name thousands of layers, and each of them may have a finding."""
    looked_at = 0

    def counted(steps: tuple[RepairStep, ...]) -> tuple[RepairStep, ...]:
        nonlocal looked_at
        looked_at += 1
        return steps

    class Hashed(tuple[RepairStep, ...]):
        """Steps that count how often they are hashed."""

        __slots__ = ()
        times = 0

        def __hash__(self) -> int:
            Hashed.times += 1
            return super().__hash__()

        def __eq__(self, other: object) -> bool:
            return super().__eq__(other)

    monkeypatch.setattr(trials, "alike", counted)
    steps = Hashed((APPLY,))
    found = [Finding("DS002", "", layer=str(at), repair=Repair("", steps)) for at in range(50)]
    assert groups_of(found, unsafe=False) == [[steps]]
    assert looked_at == 1
    assert Hashed.times < 10
