"""``patch-net``: one unfit layer spoils no other, and nothing is refused for what does not change.

The last word on what a patched net is has a real Caffe, where it is at hand.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import deconvsurgery as ds
from helpers.nets import TEST, TRAIN, conv, data_layer, layer, up
from helpers.real_caffe import at_hand, real_caffe
from helpers.runs import run_here
from helpers.words import Words, names, numbers

KEEP: dict[str, Any] = {"group": False, "filler": "keep"}


def plan(text: str, tmp_path: Path, **options: Any) -> ds.PatchNetResult:
    """What would become of a net."""
    net = tmp_path / "net.prototxt"
    net.write_text(text)
    return ds.patch_net(net, dry_run=True, **options)


# --- one unfit layer, and those below it


def by_two(outputs: int, more: str = "") -> str:
    return f"num_output: {outputs} kernel_size: 4 stride: 2 pad: 1 bias_term: false {more}".strip()


def chain(*params: str, channels: int = 50) -> str:
    """Deconvolutions up1, up2 … one above the other."""
    text = data_layer(1, channels, 4, 4)
    for number, param in enumerate(params, 1):
        text += up(f"up{number}", param, bottom=f"up{number - 1}" if number > 1 else "data")
    return text


LEARNED = "num_output: 8 kernel_size: 3 stride: 1 bias_term: false"
V1_CHAIN = "".join(
    f'layers {{ name: "up{number}" type: DECONVOLUTION bottom: "{bottom}" top: "up{number}" '
    f"convolution_param {{ {by_two(8)} }} }}\n"
    for number, bottom in ((1, "data"), (2, "up1"))
)


@dataclass(frozen=True)
class Mixed:
    """A net of layers that can be patched and others; ``unfit`` are the others."""

    text: str
    unfit: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)
    sets_up: bool = True
    """Caffe sets the patched net up."""


MIXED = {
    "an unfit one above": Mixed(chain(by_two(8), by_two(8)), ("up1",)),
    "two above": Mixed(chain(by_two(32), by_two(8), by_two(8), by_two(8)), ("up1", "up2")),
    "one between": Mixed(
        chain(by_two(8), by_two(4), by_two(4), channels=8), ("up2",), {"recipe": True}
    ),
    "learned ones, one above the other": Mixed(
        chain(*[LEARNED] * 6, by_two(8), channels=8), tuple(f"up{each}" for each in range(1, 7))
    ),
    "layers between": Mixed(
        chain(by_two(8))
        + layer("relu", "ReLU", bottom="up1", top="up1")
        + conv("conv", "num_output: 6 kernel_size: 3", bottom="up1")
        + up("up2", by_two(6), bottom="conv"),
        ("up1",),
    ),
    "a sum that only the refused recipe would spoil": Mixed(
        chain("num_output: 8 kernel_size: 2 stride: 2 bias_term: false")
        + conv("skip", "num_output: 8 kernel_size: 1", bottom="up1")
        + layer("sum", "Eltwise", bottom=["up1", "skip"])
        + up("up2", by_two(8), bottom="sum"),
        ("up1",),
        {"recipe": True},
    ),
    "a concatenation that only the refused recipe would spoil": Mixed(
        chain(by_two(8))
        + up("other", "num_output: 8 kernel_size: 2 stride: 2 pad: 0 bias_term: false")
        + up("fit", by_two(8), bottom="up1")
        + up("fits", by_two(8), bottom="other")
        + layer("cat", "Concat", bottom=["fit", "fits"])
        + up("up2", by_two(16), bottom="cat"),
        ("up1", "other"),
        {"recipe": True},
    ),
    "several channels unknown": Mixed(
        'layer { name: "data" type: "Data" top: "data" }\n'
        'layer { name: "more" type: "Data" top: "more" }\n'
        + up("up1", by_two(8))
        + up("up2", by_two(8), bottom="more")
        + up("up3", by_two(8), bottom="up2"),
        ("up1", "up2"),
        sets_up=False,
    ),
    "one that Caffe refuses as it is": Mixed(
        chain(by_two(8, "group: 3"), by_two(8)), ("up1",), sets_up=False
    ),
    "one without a kernel": Mixed(chain("num_output: 50", by_two(50)), ("up1",), sets_up=False),
    "one without a kernel, of unknown channels": Mixed(
        chain("num_output: 50 kernel_size: 0", by_two(50)), ("up1",), sets_up=False
    ),
    "V1": Mixed('input: "data" input_dim: [1, 50, 4, 4]\n' + V1_CHAIN, ("up1",)),
    "shared with an unfit one": Mixed(
        data_layer(1, 8, 4, 4)
        + up("up1", by_two(8), more='param { name: "w" }')
        + up("up2", "num_output: 8 kernel_size: 4 bias_term: false", more='param { name: "w" }')
        + up("up3", by_two(8), bottom="up1"),
        ("up1", "up2"),
    ),
    "in other phases": Mixed(
        data_layer(1, 50, 4, 4)
        + up("up1", by_two(8), more=TRAIN)
        + up("up1", by_two(50), more=TEST)
        + up("up2", by_two(8), bottom="up1", more=TRAIN)
        + up("up3", by_two(50), bottom="up1", more=TEST),
        ("up1",),
    ),
}


@pytest.mark.parametrize("case", MIXED)
def test_what_is_fit_is_patched_as_if_it_were_alone(case: str, tmp_path: Path) -> None:
    mixed = MIXED[case]
    found = plan(mixed.text, tmp_path, patterns="*", skip_unfit=True, **mixed.options)
    skipped = [each for each in found.layers if each.action == "skipped"]
    assert tuple(each.name for each in skipped) == mixed.unfit
    assert {each.action for each in found.layers} == {"skipped", "patched"}
    lines = {each.line for each in skipped}
    if case != "in other phases":  # a pattern cannot tell two layers of one name apart
        alone = plan(mixed.text, tmp_path, patterns="*", exclude=mixed.unfit, **mixed.options)
        assert alone.after == found.after
    with pytest.raises(ds.ShapeError) as raised:
        plan(mixed.text, tmp_path, patterns="*", **mixed.options)
    assert raised.value.line == min(lines)
    named = [line for line in raised.value.message.splitlines() if "line " in line or "'" in line]
    if len(mixed.unfit) > 1:
        heading, *_ = raised.value.message.splitlines()
        assert numbers(heading) == [len(mixed.unfit)]
    assert {name for line in named for name in names(line)} >= set(mixed.unfit)
    fit = {each.name for each in found.layers} - set(mixed.unfit)
    assert not any(repr(name) in raised.value.message for name in fit)


@at_hand
@pytest.mark.parametrize("case", [name for name, mixed in MIXED.items() if mixed.sets_up])
def test_caffe_sets_up_what_was_patched_around_unfit_layers(case: str, tmp_path: Path) -> None:
    mixed = MIXED[case]
    found = plan(mixed.text, tmp_path, patterns="*", skip_unfit=True, **mixed.options)
    before = real_caffe(mixed.text)
    answer = real_caffe(found.after.decode())
    assert (before.stops, answer.stops) == (False, False), answer.message
    patched = {each.name for each in found.layers if each.action == "patched"}
    shapes = {name: shapes for name, _, shapes in answer.blobs}
    assert all(shapes[name][0][1] == 1 for name in patched & shapes.keys())


def test_a_long_chain_of_unfit_layers_is_judged_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies in the layers themselves needs no second look, however many there are."""
    import deconvsurgery.plans.patch_net.plan as module

    rounds: list[int] = []
    refusals = module.refusals

    def counted(*arguments: Any) -> Any:
        found = refusals(*arguments)
        rounds.append(len(found))
        return found

    monkeypatch.setattr(module, "refusals", counted)
    text = chain(*[LEARNED] * 60, by_two(8), channels=8)
    found = plan(text, tmp_path, patterns="*", skip_unfit=True)
    assert [each.action for each in found.layers] == ["skipped"] * 60 + ["patched"]
    assert rounds == [60, 0]


