"""Where a net and a model disagree: each row of what Caffe does when it copies weights by name.

Nets are made by text, models by protobuf; what is expected is written by hand.
"""

from __future__ import annotations

import csv
import re
from math import prod
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import deconvsurgery as ds
from deconvsurgery.matching.compatibility import (
    Disagreement,
    Kind,
    disagreements,
    in_words,
)
from helpers.models import NetParameter, indexed, parsed

DATA = (
    'layer { name: "data" type: "Input" top: "data" '
    "input_param { shape { dim: 1 dim: 3 dim: 9 dim: 9 } } }\n"
)
LMDB = 'layer { name: "data" type: "Data" top: "data" }\n'  # of unknown shape
TRAIN, TEST = "include { phase: TRAIN }", "include { phase: TEST }"


def layer(name: str, kind: str, param: str = "", more: str = "") -> str:
    return (
        f'layer {{ name: "{name}" type: "{kind}" bottom: "data" top: "{name}" {more} {param} }}\n'
    )


def conv(name: str = "c", param: str = "num_output: 2 kernel_size: 3", more: str = "") -> str:
    """Weights (2, 3, 3, 3) and a bias (2)."""
    return layer(name, "Convolution", f"convolution_param {{ {param} }}", more)


def up(name: str = "up", param: str = "", more: str = "") -> str:
    """Weights (3, 1, 4, 4) and no bias."""
    geometry = "num_output: 3 group: 3 bias_term: false kernel_size: 4 stride: 2"
    return layer(name, "Deconvolution", f"convolution_param {{ {param or geometry} }}", more)


def blob(*shape: int, legacy: bool = False) -> Any:
    message = NetParameter().layer.add().blobs.add(data=[0.0] * prod(shape))
    if legacy:
        message.num, message.channels, message.height, message.width = shape
    else:
        message.shape.dim.extend(shape)
    return message


W, B, UP = blob(2, 3, 3, 3), blob(2), blob(3, 1, 4, 4)


def model_of(*layers: tuple[Any, ...]) -> ds.Model:
    """A model of (name, type, blob, …) each."""
    net = NetParameter()
    for name, kind, *blobs in layers:
        net.layer.add(name=name, type=kind).blobs.extend(blobs)
    return indexed(net.SerializeToString())


def found(text: str, model: ds.Model, states: Any = None) -> tuple[Disagreement, ...]:
    net = ds.parse_net(text.encode())
    return disagreements(net, model, net.states() if states is None else states)


def planned(text: str, model: ds.Model, **options: Any) -> ds.Plan:
    net = ds.parse_net(text.encode())
    return ds.make_plan(net, model, ds.match_layers(net), ds.Options(**options))


def in_diff(message: Any) -> Any:
    moved = type(message)()
    moved.CopyFrom(message)
    moved.diff.extend(moved.data)
    del moved.data[:]
    return moved


def valued(message: Any, count: int) -> Any:
    other = type(message)()
    other.CopyFrom(message)
    del other.data[:]
    other.data.extend([1.0] * count)
    return other


# --- the table of what Caffe does with each layer of a model

