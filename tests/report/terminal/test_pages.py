"""The pages as a reader has them: on a terminal of any width, and in a pipe."""

import doctest
import importlib
import io
import re
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

import deconvsurgery as ds
from deconvsurgery.kernels.kernel_facts import kernel_facts
from deconvsurgery.plans.apply.plan_types import BiasFill
from deconvsurgery.plans.regroup.plan import Kept, Regroup, Regrouping
from deconvsurgery.report.ci.annotations import github_lines
from deconvsurgery.report.ci.sarif import sarif_log
from deconvsurgery.report.phrases import escaped, shortened, state_words
from deconvsurgery.report.repair_commands import repair_line, repair_lines
from deconvsurgery.report.terminal.apply import apply_report, closing_words
from deconvsurgery.report.terminal.check import check_report
from deconvsurgery.report.terminal.inspect import inspect_report
from deconvsurgery.report.terminal.kernel import kernel_report
from deconvsurgery.report.terminal.patch_net import diff_bytes, diff_page, patch_report
from deconvsurgery.report.terminal.regroup import closing_words as regroup_words
from deconvsurgery.report.terminal.regroup import regroup_report
from deconvsurgery.rules.inspect_rows import Row

WIDTHS = (40, 80, 200)


def target(index, name, channels=21, kernel=(4, 4), stride=(2, 2), pad=(0, 0), group=1, **more):
    param = ds.ConvolutionParam(num_output=channels, group=group, bias_term=False)
    layer = ds.Layer(index, name, "Deconvolution", convolution_param=param, line=10 * index)
    shape = (channels, channels // group, *kernel)
    return ds.Target(layer, channels, shape, kernel, stride, pad, (1, 1), **more)


def change(what, action, before, largest, changed, warnings=(), bias=None):
    fill = ds.BilinearFill(
        what.shape, what.channels, what.layer.convolution_param.group, what.stride
    )
    values = what.shape[0] * what.shape[1] * what.shape[2] * what.shape[3]
    after = ds.Fingerprint(ds.State.BILINEAR)
    return ds.Change(
        what, action, fill, bias, ds.Fingerprint(before), after, largest, changed, values, warnings
    )


UPSCORE2 = change(target(1, "upscore2"), ds.Action.REWRITTEN, ds.State.ZERO, 0.5625, 336)
POOL4 = change(
    target(2, "upscore_pool4"),
    ds.Action.CREATED,
    ds.State.MISSING,
    0.5625,
    7056,
    ("the model has no such layer, but 'upscore_pool_4': renamed?",),
)
UPSCORE8 = change(
    target(3, "upscore8", kernel=(16, 16), stride=(8, 8)),
    ds.Action.UNCHANGED,
    ds.State.BILINEAR,
    0.0,
    0,
)
SKIPPED = ds.Skip(
    target(4, "up_nearest", 64, (2, 2), group=64),
    ds.Fingerprint(ds.State.NEAREST),
    "it is a nearest-neighbour layer: kernel 2x2 = stride, all ones",
)
OFF_DIAGONAL = change(
    target(5, "up_odd", 3, (4, 6), (2, 3), (1, 1), group=3),
    ds.Action.REWRITTEN,
    ds.State.BILINEAR_OFF_DIAGONAL,
    1.23456e-07,
    12,
)


def applied(*rows, **more):
    plan = ds.Plan(
        tuple(row for row in rows if isinstance(row, ds.Change)),
        tuple(row for row in rows if isinstance(row, ds.Skip)),
        more.pop("left_alone", ()),
    )
    result = ds.ApplyResult(
        plan, "val.prototxt", "in.caffemodel", "out.caffemodel", 537963157, 537963157, 28224, True
    )
    return replace(result, **more)


FULL = applied(UPSCORE2, POOL4, UPSCORE8, SKIPPED, OFF_DIAGONAL)


def row(name, *, weights=None, findings=(), phases=("TEST", "TRAIN"), matched=True, **more):
    what = target(3, name, **more)
    return Row(name, "Deconvolution", 30, phases, matched, what, (what.shape,), None, weights,
               findings)  # fmt: skip


INSPECTED = ds.InspectResult(
    (
        row(
            "upscore2",
            weights=ds.Fingerprint(ds.State.ZERO),
            findings=(
                ds.Finding("DS002", "its weights are all zero: the output is black", 30),
                ds.Finding("DS010", "lr_mult is 1: training will change the kernel", 30),
            ),
        ),
        row(
            "score",
            weights=ds.Fingerprint(ds.State.NEAR_BILINEAR, distance=0.0123456),
            matched=False,
        ),
    ),
    net="val.prototxt",
    model="in.caffemodel",
    net_version="V2",
    model_version="V2",
    model_size=537963157,
    notes=("read as latin-1",),
)


def shown(report, width=200, *, color=False) -> str:
    colors = "truecolor" if color else None
    file = io.StringIO()
    console = Console(
        file=file, width=width, force_terminal=color, color_system=colors, highlight=False
    )
    console.print(report)
    return file.getvalue()


def terminal(result, width, **options) -> str:
    if isinstance(result, ds.InspectResult):
        report = inspect_report(result, width=width, terminal=True, every_layer=False)
    else:
        report = apply_report(result, dry_run=False, width=width, terminal=True, **options)
    return shown(report, width)


def piped(result, *, every_layer=False, dry_run=False, **options) -> list[str]:
    """What a file gets, from a console far narrower than the lines."""
    if isinstance(result, ds.InspectResult):
        report = inspect_report(result, width=20, terminal=False, every_layer=every_layer)
    else:
        report = apply_report(result, dry_run=dry_run, width=20, terminal=False, **options)
    console = Console(file=io.StringIO(), width=20, highlight=False)
    console.print(report, soft_wrap=True)
    return console.file.getvalue().splitlines()


def unfolded(text: str) -> str:
    """Folded lines as one, without the room between words."""
    return re.sub(r"\s+", "", text)


# --- apply


def test_apply_in_a_pipe_is_a_line_a_layer():
    assert piped(applied(UPSCORE2, POOL4, SKIPPED)) == [
        "layer          type           shape           group  kernel  stride  pad  before   "
        "→ after     max |Δ|  values changed  action",
        "upscore2       Deconvolution  (21, 21, 4, 4)      1       4       2    0  zero     "
        "→ bilinear   0.5625       336/7,056  rewritten",
        "upscore_pool4  Deconvolution  (21, 21, 4, 4)      1       4       2    0  missing  "
        "→ bilinear   0.5625     7,056/7,056  created",
        "up_nearest     Deconvolution  (64, 1, 2, 2)      64       2       2    0  nearest  "
        "-                 -           0/256  skipped: it is a nearest-neighbour layer: "
        "kernel 2x2 = stride, all ones",
        "warning: upscore_pool4: the model has no such layer, but 'upscore_pool_4': renamed?",
        "Rewrote 1 and created 1 of 3 matched layers: 28,224 of 537,963,157 bytes; "
        "everything else is the input's own. Wrote out.caffemodel.",
    ]


def test_apply_at_80_columns_takes_two_lines_a_layer():
    lines = terminal(applied(UPSCORE2, POOL4), 80).splitlines()
    assert [line.rstrip() for line in lines] == [
        "layer          shape               kernel  before             max |Δ|  action",
        "type           group           stride/pad  → after     values changed",
        "─" * 80,
        "upscore2       (21, 21, 4, 4)           4  zero                0.5625  rewritten",
        "Deconvolution  1                      2/0  → bilinear       336/7,056",
        "",
        "upscore_pool4  (21, 21, 4, 4)           4  missing             0.5625  created",
        "Deconvolution  1                      2/0  → bilinear     7,056/7,056",
        "",
        "warning  upscore_pool4: the model has no such layer, but 'upscore_pool_4':",
        "         renamed?",
        "",
        "Rewrote 1 and created 1 of 2 matched layers: 28,224 of 537,963,157 bytes;",
        "everything else is the input's own. Wrote out.caffemodel.",
    ]


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_lost_at_any_width(width):
    text = terminal(FULL, width)
    assert all(cell_len(line) <= width for line in text.splitlines())
    flat = unfolded(text)
    for each in FULL.plan.rows:
        assert each.target.layer.name in text
        assert str(each.before.state) in text
    facts = (
        "Deconvolution", "(21, 21, 16, 16)", "(3, 1, 4, 6)", "4x6", "2x3", "1.235e-07", "12/72",
        "336/7,056", "0/112,896", "rewritten", "created", "unchanged", "skipped", "→ bilinear",
        SKIPPED.reason, POOL4.warnings[0], "out.caffemodel",
    )  # fmt: skip
    for fact in facts:
        assert unfolded(fact) in flat


def test_wide_terminals_have_a_line_a_layer():
    lines = terminal(FULL, 200).splitlines()
    line = next(line for line in lines if line.startswith("upscore2"))
    assert line.split() == [
        "upscore2", "Deconvolution", "(21,", "21,", "4,", "4)", "1", "4", "2", "0", "zero", "→",
        "bilinear", "0.5625", "336/7,056", "rewritten",
    ]  # fmt: skip


@pytest.mark.parametrize("width", range(1, 30))
def test_absurd_widths_do_not_crash(width):
    assert all(cell_len(line) <= width for line in terminal(FULL, width).splitlines())
    assert terminal(INSPECTED, width)


def test_colours_have_a_meaning():
    report = apply_report(FULL, dry_run=False, width=200, terminal=True)
    text = shown(report, color=True)
    assert "\x1b[31mzero" in text
    assert "\x1b[32m→ bilinear" in text
    assert "\x1b[1;32mcreated" in text
    plain = apply_report(FULL, dry_run=False, width=200, terminal=False)
    assert "\x1b" not in shown(plain, 500, color=True)


def test_bias_file_warnings_and_other_types_are_told():
    biased = replace(UPSCORE2, bias=BiasFill(21, 0.0, True), values_changed=0)
    others = tuple(ds.Layer(index, f"up{index}", "Crop") for index in range(7))
    lines = piped(applied(biased, left_alone=others, warnings=("read as latin-1",)))
    assert lines[2:5] == [
        "note: upscore2: its bias becomes 21 values of 0",
        "warning: read as latin-1",
        "left alone: 7 layers of another type fit: up0 (Crop), up1 (Crop), up2 (Crop), "
        "up3 (Crop), up4 (Crop), +2",
    ]


def test_a_value_that_was_no_number_has_no_difference():
    assert " NaN " in piped(applied(replace(UPSCORE2, max_abs_change=None)))[1]


CLOSING = [
    (
        applied(UPSCORE2),
        "Rewrote 1 of 1 matched layer: 28,224 of 537,963,157 bytes; everything else is the "
        "input's own. Wrote out.caffemodel.",
    ),
    (
        applied(UPSCORE2, POOL4, output=None, written=False),
        "Would rewrite 1 and create 1 of 2 matched layers: 28,224 of 537,963,157 bytes; "
        "everything else would be the input's own. Nothing was written.",
    ),
    (
        applied(POOL4, output="in.caffemodel"),
        "Created 1 of 1 matched layer: 28,224 of 537,963,157 bytes; everything else is the "
        "input's own. Changed in.caffemodel in place.",
    ),
    (
        applied(UPSCORE2, output="-"),
        "Rewrote 1 of 1 matched layer: 28,224 of 537,963,157 bytes; everything else is the "
        "input's own. Wrote standard output.",
    ),
    (
        applied(UPSCORE8),
        "Nothing had to change: out.caffemodel is the input, byte for byte.",
    ),
    (
        applied(UPSCORE8, output="in.caffemodel"),
        "Nothing had to change: in.caffemodel stays as it is, byte for byte.",
    ),
    (
        applied(UPSCORE8, output=None, written=False),
        "Nothing would change: the output would be the input, byte for byte. "
        "Nothing was written.",
    ),
    (applied(), "No layer matched: out.caffemodel is the input, byte for byte."),
    (
        applied(SKIPPED),
        "Nothing changed, the matched layer was skipped: out.caffemodel is the input, "
        "byte for byte.",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("result", "words"), CLOSING)
def test_closing_words(result, words):
    assert closing_words(result, dry_run=False) == words
    assert piped(result)[-1] == words


# --- names are user data

EVIL = ["[up]", "[/up]", "[bold red]up[/]", "\x1b[31mup\x07", "up\nup", "\u202eup", ":smile:", ""]


def named(name: str) -> ds.ApplyResult:
    what = replace(UPSCORE2.target, layer=replace(UPSCORE2.target.layer, name=name, type=name))
    words = (f"the model calls this layer a {name}",)
    return applied(replace(UPSCORE2, target=what, warnings=words), left_alone=(what.layer,))


@pytest.mark.parametrize("name", EVIL)
def test_evil_names_are_only_text(name):
    visible = escaped(name)
    assert visible.isprintable()
    lines = piped(named(name))
    assert len(lines) == 5
    assert re.match(rf"{re.escape(visible)} +{re.escape(visible)} +\(21, 21, 4, 4\) ", lines[1])
    for width in WIDTHS:
        text = terminal(named(name), width)
        assert visible in text
        assert all(char.isprintable() for char in text.replace("\n", ""))
    inspected = replace(INSPECTED, rows=(replace(INSPECTED.rows[0], name=name),))
    assert f"val.prototxt:30: DS002 {visible}: " in "\n".join(piped(inspected))
    assert visible in terminal(inspected, 80)


def test_names_of_a_megabyte_are_whole_in_a_pipe_and_short_on_a_terminal():
    name = "up" + "x" * 1_000_000 + "end"
    lines = piped(applied(UPSCORE2, *named(name).plan.changes))
    assert lines[2].startswith(f"{name}  {name}  (21, 21, 4, 4)")
    assert len(lines[1]) < 1000
    for width in WIDTHS:
        text = terminal(named(name), width)
        assert len(text) < 10_000
        assert "end" in text


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=120), st.integers(12, 60))
@example("\U0001f3fb", 12)
def test_any_name_fits_its_room(name, room):
    short = shortened(name, room)
    assert short.isprintable()
    assert short
    assert cell_len(short) <= room  # 0 for what only changes the sign before it
    if cell_len(escaped(name)) <= room:
        assert short == escaped(name)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80), st.sampled_from(WIDTHS))
