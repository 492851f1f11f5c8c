"""Models of some megabytes for tests of stores, and what ``-v`` says it cost.

Never here: the store itself.
"""

from __future__ import annotations

import re

import numpy as np

from helpers.wire import sized, varint

MIB = 1 << 20


def padding(name: bytes, size: int, first: int = 0) -> bytes:
    """A layer with so many bytes of weights, no two of them alike."""
    values = np.arange(first, first + size // 4, dtype="<f4").tobytes()
    shape = sized(7, sized(1, varint(size // 4)))
    return sized(100, sized(1, name) + sized(7, sized(5, values) + shape))


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
