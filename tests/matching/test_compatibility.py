"""Where a net and a model disagree: each row of what Caffe does when it copies weights by name.

Nets are made by text, models by protobuf; what is expected is written by hand.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import deconvsurgery as ds
from deconvsurgery.matching.compatibility import disagreements
from deconvsurgery.matching.disagreement import Disagreement, Kind
from deconvsurgery.matching.disagreement_sentences import in_words
from helpers.models import NetParameter, indexed, model_bytes, parsed, source_layers
from helpers.nets import TEST, TRAIN, conv, data_layer, layer, up
from helpers.oracles import tent
from helpers.real_caffe import at_hand, real_caffe
from helpers.words import Words, names, numbers, shapes

DATA = data_layer(1, 3, 9, 9)
LMDB = layer("data", "Data", bottom="")  # of unknown shape


def blob(*shape: int, legacy: bool = False) -> Any:
    message = NetParameter().layer.add().blobs.add(data=[0.0] * prod(shape))
    if legacy:
        message.num, message.channels, message.height, message.width = shape
    else:
        message.shape.dim.extend(shape)
    return message


W, B, UP = blob(2, 3, 3, 3), blob(2), blob(3, 1, 4, 4)
UP_WHOLE = "num_output: 3 bias_term: false kernel_size: 4 stride: 2"


def model_of(*layers: tuple[Any, ...]) -> ds.Model:
    """A model of (name, type, blob, …) each."""
    net = NetParameter()
    for name, kind, *blobs in layers:
        net.layer.add(name=name, type=kind).blobs.extend(blobs)
    return indexed(net.SerializeToString())


def found(text: str, model: ds.Model, states: Any = None) -> tuple[Disagreement, ...]:
    net = ds.parse_net(text.encode())
    return disagreements(net, model, net.states() if states is None else states)


def planned(text: str, model: ds.Model, **options: Any) -> ds.ApplyPlan:
    net = ds.parse_net(text.encode())
    return ds.make_plan(net, model, ds.match_layers(net), ds.ApplyOptions(**options))


def in_diff(message: Any) -> Any:
    moved = type(message)()
    moved.CopyFrom(message)
    moved.diff.extend(moved.data)
    del moved.data[:]
    return moved


def with_diff(message: Any, count: int) -> Any:
    other = type(message)()
    other.CopyFrom(message)
    other.diff.extend([1.0] * count)
    return other


def valued(message: Any, count: int) -> Any:
    other = type(message)()
    other.CopyFrom(message)
    del other.data[:]
    other.data.extend([1.0] * count)
    return other


# --- the table of what Caffe does with each layer of a model

C, INPUT = ("c", "Convolution", W, B), ("data", "Input")
ODD = layer("odd", "Odd")


class Expected(NamedTuple):
    """A disagreement; ``told`` are the numbers of its message."""

    kind: Kind
    layer: str = "c"
    line: int | None = 2
    told: tuple[float, ...] = ()
    numbers: Mapping[str, Any] = {}
    stops: bool = False
    renamed: str | None = None


def stop(kind: Kind, told: list[float], name: str = "c", **facts: Any) -> Expected:
    """One at which Caffe would end the process."""
    return Expected(kind, name, told=tuple(told), numbers=facts, stops=True)


W_SHAPE = (2, 3, 3, 3)
NEARLY = "nearly the name, and other blobs: under one name Caffe would stop"
ROWS: dict[str, tuple[str, list[tuple[Any, ...]], list[Expected]]] = {
    "they agree": (DATA + conv("c"), [INPUT, C], []),
    "the model has no type": (DATA + conv("c"), [("c", "", W, B)], []),
    "a source the net lacks": (
        DATA + conv("c"),
        [C, ("fc8", "InnerProduct", B)],
        [Expected(Kind.NET_LACKS, "fc8", None)],
    ),
    "one without blobs": (DATA + conv("c"), [C, ("relu", "ReLU"), ("c_split", "Split")], []),
    "a target the model lacks": (
        DATA + conv("c") + conv("score"),
        [C],
        [Expected(Kind.MODEL_LACKS, "score", 3)],
    ),
    "layers without blobs": (
        DATA + layer("relu", "ReLU") + layer("s", "Silence").replace('top: "s"', "") + ODD,
        [],
        [],
    ),
    "no blobs at all": (
        DATA + conv("c"),
        [("c", "Convolution")],
        [stop(Kind.BLOBS, [2], net=2, model=0)],
    ),
    "fewer": (
        DATA + conv("c"),
        [("c", "Convolution", W)],
        [stop(Kind.BLOBS, [2, 1], net=2, model=1)],
    ),
    "more": (
        DATA + conv("c", "num_output: 2 kernel_size: 3 bias_term: false"),
        [C],
        [stop(Kind.BLOBS, [1, 2], net=1, model=2)],
    ),
    "blobs where none belong": (
        DATA + layer("r", "ReLU"),
        [("r", "PReLU", B)],
        [stop(Kind.BLOBS, [1], "r", net=0, model=1)],
    ),
    "shapes differ": (
        DATA + conv("c"),
        [("c", "Convolution", W, blob(3))],
        [stop(Kind.SHAPE, [1, 2, 3], blob=1, net=(2,), model=(3,))],
    ),
    "shapes differ, counts do not": (
        DATA + conv("c"),
        [("c", "Convolution", blob(3, 2, 3, 3), B)],
        [stop(Kind.SHAPE, [0, 2, 3, 3, 3, 3, 2, 3, 3], blob=0, net=W_SHAPE, model=(3, 2, 3, 3))],
    ),
    "the type differs, too": (
        DATA + conv("c"),
        [("c", "Deconvolution", blob(3, 2, 3, 3), B)],
        [stop(Kind.SHAPE, [0, 2, 3, 3, 3, 3, 2, 3, 3], blob=0, net=W_SHAPE, model=(3, 2, 3, 3))],
    ),
    "the type alone": (
        DATA + conv("c"),
        [("c", "DepthwiseConvolution", W, B)],
        [Expected(Kind.TYPE)],
    ),
    "twice in the model": (DATA + conv("c"), [C, C, C], [Expected(Kind.TWICE_IN_MODEL, told=(3,))]),
    "twice, without blobs": (DATA + conv("c"), [INPUT, INPUT, C], []),
    "twice, and only one fits": (
        DATA + conv("c"),
        [C, ("c", "Convolution", W)],
        [stop(Kind.BLOBS, [2, 1], net=2, model=1)],
    ),
    "twice and ignored": (DATA, [C, C], [Expected(Kind.NET_LACKS, line=None)]),
    "twice in the net": (
        DATA + conv("c") + conv("c"),
        [C],
        [Expected(Kind.TWICE_IN_NET, line=3, told=(2,))],
    ),
    "twice in the net, the first without blobs": (
        DATA + layer("c", "ReLU") + conv("c"),
        [C],
        [
            stop(Kind.BLOBS, [2], net=0, model=2),
            Expected(Kind.TWICE_IN_NET, line=3, told=(2,)),
        ],
    ),
    "twice in the net, the second without blobs": (
        DATA + conv("c") + layer("c", "Crop"),
        [C],
        [],
    ),
    "twice in the net, not in the model": (
        DATA + layer("c", "ReLU") + conv("c") + conv("c"),
        [],
        [Expected(Kind.MODEL_LACKS, line=3), Expected(Kind.MODEL_LACKS, line=4)],
    ),
    "too few values": (
        DATA + conv("c"),
        [("c", "Convolution", valued(W, 53), B)],
        [stop(Kind.VALUES, [0, 53, 2, 3, 3, 3, 54], blob=0, shape=W_SHAPE, values=53)],
    ),
    "no values": (
        DATA + conv("c"),
        [("c", "Convolution", W, valued(B, 0))],
        [stop(Kind.VALUES, [1, 2, 2], blob=1, shape=(2,), values=0)],
    ),
    "values only in diff": (
        DATA + conv("c"),
        [("c", "Convolution", in_diff(W), in_diff(B))],
        [stop(Kind.VALUES, [0], blob=0, shape=W_SHAPE, values=0)],
    ),
    "a type that is not known": (DATA + ODD, [("odd", "Odd", W, B)], []),
    "one that is not known, with too many values": (
        DATA + ODD,
        [("odd", "Odd", valued(W, 55))],
        [stop(Kind.VALUES, [0, 55, 2, 3, 3, 3, 54], "odd", blob=0, shape=W_SHAPE, values=55)],
    ),
    "unknown channels": (LMDB + conv("c"), [("c", "Convolution", blob(2, 7, 3, 3), B)], []),
    "unknown channels, known kernel": (
        LMDB + conv("c"),
        [("c", "Convolution", blob(2, 7, 3, 5), B)],
        [
            stop(
                Kind.SHAPE,
                [0, 2, 3, 3, 2, 7, 3, 5],
                blob=0,
                net=(2, None, 3, 3),
                model=(2, 7, 3, 5),
            )
        ],
    ),
    "guessed channels are no word of the net's": (
        LMDB + up(),
        [("up", "Deconvolution", blob(6, 1, 4, 4))],
        [],
    ),
    "what Caffe would not set up": (DATA + conv("c", "num_output: 2"), [C], []),
    "renamed": (
        DATA + conv("conv1_") + layer("conv2", "InnerProduct"),
        [("conv1", "Convolution", W, B)],
        [
            Expected(Kind.MODEL_LACKS, "conv1_", renamed="conv1"),
            Expected(Kind.NET_LACKS, "conv1", None, renamed="conv1_"),
        ],
    ),
    NEARLY: (
        DATA + conv("conv1_"),
        [("conv1", "Convolution", blob(2, 3, 5, 5), B)],
        [
            Expected(Kind.MODEL_LACKS, "conv1_", told=(0, 2, 3, 3, 3, 2, 3, 5, 5)),
            Expected(Kind.NET_LACKS, "conv1", None),
        ],
    ),
    "of two names the one whose blobs fit is meant": (
        DATA + conv("conv1_"),
        [("conv1", "Convolution", W), ("conv1_x", "Convolution", W, B)],
        [
            Expected(Kind.MODEL_LACKS, "conv1_", renamed="conv1_x"),
            Expected(Kind.NET_LACKS, "conv1", None),
            Expected(Kind.NET_LACKS, "conv1_x", None, renamed="conv1_"),
        ],
    ),
    "a group that the net left out": (
        DATA + up("c", UP_WHOLE),
        [("c", "Deconvolution", UP)],
        [
            stop(
                Kind.SHAPE,
                [0, 3, 3, 4, 4, 3, 1, 4, 4, 3, 1],
                blob=0,
                net=(3, 3, 4, 4),
                model=(3, 1, 4, 4),
                group=3,
            )
        ],
    ),
    "the whole diagonal, where the net has groups": (
        DATA + up("c"),
        [("c", "Deconvolution", blob(3, 3, 4, 4))],
        [
            stop(
                Kind.SHAPE,
                [0, 3, 1, 4, 4, 3, 3, 4, 4, 1, 3],
                blob=0,
                net=(3, 1, 4, 4),
                model=(3, 3, 4, 4),
                group=1,
            )
        ],
    ),
    "a group of a Convolution": (
        DATA + conv("c", "num_output: 6 kernel_size: 3 bias_term: false"),
        [("c", "Convolution", blob(6, 1, 3, 3))],
        [
            stop(
                Kind.SHAPE,
                [0, 6, 3, 3, 3, 6, 1, 3, 3, 3, 1],
                blob=0,
                net=(6, 3, 3, 3),
                model=(6, 1, 3, 3),
                group=3,
            )
        ],
    ),
    "another kernel, too, is no group": (
        DATA + up("c", UP_WHOLE),
        [("c", "Deconvolution", blob(3, 1, 2, 2))],
        [
            stop(
                Kind.SHAPE,
                [0, 3, 3, 4, 4, 3, 1, 2, 2],
                blob=0,
                net=(3, 3, 4, 4),
                model=(3, 1, 2, 2),
            )
        ],
    ),
    "a diff of another length": (
        DATA + conv("c"),
        [("c", "Convolution", with_diff(W, 53), with_diff(B, 2))],
        [stop(Kind.VALUES, [0, 53, 2, 3, 3, 3, 54], blob=0, shape=W_SHAPE, diff=53)],
    ),
    "of another type it is not the renamed one": (
        DATA + conv("conv1_"),
        [("conv1", "Deconvolution", W, B)],
        [Expected(Kind.MODEL_LACKS, "conv1_"), Expected(Kind.NET_LACKS, "conv1", None)],
    ),
}


@pytest.mark.parametrize("case", ROWS)
def test_what_caffe_does(case: str, words: Words) -> None:
    text, layers, expected = ROWS[case]
    result = found(text, model_of(*layers))
    assert [
        Expected(
            each.kind,
            each.layer,
            each.line,
            tuple(numbers(each.message)),
            each.numbers,
            each.stops,
            each.renamed,
        )
        for each in result
    ] == expected
    for each in result:
        if case != NEARLY:  # which names the layer that was not renamed
            assert names(each.message) == ([each.renamed] if each.renamed else [])
        words(each.message, f"{case}, {each.kind}")


def ones(count: int) -> str:
    return " ".join(["dim: 1"] * count)


TARGETS = {
    (2, 1, 4, 4): (
        f"{ones(2)} dim: 9 dim: 9",
        "Convolution",
        "convolution_param { num_output: 2 kernel_size: 4 bias_term: false }",
    ),
    (3, 70): (
        "dim: 1 dim: 70",
        "InnerProduct",
        "inner_product_param { num_output: 3 bias_term: false }",
    ),
    (3,): ("dim: 1 dim: 3 dim: 5 dim: 5", "PReLU", ""),
    (): ("dim: 1 dim: 3", "PReLU", "prelu_param { channel_shared: true }"),
}
both, with_num = blob(2, 1, 4, 4, legacy=True), blob(2, 1, 4, 4)
both.shape.dim.extend((9, 9))
with_num.num = 0


@pytest.mark.parametrize(
    ("target", "source", "fits"),
    [
        ((2, 1, 4, 4), blob(2, 1, 4, 4, legacy=True), True),
        ((3, 70), blob(1, 1, 3, 70, legacy=True), True),
        ((3,), blob(1, 1, 1, 3, legacy=True), True),
        ((3, 70), blob(3, 70, 1, 1, legacy=True), False),
        ((3,), blob(3, 1, 1, 1, legacy=True), False),
        ((3, 70), blob(1, 1, 3, 70), False),
        ((3, 70), blob(3, 70), True),
        ((2, 1, 4, 4), both, True),
        ((2, 1, 4, 4), with_num, False),
        ((), valued(type(W)(), 1), True),
        ((), blob(1, 1, 1, 1, legacy=True), True),
        ((), blob(1), False),
    ],
)
def test_shapes_are_equal_as_caffe_has_it(target: tuple[int, ...], source: Any, fits: bool) -> None:
    dims, kind, param = TARGETS[target]
    data = DATA.replace("dim: 1 dim: 3 dim: 9 dim: 9", dims)
    result = found(data + layer("x", kind, param), model_of(("x", kind, source)))
    assert [(each.kind, each.stops) for each in result] == ([] if fits else [(Kind.SHAPE, True)])


# --- phases and shared weights


@pytest.mark.parametrize(
    ("text", "layers", "kinds", "in_test"),
    [
        (conv("c", more=TRAIN), [], ["model-lacks"], []),
        (conv("c", more=TRAIN), [C], [], []),
        (conv("c", more=TRAIN), [("c", "Convolution", W)], ["blobs"], []),
        (conv("c", more=TRAIN) + conv("c", more=TEST), [C], [], []),
        (
            conv("c", more=TRAIN) + conv("c", param="num_output: 2 kernel_size: 5", more=TEST),
            [C],
            ["shape"],
            ["shape"],
        ),
        (conv("c", more='include { stage: "deploy" }'), [C], [], []),
        (layer("d", "Data", more=TRAIN) + layer("d", "Data", more=TEST), [("d", "Data")], [], []),
    ],
)
def test_a_layer_is_judged_where_it_is_active(
    text: str, layers: list[Any], kinds: list[str], in_test: list[str]
) -> None:
    model = model_of(*layers)
    assert [each.kind for each in found(DATA + text, model)] == kinds
    states = [ds.NetState(ds.Phase.TEST)]
    assert [each.kind for each in found(DATA + text, model, states)] == in_test


def test_a_difference_in_one_phase_has_that_layers_line() -> None:
    text = DATA + conv("c", more=TRAIN)
    text += conv("c", param="num_output: 2 kernel_size: 5", more=TEST)
    (each,) = found(text, model_of(C))
    assert (each.kind, each.line) == (Kind.SHAPE, 3)
    assert shapes(each.message) == [(2, 3, 5, 5), (2, 3, 3, 3)]


@pytest.mark.parametrize(
    ("params", "kinds"),
    [
        ('param { name: "w" } param { name: "b" }', []),
        ('param { name: "w" }', ["model-lacks"]),  # its bias is its own
        ('param { name: "v" } param { name: "b" }', ["model-lacks"]),
        ("", ["model-lacks"]),
    ],
)
def test_who_shares_all_its_weights_lacks_none(params: str, kinds: list[str]) -> None:
    shared = 'param { name: "w" } param { name: "b" }'
    model = model_of(C)
    text = DATA + conv("c", more=shared)
    assert [each.kind for each in found(text + conv("second", more=params), model)] == kinds
    twice = ["twice-in-net"] if kinds else []
    assert [each.kind for each in found(text + conv("c", more=params), model)] == twice


def test_weights_shared_by_name_with_a_layer_the_model_lacks_are_lacking() -> None:
    shared = 'param { name: "w" } param { name: "b" }'
    text = DATA + conv("c", more=shared) + conv("d", more=shared)
    assert [each.layer for each in found(text, model_of())] == ["c", "d"]


# --- older generations


def test_types_of_other_generations_are_no_difference() -> None:
    net = NetParameter()
    old = net.layers.add(name="c", type="CONVOLUTION")
    old.blobs.extend((blob(2, 3, 3, 3, legacy=True), blob(1, 1, 1, 2, legacy=True)))
    assert not found(DATA + conv("c"), indexed(net.SerializeToString()))
    old.ClearField("type")
    data = net.SerializeToString()
    assert not found(DATA + conv("c"), indexed(data))
    oldest = NetParameter()
    inner = oldest.layers.add().layer
    inner.name, inner.type = "c", "conv"
    inner.blobs.extend(old.blobs)
    assert not found(DATA + conv("c"), indexed(oldest.SerializeToString()))


# --- in words


def test_one_sentence_a_kind_and_five_names(words: Words) -> None:
    many = [(f"bn{number}", "BN", B) for number in range(83)]
    text = DATA + "".join(conv(f"score{number}") for number in range(6))
    theirs, ours = in_words(found(text, model_of(*many)))
    assert (numbers(theirs), names(theirs)) == ([83, 78], ["bn0", "bn1", "bn2", "bn3", "bn4"])
    assert numbers(ours) == [6, 1]
    assert names(ours) == ["score0", "score1", "score2", "score3", "score4"]
    words(theirs, "the net lacks")
    words(ours, "the model lacks")


@pytest.mark.parametrize(("count", "more"), [(6, 1), (1205, 1200)], ids=["one", "many"])
def test_where_caffe_would_stop_comes_first(
    count: int, more: int, words: Words, request: pytest.FixtureRequest
) -> None:
    text = DATA + "".join(conv(f"conv{number}") for number in range(6))
    layers = ((f"conv{number}", "Convolution", W) for number in range(6))
    ignored, *stops = sorted(
        found(text, model_of(("a", "BN", B), *layers)), key=lambda each: each.stops
    )
    more_stops = (stops[-1]._replace(layer=f"more{number}") for number in range(count - 6))
    told = in_words([ignored, *stops, *more_stops])
    assert len(told) == 7
    assert [names(each) for each in told[:5]] == [[f"conv{number}"] for number in range(5)]
    assert [numbers(each) for each in told[:5]] == [[2, 1]] * 5
    assert (names(told[5]), numbers(told[5])) == ([], [more])
    assert f"{more:,}" in told[5]
    assert names(told[6]) == ["a"]
    words(told[0], "stops")
    words(told[5], request.node.callspec.id)
    words(told[6], "last")


def test_both_shapes_are_told_where_caffe_would_stop(words: Words) -> None:
    model = model_of(("c", "Convolution", blob(2, 3, 5, 5), B))
    (told,) = in_words(found(DATA + conv("c"), model))
    assert (names(told), shapes(told)) == (["c"], [(2, 3, 3, 3), (2, 3, 5, 5)])
    words(told)


def test_the_other_kinds_of_several_layers(words: Words) -> None:
    odd = [(name, "DepthwiseConvolution", W, B) for name in "abc"]
    text = DATA + 2 * "".join(conv(name) for name in "abc")
    told = in_words(found(text, model_of(*odd, *odd)))
    assert [(numbers(each), names(each)) for each in told] == [([3], ["a", "b", "c"])] * 3
    for each, kind in zip(told, ("twice in the net", "twice in the model", "type"), strict=True):
        words(each, kind)


def test_names_that_are_spoken_of_elsewhere_are_left_out(words: Words) -> None:
    text = DATA + conv("a") + conv("b") + conv("c")
    result = found(text, model_of(("c", "Convolution", W)))
    assert [names(each) for each in in_words(result)] == [["c"], ["a", "b"]]
    (told,) = in_words(result, but={"a", "c"})
    assert names(told) == ["b"]
    words(told)
    assert in_words(result, but={"a", "b", "c"}) == ()


def test_renamed_layers_are_paired(words: Words) -> None:
    text = DATA + conv("rf_c3_up_") + conv("rf_c2_up_")
    model = model_of(("rf_c2_up", "Convolution", W, B), ("rf_c3_up", "Convolution", W, B))
    result = found(text, model)
    pairs = {"rf_c2_up": "rf_c2_up_", "rf_c3_up": "rf_c3_up_"}
    assert {each.layer: each.renamed for each in result} == pairs | {
        new: old for old, new in pairs.items()
    }
    told = in_words(result)[0]
    assert names(told) == [*pairs, "rf_c2_up", "rf_c2_up_", "rf_c3_up", "rf_c3_up_"]
    words(told)


def test_check_says_how_a_renamed_layer_is_fixed(tmp_path: Path, words: Words) -> None:
    net, path = tmp_path / "net", tmp_path / "in"
    net.write_text(DATA + conv("rf_c2_up_") + up())
    model = NetParameter()
    for name, blobs in (("rf_c2_up", (W, B)), ("up", (UP,))):
        model.layer.add(name=name, type="Convolution").blobs.extend(blobs)
    path.write_bytes(model.SerializeToString())
    findings = ds.check(net, path, select="DS011").findings
    repairs = {each.layer: each.repair for each in findings if each.repair}
    assert list(repairs) == ["rf_c2_up_", "up", None]
    assert names(repairs["rf_c2_up_"].words) == ["rf_c2_up"]
    words(repairs["rf_c2_up_"].words, "renamed")
    words(repairs["up"].words, "another shape")
    words(repairs[None].words, "all")


@pytest.mark.parametrize("size", [10_000, pytest.param(1_000_000, marks=pytest.mark.campaign)])
def test_a_sentence_is_short_whatever_the_file_holds(size: int) -> None:
    long = "é\x1b" * (size // 2)
    kind = "K" * size
    lots = [(f"{number}{long}", kind, blob(*(1,) * 32)) for number in range(3)]
    text = DATA + conv("x" * size) + conv("y" * size) + conv("c")
    result = found(text, model_of(*lots, ("c", kind, blob(*(1,) * 32), B)))
    assert len(result) == 6
    for told in (*in_words(result), *in_words(result[-1:]), *(each.message for each in result)):
        assert len(told) < 1500
        assert told.isprintable()


@pytest.mark.parametrize("count", [100, pytest.param(4000, marks=pytest.mark.campaign)])
def test_thousands_of_layers_are_all_told(count: int) -> None:
    text = DATA + "".join(conv(f"layer_of_the_net{number}_") for number in range(count))
    model = model_of(*((f"layer_of_the_net{n}", "Convolution", W, B) for n in range(count)))
    kinds = [each.kind for each in found(text, model)]
    assert kinds == [Kind.MODEL_LACKS] * count + [Kind.NET_LACKS] * count


# --- a plan and an inspection say it


def test_the_usual_start_of_an_fcn_is_two_short_sentences(words: Words) -> None:
    text = DATA + conv("conv1") + conv("score_fr") + conv("score_pool4") + up("upscore2")
    model = model_of(("conv1", "Convolution", W, B), ("fc8", "InnerProduct", blob(1000, 9), B))
    plan = planned(text, model)
    assert [names(each) for each in plan.warnings] == [["fc8"], ["score_fr", "score_pool4"]]
    words(plan.warnings)
    (change,) = plan.changes
    assert change.warnings == ()
    assert planned(DATA + up(), model_of(("up", "Deconvolution", UP))).warnings == ()


def test_a_plan_tells_of_every_layer_that_its_rows_do_not(words: Words) -> None:
    sums = "num_output: 2 bias_term: false kernel_size: 4 stride: 2"
    text = DATA + up("up_made") + up("up_two") + up("up_sums", sums) + up("up_old_")
    model = model_of(
        ("up_two", "Deconvolution", UP, blob(3)),
        ("up_sums", "Convolution", UP),
        ("up_old", "Deconvolution", UP),
    )
    plan = planned(text, model, skip_unfit=True)
    # up_sums is refused for its channels alone: the model's shape is still to be told.
    stops, ignored = plan.warnings
    assert stops.count("'up_sums'") == 1
    assert shapes(stops) == [(3, 2, 4, 4), (3, 1, 4, 4)]
    assert names(ignored) == ["up_old", "up_old_"]
    made, renamed = plan.changes
    assert (made.target.layer.name, made.warnings) == ("up_made", ())
    assert renamed.target.layer.name == "up_old_"
    (told,) = renamed.warnings
    assert names(told) == ["up_old"]
    words([stops, ignored, told])


def test_what_is_passed_over_is_still_told_of(words: Words) -> None:
    text = DATA + up() + up("up2")
    model = model_of(("up", "Deconvolution", valued(UP, 48), B))
    plan = planned(text, model, fill="missing", create=False)
    assert [skip.target.layer.name for skip in plan.skips] == ["up", "up2"]
    (told,) = plan.warnings
    assert (names(told), numbers(told)) == (["up"], [1, 2])
    words(told)


@pytest.mark.parametrize(
    ("blobs", "told"),
    [
        ([UP, B], [1, 2]),
        ([blob(3, 1, 5, 5)], [0, 3, 1, 4, 4, 3, 1, 5, 5]),
        ([valued(UP, 47)], [0, 47, 3, 1, 4, 4, 48]),
    ],
    ids=["blobs", "shape", "values"],
)
def test_a_refusal_says_what_caffe_does(
    blobs: list[Any], told: list[float], words: Words, request: pytest.FixtureRequest
) -> None:
    with pytest.raises(ds.MismatchError) as raised:
        planned(DATA + up(), model_of(("up", "Deconvolution", *blobs)))
    assert (raised.value.layer, raised.value.line) == ("up", 2)
    assert numbers(raised.value.message) == told
    words(raised.value.message, request.node.callspec.id)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (layer("up", "Crop") + up(), [[2]]),
        (up() + layer("up", "Crop"), [[3]]),
        (up(more=TEST) + layer("up", "Crop"), [[3]]),
        (up(more=TEST) + layer("up", "Crop", more=TEST), [[3]]),
        (up(more=TEST) + up(more=TRAIN), []),
    ],
    ids=["before", "behind", "in both phases", "in its phase", "none"],
)
def test_a_row_tells_of_its_namesakes(
    text: str, lines: list[list[float]], words: Words, request: pytest.FixtureRequest
) -> None:
    (change,) = planned(DATA + text, model_of(("up", "Deconvolution", UP))).changes
    assert [numbers(told) for told in change.warnings] == lines
    for each in change.warnings:
        words(each, request.node.callspec.id)


def test_inspect_tells_it_where_it_has_both(words: Words) -> None:
    net, model = ds.parse_net((DATA + conv("c")).encode()), model_of(("c", "Convolution", W))
    (told,) = ds.inspect(net, model).net_findings
    assert (told.id, told.layer, numbers(told.message), told.stops) == ("DS011", "c", [2, 1], True)
    words(told.message)
    assert ds.inspect(net).net_findings == ds.inspect(None, model).net_findings == ()
    assert ds.inspect(net, model_of(C)).net_findings == ()


# --- real pairs


def pairs(shared: Path) -> dict[str, tuple[Path, Path, str]]:
    """Net, model, and what the index notes of them, by the model's place."""
    models, found = shared / "models", {}
    with (models / "INDEX.tsv").open(newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    for row in rows:
        named = re.search(r"pair=(\S+)", row["notes"])
        path = models / row["short-name"] / row["file"]
        if row["format"] in ("V1", "V2") and named and path.with_name(named[1]).exists():
            name = f"{path.parent.name}/{path.name}"
            found[name] = path.with_name(named[1]), path, row["notes"]
    return found


class Noted(NamedTuple):
    """What the index says of a pair, and protobuf and the text's own names."""

    strangers: set[str]
    lacking: set[str]
    other_shapes: set[str]


def noted(text: Path, path: Path, notes: str) -> Noted:
    own = {
        name for _, name in re.findall(r"\bname\s*:\s*([\"'])(.*?)\1", text.read_text("latin-1"))
    }
    layers = source_layers(parsed(path.read_bytes()))
    strangers = {name for name, each in layers.items() if each.blobs and name not in own}
    listed = re.search(r"NOT in prototxt: (\S+)(?: \(\+(\d+)\))?", notes)
    told = set(listed[1].split(",")) if listed else set()
    assert told <= strangers
    assert len(strangers) == len(told) + int((listed and listed[2]) or 0)
    lacking = re.search(r"no blobs in model: (\S+)", notes)
    # In each pair whose types differ the shapes do, as the entry says.
    other_shapes = set(re.findall(r"type differs: \[\('(.*?)'", notes))
    return Noted(strangers, set(lacking[1].split(",")) if lacking else set(), other_shapes)


def told_of(text: Path, path: Path, notes: str) -> tuple[str, ...]:
    """What is said of a pair, which disagrees where the index says so."""
    expected = noted(text, path, notes)
    rows = {(Kind.NET_LACKS, name, False) for name in expected.strangers}
    rows |= {(Kind.MODEL_LACKS, name, False) for name in expected.lacking}
    rows |= {(Kind.SHAPE, name, True) for name in expected.other_shapes}
    net = ds.read_net(text)
    with ds.open_model(path) as model:
        result = disagreements(net, model, net.states())
        assert {(each.kind, each.layer, each.stops) for each in result} == rows, path
        assert len(result) == len(rows)
        looked_at = ds.inspect(net, model, every_layer=True)
        found = [each for row in looked_at.layers for each in row.findings if each.id == "DS011"]
        found += [each for each in looked_at.net_findings if each.id == "DS011"]
        assert bool(found) == bool(rows)
        assert {each.layer for each in found if each.stops} == expected.other_shapes
        plan = ds.make_plan(
            net, model, ds.match_layers(net, ["*"]), ds.ApplyOptions(skip_unfit=True)
        )
        assert bool(plan.warnings) == bool(rows)
    return in_words(result)


C2, C3 = "rf_c2_upsampling", "rf_c3_upsampling"
# Of each sentence that is said of a real pair: its names, its numbers.
TOLD: dict[str, list[tuple[list[str], list[float]]]] = {
    "enet-cityscapes/cityscapes_weights.caffemodel": [
        (["bn1_0_0", "bn1_0_1", "bn1_0_2", "bn1_0_4", "bn1_1_0"], [83, 78])
    ],
    "mtcnn/det2.caffemodel": [(["conv5-3"], [])],
    "retinaface-charrin-zero/mnet.caffemodel": [
        ([C3, C2], [2]),
        ([f"{C3}_", f"{C2}_"], [2]),
    ],
    "waifu2x-upconv7-mismatch/noise1_model.json.caffemodel": [
        (["conv7_layer"], [0, 128, 3, 4, 4, 3, 128, 3, 3])
    ],
}


@pytest.mark.parametrize("name", [*list(TOLD)[1:], "fsrcnn-x3/snapshot_iter_500.caffemodel"])
def test_a_real_pair_disagrees_where_the_index_says(name: str, shared: Path, words: Words) -> None:
    told = told_of(*pairs(shared)[name])
    assert [(names(each), numbers(each)) for each in told] == TOLD.get(name, [])
    for each in told:
        words(each, name)


@pytest.mark.campaign
def test_real_pairs_disagree_where_the_index_says(shared: Path) -> None:
    told = {name: told_of(*pair) for name, pair in pairs(shared).items()}
    assert len(told) == 27
    assert {
        name: [(names(each), numbers(each)) for each in sentences]
        for name, sentences in told.items()
        if sentences
    } == TOLD


# --- any net, one mutation


@st.composite
def nets(draw: st.DrawFn) -> tuple[list[str], list[tuple[str, str, list[tuple[int, ...]]]]]:
    """Lines of a chain of layers, and of each its name, type and blobs' shapes, by hand."""
    channels, side = draw(st.integers(1, 3)), draw(st.integers(8, 12))
    dims = f"dim: 1 dim: {channels} dim: {side} dim: {side}"
    lines = [f'name: "in" type: "Input" top: "0" input_param {{ shape {{ {dims} }} }}']
    layers = []
    flat = False
    for number in range(draw(st.integers(1, 5))):
        outputs, bias = draw(st.integers(1, 3)), draw(st.booleans())
        flat = flat or draw(st.integers(0, 3)) == 0
        common = f"num_output: {outputs} bias_term: {str(bias).lower()}"
        if flat:
            kind, param = "InnerProduct", f"inner_product_param {{ {common} }}"
            shapes: list[tuple[int, ...]] = [(outputs, channels * side * side)]
            side = 1
        else:
            kernel = draw(st.integers(1, 2))
            kind = "Convolution"
            param = f"convolution_param {{ {common} kernel_size: {kernel} }}"
            shapes = [(outputs, channels, kernel, kernel)]
            side -= kernel - 1
        channels = outputs
        shapes += [(outputs,)] if bias else []
        name = f"layer {'abcde'[number]}"
        lines.append(
            f'name: "{name}" type: "{kind}" bottom: "{number}" top: "{number + 1}" {param}'
        )
        layers.append((name, kind, shapes))
    return lines, layers


MUTATIONS: dict[str, list[Kind]] = {
    "none": [],
    "drop": [Kind.MODEL_LACKS],
    "stranger": [Kind.NET_LACKS],
    "rename": [Kind.MODEL_LACKS, Kind.NET_LACKS],
    "no blobs": [Kind.BLOBS],
    "blob less": [Kind.BLOBS],
    "blob more": [Kind.BLOBS],
    "dim": [Kind.SHAPE],
    "value less": [Kind.VALUES],
    "value more": [Kind.VALUES],
    "diff": [Kind.VALUES],
    "type": [Kind.TYPE],
    "twice in the model": [Kind.TWICE_IN_MODEL],
    "twice in the net": [Kind.TWICE_IN_NET],
}


@given(
    mutation=st.sampled_from(list(MUTATIONS)), drawn=nets(), legacy=st.booleans(), data=st.data()
)
def test_one_mutation_is_one_disagreement(
    mutation: str, drawn: Any, legacy: bool, data: st.DataObject
) -> None:
    judge(mutation, drawn, legacy, data)


@pytest.mark.campaign
@given(drawn=nets(), legacy=st.booleans(), data=st.data())
@pytest.mark.parametrize("mutation", MUTATIONS)
def test_one_mutation_of_each_kind_is_one_disagreement(
    mutation: str, drawn: Any, legacy: bool, data: st.DataObject
) -> None:
    judge(mutation, drawn, legacy, data)


def judge(mutation: str, drawn: Any, legacy: bool, data: st.DataObject) -> None:
    lines, layers = drawn
    net = NetParameter()
    for name, kind, sizes in layers:
        made = net.layer.add(name=name, type=kind)
        for shape in sizes:
            padded = (1,) * (4 - len(shape)) + shape
            made.blobs.append(blob(*(padded if legacy else shape), legacy=legacy))
    chosen = data.draw(st.integers(0, len(layers) - 1))
    victim, line = net.layer[chosen], chosen + 2
    name = victim.name
    target = victim.blobs[data.draw(st.integers(0, len(victim.blobs) - 1))]
    if mutation == "drop":
        del net.layer[chosen]
    elif mutation == "stranger":
        net.layer.add(name="fc8", type="InnerProduct").blobs.append(B)
    elif mutation == "rename":
        victim.name += "_"
    elif mutation == "no blobs":
        del victim.blobs[:]
    elif mutation == "blob less":
        del victim.blobs[-1]
    elif mutation == "blob more":
        victim.blobs.append(B)
    elif mutation == "dim":
        if legacy:
            field = data.draw(st.sampled_from(["num", "channels", "height", "width"]))
            setattr(target, field, getattr(target, field) + 1)
        else:
            axis = data.draw(st.integers(0, len(target.shape.dim)))
            dims = [*target.shape.dim, 0][: axis + 1]
            dims[-1] += 1  # behind the last axis that is one more, of size 1
            target.shape.dim[: axis + 1] = dims
    elif mutation == "value less":
        del target.data[-1]
    elif mutation == "value more":
        target.data.append(1)
    elif mutation == "diff":
        target.diff.extend(target.data)
        del target.data[:]
    elif mutation == "type":
        victim.type = "Odd"
    elif mutation == "twice in the model":
        net.layer.append(victim)
    elif mutation == "twice in the net":
        lines.append(lines[chosen + 1])
        line = len(lines)
    text = "".join(f"layer {{ {each} }}\n" for each in lines)
    result = found(text, indexed(net.SerializeToString()))
    assert [each.kind for each in result] == MUTATIONS[mutation]
    for each in result:
        assert each.stops == (each.kind in (Kind.BLOBS, Kind.SHAPE, Kind.VALUES))
        if each.kind is Kind.NET_LACKS:
            assert (each.layer, each.line) in {("fc8", None), (f"{name}_", None)}
        else:
            assert (each.layer, each.line) == (name, line)
        if mutation == "diff":
            assert each.numbers["values"] == 0
        if mutation == "rename":
            assert each.renamed in (name, f"{name}_")
    assert len(in_words(result)) == len(result)


# --- a shape that the net does not give


@pytest.mark.parametrize(
    ("weights", "own"),
    [
        (np.broadcast_to(tent((4, 4)), (3, 1, 4, 4)), "bilinear"),
        (np.zeros((3, 1, 4, 4)), "zero"),
        (np.zeros((3, 2, 4, 4)), None),  # of no group of three outputs
        (np.broadcast_to(tent((8, 8)), (3, 1, 8, 8)), "bilinear"),
    ],
)
def test_weights_of_another_shape_have_a_state_of_their_own(
    weights: np.ndarray[Any, Any], own: str | None
) -> None:
    """What they are in the shape that they have is said, too."""
    text = DATA + up(param=UP_WHOLE)
    message = NetParameter().layer.add().blobs.add(data=weights.reshape(-1))
    message.shape.dim.extend(weights.shape)
    model = model_of(("up", "Deconvolution", message))
    (row,) = ds.inspect(ds.parse_net(text.encode()), model).layers
    assert row.weights == ds.Fingerprint(
        ds.WeightState.OTHER_SHAPE, own=own and ds.WeightState(own)
    )
    (found,) = [each for each in row.findings if each.stops]
    assert found.id == "DS011"
    (skip,) = planned(text, model, skip_unfit=True).skips
    assert skip.before == row.weights


def test_what_is_not_set_up_or_not_known_has_no_other_shape() -> None:
    model = model_of(("up", "Deconvolution", blob(3, 1, 4, 4)))
    refused = DATA + up(param="num_output: 4 group: 2 kernel_size: 4 bias_term: false")
    unknown = layer("data", "HDF5Data", bottom="") + up()
    for text in (refused, unknown, LMDB + up()):
        (row,) = ds.inspect(ds.parse_net(text.encode()), model).layers
        assert row.weights is not None
        assert row.weights.state is ds.WeightState.ZERO


@at_hand
@pytest.mark.parametrize("verb", ["apply", "regroup"])
def test_verbs_refuse_what_stops_caffe_in_the_words_of_check(verb: str, tmp_path: Path) -> None:
    net, model = tmp_path / "n.prototxt", tmp_path / "m.caffemodel"
    net.write_text(DATA + up())
    saved = NetParameter()
    saved.layer.add(name="up", type="Deconvolution").blobs.extend([blob(3, 3, 4, 4)])
    model.write_bytes(saved.SerializeToString())
    assert real_caffe(net, model).at == "model"
    (found,) = [each for each in ds.check(net, model).findings if each.stops]
    outputs = (tmp_path / "o", tmp_path / "om")[: 1 if verb == "apply" else 2]
    with pytest.raises(ds.MismatchError) as raised:
        getattr(ds, verb)(net, model, *outputs)
    assert found.message in raised.value.message
    assert (raised.value.layer, raised.value.line) == (found.layer, found.line)
    (row,) = ds.inspect(net, model).layers
    assert (found.id, found.message, found.line) in [
        (each.id, each.message, each.line) for each in row.findings
    ]


@pytest.mark.parametrize("to", ["binary", "hdf5"])
def test_a_net_that_does_not_fit_is_said(to: str, tmp_path: Path) -> None:
    """In the words of check; the file is converted all the same."""
    net, model = tmp_path / "n.prototxt", tmp_path / "m.caffemodel"
    net.write_text(data_layer(1, 3, 9, 9) + up())
    model.write_bytes(model_bytes({"up": [np.zeros((3, 3, 4, 4), "f4")]}, kind="Deconvolution"))
    (warning,) = ds.convert(model, tmp_path / "o", to=to, net=net).warnings
    (found,) = [each for each in ds.check(net, model).findings if each.stops]
    assert found.message.removesuffix("; Caffe stops at that") in warning
    assert (tmp_path / "o").exists()
    net.write_text(
        data_layer(1, 3, 9, 9) + up(param="num_output: 3 bias_term: false kernel_size: 4")
    )
    assert ds.convert(model, tmp_path / "o", to=to, net=net, force=True).warnings == ()
