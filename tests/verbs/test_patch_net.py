"""``patch-net``: the meant fields change, every other character stays, what is unfit is said."""

from __future__ import annotations

import difflib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format

import deconvsurgery as ds
from helpers.documents import parsed_json
from helpers.models import NetParameter, demo_base, demo_net, model_bytes
from helpers.oracles import interpolated, opencv_forward, ramp, tent
from helpers.places import SHARED, SMALL_NETS, net_at
from helpers.runs import run_here, tool
from helpers.shared_data import each_of
from helpers.words import Words, names, numbers, shapes


def patched(text: str | bytes, tmp_path: Path, **options: Any) -> tuple[bytes, ds.PatchNetResult]:
    """The net that comes of a text, and what was told."""
    net, out = tmp_path / "net.prototxt", tmp_path / "out.prototxt"
    net.write_bytes(text.encode() if isinstance(text, str) else text)
    out.unlink(missing_ok=True)
    result = ds.patch_net(net, out, **options)
    assert out.read_bytes() == result.after
    again = ds.patch_net(out, dry_run=True, **options)
    assert not again.changed, "a second run changes something"
    return result.after, result


# --- six lines, and what becomes of them

INPUT = 'input: "d" input_shape { dim: 1 dim: 5 dim: 9 dim: 9 }\n'
V2 = (
    INPUT
    + """layer {
  name: "up" type: "Deconvolution" bottom: "d" top: "up"
  convolution_param {
    num_output: 5
    kernel_size: 4  stride: 2  # twice
  }
}
"""
)
V2_AFTER = V2.replace("stride: 2  #", 'stride: 2 group: 5 weight_filler { type: "bilinear" }  #')
LINES = (
    INPUT
    + """# é
layer {
  name: "up"
  type: "Deconvolution"
  bottom: "d"
  top: "up"
  convolution_param {
    num_output: 5
    kernel_size: 4
    # by two
    stride: 2  # twice
    # the end
  }
}
"""
)
LINES_AFTER = LINES.replace(
    "twice\n",
    'twice\n    group: 5\n    weight_filler {\n      type: "bilinear"\n    }\n',
)
V1 = (
    INPUT
    + """layers { type: DECONVOLUTION name: 'up' bottom: 'd' top: 'up'
  blobs_lr: 1 blobs_lr: 2 weight_decay: 1 weight_decay: 0
  convolution_param { num_output: 5 kernel_size: 4 stride: 2 weight_filler { type: 'xavier' } } }
"""
)
V1_AFTER = V1.replace("'xavier' }", "'bilinear' } group: 5")
GIVEN = (
    INPUT
    + """layer < name: "up", type: "Deconvolution", bottom: "d", top: "up",
  convolution_param: < num_output: 5; group: 1; kernel_size: 4; stride: 2;
    weight_filler: < type: "gaussian" std: 0.01 >; >, >
"""
)
GIVEN_AFTER = GIVEN.replace("group: 1", "group: 5").replace('"gaussian" std: 0.01', '"bilinear"')

GOLDEN: dict[str, tuple[bytes, bytes]] = {
    "several fields on a line": (V2.encode(), V2_AFTER.encode()),
    "a field on a line": (LINES.encode(), LINES_AFTER.encode()),
    "CRLF": (LINES.replace("\n", "\r\n").encode(), LINES_AFTER.replace("\n", "\r\n").encode()),
    "CR": (LINES.replace("\n", "\r").encode(), LINES_AFTER.replace("\n", "\r").encode()),
    "tabs": (LINES.replace("  ", "\t").encode(), LINES_AFTER.replace("  ", "\t").encode()),
    "latin-1": (LINES.encode("latin-1"), LINES_AFTER.encode("latin-1")),
    "byte order mark": (LINES.encode("utf-8-sig"), LINES_AFTER.encode("utf-8-sig")),
    "V1 on few lines": (V1.encode(), V1_AFTER.encode()),
    "fields there, brackets, separators": (GIVEN.encode(), GIVEN_AFTER.encode()),
    "one line": (
        V2.replace("\n", " ").replace("# twice", "").encode(),
        V2_AFTER.replace("\n", " ").replace("# twice", "").encode(),
    ),
}


@pytest.mark.parametrize(("before", "after"), GOLDEN.values(), ids=GOLDEN)
def test_the_second_way(before: bytes, after: bytes, tmp_path: Path) -> None:
    found, result = patched(before, tmp_path)
    assert found == after
    (layer,) = result.layers
    fields = [(each.field, each.after) for each in layer.changes]
    assert ("convolution_param.group", 5) in fields
    assert ("convolution_param.weight_filler.type", "bilinear") in fields
    assert (layer.name, layer.action) == ("up", "patched")


def test_what_holds_already_is_left(tmp_path: Path) -> None:
    found, result = patched(V2_AFTER, tmp_path)
    assert found == V2_AFTER.encode()
    assert [(each.action, each.changes) for each in result.layers] == [("unchanged", ())]
    one = V2.replace("5", "1")  # group is 1 by default
    assert b"group" not in patched(one, tmp_path)[0]


UP = (
    'layer {{ name: "up" type: "Deconvolution" bottom: "d" top: "up"{more} '
    "convolution_param {{ num_output: 5 {param} }} }}"
)


def up(param: str = "kernel_size: 4 stride: 2", more: str = "", head: str = INPUT) -> str:
    return head + UP.format(param=param, more=" " + more if more else "")


FILLER = 'group: 5 weight_filler { type: "bilinear" }'
FROZEN = "param { lr_mult: 0 }"  # set by surgery, not learned

