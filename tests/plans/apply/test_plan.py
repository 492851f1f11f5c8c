"""A plan: what becomes of each matched layer, why not, and in which words.

Nets and models are made here by text and by protobuf; weights are written out by hand.
"""

from __future__ import annotations

import re
import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import deconvsurgery as ds
from deconvsurgery.plans.apply.binary_edits import edits
from deconvsurgery.splicing.byte_ranges import spliced
from helpers.models import BytesSource, NetParameter, indexed

KERNEL = np.outer([0.25, 0.75, 0.75, 0.25], [0.25, 0.75, 0.75, 0.25])  # size 4, by hand
DATA = (
    'layer {{ name: "data" type: "Input" top: "data" '
    "input_param {{ shape {{ dim: 1 dim: {} dim: 5 dim: 5 }} }} }}\n"
).format
UP = "num_output: 3 group: 3 bias_term: false kernel_size: 4 stride: 2"


def up(param: str = UP, name: str = "up", more: str = "", bottom: str = "data") -> str:
    return (
        f'layer {{ name: "{name}" type: "Deconvolution" bottom: "{bottom}" top: "{name}" {more} '
        f"convolution_param {{ {param} }} }}\n"
    )


def model_of(*layers: tuple[str, list[np.ndarray]], kind: str = "Deconvolution") -> ds.Model:
    net: Any = NetParameter()
    for name, blobs in layers:
        layer = net.layer.add(name=name, type=kind)
        for blob in blobs:
            layer.blobs.add(data=blob.ravel().tolist(), shape={"dim": blob.shape})
    return indexed(net.SerializeToString())


EMPTY = model_of()
ZERO, ONES = np.zeros((3, 1, 4, 4)), np.ones((3, 1, 4, 4))
GOOD = np.broadcast_to(KERNEL, (3, 1, 4, 4))


def planned(text: str, model: ds.Model = EMPTY, **options: Any) -> ds.Plan:
    net = ds.parse_net(text.encode())
    return ds.make_plan(net, model, ds.match_layers(net), ds.Options(**options))


def actions(plan: ds.Plan) -> dict[str, ds.Action]:
    return {row.target.layer.name: getattr(row, "action", ds.Action.SKIPPED) for row in plan.rows}


def refused(text: str, model: ds.Model = EMPTY, **options: Any) -> Any:
    with pytest.raises((ds.ShapeError, ds.MismatchError)) as raised:
        planned(text, model, **options)
    return raised.value


# --- what is done


@pytest.mark.parametrize(
    ("weights", "action", "before", "largest", "changed"),
    [
        (None, "created", "missing", 0.5625, 48),
        (ZERO, "rewritten", "zero", 0.5625, 48),
        (ONES, "rewritten", "constant", 0.9375, 48),
        (-ZERO, "rewritten", "zero", 0.5625, 48),
        (GOOD, "unchanged", "bilinear", 0, 0),
        (
            np.where(np.arange(48).reshape(3, 1, 4, 4) == 5, 2, GOOD),
            "rewritten",
            "other",
            1.4375,
            1,
        ),
    ],
)
def test_actions(
    weights: np.ndarray | None, action: str, before: str, largest: float, changed: int
) -> None:
    model = EMPTY if weights is None else model_of(("up", [weights]))
    (change,) = planned(DATA(3) + up(), model).changes
    assert (change.action, change.before.state) == (action, before)
    assert (change.max_abs_change, change.values_changed, change.values) == (largest, changed, 48)
    assert change.after.state == "bilinear"
    assert np.array_equal(np.stack(list(change.fill.rows())), GOOD.astype(np.float32))


def test_nan_has_no_largest_change() -> None:
    weights = GOOD.copy()
    weights[1, 0, 2, 2] = np.nan
    (change,) = planned(DATA(3) + up(), model_of(("up", [weights]))).changes
    assert (change.before.state, change.max_abs_change) == ("other", None)
    assert change.values_changed == 1


