"""The page of ``apply`` as a reader has it: on a terminal of any width, and in a pipe.

How a page looks stands in ``__snapshots__/test_apply.ambr``, its facts here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import deconvsurgery as ds
from deconvsurgery.report.apply_rows import closing_words
from deconvsurgery.report.phrases import PIPE, Medium, escaped
from deconvsurgery.report.terminal.apply import apply_report
from helpers.pages import WIDTHS, lines_in_pipe, shown, stripped, styled, unfolded, widest
from helpers.results import BiasFill, apply_result, change, target
from helpers.words import numbers

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

UPSCORE2 = change(target("upscore2"))
POOL4 = change(
    target("upscore_pool4", index=2),
    action=ds.ApplyAction.CREATED,
    before=ds.WeightState.MISSING,
    values_changed=7056,
    warnings=("no such layer, but 'upscore_pool_4'",),
)
UPSCORE8 = change(
    target("upscore8", index=3, kernel=(16, 16), stride=(8, 8)),
    action=ds.ApplyAction.UNCHANGED,
    before=ds.WeightState.BILINEAR,
    max_abs_change=0.0,
    values_changed=0,
)
SKIPPED = ds.ApplySkip(
    target("up_nearest", index=4, channels=64, kernel=(2, 2), group=64),
    before=ds.Fingerprint(ds.WeightState.NEAREST),
    reason="kernel 2x2 = stride, all ones",
)
OFF_DIAGONAL = change(
    target("up_odd", index=5, channels=3, kernel=(4, 6), stride=(2, 3), pad=(1, 1), group=3),
    before=ds.WeightState.BILINEAR_OFF_DIAGONAL,
    max_abs_change=1.23456e-07,
    values_changed=12,
)
FULL = apply_result(UPSCORE2, POOL4, UPSCORE8, SKIPPED, OFF_DIAGONAL)


def on_terminal(result: ds.ApplyResult, width: int) -> str:
    return shown(apply_report(result, Medium(width)), width)


def in_pipe(result: ds.ApplyResult) -> list[str]:
    return lines_in_pipe(apply_report(result, PIPE))


def cells(line: str) -> list[str]:
    """A line's cells: two spaces part them at least."""
    return re.split(r" {2,}", line.rstrip())


# --- its layout


def test_apply_in_a_pipe_is_a_line_a_layer(snapshot: SnapshotAssertion) -> None:
    lines = in_pipe(apply_result(UPSCORE2, POOL4, SKIPPED))
    upscore2, pool4, nearest = (cells(line) for line in lines[1:4])
    kind, square = "Deconvolution", "(21, 21, 4, 4)"
    assert upscore2 == [
        *("upscore2", kind, square, "1", "4", "2", "0"),
        *("zero", "→ bilinear", "0.5625", "336/7,056", "rewritten"),
    ]
    assert pool4 == [
        *("upscore_pool4", kind, square, "1", "4", "2", "0"),
        *("missing", "→ bilinear", "0.5625", "7,056/7,056", "created"),
    ]
    *row, action = nearest
    assert row == [
        *("up_nearest", kind, "(64, 1, 2, 2)", "64", "2", "2", "0"),
        *("nearest", "-", "-", "0/256"),
    ]
    assert action == f"{ds.ApplyAction.SKIPPED}: {SKIPPED.reason}"
    assert lines[4] == f"warning: upscore_pool4: {POOL4.warnings[0]}"
    assert len(lines) == 6
    assert "\n".join(lines) == snapshot