OPTIONS: dict[str, tuple[str, dict[str, Any], str]] = {
    "no group": (
        up(),
        {"group": False},
        up('kernel_size: 4 stride: 2 weight_filler { type: "bilinear" }'),
    ),
    "keep the filler": (up(), {"filler": "keep"}, up("kernel_size: 4 stride: 2 group: 5")),
    "recipe": (
        up("kernel_size: 2 stride: 3"),
        {"recipe": True},
        up(f"kernel_size: 5 stride: 3 group: 5 pad: 1 {FILLER[9:]}"),
    ),
    "recipe, all given": (
        up(f"kernel_size: 2 kernel_size: 2 stride: 2 pad: 0 pad: 0 {FILLER}"),
        {"recipe": True},
        up(f"kernel_size: 4 kernel_size: 4 stride: 2 pad: 1 pad: 1 {FILLER}"),
    ),
    "recipe by hand": (
        up(f"kernel_h: 2 kernel_w: 2 stride_h: 2 stride_w: 2 pad_h: 0 {FILLER}"),
        {"recipe": True},
        up(f"kernel_h: 4 kernel_w: 4 stride_h: 2 stride_w: 2 pad_h: 1 {FILLER} pad_w: 1"),
    ),
    "recipe without a kernel": (
        up(f"stride: 2 pad: 1 {FILLER}"),
        {"recipe": True},
        up(f"stride: 2 pad: 1 {FILLER} kernel_size: 4"),
    ),
    "recipe, axes differ": (
        up("kernel_size: 4 stride: 2 stride: 3 group: 5"),
        {"recipe": True, "filler": "keep"},
        up("stride: 2 stride: 3 group: 5 kernel_h: 4 kernel_w: 5 pad: 1"),
    ),
    "no bias": (
        up(f"kernel_size: 4 stride: 2 {FILLER}", "param { lr_mult: 1 } param { lr_mult: 2 }"),
        {"no_bias": True},
        up(f"kernel_size: 4 stride: 2 {FILLER} bias_term: false", "param { lr_mult: 1 }"),
    ),
    "freeze": (
        up(f"kernel_size: 4 stride: 2 {FILLER}", 'param { name: "w" share_mode: STRICT }'),
        {"freeze": True},
        up(
            f"kernel_size: 4 stride: 2 {FILLER}",
            'param { name: "w" share_mode: STRICT lr_mult: 0 decay_mult: 0 } '
            "param { lr_mult: 0 decay_mult: 0 }",
        ),
    ),
    "freeze one blob": (
        up(f"kernel_size: 4 stride: 2 bias_term: false {FILLER}", "param { lr_mult: 1 }"),
        {"freeze": True},
        up(
            f"kernel_size: 4 stride: 2 bias_term: false {FILLER}",
            "param { lr_mult: 0 decay_mult: 0 }",
        ),
    ),
    "freeze, V1": (
        V1_AFTER,
        {"freeze": True},
        V1_AFTER.replace("blobs_lr: 1 blobs_lr: 2", "blobs_lr: 0 blobs_lr: 0").replace(
            "weight_decay: 1", "weight_decay: 0"
        ),
    ),
    "freeze and no bias, V1": (
        V1_AFTER,
        {"freeze": True, "no_bias": True},
        V1_AFTER.replace("blobs_lr: 1 blobs_lr: 2", "blobs_lr: 0")
        .replace("weight_decay: 1 weight_decay: 0", "weight_decay: 0")
        .replace("group: 5", "group: 5 bias_term: false"),
    ),
    "freeze, lists": (
        V1_AFTER.replace("blobs_lr: 1 blobs_lr: 2", "blobs_lr: [1, 2]"),
        {"freeze": True},
        V1_AFTER.replace("blobs_lr: 1 blobs_lr: 2", "blobs_lr: [0, 0]").replace(
            "weight_decay: 1", "weight_decay: 0"
        ),
    ),
    "strip include": (
        up(
            f"kernel_size: 4 stride: 2 {FILLER}", "include { phase: TRAIN } include { level: 1 }"
        ).replace("level", "min_level"),
        {"strip_include": True},
        up(f"kernel_size: 4 stride: 2 {FILLER}"),
    ),
    "strip exclude": (
        up(
            f"kernel_size: 4 stride: 2 {FILLER}", "exclude: [{ phase: TRAIN }, { phase: TEST }]"
        ).replace("TEST", 'TEST stage: "s"'),
        {"strip_include": True},
        up(f"kernel_size: 4 stride: 2 {FILLER}"),
    ),
    "sparse, at which Caffe stops": (
        up('kernel_size: 4 stride: 2 group: 5 weight_filler { type: "bilinear" sparse: 3 }'),
        {},
        up('kernel_size: 4 stride: 2 group: 5 weight_filler { type: "bilinear" }'),
    ),
    "a filler of no type": (
        up("kernel_size: 4 stride: 2 group: 5 weight_filler { value: 0.5 }"),
        {},
        up('kernel_size: 4 stride: 2 group: 5 weight_filler { type: "bilinear" }'),
    ),
    "any gain": (
        up("kernel_size: 4 stride: 4"),
        {"any_gain": True},
        up(f"kernel_size: 4 stride: 4 {FILLER}"),
    ),
    "a group that was wrong": (
        up("kernel_size: 4 stride: 2 group: 3"),
        {"filler": "keep"},
        up("kernel_size: 4 stride: 2 group: 5"),
    ),
}


@pytest.mark.parametrize(("before", "options", "after"), OPTIONS.values(), ids=OPTIONS)
def test_options(before: str, options: dict[str, Any], after: str, tmp_path: Path) -> None:
    found, _ = patched(before, tmp_path, **options)
    assert found.decode() == after


def test_every_occurrence_of_a_name_is_patched(tmp_path: Path, words: Words) -> None:
    one, two = up(more="include { phase: TRAIN }"), up(more="include { phase: TEST }", head="\n")
    found, result = patched(one + two, tmp_path)
    assert found.count(b"group: 5") == 2
    assert [each.line for each in result.layers] == [2, 3]
    found, result = patched(one + two, tmp_path, phase="test")
    assert found.count(b"group: 5") == 1
    assert [each.line for each in result.layers] == [3]
    assert numbers(result.layers[0].warnings[0]) == [2]
    words(result.layers[0].warnings[0])


def test_layers_in_a_list(tmp_path: Path) -> None:
    body = up(head="").removeprefix("layer ")
    other = body.replace('"up"', '"up2"')
    found, _ = patched(f"{INPUT}layer: [{body}, {other}]", tmp_path, patterns="up2")
    assert found.count(b"group: 5") == 1
    assert found.index(b"group") > found.index(b'"up2"')


# --- what is refused, and what is said

DEEP = 'input: "d" input_shape { dim: 1 dim: 5 dim: 9 dim: 9 dim: 9 }\n'

IMAGES = 'layer { name: "d" type: "Data" top: "d" }\n'
"""Images of channels that nobody knows."""


@dataclass(frozen=True)
class Unfit:
    """A net that cannot be patched, and the facts that are said of it."""

    text: str
    options: dict[str, Any] = field(default_factory=dict)
    numbers: tuple[float, ...] = ()
    names: tuple[str, ...] = ()
    flags: tuple[str, ...] = ("`skip_unfit=True`",)
    line: int = 2


