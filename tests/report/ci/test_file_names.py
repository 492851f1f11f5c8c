"""A URL stands in every format as it was named: its slashes are not a path's."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest

import deconvsurgery as ds
from deconvsurgery.cli.check_formats import FORMATS, document_bytes
from deconvsurgery.report.ci.file_names import tracked, uri

ZERO = ds.Finding("DS002", "all zero", line=30, column=3, layer="up")
LACKS = ds.Finding("DS011", "no such layer", layer="up")
NET, MODEL = "s3://zoo//nets/./a b.prototxt", "https://host/x/../b.caffemodel?v=1"


@pytest.mark.parametrize("form", FORMATS[1:])
def test_a_url_is_not_made_a_path(form: str) -> None:
    error = ds.FileError("cannot be read", path=NET)
    results = [
        ds.CheckResult(NET, MODEL, findings=(ZERO, LACKS), matched=("up",)),
        ds.CheckResult(NET, None, error=error),
    ]
    text = document_bytes(form, results, passed=False).decode()
    coded = {"sarif": "s3://zoo//nets/./a%20b.prototxt"}
    # A colon ends a property of GitHub's commands; Markdown and XML code signs of their own.
    coded["github"] = NET.replace(":", "%3A")
    model = MODEL.replace(":", "%3A") if form == "github" else MODEL
    assert coded.get(form, NET) in text
    assert model in text
    assert "s3:/zoo" not in text
    assert "https:/host" not in text
    assert "host/b.caffemodel" not in text


@pytest.mark.parametrize(
    ("path", "name", "coded"),
    [
        ("./a/../b.prototxt", "b.prototxt", "b.prototxt"),
        ("./s3:/zoo/a", "s3:/zoo/a", "s3%3A/zoo/a"),
        ("s3://zoo/a", "s3://zoo/a", "s3://zoo/a"),
        ("s3://zoo/100%/#1?", "s3://zoo/100%/#1?", "s3://zoo/100%25/%231%3F"),
        ("gs://zoo/ü\udcff", "gs://zoo/ü\udcff", "gs://zoo/%C3%BC%FF"),
        ("http://u@h:80/a%20b?c=d#e", "http://u@h:80/a%20b?c=d#e", "http://u@h:80/a%20b?c=d#e"),
        ("", "", ""),
    ],
)
def test_a_files_name(path: str, name: str, coded: str) -> None:
    assert tracked(path) == name
    assert uri(name) == coded
    address = urlsplit(coded)
    assert (address.scheme != "") == ("://" in path)


def test_gitlab_has_the_repair_in_words() -> None:
    """Its list shows the description alone."""
    bare = ds.CheckResult("a", None, findings=(ZERO,), matched=("up",))
    repair = ds.Repair("fill it", (ds.RepairStep("patch-net", ("-p", "up")),))
    fixed = ds.CheckResult("a", None, findings=(ZERO._replace(repair=repair),), matched=("up",))
    said = ds.Repair("ask whoever trained it")
    asked = ds.CheckResult("a", None, findings=(ZERO._replace(repair=said),), matched=("up",))
    issues = json.loads(document_bytes("gitlab", [bare, fixed, asked], passed=False))
    repairs = [each["description"].partition("; repair: ")[2] for each in issues]
    assert repairs[0] == "by hand"
    assert repairs[1].endswith("patch-net -p up a a.fixed.prototxt")
    assert repairs[2] == "ask whoever trained it"
