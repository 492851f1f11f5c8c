"""Steps carried out on values: what each verb would make of a net and a model, and what is lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import deconvsurgery as ds
from deconvsurgery.caffemodel.model import Model, Version
from deconvsurgery.errors import SelectionError, SurgeryError
from deconvsurgery.options.convert import NewForm
from deconvsurgery.options.patch_net import NewFiller
from deconvsurgery.prototxt.net import NetState, Phase
from deconvsurgery.prototxt.parse import scanned
from deconvsurgery.rules.repair_step import RepairStep
from deconvsurgery.rules.tried_steps import (
    NetAndModel,
    StepOptions,
    Tried,
    options_of_step,
    tried,
)
from helpers.models import Array, indexed, model_bytes, noise
from helpers.nets import TEST, TRAIN, conv, data_layer, layer, up
from helpers.words import Words, names

FROZEN = "param { lr_mult: 0 }"
PLAIN = "num_output: 3 group: 3 kernel_size: 4 stride: 2 pad: 1 bias_term: false"
WHOLE = PLAIN.replace(" group: 3", "")
BIASED = PLAIN.replace(" bias_term: false", "")
FILLED = (ds.bilinear_kernel(4) * np.ones((3, 1, 1, 1))).astype(np.float32)
DIAGONAL = (np.eye(3)[:, :, None, None] * ds.bilinear_kernel(4)).astype(np.float32)


def zeros(*shape: int) -> Array:
    return np.zeros(shape, np.float32)


def pair(layers: str, weights: Mapping[str, Iterable[Array]] | Model | None = None) -> NetAndModel:
    """A net with data of three channels, and a model."""
    text = scanned((data_layer(1, 3, 8, 8) + layers).encode())
    model = None
    if isinstance(weights, Model):
        model = weights
    elif weights is not None:
        blobs = {name: [*arrays] for name, arrays in weights.items()}
        model = indexed(model_bytes(blobs, kind="Deconvolution"))
    return NetAndModel(text, ds.parse_net(text.data), model)


def step(words: str) -> RepairStep:
    verb, *options = words.split()
    return RepairStep(verb, tuple(options))


def weights(found: Tried) -> dict[str, list[Array]]:
    """Every blob of the model that there would be."""
    model = found.pair.model
    assert model is not None
    return {
        layer.name: [
            np.concatenate([*model.flat_values(blob)]).reshape(blob.shape) for blob in layer.blobs
        ]
        for layer in model.layers
    }


def same(found: Tried, expected: Mapping[str, Iterable[Array]]) -> None:
    """The model would have these layers with these blobs, and no others."""
    have = weights(found)
    assert {name: [blob.shape for blob in blobs] for name, blobs in have.items()} == {
        name: [blob.shape for blob in blobs] for name, blobs in expected.items()
    }
    for name, blobs in expected.items():
        for blob, wanted in zip(have[name], blobs, strict=True):
            np.testing.assert_array_equal(blob, wanted)


# ── options ──


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("apply", StepOptions((), None, None, (), {})),
        (
            "apply -p a -p b --phase train --level 3 --stage x --stage y",
            StepOptions(("a", "b"), Phase.TRAIN, 3, ("x", "y"), {}),
        ),
        ("apply -p --phase", StepOptions(("--phase",), None, None, (), {})),
        ("apply --any-gain", StepOptions((), None, None, (), {"any_gain": True})),
        ("apply --no-create", StepOptions((), None, None, (), {"create": False})),
        (
            "patch-net --no-group --filler keep --recipe --no-bias --freeze",
            StepOptions(
                (),
                None,
                None,
                (),
                {
                    "group": False,
                    "filler": NewFiller.KEEP,
                    "recipe": True,
                    "no_bias": True,
                    "freeze": True,
                },
            ),
        ),
        ("regroup --expand", StepOptions((), None, None, (), {"expand": True})),
        (
            "transplant --apply --flat",
            StepOptions((), None, None, (), {"apply": True, "flat": True}),
        ),
        ("convert --to hdf5", StepOptions((), None, None, (), {"to": NewForm.HDF5})),
    ],
)
def test_options_are_read_back(words: str, expected: StepOptions) -> None:
    found = options_of_step(step(words))
    assert found == expected
    assert {name: type(value) for name, value in found.fields.items()} == {
        name: type(value) for name, value in expected.fields.items()
    }


def test_a_step_is_for_its_state() -> None:
    net = pair(up("a", PLAIN, more=TRAIN) + up("b", PLAIN, more=TEST)).net
    assert net is not None
    found = options_of_step(step("apply -p * --phase train --level 2 --stage s"))
    assert found.states(net) == (NetState(Phase.TRAIN, 2, ("s",)),)
    assert [layer.name for layer in found.selection(net).matched] == ["a"]
    found = options_of_step(step("apply -p * --phase test"))
    assert [layer.name for layer in found.selection(net).matched] == ["b"]
    found = options_of_step(step("apply -p *"))
    assert [layer.name for layer in found.selection(net).matched] == ["a", "b"]
    staged = pair(up("a", PLAIN, more='include { stage: "s" min_level: 1 }')).net
    assert staged is not None
    for words in ("apply -p a", "apply -p a --level 1", "apply -p a --stage s"):
        with pytest.raises(SelectionError):
            options_of_step(step(words)).selection(staged)
    found = options_of_step(step("apply -p a --level 1 --stage s"))
    assert [layer.name for layer in found.selection(staged).matched] == ["a"]


@pytest.mark.parametrize("verb", ["apply -p b", "patch-net -p b", "regroup -p b"])
def test_a_step_of_no_layer_is_refused(verb: str, words: Words) -> None:
    with pytest.raises(SelectionError) as refused:
        tried(step(verb), pair(up("a", PLAIN), {"a": [zeros(3, 1, 4, 4)]}))
    words(refused.value)


WHOLE_PAIR = pair(up("a", PLAIN), {"a": [zeros(3, 1, 4, 4)]})


@pytest.mark.parametrize(
    ("words_", "lacking"),
    [
        ("patch-net -p a", "text"),
        ("patch-net -p a", "net"),
        ("regroup -p a", "text"),
        ("regroup -p a", "net"),
        ("regroup -p a", "model"),
        ("apply -p a", "net"),
        ("apply -p a", "model"),
        ("transplant", "net"),
        ("transplant", "model"),
        ("convert", "model"),
    ],
)
def test_a_step_takes_what_its_verb_takes(words_: str, lacking: str, words: Words) -> None:
    with pytest.raises(SelectionError) as refused:
        tried(step(words_), WHOLE_PAIR._replace(**{lacking: None}))
    words(refused.value)


# ── patch-net ──


def test_patch_net_changes_the_net() -> None:
    before = pair(up("a", BIASED) + up("b", BIASED), {"a": [FILLED]})
    after = tried(step("patch-net -p a --no-bias --no-group --filler keep"), before)
    assert (after.overwrites, after.drops) == (None, None)
    assert after.pair.model is before.model
    assert after.pair.net is not None
    assert after.pair.text is not None
    biased = [layer.convolution_param.bias_term for layer in after.pair.net.layers[1:]]
    assert biased == [False, True]
    again = ds.parse_net(after.pair.text.data).layers[1:]
    assert [layer.convolution_param.bias_term for layer in again] == biased


def test_where_nothing_is_to_be_changed_the_net_stays() -> None:
    before = pair(up("a", PLAIN))
    after = tried(step("patch-net -p a --no-bias --no-group --filler keep"), before)
    assert after.pair.text is not None
    assert before.text is not None
    assert (after.pair.net, after.pair.text.data) == (before.net, before.text.data)


# ── apply ──


def test_apply_fills_the_model() -> None:
    layers = up("a", PLAIN, more=FROZEN) + up("b", PLAIN, more=FROZEN)
    before = pair(layers, {"a": [zeros(3, 1, 4, 4)], "c": [noise(2)]})
    after = tried(step("apply -p a -p b"), before)
    assert (after.overwrites, after.drops) == (None, None)
    assert after.pair[:2] == before[:2]
    same(after, {"a": [FILLED], "c": [noise(2)], "b": [FILLED]})
    same(tried(step("apply -p a"), before), {"a": [FILLED], "c": [noise(2)]})


def test_apply_does_as_its_options_say() -> None:
    five = PLAIN.replace("kernel_size: 4", "kernel_size: 5")
    before = pair(up("a", five, more=FROZEN), {"a": [zeros(3, 1, 5, 5)]})
    with pytest.raises(SurgeryError):
        tried(step("apply -p a"), before)
    assert weights(tried(step("apply -p a --any-gain"), before))["a"][0].any()
    biased = pair(up("a", BIASED, more=FROZEN), {"a": [FILLED, noise(3)]})
    same(tried(step("apply -p a"), biased), {"a": [FILLED, noise(3)]})
    same(tried(step("apply -p a --zero-bias"), biased), {"a": [FILLED, zeros(3)]})


def overwritten(layers: str, old: Mapping[str, Iterable[Array]], *learned: str) -> str | None:
    """What apply would overwrite in all layers."""
    return tried(step("apply -p *"), pair(layers, old), learned).overwrites


TRAINED = PLAIN + ' weight_filler { type: "xavier" }'


def test_weights_that_may_have_been_learned_are_named(words: Words) -> None:
    """The first of them; what is left as it is, or was not there, is not overwritten."""
    layers = up("a", PLAIN, more=FROZEN) + up("b", PLAIN, more=FROZEN)
    near = FILLED * np.float32(1.01)
    assert overwritten(layers, {"a": [FILLED], "b": [FILLED]}) is None
    assert overwritten(layers, {"a": [FILLED]}) is None
    assert overwritten(layers, {"a": [zeros(3, 1, 4, 4)], "b": [FILLED]}) is None
    for old in ({"a": [FILLED], "b": [near]}, {"b": [near]}):
        found = overwritten(layers, old)
        assert found is not None
        assert names(found) == ["b"]
        words(found)


def test_a_layer_that_is_learned_is_named(words: Words) -> None:
    """By its weights, by the net, or as the caller knows it of an earlier net."""
    frozen = up("a", PLAIN, more=FROZEN)
    for layers, old, learned in [
        (frozen, {"a": [noise(3, 1, 4, 4)]}, ()),
        (up("a", TRAINED), {"a": [zeros(3, 1, 4, 4)]}, ()),
        (up("a", TRAINED), {}, ()),
        (frozen, {"a": [zeros(3, 1, 4, 4)]}, ("a",)),
    ]:
        found = overwritten(layers, old, *learned)
        assert found is not None
        assert names(found) == ["a"]
        words(found)
    assert overwritten(frozen, {"a": [zeros(3, 1, 4, 4)]}, "b") is None
    assert overwritten(frozen, {"a": [FILLED]}, "a") is None


def test_a_layer_whose_weights_are_bilinear_is_not_learned() -> None:
    """Whatever its filler says: its weights say more. So Caffe 1.0's kernel is another's."""
    five = TRAINED.replace("kernel_size: 4", "kernel_size: 3").replace("pad: 1", "pad: 0")
    released = np.outer([0.25, 0.75, 0.75], [0.25, 0.75, 0.75]) * np.ones((3, 1, 1, 1))
    before = pair(up("a", five), {"a": [released]})
    after = tried(step("apply -p a --any-gain"), before)
    assert after.overwrites is None
    assert not np.array_equal(weights(after)["a"][0], released)


# ── regroup ──


def test_regroup_changes_both() -> None:
    before = pair(up("a", WHOLE, more=FROZEN), {"a": [DIAGONAL], "b": [noise(2)]})
    after = tried(step("regroup -p a"), before)
    assert (after.overwrites, after.drops) == (None, None)
    same(after, {"a": [FILLED], "b": [noise(2)]})
    assert after.pair.net is not None
    assert after.pair.text is not None
    for net in (after.pair.net, ds.parse_net(after.pair.text.data)):
        assert net.layers[1].convolution_param.group == 3
    back = tried(step("regroup -p a --expand"), after.pair)
    same(back, {"a": [DIAGONAL], "b": [noise(2)]})
    assert back.pair.net is not None
    assert back.pair.net.layers[1].convolution_param.group == 1


# ── transplant ──


def test_transplant_takes_over_what_fits() -> None:
    """A bias that the old model lacks is the filler's; a blob of zeros is nothing lost."""
    before = pair(up("a", BIASED, more=FROZEN), {"a": [noise(3, 1, 4, 4)], "gone": [zeros(2)]})
    after = tried(step("transplant"), before)
    assert (after.overwrites, after.drops) == (None, None)
    assert after.pair[:2] == before[:2]
    same(after, {"data": [], "a": [noise(3, 1, 4, 4), zeros(3)]})
    before = pair(up("a", PLAIN), {"a": [noise(3, 1, 4, 4), zeros(3)]})
    same(tried(step("transplant"), before), {"data": [], "a": [noise(3, 1, 4, 4)]})