@pytest.mark.parametrize("width", WIDTHS)
def test_apply_on_a_terminal_takes_as_many_lines_a_layer_as_it_must(
    width: int, snapshot: SnapshotAssertion
) -> None:
    text = stripped(on_terminal(FULL, width))
    assert widest(text) <= width
    assert text == snapshot


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_lost_at_any_width(width: int) -> None:
    text = on_terminal(FULL, width)
    assert widest(text) <= width
    flat = unfolded(text)
    for each in FULL.plan.layers:
        assert each.target.layer.name in text
        assert each.before is not None
        assert str(each.before.state) in text
    facts = (
        "Deconvolution", "(21, 21, 16, 16)", "(3, 1, 4, 6)", "4x6", "2x3", "1.235e-07", "12/72",
        "336/7,056", "0/112,896", "rewritten", "created", "unchanged", "skipped", "→ bilinear",
        SKIPPED.reason, POOL4.warnings[0], "out.caffemodel",
    )  # fmt: skip
    for fact in facts:
        assert unfolded(fact) in flat


def test_wide_terminals_have_a_line_a_layer() -> None:
    lines = on_terminal(FULL, 200).splitlines()
    line = next(line for line in lines if line.startswith("upscore2"))
    assert cells(line) == [
        "upscore2", "Deconvolution", "(21, 21, 4, 4)", "1", "4", "2", "0", "zero", "→ bilinear",
        "0.5625", "336/7,056", "rewritten",
    ]  # fmt: skip


@pytest.mark.parametrize("width", range(1, 30))
def test_absurd_widths_do_not_crash(width: int) -> None:
    assert 0 < widest(on_terminal(FULL, width)) <= width


def test_colours_have_a_meaning() -> None:
    """Green is right, red is wrong; what changed is bold, what did not change is dim."""
    named = {row.target.layer.name for row in FULL.plan.layers}
    styles: dict[str, set[str]] = {}
    for style, said in styled(apply_report(FULL, Medium(200))):
        styles.setdefault(said, set()).add(style)
    assert {name: styles[name] for name in named} == {name: {"bold"} for name in named}
    assert {said: styles[said] for said in STATES_AND_ACTIONS} == {
        "zero": {"red"},
        "missing": {"red"},
        "bilinear": {"green"},
        "→ bilinear": {"green"},
        "nearest": {"turquoise4"},
        "bilinear-off-diagonal": {"dark_orange3"},
        "rewritten": {"bold turquoise4"},
        "created": {"bold green"},
        "unchanged": {"dim"},
        "skipped": {"dark_orange3"},
    }
    colored = shown(apply_report(FULL, Medium(200)), color=True)
    assert "\x1b[31mzero" in colored
    plain = apply_report(FULL, PIPE)
    assert "\x1b" not in "".join(plain.plain().lines)


STATES_AND_ACTIONS = (
    *("zero", "missing", "bilinear", "→ bilinear", "nearest", "bilinear-off-diagonal"),
    *("rewritten", "created", "unchanged", "skipped"),
)


# --- what is said below the table


def test_bias_file_warnings_and_other_types_are_told(snapshot: SnapshotAssertion) -> None:
    biased = UPSCORE2._replace(bias=BiasFill(21, 0.0, True), values_changed=0)
    others = tuple(ds.Layer(index, f"up{index}", "Crop") for index in range(7))
    result = apply_result(biased, left_alone=others, warnings=("odd",), notes=("read so",))
    bias, warning, note, left = in_pipe(result)[2:6]
    assert bias.startswith("note: upscore2: ")
    assert numbers(bias.partition("upscore2")[2]) == [21, 0]
    assert (warning, note) == ("warning: odd", "note: val.prototxt: read so")
    assert re.findall(r"up\d \(Crop\)", left) == [f"up{index} (Crop)" for index in range(5)]
    assert numbers(left.partition("(Crop)")[0].rpartition(" up")[0]) == [7]
    assert left.endswith(", +2")
    assert [bias, left] == snapshot


def test_one_layer_of_another_type_is_told(snapshot: SnapshotAssertion) -> None:
    left = in_pipe(apply_result(UPSCORE2, left_alone=(ds.Layer(7, "up7", "Crop"),)))[2]
    assert left.endswith(" up7 (Crop)")
    assert left == snapshot