# --- nothing to change is unchanged

RIGHT = 'group: 5 weight_filler { type: "bilinear" }'
INPUT, DEEP = data_layer(1, 5, 9, 9), data_layer(1, 5, 9, 9, 9)


@dataclass(frozen=True)
class Faulty:
    """A layer that would be refused if its kernel or filler were to change."""

    param: str
    said: tuple[float, ...] = ()
    """Numbers of the warning; of none nothing is said."""
    head: str = INPUT
    sets_up: bool = True

    @property
    def text(self) -> str:
        return self.head + up("up", self.param)


FAULTY = {
    "gain, kernel as the stride": Faulty(
        f"num_output: 5 kernel_size: 2 stride: 2 {RIGHT}", (2, 2, 2, 2, 0.5, 1)
    ),
    "gain, stride 1": Faulty(f"num_output: 5 kernel_size: 3 {RIGHT}", (3, 3, 1, 1, 2, 1)),
    "gain, stride 4": Faulty(
        f"num_output: 5 kernel_size: 4 stride: 4 {RIGHT}", (4, 4, 4, 4, 0.25, 0.75, 1)
    ),
    "dilation": Faulty(
        f"num_output: 5 kernel_size: 4 stride: 2 dilation: 2 {RIGHT}", (4, 4, 2, 2, 2, 2, 0, 2, 1)
    ),
    "rectangular": Faulty(
        f"num_output: 5 kernel_h: 4 kernel_w: 5 stride: 2 {RIGHT}", (2, 4, 5), sets_up=False
    ),
    "three axes": Faulty(
        f"num_output: 5 kernel_size: 4 stride: 2 {RIGHT}", (2, 4, 4, 4), DEEP, sets_up=False
    ),
    "no kernel": Faulty(f"num_output: 5 stride: 2 {RIGHT}", sets_up=False),
    "one output of five channels": Faulty(
        'num_output: 1 kernel_size: 4 stride: 2 weight_filler { type: "bilinear" }', (5, 1)
    ),
    "one output of unknown channels": Faulty(
        'num_output: 1 kernel_size: 4 stride: 2 weight_filler { type: "bilinear" }',
        head=layer("data", "HDF5Data", bottom=""),
        sets_up=False,
    ),
    "channels that the groups do not divide": Faulty(
        f"num_output: 5 kernel_size: 4 stride: 2 {RIGHT}",
        (5, 7),
        data_layer(1, 7, 9, 9),
        sets_up=False,
    ),
    "beyond all reason": Faulty(
        f"num_output: 5 kernel_size: 5000 stride: 2 {RIGHT}", (5000, 5000, 1 << 24), sets_up=False
    ),
}


