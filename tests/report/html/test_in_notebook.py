"""Results in a real notebook: executed by a kernel, rendered by nbconvert, looked at in Chromium.

Skipped where nbconvert, a Python kernel, Chromium or its driver are not installed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.browser import BROWSER, DESKTOP, DRIVER, Browser, driver
from helpers.models import write_demo

nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
pytest.importorskip("ipykernel", reason="ipykernel is not installed")
nbconvert = pytest.importorskip("nbconvert", reason="nbconvert is not installed")

pytestmark = [
    pytest.mark.campaign,
    pytest.mark.skipif(
        not (BROWSER and DRIVER), reason="Chromium and its driver are not installed"
    ),
    pytest.mark.xdist_group("chromium"),
]

FILES = "'net.prototxt', 'in.caffemodel'"
CELLS = (
    f"import deconvsurgery as ds\nds.apply({FILES}, 'out.caffemodel')",
    f"ds.inspect({FILES})",
    f"ds.check({FILES})",
    "ds.diff('in.caffemodel', 'out.caffemodel')",
    "ds.convert('in.caffemodel', values='float64', dry_run=True)",
    "ds.patch_net('net.prototxt', dry_run=True)",
    "ds.regroup('net.prototxt', 'out.caffemodel', patterns='upscore2', dry_run=True)",
    f"ds.transplant({FILES}, apply=True, dry_run=True)",
    "ds.kernel(4)",
    f"ds.html_report(ds.apply({FILES}, dry_run=True, pictures=True))",
)
# Each coloured word against what is really behind it.
CONTRAST = """
const dot = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
const seen = (colour, below) => {
  dot.fillStyle = below; dot.fillRect(0, 0, 1, 1);
  dot.fillStyle = colour; dot.fillRect(0, 0, 1, 1);
  return [...dot.getImageData(0, 0, 1, 1).data].slice(0, 3);
};
const light = rgb => rgb.map(each => each / 255)
  .map(each => each <= .04045 ? each / 12.92 : ((each + .055) / 1.055) ** 2.4)
  .reduce((sum, each, place) => sum + each * [.2126, .7152, .0722][place], 0);
const behind = element => {
  for (let each = element; each; each = each.parentElement) {
    const colour = getComputedStyle(each).backgroundColor;
    if (colour !== 'rgba(0, 0, 0, 0)' && colour !== 'transparent') return colour;
  }
  return 'white';
};
const found = [...document.querySelectorAll('.jp-OutputArea-output [style*="color-mix(in srgb"]')]
  .filter(each => each.style.color && each.textContent.trim());
return found.map(each => {
  const below = `rgb(${seen(behind(each), 'white').join(',')})`;
  const ink = seen(getComputedStyle(each).color, below);
  const [one, other] = [light(ink), light(seen(below, below))];
  return (Math.max(one, other) + .05) / (Math.min(one, other) + .05);
});
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The notebook's page by the theme of JupyterLab, and one without results."""
    place = tmp_path_factory.mktemp("notebook")
    write_demo(place, "net.prototxt", "in.caffemodel")
    made = nbformat.v4
    text = made.new_markdown_cell("A paragraph.\n\n| a | b |\n|---|---|\n| 1 | 2 |")
    notebook = made.new_notebook(cells=[text, *map(made.new_code_cell, CELLS)])
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_RUNTIME_DIR", str(place / "runtime"))
        patch.setenv("IPYTHONDIR", str(place / "ipython"))
        run = nbconvert.preprocessors.ExecutePreprocessor(timeout=300, kernel_name="python3")
        bare = nbformat.from_dict(notebook)
        run.preprocess(notebook, {"metadata": {"path": os.fspath(place)}})
    for name, theme, each in (
        ("light", "light", notebook),
        ("dark", "dark", notebook),
        ("without", "light", bare),
    ):
        exporter = nbconvert.HTMLExporter(template_name="lab", theme=theme)
        body, _ = exporter.from_notebook_node(each)
        found[name] = place / f"{name}.html"
        found[name].write_text(body, "utf-8")
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with driver() as address:
        opened = Browser(address)
        try:
            yield opened
        finally:
            opened.call("DELETE", opened.session)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_result_is_a_table_that_can_be_read(
    theme: str, browser: Browser, pages: dict[str, Path]
) -> None:
    browser.open(pages[theme], DESKTOP)
    outputs = "[...document.querySelectorAll('.jp-OutputArea-output')]"
    assert browser.run(f"return {outputs}.length") == len(CELLS)
    assert browser.run(f"return {outputs}.filter(each => each.querySelector('style')).length") == 0
    ratios = browser.run(CONTRAST)
    assert len(ratios) > 20
    assert min(ratios) >= 4.5
    # Nothing sticks out of its cell.
    wide = f"return {outputs}.filter(each => each.scrollWidth > each.clientWidth).length"
    assert browser.run(wide) == 0


def test_what_stands_around_it_stays_as_it_is(browser: Browser, pages: dict[str, Path]) -> None:
    style = """
      return ['p', 'table', 'td', 'th'].map(tag => {
        const found = document.querySelector('.jp-MarkdownOutput ' + tag);
        const style = getComputedStyle(found);
        return [...style]  // but for what goes by the window: a long page has a bar to scroll it
          .filter(name => !/size|width|height|origin|margin/.test(name))
          .map(name => name + ':' + style.getPropertyValue(name)).join(';');
      });
    """
    found = []
    for name in ("light", "without"):
        browser.open(pages[name], DESKTOP)
        found.append(browser.run(style))
    assert found[0] == found[1]


def test_the_page_is_in_a_frame_without_rights(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["light"], DESKTOP)
    frame = "document.querySelector('iframe')"
    assert browser.run(f"return {frame}.getAttribute('sandbox')") == ""
    assert browser.run(f"return {frame}.contentDocument") is None
    assert browser.run(f"return {frame}.getBoundingClientRect().height") > 400
    assert browser.run("return document.scripts.length") == len(
        re.findall("<script", pages["without"].read_text("utf-8"))
    )
    wanted = {"using": "css selector", "value": "iframe"}
    element = browser.call("POST", f"{browser.session}/element", wanted)
    browser.call("POST", f"{browser.session}/frame", {"id": element})
    assert browser.comes_to("return document.querySelector('h1')?.textContent", "in.caffemodel")
    assert browser.run("return document.querySelectorAll('section.layer').length") == 2
    browser.call("POST", f"{browser.session}/frame", {"id": None})
