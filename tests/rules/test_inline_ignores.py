"""Comments in a net that say which findings are meant to be so, and those that hide nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deconvsurgery as ds
from deconvsurgery.prototxt.ignore_comments import IgnoreComment, ignore_comments
from helpers.documents import parsed_json
from helpers.models import model_bytes
from helpers.runs import run_here
from helpers.words import Words, names, numbers

# Breaks DS007, DS009 and DS010: line 2 is the layer's, line 3 its parameters'.
HEAD = 'input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }'
FIRST = 'layer { name: "up" type: "Deconvolution" bottom: "data" top: "up"'
PARAM = "  convolution_param { num_output: 3 group: 3 kernel_size: 4 stride: 2 } }"


def text_of(*, above: str = "", on: str = "", within: str = "", top: str = "") -> str:
    lines = [top, HEAD, above, f"{FIRST}  {on}", f"{PARAM}  {within}", ""]
    return "\n".join(line for line in lines if line.strip()) + "\n"


def checked(text: str, **options: Any) -> ds.CheckResult:
    return ds.check(ds.parse_net(text.encode()), **options)


def ids(result: ds.CheckResult) -> list[str]:
    return [each.id for each in result.findings]


def comment(words: str) -> str:
    return f"# deconvsurgery: {words}"


def test_without_a_comment_three_rules_are_broken() -> None:
    result = checked(text_of())
    assert (ids(result), result.ignored, result.notes) == (["DS007", "DS009", "DS010"], 0, ())


@pytest.mark.parametrize("place", ["above", "on", "within", "top"])
def test_a_comment_hides_what_it_names(place: str) -> None:
    word = "ignore-file" if place == "top" else "ignore"
    result = checked(text_of(**{place: comment(f"{word} DS007, DS010")}))
    assert (ids(result), result.ignored, result.notes) == (["DS009"], 2, ())
    result = checked(text_of(**{place: comment(word)}))
    assert (ids(result), result.ignored, result.notes) == ([], 3, ())


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ("ignore DS007", ["DS009", "DS010"]),
        ("ignore ds007", ["DS009", "DS010"]),
        ("ignore DS007 DS009", ["DS010"]),
        ("ignore DS007,DS009,DS010 -- the fork's Crop makes it good", []),
        ("ignore DS01", ["DS007", "DS009"]),
        ("ignore DS00", ["DS010"]),
        ("ignore -- meant so", []),
    ],
)
def test_rules_as_a_comment_names_them(words: str, left: list[str]) -> None:
    assert ids(checked(text_of(on=comment(words)))) == left


@pytest.mark.parametrize(
    "said", ["ignore DS099", "ignore DS007 because", "ignor DS007", "ignore DS007, E501", ""]
)
def test_what_means_nothing_hides_nothing_and_is_said(said: str, words: Words) -> None:
    result = checked(text_of(on=comment(said)))
    assert (ids(result), result.ignored) == (["DS007", "DS009", "DS010"], 0)
    (note,) = result.notes
    assert numbers(note)[0] == 2
    words(note)


def test_a_string_is_no_comment() -> None:
    text = text_of().replace('"up"', '"up # deconvsurgery: ignore"')
    assert ids(checked(text)) == ["DS007", "DS009", "DS010"]


def test_another_layer_is_left_alone() -> None:
    other = f"{FIRST}\n{PARAM}\n".replace('"up"', '"up2"')
    result = checked(text_of(on=comment("ignore DS009")) + other)
    assert [each.layer for each in result.findings if each.id == "DS009"] == ["up2"]
    result = checked(text_of() + comment("ignore DS009") + "\n\n# of the second\n\n" + other)
    assert [each.layer for each in result.findings if each.id == "DS009"] == ["up"]


def test_a_finding_may_be_hidden_where_it_stands() -> None:
    """DS007 is the Deconvolution's, and stands at the Crop that has the wrong offset."""
    crop = (
        'layer { name: "crop" type: "Crop" bottom: "up" bottom: "up3" top: "c"\n'
        "  crop_param { axis: 2 offset: 5 } %s }\n"
    )
    up3 = f"{FIRST}\n{PARAM}\n".replace('top: "up"', 'top: "up3"').replace(
        'name: "up"', 'name: "n"'
    )
    text = text_of() + up3 + crop
    (found,) = (each for each in checked(text % "").findings if each.id == "DS007")
    assert (found.layer, found.line) == ("up", 6)
    for hidden in (
        text % f"{comment('ignore DS007')}\n",
        comment("ignore-file DS007\n") + text % "",
    ):
        assert "DS007" not in ids(checked(hidden))


# ── unused ones ─────────────────────────────────────────────────────────────────────────


def test_a_comment_that_hides_nothing_is_said(words: Words) -> None:
    result = checked(text_of(on=comment("ignore DS007, DS008")))
    (note,) = result.notes
    assert "DS008" in note
    assert numbers(note) == [2]
    words(note)
    (note,) = checked(text_of(above=comment("ignore-file DS008, DS013"))).notes
    words(note)


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("ignore DS002", {}),  # nobody has a model
        ("ignore DS008", {"select": "DS007"}),
        ("ignore DS008", {"ignore": "DS008"}),
        ("ignore DS008", {"patterns": "other", "allow_empty": True}),
        ("ignore-file DS008", {"patterns": "other", "allow_empty": True}),
        ("ignore", {"patterns": "other", "allow_empty": True}),
    ],
)
def test_what_was_not_asked_is_not_unused(words: str, options: dict[str, Any]) -> None:
    assert checked(text_of(on=comment(words)), **options).notes == ()