@pytest.mark.parametrize("case", FAULTY)
def test_where_nothing_is_to_change_nothing_is_refused(
    case: str, tmp_path: Path, words: Words
) -> None:
    faulty = FAULTY[case]
    found = plan(faulty.text, tmp_path)
    (row,) = found.layers
    assert (row.action, row.reason, row.changes) == ("unchanged", None, ())
    assert not found.changed
    assert row.warnings, "a fault is said all the same"
    assert tuple(numbers(row.warnings[0])) == faulty.said
    assert len(set(row.warnings)) == len(row.warnings)
    words(row.warnings[0], case)
    code, out, errors = run_here(tmp_path, "patch-net", "--check", "--json", "net.prototxt")
    (line,) = json.loads(out)["layers"]
    assert (code, errors, line["action"], line["reason"]) == (0, b"", "unchanged", None)
    assert line["warnings"] == list(row.warnings)
    assert run_here(tmp_path, "patch-net", "net.prototxt", "out")[0] == 0
    assert (tmp_path / "out").read_text() == faulty.text


# What is changed, its options, the fields it is about.
BESIDES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "freeze": (KEEP | {"freeze": True}, {"lr_mult", "decay_mult"}),
    "no bias": (KEEP | {"no_bias": True}, {"bias_term"}),
    "both": (
        KEEP | {"freeze": True, "no_bias": True},
        {"lr_mult", "decay_mult", "bias_term"},
    ),
    "both, beside what is right": (
        {"freeze": True, "no_bias": True},
        {"lr_mult", "decay_mult", "bias_term"},
    ),
}
BIASED = {
    name: Faulty(each.param.replace(" bias_term: false", ""), each.said, each.head, each.sets_up)
    for name, each in FAULTY.items()
}
LEARNT = {  # with another filler, which stays
    "nearest": Faulty("num_output: 5 kernel_size: 2 stride: 2 group: 5 weight_filler { value: 1 }"),
    "a learned layer": Faulty("num_output: 2 kernel_size: 3 weight_filler { type: 'xavier' }"),
    "channels unknown": Faulty(
        "num_output: 5 kernel_size: 4 stride: 2",
        head=layer("data", "HDF5Data", bottom=""),
        sets_up=False,
    ),
    "three axes, no filler": Faulty("num_output: 5 kernel_size: 4 stride: 2", head=DEEP),
}


@pytest.mark.parametrize("besides", BESIDES)
@pytest.mark.parametrize("case", [*BIASED, *LEARNT])
def test_what_touches_no_kernel_is_not_refused_for_it(
    case: str, besides: str, tmp_path: Path
) -> None:
    faulty = (BIASED | LEARNT)[case]
    options, fields = BESIDES[besides]
    if case in LEARNT and "filler" not in options:
        options = options | KEEP
    found = plan(faulty.text, tmp_path, **options)
    (row,) = found.layers
    assert (row.action, row.reason) == ("patched", None)
    assert {each.path[-1][0] for each in row.changes} == fields
    if faulty.said and not case.startswith("one output"):  # of which no group is asked for
        assert tuple(numbers(row.warnings[0])) == faulty.said
    again = plan(found.after.decode(), tmp_path, **options)
    assert [each.action for each in again.layers] == ["unchanged"]


