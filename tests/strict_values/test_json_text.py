"""JSON from strangers: what Python's reader takes and what could not be written again, refused."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deconvsurgery.strict_values.json_text import DEEPEST, json_value
from deconvsurgery.strict_values.kinds import WrongValueError

LONGEST = 1 << 20
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
    .filter(lambda number: abs(number) < 1e308) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)  # fmt: skip


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


@given(VALUES, st.booleans())
def test_what_json_can_hold_is_read_as_python_reads_it(value: Any, ascii_only: bool) -> None:
    data = json.dumps(value, ensure_ascii=ascii_only).encode()
    for any_bytes in (False, True):
        assert json_value(data, longest=LONGEST, any_bytes=any_bytes) == value


@given(st.binary())
def test_names_of_files_are_kept_whatever_their_bytes(name: bytes) -> None:
    data = json.dumps(os.fsdecode(name), ensure_ascii=False).encode("utf-8", "surrogateescape")
    assert os.fsencode(json_value(data, longest=LONGEST, any_bytes=True)) == name


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"", "at byte 0"),
        (b"{", "at byte 1"),
        ('["é" 1]'.encode(), "at byte 6"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        ("{}".encode("utf-16"), "byte order mark"),
        (b'["\xff"]', "UTF-8 at byte 2"),
        (b"[NaN]", "NaN"),
        (b"-Infinity", "-Infinity"),
        (b"1e999", "1e999"),
        (b"9" * 21, "21"),
        (b"9" * 6000, "6,000"),
        (b"1." + b"3" * 100_000, "100,002"),
        (b'{"a": 1, "b": 2, "a": 1}', "'a'"),
        (b'[{"a": {"b": 1, "b": 2}}]', "'b'"),
        (rb'["\ud800"]', "ud800"),
        (rb'{"\udfff": 1}', "udfff"),
        (rb'["\uDCFF"]', "udcff"),
        (nested(DEEPEST + 1), str(DEEPEST)),
        (nested(900), str(DEEPEST)),
        (nested(100_000), str(DEEPEST)),
        (b'["a\nb"]', "at byte 3"),
        (b'["\0"]', "at byte 2"),
        (b'"' + b"x" * LONGEST + b'"', f"{LONGEST:,}"),
        (b"'" + b"x" * 1000 + b"'", "at byte 0"),
    ],
)
def test_what_is_refused(data: bytes, part: str) -> None:
    with pytest.raises(WrongValueError) as caught:
        json_value(data, longest=LONGEST)
    assert part in str(caught.value)
    assert len(str(caught.value)) < 150


def test_what_is_just_allowed() -> None:
    json_value(nested(DEEPEST), longest=2 * DEEPEST)
    assert json_value(b"9" * 20, longest=20) == int("9" * 20)
    assert json_value(rb'"\ud83d\ude00"', longest=20) == "\U0001f600"
    assert json_value(rb'"\u0000"', longest=20) == "\0"
    assert json_value(b'"\xff"', longest=3, any_bytes=True) == "\udcff"
    assert json_value(rb'"\udcff"', longest=8, any_bytes=True) == "\udcff"


@pytest.mark.parametrize("data", [rb'"\ud800"', rb'"\udcc3\udca9"', b'["\\udcc3\xa9"]'])
def test_bytes_that_would_be_others_when_written(data: bytes) -> None:
    """Escaped bytes that make a character of UTF-8 would come back as that."""
    with pytest.raises(WrongValueError):
        json_value(data, longest=LONGEST, any_bytes=True)


def test_pythons_own_limit_of_digits_does_not_matter() -> None:
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        with pytest.raises(WrongValueError):
            json_value(b"9" * 1_000_000, longest=LONGEST)
    finally:
        sys.set_int_max_str_digits(before)
