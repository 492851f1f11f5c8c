"""Mutations that know a format: a field of a model or of a net changes, all around it holds.

libFuzzer alone breaks a length, or a pair of braces, with nearly every byte that it moves, so that
what lies behind is seldom seen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random
from typing import TypeAlias

from oracle import pieces, tag, varint

Mutate: TypeAlias = Callable[[bytes, int], bytes]

DEEPEST = 6  # messages within each other: more than a model has


class WireMutator:
    """Changes one field somewhere in a message; ``mutate`` is libFuzzer's own way with bytes.

    ``words`` are whole fields to put in, ``head`` is the number of bytes in front of the message.
    """

    def __init__(self, mutate: Mutate, words: Sequence[bytes], head: int = 0) -> None:
        self._mutate = mutate
        self._words = words
        self._head = head

    def __call__(self, data: bytes, max_size: int, seed: int) -> bytes:
        """Another message; ``data`` changed blindly where it is none, and half of the time."""
        chance = Random(seed)
        if chance.random() < 0.5:
            return self._mutate(data, max_size)
        try:
            changed = self._changed(data[self._head :], chance, DEEPEST)
        except ValueError:
            return self._mutate(data, max_size)
        changed = data[: self._head] + changed
        return changed if len(changed) <= max_size else self._mutate(data, max_size)

    def _changed(self, data: bytes, chance: Random, depth: int) -> bytes:
        fields = list(pieces(data))
        whole = [each[2] for each in fields]
        if not fields:
            return chance.choice(self._words)
        at = chance.randrange(len(fields))
        number, wire_type, field, payload = fields[at]
        if wire_type == 2 and depth and chance.random() < 0.7:
            whole[at] = self._within(number, payload, chance, depth)
            return b"".join(whole)
        action = chance.randrange(7)
        if action == 0:
            del whole[at]
        elif action == 1:
            whole.insert(chance.randrange(len(whole) + 1), field)
        elif action == 2:
            whole.append(whole.pop(at))
        elif action == 3:
            whole.insert(at, chance.choice(self._words))
        elif action == 4:  # the payload under another field's tag
            other = chance.choice(fields)
            head = tag(other[0], wire_type)
            size = _length(len(payload), chance) if wire_type == 2 else b""
            whole[at] = head + size + payload
        elif action == 5:
            whole[at] = field + field
        else:
            whole[at] = self._rewritten(number, wire_type, field, payload, chance)
        return b"".join(whole)

    def _within(self, number: int, payload: bytes, chance: Random, depth: int) -> bytes:
        try:
            inner = self._changed(payload, chance, depth - 1)
        except ValueError:  # a string, or values
            inner = self._mutate(payload, len(payload) + 8)
            if chance.random() < 0.5:
                inner = inner[: len(inner) // 4 * 4]
        return tag(number, 2) + _length(len(inner), chance) + inner

    def _rewritten(
        self, number: int, wire_type: int, field: bytes, payload: bytes, chance: Random
    ) -> bytes:
        if wire_type == 0:
            return tag(number, 0) + varint(chance.choice((0, 1, 2, 4, 39, 2**31, 2**64 - 1)))
        if wire_type == 2:
            if len(payload) % 4 == 0 and chance.random() < 0.5:  # as values that are not packed
                head = tag(number, 5)
                return b"".join(head + payload[i : i + 4] for i in range(0, len(payload), 4))
            middle = len(payload) // 8 * 4
            halves = payload[:middle], payload[middle:]
            return b"".join(tag(number, 2) + varint(len(half)) + half for half in halves)
        return self._mutate(field, len(field) + 4)


def _length(size: int, chance: Random) -> bytes:
    """A length, now and then longer than it need be."""
    if chance.random() < 0.9:
        return varint(size)
    shortest = varint(size)
    return shortest[:-1] + bytes([shortest[-1] | 0x80]) + b"\x80" * (3 - len(shortest)) + b"\0"


_TOKEN = re.compile(rb"""#[^\n]*|\s+|"[^"\n]*"|'[^'\n]*'|[\w.]+|[^\w]""")
_BLANKS = (b"", b" ", b"\n", b"\r\n", b"\r", b" # why\n", b"\t", b", ", b";\n", b"\n\n  ")
_NUMBERS = b"0|1|2|3|4|5|-1|- 1|0x2|02|1.5|1e1f|inf".split(b"|")
_CLOSERS = {b"{": b"}", b"<": b">", b"[": b"]"}


