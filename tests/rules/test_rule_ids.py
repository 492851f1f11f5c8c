"""Rules by the beginning of their ids."""

from __future__ import annotations

import pytest

import deconvsurgery as ds
from deconvsurgery.rules.finding import RULES, rules_named
from helpers.words import Words, names


def test_rules_by_the_beginning_of_their_ids(words: Words) -> None:
    assert rules_named(["DS"]) == {*RULES}
    assert rules_named(["ds01, DS003"]) == {
        "DS003",
        *(rule for rule in RULES if rule.startswith("DS01")),
    }
    for wrong in ("", "DS099", "D1", "E501", "DS001,,DS002"):
        with pytest.raises(ds.SelectionError) as raised:
            rules_named([wrong])
        assert names(raised.value.message) == ["" if "," in wrong else wrong]
        words(raised.value)