SHARING = up(more='param { name: "w" }') + up(more='param { name: "w" }', head="").replace(
    '"up"', '"mine"'
)
BY_PHASE = up(more="include { phase: TRAIN }") + up(more="include { phase: TEST }", head="")
NO_BOTTOM = (
    up(more="include { phase: TRAIN }", head="")
    + INPUT.replace("input:", 'name: "n" #')
    + 'layer { type: "Input" top: "d" include { phase: TRAIN } input_param { shape '
    "{ dim: 1 dim: 5 dim: 9 dim: 9 } } }"
)
REFUSED = {
    "more channels": Unfit(
        up(head=INPUT.replace("dim: 5", "dim: 7")), numbers=(7, 5), flags=("`exclude=…`",)
    ),
    "twice as many": Unfit(
        up(head=INPUT.replace("dim: 5", "dim: 10")), numbers=(10, 5), flags=("`exclude=…`",)
    ),
    "channels unknown": Unfit(up(head=IMAGES), names=("d",), flags=("input_param",)),
    "one channel, or not": Unfit(
        up(head=IMAGES).replace("5", "1"), names=("d",), flags=("`group=False`",)
    ),
    "rectangular": Unfit(
        up("kernel_h: 4 kernel_w: 5 stride: 2"), numbers=(2, 4, 5), flags=('`filler="keep"`',)
    ),
    "a rectangular recipe": Unfit(
        up("kernel_size: 4 stride: 2 stride: 3"),
        {"recipe": True},
        numbers=(2, 4, 5),
        flags=('`filler="keep"`',),
    ),
    "three axes": Unfit(up(head=DEEP), numbers=(2, 4, 4, 4), flags=('`filler="keep"`',)),
    "gain": Unfit(
        up("kernel_size: 4 stride: 4", FROZEN),
        numbers=(4, 4, 4, 4, 0.25, 0.75, 1),
        flags=("`recipe=True`", "`any_gain=True`", "kernel_size 8, stride 4, pad 2"),
    ),
    "stride 1": Unfit(
        up("kernel_size: 3"),
        numbers=(3, 3, 1, 1, 2, 1),
        flags=("`exclude=…`", "`any_gain=True`"),
    ),
    "the recipe of stride 1": Unfit(
        up("kernel_size: 3"),
        {"recipe": True},
        numbers=(3, 3, 1, 1),
        flags=("`exclude=…`", "`any_gain=True`"),
    ),
    "dilation": Unfit(
        up("kernel_size: 4 stride: 2 dilation: 2"),
        {"recipe": True},
        numbers=(4, 4, 2, 2, 2, 2, 0, 2, 1),
        flags=("dilation", "`any_gain=True`"),
    ),
    "nearest": Unfit(
        up("kernel_size: 2 stride: 2 weight_filler { value: 1 }"),
        {"recipe": True},
        numbers=(2, 2),
        flags=("`exclude=…`", "`any_gain=True`"),
    ),
    "no kernel": Unfit(up("stride: 2")),
    "no num_output": Unfit(up().replace("num_output: 5", ""), numbers=(0, 1, 2**31 - 1)),
    "beyond all reason": Unfit(
        up("kernel_size: 5000 stride: 2"), {"any_gain": True}, numbers=(5000, 5000, 1 << 24)
    ),
    "shared with a layer that stays": Unfit(SHARING, numbers=(2,), names=("w", "mine")),
    "no bottom in the other phase": Unfit(
        NO_BOTTOM,
        {"strip_include": True, "filler": "keep", "group": False},
        names=("d",),
        line=1,
    ),
    "a top made twice": Unfit(BY_PHASE, {"strip_include": True}, names=("up",)),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(case: str, tmp_path: Path, words: Words) -> None:
    unfit = REFUSED[case]
    net, out = tmp_path / "net.prototxt", tmp_path / "out.prototxt"
    net.write_text(unfit.text)
    with pytest.raises(ds.ShapeError) as raised:
        ds.patch_net(net, out, **unfit.options)
    assert raised.value.hint is not None
    assert all(flag in raised.value.hint for flag in ("`skip_unfit=True`", *unfit.flags))
    assert (raised.value.layer, raised.value.line) == ("up", unfit.line)
    assert raised.value.path == str(net)
    words(raised.value, case)
    assert not out.exists()
    result = ds.patch_net(net, out, skip_unfit=True, **unfit.options)
    assert result.after == net.read_bytes() == out.read_bytes()
    assert {each.action for each in result.layers} == {"skipped"}
    first = result.layers[0].reason
    assert first is not None
    assert first in raised.value.message
    assert (tuple(numbers(first)), tuple(names(first))) == (unfit.numbers, unfit.names)


@pytest.mark.parametrize(
    "other",
    [
        'layer { name: "o" type: "ReLU" bottom: "nowhere" top: "o" }\n',
        'layer { name: "o" type: "ReLU" bottom: "d" top: "d2" }\n' * 2,
    ],
    ids=["an unknown bottom", "a top made twice"],
)
def test_what_is_wrong_with_other_layers_does_not_stand_in_the_way(
    other: str, tmp_path: Path
) -> None:
    """Caffe stops at them with the rules and without."""
    text = up(f"kernel_size: 4 stride: 2 {FILLER}", "include { phase: TRAIN }") + other
    found, result = patched(text, tmp_path, strip_include=True)
    assert [each.action for each in result.layers] == ["patched"]
    assert found.decode() == text.replace(" include { phase: TRAIN }", "")


def test_all_unfit_layers_are_named_and_the_others_can_be_done(
    tmp_path: Path, words: Words
) -> None:
    bad = up("kernel_size: 4 stride: 4", head="")
    text = up() + "\n" + bad.replace('"up"', '"up2"') + "\n" + bad.replace('"up"', '"up3"')
    with pytest.raises(ds.ShapeError) as raised:
        patched(text, tmp_path)
    heading, *below = raised.value.message.splitlines()
    assert numbers(heading) == [2]
    each_layer = [line for line in below if names(line)]
    assert [names(line) for line in each_layer] == [["up2"], ["up3"]]
    assert [numbers(line)[0] for line in each_layer] == [3, 4]  # the lines they stand at
    words([heading, *below])
    found, result = patched(text, tmp_path, skip_unfit=True)
    assert [each.action for each in result.layers] == ["patched", "skipped", "skipped"]
    assert found.decode() == text.replace("stride: 2", f"stride: 2 {FILLER}")
    assert not patched(text, tmp_path, any_gain=True)[1].layers[1].reason


def facts(warning: str) -> list[float]:
    """Its numbers; the genitive's apostrophes are no quotes."""
    return numbers(warning.replace("'s ", " "))


OFF_CENTRE, WRONG_IF_ODD = 5713, (0.16, 0.17)  # BVLC's issue, NVIDIA's releases
WARNED: dict[str, tuple[str, dict[str, Any], list[list[float]]]] = {
    "kernel 3": (
        up("kernel_size: 3 stride: 2"),
        {},
        [[1.0, 3, OFF_CENTRE], [*WRONG_IF_ODD, 3]],
    ),
    "kernel 6": (up("kernel_size: 6 stride: 3"), {}, [[1.0, 6, OFF_CENTRE]]),
    "kernel 5": (up("kernel_size: 5 stride: 3"), {}, [[*WRONG_IF_ODD, 5]]),
    "V1": (V1, {}, [[], [2015]]),  # that it is learned, too
    "no group": (up(), {"group": False}, [[1, 5]]),
    "any gain": (
        up("kernel_size: 4 stride: 4", FROZEN),
        {"any_gain": True},
        [[4, 4, 4, 4, 0.25, 0.75, 1]],
    ),
    "channels unknown": (up(f"kernel_size: 4 stride: 2 {FILLER}", head='input: "d"\n'), {}, [[5]]),
    "a recipe": (up("kernel_size: 2 stride: 2", FROZEN), {"recipe": True}, [[4, 4, 2, 2, 1, 1]]),
}


@pytest.mark.parametrize("case", WARNED)
def test_warnings(case: str, tmp_path: Path, words: Words) -> None:
    text, options, meant = WARNED[case]
    _, result = patched(text, tmp_path, **options)
    warnings = result.layers[0].warnings
    assert [facts(each) for each in warnings] == meant
    words(warnings, case)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 16, 63, 64])
