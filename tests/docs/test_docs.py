"""What the documents say is there: links, options, states, rules, examples of documents.

What they run is run by ``tests/docs/test_manual.py``.
"""

from __future__ import annotations

import doctest
import importlib
import json
import re
from contextlib import chdir
from inspect import isfunction
from pathlib import Path

import jsonschema
import pytest

import deconvsurgery as ds
from helpers.commands import RULES, VERBS, options_of
from helpers.manual.blocks import PAGES, page_name
from helpers.models import write_demo
from helpers.places import PACKAGE, ROOT

README = (ROOT / "README.md").read_text("utf-8")


MODULES = sorted(
    ".".join(("deconvsurgery", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(
        ".__init__"
    )
    for path in PACKAGE.rglob("*.py")
    if ">>> " in path.read_text("utf-8")
)


def test_the_first_screen_has_two_set_up_commands() -> None:
    first_screen = README.splitlines()[:26]
    assert len([line for line in first_screen if line.startswith("python3 -m venv")]) == 2
    assert [line for line in first_screen if line.startswith("<picture>")]
    assert "[中文](docs/zh/README.md)" in first_screen[2]
    law = "bytes outside the rewritten blobs are identical, and a failed run loses nothing"
    assert law in README.partition("```")[0]


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_examples_of_documents_fit_their_schema(page: Path) -> None:
    """And have every key."""
    for text in re.findall(r"```json\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
        document = json.loads(text)
        jsonschema.validate(document, ds.json_schema(document["command"]))


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_links_lead_somewhere(page: Path) -> None:
    """To a file, and in a page to a heading, as GitHub and the site both spell it."""
    for target, heading in re.findall(
        r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", page.read_text("utf-8")
    ):
        there = page.parent / target if target else page
        assert there.exists(), target
        assert not heading or heading in headings(there), (target, heading)


def headings(page: Path) -> set[str]:
    """The places of a page that can be linked to."""
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("verb", VERBS)
def test_the_page_of_a_verb_names_its_options(verb: str) -> None:
    """In its own words, and all of them once more on the site, where sphinx-click lists them."""
    overview = (ROOT / "docs" / "cli.md").read_text("utf-8")
    assert re.search(rf"^\| \[`{verb}[ `].*\]\(verbs/{verb}\.md\) \|", overview, re.MULTILINE)
    page = (ROOT / "docs" / "verbs" / f"{verb}.md").read_text("utf-8")
    assert page.startswith(f"# {verb}\n")
    assert page.endswith(f"<!-- options: {verb} -->\n")
    prose = prose_of(page)
    missing = [
        option
        for option in options_of(verb)
        if option.startswith("--") and not re.search(rf"[`/]{option}\b(?!-)", prose)
    ]
    assert missing == []
    # An option that stands alone between backticks is one of this tool's.
    every = {option for each in VERBS for option in options_of(each)} | {"--help", "--version"}
    assert set(re.findall(r"`(--[a-z][a-z-]*)[`/ ]", prose)) - every == set()


def prose_of(page: str) -> str:
    """Without blocks of code and comments."""
    return "".join(re.split(r"^```.*?^```$|<!--.*?-->", page, flags=re.DOTALL | re.MULTILINE))


def test_every_verb_has_its_page_and_nothing_else_has() -> None:
    pages = {page.stem for page in (ROOT / "docs" / "verbs").iterdir()}
    assert pages == set(VERBS)


def test_the_page_of_the_api_has_every_public_name_once() -> None:
    """In what the site shows of the code itself; the guide names what there is."""
    page = (ROOT / "docs" / "api.md").read_text("utf-8")
    shown = [name for names in re.findall(r"<!-- api: (.*?) -->", page) for name in names.split()]
    assert sorted(shown) == sorted([*ds.__all__, *(f"types.{name}" for name in ds.types.__all__)])
    guide = (ROOT / "docs" / "python.md").read_text("utf-8")
    functions = [name for name in ds.__all__ if isfunction(getattr(ds, name))]
    assert [name for name in functions if f"`{name}`" not in prose_of(guide)] == []
    assert [name for name in re.findall(r"\bds\.(\w+)", guide) if name not in dir(ds)] == []


def test_every_state_and_finding_is_documented() -> None:
    page = (ROOT / "docs" / "verbs" / "inspect.md").read_text("utf-8")
    assert [state for state in ds.WeightState if f"`{state}`" not in page] == []
    rules = (ROOT / "docs" / "rules.md").read_text("utf-8")
    assert re.findall(r"^## (DS\d+): ", rules, re.MULTILINE) == list(RULES)


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_in_docstrings_are_true(module: str, tmp_path: Path) -> None:
    """In a folder with the demo's pair, as those of docs/python.md."""
    write_demo(tmp_path, "net.prototxt", "in.caffemodel")
    with chdir(tmp_path):
        outcome = doctest.testmod(importlib.import_module(module))
    assert outcome.failed == 0
    assert outcome.attempted > 0


def test_the_modules_with_examples_are_found() -> None:
    assert len(MODULES) > 20
    assert "deconvsurgery.prototxt.selection" in MODULES
