"""How wide a terminal is, and what a stream that has few signs is written."""

from __future__ import annotations

import codecs
import os

import pytest

from deconvsurgery.cli.terminal_setup import columns, in_ascii


def test_a_window_that_has_no_width_yet_has_the_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second of the three streams is on one that has; then none is."""
    monkeypatch.delenv("COLUMNS", raising=False)
    sizes = {1: os.terminal_size((0, 0)), 2: os.terminal_size((77, 5)), 0: os.terminal_size((9, 9))}
    monkeypatch.setattr(os, "get_terminal_size", sizes.__getitem__)
    assert columns() == 77
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((0, 0)))
    assert columns() == 80


def test_only_what_is_written_is_spelt_otherwise() -> None:
    codecs.register_error("spelt", in_ascii)
    assert "→ Δ é…".encode("ascii", "spelt") == b"> d \\xe9~"
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("ascii", "spelt")
