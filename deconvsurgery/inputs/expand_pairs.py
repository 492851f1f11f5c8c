"""The pairs that a configuration's paths stand for, one at a time: files and objects are listed."""

from __future__ import annotations

import codecs
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, TypeAlias

from deconvsurgery.errors import ConfigError, SurgeryError
from deconvsurgery.storage.address import (
    file_of,
    folder_of,
    is_url,
    joined,
)
from deconvsurgery.storage.os_error_text import shown
from deconvsurgery.storage.source import open_source
from deconvsurgery.strict_values.json_text import json_value
from deconvsurgery.strict_values.kinds import WrongValueError, table
from deconvsurgery.strict_values.kinds import path as path_of
from deconvsurgery.wording import short

from .list_files import paths_like
from .path_patterns import (
    MOST_OPEN,
    NAME,
    is_pattern,
    name_in,
    named,
    open_wildcards,
    plain_name,
)
from .settings import Checking, Pair, Settings

if TYPE_CHECKING:
    from deconvsurgery.storage.source_interface import Source

_KEYS = {"net": "net", "model": "model", "output": "output", "net-output": "net_output"}
_LINE: Final = table({key: path_of() for key in _KEYS})
_PIECE = 1 << 20
_LONGEST_LINE = 1 << 20
_LONGEST_STREAM = 256 << 20  # bytes of a list from a pipe, which is copied before it is read

Refused: TypeAlias = Callable[[Pair, SurgeryError], None]
"""What is called for a line that is no pair (then the pair has no paths), or whose files cannot be
listed."""


def every_pair(settings: Settings) -> Iterator[Pair]:
    """The pairs that a configuration file stands for, those of a pattern in their order."""
    for pair in settings.pairs:
        yield from sorted(expanded(pair), key=lambda pair: (pair.net or "", pair.model or ""))


def expanded(pair: Pair, refused: Refused | None = None) -> Iterator[Pair]:
    """The pairs that one stands for, itself if its paths are plain; in no order, and not kept.

    A line of a list that is wrong ends the list, unless ``refused`` is called for it.

    Raises ``ConfigError`` for a list that is none, ``FileError`` for what cannot be listed.
    """
    if pair.listed is not None:
        yield from _listed(pair, refused)
        return
    leading = _leading(pair)
    plain = file_of(leading)
    if not _stands_for_many(plain):
        yield _filled(pair, leading, plain_name(plain) or plain)
        return
    if open_wildcards(plain) > MOST_OPEN:
        raise ConfigError(
            f"{short(shown(plain))} has more than {MOST_OPEN} wildcards of any length",
            hint="a list of pairs, list = 'pairs.jsonl', may name what a pattern cannot",
        )
    for path in paths_like(plain):
        name = name_in(plain, path)
        if name is not None:
            yield _filled(pair, path, name)


def known_part(pair: Pair) -> Pair:
    """What is known of a pair before anything is listed: all of it, or its paths without wildcards.

    Raises ``ConfigError`` as `expanded`.
    """
    if pair.listed is not None:
        return Pair(None)
    if not _stands_for_many(file_of(_leading(pair))):
        return next(expanded(pair))
    paths = {field: getattr(pair, field) for field in _KEYS.values()}
    known = {field: path for field, path in paths.items() if path and not is_pattern(path)}
    return Pair(None)._replace(**known)


def _leading(pair: Pair) -> str:
    leading = pair.net if pair.net is not None else pair.model
    assert leading is not None
    return leading


def _stands_for_many(plain: str) -> bool:
    there = NAME not in plain and not is_url(plain) and os.path.exists(plain)
    return not there and is_pattern(plain)


def _filled(pair: Pair, leading: str, name: str) -> Pair:
    rest = {field: value for field in _KEYS.values() if (value := getattr(pair, field)) is not None}
    del rest["net" if pair.net is not None else "model"]
    for field, value in rest.items():
        # Of what is there by that very name, and of the name put in, no sign is a wildcard.
        if is_pattern(value.replace(NAME, "/")) and not os.path.exists(value):
            raise ConfigError(
                f"{field.replace('_', '-')} {short(shown(value))} has a wildcard;"
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


def _listed(pair: Pair, refused: Refused | None) -> Iterator[Pair]:
    """The pairs of a JSON Lines file, whose paths are relative to it.

    Where not even the first line is a pair the file is not a list, and nobody asks ``refused``.
    """
    assert pair.listed is not None
    folder, name = folder_of(file_of(pair.listed)), shown(pair.listed)
    is_list = False
    with open_source(pair.listed, limit=_LONGEST_STREAM) as source:
        if source.spooled and source.size > _LONGEST_STREAM:
            words = f"has more than {_LONGEST_STREAM >> 20} MiB, and is not a file"
            raise ConfigError(words, path=name, hint="keep the list in a file")
        for number, line in enumerate(_lines(source), 1):
            if number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
            # What comes after a line that is too long is not read: none is passed over.
            if len(line) <= _LONGEST_LINE and not line.strip():
                continue
            found = Pair(None, checking=pair.checking)
            try:
                try:
                    paths = _paths_on(line)
                except WrongValueError as error:
                    raise ConfigError(str(error), path=name, line=number) from None
                is_list = True
                found = _in_folder(paths, folder, pair.checking)
                yield from expanded(found)
            except SurgeryError as error:
                if refused is None or not is_list:
                    raise
                refused(found, error)


def _in_folder(paths: dict[str, str], folder: str, checking: Checking) -> Pair:
    """The pair of a line's paths, which are relative to the list's own folder."""
    there = {key: joined(folder, value) for key, value in paths.items()}
    net, output = there.get("net"), there.get("output")
    return Pair(net, there.get("model"), checking, output, there.get("net-output"))


def _paths_on(line: bytes) -> dict[str, str]:
    """A line's paths by their keys. Raises ``WrongValueError`` for one that has none."""
    value = json_value(line, longest=_LONGEST_LINE, any_bytes=True)
    if not isinstance(value, dict):
        raise WrongValueError(f"a line is a table of paths: {', '.join(_KEYS)}")
    paths = _LINE.take(value)
    if not paths.keys() & {"net", "model"}:
        raise WrongValueError("names neither a net nor a model")
    return paths


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