C, INPUT = ("c", "Convolution", W, B), ("data", "Input")
ODD = layer("odd", "Odd")
ROWS: dict[
    str, tuple[str, list[tuple[Any, ...]], list[tuple[Kind, str, int | None, bool, str]]]
] = {
    "they agree": (DATA + conv(), [INPUT, C], []),
    "the model has no type": (DATA + conv(), [("c", "", W, B)], []),
    "a source the net lacks": (
        DATA + conv(),
        [C, ("fc8", "InnerProduct", B)],
        [(Kind.NET_LACKS, "fc8", None, False, "the net has no such layer; Caffe ignores its")],
    ),
    "one without blobs": (DATA + conv(), [C, ("relu", "ReLU"), ("c_split", "Split")], []),
    "a target the model lacks": (
        DATA + conv() + conv("score"),
        [C],
        [
            (
                Kind.MODEL_LACKS,
                "score",
                3,
                False,
                "the model has no such layer; Caffe leaves it at its filler",
            )
        ],
    ),
    "layers without blobs": (
        DATA + layer("relu", "ReLU") + layer("s", "Silence").replace('top: "s"', "") + ODD,
        [],
        [],
    ),
    "no blobs at all": (
        DATA + conv(),
        [("c", "Convolution")],
        [(Kind.BLOBS, "c", 2, True, "the net gives it 2 blobs, the model has none; Caffe stops")],
    ),
    "fewer": (
        DATA + conv(),
        [("c", "Convolution", W)],
        [(Kind.BLOBS, "c", 2, True, "the net gives it 2 blobs, the model has 1;")],
    ),
    "more": (
        DATA + conv(param="num_output: 2 kernel_size: 3 bias_term: false"),
        [C],
        [(Kind.BLOBS, "c", 2, True, "the net gives it 1 blob, the model has 2;")],
    ),
    "blobs where none belong": (
        DATA + layer("r", "ReLU"),
        [("r", "PReLU", B)],
        [(Kind.BLOBS, "r", 2, True, "the net gives it no blobs, the model's PReLU has 1;")],
    ),
    "shapes differ": (
        DATA + conv(),
        [("c", "Convolution", W, blob(3))],
        [
            (
                Kind.SHAPE,
                "c",
                2,
                True,
                "the net gives its blob 1 the shape (2), the model has (3); Caffe stops at that",
            )
        ],
    ),
    "shapes differ, counts do not": (
        DATA + conv(),
        [("c", "Convolution", blob(3, 2, 3, 3), B)],
        [(Kind.SHAPE, "c", 2, True, "blob 0 the shape (2, 3, 3, 3), the model has (3, 2, 3, 3)")],
    ),
    "the type differs, too": (
        DATA + conv(),
        [("c", "Deconvolution", blob(3, 2, 3, 3), B)],
        [(Kind.SHAPE, "c", 2, True, "the model's Deconvolution has (3, 2, 3, 3);")],
    ),
    "the type alone": (
        DATA + conv(),
        [("c", "DepthwiseConvolution", W, B)],
        [(Kind.TYPE, "c", 2, False, "calls it Convolution, the model DepthwiseConvolution; Caffe")],
    ),
    "twice in the model": (
        DATA + conv(),
        [C, C, C],
        [(Kind.TWICE_IN_MODEL, "c", 2, False, "has 3 layers of this name; Caffe copies each, the")],
    ),
    "twice, without blobs": (DATA + conv(), [INPUT, INPUT, C], []),
    "twice, and only one fits": (
        DATA + conv(),
        [C, ("c", "Convolution", W)],
        [(Kind.BLOBS, "c", 2, True, "the model has 1;")],
    ),
    "twice and ignored": (
        DATA,
        [C, C],
        [(Kind.NET_LACKS, "c", None, False, "Caffe ignores its weights")],
    ),
    "twice in the net": (
        DATA + conv() + conv(),
        [C],
        [
            (
                Kind.TWICE_IN_NET,
                "c",
                3,
                False,
                "an earlier layer has this name (line 2); Caffe loads weights into that one only",
            )
        ],
    ),
    "twice in the net, the first without blobs": (
        DATA + layer("c", "ReLU") + conv(),
        [C],
        [
            (Kind.BLOBS, "c", 2, True, "the net gives it no blobs, the model's Convolution has 2"),
            (Kind.TWICE_IN_NET, "c", 3, False, "(line 2)"),
        ],
    ),
    "twice in the net, the second without blobs": (DATA + conv() + layer("c", "Crop"), [C], []),
    "twice in the net, not in the model": (
        DATA + layer("c", "ReLU") + conv() + conv(),
        [],
        [(Kind.MODEL_LACKS, "c", 3, False, "leaves it at its filler")],
    ),
    "too few values": (
        DATA + conv(),
        [("c", "Convolution", valued(W, 53), B)],
        [(Kind.VALUES, "c", 2, True, "its blob 0 in the model has 53 values, where its shape")],
    ),
    "no values": (
        DATA + conv(),
        [("c", "Convolution", W, valued(B, 0))],
        [
            (
                Kind.VALUES,
                "c",
                2,
                True,
                "blob 1 in the model has no values, where its shape (2) says",
            )
        ],
    ),
    "values only in diff": (
        DATA + conv(),
        [("c", "Convolution", in_diff(W), in_diff(B))],
        [
            (
                Kind.VALUES,
                "c",
                2,
                True,
                "values of its blob 0 are only in diff, as C3D-era files have them; Caffe stops",
            )
        ],
    ),
    "a type that is not known": (DATA + ODD, [("odd", "Odd", W, B)], []),
    "one that is not known, with too many values": (
        DATA + ODD,
        [("odd", "Odd", valued(W, 55))],
        [(Kind.VALUES, "odd", 2, True, "has 55 values, where its shape (2, 3, 3, 3) says 54")],
    ),
    "unknown channels": (LMDB + conv(), [("c", "Convolution", blob(2, 7, 3, 3), B)], []),
    "unknown channels, known kernel": (
        LMDB + conv(),
        [("c", "Convolution", blob(2, 7, 3, 5), B)],
        [(Kind.SHAPE, "c", 2, True, "the shape (2, ?, 3, 3), the model has (2, 7, 3, 5)")],
    ),
    "guessed channels are no word of the net's": (
        LMDB + up(),
        [("up", "Deconvolution", blob(6, 1, 4, 4))],
        [],
    ),
    "what Caffe would not set up": (
        DATA + conv(param="num_output: 2"),
        [("c", "Convolution", W, B)],
        [],
    ),
    "renamed": (
        DATA + conv("conv1_") + layer("conv2", "InnerProduct"),
        [("conv1", "Convolution", W, B)],
        [
            (
                Kind.MODEL_LACKS,
                "conv1_",
                2,
                False,
                "the model has no such layer, but 'conv1': renamed? Caffe would leave this one at",
            ),
            (Kind.NET_LACKS, "conv1", None, False, "(renamed? it has 'conv1_'); Caffe ignores"),
        ],
    ),
    "of another type it is not the renamed one": (
        DATA + conv("conv1_"),
        [("conv1", "Deconvolution", W, B)],
        [
            (Kind.MODEL_LACKS, "conv1_", 2, False, "the model has no such layer; Caffe leaves"),
            (Kind.NET_LACKS, "conv1", None, False, "the net has no such layer; Caffe ignores"),
        ],
    ),
}