@at_hand
@pytest.mark.parametrize("besides", BESIDES)
@pytest.mark.parametrize("case", [name for name, each in (BIASED | LEARNT).items() if each.sets_up])
def test_caffe_sets_up_what_is_frozen_or_without_bias(
    case: str, besides: str, tmp_path: Path
) -> None:
    faulty = (BIASED | LEARNT)[case]
    options, fields = BESIDES[besides]
    found = plan(faulty.text, tmp_path, **(KEEP | options))
    answer = real_caffe(found.after.decode())
    assert not answer.stops, answer.message
    assert len(answer.shapes_of("up")) == (1 if "bias_term" in fields else 2)


@pytest.mark.parametrize("case", [name for name in FAULTY if name.startswith("gain")])
def test_a_group_alone_touches_no_kernel_either(case: str, tmp_path: Path) -> None:
    """The filler is bilinear, as before; that its kernel does not interpolate is said."""
    text = FAULTY[case].text.replace("group: 5 ", "")
    for options in ({}, {"filler": "keep"}):
        found = plan(text, tmp_path, **options)
        (row,) = found.layers
        assert [(each.field, each.after) for each in row.changes] == [
            ("convolution_param.group", 5)
        ]
        assert tuple(numbers(row.warnings[0])) == FAULTY[case].said


@pytest.mark.parametrize("case", [name for name in FAULTY if name.startswith("gain")])
def test_a_change_of_the_filler_is_refused_for_the_kernel(case: str, tmp_path: Path) -> None:
    text = FAULTY[case].text.replace('"bilinear"', '"xavier"')
    with pytest.raises(ds.ShapeError) as raised:
        plan(text, tmp_path)
    assert tuple(numbers(raised.value.message)) == FAULTY[case].said


def test_every_command_of_check_works(tmp_path: Path) -> None:
    """Of a layer with a wrong kernel that is to be frozen, too: each alone, on its own net."""
    (tmp_path / "net.prototxt").write_text(
        INPUT + up("up", f"num_output: 5 kernel_size: 2 stride: 2 bias_term: false {RIGHT}")
    )
    before = set(tmp_path.iterdir())
    _, out, _ = run_here(tmp_path, "check", "--json", "net.prototxt")
    findings = json.loads(out)["findings"]
    commands = [shlex.split(each["command"]) for each in findings if each["command"]]
    repaired = [each["id"] for each in findings if each["command"]]
    assert repaired == ["DS006", "DS010"]  # the filler is DS005's, and wants another Caffe
    for command in commands:
        assert run_here(tmp_path, *command[1:])[0] == 0
        (made,) = set(tmp_path.iterdir()) - before
        made.unlink()


# --- who shares a blob

WHOLE = f"num_output: 5 kernel_size: 4 stride: 2 bias_term: false {RIGHT}"


def sharing(one: str, other: str, *, phases: tuple[str, str] = ("", "")) -> str:
    """``up`` and ``mine``, of one blob: what else their ``param`` says."""
    first, second = (
        f'param {{ name: "w" {said} }} {phase}'.strip()
        for said, phase in zip((one, other), phases, strict=True)
    )
    return INPUT + up("up", WHOLE, more=first) + up("mine", WHOLE, more=second)


V1_SHARING = 'input: "data" input_dim: [1, 5, 9, 9]\n' + "".join(
    f'layers {{ name: "{name}" type: DECONVOLUTION bottom: "data" top: "{name}" param: "w" '
    f"{rates} convolution_param {{ {WHOLE} }} }}\n"
    for name, rates in (("up", ""), ("mine", "blobs_lr: 1 weight_decay: 1"))
)
# A net, and whether a frozen `up` beside `mine` is one at which Caffe stops.
RATES = {
    "a rate": (sharing("lr_mult: 1", "lr_mult: 1"), True),
    "a rate of the other alone": (sharing("", "lr_mult: 2"), True),
    "a decay": (sharing("", "decay_mult: 1"), True),
    "none named": (sharing("lr_mult: 1", ""), False),
    "none to learn by": (sharing("", "lr_mult: 0 decay_mult: 0"), False),
    "one a phase": (sharing("lr_mult: 1", "lr_mult: 1", phases=(TRAIN, TEST)), False),
    "V1": (V1_SHARING, True),
}


