"""The page of ``patch-net``; how it looks stands in ``__snapshots__/test_patch_net.ambr``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import deconvsurgery as ds
from deconvsurgery.report.phrases import PIPE, Medium
from deconvsurgery.report.terminal.coloured_diff import diff_page
from deconvsurgery.report.terminal.net_diff import diff_bytes
from deconvsurgery.report.terminal.patch_net import patch_net_report
from helpers.pages import lines_in_pipe, shown, stripped
from helpers.results import patch_result

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

SKIPPED = ds.LayerPatch("up", "Deconvolution", line=4, action="skipped", reason="it is 3x5")
RESULT = patch_result(
    SKIPPED,
    left_alone=tuple((f"up_{number}", "Convolution") for number in range(7)),
    warnings=("odd",),
    notes=("read so",),
)


def lines(*, terminal: bool) -> list[str]:
    page = patch_net_report(RESULT, Medium(200) if terminal else PIPE)
    return stripped(shown(page)).split("\n") if terminal else lines_in_pipe(page)


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "pipe"])
def test_patch_net_tells_whom_it_left_alone_and_whom_it_skipped(
    terminal: bool, snapshot: SnapshotAssertion
) -> None:
    found = lines(terminal=terminal)
    said = found[4:8] if terminal else found[1:5]
    skipped, warning, note, left = [line.split() for line in said]
    if terminal:
        assert skipped == ["skipped", "up:", "it", "is", "3x5"]
    else:
        assert skipped == ["up", "4", "-", "-", "-", "skipped:", "it", "is", "3x5"]
    assert [warning[0].rstrip(":"), *warning[1:]] == ["warning", "odd"]
    assert [note[0].rstrip(":"), *note[1:]] == ["note", "a.prototxt:", "read", "so"]
    assert left[2] == "7"
    named = [word for number in range(5) for word in (f"up_{number}", "(Convolution),")]
    assert left[-11:] == [*named, "+2"]
    assert "\n".join(found) == snapshot


def test_a_diff_in_latin_1_is_shown_as_it_was_read() -> None:
    result = patch_result(
        before=b"# na\xefve\nx: 1\n", after=b"# na\xefve\nx: 2\n", touched=((11, 12, 1),)
    )
    assert shown(diff_page(result)).split("\n")[2:] == [
        *("@@ -1,2 +1,2 @@", " # naïve", "-x: 1", "+x: 2", ""),
    ]
    assert diff_bytes(result).split(b"\n")[3] == b" # na\xefve"
