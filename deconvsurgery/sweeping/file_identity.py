"""What identifies a file or an object: quickly, by its state, or surely, by its bytes' digest."""

from __future__ import annotations

import os

from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.storage.address import file_of, is_url
from deconvsurgery.storage.object_store.object_version import described, state
from deconvsurgery.storage.object_store.store import located
from deconvsurgery.storage.os_error_text import refusal, shown
from deconvsurgery.storage.source import open_source


class Mark(NamedTuple):
    """What is at a path: a state, which changes when it is written to; a store's own digest."""

    state: str
    etag: str | None = None


def mark(path: str, *, again: bool = False) -> Mark | None:
    """What is at a path; ``None``: nothing. ``again``: now, and not when it was first asked for.

    Nothing is read but a directory's entry, or an object's description.
    """
    plain = file_of(path)
    if is_url(plain):
        info = described(located(plain), again=again)
        if info is None:
            return None
        version = "-".join(str(each) for each in state(info))
        return Mark(version, str(info.get("ETag") or "").strip('"') or None)
    try:
        status = os.stat(plain)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise refusal("cannot be looked at", error, shown(plain)) from error
    return Mark(f"{status.st_size}-{status.st_mtime_ns}-{status.st_ino}")


def digest(path: str, found: Mark | None) -> str:
    """What stands for the bytes: a store's own ETag, else their SHA-256.

    Raises ``FileError`` for what is not there, or cannot be read.
    """
    if found is not None and found.etag is not None:
        return f"etag:{found.etag}"
    with open_source(path) as source:
        return f"sha256:{source.sha256()}"