@pytest.mark.parametrize(
    ("fill", "done"), [("missing", "a"), ("zero", "ab"), ("all", "abcd")], ids=lambda words: words
)
def test_fill(fill: str, done: str) -> None:
    text = DATA(3) + "".join(up(name=f"up_{letter}") for letter in "abcd")
    model = model_of(("up_b", [ZERO]), ("up_c", [ONES]), ("up_d", [GOOD]))
    plan = planned(text, model, fill=fill)
    assert "".join(change.target.layer.name[-1] for change in plan.changes) == done
    assert all(f"(--fill {fill})" in skip.reason for skip in plan.skips)
    assert [row.target.layer.name[-1] for row in plan.rows] == ["a", "b", "c", "d"]


def test_no_create() -> None:
    text = DATA(3) + up() + up(name="up2")
    plan = planned(text, model_of(("up", []), ("up2", [ZERO])), create=False)
    assert actions(plan) == {"up": ds.Action.SKIPPED, "up2": ds.Action.REWRITTEN}
    assert "--no-create" in plan.skips[0].reason
    assert actions(planned(text, create=False)) == {
        "up": ds.Action.SKIPPED,
        "up2": ds.Action.SKIPPED,
    }


def test_a_blob_without_values_is_there_to_be_filled() -> None:
    net: Any = NetParameter()
    net.layer.add(name="up").blobs.add(shape={"dim": [3, 1, 4, 4]})
    model = indexed(net.SerializeToString())
    assert len(planned(DATA(3) + up(), model, create=False).changes) == 1


def test_names_that_fit_layers_of_other_types_are_told() -> None:
    net = ds.parse_net((DATA(3) + up()).encode())
    plan = ds.make_plan(net, EMPTY, ds.match_layers(net, ["data", "up"]))
    assert [layer.name for layer in plan.left_alone] == ["data"]


FULL = "num_output: 2 bias_term: false kernel_size: 4 stride: 2"


def test_off_diagonal_is_cleared_or_kept() -> None:
    weights = np.full((2, 2, 4, 4), 7.0)
    text, model = DATA(2) + up(FULL), model_of(("up", [weights]))
    (cleared,) = planned(text, model).changes
    (kept,) = planned(text, model, keep_off_diagonal=True).changes
    assert (cleared.values_changed, cleared.after.state) == (64, "bilinear")
    assert (kept.values_changed, kept.after.state) == (32, "bilinear-off-diagonal")


WITH_BIAS = "num_output: 3 group: 3 kernel_size: 4 stride: 2"


def test_the_bias_stays_or_is_cleared() -> None:
    model = model_of(("up", [GOOD, np.array([0, 0.5, 0])]))
    text = DATA(3) + up(WITH_BIAS)
    (kept,) = planned(text, model).changes
    assert (kept.action, kept.bias) == (ds.Action.UNCHANGED, None)
    assert any("its bias (up to 0.5) stays; --zero-bias" in said for said in kept.warnings)
    (cleared,) = planned(text, model, zero_bias=True).changes
    assert (cleared.action, cleared.values_changed) == (ds.Action.REWRITTEN, 0)
    clean = model_of(("up", [GOOD, np.zeros(3)]))
    assert not planned(text, clean, zero_bias=True).changed


@pytest.mark.parametrize(
    ("filler", "value"),
    [("", 0), ("bias_filler { value: 2 }", 2), ('bias_filler { type: "xavier" value: 2 }', 0)],
)
def test_a_created_layer_has_the_bias_its_filler_makes(filler: str, value: float) -> None:
    (change,) = planned(DATA(3) + up(f"{WITH_BIAS} {filler}")).changes
    assert change.bias is not None
    assert (change.bias.count, change.bias.value) == (3, value)


# --- names that occur more than once


def test_a_name_twice_in_the_net_is_one_change_and_twice_in_the_model_too() -> None:
    phases = ["include { phase: TRAIN }", "include { phase: TEST }"]
    text = DATA(3) + "".join(up(more=phase) for phase in phases)
    (change,) = planned(text, model_of(("up", [GOOD]), ("up", [ZERO]))).changes
    assert (change.action, change.before.state) == (
        ds.Action.REWRITTEN,
        "zero",
    )  # the last is loaded
    assert any("2 layers of this name; all are rewritten" in said for said in change.warnings)
    assert any("Caffe copies each and the last wins" in said for said in change.warnings)


