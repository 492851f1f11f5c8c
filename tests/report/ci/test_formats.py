"""What ``check`` prints for machines is what they take: SARIF, GitLab's list, GitHub's commands.

SARIF is held against the published schema, and against what GitHub's code scanning demands beyond
it. The files and layers have names that would break a careless writer.
"""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from jsonschema import Draft7Validator

from deconvsurgery.cli.check_formats import FORMATS
from deconvsurgery.report.repair_block import TITLE
from deconvsurgery.rules.finding import RULES
from helpers.documents import parsed_json, published
from helpers.odd_nets import EVERYTHING, FOUND, ODD_FILES, ODD_LAYERS, odd_net
from helpers.runs import run_here, tool
from helpers.words import Words, numbers

Found = dict[str, Any]


def test_a_prototxt_that_is_none_is_no_other_nets_model(bench: Path) -> None:
    """A pointer or an empty file: neither net nor model, so that its name decides."""
    (bench / "empty.prototxt").write_bytes(b"")
    (bench / "pointer.caffemodel").write_bytes((bench / "lfs.prototxt").read_bytes())
    nets = ("lfs.prototxt", "right.prototxt", "empty.prototxt", "right.prototxt")
    code, out, _ = run_here(bench, "check", "--allow-empty", "--json", *nets, "pointer.caffemodel")
    assert code == 3
    pairs = parsed_json(out)["pairs"]
    told = [(each["net"], each["model"], (each["error"] or {}).get("file")) for each in pairs]
    assert told == [
        ("lfs.prototxt", None, "lfs.prototxt"),
        ("right.prototxt", None, None),
        ("empty.prototxt", None, None),
        ("right.prototxt", "pointer.caffemodel", "pointer.caffemodel"),
    ]


# --- files beside what is printed


def test_several_formats_of_one_run(bench: Path, printed: Callable[..., str], words: Words) -> None:
    forms = FORMATS[1:]
    (bench / "also.gitlab").write_text("that of the last run")
    options = [part for form in forms for part in ("--also", f"{form}=also.{form}")]
    files = ["odd.prototxt", "right.prototxt"]
    code, out, errors = run_here(bench, "check", "--isolated", *options, *files)
    assert (code, errors) == (1, b"")
    assert out.decode().startswith("odd.prototxt:2:1: warning: DS007 ")
    for form in forms:
        assert (bench / f"also.{form}").read_text("utf-8") == printed(form, *files, code=1)
    code, _, errors = run_here(bench, "check", "--also", "json=alone.json", "missing.prototxt")
    assert code == 4
    (pair,) = json.loads((bench / "alone.json").read_bytes())["pairs"]
    assert (pair["error"]["kind"], pair["error"]["file"]) == ("FileError", "missing.prototxt")
    assert f"missing.prototxt: {pair['error']['message']}".encode() in errors
    words(pair["error"]["message"])


@pytest.mark.parametrize(
    ("also", "named"),
    [
        ("sarif=./odd.prototxt", "odd.prototxt"),
        ("json=odd.prototxt", "odd.prototxt"),
        ("sarif=no/such/folder.sarif", "no/such"),
        ("sarif", "'sarif'"),
        ("table=x", "'table=x'"),
        ("sarif=-", "'sarif=-'"),
    ],
)
def test_a_report_that_cannot_be_written(bench: Path, also: str, named: str, words: Words) -> None:
    before = (bench / "odd.prototxt").read_bytes()
    found, out, errors = run_here(bench, "check", "--isolated", "--also", also, "odd.prototxt")
    assert (found, out) == (2, b"")
    said = errors.decode()
    assert named in said
    words(said, also)
    assert (bench / "odd.prototxt").read_bytes() == before
    assert not (bench / "x").exists()


# --- SARIF


