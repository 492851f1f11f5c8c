"""The nouns of a net: which layers a state has, and what a message says of a field."""

from __future__ import annotations

import pytest

from deconvsurgery.net import Layer, Message, Net, NetState, NetStateRule, Phase

TRAIN, TEST = Phase.TRAIN, Phase.TEST
RULE = NetStateRule


# Section (f) of the facts: each row was run on Caffe itself.
@pytest.mark.parametrize(
    ("rule", "state", "met"),
    [
        (RULE(), NetState(), True),
        (RULE(phase=TEST), NetState(), True),
        (RULE(phase=TRAIN), NetState(), False),
        (RULE(phase=TRAIN), NetState(TRAIN), True),
        (RULE(min_level=1), NetState(level=0), False),
        (RULE(min_level=1), NetState(level=1), True),
        (RULE(max_level=1), NetState(level=2), False),
        (RULE(max_level=1), NetState(level=1), True),
        (RULE(min_level=0), NetState(level=-1), False),
        (RULE(min_level=-2, max_level=-1), NetState(level=-1), True),
        (RULE(stage=("a",)), NetState(), False),
        (RULE(stage=("a",)), NetState(stage=("b", "a")), True),
        (RULE(stage=("a", "b")), NetState(stage=("a",)), False),  # two stages in one rule: AND
        (RULE(stage=("a", "b")), NetState(stage=("b", "a", "c")), True),
        (RULE(not_stage=("a",)), NetState(stage=("b",)), True),
        (RULE(not_stage=("a", "b")), NetState(stage=("b",)), False),
        (RULE(stage=("a",), not_stage=("b",)), NetState(stage=("a", "b")), False),
        (RULE(phase=TEST, min_level=3), NetState(TEST, 2), False),
    ],
)
def test_rules(rule: NetStateRule, state: NetState, met: bool) -> None:
    assert rule.met(state) is met


@pytest.mark.parametrize(
    ("include", "exclude", "kept_in_train", "kept_in_test"),
    [
        ((), (), True, True),
        ((RULE(phase=TRAIN),), (), True, False),
        ((RULE(phase=TRAIN), RULE(phase=TEST)), (), True, True),  # two include rules: OR
        ((RULE(phase=TRAIN), RULE(stage=("s",))), (), True, False),
        ((RULE(),), (), True, True),
        ((), (RULE(phase=TRAIN),), False, True),
        ((), (RULE(phase=TRAIN), RULE(phase=TEST)), False, False),
        ((), (RULE(),), False, False),
    ],
)
def test_layers_are_included_by_any_rule_and_excluded_by_any(
    include: tuple[NetStateRule, ...],
    exclude: tuple[NetStateRule, ...],
    kept_in_train: bool,
    kept_in_test: bool,
) -> None:
    layer = Layer(0, "up", "Deconvolution", include=include, exclude=exclude)
    assert layer.active(NetState(TRAIN)) is kept_in_train
    assert layer.active(NetState(TEST)) is kept_in_test


def test_a_filtered_net_keeps_the_places_of_its_layers() -> None:
    layers = (
        Layer(0, "data", "Data", include=(RULE(phase=TRAIN),)),
        Layer(1, "data", "Input", include=(RULE(phase=TEST),)),
        Layer(2, "up", "Deconvolution"),
    )
    net = Net("n", layers)
    assert [layer.index for layer in net.filtered(NetState(TEST)).layers] == [1, 2]
    assert net.filtered(NetState(TRAIN)).state == NetState(TRAIN)
    assert net.layers == layers


def test_states_to_look_at() -> None:
    """Phase and level override what the file says, stages are added to it, as caffe.Net does."""
    net = Net(state=NetState(TRAIN, 3, ("own",)))
    own = ("own",)
    assert net.states() == (NetState(TEST, 3, own), NetState(TRAIN, 3, own))
    assert net.states(TRAIN) == (NetState(TRAIN, 3, own),)
    assert net.states(TEST, 0, ("more",)) == (NetState(TEST, 0, ("own", "more")),)
    assert Net().states() == (NetState(TEST, 0, ()), NetState(TRAIN, 0, ()))


def test_what_a_message_says() -> None:
    inner, other = Message((("a", 1), ("b", "x"))), Message((("a", 2),))
    message = Message(
        (("m", inner), ("n", 4), ("n", 5), ("f", 0.5), ("t", True), ("s", "one"), ("s", "two"))
        + (("m", other),)
    )
    assert message.message("m").fields == (("a", 1), ("b", "x"), ("a", 2))
    assert message.messages("m") == (inner, other)
    assert message.message("m").integer("a") == 2
    assert (message.integers("n"), message.integer("n")) == ((4, 5), 5)
    assert (message.number("f", 1.0), message.number("n", 1.0)) == (0.5, 5.0)
    assert (message.flag("t", False), message.texts("s"), message.text("s")) == (
        True,
        ("one", "two"),
        "two",
    )
    assert "m" in message


def test_what_a_message_does_not_say_is_its_default() -> None:
    nothing = Message()
    assert "n" not in nothing
    assert nothing.message("m") == nothing
    assert (nothing.integer("n"), nothing.integer("n", 7)) == (None, 7)
    assert (nothing.number("f", 0.25), nothing.flag("t", True), nothing.text("s", "d")) == (
        0.25,
        True,
        "d",
    )
    assert (nothing.all("x"), nothing.messages("x"), nothing.texts("x")) == ((), (), ())