def test_a_name_twice_with_different_weights_is_refused() -> None:
    text = DATA(3) + up(more="include { phase: TRAIN }")
    text += up(UP.replace("4", "3"), more="include { phase: TEST }")
    assert "set up twice, and differently: shape (3, 1, 3, 3) and (3, 1, 4, 4)" in str(
        refused(text)
    )


def test_a_layer_of_one_phase_is_taken_in_that_phase() -> None:
    net = ds.parse_net((DATA(3) + up(more="include { phase: TRAIN }")).encode())
    for phase, count in ((ds.Phase.TRAIN, 1), (ds.Phase.TEST, 0)):
        states = [ds.NetState(phase)]
        plan = ds.make_plan(net, EMPTY, ds.match_layers(net, states=states), ds.Options(), states)
        assert len(plan.changes) == count


def test_what_stands_in_other_states_only_is_nothing_to_a_plan() -> None:
    """TRAIN has another stride, a stranger that shares the weights and a misspelt field."""
    train = "include { phase: TRAIN }"
    stranger = up(name="mix", more=train + SHARED).replace("Deconvolution", "Convolution")
    text = DATA(3) + up(more="include { phase: TEST }" + SHARED) + stranger
    text += up(UP.replace("stride: 2", "stride: 4"), more=train)
    text += up("num_output: 3 stirde: 2", "typo", train)
    net, states = ds.parse_net(text.encode()), [ds.NetState(ds.Phase.TEST)]
    plan = ds.make_plan(net, EMPTY, ds.match_layers(net, states=states), ds.Options(), states)
    assert [change.target.stride for change in plan.changes] == [(2, 2)]


# --- weights that layers share

SHARED = 'param { name: "w" }'


def test_who_shares_weights_is_filled_with_them() -> None:
    text = DATA(3) + up(more=SHARED) + up(name="refine", more=SHARED) + up(name="other")
    plan = planned(text, model_of(("up", [ZERO]), ("refine", [ZERO]), ("other", [ZERO])))
    assert [change.target.layer.name for change in plan.changes] == ["up", "refine"]
    assert any("shares its weights (param 'w') with 'up'" in s for s in plan.changes[1].warnings)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (
            up(name="refine", more=SHARED).replace("Deconvolution", "Convolution"),
            "is a Convolution",
        ),
        (up(name="up_no", more=SHARED), "is excluded"),
        (up(WITH_BIAS, "refine", 'param { name: "v" } ' + SHARED), "as another blob"),
    ],
)
def test_weights_shared_with_what_may_not_change_are_refused(other: str, words: str) -> None:
    net = ds.parse_net((DATA(3) + up(more=SHARED) + other).encode())
    with pytest.raises(ds.ShapeError, match=words):
        ds.make_plan(net, EMPTY, ds.match_layers(net, ["up"], ["up_no"]))
    plan = ds.make_plan(
        net, EMPTY, ds.match_layers(net, ["up"], ["up_no"]), ds.Options(skip_unfit=True)
    )
    assert plan.changes == ()


def test_when_one_of_those_who_share_cannot_be_filled_none_is() -> None:
    text = DATA(3) + up(more=SHARED) + up(name="up2", more=SHARED) + up(name="up3")
    plan = planned(text, model_of(("up2", [np.ones((3, 3, 4, 4))])), skip_unfit=True)
    assert actions(plan) == {
        "up": ds.Action.SKIPPED,
        "up2": ds.Action.SKIPPED,
        "up3": ds.Action.CREATED,
    }
    first, second = (skip.reason for skip in plan.skips)
    assert first == "shares its weights (param 'w') with 'up2', which is not filled"
    assert "the model's has (3, 3, 4, 4)" in second


# --- refusals