@pytest.fixture(scope="module")
def schema() -> Found:
    found = published("https://json.schemastore.org/sarif-2.1.0.json")
    assert found["title"] == "Static Analysis Results Format (SARIF) Version 2.1.0 JSON Schema"
    assert found["$schema"].startswith("http://json-schema.org/draft-07/schema")
    return found


def valid(log: Found, schema: Found) -> Found:
    told = [
        f"{each.json_path}: {each.message}" for each in Draft7Validator(schema).iter_errors(log)
    ]
    assert told == []
    return log


def test_the_schema_has_teeth(schema: Found) -> None:
    run: Found = {"tool": {"driver": {"name": "x"}}, "results": [{"ruleId": "r"}]}
    (error,) = Draft7Validator(schema).iter_errors({"version": "2.1.0", "runs": [run]})
    assert error.json_path == "$.runs[0].results[0]"


@pytest.fixture(scope="module")
def log(printed: Callable[..., str], schema: Found) -> Found:
    return valid(json.loads(printed("sarif", *EVERYTHING)), schema)


def texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict | list):
        for each in node.values() if isinstance(node, dict) else node:
            yield from texts(each)


def test_a_clean_run_is_valid_and_empty(printed: Callable[..., str], schema: Found) -> None:
    log = valid(json.loads(printed("sarif", "right.prototxt", code=0)), schema)
    (run,) = log["runs"]
    assert run["results"] == []
    assert run["invocations"] == [{"executionSuccessful": True}]


def test_what_github_demands_of_a_run(log: Found) -> None:
    """docs.github.com, SARIF support for code scanning: what it requires, and its limits."""
    assert log["$schema"] == "https://json.schemastore.org/sarif-2.1.0.json"
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "deconvsurgery"
    assert re.fullmatch(r"\d+\.\d+\.\d+(-[\w.]+)?", driver["semanticVersion"])
    assert [rule["id"] for rule in driver["rules"]] == sorted(RULES)
    for rule in driver["rules"]:
        assert 0 < len(rule["name"]) <= 255
        assert 0 < len(rule["shortDescription"]["text"]) <= 1024
        assert 0 < len(rule["fullDescription"]["text"]) <= 1024
        assert rule["help"]["text"]
        assert rule["help"]["markdown"].startswith(f"# {rule['id']}")
        assert rule["defaultConfiguration"]["level"] in ("note", "warning", "error")
    assert len(json.dumps(log)) < 10 << 20
    assert all("\0" not in text for text in texts(log))


def places_of(results: list[Found]) -> list[tuple[str, str, int]]:
    """Rule, file and line of each result."""
    found = []
    for each in results:
        (location,) = each["locations"]
        place = location["physicalLocation"]
        file = unquote(place["artifactLocation"]["uri"])
        found.append((each["ruleId"], file, place["region"]["startLine"]))
    return sorted(found)


def test_what_github_demands_of_a_result(log: Found) -> None:
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert places_of(run["results"]) == FOUND
    seen = set()
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("note", "warning", "error")
        assert result["message"]["text"]
        (location,) = result["locations"]
        physical = location["physicalLocation"]
        address = urlsplit(physical["artifactLocation"]["uri"])
        assert (address.scheme, address.netloc, address.query, address.fragment) == ("",) * 4
        assert address.path
        assert not address.path.startswith(("/", "./"))
        assert physical["region"]["startLine"] >= 1
        assert physical["region"]["startColumn"] >= 1
        (fingerprint,) = result["partialFingerprints"].values()
        seen.add(fingerprint)
    assert len(seen) == len(run["results"])


def test_sarif_names_files_as_the_repository_does(log: Found) -> None:
    results = log["runs"][0]["results"]
    places = [each["locations"][0]["physicalLocation"] for each in results]
    named = {unquote(each["artifactLocation"]["uri"]) for each in places}
    assert named == {*ODD_FILES, "odd.prototxt", "right.prototxt", "short.caffemodel"}
    assert "nets/%C3%BC%20%E5%9B%BE.prototxt" in {
        each["artifactLocation"]["uri"] for each in places
    }
    layers = {
        each["locations"][0]["logicalLocations"][0]["name"]
        for each, place in zip(results, places, strict=True)
        if place["artifactLocation"]["uri"] == "odd.prototxt"
    }
    assert {*ODD_LAYERS[:4], "up\n::error ::y\r\t\033[31m"} == layers