@pytest.mark.parametrize(("text", "layers", "expected"), ROWS.values(), ids=ROWS)
def test_what_caffe_does(text: str, layers: list[Any], expected: list[Any]) -> None:
    result = found(text, model_of(*layers))
    assert [(each.kind, each.layer, each.line, each.stops) for each in result] == [
        row[:4] for row in expected
    ]
    for each, (*_, words) in zip(result, expected, strict=True):
        assert words in each.message
        assert "Caffe" in each.message


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
        (conv(more=TRAIN), [], ["model-lacks"], []),
        (conv(more=TRAIN), [C], [], []),
        (conv(more=TRAIN), [("c", "Convolution", W)], ["blobs"], []),
        (conv(more=TRAIN) + conv(more=TEST), [C], [], []),
        (
            conv(more=TRAIN) + conv(param="num_output: 2 kernel_size: 5", more=TEST),
            [C],
            ["shape"],
            ["shape"],
        ),
        (conv(more='include { stage: "deploy" }'), [C], [], []),
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
    text = DATA + conv(more=TRAIN) + conv(param="num_output: 2 kernel_size: 5", more=TEST)
    (each,) = found(text, model_of(C))
    assert each.line == 3
    assert "the shape (2, 3, 5, 5), the model has (2, 3, 3, 3)" in each.message


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
    text = DATA + conv(more=shared)
    assert [each.kind for each in found(text + conv("second", more=params), model)] == kinds
    twice = ["twice-in-net"] if kinds else []
    assert [each.kind for each in found(text + conv(more=params), model)] == twice


def test_weights_shared_by_name_with_a_layer_the_model_lacks_are_lacking() -> None:
    shared = 'param { name: "w" } param { name: "b" }'
    text = DATA + conv(more=shared) + conv("d", more=shared)
    assert [each.layer for each in found(text, model_of())] == ["c", "d"]


# --- older generations


def test_types_of_other_generations_are_no_difference() -> None:
    net = NetParameter()
    old = net.layers.add(name="c", type="CONVOLUTION")
    old.blobs.extend((blob(2, 3, 3, 3, legacy=True), blob(1, 1, 1, 2, legacy=True)))
    assert not found(DATA + conv(), indexed(net.SerializeToString()))
    old.ClearField("type")
    data = net.SerializeToString()
    assert not found(DATA + conv(), indexed(data))
    oldest = NetParameter()
    inner = oldest.layers.add().layer
    inner.name, inner.type = "c", "conv"
    inner.blobs.extend(old.blobs)
    assert not found(DATA + conv(), indexed(oldest.SerializeToString()))


# --- in words


