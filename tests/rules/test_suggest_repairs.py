"""What is suggested for a layer, before it is tried: commands, or words.

``possible`` takes commands back that would be refused whatever they are to fix.
"""

from __future__ import annotations

import numpy as np
import pytest

import deconvsurgery as ds
from deconvsurgery.matching.role import LEAVE_IT_OUT
from deconvsurgery.rules.finding import Repair
from deconvsurgery.rules.layer_case import LayerCase
from deconvsurgery.rules.make_cases import model_case
from deconvsurgery.rules.repair_step import RepairStep
from deconvsurgery.rules.suggest_repairs import (
    can_be_enlarged,
    drop_bias,
    enlarge_it,
    fill_it,
    freeze_it,
    group_it,
    possible,
)
from helpers.layer_cases import case, cases
from helpers.models import Array, indexed, model_bytes, noise
from helpers.nets import TEST, TRAIN, data_layer, up
from helpers.words import Words, numbers

FROZEN = "param { lr_mult: 0 }"
PLAIN = "num_output: 3 group: 3 kernel_size: 4 stride: 2 pad: 1 bias_term: false"
WHOLE = PLAIN.replace("group: 3", 'weight_filler { type: "bilinear" }')
KEPT = ("--no-group", "--filler", "keep")
FILLED = ds.bilinear_kernel(4) * np.ones((3, 1, 1, 1))
DIAGONAL = np.eye(3)[:, :, None, None] * ds.bilinear_kernel(4)


def zeros(*shape: int) -> Array:
    return np.zeros(shape, np.float32)


def commands(repair: Repair) -> list[str]:
    return [" ".join((step.verb, *step.options)) for step in repair.steps]


# ── fill_it ──


def test_a_layer_is_filled(words: Words) -> None:
    """With a model or without; by a pattern that takes no other."""
    layers = up(param=PLAIN) + up("upper", PLAIN)
    for weights in (None, {"up": [zeros(3, 1, 4, 4)]}, {}):
        for name, pattern in (("up", r"re:\Aup\Z"), ("upper", "upper")):
            repair = fill_it(case(layers, weights, name))
            assert commands(repair) == [f"apply -p {pattern}"]
            assert repair.unsafe == ()
    words(repair.words)


def test_weights_of_a_name_that_caffe_loads_elsewhere(words: Words) -> None:
    """Of two layers of a name that are active at once the last has them."""
    layers = up(param=PLAIN) + up(param=PLAIN).replace('top: "up"', 'top: "b"')
    passed = [each for each in cases(layers, {"up": [FILLED]}) if each.passed_by]
    for each in passed:
        assert fill_it(each) == Repair(fill_it(each).words)
        words(fill_it(each).words)
    assert len(passed) == 1


def test_a_learned_layer_is_not_filled(words: Words) -> None:
    """What is lost is said where there is something."""
    learned = up(param=PLAIN + ' weight_filler { type: "xavier" }')
    said = {}
    for kind, weights in {
        "net": None,
        "missing": {},
        "zero": {"up": [zeros(3, 1, 4, 4)]},
        "noise": {"up": [noise(3, 1, 4, 4)]},
    }.items():
        repair = fill_it(case(learned, weights))
        assert repair == Repair(repair.words)
        assert repair.words.startswith(LEAVE_IT_OUT)
        words(repair.words)
        said[kind] = repair.words
    assert said["net"] == said["missing"] == said["zero"] != said["noise"]


def test_a_kernel_that_apply_refuses_is_made_another_first() -> None:
    """Where a recipe interpolates; else it is said why it is refused."""
    five = PLAIN.replace("kernel_size: 4", "kernel_size: 5")
    repair = fill_it(case(up(param=five, more=FROZEN), {"up": [zeros(3, 1, 5, 5)]}))
    assert commands(repair) == [
        "patch-net -p up --recipe --no-group --filler keep",
        "transplant -p up --apply",
    ]