@pytest.mark.parametrize("case", RATES)
def test_who_shares_a_blob_is_not_frozen_alone(case: str, tmp_path: Path, words: Words) -> None:
    text, stops = RATES[case]
    options = KEEP | {"freeze": True, "patterns": "up"}
    if stops:
        with pytest.raises(ds.ShapeError) as raised:
            plan(text, tmp_path, **options)
        assert (raised.value.layer, names(raised.value.message)) == ("up", ["up", "w", "mine"])
        words(raised.value, case)
        found = plan(text, tmp_path, skip_unfit=True, **options)
        assert [each.action for each in found.layers] == ["skipped"]
    else:
        assert plan(text, tmp_path, **options).layers[0].action == "patched"
    both = plan(text, tmp_path, **options | {"patterns": ["up", "mine"]})
    assert {each.action for each in both.layers} <= {"patched", "unchanged"}


@at_hand
@pytest.mark.parametrize("case", RATES)
def test_caffe_stops_at_rates_that_differ(case: str, tmp_path: Path) -> None:
    text, stops = RATES[case]
    assert not real_caffe(text).stops
    frozen = plan(text, tmp_path, patterns=["up", "mine"], freeze=True).after.decode()
    assert not real_caffe(frozen).stops
    # The first layer of the frozen net, the other as it was.
    head, one, _ = frozen.splitlines()
    other = text.splitlines()[-1]
    for phase in ("train", "test"):
        answer = real_caffe("\n".join((head, one, other)), phase=phase)
        assert answer.stops == stops, answer.message


def test_no_bias_is_not_freezing(tmp_path: Path) -> None:
    """Each keeps its rate, which they have in common."""
    biased = WHOLE.replace("bias_term: false ", "")
    text = INPUT + "".join(
        up(name, biased, more='param { name: "w" lr_mult: 1 } param { lr_mult: 2 }')
        for name in ("up", "mine")
    )
    (row,) = plan(text, tmp_path, patterns="up", no_bias=True).layers
    assert row.action == "patched"


def test_a_long_row_of_layers_that_depend_on_each_other_is_refused_as_a_whole(
    tmp_path: Path, words: Words
) -> None:
    """Each round refuses one that shares a blob with the last: a hostile net would have 10^5."""
    conv = "convolution_param { num_output: 3 group: 3 kernel_size: 4 stride: 2 pad: 1 }"
    rows = "".join(
        f'layer {{ name: "up{i:02}" type: "Deconvolution" bottom: "x" top: "t{i}" '
        f'param {{ name: "w{i}" lr_mult: 1 }} param {{ name: "w{i + 1}" lr_mult: 1 }} {conv} }}\n'
        for i in range(21)
    )
    net = 'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: [1, 3, 5, 5] } } }\n'
    (tmp_path / "net").write_text(net + rows)
    result = ds.patch_net(
        tmp_path / "net", dry_run=True, freeze=True, skip_unfit=True, exclude="up20"
    )
    assert [each.action for each in result.layers] == ["skipped"] * 20
    reasons = [each.reason or "" for each in result.layers]
    assert len(set(reasons[:4])) == 1
    assert len(set(reasons[4:])) == 16
    words(reasons[0])
    assert numbers(reasons[0]) == [16]


# --- learned layers


UP_CONVOLUTION = "num_output: 8 kernel_size: 2 stride: 2 weight_filler { type: 'xavier' }"


def test_a_learned_layer_is_led_to_no_recipe(tmp_path: Path) -> None:
    """A U-Net's up-convolution: with the recipe's kernel it would be given bilinear weights."""
    rates = "param { lr_mult: 1 } param { lr_mult: 2 }"
    text = data_layer(1, 8, 4, 4) + up("up", UP_CONVOLUTION, more=rates)
    with pytest.raises(ds.ShapeError) as raised:
        plan(text, tmp_path)
    assert "exclude=" in (raised.value.hint or "")
    assert "recipe=True" not in (raised.value.hint or "")
    assert "kernel_size" not in (raised.value.hint or "")


def test_a_learned_layer_that_is_patched_is_said_to_be_one(tmp_path: Path) -> None:
    learned = UP_CONVOLUTION.replace("kernel_size: 2", "kernel_size: 4 pad: 1")
    for param, warned in ((learned, True), (by_two(8), False)):
        (row,) = plan(data_layer(1, 8, 4, 4) + up("up", param), tmp_path).layers
        assert row.action == "patched"
        assert any("exclude=" in words for words in row.warnings) is warned
    text = data_layer(1, 8, 4, 4) + up("up", learned)
    (row,) = plan(text, tmp_path, no_bias=True, **KEEP).layers
    assert not any("exclude=" in words for words in row.warnings)  # the kernel stays what it is
