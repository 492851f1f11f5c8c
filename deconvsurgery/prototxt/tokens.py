"""Protobuf's text format as a tree that knows where everything stands; nothing of Caffe.

A lossless scanner: each field keeps the offsets of its name and its value in the text, so a
line can be named and an edit can leave every other character alone. What the values *mean* is
protobuf's business (``typed_fields``); here a scalar is the characters that were written.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from deconvsurgery.errors import NotANetError, PrototxtError

MAX_DEPTH = 100  # protobuf's own recursion limit

_TOKEN = re.compile(
    # Possessive throughout: to keep ways back would cost 200 bytes for each character of a string.
    r"""(?P<space>(?:[ \t\r\n\f\v]++|\#[^\n]*+)++)
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*+)
      | (?P<number>\.?[0-9](?:[eE][+-]?[0-9]|[A-Za-z0-9_.])*+)
      | (?P<string>"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"|'[^'\\\n]*+(?:\\.[^'\\\n]*+)*+')
      | (?P<mark>[{}<>\[\]:;,+-])
    """,
    re.VERBOSE | re.DOTALL,
)
# Shell and envsubst, CMake and autoconf, Python, Jinja.
_VARIABLE = re.compile(r"\$|@\w+@|%\(\w+\)|\{%|\{\{[^{}:]*\}\}")
_CLOSER = {"{": "}", "<": ">"}


class Token(NamedTuple):
    """Characters ``[start, stop)`` of one kind: word, number, string or mark."""

    kind: str
    text: str
    start: int
    stop: int


class TextField:
    """One ``name: value`` or ``name { … }``.

    ``[start, stop)`` runs from the name to the end of the value, ``end`` is behind the optional
    separator. ``scalars`` are the tokens of the value (several when strings are adjacent, a
    number is negative or a list is given); ``children`` is ``None`` for scalar fields, else one
    list of fields for each message (a list ``[{…}, {…}]`` has several), and ``insides`` are the
    offsets of what stands between each one's braces.
    """

    __slots__ = ("children", "end", "insides", "name", "scalars", "start", "stop")

    def __init__(self, name: str, start: int) -> None:
        self.name = name
        self.start = start
        self.stop = 0
        self.end = 0
        self.scalars: list[tuple[Token, ...]] = []
        self.children: list[list[TextField]] | None = None
        self.insides: list[tuple[int, int]] = []


class Text:
    """The text and where its lines begin."""

    __slots__ = ("_line_starts", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 1, of an offset."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """A line by its number, from 1, without its end."""
        start = self._line_starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start:] if end < 0 else self.text[start:end]

    def error(
        self,
        message: str,
        offset: int,
        hint: str | None = None,
        kind: type[PrototxtError] = PrototxtError,
    ) -> PrototxtError:
        """An error at an offset."""
        line, column = self.place(offset)
        return kind(message, line=line, column=column, hint=hint)


def _shortened(written: str) -> str:
    """What a message may quote of the text."""
    return written if len(written) <= 40 else written[:40] + "…"


def _template(text: Text, offset: int) -> PrototxtError | None:
    """The variable of a template that begins here or with the brace before."""
    for start in (offset, max(offset - 1, 0)):
        if found := _VARIABLE.match(text.text, start):
            opening = found[0][: 2 if found[0][0] in "{%" else 1]
            return text.error(
                f"found {opening!r}: this is a template whose variables are not filled in",
                start,
                "fill them in first, e.g. with sed or envsubst",
                NotANetError,
            )
    return None


def _unreadable(text: Text, offset: int) -> PrototxtError:
    """Say what the first character that begins no token probably means."""
    found = text.text[offset]
    if template := _template(text, offset):
        return template
    if found in "\"'":
        return text.error("a string is not closed on its line", offset)
    if found == "\0":
        return text.error(
            "holds NUL bytes: this is binary, not a prototxt",
            offset,
            "are the net and the model swapped? The prototxt comes first",
        )
    if found == "/":
        return text.error("found '/': comments begin with '#' in this format", offset)
    return text.error(f"found {found!r}, which begins no field and no value", offset)


def _tokens(text: Text) -> Iterator[Token]:
    position, end = 0, len(text.text)
    while position < end:
        match = _TOKEN.match(text.text, position)
        if match is None:
            raise _unreadable(text, position)
        position = match.end()
        if match.lastgroup != "space":
            yield Token(str(match.lastgroup), match.group(), match.start(), position)
    yield Token("end", "", end, end)


class _Reader:
    """Recursive descent with one token of look-ahead; the depth is capped before it is entered."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self.tokens = _tokens(text)
        self.token = next(self.tokens)

    def take(self) -> Token:
        """The token in front, which is not the end of the text."""
        taken, self.token = self.token, next(self.tokens)
        return taken

    def take_if(self, *marks: str) -> Token | None:
        if self.token.kind == "mark" and self.token.text in marks:
            return self.take()
        return None

    def wrong(self, expected: str) -> PrototxtError:
        token = self.token
        if template := _template(self.text, token.start):
            return template
        if token.kind == "end":
            return self.text.error(f"the text ends where {expected} is expected", token.start)
        if self.text.text.startswith(("<<<<<<<", ">>>>>>>", "======="), token.start):
            return self.text.error(
                "found a merge conflict marker", token.start, "resolve the conflict first"
            )
        return self.text.error(
            f"found {_shortened(token.text)!r} where {expected} is expected", token.start
        )

    def scalar(self) -> tuple[Token, ...]:
        """A number, a word, either behind a minus, or adjacent strings."""
        if self.token.kind == "string":
            parts = [self.take()]
            while self.token.kind == "string":
                parts.append(self.take())
            return tuple(parts)
        sign = self.take_if("-", "+")
        if self.token.kind not in ("number", "word"):
            raise self.wrong("a value")
        value = self.take()
        return (sign, value) if sign else (value,)

    def fields(self, closer: str, opened: TextField | None, depth: int) -> list[TextField]:
        """Fields up to and with ``closer``, or to the end of the text for the outermost."""
        if depth > MAX_DEPTH and opened:
            raise self.text.error(
                f"messages are nested more than {MAX_DEPTH} deep",
                opened.start,
                "this is no Caffe net",
            )
        found: list[TextField] = []
        while not (closer and self.token.text == closer and self.token.kind == "mark"):
            if self.token.kind == "end":
                if opened is None:
                    return found
                line, _ = self.text.place(opened.start)
                raise self.text.error(
                    f"the text ends inside {_shortened(opened.name)!r}, opened in line {line}",
                    self.token.start,
                    f"a {closer!r} is missing",
                )
            if self.token.kind != "word":
                raise self.wrong(f"a field name or {closer!r}" if closer else "a field name")
            found.append(self.field(depth))
        return found

    def field(self, depth: int) -> TextField:
        """A name and its value or values, with the separator that may follow."""
        name = self.take()
        entry = TextField(name.text, name.start)
        colon = self.take_if(":")
        if bracket := self.take_if("["):
            closing = self.take_if("]")
            while closing is None:
                self.value(entry, depth)
                closing = self.take_if("]")
                if closing is None and not self.take_if(","):
                    raise self.wrong("',' or ']'")
            if entry.scalars and not colon:  # which messages alone need not have
                raise self.text.error(
                    f"found '[' where ':' or '{{' after {_shortened(name.text)!r} is expected",
                    bracket.start,
                )
            entry.stop = closing.stop
        elif colon or (self.token.kind == "mark" and self.token.text in _CLOSER):
            entry.stop = self.value(entry, depth)
        else:
            raise self.wrong(f"':' or '{{' after {_shortened(name.text)!r}")
        separator = self.take_if(",", ";")
        entry.end = separator.stop if separator else entry.stop
        return entry

    def value(self, entry: TextField, depth: int) -> int:
        """Add one message or scalar to the field; return where it stops."""
        if opener := self.take_if(*_CLOSER):
            body = self.fields(_CLOSER[opener.text], entry, depth + 1)
            entry.children = [*(entry.children or []), body]
            closer = self.take()
            entry.insides.append((opener.stop, closer.start))
            return closer.stop
        entry.scalars.append(self.scalar())
        return entry.scalars[-1][-1].stop


def scan(text: Text) -> list[TextField]:
    """The fields of a text-format message, with their places.

    Raises ``PrototxtError`` with line and column at the first character that does not fit.
    """
    return _Reader(text).fields("", None, 0)
