"""A layer is its place: namesakes of phases and stages are each judged, in their own state."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import h5py
import numpy as np
import pytest

import deconvsurgery as ds
from helpers.documents import parsed_json
from helpers.models import Array, indexed, model_bytes
from helpers.nets import TEST, TRAIN, conv, data_layer, layer, up
from helpers.oracles import tent
from helpers.real_caffe import at_hand, real_caffe
from helpers.runs import run_here

if TYPE_CHECKING:
    from helpers.words import Words

DATA = data_layer(1, 3, 8, 8)
FROZEN = "param { lr_mult: 0 }"
RIGHT = "num_output: 3 group: 3 bias_term: false kernel_size: 4 stride: 2 pad: 1"
FULL = "num_output: 3 bias_term: false kernel_size: 4 stride: 2 pad: 1"
SHIFTED = RIGHT.replace("pad: 1", "pad: 0")
DEPLOY, TRAINING = 'include { stage: "deploy" }', 'exclude { stage: "deploy" }'
STATES = {
    "phases": (TEST, TRAIN, {}),
    "phases, the other way": (TRAIN, TEST, {}),
    "excluded from phases": ("exclude { phase: TRAIN }", "exclude { phase: TEST }", {}),
    "stages of phases": (f"{TEST} ", 'include { phase: TRAIN stage: "s" }', {"stage": "s"}),
}
"""Rules of two layers, of which no state has both, and the options by which both are asked for."""


def bilinear(*shape: int) -> Array:
    weights = np.zeros(shape, np.float32)
    for channel in range(shape[0]):
        weights[channel, channel % shape[1]] = tent(shape[2:])
    return weights


def two(first: str, second: str, rules: tuple[str, str], name: str = "up") -> str:
    """Two layers of one name, on lines 2 and 3, with these rules."""
    return DATA + "".join(
        up(name, param, more=f"{FROZEN} {rule}")
        for param, rule in zip((first, second), rules, strict=True)
    )


def places(found: ds.CheckResult) -> list[tuple[str, int | None]]:
    return [(each.id, each.line) for each in found.findings]


# --- one layer judged is not the other


@pytest.mark.parametrize("states", STATES)
@pytest.mark.parametrize("wrong", [2, 3])
def test_each_namesake_is_judged(states: str, wrong: int) -> None:
    *rules, options = STATES[states]
    params = (SHIFTED, RIGHT) if wrong == 2 else (RIGHT, SHIFTED)
    net = ds.parse_net(two(*params, (rules[0], rules[1])).encode())
    model = indexed(model_bytes({"up": [bilinear(3, 1, 4, 4)]}))
    for given in (None, model):
        found = ds.check(net, given, **options)
        assert places(found) == [("DS007", wrong)]
        assert found.matched == ("up", "up")
        rows = ds.inspect(net, given, **options).layers
        assert [row.line for row in rows] == [2, 3]
        assert [[each.id for each in row.findings] for row in rows] == [
            ["DS007"] if row.line == wrong else [] for row in rows
        ]
        assert all(
            row.matched for row in ds.inspect(net, given, every_layer=True, **options).layers[1:]
        )


@pytest.mark.parametrize("version", ["V1", "V2"])
def test_each_namesake_has_a_row_of_its_own_in_json(version: str, tmp_path: Path) -> None:
    text = two(RIGHT, SHIFTED, (TRAIN, TEST))
    if version == "V1":
        text = text.replace("layer {", "layers {").replace('"Deconvolution"', "DECONVOLUTION")
        text = text.replace(FROZEN, "blobs_lr: 0")
        text = 'input: "data" input_dim: [1, 3, 8, 8]\n' + "".join(text.splitlines(True)[1:])
    (tmp_path / "net").write_text(text)
    code, printed, _ = run_here(tmp_path, "inspect", "--json", "net")
    rows = parsed_json(printed)["layers"]
    assert code == 0
    assert [(row["line"], row["phases"], row["pad"]) for row in rows] == [
        (2, ["train"], [1, 1]),
        (3, ["test"], [0, 0]),
    ]
    code, printed, _ = run_here(tmp_path, "check", "--json", "net")
    assert code == 1
    assert [(each["id"], each["line"]) for each in parsed_json(printed)["findings"]] == [
        ("DS007", 3)
    ]


def test_only_the_states_asked_for_are_judged() -> None:
    net = ds.parse_net(two(SHIFTED, RIGHT, (DEPLOY, TRAINING)).encode())
    assert places(ds.check(net)) == []
    assert places(ds.check(net, stage="deploy")) == [("DS007", 2)]
    net = ds.parse_net(two(SHIFTED, RIGHT, (TRAIN, TEST)).encode())
    assert places(ds.check(net, phase="test")) == []
    assert places(ds.check(net, phase="train")) == [("DS007", 2)]


@pytest.mark.parametrize("kind", ["shape", "blobs", "lacking"])
def test_each_namesake_is_held_against_the_model(kind: str) -> None:
    weights = {
        "shape": {"c": [np.zeros((5, 3, 3, 3)), np.zeros(5)]},
        "blobs": {"c": [np.zeros((2, 3, 3, 3))]},
        "lacking": {"x": [np.zeros(1)]},
    }[kind]
    text = DATA + conv("c", more=TRAIN) + conv("c", more=TEST)
    model = indexed(model_bytes(weights))
    found = ds.check(ds.parse_net(text.encode()), model, select="DS011", allow_empty=True).findings
    assert [each.line for each in found if each.line] == [2, 3]


def test_a_filler_of_one_phase_does_not_speak_for_the_other() -> None:
    filled = f'{RIGHT} weight_filler {{ type: "bilinear" }}'
    net = ds.parse_net(two(filled, RIGHT, (TRAIN, TEST)).encode())
    model = indexed(model_bytes({"other": [np.zeros(1, np.float32)]}))
    found = ds.check(net, model, ignore="DS005")
    assert [(id_, line) for id_, line in places(found) if line] == [("DS011", 2), ("DS001", 3)]


def test_a_layer_of_both_phases_is_judged_in_both() -> None:
    """The bottom has 3 channels in TEST, 6 in TRAIN: in one of the two it has another shape."""
    text = (
        data_layer(1, 3, 8, 8).replace('"Input"', f'"Input" {TEST}')
        + data_layer(1, 6, 8, 8).replace('"Input"', f'"Input" {TRAIN}')
        + up(
            "up",
            "num_output: 3 group: 3 bias_term: false kernel_size: 4 stride: 2 pad: 1",
            more=FROZEN,
        )
    )
    net, model = ds.parse_net(text.encode()), indexed(model_bytes({"up": [bilinear(3, 1, 4, 4)]}))
    assert places(ds.check(net, model, phase="test")) == []
    assert ("DS011", 3) in places(ds.check(net, model, phase="train"))
    assert {("DS011", 3), ("DS019", 3)} <= set(places(ds.check(net, model)))


def test_names_that_occur_twice_are_told_of_each_phase_that_has_others() -> None:
    def net(*rules: str) -> ds.Net:
        return ds.parse_net(
            (DATA + "".join(layer("crop", "ReLU", more=rule) for rule in rules)).encode()
        )

    def told(*rules: str) -> list[object]:
        found = ds.check(net(*rules), select="DS012", allow_empty=True).findings
        return [dict(each.numbers)["lines"] for each in found]

    assert told("", "") == [(2, 3)]
    assert told(TRAIN, TRAIN, TEST, TEST) == [(2, 3), (4, 5)]
    assert told("", "", TEST) == [(2, 3, 4)]
    assert told("", "", TRAIN) == [(2, 3), (2, 3, 4)]


# --- an HDF5 model, in which a shared blob is its owner's alone


class Shared(NamedTuple):
    """Rules of three layers that share their weights, and which of them the file has."""

    rules: tuple[str, str, str]
    has: str
    options: dict[str, str]
    right: list[str]
    """The layers that compute with the file's weights."""


