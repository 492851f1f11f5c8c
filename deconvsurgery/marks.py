"""What a file or an object is told by: quickly, by its state, or surely, by its bytes' digest.

Never here: what the bytes mean, writing.
"""

from __future__ import annotations

import hashlib
import os

from .address import file_of, is_url
from .remedies import refusal, shown
from .source import open_source
from .store import described, located, state

_BLOCK = 1 << 20


def mark(path: str) -> str | None:
    """The state of what is at a path, which changes when it is written to; ``None``: nothing.

    Nothing is read but a directory's entry, or an object's description.
    """
    plain = file_of(path)
    if is_url(plain):
        info = described(located(plain))
        return None if info is None else "-".join(str(each) for each in state(info))
    try:
        status = os.stat(plain)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise refusal("cannot be looked at", error, shown(plain)) from error
    return f"{status.st_size}-{status.st_mtime_ns}-{status.st_ino}"


def digest(path: str) -> str:
    """What stands for the bytes: a store's own ETag, else their SHA-256. Raises ``FileError``."""
    plain = file_of(path)
    if is_url(plain):
        etag = (described(located(plain)) or {}).get("ETag")
        if etag:
            return f"etag:{str(etag).strip(chr(34))}"
    found = hashlib.sha256()
    with open_source(plain) as source:
        step = max(source.stride, _BLOCK)
        for start in range(0, source.size, step):
            found.update(source.read(start, min(step, source.size - start)))
    return f"sha256:{found.hexdigest()}"


def same_bytes(one: str, other: str) -> bool:
    """Both have the same bytes; they are read until they differ."""
    with open_source(one) as first, open_source(other) as second:
        if first.size != second.size:
            return False
        step = max(first.stride, second.stride)
        for start in range(0, first.size, step):
            size = min(step, first.size - start)
            if first.read(start, size) != second.read(start, size):
                return False
    return True
