"""A plan: what becomes of each matched layer, and why not.

Nets and models are made here by text and by protobuf; weights are written out by hand.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deconvsurgery as ds
from helpers.models import (
    Array,
    ExactSource,
    NetParameter,
    indexed,
    model_bytes,
    parsed,
    weights_of,
)
from helpers.nets import TEST, TRAIN, UP, conv, data_layer, layer, up
from helpers.words import Words, names, numbers, shapes

KERNEL = np.outer([0.25, 0.75, 0.75, 0.25], [0.25, 0.75, 0.75, 0.25])  # size 4, by hand


def data(channels: int) -> str:
    return data_layer(1, channels, 5, 5)


def model_of(*layers: tuple[str, Sequence[Array]], kind: str = "Deconvolution") -> ds.Model:
    """Layers and their blobs; a name may occur more than once."""
    return indexed(b"".join(model_bytes({name: blobs}, kind=kind) for name, blobs in layers))


EMPTY = model_of()
ZERO, ONES = np.zeros((3, 1, 4, 4)), np.ones((3, 1, 4, 4))
GOOD = np.broadcast_to(KERNEL, (3, 1, 4, 4))


def planned(text: str, model: ds.Model = EMPTY, **options: Any) -> ds.ApplyPlan:
    net = ds.parse_net(text.encode())
    return ds.make_plan(net, model, ds.match_layers(net), ds.ApplyOptions(**options))


def applied(folder: Path, text: str, model: bytes) -> bytes:
    """The model that a plan leads to."""
    (folder / "net").write_text(text)
    (folder / "in").write_bytes(model)
    ds.apply(folder / "net", folder / "in", folder / "out")
    return (folder / "out").read_bytes()


def filled(change: ds.ApplyChange) -> Array:
    """The weights that are planned."""
    return np.stack(list(change.fill.rows()))


def actions(plan: ds.ApplyPlan) -> dict[str, ds.ApplyAction]:
    return {
        row.target.layer.name: getattr(row, "action", ds.ApplyAction.SKIPPED) for row in plan.layers
    }


def refused(text: str, model: ds.Model = EMPTY, **options: Any) -> ds.LayerError:
    with pytest.raises(ds.LayerError) as raised:
        planned(text, model, **options)
    assert type(raised.value) in (ds.ShapeError, ds.MismatchError)
    assert "`skip_unfit=True`" in (raised.value.hint or "")
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
    weights: Array | None, action: str, before: str, largest: float, changed: int
) -> None:
    model = EMPTY if weights is None else model_of(("up", [weights]))
    plan = planned(data(3) + up(), model)
    (change,) = plan.changes
    assert (change.action, change.before.state) == (action, before)
    assert (change.max_abs_change, change.values_changed, change.values) == (largest, changed, 48)
    assert change.after.state == "bilinear"
    assert np.array_equal(filled(change), GOOD.astype(np.float32))
    assert plan.changed == (action != "unchanged")
    assert plan.warnings == ()
    assert len(change.warnings) == (before == "other")  # what was learned is overwritten


def test_nan_has_no_largest_change() -> None:
    weights = GOOD.copy()
    weights[1, 0, 2, 2] = np.nan
    (change,) = planned(data(3) + up(), model_of(("up", [weights]))).changes
    assert (change.before.state, change.max_abs_change) == ("not-finite", None)
    assert (change.before.nan, change.after.state) == (1, "bilinear")
    assert change.values_changed == 1


@pytest.mark.parametrize(
    ("fill", "done"),
    [("missing", "a"), ("zero", "ab"), ("all", "abcd")],
    ids=["missing", "zero", "all"],
)
def test_fill(fill: str, done: str, words: Words) -> None:
    states = {"b": "zero", "c": "constant", "d": "bilinear"}
    text = data(3) + "".join(up(f"up_{letter}") for letter in "abcd")
    model = model_of(("up_b", [ZERO]), ("up_c", [ONES]), ("up_d", [GOOD]))
    plan = planned(text, model, fill=fill)
    assert "".join(change.target.layer.name[-1] for change in plan.changes) == done
    assert [row.target.layer.name[-1] for row in plan.layers] == ["a", "b", "c", "d"]
    for skip in plan.skips:
        assert skip.before is not None
        state = states[skip.target.layer.name[-1]]
        assert skip.before.state == state
        assert f'fill="{fill}"' in skip.reason
        words(skip.reason, f"{state}, {fill}")


def test_no_create(words: Words) -> None:
    text = data(3) + up() + up("up2")
    plan = planned(text, model_of(("up", []), ("up2", [ZERO])), create=False)
    assert actions(plan) == {"up": ds.ApplyAction.SKIPPED, "up2": ds.ApplyAction.REWRITTEN}
    (skip,) = plan.skips
    assert "create=False" in skip.reason
    words(skip.reason)
    neither = planned(text, create=False)
    assert actions(neither) == {"up": ds.ApplyAction.SKIPPED, "up2": ds.ApplyAction.SKIPPED}
    assert neither.warnings == ()  # the rows say it


def test_a_blob_without_values_is_there_to_be_filled() -> None:
    net = NetParameter()
    net.layer.add(name="up").blobs.add(shape={"dim": [3, 1, 4, 4]})
    model = indexed(net.SerializeToString())
    (change,) = planned(data(3) + up(), model, create=False).changes
    assert (change.action, change.before.state) == (ds.ApplyAction.REWRITTEN, "missing")
    assert (change.values_changed, change.max_abs_change) == (48, 0.5625)
    assert np.array_equal(filled(change), GOOD)


def test_names_that_fit_layers_of_other_types_are_told() -> None:
    net = ds.parse_net((data(3) + up()).encode())
    plan = ds.make_plan(net, EMPTY, ds.match_layers(net, ["data", "up"]))
    assert [layer.name for layer in plan.left_alone] == ["data"]
    assert actions(plan) == {"up": ds.ApplyAction.CREATED}


FULL = "num_output: 2 bias_term: false kernel_size: 4 stride: 2"


def test_off_diagonal_is_cleared_or_kept() -> None:
    weights = np.full((2, 2, 4, 4), 7.0)
    text, model = data(2) + up(param=FULL), model_of(("up", [weights]))
    (cleared,) = planned(text, model).changes
    (kept,) = planned(text, model, keep_off_diagonal=True).changes
    assert (cleared.values_changed, cleared.after.state) == (64, "bilinear")
    assert (kept.values_changed, kept.after.state) == (32, "bilinear-off-diagonal")


WITH_BIAS = "num_output: 3 group: 3 kernel_size: 4 stride: 2"


def test_the_bias_stays_or_is_cleared(words: Words) -> None:
    model = model_of(("up", [GOOD, np.array([0, 0.5, 0])]))
    text = data(3) + up(param=WITH_BIAS)
    (kept,) = planned(text, model).changes
    assert (kept.action, kept.bias) == (ds.ApplyAction.UNCHANGED, None)
    (warning,) = kept.warnings
    assert numbers(warning) == [0.5]
    assert "zero_bias=True" in warning
    words(warning)
    (cleared,) = planned(text, model, zero_bias=True).changes
    assert (cleared.action, cleared.values_changed) == (ds.ApplyAction.REWRITTEN, 0)
    assert cleared.bias is not None
    assert (cleared.bias.count, cleared.bias.value, cleared.bias.changed) == (3, 0, True)
    assert cleared.warnings == ()
    clean = planned(text, model_of(("up", [GOOD, np.zeros(3)])), zero_bias=True)
    assert actions(clean) == {"up": ds.ApplyAction.UNCHANGED}
    assert not clean.changed


@pytest.mark.parametrize(
    ("filler", "value"),
    [("", 0), ("bias_filler { value: 2 }", 2), ('bias_filler { type: "xavier" value: 2 }', 0)],
)
def test_a_created_layer_has_the_bias_its_filler_makes(filler: str, value: float) -> None:
    (change,) = planned(data(3) + up(param=f"{WITH_BIAS} {filler}")).changes
    assert change.bias is not None
    assert (change.bias.count, change.bias.value) == (3, value)


# --- names that occur more than once


def test_a_name_twice_in_the_net_is_one_change_and_twice_in_the_model_too(words: Words) -> None:
    text = data(3) + "".join(up(more=phase) for phase in (TRAIN, TEST))
    plan = planned(text, model_of(("up", [GOOD]), ("up", [ZERO])))
    (change,) = plan.changes
    assert change.action is ds.ApplyAction.REWRITTEN
    assert change.before.state == "zero"  # the last is loaded
    (warning,) = change.warnings
    assert numbers(warning) == [2]
    words(warning)
    assert plan.warnings == ()


def test_a_name_twice_with_different_weights_is_refused(words: Words) -> None:
    text = data(3) + up(more=TRAIN)
    text += up(param=UP.replace("4", "3"), more=TEST)
    error = refused(text)
    assert (error.layer, error.line) == ("up", 3)
    assert shapes(error.message) == [(3, 1, 3, 3), (3, 1, 4, 4)]
    words(error)


def test_a_layer_of_one_phase_is_taken_in_that_phase() -> None:
    net = ds.parse_net((data(3) + up(more=TRAIN)).encode())
    for phase, count in ((ds.Phase.TRAIN, 1), (ds.Phase.TEST, 0)):
        states = [ds.NetState(phase)]
        plan = ds.make_plan(
            net, EMPTY, ds.match_layers(net, states=states), ds.ApplyOptions(), states
        )
        assert len(plan.changes) == count


def test_what_stands_in_other_states_only_is_nothing_to_a_plan() -> None:
    """TRAIN has another stride, a stranger that shares the weights and a misspelt field."""
    stranger = up("mix", more=TRAIN + SHARED).replace("Deconvolution", "Convolution")
    text = data(3) + up(more=TEST + SHARED) + stranger
    text += up(param=UP.replace("stride: 2", "stride: 4"), more=TRAIN)
    text += up("typo", "num_output: 3 stirde: 2", more=TRAIN)
    net, states = ds.parse_net(text.encode()), [ds.NetState(ds.Phase.TEST)]
    plan = ds.make_plan(net, EMPTY, ds.match_layers(net, states=states), ds.ApplyOptions(), states)
    assert [change.target.stride for change in plan.changes] == [(2, 2)]


# --- weights that layers share

SHARED = 'param { name: "w" }'


def test_who_shares_weights_is_filled_with_them(words: Words) -> None:
    text = data(3) + up(more=SHARED) + up("refine", more=SHARED) + up("other")
    plan = planned(text, model_of(("up", [ZERO]), ("refine", [ZERO]), ("other", [ZERO])))
    assert actions(plan) == {"up": ds.ApplyAction.REWRITTEN, "refine": ds.ApplyAction.REWRITTEN}
    first, second = plan.changes
    assert first.warnings == ()
    (warning,) = second.warnings
    assert names(warning) == ["w", "up"]
    words(warning)


def test_what_is_said_of_a_layer_keeps_its_order(words: Words) -> None:
    """That it is learned, its own, then that it shares, and that the model may name it else."""
    text = data(6) + up(more=SHARED) + up("refine_", more=SHARED)
    plan = planned(text, model_of(("refine", [np.zeros((6, 1, 4, 4))])))
    learned, sums, shares, renamed = plan.changes[1].warnings
    assert numbers(learned) == [3, 6]
    assert (numbers(sums), names(sums)) == ([6, 3, 2], [])
    assert names(shares) == ["w", "up"]
    assert names(renamed) == ["refine"]
    words([learned, sums, shares, renamed])
    (ignored,) = plan.warnings
    assert names(ignored) == ["refine", "refine_"]
    words(ignored)


@pytest.mark.parametrize(
    ("other", "stranger"),
    [
        (up("refine", more=SHARED).replace("Deconvolution", "Convolution"), "refine"),
        (up("up_no", more=SHARED), "up_no"),
        (up("refine", WITH_BIAS, more='param { name: "v" } ' + SHARED), "refine"),
    ],
    ids=["another type", "excluded", "another blob"],
)
def test_weights_shared_with_what_may_not_change_are_refused(
    other: str, stranger: str, words: Words, request: pytest.FixtureRequest
) -> None:
    net = ds.parse_net((data(3) + up(more=SHARED) + other).encode())
    selection = ds.match_layers(net, ["up"], ["up_no"])
    with pytest.raises(ds.ShapeError) as raised:
        ds.make_plan(net, EMPTY, selection)
    assert (raised.value.layer, raised.value.line) == ("up", 2)
    assert names(raised.value.message) == ["up", "w", stranger]
    words(raised.value, request.node.callspec.id)
    plan = ds.make_plan(net, EMPTY, selection, ds.ApplyOptions(skip_unfit=True))
    assert actions(plan) == {"up": ds.ApplyAction.SKIPPED}
    assert names(plan.skips[0].reason) == ["w", stranger]


def test_when_one_of_those_who_share_cannot_be_filled_none_is(words: Words) -> None:
    text = data(3) + up(more=SHARED) + up("up2", more=SHARED) + up("up3")
    plan = planned(text, model_of(("up2", [np.ones((3, 3, 4, 4))])), skip_unfit=True)
    assert actions(plan) == {
        "up": ds.ApplyAction.SKIPPED,
        "up2": ds.ApplyAction.SKIPPED,
        "up3": ds.ApplyAction.CREATED,
    }
    first, second = (skip.reason for skip in plan.skips)
    assert names(first) == ["w", "up2"]
    assert shapes(second) == [(3, 1, 4, 4), (3, 3, 4, 4)]
    words([first, second])
    # The row of up2 says what is wrong with it: no warning says so again.
    assert plan.warnings == ()


# --- refusals

MISMATCHES: dict[str, tuple[str, list[Array], list[tuple[int, ...]], list[float]]] = {
    "shape": (UP, [np.zeros((3, 3, 4, 4))], [(3, 1, 4, 4), (3, 3, 4, 4)], []),
    "kernel": (UP, [np.zeros((3, 1, 3, 3))], [(3, 1, 4, 4), (3, 1, 3, 3)], []),
    "bias": (WITH_BIAS, [ZERO, np.zeros(4)], [(3,), (4,)], []),
    "no bias": (WITH_BIAS, [ZERO], [], [2, 1]),
    "a bias too many": (UP, [ZERO, np.zeros(3)], [], [1, 2]),
}
"""A layer's param, the model's blobs; shapes, or numbers of blobs, of the net and the model."""


@pytest.mark.parametrize("case", MISMATCHES)
def test_a_model_that_disagrees_is_refused(case: str, words: Words) -> None:
    param, blobs, differ, counts = MISMATCHES[case]
    error = refused(data(3) + up(param=param), model_of(("up", blobs)))
    assert isinstance(error, ds.MismatchError)
    assert (error.layer, error.line) == ("up", 2)
    assert shapes(error.message) == differ
    assert differ or numbers(error.message) == counts
    assert ("bias_term" in (error.hint or "")) == bool(counts)
    words(error, case)


def test_values_that_are_not_as_many_as_the_shape_says(words: Words) -> None:
    net = NetParameter()
    net.layer.add(name="up").blobs.add(data=[1, 2], shape={"dim": [3, 1, 4, 4]})
    error = refused(data(3) + up(), indexed(net.SerializeToString()))
    assert isinstance(error, ds.MismatchError)
    assert numbers(error.message) == [0, 2, 3, 1, 4, 4, 48]
    words(error)


def test_all_layers_that_do_not_fit_are_named_at_once(words: Words) -> None:
    text = data(3) + up("up1") + up("up2", UP.replace("3", "2")) + up("up3")
    text += up("up4", "num_output: 3 bias_term: false kernel_size: 2 stride: 2")
    model = model_of(("up1", [np.zeros((1, 1, 4, 4))]))
    error = refused(text, model)
    assert isinstance(error, ds.MismatchError)
    assert (error.layer, error.line) == ("up1", 2)
    assert names(error.message) == ["up1", "up2", "up4"]
    head, first, second, third, hint = error.message.split("\n")
    assert numbers(head) == [3]
    assert [(numbers(line)[0], *names(line)) for line in (first, second, third)] == [
        *((2, "up1"), (3, "up2"), (5, "up4")),
    ]
    assert shapes(first) == [(3, 1, 4, 4), (1, 1, 4, 4)]
    assert numbers(second)[1:] == [2, 3]
    assert numbers(third)[1:] == [2, 2, 2, 2, 0.5, 1]
    assert numbers(hint) == [2, 4, 2, 1]
    assert error.hint is not None
    assert "`skip_unfit=True`" in error.hint
    words([head, first, second, third, hint, error.hint])
    plan = planned(text, model, skip_unfit=True)
    assert [change.target.layer.name for change in plan.changes] == ["up3"]
    assert [skip.target.layer.name for skip in plan.skips] == ["up1", "up2", "up4"]


def test_a_hint_that_several_layers_share_is_said_once(words: Words) -> None:
    bad = UP.replace("4", "2")
    error = refused(data(3) + up("up_a", bad) + up("up_b", bad) + up("up_c"))
    assert isinstance(error, ds.ShapeError)
    head, one, hint, other = error.message.split("\n")
    assert numbers(head) == [2]
    assert (numbers(one)[0], names(one)) == (2, ["up_a"])
    assert (numbers(other)[0], names(other)) == (3, ["up_b"])
    assert [len(line) - len(line.lstrip()) for line in (one, hint, other)] == [2, 4, 2]
    assert numbers(hint) == [2, 4, 2, 1]
    words(error)


def test_a_layer_that_alone_does_not_fit_is_told_what_else_there_is(words: Words) -> None:
    hint = refused(data(3) + up(param=UP.replace("4", "2"))).hint
    assert hint is not None
    assert numbers(hint) == [2, 4, 2, 1]  # enlarging by 2 takes kernel 4, stride 2, pad 1
    assert hint.index("any_gain=") < hint.index("`skip_unfit=True`")
    words(hint, "a geometry that would do")
    stranger = up("mix", more=SHARED).replace("Deconvolution", "Convolution")
    hint = refused(data(3) + up(more=SHARED) + stranger).hint
    assert hint is not None
    assert hint.startswith("`skip_unfit=True`")
    words(hint, "none")


def test_a_kernel_that_does_not_interpolate_is_refused_with_the_recipe(words: Words) -> None:
    text = data(3) + up(param=UP.replace("4", "2"))
    error = refused(text)
    assert isinstance(error, ds.ShapeError)
    assert numbers(error.message) == [2, 2, 2, 2, 0.5, 1]  # kernel, stride; gain and what it is not
    assert error.hint is not None
    assert numbers(error.hint) == [2, 4, 2, 1]
    (change,) = planned(text, any_gain=True).changes
    assert np.array_equal(filled(change), np.full((3, 1, 2, 2), 0.25))
    (warning,) = change.warnings
    assert numbers(warning) == [2, 2, 2, 2, 0.5, 1]
    words([error.message, error.hint, warning])


@pytest.mark.parametrize("by_filler", [True, False])
def test_a_nearest_neighbour_layer_is_refused_with_the_recipe(
    by_filler: bool, words: Words
) -> None:
    filler = ' weight_filler { type: "constant" value: 1 }' if by_filler else ""
    model = EMPTY if by_filler else model_of(("up", [np.ones((3, 1, 2, 2))]))
    text = data(3) + up(param=UP.replace("4", "2") + filler)
    error = refused(text, model)
    assert (error.layer, error.line) == ("up", 2)
    assert numbers(error.message) == [2, 2]
    assert error.hint is not None
    assert numbers(error.hint) == [2, 4, 2, 1]
    words(error)
    (change,) = planned(text, model, any_gain=True).changes
    assert change.action == (ds.ApplyAction.CREATED if by_filler else ds.ApplyAction.REWRITTEN)
    assert change.max_abs_change == (0.25 if by_filler else 0.75)
    assert np.array_equal(filled(change), np.full((3, 1, 2, 2), 0.25))


def diagonal(channels: int, group: int, ones: Array) -> Array:
    """Ones on the diagonal of a layer with the given group, zeros off it."""
    weights = np.zeros((channels, channels // group, *ones.shape))
    for channel in range(channels):
        weights[channel, channel % (channels // group)] = ones
    return weights


@pytest.mark.parametrize("kernel", [2, 3])
@pytest.mark.parametrize(("channels", "group"), [(4, 1), (4, 2), (4, 4), (1, 1)])
def test_a_nearest_neighbour_layer_is_known_on_any_diagonal(
    channels: int, group: int, kernel: int, tmp_path: Path, words: Words
) -> None:
    """Of any group: what ``inspect`` calls nearest is refused as that, and regrouped."""
    param = f"num_output: {channels} group: {group} bias_term: false kernel_size: {kernel} "
    text = data(channels) + up(param=param + f"stride: {kernel}")
    weights = diagonal(channels, group, np.ones((kernel, kernel)))
    net, model = tmp_path / "net", tmp_path / "in"
    net.write_text(text)
    model.write_bytes(model_bytes({"up": [weights]}, kind="Deconvolution"))
    (row,) = ds.inspect(net, model).layers
    assert row.weights is not None
    assert row.weights.state is ds.WeightState.NEAREST
    error = refused(text, model_of(("up", [weights])))
    assert (error.layer, error.line) == ("up", 2)
    assert numbers(error.message) == [kernel, kernel]  # and no gain
    words(error, "all of it" if channels == group else "with zeros")
    assert [each.id for each in ds.check(net, model).findings if each.level != "note"] == []
    if group == 1 < channels:
        result = ds.regroup(net, model, tmp_path / "out.net", tmp_path / "out")
        assert [each.group for each in result.regrouping.changes] == [channels]
        (row,) = ds.inspect(tmp_path / "out.net", tmp_path / "out").layers
        assert row.weights is not None
        assert row.weights.state is ds.WeightState.NEAREST


def test_ones_in_every_pair_are_no_nearest_neighbour_layer() -> None:
    """They sum all channels: what is in the way is the gain."""
    param = "num_output: 3 bias_term: false kernel_size: 2 stride: 2"
    error = refused(data(3) + up(param=param), model_of(("up", [np.ones((3, 3, 2, 2))])))
    assert numbers(error.message) == [2, 2, 2, 2, 0.5, 1]


@pytest.mark.parametrize(
    ("channels", "param", "told"),
    [
        (4, "num_output: 6 group: 2", [4, 6, 2]),
        (3, "num_output: 4", [3, 4, 1]),
        (3, "num_output: 4 group: 2", [2, 3]),
    ],
    ids=["in blocks", "in one block", "a group that divides nothing"],
)
def test_channels_without_a_place_for_a_kernel(
    channels: int,
    param: str,
    told: list[float],
    words: Words,
    request: pytest.FixtureRequest,
) -> None:
    error = refused(data(channels) + up(param=f"{param} kernel_size: 4 stride: 2"))
    assert isinstance(error, ds.ShapeError)
    assert (error.layer, error.line) == ("up", 2)
    assert numbers(error.message) == told
    words(error, request.node.callspec.id)


def test_a_sum_of_channels_is_filled_with_a_warning(words: Words) -> None:
    (change,) = planned(data(6) + up()).changes
    assert change.fill.shape == (6, 1, 4, 4)
    assert np.array_equal(filled(change), np.broadcast_to(KERNEL, (6, 1, 4, 4)))
    learned, warning = change.warnings
    assert numbers(learned) == [3, 6]
    assert numbers(warning) == [6, 3, 2]
    words([learned, warning])


OPEN = layer("data", "Data", bottom="")  # images of channels and a size that nobody knows


def test_a_guess_is_told_and_what_cannot_be_guessed_is_refused(words: Words) -> None:
    (change,) = planned(OPEN + up()).changes
    assert change.fill.shape == (3, 1, 4, 4)
    (warning,) = change.warnings
    assert numbers(warning) == [3]
    words(warning)
    error = refused(OPEN + up(param=FULL))
    assert names(error.message) == ["up", "data"]
    assert "input_param" in (error.hint or "")
    words(error)
    (change,) = planned(OPEN + up(param=FULL), model_of(("up", [np.zeros((2, 2, 4, 4))]))).changes
    assert change.fill.shape == (2, 2, 4, 4)  # by the model's weights


@pytest.mark.parametrize(
    ("field", "nearest"), [("stirde", ["stride"]), ("zzzzzzzz", [])], ids=["near", "far"]
)
def test_a_misspelt_field_is_refused_wherever_it_stands(
    field: str, nearest: list[str], words: Words, request: pytest.FixtureRequest
) -> None:
    text = data(3) + up() + conv("conv", f"num_output: 3\n {field}: 2")
    with pytest.raises(ds.PrototxtError) as raised:
        planned(text)
    assert (raised.value.line, raised.value.column, raised.value.layer) == (4, 2, "conv")
    assert names(raised.value.message) == ["conv", field, *nearest]
    assert raised.value.hint
    words(raised.value, request.node.callspec.id)


@pytest.mark.parametrize(
    ("size", "version", "told"),
    [
        (2**31 - 1, EMPTY.version, False),
        (2**31, EMPTY.version, True),
        (2**31, ds.types.Version.HDF5, False),
    ],
)
def test_a_model_that_caffe_would_not_read_is_told(
    size: int, version: ds.types.Version, told: bool, words: Words
) -> None:
    """ReadProtoFromBinaryFile has a limit of INT_MAX bytes; the HDF5 library has none."""
    source = ExactSource(b"")
    source.size = size
    model = ds.Model(source, version, EMPTY.layers, EMPTY.read_values)
    warnings = planned(data(3) + up(), model).warnings
    assert [numbers(each) for each in warnings] == ([[2_147_483_648, 2]] if told else [])
    for each in warnings:
        words(each)


def test_models_of_two_generations_and_of_the_oldest(words: Words) -> None:
    mixed = NetParameter()
    mixed.layer.add(name="a")
    mixed.layers.add(name="b")
    with pytest.raises(ds.MismatchError) as raised:
        planned(data(3) + up(), indexed(mixed.SerializeToString()))
    assert raised.value.hint
    words(raised.value, "two generations")
    oldest = NetParameter()
    oldest.layers.add().layer.name = "conv"
    error = refused(data(3) + up(), indexed(oldest.SerializeToString()))
    assert isinstance(error, ds.MismatchError)
    assert (error.layer, error.line) == ("up", 2)
    assert numbers(error.hint or "") == [1.0]  # the Caffe that upgrades it
    words(error, "the oldest")


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


@pytest.mark.parametrize("channels", [3, 1000000000, -1, 0])
@pytest.mark.parametrize("param", HOSTILE)
def test_hostile_numbers_are_refused_and_allocate_nothing(param: str, channels: int) -> None:
    text = data(channels) + up(param=param if "kernel" in param else f"{param} kernel_size: 4")
    tracemalloc.start()
    error = refused(text, any_gain=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000
    assert isinstance(error, ds.ShapeError)
    assert (error.layer, error.line) == ("up", 2)


@pytest.mark.parametrize("dilation", [0, 100_000_000])
def test_a_dilation_without_a_gain_is_a_refusal_like_any_other(dilation: int, words: Words) -> None:
    text = OPEN + up(param=f"{UP} dilation: {dilation}")
    assert actions(planned(text, skip_unfit=True)) == {"up": ds.ApplyAction.SKIPPED}
    error = refused(text)
    assert (error.layer, error.line) == ("up", 2)
    assert dilation in numbers(error.message)
    words(error, str(dilation))


def test_a_stride_far_beyond_the_kernel_allocates_nothing(words: Words) -> None:
    text = OPEN + up(param=UP.replace("stride: 2", "stride: 300000"))
    tracemalloc.start()
    error = refused(text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000
    assert numbers(error.message) == [4, 4, 300_000, 300_000, 0, 0.75, 1]
    words(error)


# --- values that are no numbers, and what is counted


def test_a_signalling_nan_is_no_warning_on_standard_error() -> None:
    raw = model_bytes({"up": [ZERO]}).replace(bytes(192), bytes.fromhex("0100807f") + bytes(188))
    (change,) = planned(data(3) + up(), indexed(raw)).changes
    assert (change.max_abs_change, change.values_changed) == (None, 48)
    assert change.before.state == "not-finite"


def test_who_shares_weights_is_passed_over_with_the_others(words: Words) -> None:
    """Caffe loads the last copy: the ones of up2 would undo what up was created with."""
    text = data(3) + up(more=SHARED) + up("up2", more=SHARED)
    plan = planned(text, model_of(("up2", [ONES])), fill="missing")
    assert actions(plan) == {"up": ds.ApplyAction.SKIPPED, "up2": ds.ApplyAction.SKIPPED}
    first, second = (skip.reason for skip in plan.skips)
    assert names(first) == ["w", "up2"]
    assert 'fill="missing"' in second
    words([first, second])


def test_values_changed_are_never_more_than_values() -> None:
    """Of two layers of a name, both rewritten, one is counted."""
    (change,) = planned(data(3) + up(), model_of(("up", [ZERO]), ("up", [ZERO]))).changes
    assert (change.values_changed, change.values) == (48, 48)


def test_a_nan_that_stays_hides_no_row_behind_it(words: Words) -> None:
    """Off the diagonal of channel 0 there is a NaN to keep; channel 1 still needs its kernel."""
    weights = np.zeros((2, 2, 4, 4), np.float32)
    weights[0, 0], weights[0, 1, 0, 0] = KERNEL, np.nan
    text = data(2) + up(param=FULL)
    (change,) = planned(text, model_of(("up", [weights])), keep_off_diagonal=True).changes
    assert change.action is ds.ApplyAction.REWRITTEN
    assert change.values_changed == 16
    assert (change.before.state, change.after.state) == ("not-finite", "not-finite")
    (warning,) = change.warnings
    words(warning)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_bias_that_is_no_number_stays_with_a_warning(value: float, words: Words) -> None:
    model = model_of(("up", [ZERO, np.array([0, value, 1])]))
    text = data(3) + up(param=UP.replace("bias_term: false", ""))
    (change,) = planned(text, model).changes
    (warning,) = change.warnings
    assert numbers(warning) == []
    words(warning)
    (change,) = planned(text, model, zero_bias=True).changes
    assert change.bias is not None
    assert (change.bias.changed, change.warnings) == (True, ())


def test_zero_bias_creates_a_zero_bias() -> None:
    text = data(3) + up(param=UP.replace("bias_term: false", "bias_filler { value: 3 }"))
    for zero_bias, value in ((False, 3), (True, 0)):
        (change,) = planned(text, zero_bias=zero_bias).changes
        assert change.bias is not None
        assert (change.bias.count, change.bias.value) == (3, value)


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (UP.replace("stride: 2", "stride: 4"), [2, 2, 4, 4, 3]),
        (UP.replace("bias_term: false", "bias_term: true"), [3]),
        (UP.replace("stride: 2", "stride: 0"), [0, 1]),
        (UP + " dilation: 2", [1, 1, 2, 2, 3]),
    ],
    ids=["stride", "bias_term", "no stride", "dilation"],
)
def test_one_blob_has_to_serve_both_phases(
    other: str, told: list[float], words: Words, request: pytest.FixtureRequest
) -> None:
    """What the two have, and the line of the other."""
    error = refused(data(3) + up(more=TEST) + up(param=other, more=TRAIN))
    assert isinstance(error, ds.ShapeError)
    assert error.layer == "up"
    assert numbers(error.message) == told
    words(error, request.node.callspec.id)


def test_another_type_of_the_same_name_is_told(words: Words) -> None:
    other = conv("up", "num_output: 3 kernel_size: 1", more=TRAIN)
    (change,) = planned(data(3) + up(more=TEST) + other).changes
    (warning,) = change.warnings
    assert numbers(warning) == [3]  # its line
    words(warning)


def test_weights_that_are_there_are_not_missing(words: Words) -> None:
    """Group 2 over 3 channels is refused, but the model does have weights."""
    text = data(3) + up(param="num_output: 4 group: 2 bias_term: false kernel_size: 4 stride: 2")
    plan = planned(text, model_of(("up", [np.ones((2, 1, 4, 4))])), skip_unfit=True)
    (skip,) = plan.skips
    assert skip.before is not None
    assert (skip.before.state, skip.before.value) == ("constant", 1)
    assert numbers(skip.reason) == [2, 3]
    words(skip.reason)


BIAS_OF_2 = UP.replace("bias_term: false", "bias_filler { value: 2 }")


def test_a_bias_without_values_is_made(tmp_path: Path) -> None:
    net = NetParameter()
    net.layer.add(name="up").blobs.add(data=[0] * 48, shape={"dim": [3, 1, 4, 4]})
    net.layer[0].blobs.add(shape={"dim": [3]})
    made = applied(tmp_path, data(3) + up(param=BIAS_OF_2), net.SerializeToString())
    weights, bias = weights_of(made)["up"]
    assert np.array_equal(weights, GOOD)
    assert np.array_equal(bias, [2, 2, 2])


def test_where_one_namesake_lacks_its_bias_the_others_keep_theirs(tmp_path: Path) -> None:
    net = NetParameter()
    for bias in ([4, 5, 6], []):
        one = net.layer.add(name="up")
        one.blobs.add(data=[0] * 48, shape={"dim": [3, 1, 4, 4]})
        one.blobs.add(data=bias, shape={"dim": [3]})
    made = applied(tmp_path, data(3) + up(param=BIAS_OF_2), net.SerializeToString())
    saved = parsed(made)
    assert [list(each.blobs[1].data) for each in saved.layer] == [[4, 5, 6], [2, 2, 2]]
    assert [list(each.blobs[0].data) for each in saved.layer] == [GOOD.ravel().tolist()] * 2


def test_a_bias_shared_with_a_stranger_is_not_cleared(words: Words) -> None:
    shared = 'param { lr_mult: 0 } param { name: "b" }'
    other = conv("c", "num_output: 3 kernel_size: 1", more=shared)
    text = data(3) + up(param=WITH_BIAS, more=shared) + other
    error = refused(text, zero_bias=True)
    assert isinstance(error, ds.ShapeError)
    assert (error.layer, error.line) == ("up", 2)
    assert names(error.message) == ["up", "b", "c"]
    words(error)
    (change,) = planned(text).changes
    assert np.array_equal(filled(change), GOOD)
    assert change.bias is not None
    assert (change.bias.count, change.bias.value) == (3, 0)


def test_a_type_that_is_none_of_ours_is_told_without_blobs_too(words: Words) -> None:
    (change,) = planned(data(3) + up(), model_of(("up", []), kind="Interp")).changes
    (warning,) = change.warnings
    assert "Interp" in warning
    words(warning)
