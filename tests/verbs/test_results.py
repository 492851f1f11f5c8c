"""What the results of all verbs have in common, and how each is shown: one table."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Callable
from enum import StrEnum
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import jsonschema
import pytest
from rich.cells import cell_len
from rich.console import Console

import deconvsurgery as ds
from helpers.models import write_demo
from helpers.pages import widest
from helpers.runs import run_here
from helpers.terminals import on_a_terminal

NET, BASE, FULL = "net.prototxt", "in.caffemodel", "out.caffemodel"


class Case(NamedTuple):
    """A verb called from Python, the same on the command line, and what is in its rows.

    ``writes``: it has ``changed`` and ``path``, of which the name is given. ``rows`` are the kind
    of the rows, and each one's name, action and line.
    """

    call: Callable[[], Any]
    line: str
    kind: type | None = None
    rows: tuple[tuple[str, str, int | None], ...] = ()
    writes: bool = False
    changed: bool | None = None
    path: str | None = None


LAYERS = ("data", "conv1", "relu1", "pool1", "conv2", "relu2", "pool2", "score", "refine", "prob")
NEW = ("conv1", "conv2", "score", "refine")
LINES = (4, 6, 10, 11, 12, 16, 17, 18, 25, 31, 37, 43)
CASES: dict[str, Case] = {
    "apply": Case(
        lambda: ds.apply(NET, BASE, "new", force=True),
        f"apply -f {NET} {BASE} new",
        ds.ApplyChange,
        (("upscore2", "created", 25), ("upscore", "created", 37)),
        writes=True,
        changed=True,
        path="new",
    ),
    "apply, dry run": Case(
        lambda: ds.apply(NET, FULL, patterns="*", skip_unfit=True, dry_run=True),
        f"apply -n --skip-unfit -p * {NET} {FULL}",
        None,
        (("upscore2", "unchanged", 25), ("refine", "skipped", 31), ("upscore", "unchanged", 37)),
        writes=True,
        changed=False,
    ),
    "inspect": Case(
        lambda: ds.inspect(NET, BASE),
        f"inspect {NET} {BASE}",
        ds.LayerRow,
        (("upscore2", "matched", 25), ("refine", "listed", 31), ("upscore", "matched", 37)),
    ),
    "check": Case(
        lambda: ds.check(NET, BASE),
        f"check --exit-zero {NET} {BASE}",
        ds.CheckedLayer,
        (("upscore2", "found", 25), ("upscore", "found", 37)),
        writes=True,
        changed=False,
    ),
    "diff": Case(
        lambda: ds.diff(BASE, FULL),
        f"diff {BASE} {FULL}",
        ds.LayerContrast,
        (
            *((name, "same", None) for name in LAYERS),
            *((name, "only-in-b", None) for name in ("upscore2", "upscore")),
        ),
    ),
    "convert": Case(
        lambda: ds.convert(BASE, values="float64", dry_run=True),
        f"convert -n --values float64 {BASE}",
        ds.LayerConversion,
        tuple((name, "converted" if name in NEW else "unchanged", None) for name in LAYERS),
        writes=True,
        changed=True,
    ),
    "patch-net": Case(
        lambda: ds.patch_net(NET, "new.prototxt", force=True),
        f"patch-net -f {NET} new.prototxt",
        ds.LayerPatch,
        (("upscore2", "patched", 25), ("upscore", "unchanged", 37)),
        writes=True,
        changed=True,
        path="new.prototxt",
    ),
    "regroup": Case(
        lambda: ds.regroup(NET, FULL, "new.prototxt", "new", patterns="upscore*", force=True),
        f"regroup -f -p upscore* {NET} {FULL} new.prototxt new",
        ds.LayerRegroup,
        (("upscore2", "regrouped", 25), ("upscore", "unchanged", 37)),
        writes=True,
        changed=True,
        path="new",
    ),
    "revert": Case(
        lambda: ds.revert(FULL, "undo", "old", force=True),
        f"revert -f -o old {FULL} undo",
        writes=True,
        changed=True,
        path="old",
    ),
    "transplant": Case(
        lambda: ds.transplant(NET, BASE, "new", apply=True, force=True),
        f"transplant -f --apply {NET} {BASE} new",
        ds.NewLayer,
        tuple(
            zip(
                (*LAYERS[:8], "upscore2", "refine", "upscore", "prob"),
                (
                    *("copied" if name in NEW else "no blobs" for name in LAYERS[:8]),
                    *("filled", "copied", "filled", "no blobs"),
                ),
                LINES,
                strict=True,
            )
        ),
        writes=True,
        changed=True,
        path="new",
    ),
    "sweep": Case(
        lambda: ds.sweep("zoo.toml", workers=1),
        "sweep -w 1 zoo.toml",
        writes=True,
        changed=False,
        path="sweep.jsonl",
    ),
    "kernel": Case(lambda: ds.kernel(4), "kernel 4"),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("results")
    write_demo(place, NET, BASE)
    line = f"apply --save-patch undo {NET} {BASE} {FULL}"
    assert run_here(place, *line.split())[0] == 0
    (place / "zoo.toml").write_text(f"select = 'DS001'\npairs = [{{ net = '{NET}' }}]\n")
    assert run_here(place, "sweep", "-w", "1", "zoo.toml")[0] == 0  # other runs find it settled
    return place


@pytest.fixture
def here(files: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(files)
    return files


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, here: Path) -> Case:
    return CASES[request.param]


# --- rows


def test_layers_are_rows_of_one_kind(case: Case) -> None:
    result = case.call()
    assert isinstance(result, ds.Result)
    assert type(result.layers) is tuple
    assert tuple((row.name, row.action, row.line) for row in result.layers) == case.rows
    for row in result.layers:
        assert isinstance(row.action, StrEnum)
        assert type(row).__name__ in ds.__all__
        assert type(row.action).__name__ in ds.__all__
        assert row.reason is None or (type(row.reason) is str and row.reason)
        if case.kind is not None:
            assert type(row) is case.kind


def test_a_reason_is_why_a_row_was_left(here: Path) -> None:
    def reasons(result: ds.Result) -> dict[str, bool]:
        return {row.name: row.reason is not None for row in result.layers}  # type: ignore[attr-defined]

    applied = ds.apply(NET, FULL, patterns="*", skip_unfit=True, dry_run=True)
    assert reasons(applied) == {"upscore2": False, "refine": True, "upscore": False}
    assert reasons(ds.regroup(NET, FULL, patterns="upscore*", dry_run=True)) == {
        "upscore2": False,
        "upscore": True,
    }
    checked = ds.check(NET, BASE)
    assert [row.reason and row.reason[:6] for row in checked.layers] == ["DS001:", "DS011:"]
    assert [each for row in checked.layers for each in row.findings] == [*checked.findings]
    assert not any(reasons(ds.check(NET, FULL)).values())
    patched = ds.patch_net(NET, patterns="*", skip_unfit=True, dry_run=True)
    assert reasons(patched)["refine"]


def test_rows_of_a_net_without_a_text_have_no_line(here: Path) -> None:
    net = ds.read_net(NET)
    made = net._replace(layers=tuple(each._replace(line=0, column=0) for each in net.layers))
    with ds.open_model(BASE) as model:
        results = [
            ds.apply(made, model, dry_run=True),
            ds.transplant(made, model, apply=True, dry_run=True),
        ]
    assert {row.line for result in results for row in result.layers} == {None}


def test_what_is_changed_and_written(case: Case, here: Path) -> None:
    result = case.call()
    if not case.writes:
        assert not hasattr(result, "path")
        return
    assert (result.changed, result.path) == (case.changed, case.path)
    if case.path is not None:
        assert os.path.isfile(case.path)


def test_a_dry_run_has_no_path(here: Path) -> None:
    tried = [
        ds.apply(NET, BASE, dry_run=True),
        ds.patch_net(NET, dry_run=True),
        ds.convert(BASE, to="hdf5", dry_run=True),
        ds.transplant(NET, BASE, dry_run=True),
        ds.revert(FULL, "undo", dry_run=True),
        ds.regroup(NET, FULL, patterns="upscore2", dry_run=True),
        ds.fix(NET, BASE, dry_run=True),
    ]
    assert [(each.changed, each.path) for each in tried] == [(True, None)] * len(tried)
    assert ds.regroup(NET, FULL, patterns="upscore2", dry_run=True).net_path is None


def test_a_fix_names_what_it_wrote(here: Path) -> None:
    result = ds.fix(NET, BASE, into="fixed", force=True)
    assert (result.changed, result.path) == (True, os.path.join("fixed", BASE))
    assert [(row.name, row.action) for row in result.layers] == [
        ("upscore2", "passed"),
        ("upscore", "passed"),
    ]


# --- text


def test_text_is_the_table_of_the_command_line(
    request: pytest.FixtureRequest, case: Case, here: Path
) -> None:
    said = str(case.call())
    printed = on_a_terminal(case.line, here, 100, NO_COLOR="1").plain.rstrip("\n")
    if case.line.startswith("check"):  # commands follow, which begin as each process was started
        said, printed = (text.partition("\n# DS")[0] for text in (said, printed))
    assert said == printed
    assert "\x1b" not in said


def test_a_checks_text_has_whole_commands(here: Path) -> None:
    result = ds.check(NET, BASE)
    lines = str(result).splitlines()
    commands = [line for line in lines if " apply -p " in line]
    assert len(commands) == 3
    assert all(line.endswith("in.fixed.caffemodel") for line in commands)
    assert max(map(len, commands)) > 100 or all(len(line) <= 100 for line in lines)


@pytest.mark.parametrize("width", [40, 100])
def test_rich_shows_it_as_wide_as_there_is_room(case: Case, width: int) -> None:
    console = Console(
        file=io.StringIO(), width=width, force_terminal=True, color_system="truecolor"
    )
    with console.capture() as captured:
        console.print(case.call())
    shown = captured.get()
    assert "\x1b[" in shown
    assert widest(re.sub(r"\x1b\[[0-9;]*m", "", shown)) <= width


def test_a_repr_is_one_line(case: Case) -> None:
    result = case.call()
    said = repr(result)
    assert said.startswith(f"<{type(result).__name__} ")
    assert said.endswith(">")
    assert "\n" not in said
    assert len(said) < 250
    assert all(repr(row).startswith(f"<{type(row).__name__} {row.name}") for row in result.layers)
    assert all("\n" not in repr(row) and len(repr(row)) < 300 for row in result.layers)


def test_reprs_say_the_essential(here: Path) -> None:
    net = ds.read_net(NET)
    applied = ds.apply(NET, BASE, dry_run=True)
    assert repr(applied) == (
        "<ApplyResult in.caffemodel, nothing written: 2 of 2 layers created, 2,079 bytes rewritten>"
    )
    assert repr(applied.plan) == "<ApplyPlan: 2 layers: 2 created>"
    assert repr(net) == "<Net 'demo_fcn': 12 layers, V2>"
    assert repr(net.layers[8]) == "<Layer 'upscore2': Deconvolution, line 25>"
    assert repr(ds.diff(BASE, FULL).contrast) == "<ModelContrast: 2 of 12 layers differ>"
    (finding, _) = ds.check(NET, BASE).findings
    assert repr(finding).startswith("<Finding DS001 error upscore2, line 25: ")


# --- JSON


def test_to_dict_is_the_json_document(case: Case, here: Path) -> None:
    command = case.line.split()[0]
    code, printed, errors = run_here(here, *case.line.split(), "--json")
    assert code in (0, 1), errors
    document = case.call().to_dict()
    jsonschema.validate(document, ds.json_schema(command))
    told = json.loads(printed)
    if command == "check":  # what starts a command is not the same
        for each in (document, told):
            each.pop("findings"), each["pairs"][0].pop("repair")
    if command == "sweep":
        for each in (document, told):
            each.pop("traffic")
    assert json.loads(json.dumps(document)) == told


# --- HTML


class Tags(HTMLParser):
    """The elements of a fragment and their attributes."""

    def __init__(self, fragment: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(fragment)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


ALLOWED = {"div", "p", "b", "bdi", "span", "table", "thead", "tbody", "tr", "th", "td", "pre"}


def test_html_is_a_fragment_of_its_own(case: Case) -> None:
    fragment = case.call()._repr_html_()
    assert ElementTree.fromstring(fragment).tag == "div"  # one element, and closed
    tags = Tags(fragment).found
    assert {tag for tag, _ in tags} <= ALLOWED  # no page, no style, no script
    attributes = {name for _, each in tags for name in each}
    assert attributes <= {"style", "scope", "class"}
    assert {each["class"] for _, each in tags if "class" in each} <= {"name"}
    assert not re.search(r"url\(|position|var\(|color:(?!color-mix|inherit)", fragment)


def test_html_has_the_names_and_words_of_the_table(case: Case) -> None:
    result = case.call()
    words = "".join(ElementTree.fromstring(result._repr_html_()).itertext())
    shown = {name for name, action, _ in case.rows if action not in ("no blobs", "same")}
    if not case.line.startswith("convert"):
        assert [name for name in shown if name not in words] == []
    last = str(result).partition("\n# DS")[0].rstrip().splitlines()[-1]
    if case.line != "kernel 4":
        assert last[-20:].split()[-1] in words


def test_what_a_file_says_is_text_in_html(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = "<script>alert(1)</script>up&\"'\u202e"
    text = (
        'input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 } layer { '
        f"name: {json.dumps(name, ensure_ascii=False)} "
        'type: "Deconvolution" bottom: "data" top: "up" '
        "convolution_param { num_output: 3 kernel_size: 4 stride: 2 } }"
    )
    net = tmp_path / "<b>net"
    net.write_text(text, "utf-8")
    model = tmp_path / "m<i>"
    model.write_bytes(b"\x0a\x01n")
    results = [
        ds.apply(net, model, dry_run=True),
        ds.inspect(net, model),
        ds.check(net, model),
        ds.patch_net(net, dry_run=True),
        ds.transplant(net, model, apply=True, dry_run=True),
    ]
    for result in results:
        fragment = result._repr_html_()
        assert {tag for tag, _ in Tags(fragment).found} <= ALLOWED
        assert "\u202e" not in fragment
        words = "".join(ElementTree.fromstring(fragment).itertext())
        assert "<script>alert(1)</script>up&\"'\\u202e" in words
        assert "\u202e" not in repr(result) + str(result)


def test_a_long_table_is_cut_and_says_so(tmp_path: Path) -> None:
    text = 'input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }\n' + "".join(
        f'layer {{ name: "up{number}" type: "Deconvolution" bottom: "data" top: "up{number}" '
        "convolution_param { num_output: 3 group: 3 kernel_size: 4 stride: 2 pad: 1 "
        "bias_term: false } }\n"
        for number in range(100)
    )
    result = ds.inspect(ds.parse_net(text.encode()))
    fragment = result._repr_html_()
    assert len(result.layers) == 100
    assert fragment.count("<tr>") < 130
    assert "40 more rows" in fragment


# --- a page


def test_a_page_is_text_that_a_notebook_frames(here: Path, tmp_path: Path) -> None:
    page = ds.html_report(ds.apply(NET, BASE, dry_run=True))
    assert isinstance(page, str)
    assert page.startswith("<!DOCTYPE html>")
    assert len(repr(page)) < 60
    ((tag, attributes),) = Tags(page._repr_html_()).found
    assert (tag, attributes["sandbox"], attributes["srcdoc"]) == ("iframe", "", str(page))
    place = tmp_path / "page.html"
    assert page.save(place) is page
    assert place.read_bytes() == page.encode()
    with pytest.raises(ds.OutputError):
        page.save(place)
    assert page.save(place, force=True) == page


def test_edits_are_shown_like_the_others(here: Path) -> None:
    with ds.edit(BASE) as model:
        model["score"][0] *= 2
        model.rename("conv1", "first")
        result = model.save("edited", force=True)
    assert [(row.name, row.action, row.reason, row.line) for row in result.layers] == [
        ("first", "renamed", None, None),
        ("score", "rewritten", None, None),
    ]
    assert (result.changed, result.path) == (True, "edited")
    assert result.to_dict()["layers"][1]["blobs"][0]["factors"] == [2.0]
    assert [each for each in ("first", "score", "edited") if each not in str(result)] == []
    assert {tag for tag, _ in Tags(result._repr_html_()).found} <= ALLOWED
    assert repr(result).startswith("<EditResult edited: ")


def test_wide_signs_are_measured_as_a_terminal_shows_them(tmp_path: Path) -> None:
    text = (
        'input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 } layer { name: "上采样up" '
        'type: "Deconvolution" bottom: "data" top: "up" '
        "convolution_param { num_output: 3 kernel_size: 4 stride: 2 } }"
    )
    lines = str(ds.inspect(ds.parse_net(text.encode()))).splitlines()
    assert max(map(cell_len, lines)) <= 100


def test_a_check_that_ended_says_why_in_each_form(here: Path) -> None:
    (failed,) = ds.check_pairs([(NET, "lost.caffemodel")])
    assert "lost.caffemodel" in repr(failed)
    assert "there is no such file" in repr(failed)
    assert "there is no such file" in failed._repr_html_()


def test_notes_of_a_check_are_in_its_fragment(here: Path) -> None:
    Path("solver.prototxt").write_text('net: "net.prototxt"\nbase_lr: 0.1\n')
    (passed_over,) = ds.check_pairs(["solver.prototxt"], nets_only=True)
    assert passed_over.notes
    assert "passed over" in passed_over.notes[0]
    assert "passed over" in passed_over._repr_html_()


def test_known_findings_of_many_pairs_do_not_count(here: Path) -> None:
    run_here(here, "check", "--baseline", "known.json", "--write-baseline", NET, BASE)
    (known,) = ds.check_pairs([(NET, BASE)], baseline="known.json")
    assert known.passed


def test_values_that_cannot_be_read_are_a_reason(here: Path) -> None:
    row = ds.diff(BASE, BASE).layers[1]
    assert row.reason is None
    bare = row._replace(likeness=ds.Likeness.NOT_COMPARED)
    assert bare.reason == "its values cannot be read"
