"""The page of ``--report`` in a real browser: headless Chromium, driven over WebDriver's JSON.

Skipped where Chromium and its driver are not installed (Debian: chromium, chromium-driver).
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.browser import BROWSER, DESKTOP, DRIVER, PHONE, Browser, driver
from helpers.campaigns import campaign_but
from helpers.models import write_demo
from helpers.runs import run_here

pytestmark = [
    pytest.mark.skipif(
        not (BROWSER and DRIVER), reason="Chromium and its driver are not installed"
    ),
    pytest.mark.xdist_group("chromium"),
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with driver() as address:
        opened = Browser(address)
        try:
            yield opened
        finally:
            opened.call("DELETE", opened.session)


NET = """input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }
layer { name: "up_<b>a name that is long, and goes on_for_ever_and_ever_without_a_place_to_break_it"
  type: "Deconvolution" bottom: "data" top: "up"
  convolution_param { num_output: 3 kernel_size: 4 stride: 2 } }
layer { name: "upscore" type: "Deconvolution" bottom: "up" top: "score"
  convolution_param { num_output: 3 group: 3 kernel_size: 16 stride: 8 pad: 4 } }
"""
LINES = {
    "apply": "apply --report {} net in out",
    "inspect": "inspect --report {} odd in",
    "check": "check --report {} -p * net full odd in",
}


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("pages")
    write_demo(place)
    (place / "odd").write_text(NET)
    run_here(place, "apply", "net", "in", "full")
    for name, line in LINES.items():
        code, _, errors = run_here(place, *line.format(f"{name}.html").split())
        assert code in (0, 1), errors
    return {name: place / f"{name}.html" for name in LINES}


@pytest.mark.parametrize("name", campaign_but(["apply"], LINES))
def test_it_opens_without_a_complaint(name: str, browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages[name])
    assert browser.log() == []
    found = browser.run(
        "return {mode: document.compatMode, scripts: document.scripts.length,"
        " titles: document.querySelectorAll('h2').length, title: document.title,"
        " drawn: [...document.querySelectorAll('svg[role=img]')]"
        "   .filter(each => each.getBoundingClientRect().width < 20).length,"
        " loaded: performance.getEntriesByType('resource').filter("
        "   each => !each.name.startsWith('data:')).length}"
    )
    assert (found["mode"], found["scripts"]) == ("CSS1Compat", 0)
    assert found["titles"] >= 2
    assert found["title"].endswith(f"deconvsurgery {name}")
    assert (found["drawn"], found["loaded"]) == (0, 0)


def test_what_a_page_shows(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["apply"])
    count = "return document.querySelectorAll('{}').length"
    expected = {
        ".graph .matched": 2, "section.layer": 2, "section.layer .card": 14, ".chart": 6,
        "table.rows tbody tr": 2, "svg.heat": 12,
    }  # fmt: skip
    found = {each: browser.run(count.format(each)) for each in expected}
    assert found == expected
    browser.open(pages["check"])
    assert browser.run("return document.querySelectorAll('details[open]').length") == 0
    # A link to a rule unfolds it where a browser can; the target is there in any case.
    browser.run("document.querySelector('a[href^=\"#DS\"]').click()")
    assert browser.comes_to("return location.hash.startsWith('#DS')", True)


def test_the_policy_is_in_force(browser: Browser, pages: dict[str, Path]) -> None:
    """What a name could do at worst is forbidden by the page itself."""
    page = pages["apply"].read_text("utf-8")
    planted = "<script>document.title = 'run'</script><p id='blue' style='color: blue'>a</p>"
    worse = pages["apply"].with_name("worse.html")
    worse.write_text(page.replace("<main>", f"<main>{planted}"), "utf-8")
    browser.open(worse)
    assert browser.run("return document.title") != "run"
    told = browser.log()
    assert len([each for each in told if "Content Security Policy" in each["message"]]) == 2
    colour = "return getComputedStyle(document.getElementById('blue')).color"
    assert browser.run(colour) != "rgb(0, 0, 255)"


@pytest.mark.parametrize("name", campaign_but(["check"], LINES))
@pytest.mark.parametrize("size", campaign_but([PHONE], [PHONE, (320, 640), DESKTOP]))
def test_nothing_sticks_out(
    name: str, size: tuple[int, int], browser: Browser, pages: dict[str, Path]
) -> None:
    browser.open(pages[name], size)
    found = browser.run(
        "const wide = document.documentElement.clientWidth;"
        "const scrolls = each => each.closest('.scroll, pre, .unseen, svg');"
        "return [document.documentElement.scrollWidth - wide,"
        " [...document.body.querySelectorAll('*')].filter(each => !scrolls(each)"
        "  && each.getBoundingClientRect().right > wide + 1)"
        "  .map(each => each.outerHTML.slice(0, 80))]"
    )
    assert found == [0, []]


# Every text against what lies behind it, as WCAG 2.2 (1.4.3) has it.
CONTRAST = """
const parts = colour => colour.match(/[\\d.]+/g).map(Number);
const linear = part => (part /= 255) <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4;
const luminance = ([r, g, b]) => .2126 * linear(r) + .7152 * linear(g) + .0722 * linear(b);
const behind = element => {
  for (let each = element; each; each = each.parentElement) {
    const found = parts(getComputedStyle(each).backgroundColor);
    if (found.length === 3 || found[3] > 0) return found;
  }
};
const low = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
let count = 0;
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || element.closest('title, desc, style')) continue;
  count += 1;
  const style = getComputedStyle(element);
  const ink = parts(element.closest('svg') ? style.fill : style.color);
  const box = element.closest('g.step')?.querySelector('rect');
  const fill = box && getComputedStyle(box).fill;
  const paper = fill && fill !== 'none' ? parts(fill) : behind(element);
  const [one, two] = [luminance(ink), luminance(paper)];
  const ratio = (Math.max(one, two) + .05) / (Math.min(one, two) + .05);
  if (ratio < 4.5) low.push([walker.currentNode.data, ratio]);
}
return [count, low, parts(getComputedStyle(document.body).backgroundColor)];
"""


@pytest.mark.parametrize("name", campaign_but(["apply"], LINES))
def test_every_text_stands_out_in_light_and_in_dark(
    name: str, browser: Browser, pages: dict[str, Path]
) -> None:
    papers = []
    for dark in (False, True):
        browser.open(pages[name], dark=dark)
        count, low, paper = browser.run(CONTRAST)
        assert count > 50
        assert low == []
        papers.append(sum(paper[:3]))
    assert papers[0] > 3 * 200
    assert papers[1] < 3 * 60


def test_the_keyboard_reaches_what_can_be_used(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["check"])
    keys = [{"type": kind, "value": "\ue004"} for kind in ("keyDown", "keyUp")]
    tab = {"actions": [{"type": "key", "id": "keyboard", "actions": keys}]}
    reached: set[str] = set()
    for _ in range(60):
        browser.call("POST", f"{browser.session}/actions", tab)
        tag, outlined = browser.run(
            "const at = document.activeElement;"
            "return [at.tagName + '.' + at.className, getComputedStyle(at).outlineStyle]"
        )
        if tag.startswith("BODY"):
            if reached:
                break
            continue  # a page that has only just come may not hear the first keys
        assert outlined == "solid", tag
        reached.add(tag)
    assert reached >= {"A.", "PRE.command", "SUMMARY.", "DIV.scroll"}


def test_a_click_selects_a_whole_command(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["check"])
    code = browser.call(
        "POST", f"{browser.session}/element", {"using": "css selector", "value": ".command code"}
    )
    (found,) = code.values()
    browser.call("POST", f"{browser.session}/element/{found}/click", {})
    assert browser.comes_to("return getSelection().toString().startsWith('deconvsurgery ')", True)


def test_on_paper_everything_is_unfolded_and_light(
    browser: Browser, pages: dict[str, Path]
) -> None:
    browser.open(pages["check"], dark=True)
    unseen = (
        "return [...document.querySelectorAll('details p')]"
        ".filter(each => !each.checkVisibility({contentVisibilityAuto: true})).length"
    )
    assert browser.run(unseen) > 0
    features = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.devtools("Emulation.setEmulatedMedia", media="print", features=features)
    assert browser.comes_to(unseen, 0)
    paper = "return getComputedStyle(document.body).backgroundColor"
    assert browser.comes_to(paper, "rgb(255, 255, 255)")
    kept = (
        "return [...document.querySelectorAll('details pre, .card')]"
        ".every(each => getComputedStyle(each).breakInside === 'avoid')"
    )
    assert browser.comes_to(kept, True)
    alone = (
        "return [...document.querySelectorAll('h2, h3, summary, details p:has(+ pre)')]"
        ".filter(each => getComputedStyle(each).breakAfter !== 'avoid').length"
    )
    assert browser.comes_to(alone, 0)


def test_a_printed_page_is_filled(browser: Browser, pages: dict[str, Path]) -> None:
    """The table and the drawing are on the first sheet, what is seen of two layers on three."""
    browser.open(pages["apply"])
    printed = b64decode(browser.call("POST", f"{browser.session}/print", {}))
    assert printed.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type /Page\b", printed)) <= 4
