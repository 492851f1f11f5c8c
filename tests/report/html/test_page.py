"""The page of ``--report``: needs nothing, says what ``--json`` says, obeys no name."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import cv2
import numpy as np
import pytest

import deconvsurgery as ds
from deconvsurgery.report.cells import Remark, Tone
from deconvsurgery.report.html.chart import Series, chart
from deconvsurgery.report.html.findings import findings_list
from deconvsurgery.report.html.heatmap import STEPS, heat
from deconvsurgery.report.html.markdown import prose
from deconvsurgery.report.html.page_frame import MOST_ROWS, remarks
from deconvsurgery.rules.finding import Repair
from deconvsurgery.rules.repair_step import RepairStep
from deconvsurgery.shapes.upsampling_path import MOST_STEPS
from helpers.campaigns import campaign_but
from helpers.commands import RULES
from helpers.models import NetParameter, demo_net, write_demo
from helpers.runs import COMMAND, environment, run_here, tool
from helpers.words import Words, names, numbers, shapes

HTML, SVG = "{http://www.w3.org/1999/xhtml}", "{http://www.w3.org/2000/svg}"
PageOf: TypeAlias = Callable[[str], bytes]
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's net; a model without upsampling layers, one with, one with every pair bilinear."""
    place = write_demo(tmp_path_factory.mktemp("page"))
    assert run_here(place, "apply", "net", "in", "full")[0] == 0
    model = NetParameter.FromString((place / "full").read_bytes())
    (up,) = (layer for layer in model.layer if layer.name == "upscore2")
    kernel = ds.bilinear_kernel(4)
    up.blobs[0].ClearField("data")
    up.blobs[0].data.extend(np.broadcast_to(kernel, (5, 5, 4, 4)).ravel().tolist())
    (place / "pairs").write_bytes(model.SerializeToString())
    up.blobs[0].data[:] = [0.0] * 400
    (place / "zeros").write_bytes(model.SerializeToString())
    (place / "broken").write_text('layer { name: "a" \n type: }\n')
    (place / "wide.prototxt").write_text(WIDE)
    return place


@pytest.fixture
def place(files: Path, tmp_path: Path) -> Path:
    """Those files, to be written beside."""
    return Path(shutil.copytree(files, tmp_path, dirs_exist_ok=True))


@pytest.fixture(scope="module")
def page_once(files: Path, tmp_path_factory: pytest.TempPathFactory) -> PageOf:
    """The page of a line, made once for all that look at it."""

    @cache
    def made(line: str) -> bytes:
        folder = tmp_path_factory.mktemp("made")
        return page_of(Path(shutil.copytree(files, folder, dirs_exist_ok=True)), line)

    return made


# Layers in a row between two Deconvolutions; one that is dilated; another net for each phase.
WIDE = """
input: "data" input_shape { dim: [1, 2, 8, 8] }
layer { name: "up1" type: "Deconvolution" bottom: "data" top: "a"
  convolution_param { num_output: 2 kernel_size: 4 stride: 2 pad: 1 dilation: 2 } }
layer { name: "r1" type: "ReLU" bottom: "a" top: "a" }
layer { name: "c1" type: "Convolution" bottom: "a" top: "b"
  convolution_param { num_output: 2 kernel_size: 1 } }
layer { name: "r2" type: "ReLU" bottom: "b" top: "b" }
layer { name: "drop" type: "Dropout" bottom: "b" top: "b" }
layer { name: "up2" type: "Deconvolution" bottom: "b" top: "c" include { phase: TEST }
  convolution_param { num_output: 2 kernel_size: 4 stride: 2 pad: 1 } }
layer { name: "up3" type: "Deconvolution" bottom: "b" top: "c" include { phase: TRAIN }
  convolution_param { num_output: 2 kernel_size: 8 stride: 4 pad: 2 } }
"""
LINES = (
    "apply --report page net in out",
    "apply --report page -n net pairs",
    "apply --report page --save-patch patch net pairs out",
    "apply --report page -n net zeros",
    "inspect --report page net pairs",
    "inspect --report page -a net",
    "inspect --report page pairs",
    "inspect --report page zeros",
    "inspect --report page wide.prototxt",
    "check --report page net pairs",
    "check --report page net",
    "check --report page pairs",
    "check --report page net in net pairs broken",
)


def page_of(place: Path, line: str) -> bytes:
    run_here(place, *line.split())
    return (place / "page").read_bytes()


def parsed(page: bytes) -> Element:
    """The page as XML; it is HTML, too, of the same elements."""
    assert page.startswith(b"<!DOCTYPE html>\n<html ")
    tree = ElementTree.fromstring(page)
    strict = Strict()
    strict.feed(page.decode("utf-8"))
    strict.close()
    assert strict.left == []
    assert strict.tags == [each.tag.partition("}")[2].lower() for each in tree.iter()]
    return tree