SHARED = {
    "one state": Shared(("", "", ""), "a", {}, ["a", "b", "c"]),
    "a stage": Shared((DEPLOY,) * 3, "a", {"stage": "deploy"}, ["a", "b", "c"]),
    "the owner is of TRAIN": Shared((TRAIN, "", ""), "a", {"phase": "train"}, ["a", "b", "c"]),
    "and it is not there in TEST": Shared((TRAIN, "", ""), "b", {"phase": "test"}, ["b", "c"]),
    "a stage's owner": Shared((DEPLOY, "", ""), "a", {"stage": "deploy"}, ["a", "b", "c"]),
}


def shared_pair(folder: Path, case: Shared) -> tuple[Path, Path]:
    text = DATA + "".join(
        up(name, RIGHT, more=f'param {{ name: "w" lr_mult: 0 }} {rule}')
        for name, rule in zip("abc", case.rules, strict=True)
    )
    net, model = folder / "net.prototxt", folder / "in.h5"
    net.write_text(text)
    with h5py.File(model, "w") as file:
        for name in "abc":
            group = file.create_group(f"data/{name}")
            if name == case.has:
                group["0"] = bilinear(3, 1, 4, 4)
    return net, model


@pytest.mark.parametrize("case", SHARED)
def test_a_shared_blob_is_its_owners_in_the_state_asked_for(case: str, tmp_path: Path) -> None:
    wanted = SHARED[case]
    net, model = shared_pair(tmp_path, wanted)
    assert places(ds.check(net, model, patterns="*", **wanted.options)) == []
    rows = ds.inspect(net, model, patterns="*", **wanted.options).layers
    assert [
        row.name for row in rows if row.weights and row.weights.state is ds.WeightState.BILINEAR
    ] == (wanted.right)
    plan = ds.apply(net, model, patterns="*", dry_run=True, **wanted.options).plan
    assert not plan.changed


