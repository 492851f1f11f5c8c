"""A picture of few colours as a PNG file."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from struct import pack
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Colour: TypeAlias = tuple[int, int, int, int]
"""Red, green, blue and alpha, up to 255 each."""


def png(pixels: NDArray[np.uint8], palette: Sequence[Colour]) -> bytes:
    """``pixels``, shape ``(height, width)``, are places in ``palette``, of 256 colours at most.

    https://www.w3.org/TR/png-3/
    """
    height, width = pixels.shape
    lines = b"".join(b"\0" + row.tobytes() for row in np.ascontiguousarray(pixels))
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", b"".join(bytes(colour[:3]) for colour in palette)),
            _chunk(b"tRNS", bytes(colour[3] for colour in palette)),
            _chunk(b"IDAT", zlib.compress(lines, 9)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))