class Strict(HTMLParser):
    """Every element ends where it should; ``<x/>`` is for void elements and within svg alone."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.left: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        assert tag not in VOID, tag
        self.left.append(tag)
        self.tags.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        assert tag in VOID or "svg" in self.left, tag
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.left.pop() == tag


def text_of(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())


def found(tree: Element, tag: str, kind: str | None = None) -> list[Element]:
    every = (each for each in tree.iter() if each.tag in (HTML + tag, SVG + tag))
    return [each for each in every if kind is None or kind in each.get("class", "").split()]


# --- the page as a whole


@pytest.mark.parametrize("line", LINES)
def test_a_page_is_well_formed_and_loads_nothing(
    line: str, page_once: Callable[[str], bytes]
) -> None:
    page = page_once(line)
    tree = parsed(page)
    assert not found(tree, "script") + found(tree, "link") + found(tree, "iframe")
    for each in tree.iter():
        for attribute, value in each.attrib.items():
            assert not attribute.startswith("on")
            assert attribute != "style"
            if attribute in ("href", "src"):
                assert re.match(r"#|data:image/png;base64,", value)
    addresses = set(re.findall(rb"[a-z]+://[^\s\"<]*", page))
    assert addresses == {b"http://www.w3.org/1999/xhtml", b"http://www.w3.org/2000/svg"}
    (style,) = found(tree, "style")
    assert not re.search(r"@import|url\((?!#)|@font-face", style.text or "")


@pytest.mark.parametrize("line", LINES)
def test_the_policy_allows_its_own_style_alone(
    line: str, page_once: Callable[[str], bytes]
) -> None:
    tree = parsed(page_once(line))
    (policy,) = (
        each.get("content")
        for each in found(tree, "meta")
        if each.get("http-equiv") == "Content-Security-Policy"
    )
    (style,) = found(tree, "style")
    digest = b64encode(hashlib.sha256((style.text or "").encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


@pytest.mark.parametrize("line", LINES)
def test_it_can_be_read_by_everybody(line: str, page_once: PageOf) -> None:
    tree = parsed(page_once(line))
    assert tree.get("lang") == "en"
    levels = [int(each.tag[-1]) for each in tree.iter() if re.search(r"}h\d$", each.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for drawing in found(tree, "svg"):
        if drawing.get("aria-hidden") == "true":
            continue
        assert drawing.get("role") == "img"
        assert drawing.get("aria-label") == text_of(found(drawing, "title")[0])
    for listed in found(tree, "table", "rows"):
        assert text_of(found(listed, "caption")[0])
        for row in found(found(listed, "tbody")[0], "tr"):
            assert [row[0].get("scope"), row[0].get("role")] == ["row", "rowheader"]
            assert {each.get("role") for each in row[1:]} == {"cell"}
        heads = found(found(listed, "thead")[0], "th")
        assert {each.get("scope") for each in heads} == {"col"}
    names = [each.get("id") for each in tree.iter() if each.get("id")]
    assert len(set(names)) == len(names)
    for link in found(tree, "a"):
        assert link.get("href", "")[1:] in names


@pytest.mark.parametrize("line", campaign_but(LINES[:1], LINES[::3]))
def test_the_same_run_writes_the_same_page(line: str, place: Path) -> None:
    pages = set()
    for seed in ("1", "2"):
        (place / "out").unlink(missing_ok=True)
        verb, *rest = line.split()
        tool(verb, place, *rest, "-f", env=environment(PYTHONHASHSEED=seed))
        pages.add((place / "page").read_bytes())
    assert len(pages) == 1


# --- what it says


def rows(tree: Element) -> list[dict[str, str]]:
    table = found(tree, "table", "rows")[0]
    heads = [text_of(each) for each in found(found(table, "thead")[0], "th")]
    return [
        dict(zip(heads, map(text_of, row), strict=True))
        for row in found(found(table, "tbody")[0], "tr")
    ]


def said(value: float | None) -> str:
    return "NaN" if value is None else f"{value:.4g}"


@pytest.mark.parametrize("model", ["in", "full", "pairs"])
def test_apply_shows_the_numbers_of_its_json(model: str, place: Path) -> None:
    line = ("apply", "-n", "--json", "--report", "page", "net", model)
    document = json.loads(run_here(place, *line)[1])
    tree = parsed((place / "page").read_bytes())
    shown = rows(tree)
    assert len(shown) == len(document["layers"]) == 2
    for row, layer in zip(shown, document["layers"], strict=True):
        assert row["layer"] == layer["name"]
        assert row["before"] == layer["before"]
        assert row["after"] == f"→ {layer['after']}"
        assert row["max |Δ|"] == said(layer["max_abs_change"])
        assert row["values changed"] == f"{layer['values_changed']:,}/{layer['values']:,}"
        assert row["action"] == layer["action"]
    for part, layer in zip(found(tree, "section", "layer"), document["layers"], strict=True):
        (numbers,) = found(part, "dl", "numbers")
        told = {text_of(each[0]): text_of(each[1]) for each in numbers}
        assert told["shape"] == f"({', '.join(map(str, layer['shape']))})"
        assert told["max |Δ|"] == said(layer["max_abs_change"])
        assert told["values changed"] == f"{layer['values_changed']:,} of {layer['values']:,}"
    (closing,) = found(tree, "p", "closing")
    printed = run_here(place, "apply", "-n", "net", model)[1].decode()
    assert text_of(closing) == printed.splitlines()[-1]


def test_check_shows_every_finding_of_its_json(place: Path) -> None:
    line = ("check", "--json", "-p", "*", "--frozen", "--report", "page", "net", "pairs")
    document = json.loads(run_here(place, *line)[1])
    tree = parsed((place / "page").read_bytes())
    (listed,) = found(tree, "ul", "findings")
    findings = document["findings"]
    assert len(findings) == len(listed) > 2
    for item, finding in zip(listed, findings, strict=True):
        text = text_of(item)
        assert text.startswith(f"{finding['severity']} {finding['id']} ")
        assert finding["message"] in text
        if finding["line"] is not None:
            assert f"line {finding['line']}" in text
        assert finding["repair"] is None or finding["repair"] in text
        commands = [text_of(each) for each in found(item, "pre", "command")]
        assert commands == [finding["command"]] * (finding["command"] is not None)
        assert [text_of(each) for each in found(item, "dt")] == [
            each.replace("_", " ") for each in finding["numbers"]
        ]
    assert [each.get("id") for each in found(tree, "details")] == sorted(
        {each["id"] for each in findings}
    )


def test_layers_show_before_and_after(place: Path, words: Words) -> None:
    tree = parsed(page_of(place, "apply --report page -n net pairs"))
    first, second = found(tree, "section", "layer")
    assert text_of(found(first, "h3")[0]) == "upscore2"
    labels = [each.get("aria-label", "") for each in found(first, "svg")]
    headings = [text_of(each) for each in found(first, "h4")]
    assert len(labels) == len({*labels})
    assert all("upscore2" in label for label in labels)
    words([*labels, *headings])
    said = [text_of(each) for each in found(first, "p", "said")]
    words(said)
    # The one channel map is a sum, the other is not: what is told of them differs.
    captions = [label.partition(": ")[2] for label in labels if ": " in label]
    before, after = (each for each in captions if each != "4x4")
    assert (numbers(before), numbers(after)) == ([5], [])
    assert text_of(found(second, "h3")[0]) == "upscore"


def test_the_graph_tells_its_lines_in_words(place: Path, words: Words) -> None:
    tree = parsed(page_of(place, "apply --report page -n net in"))
    (graph,) = found(tree, "svg", "graph")
    told = text_of(found(graph, "desc")[0])
    parts = {part.split(", ")[0]: part for part in told.removesuffix(".").split("; ")}
    first = parts["upscore2"].split(", ", 1)[1]
    assert (numbers(first)[:3], shapes(first)[0]) == ([4, 2, 1], (1, 5, 16, 16))
    assert "Deconvolution" in parts["refine"]
    assert [name for name, part in parts.items() if part.endswith(" refine")] == ["upscore2"]
    words(parts.values())
    assert len(found(graph, "g", "matched")) == 2
    assert len(found(graph, "g", "feeds")) == 1


def test_a_model_alone_has_no_graph(place: Path) -> None:
    tree = parsed(page_of(place, "inspect --report page pairs"))
    assert not found(tree, "svg", "graph")
    assert len(found(tree, "section", "layer")) == 3


@pytest.mark.parametrize(
    "line", ["inspect --report page plain", "apply --report page -n --allow-empty plain in"]
)
def test_without_a_layer_to_show_there_is_no_table(line: str, place: Path) -> None:
    (place / "plain").write_text(WIDE.replace("Deconvolution", "Convolution"))
    captions = [text_of(each) for each in found(parsed(page_of(place, line)), "caption")]
    assert not {"Layers", "Matched layers"} & {*captions}


def test_several_pairs_are_a_part_each(place: Path, words: Words) -> None:
    tree = parsed(page_of(place, "check --report page net in net pairs broken"))
    titles = [text_of(each) for each in found(tree, "h2")]
    assert [{*title.split()} & {"net", "in", "pairs", "broken"} for title in titles] == [
        *({"net", "in"}, {"net", "pairs"}, {"broken"}, set()),
    ]
    (title,) = found(tree, "h1")
    assert numbers(text_of(title)) == [3]
    words([*titles, text_of(title), *(text_of(each) for each in found(tree, "h3"))])


def test_a_model_that_cannot_be_read_is_named(place: Path, words: Words) -> None:
    """Of a pair of which nothing was seen there are names, and no sizes."""
    (place / "cut").write_bytes((place / "full").read_bytes()[:-1])
    assert run_here(place, "check", "--report", "page", "net", "cut")[0] == 3
    tree = parsed((place / "page").read_bytes())
    (files,) = found(tree, "dl", "files")
    assert [text_of(each) for each in found(files, "div")] == ["netnet", "modelcut"]
    (title,) = found(tree, "h2")
    words(text_of(title))


# Wide: a cell of its map is two channels a side; so much is cut off that nothing of a picture is
# left. Uneven: an output more than it has channels.
ODD_LAYERS = """
input: "data" input_shape { dim: [1, 65, 16, 16] }
layer { name: "wide" type: "Deconvolution" bottom: "data" top: "wide" convolution_param {
  num_output: 65 group: 65 kernel_size: 4 stride: 2 pad: 14 dilation: 2 bias_term: false } }
