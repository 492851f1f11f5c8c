"""The scanner: every field with its place, and an error that says where and what next."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

import deconvsurgery as ds
from deconvsurgery.prototxt.tokens import (
    MAX_DEPTH,
    Text,
    TextField,
    scan,
)
from helpers.words import Words, names, numbers


def scanned(characters: str) -> list[TextField]:
    return scan(Text(characters))


def refused(characters: str) -> ds.PrototxtError:
    with pytest.raises(ds.PrototxtError) as raised:
        scanned(characters)
    return raised.value


def shape(fields: list[TextField]) -> list[object]:
    """Names and values alone, nested as the text is."""
    return [
        (field.name, [shape(body) for body in field.children])
        if field.children is not None
        else (field.name, ["".join(token.text for token in scalar) for scalar in field.scalars])
        for field in fields
    ]


@pytest.mark.parametrize(
    ("characters", "fields"),
    [
        ("", []),
        ("# only a comment", []),
        ("a: 1", [("a", ["1"])]),
        ("a: -1 b: - 1", [("a", ["-1"]), ("b", ["-1"])]),
        ("a: -inf", [("a", ["-inf"])]),
        ("a: 1; b: 2, c: 3", [("a", ["1"]), ("b", ["2"]), ("c", ["3"])]),
        ("a { b: 1 }", [("a", [[("b", ["1"])]])]),
        ("a: < b: 1 >", [("a", [[("b", ["1"])]])]),
        ("a {} a {}", [("a", [[]]), ("a", [[]])]),
        ("a: [1, 2]", [("a", ["1", "2"])]),
        ("a: []", [("a", [])]),
        ("a: [{b: 1}, <>]", [("a", [[("b", ["1"])], []])]),
        ("a [{b: 1}, <>]", [("a", [[("b", ["1"])], []])]),
        ("a[]", [("a", [])]),
        ('a: "x" \'y\'\n"z"', [("a", ['"x"\'y\'"z"'])]),
        (r'a: "\"}" b: 1', [("a", [r'"\"}"']), ("b", ["1"])]),
        ('a: "# no comment" # b: 1', [("a", ['"# no comment"'])]),
        ('name:"n"layer{', None),
        ('name:"n"layer{}', [("name", ['"n"']), ("layer", [[]])]),
        (
            "a:1e-3F b:.5 c:1. d:0x1F",
            [("a", ["1e-3F"]), ("b", [".5"]), ("c", ["1."]), ("d", ["0x1F"])],
        ),
        ("\ta\f:\v1\r\n", [("a", ["1"])]),
    ],
)
def test_the_tree(characters: str, fields: list[object] | None) -> None:
    if fields is None:
        assert refused(characters).hint
    else:
        assert shape(scanned(characters)) == fields


def test_every_field_knows_its_place() -> None:
    characters = 'name: "n" ;\nlayer {\n  pad: [1, 2],\n}\n'
    name, layer = scanned(characters)
    (pad,) = layer.children[0] if layer.children else ()
    assert characters[name.start : name.stop] == 'name: "n"'
    assert characters[name.start : name.end] == 'name: "n" ;'
    assert characters[layer.start : layer.stop] == "layer {\n  pad: [1, 2],\n}"
    assert characters[pad.start : pad.stop] == "pad: [1, 2]"
    assert characters[pad.start : pad.end] == "pad: [1, 2],"
    assert [characters[a.start : a.stop] for (a,) in pad.scalars] == ["1", "2"]


@given(st.lists(st.sampled_from("ab\n"), max_size=30).map("".join), st.data())
def test_places_count_lines_and_columns_from_one(characters: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(characters)))
    before = characters[:offset].split("\n")
    assert Text(characters).place(offset) == (len(before), len(before[-1]) + 1)


# --- errors

ERRORS = {
    "// c": (1, 1),
    "a: 1 /* c */": (1, 6),
    "a: 1;;": (1, 6),
    ";a: 1": (1, 1),
    "a: 1\n  b 2": (2, 5),
    "a [1, 2]": (1, 3),
    "a: [1, 2,]": (1, 10),
    "a: [1 2]": (1, 7),
    "a: ": (1, 4),
    "a < b: 1 }": (1, 10),
    "a { b: 1 }}": (1, 11),
    "a {\n b {\n }\n": (4, 1),
    'a: "x': (1, 4),
    'a: "x\ny"': (1, 4),
    "a: 'x\"": (1, 4),
    "[ext.name]: 1": (1, 1),
    "1: 2": (1, 1),
    "pad: 1dim: 2": (1, 10),
    "name: é": (1, 7),
    "a: \\": (1, 4),
    "a: \0": (1, 4),
    "num: ${CLASSES}": (1, 6),
    "num: {{ classes }}": (1, 6),
    "{{- net | safe }}": (1, 1),
    "{% for i in n %}": (1, 1),
    "a: {%- if x %}": (1, 4),
    "num: %(classes)s": (1, 6),
    "num: @CLASSES@": (1, 6),
    "a {{ b: 1 }}": (1, 4),
    "\n<<<<<<< HEAD\na: 1\n": (2, 1),
    "a { b: 1\n>>>>>>> x\n}": (2, 1),
}


@pytest.mark.parametrize("characters", ERRORS)
def test_errors_say_where_and_what(characters: str, words: Words) -> None:
    line, column = ERRORS[characters]
    error = refused(characters)
    assert (error.line, error.column) == (line, column)
    words(error.message, characters.replace("\n", "\\n").replace("\0", "\\0"))


def test_errors_name_what_is_found_and_what_is_open() -> None:
    found = {text: names(refused(text).message) for text in ERRORS}
    assert found["a: 1\n  b 2"] == ["2", ":", "{", "b"]
    assert found["a < b: 1 }"] == ["}", ">"]
    assert found["a: [1 2]"] == ["2", ",", "]"]
    assert found["name: é"] == ["é"]
    assert found["{{- net | safe }}"] == ["{{"]
    assert found["num: %(classes)s"] == ["%("]
    opened = refused("a {\n b {\n }\n").message
    assert (names(opened), numbers(opened)) == (["a"], [1])


@pytest.mark.parametrize(
    ("characters", "named"),
    [
        ("num: ${CLASSES}", "envsubst"),
        ("num: {{N}}", "envsubst"),
        ("<<<<<<< HEAD", ""),
        ("\0\0", ""),
        ("a {", "'}'"),
        ("a <", "'>'"),
    ],
)
def test_errors_with_a_known_way_out_name_it(characters: str, named: str, words: Words) -> None:
    hint = refused(characters).hint
    assert hint
    assert named in hint
    words(hint, characters.replace("\0", "\\0"))


@pytest.mark.parametrize("characters", ["f" * 5000, "f" * 5000 + " {", "a: b " + "1" * 5000])
def test_errors_quote_a_little_only(characters: str) -> None:
    assert len(refused(characters).message) < 200


@pytest.mark.parametrize("opener", ["a{", "a:{", "a<", "a: [{"])
def test_nesting_is_refused_before_it_is_followed(opener: str, words: Words) -> None:
    error = refused(opener * 100_000)
    assert numbers(error.message) == [100]
    words(error)
    assert error.column == len(opener) * MAX_DEPTH + 1


def test_nesting_of_a_hundred_is_followed() -> None:
    assert len(scanned("a{" * 100 + "}" * 100)) == 1
    assert refused("a: " + "[" * 100_000).column == 5


@pytest.mark.parametrize(
    ("characters", "fields"),
    [
        ('a: "' + "x" * 5000000, None),
        ("a: " + "1" * 5000000, 1),
        ("#" * 5000000, 0),
        ("a: 1 " * 20_000, 20_000),
        (" " * 5000000, 0),
        ('"' * 1000000, None),
        ("'\"" * 500000, None),
        ("a: '" + "\\'" * 1000000, None),
    ],
    ids=["string", "number", "comment", "fields", "space", "quotes", "mixed quotes", "escapes"],
)
def test_long_lines_are_read_or_refused(characters: str, fields: int | None) -> None:
    if fields is None:
        assert refused(characters).line == 1
    else:
        assert len(scanned(characters)) == fields


def test_a_long_string_costs_its_own_length_not_hundreds_of_times() -> None:
    text = Text('name: "' + "u" * 2_000_000 + '" #' + "c" * 2_000_000)
    tracemalloc.start()
    (field,) = scan(text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(field.scalars[0][0].text) == 2_000_002
    assert peak < 20_000_000