def test_one_sentence_a_kind_and_five_names() -> None:
    many = [(f"bn{number}", "BN", B) for number in range(83)]
    text = DATA + "".join(conv(f"score{number}") for number in range(6))
    assert in_words(found(text, model_of(*many))) == (
        "the model has weights for 83 layers that the net lacks "
        "('bn0', 'bn1', 'bn2', 'bn3', 'bn4', … +78); Caffe ignores them",
        "the net has 6 layers with weights that the model lacks "
        "('score0', 'score1', 'score2', 'score3', 'score4', … +1); "
        "Caffe leaves them at their fillers",
    )


@pytest.mark.parametrize(("count", "last"), [(6, "1 more layer"), (1205, "1,200 more layers")])
def test_where_caffe_would_stop_comes_first(count: int, last: str) -> None:
    names = [f"conv{number}" for number in range(count)]
    text = DATA + "".join(conv(name) for name in names)
    model = model_of(("a", "BN", B), *((name, "Convolution", W) for name in names))
    words = in_words(found(text, model))
    assert len(words) == 7
    assert words[0] == (
        "Caffe would stop at layer 'conv0': the net gives it 2 blobs, the model has 1"
    )
    assert words[4].startswith("Caffe would stop at layer 'conv4'")
    assert words[5] == f"Caffe would stop at {last}"
    assert words[6] == "layer 'a': the net has no such layer; Caffe ignores its weights"


def test_both_shapes_are_told_where_caffe_would_stop() -> None:
    model = model_of(("c", "Convolution", blob(2, 3, 5, 5), B))
    assert in_words(found(DATA + conv(), model)) == (
        "Caffe would stop at layer 'c': the net gives its blob 0 the shape (2, 3, 3, 3), "
        "the model has (2, 3, 5, 5)",
    )


def test_the_other_kinds_of_several_layers() -> None:
    names = "abc"
    odd = [(name, "DepthwiseConvolution", W, B) for name in names]
    text = DATA + 2 * "".join(conv(name) for name in names)
    assert in_words(found(text, model_of(*odd, *odd))) == (
        "the net has 3 names more than once ('a', 'b', 'c'); "
        "Caffe loads weights into one layer of each only",
        "the model has 3 names more than once ('a', 'b', 'c'); "
        "Caffe copies each layer, the last wins",
        "net and model call 3 layers by different types ('a', 'b', 'c'); "
        "Caffe does not look at the type",
    )


def test_names_that_are_spoken_of_elsewhere_are_left_out() -> None:
    result = found(DATA + conv("a") + conv("b") + conv("c"), model_of(("c", "Convolution", W)))
    assert len(in_words(result)) == 2
    assert in_words(result, but={"a", "c"}) == (
        "layer 'b': the model has no such layer; Caffe leaves it at its filler",
    )
    assert in_words(result, but={"a", "b", "c"}) == ()


def test_renamed_layers_are_paired() -> None:
    text = DATA + conv("rf_c3_up_") + conv("rf_c2_up_")
    model = model_of(("rf_c2_up", "Convolution", W, B), ("rf_c3_up", "Convolution", W, B))
    result = found(text, model)
    assert {each.layer: each.renamed for each in result} == {
        "rf_c2_up": "rf_c2_up_",
        "rf_c3_up": "rf_c3_up_",
        "rf_c2_up_": "rf_c2_up",
        "rf_c3_up_": "rf_c3_up",
    }
    assert in_words(result)[0].endswith(
        "Caffe ignores them; renamed? 'rf_c2_up' → 'rf_c2_up_', 'rf_c3_up' → 'rf_c3_up_'"
    )


def test_check_says_how_a_renamed_layer_is_mended(tmp_path: Path) -> None:
    net, path = tmp_path / "net", tmp_path / "in"
    net.write_text(DATA + conv("rf_c2_up_") + up())
    model = NetParameter()
    for name, blobs in (("rf_c2_up", (W, B)), ("up", (UP,))):
        model.layer.add(name=name, type="Convolution").blobs.extend(blobs)
    path.write_bytes(model.SerializeToString())
    findings = ds.check(net, path, select="DS011").findings
    told = {each.layer: each.repair.words for each in findings if each.repair}
    assert told["rf_c2_up_"] == "name it 'rf_c2_up' as the model does, or rename it there"
    assert told[None] == "rename what was renamed"


def test_a_sentence_is_short_whatever_the_file_holds() -> None:
    long = "é\x1b" * 500_000
    kind = "K" * 1_000_000
    lots = [(f"{number}{long}", kind, blob(*(1,) * 32)) for number in range(3)]
    text = DATA + conv("x" * 1_000_000) + conv("y" * 1_000_000) + conv()
    result = found(text, model_of(*lots, ("c", kind, blob(*(1,) * 32), B)))
    assert len(result) == 6
    for words in (*in_words(result), *in_words(result[-1:]), *(each.message for each in result)):
        assert len(words) < 1500
        assert words.isprintable()