def test_any_name_keeps_the_page_whole(name, width):
    lines = terminal(named(name), width).splitlines()
    assert all(cell_len(line) <= width for line in lines)
    assert unfolded("336/7,056") in unfolded("".join(lines))
    assert len(piped(named(name))) == 5


# --- inspect


def test_inspect_in_a_pipe():
    assert piped(INSPECTED) == [
        "val.prototxt: V2 net",
        "in.caffemodel: V2 model, 537,963,157 bytes",
        "layer     matched  phase       shape           group  kernel  stride  pad  bias  weights",
        "upscore2  yes      test+train  (21, 21, 4, 4)      1       4       2    0  no    zero",
        "score     no       test+train  (21, 21, 4, 4)      1       4       2    0  no    "
        "near-bilinear, 0.01235 off",
        "note: read as latin-1",
        "val.prototxt:30: DS002 upscore2: its weights are all zero: the output is black",
        "val.prototxt:30: DS010 upscore2: lr_mult is 1: training will change the kernel",
        "2 Deconvolution layers, 1 matched; 2 findings in 1 layer.",
    ]


@pytest.mark.parametrize("width", WIDTHS)
def test_inspect_loses_nothing_at_any_width(width):
    text = terminal(INSPECTED, width)
    assert all(cell_len(line) <= width for line in text.splitlines())
    flat = unfolded(text)
    facts = (
        "val.prototxt", "V2 net, phase test+train", "V2 model, 537,963,157 bytes", "upscore2",
        "zero", "score", "near-bilinear, 0.01235 off", "(21, 21, 4, 4)", "read as latin-1",
        "all zero: the output is black (line 30)", "DS002", "DS010", "matched",
        "2 Deconvolution layers, 1 matched; 2 findings in 1 layer.",
    )  # fmt: skip
    for fact in facts:
        assert unfolded(fact) in flat