MISMATCHES = {
    "shape": (UP, [np.zeros((3, 3, 4, 4))], "(3, 1, 4, 4), the model's has (3, 3, 4, 4)"),
    "kernel": (UP, [np.zeros((3, 1, 3, 3))], "(3, 1, 4, 4), the model's has (3, 1, 3, 3)"),
    "bias": (WITH_BIAS, [ZERO, np.zeros(4)], "its bias the shape (3), the model's has (4)"),
    "no bias": (WITH_BIAS, [ZERO], "the net gives it 2 blobs, the model has 1"),
    "a bias too many": (UP, [ZERO, np.zeros(3)], "the net gives it 1 blob, the model has 2"),
}


@pytest.mark.parametrize(("param", "blobs", "words"), MISMATCHES.values(), ids=MISMATCHES)
def test_a_model_that_disagrees_is_refused(param: str, blobs: list[Any], words: str) -> None:
    error = refused(DATA(3) + up(param), model_of(("up", blobs)))
    assert isinstance(error, ds.MismatchError)
    assert words in error.message
    assert (error.layer, error.line) == ("up", 2)


def test_values_that_are_not_as_many_as_the_shape_says() -> None:
    net: Any = NetParameter()
    net.layer.add(name="up").blobs.add(data=[1, 2], shape={"dim": [3, 1, 4, 4]})
    error = refused(DATA(3) + up(), indexed(net.SerializeToString()))
    assert "are 2 values, where its shape (3, 1, 4, 4) says 48" in error.message


def test_all_layers_that_do_not_fit_are_named_at_once() -> None:
    text = DATA(3) + up(name="up1") + up(UP.replace("3", "2"), "up2") + up(name="up3")
    text += up("num_output: 3 bias_term: false kernel_size: 2 stride: 2", "up4")
    model = model_of(("up1", [np.zeros((1, 1, 4, 4))]))
    error = refused(text, model)
    head, *lines = error.message.split("\n")
    assert head == "3 layers cannot be filled:"
    told = ("  line 2, 'up1': ", "  line 3, 'up2': ", "  line 5, 'up4': ")
    places = [line for line in lines if line.startswith("  line")]
    assert all(line.startswith(start) for line, start in zip(places, told, strict=True))
    assert "up3" not in error.message
    assert error.hint == "--skip-unfit leaves such layers alone and does the rest"
    plan = planned(text, model, skip_unfit=True)
    assert [change.target.layer.name for change in plan.changes] == ["up3"]
    assert [skip.target.layer.name for skip in plan.skips] == ["up1", "up2", "up4"]


def test_a_hint_that_several_layers_share_is_said_once() -> None:
    bad = UP.replace("4", "2")
    message = refused(DATA(3) + up(bad, "up_a") + up(bad, "up_b") + up(name="up_c")).message
    head, one, hint, other = message.split("\n")
    assert head == "2 layers cannot be filled:"
    assert one.startswith("  line 2, 'up_a': ")
    assert other.startswith("  line 3, 'up_b': ")
    assert hint.startswith("    ")
    assert "kernel_size 4, stride 2, pad 1" in hint


def test_a_layer_that_alone_does_not_fit_is_told_what_else_there_is() -> None:
    skip = "--skip-unfit leaves such layers alone and does the rest"
    error = refused(DATA(3) + up(UP.replace("4", "2")))
    assert re.fullmatch(rf".*kernel_size 4, stride 2, pad 1.*; {skip}", error.hint)
    stranger = up(name="mix", more=SHARED).replace("Deconvolution", "Convolution")
    assert refused(DATA(3) + up(more=SHARED) + stranger).hint == skip


def test_a_kernel_that_does_not_interpolate_is_refused_with_the_recipe() -> None:
    text = DATA(3) + up(UP.replace("4", "2"))
    error = refused(text)
    assert "kernel 2x2 at stride 2x2 does not interpolate: gain per phase is 0.5" in error.message
    assert "kernel_size 4, stride 2, pad 1" in error.hint
    (change,) = planned(text, any_gain=True).changes
    assert any("does not interpolate" in said for said in change.warnings)