@at_hand
@pytest.mark.parametrize("case", SHARED)
def test_a_real_caffe_shares_it_so(case: str, tmp_path: Path) -> None:
    wanted = SHARED[case]
    net, model = shared_pair(tmp_path, wanted)
    stages = (wanted.options["stage"],) if "stage" in wanted.options else ()
    answer = real_caffe(
        net, model, phase=wanted.options.get("phase", "test"), stages=stages, weights=True
    )
    assert not answer.stops
    for name in wanted.right:
        assert np.array_equal(answer.weights_of(name), bilinear(3, 1, 4, 4))


def test_an_owner_without_its_blob_stops_caffe(tmp_path: Path) -> None:
    """Saved by the train net, whose owner is another layer than the test net's."""
    case = Shared((TRAIN, "", ""), "a", {}, [])
    net, model = shared_pair(tmp_path, case)
    found = ds.check(net, model, patterns="*", phase="test", select="DS011").findings
    assert [(each.layer, each.level, dict(each.numbers)) for each in found if each.line] == [
        ("b", ds.Severity.ERROR, {"net": 1, "model": 0})
    ]
    assert [each.layer for each in ds.check(net, model, patterns="*", phase="train").findings] == []


@at_hand
@pytest.mark.parametrize("phase", ["test", "train"])
def test_a_real_caffe_stops_at_an_owner_without_its_blob(phase: str, tmp_path: Path) -> None:
    net, model = shared_pair(tmp_path, Shared((TRAIN, "", ""), "a", {}, []))
    answer = real_caffe(net, model, phase=phase)
    assert (answer.stops, answer.at) == ((True, "model") if phase == "test" else (False, None))


# --- DS019: one net cannot load the other's weights

RELU = layer("c", "ReLU")
DIFFERENT = {
    "number of blobs": (conv("c"), conv("c", "num_output: 2 kernel_size: 3 bias_term: false")),
    "no blobs": (conv("c"), layer("c", "ReLU")),
    "shape": (conv("c"), conv("c", "num_output: 4 kernel_size: 3")),
    "kernel": (conv("c"), conv("c", "num_output: 2 kernel_size: 5")),
    "group": (up("c", RIGHT), up("c", FULL)),
    "type": (
        layer("c", "PReLU"),
        layer("c", "InnerProduct", "inner_product_param { num_output: 3 }"),
    ),
}
ALIKE = {
    "pad": (conv("c"), conv("c", "num_output: 2 kernel_size: 3 pad: 1")),
    "filler": (
        conv("c"),
        conv("c", 'num_output: 2 kernel_size: 3 weight_filler { type: "xavier" }'),
    ),
    "type": (up("c", RIGHT), conv("c", RIGHT.replace("stride: 2", "stride: 1"))),
    "no blobs": (layer("c", "ReLU"), layer("c", "Sigmoid")),
    "a fork's type": (conv("c"), layer("c", "MyOwn")),
}


def ruled(lines: tuple[str, str], rules: tuple[str, str]) -> str:
    return DATA + "".join(
        line.replace("top:", f"{rule} top:", 1) for line, rule in zip(lines, rules, strict=True)
    )