def test_off_centre_is_said_exactly_where_the_released_filler_is(size: int, tmp_path: Path) -> None:
    released = ds.bilinear_kernel(size, formula=ds.Formula.CAFFE_1_0)
    wrong = not np.allclose(released, tent((size, size)), rtol=0, atol=1e-6)
    text = up(f"kernel_size: {size} stride: {(size + 1) // 2}", FROZEN)
    _, result = patched(text, tmp_path, any_gain=True)
    meant: list[list[float]] = []
    if wrong:
        meant.append([1.0, size, OFF_CENTRE])
    if size % 2:
        meant.append([*WRONG_IF_ODD, size])
    assert [facts(each) for each in result.layers[0].warnings] == meant


def test_the_right_layer_needs_no_warning(tmp_path: Path, words: Words) -> None:
    _, result = patched(up(), tmp_path)
    assert result.layers[0].warnings == ()
    assert result.warnings == ()
    (note,) = result.notes
    assert (names(note), shapes(note)) == (["up"], [(5, 5, 4, 4), (5, 1, 4, 4)])
    assert "regroup" in note
    assert "apply" in note
    words(note)


def test_what_stops_behind_a_recipe_is_named(tmp_path: Path, words: Words) -> None:
    add = '\nlayer { name: "sum" type: "Eltwise" bottom: "up" bottom: "e" top: "s" }'
    twin = up("kernel_size: 4 stride: 2", head="").replace('"up"', '"e"')
    _, result = patched(up() + twin + add, tmp_path, recipe=True)
    (warning,) = result.warnings
    assert names(warning)[0] == "sum"
    assert numbers(warning)[0] == 3  # its line
    words(warning)
    assert patched(up() + twin + add, tmp_path)[1].warnings == ()


def test_a_recipe_for_what_caffe_refuses_is_none(tmp_path: Path, words: Words) -> None:
    with pytest.raises(ds.ShapeError) as raised:
        patched(up("kernel_size: 4 stride: 0"), tmp_path, recipe=True)
    assert (raised.value.layer, raised.value.line) == ("up", 2)
    assert "stride" in raised.value.message
    words(raised.value)


def test_who_shares_weights_with_an_unpatched_layer_may_change_what_has_no_shape(
    tmp_path: Path, words: Words
) -> None:
    """The filler is each layer's own; a group would make two shapes of one blob."""
    after, result = patched(SHARING, tmp_path, group=False, patterns="up")
    assert [each.name for each in result.layers if each.changes] == ["up"]
    assert after.count(b"bilinear") == 1
    with pytest.raises(ds.ShapeError) as raised:
        patched(SHARING, tmp_path, patterns="up")
    assert raised.value.layer == "up"
    assert names(raised.value.message) == ["up", "w", "mine"]
    words(raised.value)


def test_ones_in_a_kernel_larger_than_the_stride_repeat_no_pixels(tmp_path: Path) -> None:
    ones = "kernel_size: 4 stride: 2 pad: 1 weight_filler { value: 1 }"
    after, _ = patched(up(ones), tmp_path)
    assert b"bilinear" in after


def test_a_text_that_does_not_say_what_was_meant_is_our_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    # No input leads here: the splice is made to do nothing.
    monkeypatch.setattr("deconvsurgery.plans.patch_net.plan.spliced", lambda data, _edits: data)
    with pytest.raises(RuntimeError) as raised:
        patched(up(), tmp_path)
    words(raised.value)
    assert not (tmp_path / "out.prototxt").exists()


def test_a_misspelt_field_is_an_error(tmp_path: Path, words: Words) -> None:
    with pytest.raises(ds.PrototxtError) as raised:
        patched(up("kernel_size: 4 stride: 2 gruop: 5"), tmp_path)
    assert raised.value.line == 2
    assert {"gruop", "group"} <= {*names(str(raised.value)), *names(raised.value.hint or "")}
    words(raised.value)


def test_arguments(tmp_path: Path, words: Words) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - its words are pinned
        patched(V2, tmp_path, filler="xavier")
    words(raised.value)
    with pytest.raises(ds.SelectionError) as unmatched:
        patched(V2, tmp_path, patterns="nothing")
    assert "nothing" in names(unmatched.value.message)
    words(unmatched.value)
    found, result = patched(V2, tmp_path, patterns="nothing", allow_empty=True)
    assert (found, result.layers) == (V2.encode(), ())