def test_thousands_of_layers_are_all_told() -> None:
    count = 4000
    text = DATA + "".join(conv(f"layer_of_the_net{number}_") for number in range(count))
    model = model_of(*((f"layer_of_the_net{n}", "Convolution", W, B) for n in range(count)))
    net = ds.parse_net(text.encode())
    assert len(disagreements(net, model, net.states())) == 2 * count


# --- a plan and an inspection say it


def test_the_usual_start_of_an_fcn_is_two_short_sentences() -> None:
    text = DATA + conv("conv1") + conv("score_fr") + conv("score_pool4") + up("upscore2")
    model = model_of(("conv1", "Convolution", W, B), ("fc8", "InnerProduct", blob(1000, 9), B))
    plan = planned(text, model)
    assert plan.warnings == (
        "layer 'fc8': the net has no such layer; Caffe ignores its weights",
        "the net has 2 layers with weights that the model lacks ('score_fr', 'score_pool4'); "
        "Caffe leaves them at their fillers",
    )
    (change,) = plan.changes
    assert change.warnings == ()
    assert planned(DATA + up(), model_of(("up", "Deconvolution", UP))).warnings == ()


def test_a_plan_tells_of_every_layer_that_its_rows_do_not() -> None:
    sums = "num_output: 2 bias_term: false kernel_size: 4 stride: 2"
    text = DATA + up("up_made") + up("up_two") + up("up_sums", sums) + up("up_old_")
    model = model_of(
        ("up_two", "Deconvolution", UP, blob(3)),
        ("up_sums", "Convolution", UP),
        ("up_old", "Deconvolution", UP),
    )
    plan = planned(text, model, skip_unfit=True)
    # up_sums is refused for its channels alone: the model's shape is still to be told.
    assert plan.warnings == (
        "Caffe would stop at layer 'up_sums': the net gives its blob 0 the shape (3, 2, 4, 4), "
        "the model's Convolution has (3, 1, 4, 4)",
        "layer 'up_old': the net has no such layer (renamed? it has 'up_old_'); "
        "Caffe ignores its weights",
    )
    assert {row.target.layer.name: row.warnings for row in plan.changes} == {
        "up_made": (),
        "up_old_": (
            "the model has no such layer, but 'up_old': renamed? "
            "Caffe would leave this one at its filler and ignore that one",
        ),
    }


def test_what_is_passed_over_is_still_told_of() -> None:
    text = DATA + up() + up("up2")
    model = model_of(("up", "Deconvolution", valued(UP, 48), B))
    plan = planned(text, model, fill="missing", create=False)
    assert [skip.target.layer.name for skip in plan.skips] == ["up", "up2"]
    assert plan.warnings == (
        "Caffe would stop at layer 'up': the net gives it 1 blob, the model has 2",
    )


def test_a_refusal_says_what_caffe_does() -> None:
    for blobs in ([UP, B], [blob(3, 1, 5, 5)], [valued(UP, 47)]):
        with pytest.raises(ds.MismatchError, match="Caffe stops at that"):
            planned(DATA + up(), model_of(("up", "Deconvolution", *blobs)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            layer("up", "Crop") + up(),
            ["a Crop has this name, too (line 2), and gets these weights"],
        ),
        (up() + layer("up", "Crop"), ["line 3 has a layer of this name, too; Caffe loads"]),
        (up(more=TEST) + layer("up", "Crop"), ["a Crop has this name, too (line 3), and gets"]),
        (up(more=TEST) + layer("up", "Crop", more=TEST), ["line 3 has a layer of this name, too"]),
        (up(more=TEST) + up(more=TRAIN), []),
    ],
)
def test_a_row_tells_of_its_namesakes(text: str, words: list[str]) -> None:
    (change,) = planned(DATA + text, model_of(("up", "Deconvolution", UP))).changes
    assert len(change.warnings) == len(words)
    for told, expected in zip(change.warnings, words, strict=True):
        assert expected in told
        assert told.endswith(("Caffe stops where its blobs differ", "into the first only"))