@pytest.mark.parametrize(
    "rules", [(TRAIN, TEST), (TEST, TRAIN), (DEPLOY, TRAINING), (TRAINING, DEPLOY)]
)
@pytest.mark.parametrize("kind", DIFFERENT)
def test_phases_and_stages_that_differ(kind: str, rules: tuple[str, str], words: Words) -> None:
    net = ds.parse_net(ruled(DIFFERENT[kind], rules).encode())
    options = {"patterns": "*", "allow_empty": True, "select": "DS019"}
    (found,) = ds.check(net, **options).findings  # type: ignore[arg-type]
    assert (found.layer, found.line, found.level) == ("c", 3, ds.Severity.ERROR)
    told = dict(found.numbers)
    assert told["line"] == 2
    assert ("blob" in told) == (kind not in ("number of blobs", "no blobs", "type"))
    words(found.message, f"{kind}, {rules.index(TRAIN) if TRAIN in rules else 'stages'}")
    (again,) = ds.check(net, stage="deploy", **options).findings  # type: ignore[arg-type]
    assert dict(again.numbers) == told


@at_hand
@pytest.mark.parametrize(
    "kind", [*DIFFERENT, *(f"alike: {kind}" for kind in ALIKE if kind != "a fork's type")]
)
def test_a_real_caffe_cannot_load_what_the_other_phase_saved(kind: str) -> None:
    lines = DIFFERENT[kind] if kind in DIFFERENT else ALIKE[kind.removeprefix("alike: ")]
    net = ruled(lines, (TRAIN, TEST))
    train = real_caffe(net, phase="train")
    assert not train.stops
    weights = {"c": [np.zeros(shape, np.float32) for shape in train.shapes_of("c")]}
    answer = real_caffe(net, model_bytes(weights), phase="test")
    assert (answer.stops, answer.at) == ((True, "model") if kind in DIFFERENT else (False, None))


@pytest.mark.parametrize("rules", [(TRAIN, TEST), (DEPLOY, TRAINING)])
@pytest.mark.parametrize("kind", ALIKE)
def test_phases_that_do_not_differ(kind: str, rules: tuple[str, str]) -> None:
    net = ds.parse_net(ruled(ALIKE[kind], rules).encode())
    found = ds.check(net, patterns="*", allow_empty=True, select="DS019").findings
    assert found == ()


def test_a_shape_that_the_net_leaves_open_is_no_difference() -> None:
    unknown = 'layer { name: "data" type: "Data" top: "data" }\n'
    lines = unknown + up("c", "num_output: 4 group: 2 kernel_size: 4", more=TRAIN)
    lines += up("c", "num_output: 4 group: 2 kernel_size: 4", more=TEST)
    assert places(ds.check(ds.parse_net(lines.encode()), patterns="*", select="DS019")) == []


@pytest.mark.parametrize(
    ("rules", "options", "seen"),
    [
        (("include { min_level: 2 }", "include { max_level: 1 }"), {}, True),
        (("exclude { max_level: 0 }", "exclude { min_level: 1 }"), {}, True),
        (('include { not_stage: "s" }', 'include { stage: "s" }'), {}, True),
        (('exclude { not_stage: "s" }', 'exclude { stage: "s" }'), {}, True),
        (('exclude { not_stage: "s" }', 'exclude { stage: "s" }'), {"stage": "s"}, True),
        (("include { min_level: 2 max_level: 1 }", ""), {}, False),  # is in no state
        (('include { stage: "s" not_stage: "s" }', ""), {}, False),
        ((TRAIN, ""), {"phase": "test"}, False),  # only TEST is asked for
    ],
)
def test_states_are_found_in_which_a_namesake_is_active(
    rules: tuple[str, str], options: dict[str, str], seen: bool
) -> None:
    net = ds.parse_net(ruled(DIFFERENT["shape"], rules).encode())
    found = ds.check(
        net,
        select="DS019",
        allow_empty=True,
        phase=options.get("phase", "test"),
        stage=options.get("stage", ()),
    )
    assert places(found) == ([("DS019", 3)] if seen else [])


def test_the_nets_own_stages_cannot_be_taken_out() -> None:
    text = 'state { stage: "deploy" }\n' + ruled(DIFFERENT["shape"], (DEPLOY, TRAINING))
    assert places(ds.check(ds.parse_net(text.encode()), select="DS019", allow_empty=True)) == []


# --- DS020: a finding, not the end

