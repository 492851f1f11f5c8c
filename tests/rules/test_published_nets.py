"""Published nets and models under every rule: the counts that ``docs/rules.md`` explains."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

import deconvsurgery as ds
from deconvsurgery.rules.finding import RULES
from deconvsurgery.rules.rule_pages import explanation
from helpers.places import DOCS

PAGE = (DOCS / "rules.md").read_text("utf-8")


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def nets(shared: Path) -> list[Path]:
    rows = table(shared / "nets" / "INDEX.tsv")
    return [shared / "nets" / row["short-name"] / row["file"] for row in rows]


def pairs(shared: Path) -> list[tuple[Path, Path]]:
    found = []
    for row in table(shared / "models" / "INDEX.tsv"):
        named = re.search(r"pair=(\S+)", row["notes"])
        folder = shared / "models" / row["short-name"]
        if named and not row["format"].startswith("prototxt") and (folder / named[1]).exists():
            found.append((folder / named[1], folder / row["file"]))
    return found


def count(results: list[ds.CheckResult]) -> Counter[str]:
    return Counter(finding.id for result in results for finding in result.findings)


def told(pattern: str, column: int) -> dict[str, int]:
    """A column of the page's table."""
    rows = re.findall(r"^\| (DS\d{3}) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (.+) \|$", PAGE, re.M)
    assert [row[0] for row in rows] == sorted(RULES)
    assert all(len(row[5]) > 20 for row in rows)
    return {row[0]: int(row[column]) for row in rows}


@pytest.mark.parametrize(("pattern", "column"), [("up", 1), ("*", 2)])
def test_nets_in_the_wild(pattern: str, column: int, shared: Path) -> None:
    results, unread = [], 0
    paths = nets(shared)
    for path in paths:
        try:
            results.append(ds.check(path, patterns=pattern, allow_empty=True))
        except (ds.PrototxtError, ds.FormatError):
            unread += 1
    assert f"{len(paths)} published nets ({len(results)} of which can be read)" in PAGE
    assert unread == 9
    assert dict(count(results)) == {key: n for key, n in told(pattern, column).items() if n}


@pytest.mark.parametrize(("pattern", "column"), [("up", 3), ("*", 4)])
def test_pairs_in_the_wild(pattern: str, column: int, shared: Path) -> None:
    paths = pairs(shared)
    results = [ds.check(*each, patterns=pattern, allow_empty=True) for each in paths]
    assert f"{len(paths)} published pairs" in PAGE
    found = count(results)
    assert dict(found) == {key: n for key, n in told(pattern, column).items() if n}
    assert not {"DS004", "DS005", "DS006"} & {*found}  # none is a false one


def test_every_rule_has_its_page_in_the_docs() -> None:
    """The docs repeat the pages that the tool prints, one heading lower."""
    for rule in RULES:
        assert f"\n#{explanation(rule).strip()}\n" in PAGE, f"docs/rules.md: copy {rule}.md to it"
