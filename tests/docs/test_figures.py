"""The pictures show what the tool prints now, load nothing, and each stands in both themes.

What is compared is what a reader sees: the sign in each cell of the terminal, its colour, whether
it is bold, what is behind it. One side is read out of the committed file, the other is made of a
run's own escape sequences, without the code that draws. Bytes would be compared sooner, but those
depend on how the installed rich spells an SVG, which may change with any version; where the tool
prints something else, or a theme gets another colour, this fails as surely.

Where it fails: ``python docs/figures/make.py``, and look at what has become of them.
"""

from __future__ import annotations

import re
import runpy
import subprocess
import xml.etree.ElementTree as ET
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from rich.cells import cell_len
from rich.color import blend_rgb
from rich.console import Console
from rich.text import Text

import deconvsurgery as ds
from helpers.places import ROOT
from helpers.runs import environment

PLACE = ROOT / "docs" / "figures"
SVG = "{http://www.w3.org/2000/svg}"
made: dict[str, Any] = runpy.run_path(str(PLACE / "make.py"))
FIGURES, LOOKS = made["FIGURES"], made["LOOKS"]
FILES = [f"{name}-{kind}.svg" for name in FIGURES for kind in LOOKS]
DIM = 0.4  # how far dim goes to the background


class Cell(NamedTuple):
    """What is seen in one cell."""

    sign: str
    colour: str
    bold: bool
    behind: str | None


Cells = dict[tuple[int, int], Cell]


@cache
def printed(name: str) -> Text:
    """What the command prints now."""
    return Text.from_ansi(made["run"](FIGURES[name]))


def cells_of_run(page: Text, columns: int, look: Any) -> Cells:
    """Cell by cell, as a terminal of so many columns and those colours shows it."""
    theme = look.theme
    console = Console(width=10_000, color_system="truecolor", force_terminal=True)
    found: Cells = {}
    row = 0
    for line in page.split("\n", allow_blank=True):
        column = 0
        for segment in line.render(console):
            style = console.get_style(segment.style or "")
            fore = (style.color or console.get_style("default").color).get_truecolor(theme)
            back = style.bgcolor.get_truecolor(theme, foreground=False) if style.bgcolor else None
            if style.dim:
                fore = blend_rgb(fore, back or theme.background_color, DIM)
            for sign in segment.text:
                assert cell_len(sign) == 1
                if column and column % columns == 0:
                    row, column = row + 1, 0
                behind = back.hex if back else None
                found[row, column] = Cell(sign, fore.hex, bool(style.bold), behind)
                column += 1
        row += 1
    return seen(found)


def seen(cells: Cells) -> Cells:
    """Without cells where nothing is to be seen; a space has no colour."""
    kept: Cells = {}
    for place, cell in cells.items():
        if cell.sign != " ":
            kept[place] = cell
        elif cell.behind:
            kept[place] = Cell(" ", "", False, cell.behind)
    return kept


def cells_of_svg(text: str) -> Cells:
    """The same, read out of a picture."""
    root = ET.fromstring(text)
    styles = dict(re.findall(r"\.([\w-]+-r\d+) \{ (.*?) \}", text))
    (height,) = re.findall(r"line-height: ([\d.]+)px", text)
    texts = [each for each in root.iter(f"{SVG}text") if each.get("clip-path")]
    one = next(iter(texts))
    wide = float(one.get("textLength", 0)) / len(one.text or "")
    behind: dict[tuple[int, int], str] = {}
    for rect in root.iter(f"{SVG}rect"):
        if rect.get("shape-rendering"):
            row = int(float(rect.get("y", 0)) / float(height))
            first = round(float(rect.get("x", 0)) / wide)
            for column in range(first, first + round(float(rect.get("width", 0)) / wide)):
                behind[row, column] = rect.get("fill", "")
    found = {place: Cell(" ", "", False, fill) for place, fill in behind.items()}
    for each in texts:
        css = styles[each.get("class", "")]
        (colour,) = re.findall(r"fill: (#[0-9a-f]{6})", css)
        row = int(each.get("clip-path", "").rpartition("-")[2].rstrip(")"))
        first = round(float(each.get("x", 0)) / wide)
        assert each.get("textLength") == format(wide * len(each.text or ""), "g")
        for column, sign in enumerate((each.text or "").replace("\xa0", " "), first):
            place = row, column
            found[place] = Cell(sign, colour, "font-weight: bold" in css, behind.get(place))
    return seen(found)


def rows(cells: Cells) -> list[str]:
    """The signs alone, to be read where a test fails."""
    height = 1 + max(row for row, _ in cells)
    lines = [[" "] * (1 + max(column for _, column in cells)) for _ in range(height)]
    for (row, column), cell in cells.items():
        lines[row][column] = cell.sign
    return ["".join(line).rstrip() for line in lines]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name == "misspelt" else pytest.mark.campaign)
        for name in FIGURES
    ],
)
def test_the_committed_pictures_show_what_a_run_prints_now(name: str) -> None:
    page = printed(name)
    for kind, look in LOOKS.items():
        expected = cells_of_run(page, FIGURES[name].columns, look)
        committed = cells_of_svg((PLACE / f"{name}-{kind}.svg").read_text("utf-8"))
        assert rows(committed) == rows(expected)
        assert committed == expected
        # As the script draws it with the rich that is here; colours are a matter of that rich.
        drawn = made["drawn"](page, FIGURES[name].columns, look, f"{name}-{kind}")
        assert rows(cells_of_svg(drawn)) == rows(committed)