REFUSED = {
    "no place": ("num_output: 2 kernel_size: 4 stride: 2 bias_term: false", (3, 2, 4, 4)),
    "stride": (PLAIN.replace("stride: 2", "stride: 1"), (3, 1, 4, 4)),
    "dilation": (f"{PLAIN} dilation: 2", (3, 1, 4, 4)),
    "volume": (PLAIN.replace("kernel_size: 4", "kernel_size: 5"), (3, 1, 5, 5, 5)),
    "shape": (PLAIN, (3, 1, 5, 5)),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_apply_refuses_is_said(kind: str, words: Words) -> None:
    param, shape = REFUSED[kind]
    layers = up(param=param, more=FROZEN)
    if kind == "volume":
        layers = data_layer(1, 3, 8, 8, 8, name="volume") + layers.replace('"data"', '"volume"')
    repair = fill_it(case(layers, {"up": [zeros(*shape)]}))
    assert repair == Repair(repair.words)
    words(repair.words)


def test_without_a_net_there_is_none_to_change(words: Words) -> None:
    """A model alone says what it has; whether apply refuses it is found out with the net."""
    model = indexed(model_bytes({"up": [zeros(3, 1, 5, 5)]}))
    found = model_case(model.layers[0], model, matched=True)
    assert commands(fill_it(found)) == ["apply -p *"]
    assert commands(fill_it(found._replace(target=None, by_net=True))) == ["apply -p *"]
    assert enlarge_it(found) == Repair(enlarge_it(found).words)
    words(enlarge_it(found).words)


def test_no_weights_are_right_for_two_layers_of_a_name_that_differ() -> None:
    """What is refused is what a verb takes all layers of the name for."""
    layers = up(param=PLAIN, more=f"{TRAIN} {FROZEN}")
    layers += up(param=PLAIN.replace("kernel_size: 4", "kernel_size: 6"), more=TEST)
    found = cases(layers, {"up": [zeros(3, 1, 4, 4)]})[0]
    assert found.target is not None
    assert found.target.problem is None
    assert found.named is not None
    assert found.named.problem is not None
    assert fill_it(found) == Repair(fill_it(found).words)
    assert fill_it(found._replace(named=found.target)).steps != ()


# ── enlarge_it ──

OBLONG = "num_output: 3 group: 3 kernel_h: 5 kernel_w: 9 stride_h: 2 stride_w: 4 bias_term: false"
FIVE = PLAIN.replace("kernel_size: 4", "kernel_size: 5")
RECIPE = "patch-net -p up --recipe --no-group --filler keep"


@pytest.mark.parametrize(
    ("param", "weights", "expected"),
    [
        (FIVE, None, [RECIPE]),
        (FIVE, {}, [RECIPE, "apply -p up"]),
        (FIVE, {"up": []}, [RECIPE, "apply -p up"]),
        (FIVE, {"up": [zeros(3, 1, 5, 5)]}, [RECIPE, "transplant -p up --apply"]),
        (PLAIN.replace("pad: 1", "pad: 0"), {"up": [FILLED]}, [RECIPE]),
        (OBLONG, None, [RECIPE]),
    ],
)
def test_a_layer_is_enlarged(
    param: str, weights: dict[str, list[Array]] | None, expected: list[str], words: Words
) -> None:
    """Its weights are new only where the kernel is."""
    repair = enlarge_it(case(up(param=param), weights))
    assert commands(repair) == expected
    assert repair.unsafe == ()
    assert numbers(repair.words) == ([4, 8, 1, 2] if param == OBLONG else [4, 4, 1, 1])
    words(repair.words)


def test_those_that_share_are_enlarged_together() -> None:
    shared = 'param { name: "w" lr_mult: 1 }'
    layers = up("up_a", FIVE, more=shared) + up("up_b", FIVE, more=shared)
    found = case(layers, {"up_a": [zeros(3, 1, 5, 5)]}, "up_a")
    assert commands(enlarge_it(found)) == [
        "patch-net -p up_a -p up_b --recipe --no-group --filler keep",
        "transplant -p up_a -p up_b --apply",
    ]


WITHOUT_RECIPE = {
    "dilation": f"{FIVE} dilation: 2",
    "one of two": FIVE.replace("stride: 2", "stride_h: 2 stride_w: 1"),
    "one": FIVE.replace("stride: 2", "stride: 1"),
    "not set up": FIVE.replace("group: 3", "group: 2"),
}


@pytest.mark.parametrize("kind", WITHOUT_RECIPE)
def test_what_no_recipe_is_for_is_said(kind: str, words: Words) -> None:
    found = case(up(param=WITHOUT_RECIPE[kind]))
    repair = enlarge_it(found)
    assert repair == Repair(repair.words)
    assert can_be_enlarged(found) is False
    words(repair.words)


def test_a_layer_of_the_model_alone_is_not_enlarged() -> None:
    found = case(up(param=FIVE))
    assert can_be_enlarged(found) is True
    assert can_be_enlarged(found._replace(by_net=False)) is False
    assert can_be_enlarged(found._replace(target=None)) is False
    assert enlarge_it(found._replace(by_net=False)).steps == ()
    assert enlarge_it(found._replace(target=None)).steps == ()


def test_a_recipe_has_two_axes() -> None:
    layers = data_layer(1, 3, 8, 8, 8, name="volume") + up(param=FIVE).replace("data", "volume")
    assert can_be_enlarged(case(layers)) is False


# ── group_it ──


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        (None, ["patch-net -p up"]),
        ({}, ["patch-net -p up"]),
        ({"up": [DIAGONAL]}, ["regroup -p up"]),
        ({"up": [zeros(3, 3, 4, 4)]}, ["apply -p up", "regroup -p up"]),
        ({"up": [zeros(3, 3, 5, 5)]}, []),
    ],
    ids=["no model", "missing", "bilinear", "zero", "other shape"],
)
def test_channels_are_kept_apart(
    weights: dict[str, list[Array]] | None, expected: list[str], words: Words
) -> None:
    """In the model, too, where it has weights: they have to be a diagonal then."""
    repair = group_it(case(up(param=WHOLE), weights))
    assert commands(repair) == expected
    assert repair.unsafe == ()
    words(repair.words)