def test_the_filler_of_the_patched_net_upsamples_each_channel(tmp_path: Path) -> None:
    """The weights that Caffe's filler makes of the new net, put into it, in OpenCV's hands."""
    text = up("kernel_size: 4 stride: 2 pad: 1 bias_term: false")
    net, _ = patched(text, tmp_path)
    layer = ds.parse_net(net).layers[-1].convolution_param
    assert layer.group == 5
    assert layer.weight_filler is not None
    assert layer.weight_filler.type == "bilinear"
    filled = np.broadcast_to(tent((4, 4)), (5, 1, 4, 4))  # whatever slice it is
    model = model_bytes({"up": [filled]}, kind="Deconvolution")
    image = ramp((1, 5, 9, 9))
    found = opencv_forward(net, model, image, "up")
    assert found == pytest.approx(interpolated(image, (4, 4), (2, 2), (1, 1)), abs=1e-5)


# --- the command line


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "net.prototxt").write_text(LINES)
    (tmp_path / "right.prototxt").write_text(LINES_AFTER)
    (tmp_path / "unfit.prototxt").write_text(up("kernel_size: 4 stride: 4"))
    (tmp_path / "broken.prototxt").write_text('name: "n"\nlayer { name: }\n')
    (tmp_path / "model").write_bytes(b"\x0a\x03net\xa2\x06\x03\x0a\x01a")
    (tmp_path / "there").write_text("precious")
    return tmp_path


run = partial(tool, "patch-net")


def content(place: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in place.iterdir()}


def test_a_run_and_its_table(place: Path, words: Words) -> None:
    done = run(place, "net.prototxt", "out.prototxt")
    assert (done.returncode, done.stderr) == (0, b"")
    assert (place / "out.prototxt").read_text() == LINES_AFTER
    lines = done.stdout.decode().splitlines()
    assert [line.split() for line in lines[:3]] == [
        ["layer", "line", "field", "before", "→", "after", "action"],
        ["up", "3", "group", "-", "→", "5", "patched"],
        ["up", "3", "weight_filler.type", "-", "→", "bilinear", "patched"],
    ]
    assert numbers(lines[-1]) == [1, 1, 2]
    assert "out.prototxt" in lines[-1]
    words(lines[3:], "patched")
    done = run(place, "right.prototxt", "again.prototxt")
    assert (place / "again.prototxt").read_text() == LINES_AFTER
    assert b"again.prototxt" in done.stdout
    words(done.stdout.decode().splitlines()[-1], "right")


@dataclass(frozen=True)
class Wrong:
    """Arguments at which a run ends, its exit code, and a fact that it says."""

    arguments: tuple[str, ...]
    fact: str = ""
    code: int = 2