def test_transplant_fills_what_it_is_told_to() -> None:
    layers = up("a", PLAIN, more=FROZEN) + up("b", PLAIN, more=FROZEN)
    before = pair(layers, {"b": [zeros(3, 1, 4, 4)]})
    after = tried(step("transplant --apply -p a"), before)
    assert (after.overwrites, after.drops) == (None, None)
    same(after, {"data": [], "a": [FILLED], "b": [zeros(3, 1, 4, 4)]})
    after = tried(step("transplant -p a"), before)
    same(after, {"data": [], "a": [zeros(3, 1, 4, 4)], "b": [zeros(3, 1, 4, 4)]})
    with pytest.raises(SelectionError):
        tried(step("transplant --apply -p c"), before)


def test_transplant_does_as_its_options_say() -> None:
    five = PLAIN.replace("kernel_size: 4", "kernel_size: 5")
    layers = up("a", five, more=FROZEN) + up("b", PLAIN, more=FROZEN)
    before = pair(layers, {"a": [zeros(3, 1, 5, 5)]})
    with pytest.raises(SurgeryError):
        tried(step("transplant --apply -p a"), before)
    after = weights(tried(step("transplant --apply -p a --any-gain"), before))
    assert after["a"][0].any()
    after = weights(tried(step("transplant --apply -p * --skip-unfit"), before))
    assert not after["a"][0].any()
    np.testing.assert_array_equal(after["b"][0], FILLED)