class TextMutator:
    """Changes one field, or the blanks between two, in a text of ``name: value``.

    ``words`` are pieces of text to put in, ``head`` is the number of bytes in front of the text.
    """

    def __init__(self, mutate: Mutate, words: Sequence[bytes], head: int = 0) -> None:
        self._mutate = mutate
        self._words = words
        self._head = head

    def __call__(self, data: bytes, max_size: int, seed: int) -> bytes:
        """Another text; ``data`` changed blindly half of the time."""
        chance = Random(seed)
        tokens = _TOKEN.findall(data[self._head :])
        if chance.random() < 0.5 or not tokens:
            return self._mutate(data, max_size)
        for _ in range(chance.randint(1, 2)):
            tokens = self._changed(tokens, chance) or [b" "]
        changed = data[: self._head] + b"".join(tokens)
        return changed if len(changed) <= max_size else self._mutate(data, max_size)

    def _changed(self, tokens: list[bytes], chance: Random) -> list[bytes]:
        words = [at for at, token in enumerate(tokens) if token[:1].isalpha()]
        at = chance.randrange(len(tokens))
        start = chance.choice(words) if words else at
        stop = _behind(tokens, start)
        field, rest = tokens[start:stop], tokens[:start] + tokens[stop:]
        place = chance.randrange(len(rest) + 1)
        action = chance.randrange(9)
        if action == 0:
            return rest
        if action == 1:
            return [*rest[:place], *field, b" ", *rest[place:]]
        if action == 2:
            return [*tokens[:stop], b" ", *tokens[start:]]
        if action == 3:
            return [*tokens[:at], chance.choice(self._words), b" ", *tokens[at:]]
        if action == 4:
            return [*tokens[:at], chance.choice(_BLANKS), *tokens[at:]]
        if action == 5:
            return _braced(tokens, start, stop)
        if action == 6 and len(field) > 1 and field[-1] not in _CLOSERS.values():
            value = [b"[", field[-1], *([b",", field[-1]] if chance.random() < 0.5 else []), b"]"]
            return [*tokens[: stop - 1], *value, *tokens[stop:]]
        if action == 7:
            numbers = [at for at, token in enumerate(tokens) if token[:1].isdigit()]
            if numbers:
                at = chance.choice(numbers)
                return [*tokens[:at], chance.choice(_NUMBERS), *tokens[at + 1 :]]
        blank = chance.choice(_BLANKS) if tokens[at].isspace() else tokens[at]
        return [*tokens[:at], blank, *tokens[at + 1 :]]


def _behind(tokens: Sequence[bytes], start: int) -> int:
    """Where a field ends whose name is at ``start``: behind its value, and a separator."""
    at, opened = start + 1, []
    while at < len(tokens):
        token = tokens[at]
        at += 1
        if token in _CLOSERS:
            opened.append(_CLOSERS[token])
        elif opened and token == opened[-1]:
            opened.pop()
        if not opened and token != b":" and not token.isspace() and token[:1] != b"#":
            break
    if tokens[at : at + 1] in ([b","], [b";"]):
        at += 1
    return at


def _braced(tokens: list[bytes], start: int, stop: int) -> list[bytes]:
    """The other kind of braces around a message."""
    field = tokens[start:stop]
    other = {b"{": b"<", b"<": b"{", b"}": b">", b">": b"}"}
    ends = [at for at, token in enumerate(field) if token in other]
    for at in (ends[:1] + ends[-1:]) if len(ends) > 1 else []:
        field[at] = other[field[at]]
    return [*tokens[:start], *field, *tokens[stop:]]


class LineMutator:
    """Changes, moves or puts in a line of several, as the arguments of a command are.

    ``words`` are lines to put in, ``head`` is the number of bytes in front of them.
    """

    def __init__(self, mutate: Mutate, words: Sequence[bytes], head: int = 0) -> None:
        self._mutate = mutate
        self._words = words
        self._head = head

    def __call__(self, data: bytes, max_size: int, seed: int) -> bytes:
        """Other lines."""
        chance = Random(seed)
        head, lines = data[: self._head], data[self._head :].split(b"\n")
        for _ in range(chance.randint(1, 3)):
            at, action = chance.randrange(len(lines)), chance.randrange(7)
            if action == 0:
                lines[at : at + 1] = []
            elif action == 1:
                lines.insert(at, chance.choice(lines))
            elif action == 2:
                lines.append(lines.pop(at))
            elif action == 3:
                lines[at] = chance.choice(self._words)
            elif action == 4:
                lines[at] = self._mutate(lines[at], len(lines[at]) + 8)
            else:
                lines.insert(at + 1, chance.choice(self._words))
            lines = lines or [b""]
        if chance.random() < 0.1:
            head = bytes([chance.randrange(256)])[: self._head]
        changed = head + b"\n".join(lines)
        return changed if len(changed) <= max_size else self._mutate(data, max_size)
