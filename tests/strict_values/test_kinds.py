"""What a value may be: each kind takes what is of it, and says in a line what is wrong."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import pytest
from jsonschema import Draft7Validator

from deconvsurgery.strict_values.kinds import (
    FLAG,
    LONGEST_PATH,
    ValueKind,
    WrongValueError,
    list_of,
    number,
    one_of,
    or_none,
    path,
    said,
    table,
    table_of,
    text,
    whole,
    word,
)

TABLE = table({"net": path(), "level": whole(-9, 9), "list": list_of(text(9), 2)}, needed=("net",))


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        (text(3), ["", "abc"], ["abcd", 1, None, b"a", ["a"]]),
        (path(), ["a", "x" * LONGEST_PATH], ["", "x" * (LONGEST_PATH + 1), 3]),
        (path(empty=True), [""], [None]),
        (word(3), ["a", "1 b"], ["", "abcd", "é", "\0", "\x1b[", "\ud800", None]),
        (one_of("train", "test"), ["train"], ["TRAIN", "", 0, None, [], {}]),
        (whole(1, 20), [1, 20], [0, 21, 1.0, True, "1", 10**6000, -(10**6000), None]),
        (number(0, 10), [0, 10, 0.5], [-1, 10.5, math.nan, math.inf, False, "0", 10**6000]),
        (FLAG, [True, False], [0, 1, None, "true"]),
        (or_none(FLAG), [None, True], [0]),
        (list_of(whole(0, 3), 2), [[], [1, 2]], [[1, 2, 3], [4], [True], "ab", {}, None]),
        (table_of(text(3), 2), [{}, {"a": "b"}], [{"a": 1}, {"a": "", "b": "", "c": ""}, []]),
        (
            TABLE,
            [{"net": "a"}, {"net": "a", "level": -9, "list": ["b"]}],
            [{}, {"net": "a", "nett": "b"}, {"net": "a", "level": 10}, [], "net", None],
        ),
    ],
)
def test_kinds(kind: ValueKind[Any], right: list[Any], wrong: list[Any]) -> None:
    for value in right:
        found = kind.take(value)
        assert found == (tuple(value) if isinstance(value, list) else found)
        assert Draft7Validator(kind.schema).is_valid(value)
    for value in wrong:
        with pytest.raises(WrongValueError) as caught:
            kind.take(value, "pairs[3].key")
        assert str(caught.value).startswith("pairs[3].key")
        assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"net": 3}, "net"),
        ({"net": "a", "level": "b"}, "level"),
        ({"net": "a", "list": ["b", 4]}, "list[1]"),
        ({}, ""),
    ],
)
def test_where_it_is_wrong(value: Any, place: str) -> None:
    with pytest.raises(WrongValueError) as caught:
        TABLE.take(value)
    assert caught.value.place == place
    with pytest.raises(WrongValueError) as caught:
        table_of(TABLE, 3).take({"a b": value})
    assert caught.value.place == (f"'a b'.{place}" if place else "'a b'")


def test_others_are_passed_over_where_that_is_said() -> None:
    kind = table({"net": text(9)}, others=True)
    assert kind.take({"net": "a", "mood": "good"}) == {"net": "a"}


def test_keys_are_quoted_in_short() -> None:
    long = "k" * 10_000_000
    for value in ({long: 1, "net": "a"}, {"net": long}):
        with pytest.raises(WrongValueError) as caught:
            TABLE.take(value)
        assert len(str(caught.value)) < 200
    with pytest.raises(WrongValueError) as caught:
        table_of(FLAG, 1).take({long: 1})
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "value",
    [
        "x" * 10**7,
        "\udcff" * 99,
        "\ud800\x1b[31m\n",
        10**6000,
        [[]] * 1000,
        {"a": {}},
        1e300,
        date(2026, 1, 2),
    ],
    ids=["long", "escaped", "odd", "large", "list", "table", "float", "date"],
)
def test_a_value_in_a_message(value: object) -> None:
    assert len(said(value)) < 80
    assert said(value).isprintable()
