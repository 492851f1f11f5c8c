"""Wildcards and {name} in paths: what they mean, by hand and by the standard library's glob."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deconvsurgery.inputs.path_patterns import (
    fixed_part,
    is_pattern,
    name_in,
    named,
    plain_name,
    reaches_down,
)


@pytest.mark.parametrize(
    ("pattern", "meant", "not_meant"),
    [
        ("zoo/*.x", ["zoo/a.x", "zoo/a b.x"], ["zoo/a/b.x", "zoo/a.xy", "a.x"]),
        ("zoo/a?", ["zoo/ab", "zoo/aß", "zoo/a\n"], ["zoo/a", "zoo/abc", "zoo/a/"]),
        ("[ab].x", ["a.x", "b.x"], ["c.x", "ab.x", "[ab].x"]),
        ("[a-c]1", ["a1", "b1", "c1"], ["d1", "-1"]),
        ("[!ab]", ["c", "!"], ["a", "b", "/"]),
        ("x[!a]y", ["xby"], ["x/y", "xay"]),
        ("[^a]", ["^", "a"], ["b"]),  # as for the shell's glob in Python: no negation
        ("[]]", ["]"], ["[]]", "a"]),
        ("[!]]", ["a"], ["]"]),
        ("a[[]b", ["a[b"], ["a[[]b", "ab"]),
        ("a[*]b[?]", ["a*b?"], ["aab?", "a*bb"]),
        ("[\\]x", ["\\x"], ["x"]),
        ("[&&a]", ["&", "a"], ["b"]),
        ("[a||b]", ["|", "a", "b"], ["c"]),
        ("[.-0]", ["0"], ["/", "a"]),  # nothing but ** goes beyond a folder
        ("[b-a]", [], ["a", "b", "-"]),  # from a later letter to an earlier one: none
        ("[!b-a]", ["a", "b", "-"], ["/"]),
        ("a[b", ["a[b"], ["ab", "a"]),
        ("a[]", ["a[]"], ["a"]),
        ("a[!]", ["a[!]"], ["a!", "ab"]),
        ("**/a", ["a", "x/a", "x/y/a"], ["xa", "x/ya", "x/a/y"]),
        ("zoo/**/a", ["zoo/a", "zoo/x/y/a"], ["zooa", "zoo/xa"]),
        ("zoo/**", ["zoo/a", "zoo/x/y"], ["zoo", "zo/a"]),
        ("zoo/a**z", ["zoo/az", "zoo/ab/cz"], ["zoo/a", "zoo/baz"]),
        ("a**/b", ["ax/b", "a/b", "ax/y/b"], ["ab"]),
        ("{name}.x", ["a.x", "a.b.x"], ["a/b.x", ".x"]),
        ("{name}/{name}.x", ["a/a.x"], ["a/b.x", "a/aa.x", "aa/a.x"]),
        ("a.b+(c)$", ["a.b+(c)$"], ["axb+(c)$", "a.b+(c)"]),
        ("{nam}", ["{nam}"], ["nam"]),
        ("s3://zoo/*/n", ["s3://zoo/a/n"], ["s3://zoo/n", "s3://zoo/a/b/n"]),
    ],
)
def test_what_a_pattern_means(pattern: str, meant: list[str], not_meant: list[str]) -> None:
    assert [each for each in meant if name_in(pattern, each) is None] == []
    assert [each for each in not_meant if name_in(pattern, each) is not None] == []


@pytest.mark.parametrize(
    ("pattern", "hidden", "shown"),
    [
        ("*", ".a", "a.b"),
        ("zoo/*", "zoo/.a", "zoo/a"),
        ("zoo/?a", "zoo/.a", "zoo/ba"),
        ("zoo/[.b]a", "zoo/.a", "zoo/ba"),
        ("zoo/[!b]a", "zoo/.a", "zoo/ca"),
        ("zoo/{name}", "zoo/.a", "zoo/a"),
        ("zoo/**", "zoo/x/.a", "zoo/x/a"),
        ("zoo/**", "zoo/.x/a", "zoo/x/a"),
        ("zoo/a**", "zoo/ab/.c", "zoo/a.b/c"),
        ("zoo/**/a", "zoo/x/.y/a", "zoo/x/y/a"),
        ("zoo/a*/b", "zoo/.a/b", "zoo/a.c/b"),
    ],
)
def test_hidden_files_are_meant_by_their_dot_alone(pattern: str, hidden: str, shown: str) -> None:
    assert name_in(pattern, hidden) is None
    assert name_in(pattern, shown) is not None


@pytest.mark.parametrize("pattern", ["zoo/.*", "zoo/.a", "zoo/.?", "zoo/.{name}", "zoo/**/.a"])
def test_a_dot_that_is_said_is_meant(pattern: str) -> None:
    assert name_in(pattern, "zoo/.a") is not None


@pytest.mark.parametrize(
    ("pattern", "path", "name"),
    [
        ("zoo/{name}/deploy.prototxt", "zoo/fcn8s/deploy.prototxt", "fcn8s"),
        ("zoo/{name}/{name}.prototxt", "zoo/a.b/a.b.prototxt", "a.b"),
        ("zoo/*/{name}.x", "zoo/voc/fcn.x", "fcn"),
        ("zoo/**/{name}.x", "zoo/a/b/c.x", "c"),
        # Without {name}: from the first folder with a wildcard on, without the suffix.
        ("zoo/*.prototxt", "zoo/fcn8s.prototxt", "fcn8s"),
        ("zoo/f*.prototxt", "zoo/fcn8s.prototxt", "fcn8s"),
        ("zoo/**/*.prototxt", "zoo/voc/fcn8s.prototxt", "voc/fcn8s"),
        ("zoo/*/deploy.prototxt", "zoo/fcn8s/deploy.prototxt", "fcn8s/deploy"),
        ("*.caffemodel", "a.caffemodel", "a"),
        ("*", "a.CAFFEMODEL.H5", "a"),
        ("*", "a.x", "a.x"),
        ("/*.pbtxt", "/a.pbtxt", "a"),
        ("s3://zoo/v2/*.hdf5", "s3://zoo/v2/a.hdf5", "a"),
        # No wildcard at all: the file's own name.
        ("zoo/voc/fcn8s.prototxt", "zoo/voc/fcn8s.prototxt", "fcn8s"),
        ("s3://zoo/fcn8s.prototxt", "s3://zoo/fcn8s.prototxt", "fcn8s"),
        (".prototxt", ".prototxt", ".prototxt"),
    ],
)
def test_the_name_in_a_path(pattern: str, path: str, name: str) -> None:
    assert name_in(pattern, path) == name


def test_the_name_of_a_path_taken_as_it_is() -> None:
    assert plain_name("zoo/a[1].caffemodel.h5") == "a[1]"
    assert plain_name("s3://zoo/v1/a*.prototxt") == "a*"
    assert plain_name("a") == "a"
    assert plain_name("https://host/fcn/deploy.prototxt?raw=true") == "deploy"


@pytest.mark.parametrize(
    ("path", "wild"),
    [
        ("zoo/a.prototxt", False),
        ("zoo/{nam}", False),
        ("zoo/]", False),
        ("zoo/a[b", False),
        ("zoo/a[]", False),
        ("*", True),
        ("a?", True),
        ("[a]", True),
        ("{name}", True),
        # A question mark in the web's addresses is none, and the web is not listed.
        ("https://host/deploy.prototxt?raw=true", False),
        ("HTTP://host/deploy.prototxt?raw=true", False),
        ("https://host/*.prototxt?raw=true", True),
        ("s3://zoo/a?", True),
    ],
)
def test_what_is_a_pattern(path: str, wild: bool) -> None:
    assert is_pattern(path) is wild


@pytest.mark.parametrize(
    ("pattern", "fixed", "depth"),
    [
        ("zoo/a", "zoo/a", 0),
        ("zoo/a*", "zoo/a", 0),
        ("*", "", 0),
        ("*/a", "", 1),
        ("zoo/{name}/x/[ab]/c", "zoo/", 3),
        ("zoo/a**", "zoo/a", None),
        ("**/a", "", None),
        ("/*", "/", 0),
        ("/*/a", "/", 1),
        ("s3://zoo/v2/f*/deploy", "s3://zoo/v2/f", 1),
        ("https://host/a?b/c*", "https://host/a?b/c", 0),
    ],
)
def test_where_a_pattern_begins_and_how_far_it_reaches(
    pattern: str, fixed: str, depth: int | None
) -> None:
    assert fixed_part(pattern) == fixed
    assert reaches_down(pattern) == depth


def test_a_name_goes_wherever_it_is_asked_for() -> None:
    assert named("out/{name}/{name}.x", "a[1]") == "out/a[1]/a[1].x"
    assert named("out/a.x", "b") == "out/a.x"
    assert named("{name}", "{name}") == "{name}"


@pytest.mark.parametrize(
    ("pattern", "path", "name"),
    [
        ("*a" * 32 + "*.x", "a" * 250 + ".x", "a" * 250 + ".x"),
        ("*a" * 32 + "b", "a" * 255, None),
        ("**/" * 32 + "b", "a/" * 1000, None),
        ("**a" * 32 + "b", "a" * 1000, None),
        ("{name}*a*{name}b", "a" * 255, None),
        ("{name}**{name}**{name}", "a" * 255, "a" * 85),
        ("*" + "?" * 3000 + "b", "a" * 4000, None),
    ],
)
def test_time_follows_the_lengths(pattern: str, path: str, name: str | None) -> None:
    """Each of these took a regex for ever, or minutes."""
    assert name_in(pattern, path) == name


@pytest.mark.parametrize("path", ["[" * 30_000, "[!" * 15_000, "[a/" * 10_000])
def test_brackets_without_an_end(path: str) -> None:
    assert not is_pattern(path)
    assert name_in(path, path) == plain_name(path)


def test_a_name_has_at_least_one_character() -> None:
    assert name_in("zoo/{name}", "zoo/") is None
    assert name_in("zoo/{name}/net", "zoo//net") is None


def test_a_name_in_brackets_is_none() -> None:
    assert name_in("zoo/[{name}]", "zoo/a") == "a"
    assert name_in("zoo/[{name}]", "zoo/b") is None


PLAIN = st.text(st.characters(exclude_characters="/*?[{", exclude_categories=["Cs"]), max_size=8)
NAMES = st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=12).filter(
    lambda name: not name.startswith(".")
)


@given(before=PLAIN, between=PLAIN, after=PLAIN, name=NAMES)
def test_a_name_put_into_a_pattern_is_read_back(
    before: str, between: str, after: str, name: str
) -> None:
    once = f"{before}/{{name}}{after}"
    assert name_in(once, named(once, name)) == name
    twice = f"{before}/{{name}}/{between}/{{name}}{after}"
    assert name_in(twice, named(twice, name)) == name
    other = named(twice, name).replace(f"/{name}/", f"/{name}~/", 1)
    assert name_in(twice, other) is None


@given(st.text(string.printable, max_size=12), st.text(string.printable, max_size=12))
def test_no_pattern_is_too_strange(pattern: str, path: str) -> None:
    """Whatever is written, it means some paths and not others; escaped, it means itself."""
    name_in(pattern, path)
    escaped = "".join(f"[{each}]" if each in "*?[" else each for each in pattern)
    assert name_in(escaped, pattern) is not None