layer { name: "score" type: "Convolution" bottom: "wide" top: "score"
  convolution_param { num_output: 2 kernel_size: 1 bias_term: false } }
layer { name: "uneven" type: "Deconvolution" bottom: "score" top: "uneven"
  convolution_param { num_output: 3 kernel_size: 4 stride: 4 bias_term: false } }
"""


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A net of those layers and a model that has weights for each of them."""
    (tmp_path / "net").write_text(ODD_LAYERS)
    model = NetParameter()
    for name, shape in (
        ("wide", (65, 1, 4, 4)),
        ("score", (2, 65, 1, 1)),
        ("uneven", (2, 3, 4, 4)),
    ):
        layer = model.layer.add(
            name=name, type="Convolution" if name == "score" else "Deconvolution"
        )
        layer.blobs.add(data=[0.5] * int(np.prod(shape))).shape.dim.extend(shape)
    (tmp_path / "in").write_bytes(model.SerializeToString())
    return tmp_path


def test_a_layer_that_is_skipped_is_shown_as_it_is(odd: Path, words: Words) -> None:
    line = "apply --report page -n -p * --skip-unfit --any-gain net in"
    assert run_here(odd, *line.split())[0] == 0
    tree = parsed((odd / "page").read_bytes())
    assert [row["action"].partition(":")[0] for row in rows(tree)] == ["rewritten", "skipped"]
    changed, skipped = found(tree, "section", "layer")
    told = [[text_of(each) for each in found(part, "dt")] for part in (changed, skipped)]
    assert told[0][-4:] == ["before", "after", "max |Δ|", "values changed"]
    assert told[1] == ["shape", "group", "kernel", "stride", "pad"]
    before_and_after = [text_of(each) for each in found(changed, "p", "said")]
    before, after = (
        [each.removeprefix(when) for each in before_and_after if each.startswith(when)]
        for when in ("Before: ", "After: ")
    )
    assert before[0] == after[0]  # each channel is a group of its own
    as_it_is = [text_of(each) for each in found(skipped, "p", "said")]
    words(before_and_after, "changed")
    words(as_it_is, "skipped")
    assert [2] in [numbers(each) for each in as_it_is]  # channels that every output sums
    assert not re.search("(?i)before|after", text_of(skipped))
    # Four gains are numbers, before and after; sixteen are a picture.
    assert [text_of(each) for each in found(changed, "td")] == [
        "8",
        "0",
        "0",
        "0",
        "4",
        "0",
        "0",
        "0",
    ]
    assert not found(skipped, "table")
    labels = [each.get("aria-label", "") for each in found(skipped, "svg")]
    assert all("uneven" in label for label in labels)
    words(labels, "labels")