def test_a_model_is_made_for_its_states() -> None:
    rule = 'include { stage: "s" }'
    before = pair(up("a", PLAIN, more=f"{FROZEN} {rule}"), {"a": [zeros(3, 1, 4, 4)]})
    after = tried(step("transplant --apply -p a --stage s"), before)
    same(after, {"data": [], "a": [FILLED]})
    same(tried(step("apply -p a --stage s"), before), {"a": [FILLED]})
    # Of two states in which the layer differs only the one that is asked for counts.
    six = PLAIN.replace("kernel_size: 4", "kernel_size: 6")
    other = 'include { not_stage: "s" }'
    two = up("a", PLAIN, more=f"{FROZEN} {rule}") + up("a", six, more=f"{FROZEN} {other}")
    before = pair(two, {"a": [zeros(3, 1, 4, 4)]})
    same(tried(step("apply -p a --stage s"), before), {"a": [FILLED]})
    with pytest.raises(SurgeryError):
        tried(step("apply -p a"), before)


def test_transplant_refuses_a_misspelt_net_in_its_states() -> None:
    """As the verb does: of a layer in another stage nothing is known to be wrong."""
    misspelt = PLAIN.replace("kernel_size", "kernal_size")
    rule = 'include { stage: "s" }'
    before = pair(up("a", PLAIN) + up("b", misspelt, more=rule), {"a": [FILLED]})
    tried(step("transplant"), before)
    with pytest.raises(SurgeryError):
        tried(step("transplant --stage s"), before)


