"""Patterns choose among Deconvolution layers; who finds none is told what there is."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Sequence
from fnmatch import fnmatchcase
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

import deconvsurgery as ds
from deconvsurgery.prototxt.nothing_selected import no_such_layer, nothing_matched
from deconvsurgery.prototxt.selection import (
    active_layers,
    exact_patterns,
    match_layers,
    name_test,
    pattern_of,
)
from helpers.words import Words, names

NET = b"""
layer { name: "data" type: "Input" top: "data" }
layer { name: "upscore2" type: "Deconvolution" bottom: "data" top: "a" }
layer { name: "upscore16" type: "Deconvolution" bottom: "a" top: "b" }
layer { name: "group_conv" type: "Convolution" bottom: "b" top: "c" }
layer { name: "deconv" type: "Deconvolution" bottom: "c" top: "d" }
layer { name: "up[1]" type: "Deconvolution" bottom: "d" top: "e" include { phase: TRAIN } }
layer { name: "Upper" type: "Deconvolution" bottom: "e" top: "f" exclude { stage: "deploy" } }
"""


@pytest.fixture(scope="module")
def net() -> ds.Net:
    return ds.parse_net(NET)


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        ("up", ["up", "upscore", "group_conv", "super"], ["Up", "u_p", ""]),
        ("score2", ["upscore2"], ["upscore16"]),
        ("up*", ["up", "upscore"], ["group", "Up"]),
        ("*up", ["up", "group_up"], ["upscore"]),
        ("up?", ["up2"], ["up", "up16"]),
        ("up[12]", ["up1", "up2"], ["up3", "up[12]"]),
        ("up[!1]", ["up2"], ["up1"]),
        ("up[[]1]", ["up[1]"], ["up1"]),
        ("re:up", ["upscore", "group"], ["Up"]),
        ("re:^up[0-9]+$", ["up16"], ["upscore", "xup1"]),
        ("re:(?i)UP", ["upscore", "Upper"], ["down"]),
        ("a.c", ["a.c", "xa.cx"], ["abc"]),
        ("*", ["", "line\nbreak"], []),
        ("[", ["["], ["x"]),
    ],
)
def test_text_glob_and_regex(pattern: str, fits: list[str], fits_not: list[str]) -> None:
    test = name_test(pattern)
    assert [name for name in fits if not test(name)] == []
    assert [name for name in fits_not if test(name)] == []


@given(st.text() | st.text("re:*?[]!a \n", max_size=8))
def test_a_pattern_takes_the_layer_it_was_made_for(name: str) -> None:
    pattern = pattern_of(name)
    if pattern is None:
        assert not name.strip()
    else:
        assert pattern.isprintable()
        assert name_test(pattern)(name)


@pytest.mark.parametrize("pattern", ["", "re:"])
def test_an_empty_pattern_is_refused(pattern: str, words: Words) -> None:
    with pytest.raises(ds.ArgumentError) as raised:
        name_test(pattern)
    assert "'*'" in str(raised.value.hint)
    words(raised.value)


@pytest.mark.parametrize("pattern", ["re:(", "re:*", "re:a{9999999999}", "re:[z-a]"])
def test_a_regex_that_is_none_is_refused(pattern: str, words: Words) -> None:
    """Behind the colon stands what Python says of it, which changes with its versions."""
    with pytest.raises(ds.ArgumentError) as raised:
        name_test(pattern)
    ours, colon, theirs = raised.value.message.partition(f"{pattern!r}")[2].partition(":")
    assert (colon, bool(theirs)) == (":", True)
    words(ours)


@pytest.mark.parametrize(
    ("patterns", "exclude", "matched"),
    [
        (["up"], [], ["upscore2", "upscore16", "up[1]"]),
        (["score2", "re:^de"], [], ["upscore2", "deconv"]),
        (["*"], ["up"], ["deconv", "Upper"]),
        (["up"], ["re:[0-9]$"], ["up[1]"]),
        (["up", "upscore"], [], ["upscore2", "upscore16", "up[1]"]),  # each once
        (["data"], [], []),
    ],
)
def test_only_deconvolutions_are_matched_each_once_in_the_nets_order(
    net: ds.Net, patterns: list[str], exclude: list[str], matched: list[str]
) -> None:
    assert [layer.name for layer in ds.match_layers(net, patterns, exclude).matched] == matched


def test_what_fits_but_is_another_type_is_left_alone_and_listed(net: ds.Net) -> None:
    selection = ds.match_layers(net, ["up"], ["upscore2", "data"])
    assert [layer.name for layer in selection.left_alone] == ["group_conv"]
    assert [layer.name for layer in selection.excluded] == ["data", "upscore2"]


@pytest.mark.parametrize(
    ("states", "names"),
    [
        ([ds.NetState(ds.Phase.TEST)], ["upscore2", "upscore16", "deconv", "Upper"]),
        ([ds.NetState(ds.Phase.TRAIN)], ["upscore2", "upscore16", "deconv", "up[1]", "Upper"]),
        (None, ["upscore2", "upscore16", "deconv", "up[1]", "Upper"]),
        ([ds.NetState(ds.Phase.TEST, 0, ("deploy",))], ["upscore2", "upscore16", "deconv"]),
        ([], []),
    ],
)
def test_layers_of_any_of_the_states(
    net: ds.Net, states: Sequence[ds.NetState] | None, names: list[str]
) -> None:
    assert [layer.name for layer in ds.match_layers(net, ["*"], (), states).matched] == names
    active = [layer.name for layer in active_layers(net, states)]
    assert [name for name in active if name not in ("data", "group_conv")] == names


def test_v1_deconvolutions_are_matched_by_todays_type() -> None:
    v1 = ds.parse_net(b'layers { name: "up" type: DECONVOLUTION } layers { name: "up2" type: 4 }')
    selection = ds.match_layers(v1)
    assert [layer.name for layer in selection.matched] == ["up"]
    assert [layer.name for layer in selection.left_alone] == ["up2"]


def test_in_a_net_of_long_names_each_pattern_is_spelt_out() -> None:
    """Whether one is a part of another would take long to say."""
    names = [f"{'up' * half}{each}" for half in (200, 450) for each in range(60)]
    patterns = exact_patterns(names)
    assert patterns == {name: rf"re:\A{name}\Z" for name in names}
    deconvolutions = "".join(f'layer {{ name: "{name}" type: "Deconvolution" }}' for name in names)
    net = ds.parse_net(deconvolutions.encode())
    for name in names[::50]:
        assert [each.name for each in ds.match_layers(net, patterns[name]).matched] == [name]


# --- nothing matched


def nothing(net: ds.Net, patterns: list[str], exclude: Sequence[str] = ()) -> ds.SelectionError:
    return nothing_matched(net, patterns, net.states(), exclude)


def test_nothing_matched_lists_the_layers_the_nearest_and_the_option(
    net: ds.Net, words: Words
) -> None:
    error = nothing(net, ["upscor3"])
    assert names(error.message) == [
        *("upscor3", "upscore2", "upscore16", "deconv", "up[1]", "Upper")
    ]
    assert "patterns='upscore2'" in str(error.hint)
    assert names(str(error.hint)) == ["upscore2", "*"]
    words(error)


def test_nothing_near_names_the_option_that_takes_the_first(net: ds.Net, words: Words) -> None:
    error = nothing(net, ["zzz", "re:upscore99"])
    assert names(str(error.hint))[0] == "upscore2"
    words(error)


def test_nothing_is_left_after_excluding(net: ds.Net, words: Words) -> None:
    error = nothing(net, ["up", "dec"], ["*"])
    assert names(error.message)[:2] == ["up", "dec"]
    assert "`exclude=…`" in str(error.hint)
    words(error)


def test_a_long_list_is_cut(words: Words) -> None:
    text = "".join(f'layer {{ name: "d{i}" type: "Deconvolution" }}' for i in range(1000))
    error = nothing(ds.parse_net(text.encode()), ["up"])
    assert names(error.message) == ["up", *(f"d{i}" for i in range(12))]
    assert error.message.endswith("…")
    words(error)


def test_no_deconvolution_at_all(words: Words) -> None:
    net = ds.parse_net(b'layer { name: "up" type: "Convolution" }')
    error = nothing(net, ["up"])
    assert "every_layer=True" in str(error.hint)
    words(error)
    assert "allow_empty=True" in str(
        nothing_matched(net, ["up"], net.states(), can_be_empty=True).hint
    )


def test_none_that_is_active(words: Words) -> None:
    text = b'layer { name: "up" type: "Deconvolution" include { stage: "s" } }'
    error = nothing(ds.parse_net(text), ["up"])
    assert "phase=…" in str(error.hint)
    words(error)


# --- patterns that somebody else wrote


@given(st.text("*?[]!-ab^", max_size=10), st.text("ab[]-!^", max_size=6))
def test_a_glob_is_what_pythons_is(glob: str, name: str) -> None:
    if any(mark in glob for mark in "*?["):
        assert name_test(glob)(name) == fnmatchcase(name, glob)


@pytest.mark.parametrize("pattern", ["re:[[a]--b]", "re:[a||b]", "re:[&&a]", "[[a]--b]"])
def test_what_python_warns_of_is_a_pattern(pattern: str) -> None:
    re.purge()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        name_test(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "re:a(?i)b",
        "re:(?a)(?u)",
        "re:(?L)a",
        "re:a{" + "9" * 4085 + "}",
        "re:\\" + "9" * 4085,
        "re:(?(" + "9" * 4085 + ")a)",
        "re:" + "(" * 4093,
        "re:(?P<" + "a" * 4000 + "-",
        "re:(?<=a*)",
        "re:\\N{x}",
        "x" * 4097,
        "*" * 4097,
        "re:" + "x" * 1_000_000,
    ],
    ids=lambda pattern: pattern[:8],
)
def test_a_pattern_that_cannot_be_is_refused_in_a_line(pattern: str, words: Words) -> None:
    with pytest.raises(ds.ArgumentError) as raised:
        name_test(pattern)
    assert len(raised.value.message) < 200
    words(raised.value.hint or "")


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("[" * 4096, False),
        ("[a" * 2048, False),
        ("[!" * 2048, False),
        ("*a" * 2048, True),
        ("*a*a*a*a*a*a*a*b", False),
        ("*" * 4095 + "b", False),
        ("?" * 4095 + "*", True),
        ("[z-a" * 1023 + "]", False),
        ("[!b]*" * 800 + "b", False),
        ("x" * 4096, False),
    ],
    ids=lambda pattern: str(pattern)[:8],
)
def test_time_follows_the_lengths(pattern: str, fits: bool) -> None:
    """Each of these took minutes, or the square of its length, in some way of matching."""
    assert name_test(pattern)("a" * 100_000) is fits


def test_messages_quote_at_most_a_line_of_names_and_patterns() -> None:
    many, long = ["up" * 500] * 1000, "s" * 1_000_000
    net = ds.parse_net(b'layer { name: "%s" type: "Deconvolution" }' % long.encode())
    for error in (nothing_matched(net, many, net.states()), no_such_layer(many, [long])):
        assert len(error.message) < 1000
        assert len(error.hint or "") < 200


def test_many_texts_are_looked_up_whatever_their_number() -> None:
    """A command that repairs a net of thousands names each of its layers."""

    def calls(number: int) -> int:
        net = ds.Net(layers=tuple(ds.Layer(0, f"crop{each}", "Crop") for each in range(10)))
        patterns = [f"up{each:05}" for each in range(number)]
        count = 0

        def called(_frame: FrameType, event: str, _argument: object) -> None:
            nonlocal count
            count += event == "call"

        match_layers(net, patterns[:2])  # what is made once
        before = sys.getprofile()
        sys.setprofile(called)
        try:
            match_layers(net, patterns)
        finally:
            sys.setprofile(before)
        return count

    once, twice, four = map(calls, (500, 1000, 2000))
    assert four - twice == 2 * (twice - once)
    assert twice - once < 500 * 20  # some calls a pattern, none a pattern and layer
    names = [f"up{each:05}" for each in range(500)]
    layers = tuple(
        ds.Layer(at, f"a {name}, long", "Deconvolution") for at, name in enumerate(names)
    )
    found = match_layers(ds.Net(layers=layers), names[::2])
    assert [layer.name for layer in found.matched] == [layer.name for layer in layers[::2]]