@pytest.mark.parametrize("by_filler", [True, False])
def test_a_nearest_neighbour_layer_is_refused_with_the_recipe(by_filler: bool) -> None:
    filler = ' weight_filler { type: "constant" value: 1 }' if by_filler else ""
    model = EMPTY if by_filler else model_of(("up", [np.ones((3, 1, 2, 2))]))
    text = DATA(3) + up(UP.replace("4", "2") + filler)
    error = refused(text, model)
    assert "nearest-neighbour layer: kernel 2x2 = stride, all ones" in error.message
    assert "kernel_size 4, stride 2, pad 1" in error.hint
    assert planned(text, model, any_gain=True).changed


@pytest.mark.parametrize(
    ("channels", "param", "words"),
    [
        (4, "num_output: 6 group: 2", "4 channels to 6 outputs with group 2"),
        (3, "num_output: 4", "3 channels to 4 outputs with group 1"),
        (3, "num_output: 4 group: 2", "group 2 does not divide the 3"),
    ],
)
def test_channels_without_a_place_for_a_kernel(channels: int, param: str, words: str) -> None:
    assert words in refused(DATA(channels) + up(f"{param} kernel_size: 4 stride: 2")).message


def test_a_sum_of_channels_is_filled_with_a_warning() -> None:
    (change,) = planned(DATA(6) + up(UP)).changes
    assert change.fill.shape == (6, 1, 4, 4)
    assert any("each output is the sum of 2 upsampled inputs" in said for said in change.warnings)


def test_a_guess_is_told_and_what_cannot_be_guessed_is_refused() -> None:
    data = 'layer { name: "data" type: "Python" top: "data" }\n'
    (change,) = planned(data + up()).changes
    assert change.fill.shape == (3, 1, 4, 4)
    assert any("taken to be num_output (3)" in said for said in change.warnings)
    assert "channels of its bottom 'data' is not to be found" in refused(data + up(FULL)).message
    (change,) = planned(data + up(FULL), model_of(("up", [np.zeros((2, 2, 4, 4))]))).changes
    assert change.fill.shape == (2, 2, 4, 4)  # by the model's weights


def test_a_misspelt_field_is_refused_wherever_it_stands() -> None:
    text = DATA(3) + up() + up("num_output: 3\n stirde: 2", "conv").replace("Deconv", "Conv")
    with pytest.raises(ds.PrototxtError) as raised:
        planned(text)
    assert raised.value.message == (
        "layer 'conv' has a field 'stirde' in convolution_param "
        "that neither Caffe nor a known fork has; did you mean 'stride'?"
    )
    assert raised.value.hint == (
        "correct it: the value meant would otherwise silently be the default"
    )
    assert (raised.value.line, raised.value.column, raised.value.layer) == (4, 2, "conv")
    with pytest.raises(ds.PrototxtError, match=r"nor a known fork has$"):
        planned(DATA(3) + up("zzzzzzzz: 2"))


@pytest.mark.parametrize(("size", "told"), [(2**31 - 1, False), (2**31, True)])
def test_a_model_that_caffe_would_not_read_is_told(size: int, told: bool) -> None:
    """ReadProtoFromBinaryFile has a limit of INT_MAX bytes."""
    source = BytesSource(b"")
    source.size = size
    warnings = planned(DATA(3) + up(), replace(EMPTY, source=source)).warnings
    words = "the model has 2,147,483,648 bytes; Caffe itself reads up to 2 GiB"
    assert (words in warnings) == told
    assert any("2 GiB" in each for each in warnings) == told


def test_models_of_two_generations_and_of_the_oldest() -> None:
    mixed: Any = NetParameter()
    mixed.layer.add(name="a")
    mixed.layers.add(name="b")
    with pytest.raises(ds.MismatchError, match="V1 and V2 layers at once"):
        planned(DATA(3) + up(), indexed(mixed.SerializeToString()))
    oldest: Any = NetParameter()
    oldest.layers.add().layer.name = "conv"
    error = refused(DATA(3) + up(), indexed(oldest.SerializeToString()))
    assert isinstance(error, ds.MismatchError)
    assert "V0 file" in error.message


# --- numbers beyond reason