def lost(layers: str, old: Mapping[str, Iterable[Array]], words_: str = "transplant") -> Tried:
    return tried(step(words_), pair(layers, old))


def test_what_transplant_drops_is_named(words: Words) -> None:
    """A blob too many, a layer that the net lacks, what --flat cuts off; zeros are nothing."""
    for layers, old, words_ in [
        (up("a", PLAIN), {"a": [FILLED, noise(3)]}, "transplant"),
        (up("a", PLAIN), {"a": [FILLED, zeros(3), noise(3)]}, "transplant"),
        (up("b", PLAIN), {"a": [noise(2)], "b": [FILLED]}, "transplant"),
        (up("b", PLAIN), {"a": [zeros(2), noise(2)], "b": [FILLED]}, "transplant"),
        (conv("a"), {"a": [noise(5, 3, 3, 3), zeros(2)]}, "transplant --flat"),
        (up("b", PLAIN, more=FROZEN), {"a": [noise(2)]}, "transplant --apply -p b"),
    ]:
        found = lost(layers, old, words_)
        assert found.overwrites is None
        assert found.drops is not None
        assert names(found.drops) == ["a"]
        words(found.drops)


def test_weights_of_a_layer_that_has_none_now_are_lost() -> None:
    """One of another type, with the name of one that was learned."""
    layers = layer("a", "ReLU") + up("b", PLAIN)
    found = lost(layers, {"a": [noise(3, 1, 4, 4)], "b": [FILLED]})
    assert found.overwrites is not None
    assert found.drops is not None
    assert names(found.overwrites) == names(found.drops) == ["a"]
    found = lost(layers, {"a": [zeros(3, 1, 4, 4)], "b": [FILLED]})
    assert (found.overwrites, found.drops) == (None, None)


