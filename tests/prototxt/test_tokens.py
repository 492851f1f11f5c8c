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


def test_lines_by_number() -> None:
    text = Text("one\n\nthree")
    assert [text.line(number) for number in (1, 2, 3)] == ["one", "", "three"]


# --- errors

ERRORS = {
    "// c": (1, 1, "comments begin with '#'"),
    "a: 1 /* c */": (1, 6, "comments begin with '#'"),
    "a: 1;;": (1, 6, "found ';'"),
    ";a: 1": (1, 1, "found ';'"),
    "a: 1\n  b 2": (2, 5, "':' or '{' after 'b'"),
    "a [1, 2]": (1, 3, "':' or '{' after 'a'"),
    "a: [1, 2,]": (1, 10, "where a value is expected"),
    "a: [1 2]": (1, 7, "',' or ']'"),
    "a: ": (1, 4, "the text ends where a value is expected"),
    "a < b: 1 }": (1, 10, "a field name or '>'"),
    "a { b: 1 }}": (1, 11, "found '}'"),
    "a {\n b {\n }\n": (4, 1, "ends inside 'a', opened in line 1"),
    'a: "x': (1, 4, "a string is not closed on its line"),
    'a: "x\ny"': (1, 4, "a string is not closed on its line"),
    "a: 'x\"": (1, 4, "a string is not closed on its line"),
    "[ext.name]: 1": (1, 1, "found '['"),
    "1: 2": (1, 1, "found '1'"),
    "pad: 1dim: 2": (1, 10, "found ':'"),
    "name: é": (1, 7, "found 'é'"),
    "a: \\": (1, 4, "which begins no field and no value"),
    "a: \0": (1, 4, "this is binary"),
    "num: ${CLASSES}": (1, 6, "found '$': this is a template"),
    "num: {{ classes }}": (1, 6, "found '{{': this is a template"),
    "{{- net | safe }}": (1, 1, "found '{{': this is a template"),
    "{% for i in n %}": (1, 1, "found '{%': this is a template"),
    "a: {%- if x %}": (1, 4, "found '{%': this is a template"),
    "num: %(classes)s": (1, 6, "found '%(': this is a template"),
    "num: @CLASSES@": (1, 6, "found '@': this is a template"),
    "a {{ b: 1 }}": (1, 4, "found '{' where a field name"),
    "\n<<<<<<< HEAD\na: 1\n": (2, 1, "merge conflict"),
    "a { b: 1\n>>>>>>> x\n}": (2, 1, "merge conflict"),
}


@pytest.mark.parametrize("characters", ERRORS)
def test_errors_say_where_and_what(characters: str) -> None:
    line, column, words = ERRORS[characters]
    error = refused(characters)
    assert (error.line, error.column) == (line, column)
    assert words in error.message


@pytest.mark.parametrize(
    ("characters", "words"),
    [
        ("num: ${CLASSES}", "envsubst"),
        ("num: {{N}}", "envsubst"),
        ("<<<<<<< HEAD", "resolve the conflict"),
        ("\0\0", "swapped"),
        ("a {", "'}' is missing"),
        ("a <", "'>' is missing"),
    ],
)
def test_errors_with_a_known_way_out_name_it(characters: str, words: str) -> None:
    assert words in str(refused(characters).hint)


@pytest.mark.parametrize("characters", ["f" * 5000, "f" * 5000 + " {", "a: b " + "1" * 5000])
def test_errors_quote_a_little_only(characters: str) -> None:
    assert len(refused(characters).message) < 200


@pytest.mark.parametrize("opener", ["a{", "a:{", "a<", "a: [{"])
def test_nesting_is_refused_before_it_is_followed(opener: str) -> None:
    error = refused(opener * 100_000)
    assert "nested more than 100 deep" in error.message
    assert error.column == len(opener) * MAX_DEPTH + 1


def test_nesting_of_a_hundred_is_followed() -> None:
    assert len(scanned("a{" * 100 + "}" * 100)) == 1
    assert refused("a: " + "[" * 100_000).column == 5


@pytest.mark.parametrize(
    "characters",
    [
        'a: "' + "x" * 5000000,
        "a: " + "1" * 5000000,
        "#" * 5000000,
        "a: 1 " * 100000,
        " " * 5000000,
        '"' * 1000000,
        "'\"" * 500000,
        "a: '" + "\\'" * 1000000,
    ],
    ids=["string", "number", "comment", "fields", "space", "quotes", "mixed quotes", "escapes"],
)
def test_long_lines_are_read_or_refused(characters: str) -> None:
    try:
        assert len(scanned(characters)) in (0, 1, 100_000)
    except ds.PrototxtError as error:
        assert error.line == 1  # noqa: PT017 - either is fine


def test_a_long_string_costs_its_own_length_not_hundreds_of_times() -> None:
    text = Text('name: "' + "u" * 2_000_000 + '" #' + "c" * 2_000_000)
    tracemalloc.start()
    (field,) = scan(text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(field.scalars[0][0].text) == 2_000_002
    assert peak < 20_000_000
