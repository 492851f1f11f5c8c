"""The page of ``inspect``; how it looks stands in ``__snapshots__/test_inspect.ambr``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

import deconvsurgery as ds
from deconvsurgery.report.finding_words import TONES
from deconvsurgery.report.inspect_rows import role_words
from deconvsurgery.report.phrases import NOTHING, PIPE, Medium, escaped
from deconvsurgery.report.terminal.check import check_report
from deconvsurgery.report.terminal.colours import STYLES
from deconvsurgery.report.terminal.inspect import inspect_report
from helpers.pages import WIDTHS, lines_in_pipe, shown, stripped, styled, unfolded, widest
from helpers.results import LayerRow, inspect_row, target
from helpers.words import numbers

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

BLACK, LEARNS = "all zero: black", "lr_mult is 1: it is learned"
INSPECTED = ds.InspectResult(
    layers=(
        inspect_row(
            "upscore2",
            weights=ds.Fingerprint(ds.WeightState.ZERO),
            findings=(ds.Finding("DS002", BLACK, line=30), ds.Finding("DS010", LEARNS, line=30)),
        ),
        inspect_row(
            "score",
            weights=ds.Fingerprint(ds.WeightState.NEAR_BILINEAR, distance=0.0123456),
            matched=False,
        ),
    ),
    net="val.prototxt",
    model="in.caffemodel",
    net_version="V2",
    model_version="V2",
    model_size=537963157,
    notes=("read so",),
)


def on_terminal(result: ds.InspectResult, width: int) -> str:
    page = inspect_report(result, Medium(width), every_layer=False)
    return shown(page, width)


def in_pipe(result: ds.InspectResult, *, every_layer: bool = False) -> list[str]:
    return lines_in_pipe(inspect_report(result, PIPE, every_layer=every_layer))


def cells(line: str) -> list[str]:
    """A line's cells: two spaces part them at least."""
    return re.split(r" {2,}", line.rstrip())


def of_net(*rows: LayerRow) -> ds.InspectResult:
    return ds.InspectResult(rows, net="a.prototxt", net_version="V2")


def test_inspect_in_a_pipe(snapshot: SnapshotAssertion) -> None:
    lines = in_pipe(INSPECTED)
    assert lines[0].startswith("val.prototxt: V2 ")
    assert lines[1].startswith("in.caffemodel: V2 ")
    assert numbers(lines[1].partition(": V2")[2]) == [537963157]
    heads = ["layer", "matched", "phase", "shape", "group", "kernel", "stride", "pad", "bias"]
    assert cells(lines[2]) == [*heads, "weights", "role"]
    geometry = ["test+train", "(21, 21, 4, 4)", "1", "4", "2", "0", "no"]
    assert cells(lines[3]) == ["upscore2", "yes", *geometry, "zero", "unknown"]
    *row, weights, role = cells(lines[4])
    assert role == "interpolation"
    assert row == ["score", "no", *geometry]
    assert weights.split()[:2] == ["near-bilinear,", "0.01235"]
    assert lines[5:8] == [
        "note: read so",
        f"val.prototxt:30: DS002 upscore2: {BLACK}",
        f"val.prototxt:30: DS010 upscore2: {LEARNS}",
    ]
    assert numbers(lines[8]) == [2, 1, 2, 1]  # layers, matched; findings in layers
    assert len(lines) == 9
    assert "\n".join(lines) == snapshot


@pytest.mark.parametrize("width", WIDTHS)
def test_inspect_on_a_terminal(width: int, snapshot: SnapshotAssertion) -> None:
    assert stripped(on_terminal(INSPECTED, width)) == snapshot


@pytest.mark.parametrize("width", WIDTHS)
def test_inspect_loses_nothing_at_any_width(width: int) -> None:
    text = on_terminal(INSPECTED, width)
    assert widest(text) <= width
    flat = unfolded(text)
    facts = (
        "val.prototxt", "test+train", "537,963,157", "upscore2", "zero", "score",
        "near-bilinear, 0.01235", "(21, 21, 4, 4)", "read so", f"{BLACK} (line 30)",
        f"{LEARNS} (line 30)", "DS002", "DS010", "matched",
    )  # fmt: skip
    for fact in facts:
        assert unfolded(fact) in flat


@pytest.mark.parametrize("width", range(1, 30))
def test_absurd_widths_do_not_crash(width: int) -> None:
    assert 0 < widest(on_terminal(INSPECTED, width)) <= width


@pytest.mark.parametrize("name", ["[up]", "[/up]", "\x1b[31mup\x07", "up\nup", "\u202eup", ""])
def test_evil_names_are_only_text(name: str) -> None:
    visible = escaped(name)
    result = INSPECTED._replace(layers=(INSPECTED.layers[0]._replace(name=name),))
    assert f"val.prototxt:30: DS002 {visible}: {BLACK}" in in_pipe(result)
    text = on_terminal(result, 80)
    assert visible in text
    assert all(char.isprintable() for char in text.replace("\n", ""))