def test_values_that_cannot_be_read_are_something() -> None:
    """Nobody knows what they were."""
    before = pair(up("b", PLAIN), {"a": [zeros(2)], "b": [FILLED]})
    assert before.model is not None
    layers = tuple(
        layer._replace(blobs=tuple(blob._replace(problem="damaged") for blob in layer.blobs))
        if layer.name == "a"
        else layer
        for layer in before.model.layers
    )
    assert tried(step("transplant"), before).drops is None
    damaged = before._replace(model=before.model.with_layers(layers))
    assert tried(step("transplant"), damaged).drops is not None


SIX = (ds.bilinear_kernel(6) * np.ones((3, 1, 1, 1))).astype(np.float32)
SIX_WHOLE = (np.eye(3)[:, :, None, None] * ds.bilinear_kernel(6)).astype(np.float32)


OLD: dict[str, tuple[list[Array], bool]] = {
    "bilinear": ([SIX], True),
    "diagonal": ([SIX_WHOLE], True),
    "every pair": ([ds.bilinear_kernel(6) * np.ones((3, 3, 1, 1))], True),
    "zero": ([zeros(3, 1, 6, 6)], True),
    "a bias of zeros": ([SIX, zeros(3)], True),
    "a bias": ([SIX, noise(3)], False),
    "noise": ([noise(3, 1, 6, 6)], False),
    "noise of one group": ([noise(3, 3, 6, 6)], False),
    "not square": ([SIX_WHOLE[:, :2]], False),
    "near": ([SIX * np.float32(1.01)], False),
    "not finite": ([np.full((3, 1, 6, 6), np.nan)], False),
    "three axes of nothing known": ([ds.bilinear_kernel(6)[None][0:1]], False),
    "two axes": ([ds.bilinear_kernel(6)], False),
    "volume": ([ds.bilinear_kernel((6, 6, 6)) * np.ones((3, 1, 1, 1, 1))], True),
    "a line": ([np.ones((3, 1, 1)) * [0.25, 0.75, 0.75, 0.25]], True),
}


@pytest.mark.parametrize("kind", OLD)
def test_old_weights_of_another_shape_are_replaced_where_they_were_made(
    kind: str, words: Words
) -> None:
    """By a filler or surgery: bilinear in any shape. Others may have been learned."""
    old, made = OLD[kind]
    layers = up("a", PLAIN + ' weight_filler { type: "bilinear" }', more=FROZEN)
    found = lost(layers, {"a": old}, "transplant --apply -p a")
    assert found.drops is None
    assert (found.overwrites is None) is made
    if found.overwrites is not None:
        assert names(found.overwrites) == ["a"]
        words(found.overwrites)
    same(found, {"data": [], "a": [FILLED]})


