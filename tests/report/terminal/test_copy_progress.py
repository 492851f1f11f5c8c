"""The line of a long copy."""

from __future__ import annotations

import pytest

from deconvsurgery.report.terminal.copy_progress import copy_line
from helpers.pages import shown, widest

GIGA = 10**9


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_a_long_copy_has_name_bytes_rate_and_time_left(width: int) -> None:
    line = shown(copy_line("/there/out.caffemodel", GIGA, 5 * GIGA, 5e8, width), width)
    assert len(line.splitlines()) == 1
    assert widest(line) <= width
    facts = ["1.0 GB of 5.0 GB", "0:08 left", *(["500.0 MB/s"] if width > 40 else [])]
    assert line.startswith("out.caffemodel  " if width > 60 else "out")
    assert [fact for fact in facts if fact not in line] == []


def test_what_is_not_known_yet_is_not_said() -> None:
    for rate in (None, 0.0):
        line = shown(copy_line("out", 0, 5 * GIGA, rate, 80), 80)
        assert ("?" in line, "/s" in line, "5.0 GB" in line) == (False, False, True)


def test_names_do_not_act_on_a_terminal_nor_take_the_line() -> None:
    line = shown(copy_line("/a/\x1b[41m" + "long" * 100, 1, 2, 1.0, 60), 60)
    assert "\x1b" not in line
    assert "1 byte" in line
    assert widest(line) <= 60