def test_what_could_not_be_checked_is_told_in_sarif(log: Found) -> None:
    (invocation,) = log["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is False
    told = [
        (
            each["descriptor"]["id"],
            each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
            each["locations"][0]["physicalLocation"].get("region"),
        )
        for each in invocation["toolExecutionNotifications"]
        if each["level"] == "error"  # what repairs a pair is there, too
    ]
    assert told == [
        ("PrototxtError", "broken.prototxt", {"startLine": 2, "startColumn": 15}),
        ("FormatError", "lfs.prototxt", None),
        ("FileError", "missing.prototxt", None),
    ]


def test_sarif_of_standard_input_and_of_other_paths(
    bench: Path, printed: Callable[..., str], schema: Found
) -> None:
    done = tool(
        "check", bench, "--isolated", "--format", "sarif", "-", stdin=odd_net("up").encode()
    )
    assert done.returncode == 1
    assert uris(valid(json.loads(done.stdout), schema)) == {"-"}
    inside, outside = bench / "odd.prototxt", bench.parent / "formats elsewhere.prototxt"
    outside.write_text(odd_net("up"))
    log = valid(json.loads(printed("sarif", str(inside), str(outside), code=1)), schema)
    assert uris(log) == {"odd.prototxt", outside.as_uri()}
    log = valid(json.loads(printed("sarif", f"../{outside.name}", code=1)), schema)
    assert uris(log) == {"../formats%20elsewhere.prototxt"}


def uris(log: Found) -> set[str]:
    return {
        each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for each in log["runs"][0]["results"]
    }


def test_a_fingerprint_stays_when_lines_move(bench: Path, printed: Callable[..., str]) -> None:
    def fingerprints(name: str, form: str) -> list[str]:
        found = json.loads(printed(form, name, code=1))
        if form == "gitlab":
            return [each["fingerprint"] for each in found]
        results = found["runs"][0]["results"]
        return [value for each in results for value in each["partialFingerprints"].values()]

    for form in ("sarif", "gitlab"):
        path = bench / "moving.prototxt"
        path.write_text(odd_net("up"))
        before = fingerprints("moving.prototxt", form)
        path.write_text("# a line\n\n" + odd_net("up"))
        assert fingerprints("./moving.prototxt", form) == before
        path.write_text(odd_net("up2"))
        assert not {*fingerprints("moving.prototxt", form)} & {*before}


# --- GitLab


def test_gitlabs_code_quality_report(printed: Callable[..., str]) -> None:
    """docs.gitlab.com/ci/testing/code_quality: a JSON array of objects with these properties."""
    text = printed("gitlab", *EVERYTHING)
    assert text.startswith("[")  # no byte order mark
    issues = json.loads(text)
    found = (
        (
            each["check_name"].split()[0],
            each["location"]["path"],
            each["location"]["lines"]["begin"],
        )
        for each in issues
        if each["severity"] != "blocker"  # what could not be checked
        and each["check_name"] != TITLE
    )
    assert sorted(found) == FOUND
    assert len({each["fingerprint"] for each in issues}) == len(issues)
    for each in issues:
        assert each["description"]
        assert each["check_name"]
        assert re.fullmatch("[0-9a-f]{64}", each["fingerprint"])
        assert each["severity"] in ("info", "minor", "major", "critical", "blocker")
        path = each["location"]["path"]
        assert not os.path.isabs(path)
        assert not path.startswith("./")
        assert each["location"]["lines"]["begin"] >= 1
        each["description"].encode("utf-8")  # no half of a surrogate pair
    assert {*ODD_FILES} < {each["location"]["path"] for each in issues}
    failed = [each for each in issues if each["severity"] == "blocker"]
    assert [(each["location"]["path"], each["location"]["lines"]["begin"]) for each in failed] == [
        ("broken.prototxt", 2),
        ("lfs.prototxt", 1),
        ("missing.prototxt", 1),
    ]
    assert json.loads(printed("gitlab", "right.prototxt", code=0)) == []


# --- GitHub


WORKFLOW_COMMAND = re.compile(r"::(error|warning|notice) ([^:]*)::(.*)")


def decoded(text: str, *, in_property: bool = False) -> str:
    """As the runner reads it: its ActionCommandManager's codes, the percent sign last."""
    codes = {"%0D": "\r", "%0A": "\n"} | ({"%3A": ":", "%2C": ","} if in_property else {})
    for code, sign in codes.items():
        text = text.replace(code, sign)
    return text.replace("%25", "%")


def test_workflow_commands_cannot_be_forged(printed: Callable[..., str], words: Words) -> None:
    *lines, closing_line = printed("github", *EVERYTHING).splitlines()
    # Errors, warnings, notes; layers and nets; nets that could not be checked.
    assert numbers(closing_line) == [2, 28, 9, 11, 10, 3]
    assert len(FOUND) == 2 + 28 + 9
    words(closing_line)
    found = []
    for line in lines:
        match = WORKFLOW_COMMAND.fullmatch(line)
        assert match is not None, line
        kind, properties, said = match.groups()
        pairs = dict(each.split("=", 1) for each in properties.split(","))
        assert pairs.keys() <= {"file", "line", "col", "title"}
        file = decoded(pairs["file"], in_property=True)
        if pairs["title"] != "repair%2C all of it":
            found.append((kind, file, pairs.get("line"), decoded(said)))
    assert {file for _, file, _, _ in found} == {
        *ODD_FILES,
        *("odd.prototxt", "right.prototxt", "short.caffemodel"),
        *("broken.prototxt", "lfs.prototxt", "missing.prototxt"),
    }
    odd = [said for _, file, _, said in found if file == "odd.prototxt"]
    for name in ODD_LAYERS[:4]:
        assert any(said.startswith(f"{name}: ") for said in odd), name
    assert any(said.startswith(r"up\n::error ::y\r\t\x1b[31m: ") for said in odd)
    lines_of_odd = {line for _, file, line, _ in found if file == "odd.prototxt"}
    assert lines_of_odd == {"2", "4", "6", "8", "10"}


# --- Markdown


def outside_code(lines: list[str]) -> Iterator[str]:
    """Lines but those between two of backquotes, where nothing is markup."""
    fence = ""
    for line in lines:
        if mark := re.match("`{3,}", line):
            fence = "" if fence else mark[0]
        elif not fence:
            yield line


def test_markdown_is_one_table_a_net_whatever_the_names(
    printed: Callable[..., str], words: Words
) -> None:
    lines = printed("markdown", *EVERYTHING).splitlines()
    assert lines[0] == "## deconvsurgery check"
    headings = [html.unescape(line) for line in lines if line.startswith("### ")]
    assert headings[:2] == [
        "### <code>./a,b:c 100%.prototxt</code>",
        "### <code>nets/ü 图.prototxt</code>",
    ]
    rows = [line for line in lines if line.startswith("|")]
    assert {row.count("|") for row in rows} == {7}
    # For each net that has findings a head and a line below it, and a row a finding.
    nets = {file for _, file, _ in FOUND} - {"short.caffemodel"}
    assert len(rows) == len(FOUND) + 2 * len(nets)
    assert sum(row.startswith("|--") for row in rows) == len(nets)
    assert not any("<b>" in line for line in outside_code(lines))
    bold = [line for line in lines if line.startswith("**") and TITLE.capitalize() not in line]
    assert len(bold) == 3  # nets that could not be checked
    words([line.partition("**: ")[0] for line in bold])
