"""Mutations that know JSON: a value, a key or a whole field changes, and brackets stay in pairs.

libFuzzer alone makes text that is no JSON of nearly all that it moves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mutation import Mutate

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[-+.\w]+|\s+|.', re.DOTALL)
_CLOSERS = {b"{": b"}", b"[": b"]"}
ODD = (
    *(b"null", b"true", b"false", b"0", b"1", b"-1", b"1.5", b"1e999", b"NaN", b"Infinity"),
    *(b"-0.0", b"9223372036854775807", b"9223372036854775808", b"1e5", b"9" * 25, b"0x10", b"01"),
    *(b'""', b'"a"', rb'"\ud800"', rb'"\udcff"', rb'"\udcc3\udca9"', rb'"\u0000"', b'"\xff"'),
    *(b"[]", b"{}", b"[[]]", b'{"a": 1, "a": 2}', b"[" * 101 + b"]" * 101, '"\u2028é"'.encode()),
)
"""Values that a reader may take for something that they are not."""


class JsonMutator:
    """Changes one or two things in a text of JSON; ``words`` are pieces to put in as values.

    ``head`` is the number of bytes in front of the text.
    """

    def __init__(self, mutate: Mutate, words: Sequence[bytes], head: int = 0) -> None:
        self._mutate = mutate
        self._words = [*words, *ODD]
        self._head = head

    def __call__(self, data: bytes, max_size: int, seed: int) -> bytes:
        """Another text; ``data`` changed blindly a quarter of the time."""
        chance = Random(seed)
        tokens = _TOKEN.findall(data[self._head :])
        if chance.random() < 0.25 or not tokens:
            return self._mutate(data, max_size)
        for _ in range(chance.randint(1, 2)):
            tokens = self._changed(tokens, chance) or [b"{}"]
        head = data[: self._head]
        if head and chance.random() < 0.2:
            head = chance.randbytes(len(head))
        changed = head + b"".join(tokens)
        return changed if len(changed) <= max_size else self._mutate(data, max_size)

    def _changed(self, tokens: list[bytes], chance: Random) -> list[bytes]:
        at = _value(tokens, chance)
        stop = _behind(tokens, at)
        value, action = tokens[at:stop], chance.randrange(9)
        if action == 0:  # without it, and the comma behind
            return tokens[:at] + tokens[stop + (tokens[stop : stop + 1] == [b","]) :]
        if action == 1:
            return tokens[:at] + value + [b", "] + tokens[at:]
        if action in (2, 3, 4):
            return [*tokens[:at], chance.choice(self._words), *tokens[stop:]]
        if action == 5:
            other = _value(tokens, chance)
            return tokens[:at] + tokens[other : _behind(tokens, other)] + tokens[stop:]
        if action == 6:
            depth = chance.choice((1, 2, 3, 99, 101))
            return [*tokens[:at], b"[" * depth, *value, b"]" * depth, *tokens[stop:]]
        if action == 7:
            cut = chance.randrange(len(tokens))
            return [*tokens[:cut], tokens[cut][: chance.randrange(len(tokens[cut]) + 1)]]
        return [*tokens[:at], self._mutate(b"".join(value), 40), *tokens[stop:]]


def _value(tokens: Sequence[bytes], chance: Random) -> int:
    """Where a value or a key begins, mostly: to look at each token would take too long."""
    for _ in range(9):
        at = int(chance.random() * len(tokens))
        if tokens[at][:1] in _BEGINS:
            break
    return at


_BEGINS = {bytes([byte]) for byte in b'"-[{0123456789ntfNI'}


def _behind(tokens: Sequence[bytes], start: int) -> int:
    """Where the value ends that begins at ``start``; a key's with what it is the key of."""
    opened: list[bytes] = []
    at = start
    while at < len(tokens):
        token = tokens[at]
        at += 1
        if token in _CLOSERS:
            opened.append(_CLOSERS[token])
        elif opened and token == opened[-1]:
            opened.pop()
        if opened or token.isspace() or token == b":":
            continue
        if tokens[at : at + 1] != [b":"]:
            break
    return at