def test_a_value_that_was_no_number_has_no_difference() -> None:
    row = in_pipe(apply_result(UPSCORE2._replace(max_abs_change=None)))[1]
    assert cells(row)[-3:] == ["NaN", "336/7,056", "rewritten"]


def unwritten(*rows: ds.ApplyChange | ds.ApplySkip) -> ds.ApplyResult:
    return apply_result(*rows, output=None, written=False)


def in_place(*rows: ds.ApplyChange | ds.ApplySkip) -> ds.ApplyResult:
    return apply_result(*rows, output="in.caffemodel")


# The result; the numbers of the sentence: layers by action, of matched, bytes, of bytes.
BYTES = [28224, 537963157]
CLOSING: dict[str, tuple[ds.ApplyResult, list[int]]] = {
    "one": (apply_result(UPSCORE2), [1, 1, *BYTES]),
    "with a patch": (apply_result(UPSCORE2, patch="p.undo"), [1, 1, *BYTES]),
    "size unknown": (apply_result(UPSCORE2, output_size=None), [1, 1, 28224]),
    "dry run": (unwritten(UPSCORE2, POOL4), [1, 1, 2, *BYTES]),
    "in place": (in_place(POOL4), [1, 1, *BYTES]),
    "standard output": (apply_result(UPSCORE2, output="-"), [1, 1, *BYTES]),
    "right already": (apply_result(UPSCORE8), []),
    "right already, in place": (in_place(UPSCORE8), []),
    "right already, dry run": (unwritten(UPSCORE8), []),
    "no match": (apply_result(), []),
    "skipped": (apply_result(SKIPPED), []),
    "all skipped": (apply_result(SKIPPED, SKIPPED), [2]),
    "all skipped, dry run": (unwritten(SKIPPED, SKIPPED), [2]),
}


@pytest.mark.parametrize("case", CLOSING)
def test_closing_words(case: str, snapshot: SnapshotAssertion) -> None:
    result, facts = CLOSING[case]
    said = closing_words(result)
    assert numbers(said) == facts
    if result.output not in (None, "-"):
        assert str(result.output) in said
    if result.patch:
        assert result.patch in said
    assert in_pipe(result)[-1] == said
    assert said == snapshot


# --- names are user data

EVIL = ["[up]", "[/up]", "[bold red]up[/]", "\x1b[31mup\x07", "up\nup", "\u202eup", ":smile:", ""]


def named(name: str) -> ds.ApplyResult:
    what = target(name, kind=name)
    warned = change(what, warnings=(f"it is a {name}",))
    return apply_result(warned, left_alone=(what.layer,))


@pytest.mark.parametrize("name", EVIL)
def test_evil_names_are_only_text(name: str) -> None:
    visible = escaped(name)
    assert visible.isprintable()
    lines = in_pipe(named(name))
    assert len(lines) == 5
    assert re.match(rf"{re.escape(visible)} +{re.escape(visible)} +\(21, 21, 4, 4\) ", lines[1])
    for width in WIDTHS:
        text = on_terminal(named(name), width)
        assert visible in text
        assert all(char.isprintable() for char in text.replace("\n", ""))


def test_names_of_a_megabyte_are_whole_in_a_pipe_and_short_on_a_terminal() -> None:
    name = "up" + "x" * 1_000_000 + "end"
    lines = in_pipe(apply_result(UPSCORE2, *named(name).plan.changes))
    assert lines[2].startswith(f"{name}  {name}  (21, 21, 4, 4)")
    assert len(lines[1]) < 1000
    for width in WIDTHS:
        text = on_terminal(named(name), width)
        assert len(text) < 10_000
        assert "end" in text


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=80), st.sampled_from(WIDTHS))
def test_any_name_keeps_the_page_whole(name: str, width: int) -> None:
    text = on_terminal(named(name), width)
    assert widest(text) <= width
    assert unfolded("336/7,056") in unfolded(text)
    assert len(in_pipe(named(name))) == 5
