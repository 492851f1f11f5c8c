"""Rows as lines: what was written is read again; what anybody wrote can be counted and shown."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import deconvsurgery as ds
from deconvsurgery.inputs.settings import Pair
from deconvsurgery.strict_values.kinds import LONGEST_PATH, WrongValueError
from deconvsurgery.sweeping.result_rows import LONGEST_TEXT, PairRow, RowOutcome, Summary, failed
from deconvsurgery.sweeping.row_lines import LONGEST_ROW, is_cut_row, read_row, written

ROW = PairRow("a", None, "out/a", None, "apply", "0", RowOutcome.DONE, seal="ab", result={})
ERROR = {"kind": "FileError", "message": "gone"}
WHOLE = json.loads(written(ROW))

TEXTS = st.text() | st.just("\udcff")  # a byte that is no UTF-8
PATHS = TEXTS.filter(lambda path: "\0" not in path)
WORDS = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1)


def line(**told: Any) -> bytes:
    """The row with other values in it."""
    return json.dumps({**WHOLE, **told}).encode()


def read(data: bytes) -> PairRow:
    return read_row(data, never=RowOutcome.BEGUN)


@given(
    st.builds(
        lambda *given, **more: PairRow(*given, **more),  # by its fields it would be given all
        PATHS,
        st.none() | PATHS,
        st.none() | PATHS,
        st.none(),
        WORDS,
        WORDS,
        st.sampled_from([RowOutcome.DONE, RowOutcome.FOUND]),
        seal=st.none() | WORDS,
        inputs=st.dictionaries(TEXTS, TEXTS, max_size=4),
        result=st.none() | st.dictionaries(TEXTS, st.integers(0, 1 << 62) | TEXTS),
        warnings=st.lists(TEXTS).map(tuple),
        seconds=st.floats(0, 1e6),
        requests=st.integers(0, 1 << 40),
    )
)
def test_a_row_is_read_as_it_was_written(given_row: PairRow) -> None:
    data = written(given_row)
    assert data.count(b"\n") == 1
    assert read(data) == given_row
    assert written(read(data)) == data
    verb = data.index(b', "verb": ') + len(b', "verb": ')
    for cut in range(1, len(data) - 2, 7):
        with pytest.raises(WrongValueError):
            read(data[:cut])
        assert is_cut_row(data[:cut], alone=False)
        assert is_cut_row(data[:cut], alone=True) is (cut >= verb)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"3",
        b"{}",
        b'{"net": "a"}',
        b'{"net": "a", "outcome": "lost", "warnings": []}',
        b'{"net": "a", "outcome": "done", "warnings": 3}',
        b"\xff",
        b"\xef\xbb\xbf" + line(),
        line()[:-1],
        line() + line(),
        line()[:-1] + b', "net": "a"}',
        line()[:-1] + b', "a\nb": 3}',
        line()[:-1] + b', "a\0b": 3}',
        b"[" * 100_000,
        b" " * LONGEST_ROW + line(),
    ],
    ids=range(17),
)
def test_what_is_no_row(data: bytes) -> None:
    with pytest.raises(WrongValueError) as caught:
        read(data)
    assert len(str(caught.value)) < 200


def nested(depth: int) -> Any:
    return [nested(depth - 1)] if depth else []


WRONG: dict[str, list[Any]] = {
    "net": [3, True, ["a"], "a\0b", "x" * (LONGEST_PATH + 1), "\ud800", "\udcc3\udca9"],
    "seal": [[], "", "\udcff", "\ud800", "a\0b", "\x1b[31m", "x" * 201, "x" * 10_000_000],
    "key": ["é", 3],
    "verb": [None, "", "\n"],
    "version": [None, "x" * 100],
    "outcome": [None, "lost", "begun", "failed", ["done"], 3, {}],
    "inputs": [None, {"a": 1}, {"a": "x" * 20_000}, {str(each): "" for each in range(17)}],
    "outputs": [[], {"a": None}],
    "result": [
        *("good", [], nested(900), {"a": nested(120)}, {"a": float("nan")}, {"a": "\ud800"}),
        *({"findings": 3}, {"findings": [{}]}, {"findings": [{"rule": 3}]}),
        *({"findings": [{"rule": each}]} for each in ("", "DS1", "DS001\n", "ds001", "DS0010")),
        {"a": int("9" * 1000)},
    ],
    "error": [[], {}, "gone", ERROR, {"message": "gone"}, {"kind": "FileError"}],
    "warnings": [3, "no", [3], [None], ["x" * (LONGEST_TEXT + 1)], ["a"] * 10_001],
    "attempts": ["one", True, False, -1, 0.5, 1 << 63, int("9" * 1000), None],
    "seconds": [None, True, -1, 1e300, float("nan"), float("inf"), float("-inf"), "1", 1 << 70],
    "bytes_read": [0.5, True, -1, 1 << 64],
    "requests": [None, False],
}


@pytest.mark.parametrize("name", WRONG)
def test_a_row_that_nobody_wrote_so(name: str) -> None:
    assert read(line()) == ROW
    for value in WRONG[name]:
        with pytest.raises(WrongValueError) as caught:
            read(line(**{name: value}))
        assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "digits",
    ["9" * 6000, "1e999", "-1e999", "NaN", "Infinity", "0x10", "01", "1_0", "1." + "0" * 999],
)
def test_numbers_that_are_none(digits: str) -> None:
    data = line().replace(b'"seconds": 0.0', f'"seconds": {digits}'.encode())
    with pytest.raises(WrongValueError):
        read(data)


FAILED = {"outcome": "failed", "seal": None, "result": None, "error": ERROR}


@pytest.mark.parametrize(
    ("told", "never", "right"),
    [
        (FAILED, RowOutcome.BEGUN, True),
        (FAILED, RowOutcome.FAILED, False),
        (FAILED | {"seal": "ab"}, RowOutcome.BEGUN, False),
        (FAILED | {"error": None}, RowOutcome.BEGUN, False),
        (FAILED | {"error": {**ERROR, "line": 0}}, RowOutcome.BEGUN, False),
        (FAILED | {"error": {**ERROR, "offset": -1}}, RowOutcome.BEGUN, False),
        (FAILED | {"error": {**ERROR, "hint": 3}}, RowOutcome.BEGUN, False),
        (FAILED | {"error": {**ERROR, "kind": "\udcff"}}, RowOutcome.BEGUN, False),
        ({"outcome": "begun", "seal": None}, RowOutcome.FAILED, True),
        ({"outcome": "begun", "seal": None}, RowOutcome.BEGUN, False),
        ({"outcome": "begun"}, RowOutcome.FAILED, False),
        ({"error": ERROR}, RowOutcome.FAILED, False),
        (
            {"outcome": "found", "result": {"findings": [{"rule": "DS999"}]}},
            RowOutcome.BEGUN,
            True,
        ),
    ],
)
def test_what_goes_together(told: dict[str, Any], never: RowOutcome, right: bool) -> None:
    if right:
        Summary().add(read_row(line(**told), never=never))
        return
    with pytest.raises(WrongValueError):
        read_row(line(**told), never=never)


def test_an_error_has_all_its_fields_whoever_wrote_it() -> None:
    found = read(line(**FAILED)).error
    assert found is not None
    assert found == {**dict.fromkeys(found), **ERROR}
    assert [*found] == ["kind", "message", "hint", "file", "layer", "line", "column", "offset"]


def test_a_later_version_may_say_more() -> None:
    assert read(line(mood="good")) == ROW


# --- what is written can be read again


def test_what_is_too_long_for_a_row_is_cut() -> None:
    error = ds.ModelError("m" * 10**6, layer="n" * 10**6, hint="h" * 10**6, path="p" * 10**6)
    row = failed(Pair("a"), "apply", "0", error)
    assert read(written(row)) == row
    findings = [{"rule": "DS001", "layer": "x" * 1000, "line": each} for each in range(10_000)]
    findings[7_777]["rule"] = "DS002"
    row = PairRow(
        *("a", None, None, None, "check", "0", RowOutcome.FOUND),
        result={"matched": 3, "findings": findings},
        warnings=("w" * 10**5,) * 100,
    )
    data = written(row)
    assert len(data) <= LONGEST_ROW
    found = read(data)
    assert found.result is not None
    assert found.result["matched"] == 3
    assert found.rules == ("DS001",) * 1000 + ("DS002",)
    assert found.result["left_out"] == {"findings": 8_999}
    assert {len(each) for each in found.warnings} == {LONGEST_TEXT}


def test_the_worst_row_of_all_can_be_read_again() -> None:
    """Every text as long as it may be, of signs that take six bytes each."""
    wide = "\x01"
    path, text = wide * LONGEST_PATH, wide * LONGEST_TEXT
    layers = [{"name": text[:200], "action": "created"}] * 1_100
    findings = [{"rule": "DS001", "layer": text[:200]}] * 1_100
    row = PairRow(
        *(path, path[3:], path[1:], path[2:], "apply", "0", RowOutcome.DONE),
        inputs={path: "", path[3:]: ""},
        outputs={path[1:]: "", path[2:]: ""},
        result={"layers": layers, "findings": findings},
        warnings=(text,) * 20,
    )
    found = read(written(row))
    assert found._replace(result=row.result, warnings=row.warnings) == row


def test_half_a_surrogate_pair_in_a_message_ends_nothing() -> None:
    row = failed(Pair("a\udcff"), "apply", "0", ds.FileError("no \ud800 \udc00\udcff"))
    found = read(written(row))
    assert found.net == "a\udcff"
    assert (found.error or {})["message"] == "no \ufffd \ufffd\udcff"
