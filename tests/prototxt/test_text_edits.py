"""Edits on the text format: new fields look like their neighbours, every other character stays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deconvsurgery.prototxt.parse import decoded
from deconvsurgery.prototxt.text_edits import Draft
from deconvsurgery.prototxt.tokens import Text, TextField, scan
from deconvsurgery.splicing.byte_ranges import Kept, segments, spliced

if TYPE_CHECKING:
    from deconvsurgery.prototxt.new_field_layout import Tree


def drafted(data: bytes, tree: Tree, ahead: Mapping[str, str] | None = None) -> Draft:
    """Changes to the first message at the top of the text."""
    characters, encoding, _ = decoded(data)
    field = next(each for each in scan(Text(characters)) if each.children)
    draft = Draft(data, characters, encoding)
    draft.rewrite(field, 0, tree, ahead)
    return draft


def edited(text: str | bytes, tree: Tree, **more: Any) -> str | bytes:
    data = text if isinstance(text, bytes) else text.encode()
    found = spliced(data, drafted(data, tree, **more).edits())
    return found if isinstance(text, bytes) else found.decode()


G: Tree = {("g", 0): 5}
FILLER: Tree = {("f", 0): {("type", 0): "new"}}

ADDED = {
    "on a line of its own": ("m {\n  a: 1\n}\n", "m {\n  a: 1\n  g: 5\n}\n"),
    "behind a comment": ("m {\n  a: 1  # one\n}", "m {\n  a: 1  # one\n  g: 5\n}"),
    "before a comment below": ("m {\n  a: 1\n  # end\n}", "m {\n  a: 1\n  g: 5\n  # end\n}"),
    "tabs": ("m {\n\ta: 1\n\t}\n", "m {\n\ta: 1\n\tg: 5\n\t}\n"),
    "trailing blanks": ("m {\n  a: 1 \t\n}", "m {\n  a: 1 \t\n  g: 5\n}"),
    "one line": ("m { a: 1 }", "m { a: 1 g: 5 }"),
    "one line, dense": ("m{a:1}", "m{a:1 g:5}"),
    "closed on the last line": ("m {\n  a: 1 }", "m {\n  a: 1\n  g: 5 }"),
    "several on a line": ("m {\n  a: 1 b: 2\n}", "m {\n  a: 1 b: 2 g: 5\n}"),
    "several on a line, comment": ("m {\n  a: 1 b: 2 # c\n}", "m {\n  a: 1 b: 2 g: 5 # c\n}"),
    "angle brackets": ("m < a: 1 >", "m < a: 1 g: 5 >"),
    "colon": ("m: { a : 1 }", "m: { a : 1 g : 5 }"),
    "aligned colons": ("m {\n  a:      1\n}", "m {\n  a:      1\n  g: 5\n}"),
    "semicolons": ("m { a: 1; }", "m { a: 1; g: 5; }"),
    "commas between": ("m { a: 1, b: 2 }", "m { a: 1, b: 2, g: 5 }"),
    "commas on lines": ("m {\n  a: 1,\n  b: 2 # c\n}", "m {\n  a: 1,\n  b: 2, # c\n  g: 5\n}"),
    "commas behind each": ("m {\n  a: 1,\n  b: 2,\n}", "m {\n  a: 1,\n  b: 2,\n  g: 5,\n}"),
    "empty": ("m {}", "m { g: 5 }"),
    "empty with a blank": ("m { }", "m { g: 5 }"),
    "empty, two lines": ("m {\n}", "m {\n  g: 5\n}"),
    "only a comment": ("  m {\n    # c\n  }", "  m {\n    # c\n    g: 5\n  }"),
    "glued string": ('m{n:"x"}', 'm{n:"x" g:5}'),
    "behind a message": ("m {\n  p {\n    a: 1\n  }\n}", "m {\n  p {\n    a: 1\n  }\n  g: 5\n}"),
    "list": ("m: [{ a: 1 }, { a: 2 }]", "m: [{ a: 1 g: 5 }, { a: 2 }]"),
    "CRLF": ("m {\r\n  a: 1 # c\r\n}\r\n", "m {\r\n  a: 1 # c\r\n  g: 5\r\n}\r\n"),
    "CR": ("m {\r  a: 1 # c\r}\r", "m {\r  a: 1 # c\r  g: 5\r}\r"),
    "CRLF, empty": ("m {\r\n}\r\n", "m {\r\n  g: 5\r\n}\r\n"),
    "mixed line ends": ("# c\n\nm {\r\n  a: 1\r\n}\n", "# c\n\nm {\r\n  a: 1\r\n  g: 5\r\n}\n"),
    "beyond ASCII": ("# ü€\nm { n: 'é' a: 1 } # ß", "# ü€\nm { n: 'é' a: 1 g: 5 } # ß"),
    "far out on a long line": (" " * 10_001 + "m {\n}", " " * 10_001 + "m {\n  g: 5\n}"),
    "byte order mark": ("\ufeffm { a: 1 }", "\ufeffm { a: 1 g: 5 }"),
}


@pytest.mark.parametrize(("before", "after"), ADDED.values(), ids=ADDED)
def test_a_new_field_looks_like_its_neighbours(before: str, after: str) -> None:
    assert edited(before, G) == after


def test_bytes_that_are_no_utf_8_stay() -> None:
    before = b"m { a: 1 } # caf\xe9 \x80"
    assert edited(before, G) == b"m { a: 1 g: 5 } # caf\xe9 \x80"
    before = b"# caf\xe9\rm {\r a: 1 # \xff\r}"
    assert edited(before, G) == b"# caf\xe9\rm {\r a: 1 # \xff\r g: 5\r}"


MESSAGES = {
    "as its small neighbours, in lines": (
        "m {\n  p {\n    a: 1\n  }\n}",
        'm {\n  p {\n    a: 1\n  }\n  f {\n    type: "new"\n  }\n}',
    ),
    "as its small neighbours, in one": (
        "m {\n  p: { a: 1 }\n}",
        'm {\n  p: { a: 1 }\n  f: { type: "new" }\n}',
    ),
    "the last of them counts": (
        "m {\n  p {\n    a: 1\n  }\n  q <a: 1>\n}",
        'm {\n  p {\n    a: 1\n  }\n  q <a: 1>\n  f <type: "new">\n}',
    ),
    "else as the message around": ("m {\n\ta: 1\n}", 'm {\n\ta: 1\n\tf {\n\t\ttype: "new"\n\t}\n}'),
    "in one line": ("m { a: 1 p {\n b: 2 } }", 'm { a: 1 p {\n b: 2 } f { type: "new" } }'),
    "quotes": ("m { n: 'x' }", "m { n: 'x' f { type: 'new' } }"),
    "angle brackets": ("m: <n:'x'>", "m: <n:'x' f: <type:'new'>>"),
    "in an empty one": ("m { f {} }", 'm { f { type: "new" } }'),
}


@pytest.mark.parametrize(("before", "after"), MESSAGES.values(), ids=MESSAGES)
def test_a_new_message_looks_like_its_neighbours(before: str, after: str) -> None:
    assert edited(before, FILLER) == after


REPLACED = {
    "number": ("m { g: 0x10 # c\n}", G, "m { g: 5 # c\n}"),
    "negative": ("m { g: - 2; }", G, "m { g: 5; }"),
    "quotes stay": ("m { n: 'a' s: \"b\" }", {("s", 0): "c"}, "m { n: 'a' s: \"c\" }"),
    "adjacent strings": ("m { s: 'a' # x\n 'b' t: 1 }", {("s", 0): "c"}, "m { s: 'c' t: 1 }"),
    "flag": ("m { b: true }", {("b", 0): False}, "m { b: false }"),
    "in a list": ("m { g: [1, 2] }", {("g", 1): 5}, "m { g: [1, 5] }"),
    "the second of a name": ("m { g: 1 a: 0 g: 2 }", {("g", 1): 5}, "m { g: 1 a: 0 g: 5 }"),
    "within": ("m { f { x: 1 type: 'old' } }", FILLER, "m { f { x: 1 type: 'new' } }"),
    "within a list": (
        "m { f: [{ a: 1 }, { a: 2 }] }",
        {("f", 1): {("a", 0): 5}},
        "m { f: [{ a: 1 }, { a: 5 }] }",
    ),
}


@pytest.mark.parametrize(("before", "tree", "after"), REPLACED.values(), ids=REPLACED)
def test_a_value_gives_way_in_its_place(before: str, tree: Tree, after: str) -> None:
    assert edited(before, tree) == after


GONE: Tree = {("x", 0): None}
REMOVED = {
    "with its line": ("m {\n  a: 1\n  x: 2\n  b: 3\n}", GONE, "m {\n  a: 1\n  b: 3\n}"),
    "with its lines": ("m {\r\n  x {\r\n a: 1 } ;\r\n  b: 3\r\n}", GONE, "m {\r\n  b: 3\r\n}"),
    "the comment stays": ("m {\n  x: 2 # c\n  b: 3\n}", GONE, "m {\n  # c\n  b: 3\n}"),
    "in a line": ("m { a: 1 x: 2 b: 3 }", GONE, "m { a: 1 b: 3 }"),
    "with its separator": ("m { a: 1, x: 2, b: 3 }", GONE, "m { a: 1, b: 3 }"),
    "glued": ("m{a:'1'x:2 b:3}", GONE, "m{a:'1' b:3}"),
    "at a line's head": ("m {\n  x: 2 b: 3\n}", GONE, "m {\n  b: 3\n}"),
    "at a line's end": ("m {\n  a: 1 x { b: 3 }\n}", GONE, "m {\n  a: 1\n}"),
    "all there is": ("m { x: 2 }", GONE, "m { }"),
    "of a list": ("m { x: [1, 2, 3] }", GONE, "m { x: [2, 3] }"),
    "last of a list": ("m { x: [1, 2, 3] }", {("x", 2): None}, "m { x: [1, 2] }"),
    "two of a list": ("m { x: [1, 2, 3] }", {("x", 1): None, ("x", 2): None}, "m { x: [1] }"),
    "a message of a list": ("m { x: [{}, {a: 1}] }", {("x", 1): None}, "m { x: [{}] }"),
    "a whole list": ("m { x: [1, 2] a: 1 }", {("x", 0): None, ("x", 1): None}, "m { a: 1 }"),
    "neighbours": ("m { a: 1 x: 1 x: 2\n}", {("x", 0): None, ("x", 1): None}, "m { a: 1\n}"),
}


@pytest.mark.parametrize(("before", "tree", "after"), REMOVED.values(), ids=REMOVED)
def test_a_field_goes_with_what_was_its_own(before: str, tree: Tree, after: str) -> None:
    assert edited(before, tree) == after


INSTEAD: Tree = {("f", 0): {("type", 0): "new", ("x", 0): None, ("y", 0): None}}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("m { f { x: 1 } }", 'm { f { type: "new" } }'),
        ("m { f { x: 1, y: 2 } }", 'm { f { type: "new", } }'),
        ("m {\n  f {\n    x: 1 # c\n    y: 2\n  }\n}", 'm {\n  f {\n    type: "new" # c\n  }\n}'),
    ],
)
def test_the_new_takes_the_place_of_what_goes(before: str, after: str) -> None:
    assert edited(before, INSTEAD) == after


def test_where_new_fields_go() -> None:
    tree: Tree = {("p", 0): 1, ("p", 1): 2, ("a", 1): 5}
    text = "m {\n  n: 0\n  a: 1\n  c {\n  }\n  z: 9\n}"
    expected = "m {\n  n: 0\n  a: 1\n  a: 5\n  p: 1\n  p: 2\n  c {\n  }\n  z: 9\n}"
    assert edited(text, tree, ahead={"p": "c"}) in (
        expected,
        expected.replace("  a: 5\n  p: 1\n  p: 2\n", "  p: 1\n  p: 2\n  a: 5\n"),
    )
    assert edited("m { c {} }", {("p", 0): 1}, ahead={"p": "c"}) == "m { c {} p: 1 }"


def test_nothing_to_change_is_no_edit() -> None:
    assert drafted(b"m { a: 1 }", {}).edits() == []


# --- whatever the layout


def written(fields: list[tuple[str, Any]], draw: Callable[[st.SearchStrategy[Any]], Any]) -> str:
    """Fields in a layout of its own: blanks, comments, separators, braces."""
    gap = st.sampled_from([" ", "\n", "\n    ", "\t", " # c\n", "\n# é {\n  ", "  \n", " \n\n "])
    loose = st.sampled_from(["", " ", "\n ", " # }\n"])
    parts = [draw(loose)]
    for name, value in fields:
        if isinstance(value, list):
            opener, closer = draw(st.sampled_from([("{", "}"), ("<", ">")]))
            colon = draw(st.sampled_from(["", ":", " : "]))
            inner = written(value, draw)
            parts.append(f"{name}{draw(loose)}{colon}{draw(loose)}{opener}{inner}{closer}")
        else:
            parts.append(f"{name}{draw(loose)}:{draw(loose)}{value}")
        parts.append(draw(loose) + draw(st.sampled_from(["", "", ",", ";"])) + draw(gap))
    return "".join(parts)


names = st.sampled_from(["a", "g", "x", "name"])
scalars = st.sampled_from(["1", "-2", "0x10", "true", '"s"', "'t'", "'a' \"b\"", "WORD", "- 3"])
bodies = st.recursive(
    st.lists(st.tuples(names, scalars), max_size=4),
    lambda inner: st.lists(
        st.tuples(names, scalars) | st.tuples(st.sampled_from(["f", "p"]), inner), max_size=4
    ),
    max_leaves=12,
)


def shape(fields: list[TextField]) -> list[tuple[str, Any]]:
    """What is said, without places."""
    found: list[tuple[str, Any]] = []
    for field in fields:
        for body in field.children or ():
            found.append((field.name, shape(body)))
        for tokens in field.scalars:
            found.append((field.name, "".join(token.text for token in tokens)))
    return found


@st.composite
def cases(draw: Any) -> tuple[str, Tree]:
    body = draw(bodies)
    text = draw(st.sampled_from(["", "# é\n", "top: 1\n"])) + written([("m", body)], draw)
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    tree: dict[tuple[str, int], Any] = {}
    for name, value in body:
        number = sum(1 for other, _ in tree if other == name)
        change = draw(st.sampled_from(["keep", "remove", "replace"]))
        if change == "remove":
            tree[name, number] = None
        elif change == "replace" and not isinstance(value, list):
            tree[name, number] = draw(st.sampled_from([7, "new", False]))
        elif change == "replace":
            tree[name, number] = {("added", 0): 8}
        else:
            tree[name, number] = "keep"
    tree = {step: change for step, change in tree.items() if change != "keep"}
    if draw(st.booleans()):
        tree["extra", 0] = 9
    if draw(st.booleans()):
        tree["filler", 0] = {("type", 0): "bilinear"}
    return text.replace("\n", end), tree


def expected(body: list[tuple[str, Any]], tree: Tree) -> list[tuple[str, Any]]:
    """The tree put on the values; strings by what they spell."""
    seen: dict[str, int] = {}
    found: list[tuple[str, Any]] = []
    for name, value in body:
        step = name, seen.get(name, 0)
        seen[name] = step[1] + 1
        change = tree.get(step, value)
        if isinstance(change, dict):
            change = expected(value, change)
        if change is not None:
            found.append((name, change))
    for (name, number), change in tree.items():
        if number >= seen.get(name, 0) and change is not None:
            found.append((name, expected([], change) if isinstance(change, dict) else change))
    return found


def plain(value: Any) -> Any:
    if isinstance(value, list):
        return sorted(((name, plain(each)) for name, each in value), key=lambda each: each[0])
    return str(value).lower().replace("'", "").replace('"', "")


@given(cases())
def test_what_comes_is_what_was_meant_and_the_rest_stays(case: tuple[str, Tree]) -> None:
    text, tree = case
    data = text.encode()
    characters, _, _ = decoded(data)
    before = next(each for each in scan(Text(characters)) if each.name == "m")
    draft = Draft(data, characters, "utf-8")
    draft.rewrite(before, 0, tree)
    edits = draft.edits()
    after = spliced(data, edits)
    fields = scan(Text(decoded(after)[0]))
    said = next(each for each in fields if each.name == "m")
    assert before.children is not None
    assert said.children is not None
    wanted = expected(shape(before.children[0]), tree)
    assert plain(shape(said.children[0])) == plain(wanted)
    assert plain(shape([each for each in fields if each.name != "m"])) == plain(
        shape([each for each in scan(Text(characters)) if each.name != "m"])
    )
    # every comment outside a removed field is there, and no byte outside the edits has moved
    kept = [each for each in segments(len(data), edits) if isinstance(each, Kept)]
    rest = after
    for each in kept:
        piece = data[each.start : each.stop]
        assert piece in rest
        rest = rest[rest.index(piece) + len(piece) :]