def test_the_pictures_are_those_of_the_table() -> None:
    kinds = [f"{name}-{kind}.svg" for name in FIGURES for kind in LOOKS]
    assert sorted(kinds) == sorted(FILES)


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_pages_show_pictures_that_are_there_and_say_what_is_in_them() -> None:
    shown = set()
    for page in PAGES:
        text = page.read_text("utf-8")
        pictures = re.findall(r"!\[([^\]]*)\]\(([^)]+\.svg)\)", text)
        pictures += [(alt, at) for at, alt in re.findall(r'<img src="(.*?)" alt="(.*?)">', text)]
        for alt, target in pictures:
            assert (page.parent / target).resolve().parent == PLACE, (page, target)
            assert len(alt.encode()) > 100, (page, alt)
            shown.add(Path(target).name)
        assert text.count(".svg") == len(pictures) + text.count("<source ")
    assert {"apply-light.svg", "check-light.svg", "misspelt-light.svg"} <= shown <= {*FILES}
    source = r'<source media="\(prefers-color-scheme: dark\)" srcset="(.*)-dark.svg">'
    both = source + r'\n +<img src="\1-light.svg" '
    readme = PAGES[0].read_text("utf-8")
    assert len(re.findall(both, readme)) == readme.count("<picture>") == 2


def test_the_first_picture_is_described_as_it_is() -> None:
    """Numbers and names of the alternative text stand in the picture."""
    (alt,) = re.findall(r'apply-light.svg" alt="(.*?)"', PAGES[0].read_text("utf-8"))
    told = set(re.findall(r"upscore2?|missing|bilinear|created|[\d.,]*\d", alt))
    signs = "\n".join(rows(cells_of_svg((PLACE / "apply-light.svg").read_text("utf-8"))))
    assert len(told) == 9
    assert [each for each in told if each not in signs] == []


def test_nothing_else_lies_there() -> None:
    assert sorted(path.name for path in PLACE.iterdir() if path.suffix != ".py") == sorted(FILES)


@pytest.mark.parametrize("file", FILES)
def test_a_picture_is_complete_in_itself(file: str) -> None:
    """No address but the name of the format, no script, no font; of modest size."""
    text = (PLACE / file).read_text("utf-8")
    assert re.findall(r"\w+://[^\s\"']+", text) == ["http://www.w3.org/2000/svg"]
    for word in ("@font-face", "@import", "<script", "<image", "href", "<foreignObject"):
        assert word not in text
    assert set(re.findall(r"url\((.)", text)) == {"#"}
    assert re.search(r"font-family: ui-monospace, .*, monospace;", text)
    assert len(text) < 160_000


def contrast(one: str, other: str) -> float:
    """Of two colours, as WCAG 2 defines it: 1 to 21."""

    def luminance(colour: str) -> float:
        parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
        red, green, blue = (
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("file", FILES)
def test_what_is_said_can_be_read(file: str) -> None:
    """Contrast of at least 3 for every word, and of 7 for what has no colour of its own."""
    look = LOOKS[file.removesuffix(".svg").rpartition("-")[2]]
    assert contrast(look.foreground, look.background) > 7
    colours = {
        cell.colour
        for cell in cells_of_svg((PLACE / file).read_text("utf-8")).values()
        if not cell.behind and cell.sign.isalnum()
    }
    assert [each for each in colours if contrast(each, look.background) < 3] == []


def test_a_picture_that_is_not_true_is_noticed() -> None:
    text = (PLACE / "apply-dark.svg").read_text("utf-8")
    right = cells_of_svg(text)
    assert cells_of_svg(text.replace("0.5625", "0.5624")) != right
    assert cells_of_svg(text.replace("#3fb950", "#3fb951")) != right
    assert cells_of_svg(text.replace("font-weight: bold", "font-weight: thin")) != right


def test_the_block_in_the_picture_of_check_repairs_the_pair(tmp_path: Path) -> None:
    page = printed("check").plain
    block = page.partition("repair, all of it:\n")[2].partition("\nafter that")[0]
    made["lay"](tmp_path)
    done = subprocess.run(["sh", "-c", block], cwd=tmp_path, env=environment(), capture_output=True)
    assert done.returncode == 0, done.stderr
    last = block.splitlines()[-1].split()
    nets = [word for word in block.split() if word.endswith(".prototxt")]
    assert ds.check(tmp_path / nets[-1], tmp_path / last[-1]).findings == ()


def test_the_site_shows_the_picture_of_its_own_look() -> None:
    """``only-light`` and ``only-dark`` are classes of the theme's style."""
    pytest.importorskip("sphinx")
    in_both_looks = runpy.run_path(str(ROOT / "docs" / "conf.py"))["in_both_looks"]
    page = (ROOT / "docs" / "kernels.md").read_text("utf-8")
    (light,) = re.findall(r"\(figures/(\S*)-light\.svg\)", page)
    shown = in_both_looks(page)
    for look in ("light", "dark"):
        assert f"```{{image}} figures/{light}-{look}.svg\n" in shown
        assert f"\n:class: only-{look}\n" in shown
    assert "![" not in shown
