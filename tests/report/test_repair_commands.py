"""The commands that repair: what they call the files they make."""

from __future__ import annotations

from deconvsurgery.report.repair_commands import mended_name


def test_a_name_for_what_is_mended() -> None:
    assert mended_name("a.b/net.prototxt") == "a.b/net.mended.prototxt"
    assert mended_name("net.mended.prototxt", ["net.mended.prototxt"]) == "net.mended2.prototxt"
    assert mended_name("in.caffemodel.h5") == "in.mended.caffemodel.h5"
    assert mended_name("-") == "model.mended"
