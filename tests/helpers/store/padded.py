"""Models of some megabytes for tests of stores, and what ``-v`` says it cost.

Never here: the store itself.
"""

from __future__ import annotations

import re

import numpy as np

MIB = 1 << 20


def varint(number: int) -> bytes:
    """A number as the wire has it."""
    parts = []
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def field(number: int, data: bytes) -> bytes:
    """A field that holds bytes, with its length."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def padding(name: bytes, size: int, first: int = 0) -> bytes:
    """A layer with so many bytes of weights, no two of them alike."""
    values = np.arange(first, first + size // 4, dtype="<f4").tobytes()
    shape = field(7, field(1, varint(size // 4)))
    return field(100, field(1, name) + field(7, field(5, values) + shape))


def traffic(errors: bytes) -> tuple[int, int, int, int]:
    """Requests and bytes read, sent and copied, as -v prints them."""
    found = re.search(
        r"^([\d,]+) requests? to stores: ([\d,]+) bytes read, ([\d,]+) sent, "
        r"([\d,]+) copied within the store\n",
        errors.decode(),
        re.MULTILINE,
    )
    assert found, errors
    requests, read, sent, copied = (int(each.replace(",", "")) for each in found.groups())
    return requests, read, sent, copied
