"""What a Deconvolution is for, by net and weights; held to real nets where they are at hand."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping

import pytest

import deconvsurgery as ds
from deconvsurgery.matching.matched_layer import targets
from deconvsurgery.matching.refusal import Refusal
from deconvsurgery.matching.role import (
    Role,
    RoleFound,
    filled_by,
    holds_learned_values,
    is_empty,
    role_of,
)
from deconvsurgery.prototxt.net import Filler
from helpers.places import SHARED

HEAD = 'layer { name: "d" type: "Input" top: "d" input_param { shape { %s } } }'
INTERPOLATION, LEARNED, UNKNOWN = Role.INTERPOLATION, Role.LEARNED, Role.UNKNOWN


def target(param: str, *, lr: str = "", channels: int | None = 3) -> ds.MatchedLayer:
    """A Deconvolution of a bottom with so many channels; ``lr`` is its first lr_mult."""
    head = HEAD % f"dim: 1 dim: {channels} dim: 9 dim: 9" if channels else ""
    rate = f"param {{ lr_mult: {lr} }}" if lr else ""
    text = (
        f'{head} layer {{ name: "up" type: "Deconvolution" bottom: "d" top: "u" {rate} '
        f"convolution_param {{ {param} }} }}"
    )
    net = ds.parse_net(text.encode())
    (found,) = targets(net, [net.layers[-1]], net.states(), None)
    return found


FACTOR2 = "num_output: 3 kernel_size: 4 stride: 2"
BY_NET: list[tuple[str, str, Role]] = [
    # FCN's own: frozen, filled by surgery.
    (FACTOR2, "0", INTERPOLATION),
    ("num_output: 3 kernel_size: 63 stride: 32", "0", INTERPOLATION),
    (f"{FACTOR2} group: 3 pad: 1 bias_term: false", "0", INTERPOLATION),
    # A bilinear filler says so, whatever else.
    (f'{FACTOR2} weight_filler {{ type: "bilinear" }}', "", INTERPOLATION),
    (f'{FACTOR2} weight_filler {{ type: "bilinear" }}', "1", INTERPOLATION),
    (f'{FACTOR2} weight_filler {{ type: "bilinear_upsampling" }}', "", INTERPOLATION),
    (
        'num_output: 5 kernel_size: 4 stride: 2 weight_filler { type: "bilinear" }',
        "",
        INTERPOLATION,
    ),
    # Nearest neighbour by its filler.
    (
        "num_output: 3 group: 3 kernel_size: 2 stride: 2 weight_filler { value: 1 }",
        "0",
        INTERPOLATION,
    ),
    # Learned: random, other channels, stride 1, as wide as the stride.
    (f'{FACTOR2} weight_filler {{ type: "msra" }}', "", LEARNED),
    (f'{FACTOR2} group: 3 weight_filler {{ type: "gaussian" std: 0.1 }}', "1", LEARNED),
    ("num_output: 5 kernel_size: 4 stride: 2", "", LEARNED),
    ("num_output: 5 kernel_size: 4 stride: 2", "0", LEARNED),
    ("num_output: 3 kernel_size: 3", "", LEARNED),
    ("num_output: 3 kernel_size: 2 stride: 2", "", LEARNED),
    ("num_output: 3 kernel_h: 2 kernel_w: 4 stride_h: 2 stride_w: 4", "1", LEARNED),
    # Nobody can say: learned from a bilinear start, or filled and then deployed.
    ("num_output: 3 kernel_size: 2 stride: 2 bias_term: false", "", UNKNOWN),
    ("num_output: 3 kernel_size: 2 stride: 2 group: 3", "", UNKNOWN),
    ("num_output: 3 kernel_size: 4 bias_term: false", "", UNKNOWN),
    ("num_output: 3 kernel_size: 4", "0", UNKNOWN),
    (FACTOR2, "", UNKNOWN),
    (FACTOR2, "1", UNKNOWN),
    ("num_output: 3 kernel_size: 5 stride: 2", "0", UNKNOWN),
    ("num_output: 3 kernel_size: 2 stride: 2", "0", UNKNOWN),
    (f'{FACTOR2} weight_filler {{ type: "msra" }}', "0", UNKNOWN),
    ("num_output: 3 stride: 2", "0", UNKNOWN),
    (f"{FACTOR2} weight_filler {{ value: 1 }}", "0", UNKNOWN),
]


@pytest.mark.parametrize(("param", "lr", "role"), BY_NET)
def test_by_the_net_alone(param: str, lr: str, role: Role) -> None:
    found = role_of(target(param, lr=lr))
    assert found.role is role
    assert found.reasons


HELD: list[tuple[str, str, bool]] = [
    (FACTOR2, "0", True),
    (f'{FACTOR2} weight_filler {{ type: "bilinear" }}', "", True),
    # Unknown: frozen, channels apart, or without a bias.
    ("num_output: 3 kernel_size: 5 stride: 2", "0", True),
    ("num_output: 3 kernel_size: 4", "0", True),
    (f"{FACTOR2} group: 3", "", True),
    (f"{FACTOR2} bias_term: false", "", True),
    (f"{FACTOR2} weight_filler {{ value: 0 }}", "0", True),
    # Unknown, and as likely learned.
    (FACTOR2, "", False),
    (f"{FACTOR2} weight_filler {{ value: 1 }}", "0", False),
    (f'{FACTOR2} weight_filler {{ type: "msra" }}', "0", False),
    # Nearest neighbour, and learned.
    ("num_output: 3 group: 3 kernel_size: 2 stride: 2 weight_filler { value: 1 }", "0", False),
    ("num_output: 5 kernel_size: 4 stride: 2", "0", False),
]


@pytest.mark.parametrize(("param", "lr", "held"), HELD)
def test_what_is_held_to_bilinear_weights(param: str, lr: str, held: bool) -> None:
    assert role_of(target(param, lr=lr)).held is held


@pytest.mark.parametrize("state", [ds.WeightState.MISSING, ds.WeightState.ZERO])
def test_a_layer_that_nobody_knows_is_held_where_a_model_has_nothing_of_it(
    state: ds.WeightState,
) -> None:
    assert role_of(target(FACTOR2), ds.Fingerprint(state)).held
    assert not role_of(target(FACTOR2), ds.Fingerprint(ds.WeightState.CONSTANT, value=2.0)).held


def test_weights_that_repeat_pixels_are_held_to_nothing() -> None:
    nearest = target("num_output: 3 group: 3 kernel_size: 2 stride: 2", lr="0")
    found = role_of(nearest, ds.Fingerprint(ds.WeightState.NEAREST))
    assert (found.role, found.held) == (INTERPOLATION, False)


def test_an_old_filler_of_nvidias_is_an_interpolation() -> None:
    """Its weights are ``other``, as nobody wants them, but no training made them."""
    weights = ds.Fingerprint(ds.WeightState.OTHER, distance=0.5, nvidia=True)
    found = role_of(target(FACTOR2), weights)
    assert (found.role, found.held) == (INTERPOLATION, True)


def test_of_shared_weights_the_owners_filler_counts() -> None:
    msra = target(f'{FACTOR2} weight_filler {{ type: "msra" }}')
    assert role_of(filled_by(msra, Filler("bilinear"))).role is INTERPOLATION
    assert role_of(filled_by(msra, None)).role is UNKNOWN


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5, 6, 7, 8, 9])
def test_a_kernel_interpolates_where_its_gain_is_one(kernel: int, stride: int) -> None:
    found = target(f"num_output: 3 kernel_size: {kernel} stride: {stride}")
    fill = found.fill()
    assert not isinstance(fill, Refusal)
    assert found.kernel_interpolates is found.unit_gain(fill) is found.can_interpolate


def test_a_dilated_kernel_does_not_interpolate() -> None:
    assert not target(f"{FACTOR2} dilation: 3").kernel_interpolates


@pytest.mark.parametrize("state", ds.WeightState)
def test_which_weights_training_may_have_left(state: ds.WeightState) -> None:
    learned = {
        ds.WeightState.OTHER,
        ds.WeightState.NEAR_BILINEAR,
        ds.WeightState.NOT_FINITE,
        ds.WeightState.OTHER_SHAPE,
    }
    assert holds_learned_values(ds.Fingerprint(state)) is (state in learned)
    of_another_shape = ds.Fingerprint(ds.WeightState.OTHER_SHAPE, own=state)
    assert holds_learned_values(of_another_shape) is (state in learned)


def test_weights_that_are_not_there_hold_nothing() -> None:
    assert not holds_learned_values(None)
    assert not holds_learned_values(ds.Fingerprint(ds.WeightState.OTHER, distance=0.5, nvidia=True))


BILINEAR = 'weight_filler { type: "bilinear" }'
# The layer, its learning rate, whether it has nothing to interpolate with: by the net alone, where
# the model has no weights, zeros, and other ones.
EMPTY: list[tuple[str, str, tuple[bool, bool, bool]]] = [
    (FACTOR2, "0", (True, True, True)),
    (FACTOR2, "", (False, True, True)),
    (f"{FACTOR2} weight_filler {{ value: 0 }}", "0", (True, True, True)),
    (f"{FACTOR2} {BILINEAR}", "0", (False, False, True)),
    (f"{FACTOR2} {BILINEAR}", "", (False, False, True)),
    (f'{FACTOR2} weight_filler {{ type: "msra" }}', "", (False, False, False)),
    ("num_output: 3 kernel_size: 4 bias_term: false", "0", (False, False, False)),  # stride 1
    ("num_output: 3 group: 2 kernel_size: 4 stride: 2", "0", (False, False, False)),  # a problem
    ("num_output: 3 kernel_size: 2 stride: 2 weight_filler { value: 1 }", "0", (False,) * 3),
]


@pytest.mark.parametrize(("param", "lr", "expected"), EMPTY)
def test_what_has_nothing_to_interpolate_with(
    param: str, lr: str, expected: tuple[bool, bool, bool]
) -> None:
    found = target(param, lr=lr)
    states = (None, ds.Fingerprint(ds.WeightState.MISSING), ds.Fingerprint(ds.WeightState.ZERO))
    assert tuple(is_empty(found, each) for each in states) == expected
    for state in {*ds.WeightState} - {ds.WeightState.MISSING, ds.WeightState.ZERO}:
        assert not is_empty(found, ds.Fingerprint(state))


def test_without_a_stride_nobody_says_that_a_layer_enlarges() -> None:
    assert not is_empty(target(FACTOR2)._replace(stride=()), ds.Fingerprint(ds.WeightState.ZERO))


def test_one_channel_is_not_kept_apart_from_others() -> None:
    unet = "kernel_size: 2 stride: 2"
    assert role_of(target(f"num_output: 1 {unet}", channels=1)).role is LEARNED
    assert role_of(target(f"num_output: 2 group: 2 {unet}", channels=2)).role is UNKNOWN


def test_one_output_of_several_channels_is_learned() -> None:
    assert role_of(target(f"num_output: 1 {FACTOR2[14:]}")).role is LEARNED
    assert role_of(target(FACTOR2[14:])).role is UNKNOWN  # no num_output: Caffe would stop


def test_each_doubt_has_words_of_its_own() -> None:
    """Not set up; no kernel known; frozen, but no interpolation's kernel; and none of that."""
    layers = [
        target("num_output: 3 group: 2 kernel_size: 4 stride: 2"),
        target("num_output: 3 kernel_size: 4 stride: 2")._replace(stride=()),
        target("num_output: 3 kernel_size: 5 stride: 2", lr="0"),
        target(FACTOR2),
    ]
    found = [role_of(each) for each in layers]
    assert {each.role for each in found} == {UNKNOWN}
    assert len({each.reasons for each in found}) == 4
    assert all(len(each.reasons) == 1 for each in found)