def test_no_weights_of_other_axes_were_made_for_the_layer() -> None:
    """kernel_h and kernel_w are of two axes: nobody knows the stride of three."""
    param = (
        "num_output: 3 group: 3 kernel_h: 4 kernel_w: 4 stride_h: 2 stride_w: 2 bias_term: false"
    )
    layers = up("a", f"{param} pad_h: 1 pad_w: 1", more=FROZEN)
    for old, made in [(SIX, True), (OLD["volume"][0][0], False)]:
        found = lost(layers, {"a": [old]}, "transplant --apply -p a")
        assert (found.overwrites is None) is made


# ── HDF5, and convert ──


@pytest.fixture
def hdf5(tmp_path: Path) -> Iterator[Model]:
    """As Caffe writes two layers that share their weights: the second has its bias alone."""
    with h5py.File(tmp_path / "in.h5", "w") as file:
        file["data/a/0"], file["data/a/1"] = zeros(3, 1, 4, 4), zeros(3)
        file["data/b/1"] = zeros(3)
    with ds.open_model(tmp_path / "in.h5") as model:
        yield model


def test_regroup_finds_a_shared_blob_at_its_owner(tmp_path: Path) -> None:
    """A layer is as the net says where the blob is; its weights are those of another group."""
    with h5py.File(tmp_path / "in.h5", "w") as file:
        file["data/a/0"] = DIAGONAL
        file.create_group("data/b")
    both = up("a", PLAIN, more=SHARED) + up("b", PLAIN, more=SHARED)
    with ds.open_model(tmp_path / "in.h5") as model, pytest.raises(SurgeryError):
        tried(step("regroup -p b"), pair(both, model))


SHARED = 'param { name: "w" lr_mult: 0 } param { lr_mult: 0 }'


def test_a_blob_that_is_left_to_its_owner_is_found_there(hdf5: Model) -> None:
    """In HDF5, which has it once: every verb takes it for that of each."""
    both = up("a", BIASED, more=SHARED) + up("b", BIASED, more=SHARED)
    expected = {"a": [FILLED, zeros(3)], "b": [FILLED, zeros(3)]}
    same(tried(step("apply -p a -p b"), pair(both, hdf5)), expected)
    after = tried(step("transplant --apply -p a -p b"), pair(both, hdf5))
    assert (after.overwrites, after.drops) == (None, None)
    same(after, {"data": [], **expected})
    old = [zeros(3, 1, 4, 4), zeros(3)]
    same(tried(step("transplant"), pair(both, hdf5)), {"data": [], "a": old, "b": old})


def test_convert_changes_the_form(tmp_path: Path) -> None:
    """Without an option it stays: a fixed file's name ends as the old one's."""
    with h5py.File(tmp_path / "in.h5", "w") as file:
        file["data/a/0"], file["data/a/1"] = FILLED, zeros(3)
    with ds.open_model(tmp_path / "in.h5") as hdf5:
        forms_of(hdf5)


def forms_of(hdf5: Model) -> None:
    binary = pair(up("a", BIASED), {"a": [FILLED, zeros(3)]})
    for before, words_, expected in [
        (binary, "convert", Version.V2),
        (binary, "convert --to binary", Version.V2),
        (binary, "convert --to hdf5", Version.HDF5),
        (binary._replace(model=hdf5), "convert", Version.HDF5),
        (binary._replace(model=hdf5), "convert --to hdf5", Version.HDF5),
        (binary._replace(model=hdf5), "convert --to binary", Version.V2),
    ]:
        after = tried(step(words_), before)
        assert after.pair.model is not None
        assert after.pair.model.version is expected
        assert (after.overwrites, after.drops) == (None, None)
        assert after.pair[:2] == before[:2]
        same(after, {"a": [FILLED, zeros(3)]})


def test_convert_upgrades_what_is_old() -> None:
    old: Any = indexed(model_bytes({"a": [FILLED]}, v1=True))
    assert old.version is Version.V1
    after = tried(step("convert"), NetAndModel(None, None, old))
    assert after.pair.model is not None
    assert after.pair.model.version is Version.V2
    same(after, {"a": [FILLED]})