def test_a_net_alone_has_no_weights_column():
    rows = (row("upscore2", guess="21 channels, as score_fr has"), row("up8", phases=("TEST",)))
    net = ds.InspectResult(rows, net="val.prototxt", net_version="V2")
    assert piped(net) == [
        "val.prototxt: V2 net",
        "layer     phase       shape           group  kernel  stride  pad  bias",
        "upscore2  test+train  (21, 21, 4, 4)      1       4       2    0  no",
        "up8       test        (21, 21, 4, 4)      1       4       2    0  no",
        "note: upscore2: 21 channels, as score_fr has",
        "2 Deconvolution layers; no findings.",
    ]


def test_a_model_alone_has_its_own_shapes_and_no_phase():
    what = row("up", weights=ds.Fingerprint(ds.State.CONSTANT, value=1.0), phases=())
    other = Row("conv1", "Convolution", source_blobs=((64, 3, 3, 3), (64,)))
    model = ds.InspectResult(
        (replace(what, line=None, findings=(ds.Finding("DS003", "all 1", None),)), other),
        model="a.caffemodel",
        model_version="V1",
        model_size=1,
    )
    assert piped(model, every_layer=True) == [
        "a.caffemodel: V1 model, 1 byte",
        "layer  type           shape               group  kernel  stride  pad  bias  weights",
        "up     Deconvolution  (21, 21, 4, 4)          1       4       2    0  no    constant 1",
        "conv1  Convolution    (64, 3, 3, 3) (64)      -       -       -    -  -     -",
        "a.caffemodel: DS003 up: all 1",
        "2 layers, 1 of them Deconvolution; 1 finding in 1 layer.",
    ]