def test_inspect_tells_it_where_it_has_both() -> None:
    net, model = ds.parse_net((DATA + conv()).encode()), model_of(("c", "Convolution", W))
    said = "Caffe would stop at layer 'c': the net gives it 2 blobs, the model has 1"
    assert ds.inspect(net, model).notes == (said,)
    assert ds.inspect(net).notes == ds.inspect(None, model).notes == ()
    assert ds.inspect(net, model_of(C)).notes == ()


# --- real pairs


def test_real_pairs_disagree_where_the_index_says(shared: Path) -> None:
    """By the index's notes; what the net lacks also by protobuf and the text's own names."""
    models, seen = shared / "models", {}
    with (models / "INDEX.tsv").open(newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    for row in rows:
        notes = row["notes"]
        named = re.search(r"pair=(\S+)", notes)
        path = models / row["short-name"] / row["file"]
        if row["format"] not in ("V1", "V2") or not named or not path.with_name(named[1]).exists():
            continue
        message = parsed(path.read_bytes())
        text = path.with_name(named[1]).read_text("latin-1")
        names = {name for _, name in re.findall(r"\bname\s*:\s*([\"'])(.*?)\1", text)}
        strangers = {
            each.name
            for each in (*message.layer, *message.layers)
            if each.blobs and each.name not in names
        }
        listed = re.search(r"NOT in prototxt: (\S+)(?: \(\+(\d+)\))?", notes)
        told = set(listed[1].split(",")) if listed else set()
        assert told <= strangers
        assert len(strangers) == len(told) + int((listed and listed[2]) or 0)
        lacking = re.search(r"no blobs in model: (\S+)", notes)
        expected = {(Kind.NET_LACKS, name, False) for name in strangers}
        expected |= {
            (Kind.MODEL_LACKS, name, False) for name in (lacking[1].split(",") if lacking else ())
        }
        # In each pair whose types differ the shapes do, as the entry says.
        expected |= {
            (Kind.SHAPE, name, True) for name in re.findall(r"type differs: \[\('(.*?)'", notes)
        }
        net = ds.read_net(path.with_name(named[1]))
        with ds.open_model(path) as model:
            result = disagreements(net, model, net.states())
            assert {(each.kind, each.layer, each.stops) for each in result} == expected, path
            assert len(result) == len(expected)
            assert len(in_words(result)) <= 2
            assert ds.inspect(net, model).notes == net.notes + in_words(result)
            plan = ds.make_plan(
                net, model, ds.match_layers(net, ["*"]), ds.Options(skip_unfit=True)
            )
            assert bool(plan.warnings) == bool(expected)
        seen[f"{path.parent.name}/{path.name}"] = in_words(result)
    assert len(seen) == 27
    assert {name: words for name, words in seen.items() if words} == {
        "enet-cityscapes/cityscapes_weights.caffemodel": (
            "the model has weights for 83 layers that the net lacks ('bn1_0_0', 'bn1_0_1', "
            "'bn1_0_2', 'bn1_0_4', 'bn1_1_0', … +78); Caffe ignores them",
        ),
        "mtcnn/det2.caffemodel": (
            "layer 'conv5-3': the net has no such layer; Caffe ignores its weights",
        ),
        "retinaface-charrin-zero/mnet.caffemodel": (
            "the model has weights for 2 layers that the net lacks "
            "('rf_c3_upsampling', 'rf_c2_upsampling'); Caffe ignores them; renamed? "
            "'rf_c3_upsampling' → 'rf_c3_upsampling_', 'rf_c2_upsampling' → 'rf_c2_upsampling_'",
            "the net has 2 layers with weights that the model lacks "
            "('rf_c3_upsampling_', 'rf_c2_upsampling_'); Caffe leaves them at their fillers",
        ),
        "waifu2x-upconv7-mismatch/noise1_model.json.caffemodel": (
            "Caffe would stop at layer 'conv7_layer': the net gives its blob 0 the shape "
            "(128, 3, 4, 4), the model's Convolution has (3, 128, 3, 3)",
        ),
    }


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


@given(drawn=nets(), legacy=st.booleans(), data=st.data())
@pytest.mark.parametrize("mutation", MUTATIONS)
def test_one_mutation_is_one_disagreement(
    mutation: str, drawn: Any, legacy: bool, data: st.DataObject
) -> None:
    lines, layers = drawn
    net = NetParameter()
    for name, kind, shapes in layers:
        made = net.layer.add(name=name, type=kind)
        for shape in shapes:
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
            assert "only in diff" in each.message
        if mutation == "rename":
            assert each.renamed in (name, f"{name}_")
    assert len(in_words(result)) == len(result)
