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
    plain = file_of(leading)
    if not is_pattern(plain) or (not is_url(plain) and os.path.exists(plain)):
        yield _filled(pair, leading, plain_name(plain) or plain)
        return
    for path in _paths(plain):
        name = name_in(plain, path)
        if name is not None:
            yield _filled(pair, path, name)


def _filled(pair: Pair, leading: str, name: str) -> Pair:
    rest = {
        field: value
        for field in _KEYS.values()
        if (value := getattr(pair, field)) is not None
    }
    del rest["net" if pair.net is not None else "model"]
    for field, value in rest.items():
        # Of what is there by that very name, and of the name put in, no sign is a wildcard.
        if is_pattern(value.replace(NAME, "")) and not os.path.exists(value):
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
    fixed = fixed_part(pattern)
    folder = fixed[: fixed.rfind("/") + 1]
    if not is_url(pattern):
        # As in naming: no wildcard stands for the dot that hides a folder.
        yield from _files(folder, "", reaches_down(pattern), hidden="/." in pattern[len(folder) - 1 :])
        return
    if is_url(pattern) and located(fixed).read_only:
        raise FileError(
            "cannot be listed: the web has no listings",
            path=shown(pattern),
            hint="list the pairs in a file: list = 'pairs.jsonl'",
        )
    location = located(folder)
    yield from _s3_keys(pattern, fixed) if location.is_s3 else _found(location, folder)


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
    except (OSError, ValueError) as error:  # ValueError: a NUL in the pattern
        raise refusal("cannot be listed", error, shown(here or ".")) from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a link to itself: whoever opens it will tell


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