def test_shapes_are_told_as_far_as_they_are_known():
    unknown = row("up", group=21)
    unknown = replace(unknown, target=replace(unknown.target, channels=None, shape=None))
    conv = Row("conv", "Convolution", 1, ("TEST", "TRAIN"), blobs=((64, None, 3, 3), (64,)))
    told = replace(conv, source_blobs=((64, 3, 3, 3), (64,)))
    net = ds.InspectResult((unknown, conv, told), net="a.prototxt", net_version="V2")
    lines = piped(net)
    assert "(?, 1, 4, 4)" in lines[2]
    assert "(64, ?, 3, 3) (64)" in lines[3]
    assert "(64, 3, 3, 3) (64)" in lines[4]


def test_problems_are_told():
    odd = row("up")
    odd = replace(odd, target=ds.Target(odd.target.layer, problem="a kernel size is 0"), blobs=None)
    net = ds.InspectResult((odd,), net="a.prototxt", net_version="V2")
    assert "problem: up: a kernel size is 0" in piped(net)
    assert unfolded("up: a kernel size is 0") in unfolded(terminal(net, 40))


def test_no_rows_are_no_table():
    nothing = ds.InspectResult((), net="a.prototxt", net_version="V2")
    assert terminal(nothing, 80).split("\n") == [
        "a.prototxt  V2 net", "", "0 Deconvolution layers; no findings.", "",
    ]  # fmt: skip
    assert piped(nothing) == ["a.prototxt: V2 net", "0 Deconvolution layers; no findings."]