WRONG = {
    "no OUT": Wrong(("net.prototxt",)),
    "OUT exists": Wrong(("net.prototxt", "there"), "--force"),
    "OUT is NET": Wrong(("net.prototxt", "./net.prototxt"), "--in-place"),
    "two outputs": Wrong(("net.prototxt", "out", "out2"), "--in-place"),
    "no net": Wrong((), "NET"),
    "nets only, not in place": Wrong(("--nets-only", "net.prototxt", "out"), "--in-place"),
    "standard input in place": Wrong(("-i", "-")),
    "no such folder": Wrong(("net.prototxt", "no/out"), "no"),
    "no such option": Wrong(("--nonsense",), "nonsense"),
    "no such filler": Wrong(("--filler", "xavier", "net.prototxt", "out"), "xavier"),
    "JSON and diff": Wrong(("--json", "--diff", "-n", "net.prototxt"), "--diff"),
    "diff and OUT -": Wrong(("--diff", "net.prototxt", "-"), "--diff"),
    "no such net": Wrong(("nte.prototxt", "out"), "net.prototxt", 4),
    "a model": Wrong(("model", "out"), code=3),
    "broken": Wrong(("broken.prototxt", "out"), "broken.prototxt:2:15: ", 3),
    "nothing matched": Wrong(("-p", "pu", "net.prototxt", "out"), "'up'", 3),
    "unfit": Wrong(("unfit.prototxt", "out"), "unfit.prototxt:2: layer 'up': ", 3),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said(place: Path, case: str, words: Words) -> None:
    wrong = WRONG[case]
    before = content(place)
    code, out, errors = run_here(place, "patch-net", *wrong.arguments)
    assert code == wrong.code
    if "--json" in wrong.arguments:
        assert errors == b""
        said = [parsed_json(out)["error"]["message"]]
    else:
        assert out == b""
        assert errors.startswith(b"error: ")
        said = errors.decode().splitlines()
        code, out, errors = run_here(place, "patch-net", "--json", *wrong.arguments)
        assert (code, errors) == (wrong.code, b"")
        assert parsed_json(out)["error"]["message"]
    assert wrong.fact in " ".join(said)
    words(said, case)
    assert content(place) == before


def test_force_skip_and_empty(place: Path, words: Words) -> None:
    assert run(place, "-f", "net.prototxt", "there").returncode == 0
    assert (place / "there").read_text() == LINES_AFTER
    done = run(place, "--skip-unfit", "unfit.prototxt", "out")
    assert done.returncode == 0
    words(done.stdout.decode().splitlines()[2:], "unfit")
    assert (place / "out").read_bytes() == (place / "unfit.prototxt").read_bytes()
    done = run(place, "--allow-empty", "-p", "pu", "net.prototxt", "copy")
    assert (done.returncode, (place / "copy").read_text()) == (0, LINES)
    words(done.stdout.decode().splitlines(), "empty")


def test_in_place(place: Path, words: Words) -> None:
    net = place / "net.prototxt"
    net.chmod(0o640)
    assert run(place, "-i", "net.prototxt").returncode == 0
    assert net.read_text() == LINES_AFTER
    changed = net.stat()
    assert changed.st_mode & 0o777 == 0o640
    done = run(place, "--in-place", "net.prototxt")
    words(done.stdout.decode().splitlines()[-1])
    assert net.stat().st_mtime_ns == changed.st_mtime_ns


def test_in_place_takes_no_output(place: Path, words: Words) -> None:
    before = content(place)
    with pytest.raises(ds.ArgumentError) as raised:
        ds.patch_net(place / "net.prototxt", place / "out", in_place=True)
    words(raised.value)
    assert content(place) == before


def test_several_nets_in_place(place: Path, words: Words) -> None:
    """Each whole or not at all; the worst exit code; what is right already is not listed."""
    (place / "two nets.prototxt").write_text(V2)
    before = content(place)
    files = ["net.prototxt", "broken.prototxt", "right.prototxt", "two nets.prototxt"]
    for option, code in (("-n", 3), ("--check", 3)):
        assert run(place, "-i", option, *files).returncode == code
        assert content(place) == before
    done = run(place, "-i", "--check", "net.prototxt", "right.prototxt")
    assert done.returncode == 1
    done = run(place, "-i", *files)
    assert done.returncode == 3
    error, hint = done.stderr.decode().splitlines()
    assert error.startswith("error: broken.prototxt:2:15: ")
    assert names(error) == ["}"]
    words([error, hint], "broken")
    lines = done.stdout.decode().splitlines()
    assert [" ".join(line.split()) for line in lines[1:5]] == [
        "net.prototxt up 3 group - → 5 patched",
        "net.prototxt up 3 weight_filler.type - → bilinear patched",
        "two nets.prototxt up 2 group - → 5 patched",
        "two nets.prototxt up 2 weight_filler.type - → bilinear patched",
    ]
    assert numbers(lines[-1]) == [2, 4, 2, 4, 1]
    words(lines[-1], "one is broken")
    after = {"net.prototxt": LINES_AFTER.encode(), "two nets.prototxt": V2_AFTER.encode()}
    assert content(place) == before | after
    done = run(place, "-i", "--check", "net.prototxt", "right.prototxt", "two nets.prototxt")
    (line,) = done.stdout.decode().splitlines()
    assert (done.returncode, numbers(line)) == (0, [3])
    words(line, "right")
    assert run(place, "-i", "net.prototxt", "nte.prototxt", "unfit.prototxt").returncode == 4
    done = run(place, "-i", "-", "right.prototxt")
    assert done.returncode == 2
    assert done.stderr.startswith(b"error: -: ")
    words(done.stderr.decode().splitlines(), "standard input")
    assert content(place) == before | after


SOLVER = 'net: "net.prototxt"\nbase_lr: 0.01\n'
TEMPLATE = 'layer { name: "up" type: "Deconvolution" convolution_param { num_output: ${N} } }\n'


def test_nets_only(place: Path, words: Words) -> None:
    (place / "solver.prototxt").write_text(SOLVER)
    (place / "template.prototxt").write_text(TEMPLATE)
    (place / "labels.prototxt").write_text('item { name: "none" id: 0 }\n')
    files = ["labels.prototxt", "net.prototxt", "solver.prototxt", "template.prototxt"]
    assert run(place, "-i", "-n", *files).returncode == 3
    done = run(place, "-i", "--nets-only", "--allow-empty", *files)
    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode().splitlines()
    notes = [line for line in lines if line.startswith("note: ")]
    noted = ["net.prototxt", "solver.prototxt", "template.prototxt"]
    assert [line.split(": ")[1] for line in notes] == noted
    assert [names(line) for line in notes] == [["up"], ["net"], ["$"]]
    words(notes, "passed over")
    assert numbers(lines[-1])[:2] == [1, 4]
    words(lines[-1], "patched")
    assert (place / "net.prototxt").read_text() == LINES_AFTER
    assert (place / "solver.prototxt").read_text() == SOLVER
    done = run(place, "-i", "--nets-only", "broken.prototxt")
    assert done.returncode == 3  # a net that is broken is none to pass over
    done = run(place, "-i", "--nets-only", "solver.prototxt")
    line = done.stdout.decode().splitlines()[-1]
    assert (done.returncode, numbers(line)) == (0, [1])
    words(line, "nothing")


def test_several_nets_as_json_and_diff(place: Path, words: Words) -> None:
    files = ["net.prototxt", "nte.prototxt", "right.prototxt"]
    done = run(place, "-i", "--diff", "-n", "-q", *files)
    assert done.returncode == 4
    heads = [line for line in done.stdout.decode().splitlines() if line.startswith("+++")]
    assert heads == ["+++ net.prototxt"]
    done = run(place, "-i", "--json", *files)
    assert (done.returncode, done.stderr) == (4, b"")
    first, error, right = map(json.loads, done.stdout.splitlines())
    assert (first["net"], first["changed"], first["written"]) == ("net.prototxt", True, True)
    assert (error["command"], error["error"]["kind"]) == ("patch-net", "FileError")
    assert error["error"]["file"] == "nte.prototxt"
    assert (right["net"], right["changed"], right["output"]) == (
        "right.prototxt",
        False,
        "right.prototxt",
    )
    (place / "solver.prototxt").write_text(SOLVER)
    done = run(place, "-i", "--json", "--nets-only", "solver.prototxt")
    passed = json.loads(done.stdout)
    (note,) = passed["notes"]
    assert names(note) == ["net"]
    words(note)
    assert (passed["output"], passed["written"]) == (None, False)
    assert passed["bytes"] == {"input": len(SOLVER), "output": len(SOLVER)}


def test_dry_run_and_check(place: Path, words: Words) -> None:
    for option, code in (("-n", 0), ("--dry-run", 0), ("--check", 1)):
        done = run(place, option, "net.prototxt", "out")
        assert done.returncode == code
        line = done.stdout.decode().splitlines()[-1]
        assert numbers(line) == [1, 1, 2]
        words(line)
        assert not (place / "out").exists()
        assert run(place, option, "right.prototxt").returncode == 0
    assert run(place, "--check", "--json", "net.prototxt").returncode == 1
    assert run(place, "--check", "unfit.prototxt").returncode == 3
    done = run(place, "--check", "-q", "net.prototxt")
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")


def test_streams(place: Path, words: Words) -> None:
    done = run(place, "-", "-", stdin=LINES.encode("latin-1"))
    assert done.returncode == 0
    assert done.stdout == LINES_AFTER.encode("latin-1")
    words(done.stderr.decode().splitlines()[-1])
    assert run(place, "-q", "net.prototxt", "-").stdout == LINES_AFTER.encode()
    assert run(place, "-", "out", stdin=LINES.encode()).returncode == 0
    assert (place / "out").read_text() == LINES_AFTER


def test_json(place: Path) -> None:
    done = run(place, "--json", "net.prototxt", "out.prototxt", "--freeze")
    document = json.loads(done.stdout)
    assert (document["schema_version"], document["command"]) == (1, "patch-net")
    assert (document["net"], document["output"]) == ("net.prototxt", "out.prototxt")
    assert (document["changed"], document["written"]) == (True, True)
    assert document["warnings"] == []
    (layer,) = document["layers"]
    assert layer["changes"][0] == {"field": "param[0].lr_mult", "before": None, "after": 0}
    assert layer["changes"][-2:] == [
        {"field": "convolution_param.group", "before": None, "after": 5},
        {"field": "convolution_param.weight_filler.type", "before": None, "after": "bilinear"},
    ]
    assert {key: layer[key] for key in ("name", "type", "line", "action", "reason")} == {
        "name": "up",
        "type": "Deconvolution",
        "line": 3,
        "action": "patched",
        "reason": None,
    }
    (place / "ruled.prototxt").write_text(up(more="include { phase: TRAIN }"))
    done = run(place, "--json", "-n", "ruled.prototxt", "--strip-include")
    (change, *_) = json.loads(done.stdout)["layers"][0]["changes"]
    assert change == {"field": "include", "before": "{ phase: TRAIN }", "after": None}


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_the_diff_is_one_for_patch(place: Path, ending: str, words: Words) -> None:
    (place / "net.prototxt").write_bytes(LINES.replace("\n", ending).encode("latin-1"))
    done = run(place, "--diff", "-n", "net.prototxt")
    assert done.returncode == 0
    words(done.stderr.decode().splitlines()[-1])
    assert done.stdout.startswith(b"--- net.prototxt\n+++ net.prototxt\n@@ ")
    assert b"\n+    group: 5" in done.stdout
    assert [line for line in done.stdout.splitlines()[2:] if line[:1] == b"-"] == []
    done = run(place, "--diff", "-nq", "net.prototxt")
    patch = ["patch", "--binary", "-s", "net.prototxt"]
    subprocess.run(patch, input=done.stdout, cwd=place, check=True)
    assert (place / "net.prototxt").read_bytes() == LINES_AFTER.replace("\n", ending).encode(
        "latin-1"
    )


def test_the_diff_of_a_net_without_a_last_line_end(place: Path) -> None:
    (place / "net.prototxt").write_text(up())
    done = run(place, "--diff", "-nq", "net.prototxt")
    assert done.stdout.count(b"\n\\ No newline at end of file\n") == 2
    assert run(place, "--diff", "-nq", "right.prototxt").stdout == b""


def test_the_diff_on_a_terminal_has_colours_and_no_control_characters(place: Path) -> None:
    (place / "net.prototxt").write_text(LINES.replace("by two", "\x1b[31mby\ttwo"))
    done = run(place, "--diff", "-n", "net.prototxt", env={"FORCE_COLOR": "1", "TERM": "xterm"})
    assert b"\x1b[32m+    group: 5" in done.stdout
    assert b"\\x1b[31mby" in done.stdout


@pytest.mark.parametrize("columns", ["40", "80", "120"])
def test_the_table_fits_a_terminal(place: Path, columns: str) -> None:
    env = {"FORCE_COLOR": "1", "NO_COLOR": "1", "TERM": "xterm", "COLUMNS": columns}
    text = up("kernel_size: 2 stride: 2", "param { lr_mult: 1 } param { lr_mult: 2 }")
    (place / "net.prototxt").write_text(text)
    done = run(place, "-n", "net.prototxt", "--recipe", "--no-bias", "--freeze", env=env)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout.decode()).splitlines()
    assert max(map(len, lines)) <= int(columns)
    page = " ".join(" ".join(lines).split())
    for cell in ("param[1]", "{ lr_mult: 2 }", "bias_term", "kernel_size", "bilinear", "patched"):
        assert cell in page