def test_what_is_dilated_wide_and_cut_off_is_told(odd: Path, words: Words) -> None:
    assert run_here(odd, "inspect", "--report", "page", "-p", "wide", "net", "in")[0] == 0
    (layer,) = found(parsed((odd / "page").read_bytes()), "section", "layer")
    (numbers,) = found(layer, "dl", "numbers")
    told = {text_of(each[0]): text_of(each[1]) for each in numbers}
    assert (told["pad"], told["dilation"]) == ("14", "2")
    # No picture: 2 * (11 - 1) + 2 * (4 - 1) + 1 pixels, of which 14 are cut off at each side.
    headings = ["Kernel", "Channel map", "Gain per phase", "Section", "A step", "A ramp"]
    assert [text_of(each) for each in found(layer, "h4")] == headings
    (cell,) = re.findall(r"[^.]*\b2 by 2\b[^.]*\.", text_of(layer))
    words(cell)
    (channels,) = (each for each in found(layer, "svg") if "depends on which" in text_of(each))
    assert channels.get("viewBox") == "0 0 33 33"


def test_many_layers_are_drawn_up_to_a_number(place: Path, words: Words) -> None:
    text = 'input: "d" input_shape { dim: 1 dim: 2 dim: 4 dim: 4 }\n'
    for number in range(45):
        text += (
            f'layer {{ name: "up{number}" type: "Deconvolution" bottom: "d" top: "u{number}" '
            "convolution_param { num_output: 2 kernel_size: 4 stride: 2 pad: 1 } }\n"
        )
    (place / "many").write_text(text)
    line = "apply --report page --json many in out"
    page = page_of(place, line)
    tree = parsed(page)
    assert len(found(tree, "section", "layer")) == 40
    (more,) = (said for said in map(text_of, found(tree, "p")) if "not drawn" in said)
    assert numbers(more) == [5]
    words(more)
    assert len(rows(tree)) == 45
    assert len(page) < 2_000_000


