"""``inspect`` and ``check`` find the same: each once, in the same words and place."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

import deconvsurgery as ds
from helpers.places import LAYOUTS, NETS

MODEL = re.compile(r"\.(caffemodel|h5|bin)(\.h5)?$")
Pair = tuple[Path | None, Path | None]

# What the tests ship: nets alone, models alone, and each of the pairs that belong together.
SHIPPED: list[Pair] = [
    *((path, None) for path in sorted(NETS.glob("*.prototxt"))),
    *((path.with_suffix(".prototxt"), path) for path in sorted(LAYOUTS.glob("*.caffemodel"))),
    *((None, path) for path in sorted(LAYOUTS.glob("*.caffemodel"))[::4]),
]


def said(finding: ds.Finding) -> str:
    """All of it but the repair, which only a check tries."""
    return repr(finding._replace(repair=None))


def held_to_agree(pair: Pair, pattern: str) -> int:
    """Every field of every finding is the same in both; how many there are.

    With ``up`` as without a pattern: a row a Deconvolution; with ``*`` a row a layer.
    """
    every_layer = pattern == "*"
    try:
        checked = ds.check(*pair, patterns=pattern, allow_empty=True).findings
    except ds.FormatError as error:
        with pytest.raises(ds.FormatError, match=re.escape(str(error))):
            ds.inspect(*pair)
        return 0
    result = ds.inspect(*pair, patterns=pattern if every_layer else None, every_layer=every_layer)
    found = [each for row in result.layers for each in row.findings] + [*result.net_findings]
    assert sorted(map(said, found)) == sorted(map(said, checked)), pair
    for row in result.layers:
        assert all(each.layer == row.name for each in row.findings), pair
    if every_layer:
        # What is left is about files, or about several layers at once.
        rows = {row.name for row in result.layers}
        assert not any(each.layer in rows for each in result.net_findings), pair
    return len(checked)


@pytest.mark.parametrize("pattern", ["up", "*"])
def test_they_agree_on_what_is_shipped(pattern: str) -> None:
    found = sum(held_to_agree(pair, pattern) for pair in SHIPPED)
    assert found > 10


def test_a_pair_that_does_not_belong_together() -> None:
    nets = sorted(NETS.glob("*.prototxt"))
    models = sorted(LAYOUTS.glob("*.caffemodel"))
    found = sum(held_to_agree((net, model), "*") for net, model in product(nets[::3], models[::12]))
    assert found > 10


def test_a_page_of_inspect_has_the_repairs_of_check() -> None:
    """Those that were tried: with what is printed, not what a rule would suggest."""
    tried = 0
    for pair in SHIPPED:
        result = ds.inspect(*pair, pictures=True)
        found = [each for row in result.layers for each in row.findings] + [*result.net_findings]
        checked = ds.check(*pair, allow_empty=True).findings
        assert sorted(map(repr, found)) == sorted(map(repr, checked)), pair
        tried += sum(bool(each.repair and each.repair.steps) for each in checked)
    assert tried > 3


def at_hand(shared: Path) -> list[Pair]:
    """Every net and every model alone, and each net with each model of its folder."""
    found: list[Pair] = []
    for folder in ("nets", "models", "cases"):
        nets = sorted((shared / folder).rglob("*.prototxt*"))
        models = sorted(p for p in (shared / folder).rglob("*.*") if MODEL.search(p.name))
        found += [(net, None) for net in nets] + [(None, model) for model in models]
        found += [pair for pair in product(nets, models) if pair[0].parent == pair[1].parent]
    return found


@pytest.mark.campaign
def test_they_agree_on_all_that_is_published(shared: Path) -> None:
    pairs = at_hand(shared)
    assert len(pairs) > 250
    found = sum(held_to_agree(pair, "*") for pair in pairs)
    assert found > 100
