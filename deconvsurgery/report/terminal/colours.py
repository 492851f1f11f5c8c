"""Colours that read on black and on white, few enough to have a meaning each."""

from __future__ import annotations

from typing import Final

from rich.text import Text

from deconvsurgery.report.cells import Cell, Tone

GOOD, WRONG, ODD, QUIET, LEARNED = "green", "red", "dark_orange3", "dim", "turquoise4"
STYLES: Final = {
    Tone.PLAIN: "",
    Tone.NAME: "bold",
    Tone.GOOD: GOOD,
    Tone.NEW: f"bold {GOOD}",
    Tone.LEARNED: LEARNED,
    Tone.CHANGED: f"bold {LEARNED}",
    Tone.ODD: ODD,
    Tone.UNLIKE: f"bold {ODD}",
    Tone.WRONG: WRONG,
    Tone.GONE: f"bold {WRONG}",
    Tone.QUIET: QUIET,
}


def drawn(cell: Cell) -> Text:
    """A cell in its colours."""
    text = Text(cell.text, STYLES[cell.tone])
    return text if cell.then is None else Text(" ").join((text, drawn(cell.then)))