def test_a_group_that_divides_nothing_has_no_shape():
    odd = row("up", group=2)
    param = replace(odd.target.layer.convolution_param, group=2, num_output=21)
    layer = replace(odd.target.layer, convolution_param=param)
    odd = replace(odd, target=replace(odd.target, layer=layer, shape=None))
    net = ds.InspectResult((odd,), net="a.prototxt", net_version="V2")
    assert piped(net)[2].split() == ["up", "test+train", "?", "2", "4", "2", "0", "no"]


# --- check


def checked(*results, terminal=True):
    lines = shown(check_report(results, terminal=terminal)).split("\n")
    return [line.rstrip() for line in lines]


REPAIR = ds.Repair("give it bilinear weights", (ds.Step("apply", ("-p", "up")),))
BY_HAND = ds.Repair("name it in the net")
ZERO = ds.Finding("DS002", "its weights are all zero", 30, 3, "up", repair=REPAIR)
NAMELESS = ds.Finding("DS011", "the model has no 'up'", repair=BY_HAND)
PAIR = ds.CheckResult("a.prototxt", "a.caffemodel", (ZERO, NAMELESS), ("up",), "V2", "V1", 7)


def test_check_says_of_each_pair_what_it_is():
    assert checked(PAIR) == [
        "a.prototxt  V2 net  with a.caffemodel  V1 model, 7 bytes",
        "",
        "   30:3  DS002  up: its weights are all zero",
        "         DS011  the model has no 'up' → name it in the net",
        "",
        "1 error and 1 warning; 1 matched layer.",
        "",
    ]
    clean = ds.CheckResult("b.prototxt", None, (), ("up",), "V2")
    assert checked(clean)[0] == "b.prototxt  V2 net"  # alone it is named …
    alone = ds.CheckResult(None, "c.caffemodel", (ZERO,), ("up",), None, "hdf5", 8)
    first, *more = checked(alone, clean)
    assert first == "c.caffemodel  hdf5 model, 8 bytes"
    assert not any("b.prototxt" in line for line in more)  # … among others it is not
    lost = ds.CheckResult(
        "d.prototxt", "d.h5", error=ds.PrototxtError("is cut off", line=4, column=2)
    )
    assert checked(lost)[:3] == ["d.prototxt  with d.h5", "", "error  d.prototxt:4:2: is cut off"]


