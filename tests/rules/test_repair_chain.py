"""Which repairs are said, and which chain is made of them, for verbs whose doing is written down.

``tests/advice`` carries out what is said for nets and models.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from deconvsurgery.matching.role import LEAVE_IT_OUT
from deconvsurgery.rules import trials
from deconvsurgery.rules.finding import Repair
from deconvsurgery.rules.repair_chain import PairRepair, tried_repairs
from deconvsurgery.rules.repair_step import RepairStep
from deconvsurgery.rules.trials import Asked, Key
from helpers.scripted_repairs import Does, Script
from helpers.words import Words

ASKED = Asked(("*",))
LEARNED = frozenset({"learned"})


def step(verb: str, *layers: str, more: tuple[str, ...] = ()) -> RepairStep:
    return RepairStep(verb, (*(part for layer in layers for part in ("-p", layer)), *more))


def zero(layer: str) -> Key:
    """An error that ``apply`` repairs."""
    return "DS002", layer


def fill(layer: str, **more: object) -> Repair:
    return Repair(f"fill {layer}", (step("apply", layer),))


class Told:
    """What is said of a script's pair: repairs by what is broken, and the pair's own."""

    def __init__(self, script: Script, *broken: Key, asked: Asked = ASKED, layers: int = 1) -> None:
        pair, self.before = script.pair(*broken, layers=layers), script.findings(broken)
        self.findings, self.pair = tried_repairs(pair, asked, self.before, LEARNED)

    @property
    def repairs(self) -> Mapping[Key, Repair | None]:
        return {finding.key: finding.repair for finding in self.findings}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a net of thousands: one repair is tried by itself."""
    monkeypatch.setattr(trials, "_MOST_LOOKED_AT", 0)


def clean(*layers: str) -> dict[RepairStep | tuple[str, str], Does]:
    """``apply`` repairs each of them."""
    return {("apply", layer): Does([zero(layer)]) for layer in layers}


def filling(*layers: str) -> dict[Key, Repair]:
    return {zero(layer): fill(layer) for layer in layers}


# ── a finding's own repair ──


def test_where_nothing_has_a_command_nothing_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(monkeypatch, {zero("a"): Repair("by hand")}, {})
    told = Told(script, zero("a"), ("DS011", None))
    assert (told.findings, told.pair) == (told.before, None)
    assert (script.tried, script.judged) == ([], 0)


def test_each_has_its_own_command_and_the_pair_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(monkeypatch, filling("a", "b"), clean("a", "b"))
    told = Told(script, zero("a"), zero("b"), ("DS012", "c"))
    assert script.learned == [LEARNED] * 3
    assert told.repairs == {**filling("a", "b"), ("DS012", "c"): None}
    assert told.pair == PairRepair((step("apply", "a", "b"),), ("DS012",))


def test_what_a_verb_refuses_is_words(monkeypatch: pytest.MonkeyPatch, words: Words) -> None:
    does = Does(refused="this\n  and\n  that")
    told = Told(Script(monkeypatch, filling("a"), {("apply", "a"): does}), zero("a"))
    repair = told.repairs[zero("a")]
    assert repair is not None
    assert repair == Repair(repair.words)
    assert repair.words.startswith("fill a; apply ")
    assert repair.words.endswith(": this; and; that")
    words(repair.words)
    assert told.pair is None


