"""The fuzzing harnesses on all that was ever found, on their seeds, and on planted faults.

Needs no fuzzer. A finding is a file in ``tests/fuzz/findings/HARNESS``; here it stays found out.
"""

from __future__ import annotations

import importlib
import json
import random
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from helpers.places import TESTS

FUZZ = TESTS / "fuzz"
TARGETS = (
    *("index", "net", "splice", "apply", "url", "rows", "results", "patch"),
    *("settings", "lists", "command"),
)
FINDINGS = sorted((FUZZ / "findings").glob("*/*"))


@pytest.fixture(scope="session")
def loaded() -> Callable[[str], Any]:
    """The harnesses and what lies beside them: scripts, which find each other by their folder."""
    sys.path.insert(0, str(FUZZ))
    try:
        names = (*TARGETS, "seeds", "words", "mutation", "json_mutation", "oracle")
        return {name: importlib.import_module(name) for name in names}.__getitem__
    finally:
        sys.path.remove(str(FUZZ))


@pytest.mark.parametrize("path", FINDINGS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_was_found_is_fixed(path: Path, loaded: Callable[[str], Any]) -> None:
    loaded(path.parent.name).check(path.read_bytes())


@pytest.mark.parametrize("target", TARGETS)
def test_seeds(target: str, loaded: Callable[[str], Any]) -> None:
    harness, seeds = loaded(target), list(loaded("seeds").seeds(target))
    assert len(seeds) >= 30
    for seed in seeds:
        harness.check(seed)


def test_the_dictionaries_are_what_the_script_makes(loaded: Callable[[str], Any]) -> None:
    words = loaded("words")
    for name, make in words.DICTIONARIES.items():
        assert (FUZZ / name).read_text("utf-8") == words.dictionary(make()), name


# --- a harness that finds nothing is worth nothing


def found(harness: ModuleType, seeds: list[bytes]) -> bool:
    for seed in seeds:
        try:
            harness.check(seed)
        except (AssertionError, ValueError):  # the latter of a strict zip
            return True
    return False


def test_a_layer_that_is_not_indexed_is_found(
    loaded: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    harness, right = loaded("index"), loaded("index").index
    monkeypatch.setattr(harness, "index", lambda source: _short(right(source)))
    assert found(harness, list(loaded("seeds").seeds("index")))


def _short(model: Any) -> Any:
    return model.with_layers(model.layers[:-1])


def test_a_net_that_is_read_wrongly_is_found(
    loaded: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    harness, right = loaded("net"), loaded("net").as_net
    monkeypatch.setattr(harness, "as_net", lambda written: _swapped(right(written)))
    assert found(harness, list(loaded("seeds").seeds("net")))


def _swapped(net: Any) -> Any:
    layers = tuple(each._replace(bottom=each.top, top=each.bottom) for each in net.layers)
    return net._replace(layers=layers)


def test_a_patch_that_does_more_is_found(
    loaded: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    harness, right = loaded("net"), loaded("net").spliced
    monkeypatch.setattr(harness, "spliced", lambda *given: right(*given).replace(b"# two", b"#"))
    assert found(harness, list(loaded("seeds").seeds("net")))


@pytest.mark.parametrize("target", ["splice", "apply"])
def test_a_byte_that_changes_is_found(
    target: str, loaded: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last byte of a file, whatever it is of."""
    harness, right = loaded(target), loaded(target).spliced

    def wrong(data: bytes, edits: Any) -> bytes:
        after = bytearray(right(data, edits))
        after[-1:] = [after[-1] ^ 1] if edits and after else []
        return bytes(after)

    monkeypatch.setattr(harness, "spliced", wrong)
    seeds = list(loaded("seeds").seeds(target))
    assert found(harness, seeds)


def test_wrong_values_are_found(
    loaded: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = loaded("apply")
    monkeypatch.setattr(harness, "edits", lambda plan, model: [])
    assert found(harness, list(loaded("seeds").seeds("apply")))


@pytest.mark.parametrize("scheme", ["memory", "gs"])
def test_a_scheme_that_is_taken_for_another_is_found(
    scheme: str, loaded: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    schemes = loaded("url").address.SCHEMES
    monkeypatch.setitem(schemes, scheme, schemes["s3"])
    loaded("url").address.store_of.cache_clear()
    try:
        assert found(loaded("url"), list(loaded("seeds").seeds("url")))
    finally:
        loaded("url").address.store_of.cache_clear()


def test_a_row_that_says_something_else_is_found(
    loaded: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    harness, right = loaded("rows"), loaded("rows").read_row
    seeds = list(loaded("seeds").seeds("rows"))
    wrong = {"requests": 3, "model": "other", "seal": "other", "outcome": "begun"}
    for name, value in wrong.items():
        monkeypatch.setattr(
            harness, "read_row", lambda *a, n=name, v=value, **k: right(*a, **k)._replace(**{n: v})
        )
        assert found(harness, seeds), name


def test_a_file_that_is_cut_wrongly_is_found(
    loaded: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = loaded("results")
    monkeypatch.setattr(harness.results_file, "is_cut_row", lambda *_a, **_k: True)
    assert found(harness, list(loaded("seeds").seeds("results")))


def test_ranges_that_are_not_looked_at_are_found(
    loaded: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = loaded("patch")
    monkeypatch.setattr("deconvsurgery.splicing.undo_patch._confirm_order", lambda undo: None)
    assert found(harness, list(loaded("seeds").seeds("patch")))


def test_a_patch_that_makes_something_else_is_found(
    loaded: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    harness, right = loaded("patch"), loaded("patch").edits_of
    monkeypatch.setattr(harness, "edits_of", lambda *given: right(*given)[:-1])
    assert found(harness, list(loaded("seeds").seeds("patch")))


def test_a_pair_that_is_left_out_is_found(
    loaded: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    harness, right = loaded("settings"), loaded("settings").settings_in

    def wrong(*given: Any, **more: Any) -> Any:
        settings = right(*given, **more)
        return settings and settings._replace(pairs=settings.pairs[:-1])

    monkeypatch.setattr(harness, "settings_in", wrong)
    assert found(harness, list(loaded("seeds").seeds("settings")))


def test_a_line_that_is_taken_for_another_is_found(
    loaded: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = loaded("lists")
    monkeypatch.setattr(harness.expansion, "_paths_on", lambda line: {"net": "other"})
    assert found(harness, list(loaded("seeds").seeds("lists")))


@pytest.mark.parametrize("fault", ["another code", "a file", "words", "nothing is left"])
def test_a_command_that_does_more_is_found(
    fault: str, loaded: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = loaded("command")

    def wrong(_arguments: list[str]) -> int:
        if fault == "a file":
            Path("other").touch()
        if fault == "nothing is left":
            Path("in").unlink()
        if fault == "words":
            sys.stderr.write("Traceback")
        return 141 if fault == "another code" else 0

    monkeypatch.setattr(harness, "run", wrong)
    with pytest.raises(AssertionError):
        harness.check(b"\0inspect")


# --- mutations


def test_mutations_keep_the_lengths_true(loaded: Callable[[str], Any]) -> None:
    """Half of them are blind; of the others nearly all are still messages, and other ones."""
    chance = random.Random(3)

    def blind(data: bytes, _size: int) -> bytes:
        at = chance.randrange(len(data) + 1)
        return data[:at] + b"\xff" + data[at + 1 :]

    oracle = loaded("oracle")
    mutator = loaded("mutation").WireMutator(blind, loaded("words").wire_fields(), 2)
    model = b"??" + next(loaded("seeds").models())
    mutated = [mutator(model, 256, seed) for seed in range(400)]
    whole = [each for each in mutated if oracle.read(oracle.WHOLE, each[2:]) is not None]
    assert max(map(len, mutated)) <= 256
    assert len(set(mutated)) > 100
    assert len(whole) > 200


def test_mutations_keep_braces_in_pairs(loaded: Callable[[str], Any]) -> None:
    """As above; the blind half is left out, for it would break any text."""
    net, words = loaded("net"), [b"pad: 1"]
    mutator = loaded("mutation").TextMutator(lambda data, _size: data, words, 1)
    text = next(loaded("seeds").seeds("net"))
    mutated = [mutator(text, 256, seed) for seed in range(400)]
    whole = [each for each in mutated if net._parsed(net._decoded(each[1:]))[0] is not None]
    assert max(map(len, mutated)) <= 256
    assert len(set(mutated)) > 100
    assert len(whole) > 250


def test_mutations_of_json_are_mostly_json(loaded: Callable[[str], Any]) -> None:
    """Half of them are, by Python's reader; the blind ones are left out."""
    words = list(loaded("words").json_words())
    mutator = loaded("json_mutation").JsonMutator(lambda data, _size: data, words, 1)
    row = next(loaded("seeds").seeds("rows"))
    mutated = [mutator(row, 600, seed) for seed in range(400)]
    whole = [each for each in mutated if _is_json(each[1:])]
    assert max(map(len, mutated)) <= 600
    assert len(set(mutated)) > 200
    assert len(whole) > 150


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data.decode("utf-8", "surrogateescape"))
    except ValueError:
        return False
    return True
