"""What lies in a store's buckets and folders, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from deconvsurgery.errors import FileError
from deconvsurgery.storage.address import line_of
from deconvsurgery.storage.object_store.store import Location, asked, count, located
from deconvsurgery.storage.os_error_text import shown

_MOST_PAGES: Final = 100_000  # of a thousand keys each


def objects_below(given: str, folder: str, fixed: str, depth: int | None) -> Iterator[str]:
    """Objects in a folder of a store whose URLs begin with ``fixed``, and so many folders down.

    ``given`` is what a message calls the place.
    """
    location = located(folder)
    if location.read_only:
        raise FileError(
            "cannot be listed: the web has no listings",
            path=shown(given),
            hint="list the pairs in a file: list = 'pairs.jsonl'",
        )
    if location.is_s3:
        yield from _objects(location, fixed)
    else:
        yield from _found(location, depth)


def _objects(location: Location, fixed: str) -> Iterator[str]:
    """Objects of S3 whose URLs begin so, a page of a thousand at a time."""
    bucket, key, _ = location.fs.split_path(fixed.partition("://")[2])
    start = fixed[: len(fixed) - len(key)]
    more: dict[str, str] = {}
    tokens: set[str] = set()
    while True:
        page = _page(location, Bucket=bucket, Prefix=key, **more)
        for entry in page.get("Contents") or ():
            listed = _listed_key(location, entry.get("Key"), key)
            if not listed.endswith("/"):  # what some tools leave for a folder
                yield start + listed
        if not page.get("IsTruncated"):
            return
        token = page.get("NextContinuationToken")
        if not token:
            raise _unlisted(location, "there is more, and it does not say how to ask for that")
        if token in tokens or len(tokens) == _MOST_PAGES:
            raise _unlisted(location, "its pages have no end")
        tokens.add(token)
        more = {"ContinuationToken": token}


def _listed_key(location: Location, key: object, start: str) -> str:
    """A key that a store lists, if it begins as was asked for."""
    if isinstance(key, str) and key.startswith(start):
        return key
    said = f"it names {line_of(key)}" if isinstance(key, str) else "it names no key"
    raise _unlisted(location, f"{said}, which was not asked for")


def _unlisted(location: Location, words: str) -> FileError:
    return FileError(
        f"cannot be listed: the store's answer is wrong: {words}",
        path=location.name,
        hint="list the pairs in a file: list = 'pairs.jsonl'",
    )


def _page(location: Location, **wanted: str) -> dict[str, Any]:
    with asked("cannot be listed", location.name):
        try:
            page: dict[str, Any] = location.fs.call_s3("list_objects_v2", **wanted)
        except FileNotFoundError as error:
            raise FileError("cannot be listed: no such bucket", path=location.name) from error
    count()
    return page


def _found(location: Location, depth: int | None) -> Iterator[str]:
    """Objects of another store in a folder and so many folders down; the store lists them whole."""
    with asked("cannot be listed", location.name):
        keys = location.fs.find(location.key, maxdepth=None if depth is None else depth + 1)
    count()
    # A folder's URL ends with the slash that its key lacks.
    start = f"{location.key}/"
    for key in keys:
        yield location.url + _listed_key(location, key, start).removeprefix(start)
