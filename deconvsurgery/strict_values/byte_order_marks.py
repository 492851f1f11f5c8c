"""How text begins that some editors have saved."""

from __future__ import annotations

from typing import Final

BYTE_ORDER_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
"""UTF-8's, and those of UTF-16 in either order."""
