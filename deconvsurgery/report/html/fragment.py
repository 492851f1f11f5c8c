"""A result as a fragment of HTML that stands among other things: a notebook's output.

It brings no style but that of its own elements. Colours are mixed with the text's own, whatever
that is: so they can be read on light and on dark, and nobody has to know which it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from deconvsurgery.report.cells import RIGHT, Cell, Cells, Remark, Tone, arrowed
from deconvsurgery.report.phrases import NOTHING
from deconvsurgery.wording import plural

from .elements import Markup, element, name, sentence

SHORT: Final = 24  # characters of a cell that is never broken
MOST_ROWS: Final = 60  # of a table; and remarks: a result has all of them as values


def _mixed(colour: str) -> str:
    return f"color:color-mix(in srgb,currentColor 40%,{colour})"


_GOOD, _LEARNED, _ODD = _mixed("#0f9d58"), _mixed("#0e93b0"), _mixed("#d07c00")
_WRONG, _QUIET, _BOLD = _mixed("#e5342b"), "opacity:.72", "font-weight:600"
_STYLES: Final = {
    Tone.NAME: _BOLD,
    Tone.GOOD: _GOOD,
    Tone.NEW: f"{_GOOD};{_BOLD}",
    Tone.LEARNED: _LEARNED,
    Tone.CHANGED: f"{_LEARNED};{_BOLD}",
    Tone.ODD: _ODD,
    Tone.UNLIKE: f"{_ODD};{_BOLD}",
    Tone.WRONG: _WRONG,
    Tone.GONE: f"{_WRONG};{_BOLD}",
    Tone.QUIET: _QUIET,
}
_WHOLE: Final = "line-height:1.5;max-width:100%;overflow-x:auto"
# A notebook spreads tables over the page and centres them; these are as wide as what they hold.
_TABLE: Final = "border-collapse:collapse;table-layout:auto;width:auto;margin:.4em 0;border:none"
_LINE: Final = "border-bottom:1px solid color-mix(in srgb,currentColor 25%,transparent)"
_HEAD: Final = f"{_LINE};{_BOLD};white-space:nowrap"
_CELL: Final = "padding:.15em .9em .15em 0;vertical-align:top"
_COMMANDS: Final = (
    "font:.9em/1.5 monospace;white-space:pre-wrap;margin:.4em 0;padding:0;"
    "background:none;color:inherit"
)


def fragment(
    closing: str | None,
    *,
    heads: Iterable[tuple[str, str]] = (),
    headings: Sequence[str] = (),
    rows: Sequence[Cells] = (),
    notes: Sequence[Remark] = (),
    commands: str = "",
) -> str:
    """What it is about (names, and what is said of each), a table, remarks, commands, a sentence.

    Everything that comes from a file is text in it. It is one ``div``: no page, and no ``style``
    element, which would change what stands around it.
    """
    parts = [
        *(_line(element("b", name(first)), f"  {words}") for first, words in heads),
        _table(headings, rows) if rows else None,
        _remarks(notes) if notes else None,
        element("pre", commands, style=_COMMANDS) if commands else None,
        _line(element("b", sentence(closing))) if closing else None,
    ]
    return element("div", *parts, style=_WHOLE)


def _line(*parts: str) -> Markup:
    return element("p", *parts, style="margin:.3em 0")


def _table(headings: Sequence[str], rows: Sequence[Cells]) -> Markup:
    shown = [heading for heading in headings if heading in rows[0]]
    heads = (
        element("th", arrowed(each), scope="col", style=f"{_side(each)};{_HEAD}") for each in shown
    )
    more = len(rows) - MOST_ROWS
    return element(
        "div",
        element(
            "table",
            element("thead", element("tr", *heads)),
            element("tbody", *(_row(row, shown) for row in rows[:MOST_ROWS])),
            style=_TABLE,
        ),
        _line(f"and {plural(more, 'more row')}") if more > 0 else None,
    )


def _row(row: Cells, headings: Sequence[str]) -> Markup:
    cells = []
    for place, heading in enumerate(headings):
        style = _side(heading) if place else f"{_side(heading)};font-weight:inherit"
        if len(row[heading].words) <= SHORT:
            style += ";white-space:nowrap"
        tag, scope = ("td", None) if place else ("th", "row")
        cells.append(element(tag, *_words(row[heading], heading), scope=scope, style=style))
    return element("tr", *cells)


def _side(heading: str) -> str:
    return f"{_CELL};text-align:{'right' if heading in RIGHT else 'left'}"


def _words(cell: Cell, heading: str) -> list[Markup | str]:
    """A cell's words; what says nothing is left empty."""
    if cell.text == NOTHING and cell.then is None:
        return []
    words = name(cell.text) if heading in ("layer", "net", "type", "from") else sentence(cell.text)
    said: list[Markup | str] = [element("span", words, style=_STYLES.get(cell.tone))]
    return said if cell.then is None else [*said, " ", *_words(cell.then, heading)]


def _remarks(notes: Sequence[Remark]) -> Markup:
    lines = [
        element(
            "tr",
            element("th", label, scope="row", style=f"{_side('')};{_STYLES.get(tone, '')}"),
            element(
                "td",
                *(() if layer is None else (element("b", name(layer)), ": ")),
                sentence(words),
                style=_side(""),
            ),
        )
        for label, tone, layer, words in notes[:MOST_ROWS]
    ]
    more = len(notes) - MOST_ROWS
    return element(
        "div",
        element("table", element("tbody", *lines), style=_TABLE),
        _line(f"and {plural(more, 'more remark')}") if more > 0 else None,
    )
