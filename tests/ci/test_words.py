"""The golden file of words: what a sentence is, and that nothing stands there for nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

import deconvsurgery as ds
from helpers.words import (
    TESTS,
    Words,
    merged,
    names,
    numbers,
    read,
    sentence,
    sentences_of,
    shapes,
    write,
)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("'up': kernel 3x3 at stride 2 has 1,234 values", "'…': kernel # at stride # has # values"),
        ("shape (3, 1, 4, 4), not (3,) or (2, ?)", "shape (#), not (#) or (#)"),
        ("BVLC's and NVIDIA's 'a'", "BVLC's and NVIDIA's '…'"),
        ("see /a/b/in.caffemodel:3:5 or s3://b/k", "see PATH:#:# or PATH"),
        ("net.prototxt:3: off by 1e-05, -0.5 and 0xff", "FILE:#: off by #, # and #"),
        ("DS001, V2 and k=2 (see docs/cli.md)", "DS001, V2 and k=# (see docs/cli.md)"),
        ('"a\\"b" and\n  more', "'…' and more"),
    ],
)  # fmt: skip
def test_a_sentence_is_what_does_not_vary(text: str, left: str) -> None:
    assert sentence(text) == left


def test_facts_are_taken_out_of_a_sentence() -> None:
    text = "layer 'up 2': 3x3, 1,234 values in (3, 1, 4, 4) and \"b\""
    assert names(text) == ["up 2", "b"]
    assert numbers(text) == [3, 3, 1234, 3, 1, 4, 4]
    assert shapes(text) == [(3, 1, 4, 4)]


def test_an_error_says_its_message_and_its_hint() -> None:
    assert sentences_of(ds.ShapeError("is wrong", hint="do this")) == ["is wrong", "do this"]
    assert sentences_of(ds.ShapeError("is wrong")) == ["is wrong [no hint]"]
    assert sentences_of(ValueError("is wrong")) == ["is wrong"]
    assert sentences_of(["a", "b"]) == ["a", "b"]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    catalogue = {"b c": {"x.py::test_b[case]", "x.py::test_a"}, "a": {"x.py::test_c"}}
    write(catalogue, tmp_path / "words.txt")
    assert read(tmp_path / "words.txt") == catalogue
    assert read(tmp_path / "none.txt") == {}


def test_other_words_are_an_error_that_shows_both() -> None:
    known = {"is #": {"x.py::test_a"}, "was": {"x.py::test_a[case]"}}
    words = Words("x.py::test_a", "", known, None)
    words("is 7")
    words("was", "case")
    for said, case in (("was", ""), ("is 7", "case"), ("other", "")):
        with pytest.raises(AssertionError, match=said.replace("7", "#")):
            words(said, case)


def test_nothing_said_is_an_error() -> None:
    with pytest.raises(AssertionError, match="nothing"):
        Words("x.py::test_a", "", {}, {})([])


def test_an_update_replaces_what_ran_and_keeps_the_rest() -> None:
    here = "ci/test_words.py::test_facts_are_taken_out_of_a_sentence"
    other = "ci/test_words.py::test_an_error_says_its_message_and_its_hint"
    old = {"old": {here, f"{here}[case]"}, "kept": {other}, "gone": {"ci/test_words.py::test_no"}}
    assert merged(old, {"new": {here}}, {here}) == {"kept": {other}, "new": {here}}


def test_each_test_in_the_golden_file_is_there() -> None:
    tests = {test.partition("[")[0] for tests in read().values() for test in tests}
    for test in sorted(tests):
        path, _, function = test.partition("::")
        assert f"def {function}(" in (TESTS / path).read_text("utf-8"), test