def test_an_fcn_8s_is_under_a_megabyte(shared: Path, place: Path) -> None:
    net = shared / "nets/fcn.berkeleyvision.org--voc-fcn8s/val.prototxt"
    code, _, _ = run_here(place, "apply", "--report", "page", str(net), "in", "out")
    assert code == 0
    page = (place / "page").read_bytes()
    assert len(found(parsed(page), "section", "layer")) == 3
    assert len(page) < 200_000


def test_from_python(place: Path) -> None:
    plain = ds.html_report(ds.apply(place / "net", place / "in", dry_run=True))
    assert not found(parsed(plain.encode()), "section", "layer")
    result = ds.apply(place / "net", place / "in", dry_run=True, pictures=True)
    assert len(found(parsed(ds.html_report(result).encode()), "section", "layer")) == 2
    checked = ds.check(place / "net", place / "pairs", pictures=True)
    assert ds.html_report(checked) == ds.html_report([checked])
    seen = ds.inspect(place / "net", place / "pairs", pictures=True)
    assert len(found(parsed(ds.html_report(seen).encode()), "section", "layer")) == 3


@pytest.mark.parametrize("rule", RULES)
def test_a_rules_page_is_whole(rule: str, tmp_path: Path) -> None:
    code, out, errors = run_here(tmp_path, "check", "--explain", rule)
    assert (code, errors) == (0, b"")
    page = out.decode()
    assert page.startswith(f"# {rule}")
    tree = ElementTree.fromstring(f"<p>{''.join(prose(page))}</p>")
    plain, items = re.subn(r"^- ", "", page, flags=re.MULTILINE)
    plain = re.sub(r"^(# .*|```.*)$", "", plain, flags=re.MULTILINE)
    for mark in ("**", "`"):
        plain = plain.replace(mark, "")
    assert "".join("".join(tree.itertext()).split()) == "".join(plain.split())
    assert len(tree.findall(".//pre")) == page.count("```") // 2
    assert len(tree.findall(".//ul/li")) == items


# --- names


HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>'",
    "</title></style></svg><svg onload=alert(1)>",
    "a\x1b[31m\x00\x7f\u0085b",
    "\u202eright\u2066left\ufeff",
    "]]>&amp;&#x3c;script&#x3e;",
    "line\nbreak\ttab",
    "é" * 500_000,
    "</a" * 300_000,
)


# A name of a megabyte is one for each verb.
NAMED = [
    pytest.param(
        *(name, verb),
        id=f"{number}-{verb}",
        marks=() if len(name) < 1000 or verb == "apply" else pytest.mark.campaign,
    )
    for verb in ("apply", "inspect", "check")
    for number, name in enumerate(HOSTILE)
]


@pytest.mark.parametrize(("name", "verb"), NAMED)
def test_names_are_harmless(name: str, verb: str, tmp_path: Path) -> None:
    escaped = "".join(
        f"\\{ord(each):03o}" if ord(each) < 128 and (each in "\"\\'" or not each.isprintable())
        else each
        for each in name
    )  # fmt: skip
    net = 'input: "d" input_shape { dim: 1 dim: 2 dim: 4 dim: 4 }\n'
    net += (
        f'layer {{ name: "up{escaped}" type: "Deconvolution" bottom: "d" top: "{escaped}" '
        "convolution_param { num_output: 2 kernel_size: 4 stride: 2 pad: 1 } }\n"
        f'layer {{ name: "{escaped}" type: "X{escaped}" bottom: "{escaped}" top: "o" }}\n'
    )
    (tmp_path / "net").write_bytes(net.encode())
    model = NetParameter()
    model.layer.add(name="up" + name, type="Deconvolution")
    (tmp_path / "in").write_bytes(model.SerializeToString())
    arguments = {"apply": ["-n"], "inspect": ["-a"], "check": []}[verb]
    code, _, errors = run_here(tmp_path, verb, *arguments, "--report", "page", "net", "in")
    assert code in (0, 1), errors
    page = (tmp_path / "page").read_bytes()
    assert len(page) < 500_000
    tree = parsed(page)
    assert not found(tree, "script") + found(tree, "img")
    assert not [each for each in tree.iter() if any(key.startswith("on") for key in each.attrib)]
    text = page.decode("utf-8")
    assert all(each.isprintable() or each == "\n" for each in text)
    (style,) = found(tree, "style")
    body = text.replace(style.text or "", "")
    assert "alert(1)>" not in body
    assert found(tree, "svg", "graph")