def test_a_finding_without_a_repair_says_so_in_no_format():
    bare = replace(PAIR, findings=(replace(ZERO, repair=None),))
    assert repair_line(bare.findings[0], "a", "b") is None
    (result,) = sarif_log([bare])["runs"][0]["results"]
    assert result["properties"] == {"numbers": {}}
    assert "repair: by hand" in checked(bare, terminal=False)[1]


def test_a_repair_that_needs_a_file_more_is_no_command():
    """To fill a layer takes a net; where a model stands alone there is none to name."""
    assert repair_line(ZERO, "a.prototxt", "a.caffemodel") == (
        "deconvsurgery apply -p up a.prototxt a.caffemodel a.mended.caffemodel"
    )
    assert repair_line(ZERO, None, "a.caffemodel") is None
    assert repair_lines([ZERO, NAMELESS], None, "a.caffemodel") == []


def test_a_net_that_is_no_file_has_no_name_in_a_workflow_command():
    line, _ = github_lines([replace(PAIR, net=None, model=None, findings=(ZERO,))])
    assert line.startswith("::error file=,line=30,col=3,title=DS002 ")


# --- patch-net, regroup, convert


def patched(*layers, **more):
    result = ds.PatchResult(layers, "a.prototxt", "b.prototxt", b"old", b"old", True)
    return replace(result, **more)


def test_patch_net_tells_whom_it_left_alone_and_whom_it_skipped():
    skipped = ds.LayerPatch("up", "Deconvolution", 4, "skipped", "its kernel is 3x5")
    others = tuple((f"up_{number}", "Convolution") for number in range(7))
    result = patched(skipped, left_alone=others, warnings=("odd",), notes=("read as latin-1",))
    left = "7 layers of another type fit: "
    left += ", ".join([*(f"up_{number} (Convolution)" for number in range(5)), "+2"])
    on_screen = shown(patch_report(result, dry_run=False, width=200, terminal=True))
    assert [line.rstrip() for line in on_screen.split("\n")][4:8] == [
        "skipped     up: its kernel is 3x5",
        "warning     odd",
        "note        a.prototxt: read as latin-1",
        f"left alone  {left}",
    ]
    in_pipe = shown(patch_report(result, dry_run=False, width=200, terminal=False))
    assert in_pipe.split("\n")[1:5] == [
        "up     4     -      -       -        skipped: its kernel is 3x5",
        "warning: odd",
        "note: a.prototxt: read as latin-1",
        f"left alone: {left}",
    ]


def test_a_diff_in_latin_1_is_shown_as_it_was_read():
    before, after = b"# na\xefve\nx: 1\n", b"# na\xefve\nx: 2\n"
    result = patched(before=before, after=after)
    assert shown(diff_page(result)).split("\n")[2:] == [
        "@@ -1,2 +1,2 @@", " # naïve", "-x: 1", "+x: 2", "",
    ]  # fmt: skip
    assert diff_bytes(result).split(b"\n")[3] == b" # na\xefve"


def test_regroup_tells_all_that_it_did_not_do():
    layers = tuple(ds.Layer(number, f"up_{number}", "Convolution") for number in range(6))
    kept = Kept(target(1, "up", group=21), "group is 21 already")
    result = ds.RegroupResult(
        Regrouping((), (kept,)), "a.prototxt", "a.caffemodel", None, None, 100, 100, False, False,
        layers, ("odd",), ("read as latin-1",),
    )  # fmt: skip
    lines = shown(regroup_report(result, width=200, terminal=False)).split("\n")
    named = ", ".join(f"up_{number} (Convolution)" for number in range(5))
    assert lines[2:] == [
        "note: up: group is 21 already",
        "warning: odd",
        "note: a.prototxt: read as latin-1",
        f"left alone: {named}, +1",
        "Nothing would change. Nothing was written.",
        "",
    ]
    change = Regroup(target(1, "up"), 21, 21, (21, 21, 4, 4), (21, 1, 4, 4))
    more = replace(result, regrouping=Regrouping((change,), ()), left_alone=layers[:1])
    for size, words in ((None, ""), (9, ": 100 → 9 bytes")):
        lines = shown(regroup_report(replace(more, output_size=size), width=200, terminal=False))
        assert "left alone: up_0 (Convolution)\n" in lines
        assert f"Would regroup 1 of 1 matched layer{words}. Nothing was written.\n" in lines
    same = replace(result, written=True, net_output="b.prototxt", output="b.caffemodel")
    assert regroup_words(same) == "Nothing had to change. Wrote b.prototxt and b.caffemodel."