HOSTILE = [
    "num_output: 1000000000",
    "num_output: 4294967295",
    "num_output: 0",
    "num_output: 1000000000 group: 1000000000",
    "num_output: 3 group: 1000000000",
    "num_output: 3 group: 0",
    "num_output: 3 kernel_size: 1000000",
    "num_output: 3 group: 3 kernel_size: 1000000",
    "num_output: 3 kernel_size: 0",
    "num_output: 3 stride: 0",
    "num_output: 3 stride: 1000000000",
    "num_output: 3 pad: 1000000000",
    "num_output: 3 dilation: 1000000000",
    "num_output: 3 axis: 1000000000",
    "num_output: 3 axis: -9",
]


@pytest.mark.parametrize("channels", ["3", "1000000000", "-1", "0"])
@pytest.mark.parametrize("param", HOSTILE)
def test_hostile_numbers_are_refused_and_allocate_nothing(param: str, channels: str) -> None:
    text = DATA(channels) + up(param if "kernel" in param else f"{param} kernel_size: 4")
    tracemalloc.start()
    error = refused(text, any_gain=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000
    assert (error.layer, error.line) == ("up", 2)


# --- faults once known of other rooms; strict, so that each says when it is mended

OPEN = 'layer { name: "data" type: "Python" top: "data" }\n'


@pytest.mark.parametrize("dilation", [0, 100_000_000])
def test_a_dilation_without_a_gain_is_a_refusal_like_any_other(dilation: int) -> None:
    text = OPEN + up(f"{UP} dilation: {dilation}")
    assert actions(planned(text, skip_unfit=True)) == {"up": ds.Action.SKIPPED}
    assert refused(text).layer == "up"


def test_a_signalling_nan_is_no_warning_on_standard_error() -> None:
    data = NetParameter
    net: Any = data()
    net.layer.add(name="up").blobs.add(data=[0] * 48, shape={"dim": [3, 1, 4, 4]})
    raw = net.SerializeToString()
    raw = raw.replace(bytes(192), bytes.fromhex("0100807f") + bytes(188))
    (change,) = planned(DATA(3) + up(), indexed(raw)).changes
    assert change.max_abs_change is None


def test_who_shares_weights_is_passed_over_with_the_others() -> None:
    """Caffe loads the last copy: the ones of up2 would undo what up was created with."""
    text = DATA(3) + up(more=SHARED) + up(name="up2", more=SHARED)
    plan = planned(text, model_of(("up2", [ONES])), fill="missing")
    assert len(set(actions(plan).values())) == 1


def test_values_changed_are_never_more_than_values() -> None:
    (change,) = planned(DATA(3) + up(), model_of(("up", [ZERO]), ("up", [ZERO]))).changes
    assert change.values_changed <= change.values


def test_a_stride_far_beyond_the_kernel_allocates_nothing() -> None:
    text = OPEN + up(UP.replace("stride: 2", "stride: 300000"))
    tracemalloc.start()
    assert "does not interpolate" in refused(text).message
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000


def test_a_nan_that_stays_hides_no_row_behind_it() -> None:
    """Off the diagonal of channel 0 there is a NaN to keep; channel 1 still needs its kernel."""
    weights = np.zeros((2, 2, 4, 4), np.float32)
    weights[0, 0], weights[0, 1, 0, 0] = KERNEL, np.nan
    text = DATA(2) + up(UP.replace("num_output: 3 group: 3", "num_output: 2"))
    (change,) = planned(text, model_of(("up", [weights])), keep_off_diagonal=True).changes
    assert change.action is ds.Action.REWRITTEN
    assert change.values_changed == 16


# --- what a review found


def test_zero_bias_creates_a_zero_bias() -> None:
    text = DATA(3) + up(UP.replace("bias_term: false", "bias_filler { value: 3 }"))
    (change,) = planned(text).changes
    assert change.bias is not None
    assert change.bias.value == 3
    (change,) = planned(text, zero_bias=True).changes
    assert change.bias is not None
    assert change.bias.value == 0


TRAIN, TEST = "include { phase: TRAIN }", "include { phase: TEST }"


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (UP.replace("stride: 2", "stride: 4"), "stride (2, 2) and (4, 4)"),
        (UP.replace("bias_term: false", "bias_term: true"), "bias_term false and true"),
        (UP.replace("stride: 2", "stride: 0"), "a stride is 0"),
        (UP + " dilation: 2", "dilation (1, 1) and (2, 2)"),
    ],
)
def test_one_blob_has_to_serve_both_phases(other: str, words: str) -> None:
    text = DATA(3) + up(more=TEST) + up(other, more=TRAIN)
    assert words in refused(text).message


