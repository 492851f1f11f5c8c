"""The Chinese pages say what the English ones do: the same commands, marks, headings and links."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from helpers.places import ROOT

PAGES = {
    ROOT / "docs" / "zh" / "README.md": ROOT / "README.md",
    ROOT / "docs" / "zh" / "two-ways.md": ROOT / "docs" / "two-ways.md",
    ROOT / "docs" / "zh" / "tutorial.md": ROOT / "docs" / "tutorial.md",
    ROOT / "docs" / "zh" / "verbs" / "apply.md": ROOT / "docs" / "verbs" / "apply.md",
    ROOT / "docs" / "zh" / "verbs" / "check.md": ROOT / "docs" / "verbs" / "check.md",
}
PAIRS = pytest.mark.parametrize(("chinese", "english"), PAGES.items(), ids=lambda page: page.name)
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
HAN = "[\u4e00-\u9fff]"


def prose(page: Path) -> str:
    """Without blocks and code."""
    return re.sub(r"`[^`\n]+`", "`", FENCED.sub("", page.read_text("utf-8")))


def targets(page: Path) -> set[Path]:
    """The files that it links to."""
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8"))
    links += re.findall(r'<img src="([^"]+)"', page.read_text("utf-8"))
    return {Path(os.path.normpath(page.parent / link)) for link in links}


def originals(pages: set[Path]) -> set[Path]:
    """A page that has a translation counts as one page."""
    return {PAGES.get(each, each) for each in pages}


def test_all_are_known() -> None:
    assert sorted(PAGES) == sorted((ROOT / "docs" / "zh").rglob("*.md"))


@PAIRS
def test_code_is_the_same_in_both(chinese: Path, english: Path) -> None:
    blocks = [FENCED.findall(page.read_text("utf-8")) for page in (chinese, english)]
    assert len(blocks[1]) > 1
    assert blocks[0] == blocks[1]
    marks = [re.findall(r"<!-- .*? -->", page.read_text("utf-8")) for page in (chinese, english)]
    assert marks[0] == marks[1]


@PAIRS
def test_headings_and_tables_are_as_many(chinese: Path, english: Path) -> None:
    for begins in ("#+ ", r"\|", "- "):
        found = [
            re.findall(rf"^{begins}", prose(page), re.MULTILINE) for page in (chinese, english)
        ]
        assert found[0] == found[1], begins


@PAIRS
def test_links_lead_to_the_same_pages(chinese: Path, english: Path) -> None:
    assert [target for target in targets(chinese) if not target.exists()] == []
    assert originals(targets(english)) - {english} <= originals(targets(chinese))
    # Where a page has a translation, its reader gets that.
    assert targets(chinese) & {*PAGES.values()} == {english}


@PAIRS
def test_each_names_the_other_language_first(chinese: Path, english: Path) -> None:
    back = os.path.relpath(english, chinese.parent)
    assert f"[English]({back})" in chinese.read_text("utf-8").splitlines()[2]
    there = os.path.relpath(chinese, english.parent)
    assert english.read_text("utf-8").splitlines()[2] == f"English · [中文]({there})"


@PAIRS
def test_it_is_set_as_chinese_is(chinese: Path, english: Path) -> None:
    """Signs of full width beside Chinese ones, a space beside Latin ones, no line ends within."""
    text = prose(chinese)
    assert len(re.findall(HAN, text)) > 300
    assert re.findall(rf"{HAN}[,:;?!].?|[,:;?!]{HAN}", text) == []
    assert re.findall(rf"{HAN}[A-Za-z0-9`].?|[A-Za-z0-9`]{HAN}", text) == []
    assert re.findall(rf"({HAN}|[，、；：])\n({HAN}.*)", text) == []
