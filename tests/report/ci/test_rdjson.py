"""``check --format rdjson``: reviewdog's format, whose changes are what ``patch-net`` writes.

The schema is reviewdog.proto's, said here by its structure: reviewdog reads with protojson, which
takes no other key. A change is made twice, as the proto has it, on bytes, and as reviewdog shows
it to GitHub, line by line (service/github/github.go): both are byte for byte what the command
writes that the finding names.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

import deconvsurgery as ds
from deconvsurgery.report.repair_block import TITLE
from helpers.models import base_model
from helpers.odd_nets import EVERYTHING, FOUND, HEAD, ODD_FILES, odd_net
from helpers.runs import run_here

Found = dict[str, Any]


def message(needed: Sequence[str] = (), **fields: Found) -> Found:
    """A message of a proto."""
    return {
        "type": "object",
        "properties": fields,
        "required": [*needed],
        "additionalProperties": False,
    }


TEXT: Found = {"type": "string"}
NUMBER: Found = {"type": "integer", "minimum": 1, "maximum": 2**31 - 1}
SEVERITY: Found = {"enum": ["ERROR", "WARNING", "INFO"]}
POSITION = message(("line",), line=NUMBER, column=NUMBER)
RANGE = message(("start",), start=POSITION, end=POSITION)
SOURCE = message(("name",), name=TEXT, url=TEXT)
DIAGNOSTIC = message(
    ("message", "location", "severity"),
    message=TEXT,
    location=message(("path",), path=TEXT, range=RANGE),
    severity=SEVERITY,
    source=SOURCE,
    code=message(("value",), value=TEXT, url=TEXT),
    suggestions={
        "type": "array",
        "items": message(("range", "text"), range=RANGE, text=TEXT),
        "maxItems": 1,  # GitHub shows further ones as errors, unless all are of the same lines
    },
    original_output=TEXT,
)
RESULT = message(
    ("diagnostics", "source"),
    diagnostics={"type": "array", "items": DIAGNOSTIC},
    source=SOURCE,
    severity=SEVERITY,
)


def read(text: str) -> list[Found]:
    """The diagnostics of a document that is valid."""
    document = json.loads(text)
    told = [
        f"{each.json_path}: {each.message}"
        for each in Draft7Validator(RESULT).iter_errors(document)
    ]
    assert told == []
    assert document["source"] == {"name": "deconvsurgery"}
    found: list[Found] = document["diagnostics"]
    return found


def of_rules(found: Sequence[Found]) -> list[Found]:
    return [each for each in found if each.get("code", {"value": ""})["value"].startswith("DS")]


@pytest.fixture(scope="module")
def diagnostics(printed: Callable[..., str]) -> list[Found]:
    """Of all the nets."""
    return read(printed("rdjson", *EVERYTHING))


def test_every_finding_has_its_place(diagnostics: list[Found]) -> None:
    places = []
    for each in of_rules(diagnostics):
        location = each["location"]
        start = location.get("range", {"start": {}})["start"]
        places.append((each["code"]["value"], location["path"], start.get("line", 1)))
        assert start.get("column") == (1 if start else None)
        assert "\nRepair: " in each["message"]
        level = "INFO" if each["code"]["value"] == "DS010" else None
        assert each["severity"] == (level or each["severity"])
    assert sorted(places) == FOUND
    assert {each["severity"] for each in of_rules(diagnostics)} == {"ERROR", "WARNING", "INFO"}
    blocks = [each for each in diagnostics if each["message"].startswith(f"{TITLE}:\n")]
    paths = [each["location"]["path"] for each in blocks]
    assert paths == [*ODD_FILES, "odd.prototxt"]
    assert {each["severity"] for each in blocks} == {"INFO"}


def test_what_could_not_be_checked_is_there(diagnostics: list[Found]) -> None:
    failed = [each for each in diagnostics if "Error" in each.get("code", {"value": ""})["value"]]
    assert [(each["code"]["value"], each["location"], each["severity"]) for each in failed] == [
        (
            "PrototxtError",
            {"path": "broken.prototxt", "range": {"start": {"line": 2}}},
            "ERROR",
        ),
        ("FormatError", {"path": "lfs.prototxt"}, "ERROR"),
        ("FileError", {"path": "missing.prototxt"}, "ERROR"),
    ]


def test_a_clean_run_has_none(printed: Callable[..., str]) -> None:
    assert read(printed("rdjson", "right.prototxt", code=0)) == []


def test_what_is_known_is_not_there(bench: Path) -> None:
    known = ("--baseline", "known.json", "odd.prototxt")
    assert run_here(bench, "check", "--write-baseline", *known)[0] == 0
    code, out, _ = run_here(bench, "check", "--format", "rdjson", *known)
    assert (code, read(out.decode())) == (0, [])


def test_where_files_are_fixed_nothing_is_suggested(bench: Path) -> None:
    """What --diff would leave stands in a file that is not there."""
    (bench / "fixed.prototxt").write_text(odd_net("up"))
    for option, code in (("--diff", 1), ("--fix", 0)):
        found, out, _ = run_here(bench, "check", option, "--format", "rdjson", "fixed.prototxt")
        assert found == code
        (left,) = of_rules(read(out.decode()))
        assert left["location"]["range"] == {"start": {"line": 2}}
        assert "suggestions" not in left


# --- changes


def changed(data: bytes, suggestion: Found) -> bytes:
    """The file with a change made: columns count bytes, the end is left out."""
    lines = [0, *(at + 1 for at, byte in enumerate(data) if byte == ord("\n"))]
    start, end = (
        lines[place["line"] - 1] + place["column"] - 1
        for place in (suggestion["range"]["start"], suggestion["range"]["end"])
    )
    new: bytes = data[:start] + suggestion["text"].encode() + data[end:]
    return new


def shown_to_github(data: bytes, suggestion: Found) -> bytes:
    """The file with the lines of the comment replaced by what reviewdog makes of the change."""
    lines = data.split(b"\n")
    start, end = suggestion["range"]["start"], suggestion["range"]["end"]
    text = (
        lines[start["line"] - 1][: start["column"] - 1]
        + suggestion["text"].encode()
        + lines[end["line"] - 1][end["column"] - 1 :]
    )
    return b"\n".join([*lines[: start["line"] - 1], text, *lines[end["line"] :]])


def checked(place: Path, *arguments: str) -> tuple[list[Found], list[Found]]:
    """Findings in JSON, and as diagnostics, one for one."""
    _, out, _ = run_here(place, "check", "--isolated", "--json", *arguments)
    findings = json.loads(out)["findings"]
    _, out, _ = run_here(place, "check", "--isolated", "--format", "rdjson", *arguments)
    found = of_rules(read(out.decode()))
    assert [each["code"]["value"] for each in found] == [each["id"] for each in findings]
    return findings, found


def written_by(place: Path, command: str) -> bytes:
    """What the command of a finding writes."""
    words = shlex.split(command)
    words = words[words.index("patch-net") :]
    code, _, errors = run_here(place, *words)
    assert (code, errors) == (0, b"")
    path = place / words[-1]
    data = path.read_bytes()
    path.unlink()
    return data


ONE_LINE = odd_net("up")
LINES = (
    HEAD
    + """layer {
  name: "up"
  type: "Deconvolution"
  bottom: "d"
  top: "x"
  convolution_param {
    num_output: 5  # classes
    group: 1
    kernel_size: 4
    weight_filler {
      type: "bilinear"
    }
    stride: 2
    bias_term: true
  }
}
"""
)
V1 = """input: "d" input_dim: 1 input_dim: 5 input_dim: 9 input_dim: 9
layers { name: "up" type: DECONVOLUTION bottom: "d" top: "x"
  blobs_lr: 1, blobs_lr: 2
  convolution_param: < num_output: 5, kernel_size: 4; stride: 2 > }"""
BEHIND_LETTERS = LINES.replace(
    "layer {\n", 'layer { name: "ü𐐀" type: "Silence" bottom: "d" } layer {\n'
)
TEXTS = {
    "one line": ONE_LINE,
    "lines": LINES,
    "CRLF": LINES.replace("\n", "\r\n"),
    "byte order mark": "\ufeff" + LINES,
    "a mark before the layer": "\ufeff" + LINES.removeprefix(HEAD) + HEAD,
    "V1": V1,
    "no line end": LINES.rstrip(),
    "letters before": BEHIND_LETTERS,
    "letters within": LINES.replace('"up"', "'up ü𐐀'").replace("classes", "Klassen: für 𐐀"),
    "quotes and codes": LINES.replace('"up"', r"'up\"\n\303\274%0A'"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_change_is_what_patch_net_writes(name: str, tmp_path: Path) -> None:
    data = TEXTS[name].encode()
    (tmp_path / "a.prototxt").write_bytes(data)
    findings, found = checked(tmp_path, "a.prototxt")
    suggested = 0
    for finding, diagnostic in zip(findings, found, strict=True):
        start = diagnostic["location"]["range"]["start"]
        line = data.split(b"\n")[start["line"] - 1].removeprefix(b"\xef\xbb\xbf")
        before = line.decode()[: finding["column"] - 1].encode()
        mark = 3 if start["line"] == 1 and name.startswith(("byte order", "a mark")) else 0
        assert (start["line"], start["column"]) == (finding["line"], mark + len(before) + 1)
        if finding["command"] is None:
            assert "suggestions" not in diagnostic
            continue
        (suggestion,) = diagnostic["suggestions"]
        new = written_by(tmp_path, finding["command"])
        assert new != data
        assert changed(data, suggestion) == new
        assert shown_to_github(data, suggestion) == new
        suggested += 1
    assert suggested


@pytest.mark.parametrize(
    "data", [LINES.replace("classes", "\xe4").encode("latin-1"), LINES.replace("\n", "\r").encode()]
)
def test_what_no_review_can_hold_has_no_change(data: bytes, tmp_path: Path) -> None:
    """Not UTF-8, or lines that are one for others: a line is all that is said."""
    (tmp_path / "a.prototxt").write_bytes(data)
    findings, found = checked(tmp_path, "a.prototxt")
    assert any("patch-net" in (each["command"] or "") for each in findings)
    for finding, diagnostic in zip(findings, found, strict=True):
        assert "suggestions" not in diagnostic
        assert diagnostic["location"]["range"] == {"start": {"line": finding["line"]}}


def many(count: int, up: int, param: str, *, of_each: str = "") -> str:
    """A net of so many layers, the last ``up`` of which are Deconvolutions."""
    layers = [
        f'layer {{ name: "r{number}" type: "ReLU" bottom: "d" top: "r{number}" }}\n'
        for number in range(count - up)
    ]
    layers += [
        f'layer {{ name: "up{number}" type: "Deconvolution" bottom: "d" top: "u{number}"\n'
        f"  {of_each} convolution_param {{ num_output: 5 kernel_size: 4 stride: 2 {param} }} }}\n"
        for number in range(up)
    ]
    return HEAD + "".join(layers)


@pytest.mark.parametrize(
    ("param", "rules"),
    [
        ("group: 5 pad: 1 weight_filler { type: 'bilinear' }", {"DS009", "DS010"}),
        ("group: 5 bias_term: false weight_filler { type: 'bilinear' }", {"DS007", "DS010"}),
    ],
)
def test_of_a_repair_of_many_layers_each_has_its_own(
    param: str, rules: set[str], tmp_path: Path
) -> None:
    """All together are the command; each by itself repairs its finding, and brings none."""
    data = many(150, 9, param).encode()
    (tmp_path / "a.prototxt").write_bytes(data)
    findings, found = checked(tmp_path, "a.prototxt")
    assert {each["id"] for each in findings} == rules
    for rule in rules:
        own = [each for each in zip(findings, found, strict=True) if each[0]["id"] == rule]
        (command,) = {finding["command"] for finding, _ in own}
        suggestions = [one for _, each in own for one in each.get("suggestions", ())]
        if rule == "DS007":  # sizes change, so that each is tried: as many as that leaves time for
            assert 0 < len(suggestions) < len(own)
        else:
            assert len(suggestions) == len(own)
            new = data
            for suggestion in reversed(suggestions):
                new = changed(new, suggestion)
            assert new == written_by(tmp_path, command)
        first = next(each for each in own if each[1].get("suggestions"))
        net = ds.parse_net(changed(data, first[1]["suggestions"][0]))
        after = {(each.id, each.layer) for each in ds.check(net).findings}
        before = {(each["id"], each["layer"]) for each in findings}
        assert before - after == {(rule, first[0]["layer"])}
        assert after <= before


def test_layers_that_hang_together_have_no_change_alone(tmp_path: Path) -> None:
    """Weights that two layers share, two layers of one name: alone, one would not fit the other."""
    param = "pad: 1 bias_term: false weight_filler { type: 'bilinear' }"
    shared = many(3, 2, param, of_each='param { name: "w" }')
    phases = many(3, 2, param).replace("up1", "up0")
    for number, phase in enumerate(("TRAIN", "TEST")):
        phases = phases.replace(f'"u{number}"', f'"u" include {{ phase: {phase} }}')
    for text in (shared, phases):
        (tmp_path / "a.prototxt").write_text(text)
        findings, found = checked(tmp_path, "--select", "DS008", "a.prototxt")
        assert len(findings) == 2
        assert all("patch-net" in each["command"] for each in findings)
        assert not any("suggestions" in each for each in found)


def test_a_change_that_the_model_would_not_fit_is_not_suggested(tmp_path: Path) -> None:
    net = many(2, 1, "pad: 1 bias_term: false weight_filler { type: 'bilinear' }")
    (tmp_path / "a.prototxt").write_text(net)
    asked = ("--select", "DS008", "a.prototxt")
    _, (alone,) = checked(tmp_path, *asked)
    assert "suggestions" in alone
    (tmp_path / "base").write_bytes(base_model(ds.parse_net(net.encode())))
    ds.apply(tmp_path / "a.prototxt", tmp_path / "base", tmp_path / "in.caffemodel")
    for finding in checked(tmp_path, *asked, "in.caffemodel")[1]:
        assert "suggestions" not in finding


def test_a_file_whose_name_is_no_utf_8(bench: Path) -> None:
    name = "n\udcff\0"[:-1] + "\x1b.prototxt"
    (bench / name).write_text(odd_net("up"))
    code, out, _ = run_here(bench, "check", "--isolated", "--format", "rdjson", name)
    assert code == 1
    assert {each["location"]["path"] for each in read(out.decode())} == {"n\\udcff\x1b.prototxt"}