def test_a_net_alone_has_no_weights_column(snapshot: SnapshotAssertion) -> None:
    guessed = target("upscore2", index=3, guess="as score_fr has")
    lines = in_pipe(
        of_net(inspect_row("upscore2", what=guessed), inspect_row("up8", phases=("TEST",)))
    )
    assert cells(lines[1]) == [
        "layer", "phase", "shape", "group", "kernel", "stride", "pad", "bias", "role",
    ]  # fmt: skip
    geometry = ["(21, 21, 4, 4)", "1", "4", "2", "0", "no"]
    assert cells(lines[2]) == ["upscore2", "test+train", *geometry, "unknown"]
    assert cells(lines[3]) == ["up8", "test", *geometry, "unknown"]
    assert lines[4] == "note: upscore2: as score_fr has"
    assert numbers(lines[5]) == [2]
    assert "\n".join(lines) == snapshot


def test_a_model_alone_has_its_own_shapes_and_no_phase(snapshot: SnapshotAssertion) -> None:
    up = inspect_row(
        "up",
        line=None,
        phases=(),
        weights=ds.Fingerprint(ds.WeightState.CONSTANT, value=1.0),
        findings=(ds.Finding("DS003", "all 1"),),
    )
    other = LayerRow("conv1", "Convolution", source_blobs=((64, 3, 3, 3), (64,)))
    model = ds.InspectResult((up, other), model="a.caffemodel", model_version="V1", model_size=1)
    lines = in_pipe(model, every_layer=True)
    assert lines[0].startswith("a.caffemodel: V1 ")
    assert cells(lines[1]) == [
        "layer", "type", "shape", "group", "kernel", "stride", "pad", "bias", "weights", "role",
    ]  # fmt: skip
    assert cells(lines[2]) == [
        "up", "Deconvolution", "(21, 21, 4, 4)", "1", "4", "2", "0", "no", "constant 1", "unknown",
    ]  # fmt: skip
    assert cells(lines[3]) == ["conv1", "Convolution", "(64, 3, 3, 3) (64)", *"-------"]
    assert lines[4] == "a.caffemodel: DS003 up: all 1"
    assert numbers(lines[5]) == [2, 1, 1, 1]
    assert "\n".join(lines) == snapshot


def test_shapes_are_told_as_far_as_they_are_known() -> None:
    known = inspect_row("up", what=target("up", group=21))
    unknown = known._replace(target=target("up", group=21)._replace(channels=None, shape=None))
    conv = LayerRow(
        "conv", "Convolution", line=1, phases=("TEST",), blobs=((64, None, 3, 3), (64,))
    )
    told = conv._replace(source_blobs=((64, 3, 3, 3), (64,)))
    lines = in_pipe(of_net(unknown, conv, told))
    assert [cells(line)[3] for line in lines[2:5]] == [
        "(?, 1, 4, 4)",
        "(64, ?, 3, 3) (64)",
        "(64, 3, 3, 3) (64)",
    ]


def test_a_group_that_divides_nothing_has_no_shape() -> None:
    known = target("up", index=3)
    layer = known.layer._replace(
        convolution_param=ds.ConvolutionParam(num_output=21, group=2, bias_term=False)
    )
    odd = inspect_row("up", what=known)
    odd = odd._replace(target=known._replace(layer=layer, shape=None))
    row = cells(in_pipe(of_net(odd))[2])
    assert row[:-1] == ["up", "test+train", "?", "2", "4", "2", "0", "no"]


def test_problems_are_told() -> None:
    odd = inspect_row("up")
    broken = ds.MatchedLayer(target("up").layer, problem="its kernel is 0")
    net = of_net(odd._replace(target=broken, blobs=None))
    assert "problem: up: its kernel is 0" in in_pipe(net)
    assert unfolded("up: its kernel is 0") in unfolded(on_terminal(net, 40))


def test_no_rows_are_no_table(snapshot: SnapshotAssertion) -> None:
    assert len(in_pipe(of_net())) == 2
    assert [in_pipe(of_net()), on_terminal(of_net(), 80).split("\n")] == snapshot


def test_what_many_layers_break_in_the_same_words_is_said_once() -> None:
    """With the names and the lines of all; in a pipe each has its own line, for grep."""
    result = of_net(
        *(
            inspect_row(f"up{number}", findings=(ds.Finding("DS002", BLACK, line=30 + number),))
            for number in range(5)
        )
    )
    page = " ".join(stripped(on_terminal(result, 100)).split())
    assert page.count(BLACK) == 1
    said = page.partition(BLACK)
    assert numbers(said[2])[:5] == [30, 31, 32, 33, 34]
    assert "up0" in said[0]
    assert "up4" in said[0]
    assert sum(BLACK in line for line in in_pipe(result)) == 5


@pytest.mark.parametrize("severity", ds.Severity)
def test_a_finding_has_the_colour_of_its_severity_in_every_report(severity: ds.Severity) -> None:
    finding = ds.Finding("DS011", "so", severity=severity)
    inspected = inspect_report(
        of_net(inspect_row("up", findings=(finding,))), Medium(200), every_layer=False
    )
    checked = check_report([ds.CheckResult("a", None, findings=(finding,))], Medium(200))
    styles = [
        style
        for report in (inspected, checked)
        for style, said in styled(report)
        if said == "DS011"
    ]
    assert styles == [STYLES[TONES[severity]]] * 2


def test_what_a_layer_is_for_where_that_is_not_known() -> None:
    row = inspect_row("up")
    assert role_words(row) != NOTHING
    assert role_words(type(row)("up", "Deconvolution")) == NOTHING