def test_channels_decide_only_where_they_are_known() -> None:
    param = "num_output: 5 kernel_size: 4 stride: 2"
    assert role_of(target(param)).role is LEARNED
    assert role_of(target(param, channels=None)).role is UNKNOWN


BY_WEIGHTS: Mapping[ds.WeightState, Role] = {
    ds.WeightState.BILINEAR: INTERPOLATION,
    ds.WeightState.BILINEAR_CAFFE_1_0: INTERPOLATION,
    ds.WeightState.BILINEAR_EVERY_PAIR: INTERPOLATION,
    ds.WeightState.BILINEAR_OFF_DIAGONAL: INTERPOLATION,
    ds.WeightState.NEAR_BILINEAR: INTERPOLATION,
    ds.WeightState.NEAREST: INTERPOLATION,
}


@pytest.mark.parametrize("state", ds.WeightState)
def test_weights_that_say_something_have_the_last_word(state: ds.WeightState) -> None:
    weights = ds.Fingerprint(state, distance=0.5 if state is ds.WeightState.OTHER else None)
    learned = target(f'{FACTOR2} weight_filler {{ type: "msra" }}')
    frozen = target(FACTOR2, lr="0")
    expected = BY_WEIGHTS.get(state)
    if state is ds.WeightState.OTHER:
        expected = LEARNED
    assert role_of(learned, weights).role is (expected or LEARNED)
    assert role_of(frozen, weights).role is (expected or INTERPOLATION)


