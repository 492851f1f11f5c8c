"""What ``check`` prints for machines is what they take: SARIF, GitLab's list, GitHub's commands.

SARIF is held against the published schema, and against what GitHub's code scanning demands beyond
it. The files and layers have names that would break a careless writer.
"""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from jsonschema import Draft7Validator

from helpers.documents import parsed_json, published
from helpers.models import NetParameter
from helpers.runs import COMMAND, run_here

RunHere = Callable[..., tuple[int, bytes, bytes]]
Found = dict[str, Any]

HEAD = 'input: "d" input_shape { dim: 1 dim: 5 dim: 9 dim: 9 }\n'
UP = """layer { name: '%s' type: "Deconvolution" bottom: "d" top: "%d" convolution_param {
  num_output: 5 kernel_size: 4 stride: 2 %s } }
"""
ODD_LAYERS = (
    "up%0A::error::x",
    "up,file=x:1",
    "up|`<b>&amp;*_[a](b)",
    "up ü↑ 图层",
    r"up\n::error ::y\r\t\033[31m",
)
ODD_FILES = ("a,b:c 100%.prototxt", "nets/ü 图.prototxt", "-o.prototxt", "a#b?c&d.prototxt")


def net(*names: str, param: str = 'weight_filler { type: "bilinear" }') -> str:
    return HEAD + "".join(UP % (name, number, param) for number, name in enumerate(names))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("formats")
    (place / "nets").mkdir()
    for name in ODD_FILES:
        (place / name).write_text(net("up"))
    (place / "odd.prototxt").write_text(net(*ODD_LAYERS))
    right = "group: 5 pad: 1 bias_term: false weight_filler { type: 'bilinear' }"
    (place / "right.prototxt").write_text(
        net("up", param=right).replace(
            "convolution_param", "param { lr_mult: 0 } convolution_param"
        )
    )
    (place / "broken.prototxt").write_text('name: "n"\nlayer { name: }\n')
    (place / "lfs.prototxt").write_text(
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12345\n"
    )
    model = NetParameter()
    layer = model.layer.add(name="up", type="Deconvolution", bottom=["d"], top=["0"])
    blob = layer.blobs.add()
    blob.shape.dim.extend([5, 1, 4, 4])
    blob.data.extend([0.0] * 79)  # one is missing
    model.layer.add(name="gone", type="Convolution").blobs.add().CopyFrom(blob)  # in no line
    (place / "short.caffemodel").write_bytes(model.SerializeToString())
    return place


EVERYTHING = (
    *("./" + ODD_FILES[0], ODD_FILES[1], "./" + ODD_FILES[2], ODD_FILES[3]),
    "odd.prototxt",
    "right.prototxt",
    "broken.prototxt",
    "lfs.prototxt",
    "missing.prototxt",
    *("right.prototxt", "short.caffemodel"),
)


@pytest.fixture(scope="module")
def printed(bench: Path) -> Callable[..., str]:
    """What a format has of some files."""

    def of(form: str, *files: str, code: int = 4) -> str:
        found, out, errors = run_here(bench, "check", "--isolated", "--format", form, "--", *files)
        assert (found, errors) == (code, b"")
        return out.decode("utf-8")

    return of


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


def test_several_formats_of_one_run(bench: Path, printed: Callable[..., str]) -> None:
    forms = ("json", "sarif", "gitlab", "github", "markdown")
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
    assert b"missing.prototxt: there is no such file" in errors
    assert json.loads((bench / "alone.json").read_bytes())["pairs"][0]["error"]