def test_a_files_name_is_harmless(place: Path) -> None:
    name = "<b>\u202e\x1b&.net"
    (place / name).write_bytes(demo_net())
    assert run_here(place, "apply", "-n", "--report", "page", name, "in")[0] == 0
    tree = parsed((place / "page").read_bytes())
    assert "<b>\\u202e\\x1b&.net" in text_of(tree)


# --- pictures of values


def cells_of(drawing: Element, shape: tuple[int, int]) -> np.ndarray:
    """Opacity and colour of each cell: what is drawn there, of shapes or of the PNG."""
    cells = np.zeros((*shape, 4))
    colours = {"up": (0xD8, 0x76, 0x0F), "down": (0x3B, 0x7B, 0xE0), "odd": (0xC2, 0x18, 0xB0)}
    for path in drawing.iter(SVG + "path"):
        if path.get("class") == "off":
            continue
        alpha = round(255 * float(path.get("fill-opacity", "1")))
        for run in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\d+z", path.get("d", "")):
            column, row, length = map(int, run)
            assert not cells[row, column : column + length].any()
            cells[row, column : column + length] = (*colours[path.get("class", "")], alpha)
    for image in drawing.iter(SVG + "image"):
        assert (image.get("width"), image.get("height")) == (str(shape[1]), str(shape[0]))
        data = b64decode(image.get("href", "").partition(",")[2])
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        assert decoded.shape == (*shape, 4)
        cells = decoded[..., [2, 1, 0, 3]].astype(float)
        cells[cells[..., 3] == 0] = 0
    return cells


def drawn(values: np.ndarray, **options: Any) -> np.ndarray:
    return cells_of(ElementTree.fromstring(heat(values, "a", **options)), values.shape)


def test_shapes_and_a_png_show_the_same() -> None:
    few = np.linspace(-1, 1, 12).reshape(3, 4)
    few[1, 1], few[2, 3] = 0, np.nan
    many = np.zeros((40, 41))
    many[5:8, 7:11] = few
    many[20:] = np.random.default_rng(0).random((20, 41))  # too many runs for shapes
    many[20, 0] = 1
    assert "<image" in heat(many, "a")
    assert "<image" not in heat(few, "a")
    assert abs(drawn(many)[5:8, 7:11] - drawn(few)).max() <= 2  # opacities of two digits


def test_a_cell_is_as_strong_as_its_value() -> None:
    values = np.array([[0.0, 1e-12, 0.25, 0.5, 1.0], [-1.0, -0.5, 0.0, np.inf, np.nan]])
    cells = drawn(values)
    alphas = cells[..., 3]
    assert alphas[0, 0] == alphas[1, 2] == 0
    assert 0 < alphas[0, 1] < alphas[0, 2] < alphas[0, 3] < alphas[0, 4] == 255
    assert alphas[1, 0] == 255
    assert tuple(cells[0, 4][:3]) != tuple(cells[1, 0][:3]) != tuple(cells[1, 3][:3])
    assert np.array_equal(cells[1, 3], cells[1, 4])
    half = drawn(values, largest=2.0)[..., 3]
    assert half[0, 4] == alphas[0, 3]


def test_what_is_not_connected_is_hatched() -> None:
    values, there = np.eye(3), np.eye(3, dtype=bool)
    drawing = ElementTree.fromstring(heat(values, "a", connected=there))
    (off,) = (each for each in drawing.iter(SVG + "path") if each.get("class") == "off")
    covered = sum(int(length) for length in re.findall(r"h(\d+)v", off.get("d", "")))
    assert covered == 6
    whole = ElementTree.fromstring(heat(values, "a", connected=np.ones((3, 3), bool)))
    assert "off" not in [each.get("class") for each in whole.iter()]
    assert STEPS == 24


@pytest.mark.parametrize("values", [[0, 5e-324], [1.7e308, -1.7e308], [np.nan, np.inf, 1], [0, 0]])
def test_a_chart_of_any_values_is_one(values: list[float]) -> None:
    series = Series("after", np.arange(float(len(values))), np.array(values, np.float64))
    drawing = ElementTree.fromstring(chart([series], "a"))
    for each in drawing.iter():
        for value in (*each.attrib.values(), each.text or ""):
            assert "nan" not in value
            assert "inf" not in value


def test_a_value_that_is_no_number_parts_a_line() -> None:
    """Six places from 46 to 310, a value a place; 0 lies at 146 and 4 at 15.23, with some room."""
    values = np.array([0.0, 4.0, np.nan, np.inf, 0.0, 4.0])
    drawing = ElementTree.fromstring(chart([Series("after", np.arange(6.0), values)], "a"))
    lines = [each.get("points") for each in drawing.iter(SVG + "polyline")]
    assert lines == ["46,146 98.8,15.23", "257.2,146 310,15.23"]
    assert len(list(drawing.iter(SVG + "circle"))) == 4


