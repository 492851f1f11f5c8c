"""Repairs as commands that can be copied, and what they call the files they make."""

from __future__ import annotations

import deconvsurgery as ds
from deconvsurgery.report.repair_commands import mended_name, repair_line, repair_lines

FILL = ds.Repair("so", (ds.Step("apply", ("-p", "up")),))
ZERO = ds.Finding("DS002", "all zero", line=30, column=3, layer="up", repair=FILL)
NAMELESS = ds.Finding("DS011", "no 'up'", repair=ds.Repair("name it"))


def test_a_repair_that_needs_a_file_more_is_no_command() -> None:
    """To fill a layer takes a net; where a model stands alone there is none to name."""
    line = "deconvsurgery apply -p up a.prototxt a.caffemodel a.mended.caffemodel"
    assert repair_line(ZERO, "a.prototxt", "a.caffemodel") == line
    assert repair_lines([ZERO, NAMELESS], "a.prototxt", "a.caffemodel") == [(("DS002",), line)]
    assert repair_line(ZERO, None, "a.caffemodel") is None
    assert repair_lines([ZERO, NAMELESS], None, "a.caffemodel") == []


def test_a_finding_without_a_repair_has_no_command() -> None:
    bare = ds.Finding("DS002", "all zero", line=30, layer="up")
    assert repair_line(bare, "a.prototxt", "a.caffemodel") is None


def test_a_name_for_what_is_mended() -> None:
    assert mended_name("a.b/net.prototxt") == "a.b/net.mended.prototxt"
    assert mended_name("net.mended.prototxt", ["net.mended.prototxt"]) == "net.mended2.prototxt"
    assert mended_name("in.caffemodel.h5") == "in.mended.caffemodel.h5"
    assert mended_name("-") == "model.mended"
