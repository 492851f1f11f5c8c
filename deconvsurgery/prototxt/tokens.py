"""Protobuf's text format as a tree that knows where everything stands; nothing of Caffe.

A lossless scanner: each field keeps the offsets of its name and its value in the text, so a
line can be named and an edit can leave every other character alone. What the values *mean* is for
``typed_fields`` to say; here a scalar is the characters that were written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from deconvsurgery.errors import NotANetError, PrototxtError
from deconvsurgery.named_tuple import NamedTuple

MAX_DEPTH = 100  # protobuf's own recursion limit

# Possessive throughout: to keep ways back would cost 200 bytes for each character of a string.
BLANKS = r"[ \t\r\n\f\v]*+(?:\#[^\n]*+[ \t\r\n\f\v]*+)*+"
_WORD = r"[A-Za-z_][A-Za-z0-9_]*+"
_NUMBER = r"\.?[0-9](?:[eE][+-]?[0-9]|[A-Za-z0-9_.])*+"
_STRING = r""""[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"|'[^'\\\n]*+(?:\\.[^'\\\n]*+)*+'"""
# Compiled where a net has more than `_FIELD` reads.
_TOKEN = (
    rf"(?P<space>(?=[ \t\r\n\f\v#]){BLANKS})|(?P<word>{_WORD})|(?P<number>{_NUMBER})"
    rf"|(?P<string>{_STRING})|(?P<mark>[{{}}<>\[\]:;,+-])"
)
# What nearly every field is, at once: a name with one value or with what opens a message; or what
# closes one. Adjacent strings, lists and signs are left to the reader of tokens, and so are errors.
_FIELD = re.compile(
    rf"""(?:
        ({_WORD}){BLANKS}
        (?: :{BLANKS}({_NUMBER}|{_WORD}|(?:{_STRING})(?!{BLANKS}["'])){BLANKS} | (:?{BLANKS}[{{<]) )
      | ([}}>]){BLANKS}
    )(?(3)|([,;])?){BLANKS}""",
    re.DOTALL | re.VERBOSE,
)
# Shell and envsubst, CMake and autoconf, Python, Jinja.
_VARIABLE = r"\$|@\w+@|%\(\w+\)|\{%|\{\{[^{}:]*\}\}"
_CLOSER = {"{": "}", "<": ">"}


class Token(NamedTuple):
    """Characters ``[start, stop)`` of one kind: word, number, string or mark."""

    kind: str
    text: str
    start: int
    stop: int


class TextField(NamedTuple):
    """One ``name: value`` or ``name { … }``.

    ``[start, stop)`` runs from the name to the end of the value, ``end`` is behind the optional
    separator. ``written`` is the value of nearly all scalar fields, one token; ``several`` are the
    tokens of each value of others, where strings are adjacent, a number has a sign or a list is
    given. ``children`` is ``None`` for scalar fields, else the fields of each message (a list
    ``[{…}, {…}]`` has several), and ``insides`` are the offsets of what stands between each one's
    braces.
    """

    name: str
    start: int
    stop: int
    end: int
    written: str | None = None
    several: Sequence[tuple[Token, ...]] = ()
    children: Sequence[Sequence[TextField]] | None = None
    insides: Sequence[tuple[int, int]] = ()

    @property
    def scalars(self) -> Sequence[tuple[Token, ...]]:
        """The tokens of each scalar value."""
        if self.written is None:
            return self.several
        first = self.written[0]
        kind = "string" if first in "\"'" else "number" if first in ".0123456789" else "word"
        return ((Token(kind, self.written, self.stop - len(self.written), self.stop),),)


class Text:
    """The text, and which line an offset is on."""

    __slots__ = ("_line", "_offset", "_start", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        # Where it was asked last: the next question is about a place nearby.
        self._offset, self._line, self._start = 0, 1, 0

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 1, of an offset."""
        last, self._offset = self._offset, offset
        if lines := self.text.count("\n", min(last, offset), max(last, offset)):
            self._line += lines if last < offset else -lines
            self._start = self.text.rfind("\n", 0, offset) + 1
        return self._line, offset - self._start + 1

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
        if found := re.compile(_VARIABLE).match(text.text, start):
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


def _tokens(text: Text, position: int) -> Iterator[Token]:
    token, end = re.compile(_TOKEN, re.DOTALL), len(text.text)
    while position < end:
        match = token.match(text.text, position)
        if match is None:
            raise _unreadable(text, position)
        position = match.end()
        if match.lastgroup != "space":
            yield Token(str(match.lastgroup), match.group(), match.start(), position)
    yield Token("end", "", end, end)


class _Opened(NamedTuple):
    """A message whose end is not found yet; ``around`` are the fields that it stands among."""

    name: str
    start: int
    inside: int
    closer: str
    around: list[TextField]


class _Reader:
    """Recursive descent with one token of look-ahead; the depth is capped before it is entered."""

    def __init__(self, text: Text, position: int) -> None:
        self.text = text
        self.tokens = _tokens(text, position)
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

    def fields(self, opened: _Opened, depth: int) -> list[TextField]:
        """Fields up to what closes their message."""
        if depth > MAX_DEPTH:
            raise self.text.error(
                f"messages are nested more than {MAX_DEPTH} deep",
                opened.start,
                "this is no Caffe net",
            )
        found: list[TextField] = []
        while not (self.token.text == opened.closer and self.token.kind == "mark"):
            found.append(self.field(opened, depth))
        return found

    def field(self, opened: _Opened | None, depth: int) -> TextField:
        """A name and its value or values, with the separator that may follow."""
        if self.token.kind == "end" and opened:
            line, _ = self.text.place(opened.start)
            raise self.text.error(
                f"the text ends inside {_shortened(opened.name)!r}, opened in line {line}",
                self.token.start,
                f"a {opened.closer!r} is missing",
            )
        if self.token.kind != "word":
            raise self.wrong(f"a field name or {opened.closer!r}" if opened else "a field name")
        name = self.take()
        scalars: list[tuple[Token, ...]] = []
        bodies: list[list[TextField]] = []
        insides: list[tuple[int, int]] = []

        def value() -> int:
            """Add one message or scalar; return where it stops."""
            if opener := self.take_if(*_CLOSER):
                inner = _Opened(name.text, name.start, opener.stop, _CLOSER[opener.text], [])
                bodies.append(self.fields(inner, depth + 1))
                closer = self.take()
                insides.append((opener.stop, closer.start))
                return closer.stop
            scalars.append(self.scalar())
            return scalars[-1][-1].stop

        colon = self.take_if(":")
        if bracket := self.take_if("["):
            closing = self.take_if("]")
            while closing is None:
                value()
                closing = self.take_if("]")
                if closing is None and not self.take_if(","):
                    raise self.wrong("',' or ']'")
            if scalars and not colon:  # which messages alone need not have
                raise self.text.error(
                    f"found '[' where ':' or '{{' after {_shortened(name.text)!r} is expected",
                    bracket.start,
                )
            stop = closing.stop
        elif colon or (self.token.kind == "mark" and self.token.text in _CLOSER):
            stop = value()
        else:
            raise self.wrong(f"':' or '{{' after {_shortened(name.text)!r}")
        separator = self.take_if(",", ";")
        end = separator.stop if separator else stop
        messages = tuple(bodies) if bodies else None
        if len(scalars) == 1 and len(scalars[0]) == 1 and not (bracket or messages):
            return TextField(name.text, name.start, stop, end, scalars[0][0].text)
        several, spans = tuple(scalars), tuple(insides)
        return TextField(name.text, name.start, stop, end, None, several, messages, spans)


def scan(text: Text) -> list[TextField]:
    """The fields of a text-format message, with their places.

    Raises ``PrototxtError`` with line and column at the first character that does not fit.
    """
    characters, at = text.text, 0
    fields: list[TextField] = []
    opened: list[_Opened] = []
    while True:
        if found := _FIELD.match(characters, at):
            name, written, opening, closer, separator = found.groups()
            if written:
                stop = found.end(2)
                end = found.end(5) if separator else stop
                fields.append(TextField(name, at, stop, end, written))
                at = found.end()
                continue
            if opening and len(opened) < MAX_DEPTH:
                opened.append(_Opened(name, at, found.end(3), _CLOSER[opening[-1]], fields))
                fields = []
                at = found.end()
                continue
            if opened and closer == opened[-1].closer:
                stop = found.end(4)
                end = found.end(5) if separator else stop
                name, start, inside, _, around = opened.pop()
                insides = ((inside, stop - 1),)
                around.append(TextField(name, start, stop, end, None, (), (fields,), insides))
                fields = around
                at = found.end()
                continue
        reader = _Reader(text, at)
        if reader.token.kind == "end" and not opened:
            return fields
        fields.append(reader.field(opened[-1] if opened else None, len(opened)))
        at = reader.token.start