# --- where it goes


def content(place: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in place.iterdir() if each.is_file()}


@pytest.fixture
def crowded(place: Path) -> Path:
    """With links to what is read, and a page that is there."""
    (place / "soft").symlink_to("in")
    os.link(place / "net", place / "hard")
    (place / "there").write_bytes(b"precious")
    (place / "to-out").symlink_to("out")
    (place / "folder").mkdir()
    return place


REFUSED = (
    ("apply -f --report net net in out", "replaces"),
    ("apply -f --report in net in out", "replaces"),
    ("apply -f --report soft net in out", "replaces"),
    ("apply -f --report hard net in out", "replaces"),
    ("apply -f --report out net in out", "replaces"),
    ("apply -f --report ./folder/../out net in out", "replaces"),
    ("apply -f --report to-out net in out", "replaces"),
    ("apply -f --report in -i net in", "replaces"),
    ("apply -f --save-patch undo --report undo net in out", "replaces"),
    ("apply -f --report net -n net in", "replaces"),
    ("apply --report there net in out", "exists"),
    ("apply --report - net in out", "no file"),
    ("apply --report folder net in out", "folder"),
    ("apply --report no/page net in out", "no folder"),
    ("inspect --report there net", "exists"),
    ("inspect -f --report hard net", "replaces"),
    ("inspect -f --report soft net in", "replaces"),
    ("check --report there net in", "exists"),
    ("check -f --report in net full net in", "replaces"),
    ("check -f --also json=page --report page net in", "replaces"),
)


@pytest.mark.parametrize(("line", "why"), REFUSED)
def test_what_is_no_place_for_a_page(line: str, why: str, crowded: Path, words: Words) -> None:
    before = content(crowded)
    code, out, errors = run_here(crowded, *line.split())
    assert (code, out) == (2, b"")
    options = line.split()
    page = options[options.index("--report") + 1]
    said = errors.decode()
    if page == "-":
        assert names(said) == ["--report", "-"]
    else:
        assert said.startswith(f"error: {page}: ")
    # Whichever page it is, and whatever file it leads to.
    words(re.sub(r"(?<= as )the .+", "'it'", said.replace(f" {page}: ", " 'page': ")), why)
    assert content(crowded) == before


@pytest.mark.parametrize(
    "line",
    [
        "apply -f --report there net in out",
        "inspect -f --report there net",
        "check -f --report there net",
    ],
)
def test_force_replaces_a_page(line: str, crowded: Path) -> None:
    assert run_here(crowded, *line.split())[0] == 0
    parsed((crowded / "there").read_bytes())


@pytest.mark.parametrize(("option", "code"), [("-n", 0), ("--check", 1)])
def test_a_dry_run_writes_the_page_alone(option: str, code: int, place: Path) -> None:
    before = content(place)
    assert run_here(place, "apply", option, "--report", "page", "net", "in", "out")[0] == code
    after = content(place)
    parsed(after.pop("page"))
    assert after == before