def test_another_type_of_the_same_name_is_told() -> None:
    convolution = (
        'layer { name: "up" type: "Convolution" bottom: "data" top: "c" include { phase: TRAIN } '
        "convolution_param { num_output: 3 kernel_size: 1 } }"
    )
    (change,) = planned(DATA(3) + up(more=TEST) + convolution).changes
    assert any("a Convolution has this name, too" in said for said in change.warnings)


def test_weights_that_are_there_are_not_missing() -> None:
    """Group 2 over 3 channels is refused, but the model does have weights."""
    text = DATA(3) + up("num_output: 4 group: 2 bias_term: false kernel_size: 4 stride: 2")
    plan = planned(text, model_of(("up", [np.ones((2, 1, 4, 4))])), skip_unfit=True)
    assert plan.skips[0].before is not None
    assert plan.skips[0].before.state in ("other", "constant")


def test_a_bias_without_values_is_made() -> None:
    net: Any = NetParameter()
    layer = net.layer.add(name="up")
    layer.blobs.add(data=[0] * 48, shape={"dim": [3, 1, 4, 4]})
    layer.blobs.add(shape={"dim": [3]})
    model = indexed(net.SerializeToString())
    text = DATA(3) + up(UP.replace("bias_term: false", "bias_filler { value: 2 }"))
    written = spliced(net.SerializeToString(), edits(planned(text, model), model))
    saved: Any = NetParameter.FromString(written)
    assert list(saved.layer[0].blobs[1].data) == [2, 2, 2]
    assert list(saved.layer[0].blobs[1].shape.dim) == [3]


def test_a_bias_shared_with_a_stranger_is_not_cleared() -> None:
    shared = 'param { lr_mult: 0 } param { name: "b" }'
    convolution = (
        f'layer {{ name: "c" type: "Convolution" bottom: "data" top: "c" {shared} '
        "convolution_param { num_output: 3 kernel_size: 1 } }"
    )
    text = DATA(3) + up(UP.replace("bias_term: false", ""), more=shared) + convolution
    assert "shares its bias" in refused(text, zero_bias=True).message
    assert planned(text).changes


def test_a_type_that_is_none_of_ours_is_told_without_blobs_too() -> None:
    (change,) = planned(DATA(3) + up(), model_of(("up", []), kind="Interp")).changes
    assert any("calls this layer a Interp" in said for said in change.warnings)


def test_where_one_namesake_lacks_its_bias_the_others_keep_theirs() -> None:
    net: Any = NetParameter()
    for bias in ([4, 5, 6], []):
        layer = net.layer.add(name="up")
        layer.blobs.add(data=[0] * 48, shape={"dim": [3, 1, 4, 4]})
        layer.blobs.add(data=bias, shape={"dim": [3]})
    model = indexed(net.SerializeToString())
    text = DATA(3) + up(UP.replace("bias_term: false", "bias_filler { value: 2 }"))
    written = spliced(net.SerializeToString(), edits(planned(text, model), model))
    saved: Any = NetParameter.FromString(written)
    assert [list(layer.blobs[1].data) for layer in saved.layer] == [[4, 5, 6], [2, 2, 2]]


def test_a_model_too_large_for_caffe_is_told() -> None:
    large = BytesSource(b"")
    large.size = 2**31
    (said,) = planned(DATA(3) + up(), replace(EMPTY, source=large)).warnings
    assert said == "the model has 2,147,483,648 bytes; Caffe itself reads up to 2 GiB"
    large.size = 2**31 - 1
    assert planned(DATA(3) + up(), replace(EMPTY, source=large)).warnings == ()
