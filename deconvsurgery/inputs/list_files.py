"""What lies in folders and buckets: files and objects by a pattern, and the nets in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Final

from deconvsurgery.errors import FileError
from deconvsurgery.storage.address import file_of, is_url, line_of
from deconvsurgery.storage.object_store.store import Location, asked, count, located
from deconvsurgery.storage.os_error_text import refusal, shown

from .path_patterns import fixed_part, reaches_down

_MOST_PAGES: Final = 100_000  # of a thousand keys each


def is_folder(path: str) -> bool:
    """It is a folder, here or (its URL ends with a slash) in a store."""
    plain = file_of(path)
    return plain.endswith("/") if is_url(plain) else os.path.isdir(plain)


def nets_below(folder: str) -> tuple[str, ...]:
    """Every ``.prototxt`` in a folder and the folders below it, but for hidden ones, in order.

    Raises ``FileError`` for a folder that cannot be listed.
    """
    plain = file_of(folder)
    start = os.path.join(plain, "")
    inside = "" if start == "./" else start
    found = (
        _below(folder, start, start, None) if is_url(plain) else _files(inside, None, hidden=False)
    )
    nets = (path for path in found if path.endswith(".prototxt"))
    return tuple(sorted(net for net in nets if "/." not in f"/{net.removeprefix(inside)}"))


def paths_like(pattern: str) -> Iterator[str]:
    """What lies where the pattern can mean it, and more; written as the pattern is."""
    fixed = fixed_part(pattern)
    folder = fixed[: fixed.rfind("/") + 1]
    if not is_url(pattern):
        # As in naming: no wildcard stands for the dot that hides a folder.
        hidden = "/." in f"/{pattern[len(folder) :]}"
        yield from _files(folder, reaches_down(pattern), hidden=hidden)
        return
    yield from _below(pattern, folder, fixed, reaches_down(pattern))


def _below(given: str, folder: str, fixed: str, depth: int | None) -> Iterator[str]:
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


def _files(folder: str, depth: int | None, *, hidden: bool) -> Iterator[str]:
    """Files in a folder and as far below it as asked; links to folders where that is asked for.

    One folder after the other: they may lie in each other deeper than Python's calls may.
    """
    waiting = [("", depth)]
    while waiting:
        below, left = waiting.pop()
        here = folder + below
        try:
            with os.scandir(here or ".") as entries:
                for entry in entries:
                    inner = os.path.join(below, entry.name)
                    if not _is_folder(entry):
                        yield folder + inner
                    elif left == 0 or (entry.name[0] == "." and not hidden):
                        continue
                    elif left is not None or not entry.is_symlink():
                        waiting.append((inner, None if left is None else left - 1))
        except OSError as error:
            raise refusal("cannot be listed", error, shown(here or ".")) from error
        except ValueError as error:  # a NUL in the pattern
            raise FileError(f"cannot be listed: {error}", path=shown(here)) from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a link to itself: opening it raises the error


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
