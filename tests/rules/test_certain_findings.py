"""Findings that have to be certain: what a filler makes, what is summed, one cause said once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deconvsurgery as ds
from helpers.models import model_bytes, parsed
from helpers.nets import TEST, TRAIN, conv, data_layer, up
from helpers.oracles import tent
from helpers.real_caffe import at_hand, real_caffe
from helpers.words import Words, numbers

FROZEN = "param { lr_mult: 0 }"


@pytest.fixture
def said(tmp_path: Path) -> Any:
    """Findings of a net, and of a model if there is one; without those of what is learned."""

    def check(net: str, model: bytes | None = None, **options: Any) -> list[ds.Finding]:
        path, weights = tmp_path / "net.prototxt", tmp_path / "in.caffemodel"
        path.write_text(net)
        if model is not None:
            weights.write_bytes(model)
        found = ds.check(path, weights if model is not None else None, **options).findings
        return [each for each in found if each.id != "DS010"]

    return check


def filled(
    filler: str, sizes: str = "kernel_size: 4 stride: 2 pad: 1", outputs: int = 3, group: int = 3,
    channels: int = 3,
) -> str:  # fmt: skip
    """A Deconvolution of so many channels, weights by a filler."""
    param = f"num_output: {outputs} group: {group} bias_term: false {sizes} weight_filler {{"
    return data_layer(1, channels, 8, 8) + up(param=f"{param} {filler} }}", more=FROZEN)


BILINEAR = 'type: "bilinear"'


# --- DS005: a filler that released Caffes put off centre


@pytest.mark.parametrize("size", range(1, 17))
def test_a_filler_is_off_centre_where_released_caffes_are(
    size: int, said: Any, words: Words
) -> None:
    """The fact sheet's table: Caffe 1.0 is FCN's for 1, 4, 5, 8, 9, 12, 13, 16."""
    found = said(filled(BILINEAR, f"kernel_size: {size} stride: 1"), select="DS005")
    assert bool(found) == (size not in (1, 4, 5, 8, 9, 12, 13, 16))
    for each in found:
        middle = (size - 1) / 2
        assert (each.level, each.layer, each.line) == ("note", "up", 2)
        told = dict(each.numbers)
        assert (told["kernel"], told["centre"]) == ((size, size), (middle, middle))
        assert abs(told["apex"][0] - middle) == 0.5
        assert each.repair is not None
        assert each.repair.steps == ()
        words((each.message, each.repair.words), "off centre")


def test_a_filler_that_stops_caffe_is_not_off_centre_as_well(said: Any) -> None:
    """4 by 6: DS016 says it, and nothing is filled."""
    ids = [each.id for each in said(filled(BILINEAR, "kernel_h: 4 kernel_w: 6 stride: 1"))]
    assert ("DS016" in ids, "DS005" in ids) == (True, False)


@at_hand
@pytest.mark.parametrize("size", [2, 3, 6, 7])
def test_todays_filler_is_centred(size: int) -> None:
    """The note is of released Caffes: this one is master."""
    weights = real_caffe(filled(BILINEAR, f"kernel_size: {size}"), weights=True).weights_of("up")
    np.testing.assert_allclose(weights[0, 0], tent((size, size)), atol=1e-6)


def test_weights_in_the_model_are_not_the_fillers(said: Any) -> None:
    net = filled(BILINEAR, "kernel_size: 3 stride: 2 pad: 1")
    kernel = np.broadcast_to(tent((3, 3)), (3, 1, 3, 3))
    assert said(net, model_bytes({"up": [kernel]}, kind="Deconvolution")) == []
    (note,) = said(net, model_bytes({"other": [np.ones(1)]}), select="DS005")
    assert (note.id, note.level) == ("DS005", "note")
    assert said(net.replace('"up"', '"x"'), allow_empty=True) == []  # no pattern takes it


# --- DS004 and DS008: what is summed


@pytest.mark.parametrize(
    ("channels", "outputs", "group", "summed"),
    [
        (3, 3, 1, 3),
        (1, 3, 1, 1),  # copies of the one channel
        (4, 4, 2, 2),
        (3, 6, 3, 1),  # two copies of each
        (6, 12, 3, 2),
        (6, 3, 3, 2),  # one group an output: the filler's own way
        (6, 6, 6, 1),
    ],
)
def test_sums_are_said_where_an_output_has_several_inputs(
    channels: int, outputs: int, group: int, summed: int, said: Any, words: Words
) -> None:
    net = filled(BILINEAR, outputs=outputs, group=group, channels=channels)
    own_way = group == outputs
    found = said(net, select="DS008")
    assert bool(found) == (summed > 1 and not own_way)
    shape = (channels, outputs // group, 4, 4)
    model = model_bytes({"up": [np.broadcast_to(tent((4, 4)), shape)]}, kind="Deconvolution")
    in_model = said(net, model, select="DS004")
    assert bool(in_model) == (summed > 1 and not own_way)
    for each in in_model:
        pairs = channels * outputs // group
        assert dict(each.numbers) == {"shape": shape, "pairs": pairs, "inputs": summed}
        assert numbers(each.message) == ([] if group == 1 else [summed])
        words(each.message, f"DS004, group {group}")
    for each in found:
        assert numbers(each.message) == [group, outputs, *([] if group == 1 else [summed])]
        words(each.message, f"DS008, group {group}")


@pytest.mark.parametrize("shared", [True, False])
def test_weights_that_layers_share_are_regrouped_by_hand(
    shared: bool, said: Any, words: Words
) -> None:
    """A diagonal of kernels, which regroup would do in one layer of the two."""
    param = "num_output: 3 bias_term: false kernel_size: 4 stride: 2 pad: 1"
    param += f" weight_filler {{ {BILINEAR} }}"
    more = 'param { name: "w" lr_mult: 0 }' if shared else FROZEN
    net = data_layer(1, 3, 8, 8) + up("a", param, more=more) + up("b", param, more=more)
    diagonal = np.eye(3)[:, :, None, None] * tent((4, 4))
    model = model_bytes({"a": [diagonal], "b": [diagonal]}, kind="Deconvolution")
    found = said(net, model, patterns="*")
    assert [(each.id, each.line) for each in found] == [("DS008", 2), ("DS008", 3)]
    steps = [[(step.verb, step.options) for step in each.repair.steps] for each in found]
    assert steps == [[] if shared else [("regroup", ("-p", name))] for name in "ab"]
    for each in found:
        assert numbers(each.repair.words) == [3]
        words(each.repair.words, "shared" if shared else "apart")


@at_hand
@pytest.mark.parametrize(("channels", "outputs", "group"), [(1, 3, 1), (4, 4, 2), (3, 6, 3)])
def test_caffe_sums_the_inputs_of_a_group(channels: int, outputs: int, group: int) -> None:
    answer = real_caffe(filled(BILINEAR, "kernel_size: 1", outputs, group, channels), forward=True)
    source = answer.values["data"].reshape(group, channels // group, 8, 8)
    expected = np.repeat(source.sum(axis=1), outputs // group, axis=0)
    np.testing.assert_allclose(answer.values["up"][0], expected, atol=1e-6)


@pytest.mark.parametrize("group", [1, 2])
def test_of_unknown_channels_it_is_said_with_a_condition(
    group: int, said: Any, words: Words
) -> None:
    """A layer of a fork's leaves them open."""
    start = 'layer { name: "data" type: "Stranger" top: "data" }\n'
    net = start + filled(BILINEAR, outputs=4, group=group).split("\n", 1)[1]
    (found,) = said(net, select="DS008")
    assert numbers(found.message) == [group, 4, group]
    words(found.message)