def test_what_cannot_be_a_diagonal_is_said(words: Words) -> None:
    odd = WHOLE.replace("kernel_size: 4", "kernel_size: 5")
    repair = group_it(case(up(param=odd), {"up": [zeros(3, 3, 5, 5)]}))
    assert repair == Repair(repair.words)
    words(repair.words)


def test_weights_that_are_shared_are_grouped_by_hand(words: Words) -> None:
    shared = 'param { name: "w" lr_mult: 1 }'
    layers = up("up_a", WHOLE, more=shared) + up("up_b", WHOLE, more=shared)
    repair = group_it(case(layers, {"up_a": [DIAGONAL]}, "up_a"))
    assert repair == Repair(repair.words)
    words(repair.words)
    alone = group_it(case(layers, None, "up_a"))
    assert commands(alone) == ["patch-net -p up_a -p up_b"]


def test_other_channels_have_no_group_each(words: Words) -> None:
    """Unless their number is not known: the outputs may be as many."""
    two = WHOLE.replace("num_output: 3", "num_output: 2")
    repair = group_it(case(up(param=two)))
    assert repair == Repair(repair.words)
    words(repair.words)
    open_one = up(param=two, bottom="elsewhere")
    assert commands(group_it(case(open_one))) == ["patch-net -p up"]
    assert group_it(case(open_one)._replace(target=None)) == repair


# ── drop_bias, freeze_it ──


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        (None, 1),
        ({}, 1),
        ({"up": []}, 1),
        ({"up": [FILLED]}, 1),
        ({"up": [FILLED, zeros(3)]}, 0),
        ({"up": [FILLED, zeros(3), zeros(3)]}, 0),
    ],
)
def test_a_bias_goes_that_the_model_does_not_have(
    weights: dict[str, list[Array]] | None, expected: int, words: Words
) -> None:
    repair = drop_bias(case(up(param=PLAIN), weights))
    assert commands(repair) == ["patch-net -p up --no-bias --no-group --filler keep"] * expected
    words(repair.words)