# --- words


def test_a_name_of_wide_signs_is_cut_to_its_room():
    """Each takes two columns, so of an odd number one is left over."""
    assert shortened("名" * 20, 10) == "名名…名名"
    assert cell_len(shortened("名" * 20, 9)) <= 9


def test_a_kernel_by_the_stride_is_told():
    assert state_words(ds.Fingerprint(ds.State.BILINEAR, support=ds.Support.STRIDE)) == (
        "bilinear (support stride)"
    )


# --- kernel


def kernel_lines(facts) -> list[str]:
    console = Console(file=io.StringIO(), width=20, highlight=False)
    console.print(kernel_report(facts, width=20, terminal=False), soft_wrap=True)
    return console.file.getvalue().splitlines()


RING = [
    ". . . . 1 2 1 . . . .",
    ". . 2 7 9 9 9 7 2 . .",
    ". 2 9 8 4 3 4 8 9 2 .",
    ". 7 8 1 . . . 1 8 7 .",
    "1 9 4 . . . . . 4 9 1",
    "2 9 3 . . . . . 3 9 2",
    "1 9 4 . . . . . 4 9 1",
    ". 7 8 1 . . . 1 8 7 .",
    ". 2 9 8 4 3 4 8 9 2 .",
    ". . 2 7 9 9 9 7 2 . .",
    ". . . . 1 2 1 . . . .",
]
RING_ENLARGED = [
    ". 0 1 2 3 4 3 1 0 . .",
    "0 1 4 7 8 7 8 6 3 0 .",
    "1 4 8 5 3 2 4 7 7 2 .",
    "2 7 5 1 . . 0 2 7 5 0",
    "3 8 3 . . . . 1 5 7 1",
    "4 7 2 . . . . 1 4 7 1",
    "3 8 4 0 . . 0 1 6 6 1",
    "1 6 7 2 1 1 1 4 8 4 .",
    "0 3 7 7 5 4 6 8 6 1 .",
    ". 0 2 5 7 7 6 4 1 . .",
    ". . . 0 1 1 1 . . . .",
]


def test_kernel_page():
    assert kernel_lines(kernel_facts(4)) == [
        "kernel 4x4, stride 2x2, formula fcn, support kernel",
        "taps: 0.25  0.75  0.75  0.25",
        "values:",
        "0.0625  0.1875  0.1875  0.0625",
        "0.1875  0.5625  0.5625  0.1875",
        "0.1875  0.5625  0.5625  0.1875",
        "0.0625  0.1875  0.1875  0.0625",
        "picture:",
        "1 3 3 1",
        "3 9 9 3",
        "3 9 9 3",
        "1 3 3 1",
        "a step becomes: " + "  ".join([*14 * ["0"], "0.25", "0.75", *14 * ["1"]]),
        "a ramp becomes: " + "  ".join(f"{(2 * i + 1) / 60:.4g}" for i in range(30)),
        "a ring:",
        *RING,
        "enlarged:",
        *RING_ENLARGED,
        "1 digit of every 2 x 2 values",
        "centre: centred: mass at 1.5, true centre 1.5",
        "gain: interpolates at stride 2: 1  1  per phase",
        "recipe: for factor 2: kernel_size 4, stride 2, pad 1 (this kernel)",
    ]


def test_kernel_that_is_off_centre_and_does_not_interpolate():
    assert kernel_lines(kernel_facts(3, formula="caffe-1.0"))[-3:] == [
        "centre: off centre by +0.2857: mass at 1.286, true centre 1",
        "gain: does not interpolate at stride 2, a constant becomes a grid: 1  0.75  per phase",
        "recipe: for factor 2: kernel_size 4, stride 2, pad 1",
    ]
    assert kernel_lines(kernel_facts(2, stride=2))[-2] == (
        "gain: does not interpolate at stride 2, a constant is scaled: 0.5  0.5  per phase"
    )