def test_patch_net_says_the_same_of_a_filler_that_it_writes(tmp_path: Path, words: Words) -> None:
    net = tmp_path / "net.prototxt"
    for channels, told in ((1, 0), (3, 1)):
        net.write_text(filled("value: 0", group=1, channels=channels))
        result = ds.patch_net(net, tmp_path / "out.prototxt", group=False, force=True)
        warnings = [each for each in result.layers[0].warnings if numbers(each)[:2] == [1, 3]]
        assert len(warnings) == told
        for each in warnings:
            words(each)


# --- DS003 beside DS011 and DS014


def test_a_blob_of_another_shape_is_one_finding(said: Any) -> None:
    """Grouped in the model, whole in the net: its kernels are bilinear, its shape is not."""
    net = data_layer(1, 5, 8, 8) + up(
        param="num_output: 5 bias_term: false kernel_size: 4 stride: 2 pad: 1", more=FROZEN
    )
    kernels = np.broadcast_to(tent((4, 4)), (5, 1, 4, 4))
    (found,) = said(net, model_bytes({"up": [kernels]}, kind="Deconvolution"))
    assert (found.id, found.layer, found.level) == ("DS011", "up", "error")
    shapes = {"net": (5, 5, 4, 4), "model": (5, 1, 4, 4)}
    assert dict(found.numbers) == {"blob": 0, **shapes, "group": 5}
    noise = np.random.default_rng(3).normal(size=(5, 5, 4, 4))
    (found,) = said(net, model_bytes({"up": [noise]}, kind="Deconvolution"))
    assert found.id == "DS003"


def test_no_verb_writes_a_name_that_phases_set_up_differently(said: Any, words: Words) -> None:
    """The kernel of TRAIN should be that of TEST; one blob in the model cannot be both."""
    sizes = "num_output: 3 group: 3 bias_term: false stride: 4"
    net = data_layer(1, 3, 8, 8)
    net += up(param=f"{sizes} kernel_size: 4", more=FROZEN + TRAIN)
    alone = net.replace(TRAIN, "")
    net += up(param=f"{sizes} kernel_size: 8 pad: 2", more=FROZEN + TEST)
    kernels = np.broadcast_to(tent((4, 4)), (3, 1, 4, 4))
    model = model_bytes({"up": [kernels]}, kind="Deconvolution")
    for text, verbs in ((alone, ["patch-net", "transplant"]), (net, [])):
        (found,) = said(text, model, select="DS006")
        assert found.line == 2
        assert [step.verb for step in found.repair.steps] == verbs
        assert numbers(found.repair.words) == [8, 8, 2, 2]
        words(found.repair.words, "alike" if verbs else "unlike")


