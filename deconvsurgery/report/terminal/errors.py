"""An error on a terminal: where, what, the lines it is about, and what to do next.

In a pipe an error is a line of its own and needs no layout.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.cells import set_cell_size
from rich.text import Text

from deconvsurgery.report.phrases import escaped, width_of

from .colours import LEARNED, QUIET, WRONG

if TYPE_CHECKING:
    from deconvsurgery.inputs.error_lines import Excerpt

_ERROR, _HINT = "error: ", " hint: "
_INDENT = len(_ERROR)
_TAB = 4
_WIDEST, _NARROWEST = 200, 10  # cells of a line from a file
# A name in quotes, an option, a command: what to look for, and what can be typed.
_NAMES = re.compile(r"(?<!\w)'[^'\n]+'(?!\w)|(?<!\S)(?:-\w/)?--?[a-zA-Z][a-z-]*|`[^`\n]+`")
# What is said of a command, and the command: it is copied as one line.
_COMMAND = re.compile(r"(?P<of>.*\b(?:for example|see|first): )(?P<command>\S.*)")
# What the mark stands under: a word or number, a string, or one character.
_TOKEN = re.compile(r"\w[\w.]*|\"[^\"]*\"|.")


def trouble(
    place: str, message: str, hint: str | None, excerpt: Excerpt | None, *, width: int
) -> Text:
    """An error laid out for ``width`` cells, to be printed as it is (``soft_wrap=True``).

    ``place`` is empty or ends in a colon and a space. Words are never broken, one may be a path to
    be copied. What acts on a terminal is spelt out in the excerpt; the words come so.
    """
    # One line where that suffices, else the place has its own.
    own_line = "\n" in message or excerpt or _INDENT + width_of(place + message) > width
    head = Text(f"{place.rstrip()}\n{message}" if place and own_line else place + message)
    head.highlight_regex(_NAMES, "bold")
    head.stylize("bold", 0, len(place.rstrip()))
    lines = [*_paragraph(Text(_ERROR, f"bold {WRONG}"), head, width)]
    if excerpt is not None:
        lines += [Text(""), *_excerpt(excerpt, width), Text("")]
    if hint:
        steps = Text(hint.replace("; ", ";\n"))  # what can be done, one below the other
        steps.highlight_regex(_NAMES, "bold")
        lines += _paragraph(Text(_HINT, f"bold {LEARNED}"), steps, width)
    return Text("\n").join(lines)


def _paragraph(label: Text, words: Text, width: int) -> Iterator[Text]:
    """The words beside their label; what goes on in another line hangs below its beginning."""
    lead = label
    lines = words.split("\n", allow_blank=True)
    for line in lines:
        own = len(line.plain) - len(line.plain.lstrip(" "))
        steps = label.plain == _HINT and len(lines) > 1
        hang = own + 2 * (own > 0 or steps)
        command = _COMMAND.fullmatch(line.plain) if label.plain == _HINT else None
        if command and _INDENT + width_of(line.plain) > width:
            of, whole = line.divide([command.start("command")])
            of.rstrip()
            yield Text.assemble(lead, of)
            yield Text.assemble(" " * (_INDENT + 2), whole)  # the terminal wraps it
            lead = Text(" " * _INDENT)
            continue
        for piece in _folded(line, width - _INDENT, hang):
            yield Text.assemble(lead, piece)
            lead = Text(" " * (_INDENT + hang))
        lead = Text(" " * _INDENT)


def _folded(line: Text, columns: int, hang: int) -> Iterator[Text]:
    """The line cut between words into ``columns`` cells, ``hang`` fewer behind the first piece."""
    breaks: list[int] = []
    used = 0
    for match in re.finditer(r" *[^ ]+", line.plain):
        cells = width_of(match.group())
        if used and used + cells > columns - hang * bool(breaks):
            word = match.group().lstrip(" ")
            breaks.append(match.end() - len(word))
            cells, used = width_of(word), 0
        used += cells
    for piece in line.divide(breaks):
        piece.rstrip()
        yield piece


def _excerpt(excerpt: Excerpt, width: int) -> Iterator[Text]:
    """The lines behind their numbers, and a mark below the place."""
    digits = max(len(str(excerpt.first + len(excerpt.lines) - 1)), _INDENT - 3)
    columns = min(max(width - digits - 3, _NARROWEST), _WIDEST)
    meant = excerpt.lines[excerpt.line - excerpt.first]
    at = (excerpt.column or 1) - 1
    start = _start(meant, at, columns)
    for number, line in enumerate(excerpt.lines, excerpt.first):
        beside = number != excerpt.line and excerpt.column is not None
        shown = Text(_cut(line, 0 if beside else start, columns), QUIET if beside else "")
        yield _numbered(str(number).rjust(digits), shown)
    if excerpt.column is not None:
        found = _TOKEN.match(meant, at, at + columns)
        before = width_of(_from(meant, start, at))
        marked = width_of(_from(meant, start, found.end())) - before if found else 1
        mark = "^" * max(min(marked, columns - before), 1)
        yield _numbered(" " * digits, Text(" " * before).append(mark, f"bold {WRONG}"))


def _numbered(number: str, line: Text) -> Text:
    numbered = Text.assemble((f"{number} │ ", QUIET), line)
    numbered.rstrip()
    return numbered


def _start(line: str, at: int, columns: int) -> int:
    """The first character that is shown, so that the one ``at`` stands well within ``columns``."""
    start = max(at - columns, 0)
    if start == 0 and width_of(_from(line[: at + columns], 0)) <= columns:
        return 0
    while start < at and width_of(_from(line, start, at)) > columns * 2 // 3:
        start += 1
    return start


def _cut(line: str, start: int, columns: int) -> str:
    """The line from its character ``start`` on, shortened to ``columns`` cells."""
    shown = _from(line, start, start + columns + 1)
    return (
        shown if width_of(shown) <= columns else set_cell_size(shown, columns - 1).rstrip(" ") + "…"
    )


def _from(line: str, start: int, stop: int | None = None) -> str:
    """Characters ``[start, stop)`` as they are shown, and a sign where there are some before."""
    shown = "…" if start else ""
    for part in re.split("(\t)", line[start:stop]):
        shown += " " * (_TAB - width_of(shown) % _TAB) if part == "\t" else part and escaped(part)
    return shown