def test_weights_that_were_not_judged_say_nothing() -> None:
    frozen = target(FACTOR2, lr="0")
    assert role_of(frozen, ds.Fingerprint(ds.WeightState.OTHER)) == role_of(frozen)


def test_only_reasons_for_the_role_are_given() -> None:
    both = target('num_output: 5 kernel_size: 4 stride: 2 weight_filler { type: "bilinear" }')
    assert role_of(both) == RoleFound(INTERPOLATION, ("its weight_filler is bilinear",), held=True)
    weights = ds.Fingerprint(ds.WeightState.OTHER, distance=1.0)
    found = role_of(both, weights)
    assert found.role is LEARNED
    assert len(found.reasons) == 2


ROLES = SHARED / "golden" / "roles.tsv"


@pytest.mark.campaign
@pytest.mark.skipif(not ROLES.exists(), reason=f"no {ROLES}")
def test_published_nets_never_get_the_opposite_role() -> None:
    nets: dict[str, ds.Net] = {}
    counted: Counter[tuple[str, str]] = Counter()
    with ROLES.open(encoding="utf-8") as rows:
        for row in csv.DictReader(rows, delimiter="\t"):
            if row["net"] not in nets:
                nets[row["net"]] = ds.read_net(SHARED / row["net"])
            net = nets[row["net"]]
            layer = next(each for each in net.layers if each.line == int(row["line"]))
            (found,) = targets(net, [layer], net.states(), None)
            counted[row["role"], str(role_of(found).role)] += 1
    assert counted[INTERPOLATION, LEARNED] == counted[LEARNED, INTERPOLATION] == 0
    assert counted[INTERPOLATION, UNKNOWN] + counted[LEARNED, UNKNOWN] <= 40
    assert counted.total() == 533