def test_rectangular_kernel_has_a_line_an_axis():
    lines = kernel_lines(kernel_facts((4, 6)))
    assert lines[:3] == [
        "kernel 4x6, stride 2x3, formula fcn, support kernel",
        "height taps: 0.25  0.75  0.75  0.25",
        "width taps: 0.166667  0.5  0.833333  0.833333  0.5  0.166667",
    ]
    assert lines[-5:] == [
        "height centre: centred: mass at 1.5, true centre 1.5",
        "height gain: interpolates at stride 2: 1  1  per phase",
        "width centre: centred: mass at 2.5, true centre 2.5",
        "width gain: interpolates at stride 3: 1  1  1  per phase",
        "recipe: for factor 2x3: kernel_h 4, kernel_w 5, stride_h 2, stride_w 3, pad 1",
    ]


def test_support_follows_the_stride():
    lines = kernel_lines(kernel_facts(6, stride=2, support="stride"))
    assert lines[1] == "taps: 0  0.25  0.75  0.75  0.25  0"
    assert lines[-2] == "gain: interpolates at stride 2: 1  1  per phase"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("size", [1, 4, (3, 6), 16, 64, 300, (4,), (2, 2, 2)])
def test_kernel_page_fits_a_terminal(size, width):
    facts = kernel_facts(size)
    report = kernel_report(facts, width=width, terminal=True)
    text = Text.from_ansi(shown(report, width, color=True)).plain
    assert all(cell_len(line) <= width for line in text.splitlines())
    assert "▀" in text
    assert unfolded("kernel_size") in unfolded(text) or "kernel_h" in text
    assert len(text.splitlines()) < 100


def test_picture_is_digits_where_there_is_no_colour():
    text = shown(kernel_report(kernel_facts(4), width=80, terminal=True), 80)
    assert "\n1 3 3 1 " in text
    assert "▀" not in text


@pytest.mark.parametrize("size", [4, 16])
def test_a_usual_kernel_fits_one_screen(size):
    """Of 80 columns and 40 lines, three of them for the prompts."""
    text = shown(kernel_report(kernel_facts(size), width=80, terminal=True), 80, color=True)
    assert len(text.splitlines()) <= 37


def test_gains_are_drawn_where_they_are_not_1():
    page = shown(kernel_report(kernel_facts(4, stride=4), width=80, terminal=True), 80)
    assert "gain per phase" in page
    beside = [line[35:].strip() for line in page.splitlines()]
    gains = beside[beside.index("gain per phase") + 1 :][:6]
    assert gains == ["1 2 2 1", "2 5 5 2", "2 5 5 2", "1 2 2 1", "9 = 1", "gain 0.0625 to"]
    assert "gain per phase" not in shown(kernel_report(kernel_facts(4), width=80, terminal=True))


def test_what_a_kernel_makes_of_a_step_and_of_a_ramp():
    """A centred kernel that interpolates: from 0 to 1 within a stride; as straight as before."""
    lines = kernel_lines(kernel_facts(3, formula="caffe-1.0"))
    (step,) = [line for line in lines if line.startswith("a step becomes: ")]
    assert step.endswith(
        "  0  0.1875  0.5625  0.75  0.5625  0.75  0.5625  0.75" + 4 * "  0.5625  0.75" + "  0.5625"
    )
    page = shown(kernel_report(kernel_facts(8), width=80, terminal=True), 80)
    (bars,) = re.findall(r"a step becomes.*\n((?:.*\n){4})", page)
    # 60 outputs, of which every second is drawn: 0.125 and 0.625 of the four between 0 and 1.
    assert [line[:31].rstrip() for line in bars.splitlines()] == [
        16 * " " + 14 * "█",
        15 * " " + "▄" + 14 * "█",
        15 * " " + 15 * "█",
        14 * " " + "▄" + 15 * "█",
    ]


@pytest.mark.parametrize("size", [(5,), (3, 3, 3), 300])
def test_kernels_without_a_test_picture(size):
    """Of other than two axes, or beyond drawing."""
    lines = kernel_lines(kernel_facts(size))
    assert "picture:" in lines
    assert not [line for line in lines if "becomes" in line or "ring" in line]
    assert "its middle row" in shown(kernel_report(kernel_facts(size), width=80, terminal=True))


@pytest.mark.parametrize("size", [0, -1, (4, 0), 5000])
def test_kernels_that_nobody_has_are_refused(size):
    with pytest.raises(ds.ShapeError):
        kernel_facts(size)


@pytest.mark.parametrize("room", ["portrait", "report.words"])
def test_examples_in_docstrings(room):
    tested = doctest.testmod(importlib.import_module(f"deconvsurgery.{room}"))
    assert tested.failed == 0
    assert tested.attempted