def test_a_page_that_cannot_be_written_loses_no_model(
    place: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    monkeypatch.setattr("deconvsurgery.report.html.html_report", lambda _result: full_disk())

    def full_disk() -> str:
        (place / "pages").rename(place / "gone")
        return "page"

    (place / "pages").mkdir()
    code, out, errors = run_here(place, "apply", "--report", "pages/page", "net", "in", "out")
    assert (code, out) == (2, b"")
    assert errors.startswith(b"error: pages/page: ")
    words(errors.decode())
    assert (place / "out").read_bytes() == (place / "full").read_bytes()


def test_a_page_without_its_style_is_none(
    place: Path, monkeypatch: pytest.MonkeyPatch, words: Words
) -> None:
    """As where an installation is damaged."""
    monkeypatch.setattr("deconvsurgery.report.html.page_frame.STYLE", place / "gone.css")
    code, out, errors = run_here(place, "apply", "--report", "page", "net", "in", "out")
    assert (code, out) == (4, b"")
    assert errors.startswith(b"error: page: ")
    assert errors.rstrip().endswith(b" out")  # where the model is
    words(errors.decode())
    assert (place / "out").read_bytes() == (place / "full").read_bytes()
    assert not (place / "page").exists()


# The device is there on Linux alone.
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_device(place: Path, words: Words) -> None:
    code, out, errors = run_here(place, "apply", "--report", "/dev/full", "net", "in", "out")
    assert (code, out) == (4, b"")
    assert errors.startswith(b"error: /dev/full: ")
    assert re.search(rb" out\b", errors.partition(b"hint: ")[0])  # where the model is
    words(errors.decode(), "apply")
    assert (place / "out").read_bytes() == (place / "full").read_bytes()
    code, _, errors = run_here(place, "inspect", "--report", "/dev/full", "net")
    assert code == 4
    words(errors.decode(), "inspect")  # there is no model to speak of


def test_a_model_on_standard_output_is_not_the_page(place: Path, words: Words) -> None:
    line = [*COMMAND, "apply", "-f", "--report", "page", "net", "in", "-"]
    with (place / "page").open("wb") as out:
        done = subprocess.run(
            line, cwd=place, stdout=out, stderr=subprocess.PIPE, env=environment(), check=False
        )
    assert done.returncode == 2
    assert done.stderr.startswith(b"error: page: ")
    words(done.stderr.decode())
    assert (place / "page").read_bytes() == b""


@pytest.mark.parametrize("line", ["inspect net pairs", "check net pairs", "apply -n net pairs"])
def test_what_is_printed_does_not_depend_on_the_page(line: str, place: Path) -> None:
    verb, *files = line.split()
    plain = run_here(place, verb, *files)
    assert run_here(place, verb, "--report", "page", *files) == plain
    assert plain[1]


def test_a_page_tells_its_patch_and_its_phases(place: Path) -> None:
    tree = parsed(page_of(place, "apply --report page --save-patch p.undo net pairs out"))
    (closing,) = found(tree, "p", "closing")
    assert "p.undo" in text_of(closing)
    assert "revert" in text_of(closing)
    wide = text_of(parsed(page_of(place, "inspect --report page -f wide.prototxt")))
    assert re.findall(r"In phase (\w+)\.", wide) == ["test", "train"]


def test_weights_of_zeros_are_told(place: Path, words: Words) -> None:
    tree = parsed(page_of(place, "inspect --report page -p upscore2 net zeros"))
    (layer,) = found(tree, "section", "layer")
    assert "0 everywhere" in text_of(layer)
    words(text_of(each) for each in found(layer, "p"))


@pytest.mark.campaign
def test_as_many_warnings_as_a_page_holds(tmp_path: Path) -> None:
    layers = (f'layer {{ name: "up{n}" type: "Deconvolution" bottom: "d" top: "t{n}" '
              "convolution_param { num_output: 1 kernel_size: 4 stride: 2 pad: 1 } }\n"
              for n in range(510))  # fmt: skip
    data = 'input: "d" input_shape { dim: [1, 2, 4, 4] }\n'
    (tmp_path / "net").write_text(data + "".join(layers))
    (tmp_path / "in").write_bytes(b"\x0a\x01n\xa2\x06\x03\x0a\x01x")
    code, _, errors = run_here(tmp_path, "apply", "-n", "--report", "page", "net", "in")
    assert (code, errors) == (0, b"")
    tree = parsed((tmp_path / "page").read_bytes())
    (said,) = (each for each in found(tree, "section") if "Warnings" in text_of(each)[:9])
    items = found(said, "li")
    assert len(items) == 1001
    assert numbers(text_of(items[-1])) == [530]


def test_a_page_says_how_many_remarks_it_leaves_out() -> None:
    notes = [
        Remark("note", Tone.PLAIN, None, f"number {number}") for number in range(MOST_ROWS + 7)
    ]
    said = str(remarks(notes))
    assert said.count("<li>") == MOST_ROWS + 1
    assert "and 7 more" in said
    assert "and" not in str(remarks(notes[:MOST_ROWS])).partition("number 999")[2]


def test_a_drawing_says_what_it_leaves_out(tmp_path: Path) -> None:
    """Of a long path only the Deconvolutions are drawn, and of those no more than fit."""
    text, bottom = 'input: "d" input_shape { dim: [1, 2, 2, 2] }\n', "d"
    for number in range(MOST_STEPS + 5):
        text += (
            f'layer {{ name: "up{number}" type: "Deconvolution" bottom: "{bottom}" '
            f'top: "up{number}" convolution_param {{ num_output: 2 group: 2 kernel_size: 1 }} }}\n'
        )
        bottom = f"up{number}"
    (tmp_path / "net").write_text(text)
    run_here(tmp_path, "inspect", "--report", "page", "net")
    tree = parsed((tmp_path / "page").read_bytes())
    captions = [text_of(each) for each in found(tree, "figcaption")]
    (said,) = (each for each in captions if "fit" in each)
    assert numbers(said) == [5]


def test_of_a_command_that_is_too_long_its_length_is_said() -> None:
    """It may name a layer of any length. What has no repair has no such line."""
    long = Repair("give it a pad", (RepairStep("patch-net", ("-p", "x" * 5000)),))
    said = str(findings_list([ds.Finding("DS007", "it is not centred", repair=long)], "net"))
    assert "xxxx" not in said
    (length,) = re.findall(r"[0-9],[0-9]{3}", said)
    assert int(length.replace(",", "")) > 5000
    assert "Repair" not in str(findings_list([ds.Finding("DS007", "it is not centred")], "net"))
