"""``check --format junit`` is what Jenkins takes: one suite a pair, whatever the names hold.

The schema is that of Jenkins's xunit-plugin (junit-10.xsd), said here by its structure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest

import deconvsurgery as ds
from deconvsurgery.report.ci.junit import CHECKED, junit_xml
from deconvsurgery.report.repair_block import TITLE
from helpers.odd_nets import EVERYTHING, FOUND, ODD_LAYERS, odd_net
from helpers.runs import run_here, tool

# Of each element: the attributes that it has to have, those that it may have, and its children.
MESSAGE = ((), ("type", "message"), ())
SCHEMA = {
    "testsuites": ((), ("name", "time", "tests", "failures", "errors"), ("testsuite",)),
    "testsuite": (
        ("name", "tests", "failures", "errors"),
        (
            *("group", "time", "skipped", "timestamp", "hostname", "id", "package"),
            *("file", "log", "url"),
        ),
        ("testsuite", "properties", "testcase", "system-out", "system-err"),
    ),
    "testcase": (
        ("name",),
        ("time", "classname", "group"),
        ("skipped", "error", "failure", "system-out", "system-err"),
    ),
    "failure": MESSAGE,
    "error": MESSAGE,
    "skipped": MESSAGE,
    "system-out": ((), (), ()),
}


def valid(element: Element) -> Iterator[str]:
    """What the schema does not allow."""
    needed, allowed, children = SCHEMA[element.tag]
    names = element.attrib.keys()
    yield from (f"{element.tag} lacks {each}" for each in needed if each not in names)
    yield from (f"{element.tag} has {each}" for each in names - {*needed, *allowed})
    for child in element:
        if child.tag not in children:
            yield f"{child.tag} in {element.tag}"
        yield from valid(child)
    if children and (element.text or "").strip():
        yield f"text in {element.tag}"


def read(text: str) -> Element:
    """The document, whose counts are right and whose cases have each a name of its own."""
    root = fromstring(text.encode())
    assert [*valid(root)] == []
    for suite in (root, *root):
        cases = [*suite.iter("testcase")]
        assert int(suite.attrib["tests"]) == len(cases)
        for count, kind in (("failures", "failure"), ("errors", "error")):
            assert int(suite.attrib[count]) == sum(each.find(kind) is not None for each in cases)
    for suite in root:
        names = [(each.attrib["classname"], each.attrib["name"]) for each in suite.iter("testcase")]
        assert len({*names}) == len(names)
        assert names[0] == (suite.attrib["name"], CHECKED)
    return root


def test_the_schema_has_teeth() -> None:
    wrong = "<testsuites>x<testsuite name=''><testcase line='1'><a/></testcase></testsuite>"
    root = fromstring(f"{wrong}</testsuites>".replace("<a/>", "<testsuite/>"))
    assert [*valid(root)] == [
        *(f"testsuite lacks {each}" for each in ("tests", "failures", "errors")),
        "testcase lacks name",
        "testcase has line",
        "testsuite in testcase",
        *(f"testsuite lacks {each}" for each in ("name", "tests", "failures", "errors")),
        "text in testsuites",
    ]


@pytest.fixture(scope="module")
def root(printed: Callable[..., str]) -> Element:
    """That of all the nets."""
    return read(printed("junit", *EVERYTHING))


def test_each_pair_is_a_suite_and_each_finding_a_case(root: Element) -> None:
    files = [each.removeprefix("./") for each in EVERYTHING[:-2]]
    assert [suite.attrib["name"] for suite in root] == [
        *files,
        "right.prototxt with short.caffemodel",
    ]
    notes = [each for each in FOUND if each[0] == "DS010"]
    assert len([*root.iter("failure")]) == len(FOUND) - len(notes)
    passed = [case for case in root.iter("testcase") if case.find("system-out") is not None]
    assert len(passed) == len(notes)
    assert {case.attrib["name"].split()[0] for case in passed} == {"DS010"}
    odd = next(suite for suite in root if suite.attrib["name"] == "odd.prototxt")
    names = [*ODD_LAYERS[:4], r"up\n::error ::y\r\t\x1b[31m"]
    cases = [case.attrib["name"] for case in odd.iter("testcase")][1:]
    rules = ("DS007 misplaced", "DS008 filler-without-group", "DS009 default-bias", "DS010 learned")
    assert cases == [f"{rule}: {name}" for name in names for rule in rules]
    places = [(each.text or "").split(" ")[0] for each in odd.iter("failure")]
    assert places == [f"odd.prototxt:{line}:1:" for line in (2, 4, 6, 8, 10) for _ in range(3)]
    assert all("\nRepair: " in (each.text or "") for each in root.iter("failure"))
    (block,) = odd.findall("system-out")
    assert (block.text or "").startswith(f"{TITLE}:\n")


def test_what_could_not_be_checked_is_an_error(root: Element, printed: Callable[..., str]) -> None:
    found = [(case.attrib["name"], each) for case in root.iter("testcase") for each in case]
    errors = [(name, each) for name, each in found if each.tag == "error"]
    assert [
        (name, each.attrib["type"], (each.text or "").split(" ")[0]) for name, each in errors
    ] == [
        (CHECKED, "PrototxtError", "broken.prototxt:2:15:"),
        (CHECKED, "FormatError", "lfs.prototxt:"),
        (CHECKED, "FileError", "missing.prototxt:"),
    ]
    assert read(printed("junit", "missing.prototxt")).attrib["errors"] == "1"


def test_a_clean_run_has_a_case_that_passes(printed: Callable[..., str]) -> None:
    root = read(printed("junit", "right.prototxt", code=0))
    (case,) = root.iter("testcase")
    assert [*case] == []
    assert dict(root.attrib) == {
        "name": "deconvsurgery",
        "tests": "1",
        "failures": "0",
        "errors": "0",
    }


def test_a_file_that_is_passed_over_is_skipped(bench: Path) -> None:
    (bench / "solver.prototxt").write_text('net: "odd.prototxt"\n')
    options = ("--nets-only", "--format", "junit")
    code, out, _ = run_here(bench, "check", *options, "solver.prototxt", "right.prototxt")
    assert code == 0
    first, second = read(out.decode()).iter("testcase")
    assert [each.tag for each in first] == ["skipped"]
    assert [*second] == []


def test_what_is_known_is_no_failure(bench: Path) -> None:
    known = ("--baseline", "known.json", "odd.prototxt")
    assert run_here(bench, "check", "--write-baseline", *known)[0] == 0
    code, out, _ = run_here(bench, "check", "--format", "junit", *known)
    assert (code, read(out.decode()).attrib["tests"]) == (0, "1")


def test_what_is_left_after_fixing(bench: Path) -> None:
    (bench / "fixed.prototxt").write_text(odd_net("up"))
    code, out, _ = run_here(bench, "check", "--fix", "--format", "junit", "fixed.prototxt")
    root = read(out.decode())
    assert (code, root.attrib["failures"]) == (0, "0")
    assert [case.attrib["name"] for case in root.iter("testcase")] == [CHECKED, "DS010 learned: up"]


# Everything that XML 1.0 has no way to write, a half of a surrogate pair, and its own signs.
FORBIDDEN = "".join(map(chr, range(32))) + "\x7f\x85\udcff\ufffe\uffff]]><&\"'\u2028"


def test_no_sign_breaks_the_document() -> None:
    wrong = ds.Finding("DS002", f"a{FORBIDDEN}b", line=3, column=1, layer=f"up{FORBIDDEN}")
    error = ds.FileError(f"c{FORBIDDEN}", path=f"d{FORBIDDEN}")
    results = [
        ds.CheckResult(f"n{FORBIDDEN}", f"m{FORBIDDEN}", findings=(wrong, wrong), matched=("up",)),
        ds.CheckResult(f"e{FORBIDDEN}", None, error=error),
        ds.CheckResult("p", None, notes=(FORBIDDEN,)),
    ]
    root = read(junit_xml(results).decode())
    first, second = [each.attrib["message"] for each in root.iter("failure")]
    assert first == second
    assert first.endswith("b")
    assert "]]><&\"'" in first
    assert "\n" in first
    cases = [each.attrib["name"] for each in root[0].iter("testcase")]
    assert cases[2] == f"{cases[1]} (2)"


def test_a_file_whose_name_is_no_utf_8(bench: Path) -> None:
    name = "n\udcff\x1b.prototxt"
    (bench / name).write_text(odd_net("up"))
    done = tool("check", bench, "--isolated", "--format", "junit", name)
    assert (done.returncode, done.stderr) == (1, b"")
    (suite,) = read(done.stdout.decode())
    assert suite.attrib["name"] == r"n\udcff\x1b.prototxt"