def test_rates_go_together(words: Words) -> None:
    shared = 'param { name: "w" lr_mult: 1 }'
    layers = up("up_a", PLAIN, more=shared) + up("up_b", PLAIN, more=shared)
    repair = freeze_it(case(layers, None, "up_a"))
    assert commands(repair) == ["patch-net -p up_a -p up_b --freeze --no-group --filler keep"]
    words(repair.words)


# ── possible ──

FILL = Repair("do it", (RepairStep("apply", ("-p", "up")),))
ENLARGE = Repair(
    "do it", (RepairStep("patch-net"), RepairStep("transplant", ("-p", "up", "--apply")))
)
GRAFT = Repair("do it", (RepairStep("transplant"),))
PATCH = Repair("do it", (RepairStep("patch-net"),))
WITH_MODEL = (FILL, ENLARGE, GRAFT)
EVERY = (*WITH_MODEL, PATCH)


def left(found: LayerCase) -> list[Repair | None]:
    """What is left of a fill, an enlarging, a transplant that fills nothing, and a patch."""
    return [possible(each, found) for each in EVERY]


def test_what_is_possible_stays() -> None:
    found = case(up(param=PLAIN, more=FROZEN), {"up": [zeros(3, 1, 4, 4)]})
    assert left(found) == [*EVERY]
    assert left(found._replace(target=None)) == [*EVERY]
    assert possible(None, found) is None
    assert possible(Repair("by hand"), found) == Repair("by hand")


def learned_case(kind: str) -> LayerCase:
    weights = {"up": [noise(3, 1, 4, 4)]} if kind == "noise" else {}
    return case(up(param=PLAIN + ' weight_filler { type: "xavier" }'), weights)


@pytest.mark.parametrize("kind", ["noise", "missing"])
def test_nothing_is_done_to_a_learned_layer(kind: str) -> None:
    """Words by hand stay; of what would be filled it is said what is lost."""
    found = learned_case(kind)
    assert left(found) == [fill_it(found)] * 2 + [Repair(LEAVE_IT_OUT)] * 2
    assert fill_it(found) != Repair(LEAVE_IT_OUT)
    assert possible(Repair("by hand"), found) == Repair("by hand")


def test_nothing_is_done_to_what_caffe_would_not_set_up(words: Words) -> None:
    found = case(up(param=PLAIN.replace("group: 3", "group: 2"), more=FROZEN), {})
    said = left(found)
    assert said == [said[0]] * 4
    assert said[0] is not None
    assert said[0] == Repair(said[0].words)
    words(said[0].words)


def test_no_verb_writes_a_model_for_two_that_are_not_alike(words: Words) -> None:
    """Layers of one name; the net can still be changed."""
    layers = up(param=PLAIN, more=f"{TRAIN} {FROZEN}")
    layers += up(param=PLAIN.replace("kernel_size: 4", "kernel_size: 6"), more=TEST)
    found = cases(layers)[0]
    assert found.named is not None
    assert found.named.problem is not None
    said = left(found)
    assert said == [said[0]] * 3 + [PATCH]
    assert said[0] is not None
    assert said[0] == Repair(said[0].words)
    words(said[0].words)
    assert left(found._replace(named=None)) == [*EVERY]


@pytest.mark.parametrize("move", [1.01, np.nan])
def test_what_may_have_been_learned_is_overwritten_where_that_is_asked_for(
    move: float, words: Words
) -> None:
    found = case(up(param=PLAIN, more=FROZEN), {"up": [FILLED * move]})
    said = left(found)
    assert [each and (each.steps, each.unsafe) for each in said] == [
        ((), FILL.steps),
        ((), ENLARGE.steps),
        (GRAFT.steps, ()),
        (PATCH.steps, ()),
    ]
    assert said[0] is not None
    words(said[0].words)