def test_values_that_are_missing_are_one_cause(said: Any) -> None:
    model = parsed(model_bytes({"up": [np.ones((3, 1, 4, 4))]}, kind="Deconvolution"))
    del model.layer[0].blobs[0].data[7:]
    found = said(filled(BILINEAR), model.SerializeToString())
    assert [each.id for each in found] == ["DS011", "DS014"]


# --- DS014: both forms of dims


def both_forms(legacy: tuple[int, ...], shape: tuple[int, ...]) -> bytes:
    kernels = np.broadcast_to(tent((4, 4)), (3, 1, 4, 4))
    model = parsed(model_bytes({"up": [kernels]}, kind="Deconvolution"))
    blob = model.layer[0].blobs[0]
    blob.num, blob.channels, blob.height, blob.width = legacy
    blob.shape.dim[:] = shape
    return model.SerializeToString()


FORMS = {
    "alike": (both_forms((3, 1, 4, 4), (3, 1, 4, 4)), True),
    "the legacy one right": (both_forms((3, 1, 4, 4), (9, 9)), True),
    "the legacy one wrong": (both_forms((1, 3, 4, 4), (3, 1, 4, 4)), False),
}


@pytest.mark.parametrize("case", FORMS)
def test_both_forms_of_dims_are_a_note(case: str, said: Any, tmp_path: Path, words: Words) -> None:
    data, loads = FORMS[case]
    found = {each.id: each for each in said(filled(BILINEAR), data)}
    assert {*found} == ({"DS014"} if loads else {"DS011", "DS014"})
    assert (found["DS014"].level, found["DS014"].layer) == ("note", "up")
    assert dict(found["DS014"].numbers) == {"blobs": 1, "layers": ("up",), "bytes": len(data)}
    assert ds.check(tmp_path / "net.prototxt", tmp_path / "in.caffemodel").passed == loads
    words(found["DS014"].message)
    (row,) = ds.inspect(tmp_path / "net.prototxt", tmp_path / "in.caffemodel").layers
    (note,) = (each for each in row.findings if each.id == "DS014")
    assert note.level == "note"
    words(note.message)


@at_hand
@pytest.mark.parametrize("case", FORMS)
def test_caffe_loads_them_by_the_legacy_one(case: str) -> None:
    data, loads = FORMS[case]
    assert real_caffe(filled(BILINEAR), data).stops != loads


# --- DS016: a filler that stops Caffe


def test_a_misspelt_filler_leaves_other_rules_on(said: Any) -> None:
    found = said(filled('type: "bilinar"', "kernel_size: 4 stride: 4", group=1))
    assert [each.id for each in found] == ["DS006", "DS008", "DS016"]
    (stop,) = (each for each in found if each.id == "DS016")
    assert (stop.level, stop.line, stop.layer) == ("error", 2, "up")
    assert dict(stop.numbers) == {
        "field": "weight_filler", "type": "bilinar", "nearest": "bilinear",
    }  # fmt: skip


def test_a_filler_stops_caffe_whatever_the_model_has(said: Any, tmp_path: Path) -> None:
    kernels = np.broadcast_to(tent((4, 4)), (3, 1, 4, 4))
    model = model_bytes({"up": [kernels]}, kind="Deconvolution")
    assert [each.id for each in said(filled('type: "bilinar"'), model)] == ["DS016"]
    (row,) = ds.inspect(tmp_path / "net.prototxt", tmp_path / "in.caffemodel").layers
    assert [each.id for each in row.findings] == ["DS016"]


def test_every_layers_fillers_are_looked_at_once_in_whatever_state(said: Any, words: Words) -> None:
    odd = "num_output: 3 kernel_size: 1 weight_filler { type: 'odd' } bias_filler { sparse: 2 }"
    fork = "num_output: 3 kernel_size: 1 weight_filler { type: 'diagonal' }"
    net = data_layer(1, 3, 8, 8) + conv("a", odd, more=TRAIN) + conv("b", odd) + conv("c", fork)
    found = said(net, allow_empty=True)
    assert [(each.id, each.layer, each.line, each.level) for each in found] == [
        ("DS016", "a", 2, "error"),
        ("DS016", "a", 2, "error"),
        ("DS016", "b", 3, "error"),
        ("DS016", "b", 3, "error"),
        ("DS016", "c", 4, "note"),
    ]
    assert [dict(each.numbers)["field"] for each in found[:2]] == ["weight_filler", "bias_filler"]
    assert [each.layer for each in said(net, allow_empty=True, phase="test")] == ["b", "b", "c"]
    for each in found[2:]:
        words((each.message, each.repair.words), f"{each.layer} {dict(each.numbers)['field']}")