BROKEN = {
    "num_output": "kernel_size: 4",
    "no kernel": "num_output: 3",
    "group": "num_output: 3 group: 2 kernel_size: 4",
    "group 0": "num_output: 3 group: 0 kernel_size: 4",
    "kernel 0": "num_output: 3 kernel_size: 0",
    "both kernels": "num_output: 3 kernel_size: 4 kernel_h: 4 kernel_w: 4",
    "too small": "num_output: 3 kernel_size: 4 pad: 50",
}


@pytest.mark.parametrize("phase", ["", TRAIN, TEST])
@pytest.mark.parametrize("kind", BROKEN)
def test_a_layer_that_caffe_refuses_hides_no_other(kind: str, phase: str, words: Words) -> None:
    param = f"{BROKEN[kind]} bias_term: false stride: 2"
    text = DATA + up("up1", param, more=f"{FROZEN} {phase}") + up("up2", SHIFTED, more=FROZEN)
    net, model = ds.parse_net(text.encode()), indexed(model_bytes({"up2": [bilinear(3, 1, 4, 4)]}))
    for given in (None, model):
        found = ds.check(net, given, select="DS007,DS020")
        assert {("DS020", 2), ("DS007", 3)} <= set(places(found))
        (first,) = (each for each in found.findings if each.id == "DS020")
        assert (first.layer, first.level) == ("up1", ds.Severity.ERROR)
        assert first.repair is not None
        assert first.repair.steps == ()
    words(first.message, kind)
    row, _ = ds.inspect(net).layers
    assert "DS020" in [each.id for each in row.findings]


@at_hand
@pytest.mark.parametrize("kind", sorted(BROKEN.keys() - {"group 0"}))  # by which it divides
def test_a_real_caffe_stops_at_it(kind: str) -> None:
    answer = real_caffe(DATA + up("up1", f"{BROKEN[kind]} bias_term: false stride: 2"))
    assert (answer.stops, answer.at) == (True, "net")


OTHERS = {
    "Convolution": conv("c", "num_output: 2"),
    "Pooling": layer("c", "Pooling", "pooling_param { pool: MAX }"),
    "InnerProduct": layer("c", "InnerProduct", "inner_product_param { axis: 7 num_output: 2 }"),
    "Slice": layer("c", "Slice", "slice_param { slice_point: 9 }").replace(
        'top: "c"', 'top: "c" top: "d"'
    ),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_layers_of_other_types_are_judged_too(kind: str) -> None:
    net = ds.parse_net((DATA + OTHERS[kind] + up("up", SHIFTED, more=FROZEN)).encode())
    assert places(ds.check(net)) == [("DS020", 2), ("DS007", 3)]


@at_hand
@pytest.mark.parametrize("kind", OTHERS)
def test_a_real_caffe_stops_at_the_others(kind: str) -> None:
    answer = real_caffe(DATA + OTHERS[kind])
    assert (answer.stops, answer.at) == (True, "net")


@pytest.mark.parametrize(
    "line",
    [
        layer("c", "DepthwiseConvolution", "convolution_param { group: 2 }"),
        layer("c", "Interp", "interp_param { height: 0 }"),
        layer("c", "Normalize", "norm_param { across_spatial: false }"),
        layer("c", "Convolution", "convolution_param { num_outputs: 2 kernel_size: 3 }"),  # DS013
    ],
)
def test_what_forks_make_of_a_layer_is_their_own(line: str) -> None:
    found = ds.check(ds.parse_net((DATA + line).encode()), allow_empty=True)
    assert "DS020" not in [each.id for each in found.findings]


def test_no_command_is_printed_that_would_be_refused() -> None:
    """Of a layer that is not set up, or whose name is set up differently elsewhere."""
    broken = DATA + up("up", "num_output: 3 group: 2 kernel_size: 4 stride: 2")
    found = ds.check(ds.parse_net(broken.encode()), indexed(model_bytes({"x": [np.zeros(1)]})))
    assert {"DS001", "DS009", "DS010", "DS020"} <= {each.id for each in found.findings}
    assert all(each.repair is None or not each.repair.steps for each in found.findings if each.line)
    differing = ds.parse_net(two(RIGHT, FULL, (TRAIN, TEST)).encode())
    zero = indexed(model_bytes({"up": [np.zeros((3, 1, 4, 4), np.float32)]}))
    for each in ds.check(differing, zero).findings:
        verbs = [step.verb for step in each.repair.steps] if each.repair else []
        assert not {"apply", "regroup", "transplant"} & set(verbs), each