@pytest.mark.parametrize("comes", [(), [zero("a"), ("DS007", "a")]], ids=["nothing", "more"])
def test_what_leaves_its_finding_is_words(
    comes: list[Key], monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script(monkeypatch, filling("a"), {("apply", "a"): Does(comes=comes)})
    told = Told(script, zero("a"))
    assert told.repairs == {zero("a"): Repair("fill a")}
    assert told.pair is None


def test_what_brings_others_names_their_rules(
    monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    does = Does([zero("a")], [("DS007", "b"), ("DS007", "a"), ("DS006", "a")])
    script = Script(monkeypatch, filling("a"), {("apply", "a"): does})
    told = Told(script, zero("a"))
    repair = told.repairs[zero("a")]
    assert repair is not None
    assert repair == Repair(repair.words)
    assert repair.words.startswith("fill a; ")
    assert repair.words.endswith(" DS006, DS007")
    words(repair.words)
    assert told.pair is None


def test_a_note_may_come(monkeypatch: pytest.MonkeyPatch) -> None:
    does = Does([zero("a")], [("DS010", "a")])
    script = Script(monkeypatch, filling("a"), {("apply", "a"): does})
    told = Told(script, zero("a"))
    assert told.repairs == filling("a")
    assert told.pair == PairRepair((step("apply", "a"),), ("DS010",))


def test_what_drops_values_is_words(monkeypatch: pytest.MonkeyPatch) -> None:
    does = Does([zero("a")], drops="gone", overwrites="over")
    script = Script(monkeypatch, filling("a"), {("apply", "a"): does})
    told = Told(script, zero("a"))
    assert told.repairs == {zero("a"): Repair("fill a; gone")}
    assert told.pair is None


def test_what_overwrites_is_done_where_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = clean("b") | {("apply", "a"): Does([zero("a")], overwrites="over")}
    script = Script(monkeypatch, filling("a", "b"), steps)
    told = Told(script, zero("a"), zero("b"))
    words = f"fill a; over; {LEAVE_IT_OUT}"
    assert told.repairs == {
        zero("a"): Repair(words, unsafe=(step("apply", "a"),)),
        zero("b"): fill("b"),
    }
    both = (step("apply", "b"), step("apply", "a"))
    assert told.pair == PairRepair(both[:1], ("DS002",), both)


def test_a_repair_brings_the_repair_of_what_it_brings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights that are bilinear now may lie wrongly; a note's repair goes no such way."""
    wide, note = ("DS007", "a"), ("DS010", "a")
    one, other = step("apply", "a"), step("patch-net", "a")
    repairs = {
        zero("a"): Repair("fill a", (one,)),
        note: Repair("note", (one,)),
        wide: Repair("enlarge a", (other,)),
    }
    steps: dict[RepairStep | tuple[str, str], Does] = {
        ("apply", "a"): Does([zero("a"), note], [wide]),
        ("patch-net", "a"): Does([wide]),
    }
    told = Told(Script(monkeypatch, repairs, steps), zero("a"), note)
    assert told.repairs[zero("a")] == Repair("fill a", (one, other))
    said = told.repairs[note]
    assert said is not None
    assert said == Repair(said.words)
    assert said.words.endswith(" DS007")
    assert told.pair == PairRepair((one, other), ())


# ── many that are alike ──


def test_as_many_are_tried_alone_as_a_second_has_time_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a net of 333 layers four are, in one of 334 they are tried as one command."""
    names = ("a", "b", "c", "d")
    repairs, steps = filling(*names), clean(*names)
    one = (step("apply", *names),)
    for layers, expected in [
        (333, repairs),
        (334, {key: repair._replace(steps=one) for key, repair in repairs.items()}),
    ]:
        script = Script(monkeypatch, repairs, steps)
        told = Told(script, *repairs, layers=layers)
        assert told.repairs == expected
        assert told.pair == PairRepair(one, ())
        assert script.tried[-1] == one[0]


WRONG = {
    "refused": Does(refused="no"),
    "overwrites": Does(map(zero, "ab"), overwrites="over"),
    "drops": Does(map(zero, "ab"), drops="gone"),
    "brings": Does(map(zero, "ab"), [("DS007", "a")]),
    "leaves one": Does([zero("a")]),
}


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("kind", WRONG)
def test_what_does_not_work_as_one_is_tried_alone(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as there is time for it: of the others there are words, and the pair's command."""
    both = step("apply", "a", "b")
    script = Script(monkeypatch, filling("a", "b"), clean("a", "b") | {both: WRONG[kind]})
    told = Told(script, zero("a"), zero("b"))
    assert told.repairs == {zero("a"): fill("a"), zero("b"): Repair("fill b")}
    one, other = step("apply", "a"), step("apply", "b")
    assert script.tried == [both, one, other]
    assert told.pair == PairRepair((one, other), ())


@pytest.mark.usefixtures("few")
def test_many_of_two_kinds_have_two_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of which each repairs its own, and is judged once for all of them."""
    wide: list[Key] = [("DS007", "a"), ("DS007", "b")]
    patch, both = step("patch-net", "a", "b"), step("apply", "a", "b")
    repairs = filling("a", "b")
    repairs |= {key: Repair("", (step("patch-net", str(key[1])),)) for key in wide}
    steps = clean("a", "b") | {("patch-net", str(key[1])): Does([key]) for key in wide}
    judged = 0
    follows = trials.Trials.with_what_follows

    def counted(*given: Any) -> trials.Aftermath:
        nonlocal judged
        judged += 1
        return follows(*given)

    monkeypatch.setattr(trials.Trials, "with_what_follows", counted)
    told = Told(Script(monkeypatch, repairs, steps), *repairs)
    assert told.repairs == {
        key: repair._replace(steps=(patch if key in wide else both,))
        for key, repair in repairs.items()
    }
    assert told.pair == PairRepair((patch, both), ())
    assert judged == 4  # one for each command, and one for each step of the chain


@pytest.mark.usefixtures("few")
def test_commands_that_nobody_asked_for_take_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    unsafe = Repair("learned?", unsafe=(step("apply", "b"),))
    script = Script(monkeypatch, {zero("b"): unsafe} | filling("a"), clean("a", "b"))
    told = Told(script, zero("a"), zero("b"))
    assert told.repairs == {zero("a"): fill("a"), zero("b"): unsafe}
    assert script.tried == [step("apply", "a"), step("apply", "b")]
    both = (step("apply", "a"), step("apply", "b"))
    assert told.pair == PairRepair(both[:1], ("DS002",), both)


# ── the chain ──


def chained(
    monkeypatch: pytest.MonkeyPatch, names: str, whole: Mapping[str, Does]
) -> tuple[PairRepair | None, list[str]]:
    """The chain of layers that ``apply`` fills; what it does to several is written down."""
    steps = clean(*names) | {step("apply", *several): does for several, does in whole.items()}
    script = Script(monkeypatch, filling(*names), steps)
    pair = Told(script, *map(zero, names)).pair
    return pair, ["".join(each.options[1::2]) for each in script.tried]


@pytest.mark.parametrize("kind", sorted(WRONG.keys() - {"leaves one"}))
def test_what_does_not_work_as_one_is_done_one_by_one(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair, tried = chained(monkeypatch, "ab", {"ab": WRONG[kind]})
    assert tried == ["a", "b", "ab", "b"]
    assert pair == PairRepair((step("apply", "a"), step("apply", "b")), ())


def test_what_repairs_nothing_is_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    pair, tried = chained(monkeypatch, "ab", {"ab": Does()})
    assert tried == ["a", "b", "ab", "b"]
    assert pair == PairRepair((step("apply", "a"), step("apply", "b")), ())


def test_halves_are_tried_down_to_each_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial that was made already, as a's own before, is not made again."""
    no = Does(refused="no")
    pair, tried = chained(
        monkeypatch, "abcde", dict.fromkeys(("abcde", "ab", "bcde", "bc", "cde"), no)
    )
    assert "".join(tried[:5]) == "abcde"
    assert tried[5:] == ["abcde", "ab", "bcde", "bc", "b", "cde", "c", "de"]
    steps = tuple(step("apply", *names) for names in ("a", "b", "c", "de"))
    assert pair == PairRepair(steps, ())


def test_the_other_half_is_tried_where_one_does_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """A note that comes has a command that is like another's, and is refused."""
    wide, note, last = ("DS007", "a"), ("DS010", "c"), ("DS019", "a")
    repairs = {
        wide: Repair("", (step("patch-net", "a"),)),
        note: fill("c"),
        last: fill("a"),
    }
    steps: dict[RepairStep | tuple[str, str], Does] = {
        ("patch-net", "a"): Does([wide], [note]),
        ("apply", "c"): Does(refused="no"),
        ("apply", "a"): Does([last]),
    }
    told = Told(Script(monkeypatch, repairs, steps), wide, last, asked=ASKED._replace(notes=True))
    assert told.pair == PairRepair((step("patch-net", "a"), step("apply", "a")), ("DS010",))


@pytest.mark.usefixtures("few")
def test_there_is_an_end_to_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    pair, tried = chained(monkeypatch, "abc", dict.fromkeys(("abc", "bc"), Does(refused="no")))
    assert tried == ["abc", "a", "bc"]
    assert pair == PairRepair((step("apply", "a"),), ("DS002",))


FROZEN, BIASED, BOTH = (
    step("patch-net", "a", more=more)
    for more in (("--freeze",), ("--no-bias",), ("--no-bias", "--freeze"))
)
BIAS, RATE = ("DS009", "a"), ("DS011", "a")


def of_one_layer(
    monkeypatch: pytest.MonkeyPatch, both: Does, *more: Key, **others: Does
) -> PairRepair | None:
    """The chain where two changes of a layer may be one; ``both`` is what that one does."""
    repairs = {BIAS: Repair("", (BIASED,)), RATE: Repair("", (FROZEN,))}
    repairs |= {key: Repair("", unsafe=(step("apply", "a"),)) for key in more}
    steps: dict[RepairStep | tuple[str, str], Does] = {BIASED: Does([BIAS]), FROZEN: Does([RATE])}
    steps |= {BOTH: both, ("apply", "a"): Does(more)}
    return Told(Script(monkeypatch, repairs, steps), BIAS, RATE, *more).pair


def test_changes_of_one_layer_are_one_where_they_come_to_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pair = of_one_layer(monkeypatch, Does([BIAS, RATE]))
    assert pair == PairRepair((BOTH,), ())
    more = zero("a")
    pair = of_one_layer(monkeypatch, Does([BIAS, RATE]), more)
    assert pair == PairRepair((BOTH,), ("DS002",), (BOTH, step("apply", "a")))


@pytest.mark.parametrize("both", [Does([BIAS]), Does(refused="no")], ids=["less", "refused"])
def test_else_they_stay_apart(both: Does, monkeypatch: pytest.MonkeyPatch) -> None:
    assert of_one_layer(monkeypatch, both) == PairRepair((BIASED, FROZEN), ())


def test_a_circle_of_repairs_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each makes what the other takes away, of which a note is never too many."""
    one, other = ("DS010", "a"), ("DS018", "a")
    repairs = {one: fill("a"), other: Repair("", (FROZEN,))}
    steps: dict[RepairStep | tuple[str, str], Does] = {
        ("apply", "a"): Does([one], [other]),
        FROZEN: Does([other], [one]),
    }
    script = Script(monkeypatch, repairs, steps)
    pair = Told(script, one, asked=ASKED._replace(notes=True)).pair
    assert pair is not None
    assert (pair.steps, pair.leaves) == ((step("apply", "a"), FROZEN) * 6, ("DS010",))
