"""Rules by the beginning of their ids."""

from __future__ import annotations

from pathlib import Path

import pytest

import deconvsurgery as ds
from deconvsurgery.rules.finding import RULES, rules_named
from deconvsurgery.strict_values.rule_ids import rules_among
from helpers.models import write_demo
from helpers.runs import run_here
from helpers.words import Words, names


def test_rules_by_the_beginning_of_their_ids(words: Words) -> None:
    assert rules_named(["DS"]) == {*RULES}
    assert rules_named(["ds01, DS003"]) == {
        "DS003",
        *(rule for rule in RULES if rule.startswith("DS01")),
    }
    for wrong in ("", "DS099", "D1", "E501", "DS001,,DS002"):
        with pytest.raises(ds.ArgumentError) as raised:
            rules_named([wrong])
        assert names(raised.value.message) == ["" if "," in wrong else wrong]
        words(raised.value)


def test_what_rules_there_are_is_said_of_those_there_are() -> None:
    known = [rule for rule in RULES if rule not in ("DS004", "DS012")]
    with pytest.raises(ds.ArgumentError) as raised:
        rules_among(known, ["DS012"])
    last = max(RULES)
    assert raised.value.hint == f"rules are DS001 to DS003, DS005 to DS011, DS013 to {last}"


def test_no_rule_is_left(tmp_path: Path, words: Words) -> None:
    """Whoever asks by no rule would be told that nothing was found."""
    net, model = (write_demo(tmp_path) / name for name in ("net", "in"))
    before = {path.name: path.read_bytes() for path in (net, model)}
    for select, ignore in (("DS002", "DS002"), ("DS00", "ds0"), ((), "DS"), ("DS001", "DS,DS002")):
        with pytest.raises(ds.ArgumentError) as raised:
            ds.check(net, model, select=select, ignore=ignore)
        words(raised.value, "selected" if select else "all")
        with pytest.raises(ds.ArgumentError):
            ds.fix(net, model, select=select, ignore=ignore)
        options = ["--ignore", ignore, *(["--select", str(select)] if select else [])]
        for form in ([], ["--json"], ["--fix"], ["--exit-zero"]):
            code, _, _ = run_here(tmp_path, "check", *options, *form, net.name, model.name)
            assert code == 2
    assert {path.name: path.read_bytes() for path in (net, model)} == before
    # With what the settings say.
    (tmp_path / "deconvsurgery.toml").write_text("ignore = 'DS001'")
    assert run_here(tmp_path, "check", "--select", "DS001", net.name, model.name)[0] == 2
    assert run_here(tmp_path, "check", "--isolated", "--select", "DS001", net.name)[0] == 0
    assert run_here(tmp_path, "check", "--explain", "DS001", "--ignore", "DS")[0] == 0
