"""Published nets and models under every rule: the counts that ``docs/rules.md`` explains."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

import deconvsurgery as ds
from deconvsurgery.rules.finding import RULES, explanation
from helpers.places import DOCS, NETS
from helpers.published import nets as published_nets
from helpers.published import pairs as published_pairs

PAGE = (DOCS / "rules.md").read_text("utf-8")


def count(results: list[ds.CheckResult]) -> Counter[str]:
    return Counter(finding.id for result in results for finding in result.findings)


def published(column: str) -> dict[str, int]:
    """A column of the page's table, of the rules that are broken at all."""
    rows = re.findall(r"^\| (DS\d{3}) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (.+) \|$", PAGE, re.M)
    assert [row[0] for row in rows] == sorted(RULES)
    assert all(len(row[5]) > 20 for row in rows)  # each number is explained
    counts = {row[0]: int(row[1 + COLUMNS.index(column)]) for row in rows}
    return {rule: count for rule, count in counts.items() if count}


COLUMNS = ("nets, up", "nets, *", "pairs, up", "pairs, *")

# What some pairs break: rule, layer, line.
FEW = {
    "fsrcnn-x3/snapshot_iter_500.caffemodel": [
        ("DS003", "deconv", 214),
    ],
    "hyperlpr-2017/HorizonalFinemapping.caffemodel": [],
    "mtcnn/det2.caffemodel": [("DS011", None, None)],
    "retinaface-charrin-zero/mnet.caffemodel": [
        ("DS011", "rf_c3_upsampling_", 1276),
        ("DS011", "rf_c2_upsampling_", 1524),
        ("DS011", None, None),
    ],
    "waifu2x-upconv7-mismatch/noise1_model.json.caffemodel": [
        ("DS011", "conv7_layer", 152),
        ("DS020", "loss", 181),  # in TRAIN: its label is smaller than what it is held against
    ],
    "wechat-qr/sr.caffemodel": [
        ("DS003", "upsample/deconv", 306),
    ],
}


# What the small nets break, matched by `*`: rule, layer, line.
SMALL = {
    "classifier-2013": [],
    "classifier-2014": [("DS009", "up_old", 16)],
    "fcn-32": [],
    "fcn-8": [("DS008", "upscore", 27)],
    "generator": [],
    "siamese": [],
    "side-outputs": [("DS009", "upside3", 19), ("DS007", "upside3", 26)],
    "super-resolution": [],
    "unet": [],
}


@pytest.mark.parametrize("name", SMALL)
def test_a_small_net(name: str) -> None:
    found = ds.check(NETS / f"{name}.prototxt", patterns="*", allow_empty=True).findings
    assert [(each.id, each.layer, each.line) for each in found] == SMALL[name]


@pytest.mark.parametrize("name", FEW)
def test_a_pair_in_the_wild(name: str, shared: Path) -> None:
    (pair,) = (pair for pair in published_pairs() if pair[1] == shared / "models" / name)
    found = ds.check(*pair, patterns="*", allow_empty=True).findings
    assert [(each.id, each.layer, each.line) for each in found] == FEW[name]


@pytest.mark.campaign
@pytest.mark.parametrize("pattern", ["up", "*"])
def test_nets_in_the_wild(pattern: str, shared: Path) -> None:
    results, unread = [], 0
    paths = published_nets()
    for path in paths:
        try:
            results.append(ds.check(path, patterns=pattern, allow_empty=True))
        except (ds.PrototxtError, ds.FormatError):
            unread += 1
    assert unread == 9
    assert re.search(rf"\b{len(paths)} published nets \({len(results)} ", PAGE)
    assert dict(count(results)) == published(f"nets, {pattern}")


@pytest.mark.campaign
@pytest.mark.parametrize("pattern", ["up", "*"])
def test_pairs_in_the_wild(pattern: str, shared: Path) -> None:
    paths = published_pairs()
    results = [ds.check(*each, patterns=pattern, allow_empty=True) for each in paths]
    assert re.search(rf"\b{len(paths)} published pairs", PAGE)
    found = count(results)
    assert dict(found) == published(f"pairs, {pattern}")
    assert not {"DS004", "DS005", "DS006"} & {*found}  # none is a false one


def test_every_rule_has_its_page_in_the_docs() -> None:
    """The docs repeat the pages that the tool prints, one heading lower."""
    for rule in RULES:
        assert f"\n#{explanation(rule).strip()}\n" in PAGE, f"docs/rules.md: copy {rule}.md to it"
