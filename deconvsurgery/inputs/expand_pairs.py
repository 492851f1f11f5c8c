"""The pairs that a configuration's paths stand for, one at a time: files and objects are listed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from deconvsurgery.errors import ConfigError, FileError
from deconvsurgery.storage.address import (
    file_of,
    folder_of,
    is_url,
    joined,
)
from deconvsurgery.storage.object_store.store import (
    Location,
    asked,
    count,
    located,
)
from deconvsurgery.storage.os_error_text import refusal, shown
from deconvsurgery.storage.source import open_source
from deconvsurgery.storage.source_interface import Source

from .path_patterns import (
    NAME,
    fixed_part,
    is_pattern,
    name_in,
    named,
    plain_name,
    reaches_down,
)
from .settings import Pair

_KEYS = {"net": "net", "model": "model", "output": "output", "net-output": "net_output"}
_PIECE = 1 << 20
_LONGEST_LINE = 1 << 20


def expanded(pair: Pair) -> Iterator[Pair]:
    """The pairs that one stands for, itself if its paths are plain; in no order, and not kept.

    Raises ``ConfigError`` for a list that is none, ``FileError`` for what cannot be listed.
    """
    if pair.listed is not None:
        for each in _listed(pair):
            yield from expanded(each)
        return
    leading = pair.net if pair.net is not None else pair.model
    assert leading is not None
    plain = file_of(leading)
    there = NAME not in plain and not is_url(plain) and os.path.exists(plain)
    if there or not is_pattern(plain):
        yield _filled(pair, leading, plain_name(plain) or plain)
        return
    for path in _paths(plain):
        name = name_in(plain, path)
        if name is not None:
            yield _filled(pair, path, name)


def _filled(pair: Pair, leading: str, name: str) -> Pair:
    rest = {field: value for field in _KEYS.values() if (value := getattr(pair, field)) is not None}
    del rest["net" if pair.net is not None else "model"]
    for field, value in rest.items():
        # Of what is there by that very name, and of the name put in, no sign is a wildcard.
        if is_pattern(value.replace(NAME, "/")) and not os.path.exists(value):
            raise ConfigError(
                f"{field.replace('_', '-')} {shown(value)} has a wildcard;"
                " only the first path of a pair may",
                hint=f"say {NAME} where the paths are the same",
            )
    paths = {field: named(value, name) for field, value in rest.items()}
    return Pair(
        leading if pair.net is not None else None,
        paths.get("model") if pair.net is not None else leading,
        pair.checking,
        paths.get("output"),
        paths.get("net_output"),
    )


def _paths(pattern: str) -> Iterator[str]:
    """What lies where the pattern can mean it, and more; written as the pattern is."""
    fixed = fixed_part(pattern)
    folder = fixed[: fixed.rfind("/") + 1]
    if not is_url(pattern):
        # As in naming: no wildcard stands for the dot that hides a folder.
        hidden = "/." in f"/{pattern[len(folder) :]}"
        yield from _files(folder, "", reaches_down(pattern), hidden=hidden)
        return
    location = located(folder)
    if location.read_only:
        raise FileError(
            "cannot be listed: the web has no listings",
            path=shown(pattern),
            hint="list the pairs in a file: list = 'pairs.jsonl'",
        )
    if location.is_s3:
        yield from _objects(location, fixed)
    else:
        yield from _found(location, reaches_down(pattern))


def _files(folder: str, below: str, depth: int | None, *, hidden: bool) -> Iterator[str]:
    """Files in a folder and as far below it as asked; links to folders only where that is told."""
    here = folder + below
    try:
        with os.scandir(here or ".") as entries:
            for entry in entries:
                inner = os.path.join(below, entry.name)
                if not _is_folder(entry):
                    yield folder + inner
                elif depth == 0 or (entry.name[0] == "." and not hidden):
                    continue
                elif depth is not None or not entry.is_symlink():
                    deeper = None if depth is None else depth - 1
                    yield from _files(folder, inner, deeper, hidden=hidden)
    except OSError as error:
        raise refusal("cannot be listed", error, shown(here or ".")) from error
    except ValueError as error:  # a NUL in the pattern
        raise FileError(f"cannot be listed: {error}", path=shown(here)) from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a link to itself: whoever opens it will tell


def _objects(location: Location, fixed: str) -> Iterator[str]:
    """Objects of S3 whose URLs begin so, a page of a thousand at a time."""
    bucket, key, _ = location.fs.split_path(fixed.partition("://")[2])
    start = fixed[: len(fixed) - len(key)]
    more: dict[str, str] = {}
    while True:
        page = _page(location, Bucket=bucket, Prefix=key, **more)
        for each in page.get("Contents", ()):
            if not each["Key"].endswith("/"):  # what some tools leave for a folder
                yield start + each["Key"]
        if not page.get("IsTruncated"):
            return
        more = {"ContinuationToken": page["NextContinuationToken"]}


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
    for key in keys:
        # A folder's URL ends with the slash that its key lacks.
        yield location.url + key.removeprefix(location.key).removeprefix("/")


def _listed(pair: Pair) -> Iterator[Pair]:
    """The pairs of a JSON Lines file, whose paths are relative to it."""
    assert pair.listed is not None
    folder, name = folder_of(file_of(pair.listed)), shown(pair.listed)
    with open_source(pair.listed) as source:
        for number, line in enumerate(_lines(source), 1):
            if not line.strip():
                continue
            try:
                table = _table(line)
            except ValueError as error:
                raise ConfigError(str(error), path=name, line=number) from None
            paths = {_KEYS[key]: joined(folder, value) for key, value in table.items()}
            yield replace(Pair(None), checking=pair.checking, **paths)


def _table(line: bytes) -> dict[str, str]:
    """A line's paths by their keys. Raises ``ValueError`` for one that has none."""
    if len(line) > _LONGEST_LINE:
        raise ValueError("has a line of more than a megabyte")
    try:
        table: dict[str, str] = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is no JSON: {error}") from None
    known = isinstance(table, dict) and table.keys() <= _KEYS.keys()
    if not known or not all(isinstance(each, str) and each for each in table.values()):
        raise ValueError(f"a line is a table of paths: {', '.join(_KEYS)}")
    if not table.keys() & {"net", "model"}:
        raise ValueError("names neither a net nor a model")
    for path in table.values():
        try:
            possible = b"\0" not in os.fsencode(path)
        except UnicodeEncodeError:
            possible = False
        if not possible:
            raise ValueError(f"no file has such a name: {shown(path)}")
    return table


def _lines(source: Source) -> Iterator[bytes]:
    """Lines, the last of which may be too long: the start of one that has no end in sight."""
    rest = b""
    for start in range(0, source.size, _PIECE):
        *whole, rest = (rest + source.read(start, min(_PIECE, source.size - start))).split(b"\n")
        yield from whole
        if len(rest) > _LONGEST_LINE:
            break
    if rest:
        yield rest
