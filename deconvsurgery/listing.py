"""The pairs that a configuration's paths stand for, one at a time: files and objects are listed.

Never here: what a pattern means (``naming``), opening what is found.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from .address import folder_of, is_url, joined
from .errors import ConfigError, FileError
from .naming import NAME, fixed_part, is_pattern, name_in, named, reaches_down
from .origin import Source
from .remedies import refusal, shown
from .settings import Pair
from .source import open_source
from .store import Location, asked, count, located

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
    if not is_pattern(leading) or (not is_url(leading) and os.path.exists(leading)):
        stem = name_in(leading, leading) if not is_pattern(leading) else leading
        yield _filled(pair, leading, stem or leading)
        return
    for path in _paths(leading):
        name = name_in(leading, path)
        if name is not None:
            yield _filled(pair, path, name)


def _filled(pair: Pair, leading: str, name: str) -> Pair:
    rest = {
        field: named(value, name)
        for field in _KEYS.values()
        if (value := getattr(pair, field)) is not None
    }
    rest["net" if pair.net is not None else "model"] = leading
    for field, value in rest.items():
        if is_pattern(value) and value != leading and not os.path.exists(value):
            raise ConfigError(
                f"{field} {shown(value)} has a wildcard; only the first path of a pair may",
                hint=f"say {NAME} where the paths are the same",
            )
    return Pair(
        rest.get("net"),
        rest.get("model"),
        pair.checking,
        rest.get("output"),
        rest.get("net_output"),
    )


def _paths(pattern: str) -> Iterator[str]:
    fixed = fixed_part(pattern)
    if not is_url(pattern):
        folder = os.path.dirname(fixed)
        yield from _files(folder, "", reaches_down(pattern))
        return
    location = located(fixed)
    scheme = pattern.partition("://")[0]
    if location.read_only:
        raise FileError(
            "cannot be listed: the web has no listings",
            path=shown(pattern),
            hint="list the pairs in a file: list = 'pairs.jsonl'",
        )
    keys = _s3_keys(location) if location.is_s3 else _found(location)
    for key in keys:
        yield f"{scheme}://{key.lstrip('/')}"


def _files(folder: str, below: str, depth: int | None) -> Iterator[str]:
    """Files in a folder and as far below it as asked; hidden ones and links to folders not."""
    here = os.path.join(folder, below) if below else folder
    try:
        with os.scandir(here or ".") as entries:
            for entry in entries:
                inner = os.path.join(below, entry.name) if below else entry.name
                if entry.is_dir(follow_symlinks=depth is not None):
                    if depth is None or depth > 0:
                        yield from _files(folder, inner, None if depth is None else depth - 1)
                else:
                    yield os.path.join(folder, inner) if folder else inner
    except OSError as error:
        raise refusal("cannot be listed", error, shown(here or ".")) from error


def _s3_keys(location: Location) -> Iterator[str]:
    """Keys that begin so, a page of a thousand at a time."""
    bucket, prefix, _ = location.fs.split_path(location.key)
    more: dict[str, str] = {}
    while True:
        with asked("cannot be listed", location.name):
            page = location.fs.call_s3(
                "list_objects_v2", Bucket=bucket, Prefix=prefix or "", **more
            )
        count()
        for each in page.get("Contents", ()):
            yield f"{bucket}/{each['Key']}"
        if not page.get("IsTruncated"):
            return
        more = {"ContinuationToken": page["NextContinuationToken"]}


def _found(location: Location) -> list[str]:
    folder = location.key.rpartition("/")[0]
    with asked("cannot be listed", location.name):
        found: list[str] = location.fs.find(folder)
    count()
    return found


def _listed(pair: Pair) -> Iterator[Pair]:
    """The pairs of a JSON Lines file, whose paths are relative to it."""
    assert pair.listed is not None
    folder, name = folder_of(pair.listed), shown(pair.listed)
    with open_source(pair.listed) as source:
        for number, line in enumerate(_lines(source), 1):
            if not line.strip():
                continue
            try:
                table: Any = json.loads(line)
            except ValueError as error:
                raise ConfigError(f"is no JSON: {error}", path=name, line=number) from None
            known = isinstance(table, dict) and table.keys() <= _KEYS.keys()
            if not known or not all(isinstance(each, str) and each for each in table.values()):
                raise ConfigError(
                    f"a line is a table of paths: {', '.join(_KEYS)}", path=name, line=number
                )
            if not table.keys() & {"net", "model"}:
                raise ConfigError("names neither a net nor a model", path=name, line=number)
            paths = {_KEYS[key]: joined(folder, value) for key, value in table.items()}
            yield replace(Pair(None), checking=pair.checking, **paths)


def _lines(source: Source) -> Iterator[bytes]:
    rest = b""
    for start in range(0, source.size, _PIECE):
        *whole, rest = (rest + source.read(start, min(_PIECE, source.size - start))).split(b"\n")
        yield from whole
        if len(rest) > _LONGEST_LINE:
            raise ConfigError("has a line of more than a megabyte", path=source.name)
    if rest:
        yield rest