@pytest.mark.parametrize(
    ("also", "code", "words"),
    [
        ("sarif=./odd.prototxt", 2, "odd.prototxt: is checked, and the report would replace it"),
        ("json=odd.prototxt", 2, "is checked"),
        ("sarif=no/such/folder.sarif", 2, "no/such"),
        ("sarif", 2, "'sarif' is not FORMAT=FILE"),
        ("table=x", 2, "'table=x' is not FORMAT=FILE"),
        ("sarif=-", 2, "'sarif=-' is not FORMAT=FILE"),
    ],
)
def test_a_report_that_cannot_be_written(bench: Path, also: str, code: int, words: str) -> None:
    before = (bench / "odd.prototxt").read_bytes()
    found, out, errors = run_here(bench, "check", "--isolated", "--also", also, "odd.prototxt")
    assert (found, out) == (code, b"")
    assert words in errors.decode()
    assert (bench / "odd.prototxt").read_bytes() == before


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
    assert [rule["id"] for rule in driver["rules"]] == [f"DS{n:03}" for n in range(1, 15)]
    for rule in driver["rules"]:
        assert 0 < len(rule["name"]) <= 255
        assert 0 < len(rule["shortDescription"]["text"]) <= 1024
        assert 0 < len(rule["fullDescription"]["text"]) <= 1024
        assert rule["help"]["text"]
        assert rule["help"]["markdown"].startswith(f"# {rule['id']}")
        assert rule["defaultConfiguration"]["level"] in ("note", "warning", "error")
    assert len(json.dumps(log)) < 10 << 20
    assert all("\0" not in text for text in texts(log))


def test_what_github_demands_of_a_result(log: Found) -> None:
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len(run["results"]) > 20
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
    ]
    assert told == [
        ("PrototxtError", "broken.prototxt", {"startLine": 2, "startColumn": 15}),
        ("FormatError", "lfs.prototxt", None),
        ("FileError", "missing.prototxt", None),
    ]


def test_sarif_of_standard_input_and_of_other_paths(
    bench: Path, printed: Callable[..., str], schema: Found
) -> None:
    done = subprocess.run(
        [*COMMAND, "check", "--isolated", "--format", "sarif", "-"],
        input=net("up").encode(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert uris(valid(json.loads(done.stdout), schema)) == {"-"}
    inside, outside = bench / "odd.prototxt", bench.parent / "formats elsewhere.prototxt"
    outside.write_text(net("up"))
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
        path.write_text(net("up"))
        before = fingerprints("moving.prototxt", form)
        path.write_text("# a line\n\n" + net("up"))
        assert fingerprints("./moving.prototxt", form) == before
        path.write_text(net("up2"))
        assert not {*fingerprints("moving.prototxt", form)} & {*before}


# --- GitLab


def test_gitlabs_code_quality_report(printed: Callable[..., str]) -> None:
    """docs.gitlab.com/ci/testing/code_quality: a JSON array of objects with these properties."""
    text = printed("gitlab", *EVERYTHING)
    assert text.startswith("[")  # no byte order mark
    issues = json.loads(text)
    assert len(issues) > 20
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


def test_workflow_commands_cannot_be_forged(printed: Callable[..., str]) -> None:
    *lines, closing_line = printed("github", *EVERYTHING).splitlines()
    assert "3 nets could not be checked" in closing_line
    found = []
    for line in lines:
        match = WORKFLOW_COMMAND.fullmatch(line)
        assert match is not None, line
        kind, properties, words = match.groups()
        pairs = dict(each.split("=", 1) for each in properties.split(","))
        assert pairs.keys() <= {"file", "line", "col", "title"}
        file = decoded(pairs["file"], in_property=True)
        found.append((kind, file, pairs.get("line"), decoded(words)))
    assert {file for _, file, _, _ in found} == {
        *ODD_FILES,
        *("odd.prototxt", "right.prototxt", "short.caffemodel"),
        *("broken.prototxt", "lfs.prototxt", "missing.prototxt"),
    }
    odd = [words for _, file, _, words in found if file == "odd.prototxt"]
    for name in ODD_LAYERS[:4]:
        assert any(words.startswith(f"{name}: ") for words in odd), name
    assert any(words.startswith(r"up\n::error ::y\r\t\x1b[31m: ") for words in odd)
    lines_of_odd = {line for _, file, line, _ in found if file == "odd.prototxt"}
    assert lines_of_odd == {"2", "4", "6", "8", "10"}


# --- Markdown


def test_markdown_is_one_table_a_net_whatever_the_names(printed: Callable[..., str]) -> None:
    lines = printed("markdown", *EVERYTHING).splitlines()
    assert lines[0] == "## deconvsurgery check"
    headings = [html.unescape(line) for line in lines if line.startswith("### ")]
    assert headings[:2] == [
        "### <code>./a,b:c 100%.prototxt</code>",
        "### <code>nets/ü 图.prototxt</code>",
    ]
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) > 20
    for row in rows:
        assert row.count("|") == 7, row
    assert not any("<b>" in line for line in lines)
    assert sum(line.startswith("**Could not be checked**") for line in lines) == 3