# --- nets in use


# Looked for in the text: each process of a run collects the tests anew, and parsing takes seconds.
DECONVOLUTION = re.compile(
    rb"""(?:^|[\r\n])[^#\r\n]*\btype\s*:\s*["']?Deconvolution\b""", re.IGNORECASE
)
BROKEN = Path(
    "nets/bvlc-caffe--examples-crfasrnn-segmentation-v2/TVG_CRFRNN_new_deploy.prototxt"
)  # begins with a page of prose


def with_deconvolutions() -> Iterator[Path]:
    published = (path for folder in ("nets", "models") for path in (SHARED / folder).glob("*/*"))
    names = sorted(path.relative_to(SHARED) for path in published if ".prototxt" in path.name)
    for name in (*SMALL_NETS, *names):
        if DECONVOLUTION.search(net_at(name).read_bytes()):
            yield name


NETS = [path for path in with_deconvolutions() if path != BROKEN]
CHOICES: dict[str, dict[str, Any]] = {
    "plain": {"any_gain": True},
    "all": {"recipe": True, "no_bias": True, "freeze": True, "strip_include": True},
}


@cache
def text_of(path: Path) -> bytes:
    return net_at(path).read_bytes()


@cache
def plain_outcome(path: Path) -> ds.PatchNetResult:
    """Without options, but with kernels that do not interpolate, too."""
    return ds.patch_net(net_at(path), dry_run=True, patterns="*", skip_unfit=True, any_gain=True)


V1_LAYER = NetParameter.DESCRIPTOR.fields_by_name["layers"].message_type
V1_TYPES = set(V1_LAYER.enum_types_by_name["LayerType"].values_by_name)


@cache
def own_layers(data: bytes) -> list[ds.Layer]:
    """The layers that stand in the text."""
    return [layer for layer in ds.parse_net(data).layers if layer.line]


@cache
def by_protobuf(data: bytes) -> Any:
    """As protobuf reads it; types that only a fork of V1 has are NONE."""
    text = re.sub(
        r"(\btype\s*:\s*)([A-Z_][A-Z_0-9]+)",
        lambda match: match[1] + (match[2] if match[2] in V1_TYPES else "NONE"),
        data.removeprefix(b"\xef\xbb\xbf").decode("latin-1"),
    )
    return text_format.Parse(text, NetParameter(), allow_unknown_field=True)


def chunks(data: bytes) -> list[str]:
    """The text cut where each layer begins."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    lines = [0, *(match.end() for match in re.finditer(r"\r\n|\n|\r", text))]
    layers = own_layers(data)
    cuts = [lines[layer.line - 1] + layer.column - 1 for layer in layers]
    return [text[at:end] for at, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def changed_by_hand(message: Any, patched: set[int], options: dict[str, Any]) -> None:
    """What the README of the second way says, on protobuf's own message."""
    v1 = bool(message.layers)
    for position, layer in enumerate(message.layers if v1 else message.layer):
        if position not in patched:
            continue
        param = layer.convolution_param
        if param.group != param.num_output:
            param.group = param.num_output
        if param.weight_filler.type != "bilinear":
            param.ClearField("weight_filler")
            param.weight_filler.type = "bilinear"
        if options.get("recipe"):
            recipe_by_hand(param)
        if options.get("no_bias"):
            if param.bias_term:
                param.bias_term = False
            for name in ("param", "blobs_lr", "weight_decay", "blob_share_mode"):
                if name in layer.DESCRIPTOR.fields_by_name:
                    del getattr(layer, name)[1:]
        if options.get("freeze"):
            blobs = 1 + param.bias_term
            for name in ("blobs_lr", "weight_decay") if v1 else ():
                getattr(layer, name)[:] = [0.0] * max(blobs, len(getattr(layer, name)))
            while not v1 and len(layer.param) < blobs:
                layer.param.add()
            for spec in layer.param[:blobs] if not v1 else ():
                spec.lr_mult = spec.decay_mult = 0
        if options.get("strip_include"):
            layer.ClearField("include")
            layer.ClearField("exclude")