def test_a_layer_of_another_phase_is_not_asked() -> None:
    text = text_of(on=comment("ignore DS008")).replace(
        'top: "up"', 'top: "up" include { phase: TRAIN }'
    )
    assert checked(text, phase="test", allow_empty=True).notes == ()
    assert len(checked(text, phase="train").notes) == 1


# ── with a model, in documents, and through repairs ────────────────────────────────────


@pytest.fixture
def zero(tmp_path: Path) -> Path:
    path = tmp_path / "zero.caffemodel"
    path.write_bytes(
        model_bytes({"up": [np.zeros((3, 1, 4, 4)), np.zeros(3)]}, kind="Deconvolution")
    )
    return path


def test_a_comment_for_all_rules_that_hides_nothing_is_said(tmp_path: Path) -> None:
    """Only where every rule was asked, which takes a model: else it may hide what was not."""
    right = PARAM.replace("stride: 2", "stride: 2 pad: 1 bias_term: false")
    text = f"{HEAD}\n{FIRST} param {{ lr_mult: 0 }} {comment('ignore')}\n{right}\n"
    weights = np.broadcast_to(ds.bilinear_kernel(4), (3, 1, 4, 4))
    (tmp_path / "m").write_bytes(model_bytes({"up": [weights]}, kind="Deconvolution"))
    assert checked(text).notes == ()
    with ds.open_model(tmp_path / "m") as model:
        result = ds.check(ds.parse_net(text.encode()), model)
    assert result.findings == ()
    (note,) = result.notes
    assert numbers(note) == [2]


def test_a_finding_of_the_model_is_hidden(zero: Path) -> None:
    with ds.open_model(zero) as model:
        net = ds.parse_net(text_of(on=comment("ignore DS002")).encode())
        result = ds.check(net, model)
        assert "DS002" not in ids(result)
        assert result.ignored == 1
        found = ds.inspect(net, model)
        assert [each.id for row in found.layers for each in row.findings] == ids(result)


def test_a_repair_keeps_the_comment_and_what_it_hides(tmp_path: Path) -> None:
    (tmp_path / "net.prototxt").write_text(text_of(on=comment("ignore DS009")))
    code, out, _ = run_here(tmp_path, "check", "--json", "net.prototxt")
    document = parsed_json(out)
    assert (code, document["pairs"][0]["ignored"]) == (1, 1)
    (found,) = (each for each in document["findings"] if each["id"] == "DS007")
    assert found["command"] is not None
    assert document["pairs"][0]["notes"] == []


def test_a_comment_alone_makes_a_check_pass(tmp_path: Path) -> None:
    (tmp_path / "net.prototxt").write_text(text_of(above=comment("ignore DS007,DS009")))
    assert run_here(tmp_path, "check", "net.prototxt")[0] == 0


# ── the comments of a text ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("# deconvsurgery: ignore", [IgnoreComment(1, (), 1)]),
        ("#deconvsurgery:ignore DS001\n\n# x\na: 1", [IgnoreComment(1, ("DS001",), 4)]),
        ("a: 1 # why # deconvsurgery: ignore DS001\nb: 2", [IgnoreComment(1, ("DS001",), 1)]),
        ("# deconvsurgery: ignore-file DS01", [IgnoreComment(1, ("DS01",), None)]),
        ("a: '\\'# deconvsurgery: ignore'", []),
        ('a: "# deconvsurgery: ignore" # deconvsurgery: ignore', [IgnoreComment(1, (), 1)]),
        ("# deconvsurgery is a tool\n# deconvsurgery: ignore\nc: 1", [IgnoreComment(2, (), 3)]),
    ],
)
def test_comments_of_a_text(text: str, expected: list[IgnoreComment]) -> None:
    assert list(ignore_comments(text)) == expected


def test_many_comments_take_no_longer_than_their_number() -> None:
    text = "# deconvsurgery: ignore DS001\n" * 20_000
    assert {each.about for each in ignore_comments(f"{text}a: 1")} == {20_001}
    assert len(ignore_comments(text)) == 20_000


def test_names_in_a_note_are_quoted() -> None:
    (note,) = checked(text_of(on=comment("ignore because\x1b[31m"))).notes
    assert names(note) == ["because\\x1b[31m"]


def test_a_comment_on_every_rule_need_not_hide_all(tmp_path: Path) -> None:
    """With a model all rules are asked, most of which nothing breaks."""
    (tmp_path / "net").write_text(text_of(top=comment("ignore-file")))
    weights = np.zeros((3, 1, 4, 4), np.float32), np.zeros(3, np.float32)
    (tmp_path / "model").write_bytes(model_bytes({"up": weights}, kind="Deconvolution"))
    result = ds.check(tmp_path / "net", tmp_path / "model")
    assert (ids(result), result.ignored > 0, result.notes) == ([], True, ())
