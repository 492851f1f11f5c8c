"""The frame of every page: what it may load (nothing), its style, its head and foot, its tables."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from deconvsurgery.report.cells import RIGHT, Cells, Remark, Tone
from deconvsurgery.report.phrases import shortened
from deconvsurgery.version import __version__

from .elements import Markup, element, joined, name, pairs_list, section, sentence

STYLE: Final = Path(__file__).with_name("page.css")
# Rows of a table, and findings: who has more of them reads --json.
MOST_ROWS: Final = 1000
# Characters of a cell that is never broken.
SHORT: Final = 24
# The class of a tone in the style; others are drawn as they are.
CLASSES: Final = {
    Tone.GOOD: "good",
    Tone.NEW: "good",
    Tone.LEARNED: "learned",
    Tone.CHANGED: "learned",
    Tone.ODD: "odd",
    Tone.WRONG: "bad",
    Tone.QUIET: "quiet",
}
_XHTML: Final = "http://www.w3.org/1999/xhtml"


def page(
    verb: str,
    subject: str,
    closing: str,
    facts: Sequence[tuple[str, Markup]],
    *parts: Markup | None,
) -> bytes:
    """A whole page in UTF-8: what it is about, in one sentence; ``facts`` are the files.

    It holds no script, and its policy lets a browser load nothing and run nothing. The same
    input makes the same bytes.
    """
    style = STYLE.read_text("utf-8")
    digest = b64encode(sha256(style.encode("utf-8")).digest()).decode("ascii")
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", f"{shortened(subject)} - deconvsurgery {verb}"),
        element("style", Markup(style)),
    )
    body = element(
        "body",
        _patterns(),
        element(
            "header",
            element("p", f"deconvsurgery {verb}", class_="tool"),
            element("h1", name(subject)),
            element("p", sentence(closing), class_="closing"),
            pairs_list(facts, "files"),
        ),
        element("main", *parts),
        element(
            "footer",
            element("p", f"Made by deconvsurgery {__version__}. This page loads nothing."),
        ),
    )
    html = element("html", head, body, xmlns=_XHTML, lang="en")
    return f"<!DOCTYPE html>\n{html}\n".encode()


def _patterns() -> Markup:
    """What drawings are filled with."""
    return element(
        "svg",
        element(
            "defs",
            element(
                "pattern",
                element("path", d="M-1 1l2-2M0 4l4-4M3 5l2-2", class_="hatch"),
                id="hatch",
                width=4,
                height=4,
                patternUnits="userSpaceOnUse",
                patternTransform="scale(.2)",
            ),
        ),
        xmlns="http://www.w3.org/2000/svg",
        width=0,
        height=0,
        class_="patterns",
        aria_hidden="true",
        focusable="false",
    )


def file_name(path: str | None) -> str:
    """The last part of a path, which says what a page is about."""
    return "standard input" if path == "-" else os.path.basename(path or "") or path or "nothing"


def file_fact(path: str, what: str = "") -> Markup:
    """A file's name, and what it is."""
    words = element("span", f" {what}", class_="quiet") if what else None
    return joined((element("code", name(path, 400)), words))


def layers_table(caption: str, headings: Sequence[str], rows: Sequence[Cells]) -> Markup | None:
    """Layers under headings, as the terminal has them; ``None`` where there are none.

    On a narrow screen each is a block. Roles are spelt out, as a table that is laid out in blocks
    is none for screen readers otherwise.
    """
    if not rows:
        return None
    kept = [heading for heading in headings if heading in rows[0]]
    shown = rows[:MOST_ROWS]
    more = len(rows) - len(shown)
    heads = (
        element(
            "th",
            heading,
            scope="col",
            role="columnheader",
            class_="right" if heading in RIGHT else None,
        )
        for heading in kept
    )
    drawn = element(
        "table",
        element("caption", caption, class_="unseen"),
        element("thead", element("tr", *heads, role="row"), role="rowgroup"),
        element("tbody", *(_row(row, kept) for row in shown), role="rowgroup"),
        class_="rows",
        role="table",
    )
    others = f"{more:,} more rows: --json has them all."
    return section(
        2,
        "Layers",
        scrolled(caption, drawn),
        element("p", others, class_="quiet") if more else None,
    )


def scrolled(label: str, child: Markup) -> Markup:
    """What may be wider than the screen scrolls on its own, by keyboard, too."""
    return element("div", child, class_="scroll", tabindex="0", role="region", aria_label=label)


def _row(row: Cells, headings: Iterable[str]) -> Markup:
    cells = []
    for place, heading in enumerate(headings):
        words, tone = row[heading].words, row[heading].tone
        classes = [CLASSES[tone]] if tone in CLASSES else []
        classes += ["right"] if heading in RIGHT else []
        classes += ["short"] if len(words) <= SHORT else []
        shown = name(words) if heading in ("layer", "type") else sentence(words)
        cells.append(
            element(
                "td" if place else "th",
                element("span", shown),
                class_=" ".join(classes) or None,
                data_label=heading,
                scope=None if place else "row",
                role="cell" if place else "rowheader",
            )
        )
    return element("tr", *cells, role="row")


def remarks(notes: Sequence[Remark], level: int = 2) -> Markup | None:
    """Warnings and notes, a line each; ``None`` where there are none."""
    if not notes:
        return None
    lines = [
        element(
            "li",
            element("b", label, class_=CLASSES.get(tone)),
            " ",
            *(() if layer is None else (name(layer), ": ")),
            sentence(words),
        )
        for label, tone, layer, words in notes[:MOST_ROWS]
    ]
    if len(notes) > MOST_ROWS:
        lines.append(element("li", f"and {len(notes) - MOST_ROWS:,} more"))
    return section(level, "Warnings and notes", element("ul", *lines, class_="remarks"))