def recipe_by_hand(param: Any) -> None:
    (factor,) = {*param.stride, *((param.stride_h, param.stride_w) if param.stride_h else ())}
    kernel, pad = 2 * factor - factor % 2, factor // 2
    if param.kernel_h:
        param.kernel_h = param.kernel_w = kernel
    else:
        param.kernel_size[:] = [kernel] * len(param.kernel_size)
    if param.HasField("pad_h") or param.HasField("pad_w"):
        param.pad_h = param.pad_w = pad
    elif pad or param.pad:
        param.pad[:] = [pad] * max(1, len(param.pad))


@pytest.mark.usefixtures("shared")
def test_there_are_nets_to_try(words: Words) -> None:
    assert len(NETS) > 90
    assert {choice for _, choice in FEW} == {*CHOICES}
    with pytest.raises(ds.PrototxtError) as raised:
        ds.parse_net(text_of(BROKEN))
    assert "GitHub" in str(raised.value)
    words(raised.value)


# By turns: the nets of a family are much alike.
TURNS = [*zip(NETS, cycle(CHOICES), strict=False)]
QUICK = [turn for turn in TURNS if net_at(turn[0]).stat().st_size < 16_000]
FEW = {*QUICK[::15], *zip(SMALL_NETS, cycle(CHOICES), strict=False)}  # an odd step: of each choice


@pytest.mark.parametrize(
    ("path", "choice"),
    each_of(TURNS, "nets", fields=2, quick=FEW.__contains__),
)
def test_nets_in_use(path: Path, choice: str, tmp_path: Path) -> None:
    assert any(layer.type == "Deconvolution" for layer in own_layers(text_of(path)))
    options = CHOICES[choice] | {"patterns": "*", "skip_unfit": True}
    if choice == "plain":
        result = plain_outcome(path)
    else:
        result = ds.patch_net(net_at(path), dry_run=True, **options)
    before, after = result.before, result.after
    (tmp_path / "again").write_bytes(after)
    assert not ds.patch_net(tmp_path / "again", dry_run=True, **options).changed
    done = {each.line for each in result.layers if each.action == "patched"}
    assert result.changed == bool(done)
    # the meaning, by protobuf alone
    meant = type(by_protobuf(before))()
    meant.CopyFrom(by_protobuf(before))
    positions = {position for position, each in enumerate(own_layers(before)) if each.line in done}
    changed_by_hand(meant, positions, CHOICES[choice])
    assert by_protobuf(after) == meant
    # the text: only patched layers differ, each by what was added or replaced
    old, new = chunks(before), chunks(after)
    assert len(old) == len(new)
    for position, (one, other) in enumerate(zip(old, new, strict=True), start=-1):
        if position not in positions:
            assert one == other
            continue
        matcher = difflib.SequenceMatcher(
            None, one.splitlines(True), other.splitlines(True), autojunk=False
        )
        for kind, first, last, left, right in matcher.get_opcodes():
            if kind == "equal":
                continue
            was = "".join(one.splitlines(True)[first:last])
            comes = "".join(other.splitlines(True)[left:right])
            assert comments(was) == comments(comes)
            if choice == "plain":
                assert rest(was) == rest(comes)


def comments(text: str) -> list[str]:
    return re.findall(r"#[^\r\n]*\r?\n", text)


def rest(text: str) -> str:
    """A hunk without group and weight_filler, and without blanks."""
    text = re.sub(r"#[^\n]*", "", text)
    text = re.sub(r"weight_filler\s*:?\s*\{[^}]*\}|\bgroup\s*:\s*\d+", "", text)
    # a filler that was there: only its fields are in the hunk
    text = re.sub(r"\b(type\s*:\s*.(bilinear|xavier|msra|gaussian|constant).)", "", text)
    text = re.sub(r"\b(weight_filler|std|value|variance_norm|min|max)\s*:?\s*[\w.-]*", "", text)
    return re.sub(r"[\s{}]+", "", text)


# OpenCV's importer ends some nets with a segmentation fault, hence a process for each.
LOADER = """
import os, sys
import cv2
for path in sys.stdin.read().split("\\0"):
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        try:
            with open(path, "rb") as net:
                cv2.dnn.readNetFromCaffe(bytearray(net.read()))
        except cv2.error:
            os._exit(1)
        os._exit(0)
    print(int(os.waitpid(child, 0)[1] == 0))
"""


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.campaign)])
def test_opencv_loads_what_it_loaded(every: bool, tmp_path: Path) -> None:
    pytest.importorskip("cv2")
    nets = NETS if every else [turn[0] for turn in TURNS if turn in FEW]
    pairs: list[Path] = []
    for number, path in enumerate(nets):
        new = tmp_path / str(number)
        new.write_bytes(plain_outcome(path).after)
        pairs += [net_at(path), new]
    done = subprocess.run(
        [sys.executable, "-c", LOADER],
        input="\0".join(map(str, pairs)),
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    loaded = [bool(int(line)) for line in done.stdout.split()]
    lost = [
        path for path, old, new in zip(nets, loaded[::2], loaded[1::2], strict=True) if old > new
    ]
    assert lost == []
    assert sum(loaded[::2]) > (20 if every else 0)


def test_the_demos_net(tmp_path: Path) -> None:
    found, result = patched(demo_net(), tmp_path)
    assert [(each.name, each.action) for each in result.layers] == [
        ("upscore2", "patched"),
        ("upscore", "unchanged"),
    ]
    model = tmp_path / "base.caffemodel"
    model.write_bytes(demo_base())
    row = ds.apply(ds.parse_net(found), model, dry_run=True).plan.layers[0]
    assert row.target.shape == (5, 1, 4, 4)
