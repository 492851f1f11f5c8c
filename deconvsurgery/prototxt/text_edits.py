"""Edits on a text-format message that keep every other character; nothing of Caffe.

What is to change is a tree of names, occurrences and values; where it goes, and how it is written,
the neighbours show: indentation, line ends, colons, quotes, braces, separators. The outcome are
edits on the bytes as they were read, whatever their encoding and line ends.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from deconvsurgery.splicing.byte_ranges import Edit, replacing

from .new_field_layout import (
    BLANK,
    Change,
    Style,
    Tree,
    blanks_before,
    line_start,
    prefix,
    scalar,
)
from .tokens import TextField

_REST_IS_BLANK = re.compile(r"[ \t\f\v\r]*(?:\n|\Z)")
_REST_SAYS_NOTHING = re.compile(r"[ \t\f\v\r]*(?:#[^\n]*)?(?=\n)")


class Draft:
    r"""A text that is being changed, field by field.

    ``characters`` are those of ``data`` as they were scanned: without a byte order mark, a lone CR
    given as ``\n``. Each character stands where it stood, so that offsets are the same.
    """

    def __init__(self, data: bytes, characters: str, encoding: str) -> None:
        self._characters = characters
        self._encoding = encoding
        self._first = len(data) - len(characters.encode(encoding))  # behind a byte order mark
        self._written = data[self._first :].decode(encoding)
        self._changes: list[tuple[int, int, str]] = []
        self._gone: list[tuple[int, int]] = []

    def edits(self) -> list[Edit]:
        """The changes so far as edits on the bytes."""
        gone = [(start, stop, "") for start, stop in self._removals()]
        found, at, size = [], 0, self._first
        for start, stop, text in sorted((*self._changes, *gone), key=lambda each: each[:2]):
            size += len(self._written[at:start].encode(self._encoding))
            length = len(self._written[start:stop].encode(self._encoding))
            found.append(replacing(size, size + length, text.encode("ascii")))
            at, size = stop, size + length
        return found

    def rewrite(
        self, field: TextField, index: int, tree: Tree, ahead: Mapping[str, str] | None = None
    ) -> None:
        """Change the ``index``-th message of ``field``.

        A new field goes behind the last one of its name, else behind the last of the message.
        ``ahead`` names for some a field that they go in front of.
        """
        style = Style().like(self._characters, [field])
        self._body(field, index, tree, style, ahead or {})

    def _body(
        self,
        field: TextField,
        index: int,
        tree: Tree,
        outer: Style,
        ahead: Mapping[str, str],
    ) -> None:
        body = (field.children or [])[index]
        style = outer.within(self._characters, field, index)
        kept, removed, seen = self._existing(body, tree, style)
        added = [
            (name, change)
            for (name, number), change in tree.items()
            if number >= seen[name] and change is not None
        ]
        if added and not kept:
            if removed:
                self._instead(removed.pop(0), added, style)
            else:
                self._into_empty(field, index, added, style)
        else:
            for anchor, names in _anchored(added, kept, ahead):
                new = [each for each in added if each[0] in names]
                self._behind(body, anchor, new, style)
        self._gone += [(each.start, each.end) for each in removed]

    def _existing(
        self, body: Sequence[TextField], tree: Tree, style: Style
    ) -> tuple[list[TextField], list[TextField], Counter[str]]:
        """Change the fields that are there; which of them stay, which go, how many there were."""
        kept: list[TextField] = []
        removed: list[TextField] = []
        seen: Counter[str] = Counter()
        for field in body:
            count = len(field.scalars if field.children is None else field.children)
            first = seen[field.name]
            seen[field.name] += count
            wanted = {
                number: tree[field.name, first + number]
                for number in range(count)
                if (field.name, first + number) in tree
            }
            if (
                wanted
                and len(wanted) == count
                and not any(change is not None for change in wanted.values())
            ):
                removed.append(field)
                continue
            kept.append(field)
            for number, change in wanted.items():
                if change is None:
                    self._remove_from_list(field, number)
                elif isinstance(change, Mapping):
                    self._body(field, number, change, style, {})
                else:
                    tokens = field.scalars[number]
                    span = tokens[0].start, tokens[-1].stop
                    quote = tokens[0].text[0] if tokens[0].kind == "string" else style.quote
                    self._changes.append((*span, scalar(change, quote)))
        return kept, removed, seen

    # --- putting in

    def _behind(
        self,
        body: Sequence[TextField],
        anchor: TextField,
        new: Sequence[tuple[str, Change]],
        style: Style,
    ) -> None:
        """New fields behind one that stays, on lines of their own if it has one."""
        place = next(number for number, each in enumerate(body) if each is anchor)
        own, lead = self._separator(anchor), ""
        if not own and place and anchor is body[-1]:
            lead = self._separator(body[place - 1])  # one stands between fields, not behind each
        indent = prefix(self._characters, anchor.start)
        if indent is None:
            words = [f" {style.field(*each)}" for each in new]
        else:
            line_end = self._line_end_before(anchor.start)
            words = [line_end + indent + style.field(*each, line_end, indent) for each in new]
        words = [each + own for each in words]
        at = anchor.end
        if indent is not None and (rest := _REST_SAYS_NOTHING.match(self._characters, at)):
            at = rest.end()
            if self._written[at - 1 : at + 1] == "\r\n":
                at -= 1
        if lead:
            self._changes.append((anchor.stop, anchor.stop, lead))
        self._changes.append((at, at, lead.join(words)))

    def _instead(self, field: TextField, new: Sequence[tuple[str, Change]], style: Style) -> None:
        """New fields in the place of one that goes; its separator serves them all."""
        indent, own = prefix(self._characters, field.start), self._separator(field)
        if indent is None:
            words = f"{own} ".join(style.field(*each) for each in new)
        else:
            line_end = self._line_end_before(field.start)
            between = own + line_end + indent
            words = between.join(style.field(*each, line_end, indent) for each in new)
        self._changes.append((field.start, field.stop, words))

    def _into_empty(
        self, field: TextField, index: int, new: Sequence[tuple[str, Change]], style: Style
    ) -> None:
        """New fields between braces that hold nothing, or comments only."""
        start, stop = field.insides[index]
        last_line = self._characters.rfind("\n", start, stop)
        if last_line < 0:
            words = "".join(f" {style.field(*each)}" for each in new)
            self._changes.append((start, start, words + (" " if start == stop else "")))
            return
        line_end = self._line_end(last_line)
        indent = self._characters[last_line + 1 : stop] + style.step
        at = last_line + 1 - len(line_end)
        words = "".join(line_end + indent + style.field(*each, line_end, indent) for each in new)
        self._changes.append((at, at, words))

    # --- taking out

    def _remove_from_list(self, field: TextField, number: int) -> None:
        """One of several values ``[…, …]``, with the comma on its left, or else on its right."""
        start, stop = _span(field, number)
        if number:
            self._gone.append((_span(field, number - 1)[1], stop))
        else:
            self._gone.append((start, _span(field, 1)[0]))

    def _removals(self) -> list[tuple[int, int]]:
        """What goes, as few ranges, each with its lines if it has them for itself."""
        joined: list[tuple[int, int]] = []
        for start, stop in sorted(self._gone):
            if joined and not self._characters[joined[-1][1] : start].strip(BLANK):
                joined[-1] = joined[-1][0], max(stop, joined[-1][1])
            else:
                joined.append((start, stop))
        return [self._widened(start, stop) for start, stop in joined]

    def _widened(self, start: int, stop: int) -> tuple[int, int]:
        """With the blanks that would be left over, or with the line ends."""
        blank = _REST_IS_BLANK.match(self._characters, stop)
        indent = prefix(self._characters, start)
        if blank and indent is not None:
            return start - len(indent), blank.end()
        if blank:
            return blanks_before(self._characters, start), stop
        if self._characters[start - 1 : start] in (*BLANK, "\n", "{", "<"):
            while self._characters[stop] in BLANK:
                stop += 1
        return start, stop

    # --- what the neighbours show

    def _separator(self, field: TextField) -> str:
        return self._characters[field.end - 1] if field.end > field.stop else ""

    def _line_end_before(self, offset: int) -> str:
        return self._line_end(line_start(self._characters, offset) - 1)

    def _line_end(self, at: int) -> str:
        """The line end whose last character stands there."""
        if self._written[at] == "\r":
            return "\r"
        return "\r\n" if self._written[at - 1 : at] == "\r" else "\n"


def _span(field: TextField, number: int) -> tuple[int, int]:
    """Where one of the values of a list stands."""
    if field.children is None:
        tokens = field.scalars[number]
        return tokens[0].start, tokens[-1].stop
    start, stop = field.insides[number]
    return start - 1, stop + 1


def _anchored(
    added: Sequence[tuple[str, Change]],
    kept: Sequence[TextField],
    ahead: Mapping[str, str],
) -> list[tuple[TextField, set[str]]]:
    """Behind which field the new ones of a name go."""
    anchors: dict[int, set[str]] = {}
    for name in dict.fromkeys(name for name, _ in added):
        same = [number for number, field in enumerate(kept) if field.name == name]
        before = [number for number, field in enumerate(kept) if field.name == ahead.get(name)]
        if same:
            place = same[-1]
        elif before and before[0]:
            place = before[0] - 1
        else:
            place = len(kept) - 1
        anchors.setdefault(place, set()).add(name)
    return [(kept[place], names) for place, names in anchors.items()]
